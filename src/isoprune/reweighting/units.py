"""Reweighting as a competitor: weights fitted in the folds of units, scored where their retained sets were scored.

Of everything that is costly, only the targets differ between units on the same images: they are fitted together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from isoprune.crossvalidation import Block
from isoprune.design import Design
from isoprune.errors import IsopruneError
from isoprune.foldsets import FoldSets
from isoprune.labelled import RDM, Embedding
from isoprune.provenance import package_version
from isoprune.pruning import one_blas_thread
from isoprune.results import frame_of_unit
from isoprune.retained.set import layer_named, source_of
from isoprune.reweighting.fitting import PENALTIES, Reweighting, Weighing, inner_folds
from isoprune.reweighting.weights import Weights
from isoprune.scoring import Controls, leaves_something
from isoprune.specificity import RivalResult, RivalScore, rival_bootstrap, rival_table, without_score


@dataclass(frozen=True)
class ReweightedUnit:
    """A unit whose embedding's features are weighed.

    Attributes
    ----------
    unit : mapping
        Values of the columns `isoprune.results.UNIT`.
    supervising, scored : RDM
        Target that weights are fitted to, and target that is predicted.
    sets : FoldSets
    design : Design
    kinds : sequence of str
        Of `isoprune.reweighting.KINDS`.
    """

    unit: Mapping[str, str]
    supervising: RDM
    scored: RDM
    sets: FoldSets
    design: Design
    kinds: Sequence[str]


@dataclass(frozen=True)
class _Prepared:
    """A unit on the rows of its images."""

    of: ReweightedUnit
    ranked: np.ndarray
    target: np.ndarray
    controls: Controls

    def removed(self, rows: np.ndarray) -> np.ndarray | None:
        return self.controls.that_rank(rows, self.of.design.procedure)


def analyse_reweightings(
    embedding: Embedding,
    units: Sequence[ReweightedUnit],
    *,
    penalties: Sequence[float] = PENALTIES,
    n_inner: int = 5,
    threads: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[tuple[RivalResult, dict[str, Weights]]]:
    """Fit and score reweightings of an embedding in the folds of its units.

    Parameters
    ----------
    embedding : Embedding
    units : sequence of ReweightedUnit
    penalties : sequence of float
        That are tried, as multiples of the predictors' total variance.
    n_inner : int
        Folds over the training images of a fold that choose the penalty.
    threads : int
        Folds computed at the same time; changes no bit of the result.
    progress : callable, optional
        Called with what is counted, the number done and their total.

    Returns
    -------
    list of (RivalResult, dict of str to Weights)
        For each unit, the scores, and by kind the weights fitted on all images; a kind that cannot be fitted on all
        images has none.

    Raises
    ------
    LabelError, RDMError
        If the images of embedding and targets differ.
    """
    scores: dict[int, list[dict[str, RivalScore]]] = {n: _empty(unit) for n, unit in enumerate(units)}
    final: dict[int, dict[str, Weights]] = {number: {} for number in scores}
    values = {unit.sets.labels: _values(embedding, unit.sets.labels) for unit in units}
    prepared = {number: _prepare(unit, embedding.name) for number, unit in enumerate(units)}
    asked = _together(prepared)
    n_folds = sum(len(units[members[0]].sets.retained) + 1 for _, members in asked)
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if progress:
            progress("folds", done, n_folds)

    with one_blas_thread(), ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for kind, members in asked:
            some = [prepared[number] for number in members]
            first = some[0].of
            of_images = values[first.sets.labels]
            n_train = int((~first.sets.held_out[0]).sum())
            n_fitted = [n_train, *[n_train * (n_inner - 1) // n_inner] * n_inner * len(penalties)]
            reweighting = Reweighting(of_images, kind, first.design.procedure, n_fitted)
            _ = reweighting.solver  # before threads ask for it

            def one(number: int, some=some, reweighting=reweighting, of_images=of_images):
                return _scores_of_fold(number, some, reweighting, of_images, penalties, n_inner)

            for number, of_units in enumerate(pool.map(one, range(len(first.sets.retained)))):
                for member, score in zip(members, of_units, strict=True):
                    scores[member][number][kind] = score
                count()
            for member, weights in zip(
                members, _final(some, reweighting, embedding, penalties, n_inner), strict=True
            ):
                final[member] |= {} if weights is None else {kind: weights}
            count()
    return [
        (_result(prepared[n], values[unit.sets.labels], scores[n]), final[n]) for n, unit in enumerate(units)
    ]


def _empty(unit: ReweightedUnit) -> list[dict[str, RivalScore]]:
    return [dict.fromkeys(unit.kinds) for _ in unit.sets.retained]


def _values(embedding: Embedding, labels: Sequence[str]) -> np.ndarray:
    return embedding.subset(labels).values.astype(np.float64)


def _prepare(unit: ReweightedUnit, name: str) -> _Prepared:
    labels, side = unit.sets.labels, f"embedding '{name}'"
    ranked, target = (rdm.select(labels, side).values for rdm in (unit.supervising, unit.scored))
    return _Prepared(unit, ranked, target, unit.design.controls(target, labels))


def _together(prepared: Mapping[int, _Prepared]) -> list[tuple[str, list[int]]]:
    """Kind and units that can be fitted together: on the same images in the same folds, with the same nuisances."""
    found: dict[tuple, list[int]] = {}
    for number, unit in prepared.items():
        sets = unit.of.sets
        nuisances = unit.removed(np.arange(len(sets.labels)))
        alike = sets.labels, sets.held_out.tobytes(), b"" if nuisances is None else nuisances.tobytes()
        for kind in unit.of.kinds:
            found.setdefault((kind, *alike), []).append(number)
    return [(kind, members) for (kind, *_), members in found.items()]


def _scores_of_fold(
    number: int,
    units: Sequence[_Prepared],
    reweighting: Reweighting,
    values: np.ndarray,
    penalties: Sequence[float],
    n_inner: int,
) -> list[RivalScore]:
    sets = units[0].of.sets
    train = np.flatnonzero(~sets.held_out[number])
    place = int(sets.repeat[number]), int(sets.fold[number])
    weighings = _fitted(train, units, reweighting, penalties, n_inner, place)
    return [_score(one, number, weighing, values) for one, weighing in zip(units, weighings, strict=True)]


def _fitted(
    rows: np.ndarray,
    units: Sequence[_Prepared],
    reweighting: Reweighting,
    penalties: Sequence[float],
    n_inner: int,
    place: tuple[int, int],
) -> list[Weighing | str]:
    """Weights of each unit on these images, or why there are none."""
    first = units[0]
    labels, design = first.of.sets.labels, first.of.design
    try:
        inner = inner_folds(
            [labels[row] for row in rows],
            folds=design.folds,
            groups=design.groups,
            n_inner=n_inner,
            seed=design.seed,
            place=place,
        )
    except IsopruneError as problem:
        return [f"training images cannot be divided again: {problem.found}"] * len(units)
    removed = first.removed(rows)
    targets = np.array([one.ranked[np.ix_(rows, rows)] for one in units])
    usable = [number for number, target in enumerate(targets) if leaves_something(target, removed)]
    explained = "" if removed is None else ", or explained by the nuisances"
    found: list[Weighing | str] = [f"all pairs of training images are alike{explained}"] * len(units)
    if usable:
        for number, one in zip(
            usable, reweighting.fit(rows, targets[usable], inner, penalties, removed), strict=True
        ):
            found[number] = "no penalty could be judged inside the training images" if one is None else one
    return found


def _score(unit: _Prepared, number: int, weighing: Weighing | str, values: np.ndarray) -> RivalScore:
    test = np.flatnonzero(unit.of.sets.tested[number])
    if not len(test):
        return without_score("the fold has no score of the pruned embedding")
    if isinstance(weighing, str):
        return without_score(weighing)
    procedure = unit.of.design.procedure
    block = Block(values[test], unit.target[np.ix_(test, test)], unit.controls.of(test), procedure)
    scores = block.scores([weighing])
    if np.isnan(scores["r"]).any():
        return without_score("the weighted features are alike for all pairs of test images")
    return RivalScore([weighing], scores)


def _final(
    units: Sequence[_Prepared],
    reweighting: Reweighting,
    embedding: Embedding,
    penalties: Sequence[float],
    n_inner: int,
) -> list[Weights | None]:
    """Weights of each unit on all its images."""
    rows = np.arange(len(units[0].of.sets.labels))
    found: list[Weights | None] = []
    for one, weighing in zip(
        units, _fitted(rows, units, reweighting, penalties, n_inner, (0, 0)), strict=True
    ):
        if isinstance(weighing, str):
            found.append(None)
            continue
        unit = one.of.unit
        found.append(
            Weights(
                weights=weighing.weights,
                kind=weighing.kind,
                intercept=reweighting.intercept(rows, one.ranked, weighing.weights),
                penalty=weighing.penalty,
                network=embedding.name,
                layer=layer_named(embedding.provenance),
                source=source_of(embedding.provenance),
                target=unit["target"],
                subject=unit["subject"],
                supervision=unit["supervision"],
                study=one.of.design.study,
                seed=one.of.design.seed,
                images=one.of.sets.labels,
                isoprune=package_version(),
            )
        )
    return found


def _result(unit: _Prepared, values: np.ndarray, scores: list[dict[str, RivalScore]]) -> RivalResult:
    sets = unit.of.sets
    table = rival_table(scores, sets, values.shape[1])
    bootstrap = rival_bootstrap(values, unit.target, sets, scores, unit.of.design)
    return RivalResult(frame_of_unit(table, dict(unit.of.unit)), bootstrap, scores)
