"""Whatever a file or a setting holds, it is read as it is meant or refused by a named error.

Any other exception fails these tests. `python -m pytest tests/unit/test_fuzzing_*.py --hypothesis-profile=full` tries
twenty times as many cases.
"""

import copy
import csv
import io
import json
from itertools import combinations, count
from pathlib import Path

import nibabel
import numpy as np
import pytest
import scipy.io
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rsatoolbox.rdm import RDMs
from scipy.spatial.distance import pdist, squareform

import strategies
from isoprune.config import load
from isoprune.config.layout import settings as known_settings
from isoprune.errors import (
    ConfigError,
    IsopruneError,
    JudgmentError,
    LabelError,
    RDMError,
    RoiError,
    UnknownNameError,
)
from isoprune.extraction import extract_patterns
from isoprune.io.masks import read_mask_on_grid
from isoprune.io.ready_rdms import read_ready_rdm, read_ready_rdms
from isoprune.io.tables import read_stimuli
from isoprune.io.volumes import BetaRun, Grid, Region
from isoprune.judgments import read_ratings, read_triplets
from isoprune.rdms import rdm_from_patterns
from strategies import cases

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all examples: each writes its files anew."""
    return tmp_path_factory.mktemp("fuzzed")


NUMBERS = count()


def fresh(folder, suffix):
    """A path that was never used, since files are remembered by their time and size."""
    return folder / f"{next(NUMBERS)}{suffix}"


def table(path, rows, end="\n"):
    """A table as spreadsheets write it, each cell in quotes."""
    text = io.StringIO()
    separator = "," if path.suffix == ".csv" else "\t"
    csv.writer(text, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    path.write_bytes(text.getvalue().encode("utf-8-sig" if end == "\r\n" else "utf-8"))
    return path


# ---- stimulus tables ----


@cases(60)
@given(
    listed=strategies.label_lists(),
    suffix=st.sampled_from([".tsv", ".csv"]),
    end=st.sampled_from(["\n", "\r\n"]),
    category=st.sampled_from(strategies.UNSEEN)
    | st.sampled_from(strategies.BLANK)
    | strategies.visible_labels(),
)
def test_a_stimulus_table_is_read_as_written_or_refused(folder, listed, suffix, end, category):
    labels, flaw = listed
    rows = [["category", "stimulus"], *([category, label] for label in labels)]
    path = table(fresh(folder, suffix), rows, end)
    if flaw:
        with pytest.raises(LabelError, match="no label" if flaw == "blank" else "the same label"):
            read_stimuli(path)
        return
    stimuli = read_stimuli(path)
    assert list(stimuli["stimulus"]) == labels
    missing = category.strip() in ("", "n/a")
    assert [None if missing else category] * len(labels) == [one or None for one in stimuli["category"]]


@cases(60)
@given(data=st.data())
def test_damaged_tables_have_labels_or_a_named_error(folder, data):
    labels = data.draw(strategies.distinct_labels(1, 5))
    content = bytearray(table(fresh(folder, ".tsv"), [["stimulus"], *([one] for one in labels)]).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    path = fresh(folder, ".tsv")
    path.write_bytes(bytes(content))
    try:
        stimuli = read_stimuli(path)
    except IsopruneError as refused:
        assert path.name in str(refused)
        return
    assert stimuli["stimulus"].is_unique
    assert all(label.strip() for label in stimuli["stimulus"])


# ---- ready RDMs ----


def written(path, stack, form):
    """A file of RDMs in the format of its name; what it does not hold (labels) is returned as keywords."""
    rows, columns = np.triu_indices(len(stack.labels), 1)
    pairs = stack.matrices[:, rows, columns]
    values = stack.matrices if form == "square" else pairs
    if path.suffix == ".h5":
        # rsatoolbox writes labels of ASCII alone.
        stack.labels = [f"{row}{label!a}" for row, label in enumerate(stack.labels)]
        content, buffer = RDMs(pairs, pattern_descriptors={"stimulus": stack.labels}), io.BytesIO()
        content.save(buffer, file_type="hdf5")
        path.write_bytes(buffer.getvalue())
        return {}
    if path.suffix in (".tsv", ".csv"):
        table(path, _long(stack) if form == "triangle" else _square(stack))
        return {}
    {
        ".npy": lambda: np.save(path, values),
        ".npz": lambda: np.savez(path, rdms=values),
        ".mat": lambda: scipy.io.savemat(path, {"rdms": values}),
    }[path.suffix]()
    return {"labels": stack.labels}


def _long(stack):
    names = [f"s{number}" for number in range(len(stack.matrices))]
    yield ["stimulus_2", "subject", "value", "stimulus_1"]
    for name, matrix in zip(names, stack.matrices, strict=True):
        for i, j in combinations(range(len(matrix)), 2):
            yield [stack.labels[j], name, repr(float(matrix[i, j])), stack.labels[i]]


def _square(stack):
    yield ["", *stack.labels]
    for label, row in zip(stack.labels, stack.matrices[0], strict=True):
        yield [label, *(repr(float(value)) for value in row)]


@cases(90)
@given(
    stack=strategies.stacks(),
    suffix=st.sampled_from([".npy", ".npz", ".mat", ".tsv", ".csv", ".h5"]),
    form=st.sampled_from(["square", "triangle"]),
    data=st.data(),
)
def test_ready_rdms_meet_stimuli_by_label_in_every_format(folder, stack, suffix, form, data):
    path, holds_triangle = fresh(folder, suffix), form == "triangle" or suffix == ".h5"
    if suffix in (".tsv", ".csv") and form == "square":
        stack.matrices = stack.matrices[-1:]
    given_labels = written(path, stack, form)
    if stack.flaw == "undefined" or (stack.errors and not holds_triangle):
        with pytest.raises(stack.errors):
            read_ready_rdms(path, target="IT", **given_labels)
        return
    rdms = read_ready_rdms(path, target="IT", **given_labels)
    assert len(rdms) == len(stack.matrices)
    wanted = data.draw(strategies.shuffled(stack.labels))
    order = [stack.labels.index(label) for label in wanted]
    for (subject, rdm), matrix in zip(rdms.items(), stack.matrices, strict=True):
        expected = np.triu(matrix, 1) + np.triu(matrix, 1).T
        expected = expected[np.ix_(order, order)]
        within = 0 if stack.exact or holds_triangle else 1e-6 * np.abs(matrix).max()
        np.testing.assert_allclose(rdm.select(wanted).values, expected, rtol=0, atol=within)
        alone = read_ready_rdm(path, target="IT", subject=subject, **given_labels)
        assert np.array_equal(alone.values, rdm.values)


@cases(60)
@given(
    stack=strategies.stacks(flaws=(None,)),
    suffix=st.sampled_from([".npy", ".mat", ".tsv", ".h5"]),
    spoil=st.sampled_from(["one less", "one more", "another", "twice", "blank", "unseen"]),
    data=st.data(),
)
def test_labels_that_do_not_join_are_named(folder, stack, suffix, spoil, data):
    path = fresh(folder, suffix)
    given_labels = written(path, stack, "square")
    labels, place = list(stack.labels), data.draw(st.integers(0, len(stack.labels) - 1))
    other = data.draw(strategies.visible_labels().filter(lambda one: one not in labels))
    changed = {
        "one less": labels[:place] + labels[place + 1 :],
        "one more": [*labels, other],
        "another": [*labels[:place], other, *labels[place + 1 :]],
        "twice": [*labels[:place], labels[place - 1], *labels[place + 1 :]],
        "blank": [*labels[:place], " ", *labels[place + 1 :]],
        "unseen": [*labels[:place], strategies.UNSEEN[place % len(strategies.UNSEEN)], *labels[place + 1 :]],
    }[spoil]
    with pytest.raises((LabelError, RDMError)):
        rdms = read_ready_rdms(path, target="IT", **({"labels": changed} if given_labels else {}))
        next(iter(rdms.values())).select(stack.labels if given_labels else changed)


# ---- masks and betas ----


@cases(40)
@given(mask=strategies.turned_masks())
def test_a_mask_lies_where_its_voxels_are_in_the_world(folder, mask):
    values, affine, shape, onto, off_grid = mask
    path = fresh(folder, ".nii")
    nibabel.save(nibabel.Nifti1Image(values.astype(np.float32), affine), path)
    expected = np.zeros(shape, dtype=bool)
    for voxel in np.argwhere(np.nan_to_num(values) != 0):
        place = np.rint(np.linalg.solve(onto, affine @ [*voxel, 1])[:3]).astype(int)
        if ((place >= 0) & (place < shape)).all():
            expected[tuple(place)] = True
    if off_grid or not expected.any():
        with pytest.raises(IsopruneError, match=path.name):
            read_mask_on_grid(path, shape, onto)
        return
    inside, n_in_mask = read_mask_on_grid(path, shape, onto)
    assert np.array_equal(inside, expected)
    assert n_in_mask == (np.nan_to_num(values) != 0).sum()


@cases(40)
@given(made=strategies.betas(), min_voxels=st.integers(1, 6), data=st.data())
def test_patterns_hold_the_voxels_that_were_measured_and_no_others(made, min_voxels, data):
    grid = Grid(made.values[0].shape[1:], np.eye(4))
    runs = [
        BetaRun(str(number), tuple(conditions), grid, lambda start, stop, values=values: values[start:stop])
        for number, (conditions, values) in enumerate(zip(made.conditions, made.values, strict=True), start=1)
    ]
    labels = data.draw(strategies.shuffled(made.conditions[0]))
    region = Region("IT", made.inside, int(made.inside.sum()))
    kept = [
        tuple(voxel)
        for voxel in np.argwhere(made.inside)
        if all(len(np.unique(run[(slice(None), *voxel)])) > 1 for run in made.values)
        and all(np.isfinite(run[(slice(None), *voxel)]).all() for run in made.values)
    ]
    if len(kept) < min_voxels:
        with pytest.raises(RoiError, match=f"{len(kept)} usable of {made.inside.sum()} voxels"):
            extract_patterns(runs, {"IT": region}, labels=labels, subject="01", min_voxels=min_voxels)
        return
    (patterns,) = extract_patterns(
        runs, {"IT": region}, labels=labels, subject="01", min_voxels=min_voxels
    ).values()
    expected = np.array([[volume[voxel] for voxel in kept] for run in made.values for volume in run])
    assert np.array_equal(patterns.values, expected)
    given_ = {"target": "IT", "subject": "01", "provenance": {}}
    of_row = np.array([label for run in made.conditions for label in run], dtype=object)
    means = [expected[of_row == label].mean(axis=0) for label in labels]
    if len(kept) == 1:
        with pytest.raises(RDMError):
            rdm_from_patterns(patterns, labels, **given_)
        return
    rdm = rdm_from_patterns(patterns, labels, **given_)
    np.testing.assert_allclose(rdm.values, squareform(pdist(means, "correlation")), rtol=0, atol=1e-7)


# ---- judgments ----


@cases(50)
@given(judged=strategies.rated_pairs(), similarity=st.booleans())
def test_ratings_are_places_on_their_scale_or_a_named_error(folder, judged, similarity):
    path = table(fresh(folder, ".tsv"), [("rater", "stimulus_1", "stimulus_2", "rating"), *judged.rows])
    asked = {"scale": judged.scale, "similarity": similarity}
    if judged.errors:
        with pytest.raises(judged.errors, match=f"{path.name}, row"):
            read_ratings(path, judged.labels, **asked)
        return
    low, high = judged.scale
    said = {}
    for _, one, other, rating in judged.rows:
        share = (float(rating) - low) / (high - low)
        said.setdefault(frozenset((one, other)), []).append(1 - share if similarity else share)
    judgments = read_ratings(path, judged.labels, **asked)
    expected = [np.mean(said.get(frozenset(pair), [np.nan])) for pair in combinations(judged.labels, 2)]
    np.testing.assert_allclose(judgments.means(), expected, rtol=0, atol=1e-12)
    if np.isnan(expected).any():
        with pytest.raises(JudgmentError, match=r"fewer than 1 judgment"):
            judgments.rdm()


@cases(40)
@given(data=st.data())
def test_triplets_are_shares_of_choices_or_a_named_error(folder, data):
    labels = data.draw(strategies.trimmed_labels(3, 5))
    one = st.sampled_from([*labels, "nobody's", ""])
    rows = data.draw(st.lists(st.tuples(one, one, one, one), min_size=1, max_size=4))
    if data.draw(st.booleans()):  # all of them in order
        rows = [tuple(data.draw(st.permutations(labels))[:3]) for _ in rows]
        rows = [(*row, data.draw(st.sampled_from(row))) for row in rows]
    path = table(fresh(folder, ".tsv"), [("stimulus_1", "stimulus_2", "stimulus_3", "odd"), *rows])
    sound = all(len(set(row[:3])) == 3 and row[3] in row[:3] and set(row) <= set(labels) for row in rows)
    if not sound:
        with pytest.raises((LabelError, JudgmentError)):
            read_triplets(path, labels).rdm()
        return
    apart = {}
    for *three, odd in rows:
        for pair in combinations(three, 2):
            apart.setdefault(frozenset(pair), []).append(float(odd in pair))
    expected = [np.mean(apart.get(frozenset(pair), [np.nan])) for pair in combinations(labels, 2)]
    np.testing.assert_allclose(read_triplets(path, labels).means(), expected, rtol=0, atol=1e-15)


# ---- settings ----

SMALL = {
    "study": "small",
    "stimuli": {"table": "stimuli.tsv"},
    "subjects": ["01", "02"],
    "networks": [{"name": "net", "model": "vgg19", "weights": "random"}],
    "targets": [{"name": "IT", "rdms": {"file": "IT.npz"}}],
}
STUDIES = [
    SMALL,
    *(
        yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in (CONFIG / "config.yaml", *sorted((CONFIG / "studies").glob("*.yaml")))
    ),
]
KEYS = {step.removesuffix("[]") for path, _ in known_settings() for step in path.split(".")}


def changed(data, study):
    """Settings with an entry that is another, missing, doubled or new; and the key where it is."""
    study = copy.deepcopy(study)
    place = data.draw(st.sampled_from(sorted(strategies.places_in(study), key=str)))
    inside = study
    for step in place[:-1]:
        inside = inside[step]
    key, how = (
        place[-1],
        data.draw(st.sampled_from(["other", "other", "missing", "doubled", "new", "default"])),
    )
    if how == "missing":
        del inside[key]
    elif how == "doubled" and isinstance(inside, list):
        inside.append(copy.deepcopy(inside[key]))
    elif how == "new" and isinstance(inside, dict):
        key = data.draw(st.sampled_from(sorted(KEYS)) | strategies.visible_labels())
        inside[key] = data.draw(strategies.junk())
    else:
        inside[key] = data.draw(strategies.junk())
    named = [step for step in (*place[:-1], key) if isinstance(step, str)]
    return study, named[-1] if named else None


@cases(150)
@given(data=st.data(), as_file=st.booleans())
def test_changed_settings_are_a_whole_study_or_an_error_that_names_the_setting(folder, data, as_file):
    given_, key = changed(data, data.draw(st.sampled_from(STUDIES)))
    if as_file:
        path = fresh(folder, ".yaml")
        path.write_text(yaml.safe_dump(given_, allow_unicode=True), encoding="utf-8")
    try:
        study = load(path if as_file else given_)
    except (ConfigError, UnknownNameError) as refused:
        assert key in str(refused) or any(f"'{one}" in str(refused) for one in KEYS)
        return
    assert load(json.loads(study.model_dump_json(exclude_unset=True))) == study
    assert study.selected_targets
