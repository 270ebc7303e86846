"""Arrays that carry their labels: an embedding, a dissimilarity matrix, and activity patterns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.errors import BetasError, ConstantImageError, EmbeddingError, LabelError, RDMError
from isoprune.labels import check_labels, listing, positions

if TYPE_CHECKING:
    import pandas as pd

STIMULUS = "stimulus"
"""Name of the rsatoolbox descriptor that holds stimulus labels."""

GROUP = "group"
"""The subject that is the mean RDM over subjects."""

SUBJECTS = "subjects"
"""The subject that stands for the mean of single subjects' scores."""

CONSTANT_IMAGE = 1e-12
"""An image is constant when its variance sum is at most this share of its sum of squares (dimensionless).

Relative, because some untrained networks have features of 1e-8.
"""


@dataclass(frozen=True)
class Embedding:
    """Activations of one layer of a network for a set of images.

    Attributes
    ----------
    values : ndarray of shape (n_images, n_features)
        Activations, in the network's own units; float32 or float64.
    labels : tuple of str
        Stimulus label of each row.
    name : str
        Name of the network (network + weights + layer) in the study.
    provenance : dict
        What it was computed from, ready for JSON.
    """

    values: np.ndarray
    labels: tuple[str, ...]
    name: str = "embedding"
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"embedding '{self.name}'"
        values = np.asarray(self.values)
        if values.ndim != 2 or values.shape[0] != len(self.labels):
            raise EmbeddingError(
                where,
                f"an array of shape {values.shape} with {len(self.labels)} labels",
                "one row a label and one column a feature",
                "Put images in rows and features in columns.",
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "labels", check_labels(self.labels, where))
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            bad = [label for label, ok in zip(self.labels, finite, strict=True) if not ok]
            raise EmbeddingError(
                where,
                f"NaN or infinite features for {len(bad)} image(s): {listing(bad)}",
                "finite numbers",
                "Check the images and the network's precision (float16 overflows).",
            )

    @classmethod
    def from_rsatoolbox(cls, dataset: Any, name: str = "embedding") -> Embedding:
        """The embedding in an rsatoolbox ``Dataset``, whose observation descriptor ``stimulus`` names the images.

        Raises
        ------
        LabelError, EmbeddingError
            If there are no labels, or values are not finite.
        """
        return cls(np.asarray(dataset.measurements), stimuli_of(dataset.obs_descriptors, name), name)

    def to_rsatoolbox(self) -> Any:
        """The embedding as an rsatoolbox ``Dataset``: observations are images (``stimulus``), channels features.

        Returns
        -------
        rsatoolbox.data.Dataset
        """
        from rsatoolbox.data import Dataset

        return Dataset(
            self.values,
            descriptors={"name": self.name},
            obs_descriptors={STIMULUS: list(self.labels)},
            channel_descriptors={"feature": np.arange(self.values.shape[1])},
        )

    def to_frame(self) -> pd.DataFrame:
        """The embedding as a pandas table, a row an image and a column a feature."""
        import pandas as pd

        return pd.DataFrame(self.values, index=pd.Index(self.labels, name=STIMULUS))

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Features of each layer, where the best of several layers is to be chosen (`isoprune.layers`); else empty."""
        return tuple(layer["n_features"] for layer in self.provenance.get("layers", ()))

    def whole(self, features: Sequence[int] | np.ndarray) -> np.ndarray:
        """All features of the layer that a set is of."""
        return whole_layer(features, self.layer_sizes, self.values.shape[1])

    def select(self, labels: Sequence[str], wanted_in: str = "the other side") -> Embedding:
        """The same embedding with its rows in the order of ``labels`` (the same set of labels)."""
        order = positions(labels, self.labels, wanted_in=wanted_in, present_in=f"embedding '{self.name}'")
        return replace(self, values=self.values[order], labels=tuple(labels))

    def subset(self, labels: Sequence[str]) -> Embedding:
        """Some of the rows, in the order of ``labels``.

        Raises
        ------
        LabelError
            If a label has no row.
        """
        wanted = set(labels)
        rows = [row for row, label in enumerate(self.labels) if label in wanted]
        some = replace(self, values=self.values[rows], labels=tuple(self.labels[row] for row in rows))
        return some.select(labels)

    def canonical(self, labels: Sequence[str] | None = None) -> Embedding:
        """In float64 and the sorted order of labels, so that shuffled rows change no bit of what is computed.

        Parameters
        ----------
        labels : sequence of str, optional
            Of some of the images; default: all.

        Raises
        ------
        LabelError
            If a label has no row.
        ConstantImageError
            If an image is constant.
        """
        some = self.subset(sorted(self.labels if labels is None else labels))
        values = some.values.astype(np.float64)
        check_no_constant_image(values, f"embedding '{self.name}'", some.labels)
        return replace(some, values=values)


def whole_layer(
    features: Sequence[int] | np.ndarray, layer_sizes: Sequence[int], n_features: int
) -> np.ndarray:
    """All features of the layer that a set is of.

    Parameters
    ----------
    features : sequence of int
        Of one layer, numbered over all layers.
    layer_sizes : sequence of int
        Features of each layer; empty where all features are of one.
    n_features : int
        Of all layers together.

    Returns
    -------
    ndarray of int
    """
    if not layer_sizes:
        return np.arange(n_features)
    ends = np.cumsum(layer_sizes)
    number = int(np.searchsorted(ends, features[0], side="right"))
    return np.arange(ends[number] - layer_sizes[number], ends[number])


@dataclass(frozen=True)
class RDM:
    """A representational dissimilarity matrix.

    Attributes
    ----------
    values : ndarray of shape (n_images, n_images), float64
        Dissimilarities: symmetric, zero on the diagonal.
    labels : tuple of str
        Stimulus label of each row and column.
    target, subject : str
        Whose it is; subject ``group`` is the mean over subjects.
    measure : str
        How dissimilarity was measured, e.g. ``correlation``.
    provenance : dict
        What it was computed from, ready for JSON.
    """

    values: np.ndarray
    labels: tuple[str, ...]
    target: str = "target"
    subject: str = "group"
    measure: str = "dissimilarity"
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"target '{self.target}' of subject '{self.subject}'"
        object.__setattr__(self, "labels", check_labels(self.labels, where))
        values = square(self.values, where, self.labels)
        if values.shape[0] != len(self.labels):
            raise RDMError(
                where,
                f"a matrix of {values.shape[0]} images with {len(self.labels)} labels",
                "one row and one column a label",
                "Check which stimuli the matrix was made from.",
            )
        object.__setattr__(self, "values", values)

    @classmethod
    def from_rsatoolbox(cls, rdms: Any, where: str = "rsatoolbox RDMs") -> RDM:
        """The RDM in an rsatoolbox ``RDMs`` object that holds one.

        Parameters
        ----------
        rdms : rsatoolbox.rdm.RDMs
            With a pattern descriptor ``stimulus``; of several RDMs take one by ``rdms[i]``.
        where : str
            What it is, for error messages.

        Returns
        -------
        RDM
            With ``target`` and ``subject`` where the object has descriptors of this name.

        Raises
        ------
        RDMError, LabelError
            If it holds several RDMs, no labels, or no dissimilarities.
        """
        if rdms.n_rdm != 1:
            found, remedy = (
                f"an rsatoolbox object with {rdms.n_rdm} RDMs",
                "Choose one (`rdms[i]`), or their mean.",
            )
            raise RDMError(where, found, "one RDM", remedy)
        labels = stimuli_of(rdms.pattern_descriptors, where)
        named: dict[str, Any] = {
            key: str(rdms.rdm_descriptors[key][0])
            for key in ("target", "subject")
            if key in rdms.rdm_descriptors
        }
        values = square(rdms.dissimilarities[0], where, labels)
        return cls(values, labels, measure=rdms.dissimilarity_measure or "dissimilarity", **named)

    def to_rsatoolbox(self) -> Any:
        """The RDM as an rsatoolbox ``RDMs`` object, with the pattern descriptor ``stimulus``.

        Returns
        -------
        rsatoolbox.rdm.RDMs
        """
        from rsatoolbox.rdm import RDMs

        return RDMs(
            self.values[np.triu_indices(len(self.labels), 1)][np.newaxis],
            dissimilarity_measure=self.measure,
            rdm_descriptors={"target": [self.target], "subject": [self.subject]},
            pattern_descriptors={STIMULUS: list(self.labels)},
        )

    def to_frame(self) -> pd.DataFrame:
        """The RDM as a pandas table, labels as its index and columns."""
        import pandas as pd

        names = pd.Index(self.labels, name=STIMULUS)
        return pd.DataFrame(self.values, index=names, columns=names)

    def select(self, labels: Sequence[str], wanted_in: str = "the other side") -> RDM:
        """The same RDM with rows and columns in the order of ``labels`` (the same set of labels)."""
        present_in = f"target '{self.target}' of subject '{self.subject}'"
        order = positions(labels, self.labels, wanted_in=wanted_in, present_in=present_in)
        return replace(self, values=self.values[np.ix_(order, order)], labels=tuple(labels))

    def subset(self, labels: Sequence[str]) -> RDM:
        """Some of the images, in the order of ``labels``.

        Raises
        ------
        LabelError
            If a label has no row.
        """
        wanted = set(labels)
        rows = [row for row, label in enumerate(self.labels) if label in wanted]
        names = tuple(self.labels[row] for row in rows)
        return replace(self, values=self.values[np.ix_(rows, rows)], labels=names).select(labels)


def stimuli_of(descriptors: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Stimulus labels among the descriptors of an rsatoolbox object.

    Raises
    ------
    LabelError
        If they are not there, or cannot identify rows.
    """
    if STIMULUS not in descriptors:
        raise LabelError(
            where,
            f"its descriptors are {', '.join(sorted(descriptors)) or '(none)'}",
            f"a descriptor '{STIMULUS}' with one label a row",
            "Rows are joined by label: add it to the rsatoolbox object.",
        )
    return check_labels(descriptors[STIMULUS], where)


