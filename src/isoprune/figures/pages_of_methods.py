"""Pages of what a study asks, how it was done and what ran, without scripts and without network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from isoprune.figures.page import page
from isoprune.methods import Paragraph, StudyFacts
from isoprune.methods.references import cited, reference, with_names
from isoprune.wording import count

_WHO = {
    "own": "each subject's own dissimilarities rank the features and are predicted: what holds for people",
    "group": "the mean over subjects ranks the features and is predicted, as in the published analysis",
    "loso": "the mean of all others ranks the features, the subject left out is predicted: new images and new people",
}

_ASKED = (
    "Does the network match the target at all, on images that took no part in anything?",
    "Do the features that the target ranks match it better than all features, on such images?",
    "Is the gain the target's own, or does something else rank the features as well?",
)

_ASKED_OF_TARGETS = (
    "How reliable are each subject's dissimilarities?",
    "How well do subjects agree, and does the mean of several stand for each of them?",
    "Which images does a target put together, and which apart?",
)


def question_page(study: str, facts: StudyFacts) -> str:
    """What a study asks: questions, targets, networks, and whose similarities rank the features.

    Parameters
    ----------
    study : str
    facts : StudyFacts

    Returns
    -------
    str
        HTML.
    """
    targets = (
        (
            target["name"],
            "judgments" if target["kind"] == "judgment" else "brain region",
            facts.of_target(target["name"]).n_images,
            facts.of_target(target["name"]).n_subjects,
        )
        for target in facts.settings["targets"]
    )
    networks = (
        (
            network["name"],
            _model(network, facts.embeddings[network["name"]]),
            _layer(facts.embeddings[network["name"]]),
            facts.of_network(network["name"]),
        )
        for network in facts.settings["networks"]
    )
    ranked = [f"{one}: {_WHO[one]}." for one in facts.settings["supervision"]]
    sections = [
        _section("What is asked", _items(_ASKED if facts.has_networks else _ASKED_OF_TARGETS)),
        _section(
            "Of which similarity spaces", _rows(("target", "what it is", "images", "subjects"), targets)
        ),
    ]
    if facts.has_networks:
        sections += [
            _section("With which features", _rows(("network", "model", "layer", "features"), networks)),
            _section("Whose similarities rank the features", _items(ranked)),
        ]
    return page(f"{study}: the question", sections, kind=' class="text"')


def methods_page(study: str, paragraphs: Sequence[Paragraph]) -> str:
    """The methods text of a study with its references.

    Parameters
    ----------
    study : str
    paragraphs : sequence of Paragraph
        As `isoprune.methods.methods_text` gives them.
    """
    sections = [_section(one.title, f"<p>{_text(with_names(one.text))}</p>") for one in paragraphs]
    works = sorted(reference(key).line() for key in cited(" ".join(one.text for one in paragraphs)))
    return page(f"{study}: methods", [*sections, _section("References", _items(works))], kind=' class="text"')


def checklist_page(study: str, table: pd.DataFrame) -> str:
    """The reporting checklist of a study.

    Parameters
    ----------
    study : str
    table : DataFrame
        Columns as `isoprune.methods.CHECKLIST_COLUMNS`.
    """
    sections = [_answered(table)]
    for area, rows in table.groupby("area", sort=False):
        lines = "".join(_item(row.answered, row.item, row.answer) for row in rows.itertuples())
        sections.append(
            _section(str(area), f'<div class="wide"><table class="reading">\n{lines}</table></div>')
        )
    return page(f"{study}: checklist for reporting", sections)


def run_page(study: str, facts: StudyFacts) -> str:
    """What ran: versions, networks and their weights, and every setting.

    Parameters
    ----------
    study : str
    facts : StudyFacts
    """
    versions = ((name, " and ".join(of)) for name, of in facts.software().items())
    computed = ((name, _device(found)) for name, found in facts.embeddings.items())
    settings = (
        (path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for path, value in _flat(facts.settings)
    )
    sections = [_section("Software", _rows(("package", "version"), versions))]
    if facts.has_networks:
        units = f"{count(len(facts.units), 'unit')} of work, pruned on {' and '.join(facts.backends)}."
        networks = _rows(("network", "device and weights"), computed)
        sections.append(_section("What computed", f"<p>{escape(units)}</p>{networks}"))
    sections.append(_section("Every setting, defaults filled in", _rows(("setting", "value"), settings)))
    return page(f"{study}: what ran", sections, kind=' class="text"')


def _item(answered: bool, item: str, answer: str) -> str:
    cells = f"<td>{'✓' if answered else '○'}</td><td class=item>{escape(item)}</td><td>{_text(answer)}</td>"
    return f"<tr>{cells}</tr>\n"


def _answered(table: pd.DataFrame) -> str:
    n = int(table["answered"].sum())
    words = (
        f"{n} of {len(table)} items are answered by settings and results (✓). The others (○) are for the author to "
        "fill. Areas follow the COBIDAS report (Nichols et al., 2017); items are worded for this kind of study."
    )
    return f'<p class="standing">{escape(words)}</p>'


def _model(network: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if not network["model"]:
        return "best of several" if network["best_of"] else "features of a file"
    weights = str(found.get("network", {}).get("weights", ""))
    return f"{network['model']}, untrained ({weights})" if weights.startswith("random") else network["model"]


def _layer(found: Mapping[str, Any]) -> str:
    """Which activations: of one module, the input and the output are other features."""
    if "module" not in found:
        return "n/a"
    return f"{'input' if found.get('side') == 'input' else 'output'} of {found['module']}"


def _device(found: Mapping[str, Any]) -> str:
    network = found.get("network", {})
    weights = network.get("weights_file_sha256") or network.get("weights_sha256")
    about = [found.get("device_name"), network.get("weights"), f"SHA-256 {weights}" if weights else None]
    return "; ".join(filter(None, about)) or "read from a file"


def _flat(settings: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their path; what is null is left out, entries of a list are called by their name."""
    if isinstance(settings, Mapping):
        for name, value in settings.items():
            yield from _flat(value, f"{path}.{name}" if path else name)
    elif isinstance(settings, list | tuple) and settings and isinstance(settings[0], Mapping):
        for place, value in enumerate(settings):
            yield from _flat(value, f"{path}[{value.get('name', place)}]")
    elif settings is not None:
        yield path, settings


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>"


def _items(texts: Iterable[str]) -> str:
    lines = "".join(f"<li>{_text(one)}</li>\n" for one in texts)
    return f"<ul>\n{lines}</ul>"


def _rows(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "\n".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>"
    return f'<div class="wide"><table class="reading">\n{table}\n</table></div>'


def _text(text: str) -> str:
    """Sentences as HTML: what stands between backticks is code, between asterisks it is set off."""
    found = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    found = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", found)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", found)
