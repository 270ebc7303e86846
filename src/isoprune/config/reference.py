"""The reference page and the editor schema, both made from the descriptions of the settings."""

from __future__ import annotations

import argparse
import difflib
import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from isoprune.config.kinds import Block
from isoprune.config.layout import inner_block, is_list_of_blocks, settings
from isoprune.config.study import Study
from isoprune.io.files import write_text

_HEAD = """# Every setting

A study is one YAML file. [`config.yaml`](config.yaml) is the demo and runs as it is; real studies are in
`config/studies/`, such as [cichy92.yaml](studies/cichy92.yaml). Write down what your study needs and leave
out the rest, which takes its default.
To start your own, let `isoprune init` write it, or copy the study that is most like it; then see all that is missing
([docs/check-and-init.md](../docs/check-and-init.md)):

    isoprune check config/studies/mine.yaml

* A key that is not listed here is an error, and the message names the nearest setting.
* Names and labels are letters and digits, in quotes where they are digits only: YAML reads a bare `01` as the
  number 1. `group` is reserved for the mean over subjects.
* Data paths are relative to `data_dir`, or absolute. Masks, betas and RDM files may contain `{subject}`,
  betas also `{run}`. A simulated study looks in its own `<results_dir>/<study>/simulated/` instead.
* One value can be changed on the command line: `--config seed=1`, or some of a block:
  `--config crossvalidation='{"folds": "stratified", "column": "category"}'`.
* Editors that know YAML schemas check a study while you type when its first line is
  `# yaml-language-server: $schema=` followed by the path of [`schema.json`](schema.json).

This page and the schema are generated from the descriptions in `src/isoprune/config/`; after changing
those, run `python -m isoprune.config`.
"""


def reference_page() -> str:
    """The page of all settings as Markdown, one section a block."""
    sections = [_HEAD, "## The study as a whole\n\n" + _table(Study)]
    for path, field in settings():
        if block := inner_block(field.annotation):
            kind = " (a list)" if is_list_of_blocks(field) else ""
            optional = "" if field.is_required() or field.default is not None else " (may be left out)"
            depth = "#" * (2 + path.count("."))
            heading = f"{depth} `{path.replace('[]', '')}`{kind}{optional}"
            sections.append(f"{heading}\n\n{inspect.getdoc(block)}\n\n{_table(block)}")
    return "\n".join(sections)


def editor_schema() -> str:
    """JSON schema of a study, for editors and other checkers of YAML."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Study.model_json_schema()}
    return json.dumps(_untitled(schema), indent=2, ensure_ascii=False) + "\n"


def _table(block: type[Block]) -> str:
    properties = block.model_json_schema()["properties"]
    rows = [
        f"| `{name}` | {_default(field)} | {_meaning(field, properties[name])} |"
        for name, field in block.model_fields.items()
    ]
    return "\n".join(["| setting | default | what it does, when to change it |", "|---|---|---|", *rows, ""])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    if isinstance(field.default, Block):
        return "see its section"
    return f"`{_yaml(field.default)}`"


def _meaning(field: FieldInfo, schema: dict[str, Any]) -> str:
    """Description, range and example of a setting in one table cell."""
    text = [field.description or ""]
    branches = [schema, *schema.get("anyOf", [])]
    if options := next((branch["enum"] for branch in branches if "enum" in branch), None):
        text.append(f"One of {', '.join(f'`{_yaml(option)}`' for option in options)}.")
    if (least := next((branch["minimum"] for branch in branches if "minimum" in branch), None)) is not None:
        text.append(f"At least {least}.")
    if field.examples:
        text.append(f"Example: {' or '.join(f'`{_yaml(example)}`' for example in field.examples)}.")
    return " ".join(text).replace("|", "\\|")


def _yaml(value: Any) -> str:
    """A value as one would write it in YAML, quoting only inside lists, where digits need it."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _untitled(schema: Any) -> Any:
    """The schema without the titles that pydantic derives from field names."""
    if isinstance(schema, dict):
        return {
            key: _untitled(value)
            for key, value in schema.items()
            if not (key == "title" and isinstance(value, str))
        }
    return [_untitled(item) for item in schema] if isinstance(schema, list) else schema


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the generated files, or with ``--check`` tell how they differ from what would be written.

    Returns
    -------
    int
        Exit status: 1 if ``--check`` finds a difference, else 0.

    """
    parser = argparse.ArgumentParser(
        prog="python -m isoprune.config", description=main.__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; print the difference and fail on one"
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("config"), help="where README.md and schema.json lie"
    )
    options = parser.parse_args(arguments)
    drifted = 0
    for name, text in (("README.md", reference_page()), ("schema.json", editor_schema())):
        path = options.folder / name
        if not options.check:
            write_text(path, text)
            continue
        present = path.read_text(encoding="utf-8") if path.is_file() else ""
        difference = difflib.unified_diff(
            present.splitlines(), text.splitlines(), f"{path} as it is", f"{path} as generated", lineterm=""
        )
        for line in difference:
            drifted = 1
            print(line)
    if drifted:
        print("Run `python -m isoprune.config` to bring them up to date.")
    return drifted
