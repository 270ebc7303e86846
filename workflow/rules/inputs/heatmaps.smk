"""What is mapped: networks, units, images, and the settings of maps."""

from isoprune.occlusion.jobs import n_jobs


def heatmap_networks():
    """The networks that occluded images are shown to."""
    return [name for name in MODELS if name in (STUDY.heatmaps.networks or MODELS)]


def heatmap_units(network):
    """The units of a network that are mapped: the group's, and those of single subjects that are asked for."""
    asked = {(GROUP, "group"), *((subject, "own") for subject in STUDY.heatmaps.subjects or ())}
    targets = STUDY.heatmaps.targets or TARGETS
    return [
        unit
        for unit in all_units()
        if unit["network"] == network
        and unit["target"] in targets
        and (unit["subject"], unit["supervision"]) in asked
    ]


def units_of_maps(wildcards):
    """The units that a network's maps are of."""
    return heatmap_units(wildcards.network)


def sets_of_maps(wildcards):
    """The sets of features that a network's maps are read through, a file a unit."""
    return unit_files("heatmaps", "sets.npz", heatmap_units(wildcards.network))


def subjects_of_maps(wildcards):
    """The RDMs that halves of subjects are made of; a single subject has none."""
    return rdms_of([wildcards.target]) if wildcards.subject == GROUP else []


def n_mapped_images():
    """Number of images that maps are made of."""
    images = STUDY.heatmaps.images
    if isinstance(images, int):
        return images
    if images != "all":
        return len(images)
    return n_images()


def map_files(network):
    """The maps of a network, a file a job."""
    jobs = n_jobs(n_mapped_images(), STUDY.heatmaps.images_per_job)
    return [f"{RESULTS}/heatmaps/net-{network}_job-{job}_maps.npz" for job in range(1, jobs + 1)]


def maps_of_network(wildcards):
    """The maps of one network, a file a job."""
    return map_files(wildcards.network)


def heatmap_settings():
    """How maps are made, as the script receives it; not which targets, networks and pages."""
    maps = STUDY.heatmaps
    chosen = ("allow_gaps", "variant", "shape", "value", "combine", "preview", "randomised")
    return {
        **{key: getattr(maps, key) for key in (*chosen, "device", "batch_size", "engine", "precision")},
        "images": maps.images if isinstance(maps.images, int | str) else list(maps.images),
        "sizes": list(maps.sizes_in_use),
        "stride": maps.stride_in_use,
        "score": maps.score_in_use,
    }
