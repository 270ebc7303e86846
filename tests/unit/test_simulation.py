"""The experiment with a known answer: what is planted is there, and only there."""

from __future__ import annotations

import itertools
from math import comb
from pathlib import Path

import numpy as np
import pytest

from isoprune.errors import ConfigError, EmbeddingError, TooFewImagesError
from isoprune.labelled import Embedding
from isoprune.simulation import (
    candidate_features,
    draw_stimuli,
    plant_features,
    recovery,
    simulate_subject,
    voxel_patterns,
)

N_IMAGES = 20


def sparse_features(n_images: int = N_IMAGES, n_features: int = 200, seed: int = 0) -> np.ndarray:
    """Features as after a ReLU: different means and scales, many zeros."""
    rng = np.random.default_rng(seed)
    scale = rng.gamma(2, 1, n_features)
    return np.maximum(rng.standard_normal((n_images, n_features)) + 0.3, 0) * scale


def embedding_of(values: np.ndarray) -> Embedding:
    return Embedding(values, tuple(f"image{i:02d}" for i in range(len(values))))


def rdm_pairs(rows: np.ndarray) -> np.ndarray:
    return (1 - np.corrcoef(rows))[np.triu_indices(len(rows), 1)]


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def signal_variance(patterns: np.ndarray) -> float:
    return float(patterns.mean(axis=0).var(axis=0).mean())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    return folder, draw_stimuli(folder, n_per_category=3, seed=0)


def test_the_same_seed_draws_the_same_bytes_and_another_seed_other_pictures(drawn, tmp_path):
    folder, _ = drawn
    for seed in (0, 1):
        draw_stimuli(tmp_path / str(seed), n_per_category=3, seed=seed)
    assert content_of(tmp_path / "0") == content_of(folder)
    first, other = (content_of(tmp_path / seed / "images") for seed in "01")
    assert first.keys() == other.keys()
    assert all(first[name] != other[name] for name in first)


def test_a_picture_does_not_depend_on_how_many_are_drawn(drawn, tmp_path):
    folder, _ = drawn
    draw_stimuli(tmp_path, n_per_category=1, seed=0)
    few, many = content_of(tmp_path / "images"), content_of(folder / "images")
    assert len(few) == 5
    assert all(many[name] == few[name] for name in few)


def test_the_table_names_every_picture_and_its_category(drawn):
    from PIL import Image

    from isoprune.io.tables import image_paths, read_stimuli

    folder, stimuli = drawn
    table = read_stimuli(folder / "stimuli.tsv")
    assert table.equals(stimuli.astype(table.dtypes.to_dict()))
    assert list(stimuli["stimulus"][:4]) == ["face01", "face02", "face03", "house01"]
    assert (stimuli.groupby("category").size() == 3).all()
    for path in image_paths(table, folder / "stimuli.tsv"):
        with Image.open(path) as picture:
            assert (picture.size, picture.mode) == ((224, 224), "RGB")


def test_pictures_differ_from_each_other_but_not_in_brightness_and_contrast(drawn):
    from PIL import Image

    folder, stimuli = drawn
    pixels = np.stack([np.asarray(Image.open(folder / file), dtype=float) for file in stimuli["file"]])
    for one, two in itertools.combinations(pixels, 2):
        assert np.abs(one - two).mean() > 10
    luminance = pixels @ [0.299, 0.587, 0.114]
    # Only clipping of colours at 0 and 255 keeps them from being exactly 120 and 45.
    np.testing.assert_allclose(luminance.mean(axis=(1, 2)), 120, atol=5)
    np.testing.assert_allclose(luminance.std(axis=(1, 2)), 45, atol=15)


def test_no_picture_and_a_negative_seed_are_refused(tmp_path):
    with pytest.raises(TooFewImagesError, match="n_per_category: 0; expected at least 1"):
        draw_stimuli(tmp_path, n_per_category=0, seed=0)
    with pytest.raises(ConfigError, match="seed: -1; expected a whole number from 0"):
        draw_stimuli(tmp_path, seed=-1)
    assert not list(tmp_path.iterdir())


