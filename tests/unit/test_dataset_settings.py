"""Settings that name data sets."""

from pathlib import Path

import pytest
import yaml

from isoprune.config import load
from isoprune.errors import ConfigError, UnknownNameError

CONFIG = Path(__file__).parents[2] / "config"
STUDIES = sorted((CONFIG / "studies").glob("*.yaml"))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_studies_name_the_data_sets_that_they_read(path):
    study = load(path)
    read = yaml.safe_dump(study.model_dump(mode="json", exclude={"datasets"}))
    folders = {name for name in ("ak6", "cichy92", "haxby2001", "king2019", "mur92", "peterson", "weights")}
    assert set(study.datasets) == {
        name for name in folders if f" {name}/" in read or f"images: {name}\n" in read
    }


def test_an_unknown_data_set_is_told_with_the_nearest():
    settings = yaml.safe_load((CONFIG / "studies" / "ak6.yaml").read_text())
    with pytest.raises(UnknownNameError, match=r"'datasets': there is no data set 'ak7'.*Did you mean 'ak6'"):
        load({**settings, "datasets": ["ak7"]})


def test_a_simulated_study_has_nothing_to_fetch():
    settings = yaml.safe_load((CONFIG / "config.yaml").read_text())
    with pytest.raises(ConfigError, match=r"'datasets': data sets are named, but the data are simulated"):
        load({**settings, "datasets": ["ak6"]})
