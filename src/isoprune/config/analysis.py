"""Settings of what is done: RDMs, pruning, folds, inference, selection; each says when to change it."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from isoprune.config.betas import Betas
from isoprune.config.kinds import (
    Block,
    Choice,
    FilePath,
    Name,
    Names,
    Text,
    idle,
    refuse,
    unique,
)
from isoprune.errors import ConfigError
from isoprune.pruning.number import check_n_rule

NumberOfFeatures = Annotated[
    Literal["max", "one-se"] | int | float, AfterValidator(partial(check_n_rule, where=""))
]
"""How many of the ranked features are retained."""


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


class Pruning(Block):
    """How features are ranked and how many are retained."""

    criterion: Literal["pearson", "spearman", "published", "published-spearman"] = Field(
        "pearson",
        description="Fit of network RDM and target RDM that ranks features and chooses their number. "
        "`pearson`: signed correlation. `spearman`: the same on ranks, for targets whose values are only "
        "ordinal; slower, because ranks are made anew for every feature. `published`: exactly the "
        "procedure of Tarigopula et al. (2023), with squared Pearson correlation and the full set never a "
        "candidate. `published-spearman`: their ranking with a Spearman curve. Change it to reproduce the "
        "paper.",
    )
    measure: Literal["correlation", "cosine", "euclidean"] = Field(
        "correlation",
        description="Dissimilarity of two images in the network. `correlation` is 1 − Pearson r over features, as in "
        "the published analysis. `cosine` is 1 − cosine, for features whose zero means something. `euclidean` is the "
        "squared distance, in which features count by their variance.",
    )
    method: Literal["one-pass", "greedy"] = Field(
        "one-pass",
        description="How features are ranked. `one-pass`: once, by what is lost without each, as published. `greedy`: "
        "again after every removal, so that of several features that say the same one is left. `greedy` takes "
        "n_features / 2 times as long: minutes for 500 features and one target, without relabellings; set "
        "`inference.n_permutations` to 0 or small with it.",
    )
    n_rule: NumberOfFeatures = Field(
        "max",
        description="How many of the ranked features are retained; the curve over the training images alone decides. "
        "`max`: up to its first maximum, as published. `one-se`: the first prefix within one standard error of the "
        "maximum (jackknife over training images), for smaller sets that serve nearly as well. A whole number: so many "
        "features. A share between 0 and 1: that share of them. Change it to see how much depends on the number, "
        "which a flat curve leaves open.",
        examples=["max", "one-se", 100, 0.25],
    )
    backend: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="What computes. `auto` takes a CUDA device where there is one, else the processor. `cuda` stops "
        "where there is none. Scores agree within 1e-10; what ran is recorded with the results.",
    )
    partial: bool = Field(
        False,
        description="Whether the RDMs of `nuisance` are removed before features are ranked and their number is chosen, "
        "so that features are retained for what they share with the target beyond the nuisances. Scores are given "
        "with and without nuisances in either case.",
    )


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


class Specificity(Block):
    """What else ranks features in the same folds, so that a gain can be told to be the target's own."""

    labels: Names | None = Field(
        None,
        description="Columns of the stimulus table whose categories rank features as if they were a target (0 between "
        "images of one category, 1 between others): what a mere label already gives. `null` takes the column of "
        "`inference.categories`, or `category` where the table has a usable one; `[]` leaves labels out.",
        examples=[["category", "animate"]],
    )
    others: bool = Field(
        True,
        description="Whether the study's other targets rank features too, under the same supervision.",
    )
    n_relabelled: int = Field(
        5,
        ge=0,
        description="Relabelled targets that rank features in every fold: what selection alone gives. Their mean is "
        "reported; five a fold are 200 over 5 × 8 folds. Time grows in proportion.",
        examples=[5],
    )
    n_variance: int = Field(
        50,
        ge=10,
        description="Random sets in every fold whose features vary as much over images as the retained ones: what "
        "variance alone gives.",
        examples=[50],
    )
    matched: Annotated[
        tuple[Literal["components", "variable", "active"], ...],
        Field(strict=False),
        AfterValidator(unique),
    ] = Field(
        ("components", "variable", "active"),
        description="Competitors of as many features as the retained set of the fold, which know the training images "
        "but no target: `components` (their first principal components), `variable` (the features that vary most over "
        "images), `active` (those of the highest mean activation). They cost little; `[]` leaves them out.",
        examples=[["components"], []],
    )


class Transfer(Block):
    """A retained set of another study, scored on this study's targets without fitting anything.

    Its network, weights, preprocessing and layer have to be those of the network named here.
    """

    retained: FilePath = Field(
        description="Table of the set, as a study leaves it in its folder `retained` (its `.json` beside it); "
        "relative to where the workflow is started.",
        examples=["results/cichy92/retained/net-mobilenetv2_target-IT_sub-group_sup-group_retained.tsv"],
    )
    network: Name = Field(
        description="Network of this study whose features the set is applied to.", examples=["mobilenetv2"]
    )


class Select(Block):
    """Which part of the study is computed in this run; who belongs to the group stays the same.

    Meant for the command line: `--config select='{"targets": "IT"}'`. Lists or text with commas.
    """

    networks: Choice = Field(
        None, description="Names of the networks to compute; `null` means all.", examples=[["mobilenetv2"]]
    )
    targets: Choice = Field(
        None, description="Names of the targets to compute; `null` means all.", examples=[["IT"]]
    )
    subjects: Choice = Field(
        None,
        description="Labels of the subjects to compute; `null` means all. Group means are still over "
        "everybody, so results of a selection equal those of the whole study.",
        examples=[["01", "02"]],
    )


class Simulation(Block):
    """Simulated images, betas and masks in place of measured data; for the demo and for trying things out.

    The planted targets are built on a few features of a network, so the truth is known.
    """

    network: Name = Field(
        description="The network, one of `networks` with a `model`, whose features the planted targets are "
        "built on.",
        examples=["squeezenet"],
    )
    planted: Names = Field(
        description="Targets that carry the planted features; all other targets are noise.",
        examples=[["ventral", "dorsal"]],
    )
    n_per_category: int = Field(
        12,
        ge=2,
        description="Pictures drawn of each category. More make every estimate steadier; drawing, "
        "betas and folds take time in proportion.",
        examples=[12],
    )
    n_planted: int = Field(
        25,
        ge=2,
        description="Features planted in each target, of the hundreds the network has. Fewer are found "
        "more exactly.",
        examples=[25],
    )
    noise: float = Field(
        2.5,
        ge=0,
        description="Standard deviation of the noise on one voxel's beta in one run, as a multiple of the standard "
        "deviation of the voxel's planted response over pictures (dimensionless). 0 is noiseless. Raise it to see "
        "how much noise a planted set survives.",
        examples=[2.5],
    )
