"""isoprune: find the few features of a network that carry its match with a target similarity space.

Public names are resolved when they are first used, so that importing the package costs little.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from isoprune.errors import IsopruneError, IsopruneWarning

_HOME_OF = {
    "prune": "isoprune.pruning",
    "PruningResult": "isoprune.pruning",
    "IsomorphismPruner": "isoprune.pruning.selector",
    "cross_validate": "isoprune.crossvalidation",
    "permutation_test": "isoprune.permutation",
    "PermutationTest": "isoprune.permutation",
    "load_retained": "isoprune.retained",
    "score_retained": "isoprune.retained",
    "Embedding": "isoprune.labelled",
    "RDM": "isoprune.labelled",
}

__all__ = ["IsopruneError", "IsopruneWarning", *_HOME_OF]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'isoprune' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
