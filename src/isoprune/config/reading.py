"""From a YAML file or a mapping to a checked study; every problem is told, all of them at once."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from isoprune.config.kinds import RefusedError
from isoprune.config.layout import block_of, setting_at, settings
from isoprune.config.study import Study
from isoprune.errors import ConfigError, IsopruneError, UnknownNameError, UnreadableFileError
from isoprune.io.files import existing
from isoprune.labels import listing, nearest

_REFERENCE = "config/README.md"
MOST_VALUES = 100_000
"""Settings that a file may have; a few aliases of aliases could stand for more than any memory holds."""

_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list, such as [a, b]",
    "model_type": "a block of settings, one `key: value` a line",
    "dict_type": "a block of settings, one `key: value` a line",
}


def load(source: Mapping[str, Any] | str | Path) -> Study:
    """The checked settings of a study.

    Parameters
    ----------
    source : mapping or path
        The settings, or the YAML file that holds them.

    Returns
    -------
    Study
        Immutable; defaults are filled in.

    Raises
    ------
    ConfigError
        If a setting is missing, unknown, of a wrong type or outside its range, or if settings contradict
        each other. Several problems are listed in one error.
    UnknownNameError
        If all that is wrong are names of networks, targets or subjects that do not exist.
    MissingFileError, UnreadableFileError
        If there is no such file, or it is not YAML.

    """
    if isinstance(source, Mapping):
        given, where = dict(source), f"settings of study '{source.get('study', '(unnamed)')}'"
    else:
        given, where = _read(Path(source)), str(source)
    try:
        return Study.model_validate(given)
    except ValidationError as failure:
        problems = list(_problems(failure, given, where))
    raise _together(problems, where)


def _read(path: Path) -> dict[str, Any]:
    existing(
        path, where="the study's settings", remedy="Give the path of a study, such as config/config.yaml."
    )
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    # ValueError: a date that no calendar has, or no UTF-8; RecursionError: thousands of brackets.
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise UnreadableFileError(
            str(path),
            f"it is not YAML ({' '.join(str(problem).split())})",
            "one `key: value` a line, blocks indented by spaces",
            "Correct the line that is named.",
        ) from problem
    if not isinstance(given, dict):
        found = "the file is empty" if given is None else f"found {_shown(given)}"
        raise ConfigError(str(path), found, _EXPECTED["dict_type"], f"See {_REFERENCE} for every setting.")
    if _n_values(given, {}) > MOST_VALUES:
        raise ConfigError(
            str(path),
            f"its aliases stand for more than {MOST_VALUES} values",
            "aliases (`*name`) that repeat a few settings",
            "Write the settings out; such a file is made to take all memory.",
        )
    return given


def _n_values(value: Any, counted: dict[int, float]) -> float:
    """Number of values with every alias written out; infinite where one holds itself."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in counted:
        counted[id(value)] = math.inf  # until its own content is known
        inside = value.values() if isinstance(value, dict) else value
        counted[id(value)] = 1 + sum(_n_values(one, counted) for one in inside)
    return counted[id(value)]


def _together(problems: list[IsopruneError], where: str) -> IsopruneError:
    """One error that says all that the problems say."""
    if len(problems) == 1:
        return problems[0]
    kinds = {type(problem) for problem in problems}
    together = UnknownNameError if kinds == {UnknownNameError} else ConfigError
    lines = [f"\n  - {str(problem).removeprefix(where).lstrip(' ,:')}" for problem in problems]
    return together(
        where,
        f"{len(problems)} problems",
        f"settings as {_REFERENCE} describes them",
        f"Correct each of these:{''.join(lines)}",
    )


def _problems(failure: ValidationError, given: dict[str, Any], where: str) -> Iterator[IsopruneError]:
    details = failure.errors(include_url=False)
    for detail in details:
        place = detail["loc"]
        inside = any(other["loc"][: len(place)] == place and other is not detail for other in details)
        if detail["type"] == "too_short" and inside:
            continue  # the list has entries, but wrong ones, and they are told of by themselves
        inner = detail.get("ctx", {}).get("error")
        if detail["type"] == "extra_forbidden":
            yield _unknown_setting(place, given, where)
        elif isinstance(inner, RefusedError | IsopruneError):
            for problem in inner.problems if isinstance(inner, RefusedError) else [inner]:
                key = ".".join(filter(None, [_written(place, given), problem.where]))
                yield type(problem)(_at(where, key), problem.found, problem.expected, problem.remedy)
        else:
            yield _translated(detail, given, where)


