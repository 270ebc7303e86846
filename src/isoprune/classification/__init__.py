"""Classification accuracy retained: how well a network still names labelled images when units of a layer are zeroed or
scaled, the rest of the network unchanged.
"""

# Words of the table, here so that its figures and findings need no PyTorch.

ALL_CLASSES, DOMAIN = "all classes", "domain"

KEPT, ROOT, WEIGHT = "kept", "root", "weight"
"""How units are scaled: kept or set to zero, by the root of their weight with its sign, or by their weight."""

TOPS = {"top1": 1, "top5": 5}
"""Accuracies, with the number of guesses that the network has."""
