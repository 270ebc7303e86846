"""Pages of occlusion maps for the report: many images, each beside its maps."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import matplotlib
import numpy as np
import pandas as pd

from isoprune.figures.heatmaps import COLOUR_MAP, SCORE_NAMES, SHOWN, overlay, scale_of
from isoprune.figures.page import data_uri, page
from isoprune.labelled import GROUP
from isoprune.occlusion.images import FULL, PRUNED, READ_THROUGH
from isoprune.occlusion.mapped import MappedImages
from isoprune.occlusion.tables import survivors_of
from isoprune.wording import is_missing, number, p_value

_STYLE = """<style>
table.maps td { border: 0; padding: .3em .35em; vertical-align: top; font-size: .8rem; white-space: normal; }
table.maps th { border: 0; padding: .3em .35em; }
table.maps img { display: block; width: 148px; height: auto; border: 1px solid #c8c8c8; }
table.maps td div { width: 150px; }
table.sanity th { white-space: normal; max-width: 7em; }
.nomap { border: 1px dashed #5a5a5a; width: 148px; height: 148px; color: #5a5a5a; }
.bar { display: inline-block; width: 14em; height: 1em; vertical-align: middle; }
.bar { background: linear-gradient(to right, %s); }
</style>"""

_SANITY = {
    "split_half": "halves of the subjects",
    "r_full": "full map",
    "r_random": "random sets",
    "r_contrast": "local contrast",
    "r_randomised": "random weights",
    "r_preview": "gradient's preview",
}
"""What maps are correlated with, in words, by column of the table."""


def heatmap_pages(
    title: str,
    mapped: MappedImages,
    table: pd.DataFrame,
    *,
    per_page: int,
    score: str,
    descriptive: bool = False,
    with_stimuli: bool = True,
) -> Iterator[str]:
    """Pages of images beside their maps, full and pruned, of every target; on one scale.

    Parameters
    ----------
    title : str
    mapped : MappedImages
    table : DataFrame
        Of the same maps, columns as `isoprune.occlusion.tables.HEATMAP_COLUMNS`.
    per_page : int
        Images of a page.
    score : {"r", "r2"}
        What heat is a loss of.
    descriptive : bool
        Whether the images took part in selecting the features.
    with_stimuli : bool
        Whether the images are shown; without, maps stand on white.

    Yields
    ------
    str
        HTML without scripts and without network.
    """
    end = scale_of(mapped)
    surviving = [
        {one: survivors_of(mapped, row, one).positions for one in SHOWN} for row in range(len(mapped.targets))
    ]
    rows = table.set_index(["stimulus", "target", "subject", "set"])
    n_images = len(mapped.images)
    n_pages = -(-n_images // per_page)
    for number_ in range(n_pages):
        images = range(number_ * per_page, min(n_images, (number_ + 1) * per_page))
        about = _about(end, score, descriptive, with_stimuli)
        body = "\n".join(_image_row(mapped, image, rows, end, surviving, with_stimuli) for image in images)
        maps = f'<div class="wide"><table class="maps">\n{_heads(mapped)}\n{body}\n</table></div>'
        sections = [_style() + about, *([_sanity(table)] if number_ == 0 else []), maps]
        yield page(f"{title}, page {number_ + 1} of {n_pages}", sections)


def _style() -> str:
    stops = matplotlib.colormaps[COLOUR_MAP](np.linspace(0, 1, 11))
    return _STYLE % ", ".join(matplotlib.colors.to_hex(colour) for colour in stops)


def _about(end: float, score: str, descriptive: bool, with_stimuli: bool) -> str:
    low, high = number(-end, "+.3f"), number(end, "+.3f")
    name = SCORE_NAMES[score]
    through = (
        "<strong>Descriptive: the pruned maps are read through sets that these very images helped to select.</strong> "
        if descriptive
        else "Pruned maps are means over the folds that held the image out. "
    )
    ground = "over the grey image" if with_stimuli else "without the images, which may not be passed on"
    return (
        f"<p>Maps {ground}: how much the match of the image's row of dissimilarities with the target's ({name}) loses "
        "when the region is occluded. Red regions carry the match, without blue ones it is better. "
        f"{through}Black outlines: positions that survive correction over positions and images.</p>"
        f'<p>{low} <span class="bar"></span> {high} &nbsp;{name} lost when occluded; one scale for all maps.</p>'
    )


def _columns(mapped: MappedImages) -> list[tuple[int, str]]:
    return [(target, one) for target in range(len(mapped.targets)) for one in SHOWN]


def _name(mapped: MappedImages, target: int) -> str:
    subject = str(mapped.subjects[target])
    return str(mapped.targets[target]) + ("" if subject == GROUP else f", subject {subject}")


def _heads(mapped: MappedImages) -> str:
    heads = "".join(f"<th>{escape(_name(mapped, target))}, {one}</th>" for target, one in _columns(mapped))
    return f"<thead><tr><th>image</th>{heads}</tr></thead>"


def _image_row(
    mapped: MappedImages,
    image: int,
    rows: pd.DataFrame,
    end: float,
    surviving: list[dict[str, np.ndarray]],
    with_stimuli: bool,
) -> str:
    label, picture = str(mapped.images[image]), mapped.pictures[image] if with_stimuli else None
    cells = [f"<td>{_picture(picture, label) if with_stimuli else ''}<div>{escape(label)}</div></td>"]
    for target, one in _columns(mapped):
        row = rows.loc[(label, mapped.targets[target], mapped.subjects[target], one)]
        if not is_missing(row["undefined"]):
            cells.append(f'<td><div class="nomap">no map: {escape(row["undefined"])}</div></td>')
            continue
        heat = mapped.heat[image, target, READ_THROUGH.index(one)]
        shown = overlay(mapped.in_image(heat), end, picture, mapped.in_image(surviving[target][one][image]))
        words = f"{_name(mapped, target)}, {one}, {label}"
        cells.append(f"<td>{_picture(shown, words)}<div>{escape(_numbers(row))}</div></td>")
    return f"<tr>{''.join(cells)}</tr>"


def _numbers(row: pd.Series) -> str:
    """The numbers that decide, below a map."""
    parts = [f"intact {number(row['intact'])}", f"peak {number(row['peak'], '.3f')}"]
    if not is_missing(row["p"]):
        parts += [p_value(row["p"]), p_value(row["q"], "q")]
    if not is_missing(row["share_inside"]):
        parts.append(f"{number(100 * row['share_inside'], '.0f')} % in the object")
    return ", ".join(part.replace(" ", "\u00a0") for part in parts)


def _picture(picture: np.ndarray, words: str) -> str:
    return f'<img alt="{escape(words)}" src="{data_uri(picture)}">'


def _sanity(table: pd.DataFrame) -> str:
    """What maps resemble, as a table: means over images of correlations over positions."""
    shown = table[table["set"].isin((FULL, PRUNED))]
    columns = [column for column in _SANITY if shown[column].notna().any()]
    heads = "".join(f"<th class=number>r with {escape(_SANITY[column])}</th>" for column in columns)
    lines = []
    for (target, subject, one), group in shown.groupby(["target", "subject", "set"], sort=False):
        called = f"{int((group['n_surviving'] > 0).sum())} of {len(group)}"
        who = "" if subject == GROUP else f", subject {subject}"
        cells = "".join(f"<td class=number>{number(group[column].mean())}</td>" for column in columns)
        name = escape(f"{target}{who}, {one}")
        lines.append(f"<tr><td>{name}</td><td class=number>{called}</td>{cells}</tr>")
    return (
        "<section>\n<h2>How far to trust them</h2>\n<p>Images with a surviving position, and what the maps resemble: "
        "correlation over positions, mean over images. A map worth looking at agrees between halves of the subjects; "
        "one that follows contrast, or looks the same with random weights or random sets, tells little about the "
        "target.</p>\n"
        '<div class="wide"><table class="sanity">\n'
        f"<thead><tr><th>maps</th><th class=number>images called</th>{heads}</tr></thead>\n"
        f"<tbody>\n{''.join(lines)}\n</tbody>\n</table></div>\n</section>"
    )
