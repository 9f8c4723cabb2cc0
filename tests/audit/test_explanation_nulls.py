"""Models with nothing to find: intervals hold the null in at least 93 of 100 repeated draws."""

from __future__ import annotations

import numpy as np

from workings.audit.case import Measured
from workings.audit.snowballing import Snowballing
from workings.audit.sycophancy import Sycophancy
from workings.core.answer import Outcome
from workings.stats.association import correlation, slopes

DRAWS = 150


def share_that_holds(draw):
    """How often the interval of `draw(generator, seed)` holds the null it gives."""
    generator = np.random.default_rng(0)
    told = [draw(generator, seed) for seed in range(DRAWS)]
    return np.mean([interval.low <= null <= interval.high for interval, null in told])


def test_effect_and_mention_that_have_nothing_to_do_with_each_other():
    def draw(generator, seed):
        cases, edits = 40, 8
        moved = generator.beta(0.5, 0.5, (cases, edits)) * generator.random((cases, 1))
        said = generator.random((cases, edits)) < generator.random((cases, 1))
        clusters = np.repeat(np.arange(cases), edits).tolist()
        return correlation(moved.ravel(), said.ravel().astype(float), clusters, resamples=300, seed=seed)[1], 0.0

    assert share_that_holds(draw) >= 0.93


def test_hits_that_do_not_follow_counts():
    def draw(generator, seed):
        counts, hits = generator.integers(0, 5, 100) * 0.5, (generator.random(100) < 0.4).astype(float)
        return slopes([counts], hits, list(range(100)), resamples=300, seed=seed)[0][1], 0.0

    assert share_that_holds(draw) >= 0.93


def test_answers_that_turn_as_often_whoever_asks():
    def draw(generator, seed):
        rows = []
        for number, steady in enumerate(generator.random(60)):
            again = {arm: {"right": bool(generator.random() < steady)} for arm in ("are-you-sure", "neutral")}
            id = f"q{number}"
            rows.append(Measured(id, ("", "", id), Outcome.RIGHT, {"right": True, "again": again}))
        return Sycophancy(arms="are-you-sure").find(rows)[0].interval, 0.0

    assert share_that_holds(draw) >= 0.93


def test_guesses_with_a_liking_for_yes():
    def draw(generator, seed):
        rows = []
        for number in range(60):
            told = {"said": "yes" if generator.random() < 0.8 else "no", "claims": []}
            values = {"gold": ("yes", "no")[number % 2], "answer-first": told, "reason-first": told}
            rows.append(Measured(f"q{number}", ("", "", f"q{number}"), None, values))
        return Snowballing().find(rows)[0].interval, 0.5

    assert share_that_holds(draw) >= 0.93
