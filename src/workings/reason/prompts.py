"""Prompt styles and exemplars: data files turned into prompts.

A style is an entry of `styles.json`: a user turn, an optional lead and the cue that asks for the answer, in
English and Chinese. Exemplars are worked examples in `exemplars/FAMILY.json`, our own, checked by a test; they
become earlier turns of the conversation, so that chat models and base models read the same examples.
"""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from workings.core.errors import BadSetting, UnknownName
from workings.core.problem import AnswerKind, Question
from workings.core.prompt import Message, Prompt

__all__ = ["Exemplar", "Style", "exemplars", "pose", "style", "style_names", "write_prompt", "written_chain"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FORMATS = {
    "en": {
        AnswerKind.NUMBER: "(arabic numerals)",
        AnswerKind.YES_NO: "(Yes or No)",
        AnswerKind.CHOICE: "among A through {last}",
        AnswerKind.TEXT: "",
        AnswerKind.GRID: "(rows of numbers)",
    },
    "zh": {
        AnswerKind.NUMBER: "（阿拉伯数字）",
        AnswerKind.YES_NO: "（是或否）",
        AnswerKind.CHOICE: "（A到{last}之一）",
        AnswerKind.TEXT: "",
        AnswerKind.GRID: "（数字行）",
    },
}
_DECLARATION = {"en": "The answer is {answer}.", "zh": "答案是{answer}。"}
_SHARED = {
    "gsm8k": "arithmetic",
    "svamp": "arithmetic",
    "asdiv": "arithmetic",
    "mawps": "arithmetic",
    "word-problems-new": "word-problems",
}


@dataclass(frozen=True, slots=True)
class Style:
    """One way to put a question, in one language."""

    name: str
    language: str
    user: str
    lead: str = ""
    cue: str = ""
    system: str = ""


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A worked example: question, steps, the same steps as a draft, answer."""

    question: str
    steps: tuple[str, ...]
    drafts: tuple[str, ...]
    answer: str
    choices: tuple[str, ...] = ()


@functools.cache
def _styles() -> Mapping[str, Any]:
    text = resources.files("workings.reason").joinpath("styles.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def style_names() -> tuple[str, ...]:
    """The names of all prompt styles."""
    return tuple(_styles())


def style(name: str, language: str) -> Style:
    """The style `name` in `language` ("en" or "zh")."""
    known = _styles()
    if name not in known:
        raise UnknownName.among("prompt style", name, known)
    if language not in known[name]:
        raise BadSetting(f"Style {name!r} is not written in {language!r}.", f"There is: {', '.join(known[name])}.")
    return Style(name, language, **known[name][language])


@functools.cache
def exemplars(family: str, language: str) -> tuple[Exemplar, ...]:
    """Our worked examples for a family, in a fixed order; UnknownName when there are none."""
    folder = resources.files("workings.reason").joinpath("exemplars")
    wanted = _SHARED.get(family, family).replace("/", "-") + f".{language}.json"
    file = folder.joinpath(wanted)
    if not file.is_file():
        there = sorted(f.name.removesuffix(f".{language}.json") for f in folder.iterdir() if language in f.name)
        raise UnknownName.among(f"set of {language} exemplars", family, there)
    rows = json.loads(file.read_text(encoding="utf-8"))
    return tuple(
        Exemplar(r["question"], tuple(r["steps"]), tuple(r["drafts"]), r["answer"], tuple(r.get("choices", ())))
        for r in rows
    )


def pose(text: str, choices: tuple[str, ...]) -> str:
    """The question with its options lettered, one a line."""
    options = "".join(f"\n({_LETTERS[i]}) {c}" for i, c in enumerate(choices))
    return text + options


def written_chain(name: str, exemplar: Exemplar, language: str) -> str:
    """What the assistant would have written for an exemplar in style `name`."""
    lines = {"direct": (), "draft": exemplar.drafts}.get(name, exemplar.steps)
    return "\n".join((*lines, _DECLARATION[language].format(answer=exemplar.answer)))


def write_prompt(question: Question, name: str, *, shots: int = 0, order: int = 0, language: str = "auto") -> Prompt:
    """The prompt for a question in a style.

    `shots` exemplars stand before it as earlier turns, the first ones of the family's file; `order` other than 0
    shuffles them by that seed. `language` "auto" follows the question.
    """
    if language == "auto":
        language = question.language
    chosen = style(name, language)
    turns = [Message("system", chosen.system)] if chosen.system else []
    for exemplar in _shots(question.family, language, shots, order):
        turns.append(Message("user", chosen.user.replace("{question}", pose(exemplar.question, exemplar.choices))))
        shown = written_chain(name, exemplar, language)
        turns.append(Message("assistant", f"{chosen.lead} {shown}" if chosen.lead else shown))
    turns.append(Message("user", chosen.user.replace("{question}", pose(question.text, question.choices))))
    return Prompt(tuple(turns), chosen.lead)


def _shots(family: str, language: str, shots: int, order: int) -> tuple[Exemplar, ...]:
    if shots == 0:
        return ()
    known = exemplars(family, language)
    if shots > len(known):
        raise BadSetting(f"shots={shots}, but {family!r} has {len(known)} exemplars.", f"Ask for at most {len(known)}.")
    picked = list(known[:shots])
    if order:
        random.Random(order).shuffle(picked)
    return tuple(picked)


def answer_cue(question: Question, name: str, language: str = "auto") -> str:
    """The text that asks for the final answer after a chain (the second stage of zero-shot chain of thought)."""
    if language == "auto":
        language = question.language
    kind = _FORMATS[language][question.kind].replace("{last}", _LETTERS[max(len(question.choices), 1) - 1])
    cue = style(name, language).cue.replace("{format}", kind).replace("  ", " ")
    return cue if cue.startswith("\n") else "\n" + cue
