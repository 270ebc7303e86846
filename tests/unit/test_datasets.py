"""Data sets by name: from where they are published or a mirror, and never unchecked."""

import csv
import dataclasses
import hashlib
import io
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from isoprune.cli import main
from isoprune.datasets import absent_files, catalogue, dataset, fetch, fetching
from isoprune.datasets.archives import take, unpack
from isoprune.datasets.catalogue import DataFile, Dataset
from isoprune.datasets.command import size_in_words
from isoprune.datasets.tables import table_of_92
from isoprune.errors import MissingFileError, UnknownNameError, UnreadableFileError
from web import web

DOCS = Path(__file__).parents[2] / "docs"
CONTENT = {"a.bin": b"one" * 500, "deep/b.bin": b"two" * 700}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setattr("isoprune.io.download.PAUSE", 0)
    monkeypatch.delenv("ISOPRUNE_MIRROR", raising=False)


def described(origin: str, url: str | None = None, address: str | None = None) -> Dataset:
    files = tuple(
        DataFile(path, len(content), hashlib.sha256(content).hexdigest(), address and f"{address}/{path}")
        for path, content in CONTENT.items()
    )
    about = dict.fromkeys(("title", "contents", "licence", "citation", "homepage"), "words")
    return Dataset("toy", **about, folder="toy", origin=origin, by_hand="Copy it.", url=url, files=files)


@pytest.fixture
def known(monkeypatch):
    """A way to put a data set of two files into the catalogue."""

    def put(*arguments, **settings):
        of = described(*arguments, **settings)
        monkeypatch.setattr(fetching, "dataset", lambda name: of)
        return of

    return put


def mirror_with(folder: Path, content: dict[str, bytes] = CONTENT) -> Path:
    for path, what in content.items():
        place = folder / "toy" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(what)
    return folder


def held(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_every_entry_of_the_catalogue_says_what_a_user_has_to_know():
    assert set(catalogue()) >= {"cichy92", "mur92", "king2019", "ak6", "haxby2001", "peterson"}
    for of in catalogue().values():
        about = (of.title, of.contents, of.licence, of.citation, of.homepage, of.by_hand)
        assert all(about) and re.search(r"\(\d{4}\)", of.citation)
        assert of.origin == "osf" or of.files
        assert (of.url is not None) == (of.origin in ("archive", "osf"))
        for file in of.files:
            assert re.fullmatch("[0-9a-f]{64}", file.sha256) and file.size > 0
            assert not Path(file.path).is_absolute() and ".." not in Path(file.path).parts
            assert (file.url or "").startswith("https://") == (of.origin == "files")


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"no data set 'chichy92'.*Did you mean 'cichy92'"):
        dataset("chichy92")


def test_the_table_of_92_pictures_is_the_one_of_the_catalogue():
    (file,) = [file for file in dataset("cichy92").files if file.path == "stimuli.tsv"]
    assert hashlib.sha256(table_of_92().encode()).hexdigest() == file.sha256
    kinds = [row["category"] for row in csv.DictReader(io.StringIO(table_of_92()), delimiter="\t")]
    assert len(kinds) == 92 and kinds.count("humanface") == 12


def test_files_are_downloaded_once_and_then_only_checked(known, tmp_path):
    with web({f"/{path}": content for path, content in CONTENT.items()}) as server:
        known("files", address=server.url)
        receipt = fetch("toy", tmp_path)
        assert fetch("toy", tmp_path) == receipt
    assert held(tmp_path / "toy") == CONTENT and len(server.asked) == 2
    assert receipt["sha256"]["a.bin"] == hashlib.sha256(CONTENT["a.bin"]).hexdigest()
    assert receipt["bytes"] == sum(map(len, CONTENT.values()))


