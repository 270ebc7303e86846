"""WordNet 3.0 where NLTK reads it, and laying it out there from the files that Debian and Ubuntu package.

    python -m isoprune.io.wordnet /usr/share/wordnet ~/nltk_data

The lexicographer files behind `lexnames`, which NLTK needs and those packages lack, are those of WordNet's manual page
lexnames(5WN).
"""

from __future__ import annotations

import argparse
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from isoprune.errors import MissingFileError, UnreadableFileError
from isoprune.io.files import write_text
from isoprune.labels import listing

if TYPE_CHECKING:
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

PLACES = ("corpora/wordnet", "corpora/wordnet.zip/wordnet/")
"""Where WordNet lies in a folder of NLTK's data: laid out, or as `nltk.download` leaves it."""

GET_IT = (
    "Download it once: python -m nltk.downloader wordnet. Or, on Debian and Ubuntu: apt-get install wordnet-base "
    "wordnet-sense-index; python -m isoprune.io.wordnet /usr/share/wordnet ~/nltk_data. If it lies in another folder "
    "than NLTK's own, name that in the setting `wordnet.data`."
)

_LEXICOGRAPHER_FILES = {
    "adj": "all pert",
    "adv": "all",
    "noun": "Tops act animal artifact attribute body cognition communication event feeling food group location motive "
    "object person phenomenon plant possession process quantity relation shape state substance time",
    "verb": "body change cognition communication competition consumption contact creation emotion motion perception "
    "possession social stative weather",
}
_KIND = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}


def load_wordnet(folder: str | Path | None = None) -> WordNetCorpusReader:
    """WordNet as NLTK reads it; takes seconds.

    Parameters
    ----------
    folder : path, optional
        Folder of NLTK's data that holds ``corpora/wordnet``; without one NLTK's own places are searched.

    Returns
    -------
    nltk.corpus.reader.wordnet.WordNetCorpusReader

    Raises
    ------
    MissingFileError
        If NLTK or WordNet is not there; both ways to get it are said.
    UnreadableFileError
        If what lies there is not WordNet.
    """
    try:
        import nltk.data
        from nltk.corpus.reader.wordnet import WordNetCorpusReader
    except ImportError as problem:
        remedy = "Install it: pip install 'isoprune[wordnet]'."
        raise MissingFileError("WordNet", "the package nltk is not installed", "nltk", remedy) from problem
    if folder is not None:
        # NLTK reads nothing outside the folders that it knows.
        nltk.data.path.append(str(Path(folder).resolve()))
    place = _found(nltk.data.find, folder)
    try:
        with warnings.catch_warnings():
            # It misses other languages than English.
            warnings.simplefilter("ignore", UserWarning)
            return WordNetCorpusReader(place, None)
    except (OSError, ValueError, AssertionError, LookupError) as problem:
        raise UnreadableFileError(
            str(place), f"it does not hold WordNet ({problem})", "the files of WordNet 3.0", GET_IT
        ) from problem


def _found(find, folder):
    """Where WordNet is."""
    paths = None if folder is None else [str(Path(folder).resolve())]
    for place in PLACES:
        try:
            return find(place, paths)
        except LookupError:
            continue
    where = "in NLTK's folders" if folder is None else f"in '{folder}' (`wordnet.data`)"
    raise MissingFileError("WordNet", f"there is none {where}", f"`{PLACES[0]}`", GET_IT)


def lay_out_wordnet(source: str | Path, folder: str | Path) -> Path:
    """Copy WordNet's database files to where NLTK finds them, and add the file that packages lack.

    Files are copied, because NLTK refuses links that lead out of its folder.

    Parameters
    ----------
    source : path
        Folder of WordNet's database, as the packages ``wordnet-base`` and ``wordnet-sense-index`` install it.
    folder : path
        Folder of NLTK's data.

    Returns
    -------
    Path
        The folder that holds WordNet now.

    Raises
    ------
    MissingFileError
        If the source lacks files of the database.
    NotWritableError
        If the folder cannot be written to.
    """
    source, target = Path(source), Path(folder) / PLACES[0]
    missing = [name for name in (*_database(), "index.sense") if not (source / name).is_file()]
    if missing:
        remedy = "Install the packages wordnet-base and wordnet-sense-index, or name their folder."
        raise MissingFileError(
            f"WordNet's files in '{source}'", f"there is no {listing(missing)}", "the database", remedy
        )
    names = [f"{kind}.{part}" for kind, parts in _LEXICOGRAPHER_FILES.items() for part in parts.split()]
    names.append("adj.ppl")
    lines = [f"{number:02d}\t{name}\t{_KIND[name.split('.')[0]]}\n" for number, name in enumerate(names)]
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted(path for path in source.iterdir() if path.is_file()):
        shutil.copyfile(file, target / file.name)
    # Last, because NLTK opens it first: without it the folder is no WordNet yet.
    write_text(target / "lexnames", "".join(lines))
    return target


def _database() -> list[str]:
    return [name for kind in _KIND for name in (f"data.{kind}", f"index.{kind}", f"{kind}.exc")]


def main() -> None:
    """Lay WordNet out from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m isoprune.io.wordnet", description=__doc__.splitlines()[0]
    )
    parser.add_argument("source", type=Path, help="folder of WordNet's database, e.g. /usr/share/wordnet")
    parser.add_argument("folder", type=Path, help="folder of NLTK's data, e.g. ~/nltk_data")
    options = parser.parse_args()
    print(lay_out_wordnet(options.source, options.folder))


if __name__ == "__main__":
    main()
