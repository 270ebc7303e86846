"""Whether the stimulus table has what the settings ask of it, and its images can be cross-validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from isoprune.checking.findings import Findings
from isoprune.config import Study
from isoprune.errors import IsopruneError
from isoprune.folds import Fold, make_folds
from isoprune.nuisances import nuisance_of_study
from isoprune.stimuli import check_category_columns, check_columns, column_of, stimuli_of_set

if TYPE_CHECKING:
    import pandas as pd


def column_problems(study: Study, stimuli: pd.DataFrame) -> list[IsopruneError]:
    """What the settings ask of the columns of the stimulus table that it does not have.

    Parameters
    ----------
    study : Study
    stimuli : DataFrame
        The stimulus table.

    Returns
    -------
    list of IsopruneError
        Each as the job that needs the column would raise it.
    """
    found, folds = Findings(), study.crossvalidation
    found.tried(
        check_columns,
        stimuli,
        groups=folds.column,
        categories=study.inference.categories,
        exchange=study.inference.exchange,
        labels=study.specificity.labels,
        sets=study.image_sets,
    )
    if study.wordnet:
        found.tried(column_of, stimuli, study.wordnet.column)
    if "category" in (*study.nuisance, *sum(study.partitions, ())):
        table, column = study.stimulus_table, study.inference.categories
        found.tried(nuisance_of_study, "category", stimuli, images_from=table, categories=column)
    if study.multiverse and study.multiverse.column:
        found.tried(column_of, stimuli, study.multiverse.column)
    if study.features:
        found.tried(check_category_columns, stimuli, study.features.columns, study.image_sets)
    return found.distinct_problems()


def fold_problems(study: Study, stimuli: pd.DataFrame) -> list[IsopruneError]:
    """Why the images of the study's targets cannot be held out as the settings ask.

    Parameters
    ----------
    study : Study
    stimuli : DataFrame
        The stimulus table.

    Returns
    -------
    list of IsopruneError
        As `isoprune.folds.make_folds` raises them; none where nothing is held out, or each subject saw other images.
    """
    found = Findings()
    if study.networks and not study.has_own_stimuli:
        for name in study.image_sets:
            images = found.tried(stimuli_of_set, stimuli, name)
            if images is not None:
                found.tried(folds_of_images, study, images, list(images["stimulus"]), n_repeats=1)
    return found.distinct_problems()


def folds_of_images(
    study: Study, stimuli: pd.DataFrame, labels: Sequence[str], n_repeats: int | None = None
) -> list[Fold]:
    """The folds of some images, as the study's units deal them.

    Parameters
    ----------
    study : Study
    stimuli : DataFrame
        Rows of these images, and perhaps of others.
    labels : sequence of str
    n_repeats : int, optional
        By default the study's.

    Raises
    ------
    TooFewImagesError, FoldError, UnknownNameError
        If there can be none.
    """
    dealing = study.crossvalidation
    groups: Mapping[str, str] | None = column_of(stimuli, dealing.column) if dealing.column else None
    return make_folds(
        labels,
        folds=dealing.folds,
        n_splits=dealing.n_splits,
        n_repeats=n_repeats or dealing.n_repeats,
        seed=study.seed,
        groups=groups,
    )


def sizes_in_words(folds: Sequence[Fold]) -> str:
    """Number of folds, and the sizes of their smallest and largest blocks."""
    blocks = {"test": [len(fold.test) for fold in folds], "train": [len(fold.train) for fold in folds]}
    sizes = [
        f"{name} {min(counts)}" + (f" to {max(counts)}" if max(counts) > min(counts) else "")
        for name, counts in blocks.items()
    ]
    n_repeats = max(fold.repeat for fold in folds)
    return f"{len(folds) // n_repeats} folds × {n_repeats} repeat(s): {', '.join(sizes)} images"
