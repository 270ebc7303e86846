"""Where each setting stands: the tree of blocks, read off the models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic.fields import FieldInfo

from isoprune.config.kinds import Block
from isoprune.config.study import Study


def inner_block(annotation: Any) -> type[Block] | None:
    """The block inside an annotation such as ``tuple[Network, ...]`` or ``Betas | None``."""
    if isinstance(annotation, type) and issubclass(annotation, Block):
        return annotation
    return next((block for inner in get_args(annotation) if (block := inner_block(inner))), None)


def is_list_of_blocks(field: FieldInfo) -> bool:
    """Whether a setting holds a list of blocks."""
    return "tuple[" in str(field.annotation) and inner_block(field.annotation) is not None


def settings(block: type[Block] = Study, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting with its path, blocks before what they hold; a list's path ends with ``[]``."""
    for name, field in block.model_fields.items():
        path = f"{prefix}{name}{'[]' if is_list_of_blocks(field) else ''}"
        yield path, field
        if inside := inner_block(field.annotation):
            yield from settings(inside, f"{path}.")


def block_of(place: tuple[str | int, ...]) -> type[Block]:
    """The block at a place such as ``("networks", 0)``."""
    block: type[Block] = Study
    for step in place:
        if isinstance(step, str):
            block = inner_block(block.model_fields[step].annotation) or block
    return block


def setting_at(place: tuple[str | int, ...]) -> tuple[str, FieldInfo | None]:
    """Name and description of the setting that a place lies in; entries of a list belong to the list."""
    keys = [step for step in place if isinstance(step, str)]
    if not keys:
        return "the study", None
    return keys[-1], block_of(tuple(keys[:-1])).model_fields.get(keys[-1])
