"""The demo, made smaller, on a real Slurm that loses jobs, its controller and Snakemake; and jobs that need more.

All runs that do not disturb each other go on side by side, because most of their time is waiting.
"""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from cluster.local_slurm import wait_for
from workflow_study import ROOT

# A Slurm that charges nobody, and keeps no database of past jobs.
HERE = [
    "--slurm-status-command",
    "squeue",
    "--slurm-init-seconds-before-status-checks",
    "1",
    "--slurm-no-account",
]
TABLES = ["summary.tsv", "contrasts.tsv", "stability.tsv", "recovery.tsv"]
SMALLER = {
    "crossvalidation": {"n_repeats": 2, "n_random": 50},
    "inference": {"n_permutations": 49, "n_permutations_subjects": 0, "n_bootstrap_images": 100},
    "simulation": {"network": "small", "planted": ["ventral"], "n_per_category": 6},
}


def smaller_demo() -> dict:
    """The demo's settings, of two people, two areas and a small network."""
    settings = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    for block, smaller in SMALLER.items():
        settings[block] |= smaller
    network = {"name": "small", "model": "squeezenet1_1", "weights": "random", "layer": "penultimate"}
    targets = [target for target in settings["targets"] if target["name"] != "dorsal"]
    return {**settings, "subjects": ["01", "02"], "networks": [network], "targets": targets}


