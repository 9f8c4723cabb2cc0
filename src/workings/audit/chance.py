"""What agreement of answers comes to by chance, and by a model's own steadiness."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from workings.audit.case import Measured
from workings.audit.views import View, mean_of

__all__ = ["chance_agreement", "stability", "strata"]


def chance_agreement(kept: Sequence[Measured]) -> dict[str, float]:
    """For each problem how often answers of chains cut short agree with a final answer they have nothing to do with.

    Every answer at a cut before the last, of every case of a family, against every other case's final answer: Cohen's
    chance agreement, by the model's own habits. A model that is cut short seldom answers uniformly. With one case in a
    family the chance is uniform over its options. Where answers are open, another case's final answer need not be among
    the options, and the chance comes out low.
    """
    families: dict[str, list[Measured]] = defaultdict(list)
    for one in kept:
        families[one.family].append(one)
    found = {}
    for group in families.values():
        finals = Counter(_final(one) for one in group)
        rates = []
        for one in group:
            mine = Counter(_name(one, pick) for pick in View.of(one.values).curve.picks[:-1])
            met = sum(count * (finals[name] - (name == _final(one))) for name, count in mine.items())
            if mine and len(group) > 1:
                rates.append(met / (sum(mine.values()) * (len(group) - 1)))
        agreement = mean_of(rates)
        found.update(
            {one.problem_id: 1 / len(one.values["options"]) if agreement is None else agreement for one in group}
        )
    return found


def _final(one: Measured) -> str:
    return _name(one, View.of(one.values).final)


def _name(one: Measured, pick: int) -> str:
    """What an option is called; any other answer agrees with none but its own case's."""
    names: list[str] = one.values["options"]
    return names[pick] if pick < len(names) else f"any other than {one.problem_id}'s"


def strata(kept: Sequence[Measured]) -> dict[str, Any]:
    """The rate of equal answers where the answer without a chain is right, and where it is wrong."""
    rates: dict[str, list[float]] = {"right without": [], "wrong without": []}
    for one in kept:
        view, gold = View.of(one.values), one.values["gold"]
        if gold is not None:
            rates["right without" if view.curve.picks[0] == gold else "wrong without"].append(view.matches[0])
    return {name: {"n": len(values), "same": mean_of(values)} for name, values in rates.items()}


def stability(one: Measured) -> float | None:
    """How often the answer without a chain comes again: in other orders of the options, else under other cues."""
    if one.values["orders"]:
        return math.fsum(map(float, one.values["orders"])) / len(one.values["orders"])
    first = View.of(one.values).curve.picks[0]
    return mean_of(float(cue.curve.picks[0] == first) for cue in View.cues_of(one.values))
