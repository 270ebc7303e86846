"""Published noise ceilings of the 92 images."""

import numpy as np
import pytest

from isoprune.ceilings import subject_ceilings
from isoprune.labelled import RDM


@pytest.mark.parametrize(("roi", "published"), [("EVC", 0.1589), ("IT", 0.3075)])
def test_published_ceilings_are_reproduced(data_dir, roi, published):
    # Algonauts 2019: mean over subjects of the squared Spearman correlation with the plain mean of all 15.
    stack = np.load(data_dir / "cichy92" / f"fmri_{roi}_RDMs.npz", allow_pickle=False)["Net_RDM"]
    labels = tuple(f"image_{i:02}" for i in range(1, 93))
    rdms = {f"{i:02}": RDM(values, labels, roi, f"{i:02}") for i, values in enumerate(stack, start=1)}
    table = subject_ceilings(rdms, coefficient="spearman", pooling="plain")
    assert np.square(table["upper"]).mean() == pytest.approx(published, abs=0.0001)
