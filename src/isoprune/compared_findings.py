"""What a study found between its networks, targets and supervisions, in sentences.

As in `isoprune.findings`, every number is of the tables, and a verdict needs the family-wise p of its contrast.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from isoprune.findings import difference_in_words, is_established, is_tested, percent, why_not
from isoprune.labelled import GROUP, SUBJECTS
from isoprune.results import BETWEEN_COMPETITORS
from isoprune.wording import count, is_missing, number

CEILINGS_DIFFER = (
    "Targets differ in their noise ceilings: a difference of r between two targets is not a difference of relation, "
    "and a less noisy area is predicted better by anything. Beside each r stands its share of the ceiling, which "
    "corrects for that roughly; no test is of shares."
)
"""What holds of every comparison of targets."""

ABOUT = {
    "targets": "Targets compared",
    "networks": "Networks compared",
    "supervisions": "Supervisions compared",
}
"""Titles, in the order of the page."""


_RANKED_ON = {"own": "the subject's own RDM", "loso": "the others' mean RDM"}


@dataclass(frozen=True)
class ComparedFinding:
    """What was found between two networks, targets or supervisions.

    Attributes
    ----------
    compared : str
        A key of `ABOUT`.
    place : str
        What is the same on both sides.
    verdict : str
        Which of the two is better predicted, or predicts better, by the pruned set.
    scores : tuple of str
        For the pruned set, all features and the gain: both sides, their difference and its test.
    """

    compared: str
    place: str
    verdict: str
    scores: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it as one paragraph."""
        return f"{self.verdict} {'. '.join(self.scores)}."


def compared_findings(summary: pd.DataFrame, contrasts: pd.DataFrame) -> list[ComparedFinding]:
    """What was found between networks, targets and supervisions.

    Parameters
    ----------
    summary, contrasts : DataFrame
        Columns as `isoprune.results.SUMMARY_COLUMNS` and ``CONTRAST_COLUMNS``.

    Returns
    -------
    list of ComparedFinding
        In the order of `ABOUT`; one a pair, place, and who was scored.
    """
    known = {
        tuple(row[name] for name in ("network", "target", "supervision", "subject", "competitor")): row
        for _, row in summary[summary["subject"].isin([GROUP, SUBJECTS])].iterrows()
    }
    between = contrasts[contrasts["compared"] != BETWEEN_COMPETITORS]
    return [
        _finding(rows, known)
        for compared in ABOUT
        for _, rows in between[between["compared"] == compared].groupby(
            ["network", "target", "supervision", "unit", "a", "b"], sort=False, dropna=False
        )
    ]


def _finding(rows: pd.DataFrame, known: Mapping[tuple[str, ...], pd.Series]) -> ComparedFinding:
    """One pair: its contrasts by score, the pruned set's first."""
    contrasts = {row["score"]: row for _, row in rows.iterrows()}
    pruned = contrasts["pruned"]
    scores = tuple(_score(contrast, known) for contrast in contrasts.values())
    return ComparedFinding(pruned["compared"], _place(pruned), _verdict(pruned), scores)


def _place(contrast: pd.Series) -> str:
    n = count(contrast["n_subjects"], "subject")
    scored = "mean RDM of the group" if contrast["unit"] == "folds" else n
    ranked = {"own": ", ranked on their own RDM", "loso": ", left out of the ranking"}
    fixed = [contrast[name] for name in ("target", "network") if not is_missing(contrast[name])]
    return "  ·  ".join([*fixed, f"{scored}{ranked.get(contrast['supervision'], '')}"])


def _verdict(contrast: pd.Series) -> str:
    a, b = contrast["a"], contrast["b"]
    claims = {
        "targets": ("{} is better predicted than {}", "one of {} and {} is better predicted than the other"),
        "networks": ("{} predicts better than {}", "one of {} and {} predicts better than the other"),
        "supervisions": (
            "Features ranked on {} predict better than those ranked on {}",
            "it makes a difference whether features are ranked on {} or on {}",
        ),
    }
    better, differ = claims[contrast["compared"]]
    a, b = (
        _RANKED_ON.get(level, level) if contrast["compared"] == "supervisions" else level for level in (a, b)
    )
    if not is_tested(contrast):
        return f"That {differ.format(a, b)} was not tested: {why_not(contrast)}."
    for first, second, sign in ((a, b, 1), (b, a, -1)):
        if is_established(contrast, sign):
            return f"{better.format(first, second)}."
    return f"That {differ.format(a, b)} is not established."


def _score(contrast: pd.Series, known: Mapping[tuple[str, ...], pd.Series]) -> str:
    """A score of both sides, with shares of the ceilings, their difference and its test."""
    what = {"pruned": "Pruned", "full": "All features", "pruned − full": "Gain of pruning"}[contrast["score"]]
    sides = "".join(f"{side}, " for side in _sides(contrast, known))
    return f"{what}: {sides}{contrast['a']} − {contrast['b']} {difference_in_words(contrast)}"


def _sides(contrast: pd.Series, known: Mapping[tuple[str, ...], pd.Series]) -> Iterator[str]:
    subject = GROUP if contrast["unit"] == "folds" else SUBJECTS
    for level in (contrast["a"], contrast["b"]):
        at = {name: contrast[name] for name in ("network", "target", "supervision")}
        at[contrast["compared"].removesuffix("s")] = level
        row = known.get((*at.values(), subject, contrast["score"]))
        if row is not None and not is_missing(row["r"]):
            share = row["share_low"]
            of = "" if is_missing(share) else f" ({percent(share)} of its upper ceiling)"
            yield f"{level} r = {number(row['r'], '.3f')}{of}"
