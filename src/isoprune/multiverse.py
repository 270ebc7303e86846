"""Does a result hang on one choice? All combinations of defensible settings are run, and tested together.

A specification is one combination. Every specification sees the same images and the same relabellings of them, so that
one test can be about all at once (`isoprune.multiverse_tables`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from functools import partial
from itertools import groupby, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from isoprune.errors import inside
from isoprune.io.arrays import read_arrays, write_arrays
from isoprune.labelled import RDM, Embedding
from isoprune.permutation import unit_nulls
from isoprune.pruning.criteria import criterion_named
from isoprune.pruning.number import NRule
from isoprune.relabelling import relabellings

if TYPE_CHECKING:
    from isoprune.design import Design


@dataclass(frozen=True)
class Specification:
    """One combination of choices; the attributes are the settings of the same names.

    Attributes
    ----------
    criterion, measure, method : str
    n_rule : str, int or float
    folds : str
    """

    criterion: str = "pearson"
    measure: str = "correlation"
    method: str = "one-pass"
    n_rule: NRule = "max"
    folds: str = "random"

    @property
    def in_words(self) -> str:
        """All choices, for messages."""
        return ", ".join(f"{field.name} {getattr(self, field.name)}" for field in fields(self))


CHOICES = tuple(field.name for field in fields(Specification))
"""Settings that a specification chooses, beside the network."""


def specifications(choices: Mapping[str, Sequence[Any]]) -> list[Specification]:
    """Every combination of choices, in the order in which they are listed.

    Parameters
    ----------
    choices : mapping of str to sequence
        Values of each of `CHOICES`.
    """
    return [Specification(*one) for one in product(*(choices[name] for name in CHOICES))]


def own_specification(choices: Mapping[str, Sequence[Any]]) -> Specification:
    """The study's own specification: the first value of every choice."""
    return Specification(*(choices[name][0] for name in CHOICES))


@dataclass(frozen=True)
class Outcomes:
    """What the specifications of a network and a target reach, on the target and on relabelled targets.

    Attributes
    ----------
    network, layer, target : str
    specifications : tuple of Specification
    observed : ndarray of shape (n_specifications, 2)
        Mean Fisher z over folds of the full and of the pruned embedding; NaN where no fold is defined.
    relabelled : ndarray of shape (n_specifications, n_relabellings)
        The same of the pruned embedding; row b of all outcomes on the same images is relabelling b.
    n_retained : ndarray of shape (n_specifications,)
        Mean over folds.
    n_folds, n_undefined : ndarray of shape (n_specifications,), int
        Folds × repeats with and without a score.
    n_features, n_images : int
    fingerprint : str
        Of the images and of the relabellings.
    """

    network: str
    layer: str
    target: str
    specifications: tuple[Specification, ...]
    observed: np.ndarray
    relabelled: np.ndarray
    n_retained: np.ndarray
    n_folds: np.ndarray
    n_undefined: np.ndarray
    n_features: int
    n_images: int
    fingerprint: str

    @property
    def n_of_specifications(self) -> tuple[int, int]:
        """Number of specifications, and of those without a score."""
        return len(self.specifications), int(np.isnan(self.observed[:, 1]).sum())


