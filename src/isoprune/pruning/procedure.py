"""How features are selected: everything about pruning that is settled before data are seen."""

from __future__ import annotations

from dataclasses import dataclass

from isoprune.isomorphism import MEASURES
from isoprune.labels import choose
from isoprune.pruning.backends import BACKENDS
from isoprune.pruning.criteria import Criterion, criterion_named

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
    """

    criterion: Criterion
    measure: str = "correlation"
    method: str = "one-pass"
    backend: str = "auto"
    partial: bool = False


def procedure_named(
    criterion: str = "pearson",
    measure: str = "correlation",
    method: str = "one-pass",
    backend: str = "auto",
    partial: bool = False,
) -> Procedure:
    """The procedure of these settings.

    Raises
    ------
    UnknownNameError
        If one of them does not exist, with what does.
    """
    return Procedure(
        criterion_named(criterion),
        choose(measure, MEASURES, what="measure", where="measure"),
        choose(method, METHODS, what="method", where="method"),
        choose(backend, BACKENDS, what="backend", where="backend"),
        partial,
    )
