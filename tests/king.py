"""A made-up `king2019`: the layout of the published one, with numbers and pictures of no one."""

import io
from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image

from isoprune.datasets.king2019 import AREAS, N_IMAGES, N_PAIRS, SETS

NAMES = [f"{number:04d}.jpg" for number in range(1, N_IMAGES + 1)]


def rdms(n_subjects: int = 3, seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    """Numbers for every area and set, people × pairs."""
    draw = np.random.default_rng(seed)
    return {area: {name: draw.random((n_subjects, N_PAIRS)) for name in SETS} for area in AREAS}


def mat(distances: dict[str, dict[str, np.ndarray]]) -> bytes:
    """`FMRI.mat` with them: FMRI.<area>.<set>.pairwisedistances."""
    struct = {
        area: {name: {"pairwisedistances": values} for name, values in sets.items()}
        for area, sets in distances.items()
    }
    file = io.BytesIO()
    scipy.io.savemat(file, {"FMRI": struct})
    return file.getvalue()


def picture(number: int, size: int = 8) -> bytes:
    """A picture of its own."""
    pixels = np.random.default_rng(number).integers(0, 256, (size, size, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def pictures(size: int = 8) -> dict[str, bytes]:
    """Every picture by `<set>/<name>`."""
    return {
        f"{name}/{image}": picture(1000 * place + number, size)
        for place, name in enumerate(SETS)
        for number, image in enumerate(NAMES)
    }


def put(folder: Path, distances: dict[str, dict[str, np.ndarray]], size: int = 8) -> Path:
    """The files as a person puts them into the data set's folder by hand."""
    (folder / "FMRI.mat").parent.mkdir(parents=True, exist_ok=True)
    (folder / "FMRI.mat").write_bytes(mat(distances))
    for path, content in pictures(size).items():
        place = folder / "images" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder
