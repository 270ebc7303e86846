"""Masks and data of one brain whose voxels are stored in opposite order along x."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from isoprune.extraction import patterns_from_files
from isoprune.io.masks import read_mask_on_grid
from isoprune.labelled import Patterns
from isoprune.quality import intersubject_table, pattern_reliability
from isoprune.rdms import group_mean, rdm_from_patterns

DATA = Path(__file__).parents[2] / "../shared/data/ak6"
SUBJECTS = tuple(f"s{number:02d}" for number in range(1, 7))
SPECIES = ("monkey", "lemur", "mallard", "warbler", "ladybug", "moth")

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real data are not at {DATA}")


@pytest.mark.parametrize("subject", ["s01", "s06"])
def test_the_mask_covers_the_data_in_the_world_and_not_by_index(subject):
    image = nibabel.load(DATA / subject / "glm_T_stats_odd.nii.gz")
    measured = (np.asanyarray(image.dataobj) != 0).any(axis=3)
    path = DATA / subject / "brain_mask.nii.gz"
    inside, n_in_mask = read_mask_on_grid(path, image.shape[:3], image.affine)
    by_index = np.asanyarray(nibabel.load(path).dataobj) != 0
    assert n_in_mask == inside.sum() == by_index.sum()
    assert measured[inside].all()
    assert measured[by_index].mean() < 0.99


def test_all_regions_of_a_subject(tmp_path):
    table = tmp_path / "conditions.tsv"
    table.write_text("condition\n" + "\n".join(SPECIES) + "\n")
    folder = DATA / "s01"
    runs = [(folder / f"glm_T_stats_{half}.nii.gz", table) for half in ("odd", "even")]
    masks = {roi: folder / f"{roi}_mask.nii.gz" for roi in ("vt", "ev")}
    patterns = patterns_from_files(runs, masks, labels=SPECIES, subject="s01")
    assert {roi: found.counts["n_voxels_in_mask"] for roi, found in patterns.items()} == {
        "vt": 400,
        "ev": 300,
    }
    # Some voxels of the masks lie outside of the brain, where every volume is zero: not data.
    assert {roi: found.counts["n_dropped_constant"] for roi, found in patterns.items()} == {"vt": 16, "ev": 2}
    assert patterns["vt"].values.shape == (12, 384)
    image, mask = nibabel.load(runs[0][0]), nibabel.load(masks["vt"])
    to_voxels = np.linalg.inv(image.affine) @ mask.affine
    voxels = nibabel.affines.apply_affine(to_voxels, np.argwhere(mask.get_fdata())).round().astype(int)
    expected = image.get_fdata()[tuple(voxels.T)].T
    expected = expected[:, (expected != 0).any(axis=0)]
    np.testing.assert_array_equal(np.sort(patterns["vt"].values[:6], axis=1), np.sort(expected, axis=1))
    rdm = rdm_from_patterns(patterns["vt"], SPECIES, target="vt", subject="s01", provenance={})
    assert rdm.labels == SPECIES
    # Two primates are more alike in ventral temporal cortex than a primate and an insect.
    assert rdm.values[0, 1] < rdm.values[0, 4]


@pytest.fixture(scope="module")
def vt(tmp_path_factory):
    """Patterns of every subject in vt: by place in the world, and by voxel index as the trap has it."""
    table = tmp_path_factory.mktemp("ak6") / "conditions.tsv"
    table.write_text("condition\n" + "\n".join(SPECIES) + "\n")
    world, index = {}, {}
    for subject in SUBJECTS:
        folder = DATA / subject
        halves = [folder / f"glm_T_stats_{half}.nii.gz" for half in ("odd", "even")]
        files = [(half, table) for half in halves]
        settings = {"labels": SPECIES, "subject": subject}
        world[subject] = patterns_from_files(files, {"vt": folder / "vt_mask.nii.gz"}, **settings)["vt"]
        by_index = np.asarray(nibabel.load(folder / "vt_mask.nii.gz").dataobj) != 0
        values = [np.moveaxis(nibabel.load(half).get_fdata(), 3, 0)[:, by_index] for half in halves]
        stored = np.concatenate(values)
        measured = np.ptp(values[0], axis=0) * np.ptp(values[1], axis=0) > 0
        index[subject] = Patterns(stored[:, measured], SPECIES * 2, ("odd",) * 6 + ("even",) * 6)
    return world, index


def test_patterns_are_more_reliable_in_the_world_than_by_index_in_every_subject(vt):
    found = {
        subject: [
            pattern_reliability(patterns[subject], run_centre=True)[0]["pattern_reliability"]
            for patterns in vt
        ]
        for subject in SUBJECTS
    }
    for subject, (world, index) in found.items():
        print(f"{subject}: odd-even pattern reliability in vt {world:.3f} in the world, {index:.3f} by index")
    means = np.mean(list(found.values()), axis=0)
    print(f"mean: {means[0]:.3f} in the world, {means[1]:.3f} by index")
    assert all(world > index for world, index in found.values())


@pytest.mark.parametrize("run_centre", [False, True])
def test_the_group_rdm_of_vt_has_three_classes(vt, run_centre):
    rdms = [
        rdm_from_patterns(
            vt[0][subject], SPECIES, target="vt", subject=subject, provenance={}, run_centre=run_centre
        )
        for subject in SUBJECTS
    ]
    classes = np.repeat(["primate", "bird", "insect"], 2)
    pairs = np.triu_indices(6, 1)
    r = np.corrcoef(group_mean(rdms, "vt").values[pairs], (classes[:, None] != classes)[pairs])[0, 1]
    others = intersubject_table(rdms)["r"]
    print(
        f"run_centre {run_centre}: group RDM with classes r = {r:.3f}; subjects with others {others.mean():.3f}"
    )
    assert r > 0.5
    assert others.mean() > 0.5
