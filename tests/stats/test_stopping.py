"""When a vote is clear: closed forms, a martingale, enumeration."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betainc, gammainc
from scipy.stats import gamma

from workings.core.errors import BadSetting
from workings.stats.stopping import beta_lead, dirichlet_lead, lead_evidence, settled, steady, stops_at, unanimous

RULES = ("beta", "dirichlet", "window", "valid", "settled")
COUNTS = st.lists(st.integers(0, 12), min_size=1, max_size=5).map(lambda c: sorted(c, reverse=True))
BALLOTS = st.lists(st.sampled_from(["a", "b", "c", None]), max_size=14)


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_closed_form_is_the_incomplete_beta_function(first, second):
    assert beta_lead(first, second) == pytest.approx(1 - betainc(first + 1, second + 1, 0.5), abs=1e-12)


def test_minimal_counts_at_95_percent():
    found = [next(a for a in range(99) if beta_lead(a, b) >= 0.95) for b in range(7)]
    assert list(zip(found, range(7), strict=True)) == [(4, 0), (6, 1), (8, 2), (9, 3), (11, 4), (12, 5), (14, 6)]


@given(COUNTS)
@settings(max_examples=40, deadline=None)
def test_the_dirichlet_integral_agrees_with_scipy(counts):
    top, rest = counts[0] + 1, [*(c + 1 for c in counts[1:]), 1]
    exact, _ = quad(lambda x: gamma.pdf(x, top) * np.prod([gammainc(s, x) for s in rest]), 0, 200, limit=400)
    assert dirichlet_lead(counts) == pytest.approx(exact, abs=1e-5)


def test_the_dirichlet_form_is_the_beta_form_for_one_answer_and_surer_of_nothing_else():
    for count in range(12):
        assert dirichlet_lead([count]) == pytest.approx(beta_lead(count, 0), abs=1e-6)
    assert dirichlet_lead([5, 2]) < beta_lead(5, 2)
    assert dirichlet_lead([5, 2, 2]) < dirichlet_lead([5, 2])
    assert dirichlet_lead([]) == 0.0


def test_the_dirichlet_form_gives_the_same_number_every_time():
    """The published library draws random numbers: its decision can change between runs."""
    assert len({dirichlet_lead([6, 3, 1]) for _ in range(5)}) == 1


@given(st.integers(0, 40), st.integers(0, 40))
def test_evidence_is_a_martingale_between_equals(first, second):
    mean = (lead_evidence(first + 1, second) + lead_evidence(first, second + 1)) / 2
    assert mean == pytest.approx(lead_evidence(first, second), rel=1e-9)


@given(st.integers(0, 40), st.integers(0, 40), st.floats(0.0, 0.5))
def test_evidence_never_grows_on_average_where_the_rival_is_likelier(first, second, p):
    mean = p * lead_evidence(first + 1, second) + (1 - p) * lead_evidence(first, second + 1)
    assert mean <= lead_evidence(first, second) * (1 + 1e-9)


def exact(rule, chances, n, **more):
    """Expected looks, and the chance to stop on each answer, summed over every sequence of ballots."""
    looks, ends = 0.0, {}

    def go(ballots, chance):
        nonlocal looks
        stopped = bool(ballots) and stops_at(ballots, rule, most=n, **more) == len(ballots)
        if stopped or len(ballots) == n:
            looks += chance * len(ballots)
            if stopped:
                leader = max(set(ballots) - {None}, key=ballots.count)
                ends[leader] = ends.get(leader, 0.0) + chance
            return
        for name, p in chances.items():
            go([*ballots, None if name == "none" else name], chance * p)

    go([], 1.0)
    return looks, ends


def test_expected_stop_of_unanimous_chains():
    """Four votes for the beta rule, five for a window, eight where the error is promised, nine of sixteen to settle."""
    found = {rule: stops_at(["a"] * 16, rule) for rule in RULES}
    assert found == {"beta": 4, "dirichlet": 4, "window": 5, "valid": 8, "settled": 9}


def test_expected_looks_by_hand():
    looks, ends = exact("window", {"a": 0.6, "b": 0.4}, 4, window=2)
    again = 2 * 0.6 * 0.4
    assert looks == pytest.approx(2 + 2 * again)
    assert sum(ends.values()) == pytest.approx((1 - again) * (1 + again))


def test_a_valid_stop_is_wrong_at_most_as_often_as_it_says():
    for chances in ({"a": 0.5, "b": 0.5}, {"a": 0.49, "b": 0.51}, {"a": 0.3, "b": 0.36, "c": 0.34}):
        depth = 14 if len(chances) == 2 else 9
        _, ends = exact("valid", chances, depth)
        assert sum(chance for name, chance in ends.items() if name != "b") <= 0.05


def test_the_beta_rule_is_wrong_more_often_than_its_threshold_suggests():
    _, ends = exact("beta", {"a": 0.48, "b": 0.52}, 14)
    assert ends["a"] > 0.1


@pytest.mark.slow
def test_a_valid_stop_holds_over_many_looks():
    draw = random.Random(1)
    wrong = 0
    for _ in range(300):
        ballots = [draw.choice("aab" if draw.random() < 0.04 else "ab") for _ in range(120)]
        looked = stops_at(ballots, "valid")
        wrong += looked is not None and ballots[:looked].count("b") > looked / 2
    assert wrong / 300 <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5


@given(BALLOTS, st.sampled_from(RULES))
@settings(max_examples=200, deadline=None)
def test_a_stop_depends_on_nothing_that_comes_later(ballots, rule):
    most = 14
    at = stops_at(ballots, rule, most=most)
    for end in range(len(ballots) + 1):
        wanted = at if at is not None and at <= end else None
        assert stops_at(ballots[:end], rule, most=most) == wanted


@given(BALLOTS, st.sampled_from(["beta", "dirichlet", "valid"]))
def test_an_abstention_is_a_look_and_no_vote(ballots, rule):
    votes = [b for b in ballots if b is not None]
    at, among_votes = stops_at(ballots, rule), stops_at(votes, rule)
    if among_votes is None:
        assert at is None
    else:
        assert at is not None and len([b for b in ballots[:at] if b is not None]) == among_votes


@given(BALLOTS)
def test_once_settled_no_further_vote_changes_the_winner(ballots):
    at = stops_at(ballots, "settled")
    if at is None:
        return
    counts = {b: ballots.count(b) for b in ballots if b is not None}
    winner = max(counts, key=counts.get)
    assert all(counts[winner] > count for b, count in counts.items() if b != winner)
    assert ballots[:at].count(winner) == max(ballots[:at].count(b) for b in counts)


def test_windows_stand_end_to_end_and_an_abstention_is_no_agreement():
    assert stops_at(list("abbbbb"), "window", window=3) == 6
    assert stops_at(["a", "a", None, "a", "a", "a"], "window", window=3) == 6
    assert stops_at([None] * 9, "window", window=3) is None
    assert not unanimous(list("aaaa"), 3) and unanimous(list("baa"[1:]), 2)


def test_answers_that_differ_are_never_steady():
    """Dynasor's code exits on three different answers."""
    assert not steady(["1", "2", "3"], 3) and not steady([None] * 3, 3) and not steady(["1", "1"], 3)
    assert steady(["2", "1", "1", "1"], 3)


def test_a_lead_that_can_be_tied_is_not_settled():
    assert not settled(5, 2, 3) and settled(5, 2, 2)


@pytest.mark.parametrize(
    ("rule", "more"),
    [("gamma", {}), ("beta", {"threshold": 0.5}), ("beta", {"threshold": 1.0}), ("window", {"window": 0})],
)
def test_settings_out_of_range_are_refused(rule, more):
    with pytest.raises(BadSetting):
        stops_at(["a"], rule, **more)
    with pytest.raises(BadSetting):
        beta_lead(-1, 0)
    with pytest.raises(BadSetting):
        dirichlet_lead([1, 2, 3])
