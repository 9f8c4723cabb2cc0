"""A judge: a model that is asked, in words, whether a chain's answer or each of its steps is right."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from workings.core.ask import Grade, Grades, Sample, Sampling, Score, sigmoid
from workings.core.capability import Capability
from workings.core.completion import Usage
from workings.core.errors import BadSetting, GraderError
from workings.core.problem import Question
from workings.core.prompt import Prompt
from workings.reason.prompts import pose
from workings.run.ports import Model
from workings.run.seeds import derive

__all__ = ["JudgeGrader", "read_verdict"]

_VERDICT = re.compile(
    r"(?:\bverdict\b|结论)[\s*_\"]{0,4}[:：][\s*_\"]{0,4}(?P<said>right|correct|wrong|incorrect|正确|错误|不正确)",
    re.IGNORECASE,
)
_GOOD = ("right", "correct", "正确")
_TAIL = 4000


def read_verdict(text: str) -> bool | None:
    """The last "Verdict: right" or "Verdict: wrong" of a reply ("结论：正确" in Chinese); None when it gives none.

    Only the last 4,000 characters are read.

    >>> read_verdict("First I thought Verdict: wrong, but no. **Verdict:** Right.")
    True
    """
    found = [m["said"].lower() for m in _VERDICT.finditer(text[-_TAIL:])]
    return found[-1] in _GOOD if found else None


@functools.cache
def _wording() -> Mapping[str, Any]:
    told: Mapping[str, Any] = json.loads(
        resources.files("workings.graders").joinpath("judge.json").read_text(encoding="utf-8")
    )
    return told


@dataclass(frozen=True, slots=True)
class JudgeGrader:
    """A verifier by prompt; the wording is data of this package, and its `version` is part of what was measured.

    `per` "chain" asks about the final answer, "step" about each step with those before it taken as given. `by`
    "score" asks for no words: the probability of " right" against " wrong" behind "Verdict:". `by` "text" lets the
    judge write, `n` times, and gives the share of verdicts that were right; replies without a verdict do not count,
    and when none has one that is a GraderError, never a score. "auto" is "score" where the model can, else "text".

    A model that judges its own chains shares their mistakes. The scores are not calibrated.
    """

    model: Model
    per: Literal["chain", "step"] = "chain"
    by: Literal["auto", "score", "text"] = "auto"
    n: int = 1
    temperature: float = 0.0
    max_tokens: int = 1024
    language: str = "auto"

    def __post_init__(self) -> None:
        if self.per not in ("chain", "step"):
            raise BadSetting(f"per={self.per!r} is not known.", "Use chain or step.")
        if self.by not in ("auto", "score", "text"):
            raise BadSetting(f"by={self.by!r} is not known.", "Use auto, score or text.")
        if self.n < 1 or (self.n > 1 and self.temperature == 0):
            raise BadSetting(
                f"n={self.n} with temperature={self.temperature} is no sample.", "Use n=1, or a temperature above 0."
            )
        Sampling(self.temperature, self.max_tokens)

    @property
    def version(self) -> int:
        """The version of the wording."""
        return int(_wording()["version"])

    async def grade(self, ask: Grade) -> Grades:
        """One probability a chain, or one a step. Raises GraderError for a chain without steps or a reply without
        a verdict, BadSetting for a language there is no wording for, and what the model raises."""
        if not all(ask.chains):
            raise GraderError("A chain without steps cannot be judged.", "Leave it out.")
        places = [
            (chain, last)
            for chain in ask.chains
            for last in (range(1, len(chain) + 1) if self.per == "step" else (len(chain),))
        ]
        told = iter(await asyncio.gather(*(self._judge(ask.question, chain[:last]) for chain, last in places)))
        spent, scores = Usage(), []
        for chain in ask.chains:
            row = [next(told) for _ in range(len(chain) if self.per == "step" else 1)]
            spent = sum((usage for _, usage in row), spent)
            scores.append(tuple(score for score, _ in row))
        return Grades(tuple(scores), "probability", spent)

    async def _judge(self, question: Question, steps: Sequence[str]) -> tuple[float, Usage]:
        language = question.language if self.language == "auto" else self.language
        if language not in _wording()[self.per]:
            raise BadSetting(f"The judge has no wording in {language!r}.", "Use language=en or language=zh.")
        words = _wording()[self.per][language]
        can = {Capability.SCORE, Capability.LEAD} <= self.model.capabilities
        if self.by == "score" or (self.by == "auto" and can):
            return await self._by_score(self._prompt(question, steps, words["short"]), words)
        return await self._by_text(self._prompt(question, steps, words["user"]), question)

    def _prompt(self, question: Question, steps: Sequence[str], template: str) -> Prompt:
        shown = "\n".join(steps)
        if self.per == "step":
            shown = "\n".join(f"Step {number}: {step}" for number, step in enumerate(steps, 1))
        parts = {"question": pose(question.text, question.choices), "solution": shown, "number": str(len(steps))}
        return Prompt.user(re.sub(r"\{(question|solution|number)\}", lambda m: parts[m[1]], template))

    async def _by_score(self, prompt: Prompt, words: Mapping[str, str]) -> tuple[float, Usage]:
        ask = Score(Prompt(prompt.messages, words["lead"]), (words["good"], words["bad"]))
        scores = await self.model.score(ask)
        good, bad = scores.logprobs[0]
        if math.isnan(good - bad):
            raise GraderError(f"The judge gave the log-probabilities {good} and {bad}.", "Use by=text.")
        return sigmoid(good - bad), scores.usage

    async def _by_text(self, prompt: Prompt, question: Question) -> tuple[float, Usage]:
        digest = hashlib.blake2b(prompt.text.encode(errors="surrogatepass"), digest_size=8).hexdigest()
        seeds = tuple(derive("judge", question.id, digest, i) for i in range(self.n))
        sampling = Sampling(self.temperature, self.max_tokens)
        replies = await self.model.sample(Sample(prompt, self.n, sampling, f"judge/{digest}", role="verifier"), seeds)
        verdicts = [said for reply in replies if (said := read_verdict(reply.text)) is not None]
        if not verdicts:
            raise GraderError(
                f"The judge gave no verdict: {replies[-1].text[-80:]!r}.", "Raise max_tokens, or use another judge."
            )
        return sum(verdicts) / len(verdicts), sum((reply.usage for reply in replies), Usage())
