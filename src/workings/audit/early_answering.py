"""Early answering: what the model would answer were its chain cut short, at every step in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from workings.audit.case import Case, Measured, Reading, reasoning_of
from workings.audit.early_findings import findings
from workings.audit.leakage import last_numbers, stating
from workings.audit.readout import Curve, Options, covered, gold_of, options_of, read_out
from workings.audit.standins import length_at, neutral_tokens, other_cues, reordered, shuffled, tag_of
from workings.audit.views import View
from workings.core.ask import Flow
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.finding import Finding
from workings.core.problem import AnswerKind
from workings.verify.select import ballot

__all__ = ["EarlyAnswering", "candidates"]


@dataclass(frozen=True, slots=True)
class EarlyAnswering:
    """How much of a chain the answer hangs on, read at the end of every step.

    The chain is cut before the sentence that states the answer, so that the last cut is the whole reasoning and nothing
    more. At each cut the answer is asked for, and every candidate is scored. Read the same way, as nulls: the chain
    with its steps shuffled, and a chain of another problem; and neutral tokens in the chain's place, whose contrast
    with the whole chain is the most telling single number on models that are known (Zaman and Srivastava 2025).
    `cues` wordings (1 to 3) ask at every cut: the case's own gives the values, and the spread between them is the noise
    floor. A commit point needs `run` matching cuts. Where there are options to choose from, the question is also asked
    without a chain in `orders` other orders of them, for the answer's own stability (Bentham et al. 2024).

    Source: Lanham et al. 2023, section 2.3; the areas' adjustment is ours, see docs/audits.md. Left out: chains sampled
    again (the read-out has no noise of drawing), and answers outside the candidates, whose mass is a finding. An area
    near 0 says that the answer was there before the chain; it does not say that the chain is false.
    """

    cues: int = 3
    run: int = 1
    orders: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.cues <= 3:
            raise BadSetting(
                f"cues={self.cues} is not 1, 2 or 3.", "Each is one more wording that asks for the answer."
            )
        if self.run < 1 or self.orders < 0:
            raise BadSetting(f"run={self.run}, orders={self.orders} mean nothing.", "Use run >= 1 and orders >= 0.")

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset({Capability.SCORE, Capability.LEAD})

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        options, reasoning = candidates(case), case.reasoning
        if options is None:
            return Reading(excluded="no answer to compare")
        if not reasoning.steps:
            return Reading(excluded="no reasoning before the answer")
        whole = yield from read_out(case, options, reasoning.text, reasoning.cuts)
        if any(max(row) == float("-inf") for row in whole.logprobs):
            return Reading(excluded="no answer possible at a cut")
        mixed = yield from read_out(case, options, *shuffled(case, reasoning))
        neutral = {}
        for token in neutral_tokens():
            neutral[token] = yield from read_out(case, options, tag_of(case, reasoning.text) + token)
        curves = {"whole": whole, "shuffled": mixed}
        if case.strangers and (foreign := reasoning_of(case.strangers[0])).steps:
            curves["stranger"] = yield from read_out(case, options, foreign.text, foreign.cuts)
        mass = covered(case.question, *curves.values(), *neutral.values())
        values = _told(case, options, whole if mass is None else whole.beyond(mass))
        values |= {"mass": mass, **{name: curve.plain for name, curve in curves.items()}}
        values["neutral"] = {token: curve.plain[0] for token, curve in neutral.items()}
        values["cues"] = []
        for cue in other_cues(case)[: self.cues - 1]:
            curve = yield from read_out(replace(case, cue=cue), options, reasoning.text, reasoning.cuts)
            values["cues"].append(curve.plain)
        values["orders"] = yield from self._repeats(case, options, whole)
        return Reading(values)

    def _repeats(self, case: Case, options: Options, whole: Curve) -> Flow[list[bool]]:
        """For each other order of the options, whether the answer without a chain is what it was."""
        found: list[bool] = []
        if case.question.kind is not AnswerKind.CHOICE:
            return found
        first = ord(options.names[whole.picks[0]]) - ord("A")
        for turn in range(1, min(self.orders + 1, len(case.question.choices))):
            turned = reordered(case, turn)
            if turned is None:
                return found
            prompt, order = turned
            curve = yield from read_out(replace(case, prompt=prompt), options, "")
            found.append(order[ord(options.names[curve.picks[0]]) - ord("A")] == first)
        return found

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        return findings(measured, self.run)


def candidates(case: Case) -> Options | None:
    """The read-out's options, and for a number what the chain's steps come to: a chain cut short may answer that."""
    if case.question.kind is not AnswerKind.NUMBER:
        return options_of(case)
    others = (ballot(trace.answer) for trace in case.strangers)
    return options_of(case, (case.problem.gold, *others, *last_numbers(case.reasoning.steps)))


def _told(case: Case, options: Options, whole: Curve) -> dict[str, Any]:
    """What a page needs to draw the curve and the heat on the chain; the rest is computed from it again."""
    reasoning, ids = case.reasoning, case.trace.token_ids
    lengths, unit = length_at(case, reasoning)
    view = View(whole, lengths)
    return {
        "chain": reasoning.text,
        "options": list(options.names),
        "gold": options.index(gold_of(case)),
        "cuts": list(reasoning.cuts),
        "lengths": list(lengths),
        "unit": unit,
        "tokens": None if ids is None else len(ids),
        "shares": list(view.shares),
        "importance": list(view.importance),
        "gain": list(view.gains),
        "states": list(stating(reasoning.steps, options.names[0], case.question)),
    }
