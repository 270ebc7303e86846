"""An experiment with a known answer: pictures, planted features, and brain data that follow them."""

from isoprune.simulation.answer import RECOVERY_COLUMNS, planted_sets, recovery_table
from isoprune.simulation.brain import simulate_subject, voxel_patterns
from isoprune.simulation.recovery import candidate_features, plant_features, recovery
from isoprune.simulation.stimuli import draw_stimuli

__all__ = [
    "RECOVERY_COLUMNS",
    "candidate_features",
    "draw_stimuli",
    "plant_features",
    "planted_sets",
    "recovery",
    "recovery_table",
    "simulate_subject",
    "voxel_patterns",
]
