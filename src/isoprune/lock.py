"""The lock of a study: all that decides its results, written down before they are seen, and checked by every run.

A lock holds no clock time and no folder of the machine, so the same study gives the same lock anywhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoprune.config import Study
from isoprune.errors import ConfigError, LockError, MissingFileError, UnreadableFileError
from isoprune.folds import make_folds
from isoprune.inputs import input_files, stimuli_of_study
from isoprune.io.files import existing, read_json, write_json
from isoprune.labels import listing
from isoprune.provenance import package_version, sha256_of_file, sha256_of_json
from isoprune.relabelling import relabellings
from isoprune.stimuli import column_of, stimuli_of_set

if TYPE_CHECKING:
    import pandas as pd

NOT_LOCKED = ("lock", "data_dir", "datasets", "mirror", "results_dir", "select", "report")
"""Settings that decide no result: where things lie and come from, and which part of the study a run computes."""

N_RELABELLINGS = 100
"""Relabellings that the fingerprint is made of; the first ones do not depend on how many a study draws."""

_PARTS = ("isoprune", "settings", "inputs", "images", "folds", "relabellings")


def lock_of(study: Study) -> dict[str, Any]:
    """The lock of a study as it is now.

    Parameters
    ----------
    study : Study

    Returns
    -------
    dict
        Ready for JSON: ``isoprune`` (version); ``settings``, defaults filled in; ``inputs``, the SHA-256 of every
        file by the setting that names it; ``images``, the sorted labels; ``folds``, the test images of every fold
        (all other images train); ``relabellings``, a fingerprint of the first ones. ``folds`` and
        ``relabellings`` are None where subjects may have seen different images or nothing is cross-validated.

    Raises
    ------
    ConfigError
        If the study is simulated: its data do not exist before it runs.
    MissingFileError
        If an input is not there; all that are missing are named.
    IsopruneError
        If the stimulus table cannot be used, or folds cannot be made as asked.
    """
    lock = _lock(study)
    absent = [
        f"{name} ({role})"
        for role, files in lock["inputs"].items()
        for name, sha in files.items()
        if sha is None
    ]
    if absent:
        raise MissingFileError(
            f"inputs of study '{study.study}'",
            f"{len(absent)} file(s) are not there: {listing(absent, most=20)}",
            "every input of the study",
            "Correct the paths, or the setting `data_dir`, below which data files are looked up.",
        )
    return lock


def write_lock(path: str | Path, study: Study, *, replace: bool = False) -> bool:
    """Write the lock of a study.

    Parameters
    ----------
    path : path
        A JSON file.
    study : Study
    replace : bool
        Whether another lock that lies there may be replaced.

    Returns
    -------
    bool
        Whether the file was written; False if this very lock was there.

    Raises
    ------
    LockError
        If another lock is there; what differs is said.
    IsopruneError
        As `lock_of`.
    """
    lock = lock_of(study)
    if Path(path).is_file() and not replace:
        if differing := differences(read_lock(path), lock):
            raise LockError(
                f"lock '{path}'",
                f"the file holds another lock, with {len(differing)} difference(s)",
                "no file, or the lock of this very study",
                "Give the new lock another name, or replace the old one on purpose (--replace):"
                + _as_list(differing),
            )
        return False
    write_json(path, lock)
    return True


def read_lock(path: str | Path) -> dict[str, Any]:
    """A lock that `write_lock` wrote.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If there is none, or the file is something else.
    """
    path = existing(
        path,
        where="setting 'lock'",
        remedy="Write it with `isoprune freeze` before the study is run, or correct the path.",
    )
    lock = read_json(path)
    lacking = [part for part in _PARTS if not isinstance(lock, dict) or part not in lock]
    if lacking:
        raise UnreadableFileError(
            str(path),
            f"it has no {listing(lacking)}",
            f"a lock with the entries {listing(_PARTS)}",
            "Write it with `isoprune freeze`.",
        )
    return lock


def check_lock(lock: Mapping[str, Any] | str | Path, study: Study) -> None:
    """Refuse a study that differs from its lock.

    Parameters
    ----------
    lock : mapping or path
        As `lock_of` makes it, or the file that `write_lock` wrote.
    study : Study

    Raises
    ------
    LockError
        Naming every setting, file and fold that differs.
    IsopruneError
        As `read_lock`, and as `lock_of` for the study.
    """
    where = "the lock" if isinstance(lock, Mapping) else f"lock '{lock}'"
    locked = lock if isinstance(lock, Mapping) else read_lock(lock)
    if differing := differences(locked, _lock(study)):
        raise LockError(
            where,
            f"study '{study.study}' differs from it in {len(differing)} place(s)",
            "the study as it was frozen",
            "Undo each of these, or freeze the study anew and report the deviation:" + _as_list(differing),
        )


def differences(lock: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """What a study differs in from a lock, a line each.

    Parameters
    ----------
    lock, found : mapping
        The lock, and what `lock_of` makes of the study now.

    Returns
    -------
    list of str
        Empty if nothing differs.
    """
    lines = _changed("isoprune", lock["isoprune"], found["isoprune"])
    locked, present = dict(_flat(lock["settings"])), dict(_flat(found["settings"]))
    for setting in dict.fromkeys((*locked, *present)):
        lines += _changed(f"setting {setting}", locked.get(setting, _NOTHING), present.get(setting, _NOTHING))
    locked, present = _by_file(lock["inputs"]), _by_file(found["inputs"])
    for file in dict.fromkeys((*locked, *present)):
        lines += _changed(f"file {file}", locked.get(file, _NOTHING), present.get(file, _NOTHING))
    lines += _moved("images", lock["images"], found["images"])
    locked, present = _by_number(lock["folds"]), _by_number(found["folds"])
    for fold in dict.fromkeys((*locked, *present)):
        lines += _moved(fold, locked.get(fold, []), present.get(fold, []))
    return [*lines, *_changed("relabellings", lock["relabellings"], found["relabellings"])]


# ── what a lock holds ──────────────────────────────────────────────────────────────────────────


def _lock(study: Study) -> dict[str, Any]:
    """As `lock_of`, but a file that is not there has no hash."""
    if study.is_simulated:
        raise ConfigError(
            "simulation",
            f"study '{study.study}' is simulated",
            "a study of measured data, which exist before it runs",
            "Freeze your own study; a simulation follows from its settings alone.",
        )
    stimuli = stimuli_of_study(study)
    labels = sorted(stimuli["stimulus"])
    # Folds of a subject's own images are dealt when its betas are read.
    shared = not (study.betas and study.betas.stimuli == "per-subject")
    held_out = shared and bool(study.networks)
    return {
        "isoprune": package_version(),
        "settings": _settings(study),
        "inputs": {
            role: _hashes(files, study.data_root) for role, files in input_files(study, stimuli).items()
        },
        "images": labels,
        "folds": _folds(study, stimuli) if held_out else None,
        "relabellings": _fingerprints(study, stimuli) if held_out else None,
    }


def _settings(study: Study) -> dict[str, Any]:
    settings = study.model_dump(mode="json", exclude=set(NOT_LOCKED))
    return _without_folders(settings, study.data_root)


def _without_folders(value: Any, root: Path) -> Any:
    """A setting in which absolute paths are told by the part that does not depend on the machine."""
    if isinstance(value, Mapping):
        return {key: _without_folders(inner, root) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_folders(inner, root) for inner in value]
    if isinstance(value, str) and Path(value).is_absolute():
        return next(iter(_names([value], root)))
    return value


def _hashes(files: Sequence[Path], root: Path) -> dict[str, str | None]:
    """SHA-256 of files by name; None for a file that is not there."""
    return {
        name: sha256_of_file(path) if path.is_file() else None for name, path in _names(files, root).items()
    }


def _names(files: Sequence[str | Path], root: Path) -> dict[str, Path]:
    """Files by names without the machine's folders: relative to the data, or to the folder that all others share."""
    paths = [Path(file) for file in files]
    outside = {path for path in paths if not _is_below(path, root)}
    shared = os.path.commonpath([path.absolute().parent for path in outside]) if outside else root
    return {
        Path(os.path.relpath(path, shared if path in outside else root)).as_posix(): path for path in paths
    }


