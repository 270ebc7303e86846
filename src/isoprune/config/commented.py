"""Settings as a YAML file in which every setting stands below its description."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from isoprune.config.kinds import Block
from isoprune.config.layout import inner_block
from isoprune.config.study import Study

_WIDTH = 100


def commented_yaml(settings: Mapping[str, Any], *, head: str = "") -> str:
    """The settings of a study as YAML.

    Parameters
    ----------
    settings : mapping
        As `isoprune.config.load` takes it.
    head : str
        What stands at the top, in words.

    Returns
    -------
    str
        The comments are the descriptions of the settings, which `config/README.md` is made from as well.
    """
    lines = [f"# {line}".rstrip() for line in head.splitlines()]
    for key, value in settings.items():
        lines += ["", *_setting(Study, key, value, "")]
    return "\n".join(lines).strip("\n") + "\n"


def _setting(block: type[Block], key: str, value: Any, indent: str) -> Iterator[str]:
    """A setting and its description; blocks with all that they hold."""
    field = block.model_fields[key]
    inner = inner_block(field.annotation)
    yield from _comment(field.description or "", indent)
    if inner and isinstance(value, Mapping):
        yield f"{indent}{key}:"
        for name, each in value.items():
            yield from _setting(inner, name, each, indent + "  ")
    elif inner and value and not isinstance(value, str):
        yield f"{indent}{key}:"
        yield from _entries(inner, value, indent + "  ")
    else:
        yield f"{indent}{key}: {_flow(value)}"


def _entries(block: type[Block], entries: Sequence[Mapping[str, Any]], indent: str) -> Iterator[str]:
    """A list of blocks: settings are described where they occur first, and entries without a new one take a line."""
    described: set[str] = set()
    for entry in entries:
        if described >= set(entry):
            yield f"{indent}- {_flow(entry)}"
            continue
        opened = False
        for key, value in entry.items():
            for line in _setting(block, key, value, indent + "  "):
                is_comment = line.lstrip().startswith("#")
                if is_comment and key in described:
                    continue
                if not opened and not is_comment:
                    line, opened = f"{indent}- {line.strip()}", True
                yield line
        described |= set(entry)


def _comment(text: str, indent: str) -> list[str]:
    start = f"{indent}# "
    return textwrap.wrap(text, _WIDTH, initial_indent=start, subsequent_indent=start, break_on_hyphens=False)


def _flow(value: Any) -> str:
    """A value on one line, in quotes where YAML would read something else."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")
