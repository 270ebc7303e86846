"""Retained sets as objects: kept in files, applied to other images, scored on other targets, never fitted again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.adjustment import p_value
from isoprune.crossvalidation import MAX_REDRAWS, Block, draw_sets, fisher_mean
from isoprune.errors import (
    EmbeddingError,
    IsopruneError,
    RetainedSetError,
    TooFewImagesError,
    UnreadableFileError,
)
from isoprune.folds import MIN_TEST_IMAGES
from isoprune.io.files import existing, read_json
from isoprune.io.tables import read_table, write_table
from isoprune.joining import join
from isoprune.labelled import RDM, Embedding, whole_layer
from isoprune.labels import listing
from isoprune.permutation import ENTRIES_AT_ONCE
from isoprune.provenance import package_version, sha256_of_json
from isoprune.pruning import PruningResult, one_blas_thread, procedure_named
from isoprune.pruning.number import NRule
from isoprune.relabelling import relabellings
from isoprune.results import RETAINED_COLUMNS
from isoprune.scoring import controls_of, defined_images, held_out_scores, similarities_of
from isoprune.transfer import DIRECTION_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

ABOUT = "retained_set"
"""Entry of the sidecar of a table of retained features that says which set it is."""

RANDOM_STREAM = 0x52414E44
"""Keeps the random numbers of random sets apart from those of folds and relabellings, which share the seed."""

SOURCE = {
    "model": "network",
    "weights_sha256": "SHA-256 of the weights",
    "transform": "preprocessing",
    "module": "layer",
    "side": "side of the layer",
    "spatial": "treatment of space",
    "feature_names_sha256": "SHA-256 of the features' names",
    "layers": "layers side by side",
}
"""What decides which numbers a feature has, in words; all of it that is known on both sides must agree."""

RETAINED_SCORE_COLUMNS = {
    "network": "Network of the set, as the study that fitted it calls it.",
    "layer": "Layer whose activations are the features.",
    "from_study": "Study that fitted the set.",
    **DIRECTION_COLUMNS,
    "competitor": "Feature set: `full`, `pruned` (the retained set), or `random` (sets of its size).",
    "r": "Isomorphism with the scored target over all images: signed correlation (−1 … 1, dimensionless); for "
    "`random` the Fisher-z mean over sets.",
    "r2": "Its square (0 … 1, dimensionless); for `random` the mean of squares. Never 0 by chance.",
    "r_low": "5 % point of r over the random sets.",
    "r_high": "95 % point of r over the random sets.",
    "n_retained": "Number of features in the set.",
    "n_features": "Number of features of the full embedding.",
    "n_images": "Number of images scored.",
    "n_fitted_images": "Images scored that have the label of an image on which the set was fitted: where there are "
    "any, the score generalises over targets but not over images.",
    "n_constant": "Images left out of every competitor's score: constant under the retained set.",
    "p": "p of r > 0, (b + 1) / (N + 1): b of N relabelled targets reach the competitor's r. The features stay.",
    "n_relabellings": "Number of relabelled targets, N.",
    "rank": "Place of the retained set among the random sets, 1 = above all of them.",
    "p_random": "rank / (number of random sets + 1): p of a set that is no better than a random one.",
    "n_random": "Number of random sets.",
    "n_redrawn": "Random sets drawn again because an image, or their whole RDM, was constant.",
}


@dataclass(frozen=True)
class RetainedSet:
    """The features that were retained for a target, and of what they are features.

    Attributes
    ----------
    features : tuple of int
        Retained features, numbered from 0 in the order of the embedding; most important first.
    n_features : int
        Features of the full embedding.
    network, layer : str
        As the study calls them.
    source : dict
        What computed the features, as far as the embedding said: the keys of `SOURCE`, and ``weights`` in words.
    target, subject : str
        Whose RDM ranked the features.
    supervision, study : str
    seed : int
    criterion, measure, method : str
        As in `isoprune.prune`.
    n_rule : str, int or float
        How many features were to be retained, as in `isoprune.prune`.
    images : tuple of str
        Sorted labels of the images on which the set was fitted.
    target_sha256 : str
        Of the RDM that ranked the features, so that it is known again.
    isoprune : str
        Version of the package that fitted the set.
    """

    features: tuple[int, ...]
    n_features: int
    network: str
    layer: str
    source: dict[str, Any]
    target: str
    subject: str
    supervision: str
    study: str
    seed: int
    criterion: str
    measure: str
    method: str
    n_rule: NRule
    images: tuple[str, ...]
    target_sha256: str
    isoprune: str

    def __post_init__(self):
        valid = all(isinstance(one, int) and 0 <= one < self.n_features for one in self.features)
        if not self.features or not valid or len(set(self.features)) < len(self.features):
            raise RetainedSetError(
                self.where,
                f"{len(self.features)} features, which are not all different numbers from 0 to {self.n_features - 1}",
                "numbers of features of the embedding, each once",
                "Write the set again from the study that fitted it.",
            )

    @property
    def where(self) -> str:
        """The set in words, for messages."""
        return f"retained set of '{self.network}' for '{self.target}' (subject '{self.subject}')"

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Features of each layer, where the set is of the best of several; else empty."""
        return tuple(layer["n_features"] for layer in self.source.get("layers", ()))

    def transform(self, embedding: Any) -> Any:
        """The retained features of an embedding of the same network, layer and weights.

        Parameters
        ----------
        embedding : Embedding, rsatoolbox Dataset, or array of shape (n_images, n_features)
            With provenance (all that `isoprune` embeds or reads back), network, weights, preprocessing and layer
            are compared. An Embedding that does not say what computed it must bear the network's name. **Arrays,
            and data sets that something else made, are checked by their number of features only**: that they are of
            the right network is then your word.

        Returns
        -------
        Embedding, rsatoolbox Dataset, or ndarray of shape (n_images, n_retained)
            The kind that was given, rows as given, columns most important first.

        Raises
        ------
        RetainedSetError
            If it is of another network, layer, weights, preprocessing or number of features.
        """
        values = self._checked(embedding)
        columns = list(self.features)
        if isinstance(embedding, Embedding):
            made_from = {"kind": "retained features", "of": embedding.provenance, ABOUT: _about(self)}
            return replace(embedding, values=values[:, columns], provenance=made_from)
        if hasattr(embedding, "measurements"):
            return _columns_of_dataset(embedding, columns)
        return values[:, columns]

    def _checked(self, embedding: Any) -> np.ndarray:
        """The values of an embedding, shape (n_images, n_features), if the set is one of its features."""
        values, name, source = _given(embedding)
        common = [key for key in SOURCE if key in source and key in self.source]
        differing = [key for key in common if source[key] != self.source[key]]
        if differing:
            raise RetainedSetError(
                self.where,
                f"features of another {listing(f'{SOURCE[key]}: {source[key]}' for key in differing)}",
                listing(str(self.source[key]) for key in differing),
                f"Embed these images with what the set was fitted on: {self._in_words()}.",
            )
        if not common and name is not None and name != self.network:
            raise RetainedSetError(
                self.where,
                f"features of '{name}', which do not say what computed them",
                f"features of '{self.network}'",
                "Embed these images with the network of the set; if these are its features, call them so: "
                f"Embedding(values, labels, '{self.network}').",
            )
        if values.ndim != 2 or values.shape[1] != self.n_features:
            raise RetainedSetError(
                self.where,
                f"an array of shape {values.shape}",
                f"images in rows and {self.n_features} features in columns",
                f"Embed these images with what the set was fitted on: {self._in_words()}.",
            )
        return values

    def _in_words(self) -> str:
        if "model" not in self.source:
            return f"'{self.network}' of study '{self.study}'"
        return "{model}, weights {weights}, {side} of {module}, space: {spatial}".format(**self.source)


