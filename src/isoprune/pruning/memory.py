"""How much memory may be used."""

from __future__ import annotations

from pathlib import Path

SHARE = 0.5
"""Share of the memory at hand that work side by side may take."""

CGROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int | None:
    """Memory that this process can still take: the machine's, or its job's if that is less; None if unknown."""
    found = []
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
        limit = (CGROUP / "memory.max").read_text().strip()
        if limit != "max":
            found.append(int(limit) - int((CGROUP / "memory.current").read_text()))
    except OSError:  # another system, or no limit for this job
        pass
    return min(found, default=None)


def threads_that_fit(threads: int, bytes_each: int) -> int:
    """Threads of at most ``threads`` that may each hold ``bytes_each``; at least one."""
    available = available_bytes()
    if available is None:
        return max(1, threads)
    return max(1, min(threads, int(SHARE * available) // bytes_each))
