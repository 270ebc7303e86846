"""Hostile data for tests of properties: labels, tables, RDMs, betas, judgments, embeddings, each perhaps with a flaw.

A flaw is named together with the errors that may be raised for it, so that data without one have to be accepted.
Structure is drawn by hypothesis, numbers from a seed that it draws.
"""

import unicodedata
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from isoprune.errors import (
    ConstantImageError,
    EmbeddingError,
    IsopruneError,
    JudgmentError,
    LabelError,
    RDMError,
)


def cases(n):
    """As many examples as a property has in the suite; the profile ``full`` multiplies them."""
    return settings(max_examples=n * settings.default.max_examples // 100)


SCALES = (1e-12, 1e-6, 1.0, 1e6, 1e12)


@st.composite
def generators(draw):
    """A generator of numbers; its seed is what hypothesis reports."""
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


# ---- labels ----

LOOK_ALIKES = (
    *("img_1", "img_10", "img_2", "IMG_1", "1", "01", "1.0", "1e0", "007", "-0", "nan", "None", "true"),
    *("a", "a ", " a", "A", "ä", "a\u0308", "Ä", "ß", "ss", "猫", "🐈", "N/A", "a,b", 'a"b', "a'b", "=1+1"),
    *("a/b", "../a", "%41", "50%", "{target}", "#a", "\\", "stimulus"),
)
BLANK = ("", " ", "n/a", " n/a ", "\u00a0")
UNSEEN = ("a\x00", "a\nb", "a\rb", "a\r\nb", "a\tb", "a\u200fb", "\x1b[31ma")


def visible_labels():
    """Labels that look like numbers, like each other, or like code, and any letters of Unicode."""
    letters = st.characters(categories=["L", "N", "P", "S"])
    return st.sampled_from(LOOK_ALIKES) | st.text(letters, min_size=1, max_size=12)


def distinct_labels(least, most):
    """Different labels of images."""
    return st.lists(visible_labels(), min_size=least, max_size=most, unique=True)


def trimmed_labels(least, most):
    """The same without blanks around them, for tables in which these do not count."""
    one = visible_labels().map(str.strip)
    return st.lists(one, min_size=least, max_size=most, unique=True)


@st.composite
def label_lists(draw):
    """Labels for a table, whether they can identify rows, and why not."""
    labels = draw(distinct_labels(1, 8))
    flaw = draw(st.sampled_from([None, None, None, "blank", "twice"]))
    if flaw == "blank":
        labels.insert(draw(st.integers(0, len(labels))), draw(st.sampled_from(BLANK)))
    elif flaw == "twice":
        labels.insert(draw(st.integers(0, len(labels))), draw(st.sampled_from(labels)))
    return labels, flaw


@st.composite
def shuffled(draw, labels):
    """The same labels in another order, such as that of a file that sorts them otherwise."""
    sorts = (sorted, lambda all_: sorted(all_, key=str.casefold), lambda all_: sorted(all_, key=_natural))
    if draw(st.booleans()):
        return draw(st.sampled_from(sorts))(labels)
    return draw(st.permutations(labels))


def _natural(label):
    return unicodedata.normalize("NFC", label).rjust(20)


# ---- RDMs ----


@dataclass
class Stack:
    """RDMs of several subjects over labelled images, as some file could hold them."""

    labels: list[str]
    matrices: np.ndarray
    errors: tuple[type[IsopruneError], ...] = ()
    flaw: str | None = None
    exact: bool = True


def dissimilarities(rng, n, kind):
    """A symmetric matrix with zero diagonal."""
    values = {
        "uniform": lambda: rng.uniform(0.1, 2, (n, n)),
        "ties": lambda: rng.integers(0, 3, (n, n)).astype(float),
        "negative": lambda: rng.normal(size=(n, n)),
        "constant": lambda: np.ones((n, n)),
        "nearly constant": lambda: 1 + 1e-9 * rng.normal(size=(n, n)),
        "float32": lambda: rng.uniform(0.1, 2, (n, n)).astype(np.float32).astype(float),
        "one pair": lambda: np.eye(n)[:, ::-1] * (np.arange(n) == 0)[:, None],
    }[kind]()
    upper = np.triu(values, 1)
    return upper + upper.T


KINDS_OF_RDM = ("uniform", "ties", "negative", "constant", "nearly constant", "float32", "one pair")


FLAWS_OF_RDM = (None, None, None, None, "undefined", "skewed", "rounded", "diagonal")


@st.composite
def stacks(draw, flaws=FLAWS_OF_RDM):
    """RDMs of one to three subjects, with an entry that should not be, or none."""
    labels, rng = draw(distinct_labels(4, 8)), draw(generators())
    n, kind = len(labels), draw(st.sampled_from(KINDS_OF_RDM))
    matrices = np.array([dissimilarities(rng, n, kind) for _ in range(draw(st.integers(1, 3)))])
    matrices *= draw(st.sampled_from(SCALES))
    made = Stack(labels, matrices)
    made.flaw = draw(st.sampled_from(flaws))
    if made.flaw == "undefined":
        matrices[-1, 0, 1] = matrices[-1, 1, 0] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    elif made.flaw == "skewed":
        matrices[-1, 0, 1] += 0.1 * np.abs(matrices[-1]).max()
    elif made.flaw == "rounded":
        matrices[:, 0, 1] *= 1 + 1e-7
        made.exact = False
    elif made.flaw == "diagonal":
        matrices[-1, 0, 0] = 0.1 * np.abs(matrices[-1]).max()
    if made.flaw in ("undefined", "skewed", "diagonal"):
        made.errors = (RDMError,)
    return made


# ---- betas and masks ----


@dataclass
class Betas:
    """Runs of volumes on a small grid, and a region of it."""

    values: list[np.ndarray]
    conditions: list[list[str]]
    inside: np.ndarray


@st.composite
def betas(draw):
    """Two runs of betas: voxels with holes, constant in a run or in all, of huge and tiny size."""
    rng, labels = draw(generators()), draw(distinct_labels(3, 5))
    shape = (2, 3, draw(st.integers(1, 4)))
    values = [rng.normal(size=(len(labels), *shape)) * draw(st.sampled_from(SCALES)) for _ in range(2)]
    for _ in range(draw(st.integers(0, 10))):
        run, place = draw(st.integers(0, 1)), tuple(int(rng.integers(n)) for n in shape)
        hole = draw(st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 7.5]))
        if np.isfinite(hole):
            values[run][(slice(None), *place)] = hole
        else:
            values[run][(int(rng.integers(len(labels))), *place)] = hole
    conditions = [list(draw(st.permutations(labels))) for _ in range(2)]
    return Betas(values, conditions, rng.random(shape) < draw(st.sampled_from([0.2, 0.6, 1.0])))


