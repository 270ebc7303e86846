"""Retained sets as objects: kept in files, applied to other images, scored on other targets, never fitted again."""

from isoprune.retained.files import load_retained, write_retained_set
from isoprune.retained.scores import RETAINED_SCORE_COLUMNS, score_retained
from isoprune.retained.set import RetainedSet, retained_set

__all__ = [
    "RETAINED_SCORE_COLUMNS",
    "RetainedSet",
    "load_retained",
    "retained_set",
    "score_retained",
    "write_retained_set",
]
