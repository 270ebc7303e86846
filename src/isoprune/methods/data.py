"""What the methods text says of what goes in: images, targets, networks, and what ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from isoprune.methods.facts import StudyFacts
from isoprune.wording import count, enumeration

ARCHITECTURES = {
    "alexnet": "krizhevsky2014",
    "vgg": "simonyan2015",
    "mobilenet_v2": "sandler2018",
    "squeezenet": "iandola2016",
    "resnet": "he2016",
    "densenet": "huang2017",
    "googlenet": "szegedy2015",
    "inception": "szegedy2016",
    "vit": "dosovitskiy2021",
}
"""Who described an architecture, by how torchvision's names of it begin."""

PACKAGE_REFERENCES = {
    "numpy": "harris2020",
    "scipy": "virtanen2020",
    "torch": "paszke2019",
    "nilearn": "abraham2014",
    "rsatoolbox": "schutt2023",
    "nltk": "bird2009",
}

_WINDOWS = {"mean": "averaged over image positions", "flatten": "every channel at every position a feature"}


def question(facts: StudyFacts) -> Iterator[str]:
    """Which images, whose similarity spaces, and what was asked."""
    if facts.has_networks:
        yield (
            "We asked which features of a network carry its match with a similarity space, by supervised pruning "
            "[@tarigopula2023], a form of representational similarity analysis [@kriegeskorte2008]."
        )
    else:
        yield (
            "We described similarity spaces by the dissimilarities of images [@kriegeskorte2008]; no network was "
            "compared with them."
        )
    if facts.settings["simulation"]:
        planted = enumeration(facts.settings["simulation"]["planted"])
        yield (
            "**The data are simulated**: pictures were drawn, and voxels of simulated people respond to "
            f"{facts.settings['simulation']['n_planted']} planted features in {planted} and to none elsewhere."
        )
    for target in facts.settings["targets"]:
        name = target["name"]
        size = facts.of_target(name)
        kind = "human similarity judgments" if target["kind"] == "judgment" else "a brain region"
        of_set = f" (set {target['set']})" if target["set"] else ""
        who = count(size.n_subjects, "subject") if size.n_subjects > 1 else "one dissimilarity matrix"
        yield f"Target {name}: {kind}, {count(size.n_images, 'image')}{of_set}, {who}."


def features(facts: StudyFacts) -> Iterator[str]:
    """What the networks are, and how features were read out of them."""
    for network in facts.settings["networks"]:
        found = facts.embeddings[network["name"]]
        n = count(facts.of_network(network["name"]), "feature")
        if network["best_of"]:
            yield f"{network['name']} is the best of {enumeration(network['best_of'])} (see *Pruning*)."
        elif network["file"]:
            yield f"{network['name']}: {n} that were computed elsewhere and read from a file."
        else:
            yield _model(network, found, n)
    models = [one for one in facts.settings["networks"] if one["model"]]
    if models:
        transform = facts.embeddings[models[0]["name"]]["network"]["transform"]
        yield (
            f"Images were resized to {_pixels(transform['resize'])} ({transform['interpolation']} interpolation), "
            f"cut to {_pixels(transform['crop'])}, and normalised by ImageNet's mean and standard deviation, as "
            "torchvision prescribes for the weights."
        )
        if any(one["spatial"] == "mean" for one in models):
            yield "A layer that is a map over image positions gives one feature a channel, averaged over positions."
    yield f"The dissimilarity of two images in a network was {_first_order(facts)}."


def _model(network: Mapping[str, Any], found: Mapping[str, Any], n_features: str) -> str:
    key = next((key for start, key in ARCHITECTURES.items() if network["model"].startswith(start)), None)
    cite = f" [@{key}]" if key else ""
    about = found["network"]
    weights = f"weights {about['weights']}"
    if about["weights"].startswith("random"):
        weights = f"untrained ({about['weights']})"
    elif "IMAGENET" in about["weights"]:
        weights += ", trained on ImageNet [@russakovsky2015]"
    sha = about["weights_file_sha256"]
    hashed = f" (SHA-256 {sha[:12]}…)" if sha else ""
    side = "input" if found["side"] == "input" else "output"
    space = f", {_WINDOWS[network['spatial']]} where it is a map" if network["spatial"] == "flatten" else ""
    return (
        f"{network['name']}: torchvision's {network['model']}{cite}, {weights}{hashed}, {side} of the layer "
        f"`{found['module']}`{space}: {n_features}."
    )


def _pixels(sides: Any) -> str:
    sides = sides if isinstance(sides, list | tuple) else [sides]
    return f"{' × '.join(str(one) for one in sides)} pixels"


