"""Embeddings come back from files as they were, and foreign files are joined by label or refused."""

from __future__ import annotations

import io
import json
import time
from dataclasses import replace

import h5py
import numpy as np
import pytest
import rsatoolbox
import scipy.io
from rsatoolbox.io.hdf5 import write_dict_hdf5

from isoprune.errors import (
    EmbeddingError,
    LabelError,
    MissingFileError,
    UnknownNameError,
    UnreadableFileError,
)
from isoprune.io.embeddings import import_embedding, read_embedding, write_embedding
from isoprune.io.files import write_sealed
from isoprune.io.seals import ENTRY, open_seal
from isoprune.labelled import Embedding

LABELS = ("img_10", "Käse 100%", "img_2", "%41 ", "日本")
VALUES = np.random.default_rng(0).standard_normal((5, 4))


@pytest.fixture
def embedding():
    return Embedding(VALUES.astype(np.float32), LABELS, "vgg", {"device": "cpu", "note": "ä" * 70_000})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_embedding_comes_back_as_it_was(tmp_path, dtype):
    values = np.array([[np.pi, -0.0], [1e-30, 3e30]], dtype=dtype)
    written = Embedding(values, LABELS[1:3], "vgg", {"seed": 0, "nested": {"a": [1, None]}})
    write_embedding(tmp_path / "e.h5", written)
    back = read_embedding(tmp_path / "e.h5")
    assert back.values.dtype == dtype
    assert back.values.tobytes() == values.tobytes()
    assert (back.labels, back.name, back.provenance) == (written.labels, written.name, written.provenance)


def test_provenance_of_any_length_and_labels_of_any_script_come_back(tmp_path, embedding):
    write_embedding(tmp_path / "e.h5", embedding)
    back = read_embedding(tmp_path / "e.h5")
    assert back.provenance == embedding.provenance
    assert back.labels == LABELS


def test_the_same_embedding_is_the_same_bytes_at_another_time(tmp_path, embedding):
    write_embedding(tmp_path / "a.h5", embedding)
    time.sleep(1.1)  # HDF5 can store times, in whole seconds
    write_embedding(tmp_path / "b.h5", embedding)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_file_is_byte_for_byte_what_rsatoolbox_writes_of_content_and_seal(tmp_path, embedding):
    plain = replace(embedding, labels=tuple("abcdefgh"[: len(embedding.labels)]))
    write_embedding(tmp_path / "e.h5", plain)
    theirs = plain.to_rsatoolbox()
    theirs.descriptors["provenance"] = json.dumps(plain.provenance, sort_keys=True)
    buffer = io.BytesIO()
    write_dict_hdf5(buffer, {ENTRY: open_seal("e.h5"), **theirs.to_dict()})
    write_sealed(tmp_path / "theirs.h5", buffer.getvalue())
    assert (tmp_path / "e.h5").read_bytes() == (tmp_path / "theirs.h5").read_bytes()


def test_rsatoolbox_opens_it_without_us(tmp_path, embedding):
    write_embedding(tmp_path / "e.h5", embedding)
    dataset = rsatoolbox.data.dataset.load_dataset(str(tmp_path / "e.h5"))
    np.testing.assert_array_equal(dataset.measurements, embedding.values)
    assert list(dataset.obs_descriptors["stimulus"][:2]) == ["img_10", "K%C3%A4se 100%25"]
    assert list(dataset.channel_descriptors["feature"]) == [0, 1, 2, 3]
    assert dataset.descriptors["name"] == "vgg"


