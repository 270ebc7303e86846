"""Quality of the brain side, subject by subject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from isoprune.labelled import Patterns

if TYPE_CHECKING:
    import pandas as pd

VOXEL_COLUMNS = {
    "subject": "Subject label.",
    "roi": "Region of interest.",
    "n_voxels_in_mask": "Voxels of the mask as it is stored.",
    "n_voxels_on_grid": "Voxels of the mask on the grid of the betas.",
    "n_dropped_non_finite": "Voxels dropped because a beta is NaN or infinite.",
    "n_dropped_constant": "Voxels dropped because their betas do not vary.",
    "n_voxels": "Voxels that the patterns are made of.",
}


def voxel_table(patterns: Mapping[str, Patterns]) -> pd.DataFrame:
    """Voxel counts of one subject, a row a region; columns as `VOXEL_COLUMNS`."""
    import pandas as pd

    rows = [{"subject": one.subject, "roi": roi, **one.counts} for roi, one in patterns.items()]
    return pd.DataFrame(rows)[list(VOXEL_COLUMNS)]
