"""Templates of word problems, read from data and proved when they are loaded."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from workings.core.errors import DataError, UnknownName
from workings.problems.words.expression import Binary, Node, Unreadable, evaluate, literals_in, names_in, parse
from workings.problems.words.slots import Derived, Hole, Range, Word, holes, slot_of

__all__ = ["Clause", "StepLine", "Template", "solve", "template_named", "templates", "templates_in"]

FILES = ("two_steps.toml", "three_steps.toml", "four_steps.toml", "long.toml")
LARGEST = 200
"""No number in a question or a step is larger."""
_EQUATION = re.compile(r"\{([a-z_]+) = ([^{}]+)\}")
_SIGNS = {"*": "×", "/": "÷", "+": "+", "-": "-"}


@dataclass(frozen=True, slots=True)
class StepLine:
    """One solved step: the words around its equation, the one operation, and the name of its result."""

    before: tuple[str | Hole, ...]
    after: tuple[str | Hole, ...]
    result: str
    value: Binary

    def equation(self, values: Mapping[str, int], gap: str = " ") -> str:
        """The equation in numbers: `4 × 6 = 24`, with `gap` between its parts."""
        left, right = evaluate(self.value.left, values), evaluate(self.value.right, values)
        return gap.join((str(left), _SIGNS[self.value.op], str(right), "=", str(values[self.result])))


@dataclass(frozen=True, slots=True)
class Clause:
    """A sentence that does not matter, with a number `k` from `numbers`, or with none."""

    text: tuple[str | Hole, ...]
    numbers: Range | None


@dataclass(frozen=True, slots=True)
class Template:
    """A story, its question, its typed slots, what must hold between them, and its solved steps.

    `irrelevant` are sentences about the same story that the answer does not depend on. `held_out` templates are
    never drawn by the family that models are trained on. `proof` is one instance solved by hand.

    Worked out from these: `numbers`, the number slots in the order they are drawn (some only serve to draw
    others); `shown`, those that the question says; `plural`, those said without a counted noun, which are at
    least 2; `constants`, what the steps use and the question says in words (2 for "twice") or as a fixed number.
    """

    id: str
    story: tuple[str | Hole, ...]
    ask: tuple[str | Hole, ...]
    slots: Mapping[str, Word | Range | Derived]
    conditions: tuple[Node, ...]
    steps: tuple[StepLine, ...]
    irrelevant: tuple[Clause, ...]
    held_out: bool
    proof: Mapping[str, int]
    numbers: tuple[str, ...] = field(init=False)
    shown: tuple[str, ...] = field(init=False)
    plural: tuple[str, ...] = field(init=False)
    constants: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        numbers = tuple(name for name, slot in self.slots.items() if not isinstance(slot, Word))
        said = [piece for piece in (*self.story, *self.ask) if isinstance(piece, Hole)]
        bare = {hole.slot for hole in said if not hole.pair}
        literals = {int(n) for step in self.steps for n in literals_in(step.value)}
        object.__setattr__(self, "numbers", numbers)
        object.__setattr__(self, "shown", tuple(n for n in numbers if n in {hole.slot for hole in said}))
        object.__setattr__(self, "plural", tuple(n for n in numbers if n in bare))
        object.__setattr__(self, "constants", tuple(sorted(literals)))

    @property
    def answer(self) -> str:
        """The name of the result that is asked for: that of the last step."""
        return self.steps[-1].result


def solve(template: Template, numbers: Mapping[str, int]) -> dict[str, int] | None:
    """Every number slot and step result by name, or None when a condition does not hold.

    Beside the template's own conditions, every number is whole, at least 1 (2 where a plural follows) and at
    most 200, and no step multiplies or divides by 1.
    """
    values = dict(numbers)
    if any(values[name] < 2 for name in template.plural):
        return None
    try:
        if not all(evaluate(condition, values) for condition in template.conditions):
            return None
        for step in template.steps:
            result = evaluate(step.value, values)
            if not isinstance(result, int) or not 1 <= result <= LARGEST:
                return None
            if step.value.op in "*/" and 1 in (evaluate(step.value.left, values), evaluate(step.value.right, values)):
                return None
            values[step.result] = result
    except Unreadable as error:
        raise DataError(f"Template {template.id!r} cannot be solved: {error.what}") from error
    return values if all(1 <= value <= LARGEST for value in values.values()) else None


def clause_of(text: str) -> Clause:
    """A clause as a template writes it: `{k}` is its number, `{k 2..12}` its number from another range."""
    found = re.search(r"\{k(?: (\d+\.\.\d+))?\}", text)
    if not found:
        return Clause(holes(text), None)
    numbers = slot_of(found[1] or "13..49")
    if not isinstance(numbers, Range):
        raise DataError(f"The clause {text!r} has no range for its number.")
    return Clause(holes(text.replace(found[0], "{k}")), numbers)


def _step_of(text: str) -> StepLine:
    found = _EQUATION.search(text)
    if not found:
        raise DataError(f"The step {text!r} has no equation.", "Write one as {total = a * b}.")
    value = parse(found[2])
    if not isinstance(value, Binary) or value.op not in _SIGNS:
        raise DataError(f"The step {text!r} is not one sum, difference, product or quotient.")
    if isinstance(value.left, Binary) or isinstance(value.right, Binary):
        raise DataError(f"The step {text!r} has more than one operation.", "Make it two steps.")
    return StepLine(holes(text[: found.start()]), holes(text[found.end() :]), found[1], value)


def _read(entry: Mapping[str, Any]) -> Template:
    name = entry.get("id", "")
    try:
        built = Template(
            id=name,
            story=holes(entry["story"]),
            ask=holes(entry["ask"]),
            slots={slot: slot_of(text) for slot, text in entry["slots"].items()},
            conditions=tuple(parse(text) for text in entry.get("conditions", ())),
            steps=tuple(_step_of(text) for text in entry["steps"]),
            irrelevant=tuple(clause_of(text) for text in entry["irrelevant"]),
            held_out=entry.get("held_out", False),
            proof=entry["proof"],
        )
        _prove(built)
    except KeyError as missing:
        raise DataError(f"Template {name!r} has no {missing.args[0]!r}.") from missing
    except DataError as error:
        raise DataError(f"Template {name!r} is wrong: {error.what}", error.next_step) from error
    return built


def _prove(template: Template) -> None:
    """Raises DataError unless every slot is used and known, and the hand-solved instance comes out."""
    known = set(template.numbers)
    used: set[str] = set()
    for step in template.steps:
        names = names_in(step.value)
        if unknown := [name for name in names if name not in known]:
            raise DataError(f"A step uses {unknown[0]!r}, which is neither a number slot nor an earlier result.")
        if step.result in known:
            raise DataError(f"Two numbers are called {step.result!r}.")
        known.add(step.result)
        used.update(names)
    shown = {piece.slot for piece in (*template.story, *template.ask) if isinstance(piece, Hole)}
    if missing := (used & set(template.numbers)) - shown:
        raise DataError(f"The steps use {sorted(missing)[0]!r}, which the question never says.")
    if lost := (shown & set(template.numbers)) - used:
        raise DataError(f"No step uses {sorted(lost)[0]!r}, which the question says.")
    if idle := {step.result for step in template.steps[:-1]} - used:
        raise DataError(f"No step uses the result {sorted(idle)[0]!r}.")
    if unknown_slots := shown - set(template.slots):
        raise DataError(f"The text mentions {sorted(unknown_slots)[0]!r}, which is not a slot.")
    for name, slot in template.slots.items():
        if isinstance(slot, Word):
            rivals = sum(isinstance(other, Word) and other.kind == slot.kind for other in template.slots.values())
            if slot.words < 2 * rivals:
                raise DataError(f"The list of {name!r} has {slot.words} words, too few to vary {rivals} slots.")
    numbers = {name: template.proof[name] for name in template.numbers}
    for name, slot in template.slots.items():
        if isinstance(slot, Derived) and evaluate(slot.value, numbers) != numbers[name]:
            raise DataError(f"In the proof, {name!r} is {numbers[name]} but its slot gives another number.")
    values = solve(template, numbers)
    found = values and values[template.answer]
    if found != template.proof["answer"]:
        raise DataError(f"The proof says {template.proof['answer']}, the steps give {found}.")


@functools.cache
def templates() -> Mapping[str, Template]:
    """Every template by id, read and proved on first use; DataError names the template that is wrong."""
    found: dict[str, Template] = {}
    folder = resources.files("workings.problems.words")
    for file in FILES:
        for entry in tomllib.loads(folder.joinpath(file).read_text("utf-8"))["template"]:
            one = _read(entry)
            if one.id in found:
                raise DataError(f"Two templates are called {one.id!r}.")
            found[one.id] = one
    return found


@functools.cache
def templates_in(length: int, held_out: bool) -> tuple[Template, ...]:
    """The templates solved in `length` steps, held-out ones or the others."""
    return tuple(t for t in templates().values() if len(t.steps) == length and t.held_out == held_out)


def template_named(id: str) -> Template:
    """The template called `id`; UnknownName with the nearest ones otherwise."""
    known = templates()
    if id not in known:
        raise UnknownName.among("template", id, known)
    return known[id]
