"""How many features are retained: rules on curves made by hand, the standard error, no leakage."""

import numpy as np
import pytest

import isoprune
from examples import random_target, sparse_embedding
from isoprune.config.pruning import Pruning
from isoprune.crossvalidation import score_folds
from isoprune.errors import ConfigError, EmbeddingError, IsopruneError, TooFewImagesError, UnknownNameError
from isoprune.folds import make_folds
from isoprune.isomorphism import isomorphism, pairs_of, partial_isomorphism, similarity
from isoprune.pruning import number, procedure_named, select_many
from isoprune.pruning.criteria import criterion_named

PEARSON, PUBLISHED = criterion_named("pearson"), criterion_named("published")
CURVE = np.array([np.nan, np.nan, 0.1, np.nan, 0.5, 0.58, 0.6, 0.59, 0.6, 0.55, 0.4])
X, T = sparse_embedding(20, 40, 0), random_target(20, 1)


def chosen(rule, curve=CURVE, criterion=PEARSON, error=0.0, monkeypatch=None):
    if monkeypatch:
        monkeypatch.setattr(number, "jackknife_error", lambda *given, **settings: error)
    values = np.zeros((5, len(curve) - 1))
    return number.n_retained(
        curve, np.arange(len(curve) - 1), rule, criterion, values=values, target=np.zeros((5, 5))
    )


def test_max_is_the_first_maximum():
    assert chosen("max") == 6


@pytest.mark.parametrize(("error", "n"), [(0.0, 6), (0.02, 5), (0.1, 4), (0.55, 2)])
def test_one_se_is_the_first_prefix_within_one_standard_error(error, n, monkeypatch):
    assert chosen("one-se", error=error + 1e-9, monkeypatch=monkeypatch) == n


@pytest.mark.parametrize(("rule", "n"), [(2, 2), (3, 4), (7, 7), (10, 10), (0.3, 4), (0.5, 5), (0.01, 2)])
def test_a_number_or_share_takes_the_first_defined_prefix_that_is_large_enough(rule, n):
    assert chosen(rule) == n


def test_published_criteria_never_take_all_features_nor_undefined_ones(monkeypatch):
    curve = np.nan_to_num(CURVE)
    curve[-1] = 0.9
    assert chosen("max", curve, PUBLISHED) == 6
    assert chosen("one-se", curve, PUBLISHED, 1.0, monkeypatch) == 2
    assert chosen(9, curve, PUBLISHED) == 9
    with pytest.raises(EmbeddingError, match="`n_rule` asks for 10"):
        chosen(10, curve, PUBLISHED)


def test_more_features_than_there_are_is_an_error():
    with pytest.raises(EmbeddingError, match=r"40 features, but `n_rule` asks for 41.*at most 40"):
        isoprune.prune(X, T, n_rule=41)


@pytest.mark.parametrize("rule", [1, 0, -3, 0.0, 1.0, 1.5, True])
def test_a_number_that_is_none_is_an_error_here_and_in_the_settings(rule):
    with pytest.raises(ConfigError, match="a whole number from 2, or a share"):
        procedure_named(n_rule=rule)
    with pytest.raises((ConfigError, ValueError)):
        Pruning(n_rule=rule)


def test_an_unknown_rule_names_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'one-se'"):
        procedure_named(n_rule="one_se")


@pytest.mark.parametrize("name", ["pearson", "spearman", "published"])
@pytest.mark.parametrize("n_nuisances", [0, 2])
def test_standard_error_is_that_of_leaving_each_image_out(name, n_nuisances):
    # Without nuisances and ranks the closed form is exact; with them their fit and the ranks are those of all images.
    criterion = criterion_named(name)
    nuisances = np.array([random_target(20, 7 + k) for k in range(n_nuisances)]) if n_nuisances else None
    found = number.jackknife_error(X, T, criterion, nuisances=nuisances)
    r = []
    for image in range(20):
        kept = np.delete(np.arange(20), image)
        removed = np.empty((0, 171)) if nuisances is None else pairs_of(nuisances[:, kept][:, :, kept])
        pairs = pairs_of(similarity(X[kept])), pairs_of(T[np.ix_(kept, kept)])
        r.append(partial_isomorphism(*pairs, removed, criterion.curve))
    v = criterion.value(np.array(r))
    slow = np.sqrt(19 / 20 * ((v - v.mean()) ** 2).sum())
    exact = name != "spearman" and not n_nuisances
    assert found == pytest.approx(slow, rel=1e-10 if exact else 0.15)


