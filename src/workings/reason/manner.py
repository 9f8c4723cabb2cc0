"""How a chain is asked for: style, exemplars, stages. Shared by every method that samples chains."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from workings.core.answer import Answer, Source
from workings.core.ask import Flow, Sampling, sample_affordable
from workings.core.capability import Capability
from workings.core.completion import Completion
from workings.core.errors import BadSetting
from workings.core.problem import AnswerKind, Question
from workings.core.prompt import Message, Prompt
from workings.core.trace import Trace
from workings.reason.prompts import answer_cue, style, write_prompt
from workings.verify.extract import extract
from workings.verify.steps import split_steps

__all__ = ["Manner", "Stage", "check_settings", "read_reply", "think"]

Stage = Literal["lead", "turn"]
_ANSWER_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Manner:
    """The prompt side of a method.

    `stages` 2 samples the chain, then asks for the answer greedily after the style's cue and reads only that
    (Kojima et al. 2022, section 3): its first line with text; the chain's own answer stands when there is none.
    `answer_by` says how: "lead" continues the assistant's own turn, "turn" asks in
    a new user turn, for models that cannot continue a lead.
    """

    style: str = "cot"
    shots: int = 0
    stages: int = 1
    answer_by: Stage = "lead"
    order: int = 0
    language: str = "auto"

    @property
    def needs(self) -> frozenset[Capability]:
        """Continuing a lead, when the style has one or the second stage uses one."""
        leads = any(style(self.style, lang).lead for lang in ("en", "zh"))
        return frozenset({Capability.LEAD}) if leads or self._answers_by_lead else frozenset()

    @property
    def _answers_by_lead(self) -> bool:
        return self.stages == 2 and self.answer_by == "lead"


def check_settings(*, n: int = 1, stages: int = 1, shots: int = 0, answer_by: str = "lead") -> None:
    """Refuses settings out of range, with the offending value."""
    if n < 1:
        raise BadSetting(f"n={n} samples nothing.", "Ask for n=1 or more.")
    if stages not in (1, 2):
        raise BadSetting(f"stages={stages} is not known.", "Use stages=1, or stages=2 to ask for the answer apart.")
    if shots < 0:
        raise BadSetting(f"shots={shots} is negative.", "Use shots=0 for no exemplars.")
    if answer_by not in ("lead", "turn"):
        raise BadSetting(f"answer_by={answer_by!r} is not known.", "Use answer_by=lead or answer_by=turn.")


def think(
    question: Question, manner: Manner, sampling: Sampling, n: int = 1, *, start: int = 0
) -> Flow[tuple[tuple[Trace, ...], str]]:
    """Up to `n` chains with their answers, and why there are fewer (empty when there are not)."""
    prompt = write_prompt(question, manner.style, shots=manner.shots, order=manner.order, language=manner.language)
    completions, ended = yield from sample_affordable(prompt, n, sampling, start=start)
    traces = tuple(_read(question, prompt, c) for c in completions)
    if manner.stages == 1:
        return traces, ended
    answered = []
    for number, trace in enumerate(traces):
        full, short = yield from _ask_answer(question, manner, sampling, trace, start + number)
        answered.append(full)
        ended = ended or short
    return tuple(answered), ended


def _read(question: Question, prompt: Prompt, completion: Completion) -> Trace:
    text = prompt.lead + completion.text
    answer = extract(text, question.kind, question.choices, thinking=completion.thinking)
    return Trace.of(prompt, completion, answer, split_steps(text))


def _ask_answer(
    question: Question, manner: Manner, sampling: Sampling, trace: Trace, number: int
) -> Flow[tuple[Trace, str]]:
    cue = answer_cue(question, manner.style, manner.language)
    prompt = trace.prompt
    assert prompt is not None
    if manner.answer_by == "lead":
        second = Prompt(prompt.messages, trace.text + cue)
    else:
        turns = (*prompt.messages, Message("assistant", trace.text), Message("user", cue.strip()))
        second = Prompt(turns)
    greedy = replace(sampling, temperature=0.0, max_tokens=_ANSWER_TOKENS, stop=(*sampling.stop, "\n\n"))
    replies, ended = yield from sample_affordable(second, 1, greedy, path=f"answer/{number}")
    if not replies:
        return trace, ended
    reply = replies[0]
    answer = read_reply(question, trace.text + cue, reply.text, trace.answer)
    return replace(
        trace,
        text=trace.text + cue + reply.text,
        steps=split_steps(trace.text + cue + reply.text),
        answer=answer,
        usage=trace.usage + reply.usage,
    ), ended


def read_reply(question: Question, before: str, reply: str, otherwise: Answer) -> Answer:
    """The answer in a reply that was asked for by `before`, which ends in a cue; `otherwise` when the reply is empty.

    Its first line with text is read, and the span is that in `before` and the reply together.
    """
    line, at = _first_line(reply, question.kind)
    answer = _read_second(line, question)
    if not line.strip():
        return otherwise
    if answer.span is None:
        return answer
    shift = len(before) + at
    return replace(answer, span=(answer.span[0] + shift, answer.span[1] + shift))


def _first_line(text: str, kind: AnswerKind) -> tuple[str, int]:
    """The first line with text, and where it begins; all of it for a grid, which takes several lines."""
    at = len(text) - len(text.lstrip("\r\n \t"))
    at = text.rfind("\n", 0, at) + 1
    return (text, 0) if kind is AnswerKind.GRID else (text[at:].partition("\n")[0], at)


def _read_second(text: str, question: Question) -> Answer:
    """The answer in a second-stage reply, which is the answer itself and needs no declaration."""
    found = extract(text, question.kind, question.choices)
    if found.given and found.source is not Source.LAST:
        return found
    declared = "The answer is"
    again = extract(f"{declared}{text}", question.kind, question.choices)
    if again.span is None or not again.given:
        return found
    start, end = again.span
    return replace(again, span=(max(start - len(declared), 0), max(end - len(declared), 0)))
