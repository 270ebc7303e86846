"""Files of named arrays come back to the last bit, and say what is wrong with them."""

import numpy as np
import pytest

from isoprune.errors import MissingFileError, NotWritableError, UnreadableFileError
from isoprune.io.arrays import read_arrays, write_arrays

ARRAYS = {
    "x": np.array([[0.1, np.nan], [np.inf, -0.0]]),
    "names": np.array(["img_1", "Bär"]),
    "none": np.empty((0, 3)),
    "n": np.array(3),
    "yes": np.array([True, False]),
}


@pytest.fixture
def path(tmp_path):
    write_arrays(tmp_path / "one.npz", **ARRAYS)
    return tmp_path / "one.npz"


def test_arrays_come_back_to_the_last_bit(path):
    back = read_arrays(path, ARRAYS, what="things")
    assert list(back) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
        assert back[name].tobytes() == array.tobytes()


def test_equal_arrays_give_equal_bytes_whenever_they_are_written(path, tmp_path, monkeypatch):
    monkeypatch.setattr("time.localtime", lambda *_: (2031, 1, 1, 0, 0, 0, 0, 0, 0))
    write_arrays(tmp_path / "other.npz", **ARRAYS)
    assert (tmp_path / "other.npz").read_bytes() == path.read_bytes()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["one.npz", "other.npz"]


@pytest.mark.parametrize("length", [0, 1, 40, 300, -30, -1])
def test_file_cut_off_anywhere_is_a_named_error(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UnreadableFileError, match=r"one.npz: it .*elete it .*run again"):
        read_arrays(path, what="things")


def test_other_files_are_told_from_ours(path):
    with pytest.raises(UnreadableFileError, match=r"does not hold things \(it lacks a, b\)"):
        read_arrays(path, ["x", "a", "b"], what="things")
    path.write_text("text")
    with pytest.raises(UnreadableFileError):
        read_arrays(path, what="things")
    np.savez(path, x=np.zeros(3))
    with pytest.raises(UnreadableFileError, match="it has no seal"):
        read_arrays(path, what="things")
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(UnreadableFileError):
        read_arrays(path, what="things")


def test_nothing_is_unpickled(path):
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("it was run",)

    with path.open("wb") as file:
        np.savez(file, a=np.array([Trap()], dtype=object))
    with pytest.raises(UnreadableFileError, match="it does not hold things"):
        read_arrays(path, what="things")


def test_missing_file_and_place_are_told(tmp_path):
    with pytest.raises(MissingFileError, match="things"):
        read_arrays(tmp_path / "absent.npz", what="things")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritableError):
        write_arrays(tmp_path / "file" / "one.npz", **ARRAYS)
