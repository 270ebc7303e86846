"""From tables of single judgments, ratings of pairs or odd-one-out choices, to RDMs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isoprune.judgments.pairs import PairJudgments
from isoprune.judgments.ratings import read_ratings
from isoprune.judgments.triplets import read_triplets
from isoprune.labelled import GROUP, RDM

__all__ = ["PairJudgments", "judged_rdm", "read_judgments", "read_ratings", "read_triplets"]


def read_judgments(
    path: str | Path, labels: Sequence[str], judgments: Mapping[str, Mapping[str, Any]]
) -> PairJudgments:
    """The judgments of a target, as its settings describe them.

    Parameters
    ----------
    path : path
        The table.
    labels : sequence of str
        The images of the target.
    judgments : mapping
        ``ratings`` or ``triplets``, and their settings.

    Returns
    -------
    PairJudgments

    Raises
    ------
    IsopruneError
        As ``read_ratings`` and ``read_triplets``.
    """
    ((kind, settings),) = judgments.items()
    shared = {"columns": settings["columns"], "repeats": settings["repeats"]}
    if kind == "triplets":
        return read_triplets(path, labels, **shared)
    return read_ratings(path, labels, scale=settings["scale"], similarity=settings["similarity"], **shared)


def judged_rdm(
    path: str | Path,
    labels: Sequence[str],
    judgments: Mapping[str, Mapping[str, Any]],
    *,
    target: str,
    subject: str = GROUP,
) -> RDM:
    """The RDM of one rater, or of all raters together (``group``).

    Parameters
    ----------
    path, labels, judgments
        As for ``read_judgments``.
    target, subject : str
        Name of the target, and the rater or ``group``.

    Returns
    -------
    RDM

    Raises
    ------
    IsopruneError
        As ``read_judgments`` and ``PairJudgments.rdm``.
    """
    ((kind, settings),) = judgments.items()
    # One rater has one rating of a pair, however many raters the pool needs.
    least = 1 if kind == "ratings" and subject != GROUP else settings["min_judgments"]
    return read_judgments(path, labels, judgments).rdm(target=target, subject=subject, least=least)
