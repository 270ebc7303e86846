"""Whatever an embedding and a target hold, pruning is what its definition says, or refused by a named error.

The definition is `naive`: plain loops in extended precision, which also tell how exact float64 can be.
"""

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr

import naive
import strategies
from isoprune.adjustment import p_value
from isoprune.ceilings import subject_ceilings
from isoprune.crossvalidation import score_folds
from isoprune.errors import IsopruneError
from isoprune.folds import make_folds
from isoprune.isomorphism import MEASURES, isomorphism
from isoprune.labelled import RDM
from isoprune.permutation import unit_null
from isoprune.pruning import CRITERIA, procedure_named, prune, prune_arrays
from isoprune.pruning.criteria import criterion_named
from isoprune.relabelling import relabellings
from strategies import cases

BACKENDS = ("cpu", "numpy", "reference")


def refused(call, *expected):
    """What is returned, or None where one of these errors is raised."""
    try:
        return call()
    except expected as error:
        event(f"refused: {type(error).__name__}")
        return None


def close(found, fits):
    """Whether fits that float64 can tell are met, NaN by NaN."""
    known = [one.is_known for one in fits]
    expected, error = (np.array([getattr(one, what) for one in fits]) for what in ("r", "error"))
    same = (np.isnan(found) & np.isnan(expected)) | (np.abs(found - expected) <= error)
    return bool(same[known].all())


# ---- one isomorphism ----


@cases(80)
@given(
    problem=strategies.problems(),
    coefficient=st.sampled_from(["pearson", "spearman"]),
    measure=st.sampled_from(MEASURES),
)
def test_isomorphism_is_its_definition(problem, coefficient, measure):
    if problem.errors:
        with pytest.raises(problem.errors):
            prune(problem.X, problem.T, measure=measure)
        return
    r = refused(lambda: isomorphism(problem.X, problem.T, coefficient, measure), *strategies.REFUSED)
    expected = naive.fit(problem.X, problem.T, coefficient, measure)
    if r is None:
        plain = naive.fit(problem.X, problem.T)
        assert np.isnan(plain.r)
    elif expected.is_known:
        assert close(np.array([r]), [expected])


# ---- the whole of pruning ----


@cases(90)
@given(
    problem=strategies.problems(),
    criterion=st.sampled_from(CRITERIA),
    measure=st.sampled_from(MEASURES),
    backend=st.sampled_from(BACKENDS),
)
def test_pruning_is_its_definition(problem, criterion, measure, backend):
    X, T, chosen = problem.X, problem.T, criterion_named(criterion)
    if problem.errors:
        return
    result = refused(
        lambda: prune(X, T, criterion=criterion, measure=measure, backend=backend), *strategies.REFUSED
    )
    if result is None:
        assert not _can_be_pruned(X, T, chosen, measure)
        return
    n_features = X.shape[1]
    assert sorted(result.ranking) == list(range(n_features))
    _check_drops(result, X, T, chosen, measure)
    curve = naive.curve(X, T, result.ranking, chosen.curve, measure, chosen.published)
    squared = [naive.Fit(one.r**2, 2 * one.error) for one in curve] if chosen.squared else curve
    assert close(result.curve, squared)
    _check_number(result, squared[:-1] if chosen.published else squared)


def _can_be_pruned(X, T, criterion, measure):
    """Whether pruning is defined beyond doubt."""
    everything = naive.fit(X, T, "pearson", measure)
    correlation = naive.fit(X, T)  # an image that is constant is refused under any measure
    defined = [one.is_known and not np.isnan(one.r) for one in (everything, correlation)]
    if not all(defined):
        return False
    # All features are a candidate, but not of the published criteria.
    return not criterion.published


def _check_drops(result, X, T, criterion, measure):
    everything = naive.fit(X, T, criterion.ranking, measure)
    fits = naive.without_each(X, T, criterion.ranking, measure)
    if not everything.is_known:
        return
    for drop, one in zip(result.drop, fits, strict=True):
        expected = criterion.value(everything.r) - criterion.value(one.r)
        if one.is_known and np.isnan(expected):
            assert drop == np.inf
        elif one.is_known:
            assert drop == pytest.approx(expected, rel=0, abs=2 * (one.error + everything.error))
    ranked = result.drop[result.ranking]
    assert (ranked[1:] <= ranked[:-1] + 1e-11).all()
    ties = ranked[1:] == ranked[:-1]
    assert (np.diff(result.ranking)[ties] > 0).all()


def _check_number(result, candidates):
    """The first maximum; where float64 cannot tell prefixes apart, one of the best."""
    n = result.n_retained
    assert 2 <= n < len(candidates)
    known = [one for one in candidates[2:] if one.is_known and not np.isnan(one.r)]
    for m, one in enumerate(candidates):
        if m >= 2 and one.is_known and candidates[n].is_known and not np.isnan(one.r):
            margin = one.error + candidates[n].error
            assert one.r <= candidates[n].r + margin
            if m < n:
                assert one.r < candidates[n].r or margin > 0
    assert len(known) == 0 or np.isfinite(result.fit)


EXPONENTS = st.sampled_from([-300, -160, -72, -60, 0, 60, 72, 160, 300])


@cases(40)
@given(
    problem=strategies.problems(),
    of_embedding=EXPONENTS,
    of_target=EXPONENTS,
    backend=st.sampled_from(BACKENDS),
)
def test_numbers_at_the_ends_of_float64_are_refused_or_right(problem, of_embedding, of_target, backend):
    if problem.errors or not problem.X.any():
        return
    X = problem.X / np.abs(problem.X).max() * 10.0**of_embedding
    T = problem.T / np.abs(problem.T).max() * 10.0**of_target
    for measure in MEASURES:
        result = refused(
            lambda measure=measure: prune(X, T, measure=measure, backend=backend), *strategies.REFUSED
        )
        if result is not None:
            assert max(abs(of_embedding), abs(of_target)) < 71
            assert close(result.curve, naive.curve(X, T, result.ranking, "pearson", measure))


