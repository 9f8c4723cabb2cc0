"""The importance of steps, as early answering read it, laid on the steps of a recorded chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workings.audit.readout import recorded
from workings.audit.views import View
from workings.core.trace import Trace

__all__ = ["heat_of"]


def heat_of(trace: Trace, reading: Mapping[str, Any]) -> dict[str, Any] | None:
    """For each step of the trace what it adds to the stated answer's log-odds (nats), and the curve of its share.

    `steps` has None for a step that was not read, such as the one that states the answer, and "inf" where the
    log-odds are infinite on one side. None where the reading is not of this chain.
    """
    lead = 0 if trace.prompt is None else len(trace.prompt.lead)
    chain, cuts = reading.get("chain", ""), reading.get("cuts", ())
    if not chain or not trace.text[lead:].startswith(chain) or len(reading["importance"]) != len(cuts) - 1:
        return None
    steps: list[float | str | None] = [None] * len(trace.steps)
    for start, end, value in zip(cuts[:-1], cuts[1:], reading["importance"], strict=True):
        at = _most_in([(step.start, step.end) for step in trace.steps], lead + start, lead + end)
        if at is None:
            continue
        before = steps[at]
        if value is None or before == "inf":
            steps[at] = "inf"
        else:
            steps[at] = round(value + (before if isinstance(before, float) else 0.0), 3)
    shuffled = View(recorded(reading["mass"], reading["shuffled"])).shares
    return {
        "steps": steps,
        "shares": [round(share, 3) for share in reading["shares"]],
        "shuffled": [round(share, 3) for share in shuffled],
        "answer": reading["options"][0],
    }


def _most_in(spans: list[tuple[int, int]], start: int, end: int) -> int | None:
    """The span that holds most of what lies between two places; None where none holds any of it."""
    held = [min(end, b) - max(start, a) for a, b in spans]
    best = max(range(len(held)), key=held.__getitem__, default=None)
    return best if best is not None and held[best] > 0 else None
