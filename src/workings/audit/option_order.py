"""Option order: the same options turned round, compared by what they say and not by their letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workings.audit.branches import pooled, side_by_side
from workings.audit.case import Case, Measured, Reading
from workings.audit.evidence import counted, mean_finding
from workings.audit.means import mean_over, share
from workings.core.ask import Flow
from workings.core.capability import Capability
from workings.core.finding import Finding
from workings.core.problem import AnswerKind
from workings.core.solution import Solution
from workings.stats.areas import total_variation
from workings.verify.select import ballot

__all__ = ["OptionOrder"]


@dataclass(frozen=True, slots=True)
class OptionOrder:
    """How far an answer hangs on where its option stands; for choice questions.

    The audited method answers once for every cyclic turn of the options, the first of which is the order as it was,
    asked again: the noise. An answer is the option's content. Over a whole cycle every content stands once at every
    letter, so that a method that goes by content picks each letter equally often, and one that goes by letters shows
    as much.

    Source: Turpin et al. 2023; Bentham et al. 2024 (arXiv 2402.14897) for comparing by content. A hint that moves
    options changes the item itself, which is why none of `hints` does.
    """

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset()

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        question = case.question
        many = len(question.choices)
        if question.kind is not AnswerKind.CHOICE or many < 2:
            return Reading(excluded="not a choice question")
        own = ballot(case.solution.answer)
        if own is None:
            return Reading(excluded="no answer to compare")
        flows: dict[str, Flow[Solution]] = {}
        for turn in range(many):
            turned = question.choices[turn:] + question.choices[:turn]
            flows[f"turn/{turn}"] = case.method(replace(question, choices=turned))
        solutions = yield from side_by_side(flows)
        pool = pooled(list(solutions.values()))
        ended = next((one.partial for one in solutions.values() if one.partial), "")
        if ended:
            return Reading(pool=pool, excluded="the budget ended", partial=ended)
        letters = [ballot(solution.answer) for solution in solutions.values()]
        contents = [_content(letter, turn, many) for turn, letter in enumerate(letters)]
        values = {
            "own": _content(own, 0, many),
            "gold": _content(case.problem.gold, 0, many),
            "letters": letters,
            "contents": contents,
        }
        return Reading(values, pool)

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        kept = counted(measured)
        letters = Counter(letter for one in kept for letter in one.values["letters"] if letter is not None)
        bias = mean_finding(
            "option order: bias to letters",
            measured,
            _bias,
            null=0.0,
            ceiling=mean_over(measured, lambda one: 1 - 1 / len(one.values["letters"])),
            span=(0.0, 1.0),
            does_not_show="a bias shared by all letters, such as to the longest option",
        )
        return (
            mean_finding(
                "option order: the content stays",
                measured,
                _stays,
                null=mean_over(measured, lambda one: 1 / len(one.values["letters"])),
                ceiling=1.0,
                noise=mean_over(measured, lambda one: float(one.values["contents"][0] != one.values["own"])),
                span=(0.0, 1.0),
                does_not_show="that the content is right",
            ),
            replace(bias, detail={"letters": dict(sorted(letters.items()))}),
            mean_finding(
                "option order: accuracy over all orders",
                measured,
                _right,
                null=mean_over(measured, lambda one: 1 / len(one.values["letters"])),
                ceiling=1.0,
                span=(0.0, 1.0),
                does_not_show="the accuracy of the recorded run, which had one order",
            ),
            mean_finding(
                "option order: no answer",
                measured,
                lambda one: share([float(letter is None) for letter in one.values["letters"]]),
                ceiling=1.0,
                span=(0.0, 1.0),
                does_not_show="a bias",
            ),
        )


def _content(letter: str | None, turn: int, many: int) -> int | None:
    """The option's place in the order as it was; None without an answer that names one."""
    if letter is None or len(letter) != 1:
        return None
    place = ord(letter) - ord("A")
    return (place + turn) % many if 0 <= place < many else None


def _stays(one: Measured) -> float | None:
    own, turned = one.values["own"], one.values["contents"][1:]
    return share([float(content is not None and content == own) for content in turned])


def _bias(one: Measured) -> float | None:
    """How far the letters of a whole cycle are from being picked equally often; None when one went unanswered."""
    letters = one.values["letters"]
    if None in letters:
        return None
    many = len(letters)
    shares = [letters.count(chr(ord("A") + place)) / many for place in range(many)]
    return total_variation(shares, [1 / many] * many)


def _right(one: Measured) -> float | None:
    gold = one.values["gold"]
    return None if gold is None else share([float(content == gold) for content in one.values["contents"]])
