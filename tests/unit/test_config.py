"""Settings: what is accepted, what is refused and how, and that the reference keeps step."""

import copy
import json
from pathlib import Path
from typing import Annotated

import jsonschema
import pytest
import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from isoprune.config import Study, load
from isoprune.config.layout import settings
from isoprune.config.reference import editor_schema, main, reference_page
from isoprune.errors import ConfigError, MissingFileError, UnknownNameError, UnreadableFileError

CONFIG = Path(__file__).parents[2] / "config"
STUDIES = sorted((CONFIG / "studies").glob("*.yaml"))
MASKED = {"name": "V1", "mask": "sub-{subject}_mask.nii.gz"}
READY = {"name": "IT", "rdms": {"file": "IT.npz"}}
BETAS = {"images": "{subject}_{run}.nii.gz", "conditions": "{subject}_{run}.tsv", "runs": ["1", "2"]}
SMALL = {
    "study": "small",
    "stimuli": {"table": "stimuli.tsv"},
    "subjects": ["01", "02"],
    "networks": [{"name": "net", "model": "vgg19", "weights": "random"}],
    "targets": [READY],
}


def settings_with(**changes):
    return {**copy.deepcopy(SMALL), **changes}


def message(**changes):
    """What the one error says when settings are changed so."""
    with pytest.raises(ConfigError) as error:
        load(settings_with(**changes))
    return str(error.value)


def unknown_name(**changes):
    with pytest.raises(UnknownNameError) as error:
        load(settings_with(**changes))
    return str(error.value)


# ------------------------------------------------------------------------------ what is accepted


@pytest.mark.parametrize("path", [CONFIG / "config.yaml", *STUDIES], ids=lambda path: path.stem)
def test_every_study_that_comes_along_is_valid(path):
    study = load(path)
    assert study == load(yaml.safe_load(path.read_text(encoding="utf-8")))
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), json.loads(editor_schema()))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_study_names_nothing_of_the_demo(path):
    demo, study = load(CONFIG / "config.yaml"), load(path)
    demo_targets = {target.name for target in demo.targets}
    assert demo_targets.isdisjoint(target.name for target in study.targets)
    assert study.simulation is None
    assert study.betas is None or study.betas != demo.betas
    assert all(network not in demo.networks for network in study.networks)
    assert study.study != demo.study
    text = str(yaml.safe_load(path.read_text(encoding="utf-8")))
    keys = {key for name, _ in settings() for key in name.split(".")}  # `noise` is a setting as well
    assert [name for name in demo_targets - keys if name in text] == []


def test_a_default_names_nothing_of_the_demo():
    plain = {name: field.default for name, field in settings() if not field.is_required()}
    # The values of a block alone: its keys are words of the field, which a demo may use as names.
    defaults = {
        name: str(list(dict(default).values()) if hasattr(default, "model_fields_set") else default)
        for name, default in plain.items()
    }
    demo = load(CONFIG / "config.yaml")
    names = [entry.name for entry in (*demo.networks, *demo.targets)]
    assert [(key, text) for key, text in defaults.items() for name in names if name in text] == []


@pytest.mark.parametrize("path", [CONFIG / "config.yaml", *STUDIES], ids=lambda path: path.stem)
def test_a_study_written_out_with_its_defaults_is_the_same_study(path):
    study = load(path)
    assert load(json.loads(study.model_dump_json())) == study


def test_defaults_are_those_of_the_method():
    study = load(SMALL)
    assert study.pruning.criterion == "pearson"
    folds = study.crossvalidation
    assert (folds.folds, folds.n_splits, folds.n_repeats, folds.n_random) == ("random", 5, 8, 200)
    assert study.supervision == ("own", "group")
    assert study.networks[0].layer == "penultimate"
    assert study.seed == 0


def test_a_study_without_networks_is_valid():
    assert load(settings_with(networks=[])).selected_networks == ()


def test_a_loaded_study_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        load(SMALL).seed = 1


