"""Settings of transfer: retained sets of other studies."""

from __future__ import annotations

from pydantic import Field

from isoprune.config.kinds import Block, FilePath, Name


class Transfer(Block):
    """A retained set of another study, scored on this study's targets without fitting anything.

    Its network, weights, preprocessing and layer have to be those of the network named here.
    """

    retained: FilePath = Field(
        description="Table of the set, as a study leaves it in its folder `retained` (its `.json` beside it); "
        "relative to where the workflow is started.",
        examples=["results/cichy92/retained/net-mobilenetv2_target-IT_sub-group_sup-group_retained.tsv"],
    )
    network: Name = Field(
        description="Network of this study whose features the set is applied to.", examples=["mobilenetv2"]
    )
