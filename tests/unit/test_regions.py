"""Regions: every definition gives the voxels it means, wherever and however they are stored."""

from __future__ import annotations

from itertools import permutations, product

import nibabel
import numpy as np
import pytest

from isoprune.errors import (
    ConfigError,
    GridError,
    LabelError,
    MissingFileError,
    NoRegionError,
    RoiError,
    UnknownNameError,
    UnreadableFileError,
)
from isoprune.io.regions import region, region_files, regions_of
from isoprune.io.regions.tables import Label, named, read_label_table
from isoprune.io.volumes import Grid

SHAPE = (8, 7, 6)
# Voxel centres at x = -8, -4, 0, 4 …: the midline holds voxels.
STRAIGHT = np.array([[4.0, 0, 0, -16], [0, 3, 0, -9], [0, 0, 2, -5], [0, 0, 0, 1]])
LABELS = (1, 17, 255, 256, 1000, 1017, 2035)
NAMES = {
    1: "Brain-Stem",
    17: "Left-Hippocampus",
    255: "Right-Hippocampus",
    256: "ctx-lh-fusiform",
    1000: "ctx-rh-fusiform",
    1017: "V1",
    2035: "V2",
}


def oblique():
    rotation, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = rotation * [2.0, 2.5, 3.0]
    affine[:3, 3] = -affine[:3, :3] @ (np.array(SHAPE) - 1) / 2
    return affine


AFFINES = {"straight": STRAIGHT, "oblique": oblique()}


def stored_otherwise(values, affine, order, flips):
    turned, turn = np.transpose(values, order), np.eye(4)
    turn[:3, :3] = np.eye(3)[:, list(order)]
    for axis in np.flatnonzero(flips):
        turned = np.flip(turned, axis)
        mirror = np.eye(4)
        mirror[axis, axis], mirror[axis, 3] = -1, turned.shape[axis] - 1
        turn = turn @ mirror
    return np.ascontiguousarray(turned), affine @ turn


def nifti(path, values, affine=STRAIGHT):
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return path


@pytest.fixture
def atlas():
    return np.random.default_rng(5).choice([0, *LABELS], size=SHAPE).astype(np.int16)


@pytest.fixture
def folder(tmp_path, atlas):
    nifti(tmp_path / "atlas.nii.gz", atlas)
    rows = [f"{index}\t{name}" for index, name in NAMES.items()]
    (tmp_path / "labels.tsv").write_text("index\tname\n" + "\n".join(rows) + "\n")
    return tmp_path


def made(folder, definition, *, affine=STRAIGHT, shape=SHAPE, resample=None, subject="01"):
    return region(definition, "FFA", subject, folder, Grid(shape, affine), resample=resample)


def labelled(folder, labels, hemisphere="both", image="atlas.nii.gz", table="labels.tsv", **more):
    options = {"image": image, "table": table, "labels": labels, "hemisphere": hemisphere}
    return made(folder, {"atlas": options}, **more)


def message(kind, call, *args, **more):
    with pytest.raises(kind) as error:
        call(*args, **more)
    assert type(error.value) is kind
    return str(error.value)


# ------------------------------------------------------------------------------------------- atlas


def test_joined_labels_are_the_union(folder, atlas):
    found = labelled(folder, ["V1", 2035, "Brain-Stem"])
    np.testing.assert_array_equal(found.inside, np.isin(atlas, [1017, 2035, 1]))
    assert found.n_voxels_in_mask == found.inside.sum()
    assert found.files == (folder / "atlas.nii.gz", folder / "labels.tsv")
    assert found.description == "'V1' (1017), 'V2' (2035), 'Brain-Stem' (1) of the atlas atlas.nii.gz"


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("label", [255, 256, 1000, 2035])
def test_large_labels_are_not_wrapped(folder, atlas, label, dtype):
    nifti(folder / "other.nii.gz", atlas.astype(dtype))
    found = labelled(folder, [label], image="other.nii.gz", table=None)
    np.testing.assert_array_equal(found.inside, atlas == label)


