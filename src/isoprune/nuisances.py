"""Nuisance RDMs: what the images look like, and which kinds they are of, before any question about a target.

A target matches a network also where both follow how bright, colourful or busy the images are, or which kinds of things
they show. The RDMs made here are removed from both sides (`isoprune.isomorphism.partial_isomorphism`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.appearance import CYCLES, GRID, ORIENTATIONS, SIZE, described
from isoprune.errors import ConstantImageError, LabelError, RDMError
from isoprune.io.ready_rdms import read_ready_rdms
from isoprune.io.tables import image_paths
from isoprune.isomorphism import (
    check_target_varies,
    dissimilarity,
    matrix_of,
    orthonormal,
    pairs_of,
    similarity,
    standardised_pairs,
)
from isoprune.joining import matrix_and_labels
from isoprune.labelled import RDM, Embedding, constant_images
from isoprune.labels import check_labels, choose, listing, positions
from isoprune.provenance import record
from isoprune.stimuli import DEFAULT_CATEGORIES, column_of

if TYPE_CHECKING:
    import pandas as pd

IMAGE_NUISANCES = {
    "pixels": "1 − Pearson correlation of RGB pixels",
    "luminance": "absolute difference of mean relative luminance",
    "contrast": "absolute difference of RMS contrast",
    "colour": "Euclidean distance of mean CIELAB (a*, b*)",
    "gabor": "1 − Pearson correlation of Gabor energies",
}
"""Nuisances that are computed from the images, and how their dissimilarity is measured."""

NUISANCES = (*IMAGE_NUISANCES, "category")
"""Names of all nuisances that `nuisance_rdm` makes."""

FILE_NUISANCE = re.compile(r".+\.(npz|npy|mat|tsv|csv|h5|hdf5)")
"""What the path of a nuisance's RDM file looks like; no computed nuisance, network or target is called so."""

NOTHING_LEFT = 1e-6
"""Nuisances leave nothing of pair values when the residual has at most this share of their norm (dimensionless).

RDMs come from files of float32, in which equal ones differ by 1e-7.
"""


def nuisance_named(entry: str) -> str:
    """The name of a nuisance of the settings, in files and tables.

    Parameters
    ----------
    entry : str
        A name, or the path of an RDM file: letters and digits of its stem are its name.
    """
    if not FILE_NUISANCE.fullmatch(entry):
        return entry
    return re.sub("[^A-Za-z0-9]", "", Path(entry).stem)


def nuisance_rdm(
    name: str,
    labels: Sequence[str],
    *,
    images: Mapping[str, str | Path] | None = None,
    categories: Mapping[str, str] | None = None,
) -> RDM:
    """RDM of a property of the stimuli.

    * ``pixels``: 1 − Pearson correlation of the sRGB values (64 × 64 × 3) of the resized images; dimensionless, 0 … 2
      (as the image models of Kriegeskorte, Mur & Bandettini 2008, Frontiers in Systems Neuroscience 2:4).
    * ``luminance``: ``|Y_i − Y_j|``, Y the mean over pixels of relative luminance (Y of CIE XYZ, of sRGB as IEC
      61966-2-1 defines it: 0 black, 1 white).
    * ``contrast``: ``|c_i − c_j|``, c the standard deviation of relative luminance over pixels, 0 … 0.5 (RMS
      contrast; Peli 1990, Journal of the Optical Society of America A 7:2032).
    * ``colour``: Euclidean distance of the mean chromaticities (a*, b*) in CIELAB units (CIE 1976, D65). Lightness
      has no part in it.
    * ``gabor``: 1 − Pearson correlation of the energies of Gabor filters, as of complex cells of V1; dimensionless.
      See `gabor_energies`.
    * ``category``: 0 for two images of the same category, 1 for different ones.

    Parameters
    ----------
    name : {"pixels", "luminance", "contrast", "colour", "gabor", "category"}
    labels : sequence of str
        Stimulus labels, in the order wanted.
    images : mapping of str to path, optional
        Image file of each label; not needed for ``category``.
    categories : mapping of str to str, optional
        Category of each label; needed for ``category``.

    Returns
    -------
    RDM
        Its ``target`` is the nuisance's name.

    Raises
    ------
    UnknownNameError
        If there is no such nuisance.
    LabelError
        If an image or category is missing.
    ConstantImageError
        If an image has no structure that ``pixels`` or ``gabor`` could be correlated over; it is named.
    RDMError
        If the property is the same for all images, or every image is a category of its own.
    MissingFileError, UnreadableFileError
        If an image cannot be read.
    """
    choose(name, NUISANCES, what="nuisance", where="nuisance")
    where = f"nuisance '{name}'"
    labels = check_labels(labels, where)
    if name == "category":
        values, measure = (
            _differing(_given(categories, labels, where, "category"), where),
            "different category",
        )
        provenance = record({"nuisance": name, "categories": {one: categories[one] for one in labels}}, {})
    else:
        paths = _given(images, labels, where, "image")
        values, measure = _dissimilar(name, described(name, paths, labels), labels), IMAGE_NUISANCES[name]
        settings = {
            "nuisance": name,
            "size": SIZE,
            "cycles": CYCLES,
            "orientations": ORIENTATIONS,
            "grid": GRID,
        }
        provenance = record(settings, dict(zip(labels, paths, strict=True)))
    if np.isnan(standardised_pairs(pairs_of(values))).any():
        raise RDMError(
            where,
            f"all pairs of its {len(labels)} images have the same dissimilarity",
            "a property in which the images differ",
            "It can explain nothing: leave this nuisance out.",
        )
    return RDM(values, labels, target=name, measure=measure, provenance=provenance)


