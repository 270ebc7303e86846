"""Truths about nuisance RDMs."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from examples import random_target
from isoprune.appearance import CYCLES, GRID, ORIENTATIONS, SIZE, gabor_energies
from isoprune.errors import ConstantImageError, LabelError, MissingFileError, RDMError, UnknownNameError
from isoprune.labelled import Embedding
from isoprune.nuisances import (
    IMAGE_NUISANCES,
    NUISANCES,
    join_nuisances,
    nuisance_named,
    nuisance_of_study,
    nuisance_rdm,
)

WHITE, BLACK, RED, GREEN = (255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 255, 0)


@pytest.fixture
def saved(tmp_path):
    """Saves arrays as images and gives their paths by label."""

    def save(**pictures):
        paths = {}
        for label, pixels in pictures.items():
            paths[label] = tmp_path / f"{label}.png"
            Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(paths[label])
        return paths

    return save


def filled(colour, height=48, width=48):
    return np.broadcast_to(np.array(colour, dtype=np.uint8), (height, width, 3))


def halves(left, right, size=48):
    picture = np.array(filled(left, size, size))
    picture[:, size // 2 :] = right
    return picture


def grating(cycles, angle=0.0, phase=0.0, size=SIZE):
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    wave = np.sin(2 * np.pi * cycles / size * (x * np.cos(angle) + y * np.sin(angle)) + phase)
    return np.repeat((127.5 + 100 * wave)[..., None], 3, axis=2)


def noise(seed, size=48):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3))


def dissimilarity(name, images):
    rdm = nuisance_rdm(name, list(images), images=images)
    return {(a, b): rdm.values[i, j] for i, a in enumerate(rdm.labels) for j, b in enumerate(rdm.labels)}


def test_luminance_is_that_of_the_standard(saved):
    # IEC 61966-2-1: Y = .2126 R + .7152 G + .0722 B of linear values; sRGB 188 is about half of white's light.
    found = dissimilarity(
        "luminance", saved(white=filled(WHITE), black=filled(BLACK), red=filled(RED), grey=filled((188,) * 3))
    )
    assert found["white", "black"] == pytest.approx(1, abs=1e-3)
    assert found["red", "black"] == pytest.approx(0.2126, abs=1e-3)
    assert found["grey", "black"] == pytest.approx(((188 / 255 + 0.055) / 1.055) ** 2.4, abs=1e-3)


def test_contrast_is_the_spread_of_luminance_whatever_its_place(saved):
    found = dissimilarity(
        "contrast", saved(flat=filled(WHITE), one=halves(WHITE, BLACK), other=halves(BLACK, WHITE))
    )
    assert found["flat", "one"] == pytest.approx(0.5, abs=1e-3)
    assert found["one", "other"] == pytest.approx(0, abs=1e-12)


def test_colour_does_not_see_lightness_and_sees_hue(saved):
    found = dissimilarity(
        "colour", saved(white=filled(WHITE), black=filled(BLACK), red=filled(RED), green=filled(GREEN))
    )
    assert found["white", "black"] == pytest.approx(0, abs=0.05)
    # CIELAB of sRGB red is (53.2, 80.1, 67.2), of green (87.7, −86.2, 83.2).
    assert found["red", "white"] == pytest.approx(np.hypot(80.1, 67.2), abs=0.2)
    assert found["red", "green"] == pytest.approx(np.hypot(80.1 + 86.2, 67.2 - 83.2), abs=0.2)


def test_pixels_are_correlated_in_place(saved):
    picture = noise(0)
    found = dissimilarity(
        "pixels",
        saved(
            one=picture,
            darker=picture // 2,
            negative=255 - picture,
            other=noise(1),
            moved=np.roll(picture, 9, 0),
        ),
    )
    assert found["one", "darker"] < 0.01
    assert found["one", "negative"] == pytest.approx(2, abs=0.01)
    assert found["one", "other"] == pytest.approx(1, abs=0.2)
    assert found["one", "moved"] == pytest.approx(1, abs=0.2)


def test_gabor_sees_orientation_and_frequency_and_not_phase_or_sign(saved):
    found = dissimilarity(
        "gabor",
        saved(
            one=grating(8),
            phase=grating(8, phase=1.0),
            negative=255 - grating(8),
            fainter=127.5 + (grating(8) - 127.5) / 3,
            across=grating(8, np.pi / 2),
            coarser=grating(4),
        ),
    )
    for alike in ("phase", "negative", "fainter"):
        assert found["one", alike] < 0.02, alike
    for different in ("across", "coarser"):
        assert found["one", different] > 0.5, different


@pytest.mark.parametrize("cycles", CYCLES)
@pytest.mark.parametrize("orientation", [0, 3])
def test_a_grating_drives_the_filter_of_its_frequency_and_orientation_most(cycles, orientation):
    picture = grating(cycles, np.pi * orientation / ORIENTATIONS)[..., 0]
    energies = gabor_energies(picture).reshape(len(CYCLES), ORIENTATIONS, GRID, GRID).mean(axis=(2, 3))
    assert np.unravel_index(energies.argmax(), energies.shape) == (CYCLES.index(cycles), orientation)


def test_category_is_0_within_and_1_between():
    rdm = nuisance_rdm("category", ["a", "b", "c"], categories={"c": "cat", "a": "dog", "b": "dog"})
    assert rdm.values.tolist() == [[0, 0, 1], [0, 0, 1], [1, 1, 0]]
    assert (rdm.target, rdm.labels) == ("category", ("a", "b", "c"))


@pytest.mark.parametrize("name", NUISANCES)
def test_rows_follow_the_labels_and_the_rdm_says_what_it_is(name, saved):
    images = saved(**{f"i{k}": noise(k) // (k + 1) for k in range(5)})
    labels, categories = list(images), dict(zip(images, "aabbb", strict=True))
    order = [3, 0, 4, 1, 2]
    one = nuisance_rdm(name, labels, images=images, categories=categories)
    other = nuisance_rdm(name, [labels[i] for i in order], images=images, categories=categories)
    np.testing.assert_allclose(other.values, one.values[np.ix_(order, order)], rtol=0, atol=1e-12)
    assert one.target == name
    assert one.measure == IMAGE_NUISANCES.get(name, "different category")
    assert one.provenance["settings"]["nuisance"] == name


@pytest.mark.parametrize("name", IMAGE_NUISANCES)
def test_only_the_largest_centred_square_counts(name, saved):
    pictures = {f"i{k}": noise(k) // (k + 1) for k in range(3)}
    wide = {label: np.pad(one, ((0, 0), (20, 20), (0, 0))) for label, one in pictures.items()}
    found = [nuisance_rdm(name, list(pictures), images=saved(**some)).values for some in (pictures, wide)]
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["pixels", "gabor"])
def test_a_uniform_image_is_named(name, saved):
    images = saved(one=noise(0), grey=filled((90, 90, 90)), other=noise(1))
    with pytest.raises(
        ConstantImageError, match=rf"nuisance '{name}': image grey has the same value everywhere; expected"
    ):
        nuisance_rdm(name, list(images), images=images)


def test_a_property_that_does_not_differ_is_refused(saved):
    images = saved(a=filled(RED), b=filled(RED), c=filled(RED))
    with pytest.raises(
        RDMError, match=r"nuisance 'luminance': all pairs of its 3 images have the same dissim.*leave this"
    ):
        nuisance_rdm("luminance", list(images), images=images)


@pytest.mark.parametrize(
    ("categories", "found"), [("aaa", "one category, 'a'"), ("abc", "3 categories of one image each")]
)
def test_categories_that_tell_no_images_apart_or_all_are_refused(categories, found):
    with pytest.raises(
        RDMError, match=f"nuisance 'category': {found}; expected at least two categories, and one of"
    ):
        nuisance_rdm("category", ["x", "y", "z"], categories=dict(zip("xyz", categories, strict=True)))


def test_missing_categories_images_and_names_are_told(saved):
    with pytest.raises(
        LabelError, match=r"no category for 1 stimulus label\(s\): c; expected the category of every"
    ):
        nuisance_rdm("category", ["a", "b", "c"], categories={"a": "x", "b": "y", "c": ""})
    with pytest.raises(LabelError, match=r"no image for 2 stimulus label\(s\): a, b"):
        nuisance_rdm("pixels", ["a", "b"])
    with pytest.raises(UnknownNameError, match="Did you mean 'luminance'"):
        nuisance_rdm("luminence", ["a", "b"])
    with pytest.raises(MissingFileError, match="stimulus 'b'"):
        nuisance_rdm("colour", ["a", "b"], images={**saved(a=filled(RED)), "b": "gone.png"})


@pytest.mark.parametrize("measure", ["correlation", "euclidean"])
def test_a_network_as_nuisance_is_the_rdm_of_its_full_embedding_in_the_order_of_the_table(measure):
    from scipy.spatial.distance import cdist

    values = np.random.default_rng(0).normal(size=(6, 20))
    embedding = Embedding(values, tuple("fedcba"), "net")
    stimuli = pd.DataFrame({"stimulus": list("abcdef")})
    rdm = nuisance_of_study("net", stimuli, images_from="unused.tsv", embedding=embedding, measure=measure)
    ordered = values[::-1]
    squared = cdist(ordered, ordered, "sqeuclidean")
    of_pairs = squared[np.triu_indices(6, 1)]
    expected = 1 - np.corrcoef(ordered) if measure == "correlation" else squared / of_pairs.mean()
    np.testing.assert_allclose(rdm.values, expected, rtol=0, atol=1e-12)
    assert rdm.labels == tuple("abcdef") and rdm.target == "net"


# ---- files ----


def file_of(folder, labels, values, name="gist-3.tsv"):
    rows = [[label, *map(repr, map(float, row))] for label, row in zip(labels, values, strict=True)]
    text = "\n".join("\t".join(row) for row in [["stimulus", *labels], *rows])
    (folder / name).write_text(text + "\n")
    return folder / name


def test_a_file_is_called_by_letters_and_digits_of_its_name():
    assert nuisance_named("models/gist-3.tsv") == "gist3"
    assert nuisance_named("gabor") == "gabor"


def test_a_file_is_joined_by_label_and_may_hold_more_images(tmp_path):
    values = random_target(8, 0)
    path = file_of(tmp_path, list("hgfedcba"), values)
    stimuli = pd.DataFrame({"stimulus": list("badfec")})
    rdm = nuisance_of_study("gist3", stimuli, images_from="unused.tsv", file=path)
    rows = ["hgfedcba".index(label) for label in "badfec"]
    np.testing.assert_array_equal(rdm.values, values[np.ix_(rows, rows)])
    assert (rdm.labels, rdm.target) == (tuple("badfec"), "gist3")


def test_a_file_that_is_no_nuisance_is_refused(tmp_path):
    stimuli = pd.DataFrame({"stimulus": list("abcd")})

    def read(path):
        return nuisance_of_study("gist3", stimuli, images_from="unused.tsv", file=path)

    with pytest.raises(LabelError, match="d"):
        read(file_of(tmp_path, list("abc"), random_target(3, 0)))
    same = np.ones((4, 4)) - np.eye(4)
    with pytest.raises(RDMError, match=r"nuisance 'gist3' \(.*same dissimilarity"):
        read(file_of(tmp_path, list("abcd"), same))
    pairs = [
        f"{one}\t{other}\t{k}\t{who}"
        for who in "12"
        for k, (one, other) in enumerate(combinations("abcd", 2))
    ]
    (tmp_path / "two.tsv").write_text("\n".join(["stimulus_1\tstimulus_2\tvalue\tsubject", *pairs]) + "\n")
    with pytest.raises(RDMError, match="2 RDMs; expected one RDM"):
        read(tmp_path / "two.tsv")
    with pytest.raises(MissingFileError):
        read(tmp_path / "gone.tsv")


def test_a_file_that_equals_the_target_is_refused(tmp_path):
    values, labels = random_target(8, 0), list("abcdefgh")
    stimuli = pd.DataFrame({"stimulus": labels})
    rdm = nuisance_of_study("copy", stimuli, images_from="-", file=file_of(tmp_path, labels, 2 * values))
    with pytest.raises(RDMError, match="nuisance 'copy' equals it"):
        join_nuisances([rdm], values, labels)
