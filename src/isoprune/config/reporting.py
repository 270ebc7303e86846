"""Settings of what is said about the retained features beside their scores: WordNet, and the report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from isoprune.config.kinds import Block, FilePath, Text, unique


class WordNet(Block):
    """Agreement of the full, the pruned and the human space with WordNet.

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


class Report(Block):
    """What the report shows."""

    stimuli: bool = Field(
        True,
        description="Whether the report shows the images. Write `false` where they may not be passed on, or should not "
        "be seen by whoever reads the report: labels stand in their place.",
        examples=[False],
    )
