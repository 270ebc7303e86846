"""`king2019`: its catalogue entry knows no hash, so its project is asked, and what the files hold is checked."""

import csv
import hashlib
import io
import json
import zipfile

import numpy as np
import pytest

import king
from isoprune.datasets import absent_files, check, fetch, king2019
from isoprune.datasets.stated import CHECKSUMS
from isoprune.errors import MissingFileError, UnknownNameError, UnreadableFileError
from web import web

RDMS = king.rdms()
PICTURES = king.pictures()


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setattr("isoprune.io.download.PAUSE", 0)
    monkeypatch.delenv("ISOPRUNE_MIRROR", raising=False)


def zipped(paths: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path, content in paths.items():
            archive.writestr(path, content)
    return file.getvalue()


def project(files: dict[str, bytes], folders: dict[str, dict[str, bytes]]) -> dict[str, bytes]:
    """Answers of the project's API by path, a page of files and one for each folder; `@` stands for the server."""

    def entry(path: str, content: bytes) -> dict:
        return {
            "attributes": {
                "kind": "file",
                "materialized_path": f"/{path}",
                "size": len(content),
                "extra": {"hashes": {"md5": "", "sha256": hashlib.sha256(content).hexdigest()}},
            },
            "links": {"download": f"@/download/{path}"},
        }

    pages = {"/nodes/ma2rj/files/osfstorage/": [entry(*file) for file in files.items()]}
    for folder, inside in folders.items():
        related = {"href": f"@/folder/{folder}"}
        pages["/nodes/ma2rj/files/osfstorage/"].append(
            {"attributes": {"kind": "folder"}, "relationships": {"files": {"links": {"related": related}}}}
        )
        pages[f"/folder/{folder}"] = [entry(f"{folder}/{name}", content) for name, content in inside.items()]
        files = files | {f"{folder}/{name}": content for name, content in inside.items()}
    served = {f"/download/{path}": content for path, content in files.items()}
    for path, entries in pages.items():
        # Two entries a page, as a long list comes in several.
        for start in range(0, len(entries), 2):
            following = f"@{path}?page={start + 2}" if start + 2 < len(entries) else None
            page = {"data": entries[start : start + 2], "links": {"next": following}}
            served[f"{path}?page={start}" if start else path] = json.dumps(page).encode()
    return served


@pytest.fixture
def osf(monkeypatch):
    """A way to serve a project; the API answers with the addresses of the server."""

    def serve(served: dict[str, bytes]):
        served = dict(served)
        server = web(served)

        class Served:
            def __enter__(self):
                here = server.__enter__()
                for path, content in served.items():
                    if not path.startswith("/download"):
                        served[path] = content.replace(b'"@', f'"{here.url}'.encode())
                monkeypatch.setattr("isoprune.datasets.osf.API", here.url)
                return here

            def __exit__(self, *problem):
                return server.__exit__(*problem)

        return Served()

    return serve


def whole() -> dict[str, bytes]:
    first = {
        path.removeprefix("set1/"): content for path, content in PICTURES.items() if path.startswith("set1")
    }
    second = {f"Set 2/{path[5:]}": content for path, content in PICTURES.items() if path.startswith("set2")}
    return project(
        {
            "FMRI.mat": king.mat(RDMS),
            "MEG.mat": b"not needed",
            "Set1.zip": zipped({**first, "._0001.jpg": b""}),
        },
        {"Stimuli": {"both.zip": zipped(second)}, "code": {"read.m": b"%", "raw.zip": b"not needed"}},
    )


def test_it_comes_from_the_project_with_the_hashes_that_are_stated_there(osf, tmp_path):
    with osf(whole()) as server:
        receipt = fetch("king2019", tmp_path)
        asked = [path for path, _ in server.asked if path.startswith("/download")]
    assert sorted(asked) == ["/download/FMRI.mat", "/download/Set1.zip", "/download/Stimuli/both.zip"]
    folder = tmp_path / "king2019"
    assert {path.name for path in folder.iterdir()} == {"FMRI.mat", "images", "stimuli.tsv", CHECKSUMS}
    for path, content in PICTURES.items():
        assert (folder / "images" / path).read_bytes() == content
    assert receipt["n_subjects"]["vTC set2"] == 3 and len(receipt["sha256"]) == 289
    with (folder / "stimuli.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert (
        rows[144] == {"stimulus": "set2_0001", "file": "images/set2/0001.jpg", "set": "set2"}
        and len(rows) == 288
    )
    assert not absent_files("king2019", tmp_path) and fetch("king2019", tmp_path) == receipt


def test_what_was_fetched_is_what_it_is_held_to_from_then_on(osf, tmp_path):
    with osf(whole()):
        fetch("king2019", tmp_path)
    picture = tmp_path / "king2019" / "images" / "set1" / "0007.jpg"
    right = picture.read_bytes()
    picture.write_bytes(king.picture(5555))
    with pytest.raises(UnreadableFileError, match=r"'.*0007.jpg': the file that lies there has"):
        check("king2019", tmp_path)
    with pytest.raises(UnreadableFileError, match=r"'.*0007.jpg': the file that lies there has"):
        fetch("king2019", tmp_path)
    picture.unlink()
    assert absent_files("king2019", tmp_path) == [picture]
    mirror = king.put(tmp_path / "mirror" / "king2019", RDMS).parent
    fetch("king2019", tmp_path, mirror=mirror)
    assert picture.read_bytes() == right


def test_files_put_there_by_hand_and_a_mirror_give_the_same(tmp_path):
    king.put(tmp_path / "by_hand" / "king2019", RDMS)
    assert absent_files("king2019", tmp_path / "by_hand") == [tmp_path / "by_hand" / "king2019" / CHECKSUMS]
    receipt = fetch("king2019", tmp_path / "by_hand")
    assert fetch("king2019", tmp_path / "copy", mirror=tmp_path / "by_hand") == receipt


def test_without_network_it_says_where_to_put_the_files(tmp_path, monkeypatch):
    monkeypatch.setattr("isoprune.datasets.osf.API", "http://127.0.0.1:9")
    with pytest.raises(
        MissingFileError, match=r"download failed.*Put `FMRI\.mat` into the folder `king2019`"
    ):
        fetch("king2019", tmp_path)
    assert not (tmp_path / "king2019" / CHECKSUMS).exists()


def test_a_file_that_is_not_what_the_project_states_is_refused(osf, tmp_path):
    served = whole()
    served["/download/FMRI.mat"] = served["/download/FMRI.mat"][:-1] + b"x"
    with osf(served), pytest.raises(UnreadableFileError, match="has the SHA-256"):
        fetch("king2019", tmp_path)
    assert absent_files("king2019", tmp_path)


@pytest.mark.parametrize(
    "answer", [b"<html>", b"{}", b'{"data": [{"attributes": {"kind": "file"}}], "links": {}}']
)
def test_an_answer_that_is_no_list_of_files_is_told(osf, tmp_path, answer):
    with (
        osf({"/nodes/ma2rj/files/osfstorage/": answer}),
        pytest.raises(UnreadableFileError, match="cannot be read"),
    ):
        fetch("king2019", tmp_path)


def test_a_project_without_the_rdms_is_told(osf, tmp_path):
    with (
        osf(project({"README.txt": b"moved"}, {})),
        pytest.raises(MissingFileError, match=r"holds README\.txt"),
    ):
        fetch("king2019", tmp_path)


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda d: d["FFA"].pop("set1"), UnknownNameError, "there is no variable 'set1'"),
        (
            lambda d: d["FFA"].update(set1=np.ones((3, 7))),
            UnreadableFileError,
            "is 3 × 7; expected people × 10296",
        ),
        (lambda d: d["PPA"]["set2"].__setitem__((0, 5), np.nan), UnreadableFileError, "not numbers"),
    ],
)
def test_other_rdms_than_the_published_layout_are_refused(tmp_path, spoil, error, message):
    distances = king.rdms()
    spoil(distances)
    (tmp_path / "FMRI.mat").write_bytes(king.mat(distances))
    with pytest.raises(error, match=message):
        king2019.check(tmp_path)


def test_a_set_that_lacks_a_picture_is_refused(tmp_path):
    king.put(tmp_path, RDMS)
    (tmp_path / "images" / "set2" / "0100.jpg").unlink()
    with pytest.raises(UnreadableFileError, match=r"set2: 143 pictures; expected 144"):
        king2019.check(tmp_path)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("FMRI.mat", "FMRI.mat"),
        ("data/fmri.mat", "FMRI.mat"),
        ("stimuli/set1/a.JPG", "images/set1/a.JPG"),
        ("Stimuli_Set-2.zip.unpacked/x/1.png", "images/set2/1.png"),
        ("set1/set 2/1.png", "images/set2/1.png"),
        ("set12/1.png", None),
        ("set1/notes.txt", None),
        ("__MACOSX/set1/a.jpg", None),
        ("figures/1.png", None),
    ],
)
def test_files_of_the_project_have_their_place(path, place):
    assert (king2019.place_of(path) and str(king2019.place_of(path))) == place
