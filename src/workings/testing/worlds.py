"""Scripted worlds with known probabilities, and wrappers that make a model slow, failing, or less able."""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from workings.core.answer import Outcome
from workings.core.ask import Grade, Grades, Sample, Score, Scores
from workings.core.capability import Capability, Identity
from workings.core.completion import Completion, Usage
from workings.core.errors import MissingCapability
from workings.core.problem import AnswerKind, Problem, Question
from workings.core.prompt import Prompt
from workings.core.solution import Attempt
from workings.graders.arithmetic import ArithmeticGrader
from workings.models.scripted import Scripted, count_tokens
from workings.run.drive import World, charged
from workings.run.ports import Grader, Model, Watch

__all__ = [
    "CHANCES",
    "Counted",
    "Delayed",
    "Failing",
    "Lacking",
    "MemoryRecord",
    "ScriptedGrader",
    "item_chain",
    "item_model",
    "item_problems",
    "item_world",
]

CHANCES: Mapping[str, float] = MappingProxyType({"1": 0.45, "2": 0.25, "3": 0.2, "none": 0.1})
"""The right answer, two wrong ones, and a chain that gives no answer."""

_ITEM = re.compile(r"Item (\d+):")
_MARK = "Working on it."
_DECLARED = re.compile(r"The answer is (\d+)\.")


def item_problems(
    count: int, *, right: str = "1", family: str = "", prefix: str = "item", same_text: bool = False
) -> list[Problem]:
    """Problems "Item 3: which number is meant?" with gold 100 × item + `right`.

    With `same_text` all of them ask about item 1 and differ in their ids alone.
    """
    found = []
    for number in range(1, count + 1):
        item = 1 if same_text else number
        question = Question(
            f"{prefix}-{number}", f"Item {item}: which number is meant?", AnswerKind.NUMBER, family=family
        )
        found.append(Problem(question, str(100 * item + int(right))))
    return found


def item_chain(item: int, label: str, right: str = "1") -> str:
    """What the model writes when it means `label`: labels differ in length, wrong ones state a false sum.

    >>> print(item_chain(3, "2"))
    Working on it.
    Let me see.
    300 + 1 = 302.
    The answer is 302.
    """
    if label == "none":
        return f"{_MARK}\nI cannot tell."
    said = 100 * item + int(label)
    filler = "Let me see.\n" * (int(label) - 1)
    return f"{_MARK}\n{filler}{100 * item} + {right} = {said}.\nThe answer is {said}."


def item_model(chances: Mapping[str, float] = CHANCES, *, right: str = "1") -> Scripted:
    """A model that answers `item_problems` with known probabilities: label "2" of item 3 means 302.

    The label "none" is a chain without an answer. A chain that was begun is continued with the conditional
    probabilities of what may follow, so chains written step by step have the same probabilities. Asked for an answer
    apart, in the same turn or a new one, it repeats what its chain declared, or says that it is unclear.
    """

    def table(prompt: Prompt) -> Mapping[str, float]:
        asked = "\n".join(m.content for m in prompt.messages if m.role == "user")
        word = _MARK.split()[0]
        begun = prompt.lead[prompt.lead.find(word) :] if word in prompt.lead else ""
        earlier = prompt.messages[-2].content if len(prompt.messages) > 1 else ""
        if begun and (found := rests(begun, int(_ITEM.findall(asked)[-1]))):
            return found
        written = prompt.lead if _MARK in prompt.lead else earlier
        if _MARK in written:
            said = _DECLARED.findall(written)
            return {f" {said[-1]}." if said else " unclear.": 1.0}
        item = int(_ITEM.findall(asked)[-1])
        space = " " if prompt.lead else ""
        return {space + item_chain(item, label, right): chance for label, chance in chances.items()}

    def rests(begun: str, item: int) -> Mapping[str, float]:
        """What may follow a chain that was cut, with its conditional probabilities."""
        whole = {item_chain(item, label, right): chance for label, chance in chances.items()}
        found = {text[len(begun) :]: chance for text, chance in whole.items() if text.startswith(begun)}
        total = math.fsum(found.values())
        return {text: chance / total for text, chance in found.items()} if total else {}

    return Scripted(table, name="items")


@dataclass(frozen=True, slots=True)
class ScriptedGrader:
    """An outcome verifier that likes a chain the more, the larger the last number in it; it reads every word."""

    async def grade(self, ask: Grade) -> Grades:
        """One score a chain, in (0, 1)."""
        texts = ["\n".join(chain) for chain in ask.chains]
        scores = tuple((_liking(text),) for text in texts)
        return Grades(scores, "probability", Usage(prompt=sum(map(count_tokens, texts)), calls=len(texts)))


def _liking(text: str) -> float:
    numbers = re.findall(r"\d{1,9}", text)
    return 0.1 if not numbers else 0.1 + 0.8 * (int(numbers[-1]) % 100) / 100


def item_world(model: Model | None = None, graders: Mapping[str, Grader] | None = None) -> World:
    """A world around `item_model()` or a wrapper of it, with the graders "arithmetic" and "scripted"."""
    known: dict[str, Grader] = {"arithmetic": ArithmeticGrader(), "scripted": ScriptedGrader()}
    return World(model if model is not None else item_model(), {**known, **(graders or {})})


