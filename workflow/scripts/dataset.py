"""Bring a public data set into the folder of the data, and check every file of it.

Output `<name>.json`: what it is, licence, citation, how it was checked, and the SHA-256 of every file.
"""

from isoprune.log import Progress, job_log

name = snakemake.wildcards.dataset
with job_log(snakemake.log[0], f"data set {name}") as log:
    from isoprune.datasets import fetch
    from isoprune.io.files import write_json

    tell = Progress(log, f"data set {name}")
    receipt = fetch(name, snakemake.params.to, mirror=snakemake.params.mirror, tell=tell)
    write_json(snakemake.output[0], receipt)
    log.info("%d files, %d bytes, licence: %s", len(receipt["sha256"]), receipt["bytes"], receipt["licence"])
    log.info("cite: %s", receipt["citation"])
    if people := receipt.get("n_subjects"):
        log.info("people: %s", ", ".join(f"{what} {n_people}" for what, n_people in people.items()))