def test_planted_features_are_among_the_quarter_that_varies_most():
    values = sparse_features()
    planted = plant_features(values, n_planted=25, seed=0)
    assert len(set(planted)) == 25
    assert list(planted) == sorted(planted)
    variance = values.var(axis=0)
    assert variance[planted].min() >= np.sort(variance)[-50]
    assert set(planted) <= set(candidate_features(values))
    assert len(candidate_features(values)) == 50


def test_planting_follows_the_seed_and_leaves_out_what_is_excluded():
    values = sparse_features()
    first = plant_features(values, seed=0)
    np.testing.assert_array_equal(first, plant_features(values, seed=0))
    assert set(first) != set(plant_features(values, seed=1))
    second = plant_features(values, seed=0, exclude=first)
    assert not set(first) & set(second)
    assert set(first) | set(second) == set(candidate_features(values))


def test_planting_refuses_more_than_there_is():
    values = sparse_features()
    with pytest.raises(EmbeddingError, match="25 features to choose from, of 200; expected at least 26"):
        plant_features(values, n_planted=26, seed=0, exclude=plant_features(values, seed=0))
    with pytest.raises(EmbeddingError, match="0 features to choose from"):
        plant_features(np.ones((5, 200)), n_planted=3, seed=0)
    with pytest.raises(ConfigError, match="n_planted: 2; expected at least 3"):
        plant_features(values, n_planted=2, seed=0)


def test_without_noise_the_geometry_of_many_voxels_is_that_of_the_planted_features():
    features = sparse_features(n_features=25)
    patterns = voxel_patterns(features, n_voxels=5000, noise=0, n_runs=1, rng=np.random.default_rng(0))
    assert patterns.shape == (1, N_IMAGES, 5000)
    assert np.corrcoef(rdm_pairs(patterns[0]), rdm_pairs(features))[0, 1] > 0.98


def test_what_all_features_share_in_an_image_leaves_no_trace_in_the_patterns():
    features = sparse_features(n_features=25)
    brightness = np.random.default_rng(1).uniform(0, 50, (N_IMAGES, 1))
    patterns = [
        voxel_patterns(values, n_voxels=50, noise=1, n_runs=2, rng=np.random.default_rng(0))
        for values in (features, features + brightness)
    ]
    np.testing.assert_allclose(patterns[1], patterns[0], atol=1e-10)


def test_the_signal_does_not_depend_on_the_scale_of_the_network():
    features = sparse_features(n_features=25)
    patterns = [
        voxel_patterns(scale * features, n_voxels=50, noise=1, n_runs=2, rng=np.random.default_rng(0))
        for scale in (1.0, 1e-8)
    ]
    np.testing.assert_allclose(patterns[1], patterns[0], atol=1e-10)


def test_noise_is_counted_in_standard_deviations_of_the_signal_and_averages_out_over_runs():
    features = sparse_features(n_features=25)
    clean, noisy = (
        voxel_patterns(features, n_voxels=2000, noise=noise, n_runs=4, rng=np.random.default_rng(0))
        for noise in (0, 2.5)
    )
    assert signal_variance(clean) == pytest.approx(1, abs=1e-9)
    assert (noisy - clean).std() == pytest.approx(2.5, rel=0.02)
    assert (noisy - clean).mean(axis=0).std() == pytest.approx(1.25, rel=0.02)


def test_a_region_without_planted_features_is_noise_alone():
    nothing = np.empty((N_IMAGES, 0))
    patterns = voxel_patterns(nothing, n_voxels=2000, noise=3, n_runs=2, rng=np.random.default_rng(0))
    assert patterns.std() == pytest.approx(3, rel=0.02)
    similarity = np.corrcoef(patterns[0], patterns[1])[:N_IMAGES, N_IMAGES:]
    assert np.abs(similarity).max() < 0.12


@pytest.mark.parametrize("wrong", [{"noise": -1}, {"noise": np.nan}, {"n_runs": 0}, {"n_voxels": 0}])
def test_impossible_amounts_are_refused(wrong):
    amounts = {"n_voxels": 10, "noise": 1, "n_runs": 2} | wrong
    with pytest.raises(ConfigError, match="expected noise from 0, at least 1 run and 1 voxel"):
        voxel_patterns(sparse_features(), **amounts, rng=np.random.default_rng(0))


