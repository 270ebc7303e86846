"""What a study found about classification accuracy, in sentences; every number is of ``accuracy.tsv``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from isoprune.classification import ALL_CLASSES, KEPT, ROOT
from isoprune.findings import ALPHA, percent
from isoprune.wording import interval, number, p_value, share

_SCALES = {ROOT: "√w", "weight": "w"}


@dataclass(frozen=True)
class AccuracyFinding:
    """What was found for a network × target.

    Attributes
    ----------
    network, target : str
    verdict : str
        How much of the accuracy is left with the final set, and whether random sets leave less.
    others : tuple of str
        What random sets and each reweighting leave, and what is left without rescaling.
    """

    network: str
    target: str
    verdict: str
    others: tuple[str, ...]


def accuracy_findings(table: pd.DataFrame) -> list[AccuracyFinding]:
    """What was found, in the order of the table.

    Parameters
    ----------
    table : DataFrame
        Columns as `isoprune.classification.accuracy.ACCURACY_COLUMNS`.

    Returns
    -------
    list of AccuracyFinding
        Of the final sets, all classes and first guesses; the layer rescaled to the intact mean norm where nothing
        else is said.
    """
    final = table[table["final"] & (table["images"] == ALL_CLASSES)]
    return [
        AccuracyFinding(network, target, _verdict(rows[rows["rescaled"]]), tuple(_others(rows)))
        for (network, target), rows in final.groupby(["network", "target"], sort=False)
    ]


def _row(rows: pd.DataFrame, a: str, b: str | None = None, scaled_by: str = KEPT) -> pd.Series:
    chosen = (rows["a"] == a) & (rows["b"].isna() if b is None else rows["b"] == b)
    return rows[chosen & (rows["scaled_by"] == scaled_by)].iloc[0]


def _verdict(rows: pd.DataFrame) -> str:
    pruned, full, random = (_row(rows, name) for name in ("pruned", "full", "random"))
    p = _row(rows, "pruned", "random")["top1_p"]
    that = "more than" if p < ALPHA else "not shown to be more than what"
    return (
        f"With {share(pruned['number'], pruned['n_features'])} the network names {percent(pruned['top1'])} of "
        f"{int(pruned['n_images'])} images, with all of them {percent(full['top1'])}. That is {that} random sets of "
        f"this size leave ({percent(random['top1'])}; {p_value(p)}, one-sided)."
    )


def _others(rows: pd.DataFrame) -> Iterator[str]:
    rescaled, as_scaled = rows[rows["rescaled"]], rows[~rows["rescaled"]]
    random, variance = (_row(rescaled, name) for name in ("random", "variance"))
    yield (
        f"random sets leave {_spread(random)}, those of matched variance {_spread(variance)} (5 to 95 % of "
        f"{int(random['n_sets'])} sets)"
    )
    differences = rescaled[rescaled["b"].notna() & ~rescaled["b"].isin(["full", "random", "variance"])]
    for row in differences.to_dict(orient="records"):
        own = _row(rescaled, row["b"], scaled_by=row["scaled_by"])
        yield (
            f"{row['b']}, units × {_SCALES[row['scaled_by']]} ({own['number']} features): "
            f"{number(own['top1'], '.3f')}; pruned − {row['b']}: {number(row['top1'], '+.3f')} "
            f"{interval(row['top1_low'], row['top1_high'], '+.3f')}, {p_value(row['top1_p'])}"
        )
    pruned, plain, full = _row(rescaled, "pruned"), _row(as_scaled, "pruned"), _row(rescaled, "full")
    yield f"without rescaling the layer to the intact mean norm, the pruned set leaves {number(plain['top1'], '.3f')}"
    yield (
        f"among five guesses, the class is right with the pruned set for {number(pruned['top5'], '.3f')}, with all "
        f"features for {number(full['top5'], '.3f')}"
    )


def _spread(row: pd.Series) -> str:
    return f"{number(row['top1'], '.3f')} {interval(row['top1_low'], row['top1_high'])}"
