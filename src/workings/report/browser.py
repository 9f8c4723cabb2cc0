"""The part of the page in which attempts are found and read. Its script fills it in; this makes the frame."""

from __future__ import annotations

import json
from collections.abc import Sequence

from workings.core.record import AttemptRow
from workings.report.embed import Embedded
from workings.report.figures import OUTCOMES
from workings.report.markup import EMPTY, Markup, join, tag

__all__ = ["attempts", "data"]

_MOST_OPTIONS = 300


def attempts(found: Embedded, rows: Sequence[AttemptRow], methods: Sequence[str]) -> Markup:
    """Filters, list and reading pane, and how many of the attempts are here."""
    if not found.total:
        return EMPTY
    title = f"All {found.total:,} attempts" if not found.sampled else f"{found.shown:,} of {found.total:,} attempts"
    parts = [tag("h2", {"id": "attempts-title"}, title)]
    if found.sampled:
        parts.append(_sample_note(found, methods))
    reader = tag(
        "div",
        {"class": "reader", "id": "reader"},
        tag(
            "div",
            {"class": "index"},
            tag("ol", {"class": "listing", "id": "listing", "aria-label": "Attempts"}),
            tag(
                "div",
                {"class": "pager"},
                tag("button", {"type": "button", "id": "previous", "disabled": True}, "Previous"),
                tag("output", {"id": "position", "aria-live": "polite"}, "unpacking…"),
                tag("button", {"type": "button", "id": "next", "disabled": True}, "Next"),
            ),
        ),
        tag(
            "div",
            {"class": "attempt", "id": "attempt", "tabindex": "0", "role": "region", "aria-label": "The attempt"},
            tag("button", {"type": "button", "class": "close", "id": "close"}, "Back to the list"),
            tag("div", {"id": "shown", "aria-live": "polite"}, tag("p", {"class": "soft"}, "Choose an attempt.")),
        ),
    )
    script = tag(
        "noscript", None, tag("p", {"class": "warn"}, "Reading attempts needs scripts; all else on this page does not.")
    )
    parts += [_filters(rows, methods), script, reader]
    return tag("section", {"id": "attempts", "aria-labelledby": "attempts-title"}, parts)


def data(found: Embedded, methods: Sequence[str]) -> Markup:
    """The packed attempts as blocks of data that no browser runs."""
    if not found.total:
        return EMPTY
    names = json.dumps(list(methods)).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    blocks = [f'<script type="application/json" id="methods">{names}</script>']
    blocks.append(f'<script type="text/plain" id="index">{found.index}</script>')
    blocks += [f'<script type="text/plain" id="chunk-{at}">{chunk}</script>' for at, chunk in enumerate(found.chunks)]
    return Markup("\n".join(blocks))


def _sample_note(found: Embedded, methods: Sequence[str]) -> Markup:
    words = (
        f"Every number above is computed from all {found.total:,} attempts. To keep this page small, {found.shown:,} "
        "of them can be read here, drawn by a seeded hash: the same share of each method and outcome, and where there "
        "is room at least one of each. "
        "Counts in this list are therefore not rates. The record holds the rest."
    )
    states = [s for s in OUTCOMES if any(state == s for _, state in found.strata)]
    top = tag("thead", None, tag("tr", None, tag("th", {"scope": "col"}, "shown of recorded"),
                                 [tag("th", {"scope": "col"}, s) for s in states]))  # fmt: skip
    lines = []
    for method in methods:
        cells = []
        for state in states:
            some, every = found.strata.get((method, state), (0, 0))
            cells.append(tag("td", None, f"{some:,} of {every:,}" if every else "–"))
        lines.append(tag("tr", None, tag("th", {"scope": "row"}, tag("code", None, method)), cells))
    table = tag("div", {"class": "wide"}, tag("table", None, top, tag("tbody", None, lines)))
    fold = tag("details", None, tag("summary", None, "Which attempts are here"), table)
    return tag("div", {"class": "sampled"}, tag("p", {"class": "warn"}, words), fold)


def _filters(rows: Sequence[AttemptRow], methods: Sequence[str]) -> Markup:
    found = {row.outcome.value if row.outcome is not None else "unjudged" for row in rows}
    families = sorted({row.family[:80] for row in rows if row.family})
    lengths = sorted({row.length for row in rows if row.length is not None})
    fields = [
        _choice("method", [(str(at), method) for at, method in enumerate(methods)]),
        _choice("outcome", [(state, state) for state in OUTCOMES if state in found]),
    ]
    if len(families) > 1:
        fields.append(_choice("family", [(family, family) for family in families[:_MOST_OPTIONS]]))
    if len(lengths) > 1:
        fields.append(_choice("length", [(str(length), str(length)) for length in lengths[:_MOST_OPTIONS]]))
    search = {"type": "search", "id": "filter-text", "autocomplete": "off", "spellcheck": "false"}
    fields.append(tag("label", {"class": "wider"}, "find in problem, answer or gold", tag("input", search)))
    fields.append(_check("inside", "search the reasoning too"))
    if len(methods) > 1:
        fields.append(_check("split", "methods disagree"))
    return tag("form", {"class": "filters", "id": "filters", "role": "search", "aria-label": "Filter attempts"}, fields)


def _choice(key: str, options: Sequence[tuple[str, str]]) -> Markup:
    every = [tag("option", {"value": ""}, "all"), *(tag("option", {"value": value}, label) for value, label in options)]
    return tag("label", None, key, tag("select", {"id": f"filter-{key}", "autocomplete": "off"}, every))


def _check(key: str, label: str) -> Markup:
    box = tag("input", {"type": "checkbox", "id": f"filter-{key}", "autocomplete": "off"})
    return tag("label", {"class": "check"}, join(box, label))
