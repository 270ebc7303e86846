"""How far results depend on float32 features, on the batches of a network, and on the scale of features.

The 92 images of `cichy92` through SqueezeNet 1.0 where the data are there, else pictures of noise through the same
network with random weights, against IT or a random target. Beside features in float32 from batches of 32, as isoprune
takes them: the same network in float64, batches of 1 and 7, and features multiplied by powers of ten. For each the
largest difference of a feature (as a share of the largest), of isomorphism, drops and curve, and the overlap of
retained sets. Bounds: isomorphism, drops and curve within 1e-5; for scales within 1e-11, and the same features
retained. Prints a table and writes benchmarks/out/precision.json.

Run: ``python benchmarks/precision.py [--data ../shared/data]``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from measuring import verdict, write
from PIL import Image

from isoprune.embeddings import embed
from isoprune.io.ready_rdms import read_ready_rdms
from isoprune.io.tables import image_paths, read_stimuli
from isoprune.labelled import RDM, Embedding
from isoprune.networks import Network, build
from isoprune.pruning import prune
from isoprune.rdms import group_mean

BOUNDS = {"precision": 1e-5, "scale": 1e-11}
SCALES = (1e-12, 1e-6, 1e6, 1e12)


def inputs(data: Path, folder: Path) -> tuple[Network, list[Path], list[str], RDM]:
    """Network, images, their labels and a target."""
    if (data / "cichy92").is_dir():
        table = data / "cichy92" / "stimuli.tsv"
        stimuli = read_stimuli(table)
        labels = list(stimuli["stimulus"])
        rdms = read_ready_rdms(data / "cichy92" / "fmri_IT_RDMs.npz", target="IT", labels=labels)
        network = build("squeezenet1_0", data / "weights" / "squeezenet1_0.pth")
        return network, image_paths(stimuli, table), labels, group_mean(list(rdms.values()), "IT")
    rng, labels = np.random.default_rng(0), [f"img_{number}" for number in range(24)]
    paths = [folder / f"{label}.png" for label in labels]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((224, 224)).save(path)
    target = RDM(rng.uniform(0.1, 1, 24 * 23 // 2), tuple(labels))
    return build("squeezenet1_0", "random", seed=0), paths, labels, target


def in_float64(network: Network) -> Network:
    """The same network, computing in float64."""
    transform = network.transform
    return replace(network, module=network.module.double(), transform=lambda image: transform(image).double())


def compared(
    name: str, embedding: Embedding, usual: Embedding, target: RDM, scale: float = 1.0
) -> dict[str, Any]:
    """What differs from the usual features."""
    one, other = prune(usual, target), prune(embedding, target)
    features = np.abs(embedding.values / scale - usual.values).max() / np.abs(usual.values).max()
    return {
        "what": name,
        "features": float(features),
        "isomorphism": float(abs(one.curve[-1] - other.curve[-1])),
        "drops": float(np.abs(one.drop - other.drop).max()),
        "curve": float(np.nanmax(np.abs(one.curve - other.curve))),
        "retained": int(one.n_retained),
        "retained_then": int(other.n_retained),
        "jaccard": len(set(one.retained) & set(other.retained))
        / len(set(one.retained) | set(other.retained)),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print and write; 1 if a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        network, images, labels, target = inputs(options.data, Path(folder))
        given = {"name": "squeezenet", "device": "cpu"}
        usual = embed(network, "penultimate", images, labels, **given)
        rows = [
            compared(
                f"batches of {size}",
                embed(network, "penultimate", images, labels, batch_size=size, **given),
                usual,
                target,
            )
            for size in (1, 7)
        ]
        double = embed(in_float64(network), "penultimate", images, labels, **given)
    rows.append(compared("network in float64", double, usual, target))
    scaled = [
        compared(
            f"times {scale:g}",
            replace(usual, values=usual.values.astype(np.float64) * scale),
            usual,
            target,
            scale,
        )
        for scale in SCALES
    ]
    for row in rows + scaled:
        print(
            "  ".join(
                f"{key} {value:.2g}" if isinstance(value, float) else f"{value}" for key, value in row.items()
            )
        )
    held = all(within(row, BOUNDS["precision"]) for row in rows) and all(
        within(row, BOUNDS["scale"]) and row["jaccard"] == 1 for row in scaled
    )
    print(verdict(held))
    write("precision", {"rows": rows + scaled, "bounds": BOUNDS, "holds": held})
    return 0 if held else 1


def within(row: dict[str, Any], bound: float) -> bool:
    """Whether isomorphism, drops and curve differ by no more than a bound."""
    return max(row["isomorphism"], row["drops"], row["curve"]) <= bound


if __name__ == "__main__":
    sys.exit(main())
