"""Targets that are ready RDMs or single judgments: files, subjects, labels and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from isoprune.checking.findings import Findings
from isoprune.config import Study
from isoprune.config.inputs import Target
from isoprune.inputs import labels_file
from isoprune.io.files import existing
from isoprune.io.ready_rdms import read_ready_rdm
from isoprune.judgments import judged_rdm
from isoprune.labelled import GROUP
from isoprune.stimuli import labels_in_order, stimuli_of_set

if TYPE_CHECKING:
    import pandas as pd

_REMEDY = "Correct the path, or the setting `data_dir`, below which data files are looked up."


def check_targets(study: Study, stimuli: pd.DataFrame | None, found: Findings) -> None:
    """Look at every target that is not measured from betas.

    Parameters
    ----------
    study : Study
    stimuli : DataFrame or None
        The stimulus table, which RDMs are joined to; None where it cannot be used.
    found : Findings
        Takes what is found.
    """
    for target in study.targets:
        if target.region is not None:
            continue
        since = len(found.problems)
        labels: Sequence[str] | None = None
        if stimuli is not None:
            images = found.tried(stimuli_of_set, stimuli, target.set)
            labels = None if images is None else list(images["stimulus"])
        check = _check_ready if target.rdms else _check_judged
        subjects = study.subjects_of(target.name) or (GROUP,)
        n_usable = sum(bool(found.tried(check, study, target, subject, labels)) for subject in subjects)
        file = target.rdms.file if target.rdms else target.judgment_file
        of_whom = "the RDM of the group" if subjects == (GROUP,) else f"RDMs of {n_usable} of {len(subjects)}"
        about = f"{file}: {of_whom}{'' if subjects == (GROUP,) else ' subjects'}"
        found.note("target", target.name, about, since=since)


def _check_ready(study: Study, target: Target, subject: str, labels: Sequence[str] | None) -> bool:
    """Read one subject's RDM and join it to the stimuli, as its job does."""
    rdms, where = target.rdms, f"targets[{target.name}].rdms"
    paths = [
        existing(path, where=f"{where}.labels", remedy=_REMEDY) for path in labels_file(study, rdms.labels)
    ]
    path = study.data_path(rdms.file.format(subject=subject))
    of_all = study.subjects_of(target.name) or (GROUP,)
    if labels is None and rdms.labels in ("table", "sorted"):
        return existing(path, where=f"{where}.file", remedy=_REMEDY).is_file()
    rdm = read_ready_rdm(
        existing(path, where=f"{where}.file", remedy=_REMEDY),
        key=rdms.key,
        labels=labels_in_order(rdms.labels, labels or (), *paths),
        subjects=[subject] if "{subject}" in rdms.file else list(of_all),
        similarity=rdms.similarity,
        target=target.name,
        subject=subject,
    )
    if labels is not None:
        rdm.select(labels, "the stimulus table")
    return True


def _check_judged(study: Study, target: Target, subject: str, labels: Sequence[str] | None) -> bool:
    """Make the RDM of one rater, or of all, as its job does."""
    path = existing(study.data_path(target.judgment_file), where=f"targets[{target.name}]", remedy=_REMEDY)
    if labels is not None:
        judged_rdm(path, labels, target.judgments, target=target.name, subject=subject)
    return True
