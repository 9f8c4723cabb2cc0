"""Figures as inline SVG. They are drawn here, from numbers that are already made, and need no script to be seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workings.report.markup import EMPTY, Markup, tag
from workings.report.shapes import label as _label
from workings.report.shapes import line as _line
from workings.report.shapes import place as _r
from workings.report.shapes import svg as _svg
from workings.report.shapes import trail as _trail
from workings.report.shapes import whisker as _whisker

__all__ = [
    "OUTCOMES",
    "accuracy_bar",
    "cost_curves",
    "difference_bar",
    "frontier",
    "k_panel",
    "length_panel",
    "number",
    "reliability",
    "stacked",
]

OUTCOMES = ("right", "wrong", "unparsed", "error", "unjudged")
Figure = Mapping[str, Any]

_LEFT = 32.0


def number(value: float | None, digits: int = 3) -> str:
    """A number for reading: fixed digits below ten, thousands separated above; a dash when there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.{digits}f}".replace("-", "−")


def accuracy_bar(estimate: Figure | None, low: float = 0.0, high: float = 1.0) -> Markup:
    """An estimate in [low, high] as a hairline scale with its interval and a dot."""
    if estimate is None or estimate.get("value") is None:
        return EMPTY
    width, height = 112.0, 16.0

    def x(value: float) -> float:
        return 4 + (width - 8) * (min(max(value, low), high) - low) / (high - low)

    parts = [_line(x(low), 8, x(high), 8, "grid"), *(_line(x(v), 5, x(v), 11, "grid") for v in (low, high))]
    if estimate.get("low") is not None and estimate.get("high") is not None:
        parts.append(tag("path", {"d": _whisker(x(estimate["low"]), x(estimate["high"]), 8, 3), "class": "whisker"}))
    parts.append(tag("circle", {"cx": _r(x(estimate["value"])), "cy": "8", "r": "3.5", "class": "dot"}))
    return _svg(width, height, f"{_said(estimate)} on a scale from {low:g} to {high:g}", parts)


def difference_bar(estimate: Figure, reach: float) -> Markup:
    """A difference with its interval, on a scale from −reach to +reach with zero marked."""
    if estimate.get("value") is None:
        return EMPTY
    width, height = 150.0, 16.0

    def x(value: float) -> float:
        return 4 + (width - 8) * (min(max(value, -reach), reach) + reach) / (2 * reach)

    parts = [_line(x(-reach), 8, x(reach), 8, "grid"), _line(x(0), 0, x(0), 16, "zero")]
    if estimate.get("low") is not None and estimate.get("high") is not None:
        parts.append(tag("path", {"d": _whisker(x(estimate["low"]), x(estimate["high"]), 8, 3), "class": "whisker"}))
    parts.append(tag("circle", {"cx": _r(x(estimate["value"])), "cy": "8", "r": "3.5", "class": "dot"}))
    return _svg(width, height, f"{_said(estimate)}; zero is in the middle", parts)


def _said(estimate: Figure) -> str:
    said = number(estimate.get("value"))
    if estimate.get("low") is not None and estimate.get("high") is not None:
        said += f", interval {number(estimate['low'])} to {number(estimate['high'])}"
    return said


def stacked(counts: Mapping[str, int]) -> Markup:
    """The four outcomes of one method as one bar over its whole width."""
    total = sum(counts.get(name, 0) for name in OUTCOMES) or 1
    at = 0.0
    parts: list[Markup] = []
    for name in OUTCOMES:
        share = 1000 * counts.get(name, 0) / total
        if share > 0:
            box = {"x": _r(at), "y": "0", "width": _r(share), "height": "20", "class": name}
            parts.append(tag("rect", box, tag("title", None, f"{name}: {counts[name]}")))
        at += share
    label = ", ".join(f"{counts.get(name, 0)} {name}" for name in OUTCOMES if counts.get(name, 0))
    box = {"viewBox": "0 0 1000 20", "preserveAspectRatio": "none", "role": "img", "aria-label": label or "no attempts"}
    return tag("svg", box, parts)


