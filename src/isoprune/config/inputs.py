"""Settings of what goes in: images, networks, targets, brain responses; each says when to change it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from isoprune.config.judgments import Ratings, Triplets
from isoprune.config.kinds import (
    Block,
    FilePath,
    Name,
    NoNames,
    RowOrder,
    SubjectPattern,
    Text,
    exactly_one,
    idle,
    refuse,
    unique,
)
from isoprune.config.regions import Atlas, Fetch, Probability, Sphere, Surface
from isoprune.errors import ConfigError

_JUDGMENTS = ("ratings", "triplets")
_REGIONS = ("mask", "atlas", "probability", "sphere", "fetch", "surface")
_TORCHVISION_WEIGHTS = r"[A-Za-z0-9_]+_Weights\.[A-Z0-9_]+"
Several = Annotated[tuple[Text, ...], Field(strict=False, min_length=2), AfterValidator(unique)]
SeveralNames = Annotated[tuple[Name, ...], Field(strict=False, min_length=2), AfterValidator(unique)]
Sha256 = Annotated[Text, Field(pattern=r"^[0-9a-f]{64}$")]


class Stimuli(Block):
    """The images, one a row of a table; every matrix is joined to this table by label.

    Give exactly one of `table` and `rows`.
    """

    table: FilePath | None = Field(
        None,
        description="Tab-separated table, relative to `data_dir`, with the columns `stimulus` (the label "
        "that identifies an image everywhere) and `file` (the picture, relative to the table's folder), "
        "and, where you have them, `category`, `group`, `synset`, `set` and columns of your own. Folds can "
        "be made by any column.",
        examples=["stimuli.tsv"],
    )
    images: FilePath | None = Field(
        None,
        description="Folder, relative to `data_dir`, that the column `file` is relative to; `null` means the folder "
        "of the table. Set it when the table goes with your settings and not with the data: `table` is then relative "
        "to where the workflow is started.",
        examples=["peterson"],
    )
    rows: Annotated[tuple[dict[str, Text], ...], Field(strict=False, min_length=1)] | None = Field(
        None,
        description="The rows of such a table, written here, in place of `table`: convenient for a handful of "
        "conditions. A `file` is relative to `data_dir`.",
        examples=[[{"stimulus": "monkey", "category": "primate"}]],
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Stimuli:
        problems = exactly_one(self, "table", "rows")
        if not problems and self.rows:
            problems = idle(self, ("images",), "on rows, whose files are relative to `data_dir`")
        refuse(problems)
        return self


class Network(Block):
    """One embedding: a torchvision network read out at one layer, features that anything else made, or the best of
    several embeddings.

    Give exactly one of `model`, `file` and `best_of`. `weights`, `sha256`, `layer`, `layers`, `spatial` and `seed`
    belong to `model`; `key` and `labels` belong to `file`.
    """

    name: Name = Field(
        description="Your short name of this embedding, letters and digits only. It stands in file names "
        "and tables; the same model at two layers is two entries with two names.",
        examples=["mobilenetv2"],
    )
    model: Text | None = Field(
        None,
        description="Name of a torchvision classification model. Larger networks cost time only once: the "
        "images pass through each network a single time.",
        examples=["mobilenet_v2", "vgg19"],
    )
    weights: FilePath | None = Field(
        None,
        description="Where the weights come from; required with `model`. Either the path, relative to "
        "`data_dir`, of a state dict saved by PyTorch, or the exact name of a torchvision weights set, "
        "which is downloaded once, or `random` for an untrained network. `DEFAULT` is refused, because "
        "what it means changes between versions.",
        examples=["weights/mobilenet_v2.pth", "VGG19_Weights.IMAGENET1K_V1", "random"],
    )
    sha256: Sha256 | None = Field(
        None,
        description="SHA-256 of the weights file, local or downloaded, as 64 hexadecimal digits (the output "
        "of `sha256sum`). Give it for every study that you publish: a file with another content then stops "
        "the run. Checking costs next to nothing.",
        examples=["c7d2b8481af1eb6d62e8ca78a35dfa01792af3df5efa55d650aee530beaaf937"],
    )
    layer: Text = Field(
        "penultimate",
        description="Layer whose output is the embedding: the module's path in the network, or "
        "`penultimate`, the input of the last classifying layer. Name a path to study another depth. Early "
        "layers have many features, and the cost of pruning grows in proportion to their number.",
        examples=["penultimate", "classifier.4"],
    )
    layers: Several | None = Field(
        None,
        description="A sweep over layers, in place of `layer`: the layers to try, in the order of their depth. Each "
        "becomes a network of the study, called by the name and the layer (`squeezenet` at `features.3` is "
        "`squeezenetFeatures3`, at `layer4.1` it is `squeezenetLayer4x1`), and one more, `squeezenetBest`, is the "
        "best of them as in `best_of`. Where other settings name networks, use these names. Family-wise p-values are "
        "over all layers that were tried. Each layer costs as much as a network, and the best as much as all of them.",
        examples=[["features.3", "features.6", "penultimate"]],
    )
    spatial: Literal["mean", "flatten"] = Field(
        "mean",
        description="What becomes of a layer that is a map over image positions: `mean` averages each "
        "channel over positions, giving one feature a channel; `flatten` keeps every channel at every "
        "position as a feature of its own, which is tens of thousands in early layers and makes pruning "
        "slow. Layers without positions are unaffected.",
    )
    seed: int | None = Field(
        None,
        ge=0,
        description="Seed of random weights; `null` takes the study's `seed`. Set it to compare several "
        "untrained networks. Allowed with `weights: random` only.",
        examples=[1],
    )
    file: FilePath | None = Field(
        None,
        description="Features that something else computed, relative to `data_dir`: npy, npz, tsv, csv, "
        "mat or HDF5, images as rows and features as columns.",
        examples=["features.npz"],
    )
    key: Text | None = Field(
        None,
        description="Name of the array inside `file`, for formats that hold several (npz, mat, HDF5). "
        "`null` is enough when there is only one.",
        examples=["X"],
    )
    labels: RowOrder = Field(
        "file",
        description="Which stimulus each row of `file` is: `file` when the labels stand in the file, "
        "`table` when rows follow the stimulus table, `sorted` when they follow the sorted labels, or the "
        "path of a text file with one label a line. Prefer `file`: the others rest on a promise about the "
        "order that nothing can check.",
        examples=["file", "features_labels.txt"],
    )

    best_of: SeveralNames | None = Field(
        None,
        description="Names of networks of the study, of which this one is the best: in each fold the one whose "
        "retained set fits the training images best, so that no held-out image has a part in the choice, and the "
        "held-out score is honest. Relabelled targets choose anew, so that p counts the choice. A network with more "
        "features has more to fit with, so what is chosen need not be what predicts best. `layers` adds such a network "
        "by itself; write one to choose among whole networks.",
        examples=[["alexnet", "vgg19"]],
    )

    @property
    def has_weights_file(self) -> bool:
        """Whether the weights are a local file, and not random or torchvision's."""
        return self.weights not in (None, "random") and not re.fullmatch(_TORCHVISION_WEIGHTS, self.weights)

    @model_validator(mode="after")
    def _belongs_together(self) -> Network:
        problems = exactly_one(self, "model", "file", "best_of")
        of_model = ("weights", "sha256", "layer", "layers", "spatial", "seed")
        if not problems and self.model is not None:
            problems += idle(self, ("key", "labels"), "on a network that is run here")
            problems += idle(self, ("layer",) * (self.layers is not None), "beside `layers`")
            problems += self._weights_problems()
        elif not problems and self.file is not None:
            problems += idle(self, of_model, "on an embedding that is read from a file")
        elif not problems:
            problems += idle(self, (*of_model, "key", "labels"), "on the best of several networks")
        refuse(problems)
        return self

    def _weights_problems(self) -> list[ConfigError]:
        expected = "a file relative to data_dir, an exact name such as VGG19_Weights.IMAGENET1K_V1, or random"
        if self.weights is None:
            return [ConfigError("weights", "it is missing", expected, "Say which weights the network has.")]
        if re.fullmatch(r"(?i)(.+_weights\.)?default|pretrained|true|imagenet1k_v\d+", self.weights):
            return [
                ConfigError(
                    "weights",
                    f"'{self.weights}' does not say which weights are meant",
                    expected,
                    "Name the weights exactly; what a default stands for changes between versions.",
                )
            ]
        if self.weights == "random":
            return idle(self, ("sha256",), "on random weights")
        return idle(self, ("seed",), "unless `weights` is random")


