"""Units of one job: each takes of what the job reads that which ranks and scores it."""

import numpy as np
import pandas as pd
import pytest

from examples import random_target
from isoprune.batches import JobInputs, read_rdms
from isoprune.errors import InferenceError, LabelError
from isoprune.io.rdms import write_rdm
from isoprune.labelled import RDM, Embedding

LABELS = tuple(f"image {i}" for i in range(6))
PEOPLE = ("01", "02", "03", "group")
VALUES = {
    (target, who): random_target(len(LABELS), 10 * number + i)
    for number, target in enumerate(("EVC", "IT"))
    for i, who in enumerate(PEOPLE)
}
FOUND = {key: (f"{key}.h5", RDM(values, LABELS, *key)) for key, values in VALUES.items()}
NUISANCES = {("gabor", "group"): ("gabor.h5", RDM(random_target(6, 5), LABELS, "gabor", "group"))}
STIMULI = pd.DataFrame({"stimulus": [*LABELS, "another"]})


def inputs(subject, supervision, rdms=FOUND, nuisances=NUISANCES, rivals=("EVC",)):
    embedding = Embedding(np.random.default_rng(0).standard_normal((6, 4)), LABELS, "net")
    job = JobInputs(embedding, STIMULI, rdms, nuisances, {"embedding": "e.h5", "stimuli": "s.tsv"})
    return job.of_unit({"target": "IT", "subject": subject, "supervision": supervision}, rivals)


@pytest.mark.parametrize(("subject", "supervision"), [("02", "own"), ("group", "group")])
def test_ranked_by_its_own_rdm(subject, supervision):
    found = inputs(subject, supervision)
    for rdm in (found.scored, found.supervising):
        np.testing.assert_array_equal(rdm.values, VALUES["IT", subject])
    np.testing.assert_array_equal(found.rivals["EVC"].values, VALUES["EVC", subject])
    own = f"{('IT', subject)}.h5"
    tables = {"embedding": "e.h5", "stimuli": "s.tsv", "nuisances": ["gabor.h5"]}
    assert found.files == {"rdm": own, "ranking": [own], **tables}
    assert list(found.stimuli["stimulus"]) == list(LABELS)


def test_subject_left_out_is_ranked_by_all_others_and_never_by_the_group():
    found = inputs("02", "loso")
    np.testing.assert_array_equal(found.scored.values, VALUES["IT", "02"])
    for rdm, target in ((found.supervising, "IT"), (found.rivals["EVC"], "EVC")):
        mean = (VALUES[target, "01"] + VALUES[target, "03"]) / 2
        np.testing.assert_allclose(rdm.values, mean, rtol=0, atol=1e-15)
    assert found.files["ranking"] == [f"{('IT', who)}.h5" for who in ("01", "03")]


def test_what_other_units_of_the_job_need_changes_nothing():
    alone = {key: FOUND[key] for key in FOUND if key[1] == "02"}
    one, among_others = (inputs("02", "own", rdms) for rdms in (alone, FOUND))
    np.testing.assert_array_equal(one.supervising.values, among_others.supervising.values)
    assert one.rivals.keys() == among_others.rivals.keys() and one.files == among_others.files


def test_target_is_no_nuisance_to_itself():
    both = {**NUISANCES, ("IT", "group"): FOUND["IT", "group"], ("EVC", "group"): FOUND["EVC", "group"]}
    found = inputs("02", "own", nuisances=both)
    assert [rdm.target for rdm in found.nuisances] == ["gabor", "EVC"]
    assert found.files["nuisances"] == ["gabor.h5", f"{('EVC', 'group')}.h5"]


def test_only_targets_that_are_asked_for_are_rivals():
    assert inputs("02", "own", rivals=()).rivals == {}


def test_file_that_holds_another_subject_is_an_error():
    with pytest.raises(LabelError, match="subject '02': RDMs of IT of 01; expected its RDM among them"):
        inputs("02", "own", {("IT", "01"): FOUND["IT", "01"]})
    with pytest.raises(LabelError, match="RDMs of nobody"):
        inputs("02", "own", {})


def test_nobody_left_to_rank_is_an_error():
    with pytest.raises(InferenceError):
        inputs("02", "loso", {("IT", "02"): FOUND["IT", "02"]})


def test_rdms_are_known_by_what_their_files_say(tmp_path):
    paths = [tmp_path / f"{number}.h5" for number in range(2)]
    for path, key in zip(paths, (("IT", "03"), ("EVC", "01")), strict=True):
        write_rdm(path, RDM(VALUES[key], LABELS, *key))
    read = read_rdms(paths)
    assert {key: path for key, (path, _) in read.items()} == {("IT", "03"): paths[0], ("EVC", "01"): paths[1]}
    np.testing.assert_array_equal(read["IT", "03"][1].values, VALUES["IT", "03"])