@pytest.mark.parametrize("features", [sparse_features(n_features=2), np.ones((5, 25))])
def test_features_without_geometry_are_refused(features):
    with pytest.raises(EmbeddingError, match="expected at least 3 features that tell images apart"):
        voxel_patterns(features, n_voxels=10, noise=1, n_runs=2, rng=np.random.default_rng(0))


VENTRAL, DORSAL = np.arange(0, 25), np.arange(30, 55)
PLANTED = {"ventral": VENTRAL, "dorsal": DORSAL, "noise": ()}


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    folder = tmp_path_factory.mktemp("subject")
    embedding = embedding_of(sparse_features())
    simulate_subject(folder, subject="01", embedding=embedding, planted=PLANTED, n_runs=2, noise=0.5, seed=0)
    return folder, embedding


def load(path: Path):
    import nibabel

    return nibabel.load(path)


def masked_patterns(folder: Path, roi: str, labels, run: int) -> np.ndarray:
    """Patterns of a run in the order of ``labels``, voxels found by their place in the world."""
    betas = load(folder / f"sub-01/sub-01_run-{run}_betas.nii.gz")
    mask = load(folder / f"sub-01/sub-01_roi-{roi}_mask.nii.gz")
    inside = np.argwhere(mask.get_fdata() > 0)
    world = inside @ mask.affine[:3, :3].T + mask.affine[:3, 3]
    voxels = (world - betas.affine[:3, 3]) @ np.linalg.inv(betas.affine[:3, :3]).T
    assert np.abs(voxels - voxels.round()).max() < 1e-3
    rows = (folder / f"sub-01/sub-01_run-{run}_conditions.tsv").read_text().splitlines()
    assert rows[0] == "volume\tcondition"
    volume_of = {condition: int(volume) for volume, condition in (row.split("\t") for row in rows[1:])}
    x, y, z = voxels.round().astype(int).T
    return betas.get_fdata()[x, y, z].T[[volume_of[label] for label in labels]]


def test_the_same_seed_writes_the_same_bytes_and_another_seed_or_subject_other_data(subject, tmp_path):
    folder, embedding = subject
    arguments = {"embedding": embedding, "planted": PLANTED, "n_runs": 2, "noise": 0.5}
    simulate_subject(tmp_path / "again", subject="01", seed=0, **arguments)
    assert content_of(tmp_path / "again") == content_of(folder)
    simulate_subject(tmp_path / "seed", subject="01", seed=1, **arguments)
    simulate_subject(tmp_path / "person", subject="02", seed=0, **arguments)
    one, seed, person = (
        np.nan_to_num(load(path).get_fdata()[..., 0])
        for path in (
            folder / "sub-01/sub-01_run-1_betas.nii.gz",
            tmp_path / "seed/sub-01/sub-01_run-1_betas.nii.gz",
            tmp_path / "person/sub-02/sub-02_run-1_betas.nii.gz",
        )
    )
    in_brain = one != 0
    for other in (seed, person):
        assert abs(np.corrcoef(one[in_brain], other[in_brain])[0, 1]) < 0.1


def test_the_betas_are_oblique_and_differ_between_people_in_their_place(subject, tmp_path):
    folder, embedding = subject
    simulate_subject(tmp_path, subject="02", embedding=embedding, planted={"noise": ()}, n_runs=1, seed=0)
    affines = [
        load(base / f"sub-{name}/sub-{name}_run-1_betas.nii.gz").affine
        for base, name in ((folder, "01"), (tmp_path, "02"))
    ]
    for affine in affines:
        turn = affine[:3, :3] / 3
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-6)
        assert (np.abs(turn) > 0.02).all()
    assert not np.allclose(*affines, atol=0.1)


def test_masks_are_stored_in_another_voxel_order_than_the_betas(subject):
    folder, _ = subject
    betas = load(folder / "sub-01/sub-01_run-1_betas.nii.gz")
    for roi in PLANTED:
        mask = load(folder / f"sub-01/sub-01_roi-{roi}_mask.nii.gz")
        between = np.linalg.solve(betas.affine, mask.affine)[:3, :3]
        np.testing.assert_allclose(np.sort(np.abs(between), axis=0), [[0] * 3, [0] * 3, [1] * 3], atol=1e-5)
        assert not np.allclose(np.abs(between), np.eye(3), atol=1e-5), "axes must be exchanged"
        assert between.min() < -0.99, "an axis must be flipped"
        lost = np.isnan(betas.get_fdata()[..., 0])[np.asarray(mask.dataobj) > 0]
        assert not lost.any(), "indexing by voxel must miss the region"


