"""Every byte of a small file of every kind that isoprune writes, changed in three ways: none may be read.

Prints a line a kind and writes benchmarks/out/corruption.json. Run: ``python benchmarks/corruption.py``.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

from measuring import verdict, write

from isoprune.errors import IsopruneError

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from damage import flipped  # what the tests do to files, at full size
from own_files import KINDS, write_own

BITS = (0x01, 0x20, 0xFF)
"""What is changed of a byte: its last bit, the case of a letter, everything."""


def answer(kind: str, path: Path) -> str:
    """What comes of reading: ``read``, ``refused``, or the name of an error that is not ours."""
    try:
        KINDS[kind].read(path)
    except IsopruneError:
        return "refused"
    except Exception as problem:
        return type(problem).__name__
    return "read"


def answers(kind: str, folder: Path) -> Counter[str]:
    """How often each answer comes, over all bytes of all files of a kind."""
    path, found = write_own(kind, folder), Counter()
    for file in KINDS[kind].files(path):
        content = file.read_bytes()
        for place in range(len(content)):
            for bits in BITS:
                file.write_bytes(flipped(content, place, bits))
                found[answer(kind, path)] += 1
        file.write_bytes(content)
    return found


def main() -> None:
    """Change, read, print, and write to benchmarks/out/corruption.json."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            found[kind] = answers(kind, Path(folder))
            print(f"{kind}: {dict(found[kind])}, {verdict(set(found[kind]) == {'refused'})}")
    total = sum(found.values(), Counter())
    write("corruption", {"changes": list(BITS), "answers": found, "total": total})
    print(f"all: {dict(total)}, {verdict(set(total) == {'refused'})}")


if __name__ == "__main__":
    main()
