"""A preview of occlusion maps from gradients: quick, and only an approximation.

To first order, filling a region with a value changes a score by the sum over its pixels of gradient × (value − pixel).
So one gradient predicts the heat of every window at once. It is averaged over noisy copies of the image, because
gradients of networks with rectifiers jump from pixel to pixel (SmoothGrad, Smilkov et al. 2017). Occlusion is the
reference: a window takes away more than a first order sees.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from isoprune.embeddings import reading
from isoprune.isomorphism import standardised_pairs
from isoprune.networks import Layer, Network
from isoprune.occlusion.contrast import integral, under
from isoprune.occlusion.maps import Question
from isoprune.occlusion.windows import Windows

N_NOISY = 8
"""Noisy copies that a gradient is averaged over."""

NOISE = 0.15
"""Standard deviation of the noise, as a share of the range of the image's values."""


def preview(
    network: Network,
    layer: Layer,
    image: torch.Tensor,
    windows: Windows,
    others: np.ndarray,
    questions: Sequence[Question],
    *,
    value: float = 0.0,
    spatial: str = "mean",
    seed: int = 0,
) -> list[np.ndarray]:
    """Predict the heat of every window by the gradient of the isomorphism with respect to the pixels.

    Parameters
    ----------
    network : Network
        On the CPU or wherever the image is.
    layer : Layer
    image : Tensor of shape (3, height, width), float32
    windows : Windows
        Centred ones; the border of published ones is not made.
    others : ndarray of shape (n_others, n_features)
        Features of all other images.
    questions : sequence of Question
    value : float
        What windows are filled with.
    spatial : {"mean", "flatten"}
    seed : int
        Of the noise.

    Returns
    -------
    list of ndarray of shape (n_rows, n_grid_rows, n_grid_columns), float64
        One for each question; signed r, mean over window sizes, as the maps.
    """
    generator = torch.Generator().manual_seed(seed)
    spread = NOISE * float(image.max() - image.min())
    noise = torch.randn((N_NOISY, *image.shape), generator=generator).to(image.device)
    noisy = (image + spread * noise).requires_grad_()
    for parameter in network.module.parameters():
        parameter.requires_grad_(False)
    with torch.enable_grad(), reading(network, layer, spatial=spatial) as features_of:
        features = features_of(noisy).double()
        scores = [
            [_mean_score(features, others, question.sets, row) for row in question.rows]
            for question in questions
        ]
    away = (image - value).double()
    return [
        np.array([_heat(_gradient(score, noisy), away, windows) for score in of_question])
        for of_question in scores
    ]


def _mean_score(
    features: torch.Tensor, others: np.ndarray, sets: Sequence[np.ndarray], row: np.ndarray
) -> torch.Tensor:
    """Signed isomorphism of the row, summed over noisy copies, mean over sets."""
    standard = torch.as_tensor(standardised_pairs(row[None])[0], device=features.device)
    total = features.new_zeros(())
    for one in sets:
        some = torch.as_tensor(others[:, one], device=features.device)
        some, own = (
            part - part.mean(dim=1, keepdim=True) for part in (some, features[:, torch.as_tensor(one)])
        )
        similar = (own / own.norm(dim=1, keepdim=True)) @ (some / some.norm(dim=1, keepdim=True)).T
        similar = similar - similar.mean(dim=1, keepdim=True)
        total = total - (similar @ standard / similar.norm(dim=1)).sum()
    return total / len(sets)


def _gradient(score: torch.Tensor, noisy: torch.Tensor) -> torch.Tensor:
    """Gradient with respect to the image, mean over its noisy copies."""
    return torch.autograd.grad(score, noisy, retain_graph=True)[0].mean(dim=0).double()


def _heat(gradient: torch.Tensor, away: torch.Tensor, windows: Windows) -> np.ndarray:
    """Predicted loss of score under every window, mean over window sizes."""
    sums = integral((gradient * away).sum(dim=0).cpu().numpy())
    return np.mean([under(sums, windows.boxes(size)).reshape(windows.grid) for size in windows.sizes], axis=0)
