"""What is done to the units of a layer, and where the true class then stands among all classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from isoprune.classification import KEPT, ROOT, WEIGHT
from isoprune.classification.activations import Activations
from isoprune.classification.head import Head
from isoprune.embeddings import choose_device, exact_arithmetic, moved
from isoprune.reweighting.weights import Weights
from isoprune.specificity import matched_in_variance

RANDOM_STREAMS = {"random": 0x41434331, "variance": 0x41434332}
"""Keep the draws of sets apart from each other's, and from those of everything else that shares the seed."""

CACHE = 2**21
"""Bytes of activations that a CPU works on at once; what is larger waits for memory, several times as long."""


@dataclass(frozen=True)
class Arm:
    """One way to treat the units of a layer.

    Attributes
    ----------
    competitor : str
        ``full``, ``pruned``, ``random``, ``variance``, or a kind of reweighting.
    scaled_by : str
        `KEPT`, `ROOT` or `WEIGHT`.
    number : int
        Features that are not zero.
    final : bool
        Whether these are the features, or the weights, that were fitted, and not more or fewer of them.
    scale : ndarray of shape (n_features,), float64
        What the activations of each feature are multiplied by.
    """

    competitor: str
    scaled_by: str
    number: int
    final: bool
    scale: np.ndarray


def log_numbers(n_features: int, count: int) -> list[int]:
    """Numbers of features from 1 to all, evenly on a logarithmic scale, each once."""
    return sorted({int(number) for number in np.rint(np.geomspace(1, n_features, count))})


def unit_arms(
    ranking: np.ndarray,
    n_retained: int,
    values: np.ndarray,
    weights: Sequence[Weights],
    numbers: Sequence[int],
    *,
    n_random: int,
    seed: int,
) -> list[Arm]:
    """The arms of a unit: all features, the first ranked, random and reweighted ones, of several numbers.

    Parameters
    ----------
    ranking : ndarray of shape (n_features,)
        Features, most important first.
    n_retained : int
    values : ndarray of shape (n_images, n_features)
        Of the images that ranked the features: their variance is matched.
    weights : sequence of Weights
        Fitted to the same target.
    numbers : sequence of int
        Numbers of features, beside the retained number.
    n_random : int
        Random sets of each number, and as many of matched variance.
    seed : int
        Random sets depend on seed and number alone, so that targets share them.

    Returns
    -------
    list of Arm
    """
    n_features = len(ranking)
    wanted = sorted({number for number in (*numbers, n_retained) if number <= n_features})
    arms = [Arm("full", KEPT, n_features, True, np.ones(n_features))]
    for number in wanted:
        about = KEPT, number, number == n_retained
        arms.append(Arm("pruned", *about, _only(ranking[:number], n_features)))
        random, variance = (
            np.random.default_rng([seed, number, stream]) for stream in RANDOM_STREAMS.values()
        )
        alike = matched_in_variance(values, ranking[:number], variance)
        for _ in range(n_random):
            chosen = random.permutation(n_features)[:number]
            arms.append(Arm("random", *about, _only(chosen, n_features)))
            arms.append(Arm("variance", *about, _only(alike(), n_features)))
    for one in weights:
        arms += _reweighted(one, wanted)
    return arms


def _only(features: np.ndarray, n_features: int) -> np.ndarray:
    scale = np.zeros(n_features)
    scale[features] = 1
    return scale


def _reweighted(weights: Weights, numbers: Sequence[int]) -> Iterator[Arm]:
    """Arms of the features of largest weight, by either way to scale; the last ones have all features with a weight."""
    w = weights.weights
    order = np.argsort(-np.abs(w), kind="stable")
    n_weighted = int(np.count_nonzero(w))
    for scaled_by, scale in ((ROOT, np.sign(w) * np.sqrt(np.abs(w))), (WEIGHT, w)):
        for number in sorted({min(number, n_weighted) for number in (*numbers, n_weighted)} - {0}):
            final = number == n_weighted
            yield Arm(weights.kind, scaled_by, number, final, _only(order[:number], len(w)) * scale)


def rescaling(squares: np.ndarray, scale: np.ndarray) -> float:
    """What a scaled layer is multiplied by to have the mean norm of the intact layer.

    Parameters
    ----------
    squares : ndarray of shape (n_images, n_features)
        As `isoprune.classification.activations.Activations.squares` gives them.
    scale : ndarray of shape (n_features,)

    Returns
    -------
    float
        1 where no image activates the scaled units.
    """
    norm = np.sqrt(squares @ scale**2).mean()
    return float(np.sqrt(squares @ np.ones(len(scale))).mean() / norm) if norm > 0 else 1.0


def places_of_true_class(
    head: Head,
    activations: Activations,
    scales: Sequence[np.ndarray],
    *,
    device: str = "auto",
    batch_size: int = 64,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Where the true class stands when units are scaled and the rest of the network runs.

    Parameters
    ----------
    head : Head
    activations : Activations
    scales : sequence of ndarray of shape (n_features,)
    device : {'auto', 'cpu', 'cuda'}
    batch_size : int
        Images at once; on a CPU fewer where the layer is large.
    progress : callable, optional
        Called with the number of batches done and of all.

    Returns
    -------
    ndarray of shape (n_scales, n_images), int32
        Number of other classes whose score is not below the true class's: 0 is recognised, below 5 is among the
        first five. A tie counts against the network, so that one that says nothing recognises nothing.
    """
    n_images = len(activations.values)
    places = np.empty((len(scales), n_images), dtype=np.int32)
    on = choose_device(device)
    at_once = batch_size
    if on.type == "cpu":
        at_once = max(1, min(batch_size, CACHE // activations.values[0].nbytes))
    starts = range(0, n_images, at_once)
    with moved(head.module, on), exact_arithmetic():
        shaped = [_as_layer(scale, activations).to(on) for scale in scales]
        for done, start in enumerate(starts, start=1):
            several = slice(start, start + at_once)
            batch = torch.from_numpy(np.array(activations.values[several])).to(on)
            truth = torch.from_numpy(activations.classes[several]).to(on)[:, None]
            for number, scale in enumerate(shaped):
                scores = head.scaled(batch, scale)
                # Not "above": what is undefined is not below, and counts against the network as well.
                others = (~(scores < scores.gather(1, truth))).sum(dim=1) - 1
                places[number, several] = others.cpu().numpy()
            if progress is not None:
                progress(done, len(starts))
    return places


def _as_layer(scale: np.ndarray, activations: Activations) -> torch.Tensor:
    return torch.from_numpy(scale.astype(np.float32)).reshape(activations.feature_shape)


def unique_scales(scales: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """Scales each once, and for each of those given which one it is; targets share the whole and random sets."""
    place: dict[bytes, int] = {}
    which = np.array([place.setdefault(scale.tobytes(), len(place)) for scale in scales], dtype=np.intp)
    first = {number: scale for scale, number in zip(reversed(scales), which[::-1], strict=True)}
    return [first[number] for number in range(len(first))], which
