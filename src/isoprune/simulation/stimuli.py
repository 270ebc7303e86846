"""The stimuli of the simulated experiment: a folder of pictures and their table."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isoprune.errors import ConfigError, TooFewImagesError
from isoprune.io.files import write_bytes
from isoprune.io.tables import write_table
from isoprune.simulation.drawing import OBJECTS, draw_picture

if TYPE_CHECKING:
    import pandas as pd

CATEGORIES = (*OBJECTS, "texture")

_COLUMNS = {
    "stimulus": "label of the picture",
    "file": "PNG image, relative to this table's folder",
    "category": "what is drawn: face, house, animal, tool or texture",
}


def draw_stimuli(folder: str | Path, *, n_per_category: int = 12, seed: int) -> pd.DataFrame:
    """Draw the stimuli: ``images/<label>.png`` and ``stimuli.tsv`` with its sidecar.

    Parameters
    ----------
    folder : path
        Where they go.
    n_per_category : int
        Pictures of each of the five categories. A picture stays the same when there are more of them.
    seed : int
        Source of chance; the same seed gives the same bytes.

    Returns
    -------
    pandas.DataFrame of shape (n_images, 3)
        Columns ``stimulus`` (``face01``, …), ``file`` (relative to ``folder``) and ``category``.

    Raises
    ------
    TooFewImagesError
        If fewer than one picture a category is asked for.
    ConfigError
        If the seed is negative.
    NotWritableError
        If the folder cannot be written to.
    """
    import pandas as pd

    if n_per_category < 1:
        raise TooFewImagesError(
            "n_per_category", f"{n_per_category}", "at least 1", "Ask for 12, which gives 60 pictures."
        )
    if seed < 0:
        raise ConfigError("seed", f"{seed}", "a whole number from 0", "Choose any such number; 0 is one.")
    folder, rows = Path(folder), []
    for kind, category in enumerate(CATEGORIES):
        for number in range(n_per_category):
            label = f"{category}{number + 1:02d}"
            picture = draw_picture(category, np.random.default_rng([seed, kind, number]))
            content = io.BytesIO()
            picture.save(content, format="PNG", compress_level=1)
            write_bytes(folder / "images" / f"{label}.png", content.getvalue())
            rows.append((label, f"images/{label}.png", category))
    stimuli = pd.DataFrame(rows, columns=list(_COLUMNS))
    write_table(folder / "stimuli.tsv", stimuli, _COLUMNS)
    return stimuli
