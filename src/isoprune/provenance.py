"""What ran on what: the record that every result carries.

A record holds no clock time and no path, so that two runs of the same thing are bit-identical.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "numpy",
    "scipy",
    "numba",
    "scikit-learn",
    "rsatoolbox",
    "nibabel",
    "nilearn",
    "torch",
    "torchvision",
    "nltk",
)
"""Packages that numbers come from."""


def package_version() -> str:
    """Version of isoprune, or ``unknown`` when it is used without being installed."""
    try:
        return version("isoprune")
    except PackageNotFoundError:
        return "unknown"


@cache
def software() -> dict[str, str]:
    """Versions of Python and of those of `PACKAGES` that are installed where this runs."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def sha256_of_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_json(value: Any) -> str:
    """SHA-256 of a JSON-like value, independent of the order of mappings."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()


def record(
    settings: dict[str, Any], inputs: Mapping[str, str | Path | Sequence[str]], **facts: Any
) -> dict[str, Any]:
    """A provenance record.

    Parameters
    ----------
    settings : dict
        The settings the result depends on, and no others.
    inputs : dict of str to path or list of path
        Role of each input file, or of several, (``target``, ``embedding``, …) and where it is; bytes are hashed.
    **facts
        Anything else that decided the result: device, dtype, backend, weights.

    Returns
    -------
    dict
        JSON-like; its values do not depend on when or where it was made.
    """
    return {
        "isoprune": package_version(),
        "software": software(),
        "settings": settings,
        "settings_sha256": sha256_of_json(settings),
        "inputs_sha256": {role: _hashes(path) for role, path in sorted(inputs.items())},
        **facts,
    }


def _hashes(paths: str | Path | Sequence[str]) -> str | list[str]:
    return (
        sha256_of_file(paths) if isinstance(paths, str | Path) else [sha256_of_file(path) for path in paths]
    )
