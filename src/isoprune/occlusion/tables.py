"""Tables of occlusion maps: a row an image × target × set, and what differs over images."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from isoprune.inference import MIN_SUBJECTS, sign_flip
from isoprune.io.arrays import write_arrays
from isoprune.occlusion.images import FULL, PRUNED, RANDOM, READ_THROUGH, spatial_correlation
from isoprune.occlusion.mapped import MappedImages
from isoprune.occlusion.significance import Survivors, survivors

if TYPE_CHECKING:
    import pandas as pd

HEATMAP_COLUMNS = {
    "network": "Name of the network.",
    "target": "Name of the target.",
    "subject": "Whose RDM the maps are about; `group` is the mean over subjects.",
    "stimulus": "Label of the image.",
    "set": "Features that the map is read through: all (full), the retained ones of the folds that held the image out "
    "(pruned), or random ones of the same number (random).",
    "intact": "Score of the intact image: correlation of its dissimilarities to all other images with the target's "
    "(signed r, or r² where the settings say so), mean over sets.",
    "peak": "Largest heat of the map: what the score loses at most when one region is occluded.",
    "peak_x": "Centre of the cell of the peak, pixels of the network's input from the left.",
    "peak_y": "Centre of the cell of the peak, pixels of the network's input from above.",
    "p": "p of the peak against the peaks of maps of relabelled targets, which selected anew. Family-wise "
    "over the positions of the map; one-sided.",
    "q": "p adjusted for the number of images (Benjamini-Hochberg), within network, target, subject and set.",
    "threshold": "Heat that a surviving position exceeds; n/a where the image is not called at q ≤ .05.",
    "n_surviving": "Positions that survive.",
    "n_positions": "Positions of the map that are defined.",
    "mass": "Mean over positions of the heat where it is positive, 0 elsewhere.",
    "share_inside": "Share of the positive heat that lies inside the object's mask.",
    "area_inside": "Share of the picture that lies inside the object's mask: what share_inside is by chance.",
    "split_half": "Correlation over positions of the maps of two halves of the subjects, each ranked by itself.",
    "r_full": "Correlation over positions with the map through all features.",
    "r_random": "Correlation over positions with the map through random sets of the same size.",
    "r_contrast": "Correlation over positions with the local contrast of the picture.",
    "r_randomised": "Correlation over positions of the full map with that of the same network with random weights; for "
    "the few images that it is made of.",
    "r_preview": "Correlation over positions with what the gradient predicts, where a preview was asked for.",
    "n_sets": "Sets of features that the map is the mean over.",
    "n_retained": "Features of a set, mean over sets.",
    "undefined": "Why there is no map.",
}

HEATMAP_CONTRAST_COLUMNS = {
    "network": "Name of the network.",
    "subject": "Whose RDMs the maps are about; `group` is the mean over subjects.",
    "a": "Maps of this target and set …",
    "b": "… minus maps of this one.",
    "measure": "What is compared: `mass`, `peak` or `share_inside`, as in heatmaps.tsv.",
    "difference": "Mean over images of a − b.",
    "ci_low": "Lower end of the 95 % interval, over resampled images.",
    "ci_high": "Upper end of the 95 % interval, over resampled images.",
    "p": "Two-sided p of a sign-flip test over images; it speaks about images like these and never about people.",
    "map_r": "Correlation over positions of the two maps of an image, mean over images.",
    "n_images": "Images with both maps.",
}


def heatmap_table(network: str, mapped: MappedImages) -> pd.DataFrame:
    """A row an image × target × set.

    Parameters
    ----------
    network : str
    mapped : MappedImages

    Returns
    -------
    DataFrame
        Columns as `HEATMAP_COLUMNS`.
    """
    import pandas as pd

    rows = []
    for target, (name, subject) in enumerate(zip(mapped.targets, mapped.subjects, strict=True)):
        for place, read_through in enumerate(READ_THROUGH):
            found = survivors_of(mapped, target, read_through)
            for image, label in enumerate(mapped.images):
                about = {
                    "network": network,
                    "target": str(name),
                    "subject": str(subject),
                    "stimulus": str(label),
                }
                numbers = _row(mapped, (image, target, place), found)
                rows.append({**about, "set": read_through, **numbers})
    return pd.DataFrame(rows)[list(HEATMAP_COLUMNS)]


def survivors_of(mapped: MappedImages, target: int, read_through: str) -> Survivors:
    """What survives in the maps of a target through one kind of set; nothing where it has no null."""
    place = READ_THROUGH.index(read_through)
    has_null = place < mapped.null.shape[2]
    null = mapped.null[:, target, place] if has_null else np.empty((len(mapped.images), 0))
    return survivors(mapped.heat[:, target, place], null)


def _row(mapped: MappedImages, at: tuple[int, int, int], found: Survivors) -> dict[str, Any]:
    image, target, place = at
    heat = mapped.heat[at]
    full, random = (mapped.heat[image, target, READ_THROUGH.index(name)] for name in (FULL, RANDOM))
    is_full, has_preview = place == READ_THROUGH.index(FULL), place < mapped.preview.shape[2]
    return {
        "intact": mapped.intact[at],
        **_peak(heat, int(mapped.stride)),
        "p": found.p[image],
        "q": found.q[image],
        "threshold": found.threshold[image],
        "n_surviving": int(found.positions[image].sum()),
        "n_positions": int((~np.isnan(heat)).sum()),
        **_mass(heat, mapped.masks[image]),
        "split_half": mapped.split_half[at],
        "r_full": np.nan if is_full else spatial_correlation(heat, full),
        "r_random": spatial_correlation(heat, random) if READ_THROUGH[place] == PRUNED else np.nan,
        "r_contrast": spatial_correlation(heat, mapped.contrast[image]),
        "r_randomised": spatial_correlation(heat, mapped.randomised[image, target]) if is_full else np.nan,
        "r_preview": spatial_correlation(heat, mapped.preview[at]) if has_preview else np.nan,
        "n_sets": int(mapped.n_sets[at]),
        "n_retained": mapped.n_retained[at],
        "undefined": str(mapped.undefined[at]) or None,
    }


def _peak(heat: np.ndarray, stride: int) -> dict[str, float]:
    if np.isnan(heat).all():
        return dict.fromkeys(("peak", "peak_x", "peak_y"), np.nan)
    row, column = np.unravel_index(np.nanargmax(heat), heat.shape)
    return {
        "peak": float(heat[row, column]),
        "peak_x": (column + 0.5) * stride,
        "peak_y": (row + 0.5) * stride,
    }


def _mass(heat: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Positive heat, and its share inside a mask; there is no share of nothing."""
    positive = np.maximum(heat, 0)
    total, inside = np.nansum(positive), np.nansum(positive * mask)
    is_masked = not np.isnan(mask).any()
    return {
        "mass": float(np.nanmean(positive)) if not np.isnan(heat).all() else np.nan,
        "share_inside": float(inside / total) if is_masked and total > 0 else np.nan,
        "area_inside": float(mask.mean()) if is_masked else np.nan,
    }


