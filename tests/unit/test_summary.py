"""Truths about the summary of a study: p, intervals and ceilings of every row."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from examples import random_target
from isoprune.adjustment import benjamini_hochberg, max_t, p_value
from isoprune.bootstrap import joined
from isoprune.ceilings import group_ceiling, subject_ceilings, summarise_ceilings
from isoprune.crossvalidation import fisher_mean
from isoprune.design import Design
from isoprune.errors import InferenceError
from isoprune.intervals import dual_interval, image_interval
from isoprune.labelled import RDM, Embedding
from isoprune.pruning import procedure_named
from isoprune.rdms import group_mean
from isoprune.results import SUMMARY_COLUMNS, UNIT, contrasts
from isoprune.specificity import analyse_rivals, write_rivals
from isoprune.summary import (
    INTERVAL_COLUMNS,
    Unit,
    by_target,
    intervals_table,
    read_summary_units,
    summary_table,
)
from isoprune.transfer import supervising_rdm
from isoprune.units import analyse_unit, read_units, write_unit

LABELS = tuple(f"img_{i:02}" for i in range(24))
KINDS = {label: "ab"[i % 2] for i, label in enumerate(LABELS)}
X = np.random.default_rng(0).normal(size=(24, 40))
DESIGN = Design(
    procedure_named("pearson"), n_splits=3, n_repeats=2, n_random=50, categories=KINDS, n_bootstrap=100
)
PEOPLE = ("01", "02", "03")


def rdm_of(target, subject, labels=LABELS):
    """What people share of a target, and what is a person's own."""
    shared = {"IT": 1, "EVC": 2}[target]
    values = random_target(24, shared) + 0.5 * random_target(24, 10 * shared + int(subject))
    rows = [LABELS.index(label) for label in labels]
    return RDM(values[np.ix_(rows, rows)], tuple(labels), target, subject)


RDMS = {target: {subject: rdm_of(target, subject) for subject in PEOPLE} for target in ("IT", "EVC")}


def computed(key, supervising, scored, n_permutations=9, design=DESIGN):
    """A unit and its rivals: fold scores, and what the summary needs."""
    unit = dict(zip(UNIT, key, strict=True))
    embedding = Embedding(X, LABELS, "net").subset(scored.labels)
    result = analyse_unit(embedding, supervising, scored, unit, design, n_permutations=n_permutations)
    labels = {} if design.categories is None else {"category": KINDS}
    rivals = analyse_rivals(
        embedding,
        supervising,
        scored,
        result.sets,
        unit,
        design,
        labels=labels,
        others={},
        n_relabelled=0,
        n_variance=10,
    )
    folds = pd.concat([result.folds, rivals.folds], ignore_index=True)
    bootstrap = joined(result.bootstrap, rivals.bootstrap)
    return folds, Unit(key, result.facts, result.sets, result.nulls, bootstrap)


def study(targets=("IT", "EVC"), people=PEOPLE, supervisions=("own", "group", "loso"), **settings):
    made = []
    for target in targets:
        mean = group_mean([RDMS[target][one] for one in people], target)
        for supervision in supervisions:
            for subject in ["group"] if supervision == "group" else people:
                scored = mean if subject == "group" else RDMS[target][subject]
                others = [RDMS[target][one] for one in people if one != subject]
                ranks = supervising_rdm(others, scored) if supervision == "loso" else scored
                made.append(computed(("net", "fc", target, supervision, subject), ranks, scored, **settings))
    return pd.concat([folds for folds, _ in made], ignore_index=True), [unit for _, unit in made]


@pytest.fixture(scope="module")
def whole():
    return study()


@pytest.fixture(scope="module")
def table(whole):
    return summary_table(*whole, RDMS)


def row_of(table, target, supervision, subject, competitor):
    keys = ["target", "supervision", "subject", "competitor"]
    (row,) = (
        table.set_index(keys, drop=False).loc[[(target, supervision, subject, competitor)]].to_dict("records")
    )
    return row


def of_analysis(units, target, supervision):
    return [unit for unit in units if unit.key[2:4] == (target, supervision)]


# ---- rows ----