def test_a_mirror_is_taken_before_the_network_and_checked_alike(known, tmp_path, monkeypatch):
    known("files", address="http://127.0.0.1:9")
    mirror = mirror_with(tmp_path / "mirror")
    fetch("toy", tmp_path / "one", mirror=mirror)
    monkeypatch.setenv("ISOPRUNE_MIRROR", str(mirror))
    fetch("toy", tmp_path / "two")
    assert held(tmp_path / "one" / "toy") == held(tmp_path / "two" / "toy") == CONTENT
    (mirror / "toy" / "a.bin").write_bytes(b"eno" * 500)
    with pytest.raises(
        UnreadableFileError, match=r"'a.bin': the file from file:.*mirror/toy/a.bin has the SHA-256"
    ):
        fetch("toy", tmp_path / "three")
    assert not (tmp_path / "three" / "toy" / "a.bin").exists()


def test_a_mirror_that_is_no_folder_is_told(known, tmp_path):
    known("none")
    with pytest.raises(MissingFileError, match=r"mirror.*'/nowhere' is not a folder.*ISOPRUNE_MIRROR"):
        fetch("toy", tmp_path, mirror="/nowhere")


def test_without_network_and_mirror_it_is_told_what_to_do_by_hand(known, tmp_path):
    known("files", address="http://127.0.0.1:9")
    with pytest.raises(
        MissingFileError, match=r"'a.bin': its download failed .*Copy it\. Or name a folder.*`mirror`"
    ):
        fetch("toy", tmp_path)
    known("none")
    with pytest.raises(
        MissingFileError, match=r"2 of 2 files are in no place that a program can reach.*Copy it"
    ):
        fetch("toy", tmp_path)


def test_a_file_that_lies_there_and_is_another_is_left_alone(known, tmp_path):
    known("files", address="http://127.0.0.1:9")
    mirror_with(tmp_path, {"a.bin": b"mine"})
    with pytest.raises(
        UnreadableFileError, match=r"that lies there has 4 bytes; expected 1500 bytes.*delete it"
    ):
        fetch("toy", tmp_path)
    assert held(tmp_path / "toy") == {"a.bin": b"mine"}


def test_what_is_absent_is_seen_without_reading(known, tmp_path):
    known("none")
    mirror_with(tmp_path, {"a.bin": b"mine"})
    assert absent_files("toy", tmp_path) == [tmp_path / "toy" / "deep" / "b.bin"]


def archive_of(content: dict[str, bytes], kind: str = "tar", **changes) -> bytes:
    """A tar or zip; `changes` are of the last member's tar header."""
    file = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            for name, what in content.items():
                archive.writestr(name, what)
    else:
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            for place, (name, what) in enumerate(content.items(), start=1):
                info = tarfile.TarInfo(name)
                info.size = len(what)
                for key, value in changes.items() if place == len(content) else ():
                    setattr(info, key, value)
                archive.addfile(info, io.BytesIO(what))
    return file.getvalue()


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_files_of_an_archive_are_found_by_content_whatever_they_are_called(known, tmp_path, kind):
    other = {"../../etc/x": CONTENT["a.bin"], "repo/same-size": b"eno" * 500, "repo/b": CONTENT["deep/b.bin"]}
    with web({"/archive": archive_of(other, kind)}) as server:
        known("archive", url=f"{server.url}/archive")
        fetch("toy", tmp_path / "to")
    assert held(tmp_path) == {f"to/toy/{path}": content for path, content in CONTENT.items()}


def test_an_archive_that_lacks_a_file_or_is_damaged_is_told(known, tmp_path):
    whole = archive_of({"a": CONTENT["a.bin"]})
    with web({"/archive": whole}) as server:
        known("archive", url=f"{server.url}/archive")
        with pytest.raises(MissingFileError, match=r"'deep/b.bin': 1 of 2 files"):
            fetch("toy", tmp_path)
        server.files["/archive"] = whole[:-40]
        with pytest.raises(UnreadableFileError, match=r"expected a zip or tar archive"):
            fetch("toy", tmp_path)
    assert held(tmp_path) == {"toy/a.bin": CONTENT["a.bin"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive_of({"ok": b"1", "../out": b"2"}), r"the path '../out', which leads out"),
        (archive_of({"/out": b"2"}), r"the path '/out'"),
        (archive_of({"a/../../out": b"2"}, "zip"), r"leads out of the folder"),
        (archive_of({"a\\..\\..\\out": b"2"}, "zip"), r"leads out of the folder"),
        (archive_of({"ok": b"1", "l": b""}, type=tarfile.SYMTYPE, linkname="/etc"), "'l', which is a link"),
        (archive_of({"ok": b"1", "l": b""}, type=tarfile.LNKTYPE, linkname="ok"), "'l', which is a link"),
        (archive_of({"ok": b"1", "d": b""}, type=tarfile.CHRTYPE), "link or a device"),
        (b"no archive", "expected a zip or tar archive"),
    ],
    # Compressed bytes hold the time, and would be part of the names.
    ids=["up", "root", "up in zip", "backslash", "symbolic link", "hard link", "device", "no archive"],
)
def test_an_archive_cannot_reach_out_of_its_folder(tmp_path, content, message):
    (tmp_path / "a.archive").write_bytes(content)
    with pytest.raises(UnreadableFileError, match=message):
        unpack(tmp_path / "a.archive", tmp_path / "in")
    assert {path.split("/")[0] for path in held(tmp_path)} <= {"a.archive", "in"}


