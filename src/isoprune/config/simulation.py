"""Settings of simulated data in place of measured ones."""

from __future__ import annotations

from pydantic import Field

from isoprune.config.kinds import Block, Name, Names


class Simulation(Block):
    """Simulated images, betas and masks in place of measured data; for the demo and for trying things out.

    The planted targets are built on a few features of a network, so the truth is known.
    """

    network: Name = Field(
        description="The network, one of `networks` with a `model`, whose features the planted targets are "
        "built on.",
        examples=["squeezenet"],
    )
    planted: Names = Field(
        description="Targets that carry the planted features; all other targets are noise.",
        examples=[["ventral", "dorsal"]],
    )
    n_per_category: int = Field(
        12,
        ge=2,
        description="Pictures drawn of each category. More make every estimate steadier; drawing, "
        "betas and folds take time in proportion.",
        examples=[12],
    )
    n_planted: int = Field(
        25,
        ge=2,
        description="Features planted in each target, of the hundreds the network has. Fewer are found "
        "more exactly.",
        examples=[25],
    )
    noise: float = Field(
        2.5,
        ge=0,
        description="Standard deviation of the noise on one voxel's beta in one run, as a multiple of the standard "
        "deviation of the voxel's planted response over pictures (dimensionless). 0 is noiseless. Raise it to see "
        "how much noise a planted set survives.",
        examples=[2.5],
    )
