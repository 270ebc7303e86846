"""Truths about WordNet: that it is found, what a cell of the stimulus table names, and how alike two synsets are."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from isoprune.errors import MissingFileError, TooFewImagesError, UnknownNameError, UnreadableFileError
from isoprune.io.tables import read_stimuli
from isoprune.io.wordnet import lay_out_wordnet, load_wordnet
from isoprune.wordnet import (
    SIMILARITIES,
    find_synset,
    read_similarities,
    synset_table,
    wordnet_similarity,
    write_similarities,
)

STUDIES = Path(__file__).parents[2] / "config" / "studies"
DATABASE = [f"{part}.{kind}" for part in ("data", "index") for kind in ("noun", "verb", "adj", "adv")]
DATABASE += [*(f"{kind}.exc" for kind in ("noun", "verb", "adj", "adv")), "index.sense"]


@pytest.fixture(scope="module")
def wordnet():
    try:
        return load_wordnet()
    except MissingFileError as problem:
        pytest.skip(str(problem))


def stimuli(*synsets):
    return pd.DataFrame({"stimulus": [f"img_{i}" for i in range(len(synsets))], "synset": synsets})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of NLTK's data that NLTK forgets afterwards."""
    import nltk.data

    monkeypatch.setattr(nltk.data, "path", list(nltk.data.path))
    return tmp_path


def test_absent_wordnet_is_told_with_both_ways_to_get_it(folder):
    with pytest.raises(MissingFileError) as problem:
        load_wordnet(folder)
    assert "python -m nltk.downloader wordnet" in str(problem.value)
    assert "apt-get install wordnet-base wordnet-sense-index" in str(problem.value)
    assert f"there is none in '{folder}'" in str(problem.value)


def test_absent_nltk_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "nltk.data", None)
    monkeypatch.setitem(sys.modules, "nltk", None)
    with pytest.raises(MissingFileError, match=r"package nltk is not installed.*isoprune\[wordnet\]"):
        load_wordnet()


def test_what_is_not_wordnet_is_refused(folder):
    (folder / "corpora" / "wordnet").mkdir(parents=True)
    with pytest.raises(UnreadableFileError, match="does not hold WordNet"):
        load_wordnet(folder)


def test_database_of_a_package_is_laid_out_with_the_file_that_it_lacks(tmp_path):
    source = tmp_path / "wordnet"
    source.mkdir()
    for name in DATABASE:
        (source / name).write_text(name)
    there = lay_out_wordnet(source, tmp_path / "nltk_data")
    assert there == tmp_path / "nltk_data" / "corpora" / "wordnet"
    assert {path.name for path in there.iterdir()} == {*DATABASE, "lexnames"}
    lines = [line.split() for line in (there / "lexnames").read_text().splitlines()]
    assert len(lines) == 45
    # lexnames(5WN): number, name, syntactic category.
    assert [lines[number] for number in (0, 3, 13, 44)] == [
        ["00", "adj.all", "3"],
        ["03", "noun.Tops", "1"],
        ["13", "noun.food", "1"],
        ["44", "adj.ppl", "3"],
    ]


def test_incomplete_database_is_refused(tmp_path):
    (tmp_path / "data.noun").write_text("")
    with pytest.raises(MissingFileError, match=r"no index\.noun, noun\.exc.*wordnet-sense-index"):
        lay_out_wordnet(tmp_path, tmp_path / "nltk_data")


def test_name_and_number_of_imagenet_mean_the_same_synset(wordnet):
    assert find_synset(wordnet, "dog.n.01", "here") == find_synset(wordnet, "n02084071", "here")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("dog.n.99", "Did you mean 'dog.n.01'"),
        ("giraff.n.01", "Did you mean 'giraffe.n.01'"),
        ("dog", "Did you mean 'dog.n.01'"),
        ("run.v.01", "Did you mean 'run.n.01'"),
        ("n02084072", "Did you mean 'dog.n.01'"),
        ("zzzzqqq.n.01", "Leave the cell empty"),
    ],
)
def test_unknown_synset_is_told_with_the_nearest(wordnet, name, hint):
    with pytest.raises(UnknownNameError) as problem:
        find_synset(wordnet, name, "stimulus 'x'")
    assert str(problem.value).startswith(f"stimulus 'x': there is no synset '{name}' among the nouns")
    assert hint in str(problem.value)


