"""How time and memory of pruning grow with images, features and targets.

Ranking and curve take O(M n²) time and O(M n + n²) memory, a target of many the same; so the slopes expected in
log-log are 2 over images, 1 over features, 1 over targets for time. Each point runs in a process of its own, on one
thread, and its peak memory is what it took beyond imports and inputs. The largest case, 1000 images × 4096 features,
has to stay under 1 GB, imports and inputs included. Prints a table and writes benchmarks/out/scaling.json.
Run: ``python benchmarks/scaling.py [--full]`` (quick: a minute; full: some ten minutes).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from measuring import verdict, write

LIMIT_GB = 1.0
LARGEST = (1000, 4096, 1)
QUICK = {
    "images": [(n, 1024, 1) for n in (100, 200, 400)],
    "features": [(100, m, 1) for m in (512, 2048, 8192)],
    "targets": [(60, 512, t) for t in (32, 64, 128)],
}
FULL = {
    "images": [(n, 4096, 1) for n in (50, 100, 200, 400, 700, 1000)],
    "features": [(144, m, 1) for m in (512, 1280, 4096, 9216, 25088)],
    "targets": [(92, 1280, t) for t in (32, 64, 128, 256, 512)],
}
EXPECTED = {"images": 2.0, "features": 1.0, "targets": 1.0}


def peak_bytes() -> int:
    """Most memory that this process has held.

    Linux tells it of the program alone; what getrusage says includes the program that started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(n_images: int, n_features: int, n_targets: int) -> dict[str, float]:
    """Seconds of one point in this process, its peak, and its peak beyond imports and inputs."""
    from isoprune.pruning import procedure_named, prune_arrays, select_many

    procedure, rng = procedure_named(backend="cpu"), np.random.default_rng(0)
    targets = np.triu(rng.uniform(0.1, 1, size=(n_targets, n_images, n_images)), 1)
    targets += targets.transpose(0, 2, 1)

    def prune(values: np.ndarray) -> None:
        if n_targets == 1:
            prune_arrays(values, targets[0, : len(values), : len(values)], procedure)
        else:
            select_many(values, targets[:, : len(values), : len(values)], procedure)

    values = np.maximum(rng.normal(size=(n_images, n_features)) - 0.4, 0)
    prune(values[:12, :40])  # imports and compiles
    before, seconds, started = peak_bytes(), float("inf"), time.perf_counter()
    while time.perf_counter() - started < 2 or seconds == float("inf"):
        once = time.perf_counter()
        prune(values)
        seconds = min(seconds, time.perf_counter() - once)
    return {"seconds": seconds, "peak_gb": peak_bytes() / 1e9, "own_gb": (peak_bytes() - before) / 1e9}


def point(case: tuple[int, int, int]) -> dict[str, Any]:
    """A point in a fresh process."""
    command = [sys.executable, __file__, "--measure", *map(str, case)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return dict(zip(("images", "features", "targets"), case, strict=True)) | json.loads(result.stdout)


def slope(over: str, points: list[dict[str, Any]]) -> float:
    """Slope of time in log-log, by least squares."""
    return float(np.polyfit(*(np.log([one[of] for one in points]) for of in (over, "seconds")), 1)[0])


def main() -> None:
    """Measure each curve, print it with its slope, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--measure", nargs=3, type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measure(*asked.measure)))
        return
    found: dict[str, Any] = {"threads": 1, "curves": {}}
    print("  images features targets        time  peak (own) in GB")

    def show(one: dict[str, Any]) -> None:
        size = f"{one['images']:8} {one['features']:8} {one['targets']:7}"
        print(
            f"{size}  {one['seconds'] * 1e3:8.1f} ms  {one['peak_gb']:.3f} ({one['own_gb']:.3f})", flush=True
        )

    for over, cases in (FULL if asked.full else QUICK).items():
        points = []
        for case in cases:
            points.append(point(case))
            show(points[-1])
        measured = slope(over, points)
        found["curves"][over] = {"points": points, "slope": measured, "expected": EXPECTED[over]}
        print(f"time over {over}: slope {measured:.2f}, expected {EXPECTED[over]:.0f}")
    largest = found["largest"] = point(LARGEST)
    show(largest)
    held = largest["peak_gb"] < LIMIT_GB
    print(f"largest case: {largest['peak_gb']:.2f} GB (under {LIMIT_GB:.0f} GB: {verdict(held)})")
    write("scaling", found)
    if not held:
        sys.exit("the bound is missed")


if __name__ == "__main__":
    main()
