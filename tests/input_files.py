"""A small file of every kind that users give, with what reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import nibabel
import numpy as np
import scipy.io
from PIL import Image

from examples import random_target
from isoprune.classification.images import labelled_images
from isoprune.config import load
from isoprune.io.betas import read_betas
from isoprune.io.embeddings import import_embedding
from isoprune.io.images import read_image
from isoprune.io.judgments import _cached, read_judgment_table
from isoprune.io.masks import read_mask
from isoprune.io.ready_formats import _cached_file, read_ready_file
from isoprune.io.tables import read_stimuli
from isoprune.io.weights import check_sha256, read_state_dict
from isoprune.provenance import sha256_of_file

LABELS = ("a", "b", "c", "d", "e")
RDM = random_target(5, 0)
STUDY = """study: mine
stimuli: {table: stimuli.tsv}
subjects: ["01", "02"]
networks: [{name: vgg, file: features.npz}]
targets: [{name: IT, rdms: {file: IT.npz, labels: table}}]
"""


@dataclass(frozen=True)
class Input:
    """A kind of file: how it is written and read, and whether its format, or a stated hash, tells a changed byte."""

    write: Callable[[Path], Any]
    read: Callable[[Path], Any]
    checked: bool = False


def picture(path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (9, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def image(path: Path) -> np.ndarray:
    return np.asarray(read_image(path, f"stimulus of '{path}'"))


def text(*rows: str) -> Callable[[Path], Any]:
    return lambda path: path.write_text("\n".join(rows) + "\n")


def square_table(separator: str) -> Callable[[Path], Any]:
    rows = [separator.join(["", *LABELS])]
    rows += [
        separator.join([label, *map(repr, row)]) for label, row in zip(LABELS, RDM.tolist(), strict=True)
    ]
    return text(*rows)


def of_rsatoolbox(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["dissimilarities"] = RDM[None]
        file["pattern_descriptors/stimulus"] = np.array(LABELS, dtype="S")


def ready(path: Path) -> Any:
    _cached_file.cache_clear()  # files of this test may be written anew within the clock's tick
    return read_ready_file(path, None)[0].values


def volumes(*shape: int) -> Callable[[Path], None]:
    data = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return lambda path: nibabel.save(nibabel.Nifti1Image(data, np.diag([2.0, 2, 2, 1])), path)


def mask(path: Path) -> None:
    inside = np.random.default_rng(0).integers(0, 2, (3, 4, 2)).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(inside, np.diag([2.0, 2, 2, 1])), path)


def weights(path: Path) -> None:
    import torch

    torch.save({"layer.weight": torch.arange(6.0).reshape(2, 3)}, path)
    path.with_suffix(".sha256").write_text(sha256_of_file(path))


def read_weights(path: Path) -> Any:
    return {name: tensor.tolist() for name, tensor in read_state_dict(path, where=str(path)).items()}


def read_stated_weights(path: Path) -> Any:
    check_sha256(path, path.with_suffix(".sha256").read_text(), where=str(path))
    return read_weights(path)


def labelled(path: Path) -> None:
    (path.parent / "images").mkdir(exist_ok=True)
    for name in "ab":
        picture(path.parent / "images" / f"{name}.png")
    text("file\tclass", "a.png\t1", "b.png\t7")(path)


def read_labelled(path: Path) -> Any:
    found = labelled_images(path.parent / "images", path)
    return found.names, found.classes


def judgments(*columns: str) -> Callable[[Path], Any]:
    def read(path: Path) -> Any:
        _cached.cache_clear()
        return read_judgment_table(path, {name: name for name in columns}).cells

    return read


def features(path: Path) -> Any:
    found = import_embedding(path, name="vgg", labels=LABELS if path.suffix == ".npy" else None)
    return found.labels, found.values


EMBEDDING = np.random.default_rng(1).normal(size=(5, 3))
RATINGS = [f"{one}\t{other}\t{rating}" for rating, (one, other) in enumerate(zip("aab", "bcc", strict=True))]
FEATURES = [
    "\t".join([label, *map(repr, row)]) for label, row in zip(LABELS, EMBEDDING.tolist(), strict=True)
]
INPUTS = {
    "stimuli.tsv": Input(
        text("stimulus\tfile", *(f"{label}\t{label}.png" for label in LABELS)), read_stimuli
    ),
    "image.png": Input(picture, image, checked=True),
    "image.jpg": Input(picture, image),
    "image.bmp": Input(picture, image),
    "image.tif": Input(picture, image),
    "rdm.npz": Input(lambda path: np.savez(path, rdm=RDM), ready, checked=True),
    "rdm.npy": Input(lambda path: np.save(path, RDM), ready),
    "rdm.mat": Input(lambda path: scipy.io.savemat(path, {"rdm": RDM}), ready),
    "rdm.tsv": Input(square_table("\t"), ready),
    "rdm.csv": Input(square_table(","), ready),
    "rdm.h5": Input(of_rsatoolbox, ready),
    "features.npz": Input(lambda path: np.savez(path, X=EMBEDDING, labels=LABELS), features, checked=True),
    "features.npy": Input(lambda path: np.save(path, EMBEDDING), features),
    "features.mat": Input(
        lambda path: scipy.io.savemat(path, {"X": EMBEDDING, "labels": list(LABELS)}), features
    ),
    "features.tsv": Input(text("stimulus\tf\tg\th", *FEATURES), features),
    "betas.nii": Input(volumes(3, 4, 2, 5), lambda path: read_betas(path, 5)),
    "betas.nii.gz": Input(volumes(3, 4, 2, 5), lambda path: read_betas(path, 5), checked=True),
    "mask.nii": Input(mask, read_mask),
    "mask.nii.gz": Input(mask, read_mask, checked=True),
    "ratings.tsv": Input(text("one\tother\trating", *RATINGS), judgments("one", "other", "rating")),
    "triplets.tsv": Input(text("x\ty\tz\todd", "a\tb\tc\tc", "b\tc\td\tb"), judgments("x", "y", "z", "odd")),
    "weights.pth": Input(weights, read_weights),
    "weights_of_stated_hash.pth": Input(weights, read_stated_weights, checked=True),
    "classes.tsv": Input(labelled, read_labelled),
    "study.yaml": Input(text(*STUDY.splitlines()), lambda path: load(path).model_dump()),
}
"""By the name of the file."""
