"""Pruning: cross-validated, for each unit network × target × subject."""


rule prune:
    input:
        embedding=f"{RESULTS}/embeddings/net-{{network}}_embedding.h5",
        rdm=rdm_of_unit,
        stimuli=f"{RESULTS}/stimuli.tsv",
    output:
        folds=f"{RESULTS}/pruning/{UNIT}_folds.tsv",
        curve=f"{RESULTS}/pruning/{UNIT}_curve.tsv",
        facts=f"{RESULTS}/pruning/{UNIT}_facts.json",
        retained=f"{RESULTS}/retained/{UNIT}_retained.tsv",
    log:
        f"{RESULTS}/logs/prune/{UNIT}.log",
    benchmark:
        f"{RESULTS}/benchmarks/prune/{UNIT}.tsv"
    conda:
        "../../envs/isoprune.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=60,
    params:
        layer=layer_of,
        pruning=STUDY.pruning.model_dump(mode="json"),
        crossvalidation=STUDY.crossvalidation.model_dump(mode="json"),
        seed=STUDY.seed,
        subset=has_own_stimuli(),
    message:
        "Prune {wildcards.network} for {wildcards.target} of subject {wildcards.subject} ({wildcards.supervision})"
    script:
        "../scripts/prune.py"
