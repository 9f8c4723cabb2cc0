from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from workings.core.errors import BadSetting
from workings.stats.calibration import (
    accuracy_rejection,
    auroc,
    auroc_interval,
    brier,
    calibration,
    ece,
)

ATTEMPTS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.5, 0.9, 1.0, 0.33]), st.booleans()), min_size=1, max_size=30
)


def unzip(attempts):
    return [c for c, _ in attempts], [float(r) for _, r in attempts]


def test_attempts_must_not_be_averaged_before_the_metric():
    # 100 items of 2 attempts, each attempt as wrong about itself as can be: averaged per item, the error is 0.
    confidence = np.tile([1.0, 0.0], 100)
    right = np.tile([0.0, 1.0], 100)
    assert ece(confidence, right) == 1.0
    assert brier(confidence, right).value == 1.0
    averaged = right.reshape(100, 2).mean(1)
    with pytest.raises(BadSetting, match="not their averages"):
        ece(confidence.reshape(100, 2).mean(1), averaged)


def test_ece_by_hand():
    found = calibration([0.95, 0.85, 0.85, 0.15], [1, 1, 0, 0], bins=10)
    assert found.ece == pytest.approx((0.05 + 2 * 0.35 + 0.15) / 4)
    assert found.mce == pytest.approx(0.35)
    assert found.rule == "10 bins of equal width"
    assert [b.n for b in found.bins] == [1, 2, 1]
    assert found.bins[0].low == pytest.approx(0.1) and found.bins[0].high == pytest.approx(0.2)


@given(ATTEMPTS, st.sampled_from(["width", "mass"]), st.randoms())
@settings(max_examples=60, deadline=None)
def test_calibration_does_not_depend_on_the_order(attempts, rule, random):
    shuffled = random.sample(attempts, len(attempts))
    assert ece(*unzip(attempts), rule=rule) == pytest.approx(ece(*unzip(shuffled), rule=rule))


def test_equal_mass_bins_hold_equal_numbers_and_keep_ties_together():
    values = np.linspace(0, 1, 100)
    assert [b.n for b in calibration(values, np.ones(100), rule="mass").bins] == [10] * 10
    tied = calibration([0.5] * 60 + [0.9] * 40, np.ones(100), rule="mass")
    assert [b.n for b in tied.bins] == [60, 40]


def test_a_constant_confidence_is_calibrated_and_tells_nothing():
    right = [1, 0, 1, 1]
    assert ece([0.75] * 4, right) == 0.0
    assert auroc([0.75] * 4, right) == 0.5


@given(ATTEMPTS)
@settings(max_examples=60, deadline=None)
def test_brier_parts_add_up(attempts):
    found = brier(*unzip(attempts))
    confidence, right = map(np.array, unzip(attempts))
    assert found.value == pytest.approx(float(np.mean((confidence - right) ** 2)))
    assert found.reliability - found.resolution + found.uncertainty == pytest.approx(found.value, abs=1e-12)
    assert found.within == pytest.approx(0.0, abs=1e-12)


@given(ATTEMPTS)
@settings(max_examples=80, deadline=None)
def test_auroc_is_the_share_of_pairs(attempts):
    confidence, right = unzip(attempts)
    ups = [c for c, r in attempts if r]
    downs = [c for c, r in attempts if not r]
    if not ups or not downs:
        assert auroc(confidence, right) is None
        return
    pairs = [(a > b) + (a == b) / 2 for a, b in product(ups, downs)]
    assert auroc(confidence, right) == pytest.approx(sum(pairs) / len(pairs))
    theirs = mannwhitneyu(ups, downs).statistic / (len(ups) * len(downs))
    assert auroc(confidence, right) == pytest.approx(theirs)


def delong(confidence, right):
    ups, downs = confidence[right == 1], confidence[right == 0]
    wins = (ups[:, None] > downs) + (ups[:, None] == downs) / 2
    return np.var(wins.mean(1), ddof=1) / len(ups) + np.var(wins.mean(0), ddof=1) / len(downs)


def test_auroc_interval_is_delongs():
    generator = np.random.default_rng(0)
    right = generator.integers(0, 2, 80)
    confidence = np.round(generator.normal(size=80) + right, 1)
    found = auroc_interval(confidence, right)
    assert (found.high - found.low) / 2 / 1.959964 == pytest.approx(np.sqrt(delong(confidence, right)), rel=1e-6)
    doubled = auroc_interval(np.repeat(confidence, 2), np.repeat(right, 2), np.repeat(np.arange(80), 2).tolist())
    assert doubled.high - doubled.low == pytest.approx(found.high - found.low, rel=0.03)
    assert auroc_interval([0.1, 0.2], [1, 1]) is None
    assert auroc_interval([0.9, 0.8, 0.1], [1, 1, 0]).low < 0.5


def test_the_area_of_a_perfect_run_is_one():
    # A published implementation averages over 20 quantiles and gives 0.947 here.
    assert accuracy_rejection(np.linspace(0, 1, 50), np.ones(50)).area == pytest.approx(1.0)


def test_accuracy_rejection_by_hand():
    found = accuracy_rejection([0.9, 0.8, 0.1], [1, 0, 1])
    assert found.accuracy == pytest.approx((1, 1 / 2, 2 / 3))
    assert found.area == pytest.approx((1 + 1 / 2 + 2 / 3) / 3)
    assert found.chance == pytest.approx(2 / 3)
    assert found.oracle == pytest.approx((1 + 1 + 2 / 3) / 3)


@given(ATTEMPTS, st.randoms())
@settings(max_examples=60, deadline=None)
def test_ties_do_not_depend_on_the_order(attempts, random):
    # Sorting alone gives tied scores the order of the rows.
    found = accuracy_rejection(*unzip(attempts))
    again = accuracy_rejection(*unzip(random.sample(attempts, len(attempts))))
    assert found.accuracy == pytest.approx(again.accuracy)
    assert found.accuracy[-1] == pytest.approx(found.chance)


def test_a_constant_confidence_has_the_area_of_chance():
    found = accuracy_rejection([0.5] * 6, [1, 1, 0, 0, 0, 0])
    assert found.area == pytest.approx(found.chance)


@pytest.mark.parametrize("confidence", [[0.5, float("nan")], [0.5, 80.0], [0.5, -0.1]])
def test_a_missing_or_foreign_confidence_is_refused(confidence):
    with pytest.raises(BadSetting):
        ece(confidence, [1, 0])
