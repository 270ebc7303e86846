"""WordNet of the stimuli: their synsets, how similar these are, and what they are kinds of.

Only stimuli that have a synset can be compared with WordNet; the others are counted and left out. Similarities are
NLTK's, of nouns (Fellbaum 1998, WordNet: an electronic lexical database), with p the length of the shortest path
between two synsets in the taxonomy of hypernyms, d the depth of a synset and D that of the taxonomy:

    path              1 / (1 + p)
    wu-palmer         2 d(lowest common hypernym) / (d(one) + d(other))        (Wu & Palmer 1994, Proc ACL 32:133)
    leacock-chodorow  −ln((1 + p) / (2 D))                     (Leacock & Chodorow 1998, in Fellbaum 1998, p. 265)
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

import numpy as np

from isoprune.errors import TooFewImagesError, UnknownNameError
from isoprune.io.arrays import read_arrays, write_arrays
from isoprune.labels import choose, nearest
from isoprune.stimuli import column_of

if TYPE_CHECKING:
    import pandas as pd
    from nltk.corpus.reader.wordnet import Synset, WordNetCorpusReader

SIMILARITIES = {
    "path": "path_similarity",
    "wu-palmer": "wup_similarity",
    "leacock-chodorow": "lch_similarity",
}
"""Measures of WordNet similarity, and what NLTK calls them."""

SYNSET_COLUMNS = {
    "stimulus": "Label that identifies the image.",
    "synset": "WordNet synset of what the image shows, by its name; `n/a` where the stimulus table has none.",
    "hypernyms": "All synsets that it is a kind of, direct or not, the most general first.",
}

MIN_SYNSETS = 4
"""Fewest synsets: the 6 pairs of four leave something to correlate."""

_WNID = re.compile(r"n(\d{8})")
_NAME = re.compile(r".+\.n\.\d+")


def find_synset(wordnet: WordNetCorpusReader, name: str, where: str) -> Synset:
    """The synset that a cell of the stimulus table names.

    Parameters
    ----------
    wordnet : WordNetCorpusReader
        As `isoprune.io.wordnet.load_wordnet` gives it.
    name : str
        ``dog.n.01``, or the number that ImageNet uses, ``n02084071``.
    where : str
        Where it stands, for the error message.

    Returns
    -------
    Synset

    Raises
    ------
    UnknownNameError
        If WordNet has no such noun, with the nearest it has.
    """
    synset = _synset(wordnet, name)
    if synset is None:
        raise UnknownNameError(
            where,
            f"there is no synset '{name}' among the nouns of WordNet 3.0",
            "a name such as dog.n.01, a number such as n02084071, or an empty cell",
            _hint(wordnet, name),
        )
    return synset


def _synset(wordnet: WordNetCorpusReader, name: str) -> Synset | None:
    from nltk.corpus.reader.wordnet import WordNetError

    if number := _WNID.fullmatch(name):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a number that there is not: told as an error
            return wordnet.synset_from_pos_and_offset("n", int(number[1]))
    if not _NAME.fullmatch(name):
        return None
    try:
        return wordnet.synset(name)
    except WordNetError:
        return None


def _hint(wordnet: WordNetCorpusReader, name: str) -> str:
    """The nearest synsets, as a sentence."""
    if _WNID.fullmatch(name):
        senses = [_nearest_number(wordnet, name)]
    else:
        word = re.sub(r"\.[a-z]\.\d+$", "", name).lower().replace(" ", "_")
        alike = (lemma for lemma in wordnet.all_lemma_names("n") if lemma[0] == word[:1])
        lemma = word if wordnet.synsets(word, pos="n") else nearest(word, alike)
        senses = wordnet.synsets(lemma, pos="n")[:4] if lemma else []
    if not senses:
        return "Leave the cell empty where WordNet has no word for it."
    glosses = (shorten(sense.definition(), 60, placeholder=" …") for sense in senses)
    listed = (f"'{sense.name()}' ({gloss})" for sense, gloss in zip(senses, glosses, strict=True))
    return f"Did you mean {' or '.join(listed)}?"


def _nearest_number(wordnet: WordNetCorpusReader, wnid: str) -> Synset:
    """The noun whose number differs in the fewest digits, and then by least."""

    def distance(digits: str) -> tuple[int, int]:
        n_differing = sum(one != other for one, other in zip(digits, wnid[1:], strict=True))
        return n_differing, abs(int(digits) - int(wnid[1:]))

    with wordnet.open("data.noun") as lines:
        numbers = [line[:8] for line in lines if line[:1].isdigit()]
    return wordnet.synset_from_pos_and_offset("n", int(min(numbers, key=distance)))


def synset_table(wordnet: WordNetCorpusReader, stimuli: pd.DataFrame, column: str = "synset") -> pd.DataFrame:
    """The synset of every stimulus, and what it is a kind of.

    Parameters
    ----------
    wordnet : WordNetCorpusReader
    stimuli : DataFrame
        The stimulus table.
    column : str
        Its column of synsets; empty where a stimulus has none.

    Returns
    -------
    DataFrame
        Columns as `SYNSET_COLUMNS`, rows as in the stimulus table; two names of one synset become one.

    Raises
    ------
    UnknownNameError
        If there is no such column, or WordNet has no such noun; stimulus and nearest synsets are said.
    TooFewImagesError
        If the stimuli have fewer than four synsets.
    """
    import pandas as pd

    given, found = column_of(stimuli, column), {}
    for stimulus, name in given.items():
        if name not in found:
            synset = find_synset(wordnet, name, f"stimulus table, column '{column}', stimulus '{stimulus}'")
            above = {one for path in synset.hypernym_paths() for one in path} - {synset}
            by_depth = sorted(above, key=lambda one: (one.max_depth(), one.name()))
            found[name] = synset.name(), " ".join(one.name() for one in by_depth)
    check_enough_synsets({synset for synset, _ in found.values()}, f"stimulus table, column '{column}'")
    rows = [(stimulus, *found.get(given.get(stimulus), (None, None))) for stimulus in stimuli["stimulus"]]
    return pd.DataFrame(rows, columns=list(SYNSET_COLUMNS))


def check_enough_synsets(synsets: set[str], where: str) -> None:
    """Refuse fewer synsets than can be compared.

    Raises
    ------
    TooFewImagesError
        If there are fewer than four.
    """
    if len(synsets) < MIN_SYNSETS:
        raise TooFewImagesError(
            where,
            f"{len(synsets)} different synset(s)",
            f"at least {MIN_SYNSETS}, for pairs to compare with WordNet",
            "Fill the column of synsets, or leave the block `wordnet` out of the settings.",
        )


def wordnet_similarity(wordnet: WordNetCorpusReader, synsets: Sequence[str], measure: str) -> np.ndarray:
    """Similarity of synsets in WordNet.

    Parameters
    ----------
    wordnet : WordNetCorpusReader
    synsets : sequence of str
        Names of nouns.
    measure : {"path", "wu-palmer", "leacock-chodorow"}
        The formulas stand in the module's docstring.

    Returns
    -------
    ndarray of shape (n_synsets, n_synsets), float64
        Symmetric, dimensionless; NaN on the diagonal, which is never scored.

    Raises
    ------
    UnknownNameError
        If there is no such measure or synset.
    """
    choose(measure, SIMILARITIES, what="measure", where="wordnet.measures")
    nouns = [find_synset(wordnet, name, "synsets") for name in synsets]
    values = np.full((len(nouns), len(nouns)), np.nan)
    for one, other in combinations(range(len(nouns)), 2):
        values[one, other] = values[other, one] = getattr(nouns[one], SIMILARITIES[measure])(nouns[other])
    return values


def write_similarities(
    path: str | Path, synsets: Sequence[str], similarities: Mapping[str, np.ndarray]
) -> None:
    """Write similarities between synsets as npz: ``synsets``, ``measures`` and an array (n_measures, n, n)."""
    write_arrays(
        path,
        synsets=np.array(synsets),
        measures=np.array(list(similarities)),
        similarities=np.array(list(similarities.values())),
    )


def read_similarities(path: str | Path) -> tuple[list[str], dict[str, np.ndarray]]:
    """Synsets, and their similarities by measure, that `write_similarities` wrote.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If there are none, or the file is something else.
    """
    names = ("synsets", "measures", "similarities")
    arrays = read_arrays(path, names, what="WordNet similarities of synsets")
    similarities = dict(zip(map(str, arrays["measures"]), arrays["similarities"], strict=True))
    return [str(name) for name in arrays["synsets"]], similarities
