"""Settings of the competitors that weigh all features, where pruning keeps some."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from isoprune.config.kinds import Block, idle, unique
from isoprune.errors import ConfigError

Kinds = Annotated[
    tuple[Literal["ridge", "nonnegative", "dissimilarity"], ...], Field(strict=False), AfterValidator(unique)
]
"""Kinds of reweighting, as `isoprune.reweighting.KINDS`."""


class Reweighting(Block):
    """Weights on all features, fitted in the folds of pruning: competitors of the pruned set, see docs/reweighting.md.

    `ridge`: similarity is a weighted sum of products of activations (Peterson, Abbott & Griffiths 2018).
    `nonnegative`: the same with weights of at least 0. `dissimilarity`: dissimilarity is a weighted sum of squared
    differences, weights of at least 0 (Kaniuth & Hebart 2022).
    """

    kinds: Kinds = Field(
        ("ridge", "nonnegative", "dissimilarity"),
        description="Kinds that are fitted to the group's mean RDM. For 92 images and 1280 features each takes one or "
        "two seconds a fold, for 512 features less than one.",
        examples=[["ridge"]],
    )
    kinds_subjects: Kinds = Field(
        ("ridge",),
        description="The same for each single subject (supervision `own` and `loso`). `ridge` fits all subjects in "
        "little more than the time of one; the others take their time again for each subject. `[]` leaves single "
        "subjects out.",
        examples=[["ridge", "dissimilarity"], []],
    )
    penalties: Annotated[
        tuple[Annotated[float, Field(gt=0, strict=False)], ...],
        Field(strict=False, min_length=1),
        AfterValidator(unique),
    ] = Field(
        (1000.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.1),
        description="Penalties of the squared weights that are tried, as multiples of the predictors' total variance "
        "over pairs (dimensionless). Folds inside the training images choose one for each fold. Time grows in "
        "proportion.",
        examples=[[100, 10, 1]],
    )
    n_inner: int = Field(
        5,
        ge=2,
        description="Folds over the training images of a fold that choose the penalty, made by the scheme of "
        "`crossvalidation.folds`. Each needs at least 3 images. Time grows in proportion.",
        examples=[5],
    )

    def problems(self, supervision: tuple[str, ...], networks: bool) -> list[ConfigError]:
        """What is wrong with the block beside the rest of the settings."""
        if not networks:
            remedy = "Add networks, or leave the block out."
            return [ConfigError("reweighting", "the block is there, but no network", "networks", remedy)]
        needed = {"kinds": {"group"}, "kinds_subjects": {"own", "loso"}}
        there = [key for key, of in needed.items() if of & set(supervision)]
        if not any(getattr(self, key) for key in there):
            remedy = "Name kinds there, or leave the block out."
            found = f"no kind for the supervision {', '.join(supervision)}"
            return [ConfigError("reweighting", found, f"kinds in {' or '.join(there)}", remedy)]
        return [
            ConfigError(f"reweighting.{one.where}", one.found, one.expected, one.remedy)
            for key, of in needed.items()
            if key not in there
            for one in idle(self, (key,), f"without the supervision {' or '.join(sorted(of))}")
        ]
