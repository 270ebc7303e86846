"""Draw the pictures of the demo in docs/images from its results; numbers in them are those of the run.

usage: python benchmarks/docs_pictures.py results/demo
"""

import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTH, N_COLOURS = 800, 256


def small(path: Path) -> Image.Image:
    """A figure on white, at the width of a page, in its commonest colours.

    Palettes that Pillow makes mix colours that are near: grey bands came out green.
    """
    figure = Image.open(path).convert("RGBA")
    page = Image.alpha_composite(Image.new("RGBA", figure.size, "white"), figure).convert("RGB")
    page = page.resize((WIDTH, round(WIDTH * page.height / page.width)), Image.Resampling.LANCZOS)
    pixels = np.asarray(page, dtype=np.int32).reshape(-1, 3)
    colours, which, counts = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    palette = colours[np.argsort(-counts, kind="stable")[:N_COLOURS]]
    nearest = np.array([np.square(palette - colour).sum(axis=1).argmin() for colour in colours])
    drawn = Image.fromarray(
        nearest[which.ravel()].astype(np.uint8).reshape(page.height, page.width), mode="P"
    )
    drawn.putpalette(palette.astype(np.uint8).tobytes())
    return drawn


if __name__ == "__main__":
    figures = Path(sys.argv[1]) / "figures"
    shutil.copyfile(figures / "isomorphism.svg", IMAGES / "demo.svg")
    small(figures / "overview.png").save(IMAGES / "overview.png", optimize=True)
