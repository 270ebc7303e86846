"""Weights of features as objects, and the files that they are kept in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from isoprune.errors import IsopruneError, ReweightingError, UnreadableFileError
from isoprune.io.files import read_json
from isoprune.io.seals import Renamed
from isoprune.io.tables import read_table, table_and_sidecar, write_table

KINDS = {
    "ridge": "similarity = intercept + Σ weight · f_i · f_j, ridge regression on the products of activations",
    "nonnegative": "the same with weights that are not negative",
    "dissimilarity": "dissimilarity = intercept + Σ weight · (g_i − g_j)², ridge regression on the squared differences "
    "of patterns, weights not negative",
}
"""Ways to reweight features, and what the weights multiply."""

ABOUT = "reweighting"
"""Entry of the sidecar of a table of weights that says what the weights are."""

WEIGHT_COLUMNS = {
    "feature": "Feature, numbered from 0 in the order of the embedding.",
    "weight": "Its weight: of the product of two images' activations (`ridge`, `nonnegative`; units of the "
    "target per squared activation), or of the squared difference of their patterns (`dissimilarity`).",
}


@dataclass(frozen=True)
class Weights:
    """Weights of an embedding's features, fitted to a target on all images.

    Attributes
    ----------
    weights : ndarray of shape (n_features,), float64
        0 for a feature without a part.
    kind : str
        One of `KINDS`: what they multiply.
    intercept : float
        Of similarity (1 − dissimilarity), or of dissimilarity for the kind ``dissimilarity``; units of the target.
    penalty : float
        Multiple of the predictors' total variance over pairs (dimensionless).
    network, layer : str
        As the study calls them.
    source : dict
        What computed the features, as `isoprune.retained.RetainedSet.source`.
    target, subject : str
        Whose RDM they were fitted to.
    supervision, study : str
    seed : int
        Of the folds that chose the penalty.
    images : tuple of str
        Sorted labels of the images that they were fitted on.
    isoprune : str
        Version of the package that fitted them.
    """

    weights: np.ndarray
    kind: str
    intercept: float
    penalty: float
    network: str
    layer: str
    source: dict[str, Any]
    target: str
    subject: str
    supervision: str
    study: str
    seed: int
    images: tuple[str, ...]
    isoprune: str

    def __post_init__(self):
        numbers = [*self.weights, self.intercept, self.penalty]
        valid = np.all(np.isfinite(numbers))
        negative = self.kind != "ridge" and np.any(self.weights < 0)
        if self.kind not in KINDS or not valid or negative:
            raise ReweightingError(
                self.where,
                f"kind '{self.kind}' with {'negative' if valid else 'undefined'} numbers",
                f"a kind of {', '.join(KINDS)}, finite numbers, and negative weights only of `ridge`",
                "Write the weights again from the study that fitted them.",
            )

    @property
    def where(self) -> str:
        """The weights in words, for messages."""
        return f"weights '{self.kind}' of '{self.network}' for '{self.target}' (subject '{self.subject}')"


def write_weights(path: str | Path, fitted: Weights, provenance: Mapping[str, Any] | None = None) -> None:
    """Write weights: a table of features, and beside it, in its sidecar, all else.

    Parameters
    ----------
    path : path
        Of the table, by habit ``…_weights.tsv``; the sidecar is ``…_weights.json``.
    fitted : Weights
    provenance : mapping, optional
        What ran on what, as `isoprune.provenance.record` makes it.

    Raises
    ------
    NotWritableError
        If it cannot be written there.
    """
    import pandas as pd

    table = pd.DataFrame({"feature": np.arange(len(fitted.weights)), "weight": fitted.weights})
    about = {one.name: getattr(fitted, one.name) for one in fields(fitted) if one.name != "weights"}
    about |= {"images": list(fitted.images), "formula": KINDS[fitted.kind]}
    made_from = {} if provenance is None else {"provenance": dict(provenance)}
    write_table(path, table, WEIGHT_COLUMNS, about={ABOUT: about, **made_from})


def load_weights(path: str | Path) -> Weights:
    """Weights that `write_weights` wrote.

    Parameters
    ----------
    path : path
        The table ``…_weights.tsv``; its sidecar ``…_weights.json`` lies beside it.

    Returns
    -------
    Weights

    Raises
    ------
    MissingFileError
        If one of the two files is not there.
    UnreadableFileError
        If they are something else.
    ReweightingError
        If the weights are not finite, or negative where they cannot be.
    """
    path, sidecar = table_and_sidecar(path, "weights", "Weights are")
    table = read_table(path, where="weights", renamed=Renamed.PLAINLY)
    try:
        about = dict(read_json(sidecar)[ABOUT])
        del about["formula"]
        weights = table["weight"].to_numpy(dtype=np.float64)
        if list(table["feature"]) != list(range(len(table))):
            raise ValueError("features are not numbered 0, 1, 2 …")
        return Weights(weights=weights, **{**about, "images": tuple(about["images"])})
    except IsopruneError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise UnreadableFileError(
            str(path),
            f"it is not a table of weights ({type(problem).__name__}: {problem})",
            f"columns feature and weight, a row a feature in order, and an entry '{ABOUT}' in its sidecar",
            "Write it with isoprune.reweighting.write_weights.",
        ) from problem


def weights_of_unit(weights: Sequence[Weights], unit: Mapping[str, str]) -> list[Weights]:
    """Those of some weights that were fitted in a unit, which names network, target, subject and supervision."""
    names = ("network", "target", "subject", "supervision")
    return [one for one in weights if all(getattr(one, name) == unit[name] for name in names)]