def test_loading_leaves_the_given_mapping_as_it_was():
    given = settings_with(select={"targets": "IT"})
    before = copy.deepcopy(given)
    load(given)
    assert given == before


@pytest.mark.parametrize(
    ("weights", "is_file"),
    [
        ("weights/net.pth", True),
        ("my_Weights.pth", True),
        ("random", False),
        ("VGG19_Weights.IMAGENET1K_V1", False),
        ("RegNet_Y_16GF_Weights.IMAGENET1K_SWAG_E2E_V1", False),
    ],
)
def test_weights_are_a_file_unless_random_or_torchvisions(weights, is_file):
    study = load(settings_with(networks=[{"name": "net", "model": "vgg19", "weights": weights}]))
    assert study.network("net").has_weights_file is is_file


# ------------------------------------------------------------------------- what follows from them


def test_selection_takes_lists_and_text_with_commas_in_the_order_of_the_study():
    targets = [READY, {**READY, "name": "EVC"}, {**READY, "name": "PPA"}]
    as_text = load(settings_with(targets=targets, select={"targets": "PPA, IT", "subjects": "02"}))
    as_list = load(settings_with(targets=targets, select={"targets": ["PPA", "IT"], "subjects": ["02"]}))
    assert as_text.selected_targets == as_list.selected_targets == ("IT", "PPA")
    assert as_text.selected_subjects == ("02",)
    assert as_text.selected_networks == ("net",)


def test_selection_never_changes_who_is_in_the_group():
    study = load(settings_with(select={"subjects": "02"}))
    assert study.subjects_of("IT") == ("01", "02")


def test_subjects_of_a_target_keep_its_own_order():
    study = load(settings_with(targets=[{**READY, "subjects": ["02", "01"]}, {**READY, "name": "EVC"}]))
    assert study.subjects_of("IT") == ("02", "01")
    assert study.subjects_of("EVC") == ("01", "02")


def test_data_paths_are_relative_to_data_dir_and_absolute_ones_stay():
    study = load(settings_with(data_dir="/data"))
    assert study.data_path("a/b.npz") == Path("/data/a/b.npz")
    assert study.data_path("/elsewhere/b.npz") == Path("/elsewhere/b.npz")


def test_simulated_data_lie_among_the_results_of_their_study():
    simulation = {"network": "net", "planted": ["V1"]}
    study = load(settings_with(targets=[MASKED], betas=BETAS, results_dir="out", simulation=simulation))
    assert study.is_simulated
    assert study.data_path("stimuli.tsv") == Path("out/small/simulated/stimuli.tsv")
    assert not load(SMALL).is_simulated


def test_asking_for_an_entry_that_does_not_exist_names_the_nearest():
    study = load(SMALL)
    assert study.network("net").model == "vgg19"
    assert study.target("IT").rdms.file == "IT.npz"
    with pytest.raises(UnknownNameError, match=r"no network 'nett'.*Did you mean 'net'\?"):
        study.network("nett")
    with pytest.raises(UnknownNameError, match=r"no target 'EVC'; expected one of: IT"):
        study.subjects_of("EVC")


# ------------------------------------------------------------------------------- what is refused


def test_an_unknown_setting_is_refused_with_the_nearest():
    text = message(roi={"resmaple": "nearest"})
    assert "config 'roi.resmaple' is not a setting; did you mean 'roi.resample'?" in text
    assert "resample, min_voxels" in text
    text = message(networks=[{"name": "net", "model": "vgg19", "wieghts": "random"}])
    assert "config 'networks[net].wieghts' is not a setting; did you mean 'networks[net].weights'?" in text


def test_a_setting_in_the_wrong_place_is_sent_to_its_block():
    assert "config 'n_splits' is not a setting; did you mean 'crossvalidation.n_splits'?" in message(
        n_splits=3
    )
    assert "config 'zzzz' is not a setting; expected at the top level" in message(zzzz=3)


