"""Map which parts of some images carry the isomorphism of each target with one network.

Output `*_maps.npz`: arrays of `isoprune.occlusion.mapped.MappedImages`: heat (image × target × set × cell), nulls, …
"""

from isoprune.log import Progress, job_log

about = "maps, network {network}, job {job}".format(**snakemake.wildcards)
with job_log(snakemake.log[0], about) as log:
    from isoprune.io.embeddings import read_embedding
    from isoprune.io.tables import image_paths, read_stimuli
    from isoprune.networks import build
    from isoprune.occlusion.jobs import chosen_images, mask_paths, of_job
    from isoprune.occlusion.mapped import write_mapped
    from isoprune.occlusion.maps import Reading
    from isoprune.occlusion.sets import read_map_sets
    from isoprune.occlusion.study import MapSettings, Shown, map_images

    given, params, maps = snakemake.input, snakemake.params, dict(snakemake.params.heatmaps)
    known, stimuli = params.network, read_stimuli(given.stimuli)
    files = dict(zip(stimuli["stimulus"], image_paths(stimuli, params.table), strict=True))
    weights = given.weights[0] if given.get("weights") else known["weights"]
    seed = params.seed if known["seed"] is None else known["seed"]
    network = build(known["model"], weights, sha256=known["sha256"], seed=seed)
    images = chosen_images(list(files), maps.pop("images"))
    engine = {key: maps.pop(key) for key in ("device", "batch_size", "engine", "precision")}
    reading = Reading(*(maps.pop(key) for key in ("score", "combine", "value", "shape")))
    randomised = images[: maps.pop("randomised")]
    mapped = map_images(
        Shown(network, known["layer"], known["spatial"], **engine, say=log.warning),
        files,
        of_job(images, int(snakemake.wildcards.job), params.jobs),
        read_embedding(given.embedding),
        {
            (u["target"], u["subject"]): read_map_sets(f)
            for u, f in zip(params.units, given.sets, strict=True)
        },
        MapSettings(reading=reading, seed=params.seed, **maps),
        masks=mask_paths(stimuli, params.table),
        randomised=randomised,
        threads=snakemake.threads,
        progress=Progress(log, about),
    )
    write_mapped(snakemake.output[0], mapped)
    log.info("%d images of %d targets", len(mapped.images), len(mapped.targets))
