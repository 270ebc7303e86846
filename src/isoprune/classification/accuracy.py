"""Tables of classification accuracy: of every arm, and of the pruned set beside the others on the same images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from isoprune.adjustment import p_value
from isoprune.classification import ALL_CLASSES, DOMAIN, TOPS
from isoprune.classification.activations import Activations
from isoprune.classification.arms import (
    Arm,
    log_numbers,
    places_of_true_class,
    rescaling,
    unique_scales,
    unit_arms,
)
from isoprune.classification.head import Head
from isoprune.errors import ClassificationError, RetainedSetError
from isoprune.inference import CONFIDENCE
from isoprune.io.seals import Renamed
from isoprune.io.tables import read_table
from isoprune.labelled import Embedding
from isoprune.labels import listing
from isoprune.results import UNIT_COLUMNS
from isoprune.retained import RetainedSet, load_retained
from isoprune.retained.set import SOURCE
from isoprune.reweighting.weights import Weights, load_weights, weights_of_unit

ACCURACY_COLUMNS = {
    "network": UNIT_COLUMNS["network"],
    "layer": UNIT_COLUMNS["layer"],
    "target": "Target RDM that ranked the features, or that weights were fitted to, over all of its images.",
    "images": "`all classes`: all labelled images; `domain`: those of the target's classes (`accuracy.domains`), still "
    "told apart from all other classes.",
    "a": "Competitor: `full` (the intact network), `pruned` (the first ranked features, all others zero), `random` "
    "(random features), `variance` (random features that vary as much), or a kind of reweighting.",
    "b": "Competitor that is subtracted, image by image; `n/a` for the accuracy of `a` itself.",
    "scaled_by": "How units are scaled: `kept` (or zero), `root` (root of the weight's size with its sign, as the "
    "weighted products of activations imply), `weight`; of `b` in a difference.",
    "rescaled": "Whether the layer was then multiplied by one number, so that it has the intact layer's mean norm.",
    "number": "Number of features that are not zero, of a reweighting those of largest weight; of `a` in a difference.",
    "final": "Whether these are the set or the weights that were fitted, and not more or fewer of them.",
    "top1": "Share of images whose class has the highest score (0 … 1), over random sets the mean; or the difference.",
    "top1_low": "Lower end of its 95 % interval over images (Wilson's; of a difference the normal one); of random sets "
    "the 5 % point over sets.",
    "top1_high": "Upper end; of random sets the 95 % point.",
    "top1_p": "p of a difference: exact McNemar, two-sided; from random sets, share of these (and the pruned set) that "
    "reach the pruned set's accuracy, (b + 1)/(N + 1), one-sided.",
    "top5": "Share of images whose class is among the five of highest scores, or the difference.",
    "top5_low": "Lower end of its interval, as of top1.",
    "top5_high": "Upper end of its interval.",
    "top5_p": "p of a difference, as of top1.",
    "n_sets": "Number of sets; more than one only of random ones.",
    "n_images": "Number of labelled images.",
    "n_features": "Number of features of the layer.",
}


@dataclass(frozen=True)
class AccuracyUnit:
    """A target whose set and weights are judged by the accuracy that they leave.

    Attributes
    ----------
    retained : RetainedSet
        The final set.
    ranking : ndarray of shape (n_features,)
        All features, most important first.
    weights : sequence of Weights
        Reweightings of the same layer for the same target.
    domain : ndarray of int, optional
        Classes of the target's domain.
    """

    retained: RetainedSet
    ranking: np.ndarray
    weights: Sequence[Weights] = ()
    domain: np.ndarray | None = None


def read_unit(
    retained: str | Path, domain: Sequence[int] | None = None, weights: Sequence[str | Path] = ()
) -> AccuracyUnit:
    """A target's final set, and of some weights those that were fitted to the same target.

    Parameters
    ----------
    retained : path
        Table of a retained set, as `isoprune.retained.load_retained` reads it.
    domain : sequence of int, optional
        Classes of the target's domain.
    weights : sequence of path
        Tables of weights, as `isoprune.reweighting.load_weights` reads them.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If a file is not there, or something else.
    """
    one = load_retained(retained)
    table = read_table(retained, where="retained set", renamed=Renamed.PLAINLY)
    ranking = table.sort_values("rank", kind="stable")["feature"].to_numpy(dtype=np.intp)
    own = weights_of_unit(list(map(load_weights, weights)), vars(one))
    return AccuracyUnit(one, ranking, own, None if domain is None else np.array(domain))


def accuracy_table(
    head: Head,
    activations: Activations,
    units: Sequence[AccuracyUnit],
    embedding: Embedding,
    *,
    numbers: int | Sequence[int] = 10,
    n_random: int = 20,
    seed: int = 0,
    device: str = "auto",
    batch_size: int = 64,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Accuracy of a network with the sets and weights of several targets, as a function of the number of features.

    Parameters
    ----------
    head : Head
        What follows the layer.
    activations : Activations
        Of the layer, for labelled images.
    units : sequence of AccuracyUnit
    embedding : Embedding
        Of the targets' images: random sets of matched variance are alike in it.
    numbers : int or sequence of int
        How many numbers of features, on a logarithmic scale from 1 to all; or the numbers. The retained one is added.
    n_random : int
        Random sets of each number, and as many of matched variance.
    seed : int
    device, batch_size, progress
        As in `isoprune.classification.arms.places_of_true_class`.

    Returns
    -------
    DataFrame
        Columns as `ACCURACY_COLUMNS`.

    Raises
    ------
    RetainedSetError
        If a set or weights are of another network, layer, or number of features than the activations.
    ClassificationError
        If a target's domain has no labelled image.
    """
    n_features = activations.n_features
    grid = log_numbers(n_features, numbers) if isinstance(numbers, int) else list(numbers)
    arms: list[list[Arm]] = []
    for unit in units:
        sources: tuple[RetainedSet | Weights, ...] = (unit.retained, *unit.weights)
        for one in sources:
            _check_source(one, activations)
        values = embedding.subset(unit.retained.images).values
        n_retained = len(unit.retained.features)
        arms.append(
            unit_arms(unit.ranking, n_retained, values, unit.weights, grid, n_random=n_random, seed=seed)
        )
    squares = activations.squares()
    scales = [arm.scale for of_unit in arms for arm in of_unit]
    scales += [scale * rescaling(squares, scale) for scale in scales]
    once, which = unique_scales(scales)
    places = places_of_true_class(
        head, activations, once, device=device, batch_size=batch_size, progress=progress
    )[which].reshape(2, -1, len(activations.classes))
    tables, first = [], 0
    for unit, of_unit in zip(units, arms, strict=True):
        own = places[:, first : first + len(of_unit)]
        first += len(of_unit)
        tables.append(_unit_table(unit, of_unit, own, activations.classes))
    return pd.concat(tables, ignore_index=True).assign(n_features=n_features)[list(ACCURACY_COLUMNS)]


