"""Tables and files of maps say what the maps hold."""

import numpy as np
import pytest

from isoprune.errors import OcclusionError, UnknownNameError
from isoprune.occlusion.contrast import local_contrast
from isoprune.occlusion.jobs import chosen_images, n_jobs, of_job
from isoprune.occlusion.mapped import read_mapped, together, write_mapped
from isoprune.occlusion.tables import (
    HEATMAP_COLUMNS,
    HEATMAP_CONTRAST_COLUMNS,
    heatmap_contrasts,
    heatmap_table,
    write_heatmaps,
)
from isoprune.occlusion.windows import windows_over
from mapped import GRID, STRIDE, N, made


def test_table_has_a_row_an_image_target_and_set_and_finds_what_stands_out():
    table = heatmap_table("mine", made())
    assert list(table.columns) == list(HEATMAP_COLUMNS) and len(table) == N * 2 * 3
    out = table[(table["target"] == "EVC") & (table["set"] == "pruned")]
    assert (out["peak"] == 0.5).all() and (out["n_surviving"] == 1).all()
    assert (out["peak_x"] == 2.5 * STRIDE).all() and (out["peak_y"] == 1.5 * STRIDE).all()
    np.testing.assert_allclose(out["p"], 0.01)
    rest = table.drop(out.index)
    assert (rest["n_surviving"] == 0).all() and rest["threshold"].isna().all()
    assert rest[rest["set"] == "random"]["p"].isna().all()


def test_mass_is_counted_inside_masks_and_undefined_maps_have_none():
    mapped = made()
    mapped.masks[0] = 0
    mapped.masks[0, 1, 2] = 1
    mapped.heat[1, 0, 1] = np.nan
    mapped.undefined[1, 0, 1] = "no fold held the image out"
    mapped.heat[0, 0, 1] = np.maximum(mapped.heat[0, 0, 1], 0)
    table = heatmap_table("mine", mapped)
    of = table[(table["target"] == "EVC") & (table["set"] == "pruned")].reset_index()
    assert of["share_inside"][0] == pytest.approx(0.5 / mapped.heat[0, 0, 1].sum())
    assert of["area_inside"][0] == pytest.approx(1 / 12)
    assert of["mass"][0] == pytest.approx(mapped.heat[0, 0, 1].mean())
    assert of["undefined"][1] == "no fold held the image out"
    assert of.loc[1, ["peak", "mass", "p", "q", "share_inside"]].isna().all()
    assert of["n_positions"][1] == 0


def test_contrasts_pair_sets_of_a_target_and_targets():
    mapped = made()
    table = heatmap_contrasts("mine", mapped, heatmap_table("mine", mapped), seed=0)
    assert list(table.columns) == list(HEATMAP_CONTRAST_COLUMNS)
    pairs = [("EVC pruned", "EVC full"), ("IT pruned", "IT full"), ("EVC pruned", "IT pruned")]
    assert list(zip(table["a"], table["b"], strict=True))[::2] == pairs  # mass and peak each, without masks
    peak = table[(table["a"] == "EVC pruned") & (table["measure"] == "peak")]
    assert (
        (peak["difference"] > 0.45).all() and (peak["p"] <= 2 / 2**N).all() and (peak["ci_low"] > 0.45).all()
    )
    few = made(4)
    assert heatmap_contrasts("mine", few, heatmap_table("mine", few), seed=0)["p"].isna().all()


def test_every_image_and_target_has_a_file_with_its_map_in_image_coordinates(tmp_path):
    mapped = made()
    written = write_heatmaps(tmp_path, "mine", mapped)
    assert len(written) == 2 * N
    assert written[0].name == "net-mine_target-EVC_sub-group_stim-img%200%2F0_heatmap.npz"
    with np.load(written[0], allow_pickle=False) as file:
        assert file["pruned"].shape == (24, 30)
        np.testing.assert_array_equal(file["pruned"][8:16, 16:24], 0.5)
        np.testing.assert_array_equal(file["pruned"][:, -1], file["pruned"][:, 24])
        assert file["pruned_surviving"].sum() == 1 and file["pruned_threshold"] < 0.5
        assert np.isnan(file["full_threshold"])


def test_maps_of_several_jobs_come_together(tmp_path):
    for number, one in enumerate((made(3, 1), made(2, 2))):
        write_mapped(tmp_path / f"{number}.npz", one)
    both = together([read_mapped(tmp_path / f"{number}.npz") for number in (0, 1)])
    assert [str(label) for label in both.images] == ["img 0/1", "img 1/1", "img 2/1", "img 0/2", "img 1/2"]
    assert both.heat.shape == (5, 2, 3, *GRID) and both.stride == STRIDE


def test_images_are_chosen_by_label_or_spread_over_the_table_and_divided_between_jobs():
    labels = [f"s{i}" for i in range(10)]
    assert chosen_images(labels, "all") == labels
    assert chosen_images(labels, 4) == ["s0", "s3", "s6", "s9"]
    assert chosen_images(labels, ["s7", "s2"]) == ["s2", "s7"]
    jobs = n_jobs(10, 4)
    assert [one for job in range(1, jobs + 1) for one in of_job(labels, job, jobs)] == labels
    with pytest.raises(OcclusionError, match=r"heatmaps.images: 11 images of 10; expected at most 10"):
        chosen_images(labels, 11)
    with pytest.raises(UnknownNameError, match=r"no image 's77'"):
        chosen_images(labels, ["s77"])


def test_local_contrast_is_the_spread_of_luminance_under_the_windows():
    picture = np.random.default_rng(0).integers(0, 255, size=(12, 12, 3), dtype=np.uint8)
    picture[:4, :4] = 80
    found = local_contrast(picture, windows_over((12, 12), [4], 4))
    luminance = picture @ np.array([0.2126, 0.7152, 0.0722]) / 255
    assert found[0, 0] == pytest.approx(0, abs=1e-7)
    assert found[1, 2] == pytest.approx(luminance[4:8, 8:12].std())
