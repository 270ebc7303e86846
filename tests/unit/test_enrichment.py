"""Enrichment: kinds of things that drive a feature are found, and nothing is found where nothing is."""

import numpy as np
import pytest

from isoprune.enrichment import enrichment_table, hypernyms_of

pd = pytest.importorskip("pandas")

ANIMALS = [f"beast{i}.n.01" for i in range(8)]
THINGS = [f"thing{i}.n.01" for i in range(16)]
ABOVE = {
    **dict.fromkeys(ANIMALS, "entity.n.01 living_thing.n.01 animal.n.01"),
    **dict.fromkeys(THINGS[:8], "entity.n.01 artifact.n.01 tool.n.01"),
    **dict.fromkeys(THINGS[8:], "entity.n.01 artifact.n.01 vehicle.n.01"),
}
SYNSETS = [*ANIMALS, *THINGS]
LABELS = [f"{synset}/{k}" for synset in SYNSETS for k in range(2)] + ["nameless"]
OF_IMAGE = [*(synset for synset in SYNSETS for _ in range(2)), None]
TABLE = pd.DataFrame(
    {"stimulus": LABELS, "synset": OF_IMAGE, "hypernyms": [ABOVE.get(one) for one in OF_IMAGE]}
)


def enrichment(values, n_top=6, **settings):
    hypernyms = hypernyms_of(TABLE, LABELS)
    settings = {"n_permutations": 99, "seed": 0, **settings}
    return enrichment_table(values, hypernyms, range(values.shape[1]), n_top=n_top, **settings)


def planted():
    """Four features, the second of which is driven by animals."""
    values = np.random.default_rng(0).normal(size=(len(LABELS), 4))
    values[:16, 1] += 6
    return values


def test_kinds_of_things_are_counted_over_synsets_and_the_most_specific_stands_for_all():
    found = hypernyms_of(TABLE, LABELS)
    assert len(found.synsets) == 24 and found.exemplars.shape == (24, 49)
    np.testing.assert_allclose(found.exemplars.sum(axis=1), 1)
    assert not found.exemplars[:, -1].any()
    # animal and living_thing are over the same synsets; entity is over all and can tell nothing.
    assert set(found.names) == {"animal.n.01", "artifact.n.01", "tool.n.01", "vehicle.n.01"}
    assert dict(zip(found.names, found.members.sum(axis=1), strict=True))["artifact.n.01"] == 16


def test_what_drives_a_planted_feature_is_named():
    table = enrichment(planted())
    best = table.sort_values("p").iloc[0]
    assert (best["feature"], best["hypernym"]) == (1, "animal.n.01")
    assert (best["n_top"], best["n_top_under"], best["n_under"], best["n_synsets"]) == (6, 6, 8, 24)
    assert best["p_fwe"] <= 0.02
    assert (table.loc[table["hypernym"] == "tool.n.01", "p_fwe"] > 0.05).all()


def test_p_is_hypergeometric():
    from math import comb

    row = enrichment(planted()).set_index(["feature", "hypernym"]).loc[(0, "artifact.n.01")]
    k, n = int(row["n_top_under"]), int(row["n_top"])
    expected = sum(comb(16, j) * comb(8, n - j) for j in range(k, n + 1)) / comb(24, n)
    assert row["p"] == pytest.approx(expected, rel=1e-12)


def test_only_images_that_drive_a_feature_above_its_mean_are_counted():
    values = np.zeros((len(LABELS), 2))
    values[:4, 0] = 1  # both exemplars of two animals; nothing else, so that the rest is tied at the bottom
    values[:, 1] = np.arange(len(LABELS))
    table = enrichment(values)
    assert (table.loc[table["feature"] == 0, "n_top"] == 2).all()
    assert (table.loc[table["feature"] == 1, "n_top"] == 6).all()


def test_corrected_p_is_calibrated_over_hypernyms_and_features():
    smallest = []
    for seed in range(150):
        values = np.maximum(np.random.default_rng([2, seed]).normal(size=(len(LABELS), 6)), 0)
        smallest.append(enrichment(values, seed=seed, n_permutations=59)["p_fwe"].min())
    assert np.mean(np.array(smallest) <= 0.05) <= 0.1  # discrete counts: at most 5 %, give or take


def test_constant_features_have_no_rows_and_too_few_synsets_give_nothing():
    values = planted()
    values[:, 2] = 1.0
    assert set(enrichment(values)["feature"]) == {0, 1, 3}
    assert hypernyms_of(TABLE, LABELS[:6]) is None
    assert enrichment(values, n_permutations=0)["p_fwe"].isna().all()
