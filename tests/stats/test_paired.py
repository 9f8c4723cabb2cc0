from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, false_discovery_control, ttest_rel

from workings.core.errors import BadSetting
from workings.stats.paired import benjamini_hochberg, holm, mcnemar, paired_difference, paired_t


@given(st.integers(0, 200), st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_mcnemar_is_the_binomial_test(better, worse):
    expected = binomtest(better, better + worse, 0.5).pvalue if better + worse else 1.0
    assert mcnemar(better, worse) == pytest.approx(expected, abs=1e-12)
    assert mcnemar(better, worse) == mcnemar(worse, better)


def test_mcnemar_agrees_with_statsmodels():
    tables = pytest.importorskip("statsmodels.stats.contingency_tables", reason="statsmodels is not installed")
    for better, worse in ((9, 2), (15, 15), (40, 21)):
        theirs = tables.mcnemar([[50, better], [worse, 30]], exact=True).pvalue
        assert mcnemar(better, worse) == pytest.approx(theirs)


def test_paired_t_agrees_with_scipy():
    one, other = np.random.default_rng(0).normal(size=(2, 40))
    assert paired_t(one - other) == pytest.approx(ttest_rel(one, other).pvalue)
    assert paired_t(np.zeros(5)) == 1.0
    assert math.isnan(paired_t(np.ones(5)))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
@settings(max_examples=80, deadline=None)
def test_holm_is_its_definition(values):
    ranked = sorted(values)
    for value, adjusted in zip(values, holm(values), strict=True):
        steps = [(len(ranked) - place) * p for place, p in enumerate(ranked) if p <= value]
        # Equal p-values take the first of their ranks' steps into account, so the largest step decides.
        assert adjusted == pytest.approx(min(1.0, max(steps)))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_benjamini_hochberg_agrees_with_scipy(values):
    assert benjamini_hochberg(values) == pytest.approx(tuple(false_discovery_control(values)))


def test_adjustments_agree_with_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is not installed")
    values = [0.01, 0.04, 0.03, 0.5, 0.03]
    assert holm(values) == pytest.approx(tuple(multitest.multipletests(values, method="holm")[1]))
    assert benjamini_hochberg(values) == pytest.approx(tuple(multitest.multipletests(values, method="fdr_bh")[1]))


def test_an_unknown_p_value_takes_no_part():
    adjusted = holm([0.01, math.nan, 0.04])
    assert adjusted[0] == 0.02 and math.isnan(adjusted[1]) and adjusted[2] == 0.04
    assert holm([]) == ()
    with pytest.raises(BadSetting):
        holm([1.5])


def test_pairing_finds_what_two_separate_intervals_hide():
    generator = np.random.default_rng(1)
    other = generator.integers(0, 2, 300)
    one = other.copy()
    one[np.flatnonzero(other == 0)[:14]] = 1
    found = paired_difference(one, other)
    assert found.value == pytest.approx(14 / 300)
    assert found.test == "exact McNemar" and found.p == mcnemar(14, 0)
    assert found.interval.low > 0


def test_the_rules_of_interval_agree_on_plain_data():
    one, other = np.random.default_rng(2).integers(0, 2, (2, 400))
    spans = [paired_difference(one, other, rule=rule).interval for rule in ("bca", "percentile", "t")]
    for span in spans[1:]:
        assert (span.low, span.high) == pytest.approx((spans[0].low, spans[0].high), abs=0.01)
    with pytest.raises(BadSetting):
        paired_difference(one, other, rule="guess")


def test_clusters_widen_the_interval_and_change_the_test():
    one = np.repeat(np.random.default_rng(3).integers(0, 2, 40), 5)
    other = np.zeros(200)
    keys = np.repeat(np.arange(40), 5)
    alone, clustered = paired_difference(one, other), paired_difference(one, other, keys)
    assert clustered.test == "paired t, 40 clusters"
    width = (clustered.interval.high - clustered.interval.low) / (alone.interval.high - alone.interval.low)
    assert width == pytest.approx(math.sqrt(5), rel=0.1)
    assert clustered.p > alone.p


def test_agreement_on_every_problem_is_not_certainty():
    same = paired_difference(np.ones(50), np.ones(50))
    assert same.p == 1.0 and same.value == 0.0
    assert same.interval.low == pytest.approx(-same.interval.high)
    assert 0.05 < same.interval.high < 0.1
    apart = paired_difference(np.ones(50), np.zeros(50))
    assert apart.interval.high == 1.0 and 0.8 < apart.interval.low < 0.9


def test_the_bca_interval_covers_what_it_says():
    generator = np.random.default_rng(4)
    hits, rounds = 0, 200
    for seed in range(rounds):
        kinds = generator.choice([-1, 0, 1], 120, p=[0.1, 0.65, 0.25])
        found = paired_difference(np.maximum(kinds, 0), np.maximum(-kinds, 0), resamples=1000, seed=seed)
        hits += found.interval.low <= 0.15 <= found.interval.high
    assert hits / rounds > 0.90


def test_different_problems_cannot_be_paired():
    with pytest.raises(BadSetting, match="cannot be paired"):
        paired_difference([1, 0], [1, 0, 1])
