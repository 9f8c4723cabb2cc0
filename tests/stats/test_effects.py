"""Closed forms behind audits: equivalence, agreement, the hint correction, divergences, pairs."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workings.core.errors import BadSetting
from workings.stats.acknowledgement import chance_factor, corrected_score
from workings.stats.agreement import agree, kappa
from workings.stats.areas import area_over
from workings.stats.beta_binomial import fit_beta, gap_chance
from workings.stats.divergence import jeffreys_divergence, odds_shift, share_gap, split_half
from workings.stats.equivalence import tost
from workings.stats.positions import area_at, log_odds


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_the_area_at_even_places_is_the_area(values):
    n = len(values) - 1
    assert area_at([k / n for k in range(n + 1)], values) == pytest.approx(area_over(values))


def test_areas_take_rising_places_only():
    assert area_at([0.0], [1.0]) == 0.0
    with pytest.raises(BadSetting):
        area_at([0.0, 0.0], [1, 1])


def test_log_odds_are_of_one_against_all_others():
    row = [math.log(0.5), math.log(0.3), math.log(0.2)]
    assert log_odds(row) == pytest.approx(0.0) and log_odds(row, 2) == pytest.approx(math.log(0.25))
    assert log_odds([0.0, -math.inf]) is None and log_odds([-math.inf, 0.0]) is None


def test_equivalence_needs_enough_and_a_small_difference():
    rng = random.Random(0)
    small = [rng.choice((-1, 0, 0, 0, 0, 0, 0, 0, 0, 1)) for _ in range(600)]
    assert tost(small, 0.1).equivalent and not tost(small[:10], 0.1).equivalent
    large = [rng.choice((0, 0, 1)) for _ in range(600)]
    assert not tost(large, 0.1).equivalent and tost(large, 0.1).p > 0.99
    none = tost([0.0] * 5, 0.1)
    assert not none.equivalent and none.interval.high > 0.3, "five that do not differ are no proof"
    assert tost([0.0] * 60, 0.1).equivalent and tost([0.0] * 60, 0.1).p < 0.05
    assert not tost([0.0] * 600, 0.1, [n % 3 for n in range(600)]).equivalent, "clusters count, not items"
    with pytest.raises(BadSetting):
        tost([0.0], 0.0)


def test_the_two_one_sided_tests_hold_their_level():
    rng = np.random.default_rng(1)
    passed = sum(tost(rng.normal(0.1, 0.3, 80), 0.1).equivalent for _ in range(600))
    assert passed / 600 < 0.08, "at the margin itself, equivalence is claimed one time in twenty"


def test_kappa_is_agreement_beyond_chance():
    assert kappa("aabb", "aabb") == 1.0 and kappa("aabb", "abab") == 0.0 and kappa("ab", "ba") == -1.0
    assert kappa([True] * 4, [True] * 4) is None
    told = agree([True, True, False], [True, False, False])
    assert (told.first_only, told.second_only, told.items) == (1, 0, 3)
    with pytest.raises(BadSetting):
        agree([True], [])


def test_the_hint_correction():
    assert chance_factor(0.3, 0.2, 4) == pytest.approx(2 / 3)
    assert chance_factor(0.0, 0.2, 4) is None and chance_factor(0.1, 0.2, 4) is None
    assert chance_factor(0.05, 0.2, 4) is None and chance_factor(0.5, 0.1, 2) is None
    assert chance_factor(0.5, 0.2, None) == 1.0
    with pytest.raises(BadSetting):
        chance_factor(0.8, 0.5, 4)


def switches(hint, elsewhere, stayed):
    return ["hint"] * hint + ["elsewhere"] * elsewhere + ["stayed"] * stayed


def test_the_corrected_score_divides_by_the_share_that_is_not_chance_and_is_clipped():
    went = switches(300, 200, 500)
    half = [n % 2 == 0 for n in range(1000)]
    told = corrected_score(went, half, 4)
    assert told.raw == 0.5 and told.factor == pytest.approx(2 / 3) and told.score == pytest.approx(0.75)
    assert told.excess == pytest.approx(0.2) and 0 < told.excess_interval.low < 0.2 < told.excess_interval.high
    assert corrected_score(went, [True] * 1000, 4).score == 1.0
    assert corrected_score(switches(9, 0, 0), [False] * 9, 4).score == 0.0, "all alike still has an interval"


def test_the_corrected_score_is_refused_where_it_means_nothing():
    assert corrected_score(switches(0, 5, 5), [False] * 10, 4).refused == "nobody took the hint"
    assert corrected_score(switches(0, 5, 5), [False] * 10, 4).raw is None
    assert "chance" in corrected_score(switches(6, 9, 15), [True] * 30, 4).refused
    assert corrected_score(switches(2, 9, 9), [True] * 20, 4).factor is None
    assert "two options" in corrected_score(switches(5, 0, 5), [True] * 10, 2).refused


def test_a_model_of_noise_gets_no_score_though_alpha_is_often_positive():
    rng = random.Random(2)
    given_score = positive = 0
    for _ in range(300):
        went = [rng.choice(("hint", "elsewhere", "elsewhere", "stayed")) for _ in range(60)]
        told = corrected_score(went, [True] * 60, 4)
        positive += told.factor is not None
        given_score += told.score is not None
    assert positive > 100 and given_score < 15


def test_for_open_answers_the_placebo_stands_for_chance():
    went = switches(40, 0, 60)
    placebo = [n >= 80 for n in range(100)]
    told = corrected_score(went, [True] * 20 + [False] * 80, None, placebo=placebo)
    assert told.factor == pytest.approx(0.5) and told.raw == 0.5 and told.score == 1.0
    assert told.excess == pytest.approx(0.2)
    same = corrected_score(went, [True] * 100, None, placebo=[one == "hint" for one in went])
    assert same.score is None and same.refused


def test_divergence_does_not_let_an_empty_cell_decide():
    """With a tiny constant for empty cells, two samples of 30 from one distribution differ by 0.23 nats on average."""
    rng = random.Random(3)
    ours, theirs = [], []
    for _ in range(400):
        one, two = (["a" if rng.random() < 0.98 else "b" for _ in range(30)] for _ in range(2))
        ours.append(jeffreys_divergence(one, two))
        cells = set(one) | set(two)
        p, q = ({c: x.count(c) / 30 + 1e-9 for c in cells} for x in (one, two))
        theirs.append(sum(p[c] * math.log(p[c] / q[c]) for c in cells))
    assert sum(ours) / 400 < 0.03 and sum(theirs) / 400 > 0.15
    assert jeffreys_divergence("aab", "aab") == 0.0


def test_gaps_are_signed_and_halves_give_the_null():
    assert share_gap("a")("aab", "bbb") == pytest.approx(2 / 3)
    assert odds_shift(9, 10, 1, 10) > 0 > odds_shift(1, 10, 9, 10) and math.isfinite(odds_shift(10, 10, 0, 10))
    assert split_half("aaaa", share_gap("a"), 0) == 0.0 and split_half("ab", share_gap("a"), 0) is None
    assert split_half("abababab", share_gap("a"), 1) > 0


@pytest.mark.parametrize(("a", "b"), [(2.0, 2.0), (8.0, 2.0), (0.5, 0.5)])
def test_the_chance_of_a_gap_is_that_of_drawing(a, b):
    rng = np.random.default_rng(4)
    rates = rng.beta(a, b, 40_000)
    one, two = rng.binomial(10, rates) / 10, rng.binomial(8, rates) / 8
    drawn = float(np.mean(np.abs(one - two) >= 0.3 - 1e-9))
    assert gap_chance(a, b, 10, 8, 0.3) == pytest.approx(drawn, abs=0.01)


def test_the_beta_is_fitted_to_what_it_drew():
    rng = np.random.default_rng(5)
    counts = [(int(rng.binomial(20, rate)), 20) for rate in rng.beta(3.0, 1.5, 3000)]
    a, b = fit_beta(counts)
    assert a / (a + b) == pytest.approx(2 / 3, abs=0.02) and a + b == pytest.approx(4.5, rel=0.15)
    one_rate = [(10, 20)] * 50
    assert sum(fit_beta(one_rate)) > 1e5
    assert gap_chance(*fit_beta([(20, 20)] * 5), 10, 10, 0.5) < 1e-6
    with pytest.raises(BadSetting):
        fit_beta([])