@pytest.mark.parametrize("label", [["Hippocampus"], ["ctx-fusiform"], ["V1"], [1], ["V1", "Hippocampus"]])
def test_halves_are_disjoint_and_make_the_whole(folder, label):
    left, right, both = (labelled(folder, label, side).inside for side in ("left", "right", "both"))
    assert left.any() and right.any() and not (left & right).any()
    np.testing.assert_array_equal(left | right, both)


def test_halves_go_by_name_where_names_tell_and_by_x_elsewhere(folder, atlas):
    np.testing.assert_array_equal(labelled(folder, ["Hippocampus"], "left").inside, atlas == 17)
    np.testing.assert_array_equal(labelled(folder, ["ctx-fusiform"], "right").inside, atlas == 1000)
    x = STRAIGHT[0, 0] * np.arange(SHAPE[0]) + STRAIGHT[0, 3]
    found = labelled(folder, ["V1"], "left")
    np.testing.assert_array_equal(found.inside, (atlas == 1017) & (x < 0)[:, None, None])
    assert found.description.endswith("left hemisphere (x below 0 mm)")
    assert (x == 0).any()


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
@pytest.mark.parametrize("hemisphere", ["both", "left", "right"])
def test_order_of_stored_voxels_changes_nothing(folder, atlas, affine, hemisphere):
    nifti(folder / "atlas.nii.gz", atlas, affine)
    expected = labelled(folder, ["V1", 1], hemisphere, affine=affine)
    for order, flips in product(permutations(range(3)), [(0, 0, 0), (1, 0, 0), (0, 1, 1), (1, 1, 1)]):
        turned, turned_affine = stored_otherwise(atlas, affine, order, flips)
        found = region(
            {"atlas": {"image": "turned.nii", "labels": [1017, 1], "hemisphere": hemisphere}},
            "FFA",
            "01",
            nifti(folder / "turned.nii", turned, turned_affine).parent,
            Grid(SHAPE, affine),
        )
        np.testing.assert_array_equal(found.inside, expected.inside)
        assert found.n_voxels_in_mask == expected.n_voxels_in_mask


def test_resampling_keeps_labels_and_halves(folder, atlas):
    fine = atlas.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    affine = STRAIGHT @ np.diag([0.5, 0.5, 0.5, 1])
    affine[:3, 3] -= np.array([4, 3, 2]) / 4
    nifti(folder / "fine.nii.gz", fine, affine)
    text = message(GridError, labelled, folder, [1000], image="fine.nii.gz")
    assert "atlas grid 16×14×12 @ 2×1.5×1 mm, betas 8×7×6 @ 4×3×2 mm" in text
    assert (
        "Set `roi.resample: nearest` to resample the atlas, or supply an atlas in the betas' space." in text
    )
    for label in (256, 1000, 2035):
        found = labelled(folder, [label], image="fine.nii.gz", resample="nearest")
        np.testing.assert_array_equal(found.inside, atlas == label)
        assert found.n_voxels_in_mask == 8 * found.inside.sum()


def test_resampling_takes_the_nearest_voxel_and_makes_no_label_between_two(folder, atlas):
    onto = STRAIGHT.copy()
    onto[:3, 3] += STRAIGHT[:3, :3] @ [0.3, -0.4, 0.2]
    found = [
        labelled(folder, [1, 17, 255, 1000], resample="nearest", affine=onto, image="atlas.nii.gz").inside,
        labelled(folder, [17], resample="nearest", affine=onto, image="atlas.nii.gz").inside,
    ]
    # The nearest voxel has the same number, except beyond the edges of the atlas.
    core = (slice(0, -1), slice(1, None), slice(0, -1))
    np.testing.assert_array_equal(found[0][core], np.isin(atlas, [1, 17, 255, 1000])[core])
    np.testing.assert_array_equal(found[1][core], (atlas == 17)[core])