@st.composite
def turned_masks(draw):
    """A mask, and the grid of betas that it is turned, flipped and shifted against by whole voxels."""
    rng = draw(generators())
    shape = tuple(draw(st.integers(1, 4)) for _ in range(3))
    axes, signs = draw(st.permutations(range(3))), [draw(st.sampled_from([-1, 1])) for _ in range(3)]
    turn = np.zeros((4, 4))
    turn[list(axes), range(3)] = signs
    turn[:3, 3] = [draw(st.integers(-2, 5)) for _ in range(3)]
    turn[3, 3] = 1
    onto = np.diag([2.0, 2.0, 3.0, 1.0])
    onto[:3, 3] = rng.normal(size=3) * 10
    affine = onto @ turn
    off_grid = draw(st.sampled_from([0.0, 0.0, 0.0, 0.3]))
    affine[:3, 3] += off_grid
    inside = rng.random(shape) < draw(st.sampled_from([0.0, 0.4, 1.0]))
    values = np.where(inside, draw(st.sampled_from([1.0, 2.5, -1.0])), draw(st.sampled_from([0.0, np.nan])))
    return values, affine, (3, 4, 2), onto, bool(off_grid)


# ---- judgments ----


@dataclass
class Judged:
    """Rows of a table of judgments, and what they mean."""

    labels: list[str]
    rows: list[tuple[str, ...]]
    errors: tuple[type[IsopruneError], ...] = ()
    flaw: str | None = None
    scale: tuple[float, float] = (1.0, 7.0)


@st.composite
def rated_pairs(draw):
    """Ratings of pairs by some raters, on some scale, not of every pair."""
    labels, raters, rng = draw(trimmed_labels(3, 5)), draw(trimmed_labels(1, 3)), draw(generators())
    low, high = draw(st.sampled_from([(1.0, 7.0), (0.0, 1.0), (-3.0, 3.0), (0.0, 1e-9), (0.0, 1e9)]))
    share = draw(st.sampled_from([1.0, 0.7]))
    rows = [
        (rater, *rng.permutation([one, other]).tolist(), repr(float(rng.uniform(low, high))))
        for rater in raters
        for one, other in combinations(labels, 2)
        if rng.random() < share
    ]
    made = Judged(labels, rows, scale=(low, high))
    made.flaw = draw(
        st.sampled_from([None, None, None, "outside", "no number", "itself", "stranger", "nobody"])
    )
    if made.flaw and made.rows:
        _spoil(draw, made)
    return made


