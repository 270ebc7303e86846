"""The block `heatmaps`: what it decides by itself, and what it refuses."""

import numpy as np
import pytest

from isoprune.config import load
from isoprune.errors import ConfigError, MissingFileError, OcclusionError, UnknownNameError
from isoprune.occlusion.jobs import mask_paths

STUDY = {
    "study": "mine",
    "stimuli": {"table": "stimuli.tsv"},
    "subjects": ["01", "02"],
    "networks": [
        {"name": "net", "model": "alexnet", "weights": "random", "seed": 0, "layer": "penultimate"},
        {"name": "file", "file": "features.npy"},
    ],
    "targets": [{"name": "IT", "rdms": {"file": "IT.npz"}}],
}


def heatmaps(**settings):
    return load({**STUDY, "heatmaps": settings}).heatmaps


def test_maps_are_off_unless_asked_for_and_variants_have_their_own_defaults():
    assert load(STUDY).heatmaps is None
    centred, published = heatmaps(), heatmaps(variant="published")
    assert (centred.sizes_in_use, centred.stride_in_use, centred.score_in_use) == ((24, 40, 56), 8, "r")
    assert published.sizes_in_use == (24, 28, 32, 36, 40, 44, 48, 52, 56)
    assert (published.stride_in_use, published.score_in_use) == (4, "r2")
    assert heatmaps(variant="published", sizes=[32], score="r").score_in_use == "r"


def test_numbers_from_the_command_line_are_numbers():
    found = heatmaps(images="3", sizes=["24", "40"], stride="8", n_null="0")
    assert (found.images, found.sizes, found.stride, found.n_null) == (3, (24, 40), 8, 0)
    assert heatmaps(images=["a", "b"]).images == ("a", "b") and heatmaps(images="all").images == "all"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"images": 0},
            r"'heatmaps.images': found 0; expected a number from 1 on, `all`, or a list of labels",
        ),
        ({"images": ["a", "a"]}, r"'heatmaps.images': a is named twice"),
        (
            {"stride": 30},
            r"'heatmaps.stride': 30 px, but the smallest window has 24 px; .* `allow_gaps: true`",
        ),
        ({"variant": "published", "stride": 32}, r"32 px, but the smallest window has 24 px"),
        ({"variant": "published", "preview": True}, r"'heatmaps.preview': it is set, but has no effect"),
        ({"networks": ["file"]}, r"'heatmaps.networks': 'file' has no `model`"),
        ({"sizes": []}, r"'heatmaps.sizes': it is empty"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        heatmaps(**settings)
    assert heatmaps(stride=30, allow_gaps=True).stride == 30


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({"supervision": ["own"]}, {}, r"no retained sets of the supervision `group` are computed"),
        ({"supervision": ["group"]}, {"subjects": ["01"]}, r"no retained sets of the supervision `own`"),
        ({"pruning": {"measure": "cosine"}}, {}, r"'heatmaps': `pruning.measure` is `cosine`"),
        ({"networks": STUDY["networks"][1:]}, {}, r"'heatmaps': no network has a `model`"),
    ],
)
def test_studies_that_leave_nothing_to_map_are_refused(change, settings, message):
    with pytest.raises(ConfigError, match=message):
        load({**STUDY, **change, "heatmaps": settings})


def test_names_that_do_not_exist_are_told():
    with pytest.raises(UnknownNameError, match=r"'heatmaps.targets': there is no target 'TI'"):
        heatmaps(targets=["TI"])
    with pytest.raises(UnknownNameError, match=r"'heatmaps.subjects': there is no subject '03'"):
        heatmaps(subjects=["03"])


def test_a_mask_that_is_not_there_is_told(tmp_path):
    import pandas as pd

    stimuli = pd.DataFrame({"stimulus": ["cat", "dog"], "mask": ["cat.png", None]})
    with pytest.raises(MissingFileError, match=r"mask of stimulus 'cat': '.*cat.png' is not a file"):
        mask_paths(stimuli, tmp_path / "stimuli.tsv")
    (tmp_path / "cat.png").touch()
    assert mask_paths(stimuli, tmp_path / "stimuli.tsv") == {"cat": tmp_path / "cat.png"}
    assert mask_paths(stimuli[["stimulus"]], tmp_path / "stimuli.tsv") == {}


def test_an_embedding_of_another_network_and_windows_that_do_not_fit_are_told(tmp_path):
    from PIL import Image

    from halves import DESIGN, LABELS, target_of
    from isoprune.crossvalidation import score_folds
    from isoprune.folds import make_folds
    from isoprune.foldsets import fold_sets
    from isoprune.labelled import Embedding
    from isoprune.networks import build
    from isoprune.occlusion.sets import map_sets
    from isoprune.occlusion.study import MapSettings, Shown, map_images

    labels = tuple(sorted(LABELS))
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(
        tmp_path / "a.png"
    )
    embedding = Embedding(np.random.default_rng(0).uniform(size=(len(labels), 512)), labels)
    target = target_of(embedding.values, noise=0.1)
    given = embedding.values, target.values, target.values, list(labels)
    folds = make_folds(labels, n_splits=4, n_repeats=1)
    scores = score_folds(*given, folds, procedure=DESIGN.procedure, n_random=50)
    sets = map_sets(embedding, target, fold_sets(scores, labels), scores[0].retained, DESIGN, n_null=0)
    shown = Shown(build("squeezenet1_1", "random", seed=0), "penultimate", "mean", "cpu", 8)
    files = dict.fromkeys(labels, tmp_path / "a.png")
    about = shown, files, [labels[0]], embedding, {("T", "group"): sets}
    with pytest.raises(
        OcclusionError, match=r"stimulus 'img_0': its features differ from those of the study's"
    ):
        map_images(*about, MapSettings([112], 112))
    with pytest.raises(OcclusionError, match=r"windows of 300 px on an input of 224 × 224 px"):
        map_images(*about, MapSettings([300], 112))
