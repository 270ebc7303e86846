"""Betas of SPM's first level: `SPM.mat` with its `beta_*.nii` and, where they were kept, `Res_*.nii`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from isoprune.errors import BetasError, UnreadableFileError
from isoprune.io.betas.nifti import open_nifti
from isoprune.io.betas.runs import Settings, chosen_runs, filled, placeholders, required
from isoprune.io.files import existing, readable
from isoprune.io.hdf5 import opened_hdf5
from isoprune.io.matlab import load_mat
from isoprune.io.volumes import BetaRun
from isoprune.labels import listing

_REGRESSOR = re.compile(r"Sn\((\d+)\) (.+)\*bf\((\d+)\)")
_MODULATOR = re.compile(r".+x.+\^\d+")
_SESSION = re.compile(r"Sn\((\d+)\) ")
_ESTIMATED = (
    "the structure SPM with xX.name, xX.erdf and nscan, as SPM's estimation leaves it",
    "Name the folder of an estimated model, and copy its SPM.mat again.",
)


@dataclass(frozen=True)
class Design:
    """What is needed of an SPM.mat.

    Attributes
    ----------
    names : tuple of str
        Name of each regressor, in the order of the beta images.
    residual_df : float
        Effective residual degrees of freedom of the whole model.
    n_scans : tuple of int
        Scans of each session.
    """

    names: tuple[str, ...]
    residual_df: float
    n_scans: tuple[int, ...]


def spm_files(settings: Settings, subject: str, root: Path) -> list[Path]:
    """`SPM.mat`, betas and residuals of a subject; only names of files are looked up."""
    files: list[Path] = []
    for folder in _folders(settings, subject, root).values():
        images = [path for kind in ("beta", "Res") for path in _numbered(folder, kind).values()]
        files += [folder / "SPM.mat", *images]
    return files


def spm_runs(settings: Settings, subject: str, root: Path) -> list[BetaRun]:
    """Runs of a subject, one a session of the model, from SPM's folder.

    Regressors ``Sn(s) condition*bf(1)`` are conditions. All others are left out by their name, which
    the notes say: constants, nuisance regressors, parametric modulators, further basis functions. SPM
    has one number of residual degrees of freedom for all sessions; each session gets its share by scans,
    rounded down.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If `SPM.mat` or an image is not there, damaged, or of another structure.
    BetasError
        If a folder that is one run has several sessions, a session has no condition, or the residual
        images are not one a scan.
    """
    runs: list[BetaRun] = []
    for label, folder in _folders(settings, subject, root).items():
        design = read_design(folder / "SPM.mat")
        found = [_session(folder, design, session) for session in range(1, len(design.n_scans) + 1)]
        if label is not None:
            if len(found) > 1:
                raise BetasError(
                    str(folder / "SPM.mat"),
                    f"a model of {len(found)} sessions, and the setting says that it is run '{label}'",
                    "one session",
                    "Remove {run} from `betas.folder`; the sessions of a model are its runs.",
                )
            runs.append(replace(found[0], label=label))
            continue
        by_label = {run.label: run for run in found}
        chosen = chosen_runs(by_label, settings.get("runs"), str(folder / "SPM.mat"))
        runs += [replace(by_label[known], label=own) for own, known in chosen.items()]
    return runs


def read_design(path: Path) -> Design:
    """Regressors, sessions and degrees of freedom of an SPM.mat (version 5 to 7.3).

    Raises
    ------
    MissingFileError, UnreadableFileError
        If it is not there, damaged, or no SPM.mat.
    """
    path = existing(path, where=str(path), remedy="Name SPM's output folder by `betas.folder`.")
    with readable(path, *_ESTIMATED):
        try:
            content = load_mat(path, simplify_cells=True, variable_names=["SPM"])
        except NotImplementedError:
            # SciPy's word for version 7.3, which is HDF5.
            return _design_of_hdf5(path)
    model = content.get("SPM")
    missing = [
        ".".join(steps) for steps in (("xX", "name"), ("xX", "erdf"), ("nscan",)) if not _has(model, steps)
    ]
    if missing:
        found = f"there is no SPM.{listing(missing)}" if model is not None else "there is no SPM"
        raise UnreadableFileError(str(path), found, *_ESTIMATED)
    names = [str(name) for name in np.atleast_1d(model["xX"]["name"])]
    return _design(names, model["xX"]["erdf"], model["nscan"])


def _has(value: Any, steps: tuple[str, ...]) -> bool:
    for step in steps:
        if not isinstance(value, dict) or step not in value:
            return False
        value = value[step]
    return np.size(value) > 0


def _design_of_hdf5(path: Path) -> Design:
    with opened_hdf5(path) as file:
        model = file["SPM"]
        names = ["".join(map(chr, np.ravel(file[name][()]))) for name in np.ravel(model["xX/name"][()])]
        return _design(names, np.ravel(model["xX/erdf"][()])[0], np.ravel(model["nscan"][()]))


def _design(names: list[str], residual_df: Any, n_scans: Any) -> Design:
    n_scans = tuple(int(number) for number in np.atleast_1d(n_scans))
    return Design(tuple(names), float(residual_df), n_scans)


def _folders(settings: Settings, subject: str, root: Path) -> dict[str | None, Path]:
    """SPM's folders by run; under None a folder whose sessions are the runs."""
    pattern = required(settings, "folder")
    if "run" not in placeholders(pattern):
        return {None: filled(pattern, root, subject=subject)}
    return {run: filled(pattern, root, subject=subject, run=run) for run in required(settings, "runs")}


