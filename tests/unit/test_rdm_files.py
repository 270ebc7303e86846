"""RDM files: what is written comes back, and what is wrong is named."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from dataclasses import replace

import h5py
import numpy as np
import pytest
import scipy.io
from rsatoolbox.io.hdf5 import write_dict_hdf5
from rsatoolbox.rdm import RDMs, load_rdm

from isoprune.errors import LabelError, MissingFileError, RDMError, UnknownNameError, UnreadableFileError
from isoprune.io.files import write_sealed
from isoprune.io.rdms import read_rdm, write_rdm
from isoprune.io.ready_rdms import hash_of_subject, read_ready_rdm, read_ready_rdms
from isoprune.io.rsatoolbox import decode_label, encode_label, own_descriptors
from isoprune.io.seals import ENTRY, open_seal
from isoprune.labelled import RDM

LABELS = ("img_10", "img_2", "Äpfel 50%", "café", "img_1")


@pytest.fixture
def matrices():
    values = np.random.default_rng(0).uniform(0.1, 2, (3, 5, 5))
    values += values.transpose(0, 2, 1)
    for matrix in values:
        np.fill_diagonal(matrix, 0)
    return values


@pytest.fixture
def rdm(matrices):
    return RDM(
        matrices[0], LABELS, "IT", "03", "correlation", {"seed": 0, "name": "Zoë", "nested": {"a": [1]}}
    )


def triangles(matrices):
    rows, columns = np.triu_indices(matrices.shape[-1], 1)
    return matrices[..., rows, columns]


def save(path, content):
    buffer = io.BytesIO()
    content.save(buffer, file_type="hdf5")
    path.write_bytes(buffer.getvalue())
    return path


# ── own files ──


def test_rdm_comes_back_to_the_last_bit(tmp_path, rdm):
    write_rdm(tmp_path / "rdm.h5", rdm)
    back = read_rdm(tmp_path / "rdm.h5", expect_target="IT", expect_subject="03")
    np.testing.assert_array_equal(back.values, rdm.values)
    assert (back.labels, back.target, back.subject) == (LABELS, "IT", "03")
    assert (back.measure, back.provenance) == ("correlation", rdm.provenance)


def test_equal_content_gives_equal_bytes_at_any_time(tmp_path, rdm):
    write_rdm(tmp_path / "a.h5", rdm)
    time.sleep(1.1)
    reordered = RDM(
        rdm.values, rdm.labels, "IT", "03", "correlation", dict(reversed(list(rdm.provenance.items())))
    )
    write_rdm(tmp_path / "b.h5", reordered)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_file_is_byte_for_byte_what_rsatoolbox_writes_of_content_and_seal(tmp_path, rdm):
    write_rdm(tmp_path / "rdm.h5", rdm)
    theirs = replace(rdm, labels=tuple(map(encode_label, LABELS))).to_rsatoolbox()
    theirs.descriptors = own_descriptors(rdm.provenance)
    write_sealed(tmp_path / "theirs.h5", with_open_seal(theirs))
    assert (tmp_path / "rdm.h5").read_bytes() == (tmp_path / "theirs.h5").read_bytes()


def with_open_seal(content):
    """What rsatoolbox writes of an object and an open seal, as bytes."""
    buffer = io.BytesIO()
    write_dict_hdf5(buffer, {ENTRY: open_seal("rdm.h5"), **content.to_dict()})
    return buffer.getvalue()


def test_rsatoolbox_opens_our_files(tmp_path, rdm):
    write_rdm(tmp_path / "rdm.h5", rdm)
    theirs = load_rdm(str(tmp_path / "rdm.h5"), file_type="hdf5")
    np.testing.assert_array_equal(theirs.get_matrices()[0], rdm.values)
    assert list(theirs.pattern_descriptors["stimulus"]) == [encode_label(label) for label in LABELS]
    assert list(theirs.rdm_descriptors["subject"]) == ["03"]
    assert theirs.dissimilarity_measure == "correlation"


@pytest.mark.parametrize("label", ["img_1", "a b", "50%", "%41", "Äpfel", "猫", "a%C3%A9", "x/y,z"])
def test_labels_survive_ascii(label):
    assert encode_label(label).isascii()
    assert decode_label(encode_label(label)) == label


def test_reading_an_rdm_does_not_load_rsatoolbox(tmp_path, rdm):
    write_rdm(tmp_path / "rdm.h5", rdm)
    code = (
        "import sys; from isoprune.io.rdms import read_rdm; read_rdm(sys.argv[1]);"
        "print(sorted({'rsatoolbox', 'pandas', 'scipy.io', 'torch', 'nilearn'} & set(sys.modules)))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "rdm.h5"], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


def test_file_of_another_unit_is_refused(tmp_path, rdm):
    write_rdm(tmp_path / "rdm.h5", rdm)
    with pytest.raises(LabelError, match=r"rdm\.h5: it is the RDM of target 'IT'; expected target 'EVC'"):
        read_rdm(tmp_path / "rdm.h5", expect_target="EVC")
    with pytest.raises(LabelError, match=r"subject '03'; expected subject '04'\. Remove the file"):
        read_rdm(tmp_path / "rdm.h5", expect_target="IT", expect_subject="04")


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_truncated_file_is_unreadable(tmp_path, rdm, share):
    write_rdm(tmp_path / "rdm.h5", rdm)
    content = (tmp_path / "rdm.h5").read_bytes()
    (tmp_path / "rdm.h5").write_bytes(content[: int(share * len(content))])
    with pytest.raises(
        UnreadableFileError, match=r"rdm\.h5: it(s content is not what|.* a complete HDF5 file)"
    ):
        read_rdm(tmp_path / "rdm.h5")


def test_absent_and_foreign_files_are_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"is not a file"):
        read_rdm(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("not HDF5")
    with pytest.raises(UnreadableFileError, match=r"text\.h5: it cannot be read"):
        read_rdm(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["betas"] = np.zeros(3)
    with pytest.raises(
        UnreadableFileError, match=r"HDF5 with betas at its top; expected an rsatoolbox RDMs file"
    ):
        read_rdm(tmp_path / "other.h5")


def test_file_without_stimulus_labels_is_refused(tmp_path, matrices):
    unlabelled = RDMs(triangles(matrices[:1]), rdm_descriptors={"target": ["IT"], "subject": ["03"]})
    with pytest.raises(LabelError, match=r"no `stimulus` among its pattern descriptors"):
        read_rdm(save(tmp_path / "rdm.h5", unlabelled))


def test_file_of_several_rdms_is_not_one_subjects(tmp_path, matrices):
    several = RDMs(triangles(matrices), pattern_descriptors={"stimulus": list("abcde")})
    with pytest.raises(UnreadableFileError, match=r"it holds 3 RDMs; expected one RDM"):
        read_rdm(save(tmp_path / "rdm.h5", several))


# ── ready files ──


@pytest.mark.parametrize("form", ["square", "triangle"])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".mat"])
def test_arrays_of_subjects_are_read_alike_from_every_format(tmp_path, matrices, form, suffix):
    values = matrices if form == "square" else triangles(matrices)
    path = tmp_path / f"rdms{suffix}"
    if suffix == ".npy":
        np.save(path, values)
    elif suffix == ".npz":
        np.savez(path, Net_RDM=values)
    else:
        scipy.io.savemat(path, {"Net_RDM": values})
    rdms = read_ready_rdms(path, target="IT", labels=LABELS)
    assert list(rdms) == ["01", "02", "03"]
    for rdm, matrix in zip(rdms.values(), matrices, strict=True):
        np.testing.assert_allclose(rdm.values, matrix, rtol=0, atol=1e-15)
        assert rdm.labels == LABELS and rdm.target == "IT"


@pytest.mark.parametrize("form", ["square", "triangle"])
@pytest.mark.parametrize("suffix", [".npy", ".mat"])
def test_a_single_rdm_is_the_groups(tmp_path, matrices, form, suffix):
    values = matrices[0] if form == "square" else triangles(matrices[0])
    path = tmp_path / f"rdm{suffix}"
    np.save(path, values) if suffix == ".npy" else scipy.io.savemat(path, {"rdm": values})
    (subject, rdm), *others = read_ready_rdms(path, target="IT", labels=LABELS).items()
    assert subject == rdm.subject == "group" and not others
    np.testing.assert_array_equal(rdm.values, matrices[0])
    (named,) = read_ready_rdms(path, target="IT", labels=LABELS, subjects=["07"])
    assert named == "07"


def test_struct_array_of_matlab(tmp_path, matrices):
    entries = np.zeros((1, 3), dtype=[("RDM", object), ("name", object)])
    for entry, matrix, name in zip(entries[0], matrices, ("anna", "ben", "carl"), strict=True):
        entry["RDM"], entry["name"] = matrix, name
    scipy.io.savemat(tmp_path / "rdms.mat", {"rdms": entries})
    rdms = read_ready_rdms(tmp_path / "rdms.mat", target="judged", labels=LABELS)
    assert list(rdms) == ["anna", "ben", "carl"]
    np.testing.assert_array_equal(rdms["carl"].values, matrices[2])


def test_pairwise_distances_of_king_and_others(tmp_path):
    """`FMRI.<ROI>.<set>.pairwisedistances`: subjects × pairs, the upper triangle row by row."""
    n_images, generator = 144, np.random.default_rng(0)
    rows, columns = np.triu_indices(n_images, 1)
    distances = {
        (roi, images): generator.uniform(0.2, 1.4, (5, len(rows)))
        for roi in ("PPA", "FFA", "vTC")
        for images in ("set1", "set2")
    }
    struct = {
        roi: {
            images: {"pairwisedistances": distances[roi, images], "info": "1 - r"}
            for images in ("set1", "set2")
        }
        for roi in ("PPA", "FFA", "vTC")
    }
    scipy.io.savemat(tmp_path / "FMRI.mat", {"FMRI": struct, "date": "2019"})
    labels = [f"image{number:03d}" for number in range(n_images)]
    rdms = read_ready_rdms(
        tmp_path / "FMRI.mat", target="PPA", key="FMRI.PPA.set2.pairwisedistances", labels=labels
    )
    assert list(rdms) == ["01", "02", "03", "04", "05"]
    values = distances["PPA", "set2"]
    for subject, stored in zip(rdms.values(), values, strict=True):
        np.testing.assert_array_equal(subject.values[rows, columns], stored)
    assert len(values[0]) == 10296
    assert rdms["03"].values[0, 143] == values[2, 142] and rdms["03"].values[1, 2] == values[2, 143]
    with pytest.raises(
        UnknownNameError, match=r"'FMRI', 'PPA': there is no variable 'set3'; expected .*set1"
    ):
        read_ready_rdms(
            tmp_path / "FMRI.mat", target="PPA", key="FMRI.PPA.set3.pairwisedistances", labels=labels
        )


def test_dots_lead_into_structs_of_matlab(tmp_path, matrices):
    scipy.io.savemat(tmp_path / "f.mat", {"FMRI": {"PPA": {"d": triangles(matrices)}, "FFA": {"d": 0.0}}})
    rdms = read_ready_rdms(tmp_path / "f.mat", target="PPA", key="FMRI.PPA.d", labels=LABELS)
    np.testing.assert_array_equal(rdms["02"].values, matrices[1])
    with pytest.raises(UnknownNameError, match=r"fields?: FMRI\.PPA, FMRI\.FFA"):
        read_ready_rdms(tmp_path / "f.mat", target="PPA", labels=LABELS)
    with pytest.raises(UnknownNameError, match=r"no variable 'PPB'.*Did you mean 'PPA'"):
        read_ready_rdms(tmp_path / "f.mat", target="PPA", key="FMRI.PPB.d", labels=LABELS)


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_several_arrays_need_a_key(tmp_path, matrices, suffix):
    path, arrays = tmp_path / f"rdms{suffix}", {"EVC": matrices, "IT": matrices + 0}
    np.savez(path, **arrays) if suffix == ".npz" else scipy.io.savemat(path, arrays)
    with pytest.raises(UnknownNameError, match=r"it holds 2 \w+s: EVC, IT.*Set `key`"):
        read_ready_rdms(path, target="IT", labels=LABELS)
    with pytest.raises(UnknownNameError, match=r"'ITT'.*Did you mean 'IT'"):
        read_ready_rdms(path, target="IT", labels=LABELS, key="ITT")
    assert len(read_ready_rdms(path, target="IT", labels=LABELS, key="IT")) == 3


@pytest.mark.parametrize("suffix", [".tsv", ".csv"])
def test_table_is_joined_by_its_labels(tmp_path, matrices, suffix):
    separator = "," if suffix == ".csv" else "\t"
    order = [4, 2, 0, 1, 3]
    rows = [["", *[LABELS[column] for column in order]]]
    rows += [[label, *map(repr, map(float, matrices[0][row][order]))] for row, label in enumerate(LABELS)]
    path = tmp_path / f"rdm{suffix}"
    path.write_text("\n".join(separator.join(row) for row in rows) + "\n", encoding="utf-8")
    rdm = read_ready_rdms(path, target="fruits")["group"]
    assert rdm.labels == LABELS
    np.testing.assert_array_equal(rdm.values, matrices[0])


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("x\ta\tb\na\t0\t1\nc\t1\t0\n", LabelError, r"header row: lacks 1 label\(s\) of the first column: c"),
        (
            "x\ta\tb\na\t0\t1\nb\t1,5\t0\n",
            UnreadableFileError,
            r"row 'b', column 'a': '1,5'; expected a number",
        ),
        ("x\ta\tb\na\t0\t1\nb\t1\n", UnreadableFileError, "expected a square table"),
        ("x\ta\ta\na\t0\t1\nb\t1\t0\n", LabelError, "label a occurs more than once"),
        (
            "x\ta\tb\na\t0\tn/a\nb\t1\t0\n",
            RDMError,
            r"rdm\.tsv, target .*undefined entries, the first at \(a, b\)",
        ),
    ],
)
def test_faulty_table_is_named(tmp_path, text, error, message):
    (tmp_path / "rdm.tsv").write_text(text)
    with pytest.raises(error, match=message):
        read_ready_rdms(tmp_path / "rdm.tsv", target="fruits")


def long_rows(matrices, subjects):
    return [
        (LABELS[j], LABELS[i], subject, str(matrix[i, j]))
        for subject, matrix in zip(subjects, matrices, strict=True)
        for i in range(5)
        for j in range(i)
    ]


def written(path, rows, header="stimulus_1 stimulus_2 subject distance"):
    path.write_text("\n".join(["\t".join(header.split()), *("\t".join(row) for row in rows)]) + "\n")
    return path


def test_long_table_is_joined_by_pairs_in_any_order(tmp_path, matrices):
    rows = long_rows(matrices, ("ann", "bob", "cy"))
    shuffled = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))]
    turned = [(b, a, *rest) if number % 2 else (a, b, *rest) for number, (a, b, *rest) in enumerate(shuffled)]
    rdms = read_ready_rdms(written(tmp_path / "long.tsv", turned), target="judged")
    assert set(rdms) == {"ann", "bob", "cy"}
    for subject, matrix in zip(("ann", "bob", "cy"), matrices, strict=True):
        np.testing.assert_array_equal(rdms[subject].select(LABELS).values, matrix)
    one = [(a, b, value) for a, b, subject, value in turned if subject == "bob"]
    path = written(tmp_path / "one.tsv", one, "stimulus_1 stimulus_2 judged")
    rdm = read_ready_rdms(path, target="judged")["group"]
    np.testing.assert_array_equal(rdm.select(LABELS).values, matrices[1])
    several = [(*row, "7") for row in one]
    path = written(tmp_path / "several.tsv", several, "stimulus_1 stimulus_2 judged trials")
    with pytest.raises(UnknownNameError, match="2 columns: judged, trials; expected one, or a `key`"):
        read_ready_rdms(path, target="judged")
    assert read_ready_rdms(path, target="judged", key="judged")["group"].labels == rdm.labels


def test_long_table_with_a_pair_too_many_or_too_few_is_named(tmp_path, matrices):
    rows = long_rows(matrices[:1], ("ann",))
    path = written(tmp_path / "twice.tsv", [*rows, (rows[0][1], rows[0][0], *rows[0][2:])])
    with pytest.raises(LabelError, match=r"twice\.tsv, row 11: the pair of .* for the second time"):
        read_ready_rdms(path, target="judged")
    with pytest.raises(RDMError, match=r"2 undefined entries, the first at \("):
        read_ready_rdms(written(tmp_path / "few.tsv", rows[1:]), target="judged")


def test_ready_rsatoolbox_file(tmp_path, matrices):
    content = RDMs(
        triangles(matrices),
        dissimilarity_measure="euclidean",
        rdm_descriptors={"subject": ["a", "b", "c"]},
        pattern_descriptors={"conds": ["50%25", "b", "c", "d", "e"]},
    )
    rdms = read_ready_rdms(save(tmp_path / "rdms.hdf5", content), target="IT")
    assert list(rdms) == ["a", "b", "c"]
    assert rdms["b"].labels == ("50%25", "b", "c", "d", "e"), "other people's labels are not decoded"
    assert rdms["b"].measure == "euclidean"
    np.testing.assert_array_equal(rdms["c"].values, matrices[2])
    two = RDMs(triangles(matrices), pattern_descriptors={"conds": list("abcde"), "names": list("vwxyz")})
    with pytest.raises(UnknownNameError, match=r"it holds 2 pattern descriptors: conds, names"):
        read_ready_rdms(save(tmp_path / "two.h5", two), target="IT")
    assert read_ready_rdms(tmp_path / "two.h5", target="IT", key="names")["01"].labels == tuple("vwxyz")


def test_own_file_is_also_a_ready_file(tmp_path, rdm):
    write_rdm(tmp_path / "rdm.h5", rdm)
    (back,) = read_ready_rdms(tmp_path / "rdm.h5", target="IT").values()
    assert (back.labels, back.subject) == (LABELS, "03")


def test_similarities_are_turned_from_the_diagonal(tmp_path):
    similarities = np.array([[7.0, 2.0, 6.5], [2.0, 7.0, 3.0], [6.5, 3.0, 7.0]])
    np.save(tmp_path / "s.npy", similarities)
    rdm = read_ready_rdms(tmp_path / "s.npy", target="fruits", labels=list("abc"), similarity=True)["group"]
    np.testing.assert_array_equal(rdm.values, 7.0 - similarities)
    assert rdm.measure == "reversed similarity"
    with pytest.raises(RDMError, match=r"s\.npy, .*a with itself is 7; expected 0 .*`similarity: true`"):
        read_ready_rdms(tmp_path / "s.npy", target="fruits", labels=list("abc"))


@pytest.mark.parametrize("form", ["square", "triangle"])
def test_similarities_without_a_diagonal_are_turned_from_the_largest(tmp_path, form):
    similarities = np.array([[np.nan, 2.0, 6.5], [2.0, np.nan, 3.0], [6.5, 3.0, np.nan]])
    np.save(tmp_path / "s.npy", similarities if form == "square" else [2.0, 6.5, 3.0])
    rdm = read_ready_rdms(tmp_path / "s.npy", target="fruits", labels=list("abc"), similarity=True)["group"]
    np.testing.assert_array_equal(rdm.values, [[0, 4.5, 0], [4.5, 0, 3.5], [0, 3.5, 0]])


def test_dissimilarities_do_not_pass_for_similarities(tmp_path, matrices):
    np.save(tmp_path / "r.npy", matrices)
    message = r"r\.npy, .*less similar to themselves \(0 at most\).*Set `similarity: false` if"
    with pytest.raises(RDMError, match=message):
        read_ready_rdms(tmp_path / "r.npy", target="IT", labels=LABELS, similarity=True)


def test_numbers_of_subjects_and_labels_must_match(tmp_path, matrices):
    np.save(tmp_path / "r.npy", matrices)
    with pytest.raises(LabelError, match=r"RDMs of 3 subject\(s\); expected 2, as many .*\(s1, s2\)"):
        read_ready_rdms(tmp_path / "r.npy", target="IT", labels=LABELS, subjects=["s1", "s2"])
    with pytest.raises(RDMError, match=r"shape 3 × 5 × 5 with 4 stimulus labels; expected 4 × 4 or 6 pairs"):
        read_ready_rdms(tmp_path / "r.npy", target="IT", labels=LABELS[:4])
    with pytest.raises(LabelError, match=r"no stimulus labels.*Give `labels`"):
        read_ready_rdms(tmp_path / "r.npy", target="IT")
    with pytest.raises(UnknownNameError, match=r"holds one matrix, without a name"):
        read_ready_rdms(tmp_path / "r.npy", target="IT", key="Net_RDM", labels=LABELS)


def test_given_labels_must_not_contradict_the_files_own(tmp_path):
    (tmp_path / "r.tsv").write_text("x\ta\tb\tc\na\t0\t1\t2\nb\t1\t0\t3\nc\t2\t3\t0\n")
    assert read_ready_rdms(tmp_path / "r.tsv", target="t", labels=["a", "b", "c"])
    with pytest.raises(LabelError, match=r"in another order than the given ones.*Leave out `labels`"):
        read_ready_rdms(tmp_path / "r.tsv", target="t", labels=["b", "a", "c"])
    with pytest.raises(LabelError, match=r"lacks 1 label\(s\) of the given labels: d"):
        read_ready_rdms(tmp_path / "r.tsv", target="t", labels=["a", "b", "d"])


def test_nothing_is_unpickled(tmp_path):
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "o.npz", x=np.array([{"a": 1}], dtype=object))
    for name in ("o.npy", "o.npz"):
        with pytest.raises(UnreadableFileError, match=r"Object arrays cannot be loaded"):
            read_ready_rdms(tmp_path / name, target="IT", labels=LABELS)
    (tmp_path / "r.pkl").write_bytes(b"")
    with pytest.raises(UnreadableFileError, match=r"ends in '\.pkl'; expected one of: \.npz, \.npy"):
        read_ready_rdms(tmp_path / "r.pkl", target="IT", labels=LABELS)


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".mat", ".h5"])
def test_truncated_ready_file_is_unreadable(tmp_path, matrices, suffix):
    path = tmp_path / f"r{suffix}"
    {
        ".npz": lambda: np.savez_compressed(path, r=matrices),
        ".npy": lambda: np.save(path, matrices),
        ".mat": lambda: scipy.io.savemat(path, {"r": matrices}, do_compression=True),
        ".h5": lambda: save(path, RDMs(triangles(matrices))),
    }[suffix]()
    content = path.read_bytes()
    for length in (0, 3, len(content) // 2, len(content) - 20):
        path.write_bytes(content[:length])
        os.utime(path, ns=(length, length))
        with pytest.raises(UnreadableFileError, match=r"cannot be read"):
            read_ready_rdms(path, target="IT", labels=LABELS)


def test_hash_of_a_subject_follows_that_subject_alone(tmp_path, matrices):
    path = tmp_path / "r.npy"
    np.save(path, matrices)
    before = {s: hash_of_subject(path, subject=s, labels=LABELS) for s in ("01", "02", "03")}
    provenance = {s: r.provenance for s, r in read_ready_rdms(path, target="IT", labels=LABELS).items()}
    assert len(set(before.values())) == 3
    matrices[1, 0, 1] = matrices[1, 1, 0] = 9.0
    np.save(path, matrices)
    os.utime(path, ns=(1, 1))
    after = {s: hash_of_subject(path, subject=s, labels=LABELS) for s in ("01", "02", "03")}
    assert [s for s in before if before[s] != after[s]] == ["02"]
    rdms = read_ready_rdms(path, target="IT", labels=LABELS)
    assert [s for s in rdms if rdms[s].provenance != provenance[s]] == ["02"]
    with pytest.raises(UnknownNameError, match=r"no subject '04'; expected one of: 01, 02, 03"):
        hash_of_subject(path, subject="04", labels=LABELS)


def test_a_subject_is_read_whatever_is_wrong_with_another(tmp_path, matrices):
    damaged = np.array(matrices)
    damaged[1, 0, 1] = damaged[1, 1, 0] = np.nan
    np.save(tmp_path / "rdms.npy", damaged)
    settings = {"target": "IT", "labels": LABELS, "subjects": ["01", "02", "03"]}
    whole = np.array(matrices)
    np.save(tmp_path / "whole.npy", whole)
    one = read_ready_rdm(tmp_path / "rdms.npy", subject="03", **settings)
    other = read_ready_rdms(tmp_path / "whole.npy", **settings)["03"]
    np.testing.assert_array_equal(one.values, other.values)
    assert one.provenance == other.provenance
    with pytest.raises(RDMError, match="undefined"):
        read_ready_rdm(tmp_path / "rdms.npy", subject="02", **settings)
    with pytest.raises(UnknownNameError, match="there is no subject '04'"):
        read_ready_rdm(tmp_path / "rdms.npy", subject="04", **settings)


def test_a_source_is_read_once(tmp_path, matrices, monkeypatch):
    np.save(tmp_path / "r.npy", matrices)
    reads, load = [], np.load
    monkeypatch.setattr(np, "load", lambda *given, **more: reads.append(given) or load(*given, **more))
    for subject in ("01", "02", "03"):
        hash_of_subject(tmp_path / "r.npy", subject=subject, labels=LABELS)
    read_ready_rdms(tmp_path / "r.npy", target="IT", labels=LABELS)
    assert len(reads) == 1
