"""What computes: the reference, the processor, or a CUDA device."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from isoprune.errors import BackendError
from isoprune.isomorphism import (
    pairs_of,
    second_order_of_ranked,
    second_order_of_standard,
    similarity,
    standardised_pairs,
)
from isoprune.labels import choose
from isoprune.pruning import kernels, reference
from isoprune.pruning.closed_form import LeaveOneOut
from isoprune.pruning.criteria import Criterion
from isoprune.pruning.curve import Insertion
from isoprune.pruning.memory import targets_and_threads

BACKENDS = ("auto", "cpu", "cuda", "numpy", "reference")
"""``auto`` is ``cuda`` where a device is there and PyTorch installed, else ``cpu``; ``cpu`` uses numba where it is
installed, else NumPy (``numpy``); ``reference`` is the slow definition."""

ARRAYS_OF_A_CURVE = 5
"""Arrays of the embedding's size that a curve holds at the same time."""


class Prepared(Protocol):
    """An embedding that a backend is ready to prune for any number of targets.

    Targets have the shape (n_targets, n_images, n_images); results a row a target.
    """

    def isomorphism_with_all(self, targets: np.ndarray, coefficient: str) -> np.ndarray:
        """Isomorphism of the whole embedding, shape (n_targets,)."""

    def isomorphism_without_each(
        self, targets: np.ndarray, coefficient: str, batched: bool = False
    ) -> np.ndarray:
        """Isomorphism without each feature, shape (n_targets, n_features); ``batched`` shares work."""

    def insertion_curves(self, targets: np.ndarray, rankings: np.ndarray, criterion: Criterion) -> np.ndarray:
        """Signed insertion curve of each target over its own ranking, shape (n_targets, n_features + 1)."""


@dataclass(frozen=True)
class Backend:
    """What computes.

    Attributes
    ----------
    name : str
        What is recorded with the results.
    prepare : callable
        From values of shape (n_images, n_features) and a measure to `Prepared`.
    """

    name: str
    prepare: Callable[[np.ndarray, str], Prepared]


class ReferencePrepared:
    """The definition, for tests; see `Prepared`."""

    def __init__(self, values: np.ndarray, measure: str):
        self.values, self.measure = values, measure

    def isomorphism_with_all(self, targets: np.ndarray, coefficient: str) -> np.ndarray:
        """As `Prepared`."""
        return with_all(similarity(self.values, self.measure), targets, coefficient)

    def isomorphism_without_each(
        self, targets: np.ndarray, coefficient: str, batched: bool = False
    ) -> np.ndarray:
        """As `Prepared`."""
        without = reference.isomorphism_without_each
        return np.array([without(self.values, target, coefficient, self.measure) for target in targets])

    def insertion_curves(self, targets: np.ndarray, rankings: np.ndarray, criterion: Criterion) -> np.ndarray:
        """As `Prepared`."""
        curve = reference.insertion_curve
        both = zip(targets, rankings, strict=True)
        return np.array([curve(self.values, one, order, criterion, self.measure) for one, order in both])


class CpuPrepared:
    """The closed form and the fused curve on the processor; see `Prepared`.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
    measure : str
    use_compiled : bool
        Whether numba computes.
    threads : int
        Changes no bit of the result.
    """

    def __init__(self, values: np.ndarray, measure: str, *, use_compiled: bool, threads: int):
        self._leave_out = LeaveOneOut(values, measure)
        mean = None if measure == "euclidean" else float(self._leave_out.shift[0])
        self._insertion = Insertion(values, measure, mean)
        self._use_compiled, self._threads = use_compiled, max(1, threads)

    def isomorphism_with_all(self, targets: np.ndarray, coefficient: str) -> np.ndarray:
        """As `Prepared`."""
        return with_all(self._leave_out.similarity, targets, coefficient)

    def isomorphism_without_each(
        self, targets: np.ndarray, coefficient: str, batched: bool = False
    ) -> np.ndarray:
        """As `Prepared`."""
        method = self._leave_out.isomorphism_of_many if batched else self._leave_out.isomorphism
        return method(targets, coefficient, self._threads, self._use_compiled)

    def insertion_curves(self, targets: np.ndarray, rankings: np.ndarray, criterion: Criterion) -> np.ndarray:
        """As `Prepared`."""
        held = ARRAYS_OF_A_CURVE * self._insertion.features.nbytes
        at_once, threads = targets_and_threads(len(targets), self._threads, held)

        def one(target: np.ndarray, ranking: np.ndarray) -> np.ndarray:
            return self._insertion.curve(target, ranking, criterion, self._use_compiled, threads)

        with ThreadPoolExecutor(max_workers=at_once) as pool:
            return np.array(list(pool.map(one, targets, rankings)))


def with_all(similarities: np.ndarray, targets: np.ndarray, coefficient: str) -> np.ndarray:
    """Isomorphism of a matrix of similarities with each target, shape (n_targets,)."""
    pairs, standard = pairs_of(similarities), standardised_pairs(pairs_of(np.asarray(targets)), coefficient)
    correlate = second_order_of_ranked if coefficient == "spearman" else second_order_of_standard
    return np.array([correlate(pairs, target) for target in standard])


def backend_named(name: str, threads: int = 1) -> Backend:
    """The backend called ``name``; see `BACKENDS`.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    BackendError
        If ``cuda`` is asked for and absent.
    """
    choose(name, BACKENDS, what="backend", where="backend")
    if name == "reference":
        return Backend("reference", ReferencePrepared)
    if name == "cuda" and find_spec("torch") is None:
        raise BackendError(
            "backend 'cuda'",
            "PyTorch is not installed",
            "PyTorch and a CUDA device",
            "Use `backend: cpu`, or install a CUDA build of PyTorch.",
        )
    if name == "cuda" or (name == "auto" and cuda_in_sight()):
        from isoprune.pruning import torch_device

        if name == "cuda" or torch_device.cuda_usable():
            device = torch_device.cuda_device()
            on_device = partial(torch_device.TorchPrepared, device=device)
            return Backend(torch_device.recorded_name(device), on_device)
    use_compiled = name != "numpy" and kernels.is_compiled()
    prepare = partial(CpuPrepared, use_compiled=use_compiled, threads=threads)
    return Backend("cpu-numba" if use_compiled else "cpu-numpy", prepare)


def cuda_in_sight() -> bool:
    """Whether it is worth importing PyTorch to look for a CUDA device.

    Costs microseconds: a job that only ever runs on the processor does not pay a second for PyTorch.
    """
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1")
    return not hidden and _driver_and_torch()


@cache
def _driver_and_torch() -> bool:
    driver = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
    return driver and find_spec("torch") is not None
