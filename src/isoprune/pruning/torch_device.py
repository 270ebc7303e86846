"""Leave-one-out isomorphisms and insertion curves on a PyTorch device, for many targets at once.

All tensors are float64, for which no reduced-precision mode such as TF32 exists. Ranking: the pair values of a chunk of
features, times all targets in products of fixed width. Curve: a running sum over blocks of prefixes, for as many
targets side by side as the device's free memory holds. Chunks of features and prefixes are fixed, and a target's
numbers do not depend on which others are computed with it.
"""

from __future__ import annotations

import numpy as np
import torch

from isoprune.errors import BackendError
from isoprune.isomorphism import CONSTANT_RDM, RANK_TIE, pairs_of, standardised_pairs
from isoprune.labelled import CONSTANT_IMAGE
from isoprune.pruning.backends import with_all
from isoprune.pruning.closed_form import LeaveOneOut, chunk_size
from isoprune.pruning.criteria import Criterion
from isoprune.pruning.curve import Insertion
from isoprune.pruning.memory import number_that_fits

TARGETS_AT_ONCE = 256
"""Width of the product with many targets; fewer are filled up with zeros, as on the processor."""

PREFIXES_AT_ONCE = 32
"""Prefixes of a block. Fixed, so that the device's memory changes nothing."""

TEMPORARIES = 8
"""Arrays over targets × prefixes × pairs that a block of the curve holds at the same time, with those of ranks."""

HOST_BYTES = 2**29
"""Memory that counts as free where the device is the processor."""


def cuda_usable() -> bool:
    """Whether PyTorch sees a CUDA device."""
    return torch.cuda.is_available()


def cuda_device() -> torch.device:
    """The first visible CUDA device.

    Raises
    ------
    BackendError
        If PyTorch sees none.
    """
    if not cuda_usable():
        built = torch.version.cuda
        raise BackendError(
            "backend 'cuda'",
            f"PyTorch {torch.__version__} ({f'built for CUDA {built}' if built else 'built without CUDA'}) sees "
            f"{torch.cuda.device_count()} CUDA devices",
            "at least one",
            "Use `backend: cpu`, or install a CUDA build of PyTorch and check that `nvidia-smi` lists the device.",
        )
    return torch.device("cuda")


