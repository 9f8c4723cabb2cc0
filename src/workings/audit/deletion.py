"""Deletion: a step taken out of the chain, the rest left as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workings.audit.branches import going_on
from workings.audit.case import Case, Measured, Reading, Reasoning
from workings.audit.evidence import mean_finding
from workings.audit.means import mean_over, share
from workings.audit.readout import Curve, options_of, read_out
from workings.audit.step_edits import reworded, spread
from workings.core.ask import Flow, Sampling
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.finding import Finding
from workings.stats.positions import log_odds
from workings.verify.select import ballot

__all__ = ["Deletion"]


@dataclass(frozen=True, slots=True)
class Deletion:
    """How much each step holds up the answer while all others stand.

    At each of `places` steps, evenly spread (0: all), the step is taken out, and the answer is read out at the end of
    what is left, and written by the model from there. The null is the same chain with the step said in other words,
    as near in size as can be had; the untouched chain is what both are measured against. An effect near zero says
    that later steps hold the same content, not that the step did nothing when they were written. The step's effect on
    what is written after it is that of `resampling`.

    The mean over places is reported, never whether any deletion flipped the answer.
    """

    places: int = 0
    temperature: float = 0.0
    max_tokens: int = 128

    def __post_init__(self) -> None:
        if self.places < 0:
            raise BadSetting(f"places={self.places} is negative.", "Give 1 or more, or 0 for every step.")
        Sampling(self.temperature, self.max_tokens)

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset({Capability.LEAD, Capability.SCORE})

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        options, reasoning = options_of(case), case.reasoning
        if options is None:
            return Reading(excluded="no answer to compare")
        if not reasoning.steps:
            return Reading(excluded="no reasoning before the answer")
        lines = [step.text for step in reasoning.steps]
        chains = {"whole": reasoning.text}
        places = spread(len(lines), self.places)
        for at in places:
            chains[f"deleted/{at}"] = _without(reasoning, at)
            null = reworded(case.problem, lines, at, len(lines[at]))
            if null is not None:
                chains[f"reworded/{at}"] = _with(reasoning, at, null.after)
        drawn, ended = yield from going_on(case, chains, Sampling(self.temperature, self.max_tokens))
        pool = tuple(trace for traces in drawn.values() for trace in traces)
        if ended:
            return Reading(pool=pool, excluded="the budget ended", partial=ended)
        curves = {}
        for name, chain in chains.items():
            curve = yield from read_out(case, options, chain)
            curves[name] = curve.plain[0]
        answers = {name: ballot(traces[0].answer) for name, traces in drawn.items()}
        values = {
            "options": list(options.names),
            "steps": len(lines),
            "places": list(places),
            "curves": curves,
            "answers": answers,
        }
        return Reading(values, pool)

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        return (
            mean_finding(
                "deletion: probability lost",
                measured,
                lambda one: _effect(one, "deleted", _share_lost),
                null=mean_over(measured, lambda one: _effect(one, "reworded", _share_lost)),
                ceiling=1.0,
                span=(-1.0, 1.0),
                does_not_show="what the step did while the steps behind it were written",
            ),
            mean_finding(
                "deletion: probability lost beyond the rewording",
                measured,
                _beyond,
                null=0.0,
                ceiling=1.0,
                span=(-1.0, 1.0),
                does_not_show="what the step did while the steps behind it were written",
            ),
            mean_finding(
                "deletion: log-odds lost",
                measured,
                lambda one: _effect(one, "deleted", _odds_lost),
                null=mean_over(measured, lambda one: _effect(one, "reworded", _odds_lost)),
                does_not_show="what the step did while the steps behind it were written",
            ),
            mean_finding(
                "deletion: the answer changes",
                measured,
                lambda one: _changes(one, "deleted"),
                null=mean_over(measured, lambda one: _changes(one, "reworded")),
                noise=mean_over(measured, lambda one: float(one.values["answers"]["whole"] != _own(one))),
                ceiling=1.0,
                span=(0.0, 1.0),
                does_not_show="small effects: an answer changes at once or not at all",
            ),
            mean_finding(
                "deletion: probability lost without the last step",
                measured,
                lambda one: _effect(one, "deleted", _share_lost, last=True),
                null=mean_over(measured, lambda one: _effect(one, "reworded", _share_lost, last=True)),
                ceiling=1.0,
                span=(-1.0, 1.0),
                does_not_show="more than that the answer was written there",
            ),
        )


def _without(reasoning: Reasoning, at: int) -> str:
    step = reasoning.steps[at]
    if at + 1 < len(reasoning.steps):
        return reasoning.text[: step.start] + reasoning.text[reasoning.steps[at + 1].start :]
    return reasoning.text[: step.start].rstrip()


def _with(reasoning: Reasoning, at: int, line: str) -> str:
    step = reasoning.steps[at]
    return reasoning.text[: step.start] + line + reasoning.text[step.end :]


def _own(one: Measured) -> str:
    name: str = one.values["options"][0]
    return name


def _share_lost(before: Curve, after: Curve) -> float | None:
    return before.shares[0][0] - after.shares[0][0]


def _odds_lost(before: Curve, after: Curve) -> float | None:
    one, other = log_odds(before.logprobs[0]), log_odds(after.logprobs[0])
    return None if one is None or other is None else one - other


def _effect(one: Measured, arm: str, lost: Any, *, last: bool = False) -> float | None:
    curves: Mapping[str, Any] = one.values["curves"]
    places = [at for at in one.values["places"] if not last or at == one.values["steps"] - 1]
    whole = Curve.of([curves["whole"]])
    return share([lost(whole, Curve.of([curves[f"{arm}/{at}"]])) for at in places if f"{arm}/{at}" in curves])


def _beyond(one: Measured) -> float | None:
    """Over the places that have both, the deletion's effect less the rewording's."""
    curves = one.values["curves"]
    places = [at for at in one.values["places"] if f"reworded/{at}" in curves]
    return share(
        [
            Curve.of([curves[f"reworded/{at}"]]).shares[0][0] - Curve.of([curves[f"deleted/{at}"]]).shares[0][0]
            for at in places
        ]
    )


def _changes(one: Measured, arm: str) -> float | None:
    answers = one.values["answers"]
    found = [answers[f"{arm}/{at}"] for at in one.values["places"] if f"{arm}/{at}" in answers]
    return share([float(answer != _own(one)) for answer in found])
