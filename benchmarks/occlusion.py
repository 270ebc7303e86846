"""Incremental inference of occluded images against plain passes, and against what arithmetic allows.

For windows of 24, 40 and 56 px at stride 8 on an input of 224 × 224 px, on the same device, batch norm folded and
channels last in every arm, arms taking turns batch by batch over positions spread over the image. Plain passes run
through the classifier, which features are not read from; that of SqueezeNet is cut to one output, so as not to count:

* **naive loop**: one occluded image a pass;
* **batched**: 32 a pass (8 for VGG-19, to be done in minutes);
* **incremental**: of every map only what the window can reach, batches as large. Bounds: at least 3.5 / 3 / 2.5 times
  as fast as batched for VGG-19 (random weights), 3.5 / 3 / 2 for SqueezeNet, 1.7 / 1.6 / 1.5 for MobileNetV2; features
  nowhere different by more than 1e-5 of their length;
* **by arithmetic**: the multiply-adds of all maps, divided by those of the regions that are reached.

Then the forward passes of one image's maps, counted, against those of a pass for each target. Prints ratios and writes
benchmarks/out/occlusion.json. Run: ``python benchmarks/occlusion.py [--networks squeezenet1_0] [--batches 3]``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from measuring import processors, seconds_of, verdict, where, write
from torch.fx.experimental.optimization import fuse
from torch.utils.flop_counter import FlopCounterMode

from isoprune.embeddings import exact_arithmetic
from isoprune.networks import build, resolve_layer
from isoprune.occlusion.engine import OccludedNetwork
from isoprune.occlusion.graph import WINDOW, trace
from isoprune.occlusion.maps import Question, Reading, answer
from isoprune.occlusion.plan import in_order, reached
from isoprune.occlusion.windows import windows_over

SIDE, STRIDE, SIZES = 224, 8, (24, 40, 56)
BOUNDS = {"vgg19": (3.5, 3.0, 2.5), "squeezenet1_0": (3.5, 3.0, 2.0), "mobilenet_v2": (1.7, 1.6, 1.5)}
LAYERS = {"vgg19": "classifier.4"}
BATCH = {"vgg19": 8}
SAME = 1e-5
NAIVE = 2
"""Positions of a batch that the naive loop is timed on."""


class Arms:
    """A network with batch norm folded, ready in every way; and what each of its operations costs."""

    def __init__(self, name: str, device: str):
        network = build(name, "random", seed=0)
        if name.startswith("squeezenet"):
            network.module.classifier[1] = torch.nn.Conv2d(512, 1, 1)
        folded = fuse(network.module).eval().to(memory_format=torch.channels_last)
        network, layer = replace(network, module=folded), LAYERS.get(name, "penultimate")
        self.batch = BATCH.get(name, 32)
        of_each = {
            "naive": ("batched", 1),
            "batched": ("batched", self.batch),
            "incremental": ("incremental", self.batch),
        }
        self.arms = {
            arm: OccludedNetwork(network, layer, device=device, engine=engine, batch_size=batch)
            for arm, (engine, batch) in of_each.items()
        }
        self.image = torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
        with exact_arithmetic():
            self.nodes = trace(network, resolve_layer(network, layer))
            self.shapes, self.costs = self._costs(self.image.to(next(folded.parameters()).device))

    def _costs(self, image: torch.Tensor) -> tuple[list[tuple[int, ...]], np.ndarray]:
        """Shape of each operation's map of one image, and its multiply-adds."""
        maps, costs = [image[None]], [0.0]
        for node in self.nodes[1:]:
            with FlopCounterMode(display=False) as counter:
                read = [maps[number] for number in node.inputs]
                maps.append(node.call(*read, *([node.window.padding] if node.kind == WINDOW else [])))
            costs.append(counter.get_total_flops() / 2)
        return [tuple(one.shape) for one in maps], np.array(costs)

    def features(self, arm: str, boxes: np.ndarray) -> np.ndarray:
        """Features of each occluded version."""
        blocks = dict[int, np.ndarray]()
        for positions, features in self.arms[arm].embed(self.image, boxes):
            blocks |= dict(zip(positions.tolist(), features, strict=True))
        return np.array([blocks[position] for position in range(len(boxes))])

    def bound(self, boxes: np.ndarray) -> float:
        """Multiply-adds of everything, divided by those of what is reached."""
        needed = np.zeros(len(boxes))
        for cost, shape, region in zip(
            self.costs, self.shapes, reached(self.nodes, self.shapes, boxes), strict=True
        ):
            cells = (
                1.0
                if region is None
                else np.prod(region[..., 1] - region[..., 0], axis=1) / np.prod(shape[2:])
            )
            needed += cost * cells
        return float(self.costs.sum() / needed.mean())

    def measured(self, size: int, n_batches: int) -> dict[str, Any]:
        """Seconds a position of each arm, gains, and the largest difference of features."""
        boxes = windows_over((SIDE, SIDE), [size], STRIDE).boxes(size)
        order = in_order(reached(self.nodes, self.shapes, boxes))
        starts = np.linspace(0, len(order) - self.batch, n_batches + 2).round().astype(int)[1:-1]
        batches = [boxes[order[start : start + self.batch]] for start in starts]
        for arm in self.arms:
            self.features(arm, batches[0][:NAIVE])
        self.features("incremental", batches[0])
        seconds, found = dict.fromkeys(self.arms, 0.0), {}
        off = 0.0
        for batch in batches:
            for arm in self.arms:
                some = batch[:NAIVE] if arm == "naive" else batch
                seconds[arm] += seconds_of(
                    lambda arm=arm, some=some: found.update({arm: self.features(arm, some)})
                )
            lengths = np.linalg.norm(found["batched"], axis=1)
            off = max(
                off, float((np.linalg.norm(found["incremental"] - found["batched"], axis=1) / lengths).max())
            )
        n = {arm: n_batches * (NAIVE if arm == "naive" else self.batch) for arm in self.arms}
        per_position = {arm: seconds[arm] / n[arm] for arm in self.arms}
        return {
            "size": size,
            "n_positions": n["incremental"],
            "seconds_per_position": per_position,
            "gain_over_naive": per_position["naive"] / per_position["incremental"],
            "gain": per_position["batched"] / per_position["incremental"],
            "by_arithmetic": self.bound(boxes),
            "difference": off,
        }


