"""The table of a run as plain text for a terminal, a log or a mail."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from workings.core.display import printable
from workings.report.figures import number
from workings.run.compare import Comparison, MethodSummary

__all__ = ["aligned", "render_table", "safe"]

_LONGEST = 36


def render_table(summaries: Sequence[MethodSummary], comparisons: Sequence[Comparison]) -> str:
    """Methods, then differences, as aligned lines without colour or control characters; no newline at the end.

    Accuracy is over judged attempts with its interval; tokens are generated ones an attempt, verifiers and probes
    included; "cut" is the share of chosen chains that ended at the length limit. Columns in which no method has a
    number (confidence) are left out.
    """
    if not summaries:
        return "No attempts are on record."
    heads = ["method", "accuracy", "", "right", "wrong", "unparsed", "error", "tokens", "seconds", "calls", "cut"]
    sure = any(s.ece is not None for s in summaries)
    lines = [heads + (["ECE"] if sure else [])]
    for s in summaries:
        bounds = f"[{number(s.interval.low)}, {number(s.interval.high)}]" if s.interval else ""
        counts = [f"{count:,}" for count in (s.right, s.wrong, s.unparsed, s.errors)]
        spent = [number(s.cost, 1), number(s.seconds_mean, 2), number(s.calls, 1), f"{s.truncated:.0%}"]
        line = [safe(s.method), number(s.accuracy), bounds, *counts, *spent]
        lines.append(line + ([number(s.ece)] if sure else []))
    text = aligned(lines)
    unjudged = sum(s.unjudged for s in summaries)
    if unjudged:
        text += f"\n{unjudged:,} attempts have no gold answer or were not judged: they are in no accuracy."
    return f"{text}\n\n{aligned(_differences(comparisons))}" if comparisons else text


def _differences(comparisons: Sequence[Comparison]) -> list[list[str]]:
    lines = [["pair", "difference", "", "problems", "p", f"p, {comparisons[0].adjustment}", ""]]
    for c in comparisons:
        sign = "+" if c.difference is not None and c.difference > 0 else ""
        bounds = f"[{number(c.interval.low)}, {number(c.interval.high)}]" if c.interval else ""
        pair = f"{safe(c.method)} − {safe(c.baseline)}"
        said = "told apart" if c.distinct else "not told apart"
        values = [sign + number(c.difference), bounds, f"{c.problems:,}", _p(c.p), _p(c.p_adjusted)]
        lines.append([pair, *values, said])
    return lines


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def safe(name: str) -> str:
    """A name without characters that move a terminal's cursor, cut when it is very long."""
    return printable(name, _LONGEST, lines=False)


def _wide(text: str) -> int:
    """Terminal columns that a text takes: full-width characters take two, combining ones none."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Columns two spaces apart: the first flush left, intervals and words after numbers too, all others right."""
    widths = [max(_wide(line[at]) for line in lines) for at in range(len(lines[0]))]
    left = {0, 2} | {at for at, head in enumerate(lines[0]) if not head}
    rows = []
    for line in lines:
        cells = []
        for at, cell in enumerate(line):
            gap = " " * (widths[at] - _wide(cell))
            cells.append(cell + gap if at in left else gap + cell)
        rows.append("  ".join(cells).rstrip())
    rows.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(rows)
