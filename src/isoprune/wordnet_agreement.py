"""Agreement of similarity spaces with WordNet.

Which features were retained was decided by people's similarities, not by WordNet; but the final set has seen these
very images. The honest comparison is that of held-out images, with the features that each fold's training images
retained; that of all images is descriptive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from isoprune.adjustment import p_value
from isoprune.bootstrap import WEIGHTS_AT_ONCE, ImageBootstrap, image_counts
from isoprune.crossvalidation import fisher_z
from isoprune.foldsets import FoldSets
from isoprune.intervals import image_interval
from isoprune.isomorphism import pairs_of, standardised_pairs
from isoprune.labelled import RDM, Embedding
from isoprune.results import UNIT_COLUMNS
from isoprune.synsets import HUMAN, Spaces, WordNet, spaces_of_all_images, spaces_of_held_out_images
from isoprune.weighted import weighted_correlation, weighted_ranks
from isoprune.wordnet import MIN_SYNSETS

HELD_OUT, ALL_IMAGES = "held-out images", "all images"

COEFFICIENTS = ("spearman", "rho_a", "partial")

AGREEMENT_COLUMNS = {
    "network": UNIT_COLUMNS["network"],
    "target": "Target RDM that ranked the features, the mean over subjects; as a competitor it is called `human`.",
    "scope": "`held-out images`: mean (through Fisher z) over blocks of test images, with the features that their "
    "fold's training images retained; `all images`: the final set, which was fitted on the target's RDM of the same "
    "images, and is descriptive.",
    "wordnet": "Measure of WordNet similarity.",
    "coefficient": "`spearman`; `rho_a` (ties of WordNet broken at random, on average: Schütt et al. 2023); `partial`: "
    "Spearman with the human RDM partialled out.",
    "a": "Competitor.",
    "b": "Competitor that is subtracted; `n/a` for the agreement of `a` itself.",
    "agreement": "Rank correlation of the space's similarities with WordNet's, over pairs of different synsets "
    "(−1 … 1); or the difference of two.",
    "ci_low": "Lower end of the 95 % interval over synsets, conditional on the selected features.",
    "ci_high": "Upper end of the 95 % interval over synsets.",
    "p": "One-sided p that the agreement is above 0: synsets relabelled in WordNet, (b + 1)/(N + 1); not of "
    "differences, for which the interval decides, nor of `rho_a`, which relabelling orders as it orders `spearman`.",
    "n_synsets": "Number of synsets.",
    "n_images": "Number of their images.",
    "n_without_synset": "Number of images of the target that have no synset and are left out.",
    "n_blocks": "Number of blocks that were scored; those with fewer than four synsets are not.",
    "n_undefined": "Blocks × resamples without a score, left out.",
}


def agreements(
    spaces: np.ndarray, human: np.ndarray, wordnet: Mapping[str, np.ndarray], weights: np.ndarray
) -> dict[tuple[str, str], np.ndarray]:
    """Rank correlations of spaces with WordNet, pairs occurring as often as the weights say.

    ρ_a is Spearman's ρ when ties are broken at random, on average over ways to break them: with n pairs and mean
    ranks R and S it is ``12 Σ R S / (n³ − n) − 3 (n + 1) / (n − 1)`` (Schütt et al. 2023, eLife 12:e82566, as
    rsatoolbox computes it); here a pair of weight w counts as w pairs.

    Parameters
    ----------
    spaces : ndarray of shape (n_spaces, n_pairs)
        Dissimilarities.
    human : ndarray of shape (n_pairs,)
        Dissimilarities that ``partial`` removes from both sides.
    wordnet : mapping of str to ndarray of shape (n_pairs,)
        Similarities, by measure.
    weights : ndarray of shape (n_samples, n_pairs)
        Whole numbers.

    Returns
    -------
    dict of (str, str) to ndarray of shape (n_spaces, n_samples)
        By measure and coefficient; NaN where a side is constant or fewer than three pairs occur, and where the
        human RDM leaves nothing to be partialled.
    """
    n = weights.sum(axis=1)
    known = {measure: weighted_ranks(values, weights) for measure, values in wordnet.items()}
    of_human = weighted_ranks(-human, weights)
    between = {measure: weighted_correlation(ranks, of_human, weights) for measure, ranks in known.items()}
    found: dict[tuple[str, str], list[np.ndarray]] = {}
    for space in spaces:
        ranks = weighted_ranks(-space, weights)
        with_human = weighted_correlation(ranks, of_human, weights)
        for measure, of_wordnet in known.items():
            rho = weighted_correlation(ranks, of_wordnet, weights)
            with np.errstate(divide="ignore", invalid="ignore"):
                products = (weights * ranks * of_wordnet).sum(axis=1)
                rho_a = 12 * products / (n**3 - n) - 3 * (n + 1) / (n - 1)
            values = rho, np.where(np.isnan(rho), np.nan, rho_a), _partial(rho, with_human, between[measure])
            for coefficient, value in zip(COEFFICIENTS, values, strict=True):
                found.setdefault((measure, coefficient), []).append(value)
    return {key: np.array(values) for key, values in found.items()}


def _partial(of_both: np.ndarray, with_third: np.ndarray, other_with_third: np.ndarray) -> np.ndarray:
    """Correlation of two variables without a third; NaN where the third explains one of them."""
    left = (1 - with_third**2) * (1 - other_with_third**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(left > 1e-12, (of_both - with_third * other_with_third) / np.sqrt(left), np.nan)


def agreement_table(
    blocks: Sequence[Spaces],
    wordnet: WordNet,
    *,
    n_bootstrap: int = 1000,
    n_permutations: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Agreement of every competitor with WordNet, and of pruned minus the others.

    Synsets are resampled, each counting in its block of every repeat as often as it was drawn; a pair counts as often
    as the product of its synsets' counts. A block that one competitor cannot be scored on counts for none.

    Parameters
    ----------
    blocks : sequence of Spaces
        One of all images, or one for each block of held-out images.
    wordnet : WordNet
    n_bootstrap, n_permutations, seed : int

    Returns
    -------
    DataFrame
        Columns as `AGREEMENT_COLUMNS`, without those of the unit.
    """
    names = tuple(sorted({name for block in blocks for name in block.synsets}))
    resampled = _resampled(blocks, wordnet, names, n_bootstrap, seed)
    p = _relabelled_p(blocks, wordnet, names, n_permutations, seed)
    rows = []
    for (measure, coefficient), z in resampled.items():
        bootstrap = _bootstrap(z, coefficient, names, seed)
        others = [name for name in bootstrap.observed if name not in (HUMAN, "pruned")]
        for a, b in [*((name, None) for name in bootstrap.observed), *(("pruned", name) for name in others)]:
            estimate, low, high = image_interval(bootstrap, a, b).in_r()
            rows.append(
                {
                    "wordnet": measure,
                    "coefficient": coefficient,
                    "a": a,
                    "b": b,
                    "agreement": estimate,
                    "ci_low": low,
                    "ci_high": high,
                    "p": p.get((measure, coefficient, a), np.nan) if b is None else np.nan,
                    "n_synsets": len(names),
                    "n_blocks": len(blocks),
                    "n_undefined": bootstrap.n_undefined,
                }
            )
    return pd.DataFrame(rows)