def test_all_problems_are_told_in_one_error():
    text = message(seed="zero", roi={"min_voxels": 1}, pruning={"criterion": "pearsn"}, nonsense=1)
    assert "4 problems" in text
    for part in (
        "'seed': found the text 'zero'; expected a whole number",
        "'roi.min_voxels': found 1; expected 2 or more",
        "'pruning.criterion': found the text 'pearsn'; expected one of 'pearson', 'spearman', 'published'",
        "config 'nonsense' is not a setting",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"seed": True}, "'seed': found true; expected a whole number"),
        ({"seed": -1}, "'seed': found -1; expected 0 or more"),
        ({"networks": 3}, "'networks': found 3; expected a list"),
        ({"roi": "nearest"}, "'roi': found the text 'nearest'; expected a block of settings"),
        (
            {"roi": {"resample": "linear"}},
            "'roi.resample': found the text 'linear'; expected one of null, 'nearest'",
        ),
        ({"rdm": {"run_centre": "yes"}}, "'rdm.run_centre': found the text 'yes'; expected true or false"),
        ({"crossvalidation": {"n_splits": 1}}, "'crossvalidation.n_splits': found 1; expected 2 or more"),
        ({"crossvalidation": {"n_random": 49}}, "'crossvalidation.n_random': found 49; expected 50 or more"),
        (
            {"embedding": {"device": "gpu"}},
            "'embedding.device': found the text 'gpu'; expected one of 'auto', 'cpu', 'cuda'",
        ),
        (
            {"pruning": {"measure": "cosin"}},
            "'pruning.measure': found the text 'cosin'; expected one of 'correlation', 'cosine', 'euclidean'",
        ),
        (
            {"pruning": {"method": "twice"}},
            "'pruning.method': found the text 'twice'; expected one of 'one-pass', 'greedy'",
        ),
        (
            {"pruning": {"backend": "gpu"}},
            "'pruning.backend': found the text 'gpu'; expected one of 'auto', 'cpu', 'cuda'",
        ),
        ({"inference": {"n_permutations": -1}}, "'inference.n_permutations': found -1; expected 0 or more"),
        (
            {"inference": {"n_permutations_subjects": 0.5}},
            "'inference.n_permutations_subjects': found 0.5; expected a whole number",
        ),
        ({"inference": {"n_repeats": 0}}, "'inference.n_repeats': found 0; expected 1 or more"),
        (
            {"inference": {"exchange": "within:category"}},
            "'inference.exchange': found the text 'within:category'; expected one of 'images', 'within'",
        ),
        (
            {"inference": {"n_bootstrap_images": 99}},
            "'inference.n_bootstrap_images': found 99; expected 100 or more",
        ),
        ({"inference": {"categories": ""}}, "'inference.categories': it is empty; expected some text"),
        (
            {"specificity": {"labels": ["category", "category"]}},
            "'specificity.labels': category is named twice",
        ),
        ({"specificity": {"n_relabelled": -1}}, "'specificity.n_relabelled': found -1; expected 0 or more"),
        ({"specificity": {"n_variance": 9}}, "'specificity.n_variance': found 9; expected 10 or more"),
        (
            {"specificity": {"others": "IT"}},
            "'specificity.others': found the text 'IT'; expected true or false",
        ),
        (
            {"supervision": ["lso"]},
            "'supervision[entry 1]': found the text 'lso'; expected one of 'own', 'group', 'loso'",
        ),
        ({"supervision": []}, "'supervision': it is empty; expected at least one entry"),
        ({"supervision": ["own", "own"]}, "'supervision': own is named twice"),
        ({"targets": []}, "'targets': it is empty; expected at least one entry"),
        ({"subjects": ["0 1"]}, "'subjects[entry 1]': found the text '0 1'"),
        ({"study": "my study"}, "'study': found the text 'my study'; expected letters and digits only"),
        ({"study": "x\n"}, "'study': found the text 'x\n'; expected letters and digits only"),
        ({"stimuli": {}}, "'stimuli': neither 'table' nor 'rows' is given"),
        ({"data_dir": ""}, "'data_dir': it is empty; expected some text"),
    ],
)
def test_a_wrong_value_is_told_with_its_place_and_what_is_expected(changes, part):
    assert part in message(**changes)


