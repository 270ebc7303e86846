"""Settings of inference: how results are tested, and how uncertain they are."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from isoprune.config.kinds import Block, Text
from isoprune.labelled import GROUP


class Inference(Block):
    """How results are tested, and how uncertain they are."""

    n_permutations: int = Field(
        1000,
        ge=0,
        description="Relabellings of the images behind the p of the group's mean RDM. Each runs the whole procedure: "
        "ranking, number of features and held-out score. p cannot be smaller than 1 / (n_permutations + 1); 1000 is "
        "enough for p < .01 over tens of targets. Time grows in proportion. 0 leaves p out.",
        examples=[1000, 10000],
    )
    n_permutations_subjects: int = Field(
        200,
        ge=0,
        description="The same for each single subject (supervision `own` and `loso`), of which there are many more. "
        "200 gives p ≥ .005.",
        examples=[200, 1000],
    )
    n_repeats: int = Field(
        1,
        ge=1,
        description="Repeats of the folds that the tested statistic is the mean over, for the target as it is and for "
        "every relabelled one. More make the test more powerful, and take time in proportion. The reported estimate "
        "is always the mean over all repeats of `crossvalidation`.",
        examples=[1, 2],
    )
    categories: Text | None = Field(
        None,
        description="Column of the stimulus table with the categories of the images. Scores are then also given "
        "within categories, and a second p exchanges images within their category only, which asks for more than the "
        "categories. `null` takes the column `category` where the table has a usable one.",
        examples=["category"],
    )
    exchange: Literal["images", "within"] = Field(
        "images",
        description="Which of the two p the columns `p`, `p_fwe` and `q` are about: any images exchanged (`images`), "
        "or images of a category only (`within`). Decide before the run.",
    )
    n_bootstrap: int = Field(
        10000,
        ge=100,
        description="Resamples of subjects behind each 95 % interval. 10000 keeps the interval's ends "
        "stable to about a hundredth of its width and costs little; 1000 will do for a first look.",
        examples=[10000],
    )
    n_bootstrap_images: int = Field(
        1000,
        ge=100,
        description="Resamples of images behind each 95 % interval over images, and over subjects and images. "
        "Memory and time grow in proportion.",
        examples=[1000],
    )

    def relabellings(self, subject: str) -> int:
        """Relabellings of the units of a subject, or of the group's mean RDM."""
        return self.n_permutations if subject == GROUP else self.n_permutations_subjects
