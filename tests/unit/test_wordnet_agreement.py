"""Truths about spaces of synsets and their agreement with WordNet."""

import numpy as np
import pytest
from rsatoolbox.rdm import RDMs, compare
from scipy.stats import rankdata, spearmanr

from examples import random_target, sparse_embedding
from isoprune.folds import make_folds
from isoprune.foldsets import FoldSets
from isoprune.isomorphism import dissimilarity, pairs_of
from isoprune.labelled import RDM, Embedding
from isoprune.synsets import (
    HUMAN,
    N_RANDOM,
    Spaces,
    WordNet,
    mean_over_exemplars,
    read_spaces,
    spaces_of_all_images,
    spaces_of_held_out_images,
    write_spaces,
)
from isoprune.wordnet_agreement import (
    AGREEMENT_COLUMNS,
    ALL_IMAGES,
    HELD_OUT,
    agreement_table,
    agreements,
    unit_agreement,
)

LABELS = tuple(f"img_{i}" for i in range(24))
OF_STIMULUS = {label: f"thing_{i // 2}.n.01" for i, label in enumerate(LABELS[:22])}
"""Eleven synsets of two images; two images have none."""
SYNSETS = sorted(set(OF_STIMULUS.values()))
N_FEATURES = 40
EMBEDDING = Embedding(sparse_embedding(24, N_FEATURES, 0), LABELS, "mine")
TARGET = RDM(random_target(24, 1), LABELS, target="IT")


def wordnet(similarity, synsets=SYNSETS, of_stimulus=OF_STIMULUS):
    return WordNet(of_stimulus, synsets, {"path": similarity})


def ties(n, seed):
    """Similarities of few values, as WordNet's are."""
    return np.round(1 - random_target(n, seed), 1)


def fold_sets(retained=range(10), n_repeats=1):
    folds = make_folds(LABELS, n_splits=2, n_repeats=n_repeats)
    held_out = np.array([np.isin(sorted(LABELS), fold.test) for fold in folds])
    return FoldSets(
        tuple(sorted(LABELS)),
        np.array([fold.repeat for fold in folds]),
        np.array([fold.fold for fold in folds]),
        tuple(np.array(retained) for _ in folds),
        held_out,
        held_out,
    )


def test_dissimilarity_of_synsets_is_the_mean_over_pairs_of_their_exemplars():
    rdm, synsets = random_target(5, 0), ["b", "a", "b", "a", "c"]
    names, mean = mean_over_exemplars(rdm, synsets)
    assert names == ("a", "b", "c")
    assert mean[0, 1] == pytest.approx(np.mean([rdm[1, 0], rdm[1, 2], rdm[3, 0], rdm[3, 2]]))
    assert mean[2, 0] == pytest.approx(np.mean([rdm[4, 1], rdm[4, 3]]))


def test_pairs_of_one_synset_are_never_scored():
    synsets = ["a", "a", "b", "b", "c", "d"]
    one, other = random_target(6, 0), random_target(6, 0)
    other[0, 1] = other[1, 0] = other[2, 3] = other[3, 2] = 99
    np.testing.assert_array_equal(
        mean_over_exemplars(one, synsets)[1], mean_over_exemplars(other, synsets)[1]
    )


def test_coefficients_without_resampling_are_those_of_scipy_and_rsatoolbox():
    spaces, human = (
        pairs_of(np.array([random_target(9, seed) for seed in seeds])) for seeds in ((1, 2), (3,))
    )
    known = pairs_of(ties(9, 4))
    found = agreements(spaces, human[0], {"path": known}, np.ones((1, len(known))))
    rho_a = compare(RDMs(-spaces), RDMs(known[None]), method="rho-a")
    for number, space in enumerate(spaces):
        assert found["path", "spearman"][number, 0] == pytest.approx(
            spearmanr(-space, known).statistic, abs=1e-12
        )
        assert found["path", "rho_a"][number, 0] == pytest.approx(rho_a[number, 0], abs=1e-12)
        ranks = np.array([rankdata(one) for one in (-space, known, -human[0])])
        left = [one - np.polyval(np.polyfit(ranks[2], one, 1), ranks[2]) for one in ranks[:2]]
        assert found["path", "partial"][number, 0] == pytest.approx(np.corrcoef(left)[0, 1], abs=1e-10)


