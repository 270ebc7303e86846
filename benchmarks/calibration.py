"""Do the tests claim what they may? Many small experiments in which nothing is to be found.

Three nulls, each with sparse post-ReLU features and noisy subjects:

* **unrelated**: four correlated target areas that share no geometry with the network. p-values of the permutation
  test are uniform, and the family-wise error over the areas is nominal.
* **nothing to gain**: the target is the RDM of the full embedding plus noise, so no set of features is better.
  ``pruned > full`` is declared in at most 5 %, over folds (group RDM) and across subjects.
* **category only**: network and target share the categories of the images and nothing else. The score with the
  category RDM removed is declared in at most 5 %; what the plain score declares is shown beside it.

Prints a table, writes benchmarks/out/calibration.json and docs/images/calibration.svg. Quick versions of the same
experiments are tests. Run: ``python benchmarks/calibration.py [--experiments 500] [--processes 2]``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import binom, binomtest, chisquare

from isoprune.adjustment import max_t, p_value
from isoprune.crossvalidation import fisher_z, score_folds
from isoprune.folds import make_folds
from isoprune.inference import corrected_resampled_t, sign_flip
from isoprune.labelled import constant_images
from isoprune.permutation import unit_null
from isoprune.pruning import procedure_named
from isoprune.relabelling import relabellings
from isoprune.scoring import controls_of

HERE = Path(__file__).parent
N_IMAGES, N_FEATURES, N_SUBJECTS, N_VOXELS = 24, 40, 8, 30
N_SPLITS = 3
CATEGORIES = 4
LEVEL = 0.05
LABELS = [f"image{number:02}" for number in range(N_IMAGES)]
CATEGORY = np.arange(N_IMAGES) % CATEGORIES
PROCEDURE = procedure_named("pearson")


# ---- what is simulated ----


def sparse_features(latent: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Post-ReLU features of different sizes, two thirds of them zero; no image is constant."""
    while True:
        weights = rng.normal(size=(latent.shape[1], N_FEATURES)) / np.sqrt(latent.shape[1])
        drive = latent @ weights + 0.5 * rng.normal(size=(N_IMAGES, N_FEATURES))
        features = np.maximum(drive - 0.4, 0.0) * rng.lognormal(sigma=0.7, size=N_FEATURES)
        if not constant_images(features).any():
            return features


def rdm_of(patterns: np.ndarray) -> np.ndarray:
    """Correlation distance, exactly symmetric."""
    rdm = 1.0 - np.corrcoef(patterns)
    np.fill_diagonal(rdm, 0.0)
    return (rdm + rdm.T) / 2


def subject_rdms(latent: np.ndarray, rng: np.random.Generator, noise: float = 1.0) -> np.ndarray:
    """RDMs of people whose voxels mix the same latent geometry, each with noise, (n_subjects, n, n)."""
    rdms = []
    for _ in range(N_SUBJECTS):
        signal = latent @ rng.normal(size=(latent.shape[1], N_VOXELS)) / np.sqrt(latent.shape[1])
        rdms.append(rdm_of(signal + noise * rng.normal(size=signal.shape)))
    return np.array(rdms)


def noisy_copies(rdm: np.ndarray, rng: np.random.Generator, noise: float = 1.0) -> np.ndarray:
    """The RDM plus noise of pairs and of images, in units of its own spread, (n_subjects, n, n)."""
    upper = np.triu_indices(N_IMAGES, 1)
    spread = noise * rdm[upper].std()
    copies = np.zeros((N_SUBJECTS, N_IMAGES, N_IMAGES))
    for copy in copies:
        of_image = rng.normal(size=N_IMAGES)
        error = 0.8 * rng.normal(size=len(upper[0])) + 0.4 * (of_image[upper[0]] + of_image[upper[1]])
        copy[upper] = rdm[upper] + spread * error
    return copies + copies.transpose(0, 2, 1)


# ---- the experiments; each returns p-values, most of them to be declared at .05 ----


def null_of(features, target, seed: int, n_relabellings: int, within=None, nuisances=()):
    """Permutation null of a group RDM over one repeat of the folds."""
    return unit_null(
        features,
        target,
        target,
        LABELS,
        make_folds(LABELS, n_splits=N_SPLITS, n_repeats=1, seed=seed),
        procedure=PROCEDURE,
        relabellings=relabellings(LABELS, n_relabellings, seed=seed, within=within),
        seed=seed,
        controls=controls_of(LABELS, nuisances),
    )


def unrelated(seed: int, n_relabellings: int, n_areas: int = 4) -> dict[str, float]:
    """Values of p: that of the first of some correlated areas, and the smallest family-wise one."""
    rng = np.random.default_rng([seed, 1])
    features = sparse_features(rng.normal(size=(N_IMAGES, 8)), rng)
    common = rng.normal(size=(N_IMAGES, 3))
    nulls = {}
    for area in range(n_areas):
        latent = np.hstack([common, rng.normal(size=(N_IMAGES, 3))])
        nulls[area] = null_of(features, subject_rdms(latent, rng).mean(axis=0), seed, n_relabellings)
    p = {}
    for name in ("full", "pruned"):
        observed = {area: null.observed[name] for area, null in nulls.items()}
        relabelled = {area: null.relabelled[name] for area, null in nulls.items()}
        p[f"{name}, one area"] = p_value(observed[0], relabelled[0])
        adjusted = max_t(observed, relabelled, family="all areas").p
        p[f"{name}, max-T over all areas"] = min(adjusted.values())
    return p


