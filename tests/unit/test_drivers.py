"""Which features a target keeps most steadily, what drives them, who else keeps them, and the page that shows it."""

import re

import numpy as np
import pytest
from PIL import Image

from examples import sparse_embedding
from isoprune.drivers import TABLES, image_table, looked_at, other_table
from isoprune.errors import EmbeddingError, LabelError
from isoprune.figures import features_page
from isoprune.folds import Fold
from isoprune.foldsets import FoldSets
from isoprune.keeping import keeping, keepings_of_units, main_units
from isoprune.labelled import Embedding
from isoprune.relabelled_sets import relabelled_sets

pd = pytest.importorskip("pandas")

N, M = 24, 20
LABELS = tuple(f"img_{i:02d}" for i in range(N))
STIMULI = pd.DataFrame({"stimulus": LABELS, "kind": [f"{'<b>' * (i % 2)}k{i % 2}" for i in range(N)]})


def folds(*retained):
    held_out = np.array([[i % len(retained) == fold for i in range(N)] for fold in range(len(retained))])
    numbers = np.arange(len(retained))
    return FoldSets(LABELS, numbers, numbers, tuple(map(np.array, retained)), held_out, held_out)


def values():
    """Features of which number 2 fires for every second image, and number 5 is dead."""
    found = sparse_embedding(N, M, 0)
    found[:, 2] = [5.0 * (i % 2) + 0.01 * i for i in range(N)]
    found[:, 5] = 0.0
    return found


IT = folds([2, 5, 1], [2, 5, 3], [2, 5, 3], [2, 5, 4])
EVC = folds([3, 1, 9, 10], [3, 2, 9, 10], [3, 8, 9, 10], [3, 7, 9, 10])


def keepings():
    return {
        "IT": keeping([(IT, [5, 2, 3])], [folds([5, 2], [5, 3])], M),
        "EVC": keeping([(EVC, [9, 3, 10])], [], M),
    }


def seen(target="IT", **settings):
    given = {"shown": 3, "private": 2, "images": 5, "columns": None, "n_permutations": 49, "seed": 0}
    return looked_at(Embedding(values(), LABELS, "net"), target, keepings(), STIMULI, **{**given, **settings})


def test_steadiness_is_the_share_of_folds_then_of_subjects_then_the_rank():
    it = keepings()["IT"]
    assert it.order[:3].tolist() == [5, 2, 3]  # 5 and 2 in all folds, 5 in more folds of the single subject
    assert it.kept[[2, 3, 1, 0]].tolist() == [1, 0.5, 0.25, 0]
    assert it.keeps.tolist() == [2, 3, 5] and it.by_chance == pytest.approx(3 / M)
    assert set(it.order) == {1, 2, 3, 4, 5}
    without = keeping([(IT, [2, 3, 5])], [], M)
    assert without.order[:2].tolist() == [2, 5] and np.isnan(without.kept_subjects).all()


def test_units_become_keepings_by_target_the_group_first():
    def unit(target, subject, supervision):
        return {"network": "net", "target": target, "subject": subject, "supervision": supervision}

    units = [
        unit("IT", "01", "own"),
        unit("IT", "group", "group"),
        unit("EVC", "01", "own"),
        unit("EVC", "02", "own"),
    ]
    found = keepings_of_units(units, [EVC, IT, EVC, IT], [[3], [2], [3], [2, 3]], M)
    assert found["IT"].kept[2] == 1 and found["IT"].kept_subjects[3] == 1 and found["IT"].n_subjects == 1
    # No group: folds of both subjects, and the mean rank.
    assert found["EVC"].kept[3] == 6 / 8 and found["EVC"].rank[3] == 1.5 and found["EVC"].n_subjects == 0
    assert main_units(units) == [
        unit for unit in units if unit["target"] == "EVC" or unit["subject"] == "group"
    ]
    with pytest.raises(EmbeddingError, match="feature 10 of an embedding of 9 features"):
        keepings_of_units(units, [EVC, IT, EVC, IT], [[3], [2], [3], [2, 3]], 9)