def nuisance_of_study(
    name: str,
    stimuli: pd.DataFrame,
    *,
    images_from: str | Path,
    categories: str | None = None,
    embedding: Embedding | None = None,
    measure: str = "correlation",
    file: str | Path | None = None,
) -> RDM:
    """RDM of a nuisance by the name that a study's settings give it.

    Parameters
    ----------
    name : str
        One of `NUISANCES`, or of a network, or of a file (`nuisance_named`).
    stimuli : DataFrame
        The stimulus table.
    images_from : path
        The user's table, whose folder images are relative to.
    categories : str, optional
        Column of the categories; default: `isoprune.stimuli.DEFAULT_CATEGORIES`.
    embedding : Embedding, optional
        Of the network.
    measure : {"correlation", "cosine", "euclidean"}
        First-order measure of the network's RDM.
    file : path, optional
        One RDM with labels, in any format of ready RDMs; images beyond the stimulus table's are left out.

    Returns
    -------
    RDM
        Its ``target`` is the nuisance's name.

    Raises
    ------
    IsopruneError
        As `nuisance_rdm`, or if the file holds no such RDM; UnknownNameError also if the column does not exist.
    """
    labels = list(stimuli["stimulus"])
    if file is not None:
        return _of_file(name, file, labels)
    if embedding is not None:
        values = dissimilarity(embedding.select(labels, "the stimulus table").values, measure)
        about = record({"nuisance": name, "measure": measure}, {}, embedding=embedding.provenance)
        return RDM(values, tuple(labels), target=name, measure=measure, provenance=about)
    if name == "category":
        column = categories or DEFAULT_CATEGORIES
        return nuisance_rdm(name, labels, categories=column_of(stimuli, column))
    return nuisance_rdm(
        name, labels, images=dict(zip(labels, image_paths(stimuli, images_from), strict=True))
    )


def _of_file(name: str, file: str | Path, labels: Sequence[str]) -> RDM:
    """One RDM of a file, of these images in this order."""
    found = read_ready_rdms(file, target=name)
    if len(found) != 1:
        raise RDMError(
            str(file),
            f"{len(found)} RDMs",
            "one RDM, which is removed from every target alike",
            "Average them, or make each a target of the study and name that.",
        )
    (rdm,) = found.values()
    rdm = rdm.subset(labels)
    check_target_varies(rdm.values, f"nuisance '{name}' ({file})")
    return rdm


def _given(of_label: Mapping[str, Any] | None, labels: Sequence[str], where: str, what: str) -> list[Any]:
    missing = [label for label in labels if not (of_label or {}).get(label)]
    if missing:
        raise LabelError(
            where,
            f"no {what} for {len(missing)} stimulus label(s): {listing(missing)}",
            f"the {what} of every stimulus",
            f"Fill the column of the stimulus table, or leave `{where.split()[1]}` out of the nuisances.",
        )
    return [of_label[label] for label in labels]


def _differing(categories: Sequence[str], where: str) -> np.ndarray:
    """0 for pairs of the same category, 1 for others, shape (n_images, n_images)."""
    names, number = np.unique(np.asarray(categories), return_inverse=True)
    if len(names) in (1, len(categories)):
        alone = len(names) == 1
        raise RDMError(
            where,
            f"one category, '{names[0]}'" if alone else f"{len(names)} categories of one image each",
            "at least two categories, and one of at least two images",
            "All pairs of images are alike in it: name another column, or leave it out.",
        )
    return (number[:, None] != number).astype(np.float64)


