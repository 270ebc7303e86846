"""Maps: they find what was planted, equal a naive computation, and see no relation where there is none."""

import numpy as np
import pytest
import torch

from halves import LABELS, N_FEATURES, SIDE, embedding, network, pictures, sets_of, target_of
from isoprune.errors import OcclusionError, UnknownNameError
from isoprune.labelled import RDM
from isoprune.occlusion.engine import OccludedNetwork
from isoprune.occlusion.images import maps_of_image, spatial_correlation
from isoprune.occlusion.maps import Question, Reading, answer, combined, row_isomorphism
from isoprune.occlusion.preview import preview
from isoprune.occlusion.sets import read_map_sets, write_map_sets
from isoprune.occlusion.significance import position_p, survivors
from isoprune.occlusion.windows import windows_over

SHOWN = pictures()
EMBEDDED = embedding(SHOWN)
LEFT, RIGHT = EMBEDDED.values[:, :N_FEATURES], EMBEDDED.values[:, N_FEATURES:]
ENGINE = OccludedNetwork(network(), "flat")
VALUES = EMBEDDED.values.astype(np.float64)


def mapped(sets, label, windows, reading=None, **settings):
    given = SHOWN[label], label, windows, VALUES, {"T": sets}, reading or Reading()
    found = maps_of_image(ENGINE, *given, **settings)
    return {name: found["T", name] for name in ("full", "pruned", "random")}


@pytest.mark.parametrize("variant", ["centred", "published"])
@pytest.mark.parametrize("half", ["left", "right"])
def test_positive_heat_lies_on_the_half_that_the_target_depends_on(half, variant):
    target = target_of(LEFT if half == "left" else RIGHT, noise=0.02)
    sets = sets_of(EMBEDDED, target, n_null=0)
    windows = windows_over((SIDE, SIDE), [4, 8] if variant == "published" else [8], 4, variant=variant)
    columns = slice(0, 4) if half == "left" else slice(4, 8)
    for name in ("pruned", "full"):
        heat = np.maximum([mapped(sets, label, windows)[name].heat for label in LABELS[:6]], 0)
        assert heat[:, :, columns].sum() >= 0.9 * heat.sum(), name


