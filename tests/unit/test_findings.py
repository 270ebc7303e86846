"""Findings say what the tables say: every number is the table's, and no claim is made without its test."""

import re

import numpy as np
import pandas as pd
import pytest

from isoprune import figures
from isoprune.findings import CAVEAT, findings
from isoprune.results import CONTRAST_COLUMNS, SUMMARY_COLUMNS

REACHED = {"full": 0.21, "pruned": 0.47, "random": 0.18, "variance": 0.24, "relabelled": 0.25, "label": 0.40}
REACHED |= {"other:EVC": 0.35}
FAMILY = "pruned, group supervision, group RDM, targets × networks: 4"


def summary_of(supervision="group", reached=REACHED, **pruned):
    """A planted summary; ``pruned`` changes cells of the pruned set's row."""
    common = dict(network="vgg", layer="top", target="IT", supervision=supervision, n_features=1280)
    common |= dict(subject="group" if supervision == "group" else "subjects", n_subjects=15, n_images=92)
    common |= dict(n_test_images=18.4, n_folds=40, n_undefined=0)
    common |= dict(ceiling_low=0.62, ceiling_high=0.90 if supervision == "group" else 0.74)
    common["ci_over"] = "images" if supervision == "group" else "subjects and images"
    rows = [{**common, "competitor": name, "r": r} for name, r in reached.items()]
    for row in rows:
        if row["competitor"] == "pruned":
            row |= {"n_retained": 232.7, "ci_low": 0.351, "ci_high": 0.577, "p": 0.0012, "p_fwe": 0.0048}
            row |= {"p_within": 0.031, "family": FAMILY, "n_permutations": 999.0, "share_low": 0.52}
            row |= {"share_high": np.nan if supervision == "group" else 0.76, **pruned}
    return pd.DataFrame(rows).reindex(columns=list(SUMMARY_COLUMNS))


def contrasts_of(supervision="group", reached=REACHED, p_fwe=0.004, **p_fwe_of):
    """Planted contrasts, all established unless ``p_fwe`` or a competitor's own says otherwise."""
    group = supervision == "group"
    rows = []
    for name, r in reached.items():
        if name == "pruned":
            continue
        d = reached["pruned"] - r
        adjusted = p_fwe_of.get(name.replace(":", "_"), p_fwe)
        row = dict(network="vgg", layer="top", target="IT", supervision=supervision, a="pruned", b=name)
        row |= dict(
            compared="competitors",
            r_diff=d,
            ci_low=d - 0.041,
            ci_high=d + 0.043,
            p=adjusted / 2,
            p_fwe=adjusted,
        )
        row |= dict(n_subjects=1 if group else 15, unit="folds" if group else "subjects")
        row["test"] = "corrected resampled t" if group else "sign-flip across subjects"
        row["p_random"] = 0.005 if group and name == "random" else np.nan
        rows.append(row)
    return pd.DataFrame(rows).reindex(columns=list(CONTRAST_COLUMNS))


def untested(contrasts, why="none: 3 subjects", **where):
    empty = {"p": np.nan, "p_fwe": np.nan, "ci_low": np.nan, "ci_high": np.nan, "test": why}
    chosen = contrasts["b"].isin(where.get("only", contrasts["b"]))
    for column, value in empty.items():
        contrasts.loc[chosen, column] = value
    return contrasts


def one(summary=None, contrasts=None):
    [found] = findings(
        summary_of() if summary is None else summary, contrasts_of() if contrasts is None else contrasts
    )
    return found


def test_the_score_has_the_numbers_of_its_row():
    score = one().score
    for text in (
        "the mean RDM of 15 subjects",
        "18.4 held-out images (on average) a fold of 92 in all",
        "233 of 1280 features (mean over folds)",
        "r = 0.470, 95 % interval [0.351, 0.577] (over images of this target, never over people",
        "is established: p = 0.001 from 999 relabellings",
        "family-wise p = 0.005",
        f"(family: {FAMILY})",
        "within their category only, p = 0.031",
        "noise ceiling of the group's mean RDM is 0.900, of which r is 52 %",
    ):
        assert text in score, text


def test_the_gain_has_the_numbers_of_the_contrasts():
    gain = one().gain
    assert "minus all features (r = 0.210): +0.260 [+0.219, +0.303], p = 0.002, family-wise p = 0.004" in gain
    assert "minus random sets of the same size (r = 0.180): +0.290 [+0.249, +0.333]" in gain
    assert "(corrected resampled t) and speak about images of this target, never about people" in gain
    assert "ranks at p = 0.005 (one-sided)" in gain


