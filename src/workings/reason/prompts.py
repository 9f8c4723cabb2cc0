"""Prompt styles and exemplars: data files turned into prompts.

A style is an entry of `styles.json`: a user turn, an optional lead and the cue that asks for the answer, in
English and Chinese. Exemplars are worked examples in `exemplars/FAMILY.LANGUAGE.json`, our own, checked by tests;
`exemplars/shared.json` names the families that use another one's. They become earlier turns of the conversation, so
that chat models and base models read the same examples.
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
    """Our worked examples for a family, in a fixed order.

    A task of a suite ("bbh/web_of_lies") has its own. Raises UnknownName, with the families that have some, when
    there are none in this language.
    """
    folder = resources.files("workings.reason").joinpath("exemplars")
    shared: dict[str, str] = json.loads(folder.joinpath("shared.json").read_text(encoding="utf-8"))
    ending = f".{language}.json"
    file = folder.joinpath(shared.get(family, family).replace("/", "-") + ending)
    if not family or not file.is_file():
        own = {f.name.removesuffix(ending) for f in folder.iterdir() if f.name.endswith(ending)}
        named = {name.replace("bbh-", "bbh/", 1) for name in own} | {name for name in shared if shared[name] in own}
        raise UnknownName(
            f"There are no exemplars in {language!r} for the family {family!r}.",
            f"Use shots=0, or one of: {', '.join(sorted(named)) or 'none'}.",
        )
    rows = json.loads(file.read_text(encoding="utf-8"))
    return tuple(
        Exemplar(r["question"], tuple(r["steps"]), tuple(r["drafts"]), r["answer"], tuple(r.get("choices", ())))
        for r in rows
    )


def pose(text: str, choices: tuple[str, ...]) -> str:
    """The question with its options lettered, one a line; BadSetting when there are more options than letters."""
    if len(choices) > len(_LETTERS):
        raise BadSetting(f"{len(choices)} choices are more than there are letters.", f"Give {len(_LETTERS)} or fewer.")
    options = "".join(f"\n({_LETTERS[i]}) {c}" for i, c in enumerate(choices))
    return text + options


def written_chain(name: str, exemplar: Exemplar, language: str) -> str:
    """What the assistant would have written for an exemplar in style `name`."""
    lines = {"direct": (), "draft": exemplar.drafts}.get(name, exemplar.steps)
    return "\n".join((*lines, _DECLARATION[language].format(answer=exemplar.answer)))


def write_prompt(question: Question, name: str, *, shots: int = 0, order: int = 0, language: str = "auto") -> Prompt:
    """The prompt for a question in a style.

    `shots` exemplars stand before it as earlier turns, the first ones of the family's file; `order` other than 0
    shuffles them by that seed. An exemplar that asks this very question is left out. `language` "auto" follows the
    question. Raises UnknownName for a style or family that is not there, and BadSetting for too many shots.
    """
    if language == "auto":
        language = question.language
    chosen = style(name, language)
    gap = "" if language == "zh" else " "
    turns = [Message("system", chosen.system)] if chosen.system else []
    for exemplar in _shots(question, language, shots, order):
        turns.append(Message("user", chosen.user.replace("{question}", pose(exemplar.question, exemplar.choices))))
        shown = written_chain(name, exemplar, language)
        turns.append(Message("assistant", f"{chosen.lead}{gap}{shown}" if chosen.lead else shown))
    turns.append(Message("user", chosen.user.replace("{question}", pose(question.text, question.choices))))
    return Prompt(tuple(turns), chosen.lead)


def _shots(question: Question, language: str, shots: int, order: int) -> tuple[Exemplar, ...]:
    if shots == 0:
        return ()
    family = question.family
    known = [one for one in exemplars(family, language) if one.question != question.text]
    if not 0 < shots <= len(known):
        raise BadSetting(
            f"shots={shots}, but {family!r} has {len(known)} exemplars in {language!r}.",
            f"Ask for 0 to {len(known)}.",
        )
    picked = known[:shots]
    if order:
        random.Random(order).shuffle(picked)
    return tuple(picked)


def answer_cue(question: Question, name: str, language: str = "auto") -> str:
    """The text that asks for the final answer after a chain (the second stage of zero-shot chain of thought)."""
    if language == "auto":
        language = question.language
    cue = style(name, language).cue
    kind = _FORMATS[language][question.kind]
    if question.kind is AnswerKind.CHOICE:
        kind = kind.replace("{last}", _LETTERS[len(question.choices) - 1]) if question.choices else ""
    cue = cue.replace("{format}", kind).replace("  ", " ")
    return cue if cue.startswith("\n") else "\n" + cue
