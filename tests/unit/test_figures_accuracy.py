"""The figure of accuracy draws every competitor, and says how far the final set is from the others."""

import itertools

import pandas as pd

from isoprune.figures.accuracy import accuracy_curves

SETS = {"pruned": "kept", "random": "kept", "variance": "kept"}


def table():
    rows = []
    for target, rescaled in itertools.product(("animals", "fruits"), (False, True)):
        about = {
            "network": "net",
            "target": target,
            "images": "all classes",
            "rescaled": rescaled,
            "n_sets": 1,
        }
        about |= {"top1_low": 0.1, "top1_high": 0.3, "top5_low": 0.3, "top5_high": 0.5, "b": None}
        values = {"top1": 0.2, "top5": 0.4, "scaled_by": "kept"}
        rows.append({**about, **values, "a": "full", "number": 100, "final": True, "top1": 0.5})
        for number, name in itertools.product((1, 10, 100), SETS):
            sets = {"n_sets": 1 if name == "pruned" else 5, "final": number == 10}
            rows.append({**about, **values, "a": name, "number": number, **sets, "top1": number / 400})
        for number, how in itertools.product((1, 100), ("root", "weight")):
            own = {"a": "ridge", "number": number, "final": number == 100, "scaled_by": how}
            rows.append({**about, **values, **own})
        difference = {
            "a": "pruned",
            "b": "full",
            "number": 10,
            "final": True,
            "top1": -0.475,
            "top1_low": -0.5,
        }
        rows.append({**about, **values, **difference})
    return pd.DataFrame(rows)


def test_a_panel_draws_every_competitor_and_the_final_ones():
    figure = accuracy_curves(table())
    assert len(figure.axes) == 8
    panel = figure.axes[0]
    assert (
        panel.get_title(loc="left") == "animals  ·  net\nlayer of the intact norm"
        and panel.get_ylabel() == "first guess right"
    )
    lines = {
        (line.get_gid(), line.get_linestyle()): line for line in panel.lines if line.get_gid() != "final"
    }
    assert set(lines) - {(None, "-")} >= {("pruned", "-"), ("random", "-"), ("ridge", "-"), ("ridge", "--")}
    assert list(lines["pruned", "-"].get_xdata()) == [1, 10, 100]
    assert list(lines["pruned", "-"].get_ydata()) == [1 / 400, 10 / 400, 100 / 400]
    finals = [tuple(line.get_xydata()[0]) for line in panel.lines if line.get_gid() == "final"]
    assert (10, 10 / 400) in finals and len(finals) == 3  # the set, and weights by either scale
    assert "pruned (10) − full: −0.475 [−0.500, +0.300]" in panel.get_xlabel()
    key = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "ridge, units × √w" in key and "ridge, units × w" in key and "full: the intact network" in key
