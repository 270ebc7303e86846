"""Every backend computes what the definition says, for one target or many, and says what it ran on."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import random_target, same_ranking_up_to_ties, sparse_embedding
from isoprune.errors import BackendError
from isoprune.isomorphism import CONSTANT_RDM, MEASURES, pairs_of, similarity, undefined_images
from isoprune.pruning import (
    CRITERIA,
    available_threads,
    backends,
    forms,
    one_blas_thread,
    procedure_named,
    prune,
    prune_arrays,
    select_many,
)
from isoprune.pruning.backends import CpuPrepared, ReferencePrepared
from isoprune.pruning.closed_form import LeaveOneOut, standard_matrix
from isoprune.pruning.criteria import criterion_named

COEFFICIENTS = ("pearson", "spearman")


def torch_on_the_processor(values, measure):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: its backend is not compared")
    from isoprune.pruning.torch_device import TorchPrepared

    return TorchPrepared(values, measure, device=torch.device("cpu"))


PREPARED = {
    "numba": partial(CpuPrepared, use_compiled=True, threads=1),
    "numba, threads": partial(CpuPrepared, use_compiled=True, threads=3),
    "numpy": partial(CpuPrepared, use_compiled=False, threads=1),
    "torch": torch_on_the_processor,
}


@st.composite
def problems(draw):
    """An embedding with ties, dead, duplicated and dominating features, and two targets, one of them with ties."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_images, n_features = draw(st.integers(4, 18)), draw(st.integers(3, 36))
    kind = draw(st.sampled_from(["normal", "sparse", "whole numbers", "low rank", "nearly equal images"]))
    X = rng.normal(size=(n_images, n_features))
    if kind == "sparse":
        X = np.maximum(X - 0.5, 0) * rng.lognormal(sigma=1.5, size=n_features)
    elif kind == "whole numbers":
        X = rng.integers(-2, 3, size=X.shape).astype(float)
    elif kind == "low rank":
        X = rng.normal(size=(n_images, 2)) @ rng.normal(size=(2, n_features))
    elif kind == "nearly equal images":
        X = 0.02 * X + rng.normal(size=n_features)
    if draw(st.booleans()):
        X[:, rng.integers(n_features)] = X[:, rng.integers(n_features)]
    if draw(st.booleans()):
        X[:, rng.integers(n_features)] = 0.0
    if draw(st.booleans()):
        X[:, rng.integers(n_features)] *= 30.0
    if draw(st.booleans()):
        X[rng.integers(n_images)] = X[rng.integers(n_images)]
    X *= 10.0 ** draw(st.sampled_from([-8, 0, 5]))
    ties = np.triu(rng.integers(1, 4, size=(n_images, n_images)).astype(float), 1)
    ties[0, 1:3] = 1.0, 2.0  # a target has to vary
    return X, np.array([random_target(n_images, int(rng.integers(2**31))), ties + ties.T])


def is_defined(X, measure):
    return not undefined_images(X, measure).any() and (X[0] != X).any()


def tolerance(X, measure, sets):
    """1e-10, or what rounding errors of 1e-15 in similarities make of an RDM that hardly varies (dimensionless)."""
    least = 1.0
    for features in sets:
        if not undefined_images(X[:, features], measure).any():
            spread = pairs_of(similarity(X[:, features], measure)).std()
            least = min(least, spread) if spread > CONSTANT_RDM**0.5 else least
    return max(1e-10, 5e-15 / least)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("coefficient", COEFFICIENTS)
