"""The specification curve as a table, and one test of all specifications of a target.

Each specification's held-out score of the pruned set is standardised by its own null, and the maximum over
specifications (or their median) is compared with that of every relabelling, which is the same in all of them. The curve
shows all scores in order, with the choices behind each (Simonsohn et al. 2020, Nature Human Behaviour 4:1208).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from isoprune.adjustment import max_t, p_value, standardised
from isoprune.errors import InferenceError
from isoprune.io.files import read_json
from isoprune.io.tables import read_table, write_table
from isoprune.multiverse import CHOICES, Outcomes, Specification
from isoprune.wording import count, number
from isoprune.wording import p_value as p_in_words

MULTIVERSE_COLUMNS = {
    "network": "Network of the study: architecture + weights + layer, or an embedding file.",
    "layer": "Layer whose activations are the features.",
    "target": "Target RDM: the mean over subjects, or the one RDM that there is.",
    "criterion": "Fit that ranks features and chooses their number, as `pruning.criterion`.",
    "measure": "First-order measure of the network's RDM, as `pruning.measure`.",
    "method": "How features are ranked, as `pruning.method`.",
    "n_rule": "How many features are retained, as `pruning.n_rule`.",
    "folds": "Which images are held out together, as `crossvalidation.folds`.",
    "own": "1 if all choices are those of the study itself, else 0.",
    "r": "Held-out isomorphism of the pruned set, Fisher-z mean over folds (−1 … 1).",
    "r_full": "The same of all features.",
    "r_diff": "r − r_full; the test below is not about it.",
    "null_low": "5 % point of r over the relabelled targets.",
    "null_high": "95 % point of r over the relabelled targets.",
    "z": "r (in Fisher's z) standardised by the mean and standard deviation of its own null (dimensionless).",
    "p": "One-sided p that r is above 0: the whole procedure on relabelled images, (b + 1)/(N + 1).",
    "p_fwe": "p adjusted for all specifications of the target (step-down max-T over the same relabellings).",
    "n_retained": "Number of features retained, mean over folds.",
    "n_features": "Number of features of the full embedding.",
    "n_images": "Number of images.",
    "n_folds": "Number of folds × repeats with a defined score.",
    "n_undefined": "Number of folds × repeats without one.",
    "n_permutations": "Number of relabellings.",
}


def joint_test(outcomes: Sequence[Outcomes]) -> dict[str, Any]:
    """One test of many specifications on the same images: the largest standardised score, and the median one.

    Parameters
    ----------
    outcomes : sequence of Outcomes
        Row b of all nulls is the same relabelling b.

    Returns
    -------
    dict
        ``p_max``: of the maximum (true for at least one specification); ``p_median``: of the median (true of
        specifications as a whole); ``z_max``, ``z_median``: the two statistics, dimensionless; ``r_median``,
        ``r_low``, ``r_high``: median and range of r; numbers of specifications, of those in which the pruned set is
        above the full one, and of those without a score; ``n_permutations``.

    Raises
    ------
    InferenceError
        If they are not on the same images and relabellings, or none has a score.
    """
    if len({one.fingerprint for one in outcomes}) > 1:
        raise InferenceError(
            "multiverse",
            "outcomes of different images or relabellings",
            "the same relabellings in all specifications",
            "Compute them in one run.",
        )
    observed = np.concatenate([one.observed for one in outcomes])
    null = np.concatenate([one.relabelled for one in outcomes])
    scored = ~np.isnan(observed[:, 1])
    if not scored.any():
        raise InferenceError(
            "multiverse",
            "no specification has a score",
            "a fold with a defined score in at least one",
            "Use larger test folds or a wider layer.",
        )
    full, pruned = observed[scored].T
    z = standardised(np.column_stack([pruned, null[scored]]))
    largest, middle = z.max(axis=0), np.median(z, axis=0)
    r = np.tanh(pruned)
    return {
        "p_max": p_value(largest[0], largest[1:]),
        "p_median": p_value(middle[0], middle[1:]),
        "z_max": float(largest[0]),
        "z_median": float(middle[0]),
        "r_median": float(np.median(r)),
        "r_low": float(r.min()),
        "r_high": float(r.max()),
        "n_specifications": len(r),
        "n_above_full": int((pruned > full).sum()),
        "n_without_score": int((~scored).sum()),
        "n_permutations": null.shape[1],
    }


def multiverse_table(
    outcomes: Sequence[Outcomes], own: Specification
) -> tuple[pd.DataFrame, dict[str, dict[str, Any]]]:
    """Every specification of a study, and the joint test of each target.

    Parameters
    ----------
    outcomes : sequence of Outcomes
        One a network × target.
    own : Specification
        The study's own choices.

    Returns
    -------
    DataFrame
        A row a specification, columns as `MULTIVERSE_COLUMNS`; the highest r of a target first.
    dict of str to dict
        By target, as `joint_test` gives it.
    """
    tables, joint = [], {}
    for target in dict.fromkeys(one.target for one in outcomes):
        here = [one for one in outcomes if one.target == target]
        joint[target] = joint_test(here)
        rows = [row for one in here for row in _rows(one, own)]
        units: list[Hashable] = [(one.network, each) for one in here for each in one.specifications]
        observed = dict(
            zip(units, np.concatenate([one.observed[:, 1] for one in here]).tolist(), strict=True)
        )
        nulls = dict(zip(units, np.concatenate([one.relabelled for one in here]), strict=True))
        p_fwe = max_t(observed, nulls, family=f"all specifications of {target}").p
        rows = [{**row, "p_fwe": p_fwe[unit]} for unit, row in zip(units, rows, strict=True)]
        table = pd.DataFrame(rows, columns=list(MULTIVERSE_COLUMNS))
        tables.append(table.sort_values("r", ascending=False, kind="stable"))
    return pd.concat(tables, ignore_index=True), joint


def _rows(outcomes: Outcomes, own: Specification) -> list[dict[str, Any]]:
    own_choices = tuple(map(str, astuple(own)))
    rows = []
    for place, one in enumerate(outcomes.specifications):
        full, pruned = outcomes.observed[place]
        null = outcomes.relabelled[place]
        low, high = np.tanh(np.nanquantile(null, [0.05, 0.95])) if not np.isnan(null).all() else (np.nan,) * 2
        choices = dict(zip(CHOICES, map(str, astuple(one)), strict=True))
        rows.append(
            {
                "network": outcomes.network,
                "layer": outcomes.layer,
                "target": outcomes.target,
                **choices,
                "own": int(tuple(choices.values()) == own_choices),
                "r": np.tanh(pruned),
                "r_full": np.tanh(full),
                "r_diff": np.tanh(pruned) - np.tanh(full),
                "null_low": low,
                "null_high": high,
                "z": np.nan if np.isnan(pruned) else standardised(np.array([[pruned, *null]]))[0, 0],
                "p": p_value(pruned, null),
                "n_retained": outcomes.n_retained[place],
                "n_features": outcomes.n_features,
                "n_images": outcomes.n_images,
                "n_folds": outcomes.n_folds[place],
                "n_undefined": outcomes.n_undefined[place],
                "n_permutations": len(null),
            }
        )
    return rows


def write_multiverse(path: str | Path, table: pd.DataFrame, joint: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the table of all specifications; its sidecar has the joint tests by target, under ``joint``.

    Parameters
    ----------
    path : path
    table, joint
        As `multiverse_table` gives them.
    """
    write_table(
        path, table, MULTIVERSE_COLUMNS, about={"joint": {name: dict(one) for name, one in joint.items()}}
    )


