"""MATLAB files of version 5 to 7.2, read by SciPy after a look at how they are built.

SciPy takes a file at its word. Where it names a type of numbers that there is not, the process ends without an error,
and for entries that there are not all memory is filled: one wrong byte is enough.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

_HEADER = 128
_NUMBERS = {1, 2, 3, 4, 5, 6, 7, 9, 12, 13}
_INTEGERS, _MATRIX, _COMPRESSED = (5, 6), 14, 15
_TEXT = {16, 17, 18}
_CELL, _STRUCT, _OBJECT, _CHARACTERS, _SPARSE, _LAST_NUMBERS = 1, 2, 3, 4, 5, 15
_COMPLEX = 0x800
_MOST_BLANKS = 10**6
_DEEPEST = 50


class _Element(NamedTuple):
    """A part of the file: its type, and its bytes."""

    kind: int
    content: memoryview


def load_mat(path: Path, **options: Any) -> dict[str, Any]:
    """What `scipy.io.loadmat` gives.

    Parameters
    ----------
    path : path
    **options
        Of `scipy.io.loadmat`.

    Raises
    ------
    ValueError, zlib.error
        If the file is not built as its format asks.
    Exception
        What SciPy raises.
    """
    import scipy.io

    content = path.read_bytes()
    if _is_version_5(content):
        order = "<" if content[126:128] == b"IM" else ">"
        for element in _elements(memoryview(content)[_HEADER:], order):
            _check(element, order, 0)
    return scipy.io.loadmat(io.BytesIO(content), **options)


def _is_version_5(content: bytes) -> bool:
    """Whether SciPy takes a file for version 5 to 7.2: a 0 begins version 4, and the number 2 stands in 7.3 (HDF5)."""
    version = content[124:128]
    return len(version) == 4 and 0 not in content[:4] and version[1 if version[2:3] == b"I" else 0] == 1


def _elements(content: memoryview, order: str) -> Iterator[_Element]:
    place = 0
    while place < len(content):
        if len(content) - place < 8:
            raise ValueError("it is cut short")
        kind, size = struct.unpack_from(f"{order}II", content, place)
        begin, following = place + 8, place + 8 + size + (0 if kind == _COMPRESSED else -size % 8)
        if kind >> 16:  # up to four bytes stand in the tag itself
            kind, size, begin, following = kind & 0xFFFF, kind >> 16, place + 4, place + 8
        if begin + size > min(len(content), following):
            raise ValueError("a part of it is longer than what holds it")
        yield _Element(kind, content[begin : begin + size])
        place = following


def _check(element: _Element, order: str, depth: int) -> None:
    """Refuse an array whose numbers are of no type, or of another number than it says."""
    if depth > _DEEPEST:
        raise ValueError(f"arrays inside arrays, more than {_DEEPEST} deep")
    if element.kind == _COMPRESSED and depth == 0:
        for inner in _elements(memoryview(zlib.decompress(element.content)), order):
            _check(inner, order, depth + 1)
    elif element.kind != _MATRIX:
        raise ValueError(f"a part of type {element.kind} where an array belongs")
    elif len(element.content):
        _check_array(list(_elements(element.content, order)), order, depth)


def _check_array(parts: list[_Element], order: str, depth: int) -> None:
    if len(parts) < 3 or len(parts[0].content) != 8:
        raise ValueError("an array without type, shape and name")
    (flags,) = struct.unpack_from(f"{order}I", parts[0].content)
    of_class, values = flags & 0xFF, parts[3:]
    if not _CELL <= of_class <= _LAST_NUMBERS or of_class == _OBJECT:
        return  # objects and functions: nothing of them is read as numbers
    n_entries = math.prod(_integers(parts[1], order))
    if of_class == _CELL:
        _check_entries(values, n_entries, order, depth)
    elif of_class == _STRUCT:
        (length,) = _integers(values[0], order) if len(values) > 1 else (0,)
        n_fields = len(values[1].content) // length if length > 0 else 0
        _check_entries(values[2:], n_entries * n_fields, order, depth)
    else:
        n_parts = (3 if of_class == _SPARSE else 1) + bool(flags & _COMPLEX)
        types = _NUMBERS | _TEXT if of_class == _CHARACTERS else _NUMBERS
        if len(values) != n_parts or any(part.kind not in types for part in values):
            raise ValueError(f"{len(values)} parts of type {[part.kind for part in values]} for numbers")
        if of_class == _CHARACTERS and n_entries > max(len(values[0].content), _MOST_BLANKS):
            raise ValueError(f"{n_entries} characters in {len(values[0].content)} bytes")


def _integers(part: _Element, order: str) -> tuple[int, ...]:
    n, rest = divmod(len(part.content), 4)
    if part.kind not in _INTEGERS or rest or not n:
        raise ValueError(f"{len(part.content)} bytes of type {part.kind} for whole numbers")
    return struct.unpack_from(f"{order}{n}i", part.content)


def _check_entries(entries: list[_Element], n: int, order: str, depth: int) -> None:
    if len(entries) != n:
        raise ValueError(f"{len(entries)} entries of {n}")
    for entry in entries:
        _check(entry, order, depth + 1)