@dataclass
class Run:
    """A folder that Snakemake runs in, with the profile as it lies in the project."""

    folder: Path
    environment: dict[str, str]
    processes: list[subprocess.Popen] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start Snakemake; what it prints goes to `run.log`."""
        with (self.folder / "run.log").open("a") as log:
            command = [sys.executable, str(ROOT / "tests/cluster/impatient.py"), *arguments]
            here = {"cwd": self.folder, "env": self.environment, "start_new_session": True}
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, **here))
        return self.processes[-1]

    def printed(self) -> str:
        """What Snakemake has printed until now."""
        return (self.folder / "run.log").read_text()

    def tables(self) -> dict[str, bytes]:
        """Every table and file of arrays, byte for byte."""
        results = self.folder / "results"
        return {
            str(path.relative_to(results)): path.read_bytes()
            for path in sorted(results.rglob("*"))
            if path.suffix in (".tsv", ".npz") and "benchmarks" not in path.parts and path.name[0] != "."
        }


@pytest.fixture(scope="module")
def run_in(slurm, tmp_path_factory):
    """Makes a folder to run in: the demo of few people, and a profile, changed or not."""

    def make(name: str, **cluster: str) -> Run:
        folder = tmp_path_factory.mktemp(name)
        (folder / "demo.yaml").write_text(yaml.safe_dump(smaller_demo()))
        profile = yaml.safe_load((ROOT / "slurm" / "config.yaml").read_text())
        profile["default-resources"] |= cluster
        (folder / "slurm").mkdir()
        (folder / "slurm" / "config.yaml").write_text(yaml.safe_dump(profile))
        if not cluster:
            (folder / "slurm" / "config.yaml").write_bytes((ROOT / "slurm" / "config.yaml").read_bytes())
        runs.append(Run(folder, slurm.environment))
        return runs[-1]

    runs = []
    yield make
    for process in (process for run in runs for process in run.processes if process.poll() is None):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def demo(*more: str) -> list[str]:
    """Arguments of a run of the demo."""
    return ["--snakefile", str(ROOT / "Snakefile"), "--configfile", "demo.yaml", *more]


def on_slurm(*targets: str) -> list[str]:
    """Arguments of a run on the cluster."""
    return ["--profile", "slurm", *HERE, "--", *targets]


RESULTS = [f"results/demo/{table}" for table in TABLES]


@pytest.fixture(scope="module")
def faults(run_in, killed):
    """The run of `faults.smk`, where GPUs are asked for by --gres; started, and waited for by its tests.

    It starts when the controller has been killed, which may forget any run's jobs.
    """
    run = run_in("faults", gpu_request="gres", gpu_partition="gpu", runtime_limit=120)
    process = run.start("--snakefile", str(ROOT / "tests/cluster/faults.smk"), *on_slurm())
    return run, process


@pytest.fixture(scope="module")
def without_device(run_in):
    """A run that insists on a CUDA device where torch sees none."""
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device, and a job that insists on one works")
    run = run_in("without_device", gpu_partition="gpu")
    (run.folder / "cuda.yaml").write_text("embedding: {device: cuda}\n")
    targets = ["results/demo/figures/stimuli.png", "results/demo/embeddings/net-small_embedding.h5"]
    process = run.start(*demo("cuda.yaml"), *on_slurm(*targets))
    return run, process


@pytest.fixture(scope="module")
def undisturbed(run_in):
    """The demo run here, without a cluster."""
    run = run_in("undisturbed")
    process = run.start(*demo("--cores", "2", "--", *RESULTS))
    return run, process


@pytest.fixture(scope="module")
def killed(slurm, run_in, undisturbed):
    """The demo on the cluster: a job is cancelled, the controller restarts, it and Snakemake are killed.

    Returns the run, the tables that were there, and the jobs that the controller knew when it was killed.
    """
    run = run_in("disturbed")
    process = run.start(*demo(), *on_slurm(*RESULTS))

    def of_pruning(*states):
        return slurm.of_rule("prune", *states, folder=run.folder)

    def wait_while_it_runs(condition, what):
        wait_for(lambda: condition() or process.poll() is not None, what, 500)
        assert process.poll() is None, run.printed()[-6000:]

    wait_while_it_runs(lambda: of_pruning("RUNNING"), "a unit that runs")
    slurm.ask("scancel", of_pruning("RUNNING")[0]["JobId"])
    slurm.end_controller(signal.SIGTERM)
    slurm.start_controller()
    wait_while_it_runs(
        lambda: of_pruning("COMPLETED") and of_pruning("RUNNING"), "a unit done, and one that runs"
    )
    process.send_signal(signal.SIGKILL)
    process.wait()
    known = slurm.jobs()
    slurm.end_controller(signal.SIGKILL)  # it forgets what it was told last
    slurm.start_controller()
    return run, run.tables(), known


@pytest.fixture(scope="module")
def disturbed(slurm, killed, faults):
    """The run that was killed, its jobs ended, started again and waited for; with the tables that were there before."""
    run, before, _ = killed
    slurm.end_all_of(run.folder)  # they would write the same files as those of the next run
    assert run.start(*demo("--cores", "1", "--unlock")).wait() == 0
    process = run.start(*demo(), *on_slurm(*RESULTS))

    def is_over():
        slurm.resume_drained()  # as an administrator does
        time.sleep(1)
        return process.poll() is not None

    wait_for(is_over, "the rest of the demo", 500)
    assert process.returncode == 0, run.printed()[-6000:]
    return run, before


def test_disturbed_run_ends_in_the_tables_of_an_undisturbed_one(disturbed, undisturbed):
    run, before = disturbed
    here, process = undisturbed
    assert process.wait(timeout=500) == 0, here.printed()[-6000:]
    expected = here.tables()
    assert f"demo/{TABLES[0]}" in expected
    assert run.tables() == expected
    assert 0 < len(before) < len(expected)  # it was killed in the middle
    assert before.items() <= expected.items()  # and nothing half-written was there


def test_every_job_of_the_demo_went_through_sbatch(slurm, disturbed, killed):
    run, _ = disturbed
    *_, known = killed  # a job that the controller forgot when it was killed ran all the same
    jobs = [job for job in [*known, *slurm.jobs()] if job["WorkDir"] == str(run.folder)]
    rules_and_wildcards = {job["Comment"] for job in jobs}
    benchmarks = list((run.folder / "results/demo/benchmarks").rglob("*.tsv"))
    assert len(rules_and_wildcards) >= len(benchmarks) > 10
    assert {"CANCELLED", "COMPLETED"} <= {job["JobState"] for job in jobs}
    assert {job["Partition"] for job in jobs} == {"cpu"}


def test_job_that_needs_more_memory_gets_it(faults, slurm):
    run, process = faults
    assert process.wait(timeout=500) == 0, run.printed()[-6000:]
    jobs = slurm.of_rule("too_little_memory")
    assert [job["MinMemoryNode"] for job in jobs] == ["500M", "1000M"]
    assert jobs[0]["JobState"] != "COMPLETED" and jobs[-1]["JobState"] == "COMPLETED"
    assert (run.folder / "memory.txt").read_text().split() == ["1000"]


def test_job_that_needs_more_time_gets_it(faults, slurm):
    run, process = faults
    assert process.wait(timeout=500) == 0, run.printed()[-6000:]
    jobs = slurm.of_rule("too_little_time")
    assert [job["TimeLimit"] for job in jobs] == ["00:01:00", "00:02:00"]
    assert [job["JobState"] for job in jobs] == ["TIMEOUT", "COMPLETED"]


def test_jobs_side_by_side_hold_a_gpu_each_and_others_none(faults, slurm):
    run, process = faults
    assert process.wait(timeout=500) == 0, run.printed()[-6000:]
    jobs = slurm.of_rule("on_gpu")
    assert [(job["Partition"], job["TresPerNode"]) for job in jobs] == [("gpu", "gres:gpu:1")] * 2
    held = [(run.folder / f"gpu_{number}.txt").read_text().strip() for number in (1, 2)]
    assert sorted(held) == ["0", "1"]
    assert (run.folder / "cpu.txt").read_text().strip() == "none:"
    assert "TresPerNode" not in slurm.of_rule("without_gpu")[0]


def test_job_that_raises_shows_its_message_and_its_log_and_others_go_on(without_device, slurm):
    run, process = without_device
    assert process.wait(timeout=500) != 0
    jobs = slurm.of_rule("embedding", folder=run.folder)
    assert [(job["Partition"], job["TresPerJob"]) for job in jobs] == [("gpu", "gres:gpu:1")] * 3
    log = "results/demo/logs/embedding/net-small.log"
    assert re.search(r"'cuda' is asked for, but torch .* sees 0 CUDA device", run.printed()), run.printed()
    assert log in run.printed()
    assert "CUDA_VISIBLE_DEVICES" in (run.folder / log).read_text()
    assert (run.folder / "results/demo/figures/stimuli.png").is_file()
