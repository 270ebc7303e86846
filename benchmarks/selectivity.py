"""How often targets of noise seem to keep features that tell categories apart: calibration of the pages of features.

    python benchmarks/selectivity.py results/cichy92
    python benchmarks/selectivity.py results/cichy92 --targets 500

Targets of random numbers are pruned in five folds on the embeddings of a study, and what their sets tell of the
categories in its stimulus table is compared with random sets, and with sets of like variance, as the study does it.
Printed is the share of targets above 95 % of random sets, and with p ≤ .05 against sets of like variance (`matched`):
.05 would be right. Written to benchmarks/out/selectivity.json.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from measuring import write

from isoprune.crossvalidation import score_folds
from isoprune.folds import make_folds
from isoprune.foldsets import fold_sets
from isoprune.io.embeddings import read_embedding
from isoprune.io.tables import read_stimuli
from isoprune.labelled import Embedding
from isoprune.pruning import procedure_named
from isoprune.selectivity import held_out_selectivity
from isoprune.stimuli import category_columns, stimuli_with

KINDS = ("random", "matched")
N_RANDOM = 99


def of_noise(embedding: Embedding, stimuli: Path, n_targets: int, seed: int) -> dict[str, dict[str, float]]:
    """Share of targets of noise that stand out, by column and kind of sets."""
    labels = tuple(sorted(embedding.labels))
    values = embedding.subset(labels).values.astype(np.float64)
    columns = category_columns(stimuli_with(read_stimuli(stimuli), labels), None, of_set=False)
    folds = make_folds(labels, n_splits=5, n_repeats=1)
    rng, found = np.random.default_rng(seed), {name: {kind: [] for kind in KINDS} for name in columns}
    for _ in range(n_targets):
        target = np.triu(rng.uniform(size=(len(labels), len(labels))), 1)
        target += target.T
        scores = score_folds(values, target, target, labels, folds, procedure=procedure_named(), n_random=1)
        table = held_out_selectivity(
            values, labels, columns, [fold_sets(scores, labels)], n_random=N_RANDOM, seed=seed
        )
        for row in table.to_dict(orient="records"):
            above = row["epsilon2"] > row["random_high"]
            found[row["column"]]["random"].append(above)
            found[row["column"]]["matched"].append(row["p_matched"] <= 0.05)
    return {column: {kind: float(np.mean(some)) for kind, some in of.items()} for column, of in found.items()}


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
