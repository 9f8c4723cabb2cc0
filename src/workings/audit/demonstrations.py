"""Worked examples of a recorded prompt, taken apart, changed in one respect, and put together again."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from workings.audit.case import Case, reasoning_of
from workings.audit.phrases import Phrases
from workings.core.prompt import Message, Prompt
from workings.core.trace import Trace
from workings.verify.extract import extract
from workings.verify.steps import split_steps

__all__ = ["CHANGES", "Demonstration", "Frame", "changed", "frame_of", "own_chains"]

_EQUATION = re.compile(
    r"(?P<a>\d+(?:\.\d+)?)\s*(?P<sign>[-+*×x÷/−])\s*(?P<b>\d+(?:\.\d+)?)\s*=\s*(?P<c>-?\d+(?:\.\d+)?)"
)
_NEED_EQUATIONS = ("equations", "short-dots", "pattern")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_RESULT = re.compile(r"(?P<head>.*(?:->|→|[:：=])\s*)(?P<result>[^\s].*?)(?P<stop>[.。]?)$", re.S)
_OTHER_SIGN = {"+": "-", "-": "+", "−": "+", "*": "+", "×": "+", "x": "+", "÷": "-", "/": "-"}
_PLACEHOLDERS = "αβγδεζηθικλμνξοπρστυφχψω"


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One worked example: the question as it was put, its steps, and the text that states its answer.

    `answer_first` has the answer before the steps; `note` stands before steps that follow an answer.
    """

    question: str
    steps: tuple[str, ...]
    stated: str
    answer_first: bool = False
    note: str = ""

    @property
    def reply(self) -> str:
        """What the assistant says."""
        steps = "\n".join(self.steps)
        if self.answer_first:
            return f"{self.stated}\n{self.note + ' ' if self.note else ''}{steps}" if steps else self.stated
        return f"{steps}\n{self.stated}" if steps else self.stated


@dataclass(frozen=True, slots=True)
class Frame:
    """How a recorded prompt puts its questions: what stands before and behind each, and the examples it shows."""

    head: tuple[Message, ...]
    before: str
    behind: str
    lead: str
    asked: str
    demonstrations: tuple[Demonstration, ...]

    def prompt(self, shown: Sequence[Demonstration], wording: str = "") -> Prompt:
        """The prompt with other examples; `wording` puts every question in another way ("{question} Be brief.")."""
        turns = list(self.head)
        for one in shown:
            turns.append(Message("user", self._put(one.question, wording)))
            gap = "" if not self.lead or one.reply[:1].isspace() else " "
            turns.append(
                Message("assistant", f"{self.lead}{gap}{one.reply}" if self.lead and not wording else one.reply)
            )
        turns.append(Message("user", self._put(self.asked, wording)))
        return Prompt(tuple(turns), "" if wording else self.lead)

    def _put(self, question: str, wording: str) -> str:
        return wording.replace("{question}", question) if wording else f"{self.before}{question}{self.behind}"


def frame_of(case: Case) -> Frame | None:
    """The frame of a case's prompt; None when it shows no worked example, or the question does not stand in it."""
    *earlier, last = case.prompt.messages
    question = case.question
    options = "".join(f"\n({chr(65 + n)}) {text}" for n, text in enumerate(question.choices))
    asked = question.text + options
    before, found, behind = last.content.partition(asked)
    head = tuple(m for m in earlier if m.role == "system")
    turns = [m for m in earlier if m.role != "system"]
    if not found or not turns or len(turns) % 2:
        return None
    shown = []
    for user, assistant in zip(turns[::2], turns[1::2], strict=True):
        posed = user.content
        if (user.role, assistant.role) != ("user", "assistant") or not posed.startswith(before):
            return None
        posed = posed[len(before) :].removesuffix(behind) if behind else posed[len(before) :]
        text = assistant.content.removeprefix(case.prompt.lead).lstrip()
        answer = extract(text, question.kind, ())
        told = reasoning_of(Trace(text, split_steps(text), answer))
        shown.append(Demonstration(posed, tuple(told.text.splitlines()), told.stated.strip() or text.strip()))
    return Frame(head, before, behind, case.prompt.lead, asked, tuple(shown))


def own_chains(case: Case) -> tuple[Demonstration, ...]:
    """The model's own chains on other problems of the family as worked examples: another source of them."""
    found = []
    frame = frame_of(case)
    for trace in case.strangers:
        if trace.prompt is None or frame is None:
            continue
        posed = trace.prompt.messages[-1].content.removeprefix(frame.before)
        told = reasoning_of(trace)
        if told.stated.strip():
            steps = tuple(line for line in told.text.splitlines() if line.strip())
            found.append(Demonstration(posed.removesuffix(frame.behind), steps, told.stated.strip()))
    return tuple(found)


Change = Callable[[Sequence[Demonstration], random.Random, Phrases], list[Demonstration]]


def changed(name: str, shown: Sequence[Demonstration], rng: random.Random, told: Phrases) -> list[Demonstration] | None:
    """The examples changed as `name` says; None where that changes none of them."""
    if name in _NEED_EQUATIONS and not any(_EQUATION.search(step) for one in shown for step in one.steps):
        return None
    made = CHANGES[name](shown, rng, told)
    return made if made != list(shown) else None


def _each(change: Callable[[Demonstration, random.Random], tuple[str, ...]]) -> Change:
    def all_of(shown: Sequence[Demonstration], rng: random.Random, told: Phrases) -> list[Demonstration]:
        return [replace(one, steps=change(one, rng)) for one in shown]

    return all_of


