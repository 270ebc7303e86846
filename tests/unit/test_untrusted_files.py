"""Attacks by files: nothing runs, nothing leaves its place, and what is refused is a named error."""

import ast
import gzip
import io
import json
import os
import pickle
import re
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from runpy import run_path

import h5py
import nibabel
import numpy as np
import pytest
import scipy.io
import torch

from isoprune.config import load
from isoprune.datasets import archives
from isoprune.datasets.osf import project_files
from isoprune.errors import ConfigError, IsopruneError, LabelError, UnreadableFileError
from isoprune.figures import heatmap_pages
from isoprune.figures.style import save, styled
from isoprune.io.betas.arrays import array_volumes
from isoprune.io.betas.spm import read_design
from isoprune.io.embeddings import import_embedding, read_embedding
from isoprune.io.files import read_json
from isoprune.io.ready_formats import read_ready_file
from isoprune.io.rsatoolbox import read_rsatoolbox
from isoprune.io.tables import read_table
from isoprune.io.weights import read_state_dict
from isoprune.labels import check_labels
from isoprune.occlusion.tables import file_name, heatmap_table
from mapped import made
from web import web

SOURCES = [
    path
    for folder in ("src", "workflow")
    for path in sorted((Path(__file__).parents[2] / folder).rglob("*.py"))
]
LABELS = ["a", "b", "c", "d"]
VALUES = np.arange(12.0).reshape(4, 3)
SCRIPT = '<script>alert("1")</script>'


class Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


# ------------------------------------------------------------------------------ pickle and MATLAB