def test_a_weight_counts_a_pair_as_often_as_it_says():
    space, human, known = pairs_of(np.array([random_target(6, 1), random_target(6, 2), ties(6, 3)]))
    weights = np.random.default_rng(0).integers(0, 4, size=len(space)).astype(float)
    counted = agreements(space[None], human, {"path": known}, weights[None])
    repeated = [np.repeat(one, weights.astype(int)) for one in (space, human, known)]
    expected = agreements(
        repeated[0][None], repeated[1], {"path": repeated[2]}, np.ones((1, int(weights.sum())))
    )
    for key, values in expected.items():
        assert counted[key][0, 0] == pytest.approx(values[0, 0], abs=1e-12), key


def test_a_space_that_is_wordnet_agrees_perfectly_and_an_unrelated_one_does_not():
    similarity = 1 - random_target(11, 5)
    names = tuple(SYNSETS)
    noise = np.array([random_target(11, 6)])
    spaces = Spaces(
        names, {HUMAN: noise, "full": np.array([random_target(11, 7)]), "pruned": 1 - similarity[None]}
    )
    table = agreement_table([spaces], wordnet(similarity), n_bootstrap=100, n_permutations=99)
    rows = table[(table["coefficient"] == "spearman")].fillna({"b": ""}).set_index(["a", "b"])
    assert rows.loc[("pruned", ""), "agreement"] == pytest.approx(1)
    assert rows.loc[("pruned", ""), "p"] == 0.01
    assert abs(rows.loc[("full", ""), "agreement"]) < 0.3 and rows.loc[("full", ""), "p"] > 0.05
    difference = rows.loc[("pruned", "full")]
    assert difference["ci_low"] > 0
    assert difference["agreement"] == pytest.approx(1 - rows.loc[("full", ""), "agreement"])


def test_what_agrees_only_through_people_has_nothing_left_without_them():
    people = random_target(11, 1)
    similarity = 1 - (people + 0.5 * random_target(11, 2))
    space = np.array([people + 0.5 * random_target(11, 3)])
    given = {HUMAN: people[None], "full": space, "pruned": space}
    table = agreement_table(
        [Spaces(tuple(SYNSETS), given)], wordnet(similarity), n_bootstrap=100, n_permutations=99
    )
    found = table[(table["a"] == "full") & table["b"].isna()].set_index("coefficient")
    assert found.loc["spearman", "p"] == 0.01
    assert abs(found.loc["partial", "agreement"]) < 0.3 < found.loc["spearman", "agreement"]
    assert not ((table["coefficient"] == "partial") & (table["a"] == HUMAN)).any()


def test_p_is_uniform_where_a_space_knows_nothing_of_wordnet():
    p = []
    for seed in range(60):
        rdms = {
            name: random_target(8, 100 * seed + i)[None] for i, name in enumerate((HUMAN, "full", "pruned"))
        }
        similarity = ties(8, 100 * seed + 50)
        synsets = SYNSETS[:8]
        table = agreement_table(
            [Spaces(tuple(synsets), rdms)],
            wordnet(similarity, synsets),
            n_bootstrap=2,
            n_permutations=39,
            seed=seed,
        )
        p += table["p"].dropna().tolist()
    # 60 × 5 p-values, in threes of one relabelling.
    assert np.mean(np.array(p) <= 0.05) < 0.09
    assert 0.4 < np.mean(p) < 0.6


def test_spaces_of_all_images_are_of_the_images_with_synsets_and_of_the_final_set():
    final = np.array([5, 3, 8])
    spaces = spaces_of_all_images(EMBEDDING, TARGET, fold_sets(), final, OF_STIMULUS)
    assert list(spaces.synsets) == SYNSETS
    assert spaces.rdms["random"].shape == (N_RANDOM, 11, 11)
    images = [label for label in LABELS if label in OF_STIMULUS]
    synsets = [OF_STIMULUS[label] for label in images]
    values = EMBEDDING.subset(images).values
    expected = {
        HUMAN: TARGET.subset(images).values,
        "full": dissimilarity(values),
        "pruned": dissimilarity(values[:, [3, 5, 8]]),
    }
    for name, rdm in expected.items():
        np.testing.assert_allclose(spaces.rdms[name][0], mean_over_exemplars(rdm, synsets)[1], atol=1e-12)


