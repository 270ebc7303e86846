"""Names that labelled arrays have in files, tables and rsatoolbox objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isoprune.errors import LabelError
from isoprune.labels import check_labels

STIMULUS = "stimulus"
"""Name of the rsatoolbox descriptor that holds stimulus labels."""

GROUP = "group"
"""The subject that is the mean RDM over subjects."""

SUBJECTS = "subjects"
"""The subject that stands for the mean of single subjects' scores."""


def stimuli_of(descriptors: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Stimulus labels among the descriptors of an rsatoolbox object.

    Raises
    ------
    LabelError
        If they are not there, or cannot identify rows.
    """
    if STIMULUS not in descriptors:
        raise LabelError(
            where,
            f"its descriptors are {', '.join(sorted(descriptors)) or '(none)'}",
            f"a descriptor '{STIMULUS}' with one label a row",
            "Rows are joined by label: add it to the rsatoolbox object.",
        )
    return check_labels(descriptors[STIMULUS], where)
