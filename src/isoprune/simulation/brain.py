"""Brain data of simulated people whose regions follow planted features of a network."""

from __future__ import annotations

import gzip
import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isoprune.errors import ConfigError, EmbeddingError
from isoprune.io.files import write_bytes, write_text
from isoprune.labelled import Embedding

if TYPE_CHECKING:
    import nibabel as nib

GRID = (20, 20, 20)
VOXEL = 3.0  # mm
NOISE = 2.5
"""Default noise of `simulate_subject`: people then resemble single subjects of an fMRI study."""

_CENTRE = np.array([0.0, -45.0, 5.0])  # mm in MNI space: the back half of the head
_BRAIN_RADIUS = 10.0  # voxels
_ROI_DISTANCE = 3.7  # voxels from the centre along each axis: neighbouring regions do not touch
_ROI_RADIUS = 2.9  # voxels; 90 to 120 voxels a region
ROUNDING = 1e-24
"""Variance of a signal, in squares of the features it is made of, below which it is rounding."""

_N_LOST = 3
"""Voxels at the edge of each mask without signal (NaN), as at the edge of a field of view."""


def voxel_patterns(
    features: np.ndarray, *, n_voxels: int, noise: float, n_runs: int, rng: np.random.Generator
) -> np.ndarray:
    """Patterns of voxels that each add up features with random weights, plus noise.

    A voxel's weights are independent standard normal numbers, less their mean over features. So, over
    many voxels, the correlation distance between two patterns without noise is the correlation distance
    between the two images' features. The signal is scaled by one number, so that the variance over images
    of an average voxel is 1 whatever the scale of the network.

    Parameters
    ----------
    features : ndarray of shape (n_images, n_planted)
        Planted features in the network's own units; without columns, voxels are noise alone.
    n_voxels : int
    noise : float
        Standard deviation of the noise of one run, in units of the standard deviation over images of the
        signal (dimensionless): 2.5 means that in one run a voxel's noise is 2.5 times as strong as the
        differences between images. It is independent between images, voxels and runs; the mean over
        ``n_runs`` has noise / √n_runs.
    n_runs : int
    rng : numpy.random.Generator
        Source of weights and noise.

    Returns
    -------
    ndarray of shape (n_runs, n_images, n_voxels), float64
        Dimensionless.

    Raises
    ------
    ConfigError
        If the noise is negative or not finite, or there is no run or no voxel.
    EmbeddingError
        If there are 1 or 2 features, or they do not tell any images apart.
    """
    features = np.asarray(features, dtype=np.float64)
    _check_amounts(noise, n_runs, n_voxels)
    n_images, n_planted = features.shape
    unit_noise = rng.standard_normal((n_runs, n_images, n_voxels))
    if n_planted == 0:
        return noise * unit_noise
    weights = rng.standard_normal((n_planted, n_voxels))
    signal = features @ (weights - weights.mean(axis=0))
    variance = signal.var(axis=0).mean()
    if n_planted < 3 or not variance > ROUNDING * (features**2).mean():
        raise EmbeddingError(
            "planted features",
            f"{n_planted} features with which the variance of the signal over images is {variance:.3g}",
            "at least 3 features that tell images apart",
            "Plant features with `plant_features`.",
        )
    return signal / np.sqrt(variance) + noise * unit_noise


def simulate_subject(
    folder: str | Path,
    *,
    subject: str,
    embedding: Embedding,
    planted: Mapping[str, Sequence[int]],
    n_runs: int = 4,
    noise: float = NOISE,
    seed: int,
) -> None:
    """Write the betas, condition tables and region masks of one simulated person.

    Into ``sub-<subject>/`` go ``sub-<subject>_run-<run>_betas.nii.gz`` (4-D, float32, one volume an image,
    shuffled in each run), ``…_run-<run>_conditions.tsv`` (``volume``, from 0, and ``condition``) and
    ``…_roi-<roi>_mask.nii.gz``. The betas' axes are oblique to the world's, and each mask is stored with its
    axes in another order and direction: the same places in the world, not the same voxel indices. A few voxels
    of each mask are NaN in the betas. The same arguments give the same bytes.

    Parameters
    ----------
    folder : path
        Where the subject's folder goes.
    subject : str
        Letters and digits.
    embedding : Embedding
        Features of all images.
    planted : dict of str to sequence of int
        Features that each region (letters and digits) follows; an empty sequence makes a region of noise.
        At most eight regions.
    n_runs : int
    noise : float
        Noise of one run in units of the signal's standard deviation over images: see `voxel_patterns`.
    seed : int
        Source of chance, together with the subject's and the region's name: another subject, or other
        features planted in one region, change no pattern of the others.

    Raises
    ------
    ConfigError
        If a name, a number or the count of regions is outside its range.
    EmbeddingError
        If a planted feature does not exist, or the features do not tell images apart.
    NotWritableError
        If the folder cannot be written to.
    """
    _check(subject, planted, embedding, seed)
    _check_amounts(noise, n_runs)
    rng = _chance(seed, subject)
    affine = _oblique_affine(rng)
    regions = _regions(planted, rng)
    volumes = _background(regions, len(embedding.labels), n_runs, noise, rng)
    for roi, features in planted.items():
        _fill(volumes, regions[roi], embedding.values[:, list(features)], noise, _chance(seed, subject, roi))
    start = Path(folder) / f"sub-{subject}" / f"sub-{subject}"
    for number, roi in enumerate(planted):
        _write_image(f"{start}_roi-{roi}_mask.nii.gz", *_reoriented(regions[roi], affine, number))
    for run, values in enumerate(volumes, start=1):
        order = rng.permutation(len(embedding.labels))
        rows = [f"{volume}\t{embedding.labels[image]}\n" for volume, image in enumerate(order)]
        write_text(f"{start}_run-{run}_conditions.tsv", "volume\tcondition\n" + "".join(rows))
        _write_image(f"{start}_run-{run}_betas.nii.gz", np.moveaxis(values[order], 0, -1), affine)


