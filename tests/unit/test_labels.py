"""Joining by label, and labelled containers."""

import pickle

import numpy as np
import pytest

from isoprune.errors import EmbeddingError, LabelError, UnknownNameError
from isoprune.labelled import RDM, Embedding
from isoprune.labels import check_labels, choose, positions


def test_positions_put_one_side_in_the_order_of_the_other():
    present = ["b", "c", "a"]
    order = positions(["a", "b", "c"], present, wanted_in="x", present_in="y")
    assert [present[i] for i in order] == ["a", "b", "c"]


def test_missing_and_surplus_labels_are_both_named():
    with pytest.raises(
        LabelError,
        match=r"rdm: lacks 1 label\(s\) of table: img_10 and has 1 label\(s\) that table lacks: img_1O",
    ) as error:
        positions(["img_1", "img_10"], ["img_1", "img_1O"], wanted_in="table", present_in="rdm")
    assert "Is 'img_1O' meant to be 'img_10'?" in str(error.value)


def test_blank_label_is_refused_with_its_row():
    with pytest.raises(LabelError, match="row 2 has no label"):
        check_labels(["a", " "], "table")


def test_unknown_name_lists_what_exists():
    with pytest.raises(
        UnknownNameError, match=r"no ROI 'ITT'; expected one of: EVC, IT. Did you mean 'IT'\?"
    ):
        choose("ITT", ["EVC", "IT"], what="ROI", where="targets")


def test_errors_survive_the_way_home_from_a_worker_process():
    error = LabelError("here", "this", "that", "Do so.")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.remedy) == (str(error), "Do so.")


def test_embedding_in_another_order_is_the_same_embedding():
    embedding = Embedding(np.arange(6.0).reshape(3, 2), ("a", "b", "c"))
    back = embedding.select(["c", "a", "b"]).select(["a", "b", "c"])
    assert np.array_equal(back.values, embedding.values)


def test_rdm_in_another_order_is_the_same_rdm():
    values = np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0.0]])
    rdm = RDM(values, ("a", "b", "c"))
    assert rdm.select(["c", "a", "b"]).values[0, 1] == 2
    assert np.array_equal(rdm.select(["c", "a", "b"]).select(["a", "b", "c"]).values, values)


def test_embedding_with_undefined_features_names_the_images():
    with pytest.raises(EmbeddingError, match=r"NaN or infinite features for 1 image\(s\): b"):
        Embedding(np.array([[1.0, 2], [np.nan, 1]]), ("a", "b"))


def test_rounding_of_float32_is_not_asymmetry():
    values = np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0.0]])
    values[0, 1] += 1e-7
    assert RDM(values, ("a", "b", "c")).values[0, 1] == RDM(values, ("a", "b", "c")).values[1, 0]
