"""Files appear whole or not at all, and a folder that cannot be written to is named."""

import os
import re
import resource
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

import isoprune
from isoprune.errors import MissingFileError, NotWritableError, UnreadableFileError
from isoprune.figures.style import save
from isoprune.io.arrays import write_arrays
from isoprune.io.betas import bold
from isoprune.io.files import check_writable, existing, read_json, replacing, write_json, write_text
from isoprune.io.rsatoolbox import write_rsatoolbox


def test_failed_write_leaves_the_old_content_and_nothing_else(tmp_path):
    path = tmp_path / "table.tsv"
    write_text(path, "old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_reader_never_sees_a_half_file(tmp_path):
    path = tmp_path / "table.tsv"
    write_text(path, "old")
    with replacing(path) as temporary:
        temporary.write_text("ne")
        assert path.read_text() == "old"
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_reader_in_the_middle_of_a_file_keeps_the_file_it_opened(tmp_path):
    path = tmp_path / "table.tsv"
    write_text(path, "old content")
    with path.open() as reader:
        assert reader.read(3) == "old"
        write_text(path, "new content")
        assert reader.read() == " content"
        assert path.read_text() == "new content"
        reader.seek(0)
        assert reader.read() == "old content"


def test_folders_are_made_on_the_way(tmp_path):
    write_json(tmp_path / "a" / "b" / "c.json", {"ü": [1, None]})
    assert read_json(tmp_path / "a" / "b" / "c.json") == {"ü": [1, None]}


def test_path_below_a_file_cannot_be_written(tmp_path):
    write_text(tmp_path / "file", "")
    with pytest.raises(NotWritableError, match=r"file/below.*cannot be written .*setting `results_dir`"):
        write_text(tmp_path / "file" / "below", "")


@pytest.fixture
def small_files():
    """Files may have 100 bytes: larger ones meet what a full disk does to them, without one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def large_image(path):
    bold._write_image(
        path, np.random.default_rng(0).normal(size=(5, 5, 5)), SimpleNamespace(affine=np.eye(4))
    )


def large_figure(path):
    figure = Figure()
    figure.subplots()
    save(figure, path)


LARGE = {
    "a.json": lambda path: write_json(path, {"a": list(range(100))}),
    "a.npz": lambda path: write_arrays(path, a=np.arange(100)),
    "a.h5": lambda path: write_rsatoolbox(path, {"a": np.arange(100)}),
    "a.nii.gz": large_image,
    "a.svg": large_figure,
    "a.png": large_figure,
}


@pytest.mark.parametrize("name", LARGE)
def test_file_that_the_disk_has_no_room_for_is_named_and_leaves_nothing(small_files, tmp_path, name):
    with pytest.raises(NotWritableError, match=rf"{re.escape(name)}: it cannot be written \(.*Make room"):
        LARGE[name](tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_results_folder_below_a_file_is_refused_before_anything_is_computed(tmp_path):
    write_text(tmp_path / "file", "")
    with pytest.raises(
        NotWritableError, match=r"'.*file' is not a folder; expected a folder that you may write to"
    ):
        check_writable(tmp_path / "file" / "results")


def test_results_folder_without_permission_is_refused(tmp_path, monkeypatch):
    # Permissions do not bind the superuser, whom tests may run as: the answer of the system is replaced.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(NotWritableError, match="no permission to write to"):
        check_writable(tmp_path / "results")


def test_folder_that_can_be_made_is_accepted(tmp_path):
    check_writable(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()


def test_missing_file_says_who_names_it(tmp_path):
    with pytest.raises(MissingFileError, match=r"stimuli.table: '.*stimuli.tsv' is not a file"):
        existing(tmp_path / "stimuli.tsv", where="stimuli.table", remedy="Correct the path.")


def test_truncated_json_is_named(tmp_path):
    write_text(tmp_path / "facts.json", '{"a": 1')
    with pytest.raises(UnreadableFileError, match=r"facts.json: it is not JSON"):
        read_json(tmp_path / "facts.json")


def test_every_file_of_the_library_is_written_in_one_step():
    source = Path(isoprune.__file__).parent
    direct = re.compile(r"\.write_(text|bytes)\(|np\.savetxt\(|\.to_csv\(")
    files = [*source.rglob("*.py"), *(source.parents[1] / "workflow" / "scripts").glob("*.py")]
    assert [path.name for path in files if direct.search(path.read_text(encoding="utf-8"))] == ["files.py"]
