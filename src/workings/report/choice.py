"""The options of `choose` as aligned text for a terminal."""

from __future__ import annotations

from workings.report.figures import number
from workings.report.terminal import aligned, safe
from workings.run.choose import Choosing
from workings.run.counsel import UNITS

__all__ = ["render_options"]


def render_options(found: Choosing) -> str:
    """The options on the frontier of accuracy and cost, cheapest first, then what was left out."""
    lines = [["on the frontier", "accuracy", "", UNITS[found.axis], ""]]
    for option in sorted((o for o in found.options if o.on or o is found.pick), key=lambda o: (o.cost, o.accuracy)):
        bounds = f"[{number(option.interval.low)}, {number(option.interval.high)}]"
        cost = f"{option.cost:.3g}" if found.axis == "flops" else number(option.cost, 2)
        mark = "chosen" if option is found.pick else ""
        lines.append([safe(option.option.label), number(option.accuracy), bounds, cost, mark])
    text = aligned(lines)
    for what, count in found.left_out.items():
        text += f"\nleft out: {safe(what)} ({count:,})"
    return text