# ---- held-out scores, permutations, ceilings ----


@cases(30)
@given(
    problem=strategies.problems((9, 12), (3, 8)),
    criterion=st.sampled_from(CRITERIA),
    measure=st.sampled_from(MEASURES),
)
def test_held_out_scores_are_those_of_the_test_block(problem, criterion, measure):
    if problem.errors:
        return
    X, T, procedure = problem.X, problem.T, procedure_named(criterion, measure, backend="numpy")
    labels = [f"img_{row}" for row in range(len(X))]
    folds = make_folds(labels, n_splits=3, n_repeats=1)
    scores = refused(
        lambda: score_folds(X, T, T, labels, folds, procedure=procedure, n_random=2), *strategies.REFUSED
    )
    for score in scores or ():
        train, test = ([labels.index(one) for one in part] for part in (score.fold.train, score.fold.test))
        alone = prune_arrays(X[train], T[np.ix_(train, train)], procedure)
        assert np.array_equal(alone.retained, score.retained)
        tested = [labels.index(one) for one in score.tested]
        defined = naive.defined_images(X[np.ix_(test, score.retained)], measure)
        assert defined is None or tested == [test[row] for row in defined]
        if score.undefined is None:
            block, retained = T[np.ix_(tested, tested)], score.retained
            coefficient = procedure.criterion.curve
            both = [
                naive.fit(X[np.ix_(tested, chosen)], block, coefficient, measure)
                for chosen in (np.arange(X.shape[1]), retained)
            ]
            assert close(np.array([score.r["full"], score.r["pruned"]]), both)


@cases(15)
@given(problem=strategies.problems((9, 11), (3, 8)), seed=st.integers(0, 100))
def test_a_relabelled_target_is_a_target_like_any_other(problem, seed):
    if problem.errors:
        return
    X, T, procedure = problem.X, problem.T, procedure_named(backend="numpy")
    labels = [f"img_{row}" for row in range(len(X))]
    folds = make_folds(labels, n_splits=3, n_repeats=1)
    drawn = relabellings(labels, 2, seed=seed)
    null = refused(
        lambda: unit_null(X, T, T, labels, folds, procedure=procedure, relabellings=drawn, seed=seed),
        *strategies.REFUSED,
    )
    for number, order in enumerate(drawn if null else ()):
        relabelled = T[np.ix_(order, order)]
        again = refused(
            lambda relabelled=relabelled: unit_null(
                *(X, relabelled, relabelled, labels, folds),
                procedure=procedure,
                relabellings=drawn[:1],
                seed=seed,
            ),
            *strategies.REFUSED,
        )
        if again is not None:
            found, expected = null.relabelled["pruned"][number], again.observed["pruned"]
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


@cases(40)
@given(
    observed=st.floats(-5, 5) | st.just(np.nan),
    null=st.lists(st.sampled_from([-1.0, 0.0, 0.5, np.nan]) | st.floats(-5, 5), max_size=20),
)
def test_p_counts_what_is_at_least_as_large(observed, null):
    if not null:
        with pytest.raises(IsopruneError):
            p_value(observed, np.array(null))
        return
    p = p_value(observed, np.array(null))
    close_ones = [
        one for one in null if one != observed and abs(one - observed) < 1e-9 * max(1, abs(observed))
    ]
    if np.isnan(observed):
        assert np.isnan(p)
    elif not close_ones:
        assert p == (1 + sum(not one < observed for one in null)) / (1 + len(null))


@cases(30)
@given(
    data=st.data(),
    kinds=st.lists(st.sampled_from(strategies.KINDS_OF_RDM), min_size=1, max_size=4),
    coefficient=st.sampled_from(["pearson", "spearman"]),
)
def test_ceilings_are_correlations_with_the_mean_of_the_others(data, kinds, coefficient):
    rng, labels = data.draw(strategies.generators()), data.draw(strategies.distinct_labels(4, 7))
    rdms, pairs = {}, []
    for number, kind in enumerate(kinds):
        values = strategies.dissimilarities(rng, len(labels), kind) * data.draw(
            st.sampled_from(strategies.SCALES)
        )
        order = data.draw(st.permutations(range(len(labels))))
        rdms[f"{number:02d}"] = RDM(values[np.ix_(order, order)], tuple(labels[row] for row in order))
        pairs.append(values[np.triu_indices(len(labels), 1)])
    if len(kinds) < 2:
        with pytest.raises(IsopruneError, match="at least 2"):
            subject_ceilings(rdms)
        return
    table = subject_ceilings(rdms, coefficient=coefficient, pooling="plain")
    constant = [np.ptp(one) < 1e-13 * np.abs(one).max() for one in pairs]
    if any(constant):
        assert table[["lower", "upper"]].isna().all(axis=None)
        return
    correlate = {"pearson": pearsonr, "spearman": spearmanr}[coefficient]
    least = min(np.ptp(one) / np.abs(one).max() for one in pairs)
    for number, row in table.iterrows():
        others = [one for place, one in enumerate(pairs) if place != number]
        for pool, found in ((others, row["lower"]), (pairs, row["upper"])):
            total = np.sum(pool, axis=0)
            if np.ptp(total) > 1e-6 * np.abs(total).max():
                expected = correlate(pairs[number], total).statistic
                assert found == pytest.approx(expected, rel=0, abs=max(1e-10, 1e-13 / least))
