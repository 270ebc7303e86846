"""Pruning where the features of several layers stand side by side, and one layer is to be chosen.

Every layer is pruned by itself, and the one whose retained set fits the target best is taken. So the choice of a layer
is part of what is fitted: wherever features are ranked on training images or on a relabelled target, the layer is
chosen there too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from isoprune.pruning import PruningResult


def columns_of_layers(layer_sizes: Sequence[int]) -> list[slice]:
    """Where the features of each layer stand."""
    ends = np.cumsum(layer_sizes)
    return [slice(int(end) - size, int(end)) for size, end in zip(layer_sizes, ends, strict=True)]


def of_best_layer(of_layers: Sequence[PruningResult]) -> PruningResult:
    """The pruning of the layer that fits the target best; of equal ones the first.

    Parameters
    ----------
    of_layers : sequence of PruningResult
        Of one target, a layer each, in the order in which their features stand side by side.

    Returns
    -------
    PruningResult
        Features are numbered over all layers. Those of the best layer are ranked first, and a set that holds others is
        no candidate: the curve is NaN there. A drop is that in the feature's own layer.
    """
    starts = np.cumsum([0, *(len(one.ranking) for one in of_layers)])
    best = int(np.argmax([one.fit for one in of_layers]))
    order = [best, *(number for number in range(len(of_layers)) if number != best)]
    curve = np.full(starts[-1] + 1, np.nan)
    curve[: len(of_layers[best].curve)] = of_layers[best].curve
    return replace(
        of_layers[best],
        ranking=np.concatenate([starts[number] + of_layers[number].ranking for number in order]),
        drop=np.concatenate([one.drop for one in of_layers]),
        curve=curve,
    )
