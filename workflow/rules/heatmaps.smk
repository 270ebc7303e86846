"""Occlusion maps: which parts of an image carry the isomorphism."""


include: "inputs/heatmaps.smk"


if STUDY.heatmaps:

    IMAGES_PER_PAGE = 24
    PAGES = range(1, n_jobs(n_mapped_images(), IMAGES_PER_PAGE) + 1)

    rule map_sets:
        input:
            embedding=f"{RESULTS}/embeddings/net-{{network}}_embedding.h5",
            rdm=rdm_of_unit,
            subjects=subjects_of_maps,
            nuisances=nuisances_of_unit,
            sets=f"{RESULTS}/pruning/{UNIT}_sets.npz",
            retained=f"{RESULTS}/retained/{UNIT}_retained.tsv",
            stimuli=f"{RESULTS}/stimuli.tsv",
        output:
            f"{RESULTS}/heatmaps/{UNIT}_sets.npz",
        log:
            f"{RESULTS}/logs/map_sets/{UNIT}.log",
        benchmark:
            f"{RESULTS}/benchmarks/map_sets/{UNIT}.tsv"
        conda:
            env_of_backend()
        threads: 1
        resources:
            **gpu_if(STUDY.pruning.backend),
            mem_mb=memory(1000, embedding=20),
            runtime=minutes(30, embedding=minutes_of_fits),
        params:
            settings=settings_of_unit,
            use=STUDY.heatmaps.set,
            n_null=STUDY.heatmaps.n_null,
        message:
            "Select features for maps of {wildcards.network}, {wildcards.target}, subject {wildcards.subject}"
        script:
            "../scripts/map_sets.py"

    rule maps:
        input:
            embedding=f"{RESULTS}/embeddings/net-{{network}}_embedding.h5",
            sets=sets_of_maps,
            stimuli=f"{RESULTS}/stimuli.tsv",
            images=stimulus_images,
            weights=weights_file,
        output:
            f"{RESULTS}/heatmaps/net-{{network}}_job-{{job}}_maps.npz",
        log:
            f"{RESULTS}/logs/maps/net-{{network}}_job-{{job}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/maps/net-{{network}}_job-{{job}}.tsv"
        wildcard_constraints:
            network=any_of(heatmap_networks()),
            job="[0-9]+",
        conda:
            "../../envs/torch.yaml"
        threads: 2
        resources:
            **gpu_if(STUDY.heatmaps.device),
            mem_mb=memory(5000, embedding=4),
            runtime=minutes(240),
        params:
            network=network_settings,
            units=units_of_maps,
            table=table_path,
            heatmaps=heatmap_settings(),
            jobs=n_jobs(n_mapped_images(), STUDY.heatmaps.images_per_job),
            seed=STUDY.seed,
        message:
            "Map images with {wildcards.network}, job {wildcards.job}"
        script:
            "../scripts/maps.py"

    rule heatmap_tables:
        input:
            [map_files(network) for network in heatmap_networks()],
        output:
            heatmaps=report(
                f"{RESULTS}/heatmaps.tsv",
                category=CATEGORY["heatmaps"],
                caption="../report/heatmaps_table.rst",
                labels={"result": "Table: Every map"},
            ),
            contrasts=report(
                f"{RESULTS}/heatmap_contrasts.tsv",
                category=CATEGORY["heatmaps"],
                caption="../report/heatmaps_contrasts.rst",
                labels={"result": "Table: Maps compared over images"},
            ),
            maps=directory(f"{RESULTS}/heatmaps/maps"),
        log:
            f"{RESULTS}/logs/heatmap_tables.log",
        benchmark:
            f"{RESULTS}/benchmarks/heatmap_tables.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=4),
            runtime=minutes(30),
        params:
            networks={network: map_files(network) for network in heatmap_networks()},
            seed=STUDY.seed,
        message:
            "Write the tables and files of the maps"
        script:
            "../scripts/heatmap_tables.py"

    rule figure_heatmaps:
        input:
            maps=maps_of_network,
            heatmaps=f"{RESULTS}/heatmaps.tsv",
        output:
            mean=report(
                f"{RESULTS}/figures/net-{{network}}_heatmaps.svg",
                category=CATEGORY["heatmaps"],
                caption="../report/heatmaps_mean.rst",
                labels={"result": "Figure: Mean maps, {network}"},
            ),
            pages=[
                report(
                    f"{RESULTS}/figures/net-{{network}}_heatmaps-{page}.html",
                    category=CATEGORY["heatmaps"],
                    caption="../report/heatmaps.rst",
                    labels={"result": f"Page: Maps, {{network}}, page {page}"},
                )
                for page in PAGES
            ],
            overlays=directory(f"{RESULTS}/heatmaps/overlays/net-{{network}}"),
        log:
            f"{RESULTS}/logs/figure_heatmaps/net-{{network}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure_heatmaps/net-{{network}}.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000, all=4),
            runtime=minutes(30),
        params:
            study=STUDY.study,
            score=STUDY.heatmaps.score_in_use,
            descriptive=STUDY.heatmaps.set == "all",
            with_stimuli=STUDY.report.stimuli,
            images_per_page=IMAGES_PER_PAGE,
        message:
            "Draw the maps of {wildcards.network}"
        script:
            "../scripts/figure_heatmaps.py"