def test_nothing_that_is_read_is_unpickled(tmp_path):
    attack = Attack(tmp_path / "broken-in")
    held = np.array([attack], dtype=object)
    np.save(tmp_path / "x.npy", held, allow_pickle=True)
    np.savez(tmp_path / "x.npz", x=held)
    torch.save({"w": attack}, tmp_path / "x.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(attack))
    (tmp_path / "plain.npy").write_bytes(pickle.dumps(attack))
    for name in ("x.npy", "x.npz", "plain.npy"):
        with pytest.raises(UnreadableFileError):
            import_embedding(tmp_path / name, name="mine", labels=LABELS)
        with pytest.raises(UnreadableFileError):
            read_ready_file(tmp_path / name, None)
    for name in ("x.pth", "plain.pth"):
        with pytest.raises(UnreadableFileError):
            read_state_dict(tmp_path / name, where="networks[mine]")
    assert not (tmp_path / "broken-in").exists()


FORBIDDEN = {
    *("yaml.load", "yaml.full_load", "yaml.unsafe_load", "pickle.load", "pickle.loads", "pandas.read_pickle"),
    *("pd.read_pickle", "joblib.load", "shelve.open", "marshal.loads", "os.system", "eval", "exec"),
    *("shutil.unpack_archive", "file.extractall", "file.extract", "archive.extractall", "np.fromregex"),
}


def unsafe(text):
    """What in a source text reads a file in a way that could run it, or read another."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name, call = ast.unparse(node.func), ast.unparse(node)
            needed = {"np.load": "allow_pickle=False", "torch.load": "weights_only=True"}.get(name, "")
            if name in FORBIDDEN or needed not in call or (name == "h5py.File" and "'r'" in call):
                found.append(call)
    return found


def test_no_reader_in_the_code_could_run_what_it_reads():
    found = {path.stem: calls for path in SOURCES if (calls := unsafe(path.read_text()))}
    assert found == {"hdf5": ["h5py.File(path, 'r')"]}  # the one that checks where things lie
    assert (
        unsafe("np.load(p)")
        and unsafe("torch.load(p)")
        and unsafe("yaml.load(t)")
        and unsafe("shutil.unpack_archive(p)")
    )


def test_objects_and_functions_of_matlab_are_no_arrays(tmp_path):
    opaque = scipy.io.matlab.MatlabObject(np.array([("x",)], dtype=[("a", "O")]), "classname")
    scipy.io.savemat(tmp_path / "x.mat", {"x": opaque})
    with pytest.raises(IsopruneError):
        import_embedding(tmp_path / "x.mat", name="mine", labels=LABELS)
    with pytest.raises(IsopruneError):
        read_ready_file(tmp_path / "x.mat", None)


# ------------------------------------------------------------------------------ HDF5 that shows other files


def linked(file, secret):
    file["x"] = h5py.ExternalLink(str(secret), "x")


def nested_link(file, secret):
    file.create_group("deep")["x"] = h5py.ExternalLink(str(secret), "x")


def stored_outside(file, secret):
    raw = secret.with_suffix(".bin")
    raw.write_bytes(VALUES.tobytes())
    file.create_dataset("x", VALUES.shape, "f8", external=[(str(raw), 0, h5py.h5f.UNLIMITED)])


def virtual(file, secret):
    layout = h5py.VirtualLayout(VALUES.shape, "f8")
    layout[:] = h5py.VirtualSource(str(secret), "x", VALUES.shape)
    file.create_virtual_dataset("x", layout)


@pytest.mark.parametrize("attack", [linked, nested_link, stored_outside, virtual])
def test_hdf5_cannot_show_what_lies_in_another_file(tmp_path, attack):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = VALUES
    # With the header of MATLAB 7.3, so that SPM's reader takes it for its own.
    sent = tmp_path / "sent.h5"
    with h5py.File(sent, "w", userblock_size=512) as file:
        attack(file, tmp_path / "secret.h5")
    with sent.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    grid = nibabel.Nifti1Image(np.zeros((1, 1, 4), dtype=np.uint8), np.eye(4))
    nibabel.save(grid, tmp_path / "reference.nii")
    for read in (
        lambda: import_embedding(sent, name="mine", labels=LABELS),
        lambda: read_embedding(sent),
        lambda: read_rsatoolbox(sent),
        lambda: read_ready_file(sent, None),
        lambda: read_design(sent),
        lambda: array_volumes(sent, tmp_path / "reference.nii", "x"),
    ):
        with pytest.raises(UnreadableFileError, match=r"sent\.h5.*lies in another file"):
            read()


def test_links_that_lead_nowhere_and_references_are_refused(tmp_path):
    def made_by(fill):
        with h5py.File(tmp_path / "x.h5", "w") as file:
            fill(file)
        return tmp_path / "x.h5"

    def loop(file):
        file.create_group("g")["again"] = file["/"]

    def reference(file):
        dataset = file.create_dataset("x", (2,), dtype=h5py.ref_dtype)
        dataset[0] = dataset.ref

    for fill in (loop, reference, lambda file: file.__setitem__("a", h5py.SoftLink("/b"))):
        with pytest.raises(UnreadableFileError, match=r"x\.h5"):
            read_rsatoolbox(made_by(fill))


def test_a_small_file_that_asks_for_all_memory_is_told(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", (10**8, 10**6), "f8", chunks=(1000, 1000))
    with (tmp_path / "x.npy").open("wb") as file:
        shape = {"descr": "<f8", "fortran_order": False, "shape": (10**8, 10**6)}
        np.lib.format.write_array_header_1_0(file, shape)
    for name in ("x.h5", "x.npy"):
        with pytest.raises(UnreadableFileError, match="Unable to allocate"):
            import_embedding(tmp_path / name, name="mine", labels=LABELS)
        with pytest.raises(UnreadableFileError, match="Unable to allocate"):
            read_ready_file(tmp_path / name, None)


# ------------------------------------------------------------------------------ YAML and JSON


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("study: !!python/object/apply:os.mkdir ['broken-in']\n", UnreadableFileError, "it is not YAML"),
        ("study: 2001-99-99\n", UnreadableFileError, "it is not YAML"),
        ("study: " + "[" * 3000 + "]" * 3000, UnreadableFileError, "it is not YAML"),
        ("&a\nstudy: *a\n", ConfigError, "aliases stand for more than"),
    ],
    ids=["object", "date", "brackets", "itself"],
)
def test_settings_are_data_and_nothing_else(tmp_path, monkeypatch, text, error, message):
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(text)
    with pytest.raises(error, match=message):
        load("study.yaml")
    assert not Path("broken-in").exists()


def test_aliases_of_aliases_are_refused_before_they_are_written_out(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    (tmp_path / "study.yaml").write_text("\n".join([*lines, "study: mine", "subjects: *a11\n"]))
    with pytest.raises(ConfigError, match="aliases stand for more than 100000 values"):
        load(tmp_path / "study.yaml")


def test_json_without_end_is_a_named_error(tmp_path):
    for name in ("x.json", "digits.json"):
        (tmp_path / name).write_text("[" * 100_000 if name == "x.json" else "1" * 5000)
        with pytest.raises(UnreadableFileError, match="it is not JSON"):
            read_json(tmp_path / name)
    (tmp_path / "x.tsv").write_text("a\n1\n")
    with pytest.raises(UnreadableFileError, match=r"x\.json"):
        read_table(tmp_path / "x.tsv", where="table")


# ------------------------------------------------------------------------------ archives


def tar_of(path, *members, mode="w"):
    """A tar of (name, content, changes of the header)."""
    with tarfile.open(path, mode, format=tarfile.PAX_FORMAT) as archive:
        for name, content, changes in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in changes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    "members",
    [
        [(".", b"x", {})],
        [("", b"x", {})],
        [("a", b"x", {"pax_headers": {"path": "a\0b"}})],
        [("a" * 5000, b"x", {})],
        [("a", b"x", {}), ("a/b", b"x", {})],
        [("C:/x", b"x", {})],
        [("a", b"", {"type": tarfile.FIFOTYPE})],
        [("a", b"", {"type": tarfile.SYMTYPE, "linkname": ".."}), ("a/b", b"x", {})],
        [("a", b"", {"type": tarfile.SYMTYPE, "linkname": "b"}), ("b", b"", {"type": tarfile.SYMTYPE})],
    ],
    ids=[
        "dot",
        "empty",
        "NUL",
        "long",
        "file as folder",
        "drive",
        "fifo",
        "through a link",
        "chain of links",
    ],
)
def test_names_in_an_archive_that_no_file_can_have_are_refused(tmp_path, members):
    tar_of(tmp_path / "x.tar", *members)
    with pytest.raises(UnreadableFileError, match=r"x\.tar"):
        archives.unpack(tmp_path / "x.tar", tmp_path / "in" / "deep")
    assert {path.name for path in tmp_path.iterdir()} <= {"x.tar", "in"}


def test_a_name_in_a_zip_that_is_the_folder_itself_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(".", "x")
    with pytest.raises(UnreadableFileError, match="leads out of the folder"):
        archives.unpack(tmp_path / "x.zip", tmp_path / "in")


def test_a_zip_that_is_locked_or_lies_about_its_size_is_refused(tmp_path):
    for name, size in (("locked.zip", 5), ("lies.zip", 10**6)):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a", b"0" * size)
        content = bytearray((tmp_path / name).read_bytes())
        listed = content.find(b"PK\x01\x02")
        if name == "locked.zip":
            content[6] |= 1
            content[listed + 8] |= 1
        else:
            content[22:26] = content[listed + 24 : listed + 28] = (10).to_bytes(4, "little")
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableFileError, match=name):
            archives.unpack(tmp_path / name, tmp_path / "in")
        with pytest.raises(UnreadableFileError, match=name):
            archives.take(tmp_path / name, {"none": tmp_path / "out"}, {5, 10})
    assert sum(path.stat().st_size for path in (tmp_path / "in").rglob("*") if path.is_file()) <= 10


def test_headers_of_a_tar_cannot_take_all_memory_or_all_stack(tmp_path):
    huge = tarfile.TarInfo("pax")
    huge.type, huge.size = tarfile.XHDTYPE, 2**40
    with gzip.open(tmp_path / "huge.tar.gz", "wb") as file:
        file.write(huge.tobuf(tarfile.PAX_FORMAT) + bytes(2**12))
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 5
    block = name.tobuf(tarfile.GNU_FORMAT) + b"name\0".ljust(512, b"\0")
    (tmp_path / "nested.tar").write_bytes(block * 3000)
    for archive in ("huge.tar.gz", "nested.tar"):
        with pytest.raises(UnreadableFileError, match=archive):
            archives.unpack(tmp_path / archive, tmp_path / "in")


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
def test_a_flipped_byte_in_a_compressed_archive_is_never_unpacked_in_silence(tmp_path, kind):
    noise = np.random.default_rng(0).bytes(100_000)
    path = tar_of(tmp_path / f"x.tar.{kind}", ("a", noise, {}), mode=f"w:{kind}")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"x\.tar"):
        archives.unpack(path, tmp_path / "in")


def test_a_tar_that_goes_on_swelling_after_its_end_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_BYTES", 10**6)
    plain = tar_of(tmp_path / "x.tar", ("a", b"x", {})).read_bytes()
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(plain + bytes(3 * 10**6)))
    with pytest.raises(UnreadableFileError, match="more than 1000000 bytes"):
        archives.unpack(tmp_path / "x.tar.gz", tmp_path / "in")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x", "/etc/passwd", "data:text/plain,x"])
def test_a_list_from_elsewhere_cannot_name_files_of_this_machine(url, monkeypatch):
    about = {"kind": "file", "materialized_path": "/x", "size": 1, "extra": {"hashes": {"sha256": "0" * 64}}}
    page = {"data": [{"attributes": about, "links": {"download": url}}], "links": {}}
    with web({"/nodes/abcde/files/osfstorage/": json.dumps(page).encode()}) as server:
        monkeypatch.setattr("isoprune.datasets.osf.API", server.url)
        with pytest.raises(UnreadableFileError, match="the address"):
            project_files("abcde", where="data set 'mine'")


# ------------------------------------------------------------------------------ labels and names


@pytest.mark.parametrize(
    "label", ["a\0b", "a\nb", "a\x1b[31m", "a\x08", "cat\u202egpj.exe", "a\u2066b", "a\u2028b", "\x85a"]
)
def test_a_label_that_does_not_read_as_it_is_is_refused(label):
    with pytest.raises(LabelError, match="cannot be seen"):
        check_labels(["dog", label], "stimuli.table")


def test_labels_of_people_stay_as_they_are():
    labels = (
        "Käfer 1",
        "猫",
        "خنفساء",
        "a/b",
        "../up",
        "=1+1",
        "-rf",
        "$(x)",
        "`x`",
        "{x}",
        "'\"",
        "a\u200db",
    )
    assert check_labels(labels, "stimuli.table") == labels


@pytest.mark.parametrize(
    "label", ["../../up", "/etc/passwd", "..", ".", "-rf", "$(touch x)", "a b", "a\\b", "*"]
)
def test_a_label_is_one_harmless_part_of_a_file_name(label):
    name = file_name("net", "IT", "01", label)
    assert Path(name).name == name and re.fullmatch(r"[A-Za-z0-9_.~%-]+", name) and not name.startswith("-")


@pytest.mark.parametrize(
    "name", ["../up", "a/b", "a b", "-a", "a\n", "$(a)", "", "a\0", "ä", "{a}", ".", "a'"]
)
@pytest.mark.parametrize("of", ["study", "subjects", "networks", "targets"])
def test_names_that_become_part_of_files_are_letters_and_digits(of, name):
    given = {
        "study": "mine",
        "stimuli": {"table": "stimuli.tsv"},
        "subjects": ["01"],
        "targets": [{"name": "IT", "rdms": {"file": "IT.npz"}}],
        "networks": [{"name": "net", "file": "net.npz"}],
    }
    load(given)
    wrong = {"study": name, "subjects": [name], "networks": [{"name": name, "file": "net.npz"}]}
    wrong["targets"] = [{"name": name, "rdms": {"file": "IT.npz"}}]
    with pytest.raises(ConfigError, match=of if of == "study" else of[:-1]):
        load({**given, of: wrong[of]})


# ------------------------------------------------------------------------------ pages and figures


def test_pages_of_maps_escape_labels_and_names():
    mapped = made()
    labels = np.array([f"{SCRIPT}{place}" for place in range(len(mapped.images))])
    hostile = replace(mapped, images=labels, targets=np.array([SCRIPT, "IT"]))
    table = heatmap_table(SCRIPT, hostile)
    for page in heatmap_pages(SCRIPT, hostile, table, per_page=4, score="r"):
        assert "<script" not in page and "&lt;script&gt;" in page and 'alert("1")' not in page


def test_a_dollar_sign_in_a_label_is_drawn_as_it_is(tmp_path):
    from matplotlib.figure import Figure

    @styled
    def draw():
        figure = Figure()
        figure.subplots().set_title(r"$\nothing{$ <script>")
        save(figure, tmp_path / "x.svg")

    draw()
    assert "<script>" not in (tmp_path / "x.svg").read_text()


# ------------------------------------------------------------------------------ the audit of packages


@pytest.mark.parametrize(
    ("printed", "status", "said"),
    [
        ("", 2, "cannot be reached"),
        ("Traceback", 2, "cannot be reached"),
        (
            '{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}',
            0,
            "1 of 1 packages looked up, 0 weaknesses",
        ),
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1"}]}]}', 1, "a 1: CVE-1"),
        ('{"dependencies": [{"name": "a", "skip_reason": "not found"}]}', 2, "does not have them: a"),
    ],
)
def test_an_audit_that_did_not_happen_is_no_pass(printed, status, said):
    found, lines = run_path(str(Path(__file__).parents[2] / "envs" / "audit.py"))["verdict"](printed)
    assert found == status and said in "\n".join(lines)
