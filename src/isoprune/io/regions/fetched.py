"""Regions from the atlases that nilearn downloads, or finds where it has downloaded them before."""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isoprune.errors import ConfigError, MissingFileError, RoiError, UnreadableFileError
from isoprune.io.betas import read_nifti
from isoprune.io.regions.atlases import labels_region, map_region, volume_of
from isoprune.io.regions.request import Request
from isoprune.io.regions.tables import Label, named
from isoprune.io.volumes import Region
from isoprune.labels import choose

_PREFIX = "fetch_atlas_"
# Where atlases are kept is a setting of its own, and the log is ours.
_OURS = ("data_dir", "verbose", "resume")


def fetched_region(
    request: Request,
    atlas: str,
    labels: Sequence[int | str],
    options: Mapping[str, Any] | None = None,
    folder: str | None = None,
    hemisphere: str = "both",
    threshold: float | None = None,
    unit: str | None = None,
) -> Region:
    """A region from one of nilearn's atlases of the volume.

    Parameters
    ----------
    request : Request
    atlas : str
        What follows ``nilearn.datasets.fetch_atlas_``, such as ``harvard_oxford``.
    labels : sequence of int or str
        Labels to join; of a probabilistic atlas one, by name.
    options : dict, optional
        Arguments of the fetcher.
    folder : str, optional
        Folder where atlases are kept, relative to the root; None for nilearn's own.
    hemisphere : {'both', 'left', 'right'}
    threshold, unit : float and {'percent', 'fraction'}, optional
        For a probabilistic atlas; see `isoprune.io.regions.atlases.probability_region`.

    Raises
    ------
    UnknownNameError
        If nilearn has no such atlas, the fetcher no such option, or the atlas no such label.
    ConfigError
        If an option is missing or its value refused, or threshold and kind of atlas do not go together.
    MissingFileError
        If the atlas is neither kept here nor to be had over the network.
    UnreadableFileError, RoiError, GridError
        As for other atlases.
    """
    request.require_volume("fetch")
    where = f"{request.where}, nilearn atlas '{atlas}'"
    fetched = _fetch(atlas, dict(options or {}), request.root / folder if folder else None, where)
    values, affine, files = _maps(fetched, where)
    source = " ".join([f"{atlas} of nilearn", *(f"{key}={value}" for key, value in (options or {}).items())])
    if template := fetched.get("template"):
        source += f", in {template}"
    if values.ndim == 4 and values.shape[3] > 1:
        _check_one_map(labels, threshold, unit, where)
        return map_region(
            request,
            values,
            affine,
            volume=volume_of(str(labels[0]), _map_names(fetched, values.shape[3], where), values, where),
            threshold=threshold,
            unit=unit,
            interpolation="nearest",
            hemisphere=hemisphere,
            source=f"{source}, '{labels[0]}'",
            files=files,
        )
    if threshold is not None:
        raise ConfigError(
            where,
            "a threshold is set, but the atlas has one image of labels",
            "a threshold for probabilistic atlases only",
            "Remove `threshold` and `unit`, or fetch the probabilistic version.",
        )
    return labels_region(request, values, affine, _labels(fetched, where), labels, hemisphere, source, files)


def _fetch(atlas: str, options: dict[str, Any], folder: Path | None, where: str) -> Mapping[str, Any]:
    import nibabel
    from nilearn import datasets

    names = [name.removeprefix(_PREFIX) for name in dir(datasets) if name.startswith(_PREFIX)]
    fetcher = getattr(datasets, _PREFIX + choose(atlas, names, what="atlas", where=where))
    _check_options(fetcher, options, where)
    place = f"'{folder}'" if folder else "nilearn's data folder"
    call = f"nilearn.datasets.{_PREFIX}{atlas}({', '.join(f'{key}={value!r}' for key, value in options.items())})"
    try:
        return fetcher(**options, data_dir=None if folder is None else str(folder), verbose=0)
    except (EOFError, zlib.error, SyntaxError, nibabel.filebasedimages.ImageFileError) as problem:
        raise UnreadableFileError(
            where,
            f"what {place} holds cannot be read ({problem})",
            "the atlas as it was published",
            "Delete it there and fetch it again.",
        ) from problem
    except OSError as problem:
        raise MissingFileError(
            where,
            f"it is not in {place} and cannot be downloaded ({type(problem).__name__})",
            f"a network, or a folder into which `{call}` has downloaded it",
            "Run that call once where there is a network, copy its data folder here, and name it in `fetch.folder`.",
        ) from problem
    except (ValueError, TypeError) as problem:
        raise ConfigError(
            where,
            f"nilearn refuses `{call}` ({' '.join(str(problem).split())})",
            "options that the atlas has",
            "Correct `fetch.options`.",
        ) from problem


def _check_options(fetcher: Callable, options: Mapping[str, Any], where: str) -> None:
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(fetcher).parameters.items()
        if name not in _OURS
    }
    for option in options:
        choose(option, parameters, what="option", where=f"{where}, options")
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is inspect.Parameter.empty and name not in options
    ]
    if missing:
        raise ConfigError(
            f"{where}, options",
            f"'{missing[0]}' is missing",
            f"a value for {missing[0]}",
            "nilearn's documentation of the atlas lists them.",
        )


def _maps(fetched: Mapping[str, Any], where: str) -> tuple[np.ndarray, np.ndarray, tuple[Path, ...]]:
    """Values, affine and files of the atlas: nilearn gives a path, or an image that it has changed."""
    maps = fetched.get("maps")
    if isinstance(maps, str | Path):
        return *read_nifti(maps), (Path(maps),)
    if not hasattr(maps, "dataobj"):
        raise RoiError(
            where,
            "it gives no single image of the volume",
            "an atlas of labels, or of probability maps, in the volume",
            "Choose another atlas, or give its file as `atlas`, `probability` or `surface`.",
        )
    files = (Path(fetched["filename"]),) if fetched.get("filename") else ()
    return np.asanyarray(maps.dataobj), np.asarray(maps.affine), files


def _labels(fetched: Mapping[str, Any], where: str) -> tuple[Label, ...]:
    table = fetched.get("lut")
    if table is None:
        # The list `labels` alone does not say whether it starts with the background.
        raise RoiError(
            where,
            "nilearn gives no table of its labels' numbers",
            "a look-up table (`lut`)",
            "Update nilearn, or give the atlas' file as `atlas` with a label table.",
        )
    return tuple(
        named(int(index), str(name)) for index, name in zip(table["index"], table["name"], strict=True)
    )


def _map_names(fetched: Mapping[str, Any], n_maps: int, where: str) -> tuple[Label, ...]:
    names = [str(name) for name in fetched.get("labels") or ()]
    if len(names) == n_maps + 1 and names[0].lower() == "background":
        del names[0]
    if len(names) != n_maps:
        raise RoiError(
            where,
            f"{n_maps} maps and {len(names)} names",
            "one name a map",
            "Give the atlas' file as `probability` with the number of the volume.",
        )
    return tuple(named(volume, name) for volume, name in enumerate(names))


def _check_one_map(
    labels: Sequence[int | str], threshold: float | None, unit: str | None, where: str
) -> None:
    if threshold is None or unit is None:
        raise ConfigError(
            where,
            "it is an atlas of probability maps, and no threshold is set",
            "`threshold` and `unit`",
            "Set both, or fetch the atlas' version of labels.",
        )
    if len(labels) != 1 or not isinstance(labels[0], str):
        raise ConfigError(
            where,
            f"the labels {list(labels)} of an atlas of probability maps",
            "the name of one map",
            "Name one label.",
        )
