"""Regions from surfaces: labels of GIFTI files, for betas whose vertices are joined left then right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from isoprune.errors import ConfigError, GridError, NoRegionError, RoiError, UnreadableFileError
from isoprune.io.files import readable
from isoprune.io.regions.request import Request
from isoprune.io.regions.tables import Label, find_labels, named
from isoprune.io.volumes import Region
from isoprune.labels import choose, listing

_SIDES = ("left", "right")
_STRUCTURE = {"CortexLeft": "left", "CortexRight": "right"}


def surface_region(
    request: Request,
    labels: Sequence[int | str],
    left: str | None = None,
    right: str | None = None,
    hemisphere: str = "both",
) -> Region:
    """A region from one or several labels of surface label files, joined.

    Parameters
    ----------
    request : Request
        The grid has one axis, the vertices of the left hemisphere before those of the right (or one
        hemisphere alone), and no affine.
    labels : sequence of int or str
        Numbers or names of the label tables inside the files; a name without its mark of hemisphere
        (``fusiform`` for ``lh.fusiform``) stands for the area of either side.
    left, right : str, optional
        Path patterns of the GIFTI label files (``.label.gii``) of each hemisphere.
    hemisphere : {'both', 'left', 'right'}
        Which half; the other file, if given, tells only how many vertices that half has.

    Raises
    ------
    GridError
        If the betas lie on voxels, the numbers of vertices do not fit, or a file is of the other side.
    MissingFileError, UnreadableFileError
        If a file is not there, or no GIFTI file with one array of labels.
    UnknownNameError
        If a label is not in the file.
    NoRegionError, RoiError
        If none, or not every one, of the labels has a vertex.
    """
    _check_surface(request)
    paths = {side: request.file(p) for side, p in zip(_SIDES, (left, right), strict=True) if p}
    sides = _SIDES if hemisphere == "both" else (hemisphere,)
    if lacking := [side for side in sides if side not in paths]:
        raise ConfigError(
            request.where,
            f"hemisphere: {hemisphere}, without the label file of the {lacking[0]} one",
            "the label file of every hemisphere used",
            f"Set `{lacking[0]}`, or choose another `hemisphere`.",
        )
    read = {side: _read_labels(path, side) for side, path in paths.items()}
    places = _places(request, {side: len(keys) for side, (keys, _) in read.items()})
    inside = np.zeros(request.grid.shape, dtype=bool)
    absent: list[str] = []
    found: list[str] = []
    for side in sides:
        keys, known = read[side]
        for label in _wanted_here(labels, side, sides, known, f"{request.where}, '{paths[side]}'"):
            belongs = keys == label.index
            (found if belongs.any() else absent).append(f"'{label.name}' ({side})")
            inside[places[side]] |= belongs
    _refuse_absent(request, labels, absent, found)
    names = " and ".join(paths[side].name for side in sides)
    files = tuple(paths.values())
    return Region(request.name, inside, int(inside.sum()), files, f"{listing(found, most=20)} of {names}")


def _check_surface(request: Request) -> None:
    if request.grid.affine is not None:
        raise GridError(
            request.where,
            "`surface` gives vertices, but the betas lie on a grid of voxels",
            "a region made of voxels",
            "Define the region by `mask`, `atlas`, `probability`, `fetch` or `sphere`.",
        )


def _places(request: Request, n_vertices: dict[str, int]) -> dict[str, slice]:
    """Where each hemisphere lies among the vertices of the betas."""
    n_betas, n_known = request.grid.shape[0], sum(n_vertices.values())
    # Of one hemisphere alone: betas of that one, or of two halves of a mesh with as many vertices each.
    fitting = (n_known,) if len(n_vertices) == 2 else (n_known, 2 * n_known)
    if n_betas not in fitting:
        numbers = " and ".join(f"{number} ({side})" for side, number in n_vertices.items())
        raise GridError(
            request.where,
            f"label files of {numbers} vertices, betas of {n_betas}",
            "label files on the mesh of the betas, left hemisphere before right",
            "Give the label files of both hemispheres, in the betas' resolution.",
        )
    return {
        side: slice(0, number) if side == "left" else slice(n_betas - number, n_betas)
        for side, number in n_vertices.items()
    }


def _wanted_here(
    wanted: Sequence[int | str], side: str, sides: Sequence[str], known: Sequence[Label], where: str
) -> tuple[Label, ...]:
    """The labels wanted of one hemisphere's file; names that say the other hemisphere are for the other file."""
    other = _SIDES[1 - _SIDES.index(side)]
    here = []
    for name in wanted:
        elsewhere = isinstance(name, str) and named(0, name).side == other
        if elsewhere and other in sides:
            continue
        if elsewhere:
            raise RoiError(
                where,
                f"label '{name}' is of the {other} hemisphere",
                f"labels of the {side} hemisphere",
                "Correct `hemisphere` or the label.",
            )
        if isinstance(name, str) and name not in {
            word for label in known for word in (label.name, label.both)
        }:
            choose(name, [label.name for label in known], what="label", where=where)
        here.append(name)
    # All labels of the file are of this side, whether their names say so or not.
    return find_labels(here, side, known, where=where)


def _refuse_absent(
    request: Request, labels: Sequence[int | str], absent: list[str], found: list[str]
) -> None:
    if not absent:
        return
    kind = RoiError if found else NoRegionError
    raise kind(
        request.where,
        f"no vertex has the label {listing(absent)}",
        f"vertices of every label of the region: {listing(labels)}",
        "Check the label files, or leave the label or the hemisphere out.",
    )


def _read_labels(path: Path, side: str) -> tuple[np.ndarray, tuple[Label, ...]]:
    """Label numbers (n_vertices,) and label table of a GIFTI file, after checking its hemisphere."""
    import nibabel

    expected, remedy = (
        "a GIFTI file with one array of labels",
        "Give the `.label.gii` file of the hemisphere.",
    )
    with readable(path, expected, remedy):
        image = nibabel.load(path)
    if not isinstance(image, nibabel.gifti.GiftiImage):
        raise UnreadableFileError(str(path), f"it is a {type(image).__name__}", expected, remedy)
    arrays = image.get_arrays_from_intent("NIFTI_INTENT_LABEL")
    if len(arrays) != 1 or arrays[0].data.ndim != 1:
        found = f"{len(image.darrays)} array(s), {len(arrays)} of them of labels"
        raise UnreadableFileError(str(path), found, expected, remedy)
    structure = {**dict(image.meta), **dict(arrays[0].meta)}.get("AnatomicalStructurePrimary")
    if _STRUCTURE.get(structure, side) != side:
        raise GridError(
            str(path),
            f"a file of the {_STRUCTURE[structure]} hemisphere ({structure}), given as `{side}`",
            f"the {side} hemisphere",
            "Exchange the files.",
        )
    names = image.labeltable.get_labels_as_dict()
    return np.asarray(arrays[0].data), tuple(named(key, name) for key, name in names.items() if key != 0)
