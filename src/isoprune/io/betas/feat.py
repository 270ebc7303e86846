"""Betas of FSL's FEAT: contrasts of parameter estimates (`cope`) or the estimates (`pe`) of one folder a run."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from isoprune.errors import BetasError, MissingFileError, UnreadableFileError
from isoprune.io.betas.images import nifti_volumes
from isoprune.io.betas.nifti import open_nifti
from isoprune.io.betas.runs import Settings, filled, placeholders, required
from isoprune.io.betas.volumes import same_grid
from isoprune.io.volumes import BetaRun
from isoprune.labels import listing

_FSF_LINE = re.compile(r'^\s*set fmri\(([^)]+)\) "?(.*?)"?\s*$', re.MULTILINE)
_CON_NAME = re.compile(r"^/ContrastName(\d+)\s+(.*?)\s*$", re.MULTILINE)
# FEAT's numbers of the convolutions that make several regressors of one event type.
_BASIS_SETS = {"4": "gamma basis functions", "5": "sine basis functions", "6": "FIR basis functions"}


def feat_files(settings: Settings, subject: str, root: Path) -> list[Path]:
    """Design, estimates, residuals and degrees of freedom; only names of files are looked up."""
    files: list[Path] = []
    for folder in _folders(settings, subject, root).values():
        optional = [_design_path(folder, "design.con"), *_residual_paths(folder)]
        files.append(_design_path(folder, "design.fsf"))
        files += [path for path in optional if path.is_file()]
        files += _estimates(folder, _kind(settings)).values()
    return files


def feat_runs(settings: Settings, subject: str, root: Path) -> list[BetaRun]:
    """Runs of a subject, one a FEAT folder.

    With `estimate: cope` the conditions are the contrasts' names, from `design.con` or `design.fsf`; with
    ``pe`` they are the titles of the event types, and estimates of temporal derivatives and confounds are left
    out, which the notes say. Residuals are `stats/res4d.nii.gz`, with the degrees of freedom of `stats/dof`.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If design, an estimate or `stats/dof` is not there, or damaged.
    BetasError
        If names and estimates do not belong together.
    """
    return [
        _run(label, folder, _kind(settings)) for label, folder in _folders(settings, subject, root).items()
    ]


def _kind(settings: Settings) -> str:
    return settings.get("estimate") or "cope"


def _folders(settings: Settings, subject: str, root: Path) -> dict[str, Path]:
    pattern, runs = required(settings, "folder"), settings.get("runs")
    if "run" in placeholders(pattern):
        return {run: filled(pattern, root, subject=subject, run=run) for run in required(settings, "runs")}
    return {runs[0] if runs else "1": filled(pattern, root, subject=subject)}


def _design_path(folder: Path, name: str) -> Path:
    """A file of the design; `reg_standard` has its own `stats`, but the design lies in the folder above."""
    above = folder.parent / name
    return above if not (folder / name).is_file() and above.is_file() else folder / name


def _residual_paths(folder: Path) -> list[Path]:
    return [_first(folder / "stats" / "res4d"), folder / "stats" / "dof", _first(folder / "mean_func")]


def _first(stem: Path) -> Path:
    plain = stem.with_name(f"{stem.name}.nii")
    return plain if plain.is_file() else stem.with_name(f"{stem.name}.nii.gz")


def _estimates(folder: Path, kind: str) -> dict[int, Path]:
    name = re.compile(rf"{kind}(\d+)\.nii(\.gz)?")
    paths = sorted((folder / "stats").iterdir()) if (folder / "stats").is_dir() else []
    return {int(match[1]): path for path in paths if (match := name.fullmatch(path.name))}


def _run(label: str, folder: Path, kind: str) -> BetaRun:
    path = _design_path(folder, "design.fsf")
    design = _read_design(path)
    names = _contrast_names(folder, design) if kind == "cope" else _event_names(design, path)
    images = _estimates(folder, kind)
    named = {number: name for number, name in names.items() if name is not None}
    if not named:
        raise BetasError(
            str(path),
            f"no name of a {kind}",
            "a name for each",
            "Set `betas.estimate` to what the design has.",
        )
    if kind == "cope" and (unnamed := sorted(set(images) - set(names))):
        raise BetasError(
            str(folder / "stats"),
            f"cope {listing(unnamed)} has no name among the design's {len(names)} contrasts",
            "a contrast of the design for each cope",
            "Copy design and estimates from one FEAT folder.",
        )
    absent = [number for number in named if number not in images]
    if absent:
        raise MissingFileError(
            str(folder / "stats"),
            f"no {kind}{absent[0]}.nii.gz, the {kind} of '{named[absent[0]]}'",
            f"{len(named)} images, one for each name of the design ({len(images)} are there)",
            "Run FEAT to its end, or copy its folder again.",
        )
    paths = tuple(images[number] for number in named)
    volumes = open_nifti(paths)
    left_out = [f"{kind}{number}" for number in images if number not in named]
    notes = (
        (f"{len(left_out)} estimates left out, of no event type: {listing(left_out)}",) if left_out else ()
    )
    files = (path, *paths)
    if volumes.n_volumes != len(paths):
        found = f"{volumes.n_volumes} volumes in {len(paths)} images"
        raise BetasError(str(folder), found, "one volume in each", "Name the folder of a first level.")
    return _with_residuals(
        BetaRun(label, tuple(named.values()), volumes.grid, volumes.read, files, notes=notes), folder
    )


def _read_design(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as problem:
        raise MissingFileError(
            str(path),
            "it is not there",
            "the design that FEAT keeps",
            "Name FEAT's folder by `betas.folder`.",
        ) from problem
    design = dict(_FSF_LINE.findall(text))
    if "evs_orig" not in design:
        raise UnreadableFileError(
            str(path),
            f"{len(design)} settings, and no fmri(evs_orig) among them",
            "a design of FEAT's first level",
            "Copy the file again, or name the folder of a first level.",
        )
    return design


def _contrast_names(folder: Path, design: dict[str, str]) -> dict[int, str | None]:
    path = _design_path(folder, "design.con")
    if path.is_file():
        found = _CON_NAME.findall(path.read_text(encoding="utf-8", errors="replace"))
        return {int(number): name for number, name in found}
    prefix = "conname_real."
    return {int(key[len(prefix) :]): name for key, name in design.items() if key.startswith(prefix)}


def _event_names(design: dict[str, str], path: Path) -> dict[int, str | None]:
    """Title of each parameter estimate; None for a temporal derivative."""
    names: dict[int, str | None] = {}
    for event in range(1, int(design["evs_orig"]) + 1):
        title = design.get(f"evtitle{event}", "").strip()
        kind = _BASIS_SETS.get(design.get(f"convolve{event}", ""))
        if kind is not None:
            raise BetasError(
                str(path),
                f"event type '{title}' is modelled by {kind}, with several estimates each",
                "one estimate of each condition",
                "Set `betas.estimate: cope`, with a contrast for each condition.",
            )
        names[len(names) + 1] = title or None
        if design.get(f"deriv_yn{event}") == "1":
            names[len(names) + 1] = None
    return names


def _with_residuals(run: BetaRun, folder: Path) -> BetaRun:
    residuals_path, dof_path, mean_path = _residual_paths(folder)
    if not residuals_path.is_file():
        return run
    try:
        residual_df = int(float(dof_path.read_text().split()[0]))
    except (OSError, ValueError, IndexError) as problem:
        raise UnreadableFileError(
            str(dof_path),
            f"it holds no number ({' '.join(str(problem).split())})",
            "the residual degrees of freedom, beside the residuals",
            "Copy FEAT's folder again.",
        ) from problem
    residuals = nifti_volumes(residuals_path)
    if not same_grid(residuals.grid, run.grid):
        found = f"residuals of {'×'.join(map(str, residuals.grid.shape))} voxels on another grid"
        raise BetasError(str(residuals_path), found, "the grid of the estimates", "Copy FEAT's folder again.")
    run = replace(
        run,
        files=(*run.files, residuals_path, dof_path),
        residuals=residuals.read,
        n_residuals=residuals.n_volumes,
        residual_df=residual_df,
    )
    if not mean_path.is_file():
        return run
    mean = nifti_volumes(mean_path)
    return replace(run, files=(*run.files, mean_path), mean=lambda: mean.read(0, 1)[0])