def _first_order(facts: StudyFacts) -> str:
    return {
        "correlation": "1 − Pearson's r over features",
        "cosine": "1 − the cosine over features",
        "euclidean": "the squared Euclidean distance over features",
    }[facts.settings["pruning"]["measure"]]


def targets(facts: StudyFacts) -> Iterator[str]:
    """How the targets' dissimilarities came about."""
    ready = [one["name"] for one in facts.settings["targets"] if one["rdms"]]
    if ready:
        yield f"The dissimilarities of {enumeration(ready)} were given ready-made."
        turned = [
            one["name"] for one in facts.settings["targets"] if one["rdms"] and one["rdms"]["similarity"]
        ]
        if turned:
            yield f"Those of {enumeration(turned)} were given as similarities and turned round."
    for target in facts.settings["targets"]:
        if target["ratings"]:
            low, high = target["ratings"]["scale"]
            yield f"Ratings of {target['name']} on a scale from {low:g} to {high:g} became dissimilarities from 0 to 1."
        if target["triplets"]:
            yield (
                f"Odd-one-out choices of {target['name']} became similarities: the share of triplets with both images "
                "in which the third was the odd one [@hebart2020]."
            )
    if facts.regions:
        yield from _patterns(facts)
        yield _second_measure(facts)
    if facts.uses("group") and any(facts.of_target(name).n_subjects > 1 for name in facts.targets):
        yield "The group's dissimilarities are the mean over subjects."


def reliability(facts: StudyFacts) -> Iterator[str]:
    """How reliable the targets' dissimilarities are said to be."""
    if facts.regions:
        yield (
            "Reliability within a subject, where there are runs to split, is the correlation of the dissimilarities of "
            "odd and of even runs, corrected for length after Spearman and Brown."
        )
    if any(facts.of_target(name).n_subjects > 1 for name in facts.targets):
        yield (
            "Agreement between subjects is the correlation of each subject's dissimilarities with the mean of the "
            "others [@nili2014]."
        )


def _patterns(facts: StudyFacts) -> Iterator[str]:
    betas, roi = facts.settings["betas"], facts.settings["roi"]
    names = enumeration(one["name"] for one in facts.regions)
    if betas["glm"]:
        yield _first_level(betas["glm"])
    elif betas["format"] == "glmsingle":
        yield "Single-trial responses were those of GLMsingle [@prince2022]."
    else:
        yield f"Response estimates were given ({betas['format']} files)."
    yield (
        f"Patterns of {names} are those of all voxels of the region that were measured (finite, and not "
        f"constant), at least {roi['min_voxels']}."
    )
    if roi["resample"]:
        yield "Regions on another grid were resampled to that of the responses by nearest neighbour."
    if roi["select_voxels"]:
        yield _selected(roi["select_voxels"])
    if roi["match_voxels"] is not None:
        n = (
            "the number of the subject's smallest region"
            if roi["match_voxels"] == "smallest"
            else roi["match_voxels"]
        )
        yield f"Regions of a subject were matched in size: a random draw of voxels ({n}) was kept in each."


def _first_level(glm: Mapping[str, Any]) -> str:
    what = {
        "condition": "one regressor for each condition of a run",
        "all": "one regressor for each trial, all in one model",
        "separate": "a model of its own for each trial [@mumford2012]",
    }[glm["method"]]
    noise = "first-order autoregressive noise" if glm["noise_model"] == "ar1" else "ordinary least squares"
    drift = (
        f"cosine drifts below {glm['high_pass']:g} Hz"
        if glm["drift"] == "cosine"
        else f"drift: {glm['drift']}"
    )
    return (
        "Responses were estimated from the BOLD signal run by run with nilearn [@abraham2014]: "
        f"{what}, haemodynamic response {glm['hrf']}, {noise}, {drift}, repetition time {glm['tr']:g} s."
    )


def _selected(selection: Mapping[str, Any]) -> str:
    keep = selection["keep"]
    number = f"the {keep} most reliable voxels" if keep >= 1 else f"the most reliable {keep:.0%} of voxels"
    of = {
        "runs": f"runs {enumeration(selection['runs'] or ())}, which were then left out of the patterns",
        "localiser": "a localiser",
        "same": "the very data that the patterns come from, which makes their reliability look better than it is "
        "[@kriegeskorte2009]",
    }[selection["source"]]
    return f"Of each region {number} were kept (correlation over conditions of two halves of the data), chosen by {of}."