def frontier(points: Sequence[Figure], axis: str, *, width: float = 760, height: float = 380) -> Markup:
    """Accuracy against mean cost an attempt, with intervals; filled marks are on the frontier, hollow ones are not.

    A point needs `method`, `cost`, `value` and `on`; `low`, `high`, `cost_low`, `cost_high` are optional.
    """
    points = [p for p in points if p.get("cost") is not None and p.get("value") is not None]
    if not points:
        return tag("p", {"class": "soft"}, "No method has both an accuracy and this cost.")
    ends = [v for p in points for v in (p["cost"], p.get("cost_low"), p.get("cost_high")) if v is not None]
    x, y, parts = _cost_axes(ends, axis, width, height)
    on = sorted((p for p in points if p.get("on")), key=lambda p: (p["cost"], p["value"]))
    if len(on) > 1:
        path = f"M{_r(x(on[0]['cost']))} {_r(y(on[0]['value']))}"
        path += "".join(f"H{_r(x(p['cost']))}V{_r(y(p['value']))}" for p in on[1:])
        parts.append(tag("path", {"d": path, "class": "hull"}))
    taken: list[tuple[float, float, float, float]] = []
    for p in points:
        px, py = x(p["cost"]), y(p["value"])
        taken.append((px - 7, py - 7, px + 7, py + 7))
        if p.get("low") is not None and p.get("high") is not None:
            taken.append((px - 2, y(p["high"]), px + 2, y(p["low"])))
    for p in sorted(points, key=lambda p: (p["cost"], -p["value"])):
        parts.append(_point(p, axis, x, y, taken, (_LEFT, width)))
    name = "narrow" if width < 500 else "broad"
    return _svg(width, height, f"Accuracy against {axis} for {len(points)} methods", parts, name=name)


def _cost_axes(
    ends: Sequence[float], axis: str, width: float, height: float
) -> tuple[Callable[[float], float], Callable[[float], float], list[Markup]]:
    """Where a cost and an accuracy stand in a figure, and its axes; a wide range of costs is drawn on a log scale."""
    right, top, bottom = 16.0, 26.0, 40.0
    positive = [v for v in ends if v > 0]
    log = bool(positive) and len(positive) == len(ends) and max(positive) > 20 * min(positive)
    ticks = _log_ticks(min(ends), max(ends)) if log else _ticks(0.0, max(ends) * 1.05 or 1.0)
    first, last = (ticks[0], ticks[-1]) if ticks[-1] > ticks[0] else (ticks[0], ticks[0] + 1)
    turn: Callable[[float], float] = math.log if log else float
    spread = (turn(last) - turn(first)) or 1.0

    def x(value: float) -> float:
        return _LEFT + (width - _LEFT - right) * (turn(value) - turn(first)) / spread

    def y(value: float) -> float:
        return top + (height - top - bottom) * (1 - value)

    parts: list[Markup] = []
    for value in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        parts += [
            _line(_LEFT, y(value), width - right, y(value), "grid"),
            _label(_LEFT - 8, y(value) + 4, f"{value:g}", "end"),
        ]
    shown = ticks if width > 500 or len(ticks) < 5 else ticks[::2]
    for tick in shown:
        parts += [_line(x(tick), y(0), x(tick), y(0) + 5, "tick"), _label(x(tick), y(0) + 18, _compact(tick), "middle")]
    parts.append(_line(_LEFT, y(0), width - right, y(0), "axis"))
    parts.append(_label(width - right, height - 4, f"{axis}{', log scale' if log else ''}", "end"))
    parts.append(_label(0, 10, "accuracy"))
    return x, y, parts


