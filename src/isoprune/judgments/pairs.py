"""Judgments of pairs of images, whatever the task was, and the RDM that they make."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from isoprune.errors import JudgmentError
from isoprune.labelled import GROUP, RDM
from isoprune.labels import choose, listing
from isoprune.provenance import record


@dataclass(frozen=True)
class PairJudgments:
    """What raters said about pairs of images, in a fixed order: by pair, then rater, then answer.

    Attributes
    ----------
    labels : tuple of str
        The images.
    pair : ndarray of shape (n_judgments,), int
        Which pair was judged: its place in the upper triangle without diagonal, row by row.
    dissimilarity : ndarray of shape (n_judgments,), float64
        From 0, most alike, to 1 (dimensionless).
    rater : ndarray of shape (n_judgments,), int
        Who judged, as a place in ``raters``; −1 where the table names nobody.
    raters : tuple of str
        Sorted labels of the raters; empty where the table names none.
    kind : str
        What was judged: ``ratings`` or ``triplets``.
    where : str
        The table, for messages.
    """

    labels: tuple[str, ...]
    pair: np.ndarray
    dissimilarity: np.ndarray
    rater: np.ndarray
    raters: tuple[str, ...]
    kind: str
    where: str

    def __post_init__(self):
        # Sums depend on their order in the last bit, and the order of rows must not matter.
        order = np.lexsort((self.dissimilarity, self.rater, self.pair))
        for name in ("pair", "dissimilarity", "rater"):
            object.__setattr__(self, name, getattr(self, name)[order])

    @property
    def n_pairs(self) -> int:
        """Number of pairs of images, judged or not."""
        return len(self.labels) * (len(self.labels) - 1) // 2

    def counts(self) -> np.ndarray:
        """Number of judgments of each pair: ndarray of shape (n_pairs,)."""
        return np.bincount(self.pair, minlength=self.n_pairs)

    def means(self, chosen: np.ndarray | None = None) -> np.ndarray:
        """Mean dissimilarity of each pair, over all judgments or over some.

        Parameters
        ----------
        chosen : ndarray of shape (n_judgments,), bool, optional

        Returns
        -------
        ndarray of shape (n_pairs,), float64
            NaN where nobody judged the pair.
        """
        pair, values = self.pair, self.dissimilarity
        if chosen is not None:
            pair, values = pair[chosen], values[chosen]
        n = np.bincount(pair, minlength=self.n_pairs)
        sums = np.bincount(pair, weights=values, minlength=self.n_pairs)
        return np.divide(sums, n, out=np.full(self.n_pairs, np.nan), where=n > 0)

    def complete_raters(self) -> list[str]:
        """The raters who judged every pair."""
        known = self.rater >= 0
        of_rater = np.unique(self.rater[known] * self.n_pairs + self.pair[known]) // max(self.n_pairs, 1)
        n_judged = np.bincount(of_rater, minlength=len(self.raters))
        return [name for name, n in zip(self.raters, n_judged, strict=True) if n == self.n_pairs]

    def of_raters(self, names: Sequence[str]) -> PairJudgments:
        """The judgments of some raters.

        Raises
        ------
        UnknownNameError
            If there is no such rater.
        """
        for name in names:
            choose(name, self.raters, what="rater", where=self.where)
        kept = tuple(sorted(names))
        new = np.full(len(self.raters) + 1, -1)  # the last entry is nobody's
        new[[self.raters.index(name) for name in kept]] = range(len(kept))
        chosen = new[self.rater] >= 0
        return replace(
            self,
            pair=self.pair[chosen],
            dissimilarity=self.dissimilarity[chosen],
            rater=new[self.rater[chosen]],
            raters=kept,
        )

    def rdm(self, *, target: str = "target", subject: str = GROUP, least: int = 1) -> RDM:
        """The mean over judgments as an RDM.

        Parameters
        ----------
        target : str
            Name of the target.
        subject : str
            A rater, whose own judgments alone are taken; or ``group``, the pool of all.
        least : int, default 1
            Fewest judgments that every pair needs.

        Returns
        -------
        RDM
            Of the labels in their order; dissimilarities from 0 to 1.

        Raises
        ------
        UnknownNameError
            If there is no such rater.
        JudgmentError
            If pairs have too few judgments; they are counted, and the first are named.
        """
        own = self if subject == GROUP else self.of_raters([subject])
        own._check_complete(least, f"target '{target}' of subject '{subject}', {self.where}", subject)
        content = hashlib.sha256(own.pair.astype("<i8").tobytes() + own.dissimilarity.astype("<f8").tobytes())
        facts: dict[str, Any] = {"source": content.hexdigest(), "n_judgments": len(own.pair)}
        provenance = record({"target": target, "judgments": self.kind}, {}, **facts)
        return RDM(own.means(), self.labels, target, subject, f"mean of {self.kind}", provenance)

    def _check_complete(self, least: int, where: str, subject: str) -> None:
        lacking = np.flatnonzero(self.counts() < least)
        if not len(lacking):
            return
        pairs = [
            (self.labels[i], self.labels[j])
            for i, j in zip(*images_of_pairs(len(self.labels), lacking), strict=True)
        ]
        concerned = Counter(label for pair in pairs for label in pair).most_common()
        most = listing((f"{label} ({n})" for label, n in concerned), most=4)
        remedy = "Collect the missing judgments, or leave out the images concerned."
        if subject != GROUP:
            remedy += " Or write `subjects: []`: all raters are then pooled into one RDM."
        elif least > 1:
            remedy += " Or lower `min_judgments`."
        raise JudgmentError(
            where,
            f"{len(lacking)} of {self.n_pairs} pairs of images have fewer than {least} judgment(s): "
            f"{listing((f'({one}, {other})' for one, other in pairs), most=4)}; "
            f"images with most of them: {most}",
            f"at least {least} for every pair",
            remedy,
        )


def pairs_of_images(n_images: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Place of each pair of images in the upper triangle without diagonal, row by row."""
    i, j = np.minimum(one, other), np.maximum(one, other)
    return i * n_images - i * (i + 1) // 2 + j - i - 1


def images_of_pairs(n_images: int, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of places in the upper triangle, the inverse of `pairs_of_images`."""
    starts = np.arange(n_images) * n_images - np.arange(n_images) * (np.arange(n_images) + 1) // 2
    i = np.searchsorted(starts[: max(n_images - 1, 1)], pairs, side="right") - 1
    return i, pairs - starts[i] + i + 1