@settings(max_examples=40, deadline=None)
@given(problem=problems())
def test_leaving_a_feature_out_is_what_the_definition_says(measure, coefficient, problem):
    X, targets = problem
    if not is_defined(X, measure):
        return
    expected = ReferencePrepared(X, measure).isomorphism_without_each(targets, coefficient)
    features = np.arange(X.shape[1])
    within = tolerance(X, measure, [np.delete(features, one) for one in features])
    for name, prepare in PREPARED.items():
        prepared = prepare(X, measure)
        for batched in (False, True):
            found = prepared.isomorphism_without_each(targets, coefficient, batched)
            np.testing.assert_allclose(found, expected, rtol=0, atol=within, err_msg=f"{name}, {batched=}")


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("criterion", CRITERIA)
@settings(max_examples=40, deadline=None)
@given(problem=problems(), seed=st.integers(0, 100))
def test_curve_is_what_the_definition_says_for_any_ranking(measure, criterion, problem, seed):
    X, targets = problem
    if not is_defined(X, measure):
        return
    rng, chosen = np.random.default_rng(seed), criterion_named(criterion)
    rankings = np.array([rng.permutation(X.shape[1]) for _ in targets])
    expected = ReferencePrepared(X, measure).insertion_curves(targets, rankings, chosen)
    within = tolerance(X, measure, [ranking[:m] for ranking in rankings for m in range(2, X.shape[1] + 1)])
    for name, prepare in PREPARED.items():
        found = prepare(X, measure).insertion_curves(targets, rankings, chosen)
        np.testing.assert_allclose(found, expected, rtol=0, atol=within, err_msg=name)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("seed", range(3))
def test_one_at_a_time_and_many_at_once_prune_alike_on_every_backend(measure, criterion, seed):
    X = np.c_[sparse_embedding(13, 40, seed), np.zeros((13, 3))]
    X[:, 7] = X[:, 11]
    targets = np.array([random_target(13, seed + number) for number in range(5)])
    slow = [prune(X, target, criterion=criterion, measure=measure, backend="reference") for target in targets]
    for backend in ("cpu", "numpy"):
        procedure = procedure_named(criterion, measure, backend=backend)
        together = select_many(X, targets, procedure, keep_results=True)
        for number, target in enumerate(targets):
            alone, expected = prune_arrays(X, target, procedure), slow[number]
            for one in (alone, together.results[number]):
                np.testing.assert_allclose(one.drop, expected.drop, rtol=0, atol=1e-10)
                assert same_ranking_up_to_ties(one.ranking, expected.ranking, expected.drop)
                np.testing.assert_allclose(one.curve, expected.curve, rtol=0, atol=1e-10)
                assert one.n_retained == expected.n_retained
            assert np.array_equal(together.retained[number], together.results[number].retained)


# ---- sums that cancel ----