def test_rows_follow_the_units_and_the_mean_over_subjects_stands_after_them(table):
    assert list(table.columns) == list(SUMMARY_COLUMNS)
    order = table[["target", "supervision", "subject"]].drop_duplicates().itertuples(index=False)
    people = [*PEOPLE, "subjects"]
    assert [tuple(row) for row in order] == [
        (target, supervision, subject)
        for target in ("IT", "EVC")
        for supervision in ("own", "group", "loso")
        for subject in (["group"] if supervision == "group" else people)
    ]
    competitors = ["full", "pruned", "random", "variance", "label"]
    assert table["competitor"].tolist() == competitors * (2 * 9)


def test_rows_say_how_many_subjects_they_are_the_mean_of(table):
    n = table.groupby("subject")["n_subjects"].unique().map(list).to_dict()
    assert n == {"01": [1], "02": [1], "03": [1], "group": [3], "subjects": [3]}


def test_order_of_the_units_changes_no_number(whole, table):
    folds, units = whole
    order = [unit.key for unit in units][::-1]
    moved = pd.concat([folds[(folds[UNIT] == list(key)).all(axis=1)] for key in order], ignore_index=True)
    other = summary_table(moved, units[::-1], RDMS)
    keys = [*UNIT, "competitor"]
    one, other = (frame.sort_values(keys).reset_index(drop=True) for frame in (table, other))
    assert one.equals(other)


# ---- p-values ----


def test_p_of_a_row_is_that_of_the_null_of_its_unit(whole, table):
    for unit in whole[1]:
        for competitor in ("full", "pruned"):
            row = row_of(table, *unit.key[2:], competitor)
            for column, exchange in (("p", "images"), ("p_within", "within:category")):
                null = unit.nulls[exchange]
                assert row[column] == p_value(null.observed[competitor], null.relabelled[competitor])
            assert row["n_permutations"] == 9
    assert table[~table["competitor"].isin(["full", "pruned"])][["p", "p_fwe", "q"]].isna().all(axis=None)


def test_p_of_the_mean_over_subjects_is_of_their_mean_under_the_same_relabellings(whole, table):
    for supervision in ("own", "loso"):
        nulls = [unit.nulls["images"] for unit in of_analysis(whole[1], "IT", supervision)]
        assert len({null.fingerprint for null in nulls}) == 1
        observed = np.mean([null.observed["pruned"] for null in nulls])
        by_relabelling = [np.mean([null.relabelled["pruned"][b] for null in nulls]) for b in range(9)]
        expected = (1 + sum(one >= observed for one in by_relabelling)) / 10
        assert row_of(table, "IT", supervision, "subjects", "pruned")["p"] == expected


def test_people_are_relabelled_together_and_not_each_by_their_own_worst(whole):
    # Each reaches 3 under another relabelling, so that their mean never reaches the 2 that all reach unrelabelled.
    folds, units = whole
    moved = []
    for unit in units:
        null = unit.nulls["images"]
        relabelled = np.zeros(9)
        relabelled[int(unit.subject) - 1 if unit.subject in PEOPLE else 0] = 3.0
        planted = replace(
            null,
            observed={**null.observed, "pruned": 2.0},
            relabelled={**null.relabelled, "pruned": relabelled},
        )
        moved.append(replace(unit, nulls={**unit.nulls, "images": planted}))
    found = summary_table(folds, moved, RDMS)
    assert row_of(found, "IT", "own", "01", "pruned")["p"] == 2 / 10
    assert row_of(found, "IT", "own", "subjects", "pruned")["p"] == 1 / 10


def test_exchange_within_categories_decides_what_p_is_about(whole, table):
    within = summary_table(*whole, RDMS, exchange="within")
    np.testing.assert_array_equal(within["p"], table["p_within"])
    np.testing.assert_array_equal(within["p_within"], table["p_within"])
    assert not within["p_fwe"].equals(table["p_fwe"])
    unchanged = [column for column in table if column not in ("p", "p_fwe", "q")]
    assert within[unchanged].equals(table[unchanged])