def test_a_label_lost_on_the_grid_is_named(folder):
    values = np.zeros((20, 20, 20), np.int16)
    values[:10], values[15, 15, 15] = 1017, 2035
    nifti(folder / "fine.nii.gz", values, np.eye(4))
    text = message(
        RoiError,
        labelled,
        folder,
        ["V1", "V2"],
        image="fine.nii.gz",
        affine=np.diag([4.0, 4, 4, 1]),
        shape=(5, 5, 5),
        resample="nearest",
    )
    assert "no voxel of the betas' grid belongs to 'V2' (2035)" in text


def test_nan_around_an_atlas_is_outside(folder, atlas):
    nifti(folder / "nan.nii.gz", np.where(atlas == 0, np.nan, atlas).astype(np.float32))
    np.testing.assert_array_equal(labelled(folder, ["V1"], image="nan.nii.gz").inside, atlas == 1017)


def test_what_is_no_atlas_is_named(folder, atlas):
    nifti(folder / "bad.nii.gz", atlas + np.float32(0.25) * (atlas == 17))
    text = message(RoiError, labelled, folder, [1], image="bad.nii.gz", table=None)
    assert f"{(atlas == 17).sum()} values are no whole numbers, such as 17.25" in text
    assert "a map of probabilities is given as `probability`" in text
    nifti(folder / "bad.nii.gz", np.stack([atlas, atlas], axis=3))
    text = message(RoiError, labelled, folder, [1], image="bad.nii.gz")
    assert "an image of 4 dimensions (8×7×6×2); expected a 3-D atlas" in text


def test_an_8_bit_image_cannot_hold_a_table_beyond_it(folder, atlas):
    nifti(folder / "bytes.nii.gz", atlas.astype(np.uint8))
    for labels in (["Left-Hippocampus"], [17]):
        text = message(RoiError, labelled, folder, labels, image="bytes.nii.gz")
        assert "an 8-bit image, which holds 0 to 255, and 4 label(s) up to 2035 beyond" in text
        assert "Save the atlas again with 16-bit integers or more" in text
    text = message(RoiError, labelled, folder, [1000], image="bytes.nii.gz", table=None)
    assert "1 label(s) up to 1000 beyond" in text
    assert labelled(folder, [17], image="bytes.nii.gz", table=None).inside.any()


def test_unknown_label_names_the_nearest_and_all(folder):
    text = message(UnknownNameError, labelled, folder, ["Left-Hipocampus"])
    assert "there is no label 'Left-Hipocampus'; expected one of: Brain-Stem, Left-Hippocampus" in text
    assert "Did you mean 'Left-Hippocampus'?" in text


def test_a_label_of_the_other_hemisphere_is_named(folder):
    text = message(RoiError, labelled, folder, ["Left-Hippocampus"], "right")
    assert "label 'Left-Hippocampus' is there as 'Left-Hippocampus' (left) only" in text
    assert "an area of the right hemisphere" in text
    (folder / "labels.tsv").write_text("index\tname\n17\tLeft-Hippocampus\n")
    text = message(RoiError, labelled, folder, ["Hippocampus"])
    assert "is there as 'Left-Hippocampus' (left) only; expected an area of both hemispheres" in text


def test_labels_of_the_table_that_the_image_lacks_are_named(folder, atlas):
    nifti(folder / "less.nii.gz", np.where(atlas == 2035, 0, atlas))
    text = message(NoRegionError, labelled, folder, ["V2"], image="less.nii.gz")
    assert "no voxel has 'V2' (2035); the image has 6 labels, 1 to 1017" in text
    text = message(RoiError, labelled, folder, ["V1", "V2"], image="less.nii.gz")
    assert "no voxel has 'V2' (2035)" in text and "leave the label out" in text


def test_background_and_names_without_a_table_are_refused(folder):
    assert "label 0 is the background" in message(ConfigError, labelled, folder, [0, 1])
    text = message(ConfigError, labelled, folder, ["V1"], table=None)
    assert "label 'V1' is a name, but no label table is given" in text


# ------------------------------------------------------------------------------------ label tables