def embedding_of_two_levels(noise):
    """Images that are almost the same pattern but for one feature, which carries half of their variance."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(12, 60)) * noise + rng.normal(size=60)
    X[:, 17] = rng.choice([-1.0, 1.0], size=12) * np.sqrt(60)
    return X


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
@pytest.mark.parametrize("measure", ["correlation", "cosine"])
def test_features_without_which_sums_cancel_are_left_out_directly(measure, coefficient, monkeypatch):
    X, targets = embedding_of_two_levels(1e-2), random_target(12, 0)[None]
    expected = ReferencePrepared(X, measure).isomorphism_without_each(targets, coefficient)
    direct, made = [], backends.reference.isomorphism_without
    monkeypatch.setattr(
        backends.reference,
        "isomorphism_without",
        lambda X, T, feature, *how: direct.append(feature) or made(X, T, feature, *how),
    )
    for prepare in PREPARED.values():
        for batched in (False, True):
            direct.clear()
            prepared = prepare(X, measure)
            found = prepared.isomorphism_without_each(targets, coefficient, batched)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
            if coefficient == "pearson" and prepare is not torch_on_the_processor:
                assert direct == [17]


@pytest.mark.parametrize("measure", MEASURES)
def test_no_sum_of_an_ordinary_embedding_cancels(measure):
    """What cancels is computed again pair by pair: a wrong sum could pass for one, and be slow and right."""
    leave_out = LeaveOneOut(sparse_embedding(20, 60, 0), measure)
    standards = np.array([standard_matrix(random_target(20, 1))])
    of_chunk = forms.prepared(measure, leave_out.similarity).of_targets(standards)
    found, inexact = of_chunk(leave_out.y, leave_out.u)
    assert not inexact.any()
    expected = leave_out.isomorphism(random_target(20, 1)[None])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("measure", ["correlation", "cosine"])
def test_prefixes_whose_sums_cancel_are_scored_directly(measure, criterion):
    X, targets = embedding_of_two_levels(1e-2), random_target(12, 0)[None]
    last = np.r_[np.delete(np.arange(60), 17), 17][None]
    chosen = criterion_named(criterion)
    expected = ReferencePrepared(X, measure).insertion_curves(targets, last, chosen)
    for prepare in PREPARED.values():
        found = prepare(X, measure).insertion_curves(targets, last, chosen)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("backend", ["cpu", "numpy", "reference"])
def test_prefixes_without_geometry_are_undefined_and_as_published_zero(measure, criterion, backend):
    X = np.c_[sparse_embedding(10, 25, 1), np.zeros((10, 4))]
    prepared = backends.backend_named(backend).prepare(X, measure)
    dead_first = np.r_[25:29, :25][None]
    curve = prepared.insertion_curves(random_target(10, 2)[None], dead_first, criterion_named(criterion))[0]
    undefined = curve[:5]  # 0 … 4 dead features
    assert (undefined == 0).all() if "published" in criterion else np.isnan(undefined).all()
    assert np.nanmax(np.abs(curve)) <= 1 + 1e-12


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("backend", ["cpu", "numpy"])
def test_only_features_that_cannot_be_spared_have_an_infinite_drop(measure, backend):
    X, T = sparse_embedding(12, 40, 2), random_target(12, 3)
    X[0] = 0
    X[0, 3] = 5.0  # undefined without feature 3, but for distances
    for criterion in CRITERIA:
        drop = prune(X, T, criterion=criterion, measure=measure, backend=backend).drop
        infinite = [] if measure == "euclidean" else [3]
        assert np.flatnonzero(drop == np.inf).tolist() == infinite
        assert np.isfinite(np.delete(drop, infinite)).all()


# ---- many targets ----


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
@pytest.mark.parametrize("criterion", ["pearson", "published-spearman"])
def test_neither_threads_nor_groups_nor_other_targets_change_a_bit(backend, criterion, monkeypatch):
    X, procedure = sparse_embedding(20, 700, 3), procedure_named(criterion, backend=backend)
    targets = np.array([random_target(20, seed) for seed in range(70)])
    whole = select_many(X, targets, procedure, keep_results=True).results

    def same(one, other):
        return np.array_equal(one.drop, other.drop) and np.array_equal(one.curve, other.curve, equal_nan=True)

    threads = select_many(X, targets, procedure, threads=3, keep_results=True).results
    alone = [select_many(X, targets[k : k + 1], procedure, keep_results=True).results[0] for k in (0, 41, 69)]
    monkeypatch.setattr("isoprune.pruning.PAIRS_OF_TARGETS", 1)
    groups = select_many(X, iter(targets), procedure, keep_results=True).results
    assert all(map(same, whole, threads))
    assert all(map(same, whole, groups))
    assert all(map(same, [whole[k] for k in (0, 41, 69)], alone))


@pytest.mark.parametrize("measure", MEASURES)
def test_parts_of_the_ranking_change_no_bit_of_the_curve(measure, monkeypatch):
    X, T = sparse_embedding(15, 70, 3), random_target(15, 4)
    whole = prune(X, T, measure=measure, backend="cpu").curve
    monkeypatch.setattr("isoprune.pruning.curve.PREFIXES_AT_ONCE", 8)
    assert np.array_equal(prune(X, T, measure=measure, backend="cpu").curve, whole, equal_nan=True)
    assert np.array_equal(prune(X, T, measure=measure, backend="cpu", threads=3).curve, whole, equal_nan=True)


@pytest.mark.parametrize("criterion", ["pearson", "spearman"])
@pytest.mark.parametrize("measure", MEASURES)
def test_parts_of_the_ranking_go_on_where_the_last_ended_without_numba(measure, criterion, monkeypatch):
    X, T = sparse_embedding(15, 70, 3), random_target(15, 4)
    whole = prune(X, T, measure=measure, criterion=criterion, backend="reference").curve
    monkeypatch.setattr("isoprune.pruning.curve.PREFIX_PAIRS_AT_ONCE", 8 * 105)
    parts = prune(X, T, measure=measure, criterion=criterion, backend="numpy").curve
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-12)


def test_no_targets_give_no_selections(small):
    selections = select_many(small.X, np.empty((0, 14, 14)), procedure_named())
    assert (selections.n_retained.shape, selections.retained) == ((0,), ())


# ---- what ran ----


def test_cuda_without_a_device_is_refused_by_name(small, monkeypatch):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to look for devices with")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(
        BackendError,
        match=r"backend 'cuda': PyTorch \S+ \(built .*\) sees 0 CUDA devices; expected at least one\. "
        r"Use `backend: cpu`, or install a CUDA build of PyTorch and check that `nvidia-smi` lists the device",
    ):
        prune(small.X, small.T, backend="cuda")


def test_cuda_without_pytorch_is_refused_by_name(small, monkeypatch):
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    with pytest.raises(BackendError, match=r"PyTorch is not installed; expected PyTorch and a CUDA device"):
        prune(small.X, small.T, backend="cuda")


def test_auto_records_what_ran(small, monkeypatch):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: auto is always the processor")
    monkeypatch.setattr(backends, "cuda_in_sight", lambda: False)
    assert prune(small.X, small.T, backend="auto").backend == "cpu-numba"
    from isoprune.pruning import torch_device

    monkeypatch.setattr(backends, "cuda_in_sight", lambda: True)
    monkeypatch.setattr(torch_device, "cuda_usable", lambda: False)
    assert prune(small.X, small.T, backend="auto").backend == "cpu-numba"
    monkeypatch.setattr(torch_device, "cuda_usable", lambda: True)
    monkeypatch.setattr(torch_device, "cuda_device", lambda: torch.device("cpu"))
    assert prune(small.X, small.T, backend="auto").backend == "torch-cpu"
    assert select_many(small.X, small.T[None], procedure_named()).backend == "torch-cpu"


def test_a_hidden_device_is_not_looked_for(monkeypatch):
    monkeypatch.setattr(backends, "_driver_and_torch", lambda: True)
    for hidden in ("", " ", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert not backends.cuda_in_sight()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert backends.cuda_in_sight()


@pytest.mark.parametrize("file", [True, False])
@pytest.mark.parametrize("program", ["/usr/bin/nvidia-smi", None])
def test_a_driver_is_seen_by_its_file_or_by_its_program(monkeypatch, file, program):
    monkeypatch.setattr(backends.Path, "exists", lambda path: file)
    monkeypatch.setattr(backends.shutil, "which", lambda name: program)
    monkeypatch.setattr(backends, "find_spec", lambda name: name)
    assert backends._driver_and_torch.__wrapped__() == (file or program is not None)


@pytest.mark.parametrize("measure", MEASURES)
def test_features_that_make_up_most_of_an_image_are_left_out_by_direct_computation(measure):
    values = np.random.default_rng(0).normal(size=(12, 20))
    assert LeaveOneOut(values, measure).direct_features.tolist() == []
    values[:, 7] *= 1e3
    assert LeaveOneOut(values, measure).direct_features.tolist() == [7]


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
def test_on_a_device_more_targets_than_go_at_once_give_what_each_gives(small, monkeypatch, coefficient):
    prepared = torch_on_the_processor(small.X, "correlation")
    from isoprune.pruning import torch_device

    targets = np.array([random_target(14, seed) for seed in range(10)])
    each = np.concatenate([prepared.isomorphism_without_each(one[None], coefficient) for one in targets])
    monkeypatch.setattr(torch_device, "TARGETS_AT_ONCE", 4)
    together = prepared.isomorphism_without_each(targets, coefficient, batched=True)
    np.testing.assert_allclose(together, each, rtol=0, atol=1e-12)
    # Which other targets there are changes no bit.
    assert np.array_equal(
        prepared.isomorphism_without_each(targets[:3], coefficient, batched=True), together[:3]
    )


def test_there_is_a_processor_to_run_on():
    assert available_threads() >= 1


def test_blas_is_limited_from_the_first_that_enters_to_the_last_that_leaves():
    threadpoolctl = pytest.importorskip(
        "threadpoolctl", reason="threadpoolctl is not installed: nothing is limited"
    )

    def threads():
        return {one["num_threads"] for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"}

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        if threads() != {2}:
            pytest.skip("BLAS here takes no two threads, so that a limit of one cannot be seen")
        limit = one_blas_thread()
        limit.__enter__()
        with one_blas_thread():
            assert threads() == {1}
        assert threads() == {1}
        limit.__exit__(None, None, None)
        assert threads() == {2}
