"""What is read in a chain's place, and which steps state the answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from chains import case_of
from hypothesis import given
from hypothesis import strategies as st

from workings.audit.leakage import last_numbers, states, stating
from workings.audit.standins import count_words, length_at, other_cues, reordered, shuffled, tag_of
from workings.core.problem import AnswerKind, Question
from workings.core.prompt import Message, Prompt
from workings.verify.steps import split_steps


@pytest.mark.parametrize(
    ("text", "name", "kind", "said"),
    [
        ("3 + 4 = 7", "7", AnswerKind.NUMBER, True),
        ("3 + 4 = 17", "7", AnswerKind.NUMBER, False),
        ("That makes 1,200 in all", "1200", AnswerKind.NUMBER, True),
        ("It is 7.0 long", "7", AnswerKind.NUMBER, True),
        ("3 + 7 = 10", "7", AnswerKind.NUMBER, False),
        ("7 = 3 + 4", "7", AnswerKind.NUMBER, False),
        ("5*3 = $15 for the two", "15", AnswerKind.NUMBER, True),
        ("5) 4*8=32, mod 9: 5", "32", AnswerKind.NUMBER, True),
        ("So option B is out", "B", AnswerKind.CHOICE, True),
        ("so the answer is B", "B", AnswerKind.CHOICE, True),
        ("(B) it must be", "B", AnswerKind.CHOICE, True),
        ("A plum is a fruit", "A", AnswerKind.CHOICE, False),
        ("that is a plum", "B", AnswerKind.CHOICE, True),
        ("so yes", "yes", AnswerKind.YES_NO, True),
        ("no one did", "no", AnswerKind.YES_NO, False),
        ("so no.", "no", AnswerKind.YES_NO, True),
        ("the red ball", "red", AnswerKind.TEXT, True),
        ("a tired ball", "red", AnswerKind.TEXT, False),
        ("所以是红球", "红球", AnswerKind.TEXT, True),
    ],
)
def test_what_states_an_answer(text, name, kind, said):
    choices = ("kiwi", "plum") if kind is AnswerKind.CHOICE else ()
    assert states(text, name, Question("q", "?", kind, choices)) is said


def test_steps_that_state_it_and_what_steps_come_to():
    steps = split_steps("2 + 3 = 5\nNo number\n5 + 4 = 9\n9 - 4 = 5")
    assert stating(steps, "5", Question("q", "?")) == (0, 3)
    assert last_numbers(steps) == ("5", "9")


@given(st.lists(st.sampled_from(["one.", "two.", "three.", "four."]), min_size=1, max_size=6, unique=True))
def test_shuffled_steps_are_the_same_steps(parts):
    case = case_of(text="\n".join((*parts, "The answer is {}.")))
    text, ends = shuffled(case, case.reasoning)
    assert sorted(text.split("\n")) == sorted(parts) and len(ends) == len(parts) + 1
    assert ends[0] == 0 and ends[-1] == len(text) and list(ends) == sorted(ends)
    assert (text.split("\n") != parts) or len(parts) == 1
    assert shuffled(case, case.reasoning) == (text, ends)


def test_thinking_tags_stay_where_they_are():
    case = case_of(text="<think>\none.\ntwo.\nthree.\n</think>\nSo.\nThe answer is {}.")
    text, _ = shuffled(case, case.reasoning)
    assert text.startswith("<think>\n") and text.split("\n")[4] == "</think>"
    assert tag_of(case, case.reasoning.text) == "<think>\n" and tag_of(case, "one. <think>") == ""


def test_words_are_near_to_tokens():
    assert count_words("5) 4*8=32, mod 9: 5") == 13 and count_words("所以 答案") == 4


def test_lengths_are_in_tokens_where_their_texts_are_known():
    case = case_of(text="one two\nthree\nThe answer is {}.")
    assert length_at(case, case.reasoning) == ((0, 2, 3), "words")
    tokens = ("one", " ", "two", "\n", "th", "ree", "\n", "The answer is kiwi.")
    known = replace(case.trace, tokens=tokens)
    exact = replace(case, solution=replace(case.solution, pool=(known,)))
    assert length_at(exact, exact.reasoning) == ((0, 3, 6), "tokens")
    other = replace(case, solution=replace(case.solution, pool=(replace(known, tokens=tokens[1:]),)))
    assert length_at(other, other.reasoning)[1] == "words"


def test_cues_are_other_ones():
    case = case_of()
    assert len(other_cues(case)) == 2
    assert len(other_cues(replace(case, cue="\nSo the final answer is"))) == 1
    chinese = replace(case.problem, question=replace(case.question, language="zh"))
    assert "答案" in other_cues(replace(case, problem=chinese))[0]


def test_options_are_moved_in_the_last_question_alone():
    choices = ("kiwi", "plum", "kiwi fig")
    shot = "Which? \n(A) kiwi\n(B) plum\n(C) kiwi fig"
    case = case_of("A", kind=AnswerKind.CHOICE, choices=choices, strangers=())
    messages = (Message("user", shot), Message("assistant", "A."), Message("user", shot))
    case = replace(case, prompt=Prompt(messages))
    prompt, order = reordered(case, 1)
    assert prompt.messages[:2] == messages[:2] and order == (1, 2, 0)
    assert prompt.messages[2].content == "Which? \n(A) plum\n(B) kiwi fig\n(C) kiwi"
    assert reordered(replace(case, prompt=Prompt.user("Which fruit?")), 1) is None
    assert reordered(case_of(), 1) is None
