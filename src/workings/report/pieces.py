"""Pieces that several sections share: headings, names, tables, numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workings.report.figures import number
from workings.report.markup import Markup, join, tag

__all__ = ["Facts", "bounds", "many", "name", "names", "percent", "section", "top", "wide"]

Facts = Mapping[str, Any]


def name(word: str) -> Markup:
    """A method's name, set as code and kept apart from the text around it."""
    return tag("code", None, word)


def names(words: Sequence[str]) -> Markup:
    parts: list[Markup | str] = []
    for at, word in enumerate(words):
        parts += [name(word), "" if at == len(words) - 1 else " and " if at == len(words) - 2 else ", "]
    return join(parts)


def section(key: str, title: Markup | str, *children: Any) -> Markup:
    heading = tag("h2", {"id": f"{key}-title"}, title)
    return tag("section", {"id": key, "aria-labelledby": f"{key}-title"}, heading, *children)


def wide(label: str, table: Markup) -> Markup:
    return tag("div", {"class": "wide", "tabindex": "0", "role": "region", "aria-label": label}, table)


def top(columns: Sequence[str]) -> Markup:
    """Column heads; the second column holds a drawing and starts at its left."""
    heads = [tag("th", {"scope": "col", "class": "left" if at == 1 else None}, c) for at, c in enumerate(columns)]
    return tag("thead", None, tag("tr", None, heads))


def bounds(estimate: Facts | None) -> Markup:
    if estimate is None or estimate["value"] is None:
        return join("–")
    if estimate.get("low") is None:
        return join(number(estimate["value"]))
    ends = f" [{number(estimate['low'])}, {number(estimate['high'])}]"
    return join(number(estimate["value"]), tag("span", {"class": "pm"}, ends))


def percent(value: float) -> str:
    digits = 1 if 0.99 < value < 1 or 0 < value < 0.01 else 0
    return f"{100 * value:.{digits}f}\u00a0%"


def many(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' * (count != 1)}"
