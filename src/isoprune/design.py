"""The design of a study: what the analyses of all its units have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.folds import Fold, make_folds
from isoprune.labelled import RDM, Embedding
from isoprune.nuisances import join_nuisances
from isoprune.pruning import Procedure, procedure_named
from isoprune.scoring import Controls, controls_of
from isoprune.stimuli import DEFAULT_CATEGORIES, categories_of, column_of

if TYPE_CHECKING:
    import pandas as pd

IMAGES = "images"
"""Exchange of all images; exchange within categories is named ``within:<column>``."""


@dataclass(frozen=True)
class Design:
    """How a unit is analysed: what is the same for all units of a study.

    Attributes
    ----------
    procedure : Procedure
    folds, n_splits, n_repeats
        As in `isoprune.folds.make_folds`.
    groups : mapping of str to str, optional
        Group of each image, for all ``folds`` but ``random``.
    n_random : int
        Random sets per fold.
    n_null_repeats : int
        Repeats of the folds that the tested statistic is the mean over.
    categories : mapping of str to str, optional
        Category of each image: scores within them, and a second null that exchanges images within them.
    category_column : str
        What they are called.
    n_bootstrap : int
        Resamples of images.
    seed : int
    study : str
        Name of the study, which retained sets carry.
    nuisances : sequence of RDM
        Nuisance RDMs that scores are controlled for, and ranking if the procedure is partial.
    """

    procedure: Procedure
    folds: str = "random"
    n_splits: int = 5
    n_repeats: int = 8
    groups: Mapping[str, str] | None = None
    n_random: int = 200
    n_null_repeats: int = 1
    categories: Mapping[str, str] | None = None
    category_column: str = "category"
    n_bootstrap: int = 1000
    seed: int = 0
    study: str = ""
    nuisances: Sequence[RDM] = ()

    def make_folds(self, labels: Sequence[str]) -> list[Fold]:
        """The folds of these images."""
        return make_folds(
            labels,
            folds=self.folds,
            n_splits=self.n_splits,
            n_repeats=self.n_repeats,
            seed=self.seed,
            groups=self.groups,
        )

    def controls(self, target: np.ndarray, labels: Sequence[str]) -> Controls:
        """What scores are also controlled for.

        Parameters
        ----------
        target : ndarray of shape (n_images, n_images)
        labels : sequence of str
            Stimulus label of each row.

        Raises
        ------
        LabelError, RDMError
            If a nuisance is about other images, or leaves nothing of the target.
        """
        kinds = None if self.categories is None else [self.categories[label] for label in labels]
        known = set(labels)
        nuisances = {
            rdm.target: rdm.subset(labels) if set(rdm.labels) > known else rdm for rdm in self.nuisances
        }
        coefficient = self.procedure.criterion.curve
        joined = join_nuisances(nuisances, target, labels, coefficient) if nuisances else ()
        return controls_of(labels, joined, kinds)

    def for_embedding(self, embedding: Embedding) -> Design:
        """The same design, by which the best layer is chosen where the embedding is of several."""
        return replace(self, procedure=replace(self.procedure, layer_sizes=embedding.layer_sizes))

    @property
    def exchanges(self) -> dict[str, Mapping[str, str] | None]:
        """What is exchanged under the nulls of a unit, by name."""
        within = {} if self.categories is None else {f"within:{self.category_column}": self.categories}
        return {IMAGES: None, **within}


def design_of(
    pruning: Mapping[str, Any],
    crossvalidation: Mapping[str, Any],
    inference: Mapping[str, Any],
    stimuli: pd.DataFrame,
    seed: int,
    study: str,
    nuisances: Sequence[RDM] = (),
) -> Design:
    """The design that settings ask for.

    Parameters
    ----------
    pruning, crossvalidation, inference : mapping
        Blocks of the settings, as `isoprune.config` describes them.
    stimuli : DataFrame
        The stimulus table.
    seed, study, nuisances
        As in `Design`.

    Raises
    ------
    UnknownNameError, LabelError
        If a column that was asked for does not exist, or holds no categories.
    """
    column = crossvalidation["column"]
    return Design(
        procedure_named(**pruning),
        **{name: crossvalidation[name] for name in ("folds", "n_splits", "n_repeats", "n_random")},
        groups=column_of(stimuli, column) if column else None,
        n_null_repeats=inference["n_repeats"],
        categories=categories_of(stimuli, inference["categories"]),
        category_column=inference["categories"] or DEFAULT_CATEGORIES,
        n_bootstrap=inference["n_bootstrap_images"],
        seed=seed,
        study=study,
        nuisances=tuple(nuisances),
    )
