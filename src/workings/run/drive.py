"""Answers what one method asks, and keeps the journal from which it can be replayed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from workings.core.ask import Ask, Flow, Grade, Grades, Sample, Score, Scores, Together
from workings.core.budget import Budget
from workings.core.capability import Capability
from workings.core.completion import Completion, Stop, Usage
from workings.core.errors import (
    BadReply,
    BadSetting,
    BudgetEnded,
    MissingCapability,
    ModelError,
    UnknownName,
)
from workings.core.problem import Question
from workings.core.solution import Failure, Solution
from workings.core.wire import pack
from workings.run.grading import check_grades
from workings.run.meter import Meter
from workings.run.ports import Grader, Judge, Method, Model, Remote, Watch
from workings.run.seeds import derive

__all__ = [
    "Drive",
    "World",
    "ask_digest",
    "charged",
    "check_needs",
    "check_verifiers",
    "failure_of",
    "make_ready",
    "solve",
]


@dataclass(frozen=True, slots=True)
class World:
    """Everything a method may reach: a model, graders by name, and a judge of symbolic answers.

    `closers` are called when the world is closed, after the model. A world is its own asynchronous context manager.
    """

    model: Model
    graders: Mapping[str, Grader] = field(default_factory=dict)
    judge: Judge | None = None
    closers: tuple[Callable[[], None], ...] = ()

    async def aclose(self) -> None:
        """Closes the model, then what else was opened with it. Closing twice is harmless where theirs is."""
        with ExitStack() as stack:
            for close in reversed(self.closers):
                stack.callback(close)
            await self.model.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.aclose()


async def make_ready(world: World, methods: Mapping[str, Method]) -> None:
    """Lets a remote model find out what it is and can do, then refuses methods that this world cannot serve.

    `methods` maps the name an error quotes to the method. Nothing is spent but what the probes cost.
    """
    model = world.model
    for name, method in methods.items():
        check_verifiers(method, world.graders, name)
    if isinstance(model, Remote):
        await model.open()
        await model.probe(frozenset().union(*(method.needs for method in methods.values())))
    for name, method in methods.items():
        check_needs(method, model, name)


def check_verifiers(method: Method, graders: Mapping[str, Grader], spec: str = "") -> None:
    """Refuses a method that would ask for a grader that is not there, before anything is spent."""
    for verifier in method.verifiers:
        if verifier not in graders:
            unknown = UnknownName.among("grader", verifier, graders)
            raise UnknownName(f"{spec or type(method).__name__}: {unknown.what}", unknown.next_step)
        graders[verifier]  # builds it, so that settings it does not have are refused too


def check_needs(method: Method, model: Model, spec: str = "") -> None:
    """Refuses a method the model cannot serve, before anything is spent."""
    missing = sorted(need.value for need in method.needs - model.capabilities)
    if not missing:
        return
    lead = Capability.LEAD in method.needs - model.capabilities
    raise MissingCapability(
        f"{spec or type(method).__name__} needs what {model.identity.name!r} cannot do: {', '.join(missing)}.",
        "Try answer_by=turn, or style=cot." if lead else "Use another method, or a model that can.",
    )


async def solve(
    method: Method,
    question: Question,
    world: World,
    *,
    seed: int = 0,
    budget: Budget = Budget(),
    watch: Watch | None = None,
) -> Solution:
    """Runs one method on one question and returns its solution; errors of the model or the method are raised."""
    drive = Drive(world, seed=seed, budget=budget, watch=watch)
    return await drive.run(method(question))


class Drive:
    """One attempt in progress. `journal` and `meter` stay readable when it fails."""

    def __init__(self, world: World, *, seed: int = 0, budget: Budget = Budget(), watch: Watch | None = None) -> None:
        self.journal: list[Mapping[str, Any]] = []
        self.meter = Meter(budget)
        self._world = world
        self._seed = seed
        self._watch = watch

    async def run(self, flow: Flow[Solution]) -> Solution:
        """Answers every ask of `flow`. An error while answering is thrown into it, so that the traceback shows
        the method's line and the method may recover."""
        reply: Any = None
        error: Exception | None = None
        try:
            while True:
                try:
                    ask = flow.send(reply) if error is None else flow.throw(error)
                except StopIteration as stop:
                    solution: Solution = stop.value
                    return solution.having(self.meter.spent)
                reply, error = None, None
                before = self.meter.spent
                try:
                    reply = await self._answer(ask)
                except Exception as caught:  # every error belongs to the method that asked
                    caught.add_note(f"while answering {type(ask).__name__}")
                    error = caught
                self.journal.append(_entry(ask, reply, error, before, self.meter.spent))
        finally:
            flow.close()

    def _answer(self, ask: Ask) -> Awaitable[object]:
        if isinstance(ask, Sample):
            return self._sample(ask)
        if isinstance(ask, Together):
            return self._draw(ask.asks, None)
        if isinstance(ask, Score):
            return self._score(ask)
        if isinstance(ask, Grade):
            return self._grade(ask)
        raise BadSetting(f"{ask!r:.80} is not an ask.", "Yield a Sample, Samples together, a Score or a Grade.")

    async def _sample(self, ask: Sample) -> tuple[Completion, ...]:
        try:
            [reply] = await self._draw((ask,), self._watch)
        except BudgetEnded as end:
            [got] = end.completions
            raise BudgetEnded(end.what, end.next_step, cast("tuple[Completion, ...]", got)) from None
        return reply

    async def _draw(self, asks: tuple[Sample, ...], watch: Watch | None) -> tuple[tuple[Completion, ...], ...]:
        """Every sample of `asks`, in rounds: each takes the next ones that fit the budget, and charges them after."""
        got: list[list[Completion]] = [[] for _ in asks]
        wanted = sum(ask.n for ask in asks)
        while (drawn := sum(map(len, got))) < wanted:
            parts = self._parts(asks, got)
            if not parts:
                raise _ended(f"after {drawn} of {wanted} samples.", got)
            replies = await _gathered([self._part(part, watch) for _, part in parts])
            failed = next((reply for reply in replies if isinstance(reply, Exception)), None)
            cut = False
            for (number, part), reply in zip(parts, replies, strict=True):
                if isinstance(reply, BaseException):
                    spent = getattr(reply, "spent", None) if isinstance(reply, ModelError) else None
                    if spent is not None:
                        self.meter.charge(charged(spent, part.role))
                    continue
                self.meter.drawn += part.n
                for completion in reply:
                    self.meter.charge(charged(completion.usage, part.role))
                if len(reply) != part.n:
                    failed = failed or BadReply(f"The model gave {len(reply)} completions for {part.n} asked.")
                got[number].extend(reply)
                length = part.sampling.max_tokens
                cut = cut or (length < asks[number].sampling.max_tokens and any(_cut(c, length) for c in reply))
            if failed is not None:
                raise failed
            if cut:
                raise _ended(f"within sample {sum(map(len, got))} of {wanted}.", got)
        return tuple(map(tuple, got))

    def _parts(self, asks: tuple[Sample, ...], got: list[list[Completion]]) -> list[tuple[int, Sample]]:
        """The next samples that fit the budget together, in the order asked; a shorter one when none fits whole."""
        parts: list[tuple[int, Sample]] = []
        tokens = samples = 0
        for number, ask in enumerate(asks):
            missing = ask.n - len(got[number])
            if not missing:
                continue
            fit, length = self.meter.room(missing, ask.sampling.max_tokens, tokens, samples)
            if fit == 0 or (parts and length < ask.sampling.max_tokens):
                break
            part = ask
            if fit != ask.n or length != ask.sampling.max_tokens:
                sampling = replace(ask.sampling, max_tokens=length)
                part = replace(ask, n=fit, start=ask.start + len(got[number]), sampling=sampling)
            parts.append((number, part))
            tokens, samples = tokens + fit * length, samples + fit
            if fit < missing:
                break
        return parts

    def _part(self, ask: Sample, watch: Watch | None) -> Awaitable[tuple[Completion, ...]]:
        seeds = tuple([derive(self._seed, ask.path, ask.start + i) for i in range(ask.n)])
        return self._world.model.sample(ask, seeds, watch)

    async def _score(self, ask: Score) -> Scores:
        if Capability.SCORE not in self._world.model.capabilities:
            raise MissingCapability(
                f"{self._world.model.identity.name!r} cannot score given text.", "Use a local model."
            )
        scores = await self._world.model.score(ask)
        self.meter.charge(scores.usage)
        shape = (max(len(ask.cuts), 1), len(ask.candidates))
        if len(scores.logprobs) != shape[0] or any(len(row) != shape[1] for row in scores.logprobs):
            raise BadReply(f"Scores of shape {shape} were asked, {scores.logprobs!r:.80} came.")
        return scores

    async def _grade(self, ask: Grade) -> Grades:
        if ask.verifier not in self._world.graders:
            raise UnknownName.among("grader", ask.verifier, self._world.graders)
        grades = await self._world.graders[ask.verifier].grade(ask)
        self.meter.charge(charged(grades.usage, "verifier"))
        check_grades(ask, grades)
        return grades


