"""A study: all of its settings together, and what follows from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from isoprune.config.accuracy import Accuracy
from isoprune.config.analysis import (
    CrossValidation,
    Inference,
    Pruning,
    Rdm,
    Roi,
    Select,
    Simulation,
    Specificity,
    Transfer,
)
from isoprune.config.betas import Betas
from isoprune.config.heatmaps import Heatmaps
from isoprune.config.inputs import Embedding, Network, Stimuli, Target
from isoprune.config.kinds import Block, FilePath, Name, NoNames, Text, refuse, repeated, unique
from isoprune.config.layers import with_layers
from isoprune.config.multiverse import Multiverse
from isoprune.config.reporting import Features, Report, WordNet
from isoprune.config.reweighting import Reweighting
from isoprune.errors import ConfigError, IsopruneError, UnknownNameError
from isoprune.labels import choose, listing
from isoprune.nuisances import FILE_NUISANCE, IMAGE_NUISANCES, NUISANCES, nuisance_named


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
    simulation: Simulation | None = Field(None, description="Simulated data in place of measured ones.")

    @model_validator(mode="after")
    def _belongs_together(self) -> Study:
        refuse(
            [
                *self._repeated_names(),
                *self._best_of_problems(),
                *self._unknown_subjects(),
                *self._lonely_subjects(),
                *self._subjectless_problems(),
                *self._betas_problems(),
                *self._selection_problems(),
                *self._nuisance_problems(),
                *self._wordnet_problems(),
                *self._multiverse_problems(),
                *self._reweighting_problems(),
                *_unknown(
                    [one.network for one in self.transfer],
                    self._names("networks"),
                    "network",
                    "transfer.network",
                ),
                *self._heatmap_problems(),
                *self._accuracy_problems(),
                *self._simulation_problems(),
            ]
        )
        return self

    def _repeated_names(self) -> list[IsopruneError]:
        return [
            ConfigError(
                block, f"the name '{name}' is given twice", "every name once", "Rename one of the entries."
            )
            for block in ("networks", "targets")
            for name in repeated(entry.name for entry in getattr(self, block))
        ]

    def _best_of_problems(self) -> list[IsopruneError]:
        of_several = [network for network in self.networks if network.best_of]
        single = tuple(network.name for network in self.networks if not network.best_of)
        problems = [
            problem
            for network in of_several
            for problem in _unknown(network.best_of, single, "network", f"networks[{network.name}].best_of")
        ]
        asked = {*self.nuisance, *(name for partition in self.partitions for name in partition)}
        remedy = "Name one of the networks that it is the best of."
        return problems + [
            ConfigError(
                "nuisance",
                f"'{network.name}', which is another network in other folds (`best_of`)",
                "a nuisance with one RDM",
                remedy,
            )
            for network in of_several
            if network.name in asked
        ]

    def _unknown_subjects(self) -> list[IsopruneError]:
        return [
            problem
            for target in self.targets
            for problem in _unknown(
                target.subjects, self.subjects, "subject", f"targets[{target.name}].subjects"
            )
        ]

    def _lonely_subjects(self) -> list[IsopruneError]:
        if "loso" not in self.supervision or not self.networks:
            return []
        remedy = "Leave `loso` out of `supervision`, or add subjects."
        return [
            ConfigError(
                f"targets[{target.name}].subjects",
                "1 subject, but `supervision` names `loso`",
                "at least 2 subjects, so that others are left to rank the features",
                remedy,
            )
            for target in self.targets
            if len(self.subjects_of(target.name)) == 1
        ]

    def _subjectless_problems(self) -> list[IsopruneError]:
        alone = [target for target in self.targets if not self.subjects_of(target.name)]
        problems = [
            ConfigError(
                f"targets[{target.name}].subjects",
                "no subject",
                "at least 1: "
                + ("a region" if target.region else f"a file with {{subject}} ({target.rdms.file})")
                + " is measured in each of them",
                "Name the subjects.",
            )
            for target in alone
            if target.region or (target.rdms and "{subject}" in target.rdms.file)
        ]
        if not self.networks or not alone:
            return problems
        single = [one for one in self.supervision if one != "group"]
        if "group" not in self.supervision:
            found = f"{listing(single)}, but target '{alone[0].name}' has no single subjects"
            remedy = "Add `group`: a target without subjects is scored as the group's RDM."
            problems.append(ConfigError("supervision", found, "`group` among them", remedy))
        elif len(alone) == len(self.targets) and single and "supervision" in self.model_fields_set:
            found = f"{listing(single)}, but no target has single subjects"
            remedy = "Write `supervision: [group]`, or name the subjects."
            problems.append(ConfigError("supervision", found, "`group` only", remedy))
        return problems

    def _betas_problems(self) -> list[IsopruneError]:
        masked = [target for target in self.targets if target.region is not None]
        if not masked:
            return []
        if self.betas is None:
            kind = next(iter(masked[0].region))
            what = "a mask" if kind == "mask" else f"the region `{kind}`"
            found = f"it is missing, but target '{masked[0].name}' has {what}"
            remedy = "Add the block `betas`."
            return [ConfigError("betas", found, "images, conditions and runs", remedy)]
        problems = self.betas.pattern_problems(several_subjects=len(self.subjects) > 1)
        means = [one for one in ("group", "loso") if one in self.supervision]
        if self.betas.stimuli == "per-subject" and means and self.networks:
            found = (
                f"`{means[0]}`, but subjects may have seen different stimuli (`betas.stimuli: per-subject`)"
            )
            remedy = "Write `supervision: [own]`: RDMs of different stimuli have no mean."
            problems.append(ConfigError("supervision", found, "`own` only", remedy))
        return problems

    def _selection_problems(self) -> list[IsopruneError]:
        return [
            *_unknown(self.select.networks, self._names("networks"), "network", "select.networks"),
            *_unknown(self.select.targets, self._names("targets"), "target", "select.targets"),
            *_unknown(self.select.subjects, self.subjects, "subject", "select.subjects"),
        ]

    def _nuisance_problems(self) -> list[IsopruneError]:
        names = [*self._names("networks"), *self._names("targets")]
        files = [entry for entry in self.nuisance if FILE_NUISANCE.fullmatch(entry)]
        named = [nuisance_named(entry) for entry in files]
        problems = [
            ConfigError(
                "nuisance",
                f"the file '{entry}' would be called '{name}', as something else is",
                "letters and digits in its name that nothing else has",
                "Rename the file.",
            )
            for entry, name in zip(files, named, strict=True)
            if not name or name in (*NUISANCES, *names, "full", "pruned") or named.count(name) > 1
        ]
        problems += [
            ConfigError(
                "nuisance",
                f"'{name}' is a nuisance that is computed, and the name of a network or target",
                "one meaning of every name",
                "Rename the network or target.",
            )
            for name in self.nuisance
            if name in NUISANCES and name in names
        ]
        computed = [entry for entry in self.nuisance if entry not in files]
        problems += _unknown(computed, (*NUISANCES, *names), "nuisance", "nuisance")
        asked = [name for partition in self.partitions for name in partition]
        known = ("full", "pruned", *NUISANCES, *names, *named)
        problems += _unknown(asked, known, "predictor", "partitions")
        if asked and "group" not in self.supervision:
            remedy = "Add `group` to `supervision`, or leave partitions out."
            found = "the group's RDM is not computed (`supervision`)"
            problems.append(ConfigError("partitions", found, "supervision `group`", remedy))
        problems += self._nuisances_of_other_images([*self.nuisance, *asked])
        for name in dict.fromkeys([*self.nuisance, *asked]):
            if name in IMAGE_NUISANCES and not any(network.model for network in self.networks):
                found = f"'{name}', but no network has a `model`, so that no image is read"
                remedy = "Add the images to the stimulus table and a network with a `model`, or leave it out."
                problems.append(ConfigError("nuisance", found, "images to compute it from", remedy))
        if self.pruning.partial and not self.nuisance:
            remedy = "Name the nuisances, or set `partial: false`."
            problems.append(
                ConfigError("pruning.partial", "true, but `nuisance` is empty", "nuisances", remedy)
            )
        return problems

    def _nuisances_of_other_images(self, names: list[str]) -> list[IsopruneError]:
        set_of = {target.name: target.set for target in self.targets}
        return [
            ConfigError(
                "nuisance",
                f"target '{name}' is about the stimulus set {set_of[name] or '(all images)'}, but target '{other}' "
                f"about {set_of[other] or '(all images)'}",
                "a nuisance that is about the images of every target",
                "Leave it out, or give the other targets a study of their own.",
            )
            for name in dict.fromkeys(names)
            if set_of.get(name) is not None
            for other in list(set_of)
            if set_of[other] != set_of[name]
        ][:1]

    def _wordnet_problems(self) -> list[IsopruneError]:
        if self.wordnet is None or ("group" in self.supervision and self.networks):
            return []
        remedy = "Add networks and `group` to `supervision`, or leave the block `wordnet` out."
        found = "the block is there, but features are not ranked by the group's RDM"
        return [ConfigError("wordnet", found, "networks, and supervision `group`", remedy)]

    def _multiverse_problems(self) -> list[IsopruneError]:
        if (multiverse := self.multiverse) is None:
            return []
        networks = self._names("networks")
        return [
            *_unknown(multiverse.networks, networks, "network", "multiverse.networks"),
            *_unknown(multiverse.targets, self._names("targets"), "target", "multiverse.targets"),
            *multiverse.problems(networks, self.supervision, self.pruning, self.crossvalidation),
        ]

    def _reweighting_problems(self) -> list[IsopruneError]:
        if self.reweighting is None:
            return []
        return self.reweighting.problems(self.supervision, bool(self.networks))

    def _heatmap_problems(self) -> list[IsopruneError]:
        if (maps := self.heatmaps) is None:
            return []
        problems = [
            *_unknown(maps.networks, self._names("networks"), "network", "heatmaps.networks"),
            *_unknown(maps.targets, self._names("targets"), "target", "heatmaps.targets"),
            *_unknown(maps.subjects, self.subjects, "subject", "heatmaps.subjects"),
        ]
        models = tuple(network.name for network in self.networks if network.model)
        return [*problems, *maps.problems(models, self.supervision, self.pruning.measure)]

    def _accuracy_problems(self) -> list[IsopruneError]:
        if (asked := self.accuracy) is None:
            return []
        domains = [domain.target for domain in asked.domains]
        models = tuple(network.name for network in self.networks if network.model)
        return [
            *_unknown(asked.networks, self._names("networks"), "network", "accuracy.networks"),
            *_unknown(domains, self._names("targets"), "target", "accuracy.domains"),
            *asked.problems(models, self.supervision),
        ]

    def _simulation_problems(self) -> list[IsopruneError]:
        if self.simulation is None:
            return []
        where = "simulation.network"
        problems = [
            *_unknown([self.simulation.network], self._names("networks"), "network", where),
            *_unknown(self.simulation.planted, self._names("targets"), "target", "simulation.planted"),
        ]
        if any(
            network.name == self.simulation.network and network.model is None for network in self.networks
        ):
            found, remedy = (
                f"'{self.simulation.network}' has no `model`",
                "Choose a network with a `model`.",
            )
            problems.append(ConfigError(where, found, "a network that can be shown new pictures", remedy))
        if self.betas is not None:
            problems += self.betas.simulation_problems()
        problems += [
            ConfigError(
                f"targets[{target.name}]",
                "the study is simulated, but this target has ready-made RDMs or judgments"
                if target.region is None
                else f"the study is simulated, but this target has the region `{next(iter(target.region))}`",
                "a `mask`: betas and masks are what is simulated",
                "Give it a mask, or remove it.",
            )
            for target in self.targets
            if target.mask is None
        ]
        return problems

    def _names(self, block: str) -> tuple[str, ...]:
        return tuple(entry.name for entry in getattr(self, block))

    def network(self, name: str) -> Network:
        """The network called ``name``.

        Raises
        ------
        UnknownNameError
            With the networks that exist.

        """
        choose(name, self._names("networks"), what="network", where="networks")
        return next(network for network in self.networks if network.name == name)

    def target(self, name: str) -> Target:
        """The target called ``name``.

        Raises
        ------
        UnknownNameError
            With the targets that exist.

        """
        choose(name, self._names("targets"), what="target", where="targets")
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
        return _chosen(self._names("networks"), self.select.networks)

    @property
    def selected_targets(self) -> tuple[str, ...]:
        """Names of the targets to compute, in the order of the study."""
        return _chosen(self._names("targets"), self.select.targets)

    @property
    def selected_subjects(self) -> tuple[str, ...]:
        """Labels of the subjects to compute, in the order of the study."""
        return _chosen(self.subjects, self.select.subjects)

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


def _unknown(names, known: tuple[str, ...], what: str, where: str) -> list[IsopruneError]:
    problems: list[IsopruneError] = []
    for name in names or ():
        try:
            choose(name, known, what=what, where=where)
        except UnknownNameError as problem:
            problems.append(problem)
    return problems
