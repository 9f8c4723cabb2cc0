"""Styles as data, and the prompts that are written from them."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources

import pytest

from workings.core.errors import BadSetting, UnknownName
from workings.core.problem import AnswerKind, Question
from workings.core.prompt import Message
from workings.problems.procedural import family, generate
from workings.reason.prompts import (
    Exemplar,
    answer_cue,
    exemplars,
    pose,
    style,
    style_names,
    write_prompt,
    written_chain,
)
from workings.verify.extract import extract

SUM = Question("q1", "Ann has 2 cats and gets 3 more. How many has she?", family="gsm8k")
PICK = Question("q2", "Which is red?", AnswerKind.CHOICE, ("a leaf", "a rose", "the sky"), "aqua")
ZH = Question("q3", "小安有2只猫，又来了3只。一共几只？", family="gsm8k", language="zh")
STYLES = ("direct", "cot", "draft", "kojima")
LANGUAGES = ("en", "zh")


# The data


def test_the_styles_there_are() -> None:
    assert style_names() == STYLES


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", STYLES)
def test_each_style_is_whole_in_both_languages(name: str, language: str) -> None:
    found = style(name, language)
    assert (found.name, found.language) == (name, language)
    assert found.user.count("{question}") == 1
    assert found.cue and "{question}" not in found.cue + found.lead + found.system
    assert "{" not in found.user.replace("{question}", "") and "{" not in found.cue.replace("{format}", "")
    other = style(name, "zh" if language == "en" else "en")
    assert bool(found.lead) == bool(other.lead) and bool(found.system) == bool(other.system)
    assert ("{format}" in found.cue) == ("{format}" in other.cue)
    chinese = any("\u4e00" <= c <= "\u9fff" for c in found.user + found.lead + found.cue)
    assert chinese == (language == "zh")


def test_the_style_file_has_no_unknown_keys() -> None:
    rows = json.loads(resources.files("workings.reason").joinpath("styles.json").read_text(encoding="utf-8"))
    for languages in rows.values():
        assert set(languages) == set(LANGUAGES)
        for fields in languages.values():
            assert {"user", "cue"} <= set(fields) <= {"user", "cue", "lead", "system"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["direct", "cot", "draft"])
def test_the_form_of_answer_that_is_asked_for_is_the_one_exemplars_show(name: str, language: str) -> None:
    asked = style(name, language).user
    shown = written_chain("direct", Exemplar("", (), (), "X"), language)
    assert shown in asked


# The prompt


def test_direct_zero_shot() -> None:
    prompt = write_prompt(SUM, "direct")
    assert prompt.messages == (Message("user", f"{SUM.text}\nGive only the answer, like this: The answer is X."),)
    assert prompt.lead == "" and prompt.lead_ids is None


def test_choices_are_lettered_one_a_line() -> None:
    assert pose(PICK.text, PICK.choices) == "Which is red?\n(A) a leaf\n(B) a rose\n(C) the sky"
    assert pose(SUM.text, ()) == SUM.text
    assert write_prompt(PICK, "cot").messages[-1].content.startswith("Which is red?\n(A) a leaf\n")


def test_kojima_has_a_lead() -> None:
    prompt = write_prompt(SUM, "kojima")
    assert prompt.messages == (Message("user", f"Q: {SUM.text}"),)
    assert prompt.lead == "A: Let's think step by step."


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("question", [SUM, PICK, ZH], ids=["number", "choice", "chinese"])
def test_shots_are_earlier_turns(question: Question, name: str) -> None:
    prompt = write_prompt(question, name, shots=3)
    bare = write_prompt(question, name)
    assert [m.role for m in prompt.messages] == ["user", "assistant"] * 3 + ["user"]
    assert prompt.messages[-1:] == bare.messages and prompt.lead == bare.lead
    shown = exemplars(question.family, question.language)[:3]
    chosen = style(name, question.language)
    for exemplar, asked, said in zip(shown, prompt.messages[::2], prompt.messages[1::2], strict=False):
        assert asked.content == chosen.user.replace("{question}", pose(exemplar.question, exemplar.choices))
        assert said.content.startswith(chosen.lead)
        assert said.content.endswith(written_chain(name, exemplar, question.language))
        assert extract(said.content, question.kind, exemplar.choices).canonical == exemplar.answer


def test_kojima_shots_begin_with_its_lead() -> None:
    said = write_prompt(SUM, "kojima", shots=1).messages[1].content
    assert said.startswith("A: Let's think step by step. The bakery bakes 6 × 15 = 90 rolls.\n")
    assert write_prompt(ZH, "kojima", shots=1).messages[1].content.startswith("答：让我们一步一步地思考。一共烤了")


def test_what_each_style_shows_of_an_exemplar() -> None:
    one = Exemplar("?", ("Two and two are 2 + 2 = 4.", "Doubled, 4 × 2 = 8."), ("2+2=4", "4×2=8"), "8")
    assert written_chain("direct", one, "en") == "The answer is 8."
    assert written_chain("draft", one, "en") == "2+2=4\n4×2=8\nThe answer is 8."
    assert written_chain("cot", one, "en") == written_chain("kojima", one, "en")
    assert written_chain("cot", one, "en") == "Two and two are 2 + 2 = 4.\nDoubled, 4 × 2 = 8.\nThe answer is 8."
    assert written_chain("direct", one, "zh") == "答案是8。"


def test_a_system_turn_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    from workings.reason import prompts

    rows = {"stern": {"en": {"user": "{question}", "system": "Be exact.", "cue": "So"}}}
    monkeypatch.setattr(prompts, "_styles", lambda: rows)
    prompt = write_prompt(SUM, "stern", shots=1)
    assert [m.role for m in prompt.messages] == ["system", "user", "assistant", "user"]
    assert prompt.messages[0].content == "Be exact."


def test_braces_in_a_question_stay_as_they_are() -> None:
    odd = replace(SUM, text="What is {question} in {format} and {0}?")
    assert write_prompt(odd, "kojima").messages[-1].content == "Q: What is {question} in {format} and {0}?"


# Order and number of shots


def test_order_shuffles_the_same_shots_by_seed() -> None:
    asked = [write_prompt(SUM, "cot", shots=8, order=seed).messages for seed in (0, 1, 1, 2)]
    assert asked[1] == asked[2]
    assert len({asked[0], asked[1], asked[3]}) == 3
    assert {m.content for m in asked[0]} == {m.content for m in asked[1]} == {m.content for m in asked[3]}
    for messages in asked:
        pairs = set(zip(messages[:-1:2], messages[1::2], strict=True))
        assert pairs == set(zip(asked[0][:-1:2], asked[0][1::2], strict=True)), "questions keep their answers"


def test_order_does_not_change_which_shots_are_shown() -> None:
    plain, mixed = (write_prompt(SUM, "cot", shots=4, order=seed).messages for seed in (0, 5))
    assert set(plain) == set(mixed)


def test_fewer_shots_are_the_first_of_more() -> None:
    few, many = (write_prompt(SUM, "draft", shots=n).messages for n in (2, 5))
    assert few[:4] == many[:4]


def test_no_shots_need_no_exemplars() -> None:
    assert len(write_prompt(replace(SUM, family="unheard-of"), "cot").messages) == 1


@pytest.mark.parametrize("shots", [9, 100, -1])
def test_shots_that_are_not_there(shots: int) -> None:
    with pytest.raises(BadSetting) as caught:
        write_prompt(SUM, "cot", shots=shots)
    assert f"shots={shots}" in str(caught.value) and "'gsm8k' has 8" in str(caught.value)
    assert "0 to 8" in caught.value.next_step


def test_an_exemplar_is_not_shown_to_its_own_question() -> None:
    first = exemplars("coin-flip", "en")[0]
    question = Question("q", first.question, AnswerKind.YES_NO, family="coin-flip")
    contents = [m.content for m in write_prompt(question, "cot", shots=5).messages]
    assert sum(first.question in text for text in contents) == 1
    with pytest.raises(BadSetting, match="has 5 exemplars"):
        write_prompt(question, "cot", shots=6)


@pytest.mark.parametrize("name", ["coin-flip", "word-problems-new", "countdown"])
def test_test_problems_never_stand_among_their_shots(name: str) -> None:
    shown = {one.question for one in exemplars(name, "en")}
    for problem in generate(family(name), "test", 30):
        assert problem.question.text not in shown


# Language


def test_auto_follows_the_question_and_a_language_can_be_forced() -> None:
    assert write_prompt(ZH, "cot") == write_prompt(ZH, "cot", language="zh")
    assert write_prompt(ZH, "cot", language="en").messages[-1].content.endswith("The answer is X.")
    forced = write_prompt(SUM, "cot", shots=1, language="zh").messages
    assert forced[0].content.startswith("面包房") and forced[1].content.endswith("答案是38。")


def test_direct_in_chinese() -> None:
    assert write_prompt(ZH, "direct").messages == (Message("user", f"{ZH.text}\n只给出答案，像这样：答案是X。"),)


def test_unknown_styles_and_languages() -> None:
    with pytest.raises(UnknownName, match=r"'drafts'.*Did you mean draft"):
        write_prompt(SUM, "drafts")
    with pytest.raises(BadSetting, match=r"'cot' is not written in 'fr'.*en, zh"):
        write_prompt(SUM, "cot", language="fr")
    with pytest.raises(BadSetting, match="'de'"):
        write_prompt(replace(SUM, language="de"), "direct")
    with pytest.raises(BadSetting, match="'fr'"):
        answer_cue(SUM, "kojima", "fr")
    with pytest.raises(UnknownName, match=r"'unheard-of'.*shots=0"):
        write_prompt(replace(SUM, family="unheard-of"), "cot", shots=1)


# The second stage


@pytest.mark.parametrize(
    ("kind", "choices", "english", "chinese"),
    [
        (AnswerKind.NUMBER, (), "the answer (arabic numerals) is", "答案（阿拉伯数字）是"),
        (AnswerKind.YES_NO, (), "the answer (Yes or No) is", "答案（是或否）是"),
        (AnswerKind.CHOICE, ("a", "b", "c", "d", "e"), "the answer among A through E is", "答案（A到E之一）是"),
        (AnswerKind.CHOICE, ("a", "b"), "the answer among A through B is", "答案（A到B之一）是"),
        (AnswerKind.CHOICE, (), "the answer is", "答案是"),
        (AnswerKind.TEXT, (), "the answer is", "答案是"),
        (AnswerKind.GRID, (), "the answer (rows of numbers) is", "答案（数字行）是"),
    ],
)
def test_the_cue_names_the_form(kind: AnswerKind, choices: tuple[str, ...], english: str, chinese: str) -> None:
    question = replace(SUM, kind=kind, choices=choices)
    assert answer_cue(question, "kojima") == f"\nTherefore, {english}"
    assert answer_cue(question, "kojima", "zh") == f"\n因此，{chinese}"


@pytest.mark.parametrize("name", ["direct", "cot", "draft"])
def test_other_cues_are_a_line_of_their_own(name: str) -> None:
    assert answer_cue(PICK, name) == "\nThe answer is"
    assert answer_cue(ZH, name) == "\n答案是"
    assert answer_cue(replace(ZH, language="en"), name) == "\nThe answer is"


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_follows_a_cue_is_read_as_the_answer(name: str, language: str) -> None:
    cue = answer_cue(SUM, name, language)
    assert extract(f"2 + 3 = 6, no: 5.{cue} 5", AnswerKind.NUMBER).canonical == "5"
