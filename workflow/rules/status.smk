"""How far a run is: `make status`, or `snakemake --nolock --forcerun status -- status` beside a run that goes on."""


include: "inputs/status.smk"


localrules:
    status,


rule status:
    output:
        f"{RESULTS}/status.tsv",
    log:
        f"{RESULTS}/logs/status.log",
    benchmark:
        f"{RESULTS}/benchmarks/status.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        units=units_with_steps,
    message:
        "Tell how far each unit is"
    script:
        "../scripts/status.py"