def read_multiverse(path: str | Path) -> tuple[pd.DataFrame, dict[str, dict[str, Any]]]:
    """The table and the joint tests that `write_multiverse` wrote.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If there are none.
    """
    joint = read_json(Path(path).with_suffix(".json"))["joint"]
    return read_table(path, where="table of specifications"), joint


def multiverse_finding(target: str, joint: Mapping[str, Any], alpha: float = 0.05) -> tuple[str, str]:
    """What was found over all specifications of a target, in sentences.

    Parameters
    ----------
    target : str
    joint : mapping
        As `joint_test` gives it.
    alpha : float
        Level of the joint test.

    Returns
    -------
    verdict, rest : str
    """
    n = joint["n_specifications"]
    established = joint["p_max"] < alpha
    verdict = (
        f"Over {count(n, 'specification')}, held-out r with {target} is "
        f"{number(joint['r_median'], '.3f')} in the median ({number(joint['r_low'], '.3f')} to "
        f"{number(joint['r_high'], '.3f')}); that it is above 0 in any of them is {'' if established else 'not '}"
        f"established: joint {p_in_words(joint['p_max'])} (max-T), of the median {p_in_words(joint['p_median'])}."
    )
    rest = (
        f"The pruned set is above all features in {joint['n_above_full']} of {n}; the joint test, from "
        f"{count(joint['n_permutations'], 'relabelling')}, is about the score and not about this gain."
    )
    lacking = joint["n_without_score"]
    return verdict, rest + (f" {count(lacking, 'specification')} had no score." if lacking else "")
