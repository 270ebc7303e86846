"""Tables come back as they were written, and say where they are wrong."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from isoprune.errors import LabelError, MissingFileError, NotWritableError, UnreadableFileError
from isoprune.io.tables import image_paths, read_rows, read_stimuli, read_table, write_table


def stimuli_file(folder, text):
    path = folder / "stimuli.tsv"
    path.write_text(text, encoding="utf-8")
    return path


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_float64_comes_back_to_the_last_bit(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("floats") / "scores.tsv"
    write_table(path, pd.DataFrame({"r": numbers}), {"r": "dimensionless"})
    back = read_table(path, where="scores")["r"]
    assert back.dtype == np.float64
    assert back.to_numpy().tobytes() == np.array(numbers, dtype=np.float64).tobytes()


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
@example(["one\rcell", "two\r\nlines", 'a "quoted"\ttab', "\x00", "\x1f x", '"'])
def test_text_comes_back_whatever_it_contains(tmp_path_factory, words):
    words = [word for word in words if word.strip() not in ("", "n/a")] or ["a"]
    path = tmp_path_factory.mktemp("words") / "names.tsv"
    write_table(path, pd.DataFrame({"subject": words, "r": 0.5}), {"subject": "who", "r": "fit"})
    assert list(read_table(path, where="names")["subject"]) == words


def test_each_kind_of_column_comes_back_as_it_was(tmp_path):
    frame = pd.DataFrame(
        {
            "subject": ["01", "02", None],
            "r": [0.1, np.nan, -np.inf],
            "n_retained": [3, 4, 5],
            "n_draws": pd.array([1, None, 3], dtype="Int64"),
            "in_final": [True, False, True],
            "kind": pd.Categorical(["a", "b", "a"]),
        }
    )
    write_table(tmp_path / "summary.tsv", frame, dict.fromkeys(frame.columns, "words"))
    back = read_table(tmp_path / "summary.tsv", where="summary")
    assert list(back["subject"][:2]) == ["01", "02"]
    assert pd.isna(back["subject"][2])
    pd.testing.assert_frame_equal(
        back[["r", "n_retained", "n_draws", "in_final"]], frame[["r", "n_retained", "n_draws", "in_final"]]
    )
    assert list(back["kind"]) == ["a", "b", "a"]
    assert (tmp_path / "summary.tsv").read_text().splitlines()[2] == "02\tn/a\t4\tn/a\tfalse\tb"


def test_equal_tables_are_equal_bytes_with_a_description_of_each_column(tmp_path):
    frame = pd.DataFrame({"r": [0.1, 1 / 3], "subject": ["01", "02"]})
    about = {"r": "Held-out fit, dimensionless", "subject": "Who is scored", "unused": "Of another table"}
    for name in ("a", "b"):
        write_table(tmp_path / f"{name}.tsv", frame, about)
    assert (tmp_path / "a.tsv").read_bytes() == (tmp_path / "b.tsv").read_bytes()
    sidecar = json.loads((tmp_path / "a.json").read_text())
    assert {name: about for name, about in sidecar.items() if not name.startswith("isoprune_")} == {
        "r": {"Description": "Held-out fit, dimensionless", "Format": "number"},
        "subject": {"Description": "Who is scored", "Format": "string"},
    }


def test_a_column_without_description_is_refused_by_name_and_nothing_is_written(tmp_path):
    with pytest.raises(NotWritableError, match=r"no description of column n_features"):
        write_table(tmp_path / "t.tsv", pd.DataFrame({"r": [1.0], "n_features": [2]}), {"r": "fit"})
    assert list(tmp_path.iterdir()) == []


def test_a_column_that_mixes_text_and_numbers_is_refused(tmp_path):
    with pytest.raises(NotWritableError, match=r"column 'r'.*only text, only numbers"):
        write_table(tmp_path / "t.tsv", pd.DataFrame({"r": [1.0, "none"]}), {"r": "fit"})


def test_a_table_without_its_own_sidecar_is_refused(tmp_path):
    path = tmp_path / "t.tsv"
    write_table(path, pd.DataFrame({"r": [1.0, 2.0]}), {"r": "fit"})
    own = path.with_suffix(".json").read_bytes()
    write_table(path, pd.DataFrame({"r": [1.0, 3.0]}), {"r": "fit"})
    path.with_suffix(".json").write_bytes(own)
    with pytest.raises(UnreadableFileError, match=r"t\.tsv: its content is not what was written"):
        read_table(path, where="table")
    path.with_suffix(".json").unlink()
    with pytest.raises(MissingFileError, match=r"t\.json' is not a file.*Copy it with its table"):
        read_table(path, where="table")


def test_a_table_that_is_to_be_edited_may_be(tmp_path):
    path = tmp_path / "stimuli.tsv"
    for edited in (True, False):
        write_table(path, pd.DataFrame({"stimulus": ["a"]}), {"stimulus": "label"}, to_be_edited=edited)
        path.write_text("stimulus\nb\n")
        if edited:
            assert list(read_stimuli(path)["stimulus"]) == ["b"]
    with pytest.raises(UnreadableFileError, match=r"stimuli\.tsv: its content is not what was written"):
        read_stimuli(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ("a\tb\n1\t2\n1\n", r"row 2: 1 cell\(s\); expected 2"),
        ("a\tb\n1\t2\t3\n", r"row 1: 3 cell\(s\); expected 2"),
        ("a\ta\n1\t2\n", "column a occurs more than once"),
        ("a\t\n1\t2\n", "column 2 has no name"),
    ],
)
def test_a_malformed_table_is_named_with_its_row(tmp_path, text, message):
    with pytest.raises(UnreadableFileError, match=message):
        read_rows(stimuli_file(tmp_path, text), where="table")


def test_a_table_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "t.tsv").write_bytes("stimulus\ncafé\n".encode("utf-16"))
    with pytest.raises(UnreadableFileError, match="Save the table again as tab-separated UTF-8 text"):
        read_rows(tmp_path / "t.tsv", where="table")


def test_stimuli_keep_their_order_and_their_spelling(tmp_path):
    path = stimuli_file(
        tmp_path,
        "\ufeffstimulus\tfile\tcategory\r\nimg_10\ta.png\tn/a\r\n007\tb.png\tface\r\nimg_2\tc.png\t\r\n1e3\td.png\tx\r\n",
    )
    (tmp_path / "stimuli.json").write_text('{"stimulus": {"Format": "integer"}}')
    stimuli = read_stimuli(path)
    assert list(stimuli["stimulus"]) == ["img_10", "007", "img_2", "1e3"]
    assert list(stimuli["category"].isna()) == [True, False, True, False]


def test_stimuli_of_embedding_files_need_no_images(tmp_path):
    stimuli = read_stimuli(stimuli_file(tmp_path, "stimulus\na\nb\n"))
    with pytest.raises(UnreadableFileError, match="no column 'file' among stimulus"):
        image_paths(stimuli, tmp_path / "stimuli.tsv")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("Stimulus\na\n", UnreadableFileError, "no column 'stimulus'.*Did you mean 'Stimulus'"),
        ("stimulus,file\na,b\n", UnreadableFileError, "looks comma-separated"),
        ("stimulus\tfile\n", UnreadableFileError, "it has no rows"),
        ("stimulus\tfile\na\tx\n\ty\nn/a\tz\n", LabelError, "row 2, 3: no label"),
        ("stimulus\na\nb\na\nc\nc\n", LabelError, r"rows 1, 3: the same label 'a' \(1 more"),
    ],
)
def test_a_wrong_table_of_stimuli_is_refused_with_its_rows(tmp_path, text, error, message):
    with pytest.raises(error, match=message):
        read_stimuli(stimuli_file(tmp_path, text))


def test_images_lie_relative_to_their_table(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "b.png").touch()
    path = stimuli_file(tmp_path, "stimulus\tfile\nb\timages/b.png\n")
    assert image_paths(read_stimuli(path), path) == [tmp_path / "images" / "b.png"]


def test_a_missing_image_is_named_with_row_stimulus_and_file(tmp_path):
    (tmp_path / "cat.png").touch()
    path = stimuli_file(tmp_path, "stimulus\tfile\na\tcat.png\nb\tcats.png\nc\tn/a\n")
    stimuli = read_stimuli(path)
    with pytest.raises(MissingFileError) as caught:
        image_paths(stimuli, path)
    assert f"row 2, stimulus 'b': '{tmp_path / 'cats.png'}' is not a file (2 of 3" in str(caught.value)
    assert "Did you mean 'cat.png'" in str(caught.value)
    with pytest.raises(MissingFileError, match="row 3, stimulus 'c': no file is named"):
        image_paths(stimuli.iloc[2:], path)


def test_images_lie_where_they_are_said_to(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "b.png").touch()
    stimuli = pd.DataFrame({"stimulus": ["b"], "file": ["b.png"]})
    assert image_paths(stimuli, "elsewhere/stimuli.tsv", tmp_path / "photos") == [
        tmp_path / "photos" / "b.png"
    ]
    with pytest.raises(
        MissingFileError, match=r"stimulus 'b': .*b\.png' is not a file.* relative to '.*nowhere'"
    ):
        image_paths(stimuli, "elsewhere/stimuli.tsv", tmp_path / "nowhere")
