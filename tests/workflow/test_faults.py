"""Whatever happens to a run, the next one ends in the results of a run that nothing happened to."""

import shutil

import numpy as np
import pytest

from faults import (
    N_JOBS,
    PAGE,
    VICTIMS,
    YEAR,
    Demo,
    Moment,
    kill,
    mount,
    n_begun,
    on_a_disk,
    reason_against_mounting,
    reduced_demo,
    small_disk,
    wait_until,
)
from isoprune.errors import NotWritableError
from isoprune.io.files import replacing, reserve


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Demo:
    """The reduced demo after a run that nothing happened to."""
    demo = reduced_demo(tmp_path_factory.mktemp("undisturbed"))
    assert demo.run() == 0, demo.printed()[-6000:]
    return demo


@pytest.fixture(scope="module")
def expected(undisturbed) -> dict[str, bytes]:
    """Its results, byte for byte."""
    return undisturbed.content()


@pytest.fixture
def demo(tmp_path) -> Demo:
    """The reduced demo before any run."""
    return reduced_demo(tmp_path)


@pytest.fixture
def half(undisturbed, tmp_path) -> Demo:
    """The reduced demo after half a run: of seven rules, three have to run."""
    shutil.copytree(undisturbed.folder, tmp_path / "half")
    demo = Demo(tmp_path / "half")
    for folder in ("specificity", "figures"):
        shutil.rmtree(demo.results / folder)
    (demo.results / "summary.tsv").unlink()
    return demo


@pytest.fixture
def mounting(tmp_path) -> None:
    """Where no disk can be mounted, a test is skipped and says why."""
    if reason := reason_against_mounting(tmp_path / "disk"):
        pytest.skip(reason)


def test_run_after_five_kills_ends_in_the_results_of_an_undisturbed_one(demo, undisturbed, expected):
    rng = np.random.default_rng(20260)
    pace = undisturbed.seconds / N_JOBS
    killed = []
    for victim in rng.permutation([*VICTIMS, "job", "snakemake"]):
        while not (one := kill(demo, victim, Moment.drawn(rng, n_jobs=2, pace=pace))):
            shutil.rmtree(demo.results)  # the run was over before: from the beginning
        killed.append(one)
    left = {name: content for name, content in demo.content().items() if ".tmp." not in name}
    assert left and left.items() <= expected.items()  # nothing half-written is there
    demo.run_again()
    for one in killed:
        one.outlived()
    assert demo.content() == expected


def test_full_or_read_only_disk_is_told_and_the_run_goes_on_when_it_is_mended(mounting, half, expected):
    with on_a_disk(half, room=3 * PAGE) as disk:  # each of the next jobs writes four
        assert half.run() != 0
        assert "NotWritableError" in half.printed() and "No space left on device" in half.printed()
        mount("-o", "remount,ro,size=64m", str(disk))
        assert half.run() != 0
        assert "NotWritableError" in half.printed() and n_begun(half) == 0  # before anything is computed
        mount("-o", "remount,rw", str(disk))
        half.run_again()
        assert half.content() == expected


def test_clock_that_is_set_back_changes_no_result(half, expected):
    run = half.start()
    wait_until(lambda: n_begun(half) >= 2 or run.poll() is not None)
    half.shift_times(YEAR)  # what is there was written by a clock that was ahead
    run.wait()
    half.run_again()
    assert half.content() == expected
    half.run_again()
    assert "Nothing to be done" in half.printed()


def test_of_two_runs_in_one_folder_one_is_refused_and_the_other_ends_well(half, expected):
    first = half.start()
    wait_until(lambda: any(half.folder.glob(".snakemake/locks/*.lock")) or first.poll() is not None)
    second = half.start("second.log")
    assert second.wait() != 0
    assert "Directory cannot be locked" in half.printed("second.log") and n_begun(half) > 0
    assert first.wait() == 0, half.printed()[-6000:]
    assert half.content() == expected


def test_full_disk_is_told_before_a_file_that_is_mapped_into_memory_is_filled(mounting, tmp_path):
    large = tmp_path / "disk" / "large.npy"
    with (
        small_disk(large.parent, 16 * PAGE),
        pytest.raises(NotWritableError, match="No space left"),
        replacing(large) as temporary,
    ):
        np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=(10_000, PAGE))
        reserve(temporary)
