"""Stimuli: their table and images, and the check that the settings can be met by them."""

from functools import cache

from isoprune.folds import make_folds
from isoprune.io.tables import image_paths, read_stimuli
from isoprune.nuisances import nuisance_of_study
from isoprune.simulation.stimuli import CATEGORIES
from isoprune.stimuli import (
    check_category_columns,
    check_columns,
    column_of,
    stimuli_of_rows,
    stimuli_of_set,
)


def stimulus_table():
    """Where the stimulus table is; of rows in the settings, a name in the folder that their images lie in."""
    table = STUDY.stimulus_table
    if STUDY.stimuli.table and not STUDY.is_simulated:  # the simulation writes its own table
        # Not absolute: it stands in parameters of rules, and a study that moves must not be computed again.
        return existing_file(table, "stimuli.table")
    return table


TABLE = stimulus_table()


def table_path(wildcards):
    """The stimulus table's name in the folder that images are relative to."""
    return str(STUDY.image_folder / TABLE.name)


@cache
def stimuli_of_user():
    """The user's stimulus table."""
    if STUDY.stimuli.table:
        return named_errors(read_stimuli, TABLE)
    return named_errors(stimuli_of_rows, STUDY.stimuli.rows)


def n_images():
    """Number of images of the study."""
    if STUDY.is_simulated:
        return STUDY.simulation.n_per_category * len(CATEGORIES)
    return len(stimuli_of_user())


def stimulus_images(wildcards):
    """The image files that the stimulus table names; a simulated study draws them with its table."""
    if STUDY.is_simulated or not MODELS:
        return []
    return image_files()


@cache
def image_files():
    """The image file of every row of the user's stimulus table."""
    return named_errors(image_paths, stimuli_of_user(), TABLE, STUDY.image_folder)


def has_own_stimuli():
    """Whether subjects may have seen different images, so that their RDMs have no mean."""
    return BETAS is not None and BETAS["stimuli"] == "per-subject"


def columns_of_folds():
    """Columns of the stimulus table that settings make folds by."""
    columns = [STUDY.crossvalidation.column, STUDY.multiverse and STUDY.multiverse.column]
    return [column for column in columns if column]


def check_stimuli():
    """Check that the stimulus table has what the settings ask of it, and that its images can be cross-validated."""
    stimuli, folds = stimuli_of_user(), STUDY.crossvalidation
    check_columns(
        stimuli,
        groups=folds.column,
        categories=STUDY.inference.categories,
        exchange=STUDY.inference.exchange,
        labels=STUDY.specificity.labels,
        sets=STUDY.image_sets,
    )
    if STUDY.wordnet:
        column_of(stimuli, STUDY.wordnet.column)
    if "category" in (*STUDY.nuisance, *sum(STUDY.partitions, ())):
        nuisance_of_study("category", stimuli, images_from=TABLE, categories=STUDY.inference.categories)
    for column in columns_of_folds():
        column_of(stimuli, column)
    if STUDY.features:
        check_category_columns(stimuli, STUDY.features.columns, STUDY.image_sets)
    if STUDY.networks and not has_own_stimuli():
        for name in STUDY.image_sets:
            make_folds(
                list(stimuli_of_set(stimuli, name)["stimulus"]),
                folds=folds.folds,
                n_splits=folds.n_splits,
                groups=column_of(stimuli, folds.column) if folds.column else None,
            )


if not STUDY.is_simulated:  # a table that cannot be used stops the run before its first job
    named_errors(check_stimuli)