def test_families_are_a_competitor_a_supervision_and_a_level_and_are_named_with_their_number(table):
    tested = table[table["p"].notna()]
    sizes = tested.groupby("family").size()
    assert all(family.endswith(f": {size}") for family, size in sizes.items())
    pruned = tested[tested["competitor"] == "pruned"]
    level = pruned["subject"].map({"group": "group", "subjects": "mean"}).fillna("single")
    named = {key: rows["family"].unique().tolist() for key, rows in pruned.groupby(["supervision", level])}
    assert named == {
        ("group", "group"): ["pruned, group supervision, group RDM, targets × networks: 2"],
        **{
            (one, "mean"): [f"pruned, {one} supervision, mean over subjects, targets × networks: 2"]
            for one in ("own", "loso")
        },
        **{
            (one, "single"): [f"pruned, {one} supervision, single subjects, subjects × targets × networks: 6"]
            for one in ("own", "loso")
        },
    }


def test_adjusted_p_is_max_t_and_q_is_benjamini_hochberg_over_the_family(whole, table):
    units = [unit for unit in whole[1] if unit.key[3] == "loso"]
    nulls = {unit.key: unit.nulls["images"] for unit in units}
    observed = {key: null.observed["pruned"] for key, null in nulls.items()}
    relabelled = {key: null.relabelled["pruned"] for key, null in nulls.items()}
    fwe = max_t(observed, relabelled, family="").p
    q = benjamini_hochberg({key: p_value(observed[key], relabelled[key]) for key in nulls}, family="").p
    for key in nulls:
        row = row_of(table, *key[2:], "pruned")
        assert (row["p_fwe"], row["q"]) == (fwe[key], q[key])


def test_adjusted_p_is_never_below_p(table):
    tested = table[table["p"].notna()]
    assert (tested["p_fwe"] >= tested["p"]).all()
    assert (tested["q"] >= tested["p"]).all()


def test_without_relabellings_there_is_no_p_and_all_else_stays(whole, table):
    found = summary_table(*study(n_permutations=0), RDMS)
    columns = ["p", "p_within", "p_fwe", "q", "family", "n_permutations"]
    assert found[columns].isna().all(axis=None)
    rest = [column for column in table if column not in columns]
    assert found[rest].equals(table[rest])


def test_exchange_that_no_unit_was_tested_by_is_refused():
    folds, units = study(("IT",), supervisions=("group",), design=replace(DESIGN, categories=None))
    with pytest.raises(InferenceError, match="`within`, but the relabellings of the units exchanged images"):
        summary_table(folds, units, RDMS, exchange="within")


# ---- intervals ----


def test_interval_of_a_unit_is_over_images(whole, table):
    unit = whole[1][0]
    row = row_of(table, *unit.key[2:], "pruned")
    _, low, high = image_interval(unit.bootstrap, "pruned").in_r()
    assert (row["ci_over"], row["ci_low"], row["ci_high"]) == ("images", low, high)


def test_interval_of_the_mean_over_subjects_is_over_subjects_and_images(whole, table):
    bootstraps = {unit.subject: unit.bootstrap for unit in of_analysis(whole[1], "IT", "own")}
    row = row_of(table, "IT", "own", "subjects", "pruned")
    _, low, high = dual_interval(bootstraps, "pruned", None, seed=0).in_r()
    assert (row["ci_over"], row["ci_low"], row["ci_high"]) == ("subjects and images", low, high)


def test_every_row_s_interval_holds_its_score(table):
    assert table["ci_low"].notna().all()
    assert ((table["ci_low"] <= table["r"]) & (table["r"] <= table["ci_high"])).all()


def test_table_of_intervals_has_every_competitor_and_pruned_minus_each(whole):
    found = intervals_table(whole[1])
    assert list(found.columns) == list(INTERVAL_COLUMNS)
    rows = found[(found["target"] == "IT") & (found["supervision"] == "own")]
    competitors = ["full", "pruned", "random", "variance", "label"]
    asked = [(a, None) for a in competitors] + [("pruned", b) for b in competitors if b != "pruned"]
    for subject, over in (("01", ["images"]), ("subjects", ["subjects", "subjects and images"])):
        own = rows[rows["subject"] == subject]
        pairs = [(a, b if isinstance(b, str) else None) for a, b in zip(own["a"], own["b"], strict=True)]
        assert pairs == [pair for pair in asked for _ in over]
        assert own["over"].tolist() == over * len(asked)