def _is_below(path: Path, root: Path) -> bool:
    return path.is_relative_to(root) or path.is_relative_to(root.absolute())


def _folds(study: Study, stimuli: pd.DataFrame) -> list[dict[str, Any]]:
    """The folds of every stimulus set; of all images where targets name no set."""
    dealing, found = study.crossvalidation, []
    for name in study.image_sets:
        images = stimuli_of_set(stimuli, name)
        made = make_folds(
            list(images["stimulus"]),
            folds=dealing.folds,
            n_splits=dealing.n_splits,
            n_repeats=dealing.n_repeats,
            seed=study.seed,
            groups=column_of(images, dealing.column) if dealing.column else None,
        )
        of_set = {} if name is None else {"set": name}
        found += [{**of_set, "repeat": one.repeat, "fold": one.fold, "test": list(one.test)} for one in made]
    return found


def _fingerprints(study: Study, stimuli: pd.DataFrame) -> dict[str, Any]:
    """Fingerprint of the relabellings; by stimulus set where targets name one."""
    of_sets = {
        name: _fingerprint(sorted(stimuli_of_set(stimuli, name)["stimulus"]), study.seed)
        for name in study.image_sets
    }
    return of_sets[None] if list(of_sets) == [None] else {name or "all": one for name, one in of_sets.items()}


