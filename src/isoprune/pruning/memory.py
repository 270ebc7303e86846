"""How much memory may be used."""

from __future__ import annotations

from pathlib import Path

SHARE = 0.5
"""Share of the memory at hand that work side by side may take."""

CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")


def available_bytes() -> int | None:
    """Memory that this process can still take: the machine's, or its job's if that is less; None if unknown."""
    found = []
    try:
        lines = MEMINFO.read_text().splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
        limit = (CGROUP / "memory.max").read_text().strip()
        if limit != "max":
            found.append(int(limit) - int((CGROUP / "memory.current").read_text()))
    except OSError:  # another system, or no limit for this job
        pass
    return min(found, default=None)


def number_that_fits(available: int, bytes_each: int) -> int:
    """How many may each hold ``bytes_each`` of the memory at hand; at least one."""
    return max(1, int(SHARE * available) // bytes_each)


def threads_that_fit(threads: int, bytes_each: int) -> int:
    """Threads of at most ``threads`` that may each hold ``bytes_each``; at least one."""
    available = available_bytes()
    return threads if available is None else min(threads, number_that_fits(available, bytes_each))


def targets_and_threads(n_targets: int, threads: int, bytes_each: int) -> tuple[int, int]:
    """Targets at a time, which may each hold ``bytes_each``, and threads for each of them.

    Many targets keep the threads busy; a few share the threads, each in parts.
    """
    if n_targets < 2 * threads:
        return 1, threads
    return threads_that_fit(threads, bytes_each), 1
