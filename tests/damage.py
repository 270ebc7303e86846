"""What can happen to a file."""

import re
from collections.abc import Iterator

import numpy as np

_SEAL = re.compile(rb"isoprune_seal|sealed by isoprune.*?sha256 [0-9a-f]{64}", re.DOTALL)


def flipped(content: bytes, place: int, bits: int) -> bytes:
    """The content with some bits of one byte changed."""
    return b"".join([content[:place], bytes([content[place] ^ bits]), content[place + 1 :]])


def every_flip(content: bytes) -> Iterator[tuple[str, bytes]]:
    """One bit of each byte, one after the other."""
    for place in range(len(content)):
        yield f"bit 0 of byte {place}", flipped(content, place, 1)


def flips(content: bytes) -> Iterator[tuple[str, bytes]]:
    """300 bytes drawn at random, and every byte of the seal, which could be taken for no seal at all."""
    rng = np.random.default_rng(0)
    drawn = rng.choice(len(content), min(300, len(content)), replace=False)
    places = {*map(int, drawn)}.union(*(range(*one.span()) for one in _SEAL.finditer(content)))
    for place in sorted(places):
        bits = int(rng.integers(1, 256))
        yield f"bits {bits} of byte {place}", flipped(content, place, bits)


def cuts(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Cut short at many places, grown, emptied, blanked, replaced by something else."""
    rng = np.random.default_rng(0)
    for length in {0, 1, len(content) // 2, len(content) - 1, *map(int, rng.integers(0, len(content), 20))}:
        yield f"cut to {length}", content[:length]
    yield "grown", content + b"\n"
    yield "twice", content * 2
    yield "zeros", bytes(len(content))
    yield "end zeroed", content[: len(content) // 2] + bytes(len(content) - len(content) // 2)
    yield "text", b"not found\n"
    yield "json", b"{}\n"
    yield "picture", b"\x89PNG\r\n\x1a\n" + content
