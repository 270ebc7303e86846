"""Public data sets, fetched by name: `snakemake … -- datasets`, or the first run of a study."""


localrules:
    dataset,
    datasets,


rule dataset:
    input:
        files_of_dataset,
    output:
        f"{RESULTS}/datasets/{{dataset}}.json",
    log:
        f"{RESULTS}/logs/dataset/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/dataset/{{dataset}}.tsv"
    wildcard_constraints:
        dataset=any_of(STUDY.datasets),
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(240),
    params:
        to=lambda wildcards: str(STUDY.data_root),
        mirror=STUDY.mirror,
    message:
        "Fetch what is missing of the data set {wildcards.dataset}, and check all of it"
    script:
        "../scripts/dataset.py"


rule datasets:
    input:
        receipts(),


if LACKING:
    if workflow.is_main_process:
        print(
            f"Not here yet: {', '.join(LACKING)}. Until data sets are here, the workflow does nothing but fetch them.",
            file=sys.stderr,
        )

    onsuccess:
        print("The data sets are here. Give the same command again to run the study.", file=sys.stderr)
