"""The ladder draws what every competitor reaches, each with its own test, from nothing to the target's own."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from isoprune import figures
from isoprune.results import CONTRAST_COLUMNS, SUMMARY_COLUMNS

REACHED = {
    "full": 0.20,
    "pruned": 0.45,
    "random": 0.15,
    "variance": 0.18,
    "relabelled": 0.17,
    "label:kind": 0.30,
    "label:animate": 0.38,
    "other:EVC": 0.33,
}
LADDER = ["full", "random", "variance", "relabelled", "label:kind", "label:animate", "other:EVC", "pruned"]
SCORED = {"own": "subjects", "loso": "subjects", "group": "group"}


def tables(supervisions=("own", "loso", "group"), targets=("IT",), **changed):
    """A summary and contrasts in which every number is another one."""
    scores, compared = [], []
    for i, target in enumerate(targets):
        for j, supervision in enumerate(supervisions):
            shift = 0.1 * i + 0.01 * j
            unit = dict(network="net", layer="top", target=target, supervision=supervision)
            for name, r in REACHED.items():
                scores.append(
                    {
                        **unit,
                        "subject": SCORED[supervision],
                        "competitor": name,
                        "r": r + shift,
                        "ci_low": r + shift - 0.1,
                        "ci_high": r + shift + 0.1,
                        "p": 0.012 if name == "pruned" else np.nan,
                        "p_fwe": 0.034 if name == "pruned" else np.nan,
                        "ceiling_low": 0.5,
                        "ceiling_high": 0.8 if supervision == "group" else 0.6,
                        "n_retained": 12.4,
                        "n_features": 40,
                        "n_images": 30,
                        "n_subjects": 7,
                        "n_folds": 5,
                        "n_undefined": 0,
                    }
                )
                if name != "pruned":
                    d = REACHED["pruned"] - r
                    interval = {"ci_low": d - 0.05, "ci_high": d + 0.07}
                    tested = {"p": 0.021 + shift, "p_fwe": 0.043 + shift, "n_subjects": 7, "test": "t"}
                    of = {"unit": "folds" if supervision == "group" else "subjects"}
                    compared.append(
                        {
                            **unit,
                            "compared": "competitors",
                            "a": "pruned",
                            "b": name,
                            "r_diff": d,
                            **interval,
                            **tested,
                            **of,
                        }
                    )
    summary = pd.DataFrame(scores).reindex(columns=list(SUMMARY_COLUMNS)).assign(**changed)
    return summary, pd.DataFrame(compared).reindex(columns=list(CONTRAST_COLUMNS))


def drawn(panel, gid):
    return [artist for artist in panel.get_children() if artist.get_gid() == gid]


def words(panel):
    return [text.get_text() for text in panel.texts]


def test_rungs_lead_from_nothing_to_the_targets_own():
    [panel] = figures.specificity(*tables()).axes
    assert [label.get_text() for label in panel.get_yticklabels()] == LADDER
    assert panel.yaxis_inverted()


@pytest.mark.parametrize("supervision", SCORED)
@pytest.mark.parametrize("name", LADDER)
def test_a_rung_shows_r_and_interval_of_the_summary_in_the_competitors_colour(supervision, name):
    summary, contrasts = tables()
    [panel] = figures.specificity(summary, contrasts).axes
    [row] = summary[(summary["supervision"] == supervision) & (summary["competitor"] == name)].itertuples()
    [mark], [bar] = drawn(panel, f"{supervision}-{name}"), drawn(panel, f"interval-{supervision}-{name}")
    assert mark.get_offsets()[0, 0] == row.r
    assert list(bar.get_xdata()) == [row.ci_low, row.ci_high]
    assert round(mark.get_offsets()[0, 1]) == LADDER.index(name)
    assert to_hex(mark.get_facecolor()[0]) == figures.COLOURS[name.split(":")[0]].lower()
    assert f"{row.r:.3f} [{row.ci_low:.3f}, {row.ci_high:.3f}]" in words(panel)


def test_what_the_pruned_set_has_over_a_rung_is_written_with_its_test():
    summary, contrasts = tables()
    text = words(figures.specificity(summary, contrasts).axes[0])
    for row in contrasts.itertuples():
        assert f"{row.r_diff:+.3f} [{row.ci_low:+.3f}, {row.ci_high:+.3f}]" in text
    assert text.count("0.021 (0.043)") == len(LADDER) - 1
    assert text.count("0.012 (0.034)") == len(SCORED)


def test_a_difference_without_a_test_has_no_interval_and_says_so():
    summary, contrasts = tables(("own",))
    contrasts.loc[contrasts["b"] == "label:kind", ["p", "p_fwe", "ci_low", "ci_high"]] = np.nan
    text = words(figures.specificity(summary, contrasts).axes[0])
    assert "no test of 7 subjects" in text and "+0.150" in text
    untested, _ = tables(("own",), p=np.nan)
    assert "r > 0, relabelled images: no test" in words(figures.specificity(untested, contrasts).axes[0])


def test_ceilings_are_those_of_who_was_scored():
    [panel] = figures.specificity(*tables()).axes
    [band], [line] = drawn(panel, "ceiling-subjects"), drawn(panel, "ceiling-group")
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((0.5, 0.6))
    assert line.get_xdata()[0] == 0.8
    [alone] = figures.specificity(*tables(("group",))).axes
    assert not drawn(alone, "ceiling-subjects") and drawn(alone, "ceiling-group")


def test_the_key_names_only_what_is_drawn():
    summary, contrasts = tables(("group",))
    summary = summary[~summary["competitor"].str.startswith(("label", "other"))]
    key = [text.get_text() for text in figures.specificity(summary, contrasts).legends[0].get_texts()]
    assert not [text for text in key if text.startswith(("label", "other")) or "subjects," in text]
    assert "noise ceiling of the group RDM" in key and "noise ceiling of single subjects" not in key


def test_reweightings_are_no_rungs():
    summary, contrasts = tables(("group",))
    extra = summary.assign(competitor="reweighted").iloc[:1]
    [panel] = figures.specificity(pd.concat([summary, extra]), contrasts).axes
    assert [label.get_text() for label in panel.get_yticklabels()] == LADDER


def test_folds_without_a_score_are_counted_for_each_rung():
    summary, contrasts = tables(("group",))
    short = summary["competitor"] == "other:EVC"
    summary.loc[short, ["ci_low", "ci_high"]] = np.nan
    summary = summary.assign(n_undefined=np.where(short, 2, 0), n_folds=np.where(short, 3, 5))
    [panel] = figures.specificity(summary, contrasts).axes
    assert "other:EVC: 2 of 5 folds without a score" in panel.get_xlabel()
    assert panel.get_xlabel().count("without a score") == 1
    [panel] = figures.specificity(summary.assign(n_undefined=1, n_folds=4), contrasts).axes
    assert panel.get_xlabel().endswith("all: 1 of 5 folds without a score")
    assert "0.330, no interval" in words(panel)


def test_ladders_of_a_study_share_one_scale_within_that_of_a_correlation():
    summary, contrasts = tables(targets=("IT", "EVC"))
    figure = figures.specificity(summary.assign(ci_low=-1.7, ci_high=1.4), contrasts)
    limits = {panel.get_xlim() for panel in figure.axes}
    assert len(limits) == 1
    [(low, high)] = limits
    assert -1.05 <= low <= -1 and 1 <= high <= 1.05
    titles = [panel.get_title(loc="left") for panel in figure.axes]
    assert titles == ["IT", "EVC"]


def test_no_text_of_the_ladder_overlaps_or_leaves_the_figure():
    figure = figures.specificity(*tables(targets=("IT", "EVC")))
    figure.draw_without_rendering()
    page = figure.bbox
    for panel in figure.axes:
        boxes = [text.get_window_extent() for text in panel.texts]
        assert all(page.x0 <= box.x0 and box.x1 <= page.x1 for box in boxes)
        assert not [
            (one, other)
            for i, one in enumerate(boxes)
            for other in boxes[i + 1 :]
            if one.shrunk(0.96, 0.7).overlaps(other.shrunk(0.96, 0.7))
        ]


def test_bytes_of_the_ladder_do_not_change(tmp_path):
    for name in ("first.svg", "second.svg"):
        figures.save(figures.specificity(*tables()), tmp_path / name)
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


# ---- what else can be made of the features ----

WAYS = [
    "full",
    "random",
    "active",
    "variable",
    "components",
    "ridge",
    "nonnegative",
    "dissimilarity",
    "pruned",
]


def with_ways(supervisions=("group",)):
    """The same tables with weights and sets of matched number, in an order that is not that of the figure."""
    summary, contrasts = tables(supervisions)
    more = {name: 0.21 + 0.03 * place for place, name in enumerate(reversed(WAYS[2:-1]))}
    model = summary[summary["competitor"] == "variance"]
    rows = [model.assign(competitor=name, r=r) for name, r in more.items()]
    compared = [contrasts[contrasts["b"] == "variance"].assign(b=name) for name in more]
    return pd.concat([summary, *rows]), pd.concat([contrasts, *compared])


def test_weights_and_sets_of_matched_number_stand_between_all_features_and_the_pruned_set():
    summary, contrasts = with_ways()
    [panel] = figures.competitors(summary, contrasts).axes
    assert [label.get_text() for label in panel.get_yticklabels()] == WAYS
    for name in WAYS:
        [mark] = drawn(panel, f"group-{name}")
        assert mark.get_offsets()[0, 0] == summary.set_index("competitor").loc[name, "r"]
        assert to_hex(mark.get_facecolor()[0]) == figures.COLOURS[name].lower()


def test_kinds_of_weights_that_single_subjects_lack_leave_their_places_empty():
    summary, contrasts = with_ways(("own", "group"))
    lacking = (summary["competitor"] == "dissimilarity") & (summary["supervision"] == "own")
    [panel] = figures.competitors(summary[~lacking], contrasts).axes
    assert not drawn(panel, "own-dissimilarity") and drawn(panel, "group-dissimilarity")
    assert drawn(panel, "own-ridge")


def test_a_target_that_is_one_rdm_is_no_mean_over_subjects():
    summary, contrasts = tables(("group",))
    figure = figures.specificity(summary.assign(n_subjects=1), contrasts)
    key = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "target RDM, of nobody in particular, 95 % interval" in key
    assert "target RDM: 12 of 40" in figure.axes[0].get_xlabel()
