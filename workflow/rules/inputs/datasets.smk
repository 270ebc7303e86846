"""Public data sets of the study: which of them still have to be fetched."""

from isoprune.datasets import absent_files, check, dataset

# Most of the workflow follows from what the data hold, so that it can be laid out only once they are there.
LACKING = [name for name in STUDY.datasets if absent_files(name, STUDY.data_root)]
if workflow.is_main_process:  # not again in every job: it reads all files
    for name in set(STUDY.datasets) - set(LACKING):
        named_errors(check, name, STUDY.data_root)


def receipts():
    """What says of every data set that all of its files are there and checked."""
    return [f"{RESULTS}/datasets/{name}.json" for name in STUDY.datasets]


def files_of_dataset(wildcards):
    """The files of a data set that are there, so that one that changes is checked again."""
    folder = STUDY.data_root / dataset(wildcards.dataset).folder
    listed = [folder / file.path for file in dataset(wildcards.dataset).files]
    return [str(path) for path in listed or [folder / "checksums.tsv", folder / "FMRI.mat"] if path.is_file()]
