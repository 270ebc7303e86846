"""Activity patterns: a row a volume or a trial, a column a voxel."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from isoprune.errors import BetasError


@dataclass(frozen=True)
class Residuals:
    """What the models of the runs left unexplained, in the voxels of some patterns.

    Attributes
    ----------
    values : ndarray of shape (n_time_points, n_voxels), float64
        In the units of the measured signal.
    runs : tuple of str
        Run of each row.
    df : dict of str to int
        Residual degrees of freedom of each run's model.
    """

    values: np.ndarray
    runs: tuple[str, ...]
    df: dict[str, int]


@dataclass(frozen=True)
class Patterns:
    """Activity patterns of one subject in one region of interest.

    Attributes
    ----------
    values : ndarray of shape (n_observations, n_voxels), float64
        One row a volume of betas (or t-values), in the order in which they were read.
    conditions : tuple of str
        Stimulus label of each row; a label may occur in several rows.
    runs : tuple of str
        Label of the run of each row.
    roi, subject : str
        Whose patterns they are.
    counts : dict of str to int
        How many voxels the mask had, and why some are not among the columns.
    provenance : dict
        What they were computed from, ready for JSON.
    voxels : ndarray of shape (n_voxels,), int, optional
        Number of each column's voxel (or vertex) in the grid of the betas, counted row by row (C order).
    selection : str
        How voxels were selected by their reliability, in words; empty if all usable ones were kept.
    tsnr : ndarray of shape (n_voxels,), float64, optional
        Temporal signal-to-noise ratio of each voxel, mean over runs (dimensionless).
    residuals : Residuals, optional
        What the models of the runs left unexplained.
    """

    values: np.ndarray
    conditions: tuple[str, ...]
    runs: tuple[str, ...]
    roi: str = "roi"
    subject: str = "subject"
    counts: dict[str, int] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    voxels: np.ndarray | None = None
    selection: str = ""
    tsnr: np.ndarray | None = None
    residuals: Residuals | None = None

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        n_rows = len(self.conditions)
        if values.ndim != 2 or values.shape[0] != n_rows or len(self.runs) != n_rows:
            raise BetasError(
                self.where,
                f"an array of shape {values.shape} with {n_rows} conditions and {len(self.runs)} runs",
                "one row an observation, each with its condition and its run",
                "Put observations in rows and voxels in columns.",
            )
        self._check_columns(values.shape[1])
        if not np.isfinite(values).all():
            raise BetasError(
                self.where,
                f"NaN or infinite values in {int((~np.isfinite(values)).any(axis=0).sum())} voxel(s)",
                "finite values",
                "Drop these voxels; isoprune does not guess missing values.",
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "conditions", tuple(str(condition) for condition in self.conditions))
        object.__setattr__(self, "runs", tuple(str(run) for run in self.runs))

    def _check_columns(self, n_voxels: int) -> None:
        for name, columns in (
            ("voxels", self.voxels),
            ("tsnr", self.tsnr),
            ("residuals", None if self.residuals is None else self.residuals.values),
        ):
            if columns is not None and np.shape(columns)[-1] != n_voxels:
                raise BetasError(
                    self.where,
                    f"`{name}` of {np.shape(columns)[-1]} voxels beside patterns of {n_voxels}",
                    "the same voxels in all",
                    "Take voxels out of all of them alike.",
                )

    @property
    def where(self) -> str:
        """The region and the subject, for messages."""
        return f"ROI '{self.roi}' of subject '{self.subject}'"

    def select_rows(self, rows: np.ndarray) -> Patterns:
        """The same patterns with some of the observations, and the residuals of their runs.

        Parameters
        ----------
        rows : ndarray of int, or of shape (n_observations,) and bool
            Which observations, in the order wanted.
        """
        rows = np.arange(len(self.runs))[rows]
        runs = tuple(self.runs[row] for row in rows)
        residuals = self.residuals
        if residuals is not None:
            present = np.array([run in set(runs) for run in residuals.runs])
            residuals = Residuals(
                residuals.values[present],
                tuple(run for run in residuals.runs if run in set(runs)),
                {run: df for run, df in residuals.df.items() if run in set(runs)},
            )
        return replace(
            self,
            values=self.values[rows],
            conditions=tuple(self.conditions[row] for row in rows),
            runs=runs,
            residuals=residuals,
        )
