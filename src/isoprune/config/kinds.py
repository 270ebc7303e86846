"""The kinds of value that settings are made of, and how a setting is refused."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from string import Formatter
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from isoprune.errors import ConfigError, IsopruneError
from isoprune.labelled import GROUP, SUBJECTS
from isoprune.labels import listing, nearest

RESERVED = {GROUP: "the mean RDM over subjects", SUBJECTS: "the mean of single subjects' scores"}
"""What stands for something else, so that nothing may be called it."""


class Block(BaseModel):
    """A block of settings: unknown keys are errors, values are never converted or changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _read_command_line(cls, given: Any) -> Any:
        """Numbers as numbers: the workflow hands over what stands inside ``--config block={…}`` as text."""
        if not isinstance(given, Mapping):
            return given
        return {
            key: _from_text(value, cls.model_fields[key].annotation) if key in cls.model_fields else value
            for key, value in given.items()
        }


def _from_text(value: Any, annotation: Any) -> Any:
    """``value``, read as JSON if it is text and the setting takes a number, a truth value or nothing instead."""
    if not isinstance(value, str):
        return value
    kinds = {annotation, *get_args(annotation)}
    if value == "null" and type(None) in kinds:
        return None
    if kinds & {int, float, bool} and str not in kinds:
        with suppress(ValueError):
            read = json.loads(value)
            return read if isinstance(read, int | float) else value
    return value


class RefusedError(ValueError):
    """What is wrong with a block beyond the type of its values.

    pydantic keeps one exception a validator, hence one that carries several.

    Parameters
    ----------
    problems : sequence of IsopruneError
        ``where`` of each is the key inside the block; empty for the block itself.

    """

    def __init__(self, problems: list[IsopruneError]):
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


def refuse(problems: Iterable[IsopruneError]) -> None:
    """Raise all problems together, if there are any."""
    if problems := list(problems):
        raise RefusedError(problems)


def exactly_one(block: Block, *names: str) -> list[ConfigError]:
    """Exactly one of two or more settings must be given."""
    given = [name for name in names if getattr(block, name) is not None]
    if len(given) == 1:
        return []
    quoted = [f"'{name}'" for name in given or names]
    if given:
        found = f"{'both ' if len(given) == 2 else ''}{' and '.join(quoted)} are given"
    else:
        found = f"neither {' nor '.join(quoted)} is given"
    expected = "exactly one of " + ", ".join(f"'{name}'" for name in names[:-1]) + f" and '{names[-1]}'"
    return [ConfigError("", found, expected, f"Keep or add one: {' or '.join(names)}.")]


def idle(block: Block, keys: tuple[str, ...], reason: str) -> list[ConfigError]:
    """Settings that were written down but would do nothing."""
    return [
        ConfigError(
            key,
            f"it is set, but has no effect {reason}",
            "only settings that do something",
            f"Remove '{key}'.",
        )
        for key in keys
        if key in block.model_fields_set and getattr(block, key) != type(block).model_fields[key].default
    ]


def repeated(words: Iterable[str]) -> list[str]:
    """The words that occur more than once."""
    return [word for word, count in Counter(words).items() if count > 1]


def _quoted(value: Any) -> Any:
    if isinstance(value, str):
        return value
    # YAML has read the text by now: 01 became 1, 012 became 10, `no` became false; none can be told back.
    raise ConfigError(
        "",
        f"found {value!r} without quotes, which YAML does not take as text",
        "text in quotes, since YAML reads 01 as 1 and no as false",
        'Put the name in quotes, for example "01".',
    )


def _free(name: str) -> str:
    if name not in RESERVED:
        return name
    raise ConfigError(
        "",
        f"the name '{name}' is reserved: it stands for {RESERVED[name]}",
        "another name",
        "Choose another; whether the group is computed is said by the setting `supervision`.",
    )


def unique(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words, after checking that each occurs once."""
    if twice := repeated(words):
        raise ConfigError("", f"{listing(twice)} is named twice", "every name once", "Remove the duplicates.")
    return words


def _one_form(text: str) -> str:
    """A path without placeholders."""
    return with_placeholders(text, ())


def with_placeholders(pattern: str, known: tuple[str, ...]) -> str:
    """``pattern``, if every placeholder in it is one of ``known``.

    Raises
    ------
    ConfigError
        If a placeholder is unknown or its braces do not pair.

    """
    expected = (
        f"no placeholder but {' and '.join(f'{{{name}}}' for name in known)}" if known else "no placeholder"
    )
    try:
        pieces = list(Formatter().parse(pattern))
    except ValueError as problem:
        raise ConfigError(
            "", f"braces in '{pattern}' do not pair ({problem})", expected, "Correct the braces."
        ) from problem
    for _, name, form, conversion in pieces:
        if name is None:
            continue
        if name not in known or form or conversion:
            hint = nearest(name, known)
            remedy = f"Did you mean {{{hint}}}?" if hint else "Write the path without it."
            raise ConfigError("", f"unknown placeholder {{{name}}} in '{pattern}'", expected, remedy)
    return pattern


def lacking(pattern: str, name: str) -> bool:
    """Whether ``pattern`` has no placeholder ``{name}``."""
    return name not in {field for _, field, _, _ in Formatter().parse(pattern)}


def _row_order(order: str) -> str:
    fixed = ("file", "table", "sorted")
    if order in fixed or re.search(r"[./\\]", order):
        return order
    hint = nearest(order, fixed)
    raise ConfigError(
        "",
        f"found '{order}'",
        "file, table, sorted, or the path of a text file with one label a line",
        f"Did you mean '{hint}'?" if hint else "Choose one of them; a path has a file extension.",
    )


def _split_at_commas(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(","))
    return value


_NameText = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")]
_AnyText = Annotated[str, Field(min_length=1)]

Name = Annotated[_NameText, BeforeValidator(_quoted, json_schema_input_type=_NameText), AfterValidator(_free)]
"""Name of a study, network, target, subject or run; it becomes part of file names."""

Names = Annotated[tuple[Name, ...], Field(strict=False, min_length=1), AfterValidator(unique)]

NoNames = Annotated[tuple[Name, ...], Field(strict=False), AfterValidator(unique)]
"""As `Names`, but there may be none."""

Choice = Annotated[Names | None, BeforeValidator(_split_at_commas, json_schema_input_type=Names | str | None)]
"""Names, or None for all; on the command line also text with commas."""

Text = Annotated[_AnyText, BeforeValidator(_quoted, json_schema_input_type=_AnyText)]
FilePath = Annotated[Text, AfterValidator(_one_form)]
SubjectPattern = Annotated[Text, AfterValidator(lambda text: with_placeholders(text, ("subject",)))]
RunPattern = Annotated[Text, AfterValidator(lambda text: with_placeholders(text, ("subject", "run")))]
RowOrder = Annotated[FilePath, AfterValidator(_row_order)]
"""Which labels the rows of a file have."""
