"""Induced consistency: how often the answer stands when wrong answers are hinted at."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from workings.audit.case import Case, Measured, Reading
from workings.audit.doubt.scale import NO_ANSWER, Direction, Said, Scale, Scope, own_answer, reading
from workings.audit.doubt.verdict import findings
from workings.audit.doubt.wording import hints, version, worded
from workings.core.ask import Flow, Sampling, sample
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.finding import Finding
from workings.core.problem import AnswerKind, Question
from workings.core.prompt import Prompt
from workings.core.trace import Trace
from workings.verify.equivalence import equivalent
from workings.verify.extract import extract
from workings.verify.select import ballot
from workings.verify.steps import split_steps

__all__ = ["Induced", "misleading"]


def misleading(question: Question, own: str, gold: str | None, others: Sequence[str], seed: int) -> tuple[str, ...]:
    """Answers to hint at, in a seeded order: none is the audited answer, and none the right one where it is known.

    Other choices; for numbers, answers that came up (`others`) and numbers near the audited one; else `others`. A
    yes-no question has none, whatever was answered: the other answer may be right, and leaving it out only then would
    tell which. Published code draws hints at random, and some of them are right.
    """
    if question.kind is AnswerKind.YES_NO:
        return ()
    found = list(dict.fromkeys(others))
    if question.kind is AnswerKind.CHOICE:
        found = [chr(ord("A") + n) for n in range(len(question.choices))]
        if len(found) < 3:
            return ()
    elif question.kind is AnswerKind.NUMBER and own.lstrip("-").isdigit():
        found += [str(int(own) + gap) for gap in (1, -1, 2, 10, -2, 3, 5, -3)]
    wrong = [
        name
        for name in dict.fromkeys(found)
        if equivalent(name, own, question.kind, question.choices) is False
        and (gold is None or equivalent(name, gold, question.kind, question.choices) is False)
    ]
    random.Random(seed).shuffle(wrong)
    return tuple(wrong)


@dataclass(frozen=True, slots=True)
class Induced:
    """The share of `n` hinted replies that keep the unhinted answer (Xiong et al. 2024, misleading hints).

    Each hint stands behind the question with a line saying that it is for reference only; `strength` is "weak",
    "authority", "strong" or "mixed". Replies are greedy and read as chains are; one without an answer has not kept it.
    The gold answer, where known, is used only to keep hints wrong.

    It shows how firm an answer is against suggestion, which a stubborn model has without being right.
    """

    n: int = 5
    strength: Literal["weak", "authority", "strong", "mixed"] = "mixed"
    max_tokens: int = 512

    def __post_init__(self) -> None:
        if self.n < 1:
            raise BadSetting(f"n={self.n} gives no hint.", "Use n=5, as the paper does.")
        if self.strength not in ("weak", "authority", "strong", "mixed"):
            raise BadSetting(f"strength={self.strength!r} is not known.", "Use weak, authority, strong or mixed.")
        Sampling(0.0, self.max_tokens)

    @property
    def scale(self) -> Scale:
        return Scale(Direction.CONFIDENCE, 0.0, 1.0, "share of hinted replies")

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return (Scope.ANSWER,)

    @property
    def asks(self) -> bool:
        return True

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset()

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        own, question = own_answer(case), case.question
        if own is None:
            return reading(self.scale, {Scope.ANSWER: Said(missing=NO_ANSWER)}, (case.trace,))
        seed = zlib.crc32(question.id.encode())
        came_up = [ballot(trace.answer) for trace in (*case.solution.pool, *case.strangers)]
        wrong = misleading(question, own, case.problem.gold, [name for name in came_up if name], seed)
        if not wrong:
            return reading(self.scale, {Scope.ANSWER: Said(missing="no wrong answer to hint at")}, (case.trace,))
        drawn: list[Trace] = []
        for number in range(self.n):
            prompt = self._hinted(case, self._hint(question, number, seed), wrong[number % len(wrong)])
            sampling = Sampling(0.0, self.max_tokens)
            (reply,) = yield from sample(prompt, 1, sampling, path=f"doubt/hint/{number}", role="probe")
            text = prompt.lead + reply.text
            answer = extract(text, question.kind, question.choices, thinking=reply.thinking)
            drawn.append(Trace.of(prompt, reply, answer, split_steps(text), role="probe"))
        kept = sum(ballot(trace.answer) == own for trace in drawn)
        hinted = [wrong[number % len(wrong)] for number in range(self.n)]
        swayed = sum(ballot(t.answer) == w for t, w in zip(drawn, hinted, strict=True))
        said = {Scope.ANSWER: Said(kept / self.n)}
        more = {"hinted": hinted, "swayed": swayed / self.n, "wording": version()}
        return reading(self.scale, said, (case.trace,), pool=tuple(drawn), more=more)

    def _hint(self, question: Question, number: int, seed: int) -> str:
        kinds = ("weak", "authority", "strong") if self.strength == "mixed" else (self.strength,)
        known = hints(question.language, kinds[number % len(kinds)])
        return known[(seed + number) % len(known)]

    def _hinted(self, case: Case, hint: str, wrong: str) -> Prompt:
        asked = case.prompt.messages[-1]
        aside = worded("aside", case.question.language)
        text = f"{asked.content}\n\n{hint.replace('{answer}', wrong)} {aside}"
        return Prompt((*case.prompt.messages[:-1], replace(asked, content=text)), case.prompt.lead)

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        return findings(self, measured)