def test_table_names_the_stimulus_of_an_unknown_synset(wordnet):
    table = stimuli("dog.n.01", "cat.n.01", "lion.n.01", "no_such_beast.n.01")
    with pytest.raises(UnknownNameError, match="column 'synset', stimulus 'img_3'"):
        synset_table(wordnet, table)


def test_stimuli_without_synset_stay_in_the_table_without_one(wordnet):
    table = synset_table(
        wordnet, stimuli("n02084071", None, "cat.n.01", "lion.n.01", "dog.n.01", "wolf.n.01")
    )
    assert table["synset"].fillna("").tolist() == [
        "dog.n.01",
        "",
        "cat.n.01",
        "lion.n.01",
        "dog.n.01",
        "wolf.n.01",
    ]
    assert {"carnivore.n.01", "entity.n.01"} <= set(table["hypernyms"][0].split())
    assert "dog.n.01" not in table["hypernyms"][0].split()


def test_fewer_than_four_synsets_are_refused(wordnet):
    with pytest.raises(TooFewImagesError, match=r"column 'synset': 2 different synset\(s\)"):
        synset_table(wordnet, stimuli("dog.n.01", "cat.n.01", "n02084071", None))


def test_similarities_are_those_of_the_formulas(wordnet):
    synsets = ["dog.n.01", "cat.n.01", "car.n.01"]
    path, wu_palmer, leacock_chodorow = (wordnet_similarity(wordnet, synsets, one) for one in SIMILARITIES)
    # Four steps up and down over carnivore.n.01.
    assert path[0, 1] == 0.2
    one, other = (find_synset(wordnet, name, "here") for name in synsets[:2])
    (common,) = one.lowest_common_hypernyms(other)
    depths = [max(len(way) for way in synset.hypernym_paths()) for synset in (common, one, other)]
    assert wu_palmer[0, 1] == pytest.approx(2 * depths[0] / (depths[1] + depths[2]))
    # The deepest noun lies 19 steps below entity.n.01.
    assert leacock_chodorow[0, 1] == pytest.approx(-np.log(5 / (2 * 19)))
    for values in (path, wu_palmer, leacock_chodorow):
        assert (values[0, 1] > values[[0, 1], 2]).all()
        np.testing.assert_array_equal(values, values.T)
        assert np.isnan(np.diag(values)).all()


def test_similarities_come_back_from_their_file(wordnet, tmp_path):
    synsets = ["cat.n.01", "dog.n.01"]
    given = {measure: wordnet_similarity(wordnet, synsets, measure) for measure in ("path", "wu-palmer")}
    write_similarities(tmp_path / "similarities.npz", synsets, given)
    names, found = read_similarities(tmp_path / "similarities.npz")
    assert names == synsets
    for measure, values in given.items():
        np.testing.assert_array_equal(found[measure], values)


def test_unknown_measure_is_told(wordnet):
    with pytest.raises(UnknownNameError, match="no measure 'lin'"):
        wordnet_similarity(wordnet, ["dog.n.01", "cat.n.01"], "lin")


def test_every_kind_of_fruit_is_mapped_to_one_fruit_that_is_eaten(wordnet):
    table = read_stimuli(STUDIES / "peterson_stimuli.tsv").query("set == 'fruits'")
    assert len(table) == 120
    kinds = table.groupby("kind")["synset"].agg(lambda names: set(names.dropna()))
    assert len(kinds) == 40
    assert (kinds.map(len) <= 1).all()
    assert set(kinds.index[kinds.map(len) == 0]) == {"babaco", "bacuri", "deadmansfinger"}
    for name in table["synset"].dropna().unique():
        synset = find_synset(wordnet, name, "fruits")
        assert synset.name() == name and synset.lexname() == "noun.food"
        assert name == "coconut.n.02" or wordnet.synset("edible_fruit.n.01") in {
            one for path in synset.hypernym_paths() for one in path
        }