def _spoil(draw, made):
    number = draw(st.integers(0, len(made.rows) - 1))
    who, one, other, rating = made.rows[number]
    low, high = made.scale
    outside = high + 0.1 * (high - low)
    made.rows[number], error = {
        "outside": ((who, one, other, repr(draw(st.sampled_from([outside, -1e12])))), JudgmentError),
        "no number": (
            (who, one, other, draw(st.sampled_from(["", "n/a", "nan", "inf", "3,5", "٣x", "--"]))),
            JudgmentError,
        ),
        "itself": ((who, one, one, rating), JudgmentError),
        "stranger": ((who, one, f"{other}?", rating), LabelError),
        "nobody": (("", one, other, rating), JudgmentError),
    }[made.flaw]
    if made.flaw == "stranger" and f"{other}?" in made.labels:
        return
    made.errors = (error,)


# ---- embeddings and targets ----


@dataclass
class Problem:
    """An embedding and a target to prune it for."""

    X: np.ndarray
    T: np.ndarray
    errors: tuple[type[IsopruneError], ...] = ()
    flaw: str | None = None


KINDS_OF_EMBEDDING = ("normal", "sparse", "whole numbers", "low rank", "nearly equal images", "float32")


@st.composite
def embeddings(draw, n_images, n_features):
    """Features with ties, dead, duplicated and dominating columns, equal images, at any scale."""
    rng, kind = draw(generators()), draw(st.sampled_from(KINDS_OF_EMBEDDING))
    X = rng.normal(size=(draw(st.integers(*n_images)), draw(st.integers(*n_features))))
    if kind == "sparse":
        X = np.maximum(X - 0.5, 0) * rng.lognormal(sigma=1.5, size=X.shape[1])
    elif kind == "whole numbers":
        X = rng.integers(-1, 3, size=X.shape).astype(float)
    elif kind == "low rank":
        X = rng.normal(size=(len(X), 2)) @ rng.normal(size=(2, X.shape[1]))
    elif kind == "nearly equal images":
        X = 0.02 * X + rng.normal(size=X.shape[1])
    elif kind == "float32":
        X = X.astype(np.float32).astype(float)
    row, column, other = rng.integers(len(X)), *rng.integers(X.shape[1], size=2)
    changes = {
        "duplicate": (np.s_[:, column], X[:, other]),
        "dead": (np.s_[:, column], 0.0),
        "dominating": (np.s_[:, column], 1e3 * X[:, column]),
        "only one active": (np.s_[row], np.where(np.arange(X.shape[1]) == column, 1.0, 0.0)),
        "equal images": (np.s_[row], X[0]),
        "nearly constant image": (np.s_[row], 1 + 1e-4 * X[row]),
        "constant image": (np.s_[row], 0.3),
    }
    for name in draw(st.lists(st.sampled_from(list(changes)), max_size=2, unique=True)):
        place, new = changes[name]
        X[place] = new
    return X * draw(st.sampled_from(SCALES))


@st.composite
def problems(draw, n_images=(3, 9), n_features=(3, 12)):
    """An embedding, a target over its images, and sometimes a flaw that has to be named."""
    X, rng = draw(embeddings(n_images, n_features)), draw(generators())
    T = dissimilarities(rng, len(X), draw(st.sampled_from(KINDS_OF_RDM))) * draw(st.sampled_from(SCALES))
    made = Problem(X, T)
    made.flaw = draw(
        st.sampled_from([None] * 8 + ["undefined feature", "undefined pair", "rows cut", "narrow"])
    )
    if made.flaw == "undefined feature":
        made.X[-1, 0] = draw(st.sampled_from([np.nan, np.inf]))
        made.errors = (EmbeddingError,)
    elif made.flaw == "undefined pair":
        made.T[0, 1] = made.T[1, 0] = draw(st.sampled_from([np.nan, np.inf]))
        made.errors = (RDMError,)
    elif made.flaw == "rows cut":
        made.T = made.T[1:]
        made.errors = (RDMError,)
    elif made.flaw == "narrow":
        made.X = made.X[:, :2]
        made.errors = (EmbeddingError, RDMError, ConstantImageError)
    return made


REFUSED = (EmbeddingError, RDMError)
"""What may be raised for an embedding or a target without geometry."""


# ---- settings ----


def junk():
    """Values of every type that YAML has, in and out of range."""
    numbers = st.sampled_from([0, 1, -1, 2, 3, 10**30, 0.5, 1.0, -0.1, 1e-300, float("inf"), float("nan")])
    words = st.sampled_from(
        ["", "group", "01", "own", "IT", "net", "random", "{subject}", "{", "../x", "null"]
    )
    simple = st.none() | st.booleans() | numbers | words | visible_labels()
    keys = st.sampled_from(["name", "file", "mask", "subject", "x", "", "1"])
    return st.recursive(
        simple,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=5,
    )


def places_in(settings, above=()):
    """Every place in nested settings, as a tuple of keys and numbers."""
    inside = settings.items() if isinstance(settings, dict) else enumerate(settings)
    for key, value in inside:
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from places_in(value, (*above, key))
