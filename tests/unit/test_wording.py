"""Numbers are written as in a paper, and one that is missing is never a number."""

import numpy as np
import pandas as pd
import pytest

from isoprune.wording import count, interval, is_missing, number, p_number, p_value, share, significant


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
    ("value", "text"),
    [
        (64.3, "64"),
        (2812.0, "2800"),
        (99.7, "100"),
        (-14.2, "−14"),
        (0.004, "0.0040"),
        (0, "0"),
        (np.nan, "n/a"),
        (2.84e-7, "2.8 × 10⁻⁷"),
        (-3e12, "−3.0 × 10¹²"),
    ],
)
def test_numbers_in_any_unit_have_no_bare_point_and_no_e(value, text):
    assert significant(value) == text


def test_as_many_digits_are_significant_as_are_asked_for():
    assert [significant(value, 3) for value in (485.6, 2.35, 0.5)] == ["486", "2.35", "0.500"]


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
