"""Fit first-level models to the raw BOLD of one subject, run by run.

Output `sub-*_run-*_stat-effect_betas.nii.gz`: 4-D, percent of the run's mean signal, a volume a condition or trial.
Output `…_conditions.tsv`, `…_desc-residuals_bold.nii.gz`, `…_boldref.nii.gz`, `…_model.json`: what goes with it.
"""

from isoprune.log import job_log

subject = snakemake.wildcards.subject
with job_log(snakemake.log[0], f"subject {subject}, first-level model") as log:
    from isoprune.io.betas.bold import fit_run

    for run in snakemake.params.betas["runs"]:
        fit_run(snakemake.params.betas, subject, run, snakemake.params.root, snakemake.params.fitted)
        log.info("run %s", run)
