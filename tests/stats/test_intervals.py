from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap, sem, t

from workings.core.errors import BadSetting
from workings.stats.intervals import (
    accuracy_interval,
    clopper_pearson,
    clustered_interval,
    clustered_se,
    wilson,
)
from workings.stats.resampling import bootstrap_curve, bootstrap_mean, bootstrap_se, mean_replicates

COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, st.sampled_from([0.8, 0.95, 0.99]))
@settings(max_examples=60, deadline=None)
def test_proportions_agree_with_scipy(counts, level):
    right, n = counts
    for ours, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
        theirs = binomtest(right, n).proportion_ci(level, method)
        found = ours(right, n, level)
        assert found.low == pytest.approx(theirs.low, abs=1e-9)
        assert found.high == pytest.approx(theirs.high, abs=1e-9)
        assert found.low <= right / n <= found.high


def test_proportions_agree_with_statsmodels():
    proportion = pytest.importorskip("statsmodels.stats.proportion", reason="statsmodels is not installed")
    for right, n in ((0, 7), (3, 10), (150, 300)):
        low, high = proportion.proportion_confint(right, n, method="wilson")
        assert (wilson(right, n).low, wilson(right, n).high) == pytest.approx((low, high), abs=1e-9)
        low, high = proportion.proportion_confint(right, n, method="beta")
        exact = clopper_pearson(right, n)
        assert (exact.low, exact.high) == pytest.approx((low, high), abs=1e-9)


def test_all_right_leaves_about_three_over_n_open():
    assert 1 - clopper_pearson(100, 100, level=0.9).low == pytest.approx(3 / 100, abs=1e-3)


@pytest.mark.parametrize("right, n", [(3, 2), (-1, 4), (0, 0)])
def test_impossible_counts_are_refused(right, n):
    with pytest.raises(BadSetting):
        wilson(right, n)


def miller(values, clusters):
    """The formula as written: the plain variance plus all products inside clusters."""
    values = np.asarray(values, float)
    n, mean = len(values), values.mean()
    gaps = values - mean
    total = sum(gaps[i] * gaps[j] for i in range(n) for j in range(n) if clusters[i] == clusters[j])
    count = len(set(clusters))
    return math.sqrt(total / n**2 * count / (count - 1))


def test_clustered_error_is_the_double_sum():
    generator = np.random.default_rng(1)
    values = generator.integers(0, 2, 60)
    clusters = [f"c{k}" for k in generator.integers(0, 9, 60)]
    assert clustered_se(values, clusters) == pytest.approx(miller(values, clusters))


def test_clustered_error_agrees_with_statsmodels():
    api = pytest.importorskip("statsmodels.api", reason="statsmodels is not installed")
    generator = np.random.default_rng(2)
    clusters = generator.integers(0, 12, 100)
    values = generator.normal(size=100) + clusters / 4
    fit = api.OLS(values, np.ones(100)).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    count = len(np.unique(clusters))
    # Theirs carries the factor (n - 1) / (n - k) too, which is 1 for a mean alone.
    assert clustered_se(values, clusters) == pytest.approx(float(fit.bse[0]), rel=1e-9)
    found = clustered_interval(values, clusters, bounds=None)
    half = t.ppf(0.975, count - 1) * fit.bse[0]
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half))


def test_without_clusters_it_is_the_plain_error():
    values = np.arange(20) % 3
    assert clustered_se(values) == pytest.approx(float(sem(values)))


def test_repeating_every_item_does_not_narrow_the_interval():
    values = np.random.default_rng(3).integers(0, 2, 500)
    once = clustered_se(values)
    thrice = clustered_se(np.repeat(values, 3), np.repeat(np.arange(500), 3))
    assert thrice == pytest.approx(once)
    repeated = accuracy_interval(np.repeat(values[:80], 5), np.repeat(np.arange(80), 5))
    alone = accuracy_interval(values[:80], np.arange(80))
    assert repeated.high - repeated.low == pytest.approx(alone.high - alone.low, rel=0.04)