@pytest.mark.parametrize("seed", range(8))
def test_an_image_without_which_the_target_is_constant_has_no_part_in_the_standard_error(seed):
    features, target = sparse_embedding(13, 60, seed), np.zeros((13, 13))
    target[seed] = target[:, seed] = 1.37
    target[seed, seed] = 0
    r = []
    for image in np.delete(np.arange(13), seed):
        kept = np.delete(np.arange(13), image)
        r.append(isomorphism(features[kept], target[np.ix_(kept, kept)]))
    assert number.jackknife_error(features, target, PEARSON) == pytest.approx(
        np.sqrt(11 * np.var(r)), rel=1e-9
    )


def test_standard_error_is_about_the_spread_over_samples_of_images():
    rng = np.random.default_rng(0)
    errors, r = [], []
    for _ in range(60):
        X = rng.normal(size=(40, 12))
        X[:20] += rng.normal(size=12)
        T = 1 - similarity(X + 2 * rng.normal(size=X.shape))
        errors.append(number.jackknife_error(X, T, PEARSON))
        r.append(isomorphism(X, np.abs(T - np.diag(np.diag(T)))))
    assert np.mean(errors) == pytest.approx(np.std(r), rel=0.5)


def test_a_standard_error_needs_images():
    with pytest.raises(TooFewImagesError, match="4 training images"):
        isoprune.prune(X[:4], T[:4, :4], n_rule="one-se")


def test_one_se_keeps_fewer_features_within_its_error():
    most, fewer = isoprune.prune(X, T), isoprune.prune(X, T, n_rule="one-se")
    error = number.jackknife_error(X[:, most.retained], T, PEARSON)
    assert fewer.n_retained < most.n_retained
    assert fewer.curve[fewer.n_retained] >= most.curve[most.n_retained] - error
    assert not (fewer.curve[2 : fewer.n_retained] >= most.curve[most.n_retained] - error).any()
    assert fewer.n_rule == "one-se"
    low, high = most.plateau
    assert low <= most.n_retained <= high
    assert most.curve[low] >= 0.99 * most.curve[most.n_retained]


@pytest.mark.parametrize("rule", ["max", "one-se", 7, 0.3])
def test_a_rule_sees_no_held_out_image(rule):
    labels = [f"{i:02}" for i in range(20)]
    procedure = procedure_named(n_rule=rule)
    for fold in make_folds(labels, n_splits=3, n_repeats=1):
        rows = [labels.index(label) for label in fold.train]
        poisoned = np.full_like(T, np.nan)
        poisoned[np.ix_(rows, rows)] = T[np.ix_(rows, rows)]
        given = {"procedure": procedure, "n_random": 5}
        clean, blind = (score_folds(X, of, T, labels, [fold], **given)[0] for of in (T, poisoned))
        assert np.array_equal(clean.retained, blind.retained)


def test_many_targets_at_once_retain_what_each_alone_does():
    targets = np.array([random_target(20, seed) for seed in range(4)])
    for rule in ("one-se", 9):
        many = select_many(X, targets, procedure_named(n_rule=rule))
        assert many.n_retained.tolist() == [isoprune.prune(X, one, n_rule=rule).n_retained for one in targets]


def test_selector_and_cross_validation_take_the_rule():
    assert isoprune.IsomorphismPruner(n_rule=11).fit(X, T).n_retained_ == 11
    scores = isoprune.cross_validate(X, T, n_rule=11, n_repeats=1, n_splits=3)
    assert set(scores[scores["competitor"] == "pruned"]["n_retained"]) == {11}


def test_the_rule_of_the_settings_is_the_unit_s():
    settings = Pruning(n_rule="one-se").model_dump(mode="json")
    assert procedure_named(**settings).n_rule == "one-se"
    assert Pruning(n_rule="12").n_rule == 12  # as the command line hands it over
    with pytest.raises((IsopruneError, ValueError)):
        Pruning(n_rule="most")