def cost_curves(lines: Sequence[Figure], axis: str, *, width: float = 760, height: float = 420) -> Markup:
    """Accuracy against cost: a line for each rule over its ks, a lone mark for each method that has no pool.

    A line needs `label`, `kind` ("coverage", "choice" or "method") and `points`, each with `cost`, `value`, `says`, and
    optionally `low`, `high` and `on` (on the frontier: filled).
    """
    every = [p for line in lines for p in line["points"]]
    if not every:
        return tag("p", {"class": "soft"}, "No method has both an accuracy and this cost.")
    x, y, parts = _cost_axes([p["cost"] for p in every], axis, width, height)
    taken: list[tuple[float, float, float, float]] = []
    for p in every:
        px, py = x(p["cost"]), y(p["value"])
        taken.append((px - 6, py - 6, px + 6, py + 6))
    for line in lines:
        trail = _trail([(x(p["cost"]), y(p["value"])) for p in line["points"]])
        if len(line["points"]) > 1:
            parts.append(tag("path", {"d": trail, "class": f"rule {line['kind']}"}))
    for line in lines:
        for p in line["points"]:
            parts.append(_mark(p, x(p["cost"]), y, coverage=line["kind"] == "coverage"))
    for line in sorted(lines, key=lambda line: -line["points"][-1]["value"]):
        end = line["points"][-1]
        label = line["label"] if len(line["label"]) <= 34 else line["label"][:33] + "…"
        lx, ly, anchor = _place(x(end["cost"]), y(end["value"]), len(label) * 6.7, taken, (_LEFT, width))
        parts.append(_label(lx, ly, label, anchor, "name"))
    name = "narrow" if width < 500 else "broad"
    return _svg(width, height, f"Accuracy against {axis} for {len(lines)} ways to choose", parts, name=name)


def _mark(p: Figure, px: float, y: Callable[[float], float], *, coverage: bool) -> Markup:
    py = y(p["value"])
    whisker = EMPTY
    if p.get("low") is not None and p.get("high") is not None:
        whisker = tag("path", {"d": f"M{_r(px)} {_r(y(p['low']))}V{_r(y(p['high']))}", "class": "whisker faint"})
    look = "ring" if coverage else "dot" if p.get("on") else "hollow"
    attributes = {"class": "point", "tabindex": "0", "role": "img", "aria-label": p["says"], "data-says": p["says"]}
    return tag(
        "g",
        attributes,
        tag("circle", {"cx": _r(px), "cy": _r(py), "r": "9", "class": "halo"}),
        whisker,
        tag("circle", {"cx": _r(px), "cy": _r(py), "r": "3.5", "class": look}),
        tag("title", None, p["says"]),
    )


def k_panel(lines: Sequence[Figure], ks: Sequence[int]) -> Markup:
    """Accuracy of each rule against the number of chains; coverage dashed, with its band, and a label at each end.

    A line needs `label`, `kind` and `points` with `k`, `value`, `low` and `high`. Places of k are equally far apart.
    """
    width, height, left, right, top, bottom = 380.0, 220.0, 28.0, 130.0, 8.0, 36.0
    place = {k: at for at, k in enumerate(ks)}
    span = max(1, len(ks) - 1)

    def x(k: int) -> float:
        return left + 6 + (width - left - right - 6) * place[k] / span

    def y(value: float) -> float:
        return top + (height - top - bottom) * (1 - value)

    parts: list[Markup] = []
    for value in (0.0, 0.5, 1.0):
        parts += [
            _line(left, y(value), width - right, y(value), "grid"),
            _label(left - 5, y(value) + 4, f"{value:g}", "end"),
        ]
    parts += [_label(x(k), y(0) + 16, k, "middle") for k in ks]
    parts.append(_label(left, height - 4, "chains"))
    for line in lines:
        points = line["points"]
        if line["kind"] == "coverage":
            upper = [(x(p["k"]), y(p["high"])) for p in points]
            lower = [(x(p["k"]), y(p["low"])) for p in reversed(points)]
            parts.append(tag("path", {"d": _trail([*upper, *lower]) + "Z", "class": "band"}))
        parts.append(
            tag("path", {"d": _trail([(x(p["k"]), y(p["value"])) for p in points]), "class": f"rule {line['kind']}"})
        )
        for p in points:
            says = f"{line['label']}, {p['k']} chains: {_said(p)}"
            dot = {"cx": _r(x(p["k"])), "cy": _r(y(p["value"])), "r": "2.5"}
            parts.append(
                tag(
                    "circle",
                    {**dot, "class": "ring" if line["kind"] == "coverage" else "dot"},
                    tag("title", None, says),
                )
            )
    wanted = sorted((y(line["points"][-1]["value"]), line["label"]) for line in lines if line["points"])
    at = -math.inf
    for ideal, label in wanted:
        at = max(ideal, at + 12)
        parts.append(
            _label(width - right + 7, at + 4, label if len(label) <= 20 else label[:19] + "…", "start", "name")
        )
    spoken = "; ".join(f"{line['label']} {number(line['points'][-1]['value'], 2)}" for line in lines if line["points"])
    return _svg(width, height, f"Accuracy by number of chains, at {ks[-1]} chains: {spoken}", parts)


