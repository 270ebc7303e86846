"""Downloads are resumed, checked, and in their place only when they are right."""

import hashlib
import threading

import pytest

from isoprune.errors import MissingFileError, NotWritableError, UnreadableFileError
from isoprune.io.download import ATTEMPTS, download
from web import web

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
WHERE = "data set 'x'"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr("isoprune.io.download.PAUSE", 0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "file.bin"


@pytest.fixture
def part(path):
    return path.with_name(".file.bin.part")


def only(path):
    """Whether the file is right and nothing lies beside it."""
    return path.read_bytes() == CONTENT and list(path.parent.iterdir()) == [path]


def test_a_file_is_downloaded_once_and_its_progress_told(path):
    told = []
    with web({"/f": CONTENT}) as server:
        for _ in range(2):
            download(
                f"{server.url}/f",
                path,
                where=WHERE,
                size=len(CONTENT),
                sha256=SHA256,
                tell=lambda *a: told.append(a),
            )
    assert only(path) and server.asked == [("/f", None)]
    assert told[-1] == ("bytes", len(CONTENT), len(CONTENT)) and len(told) > 2


def test_it_goes_on_where_it_was_cut_off(path, part):
    part.parent.mkdir()
    part.write_bytes(CONTENT[:1000])
    with web({"/f": CONTENT}) as server:
        download(f"{server.url}/f", path, where=WHERE, size=len(CONTENT), sha256=SHA256)
    assert only(path) and server.asked == [("/f", "bytes=1000-")]


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_what_is_whole_already_is_not_asked_for_again(path, part, size):
    part.parent.mkdir()
    part.write_bytes(CONTENT)
    with web({"/f": CONTENT}) as server:
        download(f"{server.url}/f", path, where=WHERE, size=size, sha256=SHA256[:8])
    assert only(path) and len(server.asked) == (size is None)


def test_a_server_that_breaks_off_is_asked_again(path):
    n_bytes = len(CONTENT) // (ATTEMPTS - 1)
    with web({"/f": CONTENT}, cut=n_bytes) as server:
        download(f"{server.url}/f", path, where=WHERE, sha256=SHA256)
    assert only(path)
    assert [wanted for _, wanted in server.asked][:2] == [None, f"bytes={n_bytes}-"]


def test_a_server_that_only_breaks_off_leaves_what_came_for_the_next_run(path, part):
    with (
        web({"/f": CONTENT}, cut=1000) as server,
        pytest.raises(
            MissingFileError, match=r"ended after .* 4000 bytes of it have come.*put it at '.*file.bin'"
        ),
    ):
        download(f"{server.url}/f", path, where=WHERE, sha256=SHA256)
    assert not path.exists() and part.read_bytes() == CONTENT[: 1000 * ATTEMPTS]


def test_a_server_without_ranges_begins_anew(path, part):
    part.parent.mkdir()
    part.write_bytes(b"old" * 100)
    with web({"/f": CONTENT}, ranges=False) as server:
        download(f"{server.url}/f", path, where=WHERE, sha256=SHA256)
    assert only(path) and len(server.asked) == 1


@pytest.mark.parametrize("rest", [b"of another file", CONTENT + b"and more"])
def test_a_part_of_another_file_is_replaced(path, part, rest):
    part.parent.mkdir()
    part.write_bytes(rest)
    with web({"/f": CONTENT}) as server:
        download(f"{server.url}/f", path, where=WHERE, sha256=SHA256)
    assert only(path) and server.asked[-1] == ("/f", None)


def test_without_a_hash_nothing_is_resumed(path, part):
    part.parent.mkdir()
    part.write_bytes(b"what was this?")
    with web({"/f": CONTENT}) as server:
        download(f"{server.url}/f", path, where=WHERE)
    assert only(path) and server.asked == [("/f", None)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sha256": "0" * 64}, f"has the SHA-256 {SHA256}; expected the SHA-256 0000"),
        ({"sha256": "0" * 8}, "expected a SHA-256 that starts with 00000000"),
        ({"size": len(CONTENT) + 1}, rf"has {len(CONTENT)} bytes; expected {len(CONTENT) + 1} bytes"),
        ({"size": 10}, rf"has {len(CONTENT)} bytes; expected 10 bytes"),
        ({"limit": 10}, "has more than 10 bytes"),
    ],
)
def test_another_file_than_expected_is_refused_and_nothing_of_it_kept(path, given, message):
    with web({"/f": CONTENT}) as server, pytest.raises(UnreadableFileError, match=message) as caught:
        download(f"{server.url}/f", path, where=WHERE, **given)
    assert server.url in str(caught.value) and list(path.parent.iterdir()) == []


def test_a_server_that_announces_too_little_cannot_fill_the_disk(path, part):
    with web({"/f": CONTENT}, claim=10) as server, pytest.raises(UnreadableFileError, match="10 bytes"):
        download(f"{server.url}/f", path, where=WHERE, size=1000)
    assert not part.exists() and not path.exists()


def test_a_missing_file_is_told_at_once(path):
    with web({}) as server, pytest.raises(MissingFileError, match=r"404|Not Found"):
        download(f"{server.url}/f", path, where=WHERE, sha256=SHA256)
    assert len(server.asked) == 1


def test_no_network_is_told_with_what_to_do(path):
    with web({}) as server:
        pass
    with pytest.raises(MissingFileError, match=r"data set 'x': its download failed \(.*refused.*put it at"):
        download(f"{server.url}/f", path, where=WHERE)


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "folder").write_text("")
    with web({"/f": CONTENT}) as server, pytest.raises(NotWritableError, match="cannot be written"):
        download(f"{server.url}/f", tmp_path / "folder" / "f", where=WHERE)


def test_of_jobs_that_want_the_same_file_one_fetches_it(path):
    with web({"/f": CONTENT}) as server:
        jobs = [
            threading.Thread(
                target=download, args=(f"{server.url}/f", path), kwargs={"where": WHERE, "sha256": SHA256}
            )
            for _ in range(4)
        ]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
    assert only(path) and len(server.asked) == 1
