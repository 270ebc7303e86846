"""Pages of what retained features look at: each feature with the images that drive it most and least."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from isoprune.drivers import LEAST, MOST, PARTLY, PRIVATE, SHARED
from isoprune.enrichment import enriched
from isoprune.figures.page import data_uri, page
from isoprune.keeping import KEEPS
from isoprune.selectivity import LEVEL
from isoprune.wording import count, is_missing, number, p_number, p_value, significant

_PIXELS = 128
"""Side of a thumbnail; shown smaller, so that it stays sharp on dense screens."""

_SHOWN_KINDS = 3
"""Kinds of things that are named below a feature."""

_STYLE = """<style>
.feature { border-top: 2px solid #c8c8c8; padding: .4em 0 .8em; display: flex; flex-wrap: wrap; gap: .3em 1.6em; }
.feature h3 { flex: 1 1 100%; color: #222; margin: .3em 0 0; }
.about { flex: 0 1 25em; font-size: .85rem; } .about p { margin: .2em 0 .5em; }
.about td, .about th { padding: .1em .5em; }
.ends { flex: 1 1 36em; } .ends b { font-size: .8rem; color: #5a5a5a; }
.row { display: flex; flex-wrap: wrap; gap: .35em; margin-bottom: .5em; }
figure { margin: 0; width: 76px; } figcaption { font-size: .7rem; line-height: 1.25; text-align: center; }
figcaption span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: #5a5a5a; }
.pic { display: block; width: 76px; height: 76px; background: #fff center/contain no-repeat; }
.pic { border: 1px solid #c8c8c8; box-sizing: border-box; print-color-adjust: exact; }
</style>"""


def features_page(
    title: str,
    tables: Mapping[str, pd.DataFrame],
    about: Mapping[str, Any],
    *,
    network: str,
    layer: str,
    target: str,
    pictures: Mapping[str, str | Path] | None = None,
    with_wordnet: bool = False,
) -> str:
    """What the features that a target keeps most steadily look at, as a page.

    Parameters
    ----------
    title : str
    tables : mapping of str to DataFrame
        By the names of `isoprune.drivers.TABLES`.
    about : mapping
        Numbers of the whole, as `isoprune.drivers.looked_at` gives them.
    network, layer, target : str
    pictures : mapping of str to path, optional
        File of each image; without, labels stand in the place of images.
    with_wordnet : bool
        Whether kinds of things in WordNet were asked for.

    Returns
    -------
    str
        HTML without scripts and without network; each picture is in it once.
    """
    features, images = tables["features"], tables["images"]
    place = {label: number_ for number_, label in enumerate(dict.fromkeys(images["stimulus"]))}
    shown = {} if pictures is None else {label: pictures[label] for label in place}
    colours = "\n".join(
        f".p{place[label]} {{ background-image: url({_thumbnail(path)}); }}" for label, path in shown.items()
    )
    kinds = enriched(tables["hypernyms"])
    blocks = [
        _feature(row, tables, about, target, place if shown else {}, kinds if with_wordnet else None)
        for row in features.to_dict(orient="records")
    ]
    n_shown = about["n_shown"]
    sections = [
        f"{_STYLE}\n<style>\n{colours}\n</style>\n"
        + _introduction(features[:n_shown], about, network, layer, target),
        _sets(tables["sets"], about, n_shown),
        f"<section>\n<h2>Feature by feature</h2>\n{_legend(about, pictures is not None)}\n"
        + "\n".join(blocks[:n_shown])
        + "\n</section>",
    ]
    if blocks[n_shown:]:
        sections.append(
            f"<section>\n<h2>Features that only {escape(target)} keeps</h2>\n<p>Beyond those above, the most steadily "
            "kept ones that each other target keeps in fewer folds than sets drawn at random would. One with a close "
            "stand-in there is private in name only.</p>\n" + "\n".join(blocks[n_shown:]) + "\n</section>"
        )
    return page(title, sections)


def _introduction(
    features: pd.DataFrame, about: Mapping[str, Any], network: str, layer: str, target: str
) -> str:
    by_chance = number(100 * about["n_retained"] / about["n_features"], ".0f")
    ties = (
        f", among equals by the share of the folds of {count(about['n_subjects'], 'single subject')}"
        if about["n_subjects"]
        else ""
    )
    first = (
        f"{network}, layer {layer}. Shown: the {count(len(features), 'feature')} that {target} keeps most steadily, by "
        f"the share of {about['n_folds']} folds whose retained set has them{ties}. {about['n_kept_always']} of "
        f"{about['n_features']} features are in the sets of all folds; sets of this size drawn at random would have "
        f"each feature in {by_chance} % of the folds."
    )
    second = (
        "The features were selected on these very images, whose categories the target may know. So that this does not "
        "pass for evidence, every p is corrected over all features of the network, not over those shown alone, and the "
        "first table compares retained sets with those of relabelled targets, on images that took no part in selecting "
        "them. A retained set is a sufficient set, not the code of an area, and images that drive a feature here need "
        "not say what it stands for among other images."
    )
    paragraphs = [first, _constant(about), *_shared(features, about, target)]
    return "\n".join(
        [
            *(f"<p>{escape(one, quote=False)}</p>" for one in paragraphs),
            f'<p class="standing">{escape(second, quote=False)}</p>',
        ]
    )


def _constant(about: Mapping[str, Any]) -> str:
    """What is said of features that nothing drives."""
    if not about["n_constant"]:
        return f"All features differ between the {about['n_images']} images; none is dead."
    return (
        f"Dead: {about['n_constant']} of {about['n_features']} features have one value for all {about['n_images']} "
        "images. No image drives them, and they have no part in any comparison. Dead among the features that at least "
        f"half of the folds keep: {about['n_constant_kept']}."
    )


def _shared(features: pd.DataFrame, about: Mapping[str, Any], target: str) -> list[str]:
    n_private = int((features["kind"] == PRIVATE).sum())
    verb = "is" if n_private == 1 else "are"
    sentences = [
        f"{about['n_shared_with_others'][name]} with {name}, which keeps {n} (about "
        f"{number(n * about['n_keeps'] / about['n_features'], '.0f')} if all features were equally likely)"
        for name, n in about["n_keeps_of_others"].items()
    ]
    if not sentences:
        return []
    return [
        f"{target} keeps {count(about['n_keeps'], 'feature')} in at least {number(100 * KEEPS, '.0f')} % of the folds. "
        f"It shares {'; '.join(sentences)}. Of the {len(features)} features shown, {n_private} {verb} private to it."
    ]


_SET_HEADS = (
    "column",
    "features",
    "images",
    "ε²",
    "all features",
    "random (5–95 %)",
    "tested ε²",
    "relabelled (5–95 %)",
    "p",
    "selective features",
)


def _sets(table: pd.DataFrame, about: Mapping[str, Any], n_shown: int) -> str:
    title = "<h2>Do retained features tell categories apart more than others?</h2>"
    if table.empty:
        return (
            f"<section>\n{title}\n<p>No column of the stimulus table sorts these images into categories of at least "
            "three, so that category selectivity is not tested.</p>\n</section>"
        )
    heads = "".join(
        f"<th{' class=number' if head not in _SET_HEADS[:1] else ''}>{head}</th>" for head in _SET_HEADS
    )
    groups = []
    for images, rows in table.groupby("images", sort=False):
        name = (
            "retained sets of the folds, on the images that each held out"
            if images == "held-out"
            else f"the {n_shown} features shown, on all images, on which they were selected (descriptive)"
        )
        lines = "\n".join(_set_row(row, about) for row in rows.to_dict(orient="records"))
        groups.append(f"<tr class=first><td colspan={len(_SET_HEADS)}><b>{name}</b></td></tr>\n{lines}")
    body = "\n".join(groups)
    return (
        f"<section>\n{title}\n<p>ε²: share of a feature's variance over images that a column of the stimulus table "
        "explains, mean over features; 0 by chance. Random sets are no test: features of high variance are favoured "
        f"whatever the target, and many targets of noise exceed them. {_relabelled(table)} Selective: features whose "
        "corrected p is below .05, of those shown and of all.</p>\n"
        f'<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'
        "\n</section>"
    )


def _relabelled(table: pd.DataFrame) -> str:
    """What the comparison with relabelled targets is, or why there is none."""
    n = table["n_relabelled"].max()
    if is_missing(n) or not n:
        return "There is no p: no target was relabelled, or subjects saw different images."
    return (
        f"Relabelled targets: the sets that {n} targets with exchanged images keep, selected in the same folds; they "
        "share with the target's sets whatever selection favours in itself. p: share of them with at least the tested "
        "ε², that of the target in these folds; of each column by itself."
    )


def _set_row(row: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    n_varying = about["n_features"] - about["n_constant"]
    selective = (
        "–"
        if is_missing(row["n_selective"])
        else f"{row['n_selective']} of {number(row['n_features'], '.0f')}; all: {row['n_selective_all']} of {n_varying}"
    )
    cells = [
        number(row["n_features"], ".0f"),
        number(row["n_images"], ".0f"),
        f"<b>{number(row['epsilon2'], '.3f')}</b>",
        number(row["epsilon2_all"], ".3f"),
        _range(row, "random"),
        "–" if is_missing(row["epsilon2_tested"]) else number(row["epsilon2_tested"], ".3f"),
        _range(row, "relabelled"),
        "–" if is_missing(row["p_relabelled"]) else p_number(row["p_relabelled"]),
        selective,
    ]
    return (
        f"<tr><td>{escape(row['column'])}</td>"
        + "".join(f"<td class=number>{one}</td>" for one in cells)
        + "</tr>"
    )


def _range(row: Mapping[str, Any], kind: str) -> str:
    """From 5 to 95 % of what sets of a kind have."""
    low, high = row[f"{kind}_low"], row[f"{kind}_high"]
    return "–" if is_missing(low) else f"{number(low, '.3f')} … {number(high, '.3f')}"


def _legend(about: Mapping[str, Any], with_pictures: bool) -> str:
    hidden = "" if with_pictures else " Labels stand in the place of images, which are not shown."
    return (
        f"<p>Below each image: the feature's value in standard deviations from its mean over the {about['n_images']} "
        "images. Category: the one whose images differ most from all others. d: standardised mean difference, negative "
        f"where the category drives the feature less. Corrected p below .05 are bold.{hidden}</p>"
    )


def _feature(
    row: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    about: Mapping[str, Any],
    target: str,
    place: Mapping[str, int],
    kinds: Mapping[int, pd.DataFrame] | None,
) -> str:
    feature = row["feature"]

    def of(name: str) -> pd.DataFrame:
        return tables[name][tables[name]["feature"] == feature]

    head = f"<h3>{row['place']}  ·  feature {feature}</h3>"
    facts = [f"<p>{escape(_kept(row, about), quote=False)}</p>", _standing(row, of("others"), target)]
    if not row["varies"]:
        facts.append(
            f"<p><b>Dead: it has the value {significant(row['mean'], 3)} for all {about['n_images']} images.</b> No "
            "image drives it.</p>"
        )
        return f'<div class="feature">{head}<div class="about">{"".join(facts)}</div></div>'
    facts += [_selectivity(of("selectivity"))]
    if kinds is not None:
        facts.append(_kinds(kinds.get(feature)))
    images = of("images")
    ends = "".join(_end(row, images[images["end"] == end], end, about, place) for end in (MOST, LEAST))
    return f'<div class="feature">{head}<div class="about">{"".join(facts)}</div><div class="ends">{ends}</div></div>'


def _kept(row: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    parts = [f"Kept by {number(100 * row['kept'], '.0f')} % of {about['n_folds']} folds"]
    if not is_missing(row["kept_subjects"]):
        parts.append(f"{number(100 * row['kept_subjects'], '.0f')} % of the folds of single subjects")
    rank = (
        "in no final set"
        if is_missing(row["rank"])
        else f"rank {number(row['rank'], '.0f')} of the final set"
    )
    return ", ".join([*parts, rank]) + "."


def _standing(row: Mapping[str, Any], others: pd.DataFrame, target: str) -> str:
    """Who else keeps a feature."""
    if others.empty:
        return ""
    kind = {SHARED: "Shared by all targets", PARTLY: "Shared in part", PRIVATE: f"Private to {target}"}[
        row["kind"]
    ]
    said = []
    for other in others.to_dict(orient="records"):
        words = f"{other['other']}: {number(100 * other['kept'], '.0f')} % of its folds"
        if other["kept"] < KEEPS and not is_missing(other["closest"]):
            words += f", most like it there is feature {other['closest']} (r = {number(other['closest_r'])})"
        said.append(words)
    return f"<p><b>{escape(kind)}.</b> {escape('; '.join(said))}.</p>"


def _selectivity(rows: pd.DataFrame) -> str:
    if rows.empty:
        return ""
    lines = []
    for row in rows.to_dict(orient="records"):
        p = p_number(row["p_fwe"])
        p = f"<b>{p}</b>" if row["p_fwe"] < LEVEL else p
        d = number(row["d"], "+.2f") if np.isfinite(row["d"]) else "∞"
        lines.append(
            f"<tr><td>{escape(row['column'])}</td><td>{escape(row['category'])}</td><td class=number>{d}</td>"
            f"<td class=number>{number(row['epsilon2'])}</td><td class=number>{p}</td></tr>"
        )
    heads = "<th>column</th><th>category</th>" + "".join(
        f"<th class=number>{head}</th>" for head in ("d", "ε²", "corrected p")
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _kinds(rows: pd.DataFrame | None) -> str:
    """Kinds of things that are over-represented, those with the smallest p."""
    if rows is None:
        return "<p>WordNet: the images have too few synsets, or too few of one kind, to count kinds of things.</p>"
    named = [_kind(row) for row in rows[rows["p"] < LEVEL].head(_SHOWN_KINDS).to_dict(orient="records")]
    first = rows.iloc[0]
    none = f"none stands out (smallest {p_value(first['p'])}, {first['hypernym']})"
    return f"<p>Kinds of things among the synsets that drive it most: {'; '.join(named) or escape(none)}.</p>"


def _kind(row: Mapping[str, Any]) -> str:
    text = (
        f"{escape(row['hypernym'])}: {row['n_top_under']} of {row['n_top']} ({row['n_under']} of {row['n_synsets']} in "
        f"the study), {p_value(row['p'])}, corrected {p_value(row['p_fwe'])}"
    )
    return f"<b>{text}</b>" if row["p_fwe"] < LEVEL else text


def _end(
    row: Mapping[str, Any], images: pd.DataFrame, end: str, about: Mapping[str, Any], place: Mapping[str, int]
) -> str:
    words = "most" if end == MOST else "least"
    if end == LEAST and row["n_lowest"] > len(images):
        words += f" ({row['n_lowest']} of {about['n_images']} images share the lowest value; {len(images)} of them)"
    figures = "".join(
        _image(one["stimulus"], one["drive"], place) for one in images.to_dict(orient="records")
    )
    return f'<b>drive it {words}</b><div class="row">{figures}</div>'


def _image(label: str, drive: float, place: Mapping[str, int]) -> str:
    picture = ""
    if label in place:
        picture = f'<div class="pic p{place[label]}" role="img" aria-label="{escape(label)}"></div>'
    return (
        f'<figure title="{escape(label)}">{picture}<figcaption>{number(drive, "+.2f")} SD<span>{escape(label)}</span>'
        "</figcaption></figure>"
    )


def _thumbnail(path: str | Path) -> str:
    from isoprune.io.images import read_image

    image = read_image(path, "image of a page")
    image.thumbnail((_PIXELS, _PIXELS))
    return data_uri(np.asarray(image), quality=80)
