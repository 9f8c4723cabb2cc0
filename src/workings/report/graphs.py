"""The sections that are figures: cost, outcomes, length, family, confidence."""

from __future__ import annotations

from workings.report import figures
from workings.report.figures import OUTCOMES, number
from workings.report.markup import EMPTY, Markup, join, tag
from workings.report.pieces import Facts, bounds, name, names, percent, section, wide

__all__ = ["calibration", "families", "frontier", "lengths", "outcomes"]

AXES = (
    ("cost", "generated tokens", "generated tokens an attempt"),
    ("total", "all tokens", "tokens an attempt, prompts included"),
    ("seconds_mean", "seconds", "seconds an attempt"),
)


def frontier(facts: Facts) -> Markup:
    """Accuracy against cost, for three ways to count cost."""
    points = facts["frontier"]
    if not any(points.values()):
        return EMPTY
    on = [p["method"] for p in sorted(points["cost"], key=lambda p: p["cost"] or 0) if p["on"]]
    off = [p["method"] for p in points["cost"] if not p["on"]]
    title = join("Worth their tokens: ", names(on)) if on and off else "Accuracy against cost"
    if on and not off and len(on) > 1:
        title = join("Each dearer method is more accurate: all are on the frontier")
    switches, views = [], []
    for at, (key, short, label) in enumerate(AXES):
        box = {"type": "radio", "name": "axis", "id": f"by-{at}", "checked": at == 0, "autocomplete": "off"}
        switches.append(tag("label", None, tag("input", box), short))
        drawn = [figures.frontier(points[key], label), figures.frontier(points[key], label, width=340, height=300)]
        drawn = drawn if drawn[0].startswith("<svg") else drawn[:1]
        views.append(tag("div", {"class": f"view view-{at}"}, drawn))
    body = [
        tag("fieldset", {"class": "switch"}, tag("legend", None, "Cost counted in"), switches),
        tag("figure", {"data-readout": "frontier-readout", "class": "plot"}, tag("div", None, views), tag("div", None,
            tag("figcaption", None,
                "Filled: on the frontier (no other method is at least as accurate for less). Hollow: not. "
                "Lines: intervals. "
                "The frontier is drawn through point estimates; the table of differences says what is certain."),
            tag("output", {"class": "readout", "id": "frontier-readout"},
                "Point at a mark, or move to it with the Tab key, to read its numbers."))),
    ]  # fmt: skip
    return section("frontier", title, tag("div", {"class": "frontier"}, body))


def outcomes(facts: Facts) -> Markup:
    """The four outcomes by method, never folded."""
    methods = facts["methods"]
    total = sum(m["attempts"] for m in methods)
    if not total:
        return EMPTY
    silent = sum(m["unparsed"] for m in methods)
    failed = sum(m["error"] for m in methods)
    title = (
        f"{percent(silent / total)} of attempts gave no readable answer, {percent(failed / total)} ended in an error"
    )
    if not silent and not failed:
        title = "Every attempt gave an answer that could be read"
    rows = []
    for m in methods:
        said = ", ".join(f"{m[key]:,} {key}" for key in OUTCOMES if m[key])
        rows += [
            tag("span", {"class": "name"}, m["method"]),
            figures.stacked(m),
            tag("span", {"class": "counts"}, said),
        ]
    shown = OUTCOMES if any(m["unjudged"] for m in methods) else OUTCOMES[:4]
    key = tag("ul", {"class": "key"}, [tag("li", None, tag("i", {"class": f"chip {word}"}), word) for word in shown])
    return section("outcomes", title, key, tag("div", {"class": "stack"}, rows))


