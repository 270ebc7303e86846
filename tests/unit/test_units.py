"""Truths about the unit of work: its design, its analysis, its files."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from examples import random_target, sparse_embedding
from isoprune.adjustment import p_value
from isoprune.bootstrap import read_bootstrap
from isoprune.crossvalidation import fisher_mean, fisher_z, score_folds
from isoprune.design import Design, design_of
from isoprune.errors import LabelError, MissingFileError, UnknownNameError, UnreadableFileError
from isoprune.foldsets import read_fold_sets, write_fold_sets
from isoprune.isomorphism import isomorphism
from isoprune.labelled import RDM, Embedding
from isoprune.nulls import read_nulls
from isoprune.pruning import procedure_named, prune, prune_arrays
from isoprune.rdms import group_mean
from isoprune.relabelled_sets import read_relabelled_sets
from isoprune.relabelling import relabellings
from isoprune.retained import load_retained
from isoprune.transfer import supervising_rdm
from isoprune.units import analyse_unit, random_rank, read_units, write_unit

LABELS = tuple(f"img_{i}" for i in range(18))  # img_10 sorts before img_2
KINDS = {label: "ab"[i % 2] for i, label in enumerate(LABELS)}
X = sparse_embedding(18, 40, 0)
EMBEDDING = Embedding(X, LABELS, "net")
DESIGN = Design(
    procedure_named("pearson"),
    n_splits=3,
    n_repeats=2,
    n_random=50,
    categories=KINDS,
    n_bootstrap=100,
    study="small",
)


def unit_of(subject="01", supervision="own"):
    return {"network": "net", "layer": "fc", "target": "IT", "supervision": supervision, "subject": subject}


def rdm(seed, subject="01", labels=LABELS):
    return RDM(random_target(len(labels), seed), labels, "IT", subject)


def shuffled(thing, seed):
    order = np.random.default_rng(seed).permutation(len(thing.labels))
    return thing.select(tuple(thing.labels[i] for i in order))


def analysed(embedding=EMBEDDING, supervising=None, scored=None, unit=None, design=DESIGN, **settings):
    scored = rdm(1) if scored is None else scored
    supervising = scored if supervising is None else supervising
    settings = {"n_permutations": 5, **settings}
    return analyse_unit(embedding, supervising, scored, unit or unit_of(), design, **settings)


RESULT = analysed()


def assert_same_bits(one, other):
    assert one.folds.equals(other.folds)
    assert one.retained.equals(other.retained)
    assert one.curve.equals(other.curve)
    assert one.facts == other.facts
    for exchange, null in one.nulls.items():
        for name, values in null.relabelled.items():
            np.testing.assert_array_equal(values, other.nulls[exchange].relabelled[name])
        assert null.fingerprint == other.nulls[exchange].fingerprint
    for name, samples in one.bootstrap.samples.items():
        np.testing.assert_array_equal(samples, other.bootstrap.samples[name])


def test_final_set_of_a_partial_ranking_is_fitted_without_the_nuisance_too():
    scored, nuisance = rdm(1), RDM(random_target(18, 9), LABELS, "gabor", "group")
    partial = procedure_named("pearson", partial=True)
    design = replace(DESIGN, procedure=partial, nuisances=(nuisance,))
    found = analysed(scored=scored, design=design, n_permutations=0).retained_set.features
    expected = prune(EMBEDDING, scored, nuisances=[nuisance])
    assert found == tuple(expected.retained)
    assert found != RESULT.retained_set.features


# ---- order and threads ----


def test_order_of_rows_and_threads_change_no_bit():
    other = analysed(shuffled(EMBEDDING, 1), shuffled(rdm(1), 2), shuffled(rdm(1), 3), threads=2)
    assert_same_bits(RESULT, other)


def test_order_of_the_others_changes_no_bit_of_a_subject_left_out():
    people = [rdm(seed, f"{seed:02}") for seed in range(1, 5)]
    one, other = (
        analysed(supervising=supervising_rdm(others, people[0]), scored=people[0], n_permutations=0)
        for others in (people[1:], [shuffled(one, 5) for one in people[:0:-1]])
    )
    assert_same_bits(one, other)


# ---- supervision ----


def retained_sets(result):
    return [*result.sets.retained, np.array(result.retained_set.features)]


def test_overwriting_the_left_out_person_changes_no_retained_feature(monkeypatch):
    people = [rdm(seed, f"{seed:02}") for seed in range(1, 5)]
    scored = people[0]
    clean = analysed(supervising=supervising_rdm(people[1:], scored), scored=scored, n_permutations=0)
    monkeypatch.setattr(RDM, "__post_init__", lambda self: None)  # which refuses undefined entries
    blind = replace(scored, values=np.full_like(scored.values, np.nan))
    overwritten = analysed(supervising=supervising_rdm(people[1:], blind), scored=blind, n_permutations=0)
    for one, other in zip(retained_sets(clean), retained_sets(overwritten), strict=True):
        np.testing.assert_array_equal(one, other)
    assert overwritten.folds["r"].isna().all()
    # Even where the left-out person is handed over among the others.
    np.testing.assert_array_equal(
        supervising_rdm([*people[1:], blind], blind).values, supervising_rdm(people[1:], scored).values
    )


def test_subject_left_out_is_ranked_by_the_mean_of_the_others_and_scored_on_its_own():
    people = [rdm(seed, f"{seed:02}") for seed in range(1, 5)]
    mean = group_mean(people[1:], "IT")
    found = analysed(supervising=supervising_rdm(people[1:], people[0]), scored=people[0], n_permutations=0)
    folds = DESIGN.make_folds(LABELS)
    order = sorted(LABELS)
    expected = score_folds(
        EMBEDDING.select(order).values.astype(float),
        mean.select(order).values,
        people[0].select(order).values,
        order,
        folds,
        procedure=DESIGN.procedure,
        n_random=1,
    )
    for one, other in zip(found.sets.retained, expected, strict=True):
        np.testing.assert_array_equal(one, other.retained)
    pruned = found.folds[found.folds["competitor"] == "pruned"]
    np.testing.assert_allclose(pruned["r"], [score.r["pruned"] for score in expected], rtol=0, atol=1e-12)


def test_held_out_part_of_what_ranks_changes_no_fold_s_retained_set():
    target = rdm(1)
    for number, fold in enumerate(DESIGN.make_folds(LABELS)):
        kept = [LABELS.index(label) for label in fold.train]
        moved = random_target(18, 99)
        moved[np.ix_(kept, kept)] = target.values[np.ix_(kept, kept)]
        found = analysed(supervising=RDM(moved, LABELS, "IT", "01"), scored=target, n_permutations=0)
        np.testing.assert_array_equal(found.sets.retained[number], RESULT.sets.retained[number])


def test_subset_of_the_images_gives_what_an_embedding_of_these_alone_gives():
    some = LABELS[:12]
    few = rdm(1, labels=some)
    one = analysed(scored=few, subset=True)
    other = analysed(EMBEDDING.subset(some), scored=few)
    assert_same_bits(one, other)
    with pytest.raises(LabelError):
        analysed(scored=few)


# ---- what is computed ----


def test_numbers_of_a_unit_are_those_of_the_library():
    final = prune(EMBEDDING, rdm(1))
    assert RESULT.facts["n_retained"] == final.n_retained
    assert RESULT.retained_set.features == tuple(final.retained)
    assert RESULT.facts["r_all_images"] == pytest.approx(isomorphism(X, rdm(1).values), abs=1e-12)
    assert (RESULT.facts["measure"], RESULT.facts["method"]) == ("correlation", "one-pass")


def test_rank_among_random_sets_counts_the_procedures_that_score_as_high():
    folds = DESIGN.make_folds(LABELS)
    scores = score_folds(X, *[rdm(1).values] * 2, LABELS, folds, procedure=DESIGN.procedure, n_random=60)
    pruned = np.mean([np.arctanh(score.r["pruned"]) for score in scores])
    higher = sum(np.mean([np.arctanh(score.random_r[d]) for score in scores]) >= pruned for d in range(60))
    assert random_rank(scores) == (higher + 1) / 61
    assert random_rank([replace(score, undefined="nothing") for score in scores]) is None


def test_null_is_over_the_first_repeats_and_the_observed_statistic_is_computed_alike():
    folds = RESULT.folds[(RESULT.folds["competitor"] == "pruned") & (RESULT.folds["repeat"] == 1)]
    assert RESULT.nulls["images"].n_folds == 3
    assert np.tanh(RESULT.nulls["images"].observed["pruned"]) == pytest.approx(
        fisher_mean(folds["r"]), abs=1e-12
    )
    both = analysed(design=replace(DESIGN, n_null_repeats=2)).nulls["images"]
    assert both.n_folds == 6
    everything = RESULT.folds[RESULT.folds["competitor"] == "pruned"]
    assert np.tanh(both.observed["pruned"]) == pytest.approx(fisher_mean(everything["r"]), abs=1e-12)


def test_categories_bring_a_second_null_and_scores_within_them():
    assert list(RESULT.nulls) == ["images", "within:category"]
    assert "pruned_within" in RESULT.nulls["images"].observed
    plain = analysed(design=replace(DESIGN, categories=None))
    assert list(plain.nulls) == ["images"]
    assert plain.folds["r_within"].isna().all()
    assert plain.folds.drop(columns="r_within").equals(RESULT.folds.drop(columns="r_within"))
    named = analysed(design=replace(DESIGN, category_column="kind"))
    assert list(named.nulls) == ["images", "within:kind"]


def test_no_relabellings_leave_no_null_and_change_no_score():
    without = analysed(n_permutations=0)
    assert without.nulls == {}
    assert without.folds.equals(RESULT.folds)


def test_bootstrap_of_the_images_as_they_are_is_the_score():
    for name in ("full", "pruned"):
        r = RESULT.folds[RESULT.folds["competitor"] == name]["r"]
        assert RESULT.bootstrap.observed[name] == pytest.approx(fisher_z(r).mean(), abs=1e-12)


def test_progress_says_what_is_counted():
    seen = []
    analysed(progress=lambda *counted: seen.append(counted))
    assert seen[:6] == [("folds", done, 6) for done in range(1, 7)]
    assert seen[6:] == [("relabelled folds", done, 18) for done in (6, 12, 18)] * 2


# ---- designs ----

SETTINGS = {
    "pruning": {"criterion": "spearman", "measure": "cosine", "method": "greedy", "backend": "cpu"},
    "crossvalidation": {"folds": "grouped", "column": "kind", "n_splits": 3, "n_repeats": 2, "n_random": 50},
    "inference": {"n_repeats": 2, "categories": None, "n_bootstrap_images": 100},
}
TABLE = pd.DataFrame({"stimulus": LABELS, "kind": [f"k{i % 6}" for i in range(18)]})


def test_design_is_what_the_settings_ask_for():
    design = design_of(**SETTINGS, stimuli=TABLE, seed=3, study="small")
    assert design.procedure == procedure_named("spearman", "cosine", "greedy", "cpu")
    assert (design.folds, design.n_splits, design.n_repeats, design.n_random) == ("grouped", 3, 2, 50)
    assert design.groups == dict(zip(LABELS, TABLE["kind"], strict=True))
    assert (design.n_null_repeats, design.n_bootstrap, design.seed, design.study) == (2, 100, 3, "small")
    assert design.categories is None


def test_column_category_is_taken_where_it_can_be_used_and_another_where_it_is_named():
    table = TABLE.assign(category=list(KINDS.values()))
    design = design_of(**SETTINGS, stimuli=table, seed=0, study="")
    assert (design.categories, design.category_column) == (KINDS, "category")
    named = {**SETTINGS, "inference": {**SETTINGS["inference"], "categories": "kind"}}
    design = design_of(**named, stimuli=table, seed=0, study="")
    assert design.category_column == "kind"
    with pytest.raises(UnknownNameError, match=r"no column 'kinds'.*Did you mean 'kind'\?"):
        wrong = {**SETTINGS, "inference": {**SETTINGS["inference"], "categories": "kinds"}}
        design_of(**wrong, stimuli=table, seed=0, study="")


def test_folds_of_a_design_follow_from_seed_and_labels_alone():
    other = replace(DESIGN, procedure=procedure_named("spearman"), n_random=99, categories=None)
    assert other.make_folds(LABELS) == DESIGN.make_folds(LABELS[::-1])
    assert replace(DESIGN, seed=1).make_folds(LABELS) != DESIGN.make_folds(LABELS)


# ---- files ----


def written(folder, result=RESULT):
    endings = {
        "folds": "tsv",
        "retained": "tsv",
        "curve": "tsv",
        "facts": "json",
        "sets": "npz",
        "relabelled": "npz",
        "null": "npz",
    }
    paths = {
        name: str(folder / f"unit_{name}.{end}") for name, end in {**endings, "bootstrap": "npz"}.items()
    }
    write_unit(result, paths, {"seed": 0}, {})
    return paths


def test_unit_survives_its_files_bit_for_bit(tmp_path):
    paths = written(tmp_path)
    folds, facts = read_units([paths["folds"]], [paths["facts"]])
    pd.testing.assert_frame_equal(folds, RESULT.folds, check_exact=True)
    assert facts[0]["provenance"]["settings"] == {"seed": 0}
    assert {name: facts[0][name] for name in RESULT.facts} == RESULT.facts
    assert load_retained(paths["retained"]).features == RESULT.retained_set.features
    for exchange, null in read_nulls(paths["null"]).items():
        np.testing.assert_equal(vars(null), vars(RESULT.nulls[exchange]))
    np.testing.assert_equal(vars(read_bootstrap(paths["bootstrap"])), vars(RESULT.bootstrap))
    np.testing.assert_equal(vars(read_relabelled_sets(paths["relabelled"])), vars(RESULT.relabelled_sets))


def test_unit_without_relabellings_has_files_of_no_nulls_and_no_sets(tmp_path):
    paths = written(tmp_path, analysed(n_permutations=0))
    assert read_nulls(paths["null"]) == {}
    assert read_relabelled_sets(paths["relabelled"]).n_relabelled == 0


def test_relabelled_sets_are_those_of_pruning_relabelled_targets(monkeypatch):
    """The first arrangement is the target itself, in the folds that nulls are about, and the number has an end."""
    monkeypatch.setattr("isoprune.units.N_KEPT", 3)
    sets = analysed().relabelled_sets
    assert sets.n_relabelled == 3 and sets.fingerprint
    labels, folds = sets.labels, [fold for fold in DESIGN.make_folds(LABELS) if fold.repeat == 1]
    assert sets.held_out.tolist() == [np.isin(labels, fold.test).tolist() for fold in folds]
    own = [np.flatnonzero(sets.of_fold(fold)[0]).tolist() for fold in range(len(folds))]
    assert own == [sorted(RESULT.sets.retained[fold].tolist()) for fold in range(len(folds))]
    drawn = relabellings(labels, 3, seed=DESIGN.seed)
    rows, values = [LABELS.index(label) for label in labels], EMBEDDING.canonical().values
    target = rdm(1).values[np.ix_(rows, rows)]
    for b, moved in enumerate(drawn, start=1):
        for fold, held_out in enumerate(sets.held_out):
            train = np.flatnonzero(~held_out)
            block = target[np.ix_(moved[train], moved[train])]
            expected = prune_arrays(values[train], block, DESIGN.procedure, 1).retained
            assert np.flatnonzero(sets.of_fold(fold)[b]).tolist() == sorted(expected.tolist())


def test_fold_sets_come_back_from_their_file_and_say_what_was_scored(tmp_path):
    path = tmp_path / "sets.npz"
    write_fold_sets(path, RESULT.sets)
    back = read_fold_sets(path)
    assert back.labels == RESULT.sets.labels == tuple(sorted(LABELS))
    for one, other in zip(back.retained, RESULT.sets.retained, strict=True):
        np.testing.assert_array_equal(one, other)
    for name in ("repeat", "fold", "held_out", "tested"):
        np.testing.assert_array_equal(getattr(back, name), getattr(RESULT.sets, name))
    folds = DESIGN.make_folds(LABELS)
    assert [(one.repeat, one.fold, one.test) for one in back.scored_blocks()] == [
        (fold.repeat, fold.fold, fold.test) for fold in folds
    ]


def test_fold_without_a_score_is_no_scored_block():
    x = X.copy()
    folds = DESIGN.make_folds(LABELS)
    for label in folds[0].test[2:]:
        x[LABELS.index(label), RESULT.sets.retained[0]] = 1.0
    found = analysed(Embedding(x, LABELS, "net"), n_permutations=0)
    assert found.folds["undefined"].notna().sum() == 3
    assert not found.sets.tested[0].any()
    assert found.sets.held_out[0].sum() == 6
    assert len(found.sets.scored_blocks()) == 5


@pytest.mark.parametrize(
    ("name", "read", "what"),
    [
        ("sets", read_fold_sets, "the retained sets of a unit's folds"),
        ("relabelled", read_relabelled_sets, "the retained sets of a unit's relabelled targets"),
        ("null", read_nulls, "the permutation nulls of a unit"),
        ("bootstrap", read_bootstrap, "the resampled scores of a unit"),
    ],
)
@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "other arrays", "absent"])
def test_damaged_file_is_a_named_error(tmp_path, name, read, what, damage):
    from pathlib import Path

    path = Path(written(tmp_path)[name])
    content = {"truncated": path.read_bytes()[:500], "text": b"nothing", "empty": b""}
    if damage in content:
        path.write_bytes(content[damage])
    elif damage == "other arrays":
        np.savez(path, a=np.zeros(3))
    else:
        path.unlink()
    with pytest.raises(MissingFileError if damage == "absent" else UnreadableFileError, match=what):
        read(path)


def test_p_of_the_null_that_a_unit_carries_is_never_0():
    null = RESULT.nulls["images"]
    assert p_value(null.observed["pruned"], null.relabelled["pruned"]) >= 1 / 6