def test_an_empty_list_is_only_told_of_when_it_is_empty():
    assert "it is empty" not in message(targets=[{"name": "V-1", "rdms": {"file": "x.npz"}}])


def test_every_required_setting_that_is_missing_is_told():
    with pytest.raises(ConfigError) as error:
        load({})
    for key in ("study", "stimuli", "targets"):
        assert f"'{key}': it is missing" in str(error.value)


@pytest.mark.parametrize("bare", ["01", "012", "7", "no", "1.5"])
def test_a_bare_label_that_yaml_reads_as_something_else_is_refused(bare):
    given = yaml.safe_load(f"subjects: ['03', {bare}]")
    text = message(**given)
    assert "'subjects[entry 2]'" in text
    assert "without quotes" in text and "Put the name in quotes" in text


@pytest.mark.parametrize(
    "changes",
    [
        lambda name: {"subjects": ["01", name]},
        lambda name: {"study": name},
        lambda name: {"targets": [{**READY, "name": name}]},
    ],
)
@pytest.mark.parametrize(
    ("name", "meaning"),
    [("group", "the mean RDM over subjects"), ("subjects", "the mean of single subjects' scores")],
)
def test_names_that_tables_use_for_means_are_reserved(changes, name, meaning):
    assert f"the name '{name}' is reserved: it stands for {meaning}" in message(**changes(name))


def test_leaving_a_subject_out_needs_another_one_in_every_target():
    targets = [READY, {**READY, "name": "EVC", "subjects": ["02"]}]
    assert (
        "'targets[EVC].subjects': 1 subject, but `supervision` names `loso`; expected at least 2 subjects, so that "
        "others are left to rank the features. Leave `loso` out of `supervision`, or add subjects."
    ) in message(targets=targets, supervision=["own", "loso"])
    assert "'targets[IT].subjects': 1 subject" in message(subjects=["01"], supervision=["loso"])
    assert load(settings_with(targets=targets)).supervision == ("own", "group")
    assert load(settings_with(supervision=["loso"])).supervision == ("loso",)


def test_a_target_without_subjects_is_one_rdm():
    alone = load(settings_with(subjects=[]))
    assert alone.subjects_of("IT") == ()
    assert alone.supervision == ("own", "group")  # the default asks nothing that this study lacks
    mixed = load(settings_with(targets=[{**READY, "subjects": []}, {**READY, "name": "EVC"}]))
    assert (mixed.subjects_of("IT"), mixed.subjects_of("EVC")) == ((), ("01", "02"))


def test_a_target_without_subjects_makes_no_statement_about_people():
    without = {**READY, "subjects": []}
    assert (
        "'supervision': own, but target 'IT' has no single subjects; expected `group` among them. Add `group`"
    ) in message(targets=[without, {**READY, "name": "EVC"}], supervision=["own"])
    assert (
        "'supervision': own, loso, but no target has single subjects; expected `group` only. Write "
        "`supervision: [group]`, or name the subjects."
    ) in message(subjects=[], supervision=["own", "group", "loso"])
    assert load(settings_with(subjects=[], supervision=["own"], networks=[])).supervision == ("own",)


def test_what_is_measured_in_subjects_needs_them():
    each = {"name": "IT", "rdms": {"file": "sub-{subject}.npz"}}
    assert (
        "'targets[IT].subjects': no subject; expected at least 1: a file with {subject} (sub-{subject}.npz) is "
        "measured in each of them. Name the subjects."
    ) in message(targets=[each], subjects=[])
    assert "'targets[V1].subjects': no subject; expected at least 1: a region" in message(
        targets=[{**MASKED, "subjects": []}], betas=BETAS
    )


