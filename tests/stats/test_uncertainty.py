"""What a confidence is worth: ties in any order, selective answering that keeps its promise, paired differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workings.core.errors import BadSetting
from workings.stats.calibration import accuracy_rejection, calibration
from workings.stats.resampling import bootstrap_statistics
from workings.stats.uncertainty import auroc_gap, excess_area, rejection_ratio, selective

ROWS = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=2, max_size=25)


def test_areas_of_perfect_accuracy_and_of_the_perfect_order():
    assert accuracy_rejection([1, 2, 3], [1, 1, 1]).area == 1
    assert rejection_ratio([1, 2, 3], [1, 1, 1]) is None
    assert rejection_ratio([3, 2, 1, 0], [1, 1, 0, 0]) == pytest.approx(1)
    assert rejection_ratio([1, 1, 1, 1], [1, 1, 0, 0]) == pytest.approx(0)
    assert excess_area([3, 2, 1, 0], [1, 1, 0, 0]) == pytest.approx(0)


@given(ROWS, st.randoms())
def test_the_order_of_equal_scores_decides_nothing(rows, shuffler):
    def ratio():
        return rejection_ratio([s for s, _ in rows], [float(r) for _, r in rows])

    first = ratio()
    shuffler.shuffle(rows)
    assert (ratio() is None) == (first is None)
    if first is not None:
        assert ratio() == pytest.approx(first)


def test_excess_area_approaches_its_closed_form():
    n, right = 4000, 1200
    curve = accuracy_rejection(np.arange(n), [0] * (n - right) + [1] * right)
    r = 1 - right / n
    assert 1 - curve.oracle == pytest.approx(r + (1 - r) * np.log(1 - r), abs=1e-3)


def test_rejecting_at_most_half_looks_at_the_surest_half_on():
    confidence, right = [4, 3, 2, 1], [0, 1, 1, 0]
    accuracy, best, chance = [0, 1 / 2, 2 / 3, 1 / 2], [1, 1, 2 / 3, 1 / 2], 1 / 2
    wanted = (np.mean(accuracy[2:]) - chance) / (np.mean(best[2:]) - chance)
    assert rejection_ratio(confidence, right, 0.5) == pytest.approx(wanted)


def test_attempts_are_not_averaged_before_they_are_calibrated():
    confidence, right = [1.0, 0.0] * 100, [0, 1] * 100
    assert calibration(confidence, right).ece == 1
    with pytest.raises(BadSetting, match="averages"):
        calibration([0.5], [0.5])


def test_selective_answering_keeps_its_risk_on_new_draws():
    generator = np.random.default_rng(0)
    broken = passed = 0
    for _ in range(300):
        p = generator.random(400)
        right = (generator.random(400) < p).astype(int)
        found = selective(p, right, 0.2)
        if found.threshold is not None:
            passed += 1
            t = found.threshold
            broken += (1 - t) / 2 > 0.2
    assert passed > 150 and broken <= 0.05 * 300


def test_selective_answering_says_so_when_no_share_passes():
    found = selective([0.1, 0.9], [0, 1], 0.1)
    assert found.threshold is None and found.coverage == 0 and found.risk is None
    sure = selective(np.arange(100), np.ones(100), 0.1)
    assert sure.coverage == 1 and sure.bound < 0.1
    ties = selective([1.0] * 100, [1] * 99 + [0], 0.1)
    assert ties.coverage in (0.0, 1.0)


def test_repeats_of_one_problem_buy_no_coverage():
    right, confidence = np.ones(100), np.arange(100.0)
    alone = selective(confidence, right, 0.1)
    shared = selective(confidence, right, 0.1, [n // 20 for n in range(100)])
    assert alone.coverage == 1 and shared.threshold is None


def test_the_gap_of_two_areas_is_paired():
    generator = np.random.default_rng(3)
    right = generator.integers(0, 2, 400)
    score = right + generator.normal(size=400)
    same = auroc_gap(score, 2 * score + 1, right)
    assert same.value == 0 and same.p == 1
    near = auroc_gap(score, score + 0.05 * generator.normal(size=400), right)
    far = auroc_gap(score, right + generator.normal(size=400), right)
    assert near.interval.high - near.interval.low < (far.interval.high - far.interval.low) / 3
    noise = auroc_gap(score, generator.normal(size=400), right)
    assert noise.p < 1e-6 and noise.interval.low > 0
    assert auroc_gap(score, score, np.ones(400)) is None


def test_the_gap_covers_no_difference_as_often_as_it_says():
    generator = np.random.default_rng(4)
    covered = 0
    for _ in range(200):
        right = np.repeat(generator.integers(0, 2, 60), 2)
        one, other = (right + 1.5 * np.repeat(generator.normal(size=60), 2) for _ in range(2))
        gap = auroc_gap(one, other, right, [n // 2 for n in range(120)])
        covered += gap.interval.low <= 0 <= gap.interval.high
    assert covered >= 0.9 * 200


def test_bootstrapped_statistics_resample_whole_clusters():
    seen = []

    def mean(at):
        seen.append(set(at.tolist()))
        return (float(np.mean(at)),)

    (band,) = bootstrap_statistics(mean, 6, ["a", "a", "a", "b", "b", "b"], resamples=20)
    assert all(drawn in ({0, 1, 2}, {3, 4, 5}, set(range(6))) for drawn in seen)
    assert (band.low, band.high) == (1.0, 4.0)
    assert bootstrap_statistics(mean, 2, ["a", "a"]) == (None,)
    assert bootstrap_statistics(lambda at: (float("nan"),), 5) == (None,)
