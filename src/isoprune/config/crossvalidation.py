"""Settings of cross-validation: which images are held out, and how often."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from isoprune.config.kinds import Block, Text, idle, refuse
from isoprune.errors import ConfigError


class CrossValidation(Block):
    """How images are divided into those that select features and those that judge the selection."""

    folds: Literal["random", "stratified", "grouped", "leave-one-group-out"] = Field(
        "random",
        description="Which images are held out together. `random`: any. `stratified`: a like share of each "
        "category, which asks about new images of the same kinds. `grouped`: whole groups, which asks "
        "about new kinds; use it when images have siblings, such as three photos of one fruit, that would "
        "otherwise leak between training and test. `leave-one-group-out`: one group a fold; `n_splits` and "
        "`n_repeats` then have no part.",
    )
    column: Text | None = Field(
        None,
        description="Column of the stimulus table with the categories or groups; required by all `folds` "
        "but `random`, which takes none.",
        examples=["category", "group"],
    )
    n_splits: int = Field(
        5,
        ge=2,
        description="Number of folds. A test fold needs at least 3 images, better 15 or more, because a "
        "correlation over a few pairs is noisy; more folds leave more images for selection. Time grows in "
        "proportion.",
        examples=[5],
    )
    n_repeats: int = Field(
        8,
        ge=1,
        description="How often the images are divided anew. Scores are means over repeats, so more repeats "
        "make them depend less on one division; 8 is enough for most studies, 1 to 4 will do for a first "
        "look. Time grows in proportion.",
        examples=[8, 4],
    )
    n_random: int = Field(
        200,
        ge=50,
        description="Random feature sets of the retained size that are scored in every fold, as what "
        "pruning has to beat. 200 is the fewest among which a rank is worth reporting; 50 will do for a first look. "
        "About half the time of a unit without relabellings. This is for the group's mean RDM.",
        examples=[50, 200],
    )
    n_random_subjects: int = Field(
        50,
        ge=50,
        description="The same for each single subject (supervision `own` and `loso`), where only their mean counts.",
        examples=[50],
    )

    @model_validator(mode="after")
    def _column_is_given_where_used(self) -> CrossValidation:
        if self.folds == "random":
            refuse(idle(self, ("column",), "on random folds; did you mean to set `folds`?"))
        elif self.column is None:
            remedy = "Name the column, for example `column: category`."
            refuse(
                [
                    ConfigError(
                        "column", f"it is missing, but folds are {self.folds}", "a column's name", remedy
                    )
                ]
            )
        return self
