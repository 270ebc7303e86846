"""What killed jobs and a clock that was set back leave is tidied up, and nothing else."""

import os
import signal
import subprocess
import sys
import time

import pytest

from isoprune.io.files import write_text
from isoprune.io.leftovers import tidy

DIES = """
import os, signal, sys
from isoprune.io.files import replacing
with replacing(sys.argv[1]) as temporary:
    temporary.write_text("half")
    {then}
"""


def start(path, then):
    """Another process that begins to write a file."""
    command = [sys.executable, "-c", DIES.format(then=then), str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_file_of_a_job_that_is_killed_while_it_writes_is_the_old_one_and_its_beginning_is_removed(tmp_path):
    write_text(tmp_path / "a" / "table.tsv", "old")
    assert (
        start(tmp_path / "a" / "table.tsv", "os.kill(os.getpid(), signal.SIGKILL)").wait() == -signal.SIGKILL
    )
    assert (tmp_path / "a" / "table.tsv").read_text() == "old"
    assert len(list(tmp_path.rglob("*.tmp.*"))) == 1
    tidy(tmp_path)
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a" / "table.tsv"]


def test_what_a_job_still_writes_is_left_to_it(tmp_path):
    with start(tmp_path / "table.tsv", "print('begun', flush=True); signal.pause()") as writer:
        try:
            assert writer.stdout.readline() == "begun\n"
            tidy(tmp_path)
            assert len(list(tmp_path.glob("*.tmp.*"))) == 1
        finally:
            writer.kill()


def test_what_a_job_of_another_machine_writes_is_left_to_it(tmp_path):
    (tmp_path / ".00000000-999999999-0123abcd.tmp.table.tsv").touch()
    tidy(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(("ahead", "kept"), [(3600, False), (5, True), (-3600, True)])
def test_files_from_the_future_are_made_old(tmp_path, ahead, kept):
    write_text(path := tmp_path / "table.tsv", "1")
    written = time.time() + ahead
    os.utime(path, (written, written))
    tidy(tmp_path)
    assert (path.stat().st_mtime == pytest.approx(written)) == kept
    assert path.stat().st_mtime <= written
    assert path.read_text() == "1"


def test_folder_that_is_not_there_is_no_problem(tmp_path):
    tidy(tmp_path / "results")
    assert not (tmp_path / "results").exists()