def _point(p: Figure, axis: str, x: Any, y: Any, taken: list[tuple[float, float, float, float]], edges: Any) -> Markup:
    px, py = x(p["cost"]), y(p["value"])
    says = f"{p['method']}: accuracy {_said(p)}; {number(p['cost'], 2)} {axis}; "
    says += (
        "on the frontier." if p.get("on") else "not on the frontier: another method is at least as accurate for less."
    )
    marks = ""
    if p.get("low") is not None and p.get("high") is not None:
        marks += f"M{_r(px)} {_r(y(p['low']))}V{_r(y(p['high']))}"
    if p.get("cost_low") is not None and p.get("cost_high") is not None:
        marks += f"M{_r(x(p['cost_low']))} {_r(py)}H{_r(x(p['cost_high']))}"
    label = p["method"] if len(p["method"]) <= 28 else p["method"][:27] + "…"
    lx, ly, anchor = _place(px, py, len(label) * 6.7, taken, edges)
    inner = [
        tag("circle", {"cx": _r(px), "cy": _r(py), "r": "11", "class": "halo"}),
        tag("path", {"d": marks, "class": "whisker"}) if marks else EMPTY,
        tag("circle", {"cx": _r(px), "cy": _r(py), "r": "4.5", "class": "dot" if p.get("on") else "hollow"}),
        _label(lx, ly, label, anchor, "name"),
        tag("title", None, says),
    ]
    attributes = {"class": "point", "tabindex": "0", "role": "img", "aria-label": says, "data-says": says}
    return tag("g", attributes, inner)


def _place(
    px: float, py: float, wide: float, taken: list[tuple[float, float, float, float]], edges: tuple[float, float]
) -> tuple[float, float, str]:
    """A free place for a label beside a point: the first of ten tries that touches no mark, label or edge."""
    tries = [
        (px + (9 if side > 0 else -9), py + down, side)
        for down in (-6, 16, -20, 30, -34)
        for side in ((1, -1) if px < (edges[0] + edges[1]) / 2 else (-1, 1))
    ]
    best = tries[0]
    for lx, ly, side in tries:
        x1, x2 = (lx, lx + wide) if side > 0 else (lx - wide, lx)
        free = (
            x1 >= edges[0] and x2 <= edges[1] and all(x2 < a or x1 > c or ly < b or ly - 11 > d for a, b, c, d in taken)
        )
        if free:
            best = (lx, ly, side)
            break
    lx, ly, side = best
    x1, x2 = (lx, lx + wide) if side > 0 else (lx - wide, lx)
    taken.append((x1, ly - 11, x2, ly))
    return lx, ly, "start" if side > 0 else "end"