def heatmap_contrasts(network: str, mapped: MappedImages, table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Pruned minus full of each target, and each pair of targets through their pruned sets, over images.

    Parameters
    ----------
    network : str
    mapped : MappedImages
    table : DataFrame
        Of the same maps, columns as `HEATMAP_COLUMNS`.
    seed : int

    Returns
    -------
    DataFrame
        Columns as `HEATMAP_CONTRAST_COLUMNS`.
    """
    import pandas as pd

    rows = []
    for subject, one, other in _pairs(mapped):
        (a, of_a), (b, of_b) = (_of(mapped, *which) for which in (one, other))
        r = [spatial_correlation(first, second) for first, second in zip(of_a, of_b, strict=True)]
        about = {"network": network, "subject": subject, "a": a, "b": b}
        for measure in ("mass", "peak", "share_inside"):
            first, second = (_column(table, mapped, *which, measure) for which in (one, other))
            there = ~np.isnan(first - second)
            if there.any():
                difference = _difference((first - second)[there], seed)
                agreement = float(np.nanmean(r)) if not np.isnan(r).all() else np.nan
                rows.append({**about, "measure": measure, **difference, "map_r": agreement})
    return pd.DataFrame(rows, columns=list(HEATMAP_CONTRAST_COLUMNS))


def _pairs(mapped: MappedImages) -> Iterator[tuple[str, tuple[int, str], tuple[int, str]]]:
    """Subject, and target and set of either side."""
    for target, subject in enumerate(mapped.subjects):
        yield str(subject), (target, PRUNED), (target, FULL)
    for one, other in combinations(range(len(mapped.targets)), 2):
        if mapped.subjects[one] == mapped.subjects[other]:
            yield str(mapped.subjects[one]), (one, PRUNED), (other, PRUNED)


def _of(mapped: MappedImages, target: int, read_through: str) -> tuple[str, np.ndarray]:
    """Name and maps of a target through one kind of set."""
    maps = mapped.heat[:, target, READ_THROUGH.index(read_through)]
    return f"{mapped.targets[target]} {read_through}", maps


def _column(
    table: pd.DataFrame, mapped: MappedImages, target: int, read_through: str, measure: str
) -> np.ndarray:
    here = (table["target"] == mapped.targets[target]) & (table["subject"] == mapped.subjects[target])
    return table[here & (table["set"] == read_through)][measure].to_numpy(dtype=np.float64)


def _difference(differences: np.ndarray, seed: int) -> dict[str, float]:
    if len(differences) < MIN_SUBJECTS:
        missing = dict.fromkeys(("ci_low", "ci_high", "p"), np.nan)
        return {"difference": float(differences.mean()), **missing, "n_images": len(differences)}
    found = sign_flip(differences, seed=seed)
    return {
        "difference": found.mean,
        "ci_low": found.low,
        "ci_high": found.high,
        "p": found.p,
        "n_images": found.n,
    }


def write_heatmaps(folder: str | Path, network: str, mapped: MappedImages) -> list[Path]:
    """Write the maps of a network as an npz an image × target.

    Parameters
    ----------
    folder : path
    network : str
    mapped : MappedImages

    Returns
    -------
    list of path
        ``net-<network>_target-<target>_sub-<subject>_stim-<label>_heatmap.npz``, other characters than letters, digits
        and ``_.-~`` percent-encoded. Each holds ``<set>`` (the map in the coordinates of the network's input, height ×
        width), ``<set>_cells`` (on the grid), ``<set>_threshold`` and ``<set>_surviving`` (cells) for ``full`` and
        ``pruned``, ``sizes`` and ``stride`` in pixels, and ``provenance`` as JSON.
    """
    written = []
    for target, (name, subject) in enumerate(zip(mapped.targets, mapped.subjects, strict=True)):
        found = {one: survivors_of(mapped, target, one) for one in (FULL, PRUNED)}
        for image, label in enumerate(mapped.images):
            arrays = {"sizes": mapped.sizes, "stride": mapped.stride, "provenance": mapped.provenance}
            for place, one in enumerate((FULL, PRUNED)):
                cells = mapped.heat[image, target, place]
                arrays |= {one: mapped.in_image(cells), f"{one}_cells": cells}
                arrays |= {f"{one}_threshold": np.array(found[one].threshold[image])}
                arrays |= {f"{one}_surviving": found[one].positions[image]}
            path = Path(folder) / f"{file_name(network, name, subject, label)}_heatmap.npz"
            write_arrays(path, **arrays)
            written.append(path)
    return written


def file_name(network: str, target: str, subject: str, label: str) -> str:
    """How the files of an image × target begin."""
    return f"net-{network}_target-{target}_sub-{subject}_stim-{quote(str(label), safe='')}"
