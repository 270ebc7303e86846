"""How numbers are written, the same in figures, pages and sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable


def number(value: float | None, form: str = ".2f") -> str:
    """A number with a real minus sign, ``n/a`` when it is missing."""
    # Unlike NaN, pandas' missing integer cannot be compared with itself.
    text = "n/a" if is_missing(value) else format(value, form).replace("-", "−")
    # A negative number that rounds to nothing has no sign.
    return text.lstrip("−") if text.startswith("−") and not text.strip("−0.") else text


def significant(value: float, digits: int = 2) -> str:
    """A number in any unit with so many significant digits: ``64``, ``2800``, ``0.0040``, ``2.8 × 10⁻⁷``."""
    if is_missing(value) or value == 0 or not math.isfinite(value):
        return number(value, ".0f")
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    if -4 <= int(power) < 6:
        return number(float(f"{mantissa}e{power}"), f".{max(0, digits - 1 - int(power))}f")
    # Further from 1, zeros would have to be counted.
    raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{number(float(mantissa), f'.{digits - 1}f')} × 10{raised}"


def is_missing(value: object) -> bool:
    """Whether a cell of a table holds nothing: None, NaN, or pandas' own missing value."""
    return value is None or str(value) in ("nan", "<NA>", "NaT")


def interval(low: float, high: float, form: str = ".3f") -> str:
    """A 95 % interval in brackets."""
    return f"[{number(low, form)}, {number(high, form)}]"


def p_number(p: float) -> str:
    """A p-value without its letter, for columns that are headed by it."""
    if is_missing(p):
        return "n/a"
    if p < 0.001:
        return "< 0.001"
    # Three decimals below .1, also after rounding.
    return f"{p:.3f}" if p < 0.0995 else f"{p:.2f}"


def p_value(p: float, name: str = "p") -> str:
    """A p-value as it is written in a paper."""
    text = p_number(p)
    return f"{name} {text}" if text.startswith(("<", "n/a")) else f"{name} = {text}"


def share(part: float, whole: float) -> str:
    """A number of features of all."""
    return f"{math.floor(part + 0.5):d} of {int(whole)} features"


def count(n: int, noun: str) -> str:
    """A number of things, in the singular where there is one."""
    return f"{int(n)} {noun}{'' if n == 1 else 's'}"


def enumeration(things: Iterable[object]) -> str:
    """Things in a sentence: ``a``, ``a and b``, ``a, b and c``."""
    *before, last = [str(one) for one in things] or [""]
    return f"{', '.join(before)} and {last}" if before else last
