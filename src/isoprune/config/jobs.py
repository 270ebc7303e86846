"""How much one job of a run does."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from isoprune.config.kinds import Block


class Jobs(Block):
    """Which units (network × target × subject × supervision) are in one job. No result depends on it.

    Starting a job costs seconds, and on a cluster the wait in its queue. But units of one job are computed one after
    the other, and again together when one of them is out of date or fails.
    """

    prune: Literal["unit", "subject"] = Field(
        "unit",
        description="`unit`: each unit is pruned by a job. `subject`: all targets of a subject by one, for studies of "
        "many areas whose units take seconds.",
        examples=["subject"],
    )
    specificity: Literal["unit", "subject"] = Field(
        "subject",
        description="The same of ranking by rivals, which takes a fraction of the time of pruning and reads the RDMs "
        "of all targets anyway.",
        examples=["unit"],
    )
