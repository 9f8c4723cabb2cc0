"""Running several things at once in one audit: changed questions side by side, and chains that go on from a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from workings.audit.case import Case
from workings.core.ask import Ask, Flow, Sample, Sampling, Together, sample_together
from workings.core.completion import Completion
from workings.core.errors import BudgetEnded
from workings.core.problem import Question
from workings.core.prompt import Message, Prompt
from workings.core.solution import Solution
from workings.core.trace import Trace
from workings.verify.extract import extract
from workings.verify.steps import split_steps

__all__ = ["before_step", "going_on", "pooled", "posed", "read_branch", "side_by_side"]

R = TypeVar("R")


def side_by_side(flows: Mapping[str, Flow[R]]) -> Flow[dict[str, R]]:
    """What each flow returns, by name; what they sample at one time is asked in one batch.

    Every path of theirs gets the flow's name in front, so that two flows that ask the same draw differently. When the
    budget ends, each flow is told so with the samples that were its own.
    """
    found: dict[str, R] = {}
    inbox: dict[str, Any] = dict.fromkeys(flows)
    errors: dict[str, Exception] = {}
    while inbox:
        asks: dict[str, Ask] = {}
        for name, reply in inbox.items():
            flow = flows[name]
            try:
                asks[name] = flow.throw(errors[name]) if name in errors else flow.send(reply)
            except StopIteration as stop:
                found[name] = stop.value
        inbox, errors = {}, {}
        drawn = {name: _parts(name, ask) for name, ask in asks.items() if isinstance(ask, Sample | Together)}
        if drawn:
            yield from _draw(drawn, asks, inbox, errors)
        for name, ask in asks.items():
            if name not in drawn:
                try:
                    inbox[name] = yield ask
                except Exception as error:
                    inbox[name], errors[name] = None, error
    return {name: found[name] for name in flows}


def _parts(name: str, ask: Sample | Together) -> tuple[Sample, ...]:
    own = (ask,) if isinstance(ask, Sample) else ask.asks
    return tuple(replace(one, path=f"{name}/{one.path}") for one in own)


def _draw(
    drawn: Mapping[str, tuple[Sample, ...]],
    asks: Mapping[str, Ask],
    inbox: dict[str, Any],
    errors: dict[str, Exception],
) -> Flow[None]:
    everything = tuple(one for parts in drawn.values() for one in parts)
    replies, ended = yield from sample_together(everything)
    at = 0
    for name, parts in drawn.items():
        got = [replies[at + n] if at + n < len(replies) else () for n in range(len(parts))]
        at += len(parts)
        single = isinstance(asks[name], Sample)
        inbox[name] = got[0] if single else tuple(got)
        if ended and any(len(reply) < part.n for reply, part in zip(got, parts, strict=True)):
            errors[name] = BudgetEnded(ended, "Give a larger budget.", got[0] if single else tuple(got))


def posed(prompt: Prompt, question: Question, text: str) -> Prompt | None:
    """The prompt with `text` in place of the question's, in its last user turn; None when it is not written there."""
    for at in reversed(range(len(prompt.messages))):
        turn = prompt.messages[at]
        if turn.role == "user":
            if not question.text or question.text not in turn.content:
                return None
            changed = Message("user", turn.content.replace(question.text, text, 1))
            return replace(prompt, messages=(*prompt.messages[:at], changed, *prompt.messages[at + 1 :]))
    return None


def before_step(text: str, start: int) -> str:
    """The text before a step that begins at `start`: with the line break that ends it, without a blank.

    A blank belongs to the token of the word behind it, and a line break most often to the token before it.
    """
    return text[:start].rstrip(" \t")


def going_on(
    case: Case, texts: Mapping[str, str], sampling: Sampling, n: int = 1, *, prompts: Mapping[str, Prompt] | None = None
) -> Flow[tuple[dict[str, tuple[Trace, ...]], str]]:
    """`n` chains that go on from each text, by name, and why some are missing (empty when none is).

    A text stands behind the lead of the case's prompt, or of the one in `prompts` under its name. The texts are read
    anew by the model's tokenizer.
    """
    asks = []
    for name, text in texts.items():
        prompt = case.prompt if prompts is None else prompts.get(name, case.prompt)
        lead = replace(prompt, lead=prompt.lead + text, lead_ids=None, ids_from=0)
        asks.append(Sample(lead, n, sampling, name))
    replies, ended = yield from sample_together(tuple(asks))
    found = {}
    for number, (name, ask) in enumerate(zip(texts, asks, strict=True)):
        got: Sequence[Completion] = replies[number] if number < len(replies) else ()
        found[name] = tuple(read_branch(case.question, ask.prompt, completion) for completion in got)
    return found, ended


def read_branch(question: Question, prompt: Prompt, completion: Completion) -> Trace:
    """The trace of a chain that went on from a prompt's lead."""
    text = prompt.lead + completion.text
    answer = extract(text, question.kind, question.choices, thinking=completion.thinking)
    return Trace.of(prompt, completion, answer, split_steps(text), role="branch", branch_at=len(prompt.lead))


def pooled(solutions: Sequence[Solution]) -> tuple[Trace, ...]:
    """The chains of several solutions in one pool, with parents counted anew."""
    pool: list[Trace] = []
    for solution in solutions:
        shift = len(pool)
        for trace in solution.pool:
            pool.append(trace if trace.parent is None else replace(trace, parent=trace.parent + shift))
    return tuple(pool)
