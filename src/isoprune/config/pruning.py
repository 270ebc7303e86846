"""Settings of pruning: how features are ranked, and how many are retained."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from isoprune.config.kinds import Block
from isoprune.pruning.number import check_n_rule

NumberOfFeatures = Annotated[
    Literal["max", "one-se"] | int | float, AfterValidator(partial(check_n_rule, where=""))
]
"""How many of the ranked features are retained."""


class Pruning(Block):
    """How features are ranked and how many are retained."""

    criterion: Literal["pearson", "spearman", "published", "published-spearman"] = Field(
        "pearson",
        description="Fit of network RDM and target RDM that ranks features and chooses their number. "
        "`pearson`: signed correlation. `spearman`: the same on ranks, for targets whose values are only "
        "ordinal; slower, because ranks are made anew for every feature. `published`: exactly the "
        "procedure of Tarigopula et al. (2023), with squared Pearson correlation and the full set never a "
        "candidate. `published-spearman`: their ranking with a Spearman curve. Change it to reproduce the "
        "paper.",
    )
    measure: Literal["correlation", "cosine", "euclidean"] = Field(
        "correlation",
        description="Dissimilarity of two images in the network. `correlation` is 1 − Pearson r over features, as in "
        "the published analysis. `cosine` is 1 − cosine, for features whose zero means something. `euclidean` is the "
        "squared distance, in which features count by their variance.",
    )
    method: Literal["one-pass", "greedy"] = Field(
        "one-pass",
        description="How features are ranked. `one-pass`: once, by what is lost without each, as published. `greedy`: "
        "again after every removal, so that of several features that say the same one is left. `greedy` takes "
        "n_features / 2 times as long: minutes for 500 features and one target, without relabellings; set "
        "`inference.n_permutations` to 0 or small with it.",
    )
    n_rule: NumberOfFeatures = Field(
        "max",
        description="How many of the ranked features are retained; the curve over the training images alone decides. "
        "`max`: up to its first maximum, as published. `one-se`: the first prefix within one standard error of the "
        "maximum (jackknife over training images), for smaller sets that serve nearly as well. A whole number: so many "
        "features. A share between 0 and 1: that share of them. Change it to see how much depends on the number, "
        "which a flat curve leaves open.",
        examples=["max", "one-se", 100, 0.25],
    )
    backend: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="What computes. `auto` takes a CUDA device where there is one, else the processor. `cuda` stops "
        "where there is none. Scores agree within 1e-10; what ran is recorded with the results.",
    )
    partial: bool = Field(
        False,
        description="Whether the RDMs of `nuisance` are removed before features are ranked and their number is chosen, "
        "so that features are retained for what they share with the target beyond the nuisances. Scores are given "
        "with and without nuisances in either case.",
    )