def differences(features, target, seed: int, n_repeats: int) -> np.ndarray:
    """Fisher-z difference pruned − full of each fold that is defined."""
    folds = make_folds(LABELS, n_splits=N_SPLITS, n_repeats=n_repeats, seed=seed)
    scores = score_folds(features, target, target, LABELS, folds, procedure=PROCEDURE, n_random=1, seed=seed)
    z = np.array([fisher_z(score.r["pruned"]) - fisher_z(score.r["full"]) for score in scores])
    return z[~np.isnan(z)]


def in_favour(mean: float, p: float) -> float:
    """A two-sided p where the difference is positive; 1 where it is not, so that nothing is declared."""
    return p if mean > 0 else 1.0


def nothing_to_gain(seed: int) -> dict[str, float]:
    """Values of p: pruned > full where the target is the full embedding's RDM plus noise."""
    rng = np.random.default_rng([seed, 2])
    features = sparse_features(rng.normal(size=(N_IMAGES, 8)), rng)
    rdms = noisy_copies(rdm_of(features), rng)
    of_folds = differences(features, rdms.mean(axis=0), seed, n_repeats=4)
    n_test = N_IMAGES / N_SPLITS
    over_folds = corrected_resampled_t(of_folds, N_IMAGES - n_test, n_test)
    of_subjects = np.array([differences(features, rdm, seed, n_repeats=1).mean() for rdm in rdms])
    across = sign_flip(of_subjects, seed=seed, n_bootstrap=1)
    return {
        "pruned − full, corrected resampled t": in_favour(over_folds.mean, over_folds.p),
        "pruned − full, sign-flip across subjects": in_favour(across.mean, across.p),
    }


def category_only(seed: int, n_relabellings: int) -> dict[str, float]:
    """Values of p: that of the pruned score with the category RDM removed, and of the plain score."""
    rng = np.random.default_rng([seed, 3])
    one_hot = 2.0 * np.eye(CATEGORIES)[CATEGORY]
    features = sparse_features(np.hstack([one_hot, rng.normal(size=(N_IMAGES, 4))]), rng)
    latent = np.hstack([one_hot, rng.normal(size=(N_IMAGES, 4))])
    target = subject_rdms(latent, rng).mean(axis=0)
    category = (CATEGORY[:, None] != CATEGORY).astype(float)
    within = {label: str(kind) for label, kind in zip(LABELS, CATEGORY, strict=True)}
    p = {}
    for name, nuisances, kept in [
        ("partial, exchange within category", [category], within),
        ("plain, exchange within category", [], within),
        ("partial, exchange of all images", [category], None),
        ("plain, exchange of all images", [], None),
    ]:
        null = null_of(features, target, seed, n_relabellings, kept, nuisances)
        statistic = "pruned_partial" if nuisances else "pruned"
        p[f"pruned, {name}"] = p_value(null.observed[statistic], null.relabelled[statistic])
    return p


# ---- what they add up to ----


@dataclass(frozen=True)
class Rate:
    """How often a test declared something where there is nothing.

    Attributes
    ----------
    null, test : str
    n : int
        Experiments.
    declared : int
        Those with p ≤ .05.
    low, high : float
        95 % interval of the rate (Clopper and Pearson).
    allowed : int
        Most declarations that a test with a true rate of .05 exceeds in 1 of 200 such benchmarks only.
    p_uniform : float
        χ² test that p-values fall equally into ten bins; NaN for p-values that are not uniform by design.
    """

    null: str
    test: str
    n: int
    declared: int
    low: float
    high: float
    allowed: int
    p_uniform: float

    @property
    def holds(self) -> bool:
        """Whether the level is kept."""
        return self.declared <= self.allowed


def rate(null: str, test: str, p: Sequence[float], *, uniform: bool) -> Rate:
    """The rate of a test over experiments."""
    p = np.asarray(p)
    declared = int((p <= LEVEL).sum())
    interval = binomtest(declared, len(p)).proportion_ci(0.95)
    bins = np.histogram(p, bins=np.linspace(0, 1, 11) + 1e-9)[0]
    return Rate(
        null,
        test,
        len(p),
        declared,
        float(interval.low),
        float(interval.high),
        int(binom.ppf(0.995, len(p), LEVEL)),
        float(chisquare(bins).pvalue) if uniform else float("nan"),
    )


UNIFORM = {
    "full, one area",
    "pruned, one area",
    "pruned, partial, exchange within category",
    "pruned, plain, exchange within category",
}
"""Tests whose p-values are uniform under their null."""