def run_specifications(
    embedding: Embedding,
    target: RDM,
    some: Sequence[Specification],
    design: Design,
    *,
    layer: str,
    n_permutations: int,
    exchange: Literal["images", "within"] = "images",
    groups: Mapping[str, str] | None = None,
    subset: bool = False,
    threads: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> Outcomes:
    """Run every specification on a target and on each of its relabellings.

    The target ranks the features of its training images and is predicted on the held-out ones, as in
    `isoprune.units.analyse_unit`: a specification with the study's own settings has the score of the study.

    Parameters
    ----------
    embedding : Embedding
    target : RDM
        Joined to the embedding by label.
    some : sequence of Specification
        Those that differ in ``n_rule`` alone share rankings and curves.
    design : Design
        Everything that a specification does not choose. ``n_null_repeats`` is the number of repeats of the folds.
    layer : str
        Layer of the embedding, for the table.
    n_permutations : int
    exchange : {"images", "within"}
        What is exchanged: any images, or images of a category only.
    groups : mapping of str to str, optional
        Group of each image, for all ``folds`` but ``random``.
    subset : bool
        Whether the target may be about some of the images only.
    threads : int
        Changes no bit of the result.
    progress : callable, optional
        Called with what is counted, the number done and their total.

    Raises
    ------
    IsopruneError
        If a specification cannot be run, with its choices.
    """
    design = design.for_embedding(embedding)
    embedding = embedding.canonical(target.labels if subset else None)
    labels, values = embedding.labels, embedding.values
    matrix = target.select(labels, f"embedding '{embedding.name}'").values
    # The last of a design's exchanges is within categories, where there are any.
    exchange_name, within = list(design.exchanges.items())[-1 if exchange == "within" else 0]
    drawn = relabellings(labels, n_permutations, seed=design.seed, within=within)
    given: dict[str, Any] = {
        "relabellings": drawn,
        "exchange": exchange_name,
        "seed": design.seed,
        "threads": threads,
    }
    found: dict[Specification, Any] = {}
    for alike, group in groupby(_by_ranking(some), key=lambda one: replace(one, n_rule="max")):
        of_group = list(group)
        rules = [one.n_rule for one in of_group]
        about = progress and partial(progress, alike.in_words)
        with inside(f"multiverse, {embedding.name} with {alike.in_words}"):
            nulls = _nulls_of(values, matrix, labels, alike, rules, design, groups, progress=about, **given)
        found |= zip(of_group, nulls, strict=True)
    nulls = [found[one].null for one in some]
    undefined = np.array([null.observed_n_undefined for null in nulls])
    return Outcomes(
        embedding.name,
        layer,
        target.target,
        tuple(some),
        np.array([[null.observed[name] for name in ("full", "pruned")] for null in nulls]),
        np.array([null.relabelled["pruned"] for null in nulls]),
        np.array([found[one].n_retained for one in some]),
        np.array([null.n_folds for null in nulls]) - undefined,
        undefined,
        values.shape[1],
        len(labels),
        nulls[0].fingerprint,
    )


def _by_ranking(some: Sequence[Specification]) -> list[Specification]:
    """Specifications that differ in ``n_rule`` alone beside each other."""
    place: dict[Specification, int] = {}
    for one in some:
        place.setdefault(replace(one, n_rule="max"), len(place))
    return sorted(some, key=lambda one: place[replace(one, n_rule="max")])


def _nulls_of(
    values: np.ndarray,
    target: np.ndarray,
    labels: Sequence[str],
    one: Specification,
    rules: Sequence[NRule],
    design: Design,
    groups: Mapping[str, str] | None,
    **given: Any,
) -> list[Any]:
    """The null of a specification under each rule for the number of features."""
    procedure = replace(
        design.procedure, criterion=criterion_named(one.criterion), measure=one.measure, method=one.method
    )
    used = replace(
        design,
        procedure=procedure,
        folds=one.folds,
        groups=None if one.folds == "random" else groups,
        n_repeats=design.n_null_repeats,
        # Only the plain score is used; nuisances are there where they are removed before features are ranked.
        nuisances=design.nuisances if procedure.partial else (),
        categories=None,
    )
    controls = used.controls(target, labels)
    folds = used.make_folds(labels)
    return unit_nulls(
        values, target, target, labels, folds, procedure=procedure, n_rules=rules, controls=controls, **given
    )


_ARRAYS = ("observed", "relabelled", "n_retained", "n_folds", "n_undefined")


def write_outcomes(path: str | Path, outcomes: Outcomes) -> None:
    """Write the outcomes of a network and a target as npz, in one step.

    Parameters
    ----------
    path : path
    outcomes : Outcomes

    Raises
    ------
    NotWritableError
        If the place cannot be written to.
    """
    arrays = {name: getattr(outcomes, name) for name in _ARRAYS}
    about = (outcomes.network, outcomes.layer, outcomes.target, outcomes.fingerprint)
    choices = np.array([[str(one) for one in astuple(each)] for each in outcomes.specifications])
    sizes = np.array([outcomes.n_features, outcomes.n_images])
    write_arrays(path, **arrays, about=np.array(about), choices=choices, sizes=sizes)


def read_outcomes(path: str | Path) -> Outcomes:
    """The outcomes that `write_outcomes` wrote.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If there are none, or the file is something else.
    """
    arrays = read_arrays(path, (*_ARRAYS, "about", "choices", "sizes"), what="outcomes of specifications")
    network, layer, target, fingerprint = map(str, arrays["about"])
    some = tuple(Specification(*map(str, row)) for row in arrays["choices"])
    n_features, n_images = map(int, arrays["sizes"])
    return Outcomes(
        network,
        layer,
        target,
        some,
        **{name: arrays[name] for name in _ARRAYS},
        n_features=n_features,
        n_images=n_images,
        fingerprint=fingerprint,
    )
