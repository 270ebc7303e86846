"""What a study found along the layers of a network, in sentences; every number is of ``layers.tsv``."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from isoprune.findings import ALPHA
from isoprune.naming import BEST, readable_name
from isoprune.wording import count, interval, is_missing, number, p_value


@dataclass(frozen=True)
class LayerFinding:
    """What was found for a sweep × target × supervision.

    Attributes
    ----------
    sweep, target, supervision : str
    verdict : str
        What the layer reaches that training images chose, and whether that is established.
    rest : str
        How often each layer was chosen, and what each reaches by itself.
    """

    sweep: str
    target: str
    supervision: str
    verdict: str
    rest: str


def layer_findings(table: pd.DataFrame) -> list[LayerFinding]:
    """What was found along the layers.

    Parameters
    ----------
    table : DataFrame
        Columns as `isoprune.layers.LAYER_COLUMNS`.

    Returns
    -------
    list of LayerFinding
        In the order of the table.
    """
    pruned = table[table["competitor"] == "pruned"]
    return [
        LayerFinding(readable_name(sweep, BEST), target, supervision, _verdict(rows), _rest(rows))
        for (sweep, target, supervision), rows in pruned.groupby(
            ["sweep", "target", "supervision"], sort=False
        )
    ]


def _verdict(rows: pd.DataFrame) -> str:
    best = rows[rows["depth"].isna()].iloc[0]
    n_layers = int(rows["depth"].notna().sum())
    if is_missing(best["r"]):
        return f"Of {n_layers} layers none could be chosen and scored: no fold has a score."
    score = f"The best of {n_layers} layers, chosen by training images alone, reaches r = {number(best['r'], '.3f')}"
    if not is_missing(best["ci_low"]):
        score += f" {interval(best['ci_low'], best['ci_high'])}"
    if is_missing(best["p_fwe"]):
        return f"{score} on held-out images; that r is above 0 was not tested."
    established = "" if best["p_fwe"] < ALPHA else "not "
    return (
        f"{score} on held-out images; that r is above 0 is {established}established ({p_value(best['p'])}, "
        f"family-wise {p_value(best['p_fwe'])}; relabelled targets chose their layer too)."
    )


def _rest(rows: pd.DataFrame) -> str:
    best, layers = rows[rows["depth"].isna()].iloc[0], rows[rows["depth"].notna()]
    chosen = layers[layers["n_chosen"] > 0].sort_values("n_chosen", ascending=False, kind="stable")
    how_often = ", ".join(
        f"{row['layer']} in {int(row['n_chosen'])} of {count(best['n_chosen'], 'fold')}"
        for _, row in chosen.iterrows()
    )
    scores = ", ".join(f"{row['layer']} {number(row['r'], '.3f')}" for _, row in layers.iterrows())
    text = f"Chosen: {how_often}. Each layer by itself, pruned: r = {scores}."
    if layers["r"].notna().any():
        text += (
            f" The largest of these, {layers.loc[layers['r'].idxmax(), 'layer']}, is known only with hindsight: as the "
            "maximum of several scores it is too high, and its family-wise p alone corrects for that."
        )
    return text