def _check_source(one: RetainedSet | Weights, activations: Activations) -> None:
    """Refuse a set, or weights, of features that the activations are not."""
    about = activations.provenance
    source = {key: about["network"].get(key) for key in ("model", "weights_sha256", "transform")}
    source |= {"module": about["module"], "side": about["side"], "spatial": activations.spatial}
    differing = [SOURCE[key] for key in source if key in one.source and one.source[key] != source[key]]
    n_features = one.n_features if isinstance(one, RetainedSet) else len(one.weights)
    if n_features != activations.n_features:
        differing.append(f"number of features ({activations.n_features})")
    if differing:
        raise RetainedSetError(
            one.where,
            f"activations of another {listing(differing)}",
            f"activations of the {n_features} features that were fitted",
            "Record activations with the network, weights and layer that the features are of.",
        )


def _unit_table(
    unit: AccuracyUnit, arms: Sequence[Arm], places: np.ndarray, classes: np.ndarray
) -> pd.DataFrame:
    """Rows of a unit; places of shape (2, n_arms, n_images), as scaled and rescaled."""
    retained, rows = unit.retained, []
    for images, chosen in _image_sets(unit, classes):
        for rescaled, of_arms in zip((False, True), places, strict=True):
            right = {top: of_arms[:, chosen] < n for top, n in TOPS.items()}
            about = {"images": images, "rescaled": rescaled, "n_images": int(chosen.sum())}
            rows += [about | row for row in _rows(arms, right)]
    unit_of = {"network": retained.network, "layer": retained.layer, "target": retained.target}
    return pd.DataFrame(rows).assign(**unit_of)


