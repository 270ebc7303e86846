"""Arrays that carry their labels: an embedding, a dissimilarity matrix, and activity patterns."""

from isoprune.labelled.embedding import (
    CONSTANT_IMAGE,
    Embedding,
    check_no_constant_image,
    constant_images,
    whole_layer,
)
from isoprune.labelled.magnitude import check_magnitude
from isoprune.labelled.names import GROUP, STIMULUS, SUBJECTS, stimuli_of
from isoprune.labelled.patterns import Patterns, Residuals
from isoprune.labelled.rdm import RDM, square

__all__ = [
    "CONSTANT_IMAGE",
    "GROUP",
    "RDM",
    "STIMULUS",
    "SUBJECTS",
    "Embedding",
    "Patterns",
    "Residuals",
    "check_magnitude",
    "check_no_constant_image",
    "constant_images",
    "square",
    "stimuli_of",
    "whole_layer",
]
