"""Reweighting: weights on all features as competitors of the pruned set; only in a study that asks for it."""


include: "inputs/reweighting.smk"


# A job for all units of a network and target: what costs most is shared by everybody who saw the same images.
for target in TARGETS if STUDY.reweighting else []:

    rule:
        name:
            f"reweight_{target}"
        input:
            embedding=f"{RESULTS}/embeddings/net-{{network}}_embedding.h5",
            rdms=rdms_of_reweighting(target),
            nuisances=nuisances_of(target),
            sets=reweighting_files(target, "pruning", "sets.npz"),
            stimuli=f"{RESULTS}/stimuli.tsv",
        output:
            folds=reweighting_files(target, "reweighting", "folds.tsv"),
            bootstraps=reweighting_files(target, "reweighting", "bootstrap.npz"),
            of_folds=reweighting_files(target, "reweighting", "weights.npz"),
            weights=weights_files(reweighted_units(target)),
        log:
            f"{RESULTS}/logs/reweight/net-{{network}}_target-{target}.log",
        benchmark:
            f"{RESULTS}/benchmarks/reweight/net-{{network}}_target-{target}.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=memory(3000),
            runtime=minutes(240),
        params:
            layer=layer_of,
            units=reweighted_units(target),
            kinds=[kinds_of_unit(unit) for unit in reweighted_units(target)],
            settings=settings_of(GROUP),
            penalties=STUDY.reweighting.penalties,
            n_inner=STUDY.reweighting.n_inner,
        message:
            f"Reweight {{wildcards.network}} for {target}"
        script:
            "../scripts/reweight.py"