TABLES = {
    "dseg.tsv": "index\tname\tabbreviation\n1\tLeft-Area\tLA\n1000\tRight-Area\tRA\n",
    "labels.csv": "label,index\nLeft-Area,1\nRight-Area,1000\n",
    "values.tsv": "value\tregion\n1\tLeft-Area\n1000\tRight-Area\n",
    "lut.txt": "#No. Label Name: R G B A\n\n1   Left-Area    25 5 25 0\n1000 Right-Area 1 2 3 0\n",
    "plain.txt": "1 Left-Area\n1000 Right-Area\n",
    "schaefer.txt": "1\tLeft-Area\t120\t18\t131\t0\n1000\tRight-Area\t120\t18\t132\t0\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_label_tables_of_every_kind_say_the_same(tmp_path, name):
    (tmp_path / name).write_text(TABLES[name])
    expected = (Label(1, "Left-Area", "left"), Label(1000, "Right-Area", "right"))
    assert read_label_table(tmp_path / name) == expected


def test_names_with_blanks_survive_in_lookup_tables(tmp_path):
    (tmp_path / "l.txt").write_text("1 Area 44 of Brodmann 10 20 30 0\n2 Heschl's Gyrus\n")
    assert [label.name for label in read_label_table(tmp_path / "l.txt")] == [
        "Area 44 of Brodmann",
        "Heschl's Gyrus",
    ]


def test_a_column_of_hemispheres_tells_two_areas_of_one_name_apart(folder, atlas):
    (folder / "labels.tsv").write_text("index\tname\themisphere\n17\thippocampus\tL\n255\thippocampus\tR\n")
    assert labelled(folder, ["hippocampus"]).inside.sum() == np.isin(atlas, [17, 255]).sum()
    np.testing.assert_array_equal(labelled(folder, ["hippocampus"], "right").inside, atlas == 255)
    (folder / "labels.tsv").write_text("index\tname\n17\tunknown\n255\tunknown\n")
    text = message(RoiError, labelled, folder, ["unknown"])
    assert "the name 'unknown' stands for 2 areas, numbers 17, 255" in text


@pytest.mark.parametrize(
    ("name", "side", "both"),
    [
        ("Left-Amygdala", "left", "Amygdala"),
        ("ctx_rh_G_oc-temp", "right", "ctx_G_oc-temp"),
        ("7Networks_LH_Vis_1", "left", "7Networks_Vis_1"),
        ("Fusiform_R", "right", "Fusiform"),
        ("L G_fusiform", "left", "G_fusiform"),
        ("lh.V1", "left", "V1"),
        ("Area_L_of", None, "Area_L_of"),
        ("left", None, "left"),
        ("Brain-Stem", None, "Brain-Stem"),
    ],
)
def test_hemispheres_are_read_off_names(name, side, both):
    assert (named(1, name).side, named(1, name).both) == (side, both)


@pytest.mark.parametrize(
    ("content", "kind", "part"),
    [
        (
            "number\tarea\n1\tV1\n",
            UnreadableFileError,
            "it has the columns number, area; expected a table with",
        ),
        ("index\tname\none\tV1\n", UnreadableFileError, "row 1: 'one' in column 'index'"),
        ("1\n", UnreadableFileError, "the line '1' is no number and name"),
        ("# nothing\n", UnreadableFileError, "it is empty"),
        ("index\tname\n1\tV1\n1\tV2\n", LabelError, "number 1 stands for 2 areas: V1, V2"),
    ],
)
def test_what_is_no_label_table_is_named(tmp_path, content, kind, part):
    (tmp_path / "l.tsv").write_text(content)
    assert part in message(kind, read_label_table, tmp_path / "l.tsv")


# ------------------------------------------------------------------------------------- probability


@pytest.fixture
def chances(folder):
    values = np.random.default_rng(8).integers(0, 101, size=(*SHAPE, 3)).astype(np.uint8)
    nifti(folder / "prob.nii.gz", values)
    nifti(folder / "one.nii.gz", (values[..., 0] / 100).astype(np.float32))
    (folder / "maps.tsv").write_text("index\tname\n0\tV1\n1\tV2\n2\tV3\n")
    return values


def likely(
    folder,
    threshold=25,
    unit="percent",
    image="prob.nii.gz",
    resample=None,
    shape=SHAPE,
    affine=STRAIGHT,
    **m,
):
    options = {"image": image, "threshold": threshold, "unit": unit, **m}
    return made(folder, {"probability": options}, resample=resample, shape=shape, affine=affine)


def test_voxels_at_or_above_the_threshold_belong(folder, chances):
    for volume, name in enumerate(["V1", "V2", "V3"]):
        expected = chances[..., volume] >= 25
        assert (chances[..., volume] == 25).any()
        np.testing.assert_array_equal(likely(folder, volume=volume).inside, expected)
        np.testing.assert_array_equal(likely(folder, label=name, table="maps.tsv").inside, expected)
    for threshold in (0.25, 0.7):
        found = likely(folder, threshold, "fraction", image="one.nii.gz")
        np.testing.assert_array_equal(found.inside, chances[..., 0] >= round(100 * threshold))
    assert found.description == "probability of at least 0.7 in the map one.nii.gz"


def test_halves_of_a_map_are_disjoint_and_make_the_whole(folder, chances):
    left, right, both = (likely(folder, volume=1, hemisphere=h).inside for h in ("left", "right", "both"))
    assert left.any() and not (left & right).any()
    np.testing.assert_array_equal(left | right, both)


def test_percent_and_fraction_are_told_apart_by_the_range(folder, chances):
    text = message(RoiError, likely, folder, 25, "percent", image="one.nii.gz")
    assert "values from 0 to 1, said to be in percent; expected values from 0 to 100" in text
    assert "Set `unit: fraction`" in text
    text = message(RoiError, likely, folder, 0.25, "fraction", volume=0)
    assert "values from 0 to 100, said to be in fraction; expected values from 0 to 1" in text
    nifti(folder / "z.nii.gz", chances[..., 0].astype(np.float32) - 50)
    text = message(RoiError, likely, folder, image="z.nii.gz")
    assert "values from -50 to 50, said to be in percent" in text and "Check that it is" in text
    nifti(folder / "low.nii.gz", chances[..., 0] // 4)
    text = message(NoRegionError, likely, folder, 60, image="low.nii.gz")
    assert "no voxel reaches 60 (percent); the map's values are 0 to 25" in text


def test_one_map_of_several_must_be_chosen(folder, chances):
    assert "3 map(s), and none is chosen" in message(RoiError, likely, folder)
    text = message(RoiError, likely, folder, volume=3)
    assert "3 map(s), and volume 3 is asked for; expected a volume from 0 to 2" in text
    (folder / "maps.tsv").write_text("index\tname\n1\tV1\n2\tV2\n3\tV3\n")
    text = message(RoiError, likely, folder, label="V2", table="maps.tsv")
    assert "the table has number 3, and the image 3 volume(s), 0 to 2" in text
    assert "counted from 1, every name would stand for its neighbour" in text


def test_a_map_is_interpolated_before_the_threshold_only_when_both_settings_say_so(folder):
    ramp = np.broadcast_to(np.arange(0, 100, 10, dtype=np.float32)[:, None, None], (10, 10, 10))
    nifti(folder / "ramp.nii.gz", np.ascontiguousarray(ramp), np.diag([2.0, 2, 2, 1]))
    shape, affine = (19, 19, 19), np.eye(4)
    grid = {"shape": shape, "affine": affine, "image": "ramp.nii.gz"}
    for rule in ("nearest", "linear"):
        text = message(GridError, likely, folder, 24, interpolation=rule, **grid)
        assert "probability map grid 10×10×10 @ 2 mm, betas 19×19×19 @ 1 mm" in text
    # At x mm the ramp is 5 x; the voxels of the map lie at even x.
    found = likely(folder, 24, interpolation="linear", resample="nearest", **grid)
    np.testing.assert_array_equal(found.inside, np.broadcast_to((np.arange(19) >= 5)[:, None, None], shape))
    assert found.n_voxels_in_mask == 7 * 100 and "resampled linearly" in found.description
    # At x = 7 linear interpolation gives 35, the nearest voxel 30 or 40.
    linear = likely(folder, 32, interpolation="linear", resample="nearest", **grid)
    assert linear.inside[7].all() and not linear.inside[6].any()
    at_seven = [likely(folder, level, resample="nearest", **grid).inside[7].all() for level in (32, 38)]
    assert at_seven in ([True, True], [False, False])


def test_interpolation_leaves_a_turned_map_exact(folder, chances):
    expected = likely(folder, volume=0).inside
    turned, affine = stored_otherwise(chances[..., 0], STRAIGHT, (2, 0, 1), (1, 0, 1))
    nifti(folder / "turned.nii.gz", turned, affine)
    found = likely(folder, image="turned.nii.gz", interpolation="linear", resample="nearest")
    np.testing.assert_array_equal(found.inside, expected)
    assert "resampled" not in found.description


# ------------------------------------------------------------------------------------------ sphere


def sphere(folder, centres, radius, shape=(41, 41, 41), affine=None):
    affine = np.eye(4) if affine is None else affine
    return made(folder, {"sphere": {"centres": centres, "radius": radius}}, shape=shape, affine=affine)


def test_a_sphere_has_its_volume_and_is_symmetric(tmp_path):
    found = sphere(tmp_path, [[20, 20, 20]], 10)
    assert abs(found.inside.sum() / (4 / 3 * np.pi * 10**3) - 1) < 0.02
    assert found.n_voxels_in_mask == found.inside.sum()
    for axis in range(3):
        np.testing.assert_array_equal(np.flip(found.inside, axis), found.inside)
    assert found.inside[30, 20, 20] and not found.inside[31, 20, 20]
    assert found.description == "sphere of 10 mm radius around (20, 20, 20) mm"


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_a_sphere_is_every_voxel_whose_centre_lies_within(tmp_path, affine):
    centre = affine[:3, :3] @ [3.2, 3.4, 2.1] + affine[:3, 3]
    found = sphere(tmp_path, [centre], 5.5, SHAPE, affine)
    voxels = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)
    distance = np.linalg.norm(voxels @ affine[:3, :3].T + affine[:3, 3] - centre, axis=-1)
    np.testing.assert_array_equal(found.inside, distance <= 5.5)


def test_spheres_are_joined_and_counted_before_the_edge(tmp_path):
    alone = [sphere(tmp_path, [[x, 20, 20]], 5) for x in (0, 4)]
    both = sphere(tmp_path, [[0, 20, 20], [4, 20, 20]], 5)
    np.testing.assert_array_equal(both.inside, alone[0].inside | alone[1].inside)
    assert alone[0].n_voxels_in_mask == 515 > alone[0].inside.sum()
    assert both.n_voxels_in_mask < 2 * 515


def test_spheres_beside_the_grid_or_too_small_are_named(tmp_path):
    text = message(RoiError, sphere, tmp_path, [[20, 20, 20], [-60, 20, 20]], 5)
    assert "the sphere of 5 mm around (-60, 20, 20) mm lies outside of the betas' grid" in text
    assert "a centre within x 0 to 40, y 0 to 40, z 0 to 40 mm" in text
    text = message(RoiError, sphere, tmp_path, [[20.5, 20.5, 20.5]], 0.5)
    assert "holds no voxel centre; expected a radius that suits the betas' grid, 41×41×41 @ 1 mm" in text


# -------------------------------------------------------------------------------------- one door


def test_a_subject_may_lack_a_region_only_when_that_is_allowed(tmp_path, atlas):
    one, own = (atlas == 1).astype(np.uint8), "sub-{subject}_roi.nii.gz"
    nifti(tmp_path / "sub-01_roi.nii.gz", one)
    nifti(tmp_path / "sub-03_roi.nii.gz", 0 * one)
    nifti(tmp_path / "all.nii.gz", one)
    definitions = {"A": {"mask": "all.nii.gz"}, "B": {"mask": own}}

    def of(subject, missing, definitions=definitions):
        return regions_of(definitions, subject, tmp_path, Grid(SHAPE, STRAIGHT), missing=missing)

    assert of("01", "error")[0].keys() == {"A", "B"} and of("01", "error")[1] == {}
    text = message(MissingFileError, of, "02", "error")
    assert "ROI 'B' of subject '02'" in text and "set `roi.missing: allow`" in text
    regions, lacking = of("02", "allow")
    assert list(regions) == ["A"]
    assert lacking == {"B": f"there is no '{tmp_path / 'sub-02_roi.nii.gz'}'"}
    assert "a mask without voxels" in message(NoRegionError, of, "03", "error")
    assert "a mask without voxels" in of("03", "allow")[1]["B"]
    # A file that all subjects share is never theirs to lack.
    text = message(MissingFileError, of, "01", "allow", {"A": {"mask": "none.nii.gz"}})
    assert "allow" not in text
    nifti(tmp_path / "all.nii.gz", 0 * one)
    assert "a mask without voxels" in message(NoRegionError, of, "01", "allow")
    assert "there is no rule 'alow'" in message(UnknownNameError, of, "01", "alow")


def test_half_of_the_own_files_is_damage_and_not_lack(folder, atlas):
    nifti(folder / "sub-01.nii.gz", atlas)
    definition = {"atlas": {"image": "sub-{subject}.nii.gz", "table": "sub-{subject}.tsv", "labels": ["V1"]}}
    with pytest.raises(MissingFileError, match=r"sub-01\.tsv"):
        regions_of({"A": definition}, "01", folder, Grid(SHAPE, STRAIGHT), missing="allow")
    regions, lacking = regions_of({"A": definition}, "02", folder, Grid(SHAPE, STRAIGHT), missing="allow")
    assert regions == {} and "sub-02.nii.gz' and no '" in lacking["A"]


def test_a_damaged_own_image_is_never_a_lack(tmp_path):
    (tmp_path / "sub-01.nii.gz").write_bytes(b"nothing")
    with pytest.raises(UnreadableFileError, match="it cannot be read"):
        regions_of(
            {"A": {"mask": "sub-{subject}.nii.gz"}}, "01", tmp_path, Grid(SHAPE, STRAIGHT), missing="allow"
        )


def test_files_of_a_region_are_known_without_opening_them(tmp_path):
    definition = {"atlas": {"image": "sub-{subject}.nii", "table": "t.tsv", "labels": [1]}}
    assert region_files(definition, "01", tmp_path) == [tmp_path / "sub-01.nii", tmp_path / "t.tsv"]
    assert region_files(definition, "01", tmp_path, missing="allow") == []
    assert region_files({"mask": "m.nii"}, "01", tmp_path, missing="allow") == [tmp_path / "m.nii"]
    assert region_files({"sphere": {"centres": [[0, 0, 0]], "radius": 3}}, "01", tmp_path) == []
    assert region_files({"name": "A", "rdms": None, "mask": "m.nii", "atlas": None}, "1", "") != []


def test_a_definition_is_exactly_one(tmp_path):
    text = message(ConfigError, made, tmp_path, {"mask": "m.nii", "sphere": {}})
    assert "ROI 'FFA': it is defined by mask and sphere; expected exactly one of mask, atlas" in text
    assert "it is defined by nothing" in message(ConfigError, made, tmp_path, {"rdms": {}})


@pytest.mark.parametrize("kind", ["mask", "atlas", "probability", "sphere", "fetch"])
def test_voxels_are_no_region_of_a_surface(tmp_path, kind):
    options = {
        "mask": "m.nii",
        "atlas": {"image": "a.nii", "labels": [1]},
        "probability": {"image": "a.nii", "threshold": 1, "unit": "percent"},
        "sphere": {"centres": [[0, 0, 0]], "radius": 3},
        "fetch": {"atlas": "aal", "labels": [1]},
    }[kind]
    text = message(GridError, made, tmp_path, {kind: options}, shape=(20,), affine=None)
    assert f"`{kind}` gives voxels, but the betas lie on a surface of 20 vertices" in text
