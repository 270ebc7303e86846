"""The tables of a study as one page of HTML, without scripts and without network."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import pandas as pd

from isoprune.figures.style import COLOURS, number, p_value
from isoprune.results import CONTRAST_COLUMNS, SUMMARY_COLUMNS

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222; }}
body {{ margin: 2em auto; max-width: 90em; padding: 0 1em; }}
h1 {{ font-size: 1.5em; }} h2 {{ font-size: 1.15em; margin-top: 2em; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9em; }}
th, td {{ padding: .25em .8em; text-align: left; white-space: nowrap; }}
th {{ border-bottom: 2px solid #5a5a5a; }} td {{ border-bottom: 1px solid #e4e4e4; }}
td.number {{ text-align: right; }}
dt {{ font-weight: bold; }} dl {{ font-size: .85em; color: #444; }}
{colours}
</style>
</head>
<body>
<h1>{title}</h1>
{sections}
</body>
</html>
"""


def tables_page(study: str, summary: pd.DataFrame, contrasts: pd.DataFrame) -> str:
    """The summary and the contrasts of a study as a page for reading.

    Parameters
    ----------
    study : str
    summary, contrasts : DataFrame
        Columns as `isoprune.results.SUMMARY_COLUMNS` and ``CONTRAST_COLUMNS``.

    Returns
    -------
    str
        HTML; numbers are rounded, the TSV tables hold every digit.
    """
    sections = [
        _section(
            "Contrasts: what pruning gains",
            "No claim that one competitor is better than another is made from anything but this table. "
            "Rounded; every digit is in contrasts.tsv.",
            contrasts,
            CONTRAST_COLUMNS,
        ),
        _section(
            "Summary: held-out isomorphism",
            "Means over folds and repeats. Rounded; every digit is in summary.tsv.",
            summary,
            SUMMARY_COLUMNS,
        ),
    ]
    colours = "\n".join(
        f"td.{name} {{ color: {colour}; font-weight: bold; }}" for name, colour in COLOURS.items()
    )
    return _PAGE.format(title=escape(f"{study}: tables"), colours=colours, sections="\n".join(sections))


def _section(title: str, about: str, table: pd.DataFrame, descriptions: Mapping[str, str]) -> str:
    heads = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    rows = "\n".join(
        f"<tr>{''.join(_cell(column, value) for column, value in row.items())}</tr>"
        for row in table.to_dict(orient="records")
    )
    words = "\n".join(
        f"<dt>{escape(column)}</dt><dd>{escape(descriptions[column])}</dd>" for column in table.columns
    )
    return (
        f"<section>\n<h2>{escape(title)}</h2>\n<p>{escape(about)}</p>\n"
        f'<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>\n"
        f"<dl>\n{words}\n</dl>\n</section>"
    )


def _cell(column: str, value: object) -> str:
    if isinstance(value, str):
        kind = f' class="{value}"' if value in COLOURS else ""
        return f"<td{kind}>{escape(value)}</td>"
    if column == "p" and pd.notna(value):
        text = p_value(value).removeprefix("p ").removeprefix("= ")
    elif isinstance(value, float):
        text = number(value, ".1f" if column.startswith("n_") else ".3f")
    else:
        text = number(value, "d")
    return f'<td class="number">{escape(text)}</td>'