def test_links_in_a_zip_are_refused_too(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(UnreadableFileError, match=r"'link', which is a link"):
        unpack(tmp_path / "a.zip", tmp_path / "in")


def test_an_archive_that_swells_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("isoprune.datasets.archives.MOST_BYTES", 1000)
    (tmp_path / "a.zip").write_bytes(archive_of({"a": b"0" * 600, "b": b"0" * 600}, "zip"))
    with pytest.raises(UnreadableFileError, match=r"more than 1000 bytes"):
        unpack(tmp_path / "a.zip", tmp_path / "in")
    assert list(held(tmp_path / "in")) == ["a"]


def test_a_plain_archive_is_unpacked(tmp_path):
    for kind in ("zip", "tar"):
        (tmp_path / kind).write_bytes(archive_of(CONTENT, kind))
        unpack(tmp_path / kind, tmp_path / "in" / kind)
        assert held(tmp_path / "in" / kind) == CONTENT
        take(tmp_path / kind, {hashlib.sha256(CONTENT["a.bin"]).hexdigest(): tmp_path / f"{kind}.a"}, {1500})
        assert (tmp_path / f"{kind}.a").read_bytes() == CONTENT["a.bin"]


def test_the_command_lists_shows_and_fetches(tmp_path, capsys, known, monkeypatch):
    assert main(["data", "list"]) == 0
    assert re.search(r"^ak6 +13\.1 MB +files +Six animal species", capsys.readouterr().out, re.M)
    assert main(["data", "show", "mur92"]) == 0
    shown = capsys.readouterr().out
    assert "licence      MIT" in shown and "Frontiers in Psychology 4:128" in shown
    assert main(["data", "show", "mur29"]) == 1 and "Did you mean 'mur92'" in capsys.readouterr().err
    of = known("none")
    monkeypatch.setattr("isoprune.datasets.command.dataset", lambda name: of)
    mirror = mirror_with(tmp_path / "mirror")
    assert main(["data", "fetch", "toy", "--to", str(tmp_path / "to"), "--mirror", str(mirror)]) == 0
    assert "toy: 2 files" in capsys.readouterr().out and held(tmp_path / "to" / "toy") == CONTENT


def test_progress_counts_all_files_of_a_data_set(known, tmp_path):
    known("none")
    told = []
    fetch(
        "toy", tmp_path / "to", mirror=mirror_with(tmp_path / "mirror"), tell=lambda *step: told.append(step)
    )
    assert told == [("kB of toy", 1, 3), ("kB of toy", 3, 3)]


def test_the_page_lists_the_catalogue():
    page = (DOCS / "datasets.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", page, re.M)
    assert rows == [
        (of.name, of.contents, size_in_words(of), of.licence, of.citation) for of in catalogue().values()
    ]


def test_the_catalogue_is_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        dataset("ak6").url = "elsewhere"


def test_the_page_shows_what_the_command_prints(capsys):
    (shown,) = re.findall(
        r"```console\n(.*?)```", (DOCS / "datasets.md").read_text(encoding="utf-8"), re.DOTALL
    )
    command, _, printed = shown.removeprefix("$ isoprune ").partition("\n")
    main(command.split())
    assert capsys.readouterr().out == printed
