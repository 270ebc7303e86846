"""Stimuli: their table and images, and the check that the settings can be met by them."""

from functools import cache

from isoprune.checking.stimuli import column_problems, fold_problems
from isoprune.io.tables import image_paths, read_stimuli
from isoprune.simulation.stimuli import CATEGORIES
from isoprune.stimuli import stimuli_of_rows


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
    return STUDY.has_own_stimuli


def check_stimuli():
    """Check that the stimulus table has what the settings ask of it, and that its images can be cross-validated."""
    stimuli = stimuli_of_user()
    for problem in (*column_problems(STUDY, stimuli), *fold_problems(STUDY, stimuli)):
        raise problem


if not STUDY.is_simulated:  # a table that cannot be used stops the run before its first job
    named_errors(check_stimuli)
