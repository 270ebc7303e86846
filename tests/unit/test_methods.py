"""The methods text says what the study did and nothing else; the checklist answers what it can."""

import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from examples import random_target
from isoprune.config import load
from isoprune.errors import UnknownNameError
from isoprune.figures import checklist_page, methods_page, question_page, run_page
from isoprune.io.rdms import write_rdm
from isoprune.labelled import RDM
from isoprune.methods import StudyFacts, as_bibtex, as_markdown, checklist, methods_text, read_facts
from isoprune.methods.checklist import FOR_THE_AUTHOR, ITEMS, OF_NETWORKS
from isoprune.methods.facts import Size
from isoprune.methods.references import cited, reference, with_names
from isoprune.methods.works import REFERENCES
from isoprune.results import SUMMARY_COLUMNS

TRANSFORM = {"resize": [256], "crop": [224], "interpolation": "bilinear"}
RECORD = {
    "isoprune": "9.9",
    "software": {"python": "3.11.1", "numpy": "2.4.6", "numba": "0.1", "nltk": "3.1"},
}
MODEL = {
    **RECORD,
    "module": "classifier.4",
    "side": "output",
    "torch": "2.0",
    "device_name": "cpu",
    "network": {
        "weights": "VGG19_Weights.IMAGENET1K_V1",
        "weights_file_sha256": "ab" * 32,
        "weights_sha256": "cd" * 32,
        "transform": TRANSFORM,
    },
}
VGG = {
    "name": "vgg",
    "model": "vgg19",
    "weights": "VGG19_Weights.IMAGENET1K_V1",
    "layer": "classifier.4",
}
FILE = {"name": "mine", "file": "features.npz"}
READY = {"name": "IT", "rdms": {"file": "IT.npz"}}
BASE = {
    "study": "tiny",
    "stimuli": {"table": "stimuli.tsv"},
    "subjects": ["01", "02"],
    "networks": [FILE],
    "targets": [READY],
}


def facts(
    competitors=("full", "pruned", "random"), subjects=("subjects", "group"), rdms=(RECORD,), **changes
):
    settings = load({**BASE, **changes}).model_dump(mode="json")
    rows = [
        {
            "network": network["name"],
            "layer": "top",
            "target": target["name"],
            "supervision": "group" if subject == "group" else "own",
            "subject": subject,
            "competitor": competitor,
            "n_features": 40,
            "n_images": 30,
            "n_subjects": 2,
            "n_test_images": 6.0,
            "n_undefined": 0,
            "ci_over": "images",
        }
        for network in settings["networks"]
        for target in settings["targets"]
        for subject in subjects
        for competitor in competitors
    ]
    summary = pd.DataFrame(rows).reindex(columns=list(SUMMARY_COLUMNS))
    embeddings = {one["name"]: MODEL if one["model"] else RECORD for one in settings["networks"]}
    units = [{"backend": "cpu-numba", "provenance": RECORD}]
    sizes = {target["name"]: Size(30, 2) for target in settings["targets"]}
    return StudyFacts(settings, summary, embeddings, list(rdms), sizes, units if embeddings else [])


STUDIES = [
    study
    for path in sorted((Path(__file__).parents[2] / "config").rglob("*.yaml"))
    if "networks" in (study := yaml.safe_load(path.read_text(encoding="utf-8")))
]


def text(**changes):
    return "\n".join(one.text for one in methods_text(facts(**changes)))


# What a study does, and what its text says only then.
ONLY_THEN = [
    ({"pruning": {"criterion": "published"}}, "exactly as published"),
    ({"pruning": {"method": "greedy"}}, "anew after every removal"),
    ({"pruning": {"n_rule": "one-se"}}, "one standard error"),
    ({"pruning": {"measure": "cosine"}}, "1 − the cosine"),
    ({"crossvalidation": {"folds": "grouped", "column": "kind"}}, "by whole groups"),
    ({"supervision": ["own", "loso"]}, "scored on the subject left out"),
    ({"networks": [VGG]}, "[@simonyan2015]"),
    ({"networks": [VGG]}, "[@russakovsky2015]"),
    ({"nuisance": ["gabor"], "networks": [VGG]}, "remove the dissimilarities of gabor"),
    ({"wordnet": {"measures": ["path"]}}, "[@miller1995]"),
    ({"wordnet": {"measures": ["path", "wu-palmer"]}}, "[@wu1994]"),
    ({"heatmaps": {}, "networks": [VGG]}, "[@zeiler2014]"),
    ({"multiverse": {"measure": ["cosine"]}}, "[@simonsohn2020]"),
    ({"partitions": [["full", "pruned"]]}, "[@nimon2008]"),
    ({"competitors": ("full", "pruned", "ridge"), "reweighting": {"kinds": ["ridge"]}}, "[@peterson2018]"),
    ({"competitors": ("full", "pruned", "dissimilarity"), "reweighting": {}}, "[@kaniuth2022]"),
    ({"competitors": ("full", "pruned", "other:EVC")}, "other targets ranked"),
    ({"transfer": [{"retained": "set.tsv", "network": "mine"}]}, "of other studies"),
    ({"targets": [{"name": "IT", "rdms": {"file": "IT.npz", "similarity": True}}]}, "turned round"),
]