def test_each_held_out_block_is_of_its_own_images_and_its_folds_features():
    sets = fold_sets()
    own = FoldSets(
        sets.labels, sets.repeat, sets.fold, (np.arange(4), np.arange(20, 30)), sets.held_out, sets.tested
    )
    blocks = spaces_of_held_out_images(EMBEDDING, TARGET, own, OF_STIMULUS)
    for fold, features, block in zip(own.scored_blocks(), own.retained, blocks, strict=True):
        images = [label for label in fold.test if label in OF_STIMULUS]
        assert set(block.synsets) == {OF_STIMULUS[label] for label in images}
        rdm = dissimilarity(EMBEDDING.subset(images).values[:, features])
        expected = mean_over_exemplars(rdm, [OF_STIMULUS[label] for label in images])[1]
        np.testing.assert_allclose(block.rdms["pruned"][0], expected, atol=1e-12)


def test_held_out_agreement_does_not_see_the_final_set():
    sets, similarity = fold_sets(), ties(11, 8)
    tables = []
    for final in (np.arange(5), np.arange(5, 30)):
        table, _ = unit_agreement(
            EMBEDDING, TARGET, sets, final, wordnet(similarity), n_bootstrap=5, n_permutations=9
        )
        tables.append({scope: rows.drop(columns="scope") for scope, rows in table.groupby("scope")})
    one, other = tables
    assert one[HELD_OUT].equals(other[HELD_OUT])
    assert not one[ALL_IMAGES].equals(other[ALL_IMAGES])


def test_order_of_images_changes_no_bit():
    rows = np.random.default_rng(0).permutation(24)
    shuffled = [LABELS[row] for row in rows]
    given = wordnet(ties(11, 8)), dict(n_bootstrap=5, n_permutations=9)
    one, _ = unit_agreement(EMBEDDING, TARGET, fold_sets(), np.arange(7), given[0], **given[1])
    other, _ = unit_agreement(
        EMBEDDING.select(shuffled), TARGET.select(shuffled), fold_sets(), np.arange(7), given[0], **given[1]
    )
    assert one.equals(other)


def test_unit_counts_images_without_synset_and_takes_further_spaces():
    sets = fold_sets()
    blocks = [TARGET.subset(fold.test) for fold in sets.scored_blocks()]
    table, spaces = unit_agreement(
        EMBEDDING,
        TARGET,
        sets,
        np.arange(7),
        wordnet(ties(11, 8)),
        n_bootstrap=5,
        n_permutations=9,
        more={"ridge": (TARGET, blocks)},
    )
    assert list(table.columns) == list(AGREEMENT_COLUMNS)
    assert (table[["n_images", "n_without_synset", "n_synsets"]] == [22, 2, 11]).all(axis=None)
    scores = table[table["b"].isna() & (table["coefficient"] == "spearman")]
    assert set(scores["a"]) == {HUMAN, "full", "pruned", "random", "ridge"}
    # The further space is the human one here.
    for _, rows in scores.groupby("scope"):
        agreement = rows.set_index("a")["agreement"]
        assert agreement["ridge"] == agreement[HUMAN]
    assert set(table["b"].dropna()) == {"full", "random", "ridge"}
    assert "ridge" in spaces.rdms


def test_a_unit_whose_images_have_too_few_synsets_has_no_rows():
    few = {label: f"thing_{i % 3}.n.01" for i, label in enumerate(LABELS)}
    table, spaces = unit_agreement(
        EMBEDDING, TARGET, fold_sets(), np.arange(7), wordnet(ties(3, 8), sorted(set(few.values())), few)
    )
    assert spaces is None and table.empty and list(table.columns) == list(AGREEMENT_COLUMNS)


def test_spaces_come_back_from_their_file_without_random_sets(tmp_path):
    spaces = spaces_of_all_images(EMBEDDING, TARGET, fold_sets(), np.arange(7), OF_STIMULUS)
    write_spaces(tmp_path / "spaces.npz", {("mine", "IT"): spaces})
    found = read_spaces(tmp_path / "spaces.npz")["mine", "IT"]
    assert found.synsets == spaces.synsets
    assert list(found.rdms) == [HUMAN, "full", "pruned"]
    np.testing.assert_array_equal(found.rdms["pruned"], spaces.rdms["pruned"])
