"""Betas and regions of every subject: files, conditions and grids; no volume is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from isoprune.brain import checked_runs
from isoprune.checking.findings import Findings
from isoprune.config import Study
from isoprune.inputs import files_of_betas, files_of_region
from isoprune.io.betas import read_grid
from isoprune.io.files import existing
from isoprune.io.masks import describe_grid
from isoprune.io.regions import check_region
from isoprune.io.volumes import Grid
from isoprune.labels import listing


@dataclass
class Brains:
    """What is known of the brains of a study.

    Attributes
    ----------
    subjects : dict of str to list of str
        Who has the files of each region, by target.
    seen : dict of str to list of str
        Labels of the stimuli that each subject saw.
    """

    subjects: dict[str, list[str]] = field(default_factory=dict)
    seen: dict[str, list[str]] = field(default_factory=dict)


def check_brains(study: Study, labels: Sequence[str] | None, found: Findings) -> Brains:
    """Look at the betas and the regions of every subject.

    Parameters
    ----------
    study : Study
    labels : sequence of str or None
        Labels of the stimuli, which conditions are joined to; None where they are not known.
    found : Findings
        Takes what is found.

    Returns
    -------
    Brains
    """
    targets = [target for target in study.targets if target.region is not None]
    brains = Brains({target.name: [] for target in targets})
    if not targets:
        return brains
    grids: dict[str, Grid | None] = {}
    for subject in study.subjects:
        own = [target for target in targets if subject in study.subjects_of(target.name)]
        if own:
            grids[subject] = _check_betas(study, subject, labels, brains, found)
    for target in targets:
        since, lacking = len(found.problems), []
        for subject in study.subjects_of(target.name):
            before = len(found.problems)
            if has_region(study, target, subject, found):
                brains.subjects[target.name].append(subject)
                _check_region(study, target, subject, grids[subject], found)
            if len(found.problems) > before or subject not in brains.subjects[target.name]:
                lacking.append(subject)
        subjects = study.subjects_of(target.name)
        about = f"{next(iter(target.region))}: {len(subjects) - len(lacking)} of {len(subjects)} subjects"
        about += f"; not {listing(lacking)}" if lacking else ""
        found.note("target", target.name, about, since=since)
    return brains


def has_region(study: Study, target, subject: str, found: Findings) -> bool:
    """Whether the subject has the files of a region; without, the subject is no part of the target."""
    if "sphere" in target.region or "fetch" in target.region:
        return True
    return bool(found.tried(files_of_region, study, target, subject))


def _check_region(study: Study, target, subject: str, grid: Grid | None, found: Findings) -> None:
    if grid is not None:
        definition, resample = target.region, study.roi.resample
        found.tried(check_region, definition, target.name, subject, study.data_root, grid, resample=resample)
        return
    where = f"ROI '{target.name}' of subject '{subject}'"
    for path in files_of_region(study, target, subject):
        found.tried(existing, path, where=where, remedy="Check the path.")


def _check_betas(
    study: Study, subject: str, labels: Sequence[str] | None, brains: Brains, found: Findings
) -> Grid | None:
    """Grid of a subject's betas, if they can be used."""
    since = len(found.problems)
    betas, roi = study.betas.model_dump(mode="json"), study.roi.model_dump(mode="json")
    about, grid = betas["format"], None
    if betas["format"] == "bold":
        grid = found.tried(_grid_of_bold, study, subject)
        about = "BOLD, to which models are fitted" if grid is None else f"BOLD, {in_words(grid)}"
    elif labels is not None:
        given: dict[str, Any] = {"betas": betas, "roi": roi, "root": study.data_root}
        checked = found.tried(checked_runs, subject, labels, **given)
        if checked is not None:
            runs, brains.seen[subject] = checked
            grid = runs[0].grid
            n_volumes = sum(len(run.conditions) for run in runs)
            about += f", {len(runs)} run(s), {n_volumes} volumes of {len(brains.seen[subject])} stimuli"
            about += f", {in_words(grid)}"
    found.note("betas", subject, about, since=since)
    return grid


def _grid_of_bold(study: Study, subject: str) -> Grid:
    """Grid of the BOLD, after checking that all that models need is there."""
    where = f"betas of subject '{subject}'"
    paths = files_of_betas(study, subject)
    for path in paths:
        existing(path, where=where, remedy="Correct the path, or the setting `data_dir`.")
    return Grid(*read_grid(paths[0]))


def in_words(grid: Grid) -> str:
    """A grid in words."""
    if grid.affine is None:
        return f"{grid.shape[0]} vertices"
    return describe_grid(grid.shape, grid.affine)
