"""What the benchmarks share: repeated timing by turns, what they ran on, and where numbers go."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

OUT = Path(__file__).parent / "out"


def fastest(arms: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Shortest time of each arm in seconds, after one run that does not count.

    Arms take turns, so that what else the machine does meets all of them; the shortest time is what it disturbed
    least.
    """
    for arm in arms.values():
        arm()
    seconds = dict.fromkeys(arms, float("inf"))
    for _ in range(repeats):
        for name, arm in arms.items():
            seconds[name] = min(seconds[name], seconds_of(arm))
    return seconds


def seconds_of(arm: Callable[[], Any]) -> float:
    """Time of one run in seconds."""
    started = time.perf_counter()
    arm()
    return time.perf_counter() - started


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def where() -> dict[str, Any]:
    """What the numbers were made on."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    return {"processor": model, "processors": processors(), "numpy": np.__version__}


def write(name: str, content: Mapping[str, Any]) -> None:
    """Write numbers to benchmarks/out/<name>.json."""
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.json").write_text(json.dumps({"ran_on": where(), **content}, indent=1) + "\n")


def verdict(held: bool) -> str:
    """How a bound is reported."""
    return "holds" if held else "MISSED"
