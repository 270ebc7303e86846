"""Public data sets by name: what is known of them, and how they come, checked, into a folder."""

from __future__ import annotations

from isoprune.datasets.catalogue import Dataset, catalogue, dataset
from isoprune.datasets.fetching import absent_files, check, fetch, present_files

__all__ = ["Dataset", "absent_files", "catalogue", "check", "dataset", "fetch", "present_files"]