@pytest.mark.parametrize(("changes", "said"), ONLY_THEN, ids=[said for _, said in ONLY_THEN])
def test_a_sentence_stands_only_if_the_study_did_so(changes, said):
    if "heatmaps" in changes:
        changes = {**changes, "heatmaps": {"sizes": [24, 40], "stride": 8}}
    assert said in text(**changes)
    assert said not in text()


def test_patterns_of_the_brain_are_told_with_distance_noise_and_what_saw_all_images():
    brain = {
        "targets": [{"name": "V1", "mask": "sub-{subject}_V1.nii.gz"}],
        "betas": {"images": "sub-{subject}.nii.gz", "conditions": "sub-{subject}.tsv"},
        "rdm": {"measure": "crossnobis", "shrinkage": "identity"},
        "roi": {"select_voxels": {"keep": 100, "source": "same"}},
        "rdms": [{**RECORD, "rdm": {"noise": "repetitions within runs"}}],
    }
    said = text(**brain)
    for words in ("[@walther2016]", "[@ledoit2004]", "[@kriegeskorte2009]", "100 most reliable voxels"):
        assert words in said
    assert "noise covariance from repetitions within runs" in said
    assert "noise covariance between voxels used all images" in said
    assert "[@walther2016]" not in text()
    assert "noise" not in text(**{**brain, "rdm": {"measure": "crossnobis", "noise": "identity"}})


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study["study"])
def test_every_study_of_the_project_has_its_text(study):
    found = facts(**study)
    said = as_markdown(study["study"], methods_text(found))
    assert all(target["name"] in said for target in study["targets"])
    assert "None" not in said and "{" not in said and ".." not in said.replace("…", "")
    assert len(checklist(found)) == sum(map(len, ITEMS.values()))


def test_a_study_without_networks_is_told_by_its_targets_alone():
    found = facts(networks=[])
    paragraphs = methods_text(found)
    said = " ".join(one.text for one in paragraphs)
    assert [one.title for one in paragraphs] == [
        "Images and targets",
        "Target dissimilarities",
        "Reliability of the targets",
        "Software",
    ]
    assert "no network was compared" in said and "30 images, 2 subjects" in said and "[@nili2014]" in said
    for word in ("pruning", "pruned", "held-out", "rank"):
        assert word not in said
    table = checklist(found).set_index("item")
    assert not set(table.index) & OF_NETWORKS and len(table) + len(OF_NETWORKS) == sum(
        map(len, ITEMS.values())
    )
    assert "qc/intersubject.tsv" in table.loc["Quality control of what was measured", "answer"]
    assert not table["answer"].str.contains("summary.tsv|folds.tsv|held-out|pruned").any()
    question, run = question_page("tiny", found), run_page("tiny", found)
    assert "How well do subjects agree" in question and "With which features" not in question
    assert "units of work" not in run and "9.9" in run


def test_reliability_is_told_where_it_is_measured():
    assert "odd and of even runs" not in text()
    alone = replace(facts(), sizes={"IT": Size(30, 1)})
    assert "Agreement between subjects" in text()
    assert "Agreement between subjects" not in " ".join(one.text for one in methods_text(alone))


def test_sizes_of_targets_come_from_their_rdms(tmp_path):
    paths = []
    for subject, labels in (("01", "abcd"), ("02", "abc")):
        paths.append(tmp_path / f"roi-IT_sub-{subject}_rdm.h5")
        write_rdm(paths[-1], RDM(random_target(len(labels), 0), tuple(labels), "IT", subject))
    found = read_facts(load({**BASE, "networks": []}).model_dump(mode="json"), None, [], paths, [])
    assert found.of_target("IT") == Size(4, 2) and found.of_target("V1") == Size(0, 0)
    assert found.summary.empty and not found.by_subject


