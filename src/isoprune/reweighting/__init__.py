"""Reweighting: instead of keeping or leaving a feature, weigh it, so that the weighted features meet a target."""

from isoprune.reweighting.weights import KINDS, Weights, load_weights, write_weights

__all__ = ["KINDS", "Weights", "load_weights", "write_weights"]
