"""1000 relabellings of the whole cross-validated procedure, 5 folds, 92 images × 1280 features.

Everything is run again for each relabelling and fold: ranking, number of features, held-out score. Bound on the
processor: 30 s on 2 threads. With ``--device cuda`` the same on a CUDA device, and how many times as fast it is;
without a device that is skipped, and said. Writes benchmarks/out/permutations.json.
Run: ``python benchmarks/permutations.py [--threads 2] [--device cuda]``.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
from measuring import processors, seconds_of, verdict, write

from isoprune.errors import BackendError
from isoprune.folds import make_folds
from isoprune.permutation import unit_null
from isoprune.pruning import procedure_named
from isoprune.pruning.backends import backend_named
from isoprune.relabelling import relabellings

N_IMAGES, N_FEATURES, N_FOLDS = 92, 1280, 5
LIMIT_S = 30.0
LABELS = [f"image{number:02}" for number in range(N_IMAGES)]


def inputs() -> tuple[np.ndarray, np.ndarray]:
    """Sparse features as after a ReLU, and a target that thirty of them make, with noise."""
    rng = np.random.default_rng(0)
    features = np.maximum(rng.normal(size=(N_IMAGES, N_FEATURES)) - 0.4, 0) * rng.lognormal(size=N_FEATURES)
    target = 1 - np.corrcoef(features[:, :30] + rng.normal(size=(N_IMAGES, 30)))
    np.fill_diagonal(target, 0)
    return features, (target + target.T) / 2


def run(backend: str, n_relabellings: int, threads: int) -> None:
    """The null of one unit."""
    features, target = inputs()
    unit_null(
        features,
        target,
        target,
        LABELS,
        make_folds(LABELS, n_splits=N_FOLDS, n_repeats=1, seed=0),
        procedure=procedure_named(backend=backend),
        relabellings=relabellings(LABELS, n_relabellings, seed=0),
        seed=0,
        threads=threads,
    )


def timed(backend: str, n_relabellings: int, threads: int, repeats: int) -> dict[str, Any]:
    """Shortest of some runs, after a short one that compiles and warms up."""
    run(backend, 8, threads)
    seconds = min(seconds_of(lambda: run(backend, n_relabellings, threads)) for _ in range(repeats))
    return {"backend": backend_named(backend).name, "threads": threads, "seconds": seconds}


def main() -> None:
    """Run, print, write down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--relabellings", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=min(2, processors()))
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="what runs beside the processor"
    )
    asked = parser.parse_args()
    shape = {"n_images": N_IMAGES, "n_features": N_FEATURES, "n_folds": N_FOLDS}
    found: dict[str, Any] = {**shape, "n_relabellings": asked.relabellings}
    print(f"{asked.relabellings} relabellings × {N_FOLDS} folds, {N_IMAGES} images × {N_FEATURES} features")
    found["cpu"] = cpu = timed("cpu", asked.relabellings, asked.threads, asked.repeats)
    held = cpu["seconds"] <= LIMIT_S
    bound = f" (at most {LIMIT_S:.0f} s: {verdict(held)})" if asked.relabellings == 1000 else ""
    print(f"{cpu['backend']}, {asked.threads} thread(s): {cpu['seconds']:.1f} s{bound}")
    if asked.device == "cuda":
        try:
            found["cuda"] = cuda = timed("cuda", asked.relabellings, asked.threads, asked.repeats)
            faster = cuda["times_as_fast"] = cpu["seconds"] / cuda["seconds"]
            print(f"{cuda['backend']}: {cuda['seconds']:.1f} s, {faster:.1f} times as fast")
        except BackendError as absent:
            print(f"skipped: {absent}")
    else:
        print("CUDA: skipped, not asked for (--device cuda)")
    write("permutations", found)
    if asked.relabellings == 1000 and not held:
        sys.exit("the bound is missed")


if __name__ == "__main__":
    main()
