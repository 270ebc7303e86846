"""The one door to betas: whatever their format, a list of runs comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from isoprune.errors import BetasError
from isoprune.io.betas import bids, bold, feat, gifti, glmsingle, nifti, nsd, spm
from isoprune.io.betas.runs import Settings
from isoprune.io.betas.volumes import picked
from isoprune.io.volumes import BetaRun
from isoprune.labels import choose, listing

FilesOf = Callable[[Settings, str, Path], list[Path]]
RunsOf = Callable[[Settings, str, Path], list[BetaRun]]

FORMATS: dict[str, tuple[FilesOf, RunsOf]] = {
    "nifti": (nifti.nifti_files, nifti.nifti_runs),
    "bids": (bids.bids_files, bids.bids_runs),
    "nsd": (nsd.nsd_files, nsd.nsd_runs),
    "spm": (spm.spm_files, spm.spm_runs),
    "feat": (feat.feat_files, feat.feat_runs),
    "glmsingle": (glmsingle.glmsingle_files, glmsingle.glmsingle_runs),
    "gifti": (gifti.gifti_files, gifti.gifti_runs),
    "bold": (bold.bold_files, bold.bold_runs),
}


def beta_files(settings: Settings, subject: str, root: str | Path) -> list[Path]:
    """The files that `beta_runs` of a subject reads; names are looked up, no volume is read.

    Parameters
    ----------
    settings : mapping
        The block `betas` of a study.
    subject : str
    root : path
        Folder that paths of the settings are relative to; for the format ``bold``, the folder of fitted betas.

    Returns
    -------
    list of Path
        Each once. A file that should be there but is not is listed all the same where its name is known.

    Raises
    ------
    ConfigError, UnknownNameError
        If a setting is missing, or there is no such format.
    MissingFileError, BetasError
        If a BIDS folder has nothing that fits, or more than one thing.
    """
    files, _ = _format(settings)
    return list(dict.fromkeys(files(settings, subject, Path(root))))


def beta_runs(settings: Settings, subject: str, root: str | Path) -> list[BetaRun]:
    """The runs of a subject, from any format of betas.

    Parameters
    ----------
    settings : mapping
        The block `betas` of a study; `format` says which (``nifti`` by default). Conditions that `exclude`
        names are left out, which the runs' notes say.
    subject : str
    root : path
        Folder that paths of the settings are relative to; for the format ``bold``, the folder of fitted betas.

    Returns
    -------
    list of BetaRun
        In the order of the setting `runs`, else of the source. Grids may differ between runs: they are as
        stored, and nothing is resampled.

    Raises
    ------
    IsopruneError
        If files are not there, damaged, or do not belong together; the message names file and remedy.
    """
    _, runs_of = _format(settings)
    runs = runs_of(settings, subject, Path(root))
    where = f"betas of subject '{subject}'"
    if not runs:
        raise BetasError(where, "no run", "at least one", "Name the subject's runs by `betas.runs`.")
    twice = [label for label, count in Counter(run.label for run in runs).items() if count > 1]
    if twice:
        raise BetasError(where, f"several runs are called {listing(twice)}", "a label each", "Rename them.")
    return _without(runs, settings.get("exclude") or (), where)


def _format(settings: Settings) -> tuple[FilesOf, RunsOf]:
    name = settings.get("format") or "nifti"
    return FORMATS[choose(name, FORMATS, what="format of betas", where="betas.format")]


def _without(runs: Sequence[BetaRun], excluded: Sequence[str], where: str) -> list[BetaRun]:
    """The runs without the volumes of conditions of no interest."""
    present = dict.fromkeys(condition for run in runs for condition in run.conditions)
    for condition in excluded:
        choose(condition, present, what="condition", where=f"betas.exclude, {where}")
    return [_run_without(run, set(excluded), where) for run in runs]


def _run_without(run: BetaRun, excluded: set[str], where: str) -> BetaRun:
    rows = [row for row, condition in enumerate(run.conditions) if condition not in excluded]
    if len(rows) == len(run.conditions):
        return run
    if not rows:
        raise BetasError(
            where,
            f"run '{run.label}' has only conditions that `betas.exclude` names",
            "conditions of interest in every run",
            "Leave the run out by `betas.runs`.",
        )
    left_out = dict.fromkeys(condition for condition in run.conditions if condition in excluded)
    n_volumes = len(run.conditions) - len(rows)
    note = f"{n_volumes} volumes of conditions of no interest left out: {listing(left_out, most=12)}"
    return replace(
        run,
        conditions=tuple(run.conditions[row] for row in rows),
        read=picked(run.read, rows),
        notes=(*run.notes, note),
    )
