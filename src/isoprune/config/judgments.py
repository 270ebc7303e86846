"""Settings of single judgments: ratings of pairs, and odd-one-out choices."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from isoprune.config.kinds import Block, FilePath, Text, refuse, repeated
from isoprune.errors import ConfigError

_RATER = (
    "Column with the label of who answered; `null` takes the column `rater` if there is one. Without raters every row "
    "counts as a person of its own, and no reliability can be given."
)
_REPEATS = (
    "What becomes of different answers of one rater to the same question: `refuse` stops with the two rows, since they "
    "are usually an error of copying; `average` is for designs that ask twice."
)
Repeats = Literal["refuse", "average"]


class _Columns(Block):
    @model_validator(mode="after")
    def _differ(self) -> _Columns:
        twice = repeated(name for name in self.model_dump().values() if name is not None)
        refuse(
            ConfigError("", f"the column '{name}' is named twice", "different columns", "Correct the names.")
            for name in twice
        )
        return self


class RatingColumns(_Columns):
    """Which column of a table of ratings holds what."""

    first: Text = Field(
        "stimulus_1", description="Column with the label of one image of the pair.", examples=["left"]
    )
    second: Text = Field(
        "stimulus_2",
        description="Column with the label of the other; their order is free.",
        examples=["right"],
    )
    rating: Text = Field("rating", description="Column with the rating, a number.", examples=["response"])
    rater: Text | None = Field(None, description=_RATER, examples=["participant"])


class TripletColumns(_Columns):
    """Which column of a table of odd-one-out choices holds what."""

    first: Text = Field(
        "stimulus_1", description="Column with the label of one image of the triplet.", examples=["left"]
    )
    second: Text = Field("stimulus_2", description="Column with the label of another.", examples=["right"])
    third: Text = Field(
        "stimulus_3",
        description="Column with the label of the third; their order is free.",
        examples=["third"],
    )
    odd: Text = Field("odd", description="Column with the label of the odd one.", examples=["choice"])
    rater: Text | None = Field(None, description=_RATER, examples=["participant"])


class Ratings(Block):
    """Ratings of how alike, or how different, two images are: a table with a row a rating.

    Ratings become dissimilarities from 0 to 1 by their place on the scale.
    """

    file: FilePath = Field(
        description="Table of all ratings, relative to `data_dir`: tab-separated, or comma-separated if the name ends "
        "in `.csv`.",
        examples=["ratings.tsv"],
    )
    scale: Annotated[tuple[float, float], Field(strict=False)] = Field(
        description="Lowest and highest rating that could be given. A rating outside stops the run with its row.",
        examples=[[1, 7]],
    )
    similarity: bool = Field(
        description="Whether high ratings mean *alike* (`true`) or *different* (`false`). The wrong answer reverses "
        "the sign of every result.",
    )
    columns: RatingColumns = Field(RatingColumns(), description="Names of the table's columns.")
    repeats: Repeats = Field("refuse", description=_REPEATS)
    min_judgments: int = Field(
        1,
        ge=1,
        description="Raters that every pair needs where raters are pooled. Raise it to be stopped, with the pairs "
        "named, when some pairs rest on too few people.",
        examples=[5],
    )

    @model_validator(mode="after")
    def _scale_rises(self) -> Ratings:
        low, high = self.scale
        if low >= high:
            found, remedy = f"[{low:g}, {high:g}]", "Write the lowest first; `similarity` says what it means."
            refuse([ConfigError("scale", found, "two numbers, the lower one first", remedy)])
        return self


class Triplets(Block):
    """Odd-one-out choices among three images: a table with a row a choice.

    The similarity of two images is the share of the triplets with both in which the third was the odd one.
    """

    file: FilePath = Field(
        description="Table of all choices, relative to `data_dir`: tab-separated, or comma-separated if the name ends "
        "in `.csv`.",
        examples=["triplets.tsv"],
    )
    columns: TripletColumns = Field(TripletColumns(), description="Names of the table's columns.")
    repeats: Repeats = Field("refuse", description=_REPEATS)
    min_judgments: int = Field(
        1,
        ge=1,
        description="Triplets that every pair of images needs. The similarity of a pair that was seen in n triplets "
        "has a standard error of up to 0.5 / √n.",
        examples=[10],
    )
