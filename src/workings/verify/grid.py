"""Answers that are rows of integers."""

from __future__ import annotations

import json
import re

from workings.verify.text import Reading

__all__ = ["read_grid", "read_last_grid"]

MAX_CELLS = 10_000
_JSON_START = re.compile(r"\[\s{0,20}\[")
_JSON = re.compile(r"\[\s*+(?:\[[\s0-9,+-]*+\]\s*+,?\s*+)++\]")
_ROW = re.compile(r"^[ \t|\[(]{0,4}(-?[0-9]{1,6}(?:[ \t]{0,3}[, \t|][ \t]{0,3}-?[0-9]{1,6}){0,199})[ \t|\]),]{0,5}$")


def _json_grid(text: str) -> str | None:
    rows = []
    for row in re.findall(r"\[([^\[\]]*+)\]", text[1:-1]):
        cells = [c for c in re.split(r"[\s,]+", row.strip()) if c]
        if not all(re.fullmatch(r"[+-]?[0-9]{1,6}", c) for c in cells):
            return None
        rows.append([int(c) for c in cells])
    return _canonical(rows)


def _canonical(rows: list[list[int]]) -> str | None:
    width = len(rows[0]) if rows else 0
    if not width or any(len(r) != width for r in rows) or width * len(rows) > MAX_CELLS:
        return None
    return json.dumps(rows, separators=(",", ":"))


def _blocks(view: str, start: int, end: int) -> list[Reading]:
    """Runs of lines that hold integers only."""
    found: list[Reading] = []
    rows: list[list[int]] = []
    begin = stop = at = start
    for line in [*view[start:end].split("\n"), "end"]:
        row = _ROW.match(line) if len(line) <= 4000 else None
        if row:
            cells = [int(c) for c in re.findall(r"-?[0-9]+", row[1])]
            begin = begin if rows else at
            rows.append(cells)
            stop = at + len(line)
        elif rows:
            if len(rows) > 1 or len(rows[0]) > 1:
                left = begin + len(view[begin:stop]) - len(view[begin:stop].lstrip())
                found.append(Reading(left, min(stop, end), _canonical(rows)))
            rows = []
        at += len(line) + 1
    return found


def _all(view: str, start: int, end: int) -> list[Reading]:
    found = [Reading(g.start(), g.end(), _json_grid(g[0])) for g in _JSON.finditer(view, start, end)]
    if not found:
        found = _blocks(view, start, end)
    return found


def read_grid(view: str, start: int, end: int) -> Reading | None:
    """The first grid after a declaration: JSON lists, or lines of integers apart by blanks, commas or bars."""
    found = _all(view, start, end)
    return found[0] if found else None


def read_last_grid(view: str, start: int, end: int) -> Reading | None:
    """The last grid of a text. Ragged rows and more than 10,000 cells cannot be told."""
    found = _all(view, start, end)
    return found[-1] if found else None
