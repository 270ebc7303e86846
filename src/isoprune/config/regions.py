"""Settings of regions of interest that are not a mask each: atlases, probability maps, spheres, surfaces."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from isoprune.config.kinds import Block, FilePath, SubjectPattern, Text, refuse
from isoprune.errors import ConfigError


def _label(value: Any) -> int | str:
    if (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and value):
        return value
    raise ConfigError(
        "",
        f"found {value!r}",
        "a label's number, or its name in quotes",
        "For example `labels: [1007, 'ctx-lh-fusiform']`.",
    )


def _option(value: Any) -> Any:
    if isinstance(value, str | int | float | bool):
        return value
    raise ConfigError("", f"found {value!r}", "text, a number, or true or false", "Give one value an option.")


_AnyLabel = Annotated[int | str, BeforeValidator(_label, json_schema_input_type=int | str)]
Labels = Annotated[tuple[_AnyLabel, ...], Field(strict=False, min_length=1)]
Point = Annotated[tuple[float, float, float], Field(strict=False)]
_AnyOption = Annotated[Any, BeforeValidator(_option, json_schema_input_type=str | int | float | bool)]
Hemisphere = Literal["both", "left", "right"]


def _one(key: str, found: str, expected: str, remedy: str) -> list[ConfigError]:
    return [ConfigError(key, found, expected, remedy)]


def _names_without_table(labels: Iterable[int | str], table: str | None) -> list[ConfigError]:
    names = [label for label in labels if isinstance(label, str)]
    if not names or table is not None:
        return []
    found = f"it is missing, but label '{names[0]}' is a name"
    return _one("table", found, "the atlas' label table", "Add `table`, or give numbers.")


class Atlas(Block):
    """A region made of one or several labels of an atlas of whole numbers."""

    image: SubjectPattern = Field(
        description="3-D NIfTI image of whole numbers, relative to `data_dir`; `{subject}` may be in the "
        "path. Atlases that were interpolated (values such as 3.7) are refused.",
        examples=["sub-{subject}/sub-{subject}_desc-aparcaseg_dseg.nii.gz"],
    )
    table: SubjectPattern | None = Field(
        None,
        description="Label table of the atlas, relative to `data_dir`: TSV or CSV with the columns `index` "
        "and `name` (as BIDS' dseg.tsv; a column `hemisphere` is used where there is one), or lines "
        "`number name` (as FreeSurfer's lookup table). Needed when `labels` has names.",
        examples=["desc-aparcaseg_dseg.tsv"],
    )
    labels: Labels = Field(
        description="The labels that make up the region, by name or number; several are joined. A name "
        "without its mark of hemisphere (`Amygdala` where the table has `Left-Amygdala` and "
        "`Right-Amygdala`) stands for both halves. A label without a voxel is an error.",
        examples=[["ctx-lh-fusiform", "ctx-rh-fusiform"], [1007, 2007]],
    )
    hemisphere: Hemisphere = Field(
        "both",
        description="Which half of the labels. Where names tell the hemisphere, by name; all others are cut "
        "at x = 0 mm of the world (left is below 0; voxels on the midline count as right).",
    )

    @model_validator(mode="after")
    def _names_have_a_table(self) -> Atlas:
        refuse(_names_without_table(self.labels, self.table))
        return self


class Probability(Block):
    """A region made of the voxels of a probability map that reach a threshold."""

    image: SubjectPattern = Field(
        description="3-D NIfTI image, or a 4-D one with a map a volume, relative to `data_dir`; "
        "`{subject}` may be in the path.",
        examples=["maxprob/prob-FFA.nii.gz"],
    )
    threshold: float = Field(
        gt=0,
        description="Voxels at or above it belong to the region; in the unit that `unit` says. A higher one "
        "gives a smaller, more certain region.",
        examples=[25, 0.25],
    )
    unit: Literal["percent", "fraction"] = Field(
        description="What the map's values are: `percent` from 0 to 100, or `fraction` from 0 to 1. A map "
        "with another range is refused, and the error says the range found."
    )
    volume: int | None = Field(
        None, ge=0, description="Which volume of a 4-D image, counted from 0.", examples=[12]
    )
    label: Text | None = Field(
        None,
        description="In place of `volume`: the map's name in `table`.",
        examples=["Occipital Fusiform Gyrus"],
    )
    table: SubjectPattern | None = Field(
        None,
        description="Table of the maps, relative to `data_dir`, as for atlases; its numbers are the volumes, "
        "counted from 0.",
        examples=["probseg.tsv"],
    )
    interpolation: Literal["nearest", "linear"] = Field(
        "nearest",
        description="How a map on another grid is resampled, where `roi.resample` allows it at all: the "
        "nearest voxel, or linearly before the threshold, which gives smoother borders.",
    )
    hemisphere: Hemisphere = Field(
        "both",
        description="Which half, cut at x = 0 mm of the world (left is below 0; the midline counts as right).",
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Probability:
        problems = []
        if self.volume is not None and self.label is not None:
            problems += _one(
                "label", "both 'volume' and 'label' are given", "one of them", "Remove one of them."
            )
        problems += _names_without_table([self.label] if self.label else [], self.table)
        if self.table is not None and self.label is None:
            problems += _one(
                "table",
                "it is set, but has no effect without `label`",
                "only settings that do something",
                "Add `label`, or remove 'table'.",
            )
        refuse([*problems, *_beyond(self.threshold, self.unit)])
        return self


def _beyond(threshold: float | None, unit: str | None) -> list[ConfigError]:
    full = {"percent": 100, "fraction": 1}.get(unit or "")
    if threshold is None or full is None or threshold <= full:
        return []
    return _one(
        "threshold",
        f"found {threshold:g} with `unit: {unit}`",
        f"at most {full}",
        "Correct threshold or unit.",
    )


class Sphere(Block):
    """A region made of the voxels within a distance of one or several points."""

    centres: Annotated[tuple[Point, ...], Field(strict=False, min_length=1)] = Field(
        description="World coordinates x, y, z of the centres, in mm, in the space of the betas (left, "
        "posterior and inferior are negative); several spheres are joined.",
        examples=[[[40, -55, -12], [-40, -55, -12]]],
    )
    radius: float = Field(
        gt=0,
        description="Radius in mm. A voxel belongs to the sphere if its centre lies within it. 6 to 10 is "
        "usual; below the size of a voxel little is left.",
        examples=[8],
    )


class Fetch(Block):
    """A region of an atlas that nilearn downloads; the run needs a network, or the atlas downloaded before."""

    atlas: Text = Field(
        description="Which atlas: what follows `fetch_atlas_` in the name of nilearn's function. It must be "
        "in the space of the betas (most are in MNI space).",
        examples=["harvard_oxford", "schaefer_2018"],
    )
    options: dict[str, _AnyOption] = Field(
        {},
        description="Arguments of nilearn's function, exactly as it names them; its documentation lists "
        "them. `resume`, `verbose` and `data_dir` are not among them: see `folder`.",
        examples=[{"atlas_name": "cort-maxprob-thr25-2mm"}],
    )
    folder: FilePath | None = Field(
        None,
        description="Folder, relative to `data_dir`, where downloaded atlases are kept; `null` takes "
        "nilearn's own. On machines without a network, give a folder that nilearn has filled elsewhere.",
        examples=["nilearn_data"],
    )
    labels: Labels = Field(
        description="The labels that make up the region, as for `atlas`. Of an atlas of probability maps, "
        "the name of one.",
        examples=[["Occipital Fusiform Gyrus"]],
    )
    hemisphere: Hemisphere = Field("both", description="Which half, as for `atlas`.")
    threshold: float | None = Field(
        None, gt=0, description="For an atlas of probability maps, as for `probability`.", examples=[25]
    )
    unit: Literal["percent", "fraction"] | None = Field(
        None, description="For an atlas of probability maps, as for `probability`."
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Fetch:
        problems = _beyond(self.threshold, self.unit)
        if (self.threshold is None) != (self.unit is None):
            problems += _one(
                "threshold",
                "only one of 'threshold' and 'unit' is given",
                "both or neither",
                "Add the other.",
            )
        refuse(problems)
        return self


class Surface(Block):
    """A region made of labels on the surface, for betas whose vertices are joined left before right."""

    left: SubjectPattern | None = Field(
        None,
        description="GIFTI label file of the left hemisphere, relative to `data_dir`, on the mesh of the betas.",
        examples=["sub-{subject}/sub-{subject}_hemi-L_desc-aparc.label.gii"],
    )
    right: SubjectPattern | None = Field(
        None,
        description="As `left`, of the right hemisphere. With both files the number of vertices is checked "
        "exactly; give both even when `hemisphere` uses one.",
        examples=["sub-{subject}/sub-{subject}_hemi-R_desc-aparc.label.gii"],
    )
    labels: Labels = Field(
        description="The labels that make up the region, by name or number; several are joined. A name "
        "without its mark of hemisphere (`fusiform` for `lh.fusiform`) stands for the label of either file.",
        examples=[["fusiform"]],
    )
    hemisphere: Hemisphere = Field("both", description="Which hemisphere.")

    @model_validator(mode="after")
    def _files_of_the_hemispheres(self) -> Surface:
        sides = ("left", "right") if self.hemisphere == "both" else (self.hemisphere,)
        refuse(
            problem
            for side in sides
            if getattr(self, side) is None
            for problem in _one(
                side,
                f"it is missing, but hemisphere is {self.hemisphere}",
                "the label file of every hemisphere used",
                f"Add `{side}`, or set `hemisphere`.",
            )
        )
        return self
