"""A reduced demo, and what happens to its runs: kill -9, full disks, folders only to be read, clocks that jump."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from examples import random_target
from workflow_study import LABELS, Study, in_environments, make_study

N_JOBS = 10
VICTIMS = ("job", "snakemake", "everything")
PAGE = 4096  # bytes; what a disk in memory gives at least
YEAR = 365 * 24 * 3600.0


@dataclass
class Demo(Study):
    """The reduced demo: two subjects, one target, a ready embedding; seven rules in ten jobs, a second each."""

    seconds: float = 0.0  # that its last run took

    def start(self, log: str = "run.log") -> subprocess.Popen:
        """Start a run that makes the tables and the page that shows them; what it prints goes to a file."""
        results = self.results.relative_to(self.folder)
        command = self.command("--", f"{results}/summary.tsv", f"{results}/figures/overview.svg")
        with (self.folder / log).open("w") as file:
            here = {"cwd": self.folder, "env": in_environments(), "start_new_session": True}
            return subprocess.Popen(command, stdout=file, stderr=file, **here)

    def printed(self, log: str = "run.log") -> str:
        """What the run that was started last has printed until now."""
        return (self.folder / log).read_text()

    def run(self) -> int:
        """A whole run; its exit status."""
        started = time.monotonic()
        status = self.start().wait()
        self.seconds = time.monotonic() - started
        return status

    def run_again(self) -> bool:
        """Run as one does after a fault; whether Snakemake asked for `--unlock` first."""
        status = self.run()
        if locked := "--unlock" in self.printed():
            self.unlock()
            status = self.run()
        assert status == 0, self.printed()[-6000:]
        return locked

    def unlock(self) -> None:
        """Take back the lock of a run that was killed, if there is one."""
        if any((self.folder / ".snakemake").glob("locks/*.lock")):
            self.snakemake("--unlock")

    def files(self) -> list[Path]:
        """Every file of the results, temporary ones too, but no logs and benchmarks."""
        paths = sorted(path for path in self.results.rglob("*") if path.is_file())
        return [path for path in paths if not {"logs", "benchmarks"} & set(path.parts)]

    def content(self) -> dict[str, bytes]:
        """These files, byte for byte."""
        return {str(path.relative_to(self.results)): path.read_bytes() for path in self.files()}

    def shift_times(self, seconds: float) -> None:
        """Make results look as if the clock had been wrong by so many seconds when they were written."""
        for path in self.files():
            with suppress(FileNotFoundError):
                written = path.stat().st_mtime + seconds
                os.utime(path, (written, written))


def reduced_demo(folder: Path) -> Demo:
    """Write the reduced demo."""
    make_study(folder)
    np.savez(folder / "IT.npz", rdms=np.array([random_target(len(LABELS), seed) for seed in (20, 21)]))
    rdms = {"file": "IT.npz", "labels": "order.txt"}
    demo = Demo(folder)
    demo.settings(subjects=["01", "02"], targets=[{"name": "IT", "rdms": rdms}], supervision=["own"])
    return demo


@dataclass(frozen=True)
class Moment:
    """In the course of a run: seconds after so many jobs have begun; or then, when a job writes its next file."""

    job: int
    seconds: float
    writing: bool = False

    @classmethod
    def drawn(cls, rng: np.random.Generator, n_jobs: int, pace: float) -> "Moment":
        """Any moment until a job's time (`pace`, in seconds) after the last of so many jobs has begun."""
        return cls(int(rng.integers(n_jobs + 1)), float(rng.uniform(0, pace)), bool(rng.integers(2)))

    def reached(self, demo: Demo, run: subprocess.Popen) -> bool:
        """Wait for it; whether the run still goes on."""
        wait_until(lambda: run.poll() is not None or n_begun(demo) >= self.job)
        if self.writing:
            there = demo.files()
            wait_until(lambda: run.poll() is not None or demo.files() != there)
        else:
            time.sleep(self.seconds)
        return run.poll() is None


def n_begun(demo: Demo) -> int:
    """How many jobs of the run have begun."""
    return len(re.findall(r"^Job \d+: ", demo.printed(), re.MULTILINE))


@dataclass(frozen=True)
class Killed:
    """What was killed (a rule, Snakemake, everything), and the jobs that go on without Snakemake."""

    what: str
    orphans: list[psutil.Process]

    def outlived(self) -> None:
        """Wait until these jobs have ended."""
        wait_until(lambda: not any(is_alive(process) for process in self.orphans))


def kill(demo: Demo, victim: str, moment: Moment) -> Killed | None:
    """Start a run and kill -9 at a moment; nothing is killed where the run is over before."""
    demo.unlock()
    run = demo.start()
    try:
        if not moment.reached(demo, run):
            return None
        if victim == "job":
            return kill_job(run)
        orphans = list(jobs_of(run)) if victim == "snakemake" else []
        if victim == "snakemake":
            run.kill()
        else:
            os.killpg(run.pid, signal.SIGKILL)
        return Killed(victim, orphans)
    finally:
        run.wait()


def kill_job(run: subprocess.Popen) -> Killed | None:
    """Kill the process of the first job that runs, now or next."""
    while run.poll() is None:
        for process, rule in jobs_of(run).items():
            with suppress(psutil.NoSuchProcess):
                process.kill()
                return Killed(rule, [])
    return None


def jobs_of(run: subprocess.Popen) -> dict[psutil.Process, str]:
    """Processes of the jobs that run, each with the script of its rule."""
    jobs = {}
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(run.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                found = re.search(r"\.snakemake/scripts/\w+\.(\w+)\.py", " ".join(process.cmdline()))
                if found and is_alive(process):
                    jobs[process] = found[1]
    return jobs


def is_alive(process: psutil.Process) -> bool:
    """Whether a process can still do anything."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Look every few milliseconds whether a condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited {seconds} s"
        time.sleep(0.002)


def reason_against_mounting(folder: Path) -> str | None:
    """Why no disk can be mounted here, if none can."""
    if os.geteuid() != 0:
        return "mounting a small disk takes an administrator's rights"
    folder.mkdir()
    try:
        with small_disk(folder, 4096):
            return None
    except subprocess.CalledProcessError as problem:
        return f"no disk can be mounted here: {problem.stderr.strip()}"


@contextmanager
def on_a_disk(demo: Demo, room: int) -> Iterator[Path]:
    """The results on a disk of their own that has room for so many bytes more."""
    place, before = demo.results.parent, demo.folder / "before"
    place.rename(before)
    place.mkdir()
    taken = sum(-(-path.stat().st_size // PAGE) * PAGE for path in before.rglob("*") if path.is_file())
    with small_disk(place, taken + room):
        shutil.copytree(before, place, dirs_exist_ok=True)
        yield place


@contextmanager
def small_disk(folder: Path, n_bytes: int) -> Iterator[None]:
    """A disk of its own in a folder that is there."""
    mount("-t", "tmpfs", "-o", f"size={n_bytes}", "tmpfs", str(folder))
    try:
        yield
    finally:
        administrate("umount", str(folder))


def mount(*arguments: str) -> None:
    """Mount, or change how something is mounted."""
    administrate("mount", *arguments)


def administrate(*command: str) -> None:
    """Run a command; it raises with what the command says."""
    subprocess.run(command, check=True, capture_output=True, text=True)
