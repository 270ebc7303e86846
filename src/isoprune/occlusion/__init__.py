"""Occlusion: which parts of an image carry an area's geometry."""
