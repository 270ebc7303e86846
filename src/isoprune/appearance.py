"""What images look like, in numbers: pixels, luminance, contrast, colour, and energies of filters like those of V1.

Images are seen as networks see them: their largest centred square.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isoprune.io.images import read_image

if TYPE_CHECKING:
    from PIL import Image

SIZE = 64
"""Side of the square that images are resized to for ``pixels`` and ``gabor`` (pixels)."""

CYCLES = (2, 4, 8, 16)
"""Spatial frequencies of the Gabor bank (cycles per image), an octave apart."""

ORIENTATIONS = 8
"""Orientations of the Gabor bank, 22.5° apart."""

GRID = 8
"""Energies are averaged within the cells of a grid of this many rows and columns."""


def described(name: str, paths: Sequence[str | Path], labels: Sequence[str]) -> np.ndarray:
    """What the nuisance of this name compares of the images.

    Parameters
    ----------
    name : {"pixels", "luminance", "contrast", "colour", "gabor"}
    paths, labels
        As in `pixels_of`.

    Returns
    -------
    ndarray of shape (n_images, n_values), float64
        sRGB values 0 … 255, relative luminance 0 … 1, CIELAB units, or energies in units of lightness.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If an image cannot be read.
    """
    if name == "pixels":
        return pixels_of(paths, labels).reshape(len(labels), -1)
    measure = {
        "luminance": lambda image: [_luminance(image).mean()],
        "contrast": lambda image: [_luminance(image).std()],
        "colour": lambda image: _lab(image)[..., 1:].mean(axis=(0, 1)),
        "gabor": lambda image: gabor_energies(_lab(_small(image))[..., 0]),
    }[name]
    both = zip(paths, labels, strict=True)
    return np.array([measure(_square(read_image(path, f"stimulus '{label}'"))) for path, label in both])


def pixels_of(paths: Sequence[str | Path], labels: Sequence[str]) -> np.ndarray:
    """Pixels of images as networks see them: the largest centred square, resized.

    Parameters
    ----------
    paths : sequence of path
    labels : sequence of str
        Stimulus label of each, for messages.

    Returns
    -------
    ndarray of shape (n_images, SIZE, SIZE, 3), float64
        sRGB values, 0 … 255.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If an image cannot be read.
    """
    both = zip(paths, labels, strict=True)
    images = (_small(_square(read_image(path, f"stimulus '{label}'"))) for path, label in both)
    return np.array([np.asarray(image, dtype=np.float64) for image in images])


def _square(image: Image.Image) -> Image.Image:
    """The largest centred square."""
    from PIL import ImageOps

    return ImageOps.fit(image, (min(image.size),) * 2)


def _small(image: Image.Image) -> Image.Image:
    from PIL.Image import Resampling

    return image.resize((SIZE, SIZE), Resampling.BICUBIC)


def _luminance(image: Image.Image) -> np.ndarray:
    """Relative luminance of sRGB pixels, 0 … 1, (height, width)."""
    from skimage.color import rgb2xyz

    return rgb2xyz(np.asarray(image))[..., 1]


def _lab(image: Image.Image) -> np.ndarray:
    """CIELAB values of sRGB pixels, (height, width, 3)."""
    from skimage.color import rgb2lab

    return rgb2lab(np.asarray(image))


def gabor_energies(lightness: np.ndarray) -> np.ndarray:
    """Energies of an image under a bank of Gabor filters, as of complex cells of V1.

    A filter's energy is the modulus of its complex response: the root of the summed squares of a pair of filters in
    quadrature (Adelson & Bergen 1985, Journal of the Optical Society of America A 2:284; as a model of V1 in Kay,
    Naselaris, Prenger & Gallant 2008, Nature 452:352). 4 frequencies (2, 4, 8 and 16 cycles per image, bandwidth
    one octave) × 8 orientations, averaged within the cells of an 8 × 8 grid. The image's mean is taken out first, and
    its border is mirrored.

    Parameters
    ----------
    lightness : ndarray of shape (size, size)
        L* of CIELAB, 0 … 100; ``size`` a multiple of 8.

    Returns
    -------
    ndarray of shape (4 · 8 · 8 · 8,), float64
        In units of lightness; exactly 0 for a uniform image.
    """
    from scipy.signal import fftconvolve

    # The mean of equal values may differ from them by rounding, and that has a pattern of energies.
    if np.ptp(lightness) == 0:
        return np.zeros(len(CYCLES) * ORIENTATIONS * GRID**2)
    size, energies = len(lightness), []
    for kernel in _gabor_bank(size):
        margin = [(side // 2,) * 2 for side in kernel.shape]
        mirrored = np.pad(lightness - lightness.mean(), margin, "symmetric")
        response = np.abs(fftconvolve(mirrored, kernel, "valid"))
        energies.append(response.reshape(GRID, size // GRID, GRID, size // GRID).mean(axis=(1, 3)).ravel())
    return np.concatenate(energies)


@cache
def _gabor_bank(size: int) -> tuple[np.ndarray, ...]:
    from skimage.filters import gabor_kernel

    angles = np.pi * np.arange(ORIENTATIONS) / ORIENTATIONS
    return tuple(gabor_kernel(cycles / size, angle, bandwidth=1) for cycles in CYCLES for angle in angles)
