"""A file that isoprune wrote is read as it was written or refused by name; it never gives another number."""

import shutil

import pandas as pd
import pytest

from damage import cuts, every_flip, flips
from isoprune.bootstrap import joined
from isoprune.errors import InferenceError, IsopruneError, LabelError
from isoprune.io.files import write_text
from isoprune.io.tables import read_stimuli, write_table
from isoprune.results import UNIT, once_each
from own_files import KINDS, bootstrap, write_own


def said(read, path) -> str | None:
    """What a reader says of a file that it refuses, by name; None where it reads it."""
    try:
        read(path)
    except IsopruneError as problem:
        assert str(path.with_suffix("")) in str(problem)
        return str(problem)
    return None


def read_in_silence(kind, path, file, changes) -> list[str]:
    """Which of some changes of one file of a kind are not refused."""
    content = file.read_bytes()
    passed = []
    for what, changed in changes(content):
        file.write_bytes(changed)
        if said(KINDS[kind].read, path) is None:
            passed.append(what)
    file.write_bytes(content)
    return passed


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_is_read(kind, tmp_path):
    path = write_own(kind, tmp_path)
    assert said(KINDS[kind].read, path) is None
    elsewhere = tmp_path / "other results" / path.name
    elsewhere.parent.mkdir()
    for file in KINDS[kind].files(path):
        shutil.copy(file, elsewhere.with_suffix(file.suffix))
    assert said(KINDS[kind].read, elsewhere) is None


@pytest.mark.parametrize("changes", [flips, cuts])
@pytest.mark.parametrize("kind", KINDS)
def test_no_damage_to_a_file_of_ours_is_read(kind, changes, tmp_path):
    path = write_own(kind, tmp_path)
    for file in KINDS[kind].files(path):
        assert read_in_silence(kind, path, file, changes) == []


@pytest.mark.parametrize("other", [{"subject": "02"}, {"network": "alexnet"}])
@pytest.mark.parametrize("kind", KINDS)
def test_the_file_of_another_unit_is_refused(kind, other, tmp_path):
    path, another = write_own(kind, tmp_path), write_own(kind, tmp_path, **other, seed=5)
    for file, from_another in zip(KINDS[kind].files(path), KINDS[kind].files(another), strict=True):
        own = file.read_bytes()
        shutil.copy(from_another, file)
        assert said(KINDS[kind].read, path) is not None
        file.write_bytes(own)
    for file, from_another in zip(KINDS[kind].files(path), KINDS[kind].files(another), strict=True):
        shutil.copy(from_another, file)
    assert "it was written as" in said(KINDS[kind].read, path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_another_kind_is_refused(kind, tmp_path):
    path = write_own(kind, tmp_path)
    for other in KINDS:
        if other != kind:
            shutil.copy(write_own(other, tmp_path, "02"), path)
            assert said(KINDS[kind].read, path) is not None


def test_a_file_that_its_owner_renamed_is_read_under_a_name_that_says_nothing(tmp_path):
    path = write_own("rdm.h5", tmp_path)
    assert said(KINDS["rdm.h5"].read, path.rename(tmp_path / "mine.h5")) is None


@pytest.mark.parametrize("kind", ["retained.tsv", "desc-ridge_weights.tsv"])
def test_a_table_that_is_to_be_kept_may_be_renamed(kind, tmp_path):
    path = write_own(kind, tmp_path)
    for file in KINDS[kind].files(path):
        file.rename(tmp_path / f"mine{file.suffix}")
    assert said(KINDS[kind].read, tmp_path / "mine.tsv") is None


def test_a_table_of_a_study_is_not_read_as_another_of_its_tables(tmp_path):
    kind = KINDS["folds.tsv"]
    kind.write(tmp_path / "contrasts.tsv", 0)
    for file in kind.files(tmp_path / "contrasts.tsv"):
        shutil.copy(file, tmp_path / f"summary{file.suffix}")
    assert "it was written as 'contrasts.json'" in said(kind.read, tmp_path / "summary.tsv")
    assert said(kind.read, tmp_path / "contrasts.tsv") is None


def test_a_file_of_ours_without_its_seal_is_refused(tmp_path):
    for kind in ("rdm.h5", "facts.json", "null.npz"):
        path = write_own(kind, tmp_path)
        path.write_bytes(path.read_bytes().replace(b"sealed by isoprune", b"without by isopru"))
        assert said(KINDS[kind].read, path) is not None
    write_text(path := tmp_path / "facts.json", '{"n": 1}\n')
    assert "it has no seal" in said(KINDS["facts.json"].read, path)


def test_stimuli_of_a_study_are_never_read_otherwise_than_they_were_written(tmp_path):
    path = tmp_path / "stimuli.tsv"
    table = pd.DataFrame({"stimulus": ["img_1", "img_2"], "category": ["face", "house"]})
    write_table(path, table, {"stimulus": "Label", "category": "Category"})
    for file in (path, path.with_suffix(".json")):
        content = file.read_bytes()
        for what, changed in [*every_flip(content), *cuts(content)]:
            file.write_bytes(changed)
            # A sidecar that no longer says that it is ours is a user's, and describes the table that was written.
            assert said(read_stimuli, path) or read_stimuli(path).equals(table), what
        file.write_bytes(content)


# ------------------------------------------------------------ files of one name in two folders of a unit


def test_scores_that_stand_in_two_files_of_a_unit_are_refused():
    row = {**dict.fromkeys(UNIT, "x"), "repeat": 1, "fold": 1}
    scores = pd.DataFrame([{**row, "competitor": name} for name in ("full", "pruned", "label")])
    assert once_each(scores) is scores
    with pytest.raises(LabelError, match=r"two of competitor pruned in one fold.*lies in another's folder"):
        once_each(pd.concat([scores, scores[1:2]]))


def test_resampled_scores_that_stand_in_two_files_of_a_unit_are_refused():
    with pytest.raises(InferenceError, match=r"full, pruned in two files"):
        joined(bootstrap(0), bootstrap(1))
