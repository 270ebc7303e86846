"""Jobs that fail as jobs do on clusters. They ask for resources as the project's rules do."""


include: "../../workflow/rules/resources.smk"


rule all:
    input:
        "memory.txt",
        "time.txt",
        "cpu.txt",
        expand("gpu_{number}.txt", number=[1, 2]),


# Takes 700 MB beside the 150 of the job's own Snakemake, and is given 500.
rule too_little_memory:
    output:
        "memory.txt",
    log:
        "memory.log",
    resources:
        mem_mb=memory(500),
        runtime=minutes(5),
    shell:
        """
        python -c 'import time; held = bytearray(b"1") * 700_000_000; time.sleep(4)' 2>{log}
        echo {resources.mem_mb} >{output}
        """


# Its first attempt takes longer than it is given; the second does not.
rule too_little_time:
    output:
        "time.txt",
    log:
        "time.log",
    resources:
        mem_mb=memory(500),
        runtime=minutes(1),
    shell:
        """
        if test {resources.runtime} = 1; then sleep 600; fi 2>{log}
        echo {resources.runtime} >{output}
        """


rule on_gpu:
    output:
        "gpu_{number}.txt",
    log:
        "gpu_{number}.log",
    resources:
        **gpu_if("cuda"),
        mem_mb=memory(500),
        runtime=minutes(5),
    shell:
        "echo $CUDA_VISIBLE_DEVICES > {output} 2> {log}; sleep 8"


rule without_gpu:
    output:
        "cpu.txt",
    log:
        "cpu.log",
    resources:
        **gpu_if("auto"),
        mem_mb=memory(500),
        runtime=minutes(5),
    shell:
        'echo "none: $CUDA_VISIBLE_DEVICES" > {output} 2> {log}'
