"""Pictures of two halves and a network that sees them apart: what occlusion maps must find is known."""

import numpy as np
import torch

from isoprune.crossvalidation import score_folds
from isoprune.design import Design
from isoprune.folds import make_folds
from isoprune.foldsets import fold_sets
from isoprune.isomorphism import dissimilarity
from isoprune.labelled import RDM, Embedding
from isoprune.networks import Network
from isoprune.occlusion.sets import map_sets
from isoprune.pruning import procedure_named

SIDE = 32
LABELS = [f"img_{i}" for i in range(40)]
N_FEATURES = 60
"""Of each half."""

DESIGN = Design(procedure_named(), n_splits=4, n_repeats=1, n_random=50)


class TwoHalves(torch.nn.Module):
    """The first features see the left half of a picture, the others the right half; linear, then rectified."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        weights = torch.randn((2 * N_FEATURES, 3, SIDE, SIDE), generator=generator) / SIDE
        weights[:N_FEATURES, :, :, SIDE // 2 :] = 0
        weights[N_FEATURES:, :, :, : SIDE // 2] = 0
        self.see = torch.nn.Conv2d(3, 2 * N_FEATURES, SIDE, bias=False)
        self.see.weight.data = weights
        self.flat = torch.nn.Flatten()

    def forward(self, pictures):
        # The border of a published map is not seen.
        width = (pictures.shape[-1] - SIDE) // 2
        inner = pictures[:, :, width : width + SIDE, width : width + SIDE]
        return self.flat(torch.relu(self.see(inner)))


def network() -> Network:
    return Network(TwoHalves().eval(), "halves", lambda image: image, "made by hand", {})


def pictures(seed: int = 0) -> dict[str, torch.Tensor]:
    """Each half is a mixture of three patterns, drawn apart from the other half's."""
    generator = torch.Generator().manual_seed(seed)
    patterns = torch.randn((2, 3, 3, SIDE, SIDE // 2), generator=generator)
    mixtures = torch.randn((len(LABELS), 2, 3), generator=generator)
    halves = torch.einsum("ihk,hkcyx->ihcyx", mixtures, patterns)
    return {
        label: torch.cat(list(of_image), dim=2)
        for label, of_image in zip(sorted(LABELS), halves, strict=True)
    }


def embedding(shown: dict[str, torch.Tensor]) -> Embedding:
    with torch.no_grad():
        values = TwoHalves()(torch.stack(list(shown.values()))).numpy()
    return Embedding(values, tuple(shown), "halves")


def target_of(features: np.ndarray, noise: float = 0.0, seed: int = 0, subject: str = "group") -> RDM:
    """A target that is the RDM of some features, with noise."""
    drawn = np.triu(np.random.default_rng(seed).normal(size=(len(LABELS), len(LABELS))), 1) * noise
    return RDM(dissimilarity(features) + drawn + drawn.T, tuple(sorted(LABELS)), subject=subject)


def sets_of(embedded: Embedding, target: RDM, **settings):
    """The sets that maps of the target are read through."""
    values = embedded.values.astype(np.float64)
    given = values, target.values, target.values, list(embedded.labels)
    scores = score_folds(
        *given, make_folds(embedded.labels, n_splits=4, n_repeats=1), procedure=DESIGN.procedure, n_random=50
    )
    final = scores[0].retained
    return map_sets(embedded, target, fold_sets(scores, embedded.labels), final, DESIGN, **settings)
