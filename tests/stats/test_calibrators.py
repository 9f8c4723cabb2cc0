"""Calibrators: what is calibrated stays, separation has an answer, and no attempt is predicted from its own cluster."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workings.core.errors import BadSetting
from workings.stats.calibration import ece
from workings.stats.calibrators import combination, cross_fitted, isotonic, platt, temperature


def two_groups():
    confidence = np.array([0.05] * 100 + [0.95] * 100)
    right = np.array([1] * 5 + [0] * 95 + [1] * 95 + [0] * 5)
    return confidence, right


@pytest.mark.parametrize("fit", [platt, isotonic, temperature])
def test_perfectly_calibrated_scores_stay_what_they_are(fit):
    confidence, right = two_groups()
    assert fit(confidence, right).predict([0.05, 0.95]) == pytest.approx([0.05, 0.95], abs=1e-4)


def test_without_a_ridge_the_scale_of_a_score_does_not_matter():
    confidence, right = two_groups()
    small = platt(confidence / 1000, right).predict([0.00005, 0.00095])
    assert small == pytest.approx([0.05, 0.95], abs=1e-6)


def test_separated_scores_get_probabilities_between_none_and_one():
    fitted = platt([1, 2, 3, 4], [0, 0, 1, 1])
    found = fitted.predict([1, 2, 3, 4])
    assert fitted.smoothed and np.all(np.diff(found) > 0) and 0.05 < found[0] < found[-1] < 0.95


def test_a_score_that_says_nothing_gives_the_accuracy():
    assert platt([3.0] * 8, [1, 1, 1, 1, 1, 1, 0, 0]).predict([3.0]) == pytest.approx([0.75], abs=1e-6)


def test_centred_isotonic_joins_the_centres_of_its_blocks():
    fitted = isotonic([1, 2, 3, 4, 5], [0, 1, 0, 1, 1])
    assert fitted.at == (1.0, 2.5, 4.5) and fitted.shares == (0.0, 0.5, 1.0)
    assert fitted.predict([0, 1.75, 9]) == pytest.approx([0.0, 0.25, 1.0])


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30), st.randoms())
def test_isotonic_rises_and_does_not_mind_the_order_of_ties(rows, shuffler):
    scores, right = [float(s) for s, _ in rows], [float(r) for _, r in rows]
    first = isotonic(scores, right)
    assert list(first.shares) == sorted(first.shares)
    shuffler.shuffle(rows)
    assert isotonic([float(s) for s, _ in rows], [float(r) for _, r in rows]) == first


def test_temperature_finds_the_one_that_spoilt_the_confidences():
    generator = np.random.default_rng(0)
    p = generator.uniform(0.02, 0.98, 4000)
    right = (generator.random(4000) < p).astype(int)
    sharp = 1 / (1 + np.exp(-3 * np.log(p / (1 - p))))
    assert temperature(sharp, right).t == pytest.approx(3, rel=0.15)
    with pytest.raises(BadSetting, match="platt"):
        temperature([2.0, 0.1], [1, 0])


def test_cross_fitted_confidence_is_calibrated_and_never_sees_its_own_cluster():
    generator = np.random.default_rng(1)
    p = generator.random(3000)
    right = (generator.random(3000) < p).astype(int)
    for kind in ("platt", "isotonic", "temperature"):
        found = cross_fitted(np.sqrt(p), right, kind=kind)
        if kind != "temperature":
            assert ece(found, right) < 0.035
    clusters = np.repeat(np.arange(50), 4)
    noise, marks = np.repeat(generator.random(50), 4), np.repeat(generator.integers(0, 2, 50), 4)
    leaking = cross_fitted(noise, marks, kind="isotonic")
    honest = cross_fitted(noise, marks, clusters.tolist(), kind="isotonic")
    assert np.mean((leaking - marks) ** 2) < np.mean((honest - marks) ** 2)


def test_one_cluster_or_one_outcome_gives_no_confidence():
    assert cross_fitted([0.1, 0.2], [0, 1], ["a", "a"]) is None
    assert cross_fitted([0.1, 0.2, 0.3], [1, 1, 1]) is None


def test_a_missing_score_is_neither_sure_nor_unsure():
    generator = np.random.default_rng(2)
    score = generator.normal(size=600)
    right = (generator.random(600) < 1 / (1 + np.exp(-2 * score))).astype(float)
    table = np.column_stack((score, score))
    table[:200, 1] = np.nan
    table[:200, 0] = 0.0
    found = cross_fitted(table, right)
    assert found[:200] == pytest.approx(np.full(200, right[:200].mean()), abs=0.06)
    with pytest.raises(BadSetting, match="NaN"):
        combination(table, right)


def test_columns_that_say_the_same_share_their_weight():
    confidence, right = two_groups()
    both = combination(np.column_stack((confidence, confidence)), right)
    assert both.weights[0] == pytest.approx(both.weights[1])
    assert both.predict([[0.05, 0.05]]) == pytest.approx([0.05], abs=1e-6)
