"""Grade-school word problems from templates of our own, with typed slots, conditions and solved steps.

`FAMILY` draws from the templates that may be trained on; `FAMILY_NEW` only from the held-out ones, which no split
of `FAMILY` ever shows. Templates are data: add one to a `.toml` file beside this one.
"""

from __future__ import annotations

import random

from workings.problems.family import Drawn, Family
from workings.problems.words.instances import ClauseKind, Instance, instance, vary
from workings.problems.words.steps import StepVerdict, check, judge_steps
from workings.problems.words.template import Template, template_named, templates, templates_in

__all__ = [
    "FAMILY",
    "FAMILY_NEW",
    "ClauseKind",
    "Instance",
    "StepVerdict",
    "Template",
    "check",
    "instance",
    "judge_steps",
    "template_named",
    "templates",
    "vary",
]

IN_LENGTH = (2, 4)
OUT_OF_LENGTH = (5, 6)


def _draw(rng: random.Random, length: int, held_out: bool) -> Drawn:
    chosen = rng.choice(templates_in(length, held_out))
    return instance(chosen.id, rng.getrandbits(48)).drawn()


def _build(rng: random.Random, length: int) -> Drawn:
    return _draw(rng, length, held_out=False)


def _build_new(rng: random.Random, length: int) -> Drawn:
    return _draw(rng, length, held_out=True)


FAMILY = Family("word-problems", IN_LENGTH, OUT_OF_LENGTH, _build, dial="solving steps", check=check)
FAMILY_NEW = Family("word-problems-new", IN_LENGTH, OUT_OF_LENGTH, _build_new, dial="solving steps", check=check)
