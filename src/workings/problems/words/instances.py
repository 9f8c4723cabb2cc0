"""One word problem from a template, and the same problem with one part changed."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from workings.core.errors import BadSetting, DataError
from workings.core.problem import Problem, Question
from workings.problems.family import Drawn, split_of
from workings.problems.words.expression import evaluate, parse
from workings.problems.words.slots import Derived, Filled, Noun, Person, Range, Word, fill
from workings.problems.words.template import Clause, Template, clause_of, solve, template_named

__all__ = ["ClauseKind", "Instance", "instance", "vary"]

ClauseKind = Literal["related", "unrelated", "plain"]
_TRIES = 2_000

_UNRELATED = (
    "A bus with {k} seats drives past.",
    "It is {k} degrees outside.",
    "The clock tower is {k} metres high.",
    "A radio in the next room is {k} years old.",
    "The nearest town is {k} kilometres away.",
    "A neighbour lives at number {k}.",
)
_PLAIN = (
    "A bus drives past.",
    "It is warm outside.",
    "The clock tower is very old.",
    "A radio plays in the next room.",
    "The nearest town is not far away.",
    "A neighbour waves from the window.",
)


@dataclass(frozen=True, slots=True)
class Instance:
    """A template with every slot filled.

    `names` holds people and places, `nouns` the things that are counted, `numbers` the number slots, `values`
    those and every step's result. `clause` is the sentence that does not matter (empty when there is none) and
    `clause_number` its number. `variation` says which parts were varied, each with its seed.
    """

    template: str
    seed: int
    text: str
    gold: str
    steps: tuple[str, ...]
    drafts: tuple[str, ...]
    names: Mapping[str, Person | str]
    nouns: Mapping[str, Noun]
    numbers: Mapping[str, int]
    values: Mapping[str, int]
    clause: str = ""
    clause_number: int | None = None
    clause_pattern: Clause | None = None
    variation: Mapping[str, int | str] = field(default_factory=dict)

    def drawn(self) -> Drawn:
        """This instance as a family draws it: the template is its cluster."""
        made_of = template_named(self.template)
        people = {slot: word.name if isinstance(word, Person) else word for slot, word in self.names.items()}
        meta = {
            "template": self.template,
            "held_out": made_of.held_out,
            "slots": {**people, **{slot: noun.many for slot, noun in self.nouns.items()}, **self.numbers},
            "constants": list(made_of.constants),
            "clause": self.clause,
            "variation": dict(self.variation),
        }
        return Drawn(self.text, self.gold, self.steps, self.drafts, cluster=self.template, meta=meta)

    def problem(self) -> Problem:
        """This instance as a problem of its family, in the one split that its text belongs to."""
        drawn = self.drawn()
        split = split_of(drawn.text)
        family = "word-problems-new" if drawn.meta["held_out"] else "word-problems"
        made = Problem(Question("", drawn.text, family=family), drawn.gold, drawn.steps, drawn.drafts, drawn.cluster)
        question = replace(made.question, id=f"{family}-{split}-{made.digest}")
        return replace(made, question=question, length=len(drawn.steps), split=split, meta=drawn.meta)


def instance(template_id: str, seed: int) -> Instance:
    """The instance of a template that `seed` draws, with no irrelevant clause.

    Names, nouns and numbers come from three separate streams, so each can be drawn again alone.
    """
    made_of = template_named(template_id)
    names = _draw_names(made_of, random.Random(f"{template_id}|names|{seed}"), {})
    nouns = _draw_nouns(made_of, random.Random(f"{template_id}|nouns|{seed}"))
    values = _draw_numbers(made_of, random.Random(f"{template_id}|numbers|{seed}"), frozenset(), {})
    return _render(made_of, Instance(template_id, seed, "", "", (), (), names, nouns, {}, values))


def vary(
    base: Instance,
    *,
    names: int | None = None,
    numbers: int | None = None,
    irrelevant: int | None = None,
    clause: ClauseKind = "related",
) -> Instance:
    """The same problem with only the parts changed that are given a seed.

    `names` draws other people and places (no slot keeps its own, and pronouns follow), `numbers` other numbers,
    `irrelevant` puts a sentence that does not matter before the question, in place of one that is there.
    `clause` says which: "related" to the story and with a number, "unrelated" to it and with a number, or
    "plain", unrelated and without one, a control for length. A clause's number is never one of the question's or
    of its steps'. Names and clauses leave the answer as it is; this is checked. A story without people or
    places cannot vary its names: BadSetting.
    Source: the variants of GSM-Symbolic and GSM-NoOp (arXiv 2410.05229); the templates here are our own.
    """
    made_of = template_named(base.template)
    changed = base
    variation = dict(base.variation)
    if names is not None:
        if not base.names:
            raise BadSetting(f"Template {base.template!r} has no names to vary.", "Vary its numbers or its clause.")
        rng = random.Random(f"{base.template}|names|vary|{names}")
        changed = replace(changed, names=_draw_names(made_of, rng, base.names))
        variation["names"] = names
    if numbers is not None:
        rng = random.Random(f"{base.template}|numbers|vary|{numbers}")
        taken = frozenset() if base.clause_number is None or irrelevant is not None else {base.clause_number}
        changed = replace(changed, values=_draw_numbers(made_of, rng, frozenset(taken), base.numbers))
        variation["numbers"] = numbers
    if irrelevant is not None:
        rng = random.Random(f"{base.template}|irrelevant|{clause}|{irrelevant}")
        avoid = frozenset((*base.values.values(), *changed.values.values(), *made_of.constants))
        pattern, number = _draw_clause(made_of, rng, clause, avoid)
        changed = replace(changed, clause_pattern=pattern, clause_number=number)
        variation |= {"irrelevant": irrelevant, "clause": clause}
    result = _render(made_of, replace(changed, variation=variation))
    _check_alone(base, result, numbers is not None)
    return result


def _check_alone(base: Instance, varied: Instance, numbers: bool) -> None:
    if not numbers and (varied.gold, varied.drafts, varied.values) != (base.gold, base.drafts, base.values):
        raise DataError(f"Varying the words of {base.template!r} changed its numbers.", "Its template is wrong.")
    if varied.nouns != base.nouns:
        raise DataError(f"Varying {base.template!r} changed its nouns.")


def _draw_names(
    made_of: Template, rng: random.Random, other_than: Mapping[str, Person | str]
) -> dict[str, Person | str]:
    drawn: dict[str, Person | str] = {}
    for name, slot in made_of.slots.items():
        if isinstance(slot, Word) and slot.kind != "noun":
            word = slot.draw(rng, (*drawn.values(), *other_than.values()))
            if not isinstance(word, Noun):
                drawn[name] = word
    return drawn


def _draw_nouns(made_of: Template, rng: random.Random) -> dict[str, Noun]:
    drawn: dict[str, Noun] = {}
    for name, slot in made_of.slots.items():
        if isinstance(slot, Word) and slot.kind == "noun":
            word = slot.draw(rng, (*drawn.values(),))
            if isinstance(word, Noun):
                drawn[name] = word
    return drawn


def _draw_numbers(
    made_of: Template, rng: random.Random, avoid: frozenset[int] | set[int], other_than: Mapping[str, int]
) -> dict[str, int]:
    for _ in range(_TRIES):
        numbers: dict[str, int] = {}
        for name in made_of.numbers:
            slot = made_of.slots[name]
            if isinstance(slot, Range):
                numbers[name] = slot.draw(rng)
            elif isinstance(slot, Derived):
                numbers[name] = int(evaluate(slot.value, numbers))
        if other_than and all(numbers[name] == other_than[name] for name in made_of.shown):
            continue
        values = solve(made_of, numbers)
        if values is not None and not avoid.intersection(values.values()):
            return values
    raise DataError(
        f"Template {made_of.id!r} found no numbers that fit in {_TRIES} draws.", "Widen its ranges or its conditions."
    )


def _draw_clause(
    made_of: Template, rng: random.Random, kind: ClauseKind, avoid: frozenset[int]
) -> tuple[Clause, int | None]:
    pools = {
        "related": lambda: made_of.irrelevant,
        "unrelated": lambda: tuple(map(clause_of, _UNRELATED)),
        "plain": lambda: tuple(map(clause_of, _PLAIN)),
    }
    if kind not in pools:
        raise BadSetting(f"There is no kind of clause {kind!r}.", f"Use {', '.join(pools)}.")
    pattern = rng.choice(pools[kind]())
    if pattern.numbers is None:
        return pattern, None
    fresh = [n for n in range(pattern.numbers.low, pattern.numbers.high + 1) if n not in avoid]
    if not fresh:
        raise DataError(f"A clause of {made_of.id!r} has no number that is not in the question.", "Widen its range.")
    return pattern, rng.choice(fresh)


@functools.lru_cache(maxsize=65_536)
def _worked_out(written: str) -> int | Fraction:
    return evaluate(parse(written), {})


def _render(made_of: Template, parts: Instance) -> Instance:
    """Writes text, steps and drafts from the slots; each equation is worked out again from what was written."""
    values = parts.values
    filled: Filled = {**parts.names, **parts.nouns, **values}
    steps, drafts = [], []
    for step in made_of.steps:
        equation = step.equation(values)
        left, _, right = equation.partition(" = ")
        if _worked_out(left) != int(right):
            raise DataError(f"Template {made_of.id!r} writes a wrong equation: {equation}.")
        steps.append(f"{fill(step.before, filled)}{equation}{fill(step.after, filled)}")
        drafts.append(step.equation(values, gap=""))
    sentences = [fill(made_of.story, filled)]
    clause = ""
    if parts.clause_pattern is not None:
        number = {} if parts.clause_number is None else {"k": parts.clause_number}
        clause = fill(parts.clause_pattern.text, {**filled, **number})
        sentences.append(clause)
    sentences.append(fill(made_of.ask, filled))
    return replace(
        parts,
        text=" ".join(sentences),
        gold=str(values[made_of.answer]),
        steps=tuple(steps),
        drafts=tuple(drafts),
        numbers={name: values[name] for name in made_of.shown},
        clause=clause,
    )