class Embedding(Block):
    """How images pass through the networks."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="Where networks run: `auto` takes a graphics card when there is one, else the processor; "
        "`cpu` and `cuda` insist, and a device that is not there is an error. Results of two devices agree "
        "to rounding only, so name one when runs must be comparable to the last digit.",
    )
    batch_size: int = Field(
        32,
        ge=1,
        description="Images that pass through a network at a time. Lower it when memory runs out, at the "
        "cost of some speed. It can change the last digits of the features, so keep it fixed within a "
        "study.",
        examples=[32, 8],
    )


class Rdms(Block):
    """Ready-made similarity spaces: RDMs of subjects, or similarity judgments."""

    file: SubjectPattern = Field(
        description="File of RDMs relative to `data_dir`: npz, npy, mat, csv, tsv or rsatoolbox HDF5. With "
        "`{subject}` in the path there is one file a subject; without it, one file holds all subjects "
        "along its first axis, in the order of the target's `subjects`.",
        examples=["rdms/sub-{subject}_IT.npy", "fmri_IT_RDMs.npz"],
    )
    key: Text | None = Field(
        None,
        description="Name of the array inside the file, for formats that hold several (npz, mat; dots lead "
        "into structs), or of the descriptor with the labels in an rsatoolbox file. `null` is enough when "
        "there is only one.",
        examples=["Net_RDM"],
    )
    labels: RowOrder = Field(
        "file",
        description="Which stimulus each row is: `file` when the labels stand in the file, `table` when "
        "rows follow the stimulus table, `sorted` when they follow the sorted labels (`img_10` sorts "
        "before `img_2`), or the path of a text file with one label a line. Prefer `file`: the others rest "
        "on a promise about the order that nothing can check.",
        examples=["file", "sorted"],
    )
    similarity: bool = Field(
        False,
        description="Whether high values mean *alike*. Set it to `true` for similarity judgments; they are "
        "then turned into dissimilarities. The wrong answer reverses the sign of every result.",
    )


class Target(Block):
    """One similarity space to be matched, measured in each of its subjects.

    A brain area and a set of human judgments are treated alike. Give exactly one of `rdms` (ready-made),
    `ratings` and `triplets` (single judgments), and `mask`, `atlas`, `probability`, `sphere`, `fetch` or `surface`
    (RDMs are computed from `betas` inside the region).
    """

    name: Name = Field(
        description="Your short name of the area or of the judgments, letters and digits only. It stands "
        "in file names and tables.",
        examples=["IT", "animals"],
    )
    kind: Literal["roi", "judgment"] = Field(
        "roi",
        description="What was measured: a brain area (`roi`) or people's judgments (`judgment`). Tables, "
        "figures and the report word their statements by it; the computation is the same.",
    )
    rdms: Rdms | None = Field(
        None, description="Ready-made RDMs or judgments; its settings are listed below."
    )
    ratings: Ratings | None = Field(
        None, description="Ratings of pairs of images, a row each; its settings are listed below."
    )
    triplets: Triplets | None = Field(
        None, description="Odd-one-out choices, a row each; its settings are listed below."
    )
    mask: SubjectPattern | None = Field(
        None,
        description="Mask image of the area in NIfTI, relative to `data_dir`: voxels that are not zero "
        "belong to it. With `{subject}` there is one mask a subject; without it, one mask serves all, "
        "which is right only when all betas are in one common space.",
        examples=["sub-{subject}/sub-{subject}_roi-V1_mask.nii.gz"],
    )
    atlas: Atlas | None = Field(
        None, description="The area as labels of an integer atlas; its settings are listed below."
    )
    probability: Probability | None = Field(
        None, description="The area as a thresholded probability map; its settings are listed below."
    )
    sphere: Sphere | None = Field(
        None, description="The area as spheres around points; its settings are listed below."
    )
    fetch: Fetch | None = Field(
        None, description="The area from an atlas that nilearn downloads; its settings are listed below."
    )
    surface: Surface | None = Field(
        None, description="The area as labels on the surface; its settings are listed below."
    )
    subjects: NoNames | None = Field(
        None,
        description="The subjects this target was measured in, in the order in which a file without "
        "`{subject}` holds them; `null` means all of the study. Group means are over these. `[]` says that the "
        "target is one RDM, of nobody in particular (say, judgments that were averaged before they were published): "
        "it is scored as the group's RDM, without a noise ceiling, and nothing is claimed about people. Of `ratings` "
        "and `triplets` these are raters who judged every pair; `[]` pools all raters of the table.",
        examples=[["01", "02", "05"], []],
    )
    set: Text | None = Field(
        None,
        description="Which stimulus set this target is about: the images with this entry in the column `set` of the "
        "stimulus table; `null` means all images. Targets of other sets share networks, settings and pages, but "
        "folds, relabellings and rivals are those of the set's own images. For ready-made RDMs and judgments.",
        examples=["animals"],
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Target:
        problems = exactly_one(self, "rdms", *_JUDGMENTS, *_REGIONS)
        if self.region is not None and self.kind == "judgment":
            problems.append(
                ConfigError(
                    "kind",
                    "judgments are read from a brain mask, or another region of the brain",
                    "kind: roi with a region, or kind: judgment with `rdms`",
                    "Correct the kind, or give the judgments as `rdms`.",
                )
            )
        if self.judgments is not None and self.kind != "judgment":
            found, expected = "people's judgments are called a brain area", "kind: judgment"
            problems.append(ConfigError("kind", found, expected, "Write `kind: judgment`."))
        if self.region is not None:
            problems += idle(self, ("set",), "on a region: its stimuli are the conditions of the betas")
        refuse(problems)
        return self

    @property
    def judgments(self) -> dict[str, Any] | None:
        """Single judgments, as `isoprune.judgments` takes their settings; None for other targets."""
        return next(
            (
                {kind: value.model_dump(mode="json", exclude={"file"})}
                for kind in _JUDGMENTS
                if (value := getattr(self, kind)) is not None
            ),
            None,
        )

    @property
    def judgment_file(self) -> str:
        """The table of single judgments."""
        return (self.ratings or self.triplets).file

    @property
    def region(self) -> dict[str, Any] | None:
        """Definition of the region, as `isoprune.io.regions` takes it; None for other targets."""
        return next(
            (
                {kind: value.model_dump(mode="json") if isinstance(value, Block) else value}
                for kind in _REGIONS
                if (value := getattr(self, kind)) is not None
            ),
            None,
        )
