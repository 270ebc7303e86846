"""Tables: tidy TSV with a JSON sidecar that describes each column, and the table of stimuli.

A sidecar says what a column means and what it holds (`Format`), so labels such as ``01`` stay text and
numbers come back to the last bit. It also holds the hash of its table and is sealed itself (`isoprune.io.seals`).
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoprune.errors import LabelError, MissingFileError, NotWritableError, UnreadableFileError
from isoprune.io.files import as_json, existing, read_json, write_json, write_text
from isoprune.io.seals import HASHES, Renamed, check_hashes, check_seal
from isoprune.labels import listing, nearest

if TYPE_CHECKING:
    import pandas

MISSING = "n/a"
"""How a missing value is written (BIDS); an empty cell is read as missing, too."""

_BOOLEANS = {"true": True, "false": False}


def read_rows(path: str | Path, *, where: str) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a text table, every cell as it stands.

    Parameters
    ----------
    path : path
        Comma-separated if its name ends in ``.csv``, else tab-separated; UTF-8.
    where : str
        The setting or table that names the file, for the error messages.

    Returns
    -------
    header : list of str
        Names of the columns, each once.
    rows : list of list of str
        As many cells in each row as the header has.

    Raises
    ------
    MissingFileError
        If there is no such file.
    UnreadableFileError
        If it is not UTF-8 text, has no header, a column twice, or a row of another length.
    """
    path = existing(path, where=where, remedy="Correct the path, or make the table.")
    try:
        # utf-8-sig: spreadsheets put a byte order mark first, which would become part of a column's name.
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = "," if path.suffix.lower() == ".csv" else "\t"
            lines = list(csv.reader(file, delimiter=delimiter, strict=True))
    except (UnicodeDecodeError, csv.Error) as problem:
        raise UnreadableFileError(
            str(path),
            f"it is not a text table ({problem})",
            "tab-separated text in UTF-8 (comma-separated if the name ends in .csv)",
            "Save the table again as tab-separated UTF-8 text.",
        ) from problem
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise UnreadableFileError(str(path), "it is empty", "a header and rows", "Make the table again.")
    _check_header(path, lines[0])
    _check_lengths(path, lines[0], lines[1:])
    return lines[0], lines[1:]


def _check_header(path: Path, header: list[str]) -> None:
    blank = [str(place) for place, name in enumerate(header, start=1) if not name.strip()]
    if blank:
        raise UnreadableFileError(
            str(path),
            f"column {listing(blank)} has no name",
            "a name for every column in the first line",
            "Name the columns, or delete the empty ones.",
        )
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise UnreadableFileError(
            str(path),
            f"column {listing(repeated)} occurs more than once",
            "every column once",
            "Rename or delete the duplicates.",
        )


def _check_lengths(path: Path, header: list[str], rows: list[list[str]]) -> None:
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise UnreadableFileError(
                f"{path}, row {number}",
                f"{len(row)} cell(s)",
                f"{len(header)}, one for each of the columns {listing(header)}",
                f"Fill or cut the row (rows count from below the header); a missing value is {MISSING}.",
            )


def table_and_sidecar(path: str | Path, where: str, these_are: str) -> tuple[Path, Path]:
    """Paths of a table and of the JSON that describes it, both of which have to be there.

    Parameters
    ----------
    path : path
        The table; its sidecar has the same name and the ending ``.json``.
    where, these_are : str
        What they are, and the same as the beginning of a sentence (``Weights are``), for the error message.

    Raises
    ------
    MissingFileError
        If one of the two files is not there.
    """
    remedy = f"{these_are} two files, the table and the JSON of the same name: copy both."
    path = existing(path, where=where, remedy=remedy)
    return path, existing(path.with_suffix(".json"), where=str(path), remedy=remedy)


def read_table(path: str | Path, *, where: str, renamed: Renamed = Renamed.NOT) -> pandas.DataFrame:
    """A table that `write_table` wrote; columns that its sidecar calls numbers are numbers, all others are text.

    Parameters
    ----------
    path : path
        TSV; its sidecar is the file ``<stem>.json`` beside it.
    where : str
        The setting or table that names the file, for the error messages.
    renamed : Renamed
        Which other names its owner may have given it.

    Returns
    -------
    pandas.DataFrame
        Rows in the file's order. ``n/a`` and empty cells are missing. Integers with missing values are
        pandas' ``Int64``, booleans with missing values ``boolean``.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the table or its sidecar is not there, not readable, or not what was written.
    LabelError
        If it was written as another table, as ``contrasts.tsv`` and not ``summary.tsv``.
    """
    path = existing(path, where=where, remedy="Correct the path, or make the table.")
    sidecar = existing(path.with_suffix(".json"), where=str(path), remedy="Copy it with its table.")
    about = read_json(sidecar, renamed)
    check_hashes(about, {"table": path})
    frame = _read_text(path, where=where)
    for column in frame.columns:
        kind = about[column]["Format"]
        if kind in _PARSERS:
            frame[column] = _parse(frame[column], kind, f"{path}, column '{column}'")
    return frame


