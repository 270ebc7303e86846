"""Settings of the classification accuracy that pruned and reweighted networks retain."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from isoprune.classification.images import class_numbers
from isoprune.config.kinds import Block, Choice, FilePath, Name, unique
from isoprune.config.needs import lacking_models, lacking_sets
from isoprune.errors import ConfigError


def _numbers(given: Any) -> Any:
    """How many numbers of features, or which; the command line hands numbers over as text."""
    several = isinstance(given, list | tuple)
    read: list[Any] = [
        int(one) if isinstance(one, str) and one.isdigit() else one for one in (given if several else [given])
    ]
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in read)
    if read and whole and min(read) >= (1 if several else 2):
        return unique(tuple(read)) if several else read[0]
    expected = "how many numbers of features, 2 or more, or a list of numbers from 1 on"
    raise ConfigError(
        "", f"found {given!r}", expected, "For example `numbers: 10`, or `numbers: [1, 10, 100]`."
    )


def _classes(given: tuple[int | str, ...]) -> tuple[int | str, ...]:
    class_numbers([str(one) for one in given], where="")
    return given


Numbers = Annotated[int | tuple[int, ...], BeforeValidator(_numbers)]


class Domain(Block):
    """The classes that a target's images are of."""

    target: Name = Field(description="Name of the target.", examples=["animals"])
    classes: Annotated[
        tuple[int | str, ...],
        Field(strict=False, min_length=1),
        AfterValidator(unique),
        AfterValidator(_classes),
    ] = Field(
        description="Classes of ImageNet, by WordNet's number (`n01440764`), by their place in the network's output, "
        "or as a range of places in quotes.",
        examples=[["0-397"], ["n07742313", 950]],
    )


class Accuracy(Block):
    """Classification accuracy that is left when only the retained features of a layer are kept, or features reweighted.

    Labelled images pass through the network once, up to the layer; then the rest of the network runs on all features,
    on the first ranked, on random ones, and on reweighted ones. Needs the supervision `group` and a network with a
    `model`, after whose layer the classifier follows. See docs/accuracy.md.
    """

    images: FilePath = Field(
        description="Folder of labelled images, relative to `data_dir`: folders or files whose names begin with "
        "ImageNet's number of the class (`n01440764`) or with its place in the network's output (`0/`, `0_…`). They "
        "need not be the study's images; ImageNet's validation images are the usual choice.",
        examples=["imagenet/val"],
    )
    labels: FilePath | None = Field(
        None,
        description="Table with columns `file` (below the folder of images) and `class`, relative to `data_dir`, for "
        "images whose names say no class; `null` reads the names.",
        examples=["imagenet/val.tsv"],
    )
    networks: Choice = Field(
        None,
        description="Names of the networks, each with a `model`; `null` means all of them.",
        examples=[["mobilenetv2"]],
    )
    numbers: Numbers = Field(
        10,
        description="Numbers of features that accuracy is computed for: how many of them, evenly on a logarithmic "
        "scale from 1 to all, or a list. The retained number is always among them. Time grows in proportion.",
        examples=[10, [1, 10, 100, 1000]],
    )
    n_random: int = Field(
        20,
        ge=2,
        description="Random sets of every number of features, and as many whose features vary as much as the first "
        "ranked. Time grows in proportion: of a layer that feeds a Linear module each costs some hundredths of a "
        "second for a thousand images, of one that feeds a convolution seconds.",
        examples=[20, 200],
    )
    domains: Annotated[tuple[Domain, ...], Field(strict=False)] = Field(
        (),
        description="Classes of a target's domain, for instance animals: accuracy is then also given over the images "
        "of these classes alone (still told apart from all others).",
        examples=[[{"target": "animals", "classes": ["0-397"]}]],
    )
    batch_size: int = Field(
        64,
        ge=1,
        description="Labelled images at once. Larger ones suit GPUs and take memory in proportion.",
        examples=[64, 512],
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where labelled images pass through the network; as `embedding.device`."
    )

    def problems(self, models: tuple[str, ...], supervision: tuple[str, ...]) -> list[ConfigError]:
        """What the rest of the study lacks.

        Parameters
        ----------
        models : tuple of str
            Networks with a `model`.
        supervision : tuple of str
        """
        return [
            *lacking_models(
                "accuracy",
                self.networks,
                models,
                expected="networks whose classifier can run",
                purpose="classify images",
            ),
            *lacking_sets(
                "accuracy",
                ("group",),
                supervision,
                expected="sets whose accuracy is computed",
                otherwise=", or remove the block",
            ),
        ]

    def classes_of(self, target: str) -> list[int] | None:
        """Places of the classes of a target's domain, if it has one."""
        found = [str(one) for domain in self.domains if domain.target == target for one in domain.classes]
        return class_numbers(found, where="accuracy.domains").tolist() if found else None
