"""Truths about regions at matched numbers of voxels."""

from dataclasses import replace

import numpy as np
import pydantic
import pytest

from isoprune.config.patterns import Roi
from isoprune.errors import ConfigError, RoiError
from isoprune.labelled import Patterns, Residuals
from isoprune.quality import rdm_reliability, voxel_table
from isoprune.rdms import rdm_from_patterns
from isoprune.voxel_matching import VoxelMatching, match_voxels

LABELS = tuple(f"img_{i:02}" for i in range(12))


def region(name, n_voxels, seed=0, noise=3.0):
    """Two runs of a region that codes three dimensions: equal signal and noise in every voxel, of any number."""
    rng = np.random.default_rng([seed, n_voxels])
    signal = rng.normal(size=(len(LABELS), 3)) @ rng.normal(size=(3, n_voxels))
    values = np.concatenate([signal + noise * rng.normal(size=signal.shape) for _ in range(2)])
    runs = ("1",) * len(LABELS) + ("2",) * len(LABELS)
    counts = {"n_voxels_on_grid": n_voxels, "n_voxels": n_voxels, "n_not_drawn": 0}
    return Patterns(values, LABELS * 2, runs, name, "01", counts, voxels=np.arange(n_voxels) + 100)


def reliability(patterns):
    return rdm_reliability(patterns, measure="correlation")[0]["rdm_r"]


def test_every_region_has_the_same_number_of_voxels_and_they_are_its_own():
    regions = {name: region(name, n) for name, n in (("V1", 90), ("IT", 40), ("FFA", 60))}
    for wanted, n in (("smallest", 40), (25, 25)):
        matched = match_voxels(regions, VoxelMatching(wanted))
        assert {name: one.values.shape[1] for name, one in matched.items()} == dict.fromkeys(regions, n)
        for name, one in matched.items():
            columns = one.voxels - 100
            assert (np.diff(columns) > 0).all()
            np.testing.assert_array_equal(one.values, regions[name].values[:, columns])


def test_region_of_just_that_size_is_left_as_it_is():
    regions = {"V1": region("V1", 90), "IT": region("IT", 40)}
    assert match_voxels(regions, VoxelMatching("smallest"))["IT"] is regions["IT"]


def test_residuals_and_signal_to_noise_keep_to_their_voxels():
    whole = region("V1", 60)
    rest = Residuals(np.arange(3 * 60.0).reshape(3, 60), ("1", "1", "2"), {"1": 2, "2": 1})
    whole = replace(whole, residuals=rest, tsnr=np.arange(60.0))
    one = match_voxels({"V1": whole}, VoxelMatching(20))["V1"]
    np.testing.assert_array_equal(one.tsnr, one.voxels - 100)
    np.testing.assert_array_equal(one.residuals.values[0], one.voxels - 100)


def test_draw_follows_from_seed_number_subject_and_region_alone():
    regions = {name: region(name, 60) for name in ("V1", "IT")}

    def drawn(matching, **given):
        return match_voxels(given or regions, matching)["V1"].voxels.tolist()

    first = drawn(VoxelMatching(20))
    assert first == drawn(VoxelMatching(20)) == drawn(VoxelMatching(20), V1=regions["V1"])
    assert first != drawn(VoxelMatching(20, draw=2))
    assert first != drawn(VoxelMatching(20, seed=1))
    assert first != drawn(VoxelMatching(20), V1=replace(regions["V1"], subject="02"))
    assert first != match_voxels(regions, VoxelMatching(20))["IT"].voxels.tolist()


def test_with_equal_signal_a_voxel_matched_regions_are_equally_reliable_and_unmatched_are_not():
    whole, matched = [], []
    for seed in range(40):
        regions = {"small": region("small", 30, seed), "large": region("large", 300, seed)}
        whole.append([reliability(one) for one in regions.values()])
        drawn = match_voxels(regions, VoxelMatching("smallest", seed=seed))
        matched.append([reliability(one) for one in drawn.values()])
    difference = np.diff(whole, axis=1)[:, 0]
    after = np.diff(matched, axis=1)[:, 0]
    error = after.std(ddof=1) / np.sqrt(len(after))
    assert difference.mean() > 0.2
    assert abs(after.mean()) < 3 * error < 0.15


def test_mean_over_many_draws_would_undo_the_matching():
    def mean_rdm(half, draws):
        return np.mean(
            [
                rdm_from_patterns(
                    match_voxels({"large": half}, VoxelMatching(30, draw))["large"],
                    LABELS,
                    target="large",
                    subject="01",
                    provenance={},
                ).values
                for draw in draws
            ],
            axis=0,
        )

    of_one, of_many, of_all = [], [], []
    pairs = np.triu_indices(len(LABELS), 1)
    for seed in range(8):
        whole = region("large", 300, seed)
        halves = [whole.select_rows(np.array(whole.runs) == run) for run in ("1", "2")]
        for found, draws in ((of_one, range(1, 2)), (of_many, range(1, 61))):
            found.append(np.corrcoef(*(mean_rdm(half, draws)[pairs] for half in halves))[0, 1])
        of_all.append(reliability(whole))
    assert np.mean(of_all) - np.mean(of_many) < 0.03
    assert np.mean(of_all) - np.mean(of_one) > 0.2


def test_what_was_drawn_is_counted_and_said():
    chosen = replace(region("V1", 60), selection="the 60 most reliable voxels")
    matched = match_voxels({"V1": chosen, "IT": region("IT", 40)}, VoxelMatching("smallest", draw=3))
    table = voxel_table(matched).set_index("roi")
    assert table.loc["V1", ["n_voxels", "n_not_drawn"]].tolist() == [40, 20]
    assert table.loc["IT", ["n_voxels", "n_not_drawn"]].tolist() == [40, 0]
    words = "the 60 most reliable voxels; 40 of 60 drawn at random (draw 3) to match the regions' sizes"
    assert table.loc["V1", "selection"] == words
    assert matched["V1"].provenance["matched"] == {"draw": 3, "seed": 0}


def test_more_voxels_than_a_region_has_are_a_named_error():
    regions = {"V1": region("V1", 90), "IT": region("IT", 40)}
    message = (
        r"regions of subject '01'.*fewer usable voxels than `roi\.match_voxels` asks for in IT \(40\); "
        r"expected at least 50 in each\..*Ask for at most 40"
    )
    with pytest.raises(RoiError, match=message):
        match_voxels(regions, VoxelMatching(50))


@pytest.mark.parametrize("wanted", [1, 0, 2.5, "small"])
def test_what_is_no_number_of_voxels_is_a_named_error(wanted):
    with pytest.raises(ConfigError, match="expected a whole number from 2, or 'smallest'"):
        VoxelMatching(wanted)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"match_draw": 2}, "match_draw: it is set, but has no effect without `match_voxels`"),
        (
            {"match_voxels": 5},
            r"match_voxels: found 5, fewer than `min_voxels` \(10\)|5, fewer than `min_voxels`",
        ),
        ({"match_voxels": "smalest"}, "match_voxels"),
    ],
)
def test_settings_that_cannot_match_are_refused(settings, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        Roi(**settings)


def test_settings_take_a_number_the_smallest_and_nothing():
    assert [Roi(match_voxels=one).match_voxels for one in (None, "smallest", 50, "50")] == [
        None,
        "smallest",
        50,
        50,
    ]
