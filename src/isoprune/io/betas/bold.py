"""Betas from raw BOLD and events, by nilearn's first-level model, written as images that any reader opens.

Least squares all fits one model with a regressor for each trial; least squares separate fits, for each trial, a
model with one regressor for it and one for all others (Mumford, Turner, Ashby & Poldrack 2012, NeuroImage
59:2636). With a regressor for each condition, the repetitions of a condition in a run are estimated together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.errors import BetasError
from isoprune.io.betas.events import events_from_volume_labels, read_events, read_volume_labels
from isoprune.io.betas.images import nifti_volumes, read_nifti
from isoprune.io.betas.nifti import open_nifti
from isoprune.io.betas.runs import (
    PlannedRun,
    Settings,
    assembled,
    chosen_runs,
    filled,
    placeholders,
    required,
)
from isoprune.io.betas.tables import read_conditions
from isoprune.io.betas.volumes import Volumes, same_grid
from isoprune.io.files import existing, read_json, replacing, write_json, write_text
from isoprune.io.seals import check_hashes, hashes_of
from isoprune.io.volumes import BetaRun, Grid
from isoprune.labels import listing

if TYPE_CHECKING:
    import pandas as pd

_IN_WORDS = {
    "condition": "one regressor a condition",
    "all": "one regressor a trial (least squares all)",
    "separate": "one model a trial (least squares separate)",
}


@dataclass(frozen=True)
class FittedFiles:
    """Where the results of one run's model lie.

    Attributes
    ----------
    betas : Path
        4-D NIfTI, float64: percent of the run's mean signal over fitted voxels; NaN in other voxels.
    conditions : Path
        Table with the columns ``condition`` and ``volume``.
    residuals : Path
        4-D NIfTI, float32: in the same unit, a volume a time point; NaN in other voxels.
    mean : Path
        3-D NIfTI, float32: mean of the signal over time, in the same unit, in every voxel.
    model : Path
        JSON: residual degrees of freedom, how the model was made, and the hashes of the other files.
    """

    betas: Path
    conditions: Path
    residuals: Path
    mean: Path
    model: Path

    def all(self) -> list[Path]:
        """The files, in the order above."""
        return [*self.without_room_for_a_seal().values(), self.model]

    def without_room_for_a_seal(self) -> dict[str, Path]:
        """All but the model, which holds their hashes, by what they are."""
        return {
            "betas": self.betas,
            "conditions": self.conditions,
            "residuals": self.residuals,
            "mean": self.mean,
        }


def fitted_files(folder: Path, subject: str, run: str) -> FittedFiles:
    """Where `fit_run` writes, and `bold_runs` reads, the results of a run.

    Parameters
    ----------
    folder : path
        Folder of all fitted betas of a study.
    subject, run : str
    """
    stem = f"sub-{subject}_run-{run}"
    place = Path(folder) / f"sub-{subject}"
    return FittedFiles(
        place / f"{stem}_stat-effect_betas.nii.gz",
        place / f"{stem}_conditions.tsv",
        place / f"{stem}_desc-residuals_bold.nii.gz",
        place / f"{stem}_boldref.nii.gz",
        place / f"{stem}_model.json",
    )


def bold_inputs(settings: Settings, subject: str, run: str, root: Path) -> list[Path]:
    """Files that `fit_run` needs: BOLD, events or labels of volumes, and the mask if there is one."""
    glm, words = required(settings, "glm"), {"subject": subject, "run": run}
    patterns = [required(settings, "images"), glm.get("events"), glm.get("volume_labels"), glm.get("mask")]
    return [filled(pattern, root, **words) for pattern in patterns if pattern is not None]


def fit_run(settings: Settings, subject: str, run: str, root: Path, folder: Path) -> FittedFiles:
    """Fit one run as the settings say and write the results: all that a workflow rule calls.

    Parameters
    ----------
    settings : mapping
        The block `betas`, with `images` (BOLD), `runs` and `glm`.
    subject, run : str
    root : path
        Folder that paths of the settings are relative to.
    folder : path
        Folder of all fitted betas.

    Returns
    -------
    FittedFiles

    Raises
    ------
    IsopruneError
        As `fit_betas`, and if events or labels of volumes are not there or faulty.
    """
    glm, words = required(settings, "glm"), {"subject": subject, "run": run}
    bold = filled(required(settings, "images"), root, **words)
    volumes = None
    if glm.get("volume_labels") is not None:
        path = filled(glm["volume_labels"], root, **words)
        labels, runs = read_volume_labels(path)
        if "run" not in placeholders(settings["images"]):
            _check_labelled(bold, len(labels), path)
        found = events_from_volume_labels(labels, runs, glm["tr"], rest=glm.get("rest") or "rest")
        volumes, events = found[chosen_runs(found, [run], str(path))[run]]
    else:
        column = glm.get("event_column") or "trial_type"
        events = read_events(filled(glm["events"], root, **words), column=column)
    mask = None if glm.get("mask") is None else filled(glm["mask"], root, **words)
    options = {
        name: glm[name] for name in ("hrf", "noise_model", "drift", "high_pass", "method") if name in glm
    }
    into = fitted_files(folder, subject, run)
    fit_betas(bold, events, tr=glm["tr"], into=into, mask=mask, volumes=volumes, **options)
    return into


def fit_betas(
    bold: str | Path,
    events: pd.DataFrame,
    *,
    tr: float,
    into: FittedFiles,
    mask: str | Path | None = None,
    volumes: slice | None = None,
    hrf: str = "glover",
    noise_model: str = "ar1",
    drift: str = "cosine",
    high_pass: float = 0.01,
    method: str = "condition",
) -> None:
    """Betas of one run from its BOLD signal and events.

    Parameters
    ----------
    bold : path
        4-D NIfTI image.
    events : DataFrame
        Columns ``onset``, ``duration`` (seconds from the first of the volumes) and ``trial_type``.
    tr : float
        Seconds between volumes.
    into : FittedFiles
        Where the results go.
    mask : path, optional
        3-D NIfTI on the grid of the BOLD; not 0 is inside. Without it, every voxel that is finite, varies,
        and has a mean above 0 is fitted.
    volumes : slice, optional
        Volumes of the image that are this run's; all by default.
    hrf, noise_model, drift, high_pass
        As ``hrf_model``, ``noise_model``, ``drift_model`` and ``high_pass`` (Hz) of nilearn's ``FirstLevelModel``.
    method : {'condition', 'all', 'separate'}
        A regressor for each condition; one for each trial in one model; or a model for each trial.
        Residuals are those of the model with a regressor for each condition, or, under ``all``, for each trial.

    Raises
    ------
    BetasError
        If there are no events, an event lies after the end, the model leaves no degree of freedom, or BOLD
        and mask do not belong together.
    MissingFileError, UnreadableFileError
        If an image is not there or damaged.
    """
    where = str(bold)
    data, grid = _bold_of_run(bold, volumes)
    _check_events(events, data.shape[-1] * tr, method, where)
    inside = _voxels_to_fit(data, grid, mask, where)
    data *= 100 / data[inside].mean()
    signal = data[inside].T
    options = {"tr": tr, "hrf": hrf, "noise_model": noise_model, "drift": drift, "high_pass": high_pass}
    trials = events if method == "condition" else _named_by_trial(events)
    whole = _Model(signal, events if method == "separate" else trials, options, where)
    if method == "separate":
        betas = [_separate_beta(signal, trials, trial, options, where) for trial in trials["trial_type"]]
    else:
        betas = [whole.beta(regressor) for regressor in whole.regressors]
    names = list(whole.regressors if method == "condition" else events["trial_type"])
    _write_volumes(into.betas, np.array(betas), inside, grid, np.float64)
    rows = [f"{volume}\t{name}" for volume, name in enumerate(names)]
    write_text(into.conditions, "\n".join(["volume\tcondition", *rows]) + "\n")
    _write_volumes(into.residuals, whole.residuals(), inside, grid, np.float32)
    _write_image(into.mean, data.mean(axis=-1).astype(np.float32), grid)
    counts = {"n_voxels": int(inside.sum()), "residual_df": whole.residual_df}
    write_json(
        into.model, {**counts, "method": method, **options, **hashes_of(into.without_room_for_a_seal())}
    )


def bold_files(settings: Settings, subject: str, root: Path) -> list[Path]:
    """What `fit_run` wrote for the runs of a subject, ``root`` being the folder of fitted betas."""
    return [path for run in required(settings, "runs") for path in fitted_files(root, subject, run).all()]


def bold_runs(settings: Settings, subject: str, root: Path) -> list[BetaRun]:
    """Runs of a subject that `fit_run` has fitted, ``root`` being the folder of fitted betas.

    Raises
    ------
    MissingFileError, UnreadableFileError, BetasError
        If a run was not fitted, or a file of it is damaged.
    """
    return [_read_fitted(fitted_files(root, subject, run), run) for run in required(settings, "runs")]


def _read_fitted(files: FittedFiles, run: str) -> BetaRun:
    for path in files.all():
        existing(path, where=str(path), remedy="Fit the run's first-level model first.")
    model = read_json(files.model)
    check_hashes(model, files.without_room_for_a_seal())
    names = tuple(read_conditions(files.conditions)["condition"])
    plan = PlannedRun(run, (files.betas,), names, len(names), tables=(files.conditions,))
    residuals, mean = nifti_volumes(files.residuals), nifti_volumes(files.mean)
    fitted = assembled(plan, open_nifti)
    return replace(
        fitted,
        files=(*fitted.files, files.residuals, files.mean, files.model),
        residuals=residuals.read,
        n_residuals=residuals.n_volumes,
        residual_df=int(model["residual_df"]),
        mean=lambda: mean.read(0, 1)[0],
        notes=(f"betas by nilearn's first-level model, {_IN_WORDS[model['method']]}",),
    )


def _bold_of_run(path: str | Path, volumes: slice | None) -> tuple[np.ndarray, Grid]:
    """BOLD (n_x, n_y, n_z, n_volumes) of a run, and where it lies."""
    source: Volumes = nifti_volumes(path)
    start, stop, _ = (volumes or slice(None)).indices(source.n_volumes)
    if volumes is not None and (volumes.stop or 0) > source.n_volumes:
        raise BetasError(
            str(path),
            f"{source.n_volumes} volumes, and the run ends with volume {volumes.stop}",
            "all volumes of the run",
            "Check that image and labels of volumes belong together.",
        )
    if stop - start < 3:
        found = f"{stop - start} volume(s)"
        raise BetasError(str(path), found, "a time series", "Name the BOLD image of the run.")
    return np.moveaxis(source.read(start, stop), 0, -1), source.grid


def _check_labelled(bold: Path, n_labels: int, path: Path) -> None:
    n_volumes = nifti_volumes(bold).n_volumes
    if n_volumes != n_labels:
        raise BetasError(
            str(bold),
            f"{n_volumes} volumes, and {n_labels} lines in '{path}'",
            "one line a volume",
            "Check that image and labels of volumes belong together.",
        )


def _check_events(events: pd.DataFrame, end: float, method: str, where: str) -> None:
    late = events.loc[events["onset"] >= end, "trial_type"]
    if method not in _IN_WORDS:
        raise BetasError(where, f"the method '{method}'", f"one of: {listing(_IN_WORDS)}", "Choose one.")
    if len(events) == 0:
        raise BetasError(where, "no event", "events in the run", "Check the table of events.")
    if len(late):
        raise BetasError(
            where,
            f"{len(late)} events start after its end at {end:g} s, the first of '{late.iloc[0]}'",
            "events within the run",
            "Check the onsets (seconds from the run's first volume) and `betas.glm.tr`.",
        )


def _voxels_to_fit(data: np.ndarray, grid: Grid, mask: str | Path | None, where: str) -> np.ndarray:
    usable = np.isfinite(data).all(axis=-1) & (np.ptp(data, axis=-1) > 0) & (data.mean(axis=-1) > 0)
    if mask is not None:
        values, affine = read_nifti(mask)
        if not same_grid(Grid(values.shape, affine), grid):
            raise BetasError(
                str(mask),
                f"a mask of {'×'.join(map(str, values.shape))} voxels on another grid than '{where}'",
                "the grid and voxel order of the BOLD",
                "Make the mask in the space of the BOLD.",
            )
        usable &= np.nan_to_num(values) != 0
    if not usable.any():
        raise BetasError(
            where, "no voxel varies inside of the mask", "voxels with BOLD", "Check both images."
        )
    return usable


def _named_by_trial(events: pd.DataFrame) -> pd.DataFrame:
    return events.assign(trial_type=[f"trial{number}" for number in range(len(events))])


class _Model:
    """A fitted first-level model whose regressors are known by the names of their events."""

    def __init__(self, signal: np.ndarray, events: pd.DataFrame, options: Mapping[str, Any], where: str):
        from nilearn.glm.first_level import make_first_level_design_matrix, run_glm

        # Numbered, since nilearn sorts regressors by name, refuses some names and has some of its own.
        self.regressors = {name: f"event{i}" for i, name in enumerate(dict.fromkeys(events["trial_type"]))}
        design = make_first_level_design_matrix(
            options["tr"] * np.arange(len(signal)),
            events.assign(trial_type=[self.regressors[name] for name in events["trial_type"]]),
            hrf_model=options["hrf"],
            drift_model=None if options["drift"] == "none" else options["drift"],
            high_pass=options["high_pass"],
        )
        _check_design(design, where)
        self._columns = list(design.columns)
        # The core of nilearn's FirstLevelModel, without its way from image to image, which writes 0 for voxels
        # that are not fitted and takes half a second a model.
        self._noise, self._results = run_glm(signal, design.to_numpy(), noise_model=options["noise_model"])

    def beta(self, name: str) -> np.ndarray:
        """Estimate (n_voxels,) of one regressor."""
        return self._of_voxels("theta")[self._columns.index(self.regressors[name])]

    def residuals(self) -> np.ndarray:
        """Residuals (n_volumes, n_voxels)."""
        return self._of_voxels("residuals")

    @property
    def residual_df(self) -> int:
        """Residual degrees of freedom, the same in all voxels."""
        return int(next(iter(self._results.values())).df_residuals)

    def _of_voxels(self, attribute: str) -> np.ndarray:
        """An attribute of the fits, which nilearn keeps by autocorrelation, in the order of the voxels."""
        values = {noise: getattr(result, attribute) for noise, result in self._results.items()}
        together = np.empty((len(next(iter(values.values()))), len(self._noise)))
        for noise, of_noise in values.items():
            together[:, self._noise == noise] = of_noise
        return together


def _check_design(design: pd.DataFrame, where: str) -> None:
    n_volumes, n_regressors = design.shape
    rank = np.linalg.matrix_rank(design.to_numpy())
    if rank < n_regressors or rank >= n_volumes:
        raise BetasError(
            where,
            f"a model of {n_regressors} regressors and rank {rank} for {n_volumes} volumes",
            "regressors that can be told apart, and degrees of freedom left",
            "Set `betas.glm.method` to `separate` or `condition`, or check the onsets.",
        )


def _separate_beta(
    signal: np.ndarray, trials: pd.DataFrame, trial: str, options: Mapping[str, Any], where: str
) -> np.ndarray:
    own = [name if name == trial else "others" for name in trials["trial_type"]]
    return _Model(signal, trials.assign(trial_type=own), options, where).beta(trial)


def _write_volumes(path: Path, values: np.ndarray, inside: np.ndarray, grid: Grid, dtype: type) -> None:
    """Write values (n_volumes, n_voxels), NaN in voxels that were not fitted."""
    volumes = np.full((*inside.shape, len(values)), np.nan, dtype)
    volumes[inside] = values.T
    _write_image(path, volumes, grid)


def _write_image(path: Path, values: np.ndarray, grid: Grid) -> None:
    import nibabel

    with replacing(path) as temporary:
        nibabel.save(nibabel.Nifti1Image(values, grid.affine), temporary)
