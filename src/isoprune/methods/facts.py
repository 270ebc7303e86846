"""What a study was and what ran in it, as its methods text tells it: settings, and facts from results and records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isoprune.io.embeddings import read_embedding
from isoprune.io.files import read_json
from isoprune.io.rdms import read_rdm
from isoprune.io.tables import read_table
from isoprune.labelled import SUBJECTS
from isoprune.results import SUMMARY_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

Settings = Mapping[str, Any]

_IMPORTED = ("torch", "torchvision")


@dataclass(frozen=True)
class Size:
    """How much was measured of a target.

    Attributes
    ----------
    n_images : int
        Images; the most that a subject has.
    n_subjects : int
        Subjects, or 1 where the target is one RDM.
    """

    n_images: int
    n_subjects: int


@dataclass(frozen=True)
class StudyFacts:
    """A study as its methods text tells it.

    Attributes
    ----------
    settings : mapping
        All settings of the study, defaults filled in, as ``Study.model_dump(mode="json")`` gives them.
    summary : DataFrame
        Columns as `isoprune.results.SUMMARY_COLUMNS`; no rows in a study without networks.
    embeddings : mapping of str to mapping
        Provenance of the embedding of each network.
    rdms : sequence of mapping
        Provenance of the RDMs of single subjects, or of targets that are one RDM.
    sizes : mapping of str to Size
        Of each target that was measured.
    units : sequence of mapping
        Facts of the units of work.
    """

    settings: Settings
    summary: pd.DataFrame
    embeddings: Mapping[str, Mapping[str, Any]]
    rdms: Sequence[Mapping[str, Any]]
    sizes: Mapping[str, Size]
    units: Sequence[Mapping[str, Any]]

    def has(self, block: str) -> bool:
        """Whether the study has a block of settings that may be left out."""
        return bool(self.settings[block])

    def uses(self, supervision: str) -> bool:
        """Whether features were ranked so."""
        return supervision in self.settings["supervision"]

    @property
    def by_subject(self) -> bool:
        """Whether single subjects were scored."""
        return bool((self.summary["subject"] == SUBJECTS).any())

    @property
    def targets(self) -> list[str]:
        """Names of the targets."""
        return [one["name"] for one in self.settings["targets"]]

    @property
    def regions(self) -> list[Mapping[str, Any]]:
        """Targets that were computed from responses of the brain."""
        kinds = ("mask", "atlas", "probability", "sphere", "fetch", "surface")
        return [one for one in self.settings["targets"] if any(one[kind] is not None for kind in kinds)]

    def given(self, column: str) -> bool:
        """Whether any row of the summary has a number in a column."""
        return bool(self.summary[column].notna().any())

    def of_target(self, target: str) -> Size:
        """How much was measured of a target; nothing where no subject has it."""
        return self.sizes.get(target, Size(0, 0))

    @property
    def has_networks(self) -> bool:
        """Whether networks were compared with the targets, or the targets described alone."""
        return bool(self.settings["networks"])

    def of_network(self, network: str) -> int:
        """Number of features of a network."""
        return int(self.summary.loc[self.summary["network"] == network, "n_features"].max())

    @property
    def backends(self) -> list[str]:
        """What computed the units, each once."""
        return sorted({unit["backend"] for unit in self.units})

    def software(self) -> dict[str, list[str]]:
        """Versions of isoprune, Python and packages in the records of what ran; several where jobs had several."""
        found: dict[str, set[str]] = {}
        for one in self._records():
            versions = {"isoprune": one.get("isoprune"), **one.get("software", {})}
            # Embeddings say what they imported, with the build; what is installed need not say that.
            versions |= {name: one[name] for name in _IMPORTED if name in one}
            if not one.keys() & set(_IMPORTED):
                versions = {name: version for name, version in versions.items() if name not in _IMPORTED}
            for name, version in versions.items():
                if version is not None:
                    found.setdefault(name, set()).add(version)
        return {name: sorted(versions) for name, versions in found.items()}

    def _records(self) -> Iterable[Mapping[str, Any]]:
        yield from self.embeddings.values()
        yield from self.rdms
        yield from (unit["provenance"] for unit in self.units)


def read_facts(
    settings: Settings,
    summary: str | None,
    embeddings: Sequence[str],
    rdms: Sequence[str],
    units: Sequence[str],
) -> StudyFacts:
    """The facts of a study from its files.

    Parameters
    ----------
    settings : mapping
        As `StudyFacts.settings`.
    summary : path, optional
        ``summary.tsv``; a study without networks has none.
    embeddings, rdms : sequence of path
        Embeddings in the order of the networks; RDMs of single subjects, or of targets that are one RDM.
    units : sequence of path
        Facts of units, as `isoprune.units.write_unit` writes them.
    """
    import pandas as pd

    found = [_of_rdm(path) for path in rdms]
    sizes: dict[str, Size] = {}
    for target, n_images, _ in found:
        known = sizes.get(target, Size(0, 0))
        sizes[target] = Size(max(known.n_images, n_images), known.n_subjects + 1)
    return StudyFacts(
        settings,
        read_table(summary, where=str(summary)) if summary else pd.DataFrame(columns=list(SUMMARY_COLUMNS)),
        {
            network["name"]: read_embedding(path).provenance
            for network, path in zip(settings["networks"], embeddings, strict=True)
        },
        [provenance for *_, provenance in found],
        sizes,
        [read_json(path) for path in units],
    )


def _of_rdm(path: str) -> tuple[str, int, Mapping[str, Any]]:
    """Target, number of images and provenance of an RDM."""
    rdm = read_rdm(path)
    return rdm.target, len(rdm.labels), rdm.provenance
