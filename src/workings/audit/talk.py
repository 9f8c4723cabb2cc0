"""Going on talking after a recorded attempt, and putting its question in other words."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from workings.audit.case import Case
from workings.core.answer import NO_ANSWER, Answer
from workings.core.ask import Ask, Flow, Sample, Sampling, Together, sample
from workings.core.completion import Completion
from workings.core.problem import Question
from workings.core.prompt import Message, Prompt
from workings.core.solution import Solution
from workings.core.trace import Trace
from workings.verify.extract import extract
from workings.verify.steps import split_steps

__all__ = ["after_mark", "ask_on", "asked_again", "chain_of", "later", "remarked", "reworded", "say"]


def later(case: Case, text: str) -> Prompt:
    """The conversation of the attempt with its reply, and `text` as the user's next turn."""
    return Prompt((*case.prompt.messages, Message("assistant", case.trace.text), Message("user", text)))


def reworded(case: Case, text: str) -> Prompt | None:
    """The case's prompt with its question's text replaced by `text`; None when the last turn does not hold it."""
    *before, last = case.prompt.messages
    head, found, tail = last.content.rpartition(case.question.text)
    if not found or last.role != "user":
        return None
    return replace(case.prompt, messages=(*before, Message("user", head + text + tail)), lead_ids=None)


def remarked(case: Case, remark: str) -> Prompt | None:
    """The case's prompt with a remark behind its question and its options; None when the last turn does not hold it."""
    text, question = case.question.text, case.question
    options = "".join(f"\n({chr(65 + n)}) {option}" for n, option in enumerate(question.choices))
    *before, last = case.prompt.messages
    head, found, tail = last.content.rpartition(text + options)
    if not found or last.role != "user":
        return None
    gap = "\n" if options else "" if question.language == "zh" else " "
    turn = Message("user", f"{head}{text}{options}{gap}{remark}{tail}")
    return replace(case.prompt, messages=(*before, turn), lead_ids=None)


def say(
    prompt: Prompt, path: str, *, max_tokens: int = 256, role: str = "probe", temperature: float = 0.0
) -> Flow[Completion]:
    """One reply, greedy by default; charged as a probe unless `role` is another."""
    [reply] = yield from sample(prompt, 1, Sampling(temperature, max_tokens), path=path, role=role)
    return reply


def ask_on(question: Question, prompt: Prompt, path: str, *, max_tokens: int = 1024) -> Flow[Trace]:
    """One greedy chain for a prompt that asks `question`, with the answer it gives."""
    reply = yield from say(prompt, path, max_tokens=max_tokens, role="chain")
    text = prompt.lead + reply.text
    answer = extract(text, question.kind, question.choices, thinking=reply.thinking)
    return Trace.of(prompt, reply, answer, split_steps(text))


def chain_of(prompt: Prompt, reply: Completion, answer: Answer = NO_ANSWER) -> Trace:
    """A reply as a chain of the pool that only served to look."""
    text = prompt.lead + reply.text
    return Trace.of(prompt, reply, answer, split_steps(text), role="probe")


def asked_again(case: Case, question: Question, tag: str = "") -> Flow[Solution]:
    """What the audited method makes of `question`.

    With a `tag` its random numbers are others than those of the attempt: repeated on the same question, a method that
    samples then shows its noise.
    """
    flow: Generator[Ask, Any, Solution] = case.method(question)
    if not tag:
        solution = yield from flow
        return solution
    reply: Any = None
    error: Exception | None = None
    while True:
        try:
            ask = flow.send(reply) if error is None else flow.throw(error)
        except StopIteration as stop:
            found: Solution = stop.value
            return found
        reply, error = None, None
        try:
            reply = yield _elsewhere(ask, tag)
        except Exception as caught:  # every error belongs to the method that asked
            error = caught


def _elsewhere(ask: Ask, tag: str) -> Ask:
    if isinstance(ask, Sample):
        return replace(ask, path=f"{ask.path}@{tag}")
    if isinstance(ask, Together):
        return Together(tuple(replace(one, path=f"{one.path}@{tag}") for one in ask.asks))
    return ask


def after_mark(text: str, mark: str) -> str | None:
    """The rest of the last line that holds `mark` ("Words:"), in either width of colon; None when none does."""
    plain, wanted = text.replace("：", ":").replace("*", ""), mark.replace("：", ":").lower()
    at = plain.lower().rfind(wanted)
    if at < 0:
        return None
    return plain[at + len(wanted) :].partition("\n")[0].strip()
