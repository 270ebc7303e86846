"""The published study: as it is set up, and its one published ranking through the whole workflow."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

import king
from isoprune.datasets import fetch
from workflow_study import ROOT, in_environments

STUDY = ROOT / "config" / "studies" / "king2019.yaml"


def snakemake(folder, *arguments, settings=None):
    configs = [str(STUDY)]
    if settings:
        (folder / "less.yaml").write_text(yaml.safe_dump(settings))
        configs.append("less.yaml")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
    command += ["--configfile", *configs, "--config", "data_dir=data", *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env=in_environments(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout


def test_it_is_fetched_first_and_then_all_units_are_planned_as_it_stands(tmp_path):
    king.put(tmp_path / "mirror" / "king2019", king.rdms(n_subjects=20))
    status, said = snakemake(tmp_path, "mirror=mirror")
    assert status == 0 and "Give the same command again" in said, said[-4000:]
    status, said = snakemake(tmp_path, "--dry-run")
    assert status == 0, said[-4000:]
    # Per area and set: the group's unit, and two (own, loso) of each of 20 people.
    assert re.search(rf"^prune +{6 * 41}$", said, re.MULTILINE), said[:4000]
    assert said.count("Read the RDM of ") == 6 * 20


def test_another_number_of_people_than_the_settings_have_is_told_before_any_job(tmp_path):
    king.put(tmp_path / "data" / "king2019", king.rdms(n_subjects=4))
    fetch("king2019", tmp_path / "data")
    status, said = snakemake(tmp_path, "--dry-run")
    assert status != 0 and "it holds the RDMs of 4 subject(s); expected 20" in said, said[-4000:]


@pytest.fixture(scope="module")
def retained(data_dir, tmp_path_factory):
    """The final set for PPA, set 2, whose group mean is the target that the published procedure was run on."""
    folder = tmp_path_factory.mktemp("king2019")
    parity = np.load(data_dir / "king2019" / "parity.npz")
    distances = king.rdms(n_subjects=2)
    noise = 0.1 * (distances["PPA"]["set1"][0] - 0.5)
    distances["PPA"]["set2"] = parity["target"] + np.stack([noise, -noise])
    king.put(folder / "data" / "king2019", distances)
    features = np.load(data_dir / "king2019" / "set2_repr_classifier_3.npy")
    np.save(folder / "data" / "vgg19.npy", np.concatenate([features[::-1], features]))
    settings = {
        "subjects": ["01", "02"],
        "networks": [{"name": "vgg19", "file": "vgg19.npy", "labels": "table"}],
        "nuisance": [],
        "supervision": ["group"],
        "crossvalidation": {"n_splits": 2, "n_repeats": 1, "n_random": 50},
        "inference": {"n_permutations": 1, "n_bootstrap_images": 100},
        "specificity": {"n_relabelled": 0, "n_variance": 10},
    }
    fetch("king2019", folder / "data")
    table = "results/king2019/retained/net-vgg19_target-PPAset2_sub-group_sup-group_retained.tsv"
    status, said = snakemake(folder, "--", table, settings=settings)
    assert status == 0, said[-6000:]
    return pd.read_csv(folder / table, sep="\t"), parity


def test_the_published_ranking_comes_out_of_the_published_file(retained):
    table, parity = retained
    kept = table[table["in_final"] == 1].sort_values("rank")
    assert len(kept) == parity["n_retained"]
    assert list(kept["feature"]) == list(parity["ranking"][: len(kept)])