class Counted:
    """Stands for a network and counts what it is shown."""

    def __init__(self):
        self.passes = 0

    def intact(self, image: torch.Tensor) -> np.ndarray:
        """Some features."""
        return np.arange(8.0) % 5

    def embed(self, image: torch.Tensor, boxes: np.ndarray, value: float, *, shape: str):
        """Some features of all positions."""
        self.passes += len(boxes)
        yield np.arange(len(boxes)), np.random.default_rng(0).normal(size=(len(boxes), 8))


def passes(n_targets: int, n_null: int) -> dict[str, int]:
    """Occluded images that go through the network for the full and pruned maps of one image."""
    rng = np.random.default_rng(0)
    rows, others = rng.normal(size=(1 + n_null, 20)), rng.normal(size=(20, 8))
    windows, counts = windows_over((SIDE, SIDE), SIZES, STRIDE), {}
    asked = [Question([np.arange(8)], rows), *(Question([np.arange(4)], row[None]) for row in rows)]
    for name, groups in (("together", [asked * n_targets]), ("each", [asked] * n_targets)):
        counted = Counted()
        for questions in groups:
            answer(counted, torch.zeros(3, SIDE, SIDE), windows, others, questions, Reading())
        counts[name] = counted.passes
    return counts


def report(name: str, row: dict[str, Any], bound: float) -> bool:
    """Print a row; whether its bounds hold."""
    seconds = row["seconds_per_position"]
    held = row["gain"] >= bound and row["difference"] <= SAME
    print(
        f"{name:14} {row['size']:>3} px  {1e3 * seconds['naive']:7.1f} {1e3 * seconds['batched']:8.1f} "
        f"{1e3 * seconds['incremental']:8.1f}   {row['gain_over_naive']:5.2f} {row['gain']:8.2f} "
        f"{row['by_arithmetic']:8.2f}   {row['difference']:.0e}   at least {bound}: {verdict(held)}",
        flush=True,
    )
    return held


def main(given: Sequence[str] | None = None) -> None:
    """Run, print, write down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=list(BOUNDS), default=list(BOUNDS))
    parser.add_argument("--batches", type=int, default=3, help="batches that are timed for each size")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--targets", type=int, default=2, help="targets of which forward passes are counted")
    parser.add_argument("--null", type=int, default=200, help="relabellings of each target")
    asked = parser.parse_args(given)
    print(f"{torch.get_num_threads()} thread(s) of {processors()} processors, {where()['processor']}")
    print("                         ms a position                 incremental over   bound by   largest")
    print("                       naive  batched  increm.   naive  batched  arithmetic  difference")
    found, held = {}, True
    for name in asked.networks:
        arms = Arms(name, asked.device)
        found[name] = []
        for size, bound in zip(SIZES, BOUNDS[name], strict=True):
            found[name].append(arms.measured(size, asked.batches))
            held &= report(name, found[name][-1], bound)
    counts = passes(asked.targets, asked.null)
    print(
        f"Full and pruned maps of {asked.targets} targets with {asked.null} relabellings each: {counts['together']} "
        f"forward passes an image, {counts['each']} with a pass for each target "
        f"({counts['each'] - counts['together']} saved)"
    )
    write("occlusion", {"threads": torch.get_num_threads(), "networks": found, "passes": counts})
    if not held:
        sys.exit("a bound is missed")


if __name__ == "__main__":
    main()
