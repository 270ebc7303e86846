"""Batches: what a job reads for all its units, and what each of them takes of it, so that no result depends on others.

A job has one unit, or those of a network and subject for several targets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from isoprune.errors import LabelError
from isoprune.io.embeddings import read_embedding
from isoprune.io.rdms import read_rdm
from isoprune.io.tables import read_stimuli
from isoprune.labelled import GROUP, RDM, Embedding
from isoprune.stimuli import stimuli_with
from isoprune.transfer import supervising_rdm

if TYPE_CHECKING:
    import pandas as pd

RDMFiles = Mapping[tuple[str, str], tuple[str | Path, RDM]]
"""Path and RDM of each target and subject."""


@dataclass(frozen=True)
class UnitInputs:
    """What the analysis of a unit is given.

    Attributes
    ----------
    scored, supervising : RDM
        What is predicted, and what ranks the features.
    stimuli : DataFrame
        The rows of the stimulus table that are about the unit's images.
    nuisances : list of RDM
        A target is not removed from itself.
    rivals : dict of str to RDM
        By name of another target, what would rank the features under the same supervision.
    files : dict
        Role and path of each file, but of those of rivals.
    """

    scored: RDM
    supervising: RDM
    stimuli: pd.DataFrame
    nuisances: list[RDM]
    rivals: dict[str, RDM]
    files: dict[str, str | Path | list[str | Path]]


@dataclass(frozen=True)
class JobInputs:
    """What a job is given for its units.

    Attributes
    ----------
    embedding : Embedding
    stimuli : DataFrame
        The stimulus table.
    rdms, nuisances : mapping
        As `read_rdms` gives them; where subjects are left out, of all who have the target.
    files : dict
        Path of the embedding and the table.
    """

    embedding: Embedding
    stimuli: pd.DataFrame
    rdms: RDMFiles
    nuisances: RDMFiles
    files: dict[str, str]

    def of_unit(self, unit: Mapping[str, str], rivals: Sequence[str] = ()) -> UnitInputs:
        """Take what is about one unit.

        Parameters
        ----------
        unit : mapping
            ``target``, ``subject``, ``supervision``; by `loso` everybody ranks but the subject.
        rivals : sequence of str
            Other targets that rank features, of those that the subject has.

        Raises
        ------
        LabelError
            If the unit's own RDM is not there: a file that bears its name is another's.
        InferenceError, RDMError
            As `isoprune.transfer.supervising_rdm`.
        """
        target = unit["target"]
        scored, supervising, files = targets_of_unit(unit, self.rdms)
        nuisances = [one for key, one in self.nuisances.items() if key[0] != target]
        of_rivals = {name: [self.rdms[key][1] for key in _ranking(unit, name, self.rdms)] for name in rivals}
        return UnitInputs(
            scored,
            supervising,
            stimuli_with(self.stimuli, scored.labels),
            [rdm for _, rdm in nuisances],
            {name: supervising_rdm(found, scored) for name, found in of_rivals.items() if found},
            {**self.files, **files, "nuisances": [path for path, _ in nuisances]},
        )


def read_job(
    embedding: str, stimuli: str, rdms: Iterable[str | Path], nuisances: Iterable[str | Path]
) -> JobInputs:
    """Read what a job is given.

    Parameters
    ----------
    embedding, stimuli : path
    rdms, nuisances : iterable of path

    Raises
    ------
    IsopruneError
        If a file is not what it should be, as `isoprune.io` says.
    """
    files = {"embedding": embedding, "stimuli": stimuli}
    tables = read_embedding(embedding), read_stimuli(stimuli)
    return JobInputs(*tables, read_rdms(rdms), read_rdms(nuisances), files)


def read_rdms(paths: Iterable[str | Path]) -> RDMFiles:
    """Read RDM files, with the errors of `isoprune.io.rdms.read_rdm`."""
    found = {}
    for path in paths:
        rdm = read_rdm(path)
        found[rdm.target, rdm.subject] = path, rdm
    return found


def targets_of_unit(
    unit: Mapping[str, str], rdms: RDMFiles
) -> tuple[RDM, RDM, dict[str, str | Path | list[str | Path]]]:
    """What a unit is scored on, what ranks its features, and the files of both; as `JobInputs.of_unit`."""
    own = (unit["target"], unit["subject"])
    if own not in rdms:
        raise LabelError(
            f"unit of target '{own[0]}', subject '{own[1]}'",
            f"RDMs of {', '.join(f'{target} of {subject}' for target, subject in rdms) or 'nobody'}",
            "its RDM among them",
            "Remove the file of its RDM and let it be made again; it was renamed or copied.",
        )
    path, scored = rdms[own]
    ranking = _ranking(unit, own[0], rdms)
    supervising = supervising_rdm([rdms[key][1] for key in ranking], scored)
    return scored, supervising, {"rdm": path, "ranking": [rdms[key][0] for key in ranking]}


def _ranking(unit: Mapping[str, str], target: str, rdms: RDMFiles) -> list[tuple[str, str]]:
    """Whose RDMs of a target rank the features of a unit: the subject's or, by `loso`, those of all others."""
    if unit["supervision"] == "loso":
        left_out = (GROUP, unit["subject"])
        return [key for key in rdms if key[0] == target and key[1] not in left_out]
    return [key for key in [(target, unit["subject"])] if key in rdms]
