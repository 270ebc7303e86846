"""Regions at matched numbers of voxels: a seeded random draw of as many voxels from each.

An RDM over more voxels is less noisy, so of two regions with equal signal the larger is predicted better. One draw
takes that away. The mean RDM over many draws would not: together they hold all voxels, and their mean is about as
reliable as the RDM of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from isoprune.errors import ConfigError, RoiError
from isoprune.labelled import Patterns
from isoprune.labels import listing

SMALLEST = "smallest"
"""As many voxels as the subject's smallest region has."""

DRAWING_STREAM = 0x564F5845
"""Keeps draws of voxels apart from other random numbers that share the seed."""


@dataclass(frozen=True)
class VoxelMatching:
    """How many voxels every region of a subject is left with.

    Attributes
    ----------
    n_voxels : int or 'smallest'
        A number of voxels, or that of the subject's smallest region.
    draw : int
        Number of the draw: another one takes other voxels.
    seed : int
        A draw follows from (seed, draw, subject, region) alone.

    Raises
    ------
    ConfigError
        If it is no such number.
    """

    n_voxels: int | str
    draw: int = 1
    seed: int = 0

    def __post_init__(self):
        if self.n_voxels != SMALLEST and not (isinstance(self.n_voxels, int) and self.n_voxels >= 2):
            raise ConfigError(
                "matched voxels",
                f"{self.n_voxels!r}",
                f"a whole number from 2, or '{SMALLEST}'",
                "Write 100 for a hundred voxels of every region.",
            )


def match_voxels(patterns: Mapping[str, Patterns], matching: VoxelMatching) -> dict[str, Patterns]:
    """Patterns of one subject with the same number of voxels in every region.

    Parameters
    ----------
    patterns : mapping of str to Patterns
        By region, all of one subject.
    matching : VoxelMatching

    Returns
    -------
    dict of str to Patterns
        Voxels drawn without replacement and kept in their order, of patterns, residuals and tSNR alike; ``counts``
        has ``n_not_drawn``, and ``selection`` says in words what was drawn. A region that has just as many is left
        as it is.

    Raises
    ------
    RoiError
        If a region has fewer voxels than are asked for.
    """
    sizes = {name: one.values.shape[1] for name, one in patterns.items()}
    wanted = min(sizes.values()) if matching.n_voxels == SMALLEST else int(matching.n_voxels)
    short = [f"{name} ({size})" for name, size in sizes.items() if size < wanted]
    if short:
        subject = next(iter(patterns.values())).subject
        raise RoiError(
            f"regions of subject '{subject}'",
            f"fewer usable voxels than `roi.match_voxels` asks for in {listing(short)}",
            f"at least {wanted} in each",
            f"Ask for at most {min(sizes.values())}, write `match_voxels: {SMALLEST}`, or leave these regions out.",
        )
    return {name: _drawn(one, wanted, matching) for name, one in patterns.items()}


def _drawn(patterns: Patterns, wanted: int, matching: VoxelMatching) -> Patterns:
    n_voxels = patterns.values.shape[1]
    if n_voxels == wanted:
        return patterns
    whose = (patterns.subject, patterns.roi)
    entropy = [matching.seed, matching.draw, DRAWING_STREAM, *"\0".join(whose).encode()]
    columns = np.sort(np.random.default_rng(entropy).permutation(n_voxels)[:wanted])
    words = f"{wanted} of {n_voxels} drawn at random (draw {matching.draw}) to match the regions' sizes"
    residuals = patterns.residuals
    return replace(
        patterns,
        values=patterns.values[:, columns],
        voxels=None if patterns.voxels is None else np.asarray(patterns.voxels)[columns],
        tsnr=None if patterns.tsnr is None else patterns.tsnr[columns],
        residuals=None if residuals is None else replace(residuals, values=residuals.values[:, columns]),
        counts={**patterns.counts, "n_not_drawn": n_voxels - wanted, "n_voxels": wanted},
        selection="; ".join(filter(None, [patterns.selection, words])),
        provenance={**patterns.provenance, "matched": {"draw": matching.draw, "seed": matching.seed}},
    )
