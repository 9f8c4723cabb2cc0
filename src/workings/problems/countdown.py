"""Countdown: reach a target from given numbers, each used at most once."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from workings.core.problem import AnswerKind, Problem
from workings.problems.family import Drawn, Family

__all__ = ["COUNTDOWN", "check_countdown", "judge_countdown", "solve_countdown"]

_LARGEST = 25
_TARGETS = range(10, 151)
_TEXT_LIMIT = 200
_DEPTH_LIMIT = 20
_TOKEN = re.compile(r"\s*(?:(\d{1,6})(?!\d)|([-+*/()]))")
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "[": "(", "]": ")"})
_LATEX = re.compile(r"\\(?:left|right|quad|[()\[\],;:! ])|\$")
_LATEX_SIGNS = (("\\times", "*"), ("\\cdot", "*"), ("\\div", "/"))
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_RANK = {"+": 1, "-": 1, "*": 2, "/": 2}

State = tuple[tuple[int, str, int], ...]
"""Numbers in hand: value, the expression it came from, and the rank of its outermost operation (3 for a number)."""


def build_countdown(rng: random.Random, length: int) -> Drawn:
    """`length` numbers from 1 to 25, shown in rising order, and a target from 10 to 150 that needs all of them.

    Intermediate values are positive whole numbers. The gold answer is the first solution that a depth-first search
    finds, and any other correct expression is as right: `meta["checker"]` names the judgment to use.
    """
    while True:
        numbers = tuple(sorted(rng.randint(1, _LARGEST) for _ in range(length)))
        target = _random_target(rng, numbers)
        solution = solve_countdown(numbers, target) if target in _TARGETS and target not in numbers else None
        if solution is not None and len(solution) == length - 1:
            break
    steps, drafts = [], []
    for before, a, sign, b, value, expression in solution:
        held = " ".join(map(str, before))
        steps.append(f"{held}: {a}{sign}{b}={value}, made as {expression}")
        drafts.append(f"{a}{sign}{b}={value}: {expression}")
    return Drawn(
        text=f"Use {', '.join(map(str, numbers))}, each at most once, with + - * / to make {target}.",
        gold=solution[-1][-1],
        steps=tuple(steps),
        drafts=tuple(drafts),
        kind=AnswerKind.TEXT,
        cluster=f"countdown-{'-'.join(map(str, numbers))}",
        meta={"numbers": numbers, "target": target, "checker": "countdown"},
    )


def _random_target(rng: random.Random, numbers: Sequence[int]) -> int:
    hand = list(numbers)
    while len(hand) > 1:
        a, b = hand.pop(rng.randrange(len(hand))), hand.pop(rng.randrange(len(hand)))
        values = [value for _, value in _results(max(a, b), min(a, b))]
        hand.append(rng.choice(values))
    return hand[0]


def _results(a: int, b: int) -> Iterator[tuple[str, int]]:
    """What a >= b > 0 give together, whole and positive; steps that change nothing are left out."""
    if b > 1 and a % b == 0:
        yield "/", a // b
    if b > 1:
        yield "*", a * b
    yield "+", a + b
    if a > b:
        yield "-", a - b


Move = tuple[tuple[int, ...], int, str, int, int, str]


def solve_countdown(numbers: Sequence[int], target: int) -> tuple[Move, ...] | None:
    """A shortest list of moves that makes the target, or None when there is none.

    Each move is (numbers in hand, a, sign, b, value, expression of the value). Among solutions of one length the
    first in a fixed order is taken, so that equal questions have equal answers.
    """
    start: State = tuple((n, str(n), 3) for n in numbers)
    for depth in range(1, len(numbers)):
        found = _search(start, target, depth)
        if found is not None:
            return tuple(found)
    return None


def _search(hand: State, target: int, depth: int) -> list[Move] | None:
    for i, one in enumerate(hand):
        for j in range(i + 1, len(hand)):
            high, low = (hand[j], one) if hand[j][0] >= one[0] else (one, hand[j])
            rest = tuple(held for k, held in enumerate(hand) if k not in (i, j))
            for sign, value in _results(high[0], low[0]):
                if depth == 1 and value != target:
                    continue
                made = (value, _join(high, sign, low), _RANK[sign])
                move = (tuple(held[0] for held in hand), high[0], sign, low[0], value, made[1])
                if depth == 1:
                    return [move]
                after = _search((*rest, made), target, depth - 1)
                if after is not None:
                    return [move, *after]
    return None


def _join(left: tuple[int, str, int], sign: str, right: tuple[int, str, int]) -> str:
    rank = _RANK[sign]
    a = left[1] if left[2] >= rank else f"({left[1]})"
    tight = right[2] > rank or (right[2] == rank and sign in "+*")
    b = right[1] if tight else f"({right[1]})"
    return f"{a}{sign}{b}"


def check_countdown(expression: str, numbers: Sequence[int], target: int) -> bool:
    """Whether the expression makes the target from the numbers, each used at most as often as it is given.

    False for what cannot be read, too: `judge_countdown` tells the two apart.
    """
    return _judged(expression, numbers, target) is True


def judge_countdown(answer: str, meta: Mapping[str, Any]) -> bool | None:
    """Whether an answer's text solves the problem with this metadata; None when it is no expression.

    Reads whole numbers, + - * / (also × ÷ − and LaTeX with its delimiters, \\times, \\cdot, \\div and \\frac),
    brackets, and one trailing "= target". Anything else, more than 200 characters, 20 nested brackets or six digits
    cannot be read. Values are exact fractions; nothing is evaluated as code.
    """
    return _judged(answer, meta["numbers"], meta["target"])


def _judged(expression: str, numbers: Sequence[int], target: int) -> bool | None:
    if len(expression) > _TEXT_LIMIT:
        return None
    left, equals, right = _plain(expression).translate(_SIGNS).strip().rstrip(".").partition("=")
    tokens = _tokens(left)
    if not tokens:
        return None
    try:
        value = _value(tokens)
    except ZeroDivisionError:
        return False
    if value is None:
        return None
    if equals and right.strip() != str(target):
        return False
    return not Counter(int(t) for t in tokens if t.isdigit()) - Counter(numbers) and value == target


def _plain(text: str) -> str:
    """LaTeX as plain signs; text without any comes out as it went in."""
    if "\\" not in text and "$" not in text:
        return text
    for command, sign in _LATEX_SIGNS:
        text = text.replace(command, sign)
    text = _LATEX.sub(" ", text)
    for _ in range(_DEPTH_LIMIT):
        text, found = _FRACTION.subn(r"((\1)/(\2))", text)
        if not found:
            break
    return text


def _tokens(text: str) -> list[str] | None:
    if not text.isascii():
        return None
    tokens, at, text = [], 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            return None
        tokens.append(match.group(1) or match.group(2))
        at = match.end()
    return tokens


def _value(tokens: Sequence[str]) -> Fraction | None:
    """The value by two stacks (Dijkstra), or None for anything that is not one expression of binary operations.

    Raises ZeroDivisionError.
    """
    values: list[Fraction] = []
    pending: list[str] = []
    operand_next = True
    for token in tokens:
        if operand_next:
            if token == "(":
                pending.append(token)
                if pending.count("(") > _DEPTH_LIMIT:
                    return None
            elif token.isdigit():
                values.append(Fraction(int(token)))
                operand_next = False
            else:
                return None
        elif token == ")":
            while pending and pending[-1] != "(":
                _reduce(values, pending.pop())
            if not pending:
                return None
            pending.pop()
        elif token in _RANK:
            while pending and pending[-1] != "(" and _RANK[pending[-1]] >= _RANK[token]:
                _reduce(values, pending.pop())
            pending.append(token)
            operand_next = True
        else:
            return None
    while pending:
        sign = pending.pop()
        if operand_next or sign == "(":
            return None
        _reduce(values, sign)
    return values[0] if len(values) == 1 and not operand_next else None


def _reduce(values: list[Fraction], sign: str) -> None:
    b, a = values.pop(), values.pop()
    values.append(a + b if sign == "+" else a - b if sign == "-" else a * b if sign == "*" else a / b)


_MOVE = re.compile(r"(\d{1,6})\s*([-+*/])\s*(\d{1,6})\s*=\s*(\d{1,6})(?!\d)")


def check_countdown_steps(problem: Problem, steps: Sequence[str]) -> tuple[bool | None, ...]:
    """A line is right when its move is true, uses numbers in hand, and the target can still be made after it.

    Lines after a move that used numbers not in hand cannot be told.
    """
    target = problem.meta["target"]
    hand = Counter(int(n) for n in problem.meta["numbers"])
    verdicts: list[bool | None] = []
    lost = False
    for line in steps:
        match = _MOVE.search(line[:_TEXT_LIMIT].translate(_SIGNS))
        if match is None or lost:
            verdicts.append(None)
            continue
        a, b, value = int(match.group(1)), int(match.group(3)), int(match.group(4))
        if Counter((a, b)) - hand or sum(hand.values()) > 6:
            verdicts.append(False)
            lost = True
            continue
        hand = hand - Counter((a, b)) + Counter((value,))
        possible = b != 0 or match.group(2) != "/"
        true = possible and _value([str(a), match.group(2), str(b)]) == value
        verdicts.append(true and _reachable(tuple(sorted(hand.elements())), target))
    return tuple(verdicts)


def _reachable(hand: tuple[int, ...], target: int) -> bool:
    return target in hand or (len(hand) > 1 and solve_countdown(hand, target) is not None)


COUNTDOWN = Family("countdown", (3, 3), (4, 4), build_countdown, "numbers", check_countdown_steps)
