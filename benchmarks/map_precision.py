"""How far maps in bfloat16 are from maps in float32, on real images.

    python benchmarks/map_precision.py --data <folder with cichy92 and weights> [--images 6] [--stride 16]

SqueezeNet, 92 images, the mean IT RDM; features retained on the other images. Maps of windows of 24, 40 and 56 px
are made in both precisions, through all features and through the retained ones. Printed, and written to
benchmarks/out/map_precision.json, are for each image: correlation of the two maps over their cells, the largest
difference as a share of the largest magnitude, and the share of cells whose sign changes, of those above a tenth of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from measuring import write
from PIL import Image

from isoprune import prune
from isoprune.embeddings import embed
from isoprune.io.ready_rdms import read_ready_rdms
from isoprune.networks import build
from isoprune.occlusion.engine import OccludedNetwork
from isoprune.occlusion.maps import Question, Reading, answer
from isoprune.occlusion.windows import windows_over
from isoprune.rdms import group_mean

SIDE, SIZES = 224, (24, 40, 56)


def difference(exact: np.ndarray, rough: np.ndarray) -> dict[str, float]:
    """How far one map is from another."""
    largest = np.abs(exact).max()
    strong = np.abs(exact) > largest / 10
    return {
        "correlation": float(np.corrcoef(exact.ravel(), rough.ravel())[0, 1]),
        "largest_difference": float(np.abs(exact - rough).max() / largest),
        "signs_changed": float(np.mean(np.sign(exact[strong]) != np.sign(rough[strong]))),
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--images", type=int, default=6)
    parser.add_argument("--stride", type=int, default=16)
    options = parser.parse_args()
    folder = options.data / "cichy92"
    table = pd.read_csv(folder / "stimuli.tsv", sep="\t").sort_values("stimulus")
    labels, files = list(table["stimulus"]), [folder / name for name in table["file"]]
    weights = str(options.data / "weights" / "squeezenet1_0.pth")
    network = build("squeezenet1_0", weights)
    embedding = embed(network, "penultimate", files, labels, name="squeezenet", device="cpu")
    rdms = read_ready_rdms(folder / "fmri_IT_RDMs.npz", target="IT", key="Net_RDM", labels=labels)
    target = group_mean(list(rdms.values()), "IT").select(labels)
    windows = windows_over((SIDE, SIDE), SIZES, options.stride)
    ways = {
        precision: OccludedNetwork(
            build("squeezenet1_0", weights), "penultimate", device="cpu", precision=precision
        )
        for precision in ("float32", "bfloat16")
    }
    rows = []
    for number in np.linspace(0, len(labels) - 1, options.images).astype(int):
        others = np.delete(np.arange(len(labels)), number)
        values = embedding.values[others]
        retained = prune(values, target.values[np.ix_(others, others)]).retained
        asked = [
            Question([features], target.values[number, others][None])
            for features in (np.arange(values.shape[1]), retained)
        ]
        image = network.transform(Image.open(files[number]).convert("RGB"))
        maps = {name: answer(way, image, windows, values, asked, Reading()) for name, way in ways.items()}
        for space, exact, rough in zip(("full", "pruned"), maps["float32"], maps["bfloat16"], strict=True):
            rows.append({"image": labels[number], "space": space, **difference(exact.heat[0], rough.heat[0])})
            print("{image:24} {space:6} r {correlation:.4f}".format(**rows[-1]), end="")
            print("  difference {largest_difference:.3f}  signs {signs_changed:.3f}".format(**rows[-1]))
    write("map_precision", {"size": vars(options) | {"data": folder.name}, "maps": rows})
    worst = pd.DataFrame(rows).agg(
        {"correlation": "min", "largest_difference": "max", "signs_changed": "max"}
    )
    print("worst: r {:.4f}, difference {:.3f} of the largest magnitude, signs {:.3f}".format(*worst))


if __name__ == "__main__":
    main()
