"""The pieces of which all figures are drawn: lines, labels, whiskers and the drawing around them."""

from __future__ import annotations

from collections.abc import Sequence

from workings.report.markup import Markup, tag, text

__all__ = ["label", "line", "place", "svg", "trail", "whisker"]


def line(x1: float, y1: float, x2: float, y2: float, name: str) -> Markup:
    """A straight line."""
    return tag("line", {"x1": place(x1), "y1": place(y1), "x2": place(x2), "y2": place(y2), "class": name})


def label(x: float, y: float, content: object, anchor: str = "start", name: str | None = None) -> Markup:
    """Text at a place; anchored at its start unless said otherwise."""
    return tag("text", {"x": place(x), "y": place(y), "text-anchor": anchor, "class": name}, text(content))


def place(value: float) -> str:
    """A coordinate with two digits at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def svg(width: float, height: float, label: str, *children: Markup | list[Markup], name: str | None = None) -> Markup:
    """A drawing with a spoken label."""
    attributes = {
        "viewBox": f"0 0 {place(width)} {place(height)}",
        "width": place(width),
        "height": place(height),
        "role": "img",
        "aria-label": label,
        "class": name,
    }
    return tag("svg", attributes, *children)


def whisker(x1: float, x2: float, y: float, cap: float) -> str:
    """The path of an interval with a cap at each end."""
    caps = "".join(f"M{place(x)} {place(y - cap)}V{place(y + cap)}" for x in (x1, x2))
    return f"{caps}M{place(x1)} {place(y)}H{place(x2)}"


def trail(points: Sequence[tuple[float, float]]) -> str:
    """The path of a line through points."""
    return "M" + "L".join(f"{place(x)} {place(y)}" for x, y in points) if points else ""