def test_tests_are_told_by_who_was_scored():
    both, group = text(), text(subjects=("group",), supervision=["group"])
    assert "sign-flip" in both and "corrected resampled t-test" in both
    assert "sign-flip" not in group and "corrected resampled t-test" in group
    assert (
        "relabel"
        not in text(inference={"n_permutations": 0, "n_permutations_subjects": 0}).split("corrected")[0]
    )


def test_versions_come_from_the_records_and_unused_packages_are_not_named():
    said = text()
    assert "isoprune 9.9 on Python 3.11.1" in said and "numpy 2.4.6" in said
    assert "nltk" not in said and "nltk 3.1" in text(wordnet={})
    other = {**RECORD, "software": {"python": "3.12.0"}}
    assert "Python 3.11.1 and 3.12.0" in text(rdms=[RECORD, other])


def test_every_citation_has_its_entry_and_every_entry_is_cited():
    paragraphs = methods_text(facts(networks=[VGG]))
    keys = set(cited(as_markdown("tiny", paragraphs)))
    entries = re.findall(r"^@\w+\{(\w+),$", as_bibtex(paragraphs), flags=re.MULTILINE)
    assert set(entries) == keys and entries == sorted(entries)


@pytest.mark.parametrize("key", REFERENCES)
def test_every_reference_is_whole(key):
    work = REFERENCES[key]
    plain = unicodedata.normalize("NFKD", work.families[0]).encode("ascii", "ignore").decode()
    assert key == f"{plain.lower()}{work.year}"
    assert ({"journal", "booktitle", "publisher", "eprint"} & set(work.where)) and work.title
    entry = work.bibtex(key)
    assert entry.count("{") == entry.count("}") and entry.endswith("}\n")
    assert "\\" not in work.line() and "{" not in work.line()


def test_names_stand_in_place_of_keys():
    assert with_names("so [@holm1979; @nadeau2003].") == "so (Holm, 1979; Nadeau & Bengio, 2003)."
    assert with_names("by [@schutt2023]") == "by (Schütt et al., 2023)"
    with pytest.raises(UnknownNameError, match="holm1979"):
        reference("holm1978")


def test_checklist_answers_what_the_study_knows_and_leaves_the_rest_to_the_author():
    table = checklist(facts(nuisance=["gabor"], networks=[VGG])).set_index("item")
    assert len(table) == sum(map(len, ITEMS.values())) and list(dict.fromkeys(table["area"])) == list(ITEMS)
    assert table.loc["Number of subjects", "answer"] == "IT: 2 subjects."
    assert table.loc["Confounds", "answered"] and "gabor" in table.loc["Confounds", "answer"]
    assert not table.loc["Ethics: approval and consent", "answered"]
    assert (table.loc[~table["answered"], "answer"] == FOR_THE_AUTHOR).all()
    assert not checklist(facts()).set_index("item").loc["Confounds", "answered"]
    assert not table["answer"].str.contains("@").any()


def test_pages_hold_the_texts_and_reach_for_nothing():
    found = facts(networks=[VGG])
    paragraphs = methods_text(found)
    pages = [
        question_page("tiny", found),
        methods_page("tiny", paragraphs),
        checklist_page("tiny", checklist(found)),
        run_page("tiny", found),
    ]
    for page in pages:
        assert "<script" not in page and not re.search(r"(src|href)=", page)
    assert "<td>IT</td><td>brain region</td><td>30</td><td>2</td>" in pages[0]
    assert "<td>vgg19</td><td>output of classifier.4</td>" in pages[0]
    assert "Simonyan K, Zisserman A (2015)" in pages[1] and "@" not in re.sub(
        r"<style.*?</style>", "", pages[1]
    )
    assert "crossvalidation.n_splits" in pages[3] and "targets[IT].rdms.file" in pages[3]
    assert "abababab" in pages[3]


def test_the_question_names_the_side_of_the_layer_and_weights_that_were_not_trained():
    found = facts(networks=[VGG])
    untrained = {**MODEL["network"], "weights": "random, seed 0"}
    about = {**MODEL, "module": "classifier.1", "side": "input", "network": untrained}
    page = question_page("tiny", replace(found, embeddings={"vgg": about}))
    assert "<td>vgg19, untrained (random, seed 0)</td><td>input of classifier.1</td>" in page
