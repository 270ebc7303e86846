"""Betas: response estimates of the brain in any of the formats that people have, as runs of volumes on a grid.

`beta_runs` is the one door; a format is a module: `nifti`, `bids`, `nsd`, `spm`, `feat`, `glmsingle`, `gifti`, and
`bold`, which makes betas of raw BOLD.
"""

from isoprune.io.betas.images import read_betas, read_grid, read_nifti
from isoprune.io.betas.sources import beta_files, beta_runs
from isoprune.io.betas.tables import read_conditions

__all__ = ["beta_files", "beta_runs", "read_betas", "read_conditions", "read_grid", "read_nifti"]
