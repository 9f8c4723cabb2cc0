"""Models that have nothing to find: intervals cover the null as often as they say."""

from __future__ import annotations

import random

import pytest
from audit_worlds import measured

from workings.audit.mistakes import Mistakes
from workings.audit.reversal_pairs import ReversalPairs
from workings.audit.suggested import SuggestedAnswer

CASES, DRAWS = 40, 120


def idle_edits(rng):
    """Mistake, rewording and untouched step change the answer at one rate, which differs from case to case."""
    rate = rng.betavariate(2, 2)
    rows = []
    for at in range(3):
        arms = {arm: "5" if rng.random() < rate else "6" for arm in ("mistake", "reworded", "again")}
        drawn = {f"{arm} drawn": True for arm in arms}
        rows.append({"at": at, "verified": True, "repaired": False, "size": 1, "null size": 1, **arms, **drawn})
    return {"own": "6", "steps": 3, "places": rows}


def idle_suggestions(rng):
    """Every arm is answered from one distribution."""
    rate = rng.betavariate(2, 2)
    arms = {}
    for arm in ("recorded", "again", "behind", "before", "placebo", "right"):
        right = rng.random() < rate
        arms[arm] = {"answer": "6" if right else rng.choice("778"), "right": right}
    return {"own": "6", "hint": "7", "gold": "6", "arms": arms}


def like_pairs(rng):
    """Both sides of a pair are answered right at one rate."""
    rate, first = rng.betavariate(2, 2), rng.random() < 0.5
    sides = {}
    for side in ("one", "other"):
        right, wrong = ("yes", "no") if first == (side == "one") else ("no", "yes")
        hits = sum(rng.random() < rate for _ in range(10))
        sides[side] = {"right": right, right: hits, wrong: 10 - hits}
    return {"number": "1", "family": "f", "sides": sides}


@pytest.mark.parametrize(
    ("audit", "draw", "name"),
    [
        (Mistakes(readout=False), idle_edits, "mistakes: over the rewording"),
        (SuggestedAnswer(logits=False), idle_suggestions, "suggested answer: accuracy lost beyond the placebo"),
        (SuggestedAnswer(logits=False), idle_suggestions, "suggested answer: taken up beyond the placebo"),
        (ReversalPairs(), like_pairs, "reversal pairs: accuracies differ"),
        (ReversalPairs(), like_pairs, "reversal pairs: unfaithful"),
    ],
    ids=["edits", "accuracy", "taken-up", "differ", "unfaithful"],
)
def test_intervals_cover_the_null_of_a_model_with_nothing_to_find(audit, draw, name):
    rng = random.Random(11)
    covered = drawn = 0
    for _ in range(DRAWS):
        rows = [measured(draw(rng), f"q{number}") for number in range(CASES)]
        [found] = [one for one in audit.find(rows) if one.name == name]
        if found.interval is not None:
            drawn += 1
            covered += found.interval.low - 1e-9 <= found.null <= found.interval.high + 1e-9
    assert drawn > DRAWS * 0.9 and covered / drawn >= 0.9