def test_masks_select_exactly_the_voxels_of_their_region(subject):
    folder, embedding = subject
    for roi, planted in PLANTED.items():
        runs = [masked_patterns(folder, roi, embedding.labels, run) for run in (1, 2)]
        lost = np.isnan(runs[0])
        assert (lost == lost[0]).all()
        assert lost[0].sum() == 3
        assert 80 <= lost.shape[1] <= 150
        one, two = (run[:, ~lost[0]] for run in runs)
        reliable = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(one.T, two.T, strict=True)])
        if len(planted):
            assert np.median(reliable) > 0.5
            expected = rdm_pairs(embedding.values[:, planted])
            assert np.corrcoef(rdm_pairs((one + two) / 2), expected)[0, 1] > 0.85
        else:
            assert abs(reliable.mean()) < 0.1


def test_every_voxel_with_signal_is_in_a_mask(subject):
    folder, embedding = subject
    first, second = (load(folder / f"sub-01/sub-01_run-{run}_betas.nii.gz").get_fdata() for run in (1, 2))
    orders = []
    for run in (1, 2):
        rows = (folder / f"sub-01/sub-01_run-{run}_conditions.tsv").read_text().splitlines()[1:]
        orders.append(np.argsort([embedding.labels.index(row.split("\t")[1]) for row in rows]))
    assert not np.array_equal(*orders)
    first, second = first[..., orders[0]], second[..., orders[1]]
    n_lost = int(np.isnan(first).any(axis=-1).sum())
    centred = [values - values.mean(axis=-1, keepdims=True) for values in (first, second)]
    with np.errstate(invalid="ignore"):
        r = (centred[0] * centred[1]).sum(-1) / np.sqrt((centred[0] ** 2).sum(-1) * (centred[1] ** 2).sum(-1))
    n_reliable = int((np.nan_to_num(r) > 0.7).sum())
    in_masks = 0
    for roi in ("ventral", "dorsal"):
        one, two = (masked_patterns(folder, roi, embedding.labels, run) for run in (1, 2))
        keep = ~np.isnan(one[0])
        pairs = zip(one[:, keep].T, two[:, keep].T, strict=True)
        in_masks += sum(np.corrcoef(a, b)[0, 1] > 0.7 for a, b in pairs)
    assert n_lost == 9
    assert in_masks > 60
    # Of some 4000 voxels of noise, fewer than one in a thousand looks reliable by chance (r > .7, 20 images).
    assert n_reliable - in_masks <= 6


def test_what_is_planted_in_one_region_changes_no_other(subject, tmp_path):
    folder, embedding = subject
    planted = PLANTED | {"ventral": VENTRAL[:5]}
    simulate_subject(
        tmp_path, subject="01", embedding=embedding, planted=planted, n_runs=2, noise=0.5, seed=0
    )
    for roi, same in (("ventral", False), ("dorsal", True), ("noise", True)):
        changed, before = (masked_patterns(base, roi, embedding.labels, 1) for base in (tmp_path, folder))
        assert np.array_equal(changed, before, equal_nan=True) == same


def test_compressed_files_hold_neither_clock_time_nor_name(subject):
    folder, _ = subject
    for path in folder.rglob("*.nii.gz"):
        flags, time = path.read_bytes()[3], path.read_bytes()[4:8]
        assert (flags, time) == (0, bytes(4))


