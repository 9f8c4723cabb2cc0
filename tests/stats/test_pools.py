from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.errors import BadSetting
from workings.stats.pools import best_of_k, maj_at_k, pass_all_k, pass_at_k


def all_draws(pool, k, verdict):
    draws = list(combinations(range(len(pool)), k))
    return float(sum((verdict([pool[i] for i in draw]) for draw in draws), Fraction(0)) / len(draws))


def majority(votes):
    """The share of a seeded tie-break that falls to answer 0; None abstains."""
    counts = Counter(vote for vote in votes if vote is not None)
    if not counts:
        return Fraction(0)
    top = [answer for answer, count in counts.items() if count == max(counts.values())]
    return Fraction(0 in top, len(top))


@given(st.lists(st.sampled_from([None, 0, 1, 2, 3]), min_size=1, max_size=9), st.data())
@settings(max_examples=80, deadline=None)
def test_maj_at_k_is_the_mean_over_all_draws(pool, data):
    k = data.draw(st.integers(1, len(pool)))
    counts = [pool.count(answer) for answer in range(4)]
    exact = maj_at_k(counts, 0, k, abstained=pool.count(None))
    assert exact == pytest.approx(all_draws(pool, k, majority), abs=1e-12)


def test_maj_at_k_is_not_the_vote_of_the_first_k():
    pool = [0, 0, 0, 1, 1, 1, 1, 1]
    assert majority(pool[:3]) == 1
    assert maj_at_k([3, 5], 0, 3) == pytest.approx(all_draws(pool, 3, majority))
    assert maj_at_k([3, 5], 0, 3) < 0.5


def test_an_abstention_is_not_an_answer():
    # A published harness lets "[invalid]" win the vote: two right chains against six unreadable ones.
    assert maj_at_k([2], 0, 8, abstained=6) == 1.0
    assert maj_at_k([2, 6], 0, 8) == 0.0
    assert maj_at_k([1], 0, 1, abstained=1) == 0.5


def test_two_spellings_of_the_right_answer_both_count():
    pool = [0, 0, 1, 2, 2]
    both = all_draws(pool, 3, lambda votes: majority(votes) + majority([{0: 1, 1: 0}.get(v, v) for v in votes]))
    assert maj_at_k([2, 1, 2], (0, 1), 3) == pytest.approx(both)


def test_maj_of_one_is_plain_sampling_and_of_all_is_the_vote():
    assert maj_at_k([3, 4, 5], 1, 1, abstained=4) == pytest.approx(4 / 16)
    assert maj_at_k([5, 4, 5], 0, 14) == 0.5


def test_a_large_pool_agrees_with_simulation():
    pool, random = [0] * 500 + [1] * 400 + list(range(2, 102)), Random(0)
    simulated = sum(majority(random.sample(pool, 64)) for _ in range(2000)) / 2000
    assert maj_at_k([500, 400, *[1] * 100], 0, 64) == pytest.approx(float(simulated), abs=0.03)


@given(st.lists(st.booleans(), min_size=1, max_size=9), st.data())
@settings(max_examples=50, deadline=None)
def test_pass_at_k_and_all_k_by_enumeration(pool, data):
    k = data.draw(st.integers(1, len(pool)))
    n, right = len(pool), sum(pool)
    assert pass_at_k(n, right, k) == pytest.approx(all_draws(pool, k, lambda d: Fraction(any(d))))
    assert pass_all_k(n, right, k) == pytest.approx(all_draws(pool, k, lambda d: Fraction(all(d))))


def test_pass_at_k_as_published():
    product = 1.0
    for place in range(200 - 13 + 1, 200 + 1):
        product *= 1 - 100 / place
    assert pass_at_k(200, 13, 100) == pytest.approx(1 - product)
    assert pass_at_k(5, 5, 1) == 1.0 and pass_at_k(5, 0, 5) == 0.0


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.2, 0.9]), st.booleans()), min_size=1, max_size=8), st.data())
@settings(max_examples=60, deadline=None)
def test_best_of_k_by_enumeration(pool, data):
    k = data.draw(st.integers(1, len(pool)))

    def verdict(draw):
        top = [right for score, right in draw if score == max(score for score, _ in draw)]
        return Fraction(sum(top), len(top))

    scores, right = zip(*pool, strict=True)
    assert best_of_k(scores, right, k) == pytest.approx(all_draws(pool, k, verdict))
    assert best_of_k(scores[::-1], right[::-1], k) == pytest.approx(best_of_k(scores, right, k))


@pytest.mark.parametrize(
    "call",
    [
        lambda: pass_at_k(3, 1, 4),
        lambda: pass_at_k(3, 4, 1),
        lambda: maj_at_k([1, 2], 2, 1),
        lambda: maj_at_k([1, -2], 0, 1),
        lambda: best_of_k([1.0, float("nan")], [1, 0], 1),
    ],
)
def test_impossible_pools_are_refused(call):
    with pytest.raises(BadSetting):
        call()
