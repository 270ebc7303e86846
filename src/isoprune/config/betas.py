"""Settings of the response estimates of the brain: their format, and where its files are."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from isoprune.config.kinds import (
    Block,
    Names,
    RunPattern,
    SubjectPattern,
    Text,
    exactly_one,
    idle,
    lacking,
    refuse,
    unique,
    with_placeholders,
)
from isoprune.errors import ConfigError

_PLACEHOLDERS = ("subject", "run", "condition", "hemisphere")
ImagePattern = Annotated[Text, AfterValidator(lambda text: with_placeholders(text, _PLACEHOLDERS))]
Texts = Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]
Entity = Annotated[Text, Field(pattern=r"^[a-zA-Z0-9+.]+$")]

# Settings that a format needs, and those that it can take; the others would do nothing.
_NEEDED = {
    "nifti": ("images",),
    "bids": ("folder",),
    "nsd": ("images", "conditions", "divisor"),
    "spm": ("folder",),
    "feat": ("folder",),
    "glmsingle": ("images", "conditions", "reference"),
    "gifti": ("images",),
    "bold": ("images", "runs", "glm"),
}
_TABLE = ("conditions", "condition_column", "runs")
_TAKEN = {
    "nifti": (*_TABLE, "run_column", "volumes"),
    "bids": (*_TABLE, "entities"),
    "nsd": (*_TABLE, "run_column", "zscore", "key", "reference"),
    "spm": ("runs",),
    "feat": ("runs", "estimate"),
    "glmsingle": (*_TABLE, "run_column", "key"),
    "gifti": (*_TABLE, "run_column", "volumes", "hemispheres"),
    "bold": (),
}
_ALWAYS = ("format", "exclude", "stimuli")


class Glm(Block):
    """The first-level model that makes betas of raw BOLD, fitted by nilearn run by run.

    Give exactly one of `events` and `volume_labels`.
    """

    tr: float = Field(gt=0, description="Seconds between two volumes of the BOLD.", examples=[2.5])
    events: RunPattern | None = Field(
        None,
        description="BIDS table of the events of a run, relative to `data_dir`: `onset` and `duration` in "
        "seconds from the run's first volume, and the condition.",
        examples=["sub-{subject}/func/sub-{subject}_run-{run}_events.tsv"],
    )
    event_column: Text = Field(
        "trial_type", description="Column of `events` with the condition.", examples=["stim_file"]
    )
    volume_labels: RunPattern | None = Field(
        None,
        description="Text with the condition and the run of each volume of the BOLD, a line a volume, in place "
        "of `events`. Neighbouring volumes of one label are one event. `images` may then be one file of all "
        "runs.",
        examples=["attributes.txt"],
    )
    rest: Text = Field(
        "rest", description="Label of volumes without an event, in `volume_labels`.", examples=["rest"]
    )
    mask: RunPattern | None = Field(
        None,
        description="Mask on the grid of the BOLD. `null` fits every voxel whose signal is finite, varies and "
        "is above 0 on average; a mask of the brain saves time.",
        examples=["sub-{subject}/mask.nii.gz"],
    )
    method: Literal["condition", "all", "separate"] = Field(
        "condition",
        description="`condition`: one regressor for each condition of a run. `all`: one for each trial, all in one "
        "model (least squares all), which needs trials far apart. `separate`: for each trial a model of its own "
        "(least squares separate), for trials in quick succession; time is proportional to their number.",
    )
    hrf: Literal["glover", "spm", "glover + derivative", "spm + derivative"] = Field(
        "glover",
        description="Haemodynamic response. With its derivative the model takes up small differences in timing; the "
        "derivative's estimate is not used.",
    )
    noise_model: Literal["ar1", "ols"] = Field(
        "ar1", description="Autocorrelation of the noise: of first order, or none (`ols`, faster)."
    )
    drift: Literal["cosine", "polynomial", "none"] = Field(
        "cosine", description="How slow drifts are modelled. `none` when the BOLD was filtered before."
    )
    high_pass: float = Field(
        0.01,
        gt=0,
        description="Frequency in Hz below which `drift: cosine` takes signals for drift. It must be well below "
        "the rate at which conditions repeat.",
        examples=[0.01],
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Glm:
        problems = exactly_one(self, "events", "volume_labels")
        if not problems:
            problems += idle(self, ("event_column",), "on `volume_labels`") if self.events is None else []
            problems += idle(self, ("rest",), "on `events`") if self.volume_labels is None else []
        if self.drift != "cosine":
            problems += idle(self, ("high_pass",), f"on `drift: {self.drift}`")
        refuse(problems)
        return self


class Betas(Block):
    """Response estimates of the brain; required when a target has a region of the brain.

    `format` says how they are stored. Needed are: `images` and `conditions` (or `volumes`) for ``nifti`` and
    ``gifti``; `images`, `conditions` and `divisor` for ``nsd``; `images`, `conditions` and `reference` for
    ``glmsingle``; `folder` for ``bids``, ``spm`` and ``feat``; `images`, `runs` and `glm` for ``bold``. Settings
    of another format are errors.
    """

    format: Literal["nifti", "bids", "nsd", "spm", "feat", "glmsingle", "gifti", "bold"] = Field(
        "nifti",
        description="How the betas are stored. `nifti`: images and a table of conditions. `bids`: a BIDS-derivatives "
        "folder, in which images are found by their names. `nsd`: single trials of a session in scaled integers, "
        "as the Natural Scenes Dataset has them. `spm`: SPM.mat and its beta images. `feat`: folders of FSL's "
        "FEAT. `glmsingle`: the array betasmd. `gifti`: surfaces. `bold`: raw BOLD, of which betas are made "
        "first.",
    )
    images: ImagePattern | None = Field(
        None,
        description="Image of one run, relative to `data_dir`: one volume a condition, in any one unit (betas or "
        "t-values). `{subject}` and `{run}` are filled in. Without `{run}`, one image has all runs and "
        "`conditions` a column that tells them apart. With `{condition}`, there is one image a condition; those "
        "that `conditions` names, or else all that there are. With `gifti`, `{hemisphere}` is filled in; with "
        "`bold`, it is the BOLD.",
        examples=["sub-{subject}/sub-{subject}_run-{run}_betas.nii.gz"],
    )
    conditions: RunPattern | None = Field(
        None,
        description="Tab-separated table, relative to `data_dir`, with the stimulus of every volume in "
        "its column `condition`, in the order of the volumes; a column `volume` (from 0) is checked where "
        "there is one. `{subject}` and `{run}` are filled in.",
        examples=["sub-{subject}/sub-{subject}_run-{run}_conditions.tsv"],
    )
    volumes: Texts | None = Field(
        None,
        description="The stimuli of the volumes in their order, in place of `conditions`, when every run of every "
        "subject has the same.",
        examples=[["monkey", "lemur", "moth"]],
    )
    condition_column: Text = Field(
        "condition",
        description="Column of `conditions` with the stimulus. Change it to use a table as it is.",
        examples=["73KID"],
    )
    run_column: Text = Field(
        "run",
        description="Column of `conditions` with the run (or session) of every volume, when one table has several.",
        examples=["SESSION"],
    )
    runs: Names | None = Field(
        None,
        description="Labels of the runs, in quotes. Patterns are averaged over runs, so more runs mean less noise. "
        "`null` takes all runs that the table, the folder or the model has; it is required when a path has "
        "`{run}`. A label of digits also finds the same number: `01` is run 1 of a table.",
        examples=[["1", "2"]],
    )
    folder: RunPattern | None = Field(
        None,
        description="Folder, relative to `data_dir`: of BIDS derivatives (it contains `sub-…`), of SPM's model (with "
        "SPM.mat), or of FEAT (with design.fsf and stats). `{subject}` and `{run}` are filled in.",
        examples=["derivatives/glm", "sub-{subject}/spm", "sub-{subject}/run-{run}.feat"],
    )
    entities: dict[Entity, Entity] | None = Field(
        None,
        description="For `bids`, which images to take, by the entities in their names. Name as many as are needed "
        "for one image a run and condition; an error says what there is to choose from.",
        examples=[{"stat": "effect", "space": "T1w"}],
    )
    estimate: Literal["cope", "pe"] = Field(
        "cope",
        description="For `feat`, contrasts (named by the design) or parameter estimates (named by the event types).",
    )
    divisor: float | None = Field(
        None,
        gt=0,
        description="For `nsd`, what stored integers are divided by, to the last digit. NSD's betas were multiplied "
        "by 300 to become integers. A scale in the image's header is always applied, and then it must be 1.",
        examples=[300.0],
    )
    zscore: bool = Field(
        False,
        description="For `nsd`, whether each voxel is standardised over all trials of a session, which removes "
        "differences between days.",
    )
    key: Text | None = Field(
        None,
        description="Name of the array inside an HDF5 file: by default `betasmd` for `glmsingle`, `betas` for `nsd`.",
        examples=["betasmd"],
    )
    reference: SubjectPattern | None = Field(
        None,
        description="NIfTI image with the grid of betas that are stored as plain arrays, such as the mean image or "
        "the BOLD that the model was fitted to. Only its header is read.",
        examples=["sub-{subject}/mean.nii.gz"],
    )
    hemispheres: Annotated[Texts, AfterValidator(unique), Field(max_length=2)] = Field(
        ("L", "R"),
        description="For `gifti`, what stands for `{hemisphere}` in file names: left, then right. Vertices are "
        "joined in this order.",
        examples=[["lh", "rh"]],
    )
    glm: Glm | None = Field(None, description="For `bold`, the model that makes the betas.")
    exclude: Annotated[Texts, AfterValidator(unique)] | None = Field(
        None,
        description="Conditions of no interest, such as button presses, whose volumes are left out. A name that "
        "no run has is an error.",
        examples=[["button", "catch"]],
    )
    stimuli: Literal["shared", "per-subject"] = Field(
        "shared",
        description="`shared`: every subject has every stimulus of the table. `per-subject`: a subject may have seen "
        "only some of them; its RDM is then over those.",
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Betas:
        needed, taken = _NEEDED[self.format], _TAKEN[self.format]
        problems = [
            ConfigError(
                key,
                f"it is missing, but the format is {self.format}",
                f"{', '.join(needed)} for this format",
                f"Add '{key}', or correct `format`.",
            )
            for key in needed
            if getattr(self, key) is None
        ]
        others = tuple(key for key in type(self).model_fields if key not in (*needed, *taken, *_ALWAYS))
        problems += idle(self, others, f"on the format {self.format}")
        refuse([*problems, *self._table_problems(), *self._placeholder_problems()])
        return self

    def _table_problems(self) -> list[ConfigError]:
        """Conditions come from a table, from a list, or from the names of files."""
        if self.format not in ("nifti", "gifti") or self.images is None:
            return []
        if self.conditions is not None or self.volumes is not None:
            problems = exactly_one(self, "conditions", "volumes")
            return (
                problems
                if self.conditions
                else idle(self, ("condition_column", "run_column"), "on `volumes`")
            )
        if not lacking(self.images, "condition"):
            return []
        found = "it is missing, and the path of the images does not name the condition"
        expected = "a table, `volumes`, or {condition} in the path of the images"
        return [ConfigError("conditions", found, expected, "Say which condition each volume is.")]

    def _placeholder_problems(self) -> list[ConfigError]:
        allowed = {"condition": ("nifti",), "hemisphere": ("gifti",)}
        problems = [
            ConfigError(
                "images",
                f"'{self.images}' has {{{name}}}, but the format is {self.format}",
                f"{{{name}}} with {' or '.join(formats)} only",
                "Write the path without it, or correct `format`.",
            )
            for name, formats in allowed.items()
            if self.images is not None and not lacking(self.images, name) and self.format not in formats
        ]
        with_run = [
            key
            for key in ("images", "folder")
            if getattr(self, key) and not lacking(getattr(self, key), "run")
        ]
        if with_run and self.runs is None:
            found = f"it is missing, but '{getattr(self, with_run[0])}' has {{run}}"
            problems.append(ConfigError("runs", found, "the labels of the runs", "List the runs, in quotes."))
        return problems

    def pattern_problems(self, *, several_subjects: bool) -> list[ConfigError]:
        """Paths that would be the same file for two subjects or two runs.

        Parameters
        ----------
        several_subjects : bool
            Whether the study has more than one subject.
        """
        given = {
            key: pattern for key in ("images", "conditions", "folder") if (pattern := getattr(self, key))
        }
        if self.glm is not None:
            labels = ("events", "volume_labels")
            given |= {f"glm.{key}": pattern for key in labels if (pattern := getattr(self.glm, key))}
        # In BIDS, a file's own name says whose it is and of which run.
        by_file = [] if self.format == "bids" else list(given)
        needed = [(key, "subject") for key in by_file if several_subjects]
        if self.runs is not None and len(self.runs) > 1:
            needed += [(key, "run") for key in self._keys_by_run(by_file)]
        return [
            ConfigError(
                f"betas.{key}",
                f"'{given[key]}' lacks {{{name}}}",
                f"a path that differs between the study's {name}s",
                f"Write {{{name}}} where the {name}'s label stands.",
            )
            for key, name in needed
            if lacking(given[key], name)
        ]

    def _keys_by_run(self, keys: list[str]) -> list[str]:
        """Settings whose paths must tell runs apart: all or none, where one table or model holds several."""
        if self.format == "spm" or (self.glm is not None and self.glm.volume_labels is not None):
            return []
        one_table = "conditions" in keys and lacking(self.images, "run") and lacking(self.conditions, "run")
        return [] if one_table else keys

    def simulation_problems(self) -> list[ConfigError]:
        """What stands against simulating these betas: images and tables are then written run by run."""
        plain = self.format == "nifti" and self.images and self.conditions and self.runs
        if (
            plain
            and (len(self.runs) == 1 or not lacking(self.images, "run"))
            and lacking(self.images, "condition")
        ):
            return []
        return [
            ConfigError(
                "betas",
                "the study is simulated, but these betas are not one image and one table a run",
                "format nifti, with images, conditions and runs",
                "Describe the betas so; the simulation writes them there.",
            )
        ]