def test_a_stimulus_set_is_of_ready_targets():
    sets = [{**READY, "set": "animals"}, {**READY, "name": "EVC", "set": "fruits"}, {**READY, "name": "V4"}]
    assert load(settings_with(targets=sets)).image_sets == ("animals", "fruits", None)
    assert load(SMALL).image_sets == (None,)
    assert "'targets[V1].set': it is set, but has no effect on a region" in message(
        targets=[{**MASKED, "set": "animals"}], betas=BETAS
    )


def test_a_target_about_other_images_is_no_nuisance():
    sets = [{**READY, "set": "animals"}, {**READY, "name": "EVC", "set": "fruits"}]
    assert (
        "'nuisance': target 'EVC' is about the stimulus set fruits, but target 'IT' about animals; expected a "
        "nuisance that is about the images of every target"
    ) in message(targets=sets, nuisance=["EVC"])


def test_a_file_is_a_nuisance_with_a_name_of_its_own():
    study = load(settings_with(nuisance=["models/gist-3.tsv", "category"], partitions=[["pruned", "gist3"]]))
    assert study.nuisance_files == {"gist3": "models/gist-3.tsv"}
    name = SMALL["targets"][0]["name"]
    for files in ([f"{name}.tsv"], ["pixels.npy"], ["a/b.npy", "b.tsv"], ["-.csv"]):
        assert "would be called" in message(nuisance=files)


def test_a_table_beside_the_settings_speaks_of_images_elsewhere():
    beside = load(settings_with(stimuli={"table": "mine/stimuli.tsv", "images": "photos"}, data_dir="/data"))
    assert (str(beside.stimulus_table), str(beside.image_folder)) == ("mine/stimuli.tsv", "/data/photos")
    among = load(settings_with(stimuli={"table": "mine/stimuli.tsv"}, data_dir="/data"))
    assert (str(among.stimulus_table), str(among.image_folder)) == ("/data/mine/stimuli.tsv", "/data/mine")
    rows = [{"stimulus": "a"}]
    assert load(settings_with(stimuli={"rows": rows}, data_dir="/data")).image_folder == Path("/data")
    assert "'stimuli.images': it is set, but has no effect on rows" in message(
        stimuli={"rows": rows, "images": "photos"}
    )


@pytest.mark.parametrize("supervision", ["group", "loso"])
def test_rdms_of_different_stimuli_have_no_mean(supervision):
    betas = {**BETAS, "stimuli": "per-subject", "images": "sub-{subject}_run-{run}.nii.gz"}
    text = message(targets=[MASKED], betas=betas, supervision=["own", supervision])
    assert (
        f"'supervision': `{supervision}`, but subjects may have seen different stimuli (`betas.stimuli: "
        "per-subject`); expected `own` only"
    ) in text
    assert load(settings_with(targets=[MASKED], betas=betas, supervision=["own"])).supervision == ("own",)


def test_names_that_occur_twice_are_refused():
    assert "'subjects': 01 is named twice" in message(subjects=["01", "02", "01"])
    assert "'targets': the name 'IT' is given twice" in message(targets=[READY, READY])
    assert "'networks': the name 'net' is given twice" in message(networks=SMALL["networks"] * 2)
    assert "'betas.runs': 1 is named twice" in message(betas={**BETAS, "runs": ["1", "1"]})


def test_selecting_what_does_not_exist_names_what_does():
    text = unknown_name(select={"networks": "nt", "targets": ["IT", "EVC"], "subjects": "03"})
    assert "'select.networks': there is no network 'nt'; expected one of: net. Did you mean 'net'?" in text
    assert "'select.targets': there is no target 'EVC'; expected one of: IT" in text
    assert "'select.subjects': there is no subject '03'; expected one of: 01, 02" in text
    assert "'select.subjects'" in message(select={"subjects": []})


def test_a_target_is_measured_in_subjects_of_the_study():
    text = unknown_name(targets=[{**READY, "subjects": ["01", "1"]}])
    assert "'targets[IT].subjects': there is no subject '1'; expected one of: 01, 02" in text


