"""Occlusion maps as part of a study, from images to pages, on an untrained network."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from examples import random_target
from workflow_study import Study

LABELS = [f"img {i}" for i in range(12)]
NETWORK = {"name": "squeezenet", "model": "squeezenet1_1", "weights": "random", "seed": 0}


def make_study(folder) -> Study:
    """Twelve images of noise with the mask of an object, two targets of two subjects, four windows a map."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    rows = []
    for number, label in enumerate(LABELS):
        pixels = rng.integers(0, 255, size=(16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((80, 80), Image.Resampling.NEAREST).save(
            folder / f"images/{number}.png"
        )
        rows.append(f"{label}\timages/{number}.png\t{'mask.png' if number % 2 == 0 else ''}")
    left = np.zeros((80, 80), dtype=np.uint8)
    left[:, :40] = 255
    Image.fromarray(left).save(folder / "mask.png")
    (folder / "stimuli.tsv").write_text("\n".join(["stimulus\tfile\tmask", *rows]) + "\n")
    for seed, target in ((10, "EVC"), (20, "IT")):
        np.savez(folder / f"{target}.npz", rdms=[random_target(12, seed + subject) for subject in (1, 2)])
    settings = {
        "study": "tiny",
        "stimuli": {"table": "stimuli.tsv"},
        "subjects": ["01", "02"],
        "networks": [{**NETWORK, "layer": "penultimate"}],
        "targets": [
            {"name": name, "rdms": {"file": f"{name}.npz", "labels": "table"}} for name in ("EVC", "IT")
        ],
        "supervision": ["own", "group"],
        "crossvalidation": {"n_splits": 3, "n_repeats": 1, "n_random": 50},
        "inference": {"n_permutations": 0, "n_permutations_subjects": 0},
        "heatmaps": {
            "images": 3,
            "subjects": ["02"],
            "sizes": [112],
            "stride": 112,
            "n_null": 3,
            "preview": True,
            "images_per_job": 2,
        },
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(settings))
    return Study(folder)


WANTED = ("heatmaps.tsv", "figures/net-squeezenet_heatmaps.svg")


@pytest.fixture(scope="module")
def mapped(tmp_path_factory) -> Study:
    study = make_study(tmp_path_factory.mktemp("mapped"))
    study.snakemake("--", *(f"results/tiny/{file}" for file in WANTED))
    return study


def test_a_study_with_maps_ends_with_a_row_and_a_file_for_each(mapped):
    table = pd.read_csv(mapped.results / "heatmaps.tsv", sep="\t", dtype={"subject": str})
    shown = ["img 0", "img 6", "img 11"]
    whose = [(target, subject) for target in ("EVC", "IT") for subject in ("02", "group")]
    assert set(table["stimulus"]) == set(shown) and len(table) == 3 * 4 * 3
    assert set(zip(table["target"], table["subject"], strict=True)) == set(whose)
    # Sets of few rectified features can leave an image constant: it then has no map, and the reason.
    there = table["undefined"].isna()
    assert there.mean() > 0.8 and (table["n_positions"] == np.where(there, 4, 0)).all()
    assert table.loc[~there, ["peak", "mass", "p"]].isna().all(axis=None)
    full = table[table["set"] == "full"]
    assert (full["p"] >= 1 / 4).all() and (full["split_half"].notna() == (full["subject"] == "group")).all()
    assert (full["area_inside"].fillna(0) == np.where(full["stimulus"] == "img 11", 0, 0.5)).all()
    assert set(full.loc[full["r_randomised"].notna(), "stimulus"]) == {"img 0"}
    described = json.loads((mapped.results / "heatmaps.json").read_text())
    assert list(table.columns) == [name for name in described if name in table.columns]
    names = {
        f"net-squeezenet_target-{target}_sub-{subject}_stim-{label.replace(' ', '%20')}"
        for target, subject in whose
        for label in shown
    }
    folder = mapped.results / "heatmaps"
    assert {path.name.removesuffix("_heatmap.npz") for path in (folder / "maps").glob("*.npz")} == names
    assert {path.stem for path in (folder / "overlays" / "net-squeezenet").glob("*.png")} == names


def test_full_maps_equal_the_library_on_the_same_images(mapped):
    from isoprune.io.embeddings import read_embedding
    from isoprune.networks import build
    from isoprune.occlusion.engine import OccludedNetwork
    from isoprune.occlusion.windows import windows_over

    embedding = read_embedding(mapped.results / "embeddings/net-squeezenet_embedding.h5").select(LABELS)
    network = build("squeezenet1_1", "random", seed=0)
    image = network.transform(Image.open(mapped.folder / "images/6.png").convert("RGB"))
    engine = OccludedNetwork(network, "penultimate")
    boxes = windows_over((224, 224), [112], 112).boxes(112)
    versions = [engine.intact(image), *(one for _, block in engine.embed(image, boxes, 0.0) for one in block)]
    row = np.load(mapped.folder / "EVC.npz")["rdms"].mean(axis=0)[6]
    others = np.delete(embedding.values, 6, axis=0)
    scores = [
        np.corrcoef([1 - np.corrcoef(version, other)[0, 1] for other in others], np.delete(row, 6))[0, 1]
        for version in versions
    ]
    name = "net-squeezenet_target-EVC_sub-group_stim-img%206_heatmap.npz"
    with np.load(mapped.results / "heatmaps/maps" / name) as file:
        found = file["full_cells"].ravel()
    np.testing.assert_allclose(found, scores[0] - np.array(scores[1:]), rtol=0, atol=1e-4)


def test_nothing_is_left_to_do_and_a_change_of_one_setting_reruns_what_it_decides(mapped):
    wanted = [f"results/tiny/{file}" for file in WANTED]
    assert mapped.planned("--", *wanted) == []
    heatmaps = yaml.safe_load((mapped.folder / "study.yaml").read_text())["heatmaps"]
    changed = json.dumps({**heatmaps, "combine": "largest"})
    planned = mapped.planned("--config", f"heatmaps={changed}", "--", *wanted)
    assert planned == [
        "Draw the maps of squeezenet",
        "Map images with squeezenet, job 1",
        "Map images with squeezenet, job 2",
        "Write the tables and files of the maps",
    ]


def test_images_that_may_not_be_passed_on_are_drawn_nowhere(mapped):
    assert "Draw the images" in mapped.planned()
    assert "Draw the images" not in mapped.planned("--config", "report={stimuli: false}")
