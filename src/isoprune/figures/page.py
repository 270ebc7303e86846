"""Pages of a study for reading: its tables and its findings as HTML, without scripts and without network."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from itertools import groupby, starmap
from typing import Any

import numpy as np
import pandas as pd

from isoprune.accuracy_findings import AccuracyFinding
from isoprune.compared_findings import ABOUT, CEILINGS_DIFFER, ComparedFinding
from isoprune.figures.style import COLOURS, kind_of
from isoprune.findings import CAVEAT, SUPERVISIONS, Finding
from isoprune.labelled import GROUP, SUBJECTS
from isoprune.layer_findings import LayerFinding
from isoprune.results import BETWEEN_COMPETITORS, CONTRAST_COLUMNS, SUMMARY_COLUMNS, between_competitors
from isoprune.wording import interval, is_missing, number, p_number

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222; }}
body {{ margin: 2em auto; max-width: 90em; padding: 0 1em; }}
body.text {{ max-width: 46em; }}
h1 {{ font-size: 1.5em; }} h2 {{ font-size: 1.15em; margin-top: 2em; }}
h3 {{ font-size: 1em; margin: 1.2em 0 .2em; color: #5a5a5a; }}
body.text p {{ margin: .3em 0; }} p.standing {{ border-left: 3px solid #5a5a5a; padding-left: .8em; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .87em; }}
th, td {{ padding: .2em .7em; text-align: left; white-space: nowrap; }}
th {{ border-bottom: 2px solid #5a5a5a; vertical-align: bottom; }} td {{ border-bottom: 1px solid #eee; }}
table.reading td {{ white-space: normal; vertical-align: top; overflow-wrap: anywhere; }}
td.item {{ min-width: 11em; width: 30%; }}
tr.first td {{ border-top: 2px solid #c8c8c8; }} ul {{ margin: .3em 0; }}
th.number, td.number {{ text-align: right; }}
td.competitor::before {{ content: "\\25A0\\00A0"; }}
dt {{ font-weight: bold; }} dl {{ font-size: .85em; color: #444; max-width: 60em; }}
summary {{ cursor: pointer; margin: .8em 0; }}
{colours}
</style>
</head>
<body{kind}>
<h1>{title}</h1>
{sections}
</body>
</html>
"""

Row = Mapping[str, Any]


def _interval(row: Row) -> str:
    missing = is_missing(row["ci_low"]) or is_missing(row["ci_high"])
    return "n/a" if missing else interval(row["ci_low"], row["ci_high"])


def _ends(row: Row, low: str, high: str, scale: float, form: str) -> str:
    """Two bounds as one cell; one number where they agree or one is missing."""
    ends = [number(scale * row[end], form) for end in (low, high) if not is_missing(row[end])]
    return " … ".join(dict.fromkeys(ends)) or "n/a"


_NAMES = ("network", "target", "supervision")

_SHOWN_CONTRASTS: dict[str, str | Callable[[Row], str]] = {
    **dict.fromkeys(_NAMES, ""),
    "a": "",
    "b": "",
    "r_diff": "+.3f",
    "95 % interval": _interval,
    "p": "p",
    "p_fwe": "p",
    "p_random": "p",
    "n_subjects": "d",
    "test": "",
    "unit": "",
}
"""Columns of the contrasts that are shown, with how: a format, ``p``, text, or what several columns become."""

_SHOWN_COMPARISONS = {"compared": "", **dict.fromkeys(_NAMES, ""), "score": "", **_SHOWN_CONTRASTS}
"""The same for the contrasts between networks, targets and supervisions."""

_SHOWN_SUMMARY: dict[str, str | Callable[[Row], str]] = {
    **dict.fromkeys(_NAMES, ""),
    "subject": "",
    "competitor": "",
    "r": ".3f",
    "95 % interval": _interval,
    "ci_over": "",
    "p": "p",
    "p_fwe": "p",
    "p_within": "p",
    "noise ceiling": lambda row: _ends(row, "ceiling_low", "ceiling_high", 1, ".3f"),
    "% of ceiling": lambda row: _ends(row, "share_low", "share_high", 100, ".0f"),
    "r_within": ".3f",
    "r_partial": ".3f",
    "retained": lambda row: f"{number(row['n_retained'], '.0f')} of {number(row['n_features'], 'd')}",
    "n_undefined": "d",
}

