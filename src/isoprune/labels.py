"""Joining by label: two arrays are never joined by luck of order."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from isoprune.errors import LabelError, UnknownNameError

_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters, line breaks of Unicode, and marks that make text run the other way."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like ``word``, or None when nothing is like it."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def listing(words: Iterable[object], most: int = 6) -> str:
    """Words as a readable list that says how many it leaves out."""
    written = [str(word) for word in words]
    shown = ", ".join(written[:most])
    return shown if len(written) <= most else f"{shown} … ({len(written)} in all)"


def check_labels(labels: Iterable[object], where: str) -> tuple[str, ...]:
    """Labels as text, after checking that they can identify rows.

    Parameters
    ----------
    labels : iterable of str
        One label a row.
    where : str
        Where the labels come from, for the error message.

    Returns
    -------
    tuple of str
        The labels, unchanged and in the given order.

    Raises
    ------
    LabelError
        If a label is blank or occurs twice, or holds a character that cannot be seen.
    """
    names = tuple(str(label) for label in labels)
    blank = [row for row, label in enumerate(names, start=1) if not label.strip()]
    if blank:
        raise LabelError(
            where,
            f"row {listing(map(str, blank))} has no label",
            "a label in every row",
            "Give every stimulus a name; rows are identified by it, never by their position.",
        )
    unseen = [repr(label) for label in names if _UNSEEN.search(label)]
    if unseen:
        raise LabelError(
            where,
            f"label {listing(unseen)} holds a character that cannot be seen: a control character, or one that "
            "turns the direction of writing",
            "labels that read as they are",
            "Rename these stimuli; two labels could look alike and be different.",
        )
    repeated = [label for label, count in Counter(names).items() if count > 1]
    if repeated:
        raise LabelError(
            where,
            f"label {listing(repeated)} occurs more than once",
            "every label once",
            "Rename or remove the duplicates.",
        )
    return names


def positions(
    wanted: Sequence[str], present: Sequence[str], *, wanted_in: str, present_in: str
) -> np.ndarray:
    """Positions of ``wanted`` labels in ``present``, both holding exactly the same labels.

    Parameters
    ----------
    wanted, present : sequence of str
        Labels, each unique.
    wanted_in, present_in : str
        Where either comes from, for the error message.

    Returns
    -------
    ndarray of shape (n_labels,), int
        ``present[positions[i]] == wanted[i]``.

    Raises
    ------
    LabelError
        If a label is on one side only.
    """
    place = {label: position for position, label in enumerate(present)}
    missing = [label for label in wanted if label not in place]
    surplus = sorted(set(present) - set(wanted))
    if missing or surplus:
        found = []
        if missing:
            found.append(f"lacks {len(missing)} label(s) of {wanted_in}: {listing(missing)}")
        if surplus:
            found.append(f"has {len(surplus)} label(s) that {wanted_in} lacks: {listing(surplus)}")
        hint = nearest(missing[0], surplus) if missing and surplus else None
        guess = f" Is '{hint}' meant to be '{missing[0]}'?" if hint else ""
        raise LabelError(
            present_in,
            " and ".join(found),
            f"the {len(wanted)} labels of {wanted_in}",
            f"Make both sides name the same stimuli, spelled alike.{guess}",
        )
    return np.array([place[label] for label in wanted], dtype=np.intp)


def choose(name: str, known: Iterable[str], *, what: str, where: str) -> str:
    """``name`` if it is one of ``known``.

    Raises
    ------
    UnknownNameError
        With what exists, and the nearest of it.
    """
    known = list(known)
    if name in known:
        return name
    hint = nearest(name, known)
    raise UnknownNameError(
        where,
        f"there is no {what} '{name}'",
        f"one of: {listing(known, most=40) or '(there are none)'}",
        f"Did you mean '{hint}'?" if hint else f"Name one that exists, or add {what} '{name}'.",
    )