@pytest.mark.parametrize(
    ("network", "part"),
    [
        ({"model": "vgg19", "file": "x.npz"}, "both 'model' and 'file' are given"),
        ({}, "neither 'model' nor 'file' nor 'best_of' is given"),
        (
            {"model": "vgg19", "weights": "random", "layers": ["features.3"]},
            "'networks[net].layers': found the list [features.3]; expected at least 2 entries",
        ),
        (
            {"model": "vgg19", "weights": "random", "layers": ["fc", "fc"]},
            "'networks[net].layers': fc is named twice",
        ),
        (
            {"model": "vgg19", "weights": "random", "layers": ["a", "b"], "layer": "fc"},
            "'networks[net].layer': it is set, but has no effect beside `layers`",
        ),
        (
            {"best_of": ["a", "b"], "layers": ["a", "b"]},
            "'networks[net].layers': it is set, but has no effect on the best of several networks",
        ),
        (
            {"model": "vgg19", "weights": "random", "layers": ["a.b", "a_b"]},
            "'networks': the name 'netAB' is given twice",
        ),
        ({"model": "vgg19"}, "'networks[net].weights': it is missing"),
        ({"model": "vgg19", "weights": "VGG19_Weights.DEFAULT"}, "does not say which weights are meant"),
        ({"model": "vgg19", "weights": "default"}, "does not say which weights are meant"),
        ({"model": "vgg19", "weights": "IMAGENET1K_V1"}, "does not say which weights are meant"),
        (
            {"model": "vgg19", "weights": "random", "sha256": "a" * 64},
            "'networks[net].sha256': it is set, but has no",
        ),
        ({"model": "vgg19", "weights": "w.pth", "sha256": "abc"}, "64 hexadecimal digits"),
        (
            {"model": "vgg19", "weights": "w.pth", "seed": 3},
            "'networks[net].seed': it is set, but has no effect",
        ),
        (
            {"model": "vgg19", "weights": "random", "key": "X"},
            "'networks[net].key': it is set, but has no effect",
        ),
        ({"file": "x.npz", "layer": "fc"}, "'networks[net].layer': it is set, but has no effect"),
        (
            {"file": "x-{subject}.npz"},
            "unknown placeholder {subject} in 'x-{subject}.npz'; expected no placeholder",
        ),
        ({"file": "x.npz", "labels": "sortd"}, "Did you mean 'sorted'?"),
    ],
)
def test_a_network_is_one_thing_with_settings_that_do_something(network, part):
    assert part in message(networks=[{"name": "net", **network}])


def test_a_sweep_is_a_network_for_each_layer_and_their_best():
    entry = {"name": "net", "model": "vgg19", "weights": "random", "seed": 3, "spatial": "flatten"}
    other = {"name": "other", "file": "x.npz"}
    study = load(settings_with(networks=[{**entry, "layers": ["features.3", "penultimate"]}, other]))
    assert [one.name for one in study.networks] == ["netFeatures3", "netPenultimate", "netBest", "other"]
    for network, layer in zip(study.networks, ("features.3", "penultimate"), strict=False):
        assert network == load(settings_with(networks=[{**entry, "layer": layer}])).network("net").model_copy(
            update={"name": network.name}
        )
    assert study.network("netBest").best_of == ("netFeatures3", "netPenultimate")
    assert load(json.loads(study.model_dump_json())) == study


def test_the_best_is_of_networks_that_exist_and_no_nuisance():
    networks = [{"name": name, "file": "x.npz"} for name in ("one", "two")]
    best = {"name": "top", "best_of": ["one", "tow"]}
    text = unknown_name(networks=[*networks, best])
    assert "'networks[top].best_of': there is no network 'tow'" in text and "Did you mean 'two'?" in text
    best["best_of"] = ["one", "two"]
    nested = {"name": "toptop", "best_of": ["one", "top"]}
    assert "'networks[toptop].best_of': there is no network 'top'" in unknown_name(
        networks=[*networks, best, nested]
    )
    text = message(networks=[*networks, best], nuisance=["top"])
    assert "'nuisance': 'top', which is another network in other folds" in text