def _dissimilar(name: str, described: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Dissimilarity of images by what describes them, (n_images, n_values) to (n_images, n_images)."""
    if name not in ("pixels", "gabor"):
        from scipy.spatial.distance import pdist

        return matrix_of(pdist(described))
    flat = np.flatnonzero(constant_images(described))
    if len(flat):
        raise ConstantImageError(
            f"nuisance '{name}'",
            f"image {listing(labels[int(row)] for row in flat)} has the same value everywhere",
            "images with some structure",
            "Correlations with a uniform image are undefined: leave the image out, or this nuisance.",
        )
    values = 1 - similarity(described)
    np.fill_diagonal(values, 0.0)
    return values


def join_nuisances(
    nuisances: Mapping[str, Any] | Iterable[Any],
    target: np.ndarray,
    labels: Sequence[str],
    coefficient: str = "pearson",
) -> np.ndarray:
    """Join nuisance RDMs to a target, by label where they have labels.

    Parameters
    ----------
    nuisances : mapping of str to RDM, or iterable of RDM
        Each an array of shape (n_images, n_images) or (n_pairs,), an RDM, or an rsatoolbox RDMs of one. Without a
        name of its own, a nuisance is called after its number.
    target : ndarray of shape (n_images, n_images)
        Dissimilarities.
    labels : sequence of str
        Stimulus label of each row of the target.
    coefficient : {"pearson", "spearman"}
        For ``spearman``, ranks are compared.

    Returns
    -------
    ndarray of shape (n_nuisances, n_images, n_images), float64
        In the order of ``labels``.

    Raises
    ------
    LabelError
        If a nuisance is about other images.
    RDMError
        If one is malformed, or if they leave nothing of the target: one that equals it is named.
    """
    named = nuisances if isinstance(nuisances, Mapping) else dict(_named(nuisances))
    joined = [_joined(rdm, f"nuisance '{name}'", labels) for name, rdm in named.items()]
    stack = np.array(joined).reshape(-1, len(labels), len(labels))
    check_something_left(pairs_of(target), pairs_of(stack), coefficient, names=list(named))
    return stack


def _named(nuisances: Iterable[Any]) -> Iterable[tuple[str, Any]]:
    nuisances = list(nuisances)
    names = [one.target if isinstance(one, RDM) else str(place) for place, one in enumerate(nuisances, 1)]
    return zip(check_labels(names, "names of the nuisances"), nuisances, strict=True)


def _joined(rdm: Any, where: str, labels: Sequence[str]) -> np.ndarray:
    matrix, own = matrix_and_labels(rdm, where)
    if own is not None:
        order = positions(labels, own, wanted_in="the target", present_in=where)
        return matrix[np.ix_(order, order)]
    if len(matrix) != len(labels):
        raise RDMError(
            where,
            f"it relates {len(matrix)} images",
            f"the {len(labels)} images of the target",
            "Give every nuisance over the target's images, or with labels.",
        )
    return matrix


def check_something_left(
    pairs: np.ndarray,
    nuisances: np.ndarray,
    coefficient: str,
    *,
    names: Sequence[str] | None = None,
    what: str = "nuisance",
    where: str = "target",
) -> None:
    """Refuse pair values of which a linear fit of the nuisances leaves nothing.

    Parameters
    ----------
    pairs : ndarray of shape (n_pairs,)
    nuisances : ndarray of shape (n_nuisances, n_pairs)
    coefficient : {"pearson", "spearman"}
        For ``spearman``, ranks are fitted.
    names : sequence of str, optional
        Of the nuisances; default: their numbers, from 1.
    what : str
        What to call them.
    where : str
        Whose pair values these are.

    Raises
    ------
    RDMError
        If the residual is at most `NOTHING_LEFT` of their norm, with the nuisance that equals them.
    """
    standard = standardised_pairs(pairs, coefficient)
    fitted = standardised_pairs(nuisances, coefficient)
    if _norm_left(standard, fitted) > NOTHING_LEFT:
        return
    names = list(map(str, range(1, len(nuisances) + 1))) if names is None else names
    equal = [
        name
        for name, one in zip(names, fitted, strict=True)
        if _norm_left(standard, one[None]) <= NOTHING_LEFT
    ]
    of_ranks = "the ranks of " if coefficient == "spearman" else ""
    raise RDMError(
        where,
        f"{what} '{equal[0]}' equals it, up to a linear change of {of_ranks}its dissimilarities"
        if equal
        else f"{what}s {listing(names)} together explain {of_ranks}all its dissimilarities",
        "something that they leave of it",
        f"Leave one of them out: what equals a target is no {what} of it.",
    )


def _norm_left(standard: np.ndarray, nuisances: np.ndarray) -> float:
    basis = orthonormal(nuisances)
    return float(np.linalg.norm(standard - (standard @ basis.T) @ basis))