def lengths(facts: Facts) -> Markup:
    """Accuracy by the problems' length dial: a row of panels a family, a panel a method."""
    found = facts["by_length"]
    if not found:
        return EMPTY
    methods = [m["method"] for m in facts["methods"]]
    parts, drops = [], []
    for entry in found:
        lines = {m: [p for p in entry["points"] if p["method"] == m and p["value"] is not None] for m in methods}
        lines = {m: points for m, points in lines.items() if points}
        labels = list(dict.fromkeys(p["label"] for p in entry["points"]))
        drops += [(p[0]["value"] - p[-1]["value"], m, entry["family"], p) for m, p in lines.items() if len(p) > 1]
        panels = []
        for method, points in lines.items():
            others = [other for key, other in lines.items() if key != method]
            panels.append(
                tag("div", {"class": "panel"}, tag("h4", None, method), figures.length_panel(points, others, labels))
            )
        parts.append(tag("h3", None, entry["family"] or "no family", tag("span", {"class": "soft"}, ", by length")))
        parts.append(tag("div", {"class": "panels"}, panels))
    title: Markup | str = "Accuracy by length"
    if drops and max(drops, key=lambda d: d[0])[0] > 0.05:
        _, method, family, points = max(drops, key=lambda d: d[0])
        where = f" on {family}" if len(found) > 1 and family else ""
        fall = f" falls furthest{where}: {number(points[0]['value'], 2)} at length {points[0]['label']}, "
        title = join(name(method), fall, f"{number(points[-1]['value'], 2)} at {points[-1]['label']}")
    outside = any(p["in_length"] is False for entry in found for p in entry["points"])
    caption = "Band: interval of each length by itself. Pale lines: the other methods."
    caption += " Hollow marks on a grey ground: out of length, beyond the lengths in training." if outside else ""
    return section("length", title, tag("figure", None, parts, tag("figcaption", None, caption)))


def families(facts: Facts) -> Markup:
    """Accuracy by family of problem, when there are several."""
    found = facts["by_family"]
    kinds = list(dict.fromkeys(f["label"] for f in found))
    if len(kinds) < 2:
        return EMPTY
    cells = {(f["method"], f["label"]): f for f in found if f["value"] is not None}
    methods = [m["method"] for m in facts["methods"]]
    worst = {
        min((cells[method, k]["value"], k) for k in kinds if (method, k) in cells)[1]
        for method in methods
        if any((method, k) in cells for k in kinds)
    }
    title: Markup | str = (
        join("Every method finds ", name(worst.pop()), " hardest") if len(worst) == 1 else "Accuracy by family"
    )
    heads = [tag("th", {"scope": "col", "colspan": "2", "class": "left"}, kind) for kind in kinds]
    top = tag("thead", None, tag("tr", None, tag("th", {"scope": "col"}, "method"), heads))
    rows = []
    for method in methods:
        line: list[Markup] = []
        for kind in kinds:
            cell = cells.get((method, kind))
            line += [
                tag("td", {"class": "left"}, figures.accuracy_bar(cell)),
                tag("td", {"class": "left"}, bounds(cell), _small(cell)),
            ]
        rows.append(tag("tr", None, tag("th", {"scope": "row"}, name(method)), line))
    return section("family", title, wide("Accuracy by family", tag("table", None, top, tag("tbody", None, rows))))


def _small(cell: Facts | None) -> Markup:
    return tag("span", {"class": "pm"}, f" of {cell['problems']:,}") if cell else EMPTY


def calibration(facts: Facts) -> Markup:
    """Stated confidence against what came true."""
    found = [m for m in facts["methods"] if m["calibration"] and m["calibration"]["bins"]]
    if not found:
        return EMPTY
    panels = []
    for m in found:
        measured = m["calibration"]
        summary = f"ECE {number(measured['ece'])}, Brier {number(measured['brier'])}, "
        summary += f"AUROC {_bare(m['auroc'])}, n\u00a0{measured['n']:,}"
        panels.append(
            tag(
                "div",
                {"class": "panel"},
                tag("h4", None, m["method"]),
                figures.reliability(measured["bins"]),
                tag("p", {"class": "soft"}, summary),
            )
        )
    ranked = sorted((m for m in found if m["calibration"]["ece"] is not None), key=lambda m: m["calibration"]["ece"])
    title: Markup | str = "Confidence against accuracy"
    if len(ranked) > 1:
        title = join(
            "The confidence of ",
            name(ranked[0]["method"]),
            f" is nearest the truth (ECE {number(ranked[0]['calibration']['ece'])})",
        )
    caption = (
        "Each mark is a bin of attempts: stated confidence across, share right up. On the dashed line confidence is "
        f"exact. Larger marks hold more attempts. Bins: {found[0]['calibration']['rule']}."
    )
    return section(
        "calibration",
        title,
        tag("figure", None, tag("div", {"class": "panels"}, panels), tag("figcaption", None, caption)),
    )


def _bare(estimate: Facts | None) -> str:
    return number(estimate["value"]) if estimate else "–"
