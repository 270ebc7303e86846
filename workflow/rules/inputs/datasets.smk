"""Public data sets of the study: which of them still have to be fetched."""

from isoprune.datasets import absent_files, check, present_files

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
    return [str(path) for path in present_files(wildcards.dataset, STUDY.data_root)]