class _Wrapped:
    """A model that passes everything on."""

    def __init__(self, model: Model) -> None:
        self.model = model

    @property
    def identity(self) -> Identity:
        return self.model.identity

    @property
    def capabilities(self) -> frozenset[Capability]:
        return self.model.capabilities

    async def sample(self, ask: Sample, seeds: tuple[int, ...], watch: Watch | None = None) -> tuple[Completion, ...]:
        return await self.model.sample(ask, seeds, watch)

    async def score(self, ask: Score) -> Scores:
        return await self.model.score(ask)

    async def aclose(self) -> None:
        await self.model.aclose()


class Delayed(_Wrapped):
    """Replies arrive in an order drawn from `seed`: each waits a random number of turns of the event loop."""

    def __init__(self, model: Model, seed: int = 0, longest: int = 12) -> None:
        super().__init__(model)
        self._rng = random.Random(seed)
        self._longest = longest

    async def _wait(self) -> None:
        for _ in range(self._rng.randrange(self._longest + 1)):
            await asyncio.sleep(0)

    async def sample(self, ask: Sample, seeds: tuple[int, ...], watch: Watch | None = None) -> tuple[Completion, ...]:
        await self._wait()
        reply = await self.model.sample(ask, seeds, watch)
        await self._wait()
        return reply

    async def score(self, ask: Score) -> Scores:
        await self._wait()
        return await self.model.score(ask)


class Counted(_Wrapped):
    """Keeps every sampling ask with its replies, and what the model charged, as the ledger should book it."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.asks = 0
        self.samples: list[tuple[Sample, tuple[Completion, ...]]] = []
        self.spent = Usage()

    async def sample(self, ask: Sample, seeds: tuple[int, ...], watch: Watch | None = None) -> tuple[Completion, ...]:
        self.asks += 1
        replies = await self.model.sample(ask, seeds, watch)
        self.samples.append((ask, replies))
        self.spent = sum((charged(c.usage, ask.role) for c in replies), self.spent)
        return replies

    async def score(self, ask: Score) -> Scores:
        self.asks += 1
        scores = await self.model.score(ask)
        self.spent = self.spent + scores.usage
        return scores


class Failing(_Wrapped):
    """Raises what `error` makes at the asks numbered in `at`, counted from 0; all asks when `at` is None."""

    def __init__(self, model: Model, error: Callable[[], Exception], at: Iterable[int] | None = None) -> None:
        super().__init__(model)
        self._error = error
        self._at = None if at is None else frozenset(at)
        self._asked = 0

    def _fail_in_turn(self) -> None:
        number, self._asked = self._asked, self._asked + 1
        if self._at is None or number in self._at:
            raise self._error()

    async def sample(self, ask: Sample, seeds: tuple[int, ...], watch: Watch | None = None) -> tuple[Completion, ...]:
        self._fail_in_turn()
        return await self.model.sample(ask, seeds, watch)

    async def score(self, ask: Score) -> Scores:
        self._fail_in_turn()
        return await self.model.score(ask)


class Lacking(_Wrapped):
    """A model without some capabilities; what it lacks it refuses or leaves out, as a lesser server would."""

    def __init__(self, model: Model, *missing: Capability) -> None:
        super().__init__(model)
        self._missing = frozenset(missing)
        if Capability.LOGPROBS in self._missing:
            self._missing |= {Capability.TOP}

    @property
    def capabilities(self) -> frozenset[Capability]:
        return self.model.capabilities - self._missing

    async def sample(self, ask: Sample, seeds: tuple[int, ...], watch: Watch | None = None) -> tuple[Completion, ...]:
        if Capability.LEAD in self._missing and ask.prompt.lead:
            raise MissingCapability("This model cannot continue a lead.", "Ask in a new turn.")
        replies = await self.model.sample(ask, seeds, watch)
        if Capability.TOP in self._missing:
            replies = tuple(replace(c, top=None) for c in replies)
        if Capability.LOGPROBS not in self._missing:
            return replies
        return tuple(Completion(c.text, c.stop, seed=c.seed, usage=c.usage) for c in replies)

    async def score(self, ask: Score) -> Scores:
        if Capability.SCORE in self._missing:
            raise MissingCapability("This model cannot score given text.", "Use another model.")
        return await self.model.score(ask)


@dataclass(slots=True)
class MemoryRecord:
    """A record in memory: keeps the first attempt of each (problem, method, index) that did not fail."""

    kept: dict[tuple[str, str, int], Attempt] = field(default_factory=dict)

    def append(self, attempt: Attempt) -> None:
        key = (attempt.problem_id, attempt.method, attempt.index)
        earlier = self.kept.get(key)
        if earlier is None or earlier.outcome is Outcome.ERROR:
            self.kept[key] = attempt

    def done(self) -> set[tuple[str, str, int]]:
        return {key for key, attempt in self.kept.items() if attempt.outcome is not Outcome.ERROR}

    def attempts(self) -> Iterator[Attempt]:
        yield from (self.kept[key] for key in sorted(self.kept))
