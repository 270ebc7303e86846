"""A study that compares its spaces with WordNet."""

import pandas as pd
import pytest

from isoprune.errors import MissingFileError
from isoprune.io.wordnet import load_wordnet


@pytest.fixture(scope="module")
def compared(finished, tmp_path_factory):
    """The finished tiny study, after a run that compares it with WordNet."""
    import shutil

    from workflow_study import Study

    try:
        load_wordnet()
    except MissingFileError as problem:
        pytest.skip(str(problem))
    study = Study(shutil.copytree(finished.folder, tmp_path_factory.mktemp("wordnet") / "study"))
    study.settings(wordnet={"measures": ["path", "leacock-chodorow"]})
    study.planned_before = study.planned()
    study.snakemake()
    return study


def test_only_what_is_about_wordnet_runs(compared):
    assert compared.planned_before == [
        "Compare the spaces with WordNet",
        "Draw the agreement with WordNet",
        "Draw the spaces as trees",
        "Draw what the features look at that mine keeps for EVC",
        "Draw what the features look at that mine keeps for IT",
        "Look up in WordNet what the stimuli show",
        "See what the features look at that mine keeps",
        "Write the methods text and the checklist for reporting",
    ]


def test_kinds_of_things_that_drive_features_are_counted(compared):
    table = pd.read_csv(compared.results / "features/net-mine_target-IT_hypernyms.tsv", sep="\t")
    # Every animal among the stimuli is a placental, which stands for all hypernyms over the same synsets.
    assert {"carnivore.n.01", "placental.n.01"} <= set(table["hypernym"])
    assert "animal.n.01" not in set(table["hypernym"])
    assert (table["n_synsets"] == 14).all() and (table["n_top"] <= 8).all()
    page = (compared.results / "figures/net-mine_target-IT_features.html").read_text()
    assert "Kinds of things among the synsets that drive it most" in page


def test_agreement_is_given_for_every_unit_of_the_group(compared):
    table = pd.read_csv(compared.results / "wordnet.tsv", sep="\t")
    assert set(table["target"]) == {"EVC", "IT"} and set(table["network"]) == {"mine"}
    assert set(table["wordnet"]) == {"path", "leacock-chodorow"}
    assert (table[["n_images", "n_without_synset"]] == [14, 1]).all(axis=None)
    of_path, of_other = (table[table["wordnet"] == one].reset_index() for one in ("path", "leacock-chodorow"))
    pd.testing.assert_series_equal(of_path["agreement"], of_other["agreement"])
    assert {"wordnet.svg", "dendrograms.svg"} <= {
        path.name for path in (compared.results / "figures").iterdir()
    }


def test_missing_wordnet_stops_the_run_with_both_ways_to_get_it(compared):
    compared.settings(wordnet={"data": "nowhere"})
    said = compared.snakemake(check=False)
    assert "MissingFileError: WordNet: there is none in 'nowhere' (`wordnet.data`)" in said
    assert "nltk.downloader" in said and "apt-get install" in said


def test_settings_that_ask_for_a_column_that_is_not_there_are_refused_before_any_job(fresh):
    fresh.settings(wordnet={"column": "synsets"})
    assert "no column 'synsets'" in fresh.snakemake("--dry-run", check=False)
    fresh.settings(wordnet={}, supervision=["own"])
    assert "features are not ranked by the group's RDM" in fresh.snakemake("--dry-run", check=False)
