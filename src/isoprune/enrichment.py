"""WordNet enrichment: kinds of things that are over-represented among what drives a feature the most.

Images of one synset are exemplars of it: their drives are averaged first, so that three photographs of one animal count
once. Only images with a synset have a part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from isoprune.adjustment import p_value
from isoprune.relabelling import relabellings
from isoprune.selectivity import standardised_features, varying_features
from isoprune.wordnet import MIN_SYNSETS

if TYPE_CHECKING:
    import pandas as pd

MIN_UNDER = 3
"""Fewest synsets under a hypernym that is tested."""

HYPERNYM_COLUMNS = {
    "feature": "Feature, numbered from 0 in the order of the embedding.",
    "hypernym": "WordNet synset that some of the stimuli's synsets are kinds of. Of hypernyms over the same synsets, "
    "the most specific one.",
    "n_top": "Number of synsets that drive the feature the most.",
    "n_top_under": "How many of these are kinds of the hypernym.",
    "n_under": "How many of all synsets are.",
    "n_synsets": "Number of synsets of the target's images.",
    "p": "Hypergeometric probability of as many or more, uncorrected.",
    "p_fwe": "The same corrected: synsets relabelled, smallest p over all hypernyms and all features of the network, "
    "(b + 1)/(N + 1). It holds whichever features are looked at.",
}


@dataclass(frozen=True)
class Hypernyms:
    """What the synsets of some images are kinds of.

    Attributes
    ----------
    synsets : tuple of str
        Of the images, each once, sorted.
    names : tuple of str
        Hypernyms over at least `MIN_UNDER` synsets, but not over all.
    members : ndarray of shape (n_hypernyms, n_synsets), float64
        1 where a synset is a kind of the hypernym.
    exemplars : ndarray of shape (n_synsets, n_images), float64
        Rows that average over the images of a synset.
    """

    synsets: tuple[str, ...]
    names: tuple[str, ...]
    members: np.ndarray
    exemplars: np.ndarray


def hypernyms_of(table: pd.DataFrame, labels: Sequence[str]) -> Hypernyms | None:
    """Hypernyms of some images' synsets; None where there is nothing to test.

    Parameters
    ----------
    table : DataFrame
        As `isoprune.wordnet.synset_table` gives it: a synset's hypernyms stand with the most general first.
    labels : sequence of str
        The images, in the order wanted.
    """
    table = table[table["stimulus"].isin(labels)].dropna(subset="synset")
    of_image = dict(zip(table["stimulus"], table["synset"], strict=True))
    above = {
        synset: [*str(hypernyms).split(), synset]
        for synset, hypernyms in zip(table["synset"], table["hypernyms"], strict=True)
    }
    synsets = tuple(sorted(above))
    if len(synsets) < MIN_SYNSETS:
        return None
    under: dict[str, set[int]] = {}
    for place, synset in enumerate(synsets):
        for hypernym in above[synset]:
            under.setdefault(hypernym, set()).add(place)
    named: dict[frozenset[int], str] = {}
    for synset in synsets:
        for hypernym in above[synset]:  # a more specific one takes the place of those over the same synsets
            named[frozenset(under[hypernym])] = hypernym
    kept = sorted((name, places) for places, name in named.items() if MIN_UNDER <= len(places) < len(synsets))
    members = np.array([np.isin(np.arange(len(synsets)), list(places)) for _, places in kept], dtype=float)
    shown = np.array([[of_image.get(label) == synset for label in labels] for synset in synsets], dtype=float)
    exemplars = shown / shown.sum(axis=1, keepdims=True)
    return Hypernyms(synsets, tuple(name for name, _ in kept), members, exemplars) if kept else None


def enrichment_table(
    values: np.ndarray,
    hypernyms: Hypernyms,
    shown: Sequence[int] | np.ndarray,
    *,
    n_top: int,
    n_permutations: int,
    seed: int,
) -> pd.DataFrame:
    """Enrichment of every hypernym among the synsets that drive some features the most.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
        All features of the network: with the hypernyms, the family of p.
    hypernyms : Hypernyms
        Of the same images.
    shown : sequence of int
        Features that have rows; one that is constant has none.
    n_top : int
        Synsets that drive a feature the most; fewer where fewer drive it above its mean.
    n_permutations : int
        0 leaves the corrected p out (NaN).
    seed : int

    Returns
    -------
    DataFrame
        A row a feature × hypernym, columns as `HYPERNYM_COLUMNS`.
    """
    import pandas as pd

    features = np.flatnonzero(varying_features(values))
    drive = hypernyms.exemplars @ standardised_features(values[:, features])
    top = _driven_most(drive, n_top)
    surprise = _surprise_by_counts(n_top, hypernyms.members)
    null = np.array(
        [
            _surprises(top, hypernyms.members[:, rows], surprise).max(initial=0.0)
            for rows in relabellings(hypernyms.synsets, n_permutations, seed=seed)
        ]
    )
    found = _surprises(top, hypernyms.members, surprise)
    rows = []
    for feature in [one for one in shown if one in features]:
        place = int(np.searchsorted(features, feature))
        rows += [
            {
                "feature": int(feature),
                "hypernym": name,
                "n_top": int(top[place].sum()),
                "n_top_under": int(top[place] @ members),
                "n_under": int(members.sum()),
                "n_synsets": len(hypernyms.synsets),
                "p": float(np.exp(-found[place, row])),
                "p_fwe": p_value(found[place, row], null) if len(null) else np.nan,
            }
            for row, (name, members) in enumerate(zip(hypernyms.names, hypernyms.members, strict=True))
        ]
    return pd.DataFrame(rows, columns=list(HYPERNYM_COLUMNS))


def _driven_most(drive: np.ndarray, n_top: int) -> np.ndarray:
    """1 for the synsets that drive a feature the most, and above its mean: shape (n_features, n_synsets)."""
    order = np.argsort(-drive, axis=0, kind="stable")[:n_top]
    top = np.zeros(drive.shape)
    np.put_along_axis(top, order, 1.0, axis=0)
    return (top * (drive > 0)).T


def _surprise_by_counts(n_top: int, members: np.ndarray) -> np.ndarray:
    """−ln P(X ≥ k), hypergeometric: by number of top synsets, of synsets under a hypernym, and k."""
    from scipy.stats import hypergeom

    n_synsets = members.shape[1]
    drawn, under, k = np.ogrid[: n_top + 1, : n_synsets + 1, : n_top + 1]
    with np.errstate(divide="ignore"):  # more than there can be: never looked up
        return np.maximum(-np.log(hypergeom.sf(k - 1, n_synsets, under, np.minimum(drawn, n_synsets))), 0.0)


def _surprises(top: np.ndarray, members: np.ndarray, surprise: np.ndarray) -> np.ndarray:
    """−ln p of every feature × hypernym."""
    n_top, n_under = top.sum(axis=1).astype(int), members.sum(axis=1).astype(int)
    return surprise[n_top[:, None], n_under, np.rint(top @ members.T).astype(int)]


def enriched(table: pd.DataFrame) -> Mapping[int, pd.DataFrame]:
    """The rows of each feature, the smallest p first."""
    return {
        int(feature): rows.sort_values("p", kind="stable")
        for feature, rows in table.groupby("feature", sort=False)
    }
