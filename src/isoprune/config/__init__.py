"""The one typed description of every setting of a study."""

from __future__ import annotations

from isoprune.config.reading import load
from isoprune.config.study import Study

__all__ = ["Study", "load"]
