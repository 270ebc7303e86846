"""A checklist for reporting: items of the COBIDAS report (Nichols et al. 2017) that a study answers, and the others.

The items are ours in words and follow the seven areas of that report. What the settings and results of a study cannot
know is the author's to fill, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from isoprune.methods.analysis import competitors, crossvalidation, inference, pruning, uncertainty
from isoprune.methods.data import features, question, reliability, shared, software, targets
from isoprune.methods.facts import Size, StudyFacts
from isoprune.methods.references import with_names
from isoprune.wording import count, enumeration

if TYPE_CHECKING:
    import pandas as pd

CHECKLIST_COLUMNS = {
    "area": "Area of the COBIDAS report (Nichols et al. 2017, Nature Neuroscience 20:299).",
    "item": "What is to be reported.",
    "answered": "Whether settings and results answer it.",
    "answer": "The answer; or that it is the author's to fill.",
}

FOR_THE_AUTHOR = "For the author to fill."

Answer = Callable[[StudyFacts], str]


def _subjects(facts: StudyFacts) -> str:
    return enumeration(_of_each(facts, lambda size: count(size.n_subjects, "subject"))) + "."


def _stimuli(facts: StudyFacts) -> str:
    return enumeration(_of_each(facts, lambda size: count(size.n_images, "image"))) + "."


def _of_each(facts: StudyFacts, say: Callable[[Size], str]) -> Iterable[str]:
    return (f"{name}: {say(facts.of_target(name))}" for name in facts.targets)


def _plan(facts: StudyFacts) -> str:
    return (
        "Settings, inputs and folds were frozen before the run and checked against it."
        if facts.has("lock")
        else ""
    )


def _voxels(facts: StudyFacts) -> str:
    return (
        "qc/voxels.tsv: voxels of every subject and region, and those dropped, with the reason."
        if facts.regions
        else ""
    )


def _quality(facts: StudyFacts) -> str:
    several = any(facts.of_target(name).n_subjects > 1 for name in facts.targets)
    tables = ["qc/intersubject.tsv (agreement between subjects)"] if several else []
    tables += ["qc/reliability.tsv (reliability within subjects)"] if facts.regions else []
    judged = any(one["ratings"] or one["triplets"] for one in facts.settings["targets"])
    tables += ["qc/judgments.tsv (reliability of raters)"] if judged else []
    return f"{enumeration(tables)}." if tables else ""


def _first_level(facts: StudyFacts) -> str:
    return next(targets(facts)) if facts.regions and facts.settings["betas"]["glm"] else ""


def _exclusions(facts: StudyFacts) -> str:
    undefined = int(facts.summary["n_undefined"].sum())
    return (
        f"Scores of a fold and competitor that are undefined, and counted: {undefined}. Reasons: folds.tsv."
    )


def _nuisances(facts: StudyFacts) -> str:
    names = facts.settings["nuisance"]
    return f"Removed from both sides in partial scores: {enumeration(names)}." if names else ""


def _heatmaps(facts: StudyFacts) -> str:
    return "heatmaps.tsv, and an image for every map in heatmaps/." if facts.has("heatmaps") else ""


def _fixed(text: str) -> Answer:
    return lambda _: text


def _of(*paragraphs: Callable[[StudyFacts], Iterable[str]]) -> Answer:
    return lambda facts: with_names(" ".join(sentence for write in paragraphs for sentence in write(facts)))


_AUTHOR = _fixed("")
_RELIABILITY, _MEANING = "Reliability of the targets", "What the results mean, and do not"

ITEMS: dict[str, dict[str, Answer]] = {
    "Experimental design": {
        "Number of subjects": _subjects,
        "Subjects: recruitment, inclusion and exclusion, demographics": _AUTHOR,
        "Ethics: approval and consent": _AUTHOR,
        "Question and type of study": _of(question),
        "Number of stimuli": _stimuli,
        "Stimuli: source, size on the screen, timing, task of the subjects": _AUTHOR,
        "Planned sample size, and how it was decided": _AUTHOR,
        "Analysis plan: fixed before results were seen": _plan,
    },
    "Acquisition": {
        "Scanner, sequence, coverage, resolution": _AUTHOR,
        "Behaviour: instructions, number of judgments, quality of the answers": _AUTHOR,
        "Quality control of what was measured": _quality,
    },
    "Preprocessing": {
        "Correction of motion, slice timing and distortion; registration; smoothing": _AUTHOR,
        "First-level model of the responses": _first_level,
        "Regions of interest, voxels used and dropped": _voxels,
        "Dissimilarities of the targets": _of(targets),
        "Steps that used training and held-out images together": _of(shared),
    },
    "Statistical modelling and inference": {
        "Predictors: networks, weights, layers, preprocessing of images": _of(features),
        "Model and how it was fitted": _of(pruning),
        "Cross-validation": _of(crossvalidation),
        "Models compared": _of(competitors),
        "Confounds": _nuisances,
        "Tests, their assumptions, and correction for multiple testing": _of(inference),
        "Noise ceilings and intervals": _of(uncertainty),
        _RELIABILITY: _of(reliability),
    },
    "Results": {
        "Effect sizes with intervals": _fixed("summary.tsv (scores) and contrasts.tsv (paired differences)."),
        "Everything tested, significant or not": _fixed(
            "Every row of summary.tsv and contrasts.tsv; the family that a p is adjusted over stands in the row."
        ),
        "Missing and excluded data": _exclusions,
        "Maps": _heatmaps,
        _MEANING: _AUTHOR,
    },
    "Data sharing": {
        "Where data are, in which form, under which licence": _AUTHOR,
        "Derived data": _fixed(
            "All tables are TSV with a description of each column; dissimilarities and features are rsatoolbox HDF5."
        ),
    },
    "Reproducibility": {
        "Software and versions": _of(software),
        "Workflow": _fixed(
            "One Snakemake workflow from the inputs to the report; all settings stand in the report."
        ),
        "Provenance": _fixed(
            "Every result carries the hashes of its settings and inputs; see the page on the run."
        ),
        "Randomness": lambda facts: f"All random numbers follow from the seed {facts.settings['seed']}.",
        "Where code and settings of the study are archived": _AUTHOR,
    },
}
"""Items by area, with what answers each; an empty answer is the author's to fill."""

OF_NETWORKS = frozenset(
    {
        "Steps that used training and held-out images together",
        *(item for item in ITEMS["Statistical modelling and inference"] if item != _RELIABILITY),
        *(item for item in ITEMS["Results"] if item != _MEANING),
    }
)
"""Items that a study without networks does not have."""


def checklist(facts: StudyFacts) -> pd.DataFrame:
    """The checklist of a study, a row an item; columns as `CHECKLIST_COLUMNS`.

    Parameters
    ----------
    facts : StudyFacts
    """
    import pandas as pd

    rows = [
        {
            "area": area,
            "item": item,
            "answered": bool(answer := find(facts)),
            "answer": answer or FOR_THE_AUTHOR,
        }
        for area, items in ITEMS.items()
        for item, find in items.items()
        if facts.has_networks or item not in OF_NETWORKS
    ]
    return pd.DataFrame(rows, columns=list(CHECKLIST_COLUMNS))