def test_images_stand_in_the_order_of_drive_in_standard_deviations():
    tables, _ = seen()
    images = tables["images"]
    of_feature = images[images["feature"] == 2]
    most, least = (of_feature[of_feature["end"] == end] for end in ("most", "least"))
    assert most["stimulus"].tolist() == [f"img_{i}" for i in (23, 21, 19, 17, 15)]
    assert least["stimulus"].tolist() == [f"img_{i:02d}" for i in (0, 2, 4, 6, 8)]
    x = values()[:, 2]
    np.testing.assert_allclose(most["drive"], (x[[23, 21, 19, 17, 15]] - x.mean()) / x.std(), rtol=1e-12)
    assert (np.diff(most["drive"]) <= 0).all() and (np.diff(least["drive"]) >= 0).all()


def test_images_at_a_rectifiers_floor_are_spread_over_the_table_and_counted():
    x = np.zeros((N, 1))
    x[[3, 4], 0] = 1.0, 2.0
    table = image_table(x, LABELS, [0], 4)
    assert table.loc[table["end"] == "most", "stimulus"].tolist() == ["img_04", "img_03"]
    assert table.loc[table["end"] == "least", "stimulus"].tolist() == ["img_00", "img_09", "img_16", "img_23"]


def test_a_feature_of_a_category_is_named_with_it_and_a_dead_one_is_said():
    tables, about = seen()
    row = tables["selectivity"].set_index("feature").loc[2]
    assert row["category"] == "<b>k1" and row["d"] > 10 and row["p_fwe"] == 0.02
    assert tables["features"].set_index("feature")["varies"].to_dict() == {5: False, 2: True, 3: True}
    assert (about["n_constant"], about["n_constant_kept"], about["n_features"]) == (1, 1, M)
    for name, table in tables.items():
        assert list(table.columns) == list(TABLES[name])


def test_who_else_keeps_a_feature_is_said_with_its_nearest_stand_in():
    x = values()
    x[:, 9] = x[:, 2] + 0.1 * np.arange(N)
    features, _ = seen()
    kinds = features["features"].set_index("feature")["kind"]
    assert kinds[3] == "shared" and kinds[2] == "partly" and kinds[5] == "private"
    others = other_table(x, "IT", keepings(), [3, 2, 5]).set_index("feature")
    assert others.loc[3, "closest"] == 3 and others.loc[3, "closest_r"] == pytest.approx(1)
    r = np.corrcoef(x[:, 2], x[:, 9])[0, 1]
    assert others.loc[2, "closest"] == 9 and others.loc[2, "closest_r"] == pytest.approx(r)
    assert pd.isna(others.loc[5, "closest"])  # nothing is like a dead feature
    assert others["kept"].tolist() == [1, 0.25, 0]


def test_private_features_follow_those_that_are_shown():
    tables, about = seen("EVC", shown=1)
    features = tables["features"]
    assert about["n_shown"] == 1
    assert features["feature"].tolist() == [9, 10] and features["place"].tolist() == [1, 3]
    assert features["kind"].tolist() == ["private", "private"]
    assert "Features that only EVC keeps" in page_of(tables, about, target="EVC")
    assert "Features that only" not in page_of(*seen("EVC", shown=1, private=0), target="EVC")


def test_order_of_rows_changes_nothing():
    order = np.random.default_rng(0).permutation(N)
    moved = Embedding(values()[order], [LABELS[row] for row in order], "net")
    settings = {"shown": 3, "images": 5, "columns": None, "n_permutations": 9, "seed": 0}
    one, _ = looked_at(Embedding(values(), LABELS, "net"), "IT", keepings(), STIMULI, **settings)
    other, _ = looked_at(moved, "IT", keepings(), STIMULI[::-1], **settings)
    for name in TABLES:
        pd.testing.assert_frame_equal(one[name], other[name])


