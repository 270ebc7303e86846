"""Figures and pages of a study: tables and RDMs in, matplotlib figures and HTML out.

A competitor has the same colour everywhere (`COLOURS`); subjects are dots and the group RDM is a diamond.
Figures never touch matplotlib's global state and never need a screen.
Public names are resolved when they are first used: a job draws one figure, and loads what that needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME_OF = {
    "COLOURS": "isoprune.figures.style",
    "checklist_page": "isoprune.figures.pages_of_methods",
    "competitors": "isoprune.figures.ladder",
    "contact_sheet": "isoprune.figures.stimuli",
    "curves": "isoprune.figures.features",
    "features_page": "isoprune.figures.page_of_features",
    "findings_page": "isoprune.figures.page",
    "gain": "isoprune.figures.scores",
    "heatmap_overlays": "isoprune.figures.heatmaps",
    "heatmap_pages": "isoprune.figures.heatmaps_page",
    "isomorphism": "isoprune.figures.scores",
    "layers": "isoprune.figures.layer_sweep",
    "mean_heatmaps": "isoprune.figures.heatmaps",
    "methods_page": "isoprune.figures.pages_of_methods",
    "nulls": "isoprune.figures.null_distributions",
    "overlap": "isoprune.figures.overlap_matrix",
    "overview": "isoprune.figures.overview_figure",
    "plateau": "isoprune.figures.features",
    "question_page": "isoprune.figures.pages_of_methods",
    "rdms": "isoprune.figures.stimuli",
    "recovery": "isoprune.figures.features",
    "run_page": "isoprune.figures.pages_of_methods",
    "save": "isoprune.figures.style",
    "specificity": "isoprune.figures.ladder",
    "stability": "isoprune.figures.features",
    "tables_of_units": "isoprune.figures.features",
    "tables_page": "isoprune.figures.page",
}

__all__ = list(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'isoprune.figures' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