def _read_text(path: str | Path, *, where: str) -> pandas.DataFrame:
    import pandas as pd

    header, rows = read_rows(path, where=where)
    cells = [[None if cell.strip() in ("", MISSING) else cell for cell in row] for row in rows]
    return pd.DataFrame({name: [row[place] for row in cells] for place, name in enumerate(header)})


def _boolean(cell: str) -> bool:
    return _BOOLEANS[cell.lower()]


_PARSERS: dict[str, tuple[Callable[[str], Any], str, str]] = {
    "number": (float, "float64", "float64"),
    "integer": (int, "int64", "Int64"),
    "bool": (_boolean, "bool", "boolean"),
}


def _parse(column: pandas.Series, kind: str, where: str) -> pandas.Series:
    import pandas as pd

    parser, dtype, dtype_with_missing = _PARSERS[kind]
    # Missing numbers are NaN, the others need pandas' own mark.
    nothing = math.nan if kind == "number" else pd.NA
    values = []
    for number, cell in enumerate(column, start=1):
        try:
            values.append(nothing if pd.isna(cell) else parser(cell))
        except (ValueError, KeyError) as problem:
            raise UnreadableFileError(
                f"{where}, row {number}",
                f"'{cell}'",
                f"{kind}, as the table's sidecar says",
                "Correct the cell, or make the table again.",
            ) from problem
    return pd.Series(values, dtype=dtype_with_missing if column.isna().any() else dtype, index=column.index)


def write_table(
    path: str | Path,
    frame: pandas.DataFrame,
    descriptions: Mapping[str, str],
    about: Mapping[str, Any] | None = None,
    *,
    to_be_edited: bool = False,
) -> None:
    """Write a tidy TSV and its sidecar ``<stem>.json``, which is sealed and holds the hash of the table.

    Parameters
    ----------
    path : path
        Where the table goes; an existing one is replaced in one step.
    frame : pandas.DataFrame
        Its index is not written. Numbers are written with as many digits as bring them back exactly;
        missing values as ``n/a``.
    descriptions : mapping of str to str
        What each column means, with unit or "dimensionless"; it may describe more columns than are there.
    about : mapping, optional
        Further entries of the sidecar, about the table as a whole; none is called as a column.
    to_be_edited : bool
        Whether it is the user's from now on: there is no hash and no seal then.

    Raises
    ------
    NotWritableError
        If a column has no description, mixes text and numbers, or the place cannot be written to.
    """
    path = Path(path)
    bare = [str(column) for column in frame.columns if not descriptions.get(column, "").strip()]
    if bare:
        raise NotWritableError(
            str(path),
            f"no description of column {listing(bare)}",
            "a sentence for every column of the table",
            "Describe the columns where the table is written.",
        )
    formats = {column: _format_of(frame[column], f"{path}, column '{column}'") for column in frame.columns}
    cells = [
        [column, *(_cell(value, formats[column]) for value in frame[column])] for column in frame.columns
    ]
    lines = ["\t".join(map(_quoted, row)) + "\n" for row in zip(*cells, strict=True)]
    columns = {
        column: {"Description": descriptions[column], "Format": formats[column]} for column in frame.columns
    }
    table, sidecar = "".join(lines), {**columns, **(about or {})}
    # The sidecar first: a table is not read without its own.
    if to_be_edited:
        write_text(path.with_suffix(".json"), as_json(sidecar))
    else:
        hashes = {"table": hashlib.sha256(table.encode()).hexdigest()}
        write_json(path.with_suffix(".json"), {**sidecar, HASHES: hashes}, Renamed.NOT)
    write_text(path, table)


def _format_of(column: pandas.Series, where: str) -> str:
    import pandas as pd

    values = (
        column.astype(column.cat.categories.dtype)
        if isinstance(column.dtype, pd.CategoricalDtype)
        else column
    )
    formats = {
        "string": "string",
        "empty": "string",
        "floating": "number",
        "mixed-integer-float": "number",
        "integer": "integer",
        "integer-na": "integer",
        "boolean": "bool",
    }
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind == "empty" and pd.api.types.is_numeric_dtype(values):
        return "number"
    if kind not in formats:
        raise NotWritableError(
            where,
            f"values of kind '{kind}'",
            "only text, only numbers, or only true and false",
            "Turn the column into one of these before writing the table.",
        )
    return formats[kind]


def _cell(value: Any, kind: str) -> str:
    import pandas as pd

    # An empty text is missing too: the same table must look the same whether it was read from a file before or not.
    if pd.isna(value) or value == "":
        return MISSING
    if kind == "number":
        return repr(float(value))
    if kind == "integer":
        return str(int(value))
    if kind == "bool":
        return "true" if value else "false"
    return str(value)


def _quoted(cell: str) -> str:
    # Python's csv writer leaves a lone carriage return bare, which its reader takes for the end of a row.
    return '"' + cell.replace('"', '""') + '"' if any(sign in cell for sign in '\t\n\r"') else cell


