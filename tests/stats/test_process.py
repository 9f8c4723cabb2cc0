"""ProcessBench's F1, label quality and the Beta posterior, against numbers worked out by hand or by scipy."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from workings.core.errors import BadSetting
from workings.stats.posterior import beta_posterior, tries_needed
from workings.stats.process import best_threshold, first_error, label_quality, process_score


def test_first_error_is_the_first_below():
    assert first_error((0.9, 0.5, 0.1)) == 2
    assert first_error((0.9, 0.5), 0.6) == 1
    assert first_error((1.0, 1.0)) == first_error(()) == -1
    with pytest.raises(BadSetting, match="NaN"):
        first_error((0.9, math.nan))


def test_f1_is_the_harmonic_mean_of_both_accuracies():
    gold = (2, 2, 0, 1, -1, -1)
    said = (2, 1, 0, -1, -1, 3)
    found = process_score(said, gold)
    assert (found.on_wrong, found.on_right, found.wrong, found.right) == (0.5, 0.5, 4, 2)
    assert found.f1 == 0.5
    assert process_score((-1,) * 6, gold).f1 == 0.0
    assert process_score(gold, gold).f1 == 1.0


@pytest.mark.parametrize(("said", "gold", "says"), [((1,), (1, -1), "verdicts"), ((1, 1), (1, 0), "without")])
def test_f1_needs_both_kinds(said, gold, says):
    with pytest.raises(BadSetting, match=says):
        process_score(said, gold)


@given(st.lists(st.tuples(st.integers(-1, 5), st.integers(-1, 5)), max_size=30), st.randoms())
def test_f1_does_not_depend_on_order(pairs, rng: random.Random):
    pairs = [*pairs, (0, 0), (-1, -1)]
    mixed = rng.sample(pairs, len(pairs))
    assert process_score(*zip(*pairs, strict=True)) == process_score(*zip(*mixed, strict=True))


def test_the_best_threshold_parts_what_can_be_parted():
    chains = [(0.9, 0.3), (0.95, 0.8), (0.7, 0.35), (0.9, 0.85)]
    threshold = best_threshold(chains, (1, -1, 1, -1))
    assert 0.35 < threshold <= 0.7 and threshold == 0.5


def test_label_quality_looks_for_wrong_steps():
    pairs = [(True, True)] * 5 + [(False, False)] * 2 + [(True, False)] * 2 + [(False, True)]
    found = label_quality(pairs)
    assert (found.precision, found.recall, found.accuracy) == (2 / 3, 0.5, 0.7)
    assert found.f1 == pytest.approx(4 / 7)
    assert label_quality([]).precision is None and label_quality([(True, True)]).recall is None


@given(st.integers(1, 60), st.data())
def test_the_posterior_is_the_beta_distribution(tries, data):
    right = data.draw(st.integers(0, tries))
    found = beta_posterior(right, tries, level=0.9)
    known = beta(1 + right, 1 + tries - right)
    assert (found.low, found.high) == pytest.approx((known.ppf(0.05), known.ppf(0.95)))
    assert found.mean == pytest.approx(known.mean())
    assert found.above(0.3) == pytest.approx(known.sf(0.3), abs=1e-12)
    assert 0 < found.mean < 1


def test_no_success_in_eight_is_no_proof():
    assert beta_posterior(0, 8).high > 0.3
    assert beta_posterior(0, 8).above(0.05) > 0.6


@pytest.mark.parametrize(("rate", "width"), [(0.5, 0.2), (0.1, 0.1), (0.0, 0.3)])
def test_tries_needed_are_enough_and_one_less_is_not(rate, width):
    def wide(n):
        found = beta_posterior(round(rate * n), n)
        return found.high - found.low

    n = tries_needed(rate, width)
    assert wide(n) <= width < wide(n - 1)


def test_bad_counts_are_refused():
    with pytest.raises(BadSetting, match="9 of 8"):
        beta_posterior(9, 8)
    with pytest.raises(BadSetting, match="level=1"):
        beta_posterior(1, 8, level=1)
    with pytest.raises(BadSetting, match="width=0"):
        tries_needed(0.5, 0)