def test_every_number_of_a_finding_is_one_of_the_tables():
    summary, contrasts = summary_of(), contrasts_of()
    cells = pd.concat([table.select_dtypes("number").stack() for table in (summary, contrasts)])
    counts = summary[["n_retained", "n_features", "n_images", "n_subjects", "n_permutations"]].stack()
    known = {f"{value:.3f}" for value in cells.abs()} | {f"{value:.0f}" for value in counts} | {"18.4", "52"}
    text = one(summary, contrasts).text.replace(FAMILY, "").replace("95 %", "").replace("above 0 ", "")
    own = f"{100 * 0.07 / 0.26:.0f}"
    assert {number for number in re.findall(r"\d+(?:\.\d+)?", text) if number not in known} == {own}


def test_across_subjects_the_interval_and_the_tests_speak_about_people():
    found = one(summary_of("loso"), contrasts_of("loso"))
    assert "15 subjects, each scored with features that the others' mean RDM ranked" in found.score
    assert "(over people and images; the selection is taken as given)" in found.score
    assert "lies between 0.620 and 0.740; r is 52 % of the upper and 76 % of the lower" in found.score
    assert "(sign-flip across subjects) and speak about people" in found.gain
    assert "one-sided" not in found.gain


def test_what_every_other_ranking_reaches_is_said_in_the_order_of_the_ladder():
    variance, relabelled, label, other = one().rivals
    assert variance.startswith(
        "random sets of features that vary as much reach r = 0.240; pruned − variance: +0.230"
    )
    assert relabelled.startswith("sets ranked on the target with its images exchanged reach r = 0.250")
    assert label.startswith(
        "sets ranked on the category label reach r = 0.400; pruned − label: +0.070 [+0.029"
    )
    assert other.startswith("sets ranked on the target ‘EVC’ reach r = 0.350")
    assert all(text.endswith("family-wise p = 0.004") for text in one().rivals)


def test_a_gain_that_no_other_ranking_reaches_is_partly_the_targets_own():
    found = one()
    assert (
        found.verdict == "Pruning gains, and part of the gain is IT’s own: every other ranking reaches less."
    )
    assert (
        "category label: of the gain of +0.260 over all features, +0.070 (27 %) is beyond them." in found.rest
    )


def test_a_gain_that_the_label_may_explain_is_said_to_be_no_more_established_than_that():
    found = one(contrasts=contrasts_of(label=0.3))
    assert "that the gain is IT’s own is not established: sets ranked on the category label" in found.verdict
    assert "+0.070 (27 %) is beyond them, which is not established" in found.rest


def test_a_gain_that_the_label_exceeds_is_not_the_targets_own():
    reached = {**REACHED, "label": 0.55}
    found = one(summary_of(reached=reached), contrasts_of(reached=reached))
    assert "the gain is not IT’s own: sets ranked on the category label predict better" in found.verdict
    assert "nothing is beyond what sets ranked on the category label reach" in found.rest


def test_without_an_established_gain_nothing_is_attributed():
    found = one(contrasts=contrasts_of(full=0.06))
    assert found.verdict.startswith("That pruning gains over all features is not established")
    assert found.rest == "" and "IT’s own" not in found.text


def test_a_gain_that_random_sets_share_is_no_gain_of_the_ranking():
    found = one(contrasts=contrasts_of(random=0.2))
    assert "better than random sets of its size is not established" in found.verdict


def test_pruning_that_loses_is_said_to_lose():
    reached = {**REACHED, "full": 0.6}
    assert (
        "worse than all features" in one(summary_of(reached=reached), contrasts_of(reached=reached)).verdict
    )


def test_a_difference_without_p_is_not_tested_and_the_reason_is_given():
    found = one(summary_of("own"), untested(contrasts_of("own")))
    assert found.verdict == "Whether pruning gains was not tested: 3 subjects, too few for p < .05."
    assert "Not tested means: 3 subjects, too few for p < .05." in found.gain
    assert all(text.endswith(", not tested") for text in found.rivals)
    assert "+0.260, not tested" in found.gain
    assert "IT’s own" not in found.text


def test_a_rival_without_p_leaves_the_question_open():
    found = one(contrasts=untested(contrasts_of(), "none: 1 fold", only=["label"]))
    assert "not tested against sets ranked on the category label" in found.verdict
    assert "Not tested means: 1 fold." in found.gain


def test_a_score_without_relabellings_is_not_tested():
    found = one(summary_of(p=np.nan, p_fwe=np.nan, n_permutations=np.nan))
    assert "That r is above 0 was not tested: no relabellings were computed." in found.score
    assert "established" not in found.score


def test_a_mean_over_subjects_without_a_common_null_says_so():
    summary = summary_of("own", p=np.nan, p_fwe=np.nan)
    single = summary[summary["competitor"] == "pruned"].assign(subject="01", p=0.04)
    found = one(pd.concat([summary, single]), contrasts_of("own"))
    assert "single subjects were relabelled, but not alike" in found.score


def test_a_score_above_the_threshold_is_not_called_established():
    assert "That r is above 0 is not established: p = 0.020" in one(summary_of(p=0.02, p_fwe=0.06)).score