def test_an_image_without_a_row_in_the_table_is_told():
    with pytest.raises(LabelError, match="no row for 1 image"):
        looked_at(
            Embedding(values(), LABELS, "net"),
            "IT",
            keepings(),
            STIMULI[1:],
            shown=3,
            images=5,
            columns=None,
            n_permutations=0,
            seed=0,
        )


# ------------------------------------------------------------------------------ the page


def test_a_page_gives_p_against_relabelled_targets_or_says_that_there_is_none():
    sets = [[np.array(one)] + [np.array([k, k + 1, 19]) for k in range(9)] for one in IT.retained]
    blocks = [Fold(1, k, (), tuple(np.array(LABELS)[out])) for k, out in enumerate(IT.held_out)]
    with_p = page_of(*seen(relabelled=[relabelled_sets(sets, blocks, LABELS, M, "drawn")]))
    assert "the sets that 9 targets with exchanged images keep" in with_p and "There is no p" not in with_p
    without = page_of(*seen())
    assert "There is no p: no target was relabelled" in without and "nan" not in without.lower()


def page_of(tables, about, **settings):
    return features_page(
        "tiny", tables, about, **{"network": "net", "layer": "fc", "target": "IT", **settings}
    )


@pytest.fixture
def pictures(tmp_path):
    for label in LABELS:
        Image.new("RGB", (20, 30), (200, 30, 30)).save(tmp_path / f"{label}.png")
    return {label: tmp_path / f"{label}.png" for label in LABELS}


def test_a_page_shows_each_image_beside_its_drive_and_holds_each_picture_once(pictures):
    tables, about = seen()
    text = page_of(tables, about, pictures=pictures)
    n_shown = tables["images"]["stimulus"].nunique()
    assert text.count("url(data:image/jpeg") == n_shown
    assert text.count("<figure") == len(tables["images"]) == text.count('role="img"')
    assert "<script" not in text and not re.search(r'(src|href)="(?!data:)', text)
    drive = tables["images"]["drive"].iloc[0]
    assert f"{drive:+.2f} SD" in text
    assert "&lt;b&gt;k1" in text and "<b>k1" not in text


def test_a_page_says_what_a_reviewer_would_ask(pictures):
    text = page_of(*seen(), pictures=pictures)
    assert "Dead: it has the value 0 for all 24 images" in text and "Dead: 1 of 20 features" in text
    assert "selected on these very images" in text and "corrected over all features of the network" in text
    assert "retained sets of the folds, on the images that each held out" in text
    assert (
        "Kept by 100 % of 4 folds" in text and "Shared in part" in text and "EVC: 25 % of its folds" in text
    )


def test_images_that_may_not_be_shown_are_not_on_the_page():
    tables, about = seen()
    text = page_of(tables, about)
    assert "data:image" not in text and 'role="img"' not in text
    assert "Labels stand in the place of images" in text and "img_23" in text


def test_a_study_without_categories_or_synsets_is_told_so():
    tables, about = seen(columns=[])
    text = page_of(tables, about, with_wordnet=True)
    assert "category selectivity is not tested" in text and "too few synsets" in text
    assert tables["sets"].empty and tables["selectivity"].empty


def test_enriched_kinds_of_things_are_on_the_page():
    synsets = pd.DataFrame(
        {
            "stimulus": LABELS,
            "synset": [f"one{i}.n.01" for i in range(N)],
            "hypernyms": [f"entity.n.01 {'animal' if i % 2 else 'tool'}.n.01" for i in range(N)],
        }
    )
    tables, about = seen(synsets=synsets, n_permutations=49)
    assert "animal.n.01: 5 of 5 (12 of 24 in the study)" in page_of(tables, about, with_wordnet=True)
    assert "animal.n.01" not in page_of(tables, about)
