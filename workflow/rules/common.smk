"""What all stages share: the checked settings, what the study has, and files that settings name."""

import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# The library of this very clone, here and in the environments that jobs run in.
SOURCE = str(Path(workflow.basedir) / "src")
sys.path.insert(0, SOURCE)
shell.prefix(f"set -euo pipefail; export PYTHONPATH={shlex.quote(SOURCE)}:${{{{PYTHONPATH:-}}}}; ")

from isoprune.config import load
from isoprune.errors import IsopruneError
from isoprune.io.files import check_writable, existing
from isoprune.io.leftovers import tidy


def named_errors(function, *arguments, **settings):
    """Call a function; a named error stops the workflow with its own words and no traceback."""
    try:
        return function(*arguments, **settings)
    except IsopruneError as problem:
        raise WorkflowError(f"{type(problem).__name__}: {problem}") from None


STUDY = named_errors(load, config)
RESULTS = f"{STUDY.results_dir}/{STUDY.study}"
named_errors(check_writable, RESULTS)
if workflow.is_main_process:
    tidy(RESULTS)


include: "inputs/datasets.smk"


if STUDY.lock and not LACKING and workflow.is_main_process:  # not again in every job: it reads all inputs
    from isoprune.lock import check_lock

    named_errors(check_lock, STUDY.lock, STUDY)

# Categories of the report, numbered so that they sort in the order of the argument.
CATEGORY = {
    "question": "1 Question",
    "quality": "2 Data quality",
    "results": "3 Held-out results",
    "nulls": "4 Nulls",
    "sets": "5 Retained sets",
    "heatmaps": "6 Heatmaps",
    "answer": "7 Known answer",
    "methods": "8 Methods",
    "run": "9 Run",
}

GROUP = "group"
TARGETS = [target.name for target in STUDY.targets]
READY_TARGETS = [target.name for target in STUDY.targets if target.rdms]
JUDGED_TARGETS = [target.name for target in STUDY.targets if target.judgments]
BETA_TARGETS = [target.name for target in STUDY.targets if target.region]
# Targets that are one RDM, of nobody in particular.
SINGLE_RDMS = [target.name for target in STUDY.targets if not STUDY.subjects_of(target.name)]
BETAS = STUDY.betas.model_dump(mode="json") if STUDY.betas else None
MODELS = list(STUDY.models)
SWEEPS = {network.name: network.best_of for network in STUDY.networks if network.best_of}
EMBEDDING_FILES = [network.name for network in STUDY.networks if network.file]


wildcard_constraints:
    network="[A-Za-z0-9]+",
    target="[A-Za-z0-9]+",
    subject="[A-Za-z0-9]+",
    supervision="own|group|loso",
    kind="roi|judgment",


def any_of(names):
    """A wildcard pattern that matches these names, and nothing when there are none."""
    return "|".join(names) or "(?!)"


def existing_data(relative, where):
    """The path of a data file, after checking that it is there."""
    return existing_file(STUDY.data_path(relative), where)


def existing_file(path, where):
    """A path, after checking that it is there."""
    remedy = "Correct the path, or the setting `data_dir`, below which data files are looked up."
    return named_errors(existing, path, where=where, remedy=remedy)


def labels_from(setting, where):
    """The text file of labels that a setting names, if it names one."""
    return [] if setting in ("file", "table", "sorted") else [existing_data(setting, where)]


def network_settings(wildcards):
    """The settings that a network's embedding depends on, as the script receives them."""
    return STUDY.network(wildcards.network).model_dump(mode="json")


def weights_file(wildcards):
    """The local weights file of a network, if it has one."""
    network = STUDY.network(wildcards.network)
    where = f"networks[{network.name}].weights"
    return [existing_data(network.weights, where)] if network.has_weights_file else []


if not LACKING:

    include: "inputs/stimuli.smk"
    include: "inputs/rdms.smk"
    include: "inputs/units.smk"
