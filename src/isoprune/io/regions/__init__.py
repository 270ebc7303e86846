"""Regions of interest: every way to define one, turned into voxels (or vertices) of the betas' grid.

A definition is a mapping with one of `KINDS` as its key, as the settings of a target have it:
``{"atlas": {"image": "aparc.nii.gz", "table": "labels.tsv", "labels": ["fusiform"]}}``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from isoprune.errors import ConfigError, NoRegionError
from isoprune.io.betas import read_grid
from isoprune.io.masks import check_grid
from isoprune.io.regions.atlases import atlas_region, mask_region, probability_region
from isoprune.io.regions.fetched import fetched_region
from isoprune.io.regions.request import Request, filled
from isoprune.io.regions.spheres import sphere_region
from isoprune.io.regions.surfaces import surface_region
from isoprune.io.regions.tables import find_labels, read_label_table
from isoprune.io.volumes import Grid, Region
from isoprune.labels import choose

__all__ = ["KINDS", "check_region", "region", "region_files", "regions_of"]

_MAKERS: dict[str, Callable[..., Region]] = {
    "mask": mask_region,
    "atlas": atlas_region,
    "probability": probability_region,
    "sphere": sphere_region,
    "fetch": fetched_region,
    "surface": surface_region,
}
KINDS = tuple(_MAKERS)
"""The ways to define a region."""

_IMAGES = {"mask": "mask", "atlas": "atlas", "probability": "probability map"}
"""Kinds that are made from an image of voxels, and what its errors call it."""

_PATTERNS = ("image", "table", "left", "right")
_MISSING = ("error", "allow")


def region(
    settings: Mapping[str, Any],
    name: str,
    subject: str,
    root: str | Path,
    grid: Grid,
    *,
    resample: str | None = None,
) -> Region:
    """A region of one subject on the grid of the subject's betas.

    Parameters
    ----------
    settings : mapping
        The definition: one of `KINDS` and its settings; keys of other meaning are ignored.
    name, subject : str
    root : path
        Folder in which relative paths are looked up.
    grid : Grid
        Of the betas.
    resample : {None, 'nearest'}
        What to do with images of another grid: refuse, or take the nearest voxel. Images of the same
        voxels in another order are always used, and exactly.

    Returns
    -------
    Region

    Raises
    ------
    IsopruneError
        As the function of each kind says: a file that is missing or unreadable, an unknown label, another
        grid, an empty region.
    """
    kind, options = _definition(settings, name)
    return _MAKERS[kind](Request(name, subject, Path(root), grid, resample), **options)


def check_region(
    settings: Mapping[str, Any],
    name: str,
    subject: str,
    root: str | Path,
    grid: Grid,
    *,
    resample: str | None = None,
) -> None:
    """Check what can be known of a region without reading its voxels: files, grid, and names of labels.

    Parameters
    ----------
    settings, name, subject, root, grid, resample
        As for `region`.

    Raises
    ------
    IsopruneError
        As for `region`. An atlas that nilearn downloads is not looked at.
    """
    kind, options = _definition(settings, name)
    if kind == "fetch":
        return
    if kind not in _IMAGES:  # these have no voxels of their own, and are quick to make
        region(settings, name, subject, root, grid, resample=resample)
        return
    request = Request(name, subject, Path(root), grid, resample)
    request.require_volume(kind)
    path, what = request.file(options["image"]), _IMAGES[kind]
    where = str(path) if kind == "mask" else f"{request.where}, {what} '{path.name}'"
    check_grid(*read_grid(path), grid.shape, grid.affine, where=where, what=what, resample=resample)
    if options.get("table"):
        wanted = options["labels"] if kind == "atlas" else [options["label"]]
        hemisphere = options["hemisphere"] if kind == "atlas" else "both"
        find_labels(wanted, hemisphere, read_label_table(request.file(options["table"])), where=where)


def region_files(
    settings: Mapping[str, Any], subject: str, root: str | Path, *, missing: str = "error"
) -> list[Path]:
    """The files that a region of one subject is made from; nothing is opened.

    Parameters
    ----------
    settings, subject, root
        As for `region`.
    missing : {'error', 'allow'}
        With ``allow``, no files for a region whose own files the subject lacks.

    Returns
    -------
    list of Path
        Without the files of nilearn's atlases, which are known only once they are fetched.

    Raises
    ------
    ConfigError
        If the definition has none, or several, of `KINDS`, or ``missing`` is something else.
    """
    _check_missing(missing)
    if missing == "allow" and _reason_lacking(settings, subject, root):
        return []
    return [filled(pattern, subject, root) for pattern in _patterns(settings)]


def regions_of(
    definitions: Mapping[str, Mapping[str, Any]],
    subject: str,
    root: str | Path,
    grid: Grid,
    *,
    resample: str | None = None,
    missing: str = "error",
) -> tuple[dict[str, Region], dict[str, str]]:
    """The regions that one subject has, and why it lacks the others.

    Parameters
    ----------
    definitions : mapping
        Definition of each region, by its name.
    subject, root, grid, resample
        As for `region`.
    missing : {'error', 'allow'}
        With ``allow``, a subject lacks a region without error if none of the files with ``{subject}`` in
        their path is there, or if the subject's own image is readable and holds nothing of the region.
        All else is an error in any case.

    Returns
    -------
    regions : dict of str to Region
    lacking : dict of str to str
        The reason, for each region that the subject lacks.

    Raises
    ------
    IsopruneError
        As for `region`.
    """
    _check_missing(missing)
    regions, lacking = {}, {}
    for name, settings in definitions.items():
        if missing == "allow" and (reason := _reason_lacking(settings, subject, root)):
            lacking[name] = reason
            continue
        try:
            regions[name] = region(settings, name, subject, root, grid, resample=resample)
        except NoRegionError as problem:
            if missing == "error" or not _own(settings):
                raise
            lacking[name] = f"{problem.where}: {problem.found}"
    return regions, lacking


def _definition(settings: Mapping[str, Any], name: str = "") -> tuple[str, dict[str, Any]]:
    given = [kind for kind in KINDS if settings.get(kind) is not None]
    if len(given) != 1:
        raise ConfigError(
            f"ROI '{name}'" if name else "a region",
            f"it is defined by {' and '.join(given) if given else 'nothing'}",
            f"exactly one of {', '.join(KINDS)}",
            "Keep or add one.",
        )
    options = settings[given[0]]
    return given[0], {"image": options} if isinstance(options, str) else dict(options)


def _patterns(settings: Mapping[str, Any]) -> list[str]:
    _, options = _definition(settings)
    return [options[key] for key in _PATTERNS if options.get(key) is not None]


def _own(settings: Mapping[str, Any]) -> list[str]:
    """Patterns of the files that each subject has for itself."""
    return [pattern for pattern in _patterns(settings) if "{subject}" in pattern]


def _reason_lacking(settings: Mapping[str, Any], subject: str, root: str | Path) -> str | None:
    """Why the subject lacks the region; None unless every file of its own is absent."""
    paths = [filled(pattern, subject, root) for pattern in _own(settings)]
    if not paths or any(path.exists() for path in paths):
        return None
    return "there is no " + " and no ".join(f"'{path}'" for path in paths)


def _check_missing(missing: str) -> None:
    choose(missing, _MISSING, what="rule", where="roi.missing")
