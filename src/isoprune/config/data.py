"""Settings that name public data sets."""

from __future__ import annotations

from isoprune.datasets import dataset


def known_datasets(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, after checking that the catalogue has each.

    Raises
    ------
    UnknownNameError
        With the data sets that there are.
    """
    for name in names:
        dataset(name, where="")
    return names
