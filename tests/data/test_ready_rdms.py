"""Real RDM files in the formats in which people share them."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from isoprune.errors import LabelError, RDMError
from isoprune.io.rdms import read_rdm, write_rdm
from isoprune.io.ready_rdms import hash_of_subject, read_ready_rdms
from isoprune.rdms import group_mean

DATA = Path(__file__).parents[2] / "../shared/data"
IMAGES = tuple(f"image_{number:02d}" for number in range(1, 93))

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real data are not at {DATA}")


def test_cichy92_has_fifteen_subjects(tmp_path):
    path = DATA / "cichy92" / "fmri_IT_RDMs.npz"
    rdms = read_ready_rdms(path, target="IT", labels=IMAGES)
    assert list(rdms) == [f"{number:02d}" for number in range(1, 16)]
    stored = np.load(path)["Net_RDM"]
    np.testing.assert_allclose(rdms["15"].values, stored[14], rtol=0, atol=1e-12)
    mean = group_mean(list(rdms.values()), "IT")
    assert mean.labels == IMAGES
    np.testing.assert_allclose(mean.values, stored.mean(axis=0), rtol=0, atol=1e-12)
    write_rdm(tmp_path / "rdm.h5", mean)
    np.testing.assert_array_equal(read_rdm(tmp_path / "rdm.h5", expect_subject="group").values, mean.values)


def test_cichy92_is_hashed_subject_by_subject_in_little_time():
    path = DATA / "cichy92" / "fmri_IT_RDMs.npz"
    started = time.perf_counter()
    hashes = {hash_of_subject(path, subject=f"{n:02d}", labels=IMAGES) for n in range(1, 16)}
    assert len(hashes) == 15
    assert time.perf_counter() - started < 2


def test_cichy92_refuses_a_wrong_number_of_subjects():
    with pytest.raises(LabelError, match=r"RDMs of 15 subject\(s\); expected 16"):
        names = [f"{n:02d}" for n in range(16)]
        read_ready_rdms(DATA / "cichy92" / "fmri_IT_RDMs.npz", target="IT", labels=IMAGES, subjects=names)


def test_mur92_is_a_struct_array_of_sixteen_people():
    rdms = read_ready_rdms(DATA / "mur92" / "92_behavRDMs.mat", target="judged", labels=IMAGES)
    # Their names ("simJudge | subject1") are no labels, so people are numbered in the order of the file.
    assert list(rdms) == [f"{number:02d}" for number in range(1, 17)]
    assert 0 < rdms["16"].values.max() < 0.1
    named = read_ready_rdms(
        DATA / "mur92" / "92_behavRDMs.mat", target="judged", key="rdms_behav_92", labels=IMAGES
    )
    np.testing.assert_array_equal(named["03"].values, rdms["03"].values)


def test_peterson_similarities_must_be_declared():
    path = DATA / "peterson" / "animals_similarity.tsv"
    with pytest.raises(RDMError, match=r"animals_similarity\.tsv, .*with itself is 1; .*`similarity: true`"):
        read_ready_rdms(path, target="animals")
    rdm = read_ready_rdms(path, target="animals", similarity=True)["group"]
    assert len(rdm.labels) == 120 and rdm.labels[:2] == ("stim-0007", "stim-0019")
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    assert rdm.values[3, 7] == pytest.approx(1 - float(rows[4][8]), abs=1e-12)