def retained_set(
    pruning: PruningResult,
    embedding: Embedding,
    target: RDM,
    *,
    study: str,
    supervision: str = "own",
    seed: int = 0,
) -> RetainedSet:
    """The retained set of a pruning as an object.

    Parameters
    ----------
    pruning : PruningResult
        What `isoprune.prune` made of the two.
    embedding : Embedding
    target : RDM
        What ranked the features, over the images it has.
    study, supervision, seed
        What else a reader must know; `seed` is that of the study.

    Returns
    -------
    RetainedSet
    """
    return RetainedSet(
        features=tuple(pruning.retained.tolist()),
        n_features=len(pruning.ranking),
        network=embedding.name,
        layer=layer_named(embedding.provenance),
        source=source_of(embedding.provenance),
        target=target.target,
        subject=target.subject,
        supervision=supervision,
        study=study,
        seed=seed,
        criterion=pruning.criterion,
        measure=pruning.measure,
        method=pruning.method,
        n_rule=pruning.n_rule,
        images=tuple(sorted(target.labels)),
        target_sha256=_sha256_of_target(target.values, target.labels),
        isoprune=package_version(),
    )


def write_retained_set(path: str | Path, retained: RetainedSet, table: pd.DataFrame | None = None) -> None:
    """Write a retained set: a table of features, and beside it, in its sidecar, all else about the set.

    Parameters
    ----------
    path : path
        Of the table, by habit ``…_retained.tsv``; the sidecar is ``…_retained.json``.
    retained : RetainedSet
    table : DataFrame, optional
        All features, columns as `isoprune.results.RETAINED_COLUMNS`; by default the retained ones alone, without
        ``drop`` and ``fold_frequency``.

    Raises
    ------
    RetainedSetError
        If the table holds another set.
    NotWritableError
        If it cannot be written there.
    """
    import pandas as pd

    if table is None:
        ranks = range(1, len(retained.features) + 1)
        table = pd.DataFrame({"feature": retained.features, "rank": ranks, "in_final": 1})
    if _features_of(table) != retained.features:
        raise RetainedSetError(
            retained.where,
            f"a table that keeps {len(_features_of(table))} features, not those of the set",
            f"the {len(retained.features)} features of the set",
            "Give the table and the set of one pruning.",
        )
    write_table(path, table, RETAINED_COLUMNS, about={ABOUT: _about(retained)})


