"""What SciPy reads of MATLAB files is what comes; a wrong byte is an error, and never the end of the process."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from isoprune.io.matlab import load_mat

CONTENT = {
    "numbers": np.arange(12.0).reshape(3, 4),
    "whole": np.arange(5, dtype=np.int16),
    "complex": np.array([1 + 2j, 3]),
    "text": "Bär",
    "lines": ["img_1", "img_10"],
    "none": np.empty((0, 3)),
    "yes": np.array([True, False]),
    "sparse": scipy.sparse.csc_matrix(np.eye(3)),
    "cells": np.array([np.eye(2), "one", np.array([])], dtype=object),
    "struct": {"RDM": np.eye(3), "name": "a", "inner": {"n": 1}},
    "structs": [{"RDM": np.eye(2), "name": "a"}, {"RDM": np.ones((2, 2)), "name": "b"}],
}
EVERY_BYTE = """
import pathlib, sys
from isoprune.io.matlab import load_mat
path = pathlib.Path(sys.argv[1])
content = path.read_bytes()
for place in range(len(content)):
    for bits in (1, 8, 128):
        path.write_bytes(content[:place] + bytes([content[place] ^ bits]) + content[place + 1 :])
        try:
            load_mat(path, simplify_cells=True)
        except Exception:
            continue
print(len(content), "bytes")
"""


@pytest.mark.parametrize("form", [{}, {"do_compression": True}, {"format": "4"}])
def test_everything_is_read_as_scipy_reads_it(tmp_path, form):
    old = "format" in form
    content = {name: CONTENT[name] for name in ("numbers", "complex", "text")} if old else CONTENT
    scipy.io.savemat(tmp_path / "x.mat", content, **form)
    for options in ({}, {"simplify_cells": True}, {"variable_names": ["numbers"]}):
        expected = scipy.io.loadmat(tmp_path / "x.mat", **options)
        found = load_mat(tmp_path / "x.mat", **options)
        assert repr(found) == repr(expected)


def test_a_wrong_byte_never_ends_the_process(tmp_path):
    """SciPy alone dies of some of these bytes, by a bus error or a segmentation fault."""
    some = {name: CONTENT[name] for name in ("complex", "text", "cells", "struct")}
    scipy.io.savemat(tmp_path / "x.mat", some)
    command = [sys.executable, "-W", "ignore", "-c", EVERY_BYTE, str(tmp_path / "x.mat")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
    assert "bytes" in done.stdout


def test_entries_that_are_not_there_are_not_made_room_for(tmp_path):
    scipy.io.savemat(tmp_path / "x.mat", {"cells": np.array(["a", "b"], dtype=object)})
    content = (tmp_path / "x.mat").read_bytes()
    shape = np.array([1, 2], dtype="<i4").tobytes()
    (tmp_path / "x.mat").write_bytes(content.replace(shape, np.array([2**20, 2**20], "<i4").tobytes(), 1))
    with pytest.raises(ValueError, match="2 entries of 1099511627776"):
        load_mat(tmp_path / "x.mat")


def test_arrays_inside_arrays_have_an_end(tmp_path):
    nested = np.array([1.0])
    for _ in range(60):
        nested = np.array([nested, None], dtype=object)[:1]
    scipy.io.savemat(tmp_path / "x.mat", {"x": nested})
    with pytest.raises(ValueError, match="more than 50 deep"):
        load_mat(tmp_path / "x.mat")
