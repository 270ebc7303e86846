"""What a BIDS-derivatives folder has to say of a study: subjects, betas and regions, by the names of its files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isoprune.errors import MissingFileError
from isoprune.io.betas import beta_runs
from isoprune.io.betas.bids import SUFFIXES, BidsFile, differing_entities, named_images
from isoprune.io.betas.runs import counting_order
from isoprune.labels import listing

_REGION = ("roi", "label", "desc")
"""Entities that name a region, in the order in which they are looked for."""

_NO_REGION = ("brain", "aseg")
"""Masks that are not of a region of interest."""

_PREFERRED = {"stat": ("effect", "beta", "z", "t")}
"""Values to take first, where images differ by an entity."""


@dataclass(frozen=True)
class Derivatives:
    """What a folder has.

    Attributes
    ----------
    subjects : tuple of str
        Who has betas.
    betas : dict
        The block `betas` of the settings.
    targets : list of dict
        Entries of `targets`: a mask each.
    seen : dict of str to tuple of str
        Conditions of each subject.
    notes : tuple of str
        What was chosen, in words.
    """

    subjects: tuple[str, ...]
    betas: dict[str, Any]
    targets: list[dict[str, Any]]
    seen: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]


def read_derivatives(folder: Path, root: Path) -> Derivatives:
    """Subjects, betas and regions of a BIDS-derivatives folder.

    Parameters
    ----------
    folder : Path
        Images ``sub-<label>_…_statmap.nii.gz`` or ``…_betas.nii.gz``, and masks ``…_roi-<name>_mask.nii.gz`` (or
        ``label-``, ``desc-``).
    root : Path
        Folder that the paths in the settings are relative to.

    Returns
    -------
    Derivatives

    Raises
    ------
    MissingFileError
        If there are no betas, or no mask of a region.
    IsopruneError
        If conditions and images do not belong together, as `isoprune.io.betas.bids.bids_runs`.
    """
    images = named_images(folder, SUFFIXES)
    if not images:
        endings = " or ".join(f"_{suffix}.nii.gz" for suffix in SUFFIXES)
        _refuse(
            folder, f"no image that ends with {endings}", "response estimates (betas) of single conditions"
        )
    masks = [mask for mask in named_images(folder, ("mask",)) if _region_name(mask)]
    entities, notes = _chosen_entities(images, masks)
    subjects = tuple(
        sorted({image.entities["sub"] for image in images if "sub" in image.entities}, key=counting_order)
    )
    betas: dict[str, Any] = {"format": "bids", "folder": relative(folder, root)}
    betas |= {"entities": entities} if entities else {}
    seen = {
        subject: tuple(
            dict.fromkeys(name for run in beta_runs(betas, subject, root) for name in run.conditions)
        )
        for subject in subjects
    }
    targets, about = _targets(masks, entities, subjects, root)
    if not targets:
        _refuse(folder, "no mask of a region", "files such as sub-01_roi-FFA_mask.nii.gz")
    return Derivatives(subjects, betas, targets, seen, (*notes, *about))


def _refuse(folder: Path, found: str, expected: str) -> None:
    remedy = "Name the derivatives folder, or start without --derivatives and write these settings yourself."
    raise MissingFileError("--derivatives", f"{found} in '{folder}'", expected, remedy)


def _chosen_entities(
    images: Sequence[BidsFile], masks: Sequence[BidsFile]
) -> tuple[dict[str, str], list[str]]:
    """One value of every entity by which images differ: the one that most masks have, then most images."""
    chosen: dict[str, str] = {}
    notes = []
    while differing := differing_entities(images):
        name, values = next(iter(differing.items()))
        known = {value for value in values if value is not None}
        of_masks, of_images = (Counter(one.entities.get(name) for one in kind) for kind in (masks, images))
        most = sorted(known, key=lambda value: (-of_masks[value], -of_images[value], value))
        chosen[name] = next((value for value in _PREFERRED.get(name, ()) if value in known), most[0])
        images = [image for image in images if image.entities.get(name) == chosen[name]]
        others = sorted(known - {chosen[name]})
        notes.append(f"betas: {name}-{chosen[name]} is used" + (f", not {listing(others)}" if others else ""))
    return chosen, notes


def _targets(
    masks: Sequence[BidsFile], entities: dict[str, str], subjects: Sequence[str], root: Path
) -> tuple[list[dict[str, Any]], list[str]]:
    """An entry for every region that has masks, in the space of the betas where masks differ by it."""
    found: dict[str, dict[str, set[str]]] = {}
    for mask in masks:
        agrees = all(mask.entities.get(name, value) == value for name, value in entities.items())
        if agrees:
            name = _region_name(mask)
            of_whom = mask.entities.get("sub")
            pattern = relative(mask.path, root)
            if of_whom is not None:
                pattern = re.sub(rf"sub-{re.escape(of_whom)}(?![a-zA-Z0-9+])", "sub-{subject}", pattern)
            of_all = set(subjects) if of_whom is None else {of_whom} & set(subjects)
            found.setdefault(name, {}).setdefault(pattern, set()).update(of_all)
    targets, notes = [], []
    for name, patterns in found.items():
        pattern = max(patterns, key=lambda one: (len(patterns[one]), -len(one)))
        have = [subject for subject in subjects if subject in patterns[pattern]]
        if not have:
            continue
        lacking = [subject for subject in subjects if subject not in have]
        targets.append({"name": name, "mask": pattern, **({"subjects": have} if lacking else {})})
        notes += [f"target {name}: no mask in subject {listing(lacking)}"] if lacking else []
        others = [one for one in patterns if one != pattern]
        notes += [f"target {name}: {pattern} is used, not {listing(others)}"] if others else []
    return targets, notes


def _region_name(mask: BidsFile) -> str | None:
    """Name of the region that a mask is of, with its hemisphere; letters and digits."""
    value = next((mask.entities[entity] for entity in _REGION if entity in mask.entities), None)
    if value is None or value in _NO_REGION:
        return None
    return re.sub("[^A-Za-z0-9]", "", mask.entities.get("hemi", "") + value)


def relative(path: Path, root: Path) -> str:
    """A path below the folder of the data as settings have it; any other as it is."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
