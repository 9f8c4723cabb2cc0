"""A small safe reader of integer arithmetic and comparisons; nothing is ever evaluated as code."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from workings.core.errors import DataError

__all__ = ["Binary", "Node", "Unreadable", "evaluate", "literals_in", "names_in", "parse"]

LONGEST = 200
"""Characters an expression may have."""
DEEPEST = 16
"""Brackets it may nest."""
WIDEST = 12
"""Digits a number may have."""


class Unreadable(DataError):
    """Text that is not an expression of this small language, or one that has no value."""


@dataclass(frozen=True, slots=True)
class Binary:
    """One operation on two nodes."""

    op: str
    left: Node
    right: Node


Node = int | Fraction | str | Binary

_OPERATIONS: dict[str, Callable[[Any, Any], int | Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: _whole(Fraction(a) / b) if a % b else a // b,
    "//": operator.floordiv,
    "%": operator.mod,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_DIVISIONS = ("/", "//", "%")
_LEVELS = (("<", "<=", ">", ">=", "==", "!="), ("+", "-"), ("*", "/", "//", "%"))
_SAME = {"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"}
_TOKEN = re.compile(r"\s*(?:([0-9]+(?:\.[0-9]+)?)|([a-z_][a-z_0-9]*)|(//|[<>=!]=|[-+*/%<>()×·÷−–]))", re.IGNORECASE)


def _whole(value: Fraction) -> int | Fraction:
    """An int when there is one."""
    return value.numerator if value.denominator == 1 else value


def _tokens(text: str) -> Iterator[int | Fraction | str]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if not found:
            raise Unreadable(f"Cannot read {text[at : at + 20]!r} in {text!r}.", "Use integers, names and + - * / //.")
        number, name, sign = found.groups()
        if number:
            if len(number) > WIDEST:
                raise Unreadable(f"The number {number[:20]}… has more than {WIDEST} digits.")
            yield _whole(Fraction(number)) if "." in number else int(number)
        else:
            yield name or "op" + _SAME.get(sign, sign)
        at = found.end()


class _Reader:
    """Recursive descent, one level a precedence, bounded in depth."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise Unreadable(f"An expression of {len(text)} characters is too long.", f"At most {LONGEST} are read.")
        self.text = text
        self.tokens = list(_tokens(text))
        self.at = 0

    def next(self) -> int | Fraction | str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def level(self, depth: int, level: int) -> Node:
        if level == len(_LEVELS):
            return self.atom(depth)
        left = self.level(depth, level + 1)
        while isinstance(token := self.next(), str) and token[:2] == "op" and token[2:] in _LEVELS[level]:
            self.at += 1
            left = Binary(token[2:], left, self.level(depth, level + 1))
        return left

    def atom(self, depth: int) -> Node:
        token = self.next()
        self.at += 1
        if token == "op(":
            if depth >= DEEPEST:
                raise Unreadable(f"Brackets nest deeper than {DEEPEST} in {self.text!r:.60}.")
            inside = self.level(depth + 1, 0)
            if self.next() != "op)":
                raise Unreadable(f"A bracket is not closed in {self.text!r}.")
            self.at += 1
            return inside
        if token is None or (isinstance(token, str) and token[:2] == "op"):
            raise Unreadable(f"A number or name is missing in {self.text!r}.")
        return token


def parse(text: str) -> Node:
    """The tree of an expression over integers, decimals, names, `+ - * / // %`, comparisons and brackets.

    `×`, `÷` and the typographic minus are read as their ASCII forms. Raises Unreadable for anything else, and
    for text over 200 characters, numbers over 12 digits or brackets nested deeper than 16.

    >>> evaluate(parse("(a + 2) * 3"), {"a": 4})
    18
    """
    reader = _Reader(text)
    node = reader.level(0, 0)
    if reader.at < len(reader.tokens):
        raise Unreadable(f"Something follows the expression in {text!r}.")
    return node


def evaluate(node: Node, values: Mapping[str, int | Fraction]) -> int | Fraction:
    """The exact value of a tree: `/` gives a fraction when it does not divide, comparisons give 0 or 1."""
    if isinstance(node, int):
        return node
    if isinstance(node, str):
        if node not in values:
            raise Unreadable(f"Nothing is called {node!r}.", f"There are: {', '.join(sorted(values)) or 'no names'}.")
        return values[node]
    if isinstance(node, Fraction):
        return node
    left, right = evaluate(node.left, values), evaluate(node.right, values)
    if right == 0 and node.op in _DIVISIONS:
        raise Unreadable("A division by zero.")
    result = _OPERATIONS[node.op](left, right)
    return int(result) if result is True or result is False else result


def _leaves(node: Node) -> Iterator[int | Fraction | str]:
    if isinstance(node, Binary):
        yield from _leaves(node.left)
        yield from _leaves(node.right)
    else:
        yield node


def names_in(node: Node) -> tuple[str, ...]:
    """The names a tree mentions, in order."""
    return tuple(leaf for leaf in _leaves(node) if isinstance(leaf, str))


def literals_in(node: Node) -> tuple[int | Fraction, ...]:
    """The numbers a tree mentions, in order."""
    return tuple(leaf for leaf in _leaves(node) if not isinstance(leaf, str))