def _ticks(low: float, high: float, about: int = 6) -> list[float]:
    step = 10 ** math.floor(math.log10(max(high - low, 1e-12) / about))
    while (high - low) / step > about:
        step *= 2 if (high - low) / step <= 2 * about else 5
    return [low + step * i for i in range(math.ceil((high - low) / step - 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    ticks = [m * 10.0**e for e in range(first, last + 1) for m in (1, 2, 5)]
    start = max(i for i, t in enumerate(ticks) if t <= low * (1 + 1e-9))
    end = min((i for i, t in enumerate(ticks) if t >= high * (1 - 1e-9)), default=len(ticks) - 1)
    return ticks[start : end + 1]


def _compact(value: float) -> str:
    if value >= 1e7:
        return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


def length_panel(points: Sequence[Figure], others: Sequence[Sequence[Figure]], labels: Sequence[str]) -> Markup:
    """One method's accuracy by length with its band; the other methods stand behind it as pale lines.

    A point needs `label`, `value`, and optionally `low`, `high`, `n` and `in_length` (False shades the ground).
    """
    width, height, left, right, top, bottom = 260.0, 170.0, 28.0, 8.0, 8.0, 24.0
    place = {label: at for at, label in enumerate(labels)}
    gap = (width - left - right) / max(1, len(labels))

    def x(label: str) -> float:
        return left + gap * (place[label] + 0.5)

    def y(value: float) -> float:
        return top + (height - top - bottom) * (1 - value)

    parts: list[Markup] = []
    outside = {p["label"] for line in (points, *others) for p in line if p.get("in_length") is False}
    for label in (label for label in labels if label in outside):
        box = {
            "x": _r(x(label) - gap / 2),
            "y": _r(top),
            "width": _r(gap + 0.3),
            "height": _r(y(0) - top),
            "class": "outside",
        }
        parts.append(tag("rect", box))
    for value in (0.0, 0.5, 1.0):
        parts += [
            _line(left, y(value), width - right, y(value), "grid"),
            _label(left - 5, y(value) + 4, f"{value:g}", "end"),
        ]
    every = math.ceil(len(labels) * (1 + max(map(len, labels), default=1)) / 32)
    parts += [_label(x(label), height - 8, label, "middle") for label in labels[::every]]
    for line in others:
        parts.append(tag("path", {"d": _trail([(x(p["label"]), y(p["value"])) for p in line]), "class": "other"}))
    banded = [p for p in points if p.get("low") is not None and p.get("high") is not None]
    if len(banded) > 1:
        edge = [(x(p["label"]), y(p["high"])) for p in banded] + [
            (x(p["label"]), y(p["low"])) for p in reversed(banded)
        ]
        parts.append(tag("path", {"d": _trail(edge) + "Z", "class": "band"}))
    elif banded:
        p = banded[0]
        whisker = f"M{_r(x(p['label']))} {_r(y(p['low']))}V{_r(y(p['high']))}"
        parts.append(tag("path", {"d": whisker, "class": "whisker"}))
    parts.append(tag("path", {"d": _trail([(x(p["label"]), y(p["value"])) for p in points]), "class": "line"}))
    for p in points:
        says = f"length {p['label']}: {_said(p)}, {p.get('attempts', 0)} attempts"
        hollow = "hollow" if p.get("in_length") is False else "dot"
        dot = {"cx": _r(x(p["label"])), "cy": _r(y(p["value"])), "r": "3", "class": hollow}
        parts.append(tag("circle", dot, tag("title", None, says)))
    spoken = "Accuracy by length: " + "; ".join(f"{p['label']}: {number(p['value'], 2)}" for p in points)
    return _svg(width, height, spoken, parts)


def reliability(bins: Sequence[Figure]) -> Markup:
    """Accuracy against stated confidence in bins, on the unit square; marks grow with the number of attempts.

    A bin needs `confidence`, `accuracy`, `n`, and optionally `low` and `high` of the accuracy.
    """
    side, left, top, bottom = 190.0, 28.0, 8.0, 24.0
    width, height = left + side + 8, top + side + bottom

    def x(value: float) -> float:
        return left + side * value

    def y(value: float) -> float:
        return top + side * (1 - value)

    parts: list[Markup] = []
    for value in (0.0, 0.5, 1.0):
        parts += [
            _line(left, y(value), left + side, y(value), "grid"),
            _label(left - 5, y(value) + 4, f"{value:g}", "end"),
        ]
        parts.append(_label(x(value), height - 8, f"{value:g}", "middle"))
    parts.append(_line(x(0), y(0), x(1), y(1), "diagonal"))
    most = max((b["n"] for b in bins), default=1)
    marks = [b for b in bins if b["n"] and b.get("accuracy") is not None and b.get("confidence") is not None]
    for b in marks:
        if b.get("low") is not None and b.get("high") is not None:
            whisker = f"M{_r(x(b['confidence']))} {_r(y(b['low']))}V{_r(y(b['high']))}"
            parts.append(tag("path", {"d": whisker, "class": "whisker"}))
        says = f"confidence {number(b['confidence'], 2)}: accuracy {number(b['accuracy'], 2)}, {b['n']} attempts"
        radius = 2.5 + 4.5 * math.sqrt(b["n"] / most)
        dot = {"cx": _r(x(b["confidence"])), "cy": _r(y(b["accuracy"])), "r": _r(radius), "class": "dot"}
        parts.append(tag("circle", dot, tag("title", None, says)))
    label = "; ".join(f"confidence {number(b['confidence'], 2)} accuracy {number(b['accuracy'], 2)}" for b in marks)
    return _svg(width, height, f"Reliability: {label or 'no bins'}", parts)