def _numbered(folder: Path, kind: str) -> dict[int, Path]:
    """Images such as ``beta_0001.nii`` by their number."""
    name = re.compile(rf"{kind}_(\d{{4,}})\.(nii|nii\.gz|img)")
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return {int(match[1]): path for path in paths if (match := name.fullmatch(path.name))}


def _session(folder: Path, design: Design, session: int) -> BetaRun:
    images, conditions, left_out = _numbered(folder, "beta"), {}, []
    for number, name in enumerate(design.names, start=1):
        regressor = _REGRESSOR.fullmatch(name)
        own = _SESSION.match(name)
        if own is None or int(own[1]) != session:
            continue
        if regressor is None or int(regressor[3]) != 1 or _MODULATOR.fullmatch(regressor[2]):
            left_out.append(name)
        else:
            conditions[number] = regressor[2]
    if not conditions:
        raise BetasError(
            str(folder / "SPM.mat"),
            f"session {session} has no regressor of a condition, only {listing(left_out) or 'nothing'}",
            "names such as 'Sn(1) face*bf(1)'",
            "Leave the session out by `betas.runs`, or check the model.",
        )
    # A number that has no image keeps SPM's name for it, so that the error names what is missing.
    paths = tuple(images.get(number, folder / f"beta_{number:04d}.nii") for number in conditions)
    volumes = open_nifti(paths)
    _check_one_volume_each(volumes.n_volumes, paths)
    files = (folder / "SPM.mat", *paths)
    run = BetaRun(str(session), tuple(conditions.values()), volumes.grid, volumes.read, files)
    if left_out:
        note = f"{len(left_out)} regressors left out by name: {listing(left_out, most=12)}"
        run = replace(run, notes=(note,))
    return _with_residuals(run, folder, design, session)


def _check_one_volume_each(n_volumes: int, paths: tuple[Path, ...]) -> None:
    if n_volumes != len(paths):
        raise BetasError(
            str(paths[0].parent),
            f"{n_volumes} volumes in {len(paths)} images",
            "one volume in each of SPM's images",
            "Name the folder that SPM wrote.",
        )


def _with_residuals(run: BetaRun, folder: Path, design: Design, session: int) -> BetaRun:
    images = _numbered(folder, "Res")
    if not images:
        return run
    n_all, before = sum(design.n_scans), sum(design.n_scans[: session - 1])
    if sorted(images) != list(range(1, n_all + 1)):
        raise BetasError(
            str(folder),
            f"{len(images)} residual images, and {n_all} scans in SPM.mat",
            "one residual image a scan, numbered from 1",
            "Let SPM write all residuals, or remove those that are there.",
        )
    n_scans = design.n_scans[session - 1]
    paths = tuple(images[number] for number in range(before + 1, before + n_scans + 1))
    residuals = open_nifti(paths)
    _check_one_volume_each(residuals.n_volumes, paths)
    return replace(
        run,
        files=(*run.files, *paths),
        residuals=residuals.read,
        n_residuals=n_scans,
        residual_df=int(design.residual_df * n_scans / n_all),
    )