def test_the_rule_is_named():
    assert accuracy_interval([1, 0, 1]).rule == "Wilson"
    assert accuracy_interval([1, 0, 1], ["a", "b", "c"]).rule == "Wilson"
    assert "effective n" in accuracy_interval([1, 0, 1, 1], ["a", "a", "b", "c"]).rule
    many = accuracy_interval(np.tile([0, 1, 1], 200), np.repeat(np.arange(300), 2))
    assert many.rule == "clustered t, 300 clusters"
    flat = clustered_interval([1, 1, 1, 1], ["a", "a", "b", "b"])
    assert "n = 2 clusters" in flat.rule
    assert flat.low == wilson(2, 2).low and flat.high == 1.0


def test_accuracy_interval_covers_what_it_says_under_clusters():
    generator = np.random.default_rng(4)
    hits, naive, rounds, keys = 0, 0, 400, np.repeat(np.arange(40), 4)
    for _ in range(rounds):
        chances = generator.beta(1.4, 0.6, 40)
        outcomes = (generator.random((40, 4)) < chances[:, None]).ravel()
        found, plain = accuracy_interval(outcomes, keys), wilson(outcomes.sum(), outcomes.size)
        hits += found.low <= 0.7 <= found.high
        naive += plain.low <= 0.7 <= plain.high
    assert hits / rounds > 0.92
    assert naive / rounds < 0.90


@pytest.mark.parametrize("bad", [[], [float("nan")], [[1, 0]], [2]])
def test_missing_values_are_refused(bad):
    with pytest.raises(BadSetting):
        accuracy_interval(bad)


def test_bootstrap_error_is_not_divided_by_the_number_of_replicates():
    # A published harness divides by sqrt(resamples): some thirty times too small.
    values = np.random.default_rng(5).normal(size=200)
    assert bootstrap_se(values, resamples=4000) == pytest.approx(float(sem(values)), rel=0.05)


@pytest.mark.parametrize("rule, method", [("bca", "BCa"), ("percentile", "percentile")])
def test_bootstrap_agrees_with_scipy(rule, method):
    values = np.random.default_rng(6).exponential(size=60)
    ours = bootstrap_mean(values, resamples=20_000, rule=rule)
    theirs = bootstrap((values,), np.mean, n_resamples=20_000, method=method, rng=7).confidence_interval
    spread = float(sem(values))
    assert ours.low == pytest.approx(theirs.low, abs=0.12 * spread)
    assert ours.high == pytest.approx(theirs.high, abs=0.12 * spread)


def test_bootstrap_is_seeded_and_resamples_whole_clusters():
    values = np.repeat(np.random.default_rng(8).integers(0, 2, 50), 4)
    keys = np.repeat(np.arange(50), 4)
    assert bootstrap_mean(values, keys, seed=1) == bootstrap_mean(values, keys, seed=1)
    assert bootstrap_mean(values, keys, seed=1) != bootstrap_mean(values, keys, seed=2)
    assert bootstrap_se(values, keys) == pytest.approx(clustered_se(values, keys), rel=0.06)
    assert bootstrap_se(values) < 0.6 * bootstrap_se(values, keys)


def test_drawing_alike_clusters_together_is_the_same_distribution():
    sums, sizes = np.array([1.0, 1.0, 0.0, 2.0, 2.0, 0.0]), np.array([2.0, 2.0, 1.0, 2.0, 2.0, 1.0])
    ours = mean_replicates(sums, sizes, 20_000, 0)
    draws = np.random.default_rng(1).integers(0, 6, (20_000, 6))
    plain = sums[draws].sum(1) / sizes[draws].sum(1)
    for point in (0.3, 0.5, 0.7, 0.79):
        assert np.mean(ours <= point) == pytest.approx(np.mean(plain <= point), abs=0.015)


def test_curve_intervals_match_those_of_each_point():
    table = np.random.default_rng(9).random((80, 3)) ** 2
    curve = bootstrap_curve(table, resamples=8000)
    assert len(curve) == 3
    for column, found in enumerate(curve):
        alone = bootstrap_mean(table[:, column], rule="percentile", resamples=8000)
        assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=0.005)
    with pytest.raises(BadSetting):
        bootstrap_curve(np.zeros((0, 3)))
