"""isoprune: which features of a network carry its match with a brain area's or people's similarity space.

    snakemake --cores 2                                             the demo
    snakemake --cores 2 --configfile config/studies/cichy92.yaml    a study

The workflow decides what runs when; the science is in src/isoprune.
"""

from snakemake.utils import min_version

min_version("9.0")


# `--configfile` extends a configfile named here, and a study must inherit nothing of the demo.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/datasets.smk"


report: "workflow/report/study.rst"


if LACKING:

    rule all:
        default_target: True
        input:
            receipts(),

else:

    include: "workflow/rules/data.smk"
    include: "workflow/rules/embeddings.smk"
    include: "workflow/rules/targets.smk"
    include: "workflow/rules/quality.smk"
    include: "workflow/rules/pruning.smk"
    include: "workflow/rules/reweighting.smk"
    include: "workflow/rules/statistics.smk"
    include: "workflow/rules/multiverse.smk"
    include: "workflow/rules/wordnet.smk"
    include: "workflow/rules/features.smk"
    include: "workflow/rules/heatmaps.smk"
    include: "workflow/rules/accuracy.smk"
    include: "workflow/rules/report.smk"
    include: "workflow/rules/status.smk"

    rule all:
        default_target: True
        input:
            final_files(),


onstart:
    # To keep its limit of 100 new jobs a second, Snakemake wakes its scheduler up once a second for every job that ended,
    # while others wait: hundreds of units fill a core with looking at what is ready. A limit that was asked for stays.
    limit = getattr(workflow.scheduler, "job_rate_limiter", None)
    if limit and (limit.max_jobs, limit.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None