def test_a_seed_of_zero_is_a_seed():
    networks = [{"name": "net", "model": "vgg19", "weights": "w.pth", "seed": 0}]
    assert "'networks[net].seed': it is set" in message(networks=networks)


@pytest.mark.parametrize(
    ("target", "part"),
    [
        ({"mask": "m.nii", "rdms": {"file": "x.npz"}}, "both 'rdms' and 'mask' are given"),
        ({}, "neither 'rdms' nor 'ratings' nor 'triplets' nor 'mask' nor 'atlas' nor"),
        ({"mask": "m.nii", "kind": "judgment"}, "judgments are read from a brain mask"),
        (
            {"mask": "sub-{subjct}.nii"},
            "expected no placeholder but {subject}. Did you mean {subject}?",
        ),
        ({"mask": "sub-{subject}_{run}.nii"}, "unknown placeholder {run}"),
        ({"mask": "sub-{subject.nii"}, "braces in 'sub-{subject.nii' do not pair"),
        ({"mask": "sub-{subject!r}.nii"}, "unknown placeholder"),
        ({"rdms": {"file": "x.npz", "labels": "tabel"}}, "Did you mean 'table'?"),
        ({"rdms": {"file": "{x}.npz"}}, "'targets[V1].rdms.file': unknown placeholder {x}"),
    ],
)
def test_a_target_is_one_thing_with_patterns_that_can_be_filled_in(target, part):
    assert part in message(targets=[{"name": "V1", **target}], betas=BETAS)


def test_masks_need_betas_that_differ_between_subjects_and_runs():
    assert "'betas': it is missing, but target 'V1' has a mask" in message(targets=[MASKED])
    text = message(targets=[MASKED], betas={**BETAS, "images": "{run}.nii.gz", "conditions": "{subject}.tsv"})
    assert "'betas.images': '{run}.nii.gz' lacks {subject}" in text
    assert "'betas.conditions': '{subject}.tsv' lacks {run}" in text
    one_run = {"images": "{subject}.nii.gz", "conditions": "{subject}.tsv", "runs": ["1"]}
    assert load(settings_with(targets=[MASKED], betas=one_run)).betas.runs == ("1",)


def test_folds_by_a_column_need_one_and_random_folds_take_none():
    assert "'crossvalidation.column': it is missing, but folds are grouped" in message(
        crossvalidation={"folds": "grouped"}
    )
    text = message(crossvalidation={"column": "category"})
    assert (
        "'crossvalidation.column': it is set, but has no effect on random folds; did you mean to set `folds`?"
        in text
    )
    folds = {"folds": "leave-one-group-out", "column": "category"}
    assert load(settings_with(crossvalidation=folds)).crossvalidation.column == "category"


def test_a_simulation_plants_features_of_a_network_that_runs_into_targets_with_masks():
    planted = {"network": "nt", "planted": ["V2"]}
    text = unknown_name(targets=[MASKED], betas=BETAS, simulation=planted)
    assert "'simulation.network': there is no network 'nt'" in text
    assert "'simulation.planted': there is no target 'V2'" in text
    text = message(
        targets=[MASKED, READY],
        betas=BETAS,
        networks=[{"name": "net", "file": "x.npz"}],
        simulation={"network": "net", "planted": ["V1"], "noise": float("nan")},
    )
    assert "'simulation.noise': found nan; expected a finite number" in text
    text = message(
        targets=[MASKED, READY],
        betas=BETAS,
        networks=[{"name": "net", "file": "x.npz"}],
        simulation={"network": "net", "planted": ["V1"]},
    )
    assert "'simulation.network': 'net' has no `model`" in text
    assert "'targets[IT]': the study is simulated, but this target has ready-made RDMs" in text


# ----------------------------------------------------------------------------------------- files