def recorded_name(device: torch.device) -> str:
    """What is recorded with results of a device."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else f"torch-{device.type}"


class TorchPrepared:
    """As `isoprune.pruning.backends.Prepared`, on a PyTorch device.

    Parameters
    ----------
    values : ndarray of shape (n_images, n_features)
    measure : str
    device : torch.device
        The processor serves the tests.
    """

    def __init__(self, values: np.ndarray, measure: str, *, device: torch.device):
        self.device, self.measure = device, measure
        self._leave_out = LeaveOneOut(values, measure)
        self._features = self._tensor(Insertion(values, measure, mean_similarity=0.0).features)
        self._places = tuple(torch.triu_indices(len(values), len(values), 1, device=device))

    def isomorphism_with_all(self, targets: np.ndarray, coefficient: str) -> np.ndarray:
        """As `Prepared`."""
        return with_all(self._leave_out.similarity, targets, coefficient)

    def isomorphism_without_each(
        self, targets: np.ndarray, coefficient: str, batched: bool = False
    ) -> np.ndarray:
        """As `Prepared`."""
        leave_out, (rows, columns) = self._leave_out, self._places
        width = TARGETS_AT_ONCE if batched else len(targets)
        standard = self._tensor(_standardised(targets, coefficient, width))
        similarity = self._tensor(leave_out.similarity)[rows, columns]
        y, u = self._tensor(leave_out.y), self._tensor(leave_out.u)
        size, chunks = chunk_size(leave_out.n_pairs), []
        for start in range(0, len(y), size):
            part = slice(start, start + size)
            y_i, y_j = y[part][:, rows], y[part][:, columns]
            if self.measure == "euclidean":
                pairs = similarity + (y_i - y_j) ** 2
            else:
                pairs = (similarity - y_i * y_j) * (u[part][:, rows] * u[part][:, columns])
            scored, constant = _scored(pairs, coefficient, self.measure)
            r = -torch.cat([scored @ block.T for block in standard.split(width)], dim=-1)
            r[constant] = torch.nan
            chunks.append(r[:, : len(targets)].T.cpu().numpy())
        return leave_out.with_direct(np.concatenate(chunks, axis=1), targets, coefficient)

    def insertion_curves(self, targets: np.ndarray, rankings: np.ndarray, criterion: Criterion) -> np.ndarray:
        """As `Prepared`."""
        standard = _standardised(targets, criterion.curve, 1)
        size = self._targets_that_fit()
        r = np.empty(rankings.shape)
        for start in range(0, len(targets), size):
            part = slice(start, start + size)
            ranked = self._features[self._tensor(rankings[part])]
            r[part] = self._curves(ranked, self._tensor(standard[part]), criterion)
        curves = np.concatenate([np.full((len(r), 1), np.nan), r], axis=1)
        return np.nan_to_num(curves) if criterion.published else curves

    def _curves(self, ranked: torch.Tensor, standard: torch.Tensor, criterion: Criterion) -> np.ndarray:
        """Signed curves from m = 1 on; ``ranked`` is (n_targets, n_features, n_images)."""
        (rows, columns), measure = self._places, self.measure
        delta, scale, undefined = _terms(ranked, criterion, measure)
        running = torch.zeros((len(ranked), 1, len(rows)), dtype=torch.float64, device=self.device)
        blocks = []
        for start in range(0, ranked.shape[1], PREFIXES_AT_ONCE):
            part = slice(start, start + PREFIXES_AT_ONCE)
            one, other = delta[:, part][..., rows], delta[:, part][..., columns]
            grown = -((one - other) ** 2) if measure == "euclidean" else one * other
            pairs = grown.cumsum(dim=1) + running
            running = pairs[:, -1:].clone()
            if measure != "euclidean":
                pairs *= scale[:, part][..., rows] * scale[:, part][..., columns]
            scored, constant = _scored(pairs, criterion.curve, measure)
            # One target at a time: the order of a product's sums may depend on how many there are.
            r = -torch.stack([one @ target for one, target in zip(scored, standard, strict=True)])
            blocks.append(torch.where(constant | undefined[:, part], torch.nan, r))
        return torch.cat(blocks, dim=1).cpu().numpy()

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def _targets_that_fit(self) -> int:
        on_cuda = self.device.type == "cuda"
        available = torch.cuda.mem_get_info(self.device)[0] if on_cuda else HOST_BYTES
        rows, _ = self._places  # int64, as wide as the float64 that they number
        return number_that_fits(available, TEMPORARIES * PREFIXES_AT_ONCE * rows.nbytes)


def _standardised(targets: np.ndarray, coefficient: str, width: int) -> np.ndarray:
    """Standardised pair values, filled with zeros up to a multiple of ``width`` targets."""
    standard = standardised_pairs(pairs_of(np.asarray(targets)), coefficient)
    return np.concatenate([standard, np.zeros((-len(standard) % width, standard.shape[1]))])


def _terms(
    ranked: torch.Tensor, criterion: Criterion, measure: str
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """As `isoprune.pruning.kernels.prefix_moments`, for several rankings at once."""
    n_features = ranked.shape[1]
    undefined = torch.zeros(ranked.shape[:2], dtype=torch.bool, device=ranked.device)
    undefined[:, 0] = True  # one feature
    if measure == "euclidean":
        return ranked, ranked, undefined
    delta = ranked
    if measure == "correlation":
        # Measured from the first feature, an image that is constant so far has exact zeros.
        moved = ranked - ranked[:, :1]
        m = torch.arange(1, n_features + 1, dtype=torch.float64, device=ranked.device)[:, None]
        before = moved.cumsum(dim=1) - moved
        delta = (moved - before / (m - 1).clamp(min=1)) * torch.sqrt((m - 1) / m)
    moment = (delta**2).cumsum(dim=1)
    tolerance = CONSTANT_IMAGE if measure == "correlation" else 0.0
    bad = moment <= tolerance * (ranked**2).cumsum(dim=1)
    zero = (moment <= 0) | (bad & criterion.published)
    scale = torch.where(zero, 0.0, moment.rsqrt())
    return delta, scale, undefined if criterion.published else undefined | bad.any(dim=-1)


def _scored(pairs: torch.Tensor, coefficient: str, measure: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Pair values (..., n_pairs) with mean 0 and norm 1, ranked first if asked; and which rows are constant.

    The values of constant rows mean nothing.
    """
    mean = pairs.mean(dim=-1, keepdim=True)
    unit = mean.abs().squeeze(-1) if measure == "euclidean" else torch.ones_like(mean).squeeze(-1)
    centred = pairs - mean
    squares = (centred**2).sum(dim=-1)
    constant = ~(squares > CONSTANT_RDM * pairs.shape[-1] * unit**2)
    if coefficient == "spearman":
        centred = _ranks(pairs / unit[..., None])
        centred -= centred.mean(dim=-1, keepdim=True)
        squares = (centred**2).sum(dim=-1)
    return centred / squares.sqrt()[..., None], constant


def _ranks(pairs: torch.Tensor) -> torch.Tensor:
    """As `isoprune.isomorphism.ranks_of_similarities`, without its care for NaN."""
    ordered, order = pairs.sort(dim=-1)
    end = pairs.shape[-1] - 1
    places = torch.arange(end + 1, device=pairs.device)
    apart = ordered.diff(dim=-1) > RANK_TIE
    one = torch.ones_like(apart[..., :1])
    first = torch.where(torch.cat([one, apart], dim=-1), places, 0).cummax(dim=-1).values
    last = torch.where(torch.cat([apart, one], dim=-1), places, end).flip(-1).cummin(dim=-1).values.flip(-1)
    return torch.empty_like(pairs).scatter_(-1, order, (first + last).to(pairs.dtype) / 2 + 1)
