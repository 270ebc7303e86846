"""How features are selected: everything about pruning that is settled before data are seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isoprune.isomorphism import MEASURES
from isoprune.labelled import whole_layer
from isoprune.labels import choose
from isoprune.pruning.backends import BACKENDS
from isoprune.pruning.criteria import Criterion, criterion_named
from isoprune.pruning.number import NRule, check_n_rule

METHODS = ("one-pass", "greedy")
"""``one-pass`` ranks once, as published; ``greedy`` ranks again after every removal."""


@dataclass(frozen=True)
class Procedure:
    """How features are selected, on whatever images and for whatever target.

    Attributes
    ----------
    criterion : Criterion
        What ranks features and chooses their number.
    measure : {"correlation", "cosine", "euclidean"}
        First-order measure of the embedding's RDM.
    method : {"one-pass", "greedy"}
        How features are ranked.
    backend : {"auto", "cpu", "cuda", "numpy", "reference"}
        What computes.
    partial : bool
        Whether nuisance RDMs are removed before features are ranked, not only from scores.
    layer_sizes : tuple of int
        Features of each layer, where those of several layers stand side by side and the best layer is to be chosen;
        empty where all features are of one.
    n_rule : {"max", "one-se"}, int or float
        How many features are retained: up to the first maximum of the training curve, up to the first prefix within
        one standard error of it, a number of features, or a share of them.
    """

    criterion: Criterion
    measure: str = "correlation"
    method: str = "one-pass"
    backend: str = "auto"
    partial: bool = False
    layer_sizes: tuple[int, ...] = ()
    n_rule: NRule = "max"

    def whole(self, features: np.ndarray, n_features: int) -> np.ndarray:
        """All features of the layer that a set is of."""
        return whole_layer(features, self.layer_sizes, n_features)


def procedure_named(
    criterion: str = "pearson",
    measure: str = "correlation",
    method: str = "one-pass",
    backend: str = "auto",
    partial: bool = False,
    n_rule: NRule = "max",
) -> Procedure:
    """The procedure of these settings.

    Raises
    ------
    UnknownNameError
        If one of them does not exist, with what does.
    ConfigError
        If ``n_rule`` is a number that is neither a number nor a share of features.
    """
    return Procedure(
        criterion_named(criterion),
        choose(measure, MEASURES, what="measure", where="measure"),
        choose(method, METHODS, what="method", where="method"),
        choose(backend, BACKENDS, what="backend", where="backend"),
        partial,
        n_rule=check_n_rule(n_rule),
    )
