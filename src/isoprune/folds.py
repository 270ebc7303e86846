"""Folds over images.

Folds follow from (seed, repeat, sorted labels) alone: not from the order of rows, the network, the target or
the subject, so that everything measured on the same images can be paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from isoprune.errors import FoldError, TooFewImagesError
from isoprune.labels import check_labels, choose, listing

SCHEMES = ("random", "stratified", "grouped", "leave-one-group-out")
"""How images are dealt into folds."""

MIN_IMAGES = 9
"""Fewest images that can be cross-validated: three folds of three."""

MIN_TEST_IMAGES = 3
"""Fewest test images of a fold: below, their RDM has no two pairs to correlate."""


@dataclass(frozen=True)
class Fold:
    """A split of the images.

    Attributes
    ----------
    repeat, fold : int
        From 1.
    train, test : tuple of str
        Sorted stimulus labels of the two blocks.
    """

    repeat: int
    fold: int
    train: tuple[str, ...]
    test: tuple[str, ...]


def make_folds(
    labels: Sequence[str],
    *,
    folds: str = "random",
    n_splits: int = 5,
    n_repeats: int = 8,
    seed: int = 0,
    groups: Mapping[str, str] | None = None,
) -> list[Fold]:
    """Deal images into folds.

    Parameters
    ----------
    labels : sequence of str
        Stimulus labels, in any order.
    folds : {"random", "stratified", "grouped", "leave-one-group-out"}
        ``stratified`` puts every group into every fold in proportion and asks about new images of the same kinds;
        ``grouped`` keeps a group together and asks about new kinds; ``leave-one-group-out`` makes a fold of each group.
    n_splits : int
        Folds of a repeat; not used by ``leave-one-group-out``.
    n_repeats : int
        Repeats with other random draws; 1 for ``leave-one-group-out``, which has nothing random.
    seed : int
        0 is a seed like any other.
    groups : mapping of str to str, optional
        Group of each label; needed by all schemes but ``random``.

    Returns
    -------
    list of Fold
        Ordered by repeat and fold.

    Raises
    ------
    TooFewImagesError
        If there are fewer than 9 images or a fold would have fewer than 3 test or training images.
    FoldError
        If groups are missing or too few.
    """
    labels = sorted(check_labels(labels, "folds"))
    choose(folds, SCHEMES, what="scheme", where="crossvalidation.folds")
    if len(labels) < MIN_IMAGES:
        raise TooFewImagesError(
            "crossvalidation",
            f"{len(labels)} images",
            f"at least {MIN_IMAGES}",
            "Cross-validation needs three folds of three images; without `networks` a study stops at RDMs.",
        )
    of_group = None if folds == "random" else _groups_of(labels, groups or {}, folds)
    if folds == "leave-one-group-out" and of_group is not None:
        n_splits, n_repeats = len(set(of_group)), 1
    elif not 2 <= n_splits <= len(labels) // MIN_TEST_IMAGES:
        raise TooFewImagesError(
            "crossvalidation.n_splits",
            f"{n_splits} folds of {len(labels)} images",
            f"2 to {len(labels) // MIN_TEST_IMAGES} folds, so that each has {MIN_TEST_IMAGES} images or more",
            "Use fewer folds.",
        )
    made = []
    for repeat in range(1, n_repeats + 1):
        fold_of = _deal(folds, labels, of_group, n_splits, np.random.default_rng([seed, repeat]))
        made += [_fold(labels, fold_of, repeat, fold, n_splits) for fold in range(1, n_splits + 1)]
    return made


def _groups_of(labels: Sequence[str], groups: Mapping[str, str], scheme: str) -> np.ndarray:
    missing = [label for label in labels if not groups.get(label)]
    if missing:
        raise FoldError(
            "crossvalidation.column",
            f"no group for {len(missing)} image(s): {listing(missing)}",
            f"a group for every image (`folds: {scheme}` needs one)",
            "Name a filled column of the stimulus table, or use `folds: random`.",
        )
    return np.array([str(groups[label]) for label in labels])


def _deal(
    scheme: str, labels: Sequence[str], of_group: np.ndarray | None, n_splits: int, rng: np.random.Generator
) -> np.ndarray:
    """Fold number, 0 … n_splits − 1, of each label."""
    shuffled = rng.permutation(len(labels))
    if of_group is None:
        return _in_turn(shuffled, n_splits)
    if scheme == "stratified":
        # One deal through all groups: each group is spread evenly, and so are the remainders.
        order = shuffled[np.argsort(of_group[shuffled], kind="stable")]
        return _in_turn(order, n_splits)
    names = np.unique(of_group)
    if len(names) < n_splits:
        raise FoldError(
            "crossvalidation.n_splits",
            f"{n_splits} folds but only {len(names)} groups ({listing(names)})",
            "at least as many groups as folds",
            "Use fewer folds or finer groups.",
        )
    if scheme == "leave-one-group-out":
        return np.searchsorted(names, of_group)
    return _balanced(of_group, rng.permutation(names), n_splits)


def _in_turn(order: np.ndarray, n_splits: int) -> np.ndarray:
    fold_of = np.empty(len(order), dtype=int)
    fold_of[order] = np.arange(len(order)) % n_splits
    return fold_of


def _balanced(of_group: np.ndarray, names: np.ndarray, n_splits: int) -> np.ndarray:
    """Whole groups into folds: the largest first, each into the fold that has fewest images."""
    sizes = np.array([(of_group == name).sum() for name in names])
    fold_of, filled = np.empty(len(of_group), dtype=int), np.zeros(n_splits, dtype=int)
    for position in np.argsort(-sizes, kind="stable"):
        smallest = int(filled.argmin())
        fold_of[of_group == names[position]] = smallest
        filled[smallest] += sizes[position]
    return fold_of


def _fold(labels: Sequence[str], fold_of: np.ndarray, repeat: int, fold: int, n_splits: int) -> Fold:
    test = tuple(label for label, number in zip(labels, fold_of, strict=True) if number == fold - 1)
    train = tuple(label for label, number in zip(labels, fold_of, strict=True) if number != fold - 1)
    if min(len(test), len(train)) < MIN_TEST_IMAGES:
        raise TooFewImagesError(
            f"crossvalidation, repeat {repeat}, fold {fold} of {n_splits}",
            f"{len(test)} test and {len(train)} training images",
            f"at least {MIN_TEST_IMAGES} of each",
            "Use fewer folds, or groups of at least three images.",
        )
    return Fold(repeat, fold, train, test)
