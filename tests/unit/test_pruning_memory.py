"""Pruning never holds an array over pairs and features, and no more at the same time than there is memory for."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from examples import random_target, sparse_embedding
from isoprune.pruning import memory, procedure_named
from isoprune.pruning.backends import CpuPrepared
from isoprune.pruning.memory import available_bytes, number_that_fits, targets_and_threads, threads_that_fit
from isoprune.pruning.torch_device import TorchPrepared

N_IMAGES, N_FEATURES = 500, 1024
PAIRS_BY_FEATURES = N_IMAGES * (N_IMAGES - 1) // 2 * N_FEATURES * 8  # 1 GB

CODE = """
import json, sys
import numpy as np
from pathlib import Path
from isoprune.pruning import procedure_named, prune_arrays

def peak():
    # Of this program alone; what getrusage says includes the program that started it.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

n_images, n_features, backend, criterion = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
procedure = procedure_named(criterion, backend=backend)
rng = np.random.default_rng(0)
target = np.triu(rng.uniform(size=(n_images, n_images)), 1)
target += target.T
prune_arrays(rng.normal(size=(12, 20)), target[:12, :12], procedure)  # what it imports and compiles
X = rng.normal(size=(n_images, n_features))
before = peak()
prune_arrays(X, target, procedure, threads=1)
print(json.dumps(peak() - before))
"""


@pytest.mark.parametrize(("backend", "criterion"), [("cpu", "pearson"), ("numpy", "pearson")])
def test_memory_is_far_from_that_of_pairs_by_features(backend, criterion):
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory of a program is read from /proc, which is not here")
    command = [sys.executable, "-c", CODE, str(N_IMAGES), str(N_FEATURES), backend, criterion]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert json.loads(done.stdout) < PAIRS_BY_FEATURES / 6


# ---- what fits ----


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of 1 MiB at hand, of which a job may take so much and has taken so much."""
    (tmp_path / "meminfo").write_text("MemTotal: 4096 kB\nMemAvailable: 1024 kB\nSwapTotal: 9 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)

    def limit(most: str, taken: int) -> None:
        (tmp_path / "memory.max").write_text(f"{most}\n")
        (tmp_path / "memory.current").write_text(f"{taken}\n")

    return limit


def test_memory_at_hand_is_the_machines_or_what_is_left_to_the_job(machine):
    assert available_bytes() == 2**20  # no limit that could be read
    machine("max", 0)
    assert available_bytes() == 2**20
    machine("5000", 2000)
    assert available_bytes() == 3000
    machine(str(2**30), 0)
    assert available_bytes() == 2**20


def test_half_of_the_memory_at_hand_is_shared_by_threads_and_one_always_runs(machine, monkeypatch):
    machine("8000", 2000)
    assert [number_that_fits(6000, each) for each in (1000, 1001, 3000, 3001, 9000)] == [3, 2, 1, 1, 1]
    assert [threads_that_fit(2, each) for each in (1000, 1501, 9000)] == [2, 1, 1]
    assert threads_that_fit(8, 1000) == 3
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    assert threads_that_fit(8, 10**15) == 8


def test_many_targets_keep_the_threads_busy_and_a_few_share_them(machine):
    machine("8000", 2000)
    assert [targets_and_threads(n, 2, 1000) for n in (1, 3, 4, 50)] == [(1, 2), (1, 2), (2, 1), (2, 1)]
    assert targets_and_threads(50, 2, 3000) == (1, 1)  # no room for two
    assert targets_and_threads(50, 1, 1000) == (1, 1)


def test_a_curve_counts_five_times_its_embedding(monkeypatch):
    X, targets = sparse_embedding(9, 20, 0), np.array([random_target(9, seed) for seed in range(4)])
    asked = []
    monkeypatch.setattr(
        "isoprune.pruning.backends.targets_and_threads", lambda *about: asked.append(about) or (1, 1)
    )
    prepared = CpuPrepared(X, "correlation", use_compiled=False, threads=2)
    prepared.insertion_curves(targets, np.array([np.arange(20)] * 4), procedure_named().criterion)
    assert asked == [(4, 2, 5 * 9 * 20 * 8)]


@pytest.mark.parametrize("room", [0, 2, 3.5, 100])
def test_targets_that_fit_on_a_device_are_computed_at_once_and_give_the_same(room, monkeypatch):
    X, targets = sparse_embedding(9, 40, 0), np.array([random_target(9, seed) for seed in range(5)])
    rankings = np.array([np.random.default_rng(n).permutation(40) for n in range(5)])
    criterion = procedure_named().criterion
    prepared, sizes = TorchPrepared(X, "correlation", device=torch.device("cpu")), []
    whole = prepared.insertion_curves(targets, rankings, criterion)
    # Of one target: eight arrays of 32 prefixes × 36 pairs.
    monkeypatch.setattr("isoprune.pruning.torch_device.HOST_BYTES", int(2 * room * 8 * 32 * 36 * 8))
    curves = prepared._curves
    monkeypatch.setattr(
        prepared, "_curves", lambda ranked, *rest: sizes.append(len(ranked)) or curves(ranked, *rest)
    )
    parts = prepared.insertion_curves(targets, rankings, criterion)
    assert sizes == {0: [1] * 5, 2: [2, 2, 1], 3.5: [3, 2], 100: [5]}[room]
    assert np.array_equal(parts, whole, equal_nan=True)