def test_difference_of_the_group_is_that_of_the_contrasts(whole):
    found = intervals_table(whole[1])
    tested = contrasts(whole[0], seed=0)
    for b in ("full", "random", "variance", "label"):
        interval = found[(found["subject"] == "group") & (found["target"] == "IT") & (found["b"] == b)]
        contrast = tested[(tested["unit"] == "folds") & (tested["target"] == "IT") & (tested["b"] == b)]
        assert interval["r"].item() == pytest.approx(contrast["r_diff"].item(), abs=1e-12)


# ---- ceilings ----


def test_ceilings_are_the_group_s_for_the_group_and_each_subject_s_own(whole, table):
    for unit in whole[1]:
        blocks, rdms = unit.sets.scored_blocks(), RDMS[unit.target]
        known = summarise_ceilings(subject_ceilings(rdms, blocks)) | {"group": group_ceiling(rdms, blocks)}
        for competitor in ("full", "label"):
            row = row_of(table, *unit.key[2:], competitor)
            expected = known[unit.subject]
            np.testing.assert_equal((row["ceiling_low"], row["ceiling_high"]), (expected.low, expected.high))


def test_ceiling_of_the_mean_over_subjects_is_the_mean_of_theirs(table):
    for supervision in ("own", "loso"):
        rows = [row_of(table, "IT", supervision, one, "pruned") for one in PEOPLE]
        mean = row_of(table, "IT", supervision, "subjects", "pruned")
        for end in ("ceiling_low", "ceiling_high"):
            assert mean[end] == pytest.approx(fisher_mean([row[end] for row in rows]), abs=1e-14)


def test_shares_are_of_the_row_s_own_ceilings(table):
    assert table["ceiling_low"].notna().all()
    defined = table[(table["ceiling_low"] > 0)]
    np.testing.assert_allclose(defined["share_low"], defined["r"] / defined["ceiling_high"])
    np.testing.assert_allclose(defined["share_high"], defined["r"] / defined["ceiling_low"])
    of_group = table[table["subject"] == "group"]
    np.testing.assert_array_equal(of_group["share_low"], of_group["share_high"])


def test_rival_without_a_score_in_a_fold_keeps_its_ceiling_and_has_no_interval(whole, table):
    folds, units = whole
    names = {name for name in units[0].bootstrap.observed if name != "label"}
    lacking = replace(
        units[0].bootstrap,
        observed={name: units[0].bootstrap.observed[name] for name in names},
        samples={name: units[0].bootstrap.samples[name] for name in names},
    )
    found = summary_table(folds, [replace(units[0], bootstrap=lacking), *units[1:]], RDMS)
    row = row_of(found, *units[0].key[2:], "label")
    assert np.isnan(row["ci_low"])
    assert row["ceiling_high"] == row_of(table, *units[0].key[2:], "label")["ceiling_high"]
    others = ~((found["supervision"] == "own") & (found["target"] == "IT") & (found["competitor"] == "label"))
    assert found[others].equals(table[others])


# ---- other studies ----


def test_one_subject_has_p_and_intervals_over_images_and_no_ceiling():
    found = summary_table(*study(("IT",), ("01",), ("own", "group")), {"IT": {"01": RDMS["IT"]["01"]}})
    assert found["ceiling_low"].isna().all()
    assert found["share_low"].isna().all()
    single, mean = (found[found["subject"] == who].reset_index(drop=True) for who in ("01", "subjects"))
    assert single["ci_low"].notna().all()
    np.testing.assert_array_equal(single["p"], mean["p"])
    assert set(mean["n_subjects"]) == {1}


