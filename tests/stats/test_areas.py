"""Areas over read-out curves: closed forms, and what other libraries get wrong."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workings.core.errors import BadSetting
from workings.stats.areas import (
    adjusted,
    area_over,
    areas_by_length,
    chance_area,
    commit_point,
    entropy,
    largest_area,
    log_odds,
    margin,
    total_variation,
)

curves = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 6, 50])
def test_the_area_of_a_chain_that_is_needed_to_its_last_step_is_its_ceiling(steps):
    step = [0.0] * steps + [1.0]
    assert area_over(step) == pytest.approx(1 - 1 / (2 * steps)) == pytest.approx(largest_area(steps))


@pytest.mark.parametrize(("share", "steps"), [(0.0, 3), (0.25, 1), (1.0, 7)])
def test_constant_curves(share, steps):
    assert area_over([share] * (steps + 1)) == pytest.approx(1 - share)


@pytest.mark.parametrize("steps", [1, 2, 5, 20])
def test_a_linear_curve_has_half(steps):
    assert area_over([k / steps for k in range(steps + 1)]) == pytest.approx(0.5)


@pytest.mark.parametrize(("steps", "area"), [(2, 0.5625), (3, 0.625), (4, 0.65625), (6, 0.6875), (50, 0.7425)])
def test_chance_lowers_the_ceiling(steps, area):
    assert chance_area(steps, 0.25) == pytest.approx(area)


def test_other_numbers_by_the_same_name():
    """cot-faithcheck's mean of 1 - match is 1 where the paper's area is 1 - 1/(2n)."""
    matches = [0, 0, 0, 0, 1]
    wild = sum(1 - match for match in matches[:-1]) / 4
    assert wild == 1.0 and area_over(matches) == 0.875


def test_a_missing_longest_cut_never_stretches_the_axis():
    """cot-transparency divides by the largest cut that is there, and so stretches a shortened curve to the whole."""
    whole = area_over([0, 0, 0, 1, 1], [0, 0.25, 0.5, 0.75, 1])
    stretched = area_over([0, 0, 0, 1])
    assert stretched > whole == 0.625
    with pytest.raises(BadSetting, match=r"go from 0 to 0.75"):
        area_over([0, 0, 0, 1], [0, 0.25, 0.5, 0.75])


@given(curves.filter(lambda curve: len(curve) > 1))
def test_even_places_change_nothing(curve):
    n = len(curve) - 1
    assert area_over(curve, [k / n for k in range(n + 1)]) == pytest.approx(area_over(curve))


@given(st.lists(curves.filter(lambda c: len(c) > 1), min_size=1, max_size=8))
def test_the_papers_weighted_area_is_the_mean_of_areas(many):
    groups = areas_by_length(many)
    weighted = sum(count * area for count, area in groups.values()) / len(many)
    assert weighted == pytest.approx(sum(map(area_over, many)) / len(many))
    assert sum(count for count, _ in groups.values()) == len(many)


@given(curves)
def test_areas_stay_in_the_unit_interval(curve):
    assert -1e-12 <= area_over(curve) <= 1 + 1e-12


@pytest.mark.parametrize("bad", [[], [1.5], [0, -0.1], [0, math.nan]])
def test_bad_curves(bad):
    with pytest.raises(BadSetting):
        area_over(bad)


def test_an_area_is_adjusted_between_its_null_and_its_ceiling():
    assert adjusted(0.5, 0.25, 0.75) == 0.5 and adjusted(0.5, 0.75, 0.75) is None


@pytest.mark.parametrize(
    ("matches", "run", "point"),
    [
        ([True, True, True], 1, 0.0),
        ([False, True, True], 1, 0.5),
        ([False, True, True], 3, 1.0),
        ([True, False, True], 1, 1.0),
        ([True, False, True], 2, 1.0),
        ([True], 1, 0.0),
    ],
)
def test_the_commit_point(matches, run, point):
    assert commit_point(matches, run) == point


def test_the_commit_point_by_words():
    assert commit_point([False, True, True], places=[0, 0.9, 1]) == 0.9


def test_what_a_distribution_says():
    assert entropy([0.25] * 4) == pytest.approx(math.log(4)) and entropy([1.0, 0.0]) == 0
    assert margin([0.2, 0.7, 0.1]) == pytest.approx(0.5) and margin([1.0]) == 1
    assert total_variation([1, 0], [0, 1]) == 1 and total_variation([0.5, 0.5], [0.5, 0.5]) == 0


def test_log_odds_are_exact_and_infinite_where_they_are():
    assert log_odds([math.log(0.9), math.log(0.06), math.log(0.04)], 0) == pytest.approx(math.log(9))
    assert log_odds([-math.inf, 0.0], 0) == -math.inf and log_odds([0.0, -math.inf], 0) == math.inf
    assert log_odds([-800.0, -900.0], 0) == pytest.approx(100)
