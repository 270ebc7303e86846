"""Sentences about networks, targets and supervisions: the numbers of the tables, and no claim without its test."""

import re

import numpy as np
import pandas as pd
import pytest

from isoprune import figures
from isoprune.compared_findings import CEILINGS_DIFFER, compared_findings
from isoprune.results import CONTRAST_COLUMNS, SUMMARY_COLUMNS

LEVELS = {"targets": ("EVC", "IT"), "networks": ("alex", "vgg"), "supervisions": ("own", "loso")}


def summary_of(subject="subjects"):
    common = dict(layer="top", subject=subject, ceiling_low=0.5, ceiling_high=0.6)
    supervisions = ("group",) if subject == "group" else ("own", "loso")
    rows = [
        dict(common, network=network, target=target, supervision=supervision, competitor=competitor)
        for network in ("alex", "vgg")
        for target in ("EVC", "IT")
        for supervision in supervisions
        for competitor in ("full", "pruned")
    ]
    numbered = [{**row, "r": 0.101 + 0.01 * i, "share_low": 0.21 + 0.01 * i} for i, row in enumerate(rows)]
    return pd.DataFrame(numbered).reindex(columns=list(SUMMARY_COLUMNS))


def contrasts_of(compared, r_diff=-0.2, p_fwe=0.004, unit="subjects", **changed):
    a, b = LEVELS[compared]
    place = dict(network="vgg", target="IT", supervision="group" if unit == "folds" else "own")
    place[compared.removesuffix("s")] = None
    row = dict(place, compared=compared, a=a, b=b, unit=unit, n_subjects=15, test="t", p=p_fwe / 2)
    row |= dict(r_diff=r_diff, ci_low=r_diff - 0.1, ci_high=r_diff + 0.1, p_fwe=p_fwe, **changed)
    scores = ("pruned",) if compared == "supervisions" else ("pruned", "full", "pruned − full")
    return pd.DataFrame([dict(row, score=score) for score in scores]).reindex(columns=list(CONTRAST_COLUMNS))


def one(compared, subject="subjects", **changed):
    [found] = compared_findings(summary_of(subject), contrasts_of(compared, **changed))
    return found


@pytest.mark.parametrize(
    ("compared", "verdict"),
    [
        ("targets", "IT is better predicted than EVC."),
        ("networks", "vgg predicts better than alex."),
        (
            "supervisions",
            "Features ranked on the others' mean RDM predict better than those ranked on the subject's own RDM.",
        ),
    ],
)
def test_an_established_difference_names_the_better_side(compared, verdict):
    assert one(compared).verdict == verdict
    turned = one(compared, r_diff=0.2).verdict
    assert turned != verdict and turned.startswith(("EVC is", "alex predicts", "Features ranked on the subj"))


@pytest.mark.parametrize("compared", LEVELS)
def test_without_a_small_family_wise_p_nothing_is_claimed(compared):
    assert one(compared, p_fwe=0.06).verdict.endswith("is not established.")
    untested = {"p": np.nan, "p_fwe": np.nan, "test": "none: 3 subjects"}
    table = contrasts_of(compared).assign(**untested)
    [found] = compared_findings(summary_of(), table)
    assert found.verdict.endswith("was not tested: 3 subjects, too few for p < .05.")
    assert all("not tested" in score for score in found.scores)


def test_both_sides_stand_with_their_share_of_the_ceiling_and_the_difference_with_its_test():
    pruned, full, gain = one("targets").scores
    summary = summary_of().set_index(["network", "target", "supervision", "competitor"])
    for text, competitor in ((pruned, "pruned"), (full, "full")):
        for target in ("EVC", "IT"):
            row = summary.loc[("vgg", target, "own", competitor)]
            assert (
                f"{target} r = {row['r']:.3f} ({100 * row['share_low']:.0f} % of its upper ceiling)" in text
            )
        assert "EVC − IT −0.200 [−0.300, −0.100], p = 0.002, family-wise p = 0.004" in text
    assert gain.startswith("Gain of pruning: EVC − IT −0.200")


def test_group_and_subjects_are_told_apart():
    assert one("targets", "group", unit="folds").place == "vgg  ·  mean RDM of the group"
    assert one("targets").place == "vgg  ·  15 subjects, ranked on their own RDM"
    assert one("supervisions").place == "IT  ·  vgg  ·  15 subjects"


def test_contrasts_of_competitors_are_no_comparison():
    table = contrasts_of("targets").assign(compared="competitors")
    assert compared_findings(summary_of(), table) == []


def test_page_holds_every_comparison_and_the_caveat_about_ceilings():
    found = [one(compared) for compared in LEVELS]
    page = figures.findings_page("demo", [], found)
    plain = re.sub(r"<[^>]*>", "", page).replace("\u00a0", " ").replace("&lt;", "<").replace("&#x27;", "'")
    for each in found:
        for part in (each.verdict, each.place, *each.scores):
            assert part in plain, part
    assert plain.count(CEILINGS_DIFFER) == 1
    assert CEILINGS_DIFFER not in figures.findings_page("demo", [], found[1:])