def load_retained(path: str | Path) -> RetainedSet:
    """A retained set that `write_retained_set` wrote.

    Parameters
    ----------
    path : path
        The table ``…_retained.tsv``; its sidecar ``…_retained.json`` lies beside it.

    Returns
    -------
    RetainedSet

    Raises
    ------
    MissingFileError
        If one of the two files is not there.
    UnreadableFileError
        If they are something else, or the features are not those that were written.
    """
    remedy = "A retained set is two files, the table and the JSON of the same name: copy both."
    path = existing(path, where="retained set", remedy=remedy)
    sidecar = existing(path.with_suffix(".json"), where=str(path), remedy=remedy)
    table = read_table(path, where="retained set")
    try:
        about = {"n_rule": "max", **read_json(sidecar)[ABOUT]}  # sets of before the rule could be chosen
        written = about.pop("features_sha256")
        features = _features_of(table)
        retained = RetainedSet(features=features, **{**about, "images": tuple(about["images"])})
    except IsopruneError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise UnreadableFileError(
            str(path),
            f"it is not a retained set ({type(problem).__name__}: {problem})",
            f"columns feature, rank, in_final, and an entry '{ABOUT}' in its sidecar",
            "Write it with isoprune.retained.write_retained_set.",
        ) from problem
    if sha256_of_json(list(features)) != written:
        raise UnreadableFileError(
            str(path),
            f"its {len(features)} features are not those that were written",
            f"the features whose hash '{sidecar}' holds",
            "Take both files from one run; a frozen set is not edited by hand.",
        )
    return retained