_JOINED = {
    "95 % interval": "`ci_low` and `ci_high`: 95 % interval, conditional on the selected features.",
    "noise ceiling": "`ceiling_low` and `ceiling_high`: noise ceiling on the same held-out blocks; one number for the "
    "mean RDM of a group.",
    "retained": "`n_retained` and `n_features`: number of features in the set, mean over folds, of all.",
    "% of ceiling": "`share_low` and `share_high`: r as a share of the upper and of the lower ceiling.",
}
"""What the columns mean that are made of several."""


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
        HTML; numbers are rounded and columns chosen, the TSV tables hold all. Single subjects are folded away.
    """
    of_all = summary["subject"].isin([GROUP, SUBJECTS])
    single, competitors = summary[~of_all], between_competitors(contrasts)
    sections = [
        _section(
            "Contrasts: what pruning gains",
            "No claim that one competitor is better than another is made from anything but this table. "
            "Rounded; every digit and column is in contrasts.tsv.",
            _table(competitors, _SHOWN_CONTRASTS, _NAMES),
            _families(competitors) + _meanings(_SHOWN_CONTRASTS, competitors, CONTRAST_COLUMNS),
        ),
        *_comparisons(contrasts[contrasts["compared"] != BETWEEN_COMPETITORS]),
        _section(
            "Summary: held-out isomorphism",
            "Means over folds and repeats: of the mean RDM of the group (group), and over single subjects' scores "
            "(subjects). Rounded; every digit and column is in summary.tsv.",
            _table(summary[of_all], _SHOWN_SUMMARY, (*_NAMES, "subject")),
            (
                _folded(
                    f"Single subjects: {len(single)} rows",
                    _table(single, _SHOWN_SUMMARY, (*_NAMES, "subject")),
                )
            )
            * bool(len(single))
            + _families(summary)
            + _meanings(_SHOWN_SUMMARY, summary, SUMMARY_COLUMNS),
        ),
    ]
    return page(f"{study}: tables", sections)


def _comparisons(table: pd.DataFrame) -> list[str]:
    """The section of what is compared beyond competitors; none where a study has one of everything."""
    if table.empty:
        return []
    about = (
        "Paired on the same held-out images, in the same people. A difference between targets is no difference of "
        "relation, since targets differ in their noise ceilings."
    )
    shown = _table(table, _SHOWN_COMPARISONS, ("compared", *_NAMES))
    after = _families(table) + _meanings(_SHOWN_COMPARISONS, table, CONTRAST_COLUMNS)
    return [_section("Contrasts: networks, targets and supervisions", about, shown, after)]


def findings_page(
    study: str,
    findings: Sequence[Finding],
    compared: Sequence[ComparedFinding] = (),
    layers: Sequence[LayerFinding] = (),
    specifications: Mapping[str, tuple[str, str]] | None = None,
    accuracy: Sequence[AccuracyFinding] = (),
) -> str:
    """The findings of a study as a page for reading.

    Parameters
    ----------
    study : str
    findings : sequence of Finding
        As `isoprune.findings.findings` gives them.
    compared : sequence of ComparedFinding
        As `isoprune.compared_findings.compared_findings` gives them.
    layers : sequence of LayerFinding
        As `isoprune.layer_findings.layer_findings` gives them.
    specifications : mapping of str to (str, str), optional
        By target, as `isoprune.multiverse_tables.multiverse_finding` gives it.
    accuracy : sequence of AccuracyFinding
        As `isoprune.accuracy_findings.accuracy_findings` gives them.

    Returns
    -------
    str
        HTML: a section a network × target, a paragraph for who was scored, its verdict first; then a section for layers
        that were tried, one each for targets, networks and supervisions that were compared, one for what all
        specifications say, and one for classification accuracy.
    """
    sections = [
        "<p>All scores are of images that took no part in ranking or in choosing the number of features. Verdicts "
        "rest on the family-wise p of paired differences (below .05), as contrasts.tsv has them; what has no p is "
        "called not tested.</p>",
        f'<p class="standing">{escape(CAVEAT)}</p>',
    ]
    for (network, target), group in groupby(findings, key=lambda one: (one.network, one.target)):
        sections += _of_findings(f"{target}  ·  {network}", map(_paragraphs, group))
    sections += _of_findings("Layers tried", map(_layers, layers))
    for kind, alike in groupby(compared, key=lambda one: one.compared):
        caveat = [f'<p class="standing">{escape(CEILINGS_DIFFER)}</p>'] if kind == "targets" else []
        sections += _of_findings(ABOUT[kind], [*caveat, *map(_comparison, alike)])
    sections += _of_findings("All specifications", starmap(_specifications, (specifications or {}).values()))
    sections += _of_findings("Classification accuracy that is left", map(_accuracy, accuracy))
    return page(f"{study}: findings in words", sections, kind=' class="text"')


def _of_findings(title: str, paragraphs: Iterable[str]) -> list[str]:
    """A section, if there is anything to say in it."""
    inside = "\n".join(paragraphs)
    return [f"<section>\n<h2>{escape(title)}</h2>\n{inside}\n</section>"] if inside else []


def _paragraphs(finding: Finding) -> str:
    rivals = "".join(f"<li>{_text(one)}</li>\n" for one in finding.rivals)
    parts = [
        f"<h3>Scored: {escape(SUPERVISIONS[finding.supervision])}</h3>",
        f"<p><strong>{_text(finding.verdict)}</strong></p>",
        *(f"<p>{_text(part)}</p>" for part in (finding.score, finding.gain) if part),
        f"<p>What else could have given it, in the same folds:</p>\n<ul>\n{rivals}</ul>" if rivals else "",
        f"<p>{_text(finding.rest)}</p>" if finding.rest else "",
    ]
    return "\n".join(part for part in parts if part)


def _comparison(finding: ComparedFinding) -> str:
    scores = "".join(f"<li>{_text(one)}</li>\n" for one in finding.scores)
    verdict = f"<p><strong>{_text(finding.verdict)}</strong></p>"
    return f"<h3>{escape(finding.place)}</h3>\n{verdict}\n<ul>\n{scores}</ul>"


def _layers(finding: LayerFinding) -> str:
    title = f"{finding.target}  ·  {finding.sweep}, {SUPERVISIONS[finding.supervision]}"
    verdict = f"<p><strong>{_text(finding.verdict)}</strong></p>"
    return f"<h3>{escape(title)}</h3>\n{verdict}\n<p>{_text(finding.rest)}</p>"


def _specifications(verdict: str, rest: str) -> str:
    return f"<p><strong>{_text(verdict)}</strong></p>\n<p>{_text(rest)}</p>"


def _accuracy(finding: AccuracyFinding) -> str:
    others = "".join(f"<li>{_text(one)}</li>\n" for one in finding.others)
    title = escape(f"{finding.target}  ·  {finding.network}")
    return f"<h3>{title}</h3>\n<p><strong>{_text(finding.verdict)}</strong></p>\n<ul>\n{others}</ul>"


def _text(sentences: str) -> str:
    """Sentences as HTML, in which no line breaks inside an interval, or between a number and its name or unit."""
    text = re.sub(r"\[[^\]]*\]", lambda found: found[0].replace(" ", "\u00a0"), sentences)
    text = re.sub(r" ([=<]) ", "\u00a0\\1\u00a0", text).replace(" %", "\u00a0%")
    text = text.replace("pruned − ", "pruned\u00a0−\u00a0")
    return escape(text, quote=False)


def page(title: str, sections: Sequence[str], kind: str = "") -> str:
    """A page of sections of HTML, without scripts and without network."""
    colours = "\n".join(f"td.{name}::before {{ color: {colour}; }}" for name, colour in COLOURS.items())
    return _PAGE.format(title=escape(title), colours=colours, kind=kind, sections="\n".join(sections))


def data_uri(picture: np.ndarray, *, quality: int = 90) -> str:
    """A picture as an address that holds it, for pages without network.

    Parameters
    ----------
    picture : ndarray of shape (height, width, 3), uint8
    quality : int
        Of the JPEG, 1 … 95.
    """
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(picture).save(content, format="JPEG", quality=quality, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"


def _section(title: str, about: str, table: str, after: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n<p>{escape(about)}</p>\n{table}\n{after}\n</section>"


def _folded(title: str, content: str) -> str:
    return f"<details>\n<summary>{escape(title)}</summary>\n{content}\n</details>\n"


def _chosen(shown: Mapping[str, str | Callable[[Row], str]], table: pd.DataFrame) -> list[str]:
    """Columns to show: those that hold something in any row."""
    held = {name for name in table if not table[name].map(is_missing).all()}
    return [name for name, how in shown.items() if callable(how) or name in held]


def _table(table: pd.DataFrame, shown: Mapping[str, str | Callable[[Row], str]], names: Sequence[str]) -> str:
    """The rows with the chosen columns; a line stands where what the rows are about (``names``) changes."""
    columns = _chosen(shown, table)
    heads = "".join(
        f'<th scope="col"{" class=number" if shown[name] else ""}>{escape(name)}</th>' for name in columns
    )
    rows, before = [], None
    for row in table.to_dict(orient="records"):
        about = tuple(row[name] for name in names)
        cells = "".join(_cell(name, row, shown[name]) for name in columns)
        rows.append(f"<tr{' class=first' if about != before else ''}>{cells}</tr>")
        before = about
    body = "\n".join(rows)
    return f'<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _cell(name: str, row: Row, how: str | Callable[[Row], str]) -> str:
    if callable(how):
        text = how(row)
    elif how == "p":
        text = p_number(row[name])
    elif how:
        text = number(row[name], how)
    else:
        text = "n/a" if is_missing(row[name]) else str(row[name])
        # Only names from our own list become classes of HTML: text of a table never does.
        kind = kind_of(text)
        is_competitor = name in ("a", "b", "competitor") and kind in COLOURS
        classes = f' class="competitor {kind}"' if is_competitor else ""
        return f"<td{classes}>{escape(text)}</td>"
    return f'<td class="number">{escape(text)}</td>'


def _families(table: pd.DataFrame) -> str:
    """The families that p_fwe is adjusted over, each once."""
    families = dict.fromkeys(one for one in table["family"] if not is_missing(one) and one)
    items = "\n".join(f"<li>{escape(one)}</li>" for one in families)
    return _folded(f"Families of p_fwe: {len(families)}", f"<ul>\n{items}\n</ul>") if families else ""


def _meanings(
    shown: Mapping[str, str | Callable[[Row], str]], table: pd.DataFrame, descriptions: Mapping[str, str]
) -> str:
    words = {**descriptions, **_JOINED}
    items = "\n".join(
        f"<dt>{escape(name)}</dt><dd>{escape(words[name])}</dd>" for name in _chosen(shown, table)
    )
    return _folded("What the columns mean", f"<dl>\n{items}\n</dl>")
