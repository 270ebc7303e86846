"""GPU memory and time of embedding images and of the null of pruning, for several sizes.

Needs a CUDA device; without one that is said. Run: ``python benchmarks/gpu_memory.py``. Prints Markdown tables and
writes benchmarks/out/gpu_memory.json.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measuring import seconds_of, write

NETWORKS = ("alexnet", "resnet50", "vgg19")
BACKEND = "cuda"
BATCHES = (32, 128)
N_IMAGES = 256
NULLS = ((92, 1280, 1000), (92, 4096, 1000), (240, 4096, 1000), (700, 4096, 200))
"""Images, features and relabellings."""


def on_device(work: Callable[[], Any]) -> dict[str, float]:
    """Seconds, and GPU memory in MB that PyTorch held at most, of one run after one that does not count."""
    import torch

    work()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    seconds = seconds_of(work)
    return {"seconds": round(seconds, 2), "gpu_mb": torch.cuda.max_memory_allocated() // 10**6}


def embeddings(folder: Path) -> list[dict[str, Any]]:
    """Embed images with untrained networks, in batches of several sizes."""
    from PIL import Image

    from isoprune.embeddings import embed
    from isoprune.networks import build

    rng = np.random.default_rng(0)
    labels = [f"image{number:03d}" for number in range(N_IMAGES)]
    paths = [folder / f"{label}.png" for label in labels]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)).save(path, compress_level=1)
    found = []
    for model in NETWORKS:
        network = build(model, "random", seed=0)
        for batch in BATCHES:
            asked = {"name": model, "device": BACKEND, "batch_size": batch}
            took = on_device(lambda: embed(network, "penultimate", paths, labels, **asked))  # noqa: B023
            found.append({"network": model, "images": N_IMAGES, "batch_size": batch, **took})
    return found


def nulls() -> list[dict[str, Any]]:
    """The null of one unit: relabellings × 5 folds."""
    from isoprune.folds import make_folds
    from isoprune.permutation import unit_null
    from isoprune.pruning import procedure_named
    from isoprune.relabelling import relabellings

    found = []
    for n_images, n_features, n_relabelled in NULLS:
        rng = np.random.default_rng(0)
        labels = [f"image{number:03d}" for number in range(n_images)]
        features = np.maximum(rng.normal(size=(n_images, n_features)), 0)
        target = 1 - np.corrcoef(features[:, :30] + rng.normal(size=(n_images, 30)))
        np.fill_diagonal(target, 0)
        folds = make_folds(labels, n_splits=5, n_repeats=1, seed=0)
        drawn = relabellings(labels, n_relabelled, seed=0)
        target = (target + target.T) / 2
        given = {"procedure": procedure_named(backend=BACKEND), "relabellings": drawn, "seed": 0}
        took = on_device(lambda: unit_null(features, target, target, labels, folds, **given))  # noqa: B023
        found.append({"images": n_images, "features": n_features, "relabellings": n_relabelled, **took})
    return found


def main() -> None:
    """Measure and print."""
    import torch

    if not torch.cuda.is_available():
        sys.exit("No CUDA device here: nothing was measured.")
    with tempfile.TemporaryDirectory() as folder:
        found = {"embeddings": embeddings(Path(folder)), "nulls": nulls()}
    write("gpu_memory", {"device": torch.cuda.get_device_name(), **found})
    print(torch.cuda.get_device_name())
    for rows in found.values():
        print(f"\n| {' | '.join(rows[0])} |", "|---" * len(rows[0]) + "|", sep="\n")
        print("\n".join(f"| {' | '.join(map(str, row.values()))} |" for row in rows))


if __name__ == "__main__":
    main()
