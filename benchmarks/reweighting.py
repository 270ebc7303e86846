"""Cost of reweighting 120 images × 4096 features: weights of every feature, penalties chosen by folds inside folds.

Some of the 5 × 8 folds are fitted as a study fits them (7 penalties, 5 inner folds each) and the time of all follows.
Bounds for each kind: 10 minutes for all 40 folds on one thread, and 2 GiB. Writes benchmarks/out/reweighting.json.
Run: ``python benchmarks/reweighting.py [--folds 2]``; ``--folds 40`` fits all of them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from measuring import seconds_of, verdict, write

from isoprune.folds import make_folds
from isoprune.pruning import one_blas_thread, procedure_named
from isoprune.reweighting import KINDS, PENALTIES, Reweighting, inner_folds

N_IMAGES, N_FEATURES, N_FOLDS, N_INNER = 120, 4096, 40, 5
LIMIT_S, LIMIT_GIB = 600.0, 2.0
LABELS = [f"image{number:03}" for number in range(N_IMAGES)]


def inputs() -> tuple[np.ndarray, np.ndarray]:
    """Sparse features as after a ReLU, and a target that some of them make, with noise."""
    rng = np.random.default_rng(0)
    features = np.maximum(rng.normal(size=(N_IMAGES, N_FEATURES)) - 0.4, 0) * rng.lognormal(size=N_FEATURES)
    target = 1 - np.corrcoef(features[:, :100] + 2 * rng.normal(size=(N_IMAGES, 100)))
    np.fill_diagonal(target, 0)
    return features, (target + target.T) / 2


def cost(kind: str, n_folds: int) -> tuple[float, float]:
    """Seconds for all 40 folds, and the largest memory of this process, GiB."""
    features, target = inputs()
    folds = make_folds(LABELS, n_splits=5, n_repeats=8, seed=0)
    n_train = len(folds[0].train)
    n_fitted = [n_train, *[n_train * (N_INNER - 1) // N_INNER] * N_INNER * len(PENALTIES)]
    reweighting = Reweighting(features, kind, procedure_named(), n_fitted)

    def fit() -> None:
        for fold in folds[:n_folds]:
            rows = np.array([LABELS.index(label) for label in fold.train])
            inner = inner_folds(list(fold.train), n_inner=N_INNER, place=(fold.repeat, fold.fold))
            reweighting.fit(rows, target[np.ix_(rows, rows)][None], inner)

    with one_blas_thread():
        shared = seconds_of(lambda: reweighting.solver)
        seconds = shared + seconds_of(fit) * N_FOLDS / n_folds
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Run each kind in a process of its own, print, write down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--folds", type=int, default=2, help="folds that are fitted, of 40")
    n_folds = parser.parse_args().folds
    print(f"{N_IMAGES} images × {N_FEATURES} features, 5 × 8 folds ({n_folds} fitted), {N_INNER} inner folds")
    found, held = {}, True
    for kind in KINDS:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            seconds, gib = process.submit(cost, kind, n_folds).result()
        within = seconds <= LIMIT_S and gib <= LIMIT_GIB
        held &= within
        found[kind] = {"seconds": seconds, "gib": gib}
        bounds = f"at most {LIMIT_S / 60:.0f} min, {LIMIT_GIB:.0f} GiB: {verdict(within)}"
        print(f"{kind:>13}: {seconds / 60:.1f} min, {gib:.2f} GiB ({bounds})")
    write("reweighting", {"n_fitted": n_folds, "kinds": found})
    if not held:
        sys.exit("a bound is missed")


if __name__ == "__main__":
    main()
