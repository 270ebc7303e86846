"""Figures and pages of a study: tables and RDMs in, matplotlib figures and HTML out.

A competitor has the same colour everywhere (`COLOURS`); subjects are dots and the group RDM is a diamond.
Figures never touch matplotlib's global state and never need a screen.
"""

from isoprune.figures.features import curves, plateau, recovery, stability, tables_of_units
from isoprune.figures.features_page import features_page
from isoprune.figures.heatmaps import heatmap_overlays, mean_heatmaps
from isoprune.figures.heatmaps_page import heatmap_pages
from isoprune.figures.ladder import competitors, specificity
from isoprune.figures.layers import layers
from isoprune.figures.methods_page import checklist_page, methods_page, question_page, run_page
from isoprune.figures.nulls import nulls
from isoprune.figures.overlap import overlap
from isoprune.figures.overview import overview
from isoprune.figures.page import findings_page, tables_page
from isoprune.figures.scores import gain, isomorphism
from isoprune.figures.stimuli import contact_sheet, rdms
from isoprune.figures.style import COLOURS, save

__all__ = [
    "COLOURS",
    "checklist_page",
    "competitors",
    "contact_sheet",
    "curves",
    "features_page",
    "findings_page",
    "gain",
    "heatmap_overlays",
    "heatmap_pages",
    "isomorphism",
    "layers",
    "mean_heatmaps",
    "methods_page",
    "nulls",
    "overlap",
    "overview",
    "plateau",
    "question_page",
    "rdms",
    "recovery",
    "run_page",
    "save",
    "specificity",
    "stability",
    "tables_of_units",
    "tables_page",
]
