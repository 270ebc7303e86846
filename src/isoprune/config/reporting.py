"""Settings of what is said about the retained features beside their scores: what they look at, WordNet, the report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from isoprune.config.kinds import Block, FilePath, Text, unique


class WordNet(Block):
    """Agreement of the full, the pruned, the weighed and the human space with WordNet.

    Needs the supervision `group`, and a synset for the images that are to be compared; the others are left out.
    WordNet is read with NLTK: `python -m nltk.downloader wordnet` gets it.
    """

    column: Text = Field(
        "synset",
        description="Column of the stimulus table with the WordNet 3.0 synset of what an image shows, as `dog.n.01` or "
        "as ImageNet's number `n02084071`; empty where there is none.",
        examples=["synset"],
    )
    measures: Annotated[
        tuple[Literal["path", "wu-palmer", "leacock-chodorow"], ...],
        Field(strict=False, min_length=1),
        AfterValidator(unique),
    ] = Field(
        ("path", "wu-palmer", "leacock-chodorow"),
        description="Measures of similarity in WordNet: `path` (the shortest path between two synsets), `wu-palmer` "
        "(depth of what they have in common), `leacock-chodorow` (the path on a logarithmic scale, which orders pairs "
        "as `path` does). The last one costs some seconds more.",
        examples=[["path", "wu-palmer"]],
    )
    data: FilePath | None = Field(
        None,
        description="Folder of NLTK's data that holds `corpora/wordnet`, relative to where the workflow is started; "
        "`null` searches the folders that NLTK knows, such as `~/nltk_data`.",
        examples=["nltk_data"],
    )


class Features(Block):
    """What the retained features look at: a page for each network and target, with the features that the target keeps
    most steadily, the images that drive them, the categories they tell apart, and who else keeps them.

    Kinds of things in WordNet are tested as well where the block `wordnet` is there.
    """

    shown: int = Field(
        12,
        ge=1,
        description="Features on a page: those that most folds retain, and among equals most folds of single subjects. "
        "A page grows by about a quarter of a screen for each.",
        examples=[12, 40],
    )
    private: int = Field(
        4,
        ge=0,
        description="Features on a page beyond these that only this target keeps: those that most of its folds retain.",
        examples=[4],
    )
    images: int = Field(
        8,
        ge=1,
        description="Images that drive a feature most, and as many that drive it least. The former are also those "
        "among which kinds of things in WordNet are counted.",
        examples=[8, 12],
    )
    columns: Annotated[tuple[Text, ...], Field(strict=False), AfterValidator(unique)] | None = Field(
        None,
        description="Columns of the stimulus table whose categories features may tell apart. `null`: all columns that "
        "sort the images into two or more categories of at least three. p is corrected over all of them, so that fewer "
        "make it more powerful; decide before the run. `[]` tests none.",
        examples=[["category", "animate"]],
    )
    n_permutations: int = Field(
        999,
        ge=0,
        description="Relabellings of the images behind each p, and random sets of features that retained ones are "
        "compared with. Seconds for each network and target. 0 leaves p out.",
        examples=[999],
    )


class Report(Block):
    """What the report shows."""

    stimuli: bool = Field(
        True,
        description="Whether the report shows the images: all of them, beside features, below maps. Write `false` "
        "where they may not be passed on, or should not be seen by whoever reads the report: labels stand in their "
        "place.",
        examples=[False],
    )
