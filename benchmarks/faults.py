"""Runs of a reduced demo are killed, run out of disk, or race: whether the next run ends in the same results.

    python benchmarks/faults.py
    python benchmarks/faults.py --kills 10 --seed 7

Each fault meets a run of its own in a fresh folder. Killed with kill -9 is the process of a job, Snakemake alone (whose
jobs then go on while the next run begins), or everything; half of the moments are those at which a job writes. Disks
that take the results alone, or Snakemake's notes as well, are full at several points; they take an administrator's
rights. Two runs are started at once. Printed is a line a fault: what met it, whether Snakemake asked for `--unlock`,
and whether every file of the results is that of an undisturbed run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measuring import write

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import faults

FRACTIONS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Of what the results take: the sizes of the disks."""

TOLD = ("NotWritableError", "No space left on device")
"""How a full disk is told: by isoprune with the file's name, or by Snakemake, which writes files of its own."""


class Bench:
    """Faults, each in a folder of its own, against one undisturbed run."""

    def __init__(self, folder: Path, seed: int):
        self.folder, self.rng, self.number = folder, np.random.default_rng(seed), 0
        demo = self.fresh()
        if demo.run():
            raise SystemExit(demo.printed()[-3000:])
        self.seconds, self.expected = demo.seconds, demo.content()

    def fresh(self) -> faults.Demo:
        """The reduced demo in a folder of its own."""
        self.number += 1
        place = self.folder / f"{self.number:03d}"
        place.mkdir()
        return faults.reduced_demo(place)

    def ended(self, demo: faults.Demo, fault: str, **about: object) -> dict[str, object]:
        """What the next run ends in."""
        try:
            locked = demo.run_again()
        except AssertionError:
            return self.told(fault, **about, unlock=None, identical=False, said=demo.printed()[-3000:])
        return self.told(fault, **about, unlock=locked, identical=demo.content() == self.expected)

    def told(self, fault: str, **about: object) -> dict[str, object]:
        """A line on the terminal, and what stands in it."""
        words = "  ".join(f"{name}: {value}" for name, value in about.items())
        print(f"{fault:12s} {words}", flush=True)
        return {"fault": fault, **about}

    def kill(self) -> dict[str, object]:
        """A kill of a random process at a random moment of a run; moments after its end are drawn again."""
        killed = None
        while killed is None:
            demo, victim = self.fresh(), str(self.rng.choice(faults.VICTIMS))
            moment = faults.Moment.drawn(self.rng, faults.N_JOBS, self.seconds / faults.N_JOBS)
            killed = faults.kill(demo, victim, moment)
        at = "writing" if moment.writing else f"{moment.seconds:.2f} s"
        n_left, n_orphans = len(demo.content()), len(killed.orphans)
        found = self.ended(
            demo, "kill -9", what=killed.what, job=moment.job, then=at, files=n_left, orphans=n_orphans
        )
        killed.outlived()
        return found | {"identical": found["identical"] and demo.content() == self.expected}

    def fill(self, fraction: float, everything: bool) -> dict[str, object]:
        """A run on a disk that is too small for the results, or for the whole study; and the next one, with room."""
        demo = self.fresh()
        place = demo.folder if everything else demo.results.parent
        size = int(fraction * sum(len(content) + faults.PAGE / 2 for content in self.expected.values()))
        place.mkdir(exist_ok=True)
        with faults.small_disk(place, size + everything * 20 * faults.PAGE):
            demo = faults.reduced_demo(demo.folder) if everything else demo
            failed = demo.run() != 0
            told = next((word for word in TOLD if word in demo.printed()), "nothing")
            faults.mount("-o", "remount,size=64m", str(place))
            return self.ended(
                demo,
                "full disk",
                size=size,
                holds="study" if everything else "results",
                failed=failed,
                told=told,
            )

    def race(self) -> dict[str, object]:
        """Two runs that start in the same moment."""
        demo = self.fresh()
        runs = [demo.start("first.log"), demo.start("second.log")]
        statuses = sorted(run.wait() for run in runs)
        refused = [name for name in ("first", "second") if "cannot be locked" in demo.printed(f"{name}.log")]
        return self.ended(demo, "two runs", statuses=statuses, refused=len(refused))


def measured(bench: Bench, n_kills: int) -> Iterator[dict[str, object]]:
    """All faults by turns."""
    for _ in range(n_kills):
        yield bench.kill()
    if reason := faults.reason_against_mounting(bench.folder / "disk"):
        print(f"full disk    not tried: {reason}")
    else:
        for fraction in FRACTIONS:
            yield bench.fill(fraction, everything=False)
            yield bench.fill(fraction, everything=True)
    for _ in range(max(1, n_kills // 10)):
        yield bench.race()


def main() -> None:
    """Try all, print, and write to benchmarks/out/faults.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.seed)
        print(f"undisturbed  {bench.seconds:.1f} s, {len(bench.expected)} files")
        found = list(measured(bench, options.kills))
    write("faults", {"seed": options.seed, "seconds": round(bench.seconds, 1), "faults": found})
    n_same = sum(one["identical"] for one in found)
    print(f"{n_same} of {len(found)} ended in the results of the undisturbed run")
    if n_same < len(found):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
