"""Settings of brain patterns and their RDMs: which voxels, which dissimilarity."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from isoprune.config.betas import Betas
from isoprune.config.kinds import Block, Names, idle, refuse
from isoprune.errors import ConfigError


class SelectVoxels(Block):
    """Keep only an area's most reliable voxels; by default all usable ones are kept.

    A voxel's reliability is the correlation over conditions of its responses in two halves of the data.
    """

    keep: int | float = Field(
        description="Voxels to keep in each area: a whole number (2 or more), or a share of the usable ones "
        "between 0 and 1. Fewer voxels carry less noise but also less of the area.",
        examples=[100, 0.5],
    )
    source: Literal["runs", "localiser", "same"] = Field(
        description="Data that choose the voxels. `runs`: some runs of the study, which are then left out of the "
        "patterns. `localiser`: other measurements of the same subjects. `same`: the very data that the patterns "
        "come from; reliabilities then come out too high, and the quality table and the methods text say so.",
    )
    runs: Names | None = Field(
        None,
        description="Labels of the runs that choose, in quotes; for the source `runs`.",
        examples=[["1", "2"]],
    )
    localiser: Betas | None = Field(
        None,
        description="The localiser's betas, with the same settings as `betas`; for the source `localiser`. Its "
        "conditions need not be stimuli of the study.",
    )

    @model_validator(mode="after")
    def _says_what_chooses(self) -> SelectVoxels:
        problems = []
        if not (0 < self.keep < 1 if isinstance(self.keep, float) else self.keep >= 2):
            expected = "a whole number from 2, or a share between 0 and 1"
            remedy = "Write 100 for a hundred voxels, 0.5 for half of them."
            problems.append(ConfigError("keep", f"found {self.keep}", expected, remedy))
        for key in ("runs", "localiser"):
            if self.source == key and getattr(self, key) is None:
                remedy = f"Add `{key}`, or choose another source."
                problems.append(
                    ConfigError(key, f"it is missing, but the source is {key}", "data that choose", remedy)
                )
            elif self.source != key:
                problems += idle(self, (key,), f"when the source is {self.source}")
        refuse(problems)
        return self


class Roi(Block):
    """Which voxels of a mask are used."""

    resample: Literal[None, "nearest"] = Field(
        None,
        description="What happens when mask and betas lie on different voxel grids. `null` stops with an "
        "error that shows both grids. `nearest` gives every voxel of the betas the value of the nearest "
        "mask voxel, which moves the area's border by up to half a voxel: use it when you cannot supply a "
        "mask in the betas' space. The same holds for atlases and probability maps; labels keep their "
        "numbers.",
    )
    min_voxels: int = Field(
        10,
        ge=2,
        description="Fewest usable voxels an area may have, in voxels. Below it the run stops, since a "
        "pattern over few voxels makes an unreliable RDM. Lower it only for areas that are truly small.",
        examples=[10, 50],
    )
    missing: Literal["error", "allow"] = Field(
        "error",
        description="What happens when a subject lacks an area: none of the files with `{subject}` in their "
        "path is there, or the subject's own image holds nothing of it. `error` stops, which finds "
        "misspelt paths. `allow` leaves the subject out of that area, with the reason and the number of "
        "subjects told; set it once you know that some subjects have no such area.",
    )
    select_voxels: SelectVoxels | None = Field(
        None,
        description="Which voxels of an area are kept by their reliability; `null` keeps all that were measured. "
        "Its settings are listed below.",
    )
    match_voxels: int | Literal["smallest"] | None = Field(
        None,
        description="Number of voxels at which areas are compared: every area of a subject is left with a random draw "
        "of that many. An RDM over more voxels is less noisy, so that of two areas with equal signal the larger is "
        "predicted better; set it where areas of different size are compared. `smallest` takes the number of the "
        "subject's smallest area. It costs reliability in the larger ones. `null` keeps all voxels.",
        examples=["smallest", 100],
    )
    match_draw: int = Field(
        1,
        ge=1,
        description="Number of the random draw, for `match_voxels`. Another number takes other voxels: run a "
        "study again with 2 and 3 to see how much depends on the draw.",
        examples=[1, 2],
    )

    @model_validator(mode="after")
    def _matching_is_possible(self) -> Roi:
        problems = []
        if self.match_voxels is None:
            problems += idle(self, ("match_draw",), "without `match_voxels`")
        elif self.match_voxels != "smallest" and self.match_voxels < self.min_voxels:
            found = f"{self.match_voxels}, fewer than `min_voxels` ({self.min_voxels})"
            remedy = "Ask for more voxels, or lower `min_voxels` too."
            problems.append(
                ConfigError("match_voxels", found, "`smallest`, or at least `min_voxels`", remedy)
            )
        refuse(problems)
        return self


class Rdm(Block):
    """How RDMs are computed from the patterns inside a mask; ready-made RDMs are used as they are."""

    measure: Literal["correlation", "euclidean", "mahalanobis", "crossnobis"] = Field(
        "correlation",
        description="Dissimilarity of two patterns. `correlation` is 1 − Pearson r over voxels (0 to 2, "
        "dimensionless) and ignores the overall strength of a response, as the published analysis does. "
        "`euclidean` is the squared distance divided by the number of voxels, in squared units of the "
        "betas. `mahalanobis` is the same after noise shared by voxels has been taken out. `crossnobis` "
        "multiplies differences of independent runs, so that it is 0 on average where two conditions do not "
        "differ (single distances may be negative): the best choice where every run shows every condition.",
    )
    run_centre: bool = Field(
        False,
        description="Whether each voxel's mean over the conditions of a run is subtracted before runs are "
        "averaged. It removes a pattern common to all images and shifts of a run's level. Set it to `true` "
        "only when every run shows the same images; otherwise it removes differences between images too.",
    )
    run_zscore: bool = Field(
        False,
        description="Whether each voxel is z-scored over the conditions of a run: `run_centre`, and division by "
        "the standard deviation. Set it to `true` when voxels or runs differ in scale and every run shows the "
        "same images.",
    )
    noise: Literal["auto", "residuals", "repetitions", "identity"] = Field(
        "auto",
        description="What `mahalanobis` and `crossnobis` estimate noise between voxels from. `residuals`: what "
        "the model of the same runs left unexplained. `repetitions`: how a condition's patterns differ between "
        "repetitions, within runs where every condition is repeated there, else between runs. `auto`: "
        "residuals where the betas bring them, else repetitions. `identity`: voxels are not weighed.",
    )
    shrinkage: Literal["diagonal", "identity", "variances", "none"] = Field(
        "diagonal",
        description="How the noise covariance is estimated. `diagonal` and `identity` shrink it towards its "
        "variances, or towards equal variances, as much as the data ask for (Schäfer & Strimmer 2005; Ledoit & "
        "Wolf 2004). `variances` keeps the variances alone, `none` everything; the latter needs more residual "
        "degrees of freedom than voxels.",
    )

    @model_validator(mode="after")
    def _settings_that_do_something(self) -> Rdm:
        problems = []
        if self.run_zscore:
            problems += idle(self, ("run_centre",), "beside `run_zscore`, which includes it")
        if self.measure in ("correlation", "euclidean"):
            problems += idle(self, ("noise", "shrinkage"), f"on the measure {self.measure}")
        elif self.noise == "identity":
            problems += idle(self, ("shrinkage",), "when noise is `identity`")
        refuse(problems)
        return self
