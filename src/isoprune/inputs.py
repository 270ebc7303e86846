"""The files that a study reads: its stimulus table, and every other by the setting that names it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from isoprune.classification.images import labelled_images
from isoprune.config import Study
from isoprune.config.inputs import Network, Target
from isoprune.io.betas import beta_files
from isoprune.io.betas.bold import bold_inputs
from isoprune.io.regions import region_files
from isoprune.io.tables import image_paths, read_stimuli
from isoprune.labelled import GROUP
from isoprune.stimuli import stimuli_of_rows

if TYPE_CHECKING:
    import pandas as pd


def stimuli_of_study(study: Study) -> pd.DataFrame:
    """The stimulus table of a study, from its file or from the rows in the settings.

    Raises
    ------
    MissingFileError, UnreadableFileError, LabelError
        If there is no such table, or it cannot be used.
    """
    if study.stimuli.rows:
        return stimuli_of_rows(study.stimuli.rows)
    return read_stimuli(study.stimulus_table)


def input_files(study: Study, stimuli: pd.DataFrame) -> dict[str, list[Path]]:
    """Every file that a run reads, by the setting that names it.

    Raises
    ------
    IsopruneError
        If an image is not there, or a folder of betas or labelled images has nothing that fits. Other files may be
        absent; their names are given all the same.
    """
    files: dict[str, list[Path]] = {}
    table = study.stimulus_table
    if study.stimuli.table:
        files["stimuli.table"] = [table]
    if any(network.model for network in study.networks):
        files["stimuli, column 'file'"] = image_paths(stimuli, table, study.image_folder)
    if study.accuracy:
        folder, labels = study.labelled_images
        images = labelled_images(folder, labels).files
        files["accuracy"] = [*images, *([] if labels is None else [labels])]
    for network in study.networks:
        files[f"networks[{network.name}]"] = network_files(study, network)
    for target in study.targets:
        if target.rdms:
            ready = [
                target.rdms.file.format(subject=one) for one in study.subjects_of(target.name) or [GROUP]
            ]
            paths = [study.data_path(one) for one in dict.fromkeys(ready)]
            files[f"targets[{target.name}]"] = [*paths, *labels_file(study, target.rdms.labels)]
        elif target.judgments:
            files[f"targets[{target.name}]"] = [study.data_path(target.judgment_file)]
        else:
            paths = [
                path for one in study.subjects_of(target.name) for path in files_of_region(study, target, one)
            ]
            files[f"targets[{target.name}]"] = list(dict.fromkeys(paths))
    if study.nuisance_files:
        files["nuisance"] = [study.data_path(one) for one in study.nuisance_files.values()]
    if study.betas:
        files["betas"] = list(
            dict.fromkeys(path for one in study.subjects for path in files_of_betas(study, one))
        )
    return {role: paths for role, paths in files.items() if paths}


def network_files(study: Study, network: Network) -> list[Path]:
    """The files of a network: weights, or an embedding and its labels. Published weights are downloaded."""
    if network.best_of:
        return []
    if network.file:
        return [study.data_path(network.file), *labels_file(study, network.labels)]
    if network.has_weights_file:
        return [study.data_path(network.weights)]
    if network.weights == "random":
        return []
    from isoprune.networks import published_weights

    return [published_weights(network.model, network.weights)]


def labels_file(study: Study, setting: str) -> list[Path]:
    """The text file that a setting `labels` names, if it names one."""
    return [] if setting in ("file", "table", "sorted") else [study.data_path(setting)]


def files_of_region(study: Study, target: Target, subject: str) -> list[Path]:
    """The files that a subject's region is made from; none where it may be lacking and is."""
    return region_files(target.region, subject, study.data_root, missing=study.roi.missing)


def files_of_betas(study: Study, subject: str) -> list[Path]:
    """The files that a subject's betas are read or fitted from, the localiser's too."""
    betas = [study.betas.model_dump(mode="json")]
    select = study.roi.select_voxels
    if select and select.localiser:
        betas.append(select.localiser.model_dump(mode="json"))
    files: list[Path] = []
    for one in betas:
        if one["format"] == "bold":
            files += [path for run in one["runs"] for path in bold_inputs(one, subject, run, study.data_root)]
        else:
            files += beta_files(one, subject, study.data_root)
    return files
