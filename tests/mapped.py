"""Maps as a job leaves them, without a network."""

import numpy as np

from isoprune.occlusion.mapped import MappedImages

N, GRID, STRIDE = 7, (3, 4), 8


def made(n_images: int = N, seed: int = 0) -> MappedImages:
    """Maps of two targets, drawn at random; what the first target's pruned map shows stands out in one cell."""
    rng = np.random.default_rng(seed)
    of_sets, of_two = (n_images, 2, 3), (n_images, 2, 2)
    heat = rng.normal(scale=0.01, size=(*of_sets, *GRID))
    heat[:, 0, 1, 1, 2] = 0.5
    return MappedImages(
        images=np.array([f"img {i}/{seed}" for i in range(n_images)]),
        targets=np.array(["EVC", "IT"]),
        subjects=np.array(["group", "group"]),
        sizes=np.array([8, 16]),
        stride=np.array(STRIDE),
        pictures=rng.integers(0, 255, size=(n_images, 24, 30, 3), dtype=np.uint8),
        masks=np.full((n_images, *GRID), np.nan),
        contrast=rng.uniform(size=(n_images, *GRID)),
        heat=heat,
        intact=np.full(of_sets, 0.4),
        n_sets=np.full(of_sets, 8),
        n_retained=np.full(of_sets, 30.0),
        split_half=np.full(of_sets, np.nan),
        null=rng.uniform(0.02, 0.1, size=(*of_two, 99)),
        undefined=np.full(of_sets, "", dtype="U80"),
        randomised=np.full((n_images, 2, *GRID), np.nan),
        preview=np.full((*of_two, *GRID), np.nan),
        provenance=np.array("{}"),
    )
