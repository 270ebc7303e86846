"""What figures claim: they draw the table's numbers, in fixed colours, and leave nothing behind."""

import re

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb

from isoprune import figures
from isoprune.crossvalidation import cross_validate, fisher_mean
from isoprune.errors import LabelError
from isoprune.io.tables import write_table
from isoprune.labelled import RDM
from isoprune.pruning import prune
from isoprune.pruning.criteria import criterion_named
from isoprune.results import (
    CURVE_COLUMNS,
    RETAINED_COLUMNS,
    SUMMARY_COLUMNS,
    contrasts,
    curve_table,
    frame_of_unit,
    mean_over_subjects,
    retained_table,
    summarise,
)

N_IMAGES, N_FEATURES, N_SUBJECTS = 20, 30, 6
LABELS = tuple(f"image{i:02d}" for i in range(N_IMAGES))


def unit_of(target, subject):
    supervision = "group" if subject == "group" else "own"
    return dict(network="net", layer="top", target=target, supervision=supervision, subject=subject)


@pytest.fixture(scope="module")
def study():
    """A planted and a noise target, scored for six subjects and their mean."""
    rng = np.random.default_rng(0)
    embedding = np.maximum(0, rng.normal(size=(N_IMAGES, N_FEATURES)) + 0.5)
    folds, facts, curve, retained, rdms = [], [], [], [], []
    for target, signal in (("area", embedding[:, :6]), ("noise", np.zeros((N_IMAGES, 6)))):
        subjects = {
            f"{subject:02d}": 1 - np.corrcoef(signal + rng.normal(size=signal.shape))
            for subject in range(1, N_SUBJECTS + 1)
        }
        for subject, dissimilarity in (
            *subjects.items(),
            ("group", np.mean(list(subjects.values()), axis=0)),
        ):
            unit, square = unit_of(target, subject), (dissimilarity + dissimilarity.T) / 2
            np.fill_diagonal(square, 0)
            scores = cross_validate(embedding, square, n_splits=4, n_repeats=1, threads=1, backend="numpy")
            folds.append(frame_of_unit(scores, unit))
            pruning = prune(embedding, square, threads=1, backend="numpy")
            facts.append({**unit, "r_all_images": pruning.curve[-1], "n_images": N_IMAGES})
            frequency = np.linspace(0, 1, N_FEATURES)[::-1][np.argsort(pruning.ranking)]
            curve.append(curve_table(pruning).assign(**unit))
            retained.append(retained_table(pruning, frequency).assign(**unit))
        rdms.append(RDM(square, LABELS, target))
    folds = pd.concat(folds, ignore_index=True)
    return {
        "folds": folds,
        "summary": with_inference(summarise(folds, facts)),
        "contrasts": contrasts(folds, seed=0, n_bootstrap=200),
        "curve": pd.concat(curve, ignore_index=True),
        "retained": pd.concat(retained, ignore_index=True),
        "rdms": rdms,
        "stimuli": pd.DataFrame({"stimulus": LABELS, "category": ["face", "house"] * (N_IMAGES // 2)}),
    }


def with_inference(summary):
    """The summary with the mean over subjects, and numbers in the place of what the units' nulls would give."""
    summary = pd.concat([summary, mean_over_subjects(summary)], ignore_index=True)
    given = {"ci_low": summary["r"] - 0.1, "ci_high": summary["r"] + 0.1, "ci_over": "images", "p": 0.01}
    given |= {"p_fwe": 0.02, "ceiling_low": 0.5, "ceiling_high": 0.6}
    return summary.assign(**given).reindex(columns=list(SUMMARY_COLUMNS))


def of_group(table):
    return table[table["subject"] == "group"]


def recovery_table():
    common = dict(network="net", n_retained=10, n_features=30, r_full=0.1, r_pruned=0.2)
    rows = [
        {**common, **unit_of("area", "group"), "n_planted": 6, "n_overlap": 5, "expected": 2.0, "p": 0.01},
        {**common, **unit_of("area", "01"), "n_planted": 6, "n_overlap": 4, "expected": 2.0, "p": 0.09},
        {
            **common,
            **unit_of("noise", "group"),
            "n_planted": 0,
            "n_overlap": np.nan,
            "expected": np.nan,
            "p": np.nan,
        },
    ]
    return pd.DataFrame(rows)


def draw(name, study):
    criterion = criterion_named("pearson")
    return {
        "isomorphism": lambda: figures.isomorphism(study["summary"], study["folds"], study["contrasts"]),
        "gain": lambda: figures.gain(study["contrasts"]),
        "curves": lambda: figures.curves(of_group(study["curve"]), of_group(study["retained"]), criterion),
        "stability": lambda: figures.stability(of_group(study["retained"])),
        "rdms": lambda: figures.rdms(study["rdms"], study["stimuli"]),
        "recovery": lambda: figures.recovery(recovery_table()),
    }[name]()


ALL = ("isomorphism", "gain", "curves", "stability", "rdms", "recovery")


def drawn(panel, gid):
    return [artist for artist in panel.get_children() if artist.get_gid() == gid]


def panel_of(figure, title):
    return next(panel for panel in figure.axes if panel.get_title(loc="left").startswith(title))


def score(study, target, subject, competitor):
    table = study["summary"]
    chosen = (table["target"] == target) & (table["subject"] == subject) & (table["competitor"] == competitor)
    return table.loc[chosen, "r"].item()


@pytest.mark.parametrize("target", ["area", "noise"])
@pytest.mark.parametrize("competitor", ["full", "pruned", "random"])
def test_isomorphism_draws_the_scores_of_the_summary_in_the_competitors_colour(study, target, competitor):
    panel = panel_of(draw("isomorphism", study), target)
    subjects = [f"{subject:02d}" for subject in range(1, N_SUBJECTS + 1)]
    expected = [score(study, target, subject, competitor) for subject in subjects]
    [dots], [bar], [diamond] = (
        drawn(panel, f"{what}-{competitor}") for what in ("subjects", "mean", "group")
    )
    np.testing.assert_array_equal(dots.get_offsets()[:, 1], expected)
    np.testing.assert_array_equal(bar.get_ydata(), [fisher_mean(expected)] * 2)
    np.testing.assert_array_equal(diamond.get_offsets()[:, 1], [score(study, target, "group", competitor)])
    colours = {to_hex(dots.get_facecolor()[0]), to_hex(bar.get_color()), to_hex(diamond.get_facecolor()[0])}
    assert colours == {figures.COLOURS[competitor].lower()}


def test_range_of_random_sets_is_the_mean_range_of_the_folds(study):
    [line] = drawn(panel_of(draw("isomorphism", study), "area"), "range-random")
    folds = of_group(study["folds"])
    draws = folds[(folds["target"] == "area") & (folds["competitor"] == "random")]
    np.testing.assert_array_equal(
        line.get_ydata(), [fisher_mean(draws["r_low"]), fisher_mean(draws["r_high"])]
    )


def test_isomorphism_prints_the_numbers_that_decide(study):
    text = panel_of(draw("isomorphism", study), "area").get_xlabel()
    table = study["contrasts"]
    row = table[(table["target"] == "area") & (table["b"] == "full") & (table["unit"] == "subjects")].iloc[0]
    assert "pruned − full, 6 subjects" in text
    assert f"{row['r_diff']:+.3f}".replace("-", "−") in text
    assert f"p = {row['p']:.3f}" in text or f"p = {row['p']:.2f}" in text
    assert re.search(r"group RDM, mean over folds:\n   \d+ of 30 features retained", text)


def test_undefined_folds_are_counted_in_the_panel(study):
    summary = study["summary"].assign(n_undefined=0)
    chosen = (summary["competitor"] == "pruned") & (summary["subject"].isin(["01", "02"]))
    summary.loc[chosen, "n_undefined"] = 1
    figure = figures.isomorphism(summary, study["folds"], study["contrasts"])
    assert "2 fold(s) without a defined score" in panel_of(figure, "area").get_xlabel()


def test_gain_draws_differences_and_intervals_of_the_contrasts(study):
    figure, table = draw("gain", study), study["contrasts"]
    for other in ("full", "random"):
        panel = panel_of(figure, f"pruned − {other}")
        rows = table[table["b"] == other]
        marks = np.array([line.get_xdata()[0] for line in drawn(panel, "difference")])
        ends = np.array([line.get_xdata() for line in drawn(panel, "interval")])
        np.testing.assert_array_equal(marks, rows["r_diff"])
        np.testing.assert_array_equal(ends, rows[["ci_low", "ci_high"]])
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["area  ·  subjects", "area  ·  group RDM", "noise  ·  subjects", "noise  ·  group RDM"]
    named = " ".join(text.get_text() for text in figure.legends[0].get_texts())
    assert "sign-flip across subjects, n = 6" in named and "corrected resampled t" in named


def test_a_contrast_without_a_test_is_open_and_says_so(study):
    few = study["folds"][study["folds"]["subject"].isin(["01", "02"])]
    figure = figures.gain(contrasts(few, seed=0, n_bootstrap=100))
    mark = drawn(figure.axes[0], "difference")[0]
    assert mark.get_markerfacecolor() == "white"
    assert any("no test of 2 subjects" in text.get_text() for text in figure.axes[0].texts)
    assert "open: not tested" in [text.get_text() for text in figure.legends[0].get_texts()]


def left_out(study):
    """The study with its subjects left out of the ranking as well."""
    single = {name: study[name][study[name].get("subject", "01") != "group"] for name in ("summary", "folds")}
    tables = {name: pd.concat([study[name], single[name].assign(supervision="loso")]) for name in single}
    people = study["contrasts"][study["contrasts"]["unit"] == "subjects"].assign(supervision="loso")
    return {**tables, "contrasts": pd.concat([study["contrasts"], people])}


def test_isomorphism_draws_subjects_left_out_as_squares_between_the_others(study):
    panel = panel_of(figures.isomorphism(**left_out(study)), "area")
    [square], [diamond], [bar] = (drawn(panel, f"{what}-pruned") for what in ("left-out", "group", "mean"))
    [[place, height]] = square.get_offsets()
    assert height == score(study, "area", "subjects", "pruned")
    assert np.mean(bar.get_xdata()) < place < diamond.get_offsets()[0, 0]
    assert "pruned − full, 6 subjects left out:" in panel.get_xlabel()


def test_gain_has_people_before_the_group_rdm(study):
    figure = figures.gain(left_out(study)["contrasts"])
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names[:3] == ["area  ·  subjects", "area  ·  subjects left out", "area  ·  group RDM"]


@pytest.mark.parametrize("name", ["isomorphism", "gain"])
def test_no_text_of_a_figure_of_scores_leaves_it_or_runs_into_the_next_panel(study, name):
    tables = left_out(study)
    tables["contrasts"] = tables["contrasts"].assign(ci_low=-1.111, ci_high=-0.111, p=0.0001, p_fwe=0.0001)
    figure = figures.isomorphism(**tables) if name == "isomorphism" else figures.gain(tables["contrasts"])
    figure.draw_without_rendering()
    first, second = figure.axes
    beside = [first.xaxis.label, *first.texts]
    boxes = [text.get_window_extent() for text in (*beside, second.xaxis.label, *second.texts)]
    boxes += [figure.legends[0].get_window_extent()]
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert all(figure.bbox.y0 <= box.y0 for box in boxes)
    assert max(text.get_window_extent().x1 for text in beside) < second.get_window_extent().x0


def test_curves_mark_the_retained_set_and_only_the_plateau(study):
    panel = panel_of(draw("curves", study), "area")
    curve = of_group(study["curve"])
    curve = curve[curve["target"] == "area"]
    [line], [mark], [band] = (drawn(panel, gid) for gid in ("curve", "retained", "plateau"))
    np.testing.assert_array_equal(line.get_ydata(), curve["isomorphism"])
    assert mark.get_ydata()[0] == curve["isomorphism"].max()
    assert mark.get_xdata()[0] == curve["n_inserted"].iloc[int(curve["isomorphism"].argmax())]
    shaded = band.get_data().values.astype(bool)
    value = curve["isomorphism"].to_numpy()
    assert shaded.any() and not shaded.all()
    assert (value[shaded] >= 0.99 * value[mark.get_xdata()[0]]).all()
    assert not (value[~shaded] >= 0.99 * np.nanmax(value)).any()


def test_plateau_of_a_negative_curve_holds_its_maximum():
    curve = pd.DataFrame({"n_inserted": [0, 1, 2, 3], "isomorphism": [np.nan, -0.5, -0.2, -0.201]})
    assert figures.plateau(curve).tolist() == [False, False, True, True]


@pytest.mark.parametrize(("criterion", "sign"), [("pearson", "r"), ("published", "r²"), ("spearman", "ρ")])
def test_curves_name_what_the_criterion_measures_and_that_it_is_in_sample(study, criterion, sign):
    criterion = criterion_named(criterion)
    figure = figures.curves(of_group(study["curve"]), of_group(study["retained"]), criterion)
    assert figure.axes[0].get_ylabel() == f"in-sample isomorphism, {sign}"


def test_units_of_subjects_get_a_panel_each(study):
    figure = figures.stability(study["retained"][study["retained"]["subject"].isin(["01", "02"])])
    titles = [panel.get_title(loc="left") for panel in figure.axes]
    assert titles == [
        f"{target}  ·  net, sub-{subject}" for subject in ("01", "02") for target in ("area", "noise")
    ]


def test_stability_draws_the_shares_and_counts_the_stable(study):
    panel = panel_of(draw("stability", study), "area")
    retained = of_group(study["retained"])
    retained = retained[retained["target"] == "area"].sort_values("rank")
    [kept], [left] = drawn(panel, "retained"), drawn(panel, "left-out")
    shares = np.concatenate([kept.get_data().values, left.get_data().values])
    np.testing.assert_array_equal(shares, retained["fold_frequency"])
    assert len(kept.get_data().values) == retained["in_final"].sum()
    assert f"final set: {retained['in_final'].sum()} of 30 features" in panel.get_xlabel()
    assert f"in ≥ 90 % of folds: {(retained['fold_frequency'] >= 0.9).sum()}," in panel.get_xlabel()


def test_stability_names_both_lines_and_both_colours(study):
    named = [text.get_text() for text in draw("stability", study).legends[0].get_texts()]
    assert named == [
        "features of the final set",
        "all other features",
        "size of the final set",
        "90 % of folds",
    ]


def test_rdms_show_percentiles_with_categories_together(study):
    figure = draw("rdms", study)
    drawn = panel_of(figure, "noise").images[0].get_array()
    shown = drawn[:: len(drawn) // N_IMAGES, :: len(drawn) // N_IMAGES]
    assert (np.repeat(np.ma.getdata(shown), len(drawn) // N_IMAGES, axis=0).shape[0]) == len(drawn)
    order = [*range(0, N_IMAGES, 2), *range(1, N_IMAGES, 2)]
    values = study["rdms"][1].values[np.ix_(order, order)]
    upper = np.triu_indices(N_IMAGES, 1)
    assert (np.argsort(shown[upper]) == np.argsort(values[upper])).all()
    assert shown[upper].min() == 0 and shown[upper].max() == 100
    assert np.ma.getmaskarray(shown).diagonal().all() or np.isnan(np.diag(np.ma.getdata(shown))).all()
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["face", "house"]


def test_rdms_are_joined_to_the_stimuli_by_label(study):
    shuffled = study["stimuli"].iloc[::-1].reset_index(drop=True)
    one = figures.rdms(study["rdms"], study["stimuli"].drop(columns="category")).axes[0].images[0].get_array()
    other = figures.rdms(study["rdms"], shuffled.drop(columns="category")).axes[0].images[0].get_array()
    np.testing.assert_array_equal(one, other[::-1, ::-1])
    with pytest.raises(LabelError, match="image19"):
        figures.rdms(study["rdms"], study["stimuli"].iloc[:-1])


def test_recovery_draws_overlap_beside_chance_and_says_that_noise_has_none():
    figure = figures.recovery(recovery_table())
    found, held_out = figure.axes
    [bar], [chance] = drawn(found, "found"), drawn(found, "expected")
    assert bar.get_width() == 5 / 6 and chance.get_xdata()[0] == 2 / 6
    words = " ".join(text.get_text() for text in found.texts)
    assert "5 of 6, 2.0 by chance, p = 0.010" in words and "nothing planted" in words
    assert len(drawn(held_out, "held-out-pruned")) == 3
    assert drawn(held_out, "held-out-full")[0].get_offsets()[0, 0] == 0.1


def test_recovery_takes_the_table_as_it_is_read_from_its_file(tmp_path):
    table = recovery_table().astype({"n_overlap": "Int64"})
    write_table(tmp_path / "recovery.tsv", table, dict.fromkeys(table.columns, "a column"))
    [back] = [figures.tables_of_units([tmp_path / "recovery.tsv"], [{}])]
    figures.save(figures.recovery(back), tmp_path / "recovery.svg")


@pytest.mark.parametrize("name", ALL)
def test_bytes_of_a_figure_do_not_change(study, tmp_path, name):
    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    figures.save(draw(name, study), first)
    with matplotlib.rc_context({"font.size": 20, "svg.hashsalt": None, "xtick.major.size": 30}):
        figures.save(draw(name, study), second)
    assert first.read_bytes() == second.read_bytes()
    assert b"<dc:date>" not in first.read_bytes()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["first.svg", "second.svg"]


def test_figures_leave_no_trace_in_matplotlib(study, tmp_path):
    import matplotlib.pyplot as plt

    before = dict(matplotlib.rcParams)
    for name in ALL:
        figures.save(draw(name, study), tmp_path / f"{name}.svg")
    assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == []


def test_a_single_subject_is_drawn(study, tmp_path):
    one = {name: study[name][study[name].get("subject", "01") == "01"] for name in ("summary", "folds")}
    figure = figures.isomorphism(**one, contrasts=contrasts(one["folds"], seed=0, n_bootstrap=100))
    assert "no test of 1 subject" in panel_of(figure, "area").get_xlabel()
    figures.save(figure, tmp_path / "one.png")


DICHROMATS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
"""What each kind of dichromatic vision makes of linear RGB (Machado, Oliveira & Fernandes 2009)."""


def cielab(rgb):
    """CIE 1976 L*a*b* of linear sRGB, in which a distance of 2.3 is just noticeable."""
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    relative = (np.clip(rgb, 0, 1) @ to_xyz.T) / to_xyz.sum(axis=1)
    x, y, z = np.where(relative > 0.008856, np.cbrt(relative), 7.787 * relative + 16 / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


@pytest.mark.parametrize("vision", ["trichromatic", *DICHROMATS])
def test_competitors_are_told_apart_with_any_colour_vision(vision):
    rgb = np.array([to_rgb(colour) for colour in figures.COLOURS.values()])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lab = cielab(linear @ np.array(DICHROMATS.get(vision, np.eye(3))).T)
    distance = np.linalg.norm(lab[:, None] - lab, axis=-1)[np.triu_indices(len(lab), 1)]
    assert distance.min() > 15


def test_tables_of_units_keep_the_unit_and_their_order(study, tmp_path):
    units = [unit_of("area", "01"), unit_of("area", "group")]
    paths = [tmp_path / "one.tsv", tmp_path / "two.tsv"]
    for path, unit in zip(paths, units, strict=True):
        table = study["curve"][
            (study["curve"]["subject"] == unit["subject"]) & (study["curve"]["target"] == "area")
        ]
        write_table(path, table[list(CURVE_COLUMNS)], CURVE_COLUMNS)
    joined = figures.tables_of_units(paths, units)
    assert joined["subject"].unique().tolist() == ["01", "group"]
    assert len(joined) == 2 * (N_FEATURES + 1)
    assert set(RETAINED_COLUMNS).isdisjoint(joined.columns)


def images_in(folder, n):
    from PIL import Image

    paths = [folder / f"{i}.png" for i in range(n)]
    for i, path in enumerate(paths):
        Image.new("RGB", (30, 20), (i % 256, 0, 0)).save(path)
    return paths


def test_contact_sheet_shows_every_image_of_a_small_study(study, tmp_path):
    figure = figures.contact_sheet(study["stimuli"], images_in(tmp_path, N_IMAGES))
    [panel] = figure.axes
    assert [image.get_array()[0, 0, 0] for image in panel.images] == [*range(0, 20, 2), *range(1, 20, 2)]
    assert [text.get_text() for text in panel.texts] == ["face\n10", "house\n10"]


def test_contact_sheet_of_many_images_shows_an_equal_share_and_says_so(tmp_path):
    stimuli = pd.DataFrame({"stimulus": map(str, range(150)), "category": ["a"] * 100 + ["b"] * 50})
    [panel] = figures.contact_sheet(stimuli, images_in(tmp_path, 150)).axes
    assert len(panel.images) <= 120
    assert [text.get_text() for text in panel.texts if text.get_text()] == ["a\n70 of 100", "b\n50"]


def test_page_holds_both_tables_without_scripts_or_addresses(study):
    page = figures.tables_page("demo", study["summary"], study["contrasts"])
    assert page.count("<tr") == len(study["summary"]) + len(study["contrasts"]) + 3
    assert "<script" not in page and "http" not in page
    row = study["contrasts"].iloc[0]
    assert f">{row['r_diff']:+.3f}<".replace("-", "−") in page
    assert (
        page.count('<td class="competitor full">full</td>')
        == (study["summary"]["competitor"] == "full").sum() + (study["contrasts"]["b"] == "full").sum()
    )


def test_page_folds_single_subjects_away_and_shows_the_rest(study):
    page = figures.tables_page("demo", study["summary"], study["contrasts"])
    single = ~study["summary"]["subject"].isin(["group", "subjects"])
    folded = page.split(f"<summary>Single subjects: {single.sum()} rows</summary>")[1].split("</details>")[0]
    assert folded.count("<td>01</td>") == (study["summary"]["subject"] == "01").sum()
    assert "<td>subjects</td>" not in folded
    assert "<td>01</td>" not in page.replace(folded, "")


def test_page_writes_p_like_columns_as_p_and_joins_intervals(study):
    contrasts = study["contrasts"].assign(p=0.0004, p_fwe=0.4, p_random=0.5, ci_low=-0.1, ci_high=0.25)
    page = figures.tables_page("demo", study["summary"].assign(p_within=0.0123), contrasts)
    for text in ("&lt; 0.001", "0.40", "0.50", "[−0.100, 0.250]", "0.012", "0.500 … 0.600"):
        assert f'<td class="number">{text}</td>' in page, text


def test_page_leaves_out_columns_that_hold_nothing_and_explains_the_others(study):
    page = figures.tables_page("demo", study["summary"].assign(r_partial=np.nan), study["contrasts"])
    assert ">r_partial<" not in page and ">p_fwe</th>" in page
    heads = set(re.findall(r"<th[^>]*>([^<]*)</th>", page))
    assert heads == set(re.findall(r"<dt>([^<]*)</dt>", page))


def test_page_names_each_family_once(study):
    page = figures.tables_page("demo", study["summary"], study["contrasts"])
    for family in study["contrasts"]["family"].unique():
        assert page.count(f"<li>{family}</li>") == 1


def test_page_escapes_what_it_is_given(study):
    page = figures.tables_page("<b>", study["summary"].assign(target="<script>"), study["contrasts"])
    assert "<script>" not in page and "&lt;script&gt;" in page and "&lt;b&gt;" in page
