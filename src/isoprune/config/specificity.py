"""Settings of specificity: what else ranks features, or is compared with the retained ones."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from isoprune.config.kinds import Block, NoNames, unique


class Specificity(Block):
    """What else ranks features in the same folds, so that a gain can be told to be the target's own."""

    labels: NoNames | None = Field(
        None,
        description="Columns of the stimulus table whose categories rank features as if they were a target (0 between "
        "images of one category, 1 between others): what a mere label already gives. `null` takes the column of "
        "`inference.categories`, or `category` where the table has a usable one; `[]` leaves labels out.",
        examples=[["category", "animate"]],
    )
    others: bool = Field(
        True,
        description="Whether the study's other targets rank features too, under the same supervision.",
    )
    n_relabelled: int = Field(
        5,
        ge=0,
        description="Relabelled targets that rank features in every fold: what selection alone gives. Their mean is "
        "reported; five a fold are 200 over 5 × 8 folds. Time grows in proportion.",
        examples=[5],
    )
    n_variance: int = Field(
        50,
        ge=10,
        description="Random sets in every fold whose features vary as much over images as the retained ones: what "
        "variance alone gives.",
        examples=[50],
    )
    matched: Annotated[
        tuple[Literal["components", "variable", "active"], ...],
        Field(strict=False),
        AfterValidator(unique),
    ] = Field(
        ("components", "variable", "active"),
        description="Competitors of as many features as the retained set of the fold, which know the training images "
        "but no target: `components` (their first principal components), `variable` (the features that vary most over "
        "images), `active` (those of the highest mean activation). They cost little; `[]` leaves them out.",
        examples=[["components"], []],
    )