def _equations(one: Demonstration, rng: random.Random) -> tuple[str, ...]:
    """The equations alone, one a line, no words (Wei et al. 2022: equation only)."""
    return tuple(found.group() for step in one.steps for found in _EQUATION.finditer(step))


def _dots(one: Demonstration, rng: random.Random) -> tuple[str, ...]:
    return tuple(" ".join("." for _ in step.split()) for step in one.steps)


def _short_dots(one: Demonstration, rng: random.Random) -> tuple[str, ...]:
    return ("." * max(sum(len(equation) for equation in _equations(one, rng)), 1),)


def _invalid(one: Demonstration, rng: random.Random) -> tuple[str, ...]:
    """Another operation on the same numbers where there are equations, else the steps' results exchanged."""
    steps = tuple(_EQUATION.sub(_other_operation, step) for step in one.steps)
    if steps != one.steps:
        return steps
    parts = [_RESULT.match(step) for step in one.steps]
    results = [part["result"] for part in parts if part is not None]
    turned = iter([*results[1:], *results[:1]])
    return tuple(
        step if part is None else part["head"] + next(turned) + part["stop"]
        for step, part in zip(one.steps, parts, strict=True)
    )


def _other_operation(found: re.Match[str]) -> str:
    sign = _OTHER_SIGN[found["sign"]]
    a, b = float(found["a"]), float(found["b"])
    return f"{found['a']} {sign} {found['b']} = {a + b if sign == '+' else a - b:g}"


def _incoherent(one: Demonstration, rng: random.Random) -> tuple[str, ...]:
    """The same steps in another order; two steps are always turned round."""
    if len(set(one.steps)) < 2:
        return one.steps
    mixed = list(one.steps)
    while tuple(mixed) == one.steps:
        rng.shuffle(mixed)
    return tuple(mixed)


def _irrelevant(shown: Sequence[Demonstration], rng: random.Random, told: Phrases) -> list[Demonstration]:
    """Each example has the steps of the next one, its own question and its own answer."""
    return [replace(one, steps=other.steps) for one, other in zip(shown, [*shown[1:], *shown[:1]], strict=True)]


def _symbols(shown: Sequence[Demonstration], rng: random.Random, told: Phrases) -> list[Demonstration]:
    """Numbers of question and steps as Greek letters, the same letter for the same number; the answer stays."""
    made = []
    for one in shown:
        names: dict[str, str] = {}

        def letter(found: re.Match[str], names: dict[str, str] = names) -> str:
            place = len(names)
            default = _PLACEHOLDERS[place % len(_PLACEHOLDERS)] * (place // len(_PLACEHOLDERS) + 1)
            return names.setdefault(found.group(), default)

        question = _NUMBER.sub(letter, one.question)
        made.append(replace(one, question=question, steps=tuple(_NUMBER.sub(letter, step) for step in one.steps)))
    return made


def _pattern(one: Demonstration, rng: random.Random) -> tuple[str, ...]:
    """Each equation as its result alone: the words stay, how the numbers come about is gone."""
    return tuple(_EQUATION.sub(lambda found: found["c"], step) for step in one.steps)


def _text(one: Demonstration, rng: random.Random) -> tuple[str, ...]:
    """The words of the steps in each other's places; numbers, signs and their order stay."""
    words = [found.group() for step in one.steps for found in _LETTERS.finditer(step)]
    mixed = list(words)
    while mixed == words and len(set(words)) > 1:
        rng.shuffle(mixed)
    supply = iter(mixed)
    return tuple(_LETTERS.sub(lambda found: next(supply), step) for step in one.steps)


def _style(shown: Sequence[Demonstration], rng: random.Random, told: Phrases) -> list[Demonstration]:
    return [
        replace(
            one, steps=tuple(f"{told.say('step', {'number': str(n)})} {step}" for n, step in enumerate(one.steps, 1))
        )
        for one in shown
    ]


def _order(shown: Sequence[Demonstration], rng: random.Random, told: Phrases) -> list[Demonstration]:
    if len(shown) < 2:
        return list(shown)
    mixed = list(shown)
    while mixed == list(shown):
        rng.shuffle(mixed)
    return mixed


def _after(shown: Sequence[Demonstration], rng: random.Random, told: Phrases) -> list[Demonstration]:
    return [replace(one, answer_first=True) for one in shown]


def _explained(shown: Sequence[Demonstration], rng: random.Random, told: Phrases) -> list[Demonstration]:
    return [replace(one, answer_first=True, note=told.say("explanation")) for one in shown]


CHANGES: dict[str, Change] = {
    "standard": _each(lambda one, rng: ()),
    "explained-after": _explained,
    "explained-by-others": lambda shown, rng, told: _explained(_irrelevant(shown, rng, told), rng, told),
    "equations": _each(_equations),
    "dots": _each(_dots),
    "short-dots": _each(_short_dots),
    "after-answer": _after,
    "invalid": _each(_invalid),
    "incoherent": _each(_incoherent),
    "irrelevant": _irrelevant,
    "symbols": _symbols,
    "pattern": _each(_pattern),
    "text": _each(_text),
    "order": _order,
    "half": lambda shown, rng, told: list(shown[: (len(shown) + 1) // 2]),
    "one": lambda shown, rng, told: list(shown[:1]),
    "style": _style,
}
"""Every change by name; `source`, which needs the model's own chains, is made by `own_chains`."""
