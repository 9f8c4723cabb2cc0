"""How a chain is asked for."""

from __future__ import annotations

import pytest

from workings.core.ask import Sampling
from workings.core.capability import Capability
from workings.core.completion import Completion
from workings.core.problem import AnswerKind, Question
from workings.reason.manner import Manner, think
from workings.reason.prompts import style, style_names

QUESTION = Question("q", "How many?")


def stage_two(reply, kind=AnswerKind.NUMBER, choices=(), **manner):
    """The trace of a chain without an answer whose second reply is `reply`."""
    question = Question("q", "Which?", kind, choices)
    flow = think(question, Manner(stages=2, **manner), Sampling())
    flow.send(None)
    flow.send((Completion("Let me see"),))
    with pytest.raises(StopIteration) as stop:
        flow.send((Completion(reply),))
    [trace], ended = stop.value.value
    assert ended == ""
    if trace.answer.span is not None:
        start, end = trace.answer.span
        assert trace.text[start:end] == trace.answer.raw
    return trace.answer


@pytest.mark.parametrize(
    ("reply", "kind", "choices", "canonical"),
    [
        (" 42.", AnswerKind.NUMBER, (), "42"),
        ("\n 42.\nQ: 9?", AnswerKind.NUMBER, (), "42"),
        ("42", AnswerKind.NUMBER, (), "42"),
        (" $1,250.", AnswerKind.NUMBER, (), "1250"),
        (" 42 because 40 + 2 = 42", AnswerKind.NUMBER, (), "42"),
        (" -7", AnswerKind.NUMBER, (), "-7"),
        (" (B).", AnswerKind.CHOICE, ("red", "blue"), "B"),
        (" B", AnswerKind.CHOICE, ("red", "blue"), "B"),
        (" Yes.", AnswerKind.YES_NO, (), "yes"),
        (" no", AnswerKind.YES_NO, (), "no"),
        (" unclear.", AnswerKind.NUMBER, (), None),
        ("", AnswerKind.NUMBER, (), None),
    ],
)
def test_the_second_reply_is_the_answer(reply, kind, choices, canonical):
    assert stage_two(reply, kind, choices).canonical == canonical
    assert stage_two(reply, kind, choices, answer_by="turn").canonical == canonical


@pytest.mark.parametrize(("reply", "wanted"), [("", "7"), (" \n", "7"), (" 8", "8")])
def test_an_empty_second_reply_leaves_the_answer_of_the_chain(reply, wanted):
    flow = think(QUESTION, Manner(stages=2), Sampling())
    flow.send(None)
    asked = flow.send((Completion("The answer is 7."),))
    assert asked.sampling.stop == ("\n\n",)
    with pytest.raises(StopIteration) as stop:
        flow.send((Completion(reply),))
    assert stop.value.value[0][0].answer.canonical == wanted


def test_needs_follow_style_and_stages():
    lead = frozenset({Capability.LEAD})
    assert Manner().needs == frozenset() and Manner("draft").needs == frozenset()
    assert Manner("kojima").needs == lead and Manner(stages=2).needs == lead
    assert Manner(stages=2, answer_by="turn").needs == frozenset()


@pytest.mark.parametrize("name", style_names())
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_style_holds_the_question_and_a_cue(name, language):
    chosen = style(name, language)
    assert chosen.user.count("{question}") == 1 and chosen.cue.strip()


def test_samples_are_numbered_from_start():
    flow = think(QUESTION, Manner(stages=2), Sampling(), 2, start=6)
    first = flow.send(None)
    assert (first.n, first.start, first.path) == (2, 6, "chain")
    second = flow.send((Completion("a"), Completion("b")))
    assert second.path == "answer/6"
    third = flow.send((Completion("1"),))
    assert third.path == "answer/7"


def test_a_question_that_holds_braces_is_put_as_it_is():
    question = Question("q", "What is {question} {format} {0}?")
    ask = think(question, Manner(), Sampling()).send(None)
    assert ask.prompt.messages[-1].content.startswith("What is {question} {format} {0}?")