def _fingerprint(labels: Sequence[str], seed: int) -> dict[str, Any]:
    """What the first relabellings give to each image, as a hash."""
    drawn = relabellings(labels, N_RELABELLINGS, seed=seed)
    return {"n": N_RELABELLINGS, "sha256": sha256_of_json([[labels[row] for row in one] for one in drawn])}


# ── how a study differs from a lock ────────────────────────────────────────────────────────────

_NOTHING = object()


def _changed(what: str, locked: Any, present: Any) -> list[str]:
    if locked == present:
        return []
    if locked is _NOTHING:
        return [f"{what}: not in the lock, now {_shown(present)}"]
    now = "not there" if present is _NOTHING else _shown(present)
    return [f"{what}: {_shown(locked)} in the lock, now {now}"]


def _shown(value: Any) -> str:
    return "a missing file" if value is None else json.dumps(value, ensure_ascii=False)


def _moved(what: str, locked: Sequence[str], present: Sequence[str]) -> list[str]:
    gone, come = sorted(set(locked) - set(present)), sorted(set(present) - set(locked))
    parts = [f"without {listing(gone)}"] if gone else []
    parts += [f"with {listing(come)}"] if come else []
    return [f"{what}: now {' and '.join(parts)}"] if parts else []


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their path, ``networks[mobilenetv2].layer``; the order of named entries decides nothing."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    elif (
        isinstance(value, list) and value and all(isinstance(one, Mapping) and "name" in one for one in value)
    ):
        for one in value:
            yield from _flat(one, f"{path}[{one['name']}]")
    else:
        yield path, value


def _by_file(inputs: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {f"{name} ({role})": sha for role, files in inputs.items() for name, sha in files.items()}


def _by_number(folds: Sequence[Mapping[str, Any]] | None) -> dict[str, list[str]]:
    named = {True: "set {set}, repeat {repeat}, fold {fold}", False: "repeat {repeat}, fold {fold}"}
    return {named["set" in one].format(**one): one["test"] for one in folds or []}


def _as_list(lines: Sequence[str]) -> str:
    return "".join(f"\n  - {line}" for line in lines)
