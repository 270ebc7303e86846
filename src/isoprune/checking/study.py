"""Everything that can be known of a study before it is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoprune.checking.brain import Brains, check_brains
from isoprune.checking.findings import Finding, Findings
from isoprune.checking.jobs import planned_jobs
from isoprune.checking.networks import check_networks
from isoprune.checking.stimuli import column_problems, folds_of_images, sizes_in_words
from isoprune.checking.targets import check_targets
from isoprune.classification.images import labelled_images
from isoprune.config import Study, load
from isoprune.costs import Cost, cost_of
from isoprune.errors import IsopruneError, MissingFileError
from isoprune.inputs import stimuli_of_study
from isoprune.io.files import check_writable, existing
from isoprune.io.tables import image_paths
from isoprune.nuisances import nuisance_of_study
from isoprune.simulation.stimuli import CATEGORIES
from isoprune.stimuli import stimuli_of_set

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class StudyCheck:
    """What a study has and lacks.

    Attributes
    ----------
    study : str
        Its name.
    findings : tuple of Finding
    problems : tuple of IsopruneError
        Empty if the study can be run.
    cost : Cost, optional
        Where all that it depends on is known.
    jobs : dict of str to int, optional
        Jobs that a run would start, by rule.
    """

    study: str
    findings: tuple[Finding, ...]
    problems: tuple[IsopruneError, ...]
    cost: Cost | None = None
    jobs: Mapping[str, int] | None = None

    def as_json(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        told = ("where", "found", "expected", "remedy")
        return {
            "study": self.study,
            "findings": [asdict(one) for one in self.findings],
            "problems": [
                {"error": type(one).__name__, **{key: getattr(one, key) for key in told}}
                for one in self.problems
            ],
            "cost": self.cost and asdict(self.cost),
            "jobs": self.jobs and dict(self.jobs),
        }


def check_study(study: Study) -> StudyCheck:
    """Look for everything that a study needs, without computing.

    Parameters
    ----------
    study : Study

    Returns
    -------
    StudyCheck
        With every problem, each as the job that would meet it raises it. Voxels and pixels are not read.
    """
    found = Findings()
    found.tried(check_writable, Path(study.results_dir) / study.study)
    if not study.data_root.is_dir() and not study.is_simulated:
        remedy = "Correct the setting, or give the folder by --data-dir."
        expected = "a folder that exists"
        found.problems.append(
            MissingFileError("data_dir", f"'{study.data_dir}' is not a folder", expected, remedy)
        )
        return StudyCheck(study.study, (), tuple(found.problems))
    return _simulated(study, found) if study.is_simulated else _measured(study, found)


def check_file(config: str | Path, data_dir: str | None = None, *, jobs: bool = True) -> StudyCheck:
    """Check the study of a YAML file, and count the jobs of a run where nothing stands in its way.

    Parameters
    ----------
    config : path
        The YAML file. What is wrong with the settings themselves is a problem like any other.
    data_dir : str, optional
        In place of the setting.
    jobs : bool
        Whether Snakemake counts the jobs, which takes some seconds.

    Returns
    -------
    StudyCheck
    """
    try:
        study = load(config)
    except IsopruneError as problem:
        return StudyCheck(Path(config).stem, (), (problem,))
    checked = check_study(study.model_copy(update={"data_dir": data_dir}) if data_dir else study)
    if checked.problems or not jobs:
        return checked
    try:
        return replace(checked, jobs=planned_jobs(config, data_dir))
    except IsopruneError as problem:
        return replace(checked, problems=(problem,))


def _simulated(study: Study, found: Findings) -> StudyCheck:
    n_images = study.simulation.n_per_category * len(CATEGORIES)
    about = f"{n_images} pictures, betas and masks are simulated when the study runs"
    found.note("stimuli", "", about, since=len(found.problems), later=True)
    n_features = check_networks(study, None, found)
    subjects = {target.name: study.subjects_of(target.name) for target in study.targets}
    return _concluded(study, found, n_images, n_features, subjects)


def _measured(study: Study, found: Findings) -> StudyCheck:
    stimuli = _check_stimuli(study, found)
    labels = None if stimuli is None else list(stimuli["stimulus"])
    n_features = check_networks(study, labels, found)
    check_targets(study, stimuli, found)
    brains = check_brains(study, labels, found)
    _check_other_files(study, stimuli, found)
    if stimuli is not None and study.networks:
        _check_folds(study, stimuli, brains, found)
    subjects = {
        target.name: brains.subjects.get(target.name, study.subjects_of(target.name))
        for target in study.targets
    }
    return _concluded(study, found, len(labels or ()), n_features, subjects)


def _concluded(
    study: Study,
    found: Findings,
    n_images: int,
    n_features: Mapping[str, int],
    subjects: Mapping[str, Sequence[str]],
) -> StudyCheck:
    known = n_images and study.networks and len(n_features) == len(study.networks)
    cost = cost_of(study, n_images, n_features, subjects) if known else None
    return StudyCheck(study.study, tuple(found.lines), tuple(found.distinct_problems()), cost)


def _check_stimuli(study: Study, found: Findings) -> pd.DataFrame | None:
    since = len(found.problems)
    stimuli = found.tried(stimuli_of_study, study)
    if stimuli is None:
        found.note("stimuli", "", str(study.stimulus_table), since=since)
        return None
    found.problems += column_problems(study, stimuli)
    about = f"{len(stimuli)} images; columns {', '.join(map(str, stimuli.columns))}"
    found.note("stimuli", "", about, since=since)
    if study.models:
        since = len(found.problems)
        paths = found.tried(image_paths, stimuli, study.stimulus_table, study.image_folder)
        about = "not all are there" if paths is None else f"{len(paths)} files are there"
        found.note("images", "", about, since=since)
    return stimuli


def _check_other_files(study: Study, stimuli: pd.DataFrame | None, found: Findings) -> None:
    """RDMs of nuisances, labelled images, and retained sets of other studies."""
    for name, file in study.nuisance_files.items():
        since = len(found.problems)
        path = study.data_path(file)
        found.tried(existing, path, where="nuisance", remedy="Correct the path, or the setting `data_dir`.")
        if len(found.problems) == since and stimuli is not None:
            found.tried(nuisance_of_study, name, stimuli, images_from=study.stimulus_table, file=path)
        found.note("nuisance", name, file, since=since)
    if study.accuracy:
        since = len(found.problems)
        images = found.tried(labelled_images, *study.labelled_images)
        about = "" if images is None else f"{len(images.files)} labelled images"
        found.note("accuracy", "", about, since=since)
    for one in study.transfer:
        since = len(found.problems)
        remedy = "Run the study that leaves it, or correct `transfer`."
        found.tried(existing, one.retained, where="transfer.retained", remedy=remedy)
        found.note("transfer", one.network, one.retained, since=since)


def _check_folds(study: Study, stimuli: pd.DataFrame, brains: Brains, found: Findings) -> None:
    """Sizes of the folds, of each stimulus set or of what each subject saw."""
    of_whom: dict[str, list[str]] = dict(brains.seen)
    if not study.has_own_stimuli:
        sets = {name or "": found.tried(stimuli_of_set, stimuli, name) for name in study.image_sets}
        of_whom = {name: list(images["stimulus"]) for name, images in sets.items() if images is not None}
    for name, labels in of_whom.items():
        since = len(found.problems)
        folds = found.tried(folds_of_images, study, stimuli, labels)
        found.note("folds", name, sizes_in_words(folds) if folds else "there can be none", since=since)
