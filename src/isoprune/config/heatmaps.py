"""Settings of occlusion maps: which parts of an image carry the isomorphism; off unless the block is there."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from isoprune.config.kinds import Block, Choice, Names, idle, refuse, unique
from isoprune.config.needs import lacking_models, lacking_sets
from isoprune.errors import ConfigError

PUBLISHED_SIZES = tuple(range(24, 57, 4))


def _images(given: Any) -> Any:
    """A number, ``all`` or labels; the command line hands numbers over as text."""
    if isinstance(given, str) and given.isdigit():
        given = int(given)
    if isinstance(given, list | tuple) and given and all(isinstance(label, str) and label for label in given):
        return unique(tuple(given))
    if given == "all" or (isinstance(given, int) and not isinstance(given, bool) and given >= 1):
        return given
    expected = "a number from 1 on, `all`, or a list of labels in quotes"
    raise ConfigError(
        "", f"found {given!r}", expected, 'For example `images: 12`, or `images: ["image_01"]`.'
    )


def _numbers(given: Any) -> Any:
    """A list whose entries are numbers, also where the command line hands them over as text."""
    if isinstance(given, list | tuple):
        return tuple(int(one) if isinstance(one, str) and one.isdigit() else one for one in given)
    return given


Images = Annotated[int | str | tuple[str, ...], BeforeValidator(_images)]
Sizes = Annotated[
    tuple[Annotated[int, Field(ge=1)], ...],
    Field(strict=False, min_length=1),
    BeforeValidator(_numbers),
    AfterValidator(unique),
]


class Heatmaps(Block):
    """Maps of which parts of an image carry the isomorphism, by occluding one region after the other.

    Left out, no maps are made. With `heatmaps: {}` all settings have their defaults.
    """

    images: Images = Field(
        12,
        description="Images that maps are made of: a number of them, spread evenly over the stimulus table; `all`; or "
        "a list of their labels. Time grows in proportion.",
        examples=[12, "all", ["image_01", "image_37"]],
    )
    targets: Choice = Field(
        None,
        description="Names of the targets that are mapped; `null` means all. They share all occluded passes.",
        examples=[["IT"]],
    )
    networks: Choice = Field(
        None,
        description="Names of the networks, each with a `model`, that the images are shown to; `null` means all.",
        examples=[["squeezenet"]],
    )
    subjects: Names | None = Field(
        None,
        description="Single subjects whose own RDMs are mapped beside the mean RDM of the group, through the sets of "
        "supervision `own`. They share all occluded passes; sets for the null take time for each.",
        examples=[["01", "02"]],
    )
    sizes: Sizes | None = Field(
        None,
        description="Sides of the windows, in pixels of the network's input (mostly 224). `null`: 24, 40, 56; "
        "for the variant `published` 24, 28, … 56. Small ones show detail, large ones find what several places "
        "carry together. Time grows with their number.",
        examples=[[24, 40, 56]],
    )
    stride: int | None = Field(
        None,
        ge=1,
        description="Step from window to window, and side of a cell of the map, in pixels. `null`: 8; for the variant "
        "`published` 4. Half of it takes four times as long.",
        examples=[8],
    )
    allow_gaps: bool = Field(
        False,
        description="Whether the stride may be larger than the smallest window, so that parts of the image are never "
        "occluded. For quick looks only.",
    )
    variant: Literal["centred", "published"] = Field(
        "centred",
        description="How windows lie. `centred`: each around the cell that it colours, on the image as it is. "
        "`published`: as in Tarigopula et al. (2023), from the cell to its lower right, on an image with a border of "
        "zeros; only to reproduce maps of the paper.",
    )
    shape: Literal["square", "disc"] = Field(
        "square", description="Shape of the window: a square, or the disc inside it, whose corners hide less."
    )
    value: float = Field(
        0.0,
        description="What the window shows, in units of the network's normalised input. 0 is the mean colour of "
        "ImageNet. Another value shows whether a map depends on it.",
        examples=[0.0],
    )
    combine: Literal["mean", "largest"] = Field(
        "mean",
        description="How the maps of several window sizes become one: their mean, or at every cell the value of "
        "largest magnitude with its sign.",
    )
    score: Literal["r", "r2"] | None = Field(
        None,
        description="What heat is a loss of: signed correlation `r` of the image's row of dissimilarities with the "
        "target's, or its square `r2`, which cannot tell a match from its reverse. `null`: `r`; for the variant "
        "`published` `r2`.",
    )
    set: Literal["held-out", "all"] = Field(
        "held-out",
        description="Which sets pruned maps are read through. `held-out`: those of the folds that held the image out "
        "(their mean map). `all`: the one set fitted on all images, as published; such maps are descriptive, since the "
        "image took part in the selection, and are labelled so.",
    )
    n_null: int = Field(
        200,
        ge=0,
        description="Relabelled targets that select features and are mapped alike, behind the p of every map. p cannot "
        "be smaller than 1 / (n_null + 1); with 200, of 12 images at least two have to stand out. Each costs about a "
        "hundredth of the occluded passes of a small network, more for wide layers. 0 leaves p out.",
        examples=[200, 1000],
    )
    randomised: int = Field(
        1,
        ge=0,
        description="Number of the images, from the first on, that are also mapped with random weights: a map that "
        "looks the same without training says nothing about the network. Each takes as long as another image.",
        examples=[1, 3],
    )
    preview: bool = Field(
        False,
        description="Whether the gradient's prediction of every map is computed and compared with it. Occlusion is the "
        "reference.",
    )
    images_per_job: int = Field(
        6,
        ge=1,
        description="Images that one job maps. Fewer make more jobs, for clusters; each job starts the network anew.",
        examples=[6],
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where occluded images pass through the network; as `embedding.device`."
    )
    batch_size: int = Field(
        32,
        ge=1,
        description="Occluded images per pass. Larger ones suit GPUs and take memory in proportion; where memory is "
        "short it is halved, which the log says.",
        examples=[32, 256],
    )

    engine: Literal["auto", "incremental", "batched"] = Field(
        "auto",
        description="How features of occluded images are computed. `incremental`: of every map of the network only "
        "what the window can reach, exact, several times as fast; for networks of convolutions, pools, elementwise "
        "operations, sums, concatenations and linear layers, others are refused. `batched`: all of the network each "
        "time. `auto`: the former where it is possible, else the latter, which the log says.",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Of the network's activations. `bfloat16` is faster on GPUs, slower on most CPUs, and is not "
        "exact: heat moves by up to 7 % of a map's largest magnitude (docs/heatmaps.md).",
    )

    @model_validator(mode="after")
    def _settings_that_do_something(self) -> Heatmaps:
        problems = []
        if self.variant == "published":
            problems += idle(self, ("preview",), "on the variant `published`, whose border has no gradient")
        if not self.allow_gaps and self.stride_in_use > min(self.sizes_in_use):
            found = f"{self.stride_in_use} px, but the smallest window has {min(self.sizes_in_use)} px"
            remedy = "Choose a smaller stride or larger windows, or set `allow_gaps: true`."
            problems.append(ConfigError("stride", found, "a step that leaves no gaps", remedy))
        refuse(problems)
        return self

    def problems(
        self, models: tuple[str, ...], supervision: tuple[str, ...], measure: str
    ) -> list[ConfigError]:
        """What the rest of the study lacks for maps.

        Parameters
        ----------
        models : tuple of str
            Networks with a `model`.
        supervision : tuple of str
        measure : str
            First-order measure that ranks features.
        """
        problems = lacking_models(
            "heatmaps",
            self.networks,
            models,
            expected="networks that can be shown occluded images",
            purpose="be shown occluded images",
        )
        needed = ("group", *(("own",) if self.subjects else ()))
        problems += lacking_sets("heatmaps", needed, supervision, expected="sets that maps are read through")
        if measure != "correlation":
            remedy = "Use `measure: correlation`, or remove the block."
            expected = "features ranked by correlation, as maps are"
            problems.append(ConfigError("heatmaps", f"`pruning.measure` is `{measure}`", expected, remedy))
        return problems

    @property
    def sizes_in_use(self) -> tuple[int, ...]:
        """Sides of the windows, also where the variant decides them."""
        return self.sizes or (PUBLISHED_SIZES if self.variant == "published" else (24, 40, 56))

    @property
    def stride_in_use(self) -> int:
        """The stride, also where the variant decides it."""
        return self.stride or (4 if self.variant == "published" else 8)

    @property
    def score_in_use(self) -> str:
        """The score, also where the variant decides it."""
        return self.score or ("r2" if self.variant == "published" else "r")
