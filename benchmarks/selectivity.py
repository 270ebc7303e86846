"""How often targets of noise seem to keep features that tell categories apart: calibration of the pages of features.

    python benchmarks/selectivity.py results/cichy92
    python benchmarks/selectivity.py results/cichy92 --targets 500

Targets of random numbers are pruned in five folds on the embeddings of a study, and what their sets tell of the
categories in its stimulus table is compared with random sets, and with the sets of relabelled targets, as the study
does it. Printed is the share of targets above 95 % of random sets, and with p ≤ .05 against relabelled targets: .05
would be right. Written to benchmarks/out/selectivity.json.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from measuring import write

from isoprune.folds import make_folds
from isoprune.foldsets import FoldSets
from isoprune.io.embeddings import read_embedding
from isoprune.io.tables import read_stimuli
from isoprune.labelled import Embedding
from isoprune.permutation import unit_nulls
from isoprune.pruning import available_threads, procedure_named
from isoprune.relabelled_sets import RelabelledSets
from isoprune.relabelling import relabellings
from isoprune.selectivity import held_out_selectivity
from isoprune.stimuli import category_columns, stimuli_with

KINDS = ("random", "relabelled")
N_RANDOM, N_SPLITS = 99, 5
N_RELABELLED = 39  # p ≤ .05 is then as exact as with more


def of_noise(embedding: Embedding, stimuli: Path, n_targets: int, seed: int) -> dict[str, dict[str, float]]:
    """Share of targets of noise that stand out, by column and kind of sets."""
    labels = tuple(sorted(embedding.labels))
    values = embedding.subset(labels).values.astype(np.float64)
    columns = category_columns(stimuli_with(read_stimuli(stimuli), labels), None, of_set=False)
    folds = make_folds(labels, n_splits=N_SPLITS, n_repeats=1)
    drawn = relabellings(labels, N_RELABELLED, seed=seed)
    rng, found = np.random.default_rng(seed), {name: {kind: [] for kind in KINDS} for name in columns}
    for _ in range(n_targets):
        target = np.triu(rng.uniform(size=(len(labels), len(labels))), 1)
        target += target.T
        (null,) = unit_nulls(
            *(values, target, target, labels, folds),
            procedure=procedure_named(),
            n_rules=("max",),
            relabellings=drawn,
            seed=seed,
            n_sets=N_RELABELLED,
            threads=available_threads(),
        )
        table = held_out_selectivity(
            values, labels, columns, [own_sets(null.sets)], [null.sets], n_random=N_RANDOM, seed=seed
        )
        for row in table.to_dict(orient="records"):
            above = row["epsilon2"] > row["random_high"]
            found[row["column"]]["random"].append(above)
            found[row["column"]]["relabelled"].append(row["p_relabelled"] <= 0.05)
    return {column: {kind: float(np.mean(some)) for kind, some in of.items()} for column, of in found.items()}


def own_sets(sets: RelabelledSets) -> FoldSets:
    """Those of the target as it is."""
    n_folds = len(sets.held_out)
    retained = tuple(np.flatnonzero(sets.of_fold(fold)[0]) for fold in range(n_folds))
    ones, folds = np.ones(n_folds, dtype=int), np.arange(1, n_folds + 1)
    return FoldSets(sets.labels, ones, folds, retained, sets.held_out, sets.held_out)


def main() -> None:
    """Measure every embedding of the study, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--targets", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = {}
    for path in sorted((options.results / "embeddings").glob("net-*_embedding.h5")):
        embedding = read_embedding(path)
        found[embedding.name] = of_noise(
            embedding, options.results / "stimuli.tsv", options.targets, options.seed
        )
        for column, shares in found[embedding.name].items():
            words = "  ".join(f"{kind}: {share:.3f}" for kind, share in shares.items())
            print(f"{embedding.name:12s} {column:12s} {words}", flush=True)
    write("selectivity", {"targets": options.targets, "seed": options.seed, "shares": found})


if __name__ == "__main__":
    main()