def _second_measure(facts: StudyFacts) -> str:
    rdm = facts.settings["rdm"]
    measure = {
        "correlation": "1 − Pearson's r over voxels",
        "euclidean": "the squared Euclidean distance divided by the number of voxels",
        "mahalanobis": "the squared Mahalanobis distance",
        "crossnobis": "the cross-validated squared Mahalanobis distance (crossnobis), whose mean is 0 where patterns "
        "do not differ [@walther2016]",
    }[rdm["measure"]]
    noise = ""
    if _weighs(facts):
        sources = sorted({str(one["rdm"].get("noise", rdm["noise"])) for one in facts.rdms if "rdm" in one})
        shrunk = {
            "diagonal": "shrunk towards its diagonal [@schafer2005]",
            "identity": "shrunk towards equal variances [@ledoit2004]",
            "variances": "variances only",
            "none": "not shrunk",
        }[rdm["shrinkage"]]
        noise = f"; noise covariance from {enumeration(sources)}, {shrunk}"
    centred = (
        " Each voxel was z-scored over the conditions of a run."
        if rdm["run_zscore"]
        else " Each voxel's mean over the conditions of a run was subtracted."
        if rdm["run_centre"]
        else ""
    )
    return f"The dissimilarity of two patterns was {measure}{noise}.{centred}"


def _weighs(facts: StudyFacts) -> bool:
    """Whether voxels were weighed by the noise between them."""
    rdm = facts.settings["rdm"]
    return rdm["measure"] in ("mahalanobis", "crossnobis") and rdm["noise"] != "identity"


def shared(facts: StudyFacts) -> Iterator[str]:
    """What was made from all images before any were held out; none of it knows the network."""
    found = []
    if facts.regions:
        if facts.settings["betas"]["glm"]:
            found.append("the first-level model of the responses")
        if facts.settings["rdm"]["run_centre"] or facts.settings["rdm"]["run_zscore"]:
            found.append("normalisation of voxels over the conditions of a run")
        if facts.settings["roi"]["select_voxels"]:
            found.append("the choice of voxels by their reliability")
        if _weighs(facts):
            found.append("the noise covariance between voxels")
    if any(one["ratings"] or one["triplets"] for one in facts.settings["targets"]):
        found.append("the turning of judgments into dissimilarities")
    ready = any(one["rdms"] for one in facts.settings["targets"])
    if found:
        yield (
            f"{enumeration(found).capitalize()} used all images, training and held-out ones alike. None of this knows "
            "the network."
        )
    else:
        yield "No step of this analysis used training and held-out images together before features were chosen."
    if ready:
        yield "What made the dissimilarities that were given is for their authors to say."
    yield (
        "Everything that is chosen by the target (ranking, number of features"
        + (", weights and their penalties" if facts.has("reweighting") else "")
        + (", layer" if any(one["best_of"] for one in facts.settings["networks"]) else "")
        + ") used pairs of training images only; pairs of a training and a held-out image were used by neither."
    )


def software(facts: StudyFacts) -> Iterator[str]:
    """What ran, in which versions, as the records of the results have it."""
    versions = facts.software()
    own, python = (
        " and ".join(versions.pop(name, ["of unknown version"])) for name in ("isoprune", "python")
    )
    yield f"The analysis was run with isoprune {own} on Python {python}, as a Snakemake workflow [@molder2021]."
    used = {name: of for name, of in versions.items() if _is_used(name, facts)}
    if used:
        words = [
            f"{name} {' and '.join(of)}"
            + (f" [@{PACKAGE_REFERENCES[name]}]" if name in PACKAGE_REFERENCES else "")
            for name, of in used.items()
        ]
        yield f"It used {enumeration(words)}."
    pruned = (
        f"Pruning ran on {enumeration(facts.backends)}" if facts.backends else "All numbers were computed"
    )
    yield f"{pruned} in 64-bit floating point; the seed was {facts.settings['seed']}."


def _is_used(package: str, facts: StudyFacts) -> bool:
    """Whether a package that was installed had a part in the numbers of the study."""
    needed = {
        "nibabel": bool(facts.regions),
        "nilearn": _needs_nilearn(facts),
        "torch": any(one["model"] for one in facts.settings["networks"])
        or "cuda" in " ".join(facts.backends),
        "torchvision": any(one["model"] for one in facts.settings["networks"]),
        "nltk": facts.has("wordnet"),
        "numba": any("numba" in one for one in facts.backends),
        # The library's estimator has its interface; no number of a study comes from it.
        "scikit-learn": False,
    }
    return needed.get(package, True)


def _needs_nilearn(facts: StudyFacts) -> bool:
    fetched = any(one["fetch"] for one in facts.regions)
    return bool(facts.regions) and bool(
        fetched or facts.settings["betas"]["glm"] or facts.settings["roi"]["resample"]
    )
