"""Figures of findings: a bar against its null and ceiling, curves of early answering with their band and nulls."""

from __future__ import annotations

import math
from collections.abc import Callable

from workings.audit.early_curves import Curves, Place
from workings.core.finding import Finding
from workings.report.figures import number
from workings.report.markup import EMPTY, Markup, tag
from workings.report.shapes import label, line, place, svg, trail, whisker

__all__ = ["early_curves", "finding_bar", "scale_of", "spoken"]


def scale_of(finding: Finding) -> tuple[float, float]:
    """The ends of a scale on which a finding, its interval, its null and its ceiling all lie; they are round numbers.

    >>> scale_of(Finding("a", 0.4, null=0.0, ceiling=1.0)), scale_of(Finding("b", -3.2, null=0.0))
    ((0.0, 1.0), (-5.0, 0.0))
    """
    values = [finding.value, finding.null, finding.ceiling]
    if finding.interval is not None:
        values += [finding.interval.low, finding.interval.high]
    told = [value for value in values if value is not None and math.isfinite(value)]
    low, high = min([0.0, *told]), max([0.0, *told])
    return -_round_up(-low) if low < 0 else 0.0, _round_up(high) if high > 0 else 0.0 if low < 0 else 1.0


def _round_up(size: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 … that is no smaller; nothing is smaller than 1."""
    if size <= 1 + 1e-9:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(size))
    return next(unit * step for step in (1, 2, 5, 10) if unit * step >= size * (1 - 1e-9))


def finding_bar(finding: Finding, *, ends: bool = True) -> Markup:
    """A finding with its interval; a tick stands at its null, a bracket at its ceiling, numbers at the scale's ends."""
    if finding.value is None:
        return EMPTY
    low, high = scale_of(finding)
    left, width, middle = 26.0 if ends else 4.0, 130.0 if ends else 100.0, 10.0

    def x(value: float) -> float:
        return left + width * (min(max(value, low), high) - low) / (high - low)

    parts = [line(x(low), middle, x(high), middle, "grid")]
    if ends:
        parts.append(label(left - 5, middle + 4, _end(low), "end"))
        parts.append(label(left + width + 5, middle + 4, _end(high)))
    said = [spoken(finding)]
    if finding.ceiling is not None and math.isfinite(finding.ceiling):
        at = x(finding.ceiling)
        path = f"M{place(at - 3)} {place(middle - 5)}H{place(at)}V{place(middle + 5)}H{place(at - 3)}"
        parts.append(tag("path", {"d": path, "class": "ceiling"}))
        said.append(f"ceiling {number(finding.ceiling)}")
    if finding.null is not None and math.isfinite(finding.null):
        parts.append(line(x(finding.null), middle - 9, x(finding.null), middle + 9, "null"))
        said.append(f"null {number(finding.null)}")
    band = finding.interval
    if band is not None and math.isfinite(band.high - band.low):
        parts.append(tag("path", {"d": whisker(x(band.low), x(band.high), middle, 3), "class": "whisker"}))
    dot = {"cx": place(x(finding.value)), "cy": place(middle), "r": "3.5", "class": "dot"}
    parts.append(tag("circle", dot))
    spoke = f"{'; '.join(said)}; scale from {_end(low)} to {_end(high)}"
    return svg(left + width + (30 if ends else 4), 2 * middle, spoke, parts)


def _end(value: float) -> str:
    return f"{value:,.0f}".replace("-", "−")


def spoken(finding: Finding) -> str:
    """A finding's value and interval in plain words."""
    said = number(finding.value)
    if finding.interval is not None:
        said += f", interval {number(finding.interval.low)} to {number(finding.interval.high)}"
    return said


def early_curves(curves: Curves, *, width: float = 640, height: float = 280, labelled: bool = True) -> Markup:
    """The stated answer's share against the share of the chain: the chain's own curve with its band, the shuffled and
    the stranger's chain behind it, and a mark for one neutral token in the chain's place."""
    right, bottom = (150.0, 40.0) if labelled else (14.0, 24.0)
    left, top = 32.0, 26.0 if labelled else 10.0

    def x(at: float) -> float:
        return left + (width - left - right) * at

    def y(value: float) -> float:
        return top + (height - top - bottom) * (1 - value)

    parts = _ground(x, y, narrow=not labelled)
    if labelled:
        parts.append(label(x(1), height - 4, "share of the chain's steps shown", "end"))
        parts.append(label(0, 10, "share of the stated answer"))
    for name, row in (("stranger", curves.stranger), ("shuffled", curves.shuffled)):
        if row:
            parts.append(tag("path", {"d": trail([(x(p.at), y(p.value)) for p in row]), "class": f"behind {name}"}))
    banded = [(p, p.interval) for p in curves.whole if p.interval is not None]
    if len(banded) > 1:
        edge = [(x(p.at), y(band.high)) for p, band in banded]
        edge += [(x(p.at), y(band.low)) for p, band in reversed(banded)]
        parts.append(tag("path", {"d": trail(edge) + "Z", "class": "band"}))
    parts.append(tag("path", {"d": trail([(x(p.at), y(p.value)) for p in curves.whole]), "class": "line"}))
    for p in curves.whole:
        dot = {"cx": place(x(p.at)), "cy": place(y(p.value)), "r": "3" if labelled else "2", "class": "dot"}
        parts.append(tag("circle", dot, tag("title", None, f"{p.at:.0%} of the chain: {_told(p)}")))
    parts += _neutral(curves.neutral, x(1), y(curves.neutral.value))
    if labelled:
        parts += _names(curves, x(1) + 12, y, height)
    ends = f"from {number(curves.whole[0].value, 2)} without the chain to {number(curves.whole[-1].value, 2)} behind it"
    look = "broad" if labelled and width > 400 else None
    return svg(width, height, f"Share of the stated answer over {curves.n} chains, {ends}", parts, name=look)


def _ground(x: Callable[[float], float], y: Callable[[float], float], *, narrow: bool) -> list[Markup]:
    parts: list[Markup] = []
    for value in (0.0, 0.5, 1.0) if narrow else (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        parts += [line(x(0), y(value), x(1), y(value), "grid"), label(x(0) - 7, y(value) + 4, f"{value:g}", "end")]
    for at in (0.0, 0.5, 1.0) if narrow else (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        parts += [line(x(at), y(0), x(at), y(0) + 4, "tick"), label(x(at), y(0) + 16, f"{at:.0%}", "middle")]
    parts.append(line(x(0), y(0), x(1), y(0), "axis"))
    return parts


def _neutral(mark: Place, x: float, y: float) -> list[Markup]:
    path = f"M{place(x)} {place(y - 5)}L{place(x + 5)} {place(y)}L{place(x)} {place(y + 5)}L{place(x - 5)} {place(y)}Z"
    says = f"one neutral token in place of the chain: {_told(mark)}"
    return [tag("path", {"d": path, "class": "neutral"}, tag("title", None, says))]


def _names(curves: Curves, x: float, y: Callable[[float], float], height: float) -> list[Markup]:
    """A label at each end, moved apart where they would touch."""
    rows = [("whole chain", curves.whole[-1].value, "ink")]
    rows += [("steps shuffled", curves.shuffled[-1].value, "said")] if curves.shuffled else []
    rows += [("a stranger's chain", curves.stranger[-1].value, "said")] if curves.stranger else []
    rows += [("◇ one neutral token", curves.neutral.value, "said")]
    wanted = sorted((y(value) + 4, text, value, name) for text, value, name in rows)
    places: list[float] = []
    for ideal, *_ in wanted:
        places.append(max(ideal, places[-1] + 14 if places else -math.inf))
    over = max(0.0, places[-1] - (height - 44)) if places else 0.0
    for at in range(len(places) - 1, -1, -1):
        limit = places[at + 1] - 14 if at + 1 < len(places) else places[at] - over
        places[at] = min(places[at], limit)
    return [label(x, at, f"{text} {number(value, 2)}", "start", name)
            for at, (_, text, value, name) in zip(places, wanted, strict=True)]  # fmt: skip


def _told(p: Place) -> str:
    ends = f", interval {number(p.interval.low, 2)} to {number(p.interval.high, 2)}" if p.interval is not None else ""
    return f"{number(p.value, 2)}{ends}"
