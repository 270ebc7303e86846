"""Masks and data of one brain whose voxels are stored in opposite order along x."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from isoprune.io.masks import read_mask_on_grid
from isoprune.patterns import extract_patterns
from isoprune.rdms import rdm_from_patterns

DATA = Path(__file__).parents[2] / "../shared/data/ak6"
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
    patterns = extract_patterns(runs, masks, labels=SPECIES, subject="s01")
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
