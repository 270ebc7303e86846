"""Reweighting: instead of keeping or leaving a feature, weigh it, so that the weighted features meet a target.

Similarity as a weighted sum of products of activations (Peterson, Abbott & Griffiths 2018, Cognitive Science 42:2648),
or dissimilarity as a weighted sum of squared differences (Kaniuth & Hebart 2022, NeuroImage 257:119294).
"""

from isoprune.reweighting.fitting import PENALTIES, Reweighting, Weighing, inner_folds
from isoprune.reweighting.weights import KINDS, Weights, load_weights, write_weights

__all__ = [
    "KINDS",
    "PENALTIES",
    "Reweighting",
    "Weighing",
    "Weights",
    "inner_folds",
    "load_weights",
    "write_weights",
]