def _at(where: str, key: str) -> str:
    return f"{where}, '{key}'" if key else where


def _translated(detail: Mapping[str, Any], given: dict[str, Any], where: str) -> ConfigError:
    """What pydantic says of a value, in the words of this project."""
    place, kind, limits = detail["loc"], detail["type"], detail.get("ctx", {})
    found, expected = f"found {_shown(detail['input'])}", _EXPECTED.get(kind, detail["msg"].lower())
    if kind == "missing":
        found, expected = "it is missing", "a value; the setting has no default"
    elif kind == "literal_error":
        expected = f"one of {limits['expected'].replace(' or ', ', ')}".replace("None", "null")
    elif kind == "greater_than":
        expected = f"more than {limits['gt']:g}"
    elif kind == "greater_than_equal":
        expected = f"{limits['ge']} or more"
    elif kind == "string_pattern_mismatch":
        expected = _PATTERNS.get(limits["pattern"], f"text of the form {limits['pattern']}")
    elif kind in ("too_short", "string_too_short"):
        least = limits["min_length"]
        entries = "at least one entry" if least == 1 else f"at least {least} entries"
        expected = entries if kind == "too_short" else "some text"
        found = found if detail["input"] else "it is empty"
    return ConfigError(_at(where, _written(place, given)), found, expected, _remedy(place))


_PATTERNS = {
    r"^[A-Za-z0-9]+$": "letters and digits only, since the name becomes part of file names",
    r"^[0-9a-f]{64}$": "64 hexadecimal digits in small letters, as sha256sum prints them",
}


def _remedy(place: tuple[str | int, ...]) -> str:
    """An example of the setting, or where it is described."""
    name, field = setting_at(place)
    if field is not None and field.examples:
        # JSON is YAML, and its quotes show where quotes are needed.
        return f"For example `{name}: {json.dumps(field.examples[0])}`; {_REFERENCE} says more."
    return f"{_REFERENCE} describes '{name}'."


def _unknown_setting(place: tuple[str | int, ...], given: dict[str, Any], where: str) -> ConfigError:
    *parents, key = place
    block = block_of(tuple(parents))
    siblings = list(block.model_fields)
    parent = _written(tuple(parents), given)
    hint = nearest(str(key), siblings)
    hint = ".".join(filter(None, [parent, hint])) if hint else _elsewhere(str(key))
    guess = f"; did you mean '{hint}'?" if hint else ""
    return ConfigError(
        where,
        f"config '{_written(place, given)}' is not a setting{guess}",
        f"{f'in {parent}' if parent else 'at the top level'}: {listing(siblings, most=40)}",
        f"Correct or remove it; {_REFERENCE} describes every setting.",
    )


def _elsewhere(key: str) -> str | None:
    """A setting of that very name in another block."""
    return next((path for path, _ in settings() if path.split(".")[-1].removesuffix("[]") == key), None)


def _written(place: tuple[str | int, ...], given: Any) -> str:
    """A place as a user would say it: ``networks[mobilenetv2].weights``, ``subjects[2]``."""
    path = ""
    for step in place:
        if isinstance(step, int):
            given = given[step] if isinstance(given, list | tuple) and step < len(given) else None
            name = given.get("name") if isinstance(given, Mapping) else None
            path += f"[{name if isinstance(name, str) else f'entry {step + 1}'}]"
        else:
            given = given.get(step) if isinstance(given, Mapping) else None
            path += f".{step}" if path else str(step)
    return path


def _shown(value: Any) -> str:
    """A value as YAML has it, and what it is."""
    if isinstance(value, Mapping):
        return "a block of settings"
    if isinstance(value, list | tuple):
        return f"the list [{listing(map(str, value))}]"
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text '{value}'"
    return str(value)
