"""The summary of a study: held-out scores with their p-values, intervals and noise ceilings.

Everything here is made of the units' own files and the subjects' RDMs; nothing is computed that a unit could have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from isoprune.adjustment import benjamini_hochberg, max_t, p_value
from isoprune.bootstrap import ImageBootstrap, joined, read_bootstrap
from isoprune.ceilings import Ceiling, group_ceiling, share_of_ceiling, subject_ceilings, summarise_ceilings
from isoprune.crossvalidation import fisher_mean
from isoprune.design import IMAGES
from isoprune.errors import InferenceError
from isoprune.folds import Fold
from isoprune.foldsets import FoldSets, read_fold_sets
from isoprune.intervals import Interval, dual_interval, image_interval, subjects_interval
from isoprune.labelled import GROUP, RDM, SUBJECTS
from isoprune.labels import listing
from isoprune.nulls import Null, read_nulls
from isoprune.pruning.criteria import criterion_named
from isoprune.results import SUMMARY_COLUMNS, UNIT, mean_over_subjects, summarise
from isoprune.units import files_of_units

TESTED = ("full", "pruned")
"""Competitors that relabelling tests."""

WITHIN = "within"
"""Exchange within categories, whatever their column is called."""

COMPETITOR = [*UNIT, "competitor"]
"""Columns that name a row of the summary."""

INTERVAL_COLUMNS = {
    "network": "Network of the study.",
    "layer": "Layer whose activations are the features.",
    "target": "Target RDM.",
    "supervision": "Whose RDM ranked the features.",
    "subject": "Who was scored; `group` is the mean RDM, `subjects` the mean of single subjects' scores.",
    "a": "Competitor.",
    "b": "Competitor that is subtracted; missing for the score of a alone.",
    "over": "What was resampled: `images`, `subjects`, or `subjects and images`.",
    "r": "Held-out r of a, or of a minus that of b.",
    "ci_low": "Lower end of the 95 % interval, conditional on the selected features.",
    "ci_high": "Upper end of the 95 % interval.",
}


@dataclass(frozen=True)
class Unit:
    """What the summary needs of a unit.

    Attributes
    ----------
    key : tuple of str
        Values of `isoprune.results.UNIT`.
    facts : mapping
    sets : FoldSets
    nulls : mapping of str to Null
    bootstrap : ImageBootstrap
    """

    key: tuple[str, ...]
    facts: Mapping[str, Any]
    sets: FoldSets
    nulls: Mapping[str, Null]
    bootstrap: ImageBootstrap

    @property
    def analysis(self) -> tuple[str, ...]:
        """Network, layer, target and supervision: all but who was scored."""
        return self.key[:-1]

    @property
    def target(self) -> str:
        """Name of the target."""
        return self.key[UNIT.index("target")]

    @property
    def subject(self) -> str:
        """Who was scored."""
        return self.key[-1]


def read_summary_units(
    facts: Sequence[Mapping[str, Any]],
    sets: Sequence[str],
    nulls: Sequence[str],
    bootstraps: Sequence[str],
    rival_bootstraps: Sequence[str],
) -> list[Unit]:
    """Units from what was written of each, in the same order.

    Parameters
    ----------
    facts : sequence of mapping
    sets, nulls, bootstraps : sequence of path
        Files that `isoprune.units.write_unit` wrote.
    rival_bootstraps : sequence of path
        Files that `isoprune.specificity.write_rivals` wrote, any number a unit; see `isoprune.units.files_of_units`.
    """
    files = zip(facts, sets, nulls, files_of_units(bootstraps, rival_bootstraps), strict=True)
    return [
        Unit(
            tuple(of_unit[column] for column in UNIT),
            of_unit,
            read_fold_sets(of_sets),
            read_nulls(of_nulls),
            reduce(joined, map(read_bootstrap, of_bootstraps)),
        )
        for of_unit, of_sets, of_nulls, of_bootstraps in files
    ]


def by_target(rdms: Iterable[RDM]) -> dict[str, dict[str, RDM]]:
    """Single subjects' RDMs by target and subject."""
    found: dict[str, dict[str, RDM]] = {}
    for rdm in rdms:
        found.setdefault(rdm.target, {})[rdm.subject] = rdm
    return found