def test_subjects_who_saw_different_images_have_no_ceilings_and_no_mean_null():
    made = [
        computed(
            ("net", "fc", "IT", "own", subject), *[rdm_of("IT", subject, LABELS[first : first + 18])] * 2
        )
        for first, subject in enumerate(PEOPLE)
    ]
    units = [unit for _, unit in made]
    found = summary_table(pd.concat([folds for folds, _ in made], ignore_index=True), units, {})
    assert found["ceiling_low"].isna().all()
    single, mean = found[found["subject"] != "subjects"], found[found["subject"] == "subjects"]
    tested = single["competitor"].isin(["full", "pruned"])
    assert single[tested][["p", "p_fwe", "q"]].notna().all(axis=None)
    assert mean[["p", "p_fwe"]].isna().all(axis=None)
    # Other images are independent draws: Holm over them, never below p.
    assert (single[tested]["p_fwe"] >= single[tested]["p"]).all()
    # People differ in their images too, so that resampling people is resampling both.
    assert set(mean["ci_over"]) == {"subjects"}
    assert mean["ci_low"].notna().all()


def test_subject_without_any_score_leaves_the_others_alone(whole, table):
    folds, units = whole
    first = units[0]
    nothing = dict.fromkeys(first.bootstrap.observed, np.nan)
    hollow = replace(
        first,
        sets=replace(first.sets, tested=np.zeros_like(first.sets.tested)),
        bootstrap=replace(first.bootstrap, observed=nothing),
        nulls={
            name: replace(null, observed=dict.fromkeys(null.observed, np.nan))
            for name, null in first.nulls.items()
        },
    )
    of_first = (folds[UNIT] == list(first.key)).all(axis=1)
    emptied = folds.assign(**{kind: folds[kind].where(~of_first) for kind in ("r", "r2", "r_within")})
    found = summary_table(emptied, [hollow, *units[1:]], RDMS)
    row = row_of(found, *first.key[2:], "pruned")
    assert all(np.isnan(row[column]) for column in ("r", "p", "p_fwe", "q", "ci_low", "ceiling_low"))
    others = found["supervision"] != "own"
    assert found[others].equals(table[others])
    mean = row_of(found, "IT", "own", "subjects", "pruned")
    assert mean["n_subjects"] == 2
    assert np.isfinite(mean["r"]) and np.isfinite(mean["ci_low"]) and np.isnan(mean["p"])


def test_study_of_the_group_alone_has_its_rows():
    folds, units = study(("IT",), supervisions=("group",))
    found = summary_table(folds, units, RDMS)
    assert found["subject"].tolist() == ["group"] * 5
    assert found[found["competitor"] == "pruned"]["p"].notna().all()


# ---- files ----


def test_summary_of_files_is_that_of_what_was_written(tmp_path):
    key, rdm = ("net", "fc", "IT", "own", "01"), RDMS["IT"]["01"]
    unit = dict(zip(UNIT, key, strict=True))
    embedding = Embedding(X, LABELS, "net")
    result = analyse_unit(embedding, rdm, rdm, unit, DESIGN, n_permutations=4)
    rivals = analyse_rivals(
        embedding, rdm, rdm, result.sets, unit, DESIGN, labels={}, others={}, n_relabelled=2, n_variance=10
    )
    tables, arrays = ("folds", "retained", "curve"), ("sets", "relabelled", "null", "bootstrap")
    names = [*(f"{one}.tsv" for one in tables), "facts.json", *(f"{one}.npz" for one in arrays)]
    paths = {name.split(".")[0]: str(tmp_path / name) for name in names}
    (tmp_path / "rivals").mkdir()
    own = [str(tmp_path / "rivals" / name) for name in ("folds.tsv", "bootstrap.npz")]
    write_unit(result, paths, {}, {})
    write_rivals(rivals, *own)
    folds, facts = read_units([paths["folds"]], [paths["facts"]], own[:1])
    units = read_summary_units(facts, [paths["sets"]], [paths["null"]], [paths["bootstrap"]], own[1:])
    written = summary_table(folds, units, {})
    memory = Unit(key, result.facts, result.sets, result.nulls, joined(result.bootstrap, rivals.bootstrap))
    both = pd.concat([result.folds, rivals.folds], ignore_index=True)
    pd.testing.assert_frame_equal(
        written, summary_table(both, [memory], {}), check_exact=True, check_dtype=False
    )


def test_rdms_are_found_by_target_and_subject():
    every = [rdm for of_target in RDMS.values() for rdm in of_target.values()]
    assert by_target(every) == RDMS
