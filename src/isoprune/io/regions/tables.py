"""Label tables of atlases: which number is which area, in which hemisphere, and finding areas by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from isoprune.errors import ConfigError, LabelError, RoiError, UnreadableFileError
from isoprune.io.files import existing
from isoprune.io.tables import read_rows
from isoprune.labels import choose, listing

_INDEX_COLUMNS = ("index", "value", "id", "key", "label")
_NAME_COLUMNS = ("name", "label", "region", "roi", "structure", "abbreviation")
_HEMISPHERE_COLUMNS = ("hemisphere", "hemi")
# A number, a name that may have blanks, and perhaps the three or four numbers of a colour.
_LUT_LINE = re.compile(r"(-?\d+)[\s,]+(\S.*?)(?:(?:[\s,]+\d+){3,4})?")
_WORDS = {"left": "left", "lh": "left", "right": "right", "rh": "right"}
_LETTERS = {"l": "left", "r": "right"}


@dataclass(frozen=True)
class Label:
    """One area of an atlas.

    Attributes
    ----------
    index : int
        Its number in the image (or its volume, from 0, in a 4-D image).
    name : str
    side : {'left', 'right', None}
        The hemisphere that its name or its table tells; None if neither does.
    """

    index: int
    name: str
    side: str | None = None

    @property
    def both(self) -> str:
        """Its name without the hemisphere, shared with the same area of the other side."""
        return _split(self.name)[1]


def named(index: int, name: str) -> Label:
    """A label whose hemisphere is told by its name, if at all."""
    return Label(index, name, _split(name)[0])


def read_label_table(path: str | Path) -> tuple[Label, ...]:
    """The areas of an atlas.

    Parameters
    ----------
    path : path
        A table with a header (TSV; comma-separated if its name ends in ``.csv``) with the number of each
        area in a column ``index`` (or value, id, key) and its name in ``name`` (or label, region, roi,
        structure), such as BIDS' ``dseg.tsv``; a column ``hemisphere`` (or hemi) is used where there is
        one. Or lines ``number name``, with or without a colour, such as FreeSurfer's lookup table.

    Returns
    -------
    tuple of Label
        In the order of the file.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If there is no such file, or it is no such table.
    LabelError
        If a number occurs twice.
    """
    path = existing(path, where=str(path), remedy="Correct the path of the label table.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as problem:
        raise _no_table(path, f"it is not text in UTF-8 ({problem})") from problem
    lines = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise _no_table(path, "it is empty")
    labels = _lookup_table(path, lines) if re.match(r"-?\d", lines[0]) else _with_header(path)
    indices = [label.index for label in labels]
    if twice := sorted({index for index in indices if indices.count(index) > 1}):
        names = [label.name for label in labels if label.index == twice[0]]
        raise LabelError(
            str(path),
            f"number {twice[0]} stands for {len(names)} areas: {listing(names)}",
            "every number once",
            "Remove or correct the duplicates.",
        )
    return labels


def _no_table(where: str | Path, found: str) -> UnreadableFileError:
    return UnreadableFileError(
        str(where),
        found,
        "a table with the columns `index` and `name`, or lines `number name`",
        "Save the label table as one of these.",
    )


def _lookup_table(path: Path, lines: Sequence[str]) -> tuple[Label, ...]:
    labels = []
    for line in lines:
        match = _LUT_LINE.fullmatch(line)
        if match is None:
            raise _no_table(path, f"the line '{line}' is no number and name")
        labels.append(named(int(match[1]), match[2]))
    return tuple(labels)


def _with_header(path: Path) -> tuple[Label, ...]:
    header, rows = read_rows(path, where=str(path))
    columns = [name.strip().lower() for name in header]
    index = next((columns.index(name) for name in _INDEX_COLUMNS if name in columns), None)
    name = next((columns.index(name) for name in _NAME_COLUMNS if name in columns), None)
    if index is None or name is None or index == name:
        raise _no_table(path, f"it has the columns {listing(header)}")
    hemisphere = next((columns.index(name) for name in _HEMISPHERE_COLUMNS if name in columns), None)
    labels = []
    for number, row in enumerate(rows, start=1):
        if not re.fullmatch(r"-?\d+", row[index].strip()):
            raise _no_table(f"{path}, row {number}", f"'{row[index]}' in column '{header[index]}'")
        label = named(int(row[index]), row[name].strip())
        if hemisphere is not None:
            side = (_WORDS | _LETTERS).get(row[hemisphere].strip().lower())
            label = Label(label.index, label.name, side or label.side)
        labels.append(label)
    return tuple(labels)


def _split(name: str) -> tuple[str | None, str]:
    """The hemisphere in a name (``Left-Amygdala``, ``ctx_rh_fusiform``, ``Fusiform_L``), and the name without."""
    pieces = re.split(r"([ _.\-]+)", name)
    last = len(pieces) - 1
    marks = [
        (place, side)
        for place in range(0, last + 1, 2)
        # A single letter in the midst of a name is more likely to be part of it.
        if (side := (_WORDS | (_LETTERS if place in (0, last) else {})).get(pieces[place].lower()))
    ]
    if len(marks) != 1 or last == 0:
        return None, name
    place, side = marks[0]
    del pieces[slice(0, 2) if place == 0 else slice(place - 1, place + 1)]
    return side, "".join(pieces)


def find_labels(
    wanted: Iterable[int | str], hemisphere: str, known: Sequence[Label], *, where: str
) -> tuple[Label, ...]:
    """The areas that are asked for by number, by name, or by name without the hemisphere.

    Parameters
    ----------
    wanted : iterable of int or str
        Numbers; names as the table has them; or names without their mark of hemisphere, which stand for
        both halves.
    hemisphere : {'left', 'right', 'both'}
        Which half. Areas that no name places in a hemisphere are returned in any case.
    known : sequence of Label
        The areas of the atlas; may be empty if only numbers are wanted.
    where : str
        For the error messages.

    Returns
    -------
    tuple of Label
        Each once, in the order wanted.

    Raises
    ------
    UnknownNameError
        If there is no such name, with the nearest and those that exist.
    ConfigError
        If names are wanted without a table, or the background is wanted.
    RoiError
        If an area is not in the hemisphere asked for, or a name stands for several areas of one half.
    """
    found: dict[int, Label] = {}
    for name in wanted:
        for label in _named_so(name, hemisphere, known, where):
            found[label.index] = label
    return tuple(found.values())


def _named_so(name: int | str, hemisphere: str, known: Sequence[Label], where: str) -> list[Label]:
    if isinstance(name, int):
        candidates = [label for label in known if label.index == name] or [Label(name, f"label {name}")]
    elif not known:
        raise ConfigError(
            where,
            f"label '{name}' is a name, but no label table is given",
            "a table, or numbers",
            "Add `table`.",
        )
    else:
        # A table may name both halves alike and tell them apart in a column of its own.
        candidates = [label for label in known if label.name == name]
        exact = bool(candidates)
        candidates = candidates or [label for label in known if label.both == name]
        if not candidates:
            choose(name, [label.name for label in known], what="label", where=where)
        if not exact and hemisphere == "both" and len({label.side for label in candidates}) < 2:
            raise _not_there(where, name, candidates, "both hemispheres")
    here = [label for label in candidates if hemisphere == "both" or label.side in (None, hemisphere)]
    if not here:
        raise _not_there(where, str(name), candidates, f"the {hemisphere} hemisphere")
    sides = [label.side for label in here]
    if len(set(sides)) < len(sides):
        raise RoiError(
            where,
            f"the name '{name}' stands for {len(here)} areas, numbers {listing(label.index for label in here)}",
            "a name that stands for one area of each hemisphere",
            "Give the numbers in place of the name.",
        )
    return here


def _not_there(where: str, name: str, candidates: Sequence[Label], wanted: str) -> RoiError:
    found = listing(f"'{label.name}' ({label.side})" for label in candidates)
    return RoiError(
        where,
        f"label '{name}' is there as {found} only",
        f"an area of {wanted}",
        "Correct `hemisphere` or the label.",
    )