def square(values: np.ndarray, where: str, labels: Sequence[str] | None = None) -> np.ndarray:
    """A dissimilarity matrix as a checked square array.

    Parameters
    ----------
    values : ndarray of shape (n, n) or (n * (n - 1) / 2,)
        A square matrix, or its upper triangle without the diagonal, row by row.
    where : str
        Where it comes from, for the error messages.
    labels : sequence of str, optional
        Stimulus labels, used to name what is wrong.

    Returns
    -------
    ndarray of shape (n, n), float64
        Exactly symmetric, with a zero diagonal.

    Raises
    ------
    RDMError
        If the shape is neither, if an entry is not finite, if the matrix is not symmetric to
        within float32 rounding, or if its diagonal is not zero.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim == 1:
        values = _from_triangle(values, where)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise RDMError(
            where,
            f"an array of shape {values.shape}",
            "a square matrix (n × n), or its upper triangle of n(n−1)/2 values, row by row",
            "A target relates every image to every image: cutting only its rows (as scikit-learn's "
            "cross_val_score does) leaves no RDM. Use isoprune.cross_validate for held-out scores.",
        )
    names = [str(i) for i in range(len(values))] if labels is None else list(labels)
    _check_entries(values, where, names)
    values = (values + values.T) / 2
    np.fill_diagonal(values, 0.0)
    return values


def _from_triangle(values: np.ndarray, where: str) -> np.ndarray:
    n = round((1 + float(np.sqrt(1 + 8 * values.size))) / 2)
    if values.size == 0 or n * (n - 1) // 2 != values.size:
        below, above = (m * (m - 1) // 2 for m in (n - 1, n + 1))
        raise RDMError(
            where,
            f"a vector of {values.size} values",
            f"n(n−1)/2 values for some whole n (for instance {below}, {n * (n - 1) // 2} or {above})",
            "Give the whole upper triangle without the diagonal, row by row.",
        )
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n, 1)] = values
    return matrix + matrix.T


def _check_entries(values: np.ndarray, where: str, names: Sequence[str]) -> None:
    off_diagonal = ~np.eye(len(values), dtype=bool)
    undefined = np.argwhere(~np.isfinite(values) & off_diagonal)
    if len(undefined):
        i, j = map(int, undefined[0])
        raise RDMError(
            where,
            f"{len(undefined)} undefined entries, the first at ({names[i]}, {names[j]})",
            "a finite dissimilarity for every pair of images",
            "Leave out the images concerned; isoprune does not guess missing values.",
        )
    scale = float(np.abs(values[off_diagonal]).max(initial=0.0))
    gap = np.abs(values - values.T)
    np.fill_diagonal(gap, 0.0)
    if gap.max(initial=0.0) > 1e-6 * scale:
        i, j = map(int, np.unravel_index(int(gap.argmax()), gap.shape))
        raise RDMError(
            where,
            f"not symmetric: ({names[i]}, {names[j]}) is {values[i, j]:.6g}, "
            f"({names[j]}, {names[i]}) is {values[j, i]:.6g}",
            "the same dissimilarity in both directions",
            "Average both triangles yourself if the directions are repeated measurements.",
        )
    diagonal = np.abs(np.nan_to_num(np.diagonal(values)))
    if diagonal.max(initial=0.0) > 1e-6 * scale:
        i = int(diagonal.argmax())
        raise RDMError(
            where,
            f"the dissimilarity of {names[i]} with itself is {values[i, i]:.6g}",
            "0 on the diagonal",
            "If these are similarities, say so with the setting `similarity: true`.",
        )


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


def constant_images(values: np.ndarray) -> np.ndarray:
    """Which images have the same value in every feature.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)

    Returns
    -------
    ndarray of shape (n_images,), bool
    """
    values = np.asarray(values, dtype=np.float64)
    if values.shape[1] < 2:
        return np.ones(len(values), dtype=bool)
    centred = values - values.mean(axis=1, keepdims=True)
    moment, squares = (np.einsum("ij,ij->i", one, one) for one in (centred, values))
    return moment <= CONSTANT_IMAGE * squares


def check_no_constant_image(values: np.ndarray, where: str, labels: Sequence[str]) -> None:
    """Refuse an embedding in which an image is constant.

    Raises
    ------
    ConstantImageError
        Naming the images.
    """
    constant = np.flatnonzero(constant_images(values))
    if len(constant):
        raise ConstantImageError(
            where,
            f"image {listing(labels[int(row)] for row in constant)} has the same value in all "
            f"{np.shape(values)[1]} features",
            "features that differ within every image",
            "Its correlation with other images is undefined: leave the image out or choose another layer.",
        )