def _image_sets(unit: AccuracyUnit, classes: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield ALL_CLASSES, np.ones(len(classes), dtype=bool)
    if unit.domain is not None:
        chosen = np.isin(classes, unit.domain)
        if not chosen.any():
            raise ClassificationError(
                f"accuracy.domains, target '{unit.retained.target}'",
                f"no labelled image of its {len(unit.domain)} classes",
                "images of the domain's classes",
                "Add such images, or correct the classes.",
            )
        yield DOMAIN, chosen


def _rows(arms: Sequence[Arm], right: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """Accuracy of each competitor of each number, then differences of the final pruned set and the other final ones."""
    groups: dict[tuple[str, str, int, bool], list[int]] = {}
    for place, arm in enumerate(arms):
        groups.setdefault((arm.competitor, arm.scaled_by, arm.number, arm.final), []).append(place)
    for (competitor, scaled_by, number, final), members in groups.items():
        about: dict[str, Any] = {
            "a": competitor,
            "b": None,
            "scaled_by": scaled_by,
            "number": number,
            "final": final,
        }
        yield about | _columns({top: _accuracy(of_arms[members]) for top, of_arms in right.items()}, members)
    final = {key: members for key, members in groups.items() if key[3]}
    ((pruned_key, (pruned,)),) = ((key, members) for key, members in final.items() if key[0] == "pruned")
    for (competitor, scaled_by, _, _), members in final.items():
        if competitor == "pruned":
            continue
        about = {"a": "pruned", "b": competitor, "scaled_by": scaled_by}
        about |= {"number": pruned_key[2], "final": True}
        found = {top: _difference(of_arms[pruned], of_arms[members]) for top, of_arms in right.items()}
        yield about | _columns(found, members)


def _columns(found: Mapping[str, Sequence[float]], members: Sequence[int]) -> dict[str, Any]:
    named = {
        f"{top}{ending}": value
        for top, values in found.items()
        for ending, value in zip(("", "_low", "_high", "_p"), values, strict=True)
    }
    return {**named, "n_sets": len(members)}


def _accuracy(right: np.ndarray) -> tuple[float, float, float, float]:
    """Accuracy with its interval, of one arm, or with the spread of several; shape (n_arms, n_images)."""
    from scipy.stats import binomtest

    of_arms = right.mean(axis=1)
    if len(right) > 1:
        low, high = np.quantile(of_arms, [0.05, 0.95])
    else:
        counted = binomtest(int(right.sum()), right.size)
        low, high = counted.proportion_ci(CONFIDENCE, method="wilson")
    return float(of_arms.mean()), float(low), float(high), np.nan


def _difference(pruned: np.ndarray, others: np.ndarray) -> tuple[float, float, float, float]:
    """Accuracy of the pruned set minus that of another, or of several random ones, paired over images.

    Parameters
    ----------
    pruned : ndarray of shape (n_images,), bool
    others : ndarray of shape (n_arms, n_images), bool

    Returns
    -------
    difference, low, high, p : float
    """
    from scipy.stats import binomtest, norm

    paired = pruned - others.mean(axis=0)
    difference = float(paired.mean())
    spread = (
        norm.ppf((1 + CONFIDENCE) / 2) * paired.std(ddof=1) / np.sqrt(len(paired))
        if len(paired) > 1
        else np.nan
    )
    if len(others) > 1:
        p = p_value(float(pruned.mean()), others.mean(axis=1))
    else:
        gained, lost = int((pruned & ~others[0]).sum()), int((~pruned & others[0]).sum())
        p = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    return difference, difference - spread, difference + spread, p
