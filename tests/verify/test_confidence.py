"""How sure a chain was of itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workings.core.errors import BadSetting
from workings.verify.confidence import (
    borda,
    chain_score,
    drops_at,
    group_means,
    hedged,
    margin,
    most_confident,
    percentile,
    short_window,
    token_confidence,
)

VALUES = st.lists(st.floats(0, 30), min_size=1, max_size=40)


def test_confidence_is_the_mean_over_exactly_k_alternatives():
    """The published code may average over k + 1: the k likeliest and the sampled token."""
    row = tuple((i, -float(i)) for i in range(1, 22))
    assert token_confidence([row], 20) == (pytest.approx(sum(range(1, 21)) / 20),)
    assert token_confidence([((1, -0.5),)], 20) == (0.5,)
    with pytest.raises(BadSetting):
        token_confidence([()], 20)


@given(VALUES, st.integers(1, 50))
def test_groups_are_means_of_windows(values, window):
    found = group_means(values, window)
    if len(values) <= window:
        assert found == (pytest.approx(np.mean(values)),)
    else:
        assert found == pytest.approx(np.convolve(values, np.ones(window) / window, "valid"), abs=1e-9)


@given(VALUES, st.integers(1, 50))
def test_the_least_sure_group_bounds_the_others(values, window):
    low, bottom, tail = (chain_score(values, window, how) for how in ("lowest", "bottom", "tail"))
    assert low <= bottom + 1e-9 and low <= tail + 1e-9


def test_scores_by_hand():
    values = [4.0, 4.0, 1.0, 1.0, 5.0, 5.0]
    assert group_means(values, 2) == (4.0, 2.5, 1.0, 3.0, 5.0)
    assert [chain_score(values, 2, how) for how in ("lowest", "bottom", "tail")] == [1.0, 1.0, 5.0]
    assert chain_score(values, 2, "mean") == pytest.approx(20 / 6)
    assert chain_score((), 2, "lowest") == 0.0
    many = [float(i) for i in range(21)]
    assert chain_score(many, 2, "bottom") == pytest.approx((0.5 + 1.5) / 2)


def test_a_chain_drops_at_the_first_whole_window_below():
    values = [9.0, 0.0, 9.0, 0.0, 0.0]
    assert drops_at(values, 2, 4.0) == 5
    assert drops_at(values, 1, 4.0) == 2
    assert drops_at(values[:1], 2, 99.0) is None, "before a whole window nothing is decided"
    assert drops_at(values, 2, 0.0) is None


@given(VALUES, st.floats(0.01, 1))
def test_the_most_confident_share_stays_with_its_ties(values, keep):
    kept = most_confident(values, keep)
    assert sum(kept) >= math.ceil(keep * len(values) - 1e-9)
    assert all(
        b <= a
        for a, stays in zip(values, kept, strict=True)
        if stays
        for b, other in zip(values, kept, strict=True)
        if not other
    )
    assert sum(a > min(v for v, s in zip(values, kept, strict=True) if s) for a in values) < math.ceil(
        keep * len(values)
    )


@given(VALUES, st.floats(0, 1))
def test_percentiles_are_numpys(values, share):
    assert percentile(values, share) == pytest.approx(np.percentile(values, 100 * share), abs=1e-9)


def test_the_window_suits_short_chains():
    assert short_window([40, 60, 100]) == 15
    assert short_window([3]) == 4 == short_window([])
    assert short_window([100_000]) == 2048


def test_borda_weights_by_hand():
    assert borda([3.0, 1.0, 2.0], 1.0) == (3.0, 1.0, 2.0)
    assert borda([3.0, 1.0, 2.0], 0.0) == (1.0, 1.0, 1.0)
    assert borda([0.3, 0.1, 0.2, 0.0], 0.5) == pytest.approx((2.0, 2**0.5, 3**0.5, 1.0))
    assert borda([5.0, 5.0], 1.0) == (1.5, 1.5), "equal chains share their places"


@given(st.permutations([0.5, 0.1, 0.5, 0.9, -math.inf]))
def test_the_order_of_chains_does_not_change_their_weight(scores):
    fixed = dict(zip([0.5, 0.1, 0.5, 0.9, -math.inf], borda([0.5, 0.1, 0.5, 0.9, -math.inf], 0.7), strict=True))
    assert borda(scores, 0.7) == tuple(fixed[score] for score in scores)


@pytest.mark.parametrize("power", [-0.1, math.nan, math.inf])
def test_powers_out_of_range_are_refused(power):
    with pytest.raises(BadSetting, match="power"):
        borda([1.0], power)
    with pytest.raises(BadSetting, match="NaN"):
        borda([math.nan], 0.5)


def row(first, second):
    return ((1, math.log(first)), (2, math.log(second)))


TOKENS = ("So", " it", " is", " 1", "2", ".")
TOP = (row(0.9, 0.05), row(0.9, 0.05), row(0.9, 0.05), row(0.6, 0.4), row(0.7, 0.1), row(0.9, 0.05))


def test_the_margin_is_over_the_answer_and_nothing_else():
    """A published port averages over all tokens, one place off."""
    assert margin(TOKENS, TOP, (9, 11)) == pytest.approx((0.2 + 0.6) / 2)
    assert margin(TOKENS, TOP, (10, 11)) == pytest.approx(0.6)
    assert margin(TOKENS, TOP, (109, 111), start=100) == pytest.approx(0.4)
    assert margin(TOKENS, TOP, (50, 52)) == 0.0


def test_a_forced_token_has_no_margin():
    assert margin(("12", "."), (row(0.6, 0.1), row(0.9, 0.05)), (0, 2), forced=1) == 0.0
    assert margin(("1", "2"), (row(0.6, 0.1), row(0.9, 0.1)), (0, 2), forced=1) == pytest.approx(0.4)


def test_a_token_without_rival_leads_by_its_whole_probability():
    assert margin(("7",), (((1, 0.0),),), (0, 1)) == 1.0


@pytest.mark.parametrize("text", ["5. Wait, no", "but then", "Hmm", "等等", "不对"])
def test_hedges_are_heard(text):
    assert hedged(text)


@pytest.mark.parametrize("text", ["I know: 5", "the button", "No", "awaited", ""])
def test_words_that_only_contain_a_hedge_are_none(text):
    """Dynasor's code finds "no" in "know"."""
    assert not hedged(text)