def test_a_foreign_hdf5_is_no_embedding_of_ours(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["features"] = VALUES
    with pytest.raises(UnreadableFileError, match=r"not an embedding written by isoprune.*import_embedding"):
        read_embedding(tmp_path / "x.h5")
    (tmp_path / "y.h5").write_bytes(b"no hdf5")
    with pytest.raises(UnreadableFileError, match=r"y.h5: it cannot be read"):
        read_embedding(tmp_path / "y.h5")


def as_npz(path):
    np.savez(path, features=VALUES, labels=np.array(LABELS))


def as_npz_stimulus(path):
    np.savez(path, features=VALUES, stimulus=np.array(LABELS))


def as_hdf5(path):
    with h5py.File(path, "w") as file:
        file["features"] = VALUES
        file["labels"] = list(LABELS)


def as_rsatoolbox(path):
    plain = ["img_10", "%41 ", "b", "c", "d"]
    dataset = rsatoolbox.data.Dataset(VALUES, obs_descriptors={"stimulus": plain})
    dataset.save(str(path), file_type="hdf5")


def as_ours(path):
    write_embedding(path, Embedding(VALUES, LABELS))


def as_mat_cell(path):
    scipy.io.savemat(path, {"features": VALUES, "labels": np.array(LABELS, dtype=object)})


def as_tsv(path):
    rows = [
        "\t".join([label, *map(repr, map(float, row))]) for label, row in zip(LABELS, VALUES, strict=True)
    ]
    path.write_text("\n".join(["stimulus\tu1\tu2\tu3\tu4", *rows]) + "\n", encoding="utf-8")


def as_csv(path):
    as_tsv(path)
    path.write_text(path.read_text(encoding="utf-8").replace("\t", ","), encoding="utf-8")


MAKERS = [
    (as_npz, "x.npz"),
    (as_npz_stimulus, "x.npz"),
    (as_hdf5, "x.h5"),
    (as_ours, "x.hdf5"),
    (as_mat_cell, "x.mat"),
    (as_tsv, "x.tsv"),
    (as_csv, "x.csv"),
]


@pytest.mark.parametrize(("make", "file"), MAKERS)
def test_every_format_gives_the_same_values_and_its_own_labels(tmp_path, make, file):
    make(tmp_path / file)
    embedding = import_embedding(tmp_path / file, name="other")
    assert embedding.labels == LABELS
    assert embedding.values.tobytes() == VALUES.tobytes()
    assert embedding.name == "other"
    assert len(embedding.provenance["inputs_sha256"]["embedding"]) == 64


@pytest.mark.parametrize(("make", "file"), MAKERS)
def test_rows_follow_the_labels_that_are_asked_for(tmp_path, make, file):
    make(tmp_path / file)
    order = [4, 2, 0, 1, 3]
    embedding = import_embedding(tmp_path / file, name="other", labels=[LABELS[i] for i in order])
    assert embedding.labels == tuple(LABELS[i] for i in order)
    np.testing.assert_array_equal(embedding.values, VALUES[order])


def test_labels_of_a_foreign_rsatoolbox_file_are_taken_as_they_stand(tmp_path):
    as_rsatoolbox(tmp_path / "x.h5")
    assert import_embedding(tmp_path / "x.h5", name="other").labels == ("img_10", "%41 ", "b", "c", "d")


def test_padding_of_matlab_characters_is_no_part_of_a_label(tmp_path):
    scipy.io.savemat(tmp_path / "x.mat", {"features": VALUES[:2], "labels": np.array(["cat", "horse"])})
    assert import_embedding(tmp_path / "x.mat", name="other").labels == ("cat", "horse")


def test_other_labels_than_asked_for_are_refused(tmp_path):
    as_npz(tmp_path / "x.npz")
    with pytest.raises(LabelError, match=r"embedding 'other': lacks 1 label\(s\) of the study: dog"):
        import_embedding(tmp_path / "x.npz", name="other", labels=[*LABELS[:4], "dog"])


def test_a_file_without_labels_needs_them_from_the_caller(tmp_path):
    np.save(tmp_path / "x.npy", VALUES.astype(np.float32))
    with pytest.raises(LabelError, match=r"holds no stimulus labels.*or state them in the order of the rows"):
        import_embedding(tmp_path / "x.npy", name="other", labels=None)
    embedding = import_embedding(tmp_path / "x.npy", name="other", labels=LABELS)
    assert embedding.labels == LABELS
    assert embedding.values.dtype == np.float32


def test_the_number_of_labels_must_fit(tmp_path):
    np.save(tmp_path / "x.npy", VALUES)
    with pytest.raises(EmbeddingError, match=r"shape \(5, 4\) with 3 labels"):
        import_embedding(tmp_path / "x.npy", name="other", labels=LABELS[:3])


def test_several_arrays_need_a_key(tmp_path):
    np.savez(tmp_path / "x.npz", layer3=VALUES, layer4=VALUES + 1, labels=np.array(LABELS))
    with pytest.raises(UnknownNameError, match=r"2 arrays .*\(layer3, layer4\).*setting `key`"):
        import_embedding(tmp_path / "x.npz", name="other")
    with pytest.raises(UnknownNameError, match="Did you mean 'layer4'"):
        import_embedding(tmp_path / "x.npz", name="other", key="layer5x4")
    np.testing.assert_array_equal(
        import_embedding(tmp_path / "x.npz", name="o", key="layer4").values, VALUES + 1
    )


def test_nothing_is_unpickled(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UnreadableFileError, match="without Python objects"):
        import_embedding(tmp_path / "x.npy", name="other", labels=LABELS)
    np.savez(tmp_path / "x.npz", features=VALUES, labels=np.array(LABELS, dtype=object), allow_pickle=True)
    with pytest.raises(UnreadableFileError, match="Save labels as an array of text"):
        import_embedding(tmp_path / "x.npz", name="other")


def test_what_is_not_a_number_is_named_by_row_and_column(tmp_path):
    (tmp_path / "x.tsv").write_text("stimulus\tu1\tu2\na\t1\t2\nb\tn/a\t2\n")
    with pytest.raises(EmbeddingError, match=r"row 2 \('b'\), column 'u1': 'n/a'; expected a number"):
        import_embedding(tmp_path / "x.tsv", name="other")


def test_undefined_values_are_refused_by_label(tmp_path):
    values = VALUES.copy()
    values[2, 1] = np.nan
    np.savez(tmp_path / "x.npz", features=values, labels=np.array(LABELS))
    with pytest.raises(EmbeddingError, match=r"NaN or infinite features for 1 image\(s\): img_2"):
        import_embedding(tmp_path / "x.npz", name="other")


def test_names_of_features_are_kept(tmp_path):
    as_tsv(tmp_path / "x.tsv")
    assert import_embedding(tmp_path / "x.tsv", name="o").provenance["feature_names"] == [
        "u1",
        "u2",
        "u3",
        "u4",
    ]


@pytest.mark.parametrize(
    ("given", "kept"), [(np.float16, np.float32), (np.int16, np.float64), (">f4", np.float32), (bool, None)]
)
def test_types_are_widened_and_never_narrowed(tmp_path, given, kept):
    values = np.round(VALUES * 8).astype(given)
    np.save(tmp_path / "x.npy", values)
    if kept is None:
        with pytest.raises(EmbeddingError, match="values of type bool"):
            import_embedding(tmp_path / "x.npy", name="o", labels=LABELS)
        return
    embedding = import_embedding(tmp_path / "x.npy", name="o", labels=LABELS)
    assert embedding.values.dtype == kept
    np.testing.assert_array_equal(embedding.values, values)


def test_unknown_and_missing_files_are_refused(tmp_path):
    with pytest.raises(MissingFileError, match="embedding 'other'"):
        import_embedding(tmp_path / "none.npz", name="other")
    (tmp_path / "x.pkl").write_bytes(b"")
    with pytest.raises(UnreadableFileError, match=r"ends in '.pkl'; expected one of: .npy"):
        import_embedding(tmp_path / "x.pkl", name="other")
    (tmp_path / "x.mat").write_bytes(b"MATLAB 7.3 MAT-file" + bytes(105) + b"\x00\x02IM")
    with pytest.raises(UnreadableFileError, match="'-v7'"):
        import_embedding(tmp_path / "x.mat", name="other", labels=LABELS)
