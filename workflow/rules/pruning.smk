"""Pruning: cross-validated, for each unit network × target × subject, and what else could have ranked the features."""


include: "inputs/batches.smk"


for batch in BATCHES["prune"]:

    rule:
        name:
            f"prune{batch.suffix}"
        input:
            embedding=f"{RESULTS}/embeddings/net-{{network}}_embedding.h5",
            rdms=rdms_of_batch(batch),
            nuisances=nuisances_of_batch(batch),
            stimuli=f"{RESULTS}/stimuli.tsv",
        output:
            folds=batch.files("pruning", "folds.tsv"),
            curve=batch.files("pruning", "curve.tsv"),
            facts=batch.files("pruning", "facts.json"),
            retained=batch.files("retained", "retained.tsv"),
            sets=batch.files("pruning", "sets.npz"),
            relabelled=batch.files("pruning", "relabelled.npz"),
            bootstrap=batch.files("pruning", "bootstrap.npz"),
            null=batch.files("null", "null.npz"),
        log:
            batch.log("prune"),
        benchmark:
            batch.log("prune", folder="benchmarks", ending="tsv")
        wildcard_constraints:
            subject=any_of(batch.subjects),
        conda:
            env_of_backend()
        threads: 1
        resources:
            **gpu_if(STUDY.pruning.backend),
            mem_mb=memory_of_units(),
            runtime=minutes(10, embedding=minutes_of_batch(batch)),
        params:
            units=batch.of_job,
            settings=settings_of_unit,
            n_permutations=n_permutations_of_unit,
            subset=partial_targets(batch),
        message:
            f"Prune {{wildcards.network}} for {batch.in_words} of subject {{wildcards.subject}} ({{wildcards.supervision}})"
        script:
            "../scripts/prune.py"


for batch in BATCHES["specificity"]:

    rule:
        name:
            f"specificity{batch.suffix}"
        input:
            embedding=f"{RESULTS}/embeddings/net-{{network}}_embedding.h5",
            rdms=rdms_of_batch(batch),
            rivals=rdms_of_rivals(batch),
            nuisances=nuisances_of_batch(batch),
            sets=batch.files("pruning", "sets.npz"),
            stimuli=f"{RESULTS}/stimuli.tsv",
        output:
            folds=batch.files("specificity", "folds.tsv"),
            bootstrap=batch.files("specificity", "bootstrap.npz"),
        log:
            batch.log("specificity"),
        benchmark:
            batch.log("specificity", folder="benchmarks", ending="tsv")
        wildcard_constraints:
            subject=any_of(batch.subjects),
        conda:
            env_of_backend()
        threads: 1
        resources:
            **gpu_if(STUDY.pruning.backend),
            mem_mb=memory_of_units(),
            runtime=minutes(10, embedding=minutes_of_batch(batch)),
        params:
            units=batch.of_job,
            settings=settings_of_unit,
            labels=STUDY.specificity.labels,
            subset=partial_targets(batch),
            rivals=rivals_of_batch(batch),
            numbers=STUDY.specificity.model_dump(mode="json", exclude={"labels", "others"}),
        message:
            f"Rank by rivals: {{wildcards.network}}, {batch.in_words}, subject {{wildcards.subject}} ({{wildcards.supervision}})"
        script:
            "../scripts/specificity.py"
