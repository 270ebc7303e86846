"""Numbers are written as in a paper, and one that is missing is never a number."""

import numpy as np
import pandas as pd
import pytest

from isoprune.wording import count, interval, is_missing, number, p_number, p_value, share


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, pd.NaT])
def test_what_is_missing_is_not_available(nothing):
    assert is_missing(nothing)
    assert number(nothing) == p_number(nothing) == "n/a"
    assert p_value(nothing) == "p n/a"


@pytest.mark.parametrize("something", [0, 0.0, -1.5, "", "n"])
def test_zero_and_text_are_there(something):
    assert not is_missing(something)


def test_minus_is_a_minus_sign_and_nothing_has_no_sign():
    assert number(-0.25) == "−0.25"
    assert number(-0.0004, ".3f") == number(0.0, ".3f") == "0.000"
    assert number(-0.0004, "+.3f") == "0.000" and number(0.3, "+.1f") == "+0.3"
    assert interval(-0.1, 0.25) == "[−0.100, 0.250]"


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0009, "p < 0.001"),
        (0.001, "p = 0.001"),
        (0.0123, "p = 0.012"),
        (0.0999, "p = 0.10"),
        (1, "p = 1.00"),
    ],
)
def test_p_is_never_zero(p, text):
    assert p_value(p) == text
    assert p_number(p) == text.removeprefix("p ").removeprefix("= ")


def test_counts_are_of_one_or_of_several():
    assert (count(1, "fold"), count(2, "fold"), count(0, "fold")) == ("1 fold", "2 folds", "0 folds")
    assert share(232.5, 1280) == "233 of 1280 features"
