"""What blocks of a study's settings contradict in each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isoprune.config.kinds import repeated
from isoprune.errors import ConfigError, IsopruneError, UnknownNameError
from isoprune.labels import choose, listing
from isoprune.nuisances import FILE_NUISANCE, IMAGE_NUISANCES, NUISANCES, nuisance_named

if TYPE_CHECKING:
    from isoprune.config.study import Study


def contradictions(study: Study) -> list[IsopruneError]:
    """Everything in a study's blocks that does not belong together, in the order in which it is told.

    Parameters
    ----------
    study : Study
        Settings whose blocks are valid each by itself.
    """
    checks = (
        _repeated_names,
        _best_of_problems,
        _unknown_subjects,
        _lonely_subjects,
        _subjectless_problems,
        _betas_problems,
        _selection_problems,
        _nuisance_names,
        _nuisance_problems,
        _wordnet_problems,
        _multiverse_problems,
        _reweighting_problems,
        _transfer_problems,
        _heatmap_problems,
        _accuracy_problems,
        _simulation_problems,
    )
    return [problem for check in checks for problem in check(study)]


def _repeated_names(study: Study) -> list[IsopruneError]:
    return [
        ConfigError(
            block, f"the name '{name}' is given twice", "every name once", "Rename one of the entries."
        )
        for block in ("networks", "targets")
        for name in repeated(study.names(block))
    ]


def _best_of_problems(study: Study) -> list[IsopruneError]:
    of_several = [network for network in study.networks if network.best_of]
    single = tuple(network.name for network in study.networks if not network.best_of)
    problems = [
        problem
        for network in of_several
        for problem in _unknown(network.best_of, single, "network", f"networks[{network.name}].best_of")
    ]
    asked = {*study.nuisance, *(name for partition in study.partitions for name in partition)}
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


def _unknown_subjects(study: Study) -> list[IsopruneError]:
    return [
        problem
        for target in study.targets
        for problem in _unknown(
            target.subjects, study.subjects, "subject", f"targets[{target.name}].subjects"
        )
    ]


def _lonely_subjects(study: Study) -> list[IsopruneError]:
    if "loso" not in study.supervision or not study.networks:
        return []
    remedy = "Leave `loso` out of `supervision`, or add subjects."
    return [
        ConfigError(
            f"targets[{target.name}].subjects",
            "1 subject, but `supervision` names `loso`",
            "at least 2 subjects, so that others are left to rank the features",
            remedy,
        )
        for target in study.targets
        if len(study.subjects_of(target.name)) == 1
    ]


def _subjectless_problems(study: Study) -> list[IsopruneError]:
    alone = [target for target in study.targets if not study.subjects_of(target.name)]
    problems: list[IsopruneError] = [
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
    if not study.networks or not alone:
        return problems
    single = [one for one in study.supervision if one != "group"]
    if "group" not in study.supervision:
        found = f"{listing(single)}, but target '{alone[0].name}' has no single subjects"
        remedy = "Add `group`: a target without subjects is scored as the group's RDM."
        problems.append(ConfigError("supervision", found, "`group` among them", remedy))
    elif len(alone) == len(study.targets) and single and "supervision" in study.model_fields_set:
        found = f"{listing(single)}, but no target has single subjects"
        remedy = "Write `supervision: [group]`, or name the subjects."
        problems.append(ConfigError("supervision", found, "`group` only", remedy))
    return problems


def _betas_problems(study: Study) -> list[IsopruneError]:
    masked = [target for target in study.targets if target.region is not None]
    if not masked:
        return []
    if study.betas is None:
        kind = next(iter(masked[0].region))
        what = "a mask" if kind == "mask" else f"the region `{kind}`"
        found = f"it is missing, but target '{masked[0].name}' has {what}"
        remedy = "Add the block `betas`."
        return [ConfigError("betas", found, "images, conditions and runs", remedy)]
    problems: list[IsopruneError] = [*study.betas.pattern_problems(several_subjects=len(study.subjects) > 1)]
    means = [one for one in ("group", "loso") if one in study.supervision]
    if study.betas.stimuli == "per-subject" and means and study.networks:
        found = f"`{means[0]}`, but subjects may have seen different stimuli (`betas.stimuli: per-subject`)"
        remedy = "Write `supervision: [own]`: RDMs of different stimuli have no mean."
        problems.append(ConfigError("supervision", found, "`own` only", remedy))
    return problems


def _selection_problems(study: Study) -> list[IsopruneError]:
    return [
        *_unknown(study.select.networks, study.names("networks"), "network", "select.networks"),
        *_unknown(study.select.targets, study.names("targets"), "target", "select.targets"),
        *_unknown(study.select.subjects, study.subjects, "subject", "select.subjects"),
    ]


def _nuisance_names(study: Study) -> list[IsopruneError]:
    names = [*study.names("networks"), *study.names("targets")]
    files = [entry for entry in study.nuisance if FILE_NUISANCE.fullmatch(entry)]
    named = [nuisance_named(entry) for entry in files]
    problems: list[IsopruneError] = [
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
        for name in study.nuisance
        if name in NUISANCES and name in names
    ]
    computed = [entry for entry in study.nuisance if entry not in files]
    problems += _unknown(computed, (*NUISANCES, *names), "nuisance", "nuisance")
    asked = [name for partition in study.partitions for name in partition]
    known = ("full", "pruned", *NUISANCES, *names, *named)
    return problems + _unknown(asked, known, "predictor", "partitions")


def _nuisance_problems(study: Study) -> list[IsopruneError]:
    problems: list[IsopruneError] = []
    asked = [name for partition in study.partitions for name in partition]
    if asked and "group" not in study.supervision:
        remedy = "Add `group` to `supervision`, or leave partitions out."
        found = "the group's RDM is not computed (`supervision`)"
        problems.append(ConfigError("partitions", found, "supervision `group`", remedy))
    problems += _nuisances_of_other_images(study, [*study.nuisance, *asked])
    for name in dict.fromkeys([*study.nuisance, *asked]):
        if name in IMAGE_NUISANCES and not study.models:
            found = f"'{name}', but no network has a `model`, so that no image is read"
            remedy = "Add the images to the stimulus table and a network with a `model`, or leave it out."
            problems.append(ConfigError("nuisance", found, "images to compute it from", remedy))
    if study.pruning.partial and not study.nuisance:
        remedy = "Name the nuisances, or set `partial: false`."
        problems.append(ConfigError("pruning.partial", "true, but `nuisance` is empty", "nuisances", remedy))
    return problems


def _nuisances_of_other_images(study: Study, names: list[str]) -> list[IsopruneError]:
    set_of = {target.name: target.set for target in study.targets}
    problems: list[IsopruneError] = [
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
    ]
    return problems[:1]


def _wordnet_problems(study: Study) -> list[IsopruneError]:
    if study.wordnet is None or ("group" in study.supervision and study.networks):
        return []
    remedy = "Add networks and `group` to `supervision`, or leave the block `wordnet` out."
    found = "the block is there, but features are not ranked by the group's RDM"
    return [ConfigError("wordnet", found, "networks, and supervision `group`", remedy)]


def _multiverse_problems(study: Study) -> list[IsopruneError]:
    if (multiverse := study.multiverse) is None:
        return []
    networks = study.names("networks")
    return [
        *_unknown(multiverse.networks, networks, "network", "multiverse.networks"),
        *_unknown(multiverse.targets, study.names("targets"), "target", "multiverse.targets"),
        *multiverse.problems(networks, study.supervision, study.pruning, study.crossvalidation),
    ]


def _reweighting_problems(study: Study) -> list[IsopruneError]:
    if study.reweighting is None:
        return []
    return [*study.reweighting.problems(study.supervision, bool(study.networks))]


def _transfer_problems(study: Study) -> list[IsopruneError]:
    networks = [one.network for one in study.transfer]
    return _unknown(networks, study.names("networks"), "network", "transfer.network")


def _heatmap_problems(study: Study) -> list[IsopruneError]:
    if (maps := study.heatmaps) is None:
        return []
    problems = [
        *_unknown(maps.networks, study.names("networks"), "network", "heatmaps.networks"),
        *_unknown(maps.targets, study.names("targets"), "target", "heatmaps.targets"),
        *_unknown(maps.subjects, study.subjects, "subject", "heatmaps.subjects"),
    ]
    return [*problems, *maps.problems(study.models, study.supervision, study.pruning.measure)]


def _accuracy_problems(study: Study) -> list[IsopruneError]:
    if (asked := study.accuracy) is None:
        return []
    domains = [domain.target for domain in asked.domains]
    return [
        *_unknown(asked.networks, study.names("networks"), "network", "accuracy.networks"),
        *_unknown(domains, study.names("targets"), "target", "accuracy.domains"),
        *asked.problems(study.models, study.supervision),
    ]


def _simulation_problems(study: Study) -> list[IsopruneError]:
    if study.simulation is None:
        return []
    where = "simulation.network"
    nothing_to_fetch = [
        ConfigError(
            "datasets",
            "data sets are named, but the data are simulated",
            "one or the other",
            "Remove `datasets`, or `simulation`.",
        )
    ] * bool(study.datasets)
    problems = [
        *nothing_to_fetch,
        *_unknown([study.simulation.network], study.names("networks"), "network", where),
        *_unknown(study.simulation.planted, study.names("targets"), "target", "simulation.planted"),
    ]
    if any(network.name == study.simulation.network and network.model is None for network in study.networks):
        found, remedy = (
            f"'{study.simulation.network}' has no `model`",
            "Choose a network with a `model`.",
        )
        problems.append(ConfigError(where, found, "a network that can be shown new pictures", remedy))
    if study.betas is not None:
        problems += study.betas.simulation_problems()
    problems += [
        ConfigError(
            f"targets[{target.name}]",
            "the study is simulated, but this target has ready-made RDMs or judgments"
            if target.region is None
            else f"the study is simulated, but this target has the region `{next(iter(target.region))}`",
            "a `mask`: betas and masks are what is simulated",
            "Give it a mask, or remove it.",
        )
        for target in study.targets
        if target.mask is None
    ]
    return problems


def _unknown(names, known: tuple[str, ...], what: str, where: str) -> list[IsopruneError]:
    problems: list[IsopruneError] = []
    for name in names or ():
        try:
            choose(name, known, what=what, where=where)
        except UnknownNameError as problem:
            problems.append(problem)
    return problems
