"""Figures of WordNet show what the table and the spaces hold."""

import numpy as np
import pandas as pd

from examples import random_target
from isoprune.figures.wordnet import agreement, dendrograms
from isoprune.synsets import HUMAN, Spaces, WordNet
from isoprune.wordnet_agreement import AGREEMENT_COLUMNS, ALL_IMAGES, HELD_OUT, agreement_table

SYNSETS = sorted(f"thing_{i}.n.01" for i in range(11))
SPACES = Spaces(
    tuple(SYNSETS), {name: random_target(11, i)[None] for i, name in enumerate((HUMAN, "full", "pruned"))}
)


def words(figure):
    figure.canvas.draw()
    panels = figure.axes
    texts = [text.get_text() for panel in panels for text in panel.texts]
    ticks = [tick.get_text() for panel in panels for tick in panel.get_yticklabels()]
    return texts + ticks + [panel.get_xlabel() for panel in panels]


def test_agreement_draws_every_competitor_and_says_the_difference():
    similarities = WordNet({}, SYNSETS, {"path": 1 - random_target(11, 9)})
    tables = [
        agreement_table([SPACES], similarities, n_bootstrap=10, n_permutations=9).assign(scope=scope)
        for scope in (HELD_OUT, ALL_IMAGES)
    ]
    table = pd.concat(tables).assign(network="mine", target="IT", n_images=22, n_without_synset=2)
    said = words(agreement(table))
    assert {"human", "full", "pruned", "path: Spearman's ρ"} <= set(said)
    row = table[(table["scope"] == HELD_OUT) & (table["b"] == "full") & (table["coefficient"] == "spearman")]
    shown = f"pruned − full, path: {row['agreement'].iloc[0]:+.3f}".replace("-", "−")
    assert any(shown in one and "11 synsets of 22 images; 24 images in all" in one for one in said)


def test_a_study_without_synsets_gets_figures_that_say_so():
    empty = pd.DataFrame(columns=list(AGREEMENT_COLUMNS))
    for figure in (agreement(empty), dendrograms({}, [], {})):
        assert figure.texts[0].get_text() == "No target has images of four or more synsets."


def test_trees_join_the_most_alike_first_and_colour_a_synset_alike_everywhere():
    near = np.abs(np.subtract.outer(np.arange(11.0), np.arange(11.0)))
    spaces = Spaces(
        tuple(SYNSETS), {HUMAN: near[None], "full": near[None], "pruned": random_target(11, 3)[None]}
    )
    figure = dendrograms({("mine", "IT"): spaces}, SYNSETS, {"path": -near})
    titles = [panel.get_title(loc="left") for panel in figure.axes]
    assert {"human: IT  ·  mine", "full", "pruned", "WordNet, path"} <= set(titles)
    leaves = [
        {tick.get_text(): tick.get_color() for tick in panel.get_yticklabels()} for panel in figure.axes
    ]
    assert all(one == leaves[0] for one in leaves)
    assert len(leaves[0]) == 11 and len(set(leaves[0].values())) == 6