def _check_amounts(noise: float, n_runs: int, n_voxels: int = 1) -> None:
    if not (np.isfinite(noise) and noise >= 0 and n_runs >= 1 and n_voxels >= 1):
        raise ConfigError(
            "simulated patterns",
            f"noise {noise}, {n_runs} runs, {n_voxels} voxels",
            "noise from 0, at least 1 run and 1 voxel",
            f"The defaults are noise {NOISE} and 4 runs.",
        )


def _check(subject: str, planted: Mapping[str, Sequence[int]], embedding: Embedding, seed: int) -> None:
    for name in (subject, *planted):
        if not re.fullmatch("[A-Za-z0-9]+", name):
            raise ConfigError(
                "simulated subject",
                f"the name '{name}'",
                "letters and digits only",
                "File names are made of the names of subjects and regions.",
            )
    if not 1 <= len(planted) <= 8 or seed < 0:
        raise ConfigError(
            f"simulated subject '{subject}'",
            f"{len(planted)} regions and seed {seed}",
            "1 to 8 regions, and a seed from 0",
            "The simulated brain has room for eight regions.",
        )
    n_features = embedding.values.shape[1]
    for roi, features in planted.items():
        absent = [int(feature) for feature in features if not 0 <= feature < n_features]
        if absent or len(set(features)) < len(features):
            raise EmbeddingError(
                f"planted features of ROI '{roi}'",
                f"feature {absent[0]}" if absent else "a feature twice",
                f"different features from 0 to {n_features - 1}",
                "Plant features of this very embedding.",
            )


def _chance(seed: int, *names: str) -> np.random.Generator:
    """A source of chance of its own for each subject, and each region of it."""
    return np.random.default_rng([seed, *(int.from_bytes(name.encode()) for name in names)])


def _oblique_affine(rng: np.random.Generator) -> np.ndarray:
    """A 3 mm grid, turned by some degrees as a head lies in the scanner."""
    from scipy.spatial.transform import Rotation

    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", rng.uniform(3, 12, 3), degrees=True).as_matrix() * VOXEL
    affine[:3, 3] = _CENTRE + rng.normal(0, 2, 3) - affine[:3, :3] @ _middle()
    return affine


def _middle() -> np.ndarray:
    return (np.array(GRID) - 1) / 2


def _distance(centre: np.ndarray) -> np.ndarray:
    """Distance of every voxel of the grid from a point, in voxels."""
    return np.linalg.norm(np.moveaxis(np.indices(GRID), 0, -1) - centre, axis=-1)


def _regions(planted: Mapping[str, Sequence[int]], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A ball of voxels for each region, one an octant, at a slightly different place in each person."""
    octants = list(itertools.product((-1, 1), repeat=3))
    shifts = rng.uniform(-0.25, 0.25, (len(octants), 3))
    regions = {}
    for roi, octant, shift in zip(planted, octants, shifts, strict=False):
        regions[roi] = _distance(_middle() + _ROI_DISTANCE * np.array(octant) + shift) <= _ROI_RADIUS
    return regions


def _background(
    regions: Mapping[str, np.ndarray], n_images: int, n_runs: int, noise: float, rng: np.random.Generator
) -> np.ndarray:
    """Betas (n_runs, n_images, *GRID), float32: noise in the brain, 0 outside of it."""
    inside = (_distance(_middle()) <= _BRAIN_RADIUS) | np.any(list(regions.values()), axis=0)
    volumes = np.zeros((n_runs, n_images, *GRID), dtype=np.float32)
    shape = (n_runs, n_images, int(inside.sum()))
    volumes[:, :, inside] = noise * rng.standard_normal(shape, dtype=np.float32)
    return volumes


def _fill(
    volumes: np.ndarray, region: np.ndarray, features: np.ndarray, noise: float, rng: np.random.Generator
) -> None:
    """Put a region's patterns into the betas, with the voxels at its edge lost."""
    places = np.argwhere(region)
    patterns = voxel_patterns(features, n_voxels=len(places), noise=noise, n_runs=len(volumes), rng=rng)
    from_centre = np.linalg.norm(places - places.mean(axis=0), axis=1)
    patterns[:, :, np.argsort(-from_centre, kind="stable")[:_N_LOST]] = np.nan
    volumes[:, :, region] = patterns


def _reoriented(mask: np.ndarray, affine: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The same mask in another voxel order: axes exchanged and flipped, affine changed to match."""
    axes = list(itertools.permutations(range(3)))[1 + number % 5]
    flipped = number % 3
    turned = np.zeros((4, 4))
    turned[3, 3] = 1.0
    for new, old in enumerate(axes):
        turned[old, new] = 1.0
    turned[axes[flipped], flipped] = -1.0
    turned[axes[flipped], 3] = mask.shape[axes[flipped]] - 1
    stored = np.flip(np.transpose(mask, axes), flipped).astype(np.uint8)
    return stored, affine @ turned


def _write_image(path: str, values: np.ndarray, affine: np.ndarray) -> None:
    import nibabel

    image: nib.Nifti1Image = nibabel.Nifti1Image(np.ascontiguousarray(values), affine)
    image.header.set_xyzt_units("mm")
    # No file name and no clock time in the header of the compressed file: the same data, the same bytes.
    write_bytes(path, gzip.compress(image.to_bytes(), compresslevel=1, mtime=0))
