"""Write a new study: settings with comments, and the stimulus table."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoprune.config import load
from isoprune.config.commented import commented_yaml
from isoprune.errors import LabelError, MissingFileError, NotWritableError
from isoprune.folds import MIN_IMAGES, MIN_TEST_IMAGES
from isoprune.io.files import existing, write_text
from isoprune.io.ready_rdms import read_ready_rdms
from isoprune.io.tables import write_table
from isoprune.labelled import GROUP
from isoprune.labels import listing
from isoprune.provenance import sha256_of_file
from isoprune.starting.derivatives import read_derivatives, relative
from isoprune.starting.images import named_by_conditions, stimuli_of_folder
from isoprune.stimuli import STIMULUS_COLUMNS, labels_in_order

if TYPE_CHECKING:
    import pandas as pd

NETWORKS = ("mobilenet_v2", "resnet50")
"""Networks of a new study: two of different design, trained on ImageNet, of which neither is large."""

N_SPLITS, N_REPEATS = 5, 8

_HEAD = """Study {study}, written by `isoprune init`. Every setting, its default and its cost: config/README.md.
What is left out takes its default. Change what you like, then

    isoprune check {path}
    snakemake --cores 2 --configfile {path}"""


@dataclass(frozen=True)
class Started:
    """What was written.

    Attributes
    ----------
    files : tuple of Path
    notes : tuple of str
        What was chosen or left out, in words.
    """

    files: tuple[Path, ...]
    notes: tuple[str, ...]


def start_study(
    folder: str | Path,
    images: str | Path | None,
    *,
    derivatives: str | Path | None = None,
    rdms: Sequence[str | Path] = (),
    labels: str | Path | None = None,
    networks: Sequence[str] = NETWORKS,
    name: str | None = None,
) -> Started:
    """Write the settings and the stimulus table of a new study.

    Parameters
    ----------
    folder : path
        Takes ``study.yaml`` and ``stimuli.tsv``; relative to where the workflow will be started.
    images : path
        Folder of images, perhaps with a folder for each category. Without one, an error says how a study is written.
    derivatives : path, optional
        BIDS-derivatives folder with betas and masks.
    rdms : sequence of path
        Files of ready RDMs, a target each. Without these and ``derivatives`` the study has one target
        whose file is still to be made.
    labels : path, optional
        Text file with a label a line, in the order of the RDMs' rows, for ``rdms`` that carry no labels.
    networks : sequence of str
        Networks of torchvision, or ``<network>=<file of weights>``.
    name : str, optional
        Of the study; default: letters and digits of the folder's name.

    Returns
    -------
    Started

    Raises
    ------
    NotWritableError
        If one of the files is there: nothing is overwritten.
    IsopruneError
        If images or data are not there or do not join.
    """
    if labels is not None and not rdms:
        raise LabelError("--labels", "no RDMs", "`--rdms`, files of RDMs whose rows it names", "Add them.")
    folder, images = Path(folder), _given_images(images)
    files = [folder / "study.yaml", folder / "stimuli.tsv", folder / "stimuli.json"]
    _refuse_existing(files)
    stimuli = stimuli_of_folder(images)
    given = [Path(one).absolute() for one in (derivatives, *rdms, labels) if one is not None]
    root = _root(images, given)
    settings: dict[str, Any] = {
        "study": name or re.sub("[^A-Za-z0-9]", "", folder.absolute().name) or "mine",
        "data_dir": str(root),
        "seed": 0,
        "stimuli": {"table": files[1].as_posix(), "images": relative(images, root)},
    }
    if derivatives is not None:
        stimuli, measured, notes = _measured(stimuli, given[0], root)
    elif rdms:
        stimuli, measured, notes = _ready(stimuli, given[: len(rdms)], root, labels)
    else:
        measured, notes = _nothing_yet(root)
    n_images = measured.pop("n_images", len(stimuli))
    settings |= {"subjects": measured.pop("subjects")} | _of_networks(networks, n_images, root, notes)
    settings |= measured
    load(settings)  # what is written can be read
    write_table(files[1], stimuli, STIMULUS_COLUMNS, to_be_edited=True)
    write_text(files[0], commented_yaml(settings, head=_HEAD.format(study=settings["study"], path=files[0])))
    return Started(tuple(files), tuple(notes))


def _given_images(images: str | Path | None) -> Path:
    if images is None:
        raise MissingFileError(
            "--images",
            "it is not given",
            "a folder of images, whose names become the stimulus table",
            "Without pictures, write two files yourself: a table `stimuli.tsv` with a column `stimulus`, a row a "
            "stimulus, and the settings, whose networks are files of features; docs/check-and-init.md begins with such "
            "a study.",
        )
    return Path(images).absolute()


def _refuse_existing(files: Sequence[Path]) -> None:
    if present := [str(file) for file in files if file.exists()]:
        raise NotWritableError(
            "isoprune init",
            f"{listing(present)} is there already",
            "a folder without these files: nothing is overwritten",
            "Name another folder, or move the files away.",
        )


def _root(images: Path, others: Sequence[Path]) -> Path:
    """The folder that all data are in; that of the images, where they share nothing but the root of the disk."""
    shared = Path(os.path.commonpath([images.parent, *(other.parent for other in others)]))
    return images.parent if shared == Path(shared.anchor) else shared


def _of_networks(networks: Sequence[str], n_images: int, root: Path, notes: list[str]) -> dict[str, Any]:
    """Networks and folds, where there are images enough to hold some out."""
    if n_images < MIN_IMAGES:
        notes.append(
            f"{n_images} images are too few to hold any out: the study ends with RDMs and their quality"
        )
        return {}
    n_splits = min(N_SPLITS, n_images // MIN_TEST_IMAGES)
    return {
        "networks": [_network(one, root) for one in networks],
        "pruning": {"criterion": "pearson"},
        "crossvalidation": {"folds": "random", "n_splits": n_splits, "n_repeats": N_REPEATS},
    }


def _network(text: str, root: Path) -> dict[str, Any]:
    from isoprune.networks import standard_weights

    model, _, file = text.partition("=")
    weights: dict[str, Any] = {"weights": standard_weights(model)}
    if file:
        path = existing(file, where=f"--network {text}", remedy="Correct the path of the weights.").absolute()
        weights = {"weights": relative(path, root), "sha256": sha256_of_file(path)}
    return {"name": re.sub("[^A-Za-z0-9]", "", model), "model": model, **weights, "layer": "penultimate"}


def _measured(
    stimuli: pd.DataFrame, folder: Path, root: Path
) -> tuple[pd.DataFrame, dict[str, Any], list[str]]:
    """Images that were shown, and the settings of what was measured from betas."""
    if not folder.is_dir():
        found, expected = f"'{folder}' is not a folder", "a BIDS-derivatives folder"
        raise MissingFileError("--derivatives", found, expected, "Correct the path.")
    has = read_derivatives(folder, root)
    conditions = dict.fromkeys(name for seen in has.seen.values() for name in seen)
    stimuli, others, notes = _shown(stimuli, conditions, f"betas in '{folder}'")
    notes += has.notes
    betas = has.betas | ({"exclude": others} if others else {})
    wanted = [set(seen) - set(others) for seen in has.seen.values()]
    own = any(seen != wanted[0] for seen in wanted)
    if own:
        betas |= {"stimuli": "per-subject"}
        notes.append("subjects saw different images, so that each is analysed alone (supervision own)")
    supervision = ["own"] if own else ["own", "group"]
    measured = {"targets": has.targets, "betas": betas, "supervision": supervision}
    # Folds are dealt to what each subject saw, so that whoever saw least decides how many there can be.
    n_images = min(map(len, wanted))
    return stimuli, {"subjects": list(has.subjects), "n_images": n_images, **measured}, notes


def _ready(
    stimuli: pd.DataFrame, files: Sequence[Path], root: Path, labels_file: str | Path | None
) -> tuple[pd.DataFrame, dict[str, Any], list[str]]:
    """Images that ready RDMs are about, and the settings of these."""
    rows, given = "file", None
    if labels_file is not None:
        path = existing(Path(labels_file).absolute(), where="--labels", remedy="Correct the path.")
        rows, given = relative(path, root), labels_in_order(str(path), (), path)
    found = {path: read_ready_rdms(path, target=path.stem, labels=given) for path in files}
    labels = dict.fromkeys(label for of in found.values() for rdm in of.values() for label in rdm.labels)
    where = listing(map(str, files))
    stimuli, others, notes = _shown(stimuli, labels, where)
    if others:
        unnamed = f"{len(others)} label(s) that no image is called like: {listing(others)}"
        raise LabelError(
            where, unnamed, "an image a label", "Add the images, or cut the RDMs to those that are there."
        )
    people = {path: [one for one in of if one != GROUP] for path, of in found.items()}
    subjects = list(dict.fromkeys(one for of in people.values() for one in of))
    targets = [
        {
            "name": re.sub("[^A-Za-z0-9]", "", path.stem) or "target",
            "rdms": {"file": relative(path, root), "labels": rows},
            **({} if people[path] == subjects and subjects else {"subjects": people[path]}),
        }
        for path in files
    ]
    supervision = ["own", "group"] if all(people.values()) else ["group"]
    return stimuli, {"subjects": subjects, "targets": targets, "supervision": supervision}, notes


def _shown(
    stimuli: pd.DataFrame, conditions: Iterable[str], where: str
) -> tuple[pd.DataFrame, list[str], list[str]]:
    shown, others = named_by_conditions(stimuli, conditions, where)
    notes = []
    if len(shown) < len(stimuli):
        notes.append(
            f"{len(stimuli) - len(shown)} of {len(stimuli)} images were not measured and are left out"
        )
    if others:
        notes.append(f"no image is called like {listing(others)}: left out as of no interest")
    return shown, others, notes


def _nothing_yet(root: Path) -> tuple[dict[str, Any], list[str]]:
    target = {"name": "target", "rdms": {"file": "target.tsv", "labels": "file"}, "subjects": []}
    file = root / "target.tsv"
    note = f"there is no target yet: put its RDM at {file} (a square table with labels), or name another"
    return {"subjects": [], "targets": [target], "supervision": ["group"]}, [note]
