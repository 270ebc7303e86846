"""Regions from images of voxels: a mask, some labels of an atlas, or a thresholded probability map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from isoprune.errors import ConfigError, NoRegionError, RoiError
from isoprune.io.betas import read_nifti
from isoprune.io.masks import (
    grid_error,
    on_grid,
    place_on_grid,
    read_mask_on_grid,
    resampled,
    three_dimensional,
)
from isoprune.io.regions.request import Request
from isoprune.io.regions.tables import Label, find_labels, read_label_table
from isoprune.io.volumes import Region
from isoprune.labels import listing

# Far above the rounding of stored labels, far below what interpolation makes of them.
_WHOLE = 1e-3
# In mm; far above the rounding of float32 affines, so that the midline is the midline in every voxel order.
_MIDLINE_MM = 1e-3
_FULL = {"percent": 100.0, "fraction": 1.0}


def mask_region(request: Request, image: str) -> Region:
    """A region from a mask image: voxels other than 0 (and NaN) belong to it.

    Parameters
    ----------
    request : Request
    image : str
        Path pattern of a 3-D NIfTI image.

    Raises
    ------
    MissingFileError, UnreadableFileError, GridError, RoiError
        As `isoprune.io.masks.read_mask_on_grid`.
    """
    request.require_volume("mask")
    path = request.file(image)
    grid = request.grid
    inside, n_in_mask = read_mask_on_grid(path, grid.shape, grid.affine, resample=request.resample)
    return Region(request.name, inside, n_in_mask, (path,), f"mask {path.name}")


def atlas_region(
    request: Request,
    image: str,
    labels: Sequence[int | str],
    table: str | None = None,
    hemisphere: str = "both",
) -> Region:
    """A region from one or several labels of an integer atlas, joined.

    Parameters
    ----------
    request : Request
    image : str
        Path pattern of a 3-D NIfTI image of whole numbers.
    labels : sequence of int or str
        Numbers, or names of the label table.
    table : str, optional
        Path pattern of the label table.
    hemisphere : {'both', 'left', 'right'}
        Half by the names of labels where they tell it, else by the world's x (left: below 0 mm).

    Raises
    ------
    MissingFileError, UnreadableFileError
        If a file is not there, damaged, or not what it should be.
    UnknownNameError
        If a label is not in the table.
    NoRegionError, RoiError
        If none, or not every one, of the labels has a voxel; if values are no whole numbers, or cannot
        hold the numbers of the table; if a label has no voxel on the grid of the betas.
    GridError
        If the image is of another grid and resampling is not allowed.
    """
    request.require_volume("atlas")
    path = request.file(image)
    tables = (request.file(table),) if table else ()
    known = read_label_table(tables[0]) if tables else ()
    values, affine = read_nifti(path)
    return labels_region(request, values, affine, known, labels, hemisphere, path.name, (path, *tables))


def labels_region(
    request: Request,
    values: np.ndarray,
    affine: np.ndarray,
    known: Sequence[Label],
    wanted: Sequence[int | str],
    hemisphere: str,
    source: str,
    files: tuple[Path, ...],
) -> Region:
    """As `atlas_region`, from values that were read; ``source`` is the atlas in words."""
    where = f"{request.where}, atlas '{source}'"
    chosen = find_labels(wanted, hemisphere, known, where=where)
    values = whole_numbers(three_dimensional(values, where, "atlas"), [*known, *chosen], where)
    codes = np.zeros(values.shape, dtype=np.int32)
    for code, label in enumerate(chosen, start=1):
        codes[values == label.index] = code
    if hemisphere != "both":
        cut = [code for code, label in enumerate(chosen, start=1) if label.side is None]
        codes[np.isin(codes, cut) & ~half(affine, values.shape, hemisphere)] = 0
    _refuse_absent(chosen, codes, values, hemisphere, where)
    shape, onto = request.grid.shape, request.grid.affine
    placed = place_on_grid(codes, affine, shape, onto, where=where, what="atlas", resample=request.resample)
    lost = [label for code, label in enumerate(chosen, start=1) if not (placed == code).any()]
    if lost:
        raise RoiError(
            where,
            f"no voxel of the betas' grid belongs to {_in_words(lost)}",
            "every label of the region on the betas' grid",
            "Leave the label out, or give an atlas on the betas' grid.",
        )
    halves = "" if hemisphere == "both" else f", {hemisphere} hemisphere"
    if any(label.side is None for label in chosen) and hemisphere != "both":
        halves += " (x below 0 mm)" if hemisphere == "left" else " (x from 0 mm)"
    description = f"{_in_words(chosen)} of the atlas {source}{halves}"
    return Region(request.name, placed > 0, int(np.count_nonzero(codes)), files, description)


def whole_numbers(values: np.ndarray, labels: Sequence[Label], where: str) -> np.ndarray:
    """The values of an atlas as int64; NaN, outside of the atlas, becomes 0.

    Raises
    ------
    RoiError
        If values are no whole numbers, or ``labels`` have numbers that the image's type cannot hold.
    """
    if values.dtype.kind in "iu" and values.dtype.itemsize == 1:
        limits = np.iinfo(values.dtype)
        beyond = sorted({label.index for label in labels if not limits.min <= label.index <= limits.max})
        if beyond:
            raise RoiError(
                where,
                f"an 8-bit image, which holds {limits.min} to {limits.max}, and {len(beyond)} label(s) up to "
                f"{beyond[-1]} beyond: they may have been wrapped into other areas",
                "an image whose type can hold every label of its table",
                "Save the atlas again with 16-bit integers or more; if it never had these labels, "
                "remove them from the table.",
            )
    if values.dtype.kind in "iub":
        return values.astype(np.int64)
    values = np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf)
    whole = np.isfinite(values) & (np.abs(values - np.rint(values)) < _WHOLE)
    if not whole.all():
        raise RoiError(
            where,
            f"{int((~whole).sum())} values are no whole numbers, such as {values[~whole][0]:.4g}",
            "an atlas of whole numbers",
            "Resample atlases with the nearest voxel only; a map of probabilities is given as `probability`.",
        )
    return np.rint(values).astype(np.int64)


def half(affine: np.ndarray, shape: tuple[int, ...], hemisphere: str) -> np.ndarray:
    """Which voxels lie in a half of the world: left has x below 0 mm, right has all other."""
    across = [affine[0, axis] * np.arange(shape[axis]) for axis in range(3)]
    x = across[0][:, None, None] + across[1][None, :, None] + across[2][None, None, :] + affine[0, 3]
    left = x < -_MIDLINE_MM
    return left if hemisphere == "left" else ~left


def _refuse_absent(
    chosen: Sequence[Label], codes: np.ndarray, values: np.ndarray, hemisphere: str, where: str
) -> None:
    background = [label for label in chosen if label.index == 0]
    if background:
        raise ConfigError(
            where, f"{_in_words(background)} is the background", "labels of areas", "Remove it from `labels`."
        )
    absent = [label for code, label in enumerate(chosen, start=1) if not (codes == code).any()]
    if not absent:
        return
    present = np.unique(values[values != 0])
    numbers = f"{len(present)} labels, {present[0]} to {present[-1]}" if len(present) else "no label at all"
    side = "" if hemisphere == "both" else f" in the {hemisphere} hemisphere"
    kind = NoRegionError if len(absent) == len(chosen) else RoiError
    raise kind(
        where,
        f"no voxel{side} has {_in_words(absent)}; the image has {numbers}",
        "voxels of every label of the region",
        "Check that table and image are of the same atlas, or leave the label out.",
    )


def _in_words(labels: Sequence[Label]) -> str:
    words = [
        label.name if label.name == f"label {label.index}" else f"'{label.name}' ({label.index})"
        for label in labels
    ]
    return listing(words, most=20)


def probability_region(
    request: Request,
    image: str,
    threshold: float,
    unit: str,
    volume: int | None = None,
    label: str | None = None,
    table: str | None = None,
    interpolation: str = "nearest",
    hemisphere: str = "both",
) -> Region:
    """A region from a probability map: voxels whose value is at least a threshold.

    Parameters
    ----------
    request : Request
    image : str
        Path pattern of a 3-D NIfTI image, or a 4-D one with a map a volume.
    threshold : float
        In ``unit``.
    unit : {'percent', 'fraction'}
        What the values are: 0 to 100, or 0 to 1.
    volume : int, optional
        Volume of a 4-D image, from 0.
    label : str, optional
        In place of ``volume``: the map's name in ``table``, whose numbers are the volumes, from 0.
    table : str, optional
        Path pattern of the label table.
    interpolation : {'nearest', 'linear'}
        How a map of another grid is resampled, where that is allowed at all; both before the threshold.
    hemisphere : {'both', 'left', 'right'}
        Half by the world's x (left: below 0 mm).

    Raises
    ------
    MissingFileError, UnreadableFileError, GridError, UnknownNameError
        As for an atlas.
    RoiError
        If values are not in the range that ``unit`` promises.
    NoRegionError
        If no voxel reaches the threshold.
    """
    request.require_volume("probability")
    path = request.file(image)
    tables = (request.file(table),) if table else ()
    known = read_label_table(tables[0]) if tables else ()
    values, affine = read_nifti(path)
    source = path.name
    if label is not None:
        volume = volume_of(label, known, values, f"{request.where}, '{tables[0] if tables else source}'")
    return map_region(
        request,
        values,
        affine,
        volume=volume,
        threshold=threshold,
        unit=unit,
        interpolation=interpolation,
        hemisphere=hemisphere,
        source=f"{source}, '{label}'" if label else source,
        files=(path, *tables),
    )


def volume_of(name: str, known: Sequence[Label], values: np.ndarray, where: str) -> int:
    """The volume, from 0, that a label table gives a name.

    Raises
    ------
    RoiError
        If the table's numbers are not those of the image's volumes.
    UnknownNameError
        If the name is not in the table.
    """
    n_volumes = values.shape[3] if values.ndim == 4 else 1
    beyond = [label.index for label in known if not 0 <= label.index < n_volumes]
    if beyond:
        raise RoiError(
            where,
            f"the table has number {beyond[0]}, and the image {n_volumes} volume(s), 0 to {n_volumes - 1}",
            "a table that numbers the volumes from 0",
            "Correct the numbers; counted from 1, every name would stand for its neighbour.",
        )
    labels = find_labels([name], "both", known, where=where)
    if len(labels) > 1:
        names = listing(f"'{label.name}'" for label in labels)
        raise RoiError(
            where, f"'{name}' stands for the maps {names}", "the name of one map", "Name one of them."
        )
    return labels[0].index


def map_region(
    request: Request,
    values: np.ndarray,
    affine: np.ndarray,
    *,
    volume: int | None,
    threshold: float,
    unit: str,
    interpolation: str,
    hemisphere: str,
    source: str,
    files: tuple[Path, ...],
) -> Region:
    """As `probability_region`, from values that were read; ``source`` is the map in words."""
    where = f"{request.where}, probability map '{source}'"
    values = np.nan_to_num(one_map(values, volume, where), nan=0.0, posinf=np.inf, neginf=-np.inf)
    values = values if values.dtype.kind == "f" else values.astype(np.float64)
    check_range(values, unit, where)
    within = half(affine, values.shape, hemisphere) if hemisphere != "both" else True
    inside = (values >= threshold) & within
    if not inside.any():
        raise NoRegionError(
            where,
            f"no voxel reaches {threshold:g} ({unit}); the map's values are {values.min():.4g} to {values.max():.4g}",
            "voxels at or above the threshold",
            "Lower the threshold, or check the hemisphere.",
        )
    n_in_mask, rule = int(inside.sum()), ""
    shape, onto = request.grid.shape, request.grid.affine
    if interpolation == "linear" and on_grid(inside, affine, shape, onto, empty=False) is None:
        if request.resample is None:
            raise grid_error(where, "probability map", (values.shape, affine), (shape, onto))
        inside = resampled(values.astype(np.float64), affine, shape, onto, "linear") >= threshold
        inside &= half(onto, shape, hemisphere) if hemisphere != "both" else True
        affine, rule = onto, ", resampled linearly before"
    inside = place_on_grid(
        inside, affine, shape, onto, where=where, what="probability map", resample=request.resample
    )
    halves = "" if hemisphere == "both" else f", {hemisphere} half of the world's x"
    sign = f"{threshold:g} %" if unit == "percent" else f"{threshold:g}"
    description = f"probability of at least {sign} in the map {source}{rule}{halves}"
    return Region(request.name, inside, n_in_mask, files, description)


def one_map(values: np.ndarray, volume: int | None, where: str) -> np.ndarray:
    """One 3-D map of an image that may hold several.

    Raises
    ------
    RoiError
        If it holds several and ``volume`` is None, or it has no such volume.
    """
    if values.ndim != 4 or (volume is None and values.shape[3] == 1):
        if volume is None or (volume == 0 and values.ndim == 3):
            return three_dimensional(values, where, "probability map")
        n_volumes = 1
    else:
        n_volumes = values.shape[3]
        if volume is not None and volume < n_volumes:
            return values[..., volume]
    raise RoiError(
        where,
        f"{n_volumes} map(s), and {'none is chosen' if volume is None else f'volume {volume} is asked for'}",
        f"a volume from 0 to {n_volumes - 1}",
        "Set `volume`, or `label` with `table`.",
    )


def check_range(values: np.ndarray, unit: str, where: str) -> None:
    """Refuse a map whose values are not what ``unit`` says: percent (0 to 100) or fraction (0 to 1).

    Raises
    ------
    ConfigError
        If the unit is neither.
    RoiError
        If the range is another; a map in percent that stays at or below 1 is taken for fractions.
    """
    if unit not in _FULL:
        raise ConfigError(where, f"the unit '{unit}'", "percent or fraction", "Say what the values are.")
    low, high = float(values.min()), float(values.max())
    rounding = 1e-3 * _FULL[unit]
    fits = -rounding <= low and high <= _FULL[unit] + rounding
    if not fits or (unit == "percent" and 0 < high <= 1):
        other = "fraction" if low >= 0 and high <= 1 else "percent"
        sensible = low >= 0 and high <= 100
        raise RoiError(
            where,
            f"values from {low:.4g} to {high:.4g}, said to be in {unit}",
            f"values from 0 to {_FULL[unit]:g}",
            f"Set `unit: {other}` and the threshold to match."
            if sensible
            else "Check that it is a probability map.",
        )