def test_what_extraction_finds_is_the_simulated_region(subject):
    from isoprune.extraction import patterns_from_files

    folder, embedding = subject
    start = folder / "sub-01"
    runs = [
        (start / f"sub-01_run-{r}_betas.nii.gz", start / f"sub-01_run-{r}_conditions.tsv") for r in (1, 2)
    ]
    masks = {roi: start / f"sub-01_roi-{roi}_mask.nii.gz" for roi in PLANTED}
    patterns = patterns_from_files(runs, masks, labels=embedding.labels, subject="01")
    for roi in PLANTED:
        expected = masked_patterns(folder, roi, embedding.labels, 1)
        found = patterns[roi]
        assert found.counts["n_dropped_non_finite"] == 3
        assert found.counts["n_voxels"] == expected.shape[1] - 3
        rows = [found.conditions[:N_IMAGES].index(label) for label in embedding.labels]
        kept = expected[:, ~np.isnan(expected[0])]
        np.testing.assert_allclose(
            np.sort(found.values[rows], axis=1), np.sort(kept, axis=1), rtol=1e-6, atol=1e-6
        )


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"subject": "sub_1"}, ConfigError, "the name 'sub_1'; expected letters and digits only"),
        ({"planted": {}}, ConfigError, "0 regions and seed 0; expected 1 to 8 regions"),
        ({"seed": -1}, ConfigError, "seed -1; expected 1 to 8 regions, and a seed from 0"),
        ({"n_runs": -1}, ConfigError, "-1 runs"),
        (
            {"planted": {"V1": [0, 1, 200]}},
            EmbeddingError,
            "ROI 'V1': feature 200; expected .* from 0 to 199",
        ),
        ({"planted": {"V1": [0, 1, 1]}}, EmbeddingError, "ROI 'V1': a feature twice"),
    ],
)
def test_a_subject_that_cannot_be_simulated_is_refused_by_name(tmp_path, change, error, text):
    arguments = {"subject": "01", "planted": {"V1": [0, 1, 2]}, "n_runs": 1, "seed": 0} | change
    with pytest.raises(error, match=text):
        simulate_subject(tmp_path, embedding=embedding_of(sparse_features()), **arguments)
    assert not list(tmp_path.iterdir())


def test_recovery_equals_counting_all_sets():
    n_features, planted, retained = 9, [0, 2, 5, 7], [7, 1, 2, 0]
    counts = [len(set(drawn) & set(planted)) for drawn in itertools.combinations(range(n_features), 4)]
    result = recovery(retained, planted, n_features)
    assert (result["n_retained"], result["n_planted"], result["overlap"]) == (4, 4, 3)
    assert result["expected"] == pytest.approx(np.mean(counts))
    assert result["p"] == pytest.approx(np.mean(np.array(counts) >= 3))
    assert len(counts) == comb(9, 4)


def test_recovery_among_candidates_equals_counting_all_plantings():
    candidates, planted, retained = [0, 2, 4, 5, 7, 8], [0, 5, 7], [5, 1, 7, 3, 8]
    counts = [len(set(drawn) & set(retained)) for drawn in itertools.combinations(candidates, 3)]
    result = recovery(retained, planted, 10, candidates=candidates)
    assert (result["overlap"], result["n_retained_candidates"]) == (2, 3)
    assert result["expected_candidates"] == pytest.approx(np.mean(counts))
    assert result["p_candidates"] == pytest.approx(np.mean(np.array(counts) >= 2))


def test_nothing_planted_is_recovered_with_certainty():
    result = recovery([1, 2], [], 10)
    assert (result["overlap"], result["expected"], result["p"]) == (0, 0, 1)


def test_recovery_refuses_features_that_do_not_exist():
    with pytest.raises(ConfigError, match="retained features: 2 indices, 2 of them different, from 3 to 10"):
        recovery([3, 10], [1], 10)
    with pytest.raises(ConfigError, match="planted features: 2 indices, 1 of them different"):
        recovery([3], [1, 1], 10)
    with pytest.raises(ConfigError, match="1 planted features are not among them"):
        recovery([3], [1, 2], 10, candidates=[2, 3])


def test_pruning_finds_what_was_planted_and_gains_nothing_from_noise():
    from isoprune.pruning import prune

    values = sparse_features(n_images=40, n_features=120)
    planted = plant_features(values, n_planted=12, seed=0)
    rng = np.random.default_rng(0)
    for features, found in ((values[:, planted], True), (np.empty((40, 0)), False)):
        people = [voxel_patterns(features, n_voxels=80, noise=1.5, n_runs=4, rng=rng) for _ in range(6)]
        target = np.mean([1 - np.corrcoef(person.mean(axis=0)) for person in people], axis=0)
        result = prune(values, target, threads=1)
        p = recovery(result.retained, planted, 120, candidates=candidate_features(values))["p_candidates"]
        assert (p < 0.01) == found
