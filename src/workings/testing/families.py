"""The contract of procedural problem families."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import random

from workings.core.answer import Outcome
from workings.core.problem import Problem
from workings.core.wire import pack, unpack
from workings.problems.procedural import SPLITS, Family, generate, split_of
from workings.run.judging import decide
from workings.verify.draft import count_words
from workings.verify.extract import extract

__all__ = ["check_family"]

_LIMIT = 5


def check_family(family: Family, *, count: int = 40) -> None:
    """Draws `count` problems of each split and raises AssertionError for the first law that does not hold.

    Splits share no question; the same arguments give the same problems and fewer give the first of them; the gold is
    found right in a reply that holds the gold steps, and in one that holds the answer alone; steps are single lines,
    drafts too and as many, of at most five words; the family's own check, where it has one, refuses
    no gold step; the question does not depend on anything but the numbers drawn.

    >>> from workings.problems.procedural import families
    >>> check_family(families()["last-letters"], count=10)
    """
    low, high = family.in_length
    beyond, top = family.out_of_length
    assert low <= high and beyond <= top, f"Lengths must be ranges: {family.in_length}, {family.out_of_length}."
    assert high < beyond or top < low, f"Lengths in and out overlap: {family.in_length}, {family.out_of_length}."
    assert family.build(random.Random(5), low) == family.build(random.Random(5), low), "A draw is not reproducible."
    texts: dict[str, str] = {}
    for split in SPLITS:
        for lengths in (family.in_length, family.out_of_length):
            problems = list(generate(family, split, count, 0, lengths))
            first = list(generate(family, split, count // 2, 0, lengths))
            assert first == problems[: count // 2], f"Fewer {split} problems are not the first of more."
            assert len({p.id for p in problems}) == count, f"{split} problems share an id."
            for problem in problems:
                earlier = texts.setdefault(problem.question.text, split)
                assert earlier == split, f"A question is in {earlier} and in {split}: {problem.question.text!r}."
                _check_problem(family, problem, split, lengths)


def _check_problem(family: Family, problem: Problem, split: str, lengths: tuple[int, int]) -> None:
    text = problem.question.text
    assert problem.split == split == split_of(text), f"{problem.id} is in the wrong split."
    assert problem.question.family == family.name, f"{problem.id} does not name its family."
    assert problem.length is not None and lengths[0] <= problem.length <= lengths[1], f"{problem.id}: {problem.length}."
    assert problem.gold, f"{problem.id} has no gold."
    again = unpack(Problem, json.loads(json.dumps(pack(problem))))
    plain = dataclasses.replace(problem, meta={})
    assert dataclasses.replace(again, meta={}) == plain, f"{problem.id} is lost in JSON."
    declared = f"The answer is {problem.gold}."
    for kept in (problem, again):
        for reply in (declared, "\n".join((*problem.steps, declared)), "\n".join((*problem.drafts, declared))):
            answer = extract(reply, problem.question.kind, problem.question.choices)
            found = asyncio.run(decide(answer, kept))
            assert found is Outcome.RIGHT, f"The gold of {problem.id} counts as {found} in {reply!r}."
    assert problem.steps, f"{problem.id} has no gold steps."
    assert len(problem.drafts) == len(problem.steps), f"{problem.id} has {len(problem.drafts)} drafts of its steps."
    for line in itertools.chain(problem.steps, problem.drafts):
        assert line.strip() and "\n" not in line, f"A step must be one line: {line!r}."
    for draft in problem.drafts:
        assert count_words(draft) <= _LIMIT, f"A draft of more than {_LIMIT} words: {draft!r}."
    if family.check is not None:
        for written in (problem.steps, problem.drafts):
            refused = [
                line for line, fine in zip(written, family.check(problem, written), strict=True) if fine is False
            ]
            assert not refused, f"The check of {family.name} refuses its own line {refused[0]!r}."
