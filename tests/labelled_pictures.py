"""Pictures that a tiny classifier recognises, feature by feature, and a study that asks for accuracy."""

from pathlib import Path

import numpy as np
import torch
import yaml
from PIL import Image
from torch import nn

from examples import random_target
from isoprune.networks import Network
from workflow_study import Study

N_CLASSES = 8


def to_tensor(image):
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255).permute(2, 0, 1)


def detectors() -> Network:
    """Class k is told by feature k, and by nothing else: the mean brightness of row k."""
    found = nn.Linear(3 * N_CLASSES * N_CLASSES, N_CLASSES, bias=False)
    named = nn.Linear(N_CLASSES, N_CLASSES)
    row = torch.arange(N_CLASSES).repeat_interleave(N_CLASSES).repeat(3)
    with torch.no_grad():
        found.weight[:] = (row == torch.arange(N_CLASSES)[:, None]).float()
        named.weight[:] = torch.eye(N_CLASSES)
        named.bias[:] = 0
    module = nn.Sequential(nn.Flatten(), found, nn.ReLU(inplace=True), nn.Dropout(), named)
    about = {"model": "detectors", "weights": "by hand", "weights_sha256": "0" * 64, "transform": {}}
    return Network(module.eval(), "detectors", to_tensor, "by hand", about)


def write_pictures(folder: Path, per_class: int = 3) -> Path:
    """Pictures of each class, whose row is brighter than its noise, in folders named by class."""
    rng = np.random.default_rng(0)
    for k in range(N_CLASSES):
        (folder / str(k)).mkdir(parents=True)
        for number in range(per_class):
            pixels = rng.integers(0, 90, (N_CLASSES, N_CLASSES, 3), dtype=np.uint8)
            pixels[k] += 150
            Image.fromarray(pixels).save(folder / str(k) / f"{number}.png")
    return folder


def make_classified_study(folder) -> Study:
    """Nine images of noise, a target without subjects, eight labelled pictures."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    for number in range(9):
        pixels = rng.integers(0, 255, size=(16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((80, 80), Image.Resampling.NEAREST).save(
            folder / f"images/{number}.png"
        )
    rows = [f"img {number}\timages/{number}.png" for number in range(9)]
    (folder / "stimuli.tsv").write_text("\n".join(["stimulus\tfile", *rows]) + "\n")
    np.savez(folder / "IT.npz", rdms=random_target(9, 20))
    write_pictures(folder / "labelled", per_class=1)
    network = {"model": "squeezenet1_1", "weights": "random", "seed": 0, "layer": "penultimate"}
    settings = {
        "study": "tiny",
        "stimuli": {"table": "stimuli.tsv"},
        "networks": [{"name": "squeezenet", **network}],
        "targets": [{"name": "IT", "rdms": {"file": "IT.npz", "labels": "table"}}],
        "supervision": ["group"],
        "crossvalidation": {"n_splits": 3, "n_repeats": 1, "n_random": 50},
        "inference": {"n_permutations": 0, "n_bootstrap_images": 100},
        "specificity": {"n_relabelled": 2, "n_variance": 10},
        "accuracy": {
            "images": "labelled",
            "numbers": [4, 512],
            "n_random": 2,
            "domains": [{"target": "IT", "classes": ["0-3"]}],
        },
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(settings))
    return Study(folder)
