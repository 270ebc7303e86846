"""RDMs from patterns: SciPy's distances, in our order."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from examples import random_target
from isoprune.errors import LabelError, RDMError, UnknownNameError
from isoprune.io.rdms import read_rdm, write_rdm
from isoprune.labelled import RDM, Patterns
from isoprune.patterns import centre_runs, mean_patterns, zscore_runs
from isoprune.rdms import group_mean, n_negative, rdm_from_patterns, shares_of_spread, whose_the_mean_is

LABELS = ("img_10", "img_2", "zebra", "Zebra", "img_1", "ähre")
WHO = {"target": "IT", "subject": "03", "provenance": {"seed": 0}}


@pytest.fixture
def patterns():
    generator = np.random.default_rng(0)
    conditions = tuple(generator.permutation(LABELS)) + tuple(generator.permutation(LABELS))
    return Patterns(generator.normal(2, 3, (12, 40)), conditions, ("1",) * 6 + ("2",) * 6, "IT", "03")


def test_an_rdm_says_how_it_was_made(patterns):
    rdm = rdm_from_patterns(patterns, LABELS, measure="crossnobis", run_zscore=True, **WHO)
    assert (rdm.labels, rdm.target, rdm.subject, rdm.measure) == (LABELS, "IT", "03", "crossnobis")
    assert rdm.provenance == {
        "seed": 0,
        "rdm": {
            "measure": "crossnobis",
            "run_centre": False,
            "run_zscore": True,
            "noise": "repetitions over runs",
            "shrinkage": "diagonal",
        },
    }


def test_runs_are_normalised_before_distances(patterns):
    for setting, prepare in (("run_centre", centre_runs), ("run_zscore", zscore_runs)):
        rdm = rdm_from_patterns(patterns, LABELS, **{setting: True}, **WHO)
        expected = pdist(mean_patterns(prepare(patterns), LABELS), "correlation")
        np.testing.assert_allclose(squareform(rdm.values), expected, rtol=0, atol=1e-10)


def test_negative_distances_are_kept_written_and_counted(tmp_path):
    generator = np.random.default_rng(4)
    noise = Patterns(generator.normal(size=(24, 30)), LABELS * 4, tuple(np.repeat(list("1234"), 6)))
    rdm = rdm_from_patterns(noise, LABELS, measure="crossnobis", noise="identity", **WHO)
    assert 2 < n_negative(rdm) < 13
    assert n_negative(rdm) == int((squareform(rdm.values, checks=False) < 0).sum())
    write_rdm(tmp_path / "rdm.h5", rdm)
    np.testing.assert_array_equal(read_rdm(tmp_path / "rdm.h5").values, rdm.values)


def test_order_is_ours_whatever_the_order_of_labels(patterns):
    rdm = rdm_from_patterns(patterns, LABELS, **WHO)
    shuffled = tuple(np.random.default_rng(1).permutation(LABELS))
    other = rdm_from_patterns(patterns, shuffled, **WHO)
    assert other.labels == shuffled
    np.testing.assert_allclose(other.select(LABELS).values, rdm.values, rtol=0, atol=1e-12)


def test_permuting_observations_changes_nothing(patterns):
    order = np.random.default_rng(2).permutation(12)
    permuted = Patterns(
        patterns.values[order],
        tuple(patterns.conditions[row] for row in order),
        tuple(patterns.runs[row] for row in order),
    )
    before = rdm_from_patterns(patterns, LABELS, **WHO)
    after = rdm_from_patterns(permuted, LABELS, **WHO)
    np.testing.assert_allclose(after.values, before.values, rtol=0, atol=1e-12)


def test_constant_pattern_is_named_never_nan(patterns):
    values = patterns.values.copy()
    values[[condition == "zebra" for condition in patterns.conditions]] = 4.2
    constant = Patterns(values, patterns.conditions, patterns.runs, "IT", "03")
    with pytest.raises(
        RDMError, match=r"ROI 'IT' of subject '03': the pattern of 1 condition\(s\) is constant .*zebra"
    ):
        rdm_from_patterns(constant, LABELS, **WHO)
    assert rdm_from_patterns(constant, LABELS, measure="euclidean", **WHO).values.max() > 0


def test_unknown_measure_and_labels_are_named(patterns):
    with pytest.raises(UnknownNameError, match=r"no measure 'corelation'; .*Did you mean 'correlation'"):
        rdm_from_patterns(patterns, LABELS, measure="corelation", **WHO)
    with pytest.raises(LabelError, match=r"lacks 1 label\(s\) of the labels wanted: lion"):
        rdm_from_patterns(patterns, (*LABELS, "lion"), **WHO)


# ── the mean over subjects ──


def subjects(n=3, **changes):
    generator = np.random.default_rng(0)
    rdms = []
    for number in range(1, n + 1):
        values = squareform(generator.uniform(0.1, 2, 15))
        order = generator.permutation(6)
        labels = tuple(LABELS[i] for i in order)
        rdms.append(RDM(values, labels, "IT", f"0{number}", "correlation", {"n": number}))
    return rdms


def test_group_mean_joins_by_label():
    rdms = subjects()
    mean = group_mean(rdms, "IT")
    for i, first in enumerate(mean.labels):
        for j, second in enumerate(mean.labels):
            entries = [r.values[r.labels.index(first), r.labels.index(second)] for r in rdms]
            assert mean.values[i, j] == pytest.approx(np.mean(entries), abs=1e-15)
    assert mean.labels == rdms[0].labels
    assert (mean.target, mean.subject, mean.measure) == ("IT", "group", "correlation")
    assert mean.provenance["subjects"] == ["01", "02", "03"]


def test_group_mean_knows_when_a_subjects_source_changed():
    rdms = subjects()
    changed = [*rdms[:2], RDM(rdms[2].values, rdms[2].labels, "IT", "03", "correlation", {"n": 99})]
    assert group_mean(rdms, "IT").provenance != group_mean(changed, "IT").provenance


def renamed(rdm, **changes):
    given = {"target": rdm.target, "subject": rdm.subject, "measure": rdm.measure, **changes}
    return RDM(rdm.values, given.pop("labels", rdm.labels), **given)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"subject": "01"}, LabelError, "label 01 occurs more than once"),
        ({"subject": "group"}, LabelError, r"a mean RDM \(`group`\) among the subjects"),
        ({"target": "EVC"}, LabelError, "RDMs of target EVC; expected subjects' own RDMs of 'IT'"),
        ({"measure": "euclidean"}, RDMError, "of different kinds: correlation, euclidean"),
        (
            {"labels": tuple("abcdef")},
            LabelError,
            r"target 'IT' of subject '03': lacks 6 label\(s\) of subject '01'",
        ),
    ],
)
def test_what_cannot_be_averaged_is_named(changes, error, message):
    rdms = subjects()
    rdms[2] = renamed(rdms[2], **changes)
    with pytest.raises(error, match=message):
        group_mean(rdms, "IT")


def test_mean_of_nobody_is_named():
    with pytest.raises(RDMError, match=r"group mean of target 'IT': no RDM; expected one for each subject"):
        group_mean([], "IT")


def test_shares_tell_whose_rdm_the_mean_is():
    labels = ("a", "b", "c", "d", "e")
    alike = [RDM(random_target(5, 1), labels, "IT", who) for who in ("01", "02", "03")]
    assert list(shares_of_spread(alike).values()) == pytest.approx([1 / 3] * 3)
    large = RDM(30 * random_target(5, 2), labels, "IT", "04")
    shares = shares_of_spread([*alike, large])
    assert sum(shares.values()) == pytest.approx(1) and shares["04"] > 0.99
    assert whose_the_mean_is([*alike, large]) == ("04", shares["04"])
    assert whose_the_mean_is(alike) is None and whose_the_mean_is([alike[0], large]) is None
    mean = group_mean([*alike, large], "IT").values
    assert np.corrcoef(mean.ravel(), large.values.ravel())[0, 1] > 0.99
    flat = RDM(1 - np.eye(5), labels, "IT", "05")
    assert shares_of_spread([alike[0], flat]) == {"01": 1.0, "05": 0.0}
    assert np.isnan(list(shares_of_spread([flat]).values())).all()
