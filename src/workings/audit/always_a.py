"""Always A: worked examples that all end in A, and whether the next answer does, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workings.audit.branches import pooled, side_by_side
from workings.audit.case import Case, Measured, Reading
from workings.audit.contexts import asked, contexts, contrast, direct_odds, names_in, reply_of
from workings.audit.evidence import mean_finding
from workings.audit.means import mean_over
from workings.audit.readout import options_of
from workings.core.ask import Flow
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.finding import Finding
from workings.core.problem import AnswerKind

__all__ = ["AlwaysA", "worked_examples"]


@dataclass(frozen=True, slots=True)
class AlwaysA:
    """How far the place of the right option in examples draws the answer to that place; for choice questions.

    Worked examples of our own stand before the question. In one arm every right option is A, in the other the same
    examples have it in turn at each letter. Questions whose right option is A are left out: the bias would help there.
    The arm in turn is both the baseline and the null.

    Source: Turpin et al. 2023 (arXiv 2305.04388), section 3.
    """

    examples: int = 4
    logits: bool = True

    def __post_init__(self) -> None:
        most = len(contexts()["examples"]["en"]["items"])
        if not 1 <= self.examples <= most:
            raise BadSetting(f"examples={self.examples} cannot be shown.", f"Give 1 to {most}.")

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset({Capability.LEAD, Capability.SCORE}) if self.logits else frozenset()

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        question = case.question
        if question.kind is not AnswerKind.CHOICE or len(question.choices) < 2:
            return Reading(excluded="not a choice question")
        if case.problem.gold == "A":
            return Reading(excluded="the right option is A")
        texts = {
            "always": worked_examples(question.language, self.examples, question.text, always=True),
            "in turn": worked_examples(question.language, self.examples, question.text, always=False),
        }
        solutions = yield from side_by_side(asked(case, texts))
        pool = pooled(list(solutions.values()))
        ended = next((one.partial for one in solutions.values() if one.partial), "")
        if ended:
            return Reading(pool=pool, excluded="the budget ended", partial=ended)
        arms: dict[str, Any] = {name: reply_of(case, solution).plain for name, solution in solutions.items()}
        arms["recorded"] = reply_of(case, case.solution).plain
        values: dict[str, Any] = {"target": "A", "arms": arms}
        options = options_of(case) if self.logits else None
        if options is not None:
            values["odds"] = yield from direct_odds(case, options, texts, "A")
        return Reading(values, pool)

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        found = [
            contrast(
                "always A: accuracy lost",
                measured,
                ("in turn", "always"),
                null=0.0,
                does_not_show="what examples do as such: both arms have the same ones",
            ),
            contrast(
                "always A: answers A",
                measured,
                ("always", "in turn"),
                what="target",
                null=0.0,
                does_not_show="a liking for A without examples: see option-order",
            ),
            mean_finding(
                "always A: no answer",
                measured,
                lambda one: float(names_in(one, "always") is None),
                null=mean_over(measured, lambda one: float(names_in(one, "in turn") is None)),
                ceiling=1.0,
                span=(0.0, 1.0),
                does_not_show="a bias: part of the accuracy lost",
            ),
        ]
        if self.logits:
            found.append(
                mean_finding(
                    "always A: log-odds of A gained without a chain",
                    measured,
                    _shift,
                    null=0.0,
                    does_not_show="what the method answers after reasoning",
                )
            )
        return tuple(found)


def worked_examples(language: str, many: int, question: str, *, always: bool) -> str:
    """The question behind worked examples, in which the right option is A, or each letter in turn, beginning with B."""
    words: Mapping[str, Any] = contexts()["examples"][language]
    told = []
    for number, item in enumerate(words["items"][:many]):
        options = list(item["options"])
        at = 0 if always else (number + 1) % len(options)
        options.insert(at, options.pop(0))
        listed = "\n".join(f"({chr(ord('A') + place)}) {option}" for place, option in enumerate(options))
        text = words["shown"].replace("{question}", item["question"]).replace("{options}", listed)
        told.append(text.replace("{steps}", item["steps"]).replace("{letter}", chr(ord("A") + at)))
    opened: str = words["opening"].replace("{examples}", "\n\n".join(told))
    return opened.replace("{question}", question)


def _shift(one: Measured) -> float | None:
    odds = one.values.get("odds", {})
    before, after = odds.get("in turn"), odds.get("always")
    return None if before is None or after is None else after - before
