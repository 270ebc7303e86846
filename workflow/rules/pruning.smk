"""Pruning: cross-validated, for each unit network × target × subject, and what else could have ranked the features."""


include: "inputs/pruning.smk"


rule prune:
    input:
        embedding=f"{RESULTS}/embeddings/net-{{network}}_embedding.h5",
        rdm=rdm_of_unit,
        ranking=rdms_that_rank,
        nuisances=nuisances_of_unit,
        stimuli=f"{RESULTS}/stimuli.tsv",
    output:
        folds=f"{RESULTS}/pruning/{UNIT}_folds.tsv",
        curve=f"{RESULTS}/pruning/{UNIT}_curve.tsv",
        facts=f"{RESULTS}/pruning/{UNIT}_facts.json",
        retained=f"{RESULTS}/retained/{UNIT}_retained.tsv",
        sets=f"{RESULTS}/pruning/{UNIT}_sets.npz",
        bootstrap=f"{RESULTS}/pruning/{UNIT}_bootstrap.npz",
        null=f"{RESULTS}/null/{UNIT}_null.npz",
    log:
        f"{RESULTS}/logs/prune/{UNIT}.log",
    benchmark:
        f"{RESULTS}/benchmarks/prune/{UNIT}.tsv"
    conda:
        env_of_backend()
    threads: 1
    resources:
        **gpu_if(STUDY.pruning.backend),
        mem_mb=memory(800, embedding=20, rdm=10),
        runtime=minutes(10, embedding=minutes_of_fits),
    params:
        layer=layer_of,
        settings=settings_of_unit,
        n_permutations=n_permutations_of_unit,
        subset=about_some_images,
    message:
        "Prune {wildcards.network} for {wildcards.target} of subject {wildcards.subject} ({wildcards.supervision})"
    script:
        "../scripts/prune.py"


rule specificity:
    input:
        embedding=f"{RESULTS}/embeddings/net-{{network}}_embedding.h5",
        rdm=rdm_of_unit,
        ranking=rdms_that_rank,
        nuisances=nuisances_of_unit,
        rivals=rdms_of_rivals,
        sets=f"{RESULTS}/pruning/{UNIT}_sets.npz",
        stimuli=f"{RESULTS}/stimuli.tsv",
    output:
        folds=f"{RESULTS}/specificity/{UNIT}_folds.tsv",
        bootstrap=f"{RESULTS}/specificity/{UNIT}_bootstrap.npz",
    log:
        f"{RESULTS}/logs/specificity/{UNIT}.log",
    benchmark:
        f"{RESULTS}/benchmarks/specificity/{UNIT}.tsv"
    conda:
        env_of_backend()
    threads: 1
    resources:
        **gpu_if(STUDY.pruning.backend),
        mem_mb=memory(800, embedding=20, rdm=10),
        runtime=minutes(10, embedding=minutes_of_fits),
    params:
        layer=layer_of,
        settings=settings_of_unit,
        labels=STUDY.specificity.labels,
        of_set=about_some_images,
        n_relabelled=STUDY.specificity.n_relabelled,
        n_variance=STUDY.specificity.n_variance,
        matched=STUDY.specificity.matched,
    message:
        "Rank by rivals: {wildcards.network}, {wildcards.target}, subject {wildcards.subject} ({wildcards.supervision})"
    script:
        "../scripts/specificity.py"