def _resampled(
    blocks: Sequence[Spaces], wordnet: WordNet, names: Sequence[str], n_bootstrap: int, seed: int
) -> dict[tuple[str, str], dict[str, np.ndarray]]:
    """Fisher z by measure, coefficient and competitor, (n_blocks, 1 + n_bootstrap), means over a competitor's sets."""
    counts, column = image_counts(len(names), n_bootstrap, seed), {name: i for i, name in enumerate(names)}
    z: dict[tuple[str, str], dict[str, list[np.ndarray]]] = {}
    for block in blocks:
        of_block = counts[:, [column[name] for name in block.synsets]].astype(np.float64)
        first, second = np.triu_indices(len(block.synsets), 1)
        human, known = pairs_of(block.rdms[HUMAN][0]), wordnet.pairs(block.synsets)
        step = max(1, WEIGHTS_AT_ONCE // len(first))
        weights = [some[:, first] * some[:, second] for some in _in_steps(of_block, step)]
        for name, rdms in block.rdms.items():
            parts = [agreements(pairs_of(rdms), human, known, some) for some in weights]
            for key in parts[0]:
                r = np.concatenate([part[key] for part in parts], axis=1)
                z.setdefault(key, {}).setdefault(name, []).append(_mean(fisher_z(r)))
    return {key: {name: np.array(values) for name, values in of_names.items()} for key, of_names in z.items()}


def _in_steps(rows: np.ndarray, step: int) -> list[np.ndarray]:
    return [rows[start : start + step] for start in range(0, len(rows), step)]


def _mean(z: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is defined; NaN where nothing is."""
    return np.ma.array(z, mask=np.isnan(z)).mean(axis=0).filled(np.nan)


def _bootstrap(
    z: Mapping[str, np.ndarray], coefficient: str, names: Sequence[str], seed: int
) -> ImageBootstrap:
    """Means over blocks, in which competitors stay paired."""
    z = {name: values for name, values in z.items() if (coefficient, name) != ("partial", HUMAN)}
    undefined = np.isnan(np.array(list(z.values()))).any(axis=0)
    means = {name: _mean(np.where(undefined, np.nan, values)) for name, values in z.items()}
    observed = {name: float(mean[0]) for name, mean in means.items()}
    samples = {name: mean[1:] for name, mean in means.items()}
    return ImageBootstrap(tuple(names), seed, observed, samples, int(undefined[:, 1:].sum()))


def _relabelled_p(
    blocks: Sequence[Spaces], wordnet: WordNet, names: Sequence[str], n_permutations: int, seed: int
) -> dict[tuple[str, str, str], float]:
    """One-sided p by measure, coefficient and competitor: which synset is which in WordNet is permuted."""
    if not n_permutations:
        return {}
    rng = np.random.default_rng([seed, len(names), n_permutations])
    orders = np.array([np.arange(len(names)), *(rng.permutation(len(names)) for _ in range(n_permutations))])
    column = {name: place for place, name in enumerate(names)}
    z: dict[tuple[str, str, str], list[np.ndarray]] = {}
    for block in blocks:
        moved = orders[:, [column[name] for name in block.synsets]]
        first, second = np.triu_indices(len(block.synsets), 1)
        human = standardised_pairs(-pairs_of(block.rdms[HUMAN][0]), "spearman")
        spaces = {name: standardised_pairs(-pairs_of(rdms), "spearman") for name, rdms in block.rdms.items()}
        for measure in wordnet.similarities:
            of_names = wordnet.square(measure, names)
            known = standardised_pairs(of_names[moved[:, first], moved[:, second]], "spearman")
            between = known @ human
            for name, standard in spaces.items():
                rho = standard @ known.T
                partial = _partial(rho, (standard @ human)[:, None], between)
                for coefficient, r in (("spearman", rho), ("partial", partial)):
                    z.setdefault((measure, coefficient, name), []).append(_mean(fisher_z(r)))
    statistics = {key: _mean(np.array(of_blocks)) for key, of_blocks in z.items()}
    return {key: p_value(values[0], values[1:]) for key, values in statistics.items()}


def unit_agreement(
    embedding: Embedding,
    target: RDM,
    sets: FoldSets,
    final: np.ndarray,
    wordnet: WordNet,
    *,
    measure: str = "correlation",
    n_bootstrap: int = 1000,
    n_permutations: int = 1000,
    seed: int = 0,
    more: Mapping[str, tuple[RDM, Sequence[RDM]]] | None = None,
) -> tuple[pd.DataFrame, Spaces | None]:
    """Agreement of a unit's spaces with WordNet, on held-out and on all images.

    Parameters
    ----------
    embedding, target, sets, final, measure, seed
        As in `spaces_of_all_images`.
    wordnet : WordNet
    n_bootstrap, n_permutations : int
    more : mapping of str to (RDM, sequence of RDM), optional
        Further competitors, say reweighted embeddings: fitted on all images, and fitted on each scored block's
        training images.

    Returns
    -------
    table : DataFrame
        Columns as `AGREEMENT_COLUMNS`; empty where the unit's images have fewer than four synsets.
    spaces : Spaces or None
        Of all images.
    """
    images = [label for label in sets.labels if label in wordnet.of_stimulus]
    if len({wordnet.of_stimulus[label] for label in images}) < MIN_SYNSETS:
        return pd.DataFrame(columns=list(AGREEMENT_COLUMNS)), None
    more = more or {}
    given = embedding, target, sets
    of_all = spaces_of_all_images(
        *given,
        final,
        wordnet.of_stimulus,
        measure=measure,
        seed=seed,
        more={name: of_all for name, (of_all, _) in more.items()},
    )
    held_out = spaces_of_held_out_images(
        *given,
        wordnet.of_stimulus,
        measure=measure,
        seed=seed,
        more={name: of_blocks for name, (_, of_blocks) in more.items()},
    )
    tables = [
        agreement_table(
            blocks, wordnet, n_bootstrap=n_bootstrap, n_permutations=n_permutations, seed=seed
        ).assign(scope=scope)
        for scope, blocks in ((HELD_OUT, held_out), (ALL_IMAGES, [of_all]))
        if blocks
    ]
    table = pd.concat(tables, ignore_index=True).assign(
        network=embedding.name,
        target=target.target,
        n_images=len(images),
        n_without_synset=len(sets.labels) - len(images),
    )
    return table[list(AGREEMENT_COLUMNS)], of_all
