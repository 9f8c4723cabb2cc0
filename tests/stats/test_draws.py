from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.errors import BadSetting
from workings.stats.draws import best_of_draws, vote_of_draws
from workings.stats.pools import best_of_k, maj_at_k


def by_hand(votes, weights, right, k, first=0):
    """The mean over every draw that holds the first ones, each vote counted as it is written."""
    shares = []
    for more in combinations(range(first, len(votes)), k - first):
        sums: dict[int, float] = {}
        for at in (*range(first), *more):
            if votes[at] is not None:
                sums[votes[at]] = sums.get(votes[at], 0.0) + weights[at]
        top = [name for name, total in sums.items() if total == max(sums.values())]
        shares.append(
            sum(name in {v for v, r in zip(votes, right, strict=True) if r} for name in top) / len(top) if top else 0
        )
    return sum(shares) / len(shares)


@given(st.lists(st.tuples(st.sampled_from([None, 0, 1, 2]), st.integers(0, 8)), min_size=1, max_size=8), st.data())
@settings(max_examples=60, deadline=None)
def test_a_weighted_vote_is_the_mean_over_all_draws(pool, data):
    k = data.draw(st.integers(1, len(pool)))
    first = data.draw(st.integers(0, k))
    votes, weights = [v for v, _ in pool], [w / 8 for _, w in pool]
    right = [v == 0 for v in votes]
    found = vote_of_draws(votes, weights, right, k, first=first)
    assert found.error == 0
    assert found.value == pytest.approx(by_hand(votes, weights, right, k, first), abs=1e-12)


def test_equal_weights_are_the_plain_majority():
    votes = [0, 0, 1, 1, 1, None, 2]
    found = vote_of_draws(votes, [0.3] * 7, [v == 0 for v in votes], 4)
    assert found.value == pytest.approx(maj_at_k([2, 3, 1], 0, 4, abstained=1))


def test_weights_are_summed_and_never_averaged():
    # A published voter averages: one chain at 10.6 beat nine at 10.0.
    votes = [0] * 9 + [1]
    assert vote_of_draws(votes, [10.0] * 9 + [10.6], [v == 0 for v in votes], 10).value == 1.0


def test_too_many_draws_are_sampled_with_a_stated_error():
    votes = [0] * 14 + [1] * 10
    found = vote_of_draws(votes, [1.0] * 24, [v == 0 for v in votes], 9)
    assert 0 < found.error < 0.01
    assert abs(found.value - maj_at_k([14, 10], 0, 9)) < 4 * found.error
    assert found == vote_of_draws(votes, [1.0] * 24, [v == 0 for v in votes], 9)


def test_best_of_draws_agrees_with_the_closed_form():
    scores, right = [0.1, 0.9, 0.9, 0.4, 0.4, 0.2], [True, False, True, True, False, True]
    for k in range(1, 7):
        assert best_of_draws(scores, right, k).value == pytest.approx(best_of_k(scores, right, k))
    assert best_of_draws(scores, right, 2, first=2).value == 0.0


@pytest.mark.parametrize("weights", [[-1.0, 1.0], [float("nan"), 1.0], [1.0]])
def test_weights_that_cannot_be_summed_are_refused(weights):
    with pytest.raises(BadSetting, match="do not fit"):
        vote_of_draws([0, 1], weights, [True, False], 1)
