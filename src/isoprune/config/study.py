"""A study: all of its settings together, and what follows from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from isoprune.config.accuracy import Accuracy
from isoprune.config.betas import Betas
from isoprune.config.checks import contradictions
from isoprune.config.crossvalidation import CrossValidation
from isoprune.config.data import known_datasets
from isoprune.config.heatmaps import Heatmaps
from isoprune.config.inference import Inference
from isoprune.config.inputs import Embedding, Network, Stimuli, Target
from isoprune.config.jobs import Jobs
from isoprune.config.kinds import Block, FilePath, Name, NoNames, Text, refuse, unique
from isoprune.config.layers import with_layers
from isoprune.config.multiverse import Multiverse
from isoprune.config.patterns import Rdm, Roi
from isoprune.config.pruning import Pruning
from isoprune.config.reporting import Features, Report, WordNet
from isoprune.config.reweighting import Reweighting
from isoprune.config.selection import Select
from isoprune.config.simulation import Simulation
from isoprune.config.specificity import Specificity
from isoprune.config.transfer import Transfer
from isoprune.labels import choose
from isoprune.nuisances import FILE_NUISANCE, nuisance_named


class Study(Block):
    """The settings of a study."""

    study: Name = Field(
        description="Name of the study, letters and digits only. All results lie under "
        "`<results_dir>/<study>/`.",
        examples=["cichy92"],
    )
    data_dir: FilePath = Field(
        ".",
        description="Folder in which the data paths of this file are looked up, itself relative to where "
        "the workflow is started. Give it on the command line, `--config data_dir=/data/cichy`, when data "
        "move. Results do not depend on it, only on what the files hold.",
        examples=["/data/cichy92"],
    )
    datasets: Annotated[NoNames, AfterValidator(known_datasets)] = Field(
        (),
        description="Public data sets that the study reads, by name; `isoprune data list` tells them, and "
        "docs/datasets.md more. Each has a folder of its own below `data_dir`. What is not there is fetched by the "
        "first run, or by `snakemake … -- datasets`; size and SHA-256 of every file are checked before anything reads "
        "it, which costs less than a second for each 500 MB.",
        examples=[["cichy92"]],
    )
    mirror: FilePath | None = Field(
        None,
        description="Folder that has data sets as `data_dir` has them, relative to where the workflow is started, for "
        "machines without internet: files are copied from it, and checked. `null` takes what the environment variable "
        "`ISOPRUNE_MIRROR` names, if it is set.",
        examples=["/shared/datasets"],
    )
    results_dir: FilePath = Field(
        "results",
        description="Folder that takes the results, relative to where the workflow is started. On a cluster, "
        "choose a disk that all its machines can reach.",
        examples=["results"],
    )
    seed: int = Field(
        0,
        ge=0,
        description="Seed of everything random: folds, random sets, resamples, untrained weights. The same "
        "seed gives the same results; change it to see how much they depend on chance. 0 is a seed like "
        "any other.",
        examples=[0],
    )
    lock: FilePath | None = Field(
        None,
        description="Lock of the study, as `isoprune freeze` writes it, relative to where the workflow is started. "
        "A run then first checks settings, inputs and folds against it and stops with a list of what differs. "
        "Set it for a preregistered study. It costs reading every input once at the start of a run.",
        examples=["config/studies/mine.lock.json"],
    )
    stimuli: Stimuli = Field(description="The images.")
    subjects: NoNames = Field(
        (),
        description="Labels of all subjects of the study, letters and digits only, in quotes (YAML reads a "
        "bare 01 as the number 1). `group` is reserved for the mean over subjects. Leave it out where every target "
        "is one RDM, such as judgments that were averaged over people.",
        examples=[["01", "02"]],
    )
    networks: Annotated[tuple[Network, ...], Field(strict=False), AfterValidator(with_layers)] = Field(
        (),
        description="The embeddings to prune. Without any, the study stops at the targets' RDMs and their "
        "quality checks.",
    )
    embedding: Embedding = Field(Embedding(), description="How images pass through the networks.")
    targets: Annotated[tuple[Target, ...], Field(strict=False, min_length=1)] = Field(
        description="The similarity spaces to match: brain areas, human judgments."
    )
    betas: Betas | None = Field(None, description="Response estimates; required when a target has a `mask`.")
    roi: Roi = Field(Roi(), description="Which voxels of a mask are used.")
    rdm: Rdm = Field(Rdm(), description="How RDMs are computed from patterns.")
    pruning: Pruning = Field(Pruning(), description="How features are ranked and how many are retained.")
    crossvalidation: CrossValidation = Field(CrossValidation(), description="How images are held out.")
    supervision: Annotated[
        tuple[Literal["own", "group", "loso"], ...],
        Field(strict=False, min_length=1),
        AfterValidator(unique),
    ] = Field(
        ("own", "group"),
        description="Whose RDM ranks the features. `own`: each subject's, scored on the same subject's "
        "held-out images; needed for any statement about people. `group`: the mean over subjects, scored "
        "on the mean, as in the published analysis. `loso` (leave one subject out): the mean of all others, scored "
        "on the held-out images of the subject left out, so that what is found holds for new images and new people. "
        "Time is proportional to the number of subjects for `own` and `loso`, and small for `group`.",
        examples=[["group"], ["own", "group", "loso"]],
    )
    inference: Inference = Field(Inference(), description="How the uncertainty of a result is computed.")
    nuisance: Annotated[tuple[Text, ...], Field(strict=False), AfterValidator(unique)] = Field(
        (),
        description="What could relate network and target without being of interest; every score is also given with "
        "these RDMs removed from both sides (`r_partial`). Computed from the images: `pixels`, `luminance`, "
        "`contrast`, `colour`, `gabor` (like the energy of cells in V1). From the stimulus table: `category` (the "
        "column of `inference.categories`). Or the name of a network of the study (the RDM of its full embedding) "
        "or of a target (the group's mean RDM; it is not removed from the target itself). Or a file of one RDM with "
        "labels, relative to `data_dir`, in the formats of `rdms`; it is called by the letters and digits of its name, "
        "`gist` for `models/gist.tsv`.",
        examples=[["gabor", "category"], ["EVC"], ["models/gist.tsv"]],
    )
    partitions: Annotated[
        tuple[
            Annotated[
                tuple[Text, ...], Field(strict=False, min_length=2, max_length=3), AfterValidator(unique)
            ],
            ...,
        ],
        Field(strict=False),
    ] = Field(
        (),
        description="Sets of two or three RDMs between which each target's variance is divided, for every network: "
        "`full` and `pruned` embedding, and any nuisance or target as in `nuisance`. Each gets its unique and shared "
        "parts, over all images and on held-out ones, with intervals over images. Needs the supervision `group`.",
        examples=[[["pruned", "gabor", "category"]]],
    )
    specificity: Specificity = Field(
        Specificity(), description="What else ranks features, to tell whether a gain is the target's own."
    )
    reweighting: Reweighting | None = Field(
        None,
        description="Weights on all features as competitors of the pruned set; `null` fits none. They take "
        "minutes for each network and target, see docs/reweighting.md.",
    )
    transfer: Annotated[tuple[Transfer, ...], Field(strict=False)] = Field(
        (),
        description="Retained sets of other studies (or of this one) to score on this study's targets, without "
        "fitting anything: whether what was found there holds for these images, these people, these judgments.",
    )
    wordnet: WordNet | None = Field(
        None,
        description="Agreement with WordNet; `null` leaves it out, and what images show is then not looked up.",
    )
    multiverse: Multiverse | None = Field(
        None,
        description="Whether results hang on one choice: combinations of settings that are all run and tested "
        "together. `null` makes none; see docs/multiverse.md.",
    )
    features: Features | None = Field(
        Features(), description="What the retained features look at; `null` leaves the pages out."
    )
    report: Report = Field(Report(), description="What the report shows.")
    heatmaps: Heatmaps | None = Field(
        None,
        description="Occlusion maps: which parts of an image carry the isomorphism. `null` makes none; they take "
        "minutes for each network, see docs/heatmaps.md.",
    )
    accuracy: Accuracy | None = Field(
        None,
        description="Classification accuracy that is left with the retained features of a layer; `null` leaves it out.",
    )
    select: Select = Field(Select(), description="Which part of the study is computed in this run.")
    jobs: Jobs = Field(Jobs(), description="How much one job of a run does.")
    simulation: Simulation | None = Field(None, description="Simulated data in place of measured ones.")

    @model_validator(mode="after")
    def _belongs_together(self) -> Study:
        refuse(contradictions(self))
        return self

    def names(self, block: str) -> tuple[str, ...]:
        """Names of the entries of ``networks`` or ``targets``, in their order."""
        return tuple(entry.name for entry in getattr(self, block))

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the networks that can be shown images, those with a `model`."""
        return tuple(network.name for network in self.networks if network.model)

    def network(self, name: str) -> Network:
        """The network called ``name``.

        Raises
        ------
        UnknownNameError
            With the networks that exist.

        """
        choose(name, self.names("networks"), what="network", where="networks")
        return next(network for network in self.networks if network.name == name)

    def target(self, name: str) -> Target:
        """The target called ``name``.

        Raises
        ------
        UnknownNameError
            With the targets that exist.

        """
        choose(name, self.names("targets"), what="target", where="targets")
        return next(target for target in self.targets if target.name == name)

    @property
    def image_sets(self) -> tuple[str | None, ...]:
        """The stimulus sets that targets are about, each once; None stands for all images."""
        return tuple(dict.fromkeys(target.set for target in self.targets))

    def subjects_of(self, target: str) -> tuple[str, ...]:
        """Labels of the subjects that the target called ``target`` was measured in, in its own order."""
        own = self.target(target).subjects
        return self.subjects if own is None else own

    @property
    def selected_networks(self) -> tuple[str, ...]:
        """Names of the networks to compute, in the order of the study."""
        return _chosen(self.names("networks"), self.select.networks)

    @property
    def selected_targets(self) -> tuple[str, ...]:
        """Names of the targets to compute, in the order of the study."""
        return _chosen(self.names("targets"), self.select.targets)

    @property
    def selected_subjects(self) -> tuple[str, ...]:
        """Labels of the subjects to compute, in the order of the study."""
        return _chosen(self.subjects, self.select.subjects)

    @property
    def has_own_stimuli(self) -> bool:
        """Whether subjects may have seen different images, so that their RDMs have no mean."""
        return self.betas is not None and self.betas.stimuli == "per-subject"

    @property
    def is_simulated(self) -> bool:
        """Whether the data are simulated."""
        return self.simulation is not None

    @property
    def data_root(self) -> Path:
        """Folder in which relative data paths are looked up."""
        if self.is_simulated:
            return Path(self.results_dir) / self.study / "simulated"
        return Path(self.data_dir)

    @property
    def stimulus_table(self) -> Path:
        """Where the stimulus table is; of rows in the settings, a name in the folder of their images."""
        if self.stimuli.images is not None:
            return Path(self.stimuli.table)
        return self.data_path(self.stimuli.table or "stimuli.rows")

    @property
    def image_folder(self) -> Path:
        """Folder that image files are relative to."""
        images = self.stimuli.images
        return self.stimulus_table.parent if images is None else self.data_path(images)

    @property
    def labelled_images(self) -> tuple[Path, Path | None]:
        """Folder of the labelled images whose classification is judged, and their table, if they have one."""
        labels = self.accuracy.labels
        return self.data_path(self.accuracy.images), None if labels is None else self.data_path(labels)

    @property
    def nuisance_files(self) -> dict[str, str]:
        """Files of nuisances, relative to `data_dir`, by the nuisance's name."""
        return {nuisance_named(one): one for one in self.nuisance if FILE_NUISANCE.fullmatch(one)}

    def data_path(self, relative: str | Path) -> Path:
        """Where a data path of the settings points to; an absolute one stays as it is."""
        return self.data_root / relative


def _chosen(names: tuple[str, ...], choice: tuple[str, ...] | None) -> tuple[str, ...]:
    return names if choice is None else tuple(name for name in names if name in choice)