@pytest.mark.parametrize(
    ("supervision", "n_subjects", "why"),
    [
        ("group", 1, "one RDM cannot tell noise"),
        ("group", 15, "subjects do not agree, as"),
        ("own", 15, "subjects saw different images, so"),
    ],
)
def test_a_missing_ceiling_says_why(supervision, n_subjects, why):
    missing = {"ceiling_low": np.nan, "ceiling_high": np.nan, "share_low": np.nan, "share_high": np.nan}
    found = one(summary_of(supervision, **missing, n_subjects=n_subjects), contrasts_of(supervision))
    assert f"There is no noise ceiling: {why}" in found.score


def test_undefined_folds_are_counted():
    summary = summary_of(n_undefined=2, n_folds=38)
    summary.loc[summary["competitor"] == "label", ["n_undefined", "n_folds"]] = [5, 35]
    rest = one(summary).rest
    assert "2 of 40 folds have no score" in rest and "label has no score in 5 of 40 folds" in rest


def test_nothing_is_claimed_of_a_study_without_a_score():
    found = one(summary_of(r=np.nan, n_undefined=40, n_folds=0))
    assert (
        found.text
        == "Nothing was found: no fold has a score. 40 of 40 folds have no score; folds.tsv says why."
    )


def test_without_rivals_it_is_said_that_nobody_asked():
    few = {name: REACHED[name] for name in ("full", "pruned", "random")}
    found = one(summary_of(reached=few), contrasts_of(reached=few))
    assert found.verdict == "Pruning gains; whether the gain is the target's own was not asked."


def test_group_and_subjects_have_a_finding_each_in_a_fixed_order():
    summaries, contrasts = (
        pd.concat([make(one_) for one_ in ("loso", "own", "group")]) for make in (summary_of, contrasts_of)
    )
    assert [found.supervision for found in findings(summaries, contrasts)] == ["group", "own", "loso"]


def test_page_holds_every_sentence_and_the_caveat_without_scripts_or_addresses():
    found = [one(), one(summary_of("own"), contrasts_of("own"))]
    page = figures.findings_page("demo", found)
    plain = re.sub(r"<[^>]*>", "", page).replace("\u00a0", " ").replace("&lt;", "<").replace("&#x27;", "'")
    for each in found:
        for part in (each.verdict, each.score, each.gain, *each.rivals, each.rest):
            assert part in plain
    assert CAVEAT in plain
    assert page.count("<h2>") == 1 and page.count("<h3>") == 2
    assert "<script" not in page and "http" not in page


def test_page_escapes_what_it_is_given():
    summary, contrasts = (table.assign(target="<i>") for table in (summary_of(), contrasts_of()))
    page = figures.findings_page("<b>", [one(summary, contrasts)])
    assert "<i>" not in page and "<b>" not in page and "&lt;i&gt;" in page


def test_weights_on_all_features_are_compared_and_decide_nothing_about_whose_the_gain_is():
    reached = {**REACHED, "ridge": 0.60, "dissimilarity": 0.45}
    found = one(summary_of(reached=reached), contrasts_of(reached=reached))
    assert (
        "Pruned minus weights on all features, fitted to the target: ridge (r = 0.600): −0.130 [−0.171, "
        "−0.087], p = 0.002, family-wise p = 0.004; dissimilarity (r = 0.450): +0.020" in found.gain
    )
    assert found.verdict == one().verdict and found.rivals == one().rivals


def test_as_many_features_that_no_target_ranks_may_give_the_gain():
    reached = {**REACHED, "variable": 0.46}
    found = one(summary_of(reached=reached), contrasts_of(reached=reached, variable=0.3))
    assert "not established: as many of the features that vary most may give as much" in found.verdict


def test_several_rankings_that_may_give_the_gain_are_listed_by_their_short_names():
    contrasts = contrasts_of(variance=0.3, relabelled=0.3, label=0.3)
    assert one(contrasts=contrasts).verdict.endswith(
        "not established: other rankings (variance, relabelled and label) may give as much."
    )
    reached = {**REACHED, "label": 0.55, "relabelled": 0.56}
    better = one(summary_of(reached=reached), contrasts_of(reached=reached))
    assert better.verdict.endswith("IT’s own: other rankings (relabelled and label) predict better.")
    open_ = one(contrasts=untested(contrasts_of(), "none: 1 fold", only=["label", "relabelled"]))
    assert open_.verdict.endswith("was not tested against other rankings (relabelled and label).")


def test_a_target_whose_name_ends_in_s_owns_its_gain_in_english():
    summary, contrasts = (table.assign(target="judgments") for table in (summary_of(), contrasts_of()))
    verdict = one(summary, contrasts).verdict
    assert (
        verdict == "Pruning gains, and part of the gain is judgments’ own: every other ranking reaches less."
    )


def test_a_whole_number_of_held_out_images_has_no_decimal():
    assert (
        "on 12 held-out images a fold of 60 in all" in one(summary_of(n_test_images=12.0, n_images=60)).score
    )