NOT_CLAIMED = {"pruned, partial, exchange of all images", "pruned, plain, exchange of all images"}
"""Tests of another hypothesis (that the images are exchangeable, which categories make false)."""


def run(
    name: str, experiment: Callable[[int], dict[str, float]], n: int, processes: int = 1
) -> dict[str, list[float]]:
    """p-values of each test over ``n`` experiments with seeds 0 … n − 1."""
    if processes == 1:
        found = [experiment(seed) for seed in range(n)]
    else:
        with ProcessPoolExecutor(processes) as pool:
            found = list(pool.map(experiment, range(n), chunksize=5))
    return {test: [p[test] for p in found] for test in found[0]}


def rates(null: str, p: dict[str, list[float]]) -> list[Rate]:
    """The rates of the tests under one null."""
    return [rate(null, test, values, uniform=test in UNIFORM) for test, values in p.items()]


def draw_rates(shares: Axes, found: list[Rate]) -> None:
    """The rate of each test with its interval, on a scale that widens what is small."""
    from isoprune.figures.style import COLOURS, FAINT, QUIET

    rows = np.arange(len(found))[::-1]
    for row, one in zip(rows, found, strict=True):
        claimed = one.test not in NOT_CLAIMED
        colour = (
            COLOURS["full" if one.test.startswith("full") else "pruned"] if claimed else COLOURS["random"]
        )
        shares.plot([one.low, one.high], [row, row], color=colour, clip_on=False)
        mark = "o" if claimed else "x"
        shares.plot(one.declared / one.n, row, mark, color=colour, markersize=4, clip_on=False)
    shares.axvspan(0, found[0].allowed / found[0].n, color=FAINT, alpha=0.35, linewidth=0)
    shares.axvline(LEVEL, color=QUIET, linewidth=0.8)
    shares.set_yticks(rows, [f"{one.null}: {one.test}" for one in found], fontsize=6.5)
    shares.set_xscale("function", functions=(np.sqrt, np.square))
    shares.set(xlim=(0, 1), title="Declared")
    shares.set_xticks([0, 0.01, 0.05, 0.2, 0.5, 1], ["0", ".01", ".05", ".2", ".5", "1"])
    shares.set_xlabel(
        "share of experiments with p ≤ .05, 95 % interval\n(shaded: within the level; × not claimed to keep it)"
    )


def draw(found: list[Rate], p: dict[str, list[float]], path: Path) -> None:
    """Quantiles of p-values that should be uniform, and rates with their intervals."""
    from matplotlib.figure import Figure

    from isoprune.figures.style import COLOURS, QUIET, save, styled

    @styled
    def page() -> Figure:
        figure = Figure(figsize=(9.6, 3.8), layout="constrained")
        quantiles, shares = figure.subplots(1, 2, width_ratios=(1, 1.15))
        for test in sorted(UNIFORM & set(p)):
            ordered = np.sort(p[test])
            expected = (np.arange(len(ordered)) + 0.5) / len(ordered)
            colour = COLOURS["full"] if test.startswith("full") else COLOURS["pruned"]
            style = {"one": "-", "par": "--", "pla": ":"}[test.split(", ")[1][:3]]
            quantiles.step(expected, ordered, style, where="mid", color=colour, label=test, linewidth=1.2)
        quantiles.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8)
        quantiles.set(xlabel="expected p", ylabel="p found", title="p-values under the null", aspect="equal")
        quantiles.legend(fontsize=6.5, loc="upper left")
        draw_rates(shares, found)
        return figure

    save(page(), path)


def main() -> None:
    """Run all experiments, print the table, write figures and numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--experiments", type=int, default=500)
    parser.add_argument("--relabellings", type=int, default=99)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--numbers", type=Path, default=HERE / "out" / "calibration.json")
    parser.add_argument("--figure", type=Path, default=HERE.parent / "docs" / "images" / "calibration.svg")
    asked = parser.parse_args()
    experiments = {
        "unrelated": partial(unrelated, n_relabellings=asked.relabellings),
        "nothing to gain": nothing_to_gain,
        "category only": partial(category_only, n_relabellings=asked.relabellings),
    }
    found, all_p = [], {}
    print(f"{'null':16} {'test':46} declared  95 % interval  at most  p uniform")
    for name, experiment in experiments.items():
        p = run(name, experiment, asked.experiments, asked.processes)
        all_p |= p
        for one in rates(name, p):
            found.append(one)
            verdict = "" if one.holds or one.test in NOT_CLAIMED else "  EXCEEDED"
            print(
                f"{name:16} {one.test:46} {one.declared / one.n:8.3f}  [{one.low:.3f}, {one.high:.3f}]  "
                f"{one.allowed / one.n:7.3f}  {one.p_uniform:9.3f}{verdict}",
                flush=True,
            )
    asked.numbers.parent.mkdir(parents=True, exist_ok=True)
    record = {"relabellings": asked.relabellings, "rates": [asdict(one) for one in found], "p": all_p}
    asked.numbers.write_text(json.dumps(record, indent=1) + "\n")
    draw(found, all_p, asked.figure)


if __name__ == "__main__":
    main()
