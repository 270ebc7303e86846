"""Sentences about accuracy hold the numbers of the table, and claim nothing that it does not show."""

import pandas as pd
import pytest

from isoprune.accuracy_findings import accuracy_findings
from isoprune.figures import findings_page


def row(a, top1, b=None, *, scaled_by="kept", p=None, rescaled=True, n_sets=1):
    ends = {"top1_low": top1 - 0.02, "top1_high": top1 + 0.02, "top1_p": p, "top5": top1 + 0.1}
    about = {"network": "net", "target": "IT", "images": "all classes", "final": True, "number": 400}
    about |= {"n_features": 1280, "n_images": 1000, "n_sets": n_sets, "rescaled": rescaled}
    return {**about, "a": a, "b": b, "scaled_by": scaled_by, "top1": top1, **ends}


def table(p):
    return pd.DataFrame(
        [
            row("full", 0.784),
            row("pruned", 0.631),
            row("pruned", 0.6, rescaled=False),
            row("random", 0.642, n_sets=20),
            row("variance", 0.638, n_sets=20),
            row("ridge", 0.5, scaled_by="root"),
            row("pruned", -0.153, "full", p=0.0001),
            row("pruned", -0.011, "random", p=p, n_sets=20),
            row("pruned", -0.007, "variance", p=p, n_sets=20),
            row("pruned", 0.131, "ridge", scaled_by="root", p=0.0001),
        ]
    )


@pytest.mark.parametrize(
    ("p", "than"),
    [
        (0.6, "That is not shown to be more than what random sets of this size leave (64 %; p = 0.60"),
        (0.02, "That is more than random sets of this size leave (64 %; p = 0.020"),
    ],
)
def test_the_verdict_says_more_than_random_sets_only_where_that_was_found(p, than):
    (found,) = accuracy_findings(table(p))
    assert than in found.verdict and (found.network, found.target) == ("net", "IT")
    assert (
        "With 400 of 1280 features the network names 63 % of 1000 images, with all of them 78 %."
        in found.verdict
    )


def test_beside_it_stands_what_other_ways_leave():
    (found,) = accuracy_findings(table(0.6))
    for part in (
        "random sets leave 0.642 [0.622, 0.662], those of matched variance 0.638 [0.618, 0.658] (5 to 95 % of 20 sets)",
        "ridge, units × √w (400 features): 0.500; pruned − ridge: +0.131 [+0.111, +0.151], p < 0.001",
        "without rescaling the layer to the intact mean norm, the pruned set leaves 0.600",
        "the class is right with the pruned set for 0.731, with all features for 0.884",
    ):
        assert any(part in one for one in found.others)
    page = findings_page("mine", [], accuracy=[found])
    assert "<h2>Classification accuracy that is left</h2>" in page and "IT  ·  net" in page