async def _gathered(
    parts: Sequence[Awaitable[tuple[Completion, ...]]],
) -> list[tuple[Completion, ...] | BaseException]:
    """What each part gave, or its error, once all have ended: what is charged must not depend on who failed first."""
    if len(parts) == 1:
        try:
            return [await parts[0]]
        except Exception as error:
            return [error]
    found = await asyncio.gather(*parts, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException) and not isinstance(one, Exception):
            raise one
    return found


def _ended(where: str, got: list[list[Completion]]) -> BudgetEnded:
    step = "Give a larger budget." if where.startswith("within") else "Give a larger budget, or ask for fewer."
    return BudgetEnded(f"The budget ended {where}", step, tuple(map(tuple, got)))


def charged(usage: Usage, role: str) -> Usage:
    """Usage as the ledger books it for an ask made as a chain, a probe or a verifier."""
    if role == "chain":
        return usage
    if role == "probe":
        return replace(usage, generated=0, probe=usage.probe + usage.generated)
    read = usage.prompt + usage.cached + usage.generated
    return Usage(verifier=usage.verifier + read, calls=usage.calls)


def ask_digest(ask: Ask) -> str:
    """What was asked, as 16 hex digits: a replay that asks something else is found out."""
    if type(ask) is Sample:
        text = _told(ask)
    elif type(ask) is Together:
        told = [_told(one) for one in ask.asks]
        text = "".join([f"Together{[len(one) for one in told]}", *told])
    else:
        text = type(ask).__name__ + json.dumps(pack(ask), sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _told(ask: Sample) -> str:
    """A sample's ask as text: its numbers, then the length of every text in it, then the texts end to end."""
    prompt, how = ask.prompt, ask.sampling
    texts = [ask.path, ask.role, prompt.lead, *how.stop]
    for message in prompt.messages:
        texts += (message.role, message.content)
    filters = (float(how.temperature), how.max_tokens, how.top_k, float(how.top_p), float(how.min_p), how.logprobs)
    ids = None if prompt.lead_ids is None else list(prompt.lead_ids)
    numbers: tuple[Any, ...] = (ask.n, ask.start, filters, ids, len(how.stop))
    rare = (how.top, how.bias, how.allowed, how.keep_stop, prompt.ids_from)
    if any(rare):
        numbers += rare
    return "".join([f"Sample{numbers}{[len(text) for text in texts]}", *texts])


def _entry(ask: Ask, reply: object, error: Exception | None, before: Usage, after: Usage) -> Mapping[str, Any]:
    entry: dict[str, Any] = {"ask": ask_digest(ask)}
    if error is None:
        return entry | {"reply": pack(reply)}
    told = {"kind": type(error).__name__, "what": getattr(error, "what", str(error))}
    told["next_step"] = getattr(error, "next_step", "")
    if isinstance(error, BudgetEnded):
        return entry | {"error": told, "reply": pack(error.completions)}
    if after == before:
        return entry | {"error": told}
    lost = Usage(*(getattr(after, f.name) - getattr(before, f.name) for f in fields(Usage)))
    return entry | {"error": told, "spent": pack(lost)}


def _cut(completion: Completion, length: int) -> bool:
    return completion.stop is Stop.LENGTH or (completion.stop is Stop.UNKNOWN and completion.usage.generated >= length)


def failure_of(error: Exception) -> Failure:
    """An error as the record keeps it: its class, its message, and the innermost line of the method.

    The method's frames stand after the driver's own; those in the folder of the outermost one count as the method's.
    """
    frames = traceback.extract_tb(error.__traceback__)
    began = next((at for at, frame in enumerate(frames) if (frame.filename, frame.name) == (__file__, "run")), -1)
    home = Path(frames[began + 1].filename).parent if 0 <= began < len(frames) - 1 else None
    mine = [frame for frame in frames if Path(frame.filename).parent == home and frame.filename != __file__]
    last = mine[-1] if mine else (frames[-1] if frames else None)
    where = "" if last is None else f"{Path(last.filename).name}:{last.lineno} {last.name}"
    return Failure(type(error).__name__, str(error) or type(error).__name__, where)
