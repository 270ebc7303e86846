"""The catalogue against real files: what a mirror has is what the catalogue says."""

import io
import tarfile

import pytest

from isoprune.datasets import absent_files, catalogue, dataset, fetch, fetching
from web import web


@pytest.mark.parametrize("name", [name for name, of in catalogue().items() if of.files])
def test_a_mirror_gives_every_file_and_all_are_right(data_dir, tmp_path, name):
    receipt = fetch(name, tmp_path, mirror=data_dir)
    assert receipt["bytes"] == dataset(name).size and not absent_files(name, tmp_path)
    assert fetch(name, data_dir) == receipt


def test_cichy92_comes_out_of_an_archive_with_other_names(data_dir, tmp_path, monkeypatch):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.add(data_dir / "cichy92" / "images", "Net2Brain-1/some/where")
        archive.add(data_dir / "cichy92" / "fmri_IT_RDMs.npz", "Net2Brain-1/IT.npz")
        archive.add(data_dir / "cichy92" / "fmri_EVC_RDMs.npz", "Net2Brain-1/EVC.npz")
    of = dataset("cichy92")
    with web({"/archive": file.getvalue()}) as server:
        changed = type(of)(**{**vars(of), "url": f"{server.url}/archive"})
        monkeypatch.setattr(fetching, "dataset", lambda name: changed)
        fetch("cichy92", tmp_path)
        assert not absent_files("cichy92", tmp_path)