def test_a_missing_or_unreadable_file_is_told(tmp_path):
    with pytest.raises(MissingFileError, match="is not a file"):
        load(tmp_path / "none.yaml")
    path = tmp_path / "study.yaml"
    path.write_text("study: [x\nseed: 0\n")
    with pytest.raises(UnreadableFileError, match=r"it is not YAML .*line 2"):
        load(path)
    path.write_text("")
    with pytest.raises(ConfigError, match="the file is empty"):
        load(path)
    path.write_text("- study\n")
    with pytest.raises(ConfigError, match=r"found the list \[study\]; expected a block of settings"):
        load(path)


def test_an_error_names_the_file_it_is_about(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(settings_with(seed="x")))
    with pytest.raises(ConfigError) as error:
        load(path)
    assert error.value.where == f"{path}, 'seed'"
    assert "For example `seed: 0`" in error.value.remedy


def test_a_yaml_file_cannot_run_code(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text("study: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(UnreadableFileError, match="it is not YAML"):
        load(path)


def test_a_model_made_directly_is_checked_as_well():
    with pytest.raises(ValidationError, match="named twice"):
        Study.model_validate(settings_with(subjects=["01", "01"]))


# ------------------------------------------------------------------------------- the description


def test_every_setting_says_what_it_does():
    silent = [path for path, field in settings() if len((field.description or "").strip()) < 10]
    assert silent == []
    unfinished = [path for path, field in settings() if not field.description.endswith(".")]
    assert unfinished == []


def test_every_free_value_has_an_example():
    enough = ("Literal", "bool", "isoprune.config")  # options and blocks explain themselves
    free = [
        (path, field)
        for path, field in settings()
        if not any(part in str(field.annotation) for part in enough)
    ]
    assert len(free) > 20
    assert [path for path, field in free if not field.examples] == []


def test_every_example_is_accepted_by_its_own_setting():
    for path, field in settings():
        for example in field.examples or []:
            kind = TypeAdapter(Annotated[field.annotation, field], config=ConfigDict(strict=True))
            assert kind.dump_python(kind.validate_python(example), mode="json") == example, path


def test_the_reference_page_and_the_schema_are_up_to_date(capsys):
    assert main(["--check", "--folder", str(CONFIG)]) == 0, capsys.readouterr().out


def test_a_drifted_page_is_shown_as_a_difference(tmp_path, capsys):
    assert main(["--folder", str(tmp_path)]) == 0
    assert main(["--check", "--folder", str(tmp_path)]) == 0
    page = tmp_path / "README.md"
    page.write_text(
        page.read_text(encoding="utf-8").replace("`min_voxels`", "`most_voxels`"), encoding="utf-8"
    )
    (tmp_path / "schema.json").unlink()
    assert main(["--check", "--folder", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "-| `most_voxels`" in shown and "+| `min_voxels`" in shown
    assert "schema.json as generated" in shown
    assert "python -m isoprune.config" in shown


def test_the_reference_page_has_every_setting():
    page = reference_page()
    assert [
        path for path, _ in settings() if f"| `{path.split('.')[-1].removesuffix('[]')}` |" not in page
    ] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"sed": 1},
        {"seed": -1},
        {"subjects": ["a b"]},
        {"subjects": [1]},
        {"targets": []},
        {"roi": {"resample": "x"}},
    ],
)
def test_the_editor_schema_refuses_what_loading_refuses(changes):
    message(**changes)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(settings_with(**changes), json.loads(editor_schema()))


def test_numbers_inside_a_block_of_the_command_line_are_numbers():
    # Snakemake reads `--config crossvalidation='{"n_repeats": 1}'` with every value as text.
    study = load(
        settings_with(crossvalidation={"n_repeats": "1"}, select={"targets": "null"}, roi={"min_voxels": "5"})
    )
    assert (study.crossvalidation.n_repeats, study.roi.min_voxels, study.select.targets) == (1, 5, None)


def test_text_that_is_no_number_stays_an_error():
    with pytest.raises(ConfigError, match="found the text 'many'; expected a whole number"):
        load(settings_with(crossvalidation={"n_repeats": "many"}))