def test_published_maps_equal_a_computation_step_by_step():
    target = target_of(LEFT, noise=0.3)
    sets = sets_of(EMBEDDED, target, use="all", n_null=0)
    label, stride, sizes = "img_7", 4, [8, 12]
    own = EMBEDDED.labels.index(label)
    retained = np.flatnonzero(sets.pruned[0])
    module, rows = network().module, np.delete(target.values[own], own)
    others = np.delete(VALUES, own, axis=0)[:, retained]

    def score(picture):
        with torch.no_grad():
            features = module(picture[None])[0, retained].double().numpy()
        dissimilar = [1 - np.corrcoef(features, other)[0, 1] for other in others]
        return np.corrcoef(dissimilar, rows)[0, 1] ** 2

    of_sizes = []
    for size in sizes:
        border = (size - stride) // 2
        intact = torch.nn.functional.pad(SHOWN[label], (border,) * 4)
        heat = np.zeros((SIDE // stride, SIDE // stride))
        for i in range(SIDE // stride):
            for j in range(SIDE // stride):
                picture = intact.clone()
                top, left = border + i * stride, border + j * stride
                picture[:, top : top + size, left : left + size] = 0
                heat[i, j] = score(intact) - score(picture)
        of_sizes.append(heat)
    windows = windows_over((SIDE, SIDE), sizes, stride, variant="published")
    for combine, expected in (
        ("mean", np.mean(of_sizes, axis=0)),
        ("largest", np.where(abs(of_sizes[0]) > abs(of_sizes[1]), *of_sizes)),
    ):
        found = mapped(sets, label, windows, Reading("r2", combine))["pruned"]
        np.testing.assert_allclose(found.heat, expected, rtol=0, atol=1e-5)
        assert np.abs(expected).max() > 0.01


def test_rows_are_correlated_as_by_hand_and_constant_images_left_out():
    rng = np.random.default_rng(0)
    versions, others, rows = rng.normal(size=(12, 5)), rng.normal(size=(9, 12)), rng.uniform(size=(2, 9))
    chosen = np.array([1, 4, 5, 9])
    versions[chosen, 3] = 7.0
    others[2, chosen] = 0.0
    found = row_isomorphism(versions, others, chosen, rows)
    kept = np.delete(np.arange(9), 2)
    for version in (0, 1, 2, 4):
        dissimilar = [1 - np.corrcoef(versions[chosen, version], others[j, chosen])[0, 1] for j in kept]
        expected = [np.corrcoef(dissimilar, row[kept])[0, 1] for row in rows]
        np.testing.assert_allclose(found[:, version], expected, rtol=0, atol=1e-12)
    assert np.isnan(found[:, 3]).all()


def test_largest_keeps_the_sign_and_undefined_positions_stay_undefined():
    heat = np.array([[0.1, -0.3, 0.2, np.nan], [-0.2, 0.1, -0.2, 1.0]])
    np.testing.assert_array_equal(combined(heat, "largest"), [-0.2, -0.3, 0.2, np.nan])
    np.testing.assert_array_equal(np.isnan(combined(heat, "mean")), [False, False, False, True])


def test_threads_change_no_bit_and_other_targets_nothing_but_rounding():
    sets = sets_of(EMBEDDED, target_of(LEFT, noise=0.3), n_null=4)
    other = sets_of(EMBEDDED, target_of(RIGHT), n_null=4)
    windows = windows_over((SIDE, SIDE), [8], 8)
    alone = mapped(sets, "img_3", windows)
    given = SHOWN["img_3"], "img_3", windows, VALUES, {"other": other, "T": sets}, Reading()
    together, with_threads = (maps_of_image(ENGINE, *given, threads=n) for n in (1, 2))
    for (target, name), found in together.items():
        for part in ("heat", "null"):
            values = getattr(found, part)
            np.testing.assert_array_equal(values, getattr(with_threads[target, name], part))
            if target == "T":
                # A product of more rows may be rounded otherwise.
                np.testing.assert_allclose(values, getattr(alone[name], part), rtol=0, atol=1e-14)


def test_maps_use_sets_that_did_not_see_the_image():
    target, label = target_of(LEFT, noise=0.3), "img_5"
    own = EMBEDDED.labels.index(label)
    sets = sets_of(EMBEDDED, target, n_null=3)
    folds = np.flatnonzero(sets.applies[:, own])
    assert len(folds) == 1
    poisoned = target.values.copy()
    poisoned[own], poisoned[:, own] = np.random.default_rng(1).uniform(size=(2, len(LABELS)))
    poisoned = np.triu(poisoned, 1) + np.triu(poisoned, 1).T
    moved = sets_of(EMBEDDED, RDM(poisoned, target.labels), n_null=3)
    np.testing.assert_array_equal(sets.pruned[folds], moved.pruned[folds])
    assert (sets.pruned != moved.pruned).any()
    windows = windows_over((SIDE, SIDE), [8], 8)
    before = mapped(sets, label, windows)
    for of_folds in (sets.pruned, sets.random, *sets.of_relabelled):
        of_folds[np.setdiff1d(np.arange(4), folds)] = False
    after = mapped(sets, label, windows)
    for name in before:
        np.testing.assert_array_equal(before[name].heat, after[name].heat)
        np.testing.assert_array_equal(before[name].null, after[name].null)


def test_null_maps_are_of_relabelled_targets_with_their_own_sets():
    target = target_of(LEFT, noise=0.3)
    sets = sets_of(EMBEDDED, target, n_null=3)
    windows, label = windows_over((SIDE, SIDE), [8], 8), "img_11"
    own = EMBEDDED.labels.index(label)
    moved = sets.relabellings[1]
    relabelled = RDM(target.values[np.ix_(moved, moved)], target.labels)
    alone = mapped(sets_of(EMBEDDED, relabelled, n_null=0), label, windows)
    found = mapped(sets, label, windows)
    assert own != moved[own]
    for name in ("full", "pruned"):
        assert found[name].null[1] == pytest.approx(alone[name].heat.max(), abs=1e-12)
    assert (sets.of_relabelled.any(axis=2)).all()


def test_without_a_relation_few_images_show_a_surviving_position():
    # Ten unrelated targets × 20 images, whose maps depend on each other.
    windows = windows_over((SIDE, SIDE), [8], 8)
    p, surviving = {"full": [], "pruned": []}, {"full": [], "pruned": []}
    for seed in range(10):
        noise = np.random.default_rng(seed).normal(size=(len(LABELS), 30))
        sets = sets_of(EMBEDDED, target_of(noise), n_null=39)
        found = [mapped(sets, label, windows) for label in LABELS[:20]]
        for name in p:
            heat, null = (np.array([getattr(one[name], part) for one in found]) for part in ("heat", "null"))
            result = survivors(heat, null)
            p[name] += result.p.tolist()
            surviving[name] += result.positions.any(axis=(1, 2)).tolist()
    for name in p:
        assert np.mean(surviving[name]) <= 0.05
        assert 0.01 <= np.mean(np.array(p[name]) <= 0.05) <= 0.09
        assert 0.4 <= np.nanmean(p[name]) <= 0.6


def test_with_a_relation_positions_survive_on_the_right_half_and_halves_of_subjects_agree():
    subjects = [target_of(LEFT, noise=0.1, seed=seed, subject=f"0{seed}") for seed in range(4)]
    mean = RDM(np.mean([one.values for one in subjects], axis=0), subjects[0].labels)
    sets = sets_of(EMBEDDED, mean, subjects=subjects, n_null=60)
    found = [mapped(sets, label, windows_over((SIDE, SIDE), [12], 4)) for label in LABELS[:12]]
    # A pruned set that sees nothing but this half is robust: its maps agree, but no position alone decides.
    full = [one["full"] for one in found]
    result = survivors(np.array([one.heat for one in full]), np.array([one.null for one in full]))
    assert result.positions.any(axis=(1, 2)).mean() > 0.5
    assert result.positions[:, :, :4].sum() >= 0.9 * result.positions.sum()
    assert np.mean([one[name].split_half for one in found for name in ("full", "pruned")]) > 0.8


def test_positions_survive_where_benjamini_and_hochberg_call_their_image():
    # .87 has p = 4/101: below .05, but not below .05 × 2 called images / 3.
    heat = np.array([[[0.9, 0.87]], [[0.95, 0.9]], [[0.0, np.nan]]])
    null = np.tile(np.linspace(0, 0.9, 100), (3, 1))
    null[:, -1] = 0.85
    result = survivors(heat, null)
    np.testing.assert_allclose(result.p, [1 / 101, 1 / 101, 1.0])
    np.testing.assert_allclose(result.q[:2], 1.5 / 101)
    assert result.positions.tolist() == [[[True, False]], [[True, True]], [[False, False]]]
    for image, (of_image, positions) in enumerate(zip(heat, result.positions, strict=True)):
        if result.q[image] <= 0.05:
            np.testing.assert_array_equal(positions, of_image > result.threshold[image])
    assert np.isnan(result.threshold[2])
    assert position_p(np.array([0.5]), np.array([np.nan, 0.1, 0.5]))[0] == 0.75
    assert not survivors(heat, np.empty((3, 0))).positions.any()


def test_preview_resembles_the_map_of_a_nearly_linear_network():
    sets = sets_of(EMBEDDED, target_of(LEFT), n_null=0)
    windows, label = windows_over((SIDE, SIDE), [8], 8), "img_4"
    own = EMBEDDED.labels.index(label)
    others = np.delete(np.arange(len(LABELS)), own)
    question = Question([np.arange(2 * N_FEATURES)], sets.target[own, others][None])
    (predicted,) = preview(ENGINE.network, ENGINE.layer, SHOWN[label], windows, VALUES[others], [question])
    assert spatial_correlation(predicted[0], mapped(sets, label, windows)["full"].heat) > 0.7


def test_halves_of_the_subjects_are_disjoint_and_each_ranks_by_its_mean():
    subjects = [target_of(LEFT, noise=0.3, seed=seed, subject=f"0{seed}") for seed in range(4)]
    mean = RDM(np.mean([one.values for one in subjects], axis=0), subjects[0].labels)
    sets = sets_of(EMBEDDED, mean, subjects=subjects, n_null=0)
    np.testing.assert_allclose(sets.halves.mean(axis=0), mean.values, atol=1e-12)
    assert np.abs(sets.halves[0] - sets.halves[1]).max() > 0.01
    for half, of_half in zip(sets.halves, sets.of_halves, strict=True):
        alone = sets_of(EMBEDDED, RDM(half, mean.labels), n_null=0)
        np.testing.assert_array_equal(of_half, alone.pruned)
    assert len(sets_of(EMBEDDED, mean, subjects=subjects[:1], n_null=0).halves) == 0


def test_sets_come_back_from_their_file(tmp_path):
    sets = sets_of(EMBEDDED, target_of(LEFT, noise=0.3), n_null=3)
    write_map_sets(tmp_path / "sets.npz", sets)
    again = read_map_sets(tmp_path / "sets.npz")
    for name, value in vars(sets).items():
        np.testing.assert_array_equal(getattr(again, name), value)


def test_maps_that_cannot_be_made_say_why():
    target = target_of(LEFT, noise=0.3)
    sets = sets_of(EMBEDDED, target, n_null=0)
    own = EMBEDDED.labels.index("img_2")
    sets.applies[:, own] = False
    windows = windows_over((SIDE, SIDE), [8], 8)
    found = mapped(sets, "img_2", windows)
    assert found["pruned"].undefined == "no fold held the image out"
    assert np.isnan(found["pruned"].heat).all() and found["full"].undefined is None
    flat = target.values.copy()
    flat[own] = flat[:, own] = 1.0
    flat[own, own] = 0.0
    sets = sets_of(EMBEDDED, RDM(flat, target.labels), n_null=0)
    found = mapped(sets, "img_2", windows)["full"]
    assert found.undefined == "the image is as dissimilar to each other image as to any"


def test_bad_input_is_told():
    sets = sets_of(EMBEDDED, target_of(LEFT), n_null=0)
    small = windows_over((16, 16), [8], 8)
    with pytest.raises(OcclusionError, match=r"an image of 32 × 32 px; expected 16 × 16 px"):
        mapped(sets, "img_1", small)
    with pytest.raises(UnknownNameError, match="no score 'R2'"):
        Reading("R2")
    with pytest.raises(UnknownNameError, match="no way to combine sizes 'max'"):
        Reading(combine="max")
    assert answer(ENGINE, SHOWN["img_1"], windows_over((SIDE, SIDE), [8], 8), VALUES[1:], [], Reading()) == []
