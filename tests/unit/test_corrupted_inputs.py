"""A file that a user gives is read or refused by name, whatever happened to it; a checksum that it has is heeded."""

import numpy as np
import pytest

from damage import cuts, flips
from input_files import INPUTS
from isoprune.errors import IsopruneError


def read_or_refused(kind, path):
    """What comes of reading an input: its content, or None if it is refused by name; any other error is one of ours."""
    try:
        return INPUTS[kind].read(path)
    except IsopruneError as problem:
        assert path.name in str(problem)
        return None


def same(one, other) -> bool:
    try:
        np.testing.assert_equal(one, other)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("kind", INPUTS)
def test_an_empty_input_and_one_of_another_type_are_refused(kind, tmp_path):
    INPUTS[kind].write(path := tmp_path / kind)
    assert read_or_refused(kind, path) is not None
    for content in (
        b"",
        b"\n",
        bytes(2000),
        b"<html>not found</html>\n",
        b"\x89PNG\r\n\x1a\n",
        b"\x1f\x8b\x08",
    ):
        path.write_bytes(content)
        assert read_or_refused(kind, path) is None, content


@pytest.mark.filterwarnings("ignore")  # of libraries, about what they read
@pytest.mark.parametrize("kind", INPUTS)
def test_a_damaged_input_is_refused_or_has_no_checksum(kind, tmp_path):
    """What no checksum guards (text, `.npy`, `.mat`, plain NIfTI, pixels) can change unnoticed, but nothing breaks."""
    INPUTS[kind].write(path := tmp_path / kind)
    content, own = path.read_bytes(), INPUTS[kind].read(path)
    for what, changed in [*flips(content), *cuts(content)]:
        path.write_bytes(changed)
        found = read_or_refused(kind, path)
        if INPUTS[kind].checked:
            assert found is None or same(found, own), what
