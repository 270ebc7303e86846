"""Settings of what a run computes of a study."""

from __future__ import annotations

from pydantic import Field

from isoprune.config.kinds import Block, Choice


class Select(Block):
    """Which part of the study is computed in this run; who belongs to the group stays the same.

    Meant for the command line: `--config select='{"targets": "IT"}'`. Lists or text with commas.
    """

    networks: Choice = Field(
        None, description="Names of the networks to compute; `null` means all.", examples=[["mobilenetv2"]]
    )
    targets: Choice = Field(
        None, description="Names of the targets to compute; `null` means all.", examples=[["IT"]]
    )
    subjects: Choice = Field(
        None,
        description="Labels of the subjects to compute; `null` means all. Group means are still over "
        "everybody, so results of a selection equal those of the whole study.",
        examples=[["01", "02"]],
    )