def read_stimuli(path: str | Path) -> pandas.DataFrame:
    """The table of stimuli.

    Parameters
    ----------
    path : path
        TSV with a column ``stimulus`` (label, each once), and as needed ``file`` (image, relative to the
        table's folder), ``category``, ``group``, ``synset``, ``set`` and columns of your own.

    Returns
    -------
    pandas.DataFrame of shape (n_images, n_columns)
        All text (labels such as ``007`` keep their zeros), rows in the given order, index 0 … n_images − 1;
        ``n/a`` and empty cells are missing. A sidecar that isoprune sealed has to be that of the table.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the table is not there or not readable, has no column ``stimulus``, or no rows.
    LabelError
        If a label is blank or occurs twice; the rows are named.
    """
    where = "table of stimuli"
    sidecar = Path(path).with_suffix(".json")
    if check_seal(sidecar):
        path = existing(path, where=where, remedy="Make the table again.")
        check_hashes(read_json(sidecar), {"table": path})
    stimuli = _read_text(path, where=where)
    if "stimulus" not in stimuli.columns:
        _refuse_column(path, list(stimuli.columns), "stimulus", "the label of each image")
    if stimuli.empty:
        raise UnreadableFileError(
            str(path), "it has no rows", "one row a stimulus below the header", "List the stimuli in it."
        )
    blank = [str(row) for row in stimuli.index[stimuli["stimulus"].isna()] + 1]
    if blank:
        raise LabelError(
            f"{path}, row {listing(blank)}",
            "no label in column 'stimulus'",
            "a label in every row",
            "Give every stimulus a name; rows are identified by it, never by their position.",
        )
    repeated = stimuli["stimulus"].duplicated(keep=False)
    if repeated.any():
        label = stimuli.loc[repeated, "stimulus"].iloc[0]
        rows = [str(row) for row in stimuli.index[stimuli["stimulus"] == label] + 1]
        others = stimuli.loc[repeated, "stimulus"].nunique() - 1
        also = f" ({others} more label(s) are repeated)" if others else ""
        raise LabelError(
            f"{path}, rows {listing(rows)}",
            f"the same label '{label}'{also}",
            "every label once",
            "Rename or remove the duplicates.",
        )
    return stimuli


def _refuse_column(path: str | Path, present: list[str], wanted: str, what: str) -> None:
    commas = len(present) == 1 and "," in present[0]
    hint = nearest(wanted, present)
    if commas:
        remedy = "The table looks comma-separated: save it tab-separated, or name it .csv."
    elif hint:
        remedy = f"Did you mean '{hint}'? Rename that column to '{wanted}'."
    else:
        remedy = f"Add the column '{wanted}'."
    raise UnreadableFileError(
        str(path),
        f"no column '{wanted}' among {listing(present)}",
        f"a column '{wanted}' with {what}",
        remedy,
    )


def image_paths(
    stimuli: pandas.DataFrame, table_path: str | Path, folder: str | Path | None = None
) -> list[Path]:
    """The image file of each stimulus.

    Parameters
    ----------
    stimuli : pandas.DataFrame of shape (n_images, n_columns)
        As `read_stimuli` returns it, or some of its rows.
    table_path : path
        Where the table was read from.
    folder : path, optional
        What files are relative to; by default the folder of the table.

    Returns
    -------
    list of Path, length n_images
        In the order of the rows.

    Raises
    ------
    UnreadableFileError
        If the table has no column ``file``.
    MissingFileError
        If an image is not named or not there; table row, stimulus and file are said.
    """
    import pandas as pd

    if "file" not in stimuli.columns:
        _refuse_column(table_path, list(stimuli.columns), "file", "the image of each stimulus")
    root = Path(table_path).parent if folder is None else Path(folder)
    paths = [None if pd.isna(file) else root / file for file in stimuli["file"]]
    absent = [place for place, path in enumerate(paths) if path is None or not path.is_file()]
    if absent:
        _refuse_image(stimuli, absent, paths, table_path, folder)
    return paths


def _refuse_image(
    stimuli: pandas.DataFrame,
    absent: list[int],
    paths: list[Path | None],
    table_path: str | Path,
    folder: str | Path | None,
) -> None:
    place = absent[0]
    path, label = paths[place], stimuli["stimulus"].iloc[place]
    found = f"no file is named for stimulus '{label}'" if path is None else f"'{path}' is not a file"
    others = f" ({len(absent)} of {len(paths)} images are missing)" if len(absent) > 1 else ""
    root = "the table's folder" if folder is None else f"'{folder}'"
    remedy = f"Files are relative to {root}."
    if path is not None and path.parent.is_dir():
        hint = nearest(path.name, sorted(sibling.name for sibling in path.parent.iterdir()))
        remedy = f"Did you mean '{hint}'? {remedy}" if hint else remedy
    raise MissingFileError(
        f"{table_path}, row {stimuli.index[place] + 1}, stimulus '{label}'",
        f"{found}{others}",
        "an image file",
        remedy,
    )