def score_retained(
    retained: RetainedSet,
    embedding: Any,
    target: Any,
    *,
    n_relabellings: int = 999,
    n_random: int = 1000,
    seed: int = 0,
    within: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Score a retained set on another target, or on other images, without fitting anything.

    Parameters
    ----------
    retained : RetainedSet
    embedding, target
        As in `isoprune.cross_validate`: of the same images, joined by label where both have labels. The embedding
        as in `RetainedSet.transform`.
    n_relabellings : int
        Relabelled targets behind ``p``; the features and their number stay as they are.
    n_random : int
        Random sets of the retained set's size.
    seed : int
        Of relabellings and random sets.
    within : mapping of str to str, optional
        Category of each label: the labels of the target are then exchanged within categories only.

    Returns
    -------
    DataFrame
        A row a competitor (`full`, `pruned`, `random`), columns as `RETAINED_SCORE_COLUMNS`.

    Raises
    ------
    RetainedSetError
        If the features are of another network, or the target is the one that the set was fitted on.
    EmbeddingError, TooFewImagesError
        If the set leaves too few images, or its size no random set, that vary.
    LabelError, RDMError, ConstantImageError, InferenceError
        If embedding, target or categories do not go together.
    """
    retained._checked(embedding)
    joined = join(embedding, target)
    # Canonical order: shuffled rows change no bit.
    order = np.array(sorted(range(len(joined.labels)), key=joined.labels.__getitem__))
    labels = [joined.labels[row] for row in order]
    matrix = joined.target[np.ix_(order, order)]
    _check_not_fitted_on(retained, matrix, labels, target)
    procedure = procedure_named(retained.criterion, retained.measure, retained.method)
    whole = Block(joined.values[order], matrix, controls_of(labels), procedure)
    pruned = np.array(retained.features)
    drawn = relabellings(labels, n_relabellings, seed=seed, within=within)
    with one_blas_thread():
        block, rows = _varying_under(whole, pruned, retained)
        whole = whole_layer(pruned, retained.layer_sizes, retained.n_features)
        sets = [whole, pruned]
        r = _defined(block.scores(sets)["r"], retained)
        null = _relabelled(block, sets, matrix, drawn, rows)
        random, n_redrawn = _random_sets(block, retained, whole, n_random, seed)
    about = _named(retained, target) | {
        "n_features": retained.n_features,
        "n_images": len(rows),
        "n_fitted_images": len(set(retained.images) & {labels[row] for row in rows}),
        "n_constant": len(labels) - len(rows),
        "n_relabellings": n_relabellings,
        "n_random": n_random,
    }
    return _score_table(about, r, null, random, n_redrawn, (len(whole), len(pruned)))


def _defined(r: np.ndarray, retained: RetainedSet) -> np.ndarray:
    if np.isnan(r).any():
        raise EmbeddingError(
            retained.where,
            "all pairs of these images are equally similar, by all features or by the retained ones",
            "similarities that differ",
            "Score other images.",
        )
    return r


def _score_table(
    about: Mapping[str, Any],
    r: np.ndarray,
    null: np.ndarray,
    random: np.ndarray,
    n_redrawn: int,
    sizes: tuple[int, int],
) -> pd.DataFrame:
    import pandas as pd

    p = [p_value(*one) for one in zip(r, null, strict=True)]
    n_whole, n_retained = sizes
    rank = round(p_value(r[1], random) * (len(random) + 1))
    low, high = np.quantile(random, [0.05, 0.95])
    rows = [
        {"competitor": "full", "r": r[0], "r2": r[0] ** 2, "p": p[0], "n_retained": n_whole},
        {"competitor": "pruned", "r": r[1], "r2": r[1] ** 2, "p": p[1], "n_retained": n_retained}
        | {"rank": rank, "p_random": rank / (len(random) + 1)},
        {"competitor": "random", "r": fisher_mean(random), "r2": float(np.mean(random**2))}
        | {"r_low": low, "r_high": high, "n_retained": n_retained, "n_redrawn": n_redrawn},
    ]
    table = pd.DataFrame(
        [{**about, "n_redrawn": 0, **row} for row in rows], columns=list(RETAINED_SCORE_COLUMNS)
    )
    return table.astype({"rank": "Int64"})


def _varying_under(block: Block, features: np.ndarray, retained: RetainedSet) -> tuple[Block, np.ndarray]:
    """The images that vary under the retained set, as a block and as rows."""
    (usable,) = defined_images(similarities_of(block.values, [features], block.procedure))
    rows = np.flatnonzero(usable)
    if len(rows) < MIN_TEST_IMAGES:
        raise TooFewImagesError(
            retained.where,
            f"{len(rows)} of {len(usable)} images vary under its {len(features)} features",
            f"at least {MIN_TEST_IMAGES}",
            "Score more images.",
        )
    some = Block(
        block.values[rows], block.target[np.ix_(rows, rows)], block.controls.of(rows), block.procedure
    )
    return some, rows


def _relabelled(
    block: Block, sets: Sequence[np.ndarray], target: np.ndarray, drawn: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Isomorphism of each set with each relabelled target, shape (n_sets, n_relabellings): the features stay."""
    similarities = similarities_of(block.values, sets, block.procedure)
    coefficient = block.procedure.criterion.curve
    at_once = max(1, ENTRIES_AT_ONCE // len(rows) ** 2)
    null = np.empty((len(sets), len(drawn)))
    for first in range(0, len(drawn), at_once):
        # An image keeps its partner of the relabelling even where other images are left out of the score.
        moved = drawn[first : first + at_once][:, rows]
        targets = target[moved[:, :, None], moved[:, None, :]]
        for number, one in enumerate(similarities):
            alike = np.broadcast_to(one, targets.shape)
            found = held_out_scores(alike, targets, block.controls, coefficient)["r"]
            null[number, first : first + at_once] = found
    return null


def _random_sets(
    block: Block, retained: RetainedSet, whole: np.ndarray, n_random: int, seed: int
) -> tuple[np.ndarray, int]:
    rng = np.random.default_rng([seed, RANDOM_STREAM])
    size = len(retained.features)
    _, drawn, n_redrawn = draw_sets(block, lambda: rng.permutation(whole)[:size], n_random, MAX_REDRAWS)
    if np.isnan(drawn["r"]).any():
        raise EmbeddingError(
            retained.where,
            f"random sets of {size} features leave an image constant, {MAX_REDRAWS} times in a row",
            "random sets of the same size that all images vary under",
            "Score images that activate more features.",
        )
    return drawn["r"], n_redrawn


def _check_not_fitted_on(
    retained: RetainedSet, matrix: np.ndarray, labels: Sequence[str], target: Any
) -> None:
    """Refuse the target that ranked the features: on its own images the set is good by construction."""
    same = _sha256_of_target(matrix, labels) == retained.target_sha256
    fitted = sorted(set(labels) & set(retained.images))
    if same or (fitted and isinstance(target, RDM) and target.target == retained.target):
        raise RetainedSetError(
            retained.where,
            f"a target '{retained.target}' with {len(fitted)} of the images that the set was fitted on"
            + (": the very RDM that ranked the features" if same else f" ({listing(fitted)})"),
            "another target, or other images: on these the score is high by construction",
            "Score held-out images (isoprune.cross_validate)"
            + (
                "."
                if same
                else "; if it is another measurement, or other images, give the target another name."
            ),
        )


def _named(retained: RetainedSet, target: Any) -> dict[str, str]:
    scored = (target.target, target.subject) if isinstance(target, RDM) else ("target", "n/a")
    return {
        "network": retained.network,
        "layer": retained.layer,
        "from_study": retained.study,
        **dict(zip(DIRECTION_COLUMNS, (retained.target, retained.subject, *scored), strict=True)),
    }


def _given(embedding: Any) -> tuple[np.ndarray, str | None, dict[str, Any]]:
    """Values, name (None where there is no network's) and source of what a user gives."""
    if isinstance(embedding, Embedding):
        return embedding.values, embedding.name, source_of(embedding.provenance)
    if hasattr(embedding, "measurements"):  # an rsatoolbox Dataset
        values, about = np.asarray(embedding.measurements), embedding.descriptors
        if "provenance" not in about:
            return values, None, {}
        return values, str(about.get("name")), source_of(json.loads(about["provenance"]))
    return np.asarray(embedding), None, {}


def layer_named(provenance: Mapping[str, Any]) -> str:
    """The layer of an embedding as the study calls it."""
    if provenance.get("kind") == "imported embedding":
        return "file"
    return provenance.get("settings", {}).get("layer", "unknown")


def source_of(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What computed the features of an embedding, as far as its provenance says."""
    source: dict[str, Any] = {}
    if isinstance(network := provenance.get("network"), Mapping):
        source |= {key: network[key] for key in ("model", "weights", "weights_sha256", "transform")}
        source |= {"module": provenance["module"], "side": provenance["side"]}
        source["spatial"] = provenance["settings"]["spatial"]
    if "layers" in provenance:
        source["layers"] = [
            {"n_features": layer["n_features"], **source_of(layer["provenance"])}
            for layer in provenance["layers"]
        ]
    if "feature_names" in provenance:
        source["feature_names_sha256"] = sha256_of_json(list(provenance["feature_names"]))
    return source


def _columns_of_dataset(dataset: Any, columns: list[int]) -> Any:
    from rsatoolbox.data import Dataset

    return Dataset(
        np.asarray(dataset.measurements)[:, columns],
        descriptors={key: value for key, value in dataset.descriptors.items() if key != "provenance"},
        obs_descriptors=dict(dataset.obs_descriptors),
        channel_descriptors={
            key: np.asarray(values)[columns] for key, values in dataset.channel_descriptors.items()
        },
    )


def _about(retained: RetainedSet) -> dict[str, Any]:
    """All about a set but its features, ready for JSON, and their hash."""
    about = asdict(retained)
    features = about.pop("features")
    return {**about, "images": list(retained.images), "features_sha256": sha256_of_json(list(features))}


def _features_of(table: pd.DataFrame) -> tuple[int, ...]:
    """Retained features of a table of all, most important first."""
    kept = table[table["in_final"] == 1].sort_values("rank", kind="stable")
    return tuple(int(feature) for feature in kept["feature"])


def _sha256_of_target(matrix: np.ndarray, labels: Sequence[str]) -> str:
    order = np.array(sorted(range(len(labels)), key=labels.__getitem__))
    content = hashlib.sha256("\0".join(labels[row] for row in order).encode())
    content.update(np.ascontiguousarray(matrix[np.ix_(order, order)], dtype="<f8").tobytes())
    return content.hexdigest()