def summary_table(
    folds: pd.DataFrame,
    units: Sequence[Unit],
    rdms: Mapping[str, Mapping[str, RDM]],
    *,
    exchange: str = IMAGES,
    seed: int = 0,
) -> pd.DataFrame:
    """Held-out scores with everything that decides about them, a row a unit × competitor.

    Parameters
    ----------
    folds : DataFrame
        Columns as `isoprune.results.FOLD_COLUMNS`, of all units.
    units : sequence of Unit
    rdms : mapping of str to mapping of str to RDM
        For each target the RDM of each subject; empty for a target whose subjects saw different images.
    exchange : str
        The null that `p`, `p_fwe` and `q` come from: ``images``, or ``within`` for categories.
    seed : int
        Of the resampled subjects.

    Returns
    -------
    DataFrame
        Columns as `isoprune.results.SUMMARY_COLUMNS`; after the units of an analysis, whose subjects were scored
        one by one, stand the rows of their mean (subject ``subjects``).
    """
    summary = summarise(folds, [unit.facts for unit in units])
    n_subjects = {target: len(of_target) for target, of_target in rdms.items()}
    summary["n_subjects"] = [
        n_subjects.get(target) or 1 if subject == GROUP else 1
        for target, subject in zip(summary["target"], summary["subject"], strict=True)
    ]
    table = _in_order(pd.concat([summary, mean_over_subjects(summary)], ignore_index=True))
    for columns in (_p_values(units, exchange), _row_intervals(units, seed)):
        table = table.merge(columns, on=COMPETITOR, how="left", validate="one_to_one")
    table = table.merge(_ceilings_of_units(units, rdms), on=UNIT, how="left", validate="many_to_one")
    shares = [_share(row) for row in table.itertuples()]
    table[["share_low", "share_high"]] = np.array(shares, dtype=float).reshape(-1, 2)
    return table.reindex(columns=list(SUMMARY_COLUMNS))


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Units in their order, the mean over subjects after those that it is the mean of."""
    analyses = table[UNIT[:-1]].apply(tuple, axis=1)
    place = {analysis: number for number, analysis in enumerate(dict.fromkeys(analyses))}
    order = pd.DataFrame({"analysis": analyses.map(place), "is_mean": table["subject"] == SUBJECTS})
    return table.loc[order.sort_values(["analysis", "is_mean"], kind="stable").index].reset_index(drop=True)


def by_analysis(units: Sequence[Unit]) -> dict[tuple[str, ...], list[Unit]]:
    """Units whose subjects were scored one by one, by network, layer, target and supervision; subjects sorted."""
    found: dict[tuple[str, ...], list[Unit]] = {}
    for unit in units:
        if unit.subject != GROUP:
            found.setdefault(unit.analysis, []).append(unit)
    return {analysis: sorted(own, key=lambda unit: unit.subject) for analysis, own in found.items()}


# ---- p-values ----


def _p_values(units: Sequence[Unit], exchange: str) -> pd.DataFrame:
    """p-values of every unit and of the mean over subjects; families as `_family` has them."""
    statistics = tested_statistics({unit.key: unit.nulls for unit in units})
    controlled = _partial_p_values(units)
    _check_exchange(exchange, statistics)
    rows: dict[Any, dict[str, Any]] = {}
    families: dict[Any, list[Any]] = {}
    for key, by_exchange in statistics.items():
        p = {name: p_value(observed, null) for name, (observed, null, _) in by_exchange.items()}
        rows[key] = {"p": p.get(exchange, np.nan), "p_within": p.get(WITHIN, np.nan)}
        rows[key]["p_partial"] = controlled.get(key, np.nan)
        if exchange in by_exchange:
            rows[key]["n_permutations"] = len(by_exchange[exchange][1])
            families.setdefault(_family(key), []).append(key)
    for family, keys in families.items():
        words = f"{family}: {len(keys)}"
        chosen = {key: statistics[key][exchange] for key in keys}
        adjusted = max_t(
            {key: one[0] for key, one in chosen.items()},
            {key: one[1] for key, one in chosen.items()},
            family=words,
            image_sets={key: one[2] for key, one in chosen.items()},
        ).p
        q = benjamini_hochberg({key: rows[key]["p"] for key in keys}, family=words).p
        for key in keys:
            rows[key] |= {"p_fwe": adjusted[key], "q": q[key], "family": words}
    columns = [*COMPETITOR, "p", "p_within", "p_partial", "p_fwe", "q", "family", "n_permutations"]
    found = [{**dict(zip(COMPETITOR, key, strict=True)), **row} for key, row in rows.items()]
    numbers = dict.fromkeys(("p", "p_within", "p_partial", "p_fwe", "q", "n_permutations"), float)
    return pd.DataFrame(found, columns=columns).astype(numbers)


def _partial_p_values(units: Sequence[Unit]) -> dict[tuple[str, ...], float]:
    """P of the partial scores; images are exchanged within categories where there are any.

    With categories among the nuisances, images are exchangeable within them only (benchmarks/calibration.py).
    """
    found = {}
    for key, by_exchange in tested_statistics({unit.key: unit.nulls for unit in units}, "_partial").items():
        observed, null, _ = by_exchange.get(WITHIN, by_exchange.get(IMAGES))
        found[key] = p_value(observed, null)
    return found


def _check_exchange(exchange: str, statistics: Mapping[Any, Mapping[str, Any]]) -> None:
    known = {name for by_exchange in statistics.values() for name in by_exchange}
    if known and exchange not in known:
        raise InferenceError(
            "inference.exchange",
            f"`{exchange}`, but the relabellings of the units exchanged {listing(sorted(known))}",
            "one of these",
            "Name the column of the categories in `inference.categories`, or use `exchange: images`.",
        )


def _family(key: tuple[str, ...]) -> str:
    """The rows whose error is held together, fixed before the run: one competitor, one supervision, one level."""
    *_, supervision, subject, competitor = key
    level = {GROUP: "group RDM", SUBJECTS: "mean over subjects"}.get(subject, "single subjects")
    members = "targets × networks" if subject in (GROUP, SUBJECTS) else "subjects × targets × networks"
    return f"{competitor}, {supervision} supervision, {level}, {members}"


def tested_statistics(
    nulls: Mapping[tuple[str, ...], Mapping[str, Null]], kind: str = ""
) -> dict[tuple[str, ...], dict[str, tuple[float, np.ndarray, str]]]:
    """Observed statistic, null and fingerprint by exchange, of every row that relabelling tests.

    Parameters
    ----------
    nulls : mapping of tuple to mapping of str to Null
        Of each unit, by the values of `isoprune.results.UNIT` and by what was exchanged.
    kind : {"", "_partial", "_within"}
        Kind of the score.

    Returns
    -------
    dict of tuple to dict of str to tuple
        By the values of `COMPETITOR`, then by exchange (`isoprune.design.IMAGES` or `WITHIN`): Fisher z of the target
        as it is, of its relabellings (ndarray), and a fingerprint of these.
    """
    found: dict[tuple[str, ...], dict[str, tuple[float, np.ndarray, str]]] = {}
    for key, of_unit in nulls.items():
        for exchange, null in of_unit.items():
            for name in TESTED:
                if name + kind not in null.observed:
                    continue
                one = (null.observed[name + kind], null.relabelled[name + kind], null.fingerprint)
                found.setdefault((*key, name), {})[_kind(exchange)] = one
    for analysis in dict.fromkeys(key[:-1] for key in nulls if key[-1] != GROUP):
        # Sorted, so that the order of the subjects changes no bit of their mean.
        of_subjects = [nulls[key] for key in sorted(nulls) if key[:-1] == analysis and key[-1] != GROUP]
        for exchange, first in of_subjects[0].items():
            alike = [one[exchange] for one in of_subjects]
            if len({(null.fingerprint, len(null.n_undefined)) for null in alike}) > 1:
                continue  # other images or other relabellings: they have no common mean
            for name in TESTED:
                if name + kind not in first.observed:
                    continue
                observed = float(np.mean([null.observed[name + kind] for null in alike]))
                relabelled = np.mean([null.relabelled[name + kind] for null in alike], axis=0)
                one = (observed, relabelled, first.fingerprint)
                found.setdefault((*analysis, SUBJECTS, name), {})[_kind(exchange)] = one
    return found


def _kind(exchange: str) -> str:
    return exchange.split(":")[0]


# ---- intervals ----


def intervals_table(units: Sequence[Unit], *, seed: int = 0) -> pd.DataFrame:
    """Intervals over images, subjects and both, a row a score or difference.

    Parameters
    ----------
    units : sequence of Unit
    seed : int
        Of the resampled subjects.

    Returns
    -------
    DataFrame
        Columns as `INTERVAL_COLUMNS`: each competitor alone, and ``pruned`` minus every other.
    """
    rows = []
    for unit in units:
        for a, b in _asked([unit]):
            rows.append(_interval_row(unit.key, a, b, image_interval(unit.bootstrap, a, b)))
    for analysis, of_subjects in by_analysis(units).items():
        scored = [unit for unit in of_subjects if np.isfinite(unit.bootstrap.observed["full"])]
        if len(scored) < 2:
            continue
        for a, b in _asked(scored):
            for interval in _over_subjects(scored, a, b, seed):
                rows.append(_interval_row((*analysis, SUBJECTS), a, b, interval))
    return pd.DataFrame(rows, columns=list(INTERVAL_COLUMNS))


def _asked(units: Sequence[Unit]) -> list[tuple[str, str | None]]:
    """Competitors that all units have, alone and as what ``pruned`` is compared with."""
    there = [
        name
        for name in units[0].bootstrap.observed
        if all(np.isfinite(unit.bootstrap.observed.get(name, np.nan)) for unit in units)
    ]
    pairs = [("pruned", name) for name in there if name != "pruned" and "pruned" in there]
    return [*((name, None) for name in there), *pairs]


def _over_subjects(units: Sequence[Unit], a: str, b: str | None, seed: int) -> list[Interval]:
    scores = [
        {unit.subject: float(np.tanh(unit.bootstrap.observed[name])) for unit in units}
        for name in ((a,) if b is None else (a, b))
    ]
    intervals = [subjects_interval(*scores, seed=seed)]
    resamples = {(unit.bootstrap.labels, unit.bootstrap.seed) for unit in units}
    if len(resamples) == 1:
        bootstraps = {unit.subject: unit.bootstrap for unit in units}
        intervals.append(dual_interval(bootstraps, a, b, seed=seed))
    return intervals


def _interval_row(key: tuple[str, ...], a: str, b: str | None, interval: Interval) -> dict[str, Any]:
    r, low, high = interval.in_r()
    row = {"a": a, "b": b, "over": interval.over, "r": r, "ci_low": low, "ci_high": high}
    return {**dict(zip(UNIT, key, strict=True)), **row}


def _row_intervals(units: Sequence[Unit], seed: int) -> pd.DataFrame:
    """The widest honest interval of each row: over images, and over subjects too where there are several."""
    table = intervals_table(units, seed=seed)
    # The last of a row generalises over most: people alone only where they saw different images.
    table = table[table["b"].isna()].groupby([*UNIT, "a"], sort=False).tail(1)
    renamed = table.rename(columns={"a": "competitor", "over": "ci_over"})
    return renamed[[*COMPETITOR, "ci_low", "ci_high", "ci_over"]]


# ---- noise ceilings ----


def _ceilings_of_units(units: Sequence[Unit], rdms: Mapping[str, Mapping[str, RDM]]) -> pd.DataFrame:
    """Ceilings of every unit, on the blocks that it was scored on, and of the mean over subjects."""
    known: dict[Any, dict[str, Ceiling]] = {}

    def ceilings(unit: Unit) -> dict[str, Ceiling]:
        of_target, blocks = rdms.get(unit.target, {}), tuple(unit.sets.scored_blocks())
        if len(of_target) < 2 or not blocks:
            return {}
        coefficient = criterion_named(unit.facts["criterion"]).curve
        place = unit.target, blocks, coefficient
        if place not in known:
            known[place] = _ceilings(of_target, blocks, coefficient)
        return known[place]

    found = {unit.key: ceilings(unit)[unit.subject] for unit in units if ceilings(unit)}
    for analysis, of_subjects in by_analysis(units).items():
        own = [found[unit.key] for unit in of_subjects if unit.key in found]
        if own:
            low, high = (fisher_mean([getattr(one, end) for one in own]) for end in ("low", "high"))
            found[(*analysis, SUBJECTS)] = Ceiling(low, high, SUBJECTS)
    rows = [(*key, ceiling.low, ceiling.high) for key, ceiling in found.items()]
    return pd.DataFrame(rows, columns=[*UNIT, "ceiling_low", "ceiling_high"])


def _ceilings(rdms: Mapping[str, RDM], blocks: Sequence[Fold], coefficient: str) -> dict[str, Ceiling]:
    single = summarise_ceilings(subject_ceilings(rdms, blocks, coefficient=coefficient))
    return {**single, GROUP: group_ceiling(rdms, blocks, coefficient=coefficient)}


def _share(row: Any) -> tuple[float, float]:
    """The score as a share of the upper, and of the lower ceiling of its own row."""
    ceiling = Ceiling(row.ceiling_low, row.ceiling_high, row.subject)
    of_low, of_high = share_of_ceiling(row.r, row.subject, ceiling)
    return of_high, of_low
