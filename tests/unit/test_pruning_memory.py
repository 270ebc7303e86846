"""Pruning never holds an array over pairs and features."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
