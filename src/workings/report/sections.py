"""The sections of the page, each made from the facts of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workings.report import figures
from workings.report.figures import OUTCOMES, number
from workings.report.markup import EMPTY, Markup, join, tag

__all__ = ["accuracy", "calibration", "families", "frontier", "head", "lengths", "notes", "outcomes", "paired"]

Facts = Mapping[str, Any]


def name(word: str) -> Markup:
    """A method's name, set as code and kept apart from the text around it."""
    return tag("code", None, word)


def _names(words: Sequence[str]) -> Markup:
    parts: list[Markup | str] = []
    for at, word in enumerate(words):
        parts += [name(word), "" if at == len(words) - 1 else " and " if at == len(words) - 2 else ", "]
    return join(parts)


def _section(key: str, title: Markup | str, *children: Any) -> Markup:
    heading = tag("h2", {"id": f"{key}-title"}, title)
    return tag("section", {"id": key, "aria-labelledby": f"{key}-title"}, heading, *children)


def _wide(label: str, table: Markup) -> Markup:
    return tag("div", {"class": "wide", "tabindex": "0", "role": "region", "aria-label": label}, table)


def head(facts: Facts) -> Markup:
    """What was asked, of which model, and what to make of it."""
    run, recorded = facts["run"], facts["recorded"]
    identity = run["identity"]
    budget = [f"{run['budget'][key]:,g} {key}" for key in ("tokens", "calls", "seconds") if run["budget"].get(key)]
    which = [identity["name"]] + [f"{key} {identity[key]}" for key in ("revision", "digest") if identity.get(key)]
    entries = [
        ("problems", join(recorded["problems"], " of ", tag("span", {"class": "name"}, run["problems"]))),
        ("methods", join(len(run["methods"]), f", {run['repeats']} time{'s' * (run['repeats'] != 1)} a problem")),
        ("attempts", f"{recorded['attempts']:,} recorded of {recorded['expected']:,} planned"),
        ("model", tag("span", {"class": "name"}, run["model"])),
        ("identity", tag("span", {"class": "name"}, ", ".join(which))),
        ("seed", run["seed"]),
        ("budget an attempt", ", ".join(budget) or "no limit"),
        ("made", join(run["created"] or "no date", f", workings {run['version'] or 'of unknown version'}")),
        ("run", tag("span", {"class": "name"}, run["id"])),
    ]
    listed = tag("dl", {"class": "facts"}, [tag("div", None, tag("dt", None, k), tag("dd", None, v)) for k, v in entries])
    parts = [tag("p", {"class": "kicker"}, "Run report"), tag("h1", None, _headline(facts)), listed]
    if recorded["attempts"] < recorded["expected"]:
        missing = recorded["expected"] - recorded["attempts"]
        left = f"{missing:,} of {recorded['expected']:,} planned attempts are not on record yet. "
        parts.append(tag("p", {"class": "warn"}, left, "Run the same command again to finish; every number here is provisional."))
    lines = [tag("li", None, line) for line in facts["advice"]]
    if lines:
        title = tag("h2", {"id": "advice-title"}, "What to use, and whether to believe it")
        parts.append(tag("div", {"class": "advice", "role": "note", "aria-labelledby": "advice-title"}, title, tag("ul", None, lines)))
    return tag("header", None, parts)


def _headline(facts: Facts) -> Markup:
    judged = [m for m in facts["methods"] if m["accuracy"]]
    if not facts["recorded"]["attempts"]:
        return join("Nothing is on record for this run yet")
    if not judged:
        return join("No attempt of this run could be judged")
    if all(m["error"] == m["n"] for m in facts["methods"]):
        return join("Every attempt of this run ended in an error")
    best = max(judged, key=lambda m: m["accuracy"]["value"])
    parts = [name(best["method"]), f" answers {_percent(best['accuracy']['value'])} of ", f"{best['n']:,} attempts right"]
    cheapest = min(judged, key=lambda m: m["generated"] or 0)
    if cheapest is not best and cheapest["generated"] is not None and best["generated"]:
        times = best["generated"] / max(cheapest["generated"], 1e-9)
        parts += ["; ", name(cheapest["method"]), f", {_percent(cheapest['accuracy']['value'])}"]
        parts += [f" for {number(times, 1)} times fewer tokens" if times >= 1.05 else ""]
    return join(parts)


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %" if 0.99 < value < 1 or 0 < value < 0.01 else f"{100 * value:.0f} %"


def _bounds(estimate: Facts | None) -> Markup:
    if estimate is None or estimate["value"] is None:
        return join("–")
    if estimate.get("low") is None:
        return join(number(estimate["value"]))
    bounds = f" [{number(estimate['low'])}, {number(estimate['high'])}]"
    return join(number(estimate["value"]), tag("span", {"class": "pm"}, bounds))


def accuracy(facts: Facts) -> Markup:
    """The main table: one line a method."""
    methods = facts["methods"]
    if not methods:
        return _section("accuracy", "There are no attempts to count", tag("p", None, "Start the run, then make this page again."))
    judged = [m for m in methods if m["accuracy"]]
    best = max((m["accuracy"]["value"] for m in judged), default=None)
    leaders = [m["method"] for m in judged if m["accuracy"]["value"] == best]
    title = join("Highest accuracy: ", _names(leaders), f", {number(best)}") if leaders else "No accuracy could be measured"
    calibrated = any(m["calibration"] for m in methods)
    columns = ["method", "accuracy", "", "n", "right", "wrong", "unparsed", "error", "among parsed", "generated", "all tokens"]
    columns += ["seconds", "calls", "cut", *(["ECE", "Brier"] if calibrated else [])]
    rows = []
    for m in methods:
        cells = [
            tag("td", None, figures.accuracy_bar(m["accuracy"])),
            tag("td", None, _bounds(m["accuracy"])),
            *(tag("td", None, f"{m[key]:,}") for key in ("n", "right", "wrong", "unparsed", "error")),
            tag("td", None, _bounds(m["accuracy_parsed"])),
            *(tag("td", None, number(m[key], 2)) for key in ("generated", "total", "seconds", "calls")),
            tag("td", None, f"{m['truncated']:,}"),
        ]
        if calibrated:
            measured = m["calibration"] or {}
            cells += [tag("td", None, number(measured.get(key))) for key in ("ece", "brier")]
        first = tag("th", {"scope": "row"}, name(m["method"]))
        rows.append(tag("tr", {"class": "best" if m["method"] in leaders and len(methods) > 1 else None}, first, cells))
    top = tag("thead", None, tag("tr", None, [tag("th", {"scope": "col"}, c) for c in columns]))
    rule = next((m["accuracy"] for m in judged), None)
    interval = f"Brackets: {rule['level'] * 100:g} % interval ({rule['rule']}). " if rule and rule.get("low") is not None else ""
    caption = (
        f"{interval}Accuracy counts unparsed and error as not right; “among parsed” sets them aside. Tokens, seconds and calls "
        "are means an attempt; “cut” counts chosen chains that ended at the length limit."
    )
    table = tag("table", None, top, tag("tbody", None, rows))
    return _section("accuracy", title, _wide("Accuracy and cost by method", table), tag("p", {"class": "soft"}, caption))


def paired(facts: Facts) -> Markup:
    """Each method against the baseline on the same problems."""
    found = facts["comparisons"]
    if not found:
        return EMPTY
    sure = [c for c in found if c["p_holm"] is not None and c["p_holm"] < 0.05]
    base = found[0]["baseline"]
    if sure:
        title = join(_names([c["method"] for c in sure]), " differ" + ("s" if len(sure) == 1 else "") + " from ", name(base))
    else:
        title = join("No method could be told apart from ", name(base))
    reach = max([0.1, *(abs(v) for c in found for v in (c["value"], c.get("low"), c.get("high")) if v is not None)])
    reach = min(1.0, round(reach + 0.05, 1))
    columns = ["method", f"difference, −{reach:g} to {reach:g}", "", "problems", "only it right", "only baseline right", "p", "p, Holm"]
    rows = [
        tag(
            "tr",
            None,
            tag("th", {"scope": "row"}, name(c["method"]), " − ", name(c["baseline"])),
            tag("td", None, figures.difference_bar(c, reach)),
            tag("td", None, _signed(c)),
            *(tag("td", None, "–" if c[key] is None else f"{c[key]:,}") for key in ("n", "wins", "losses")),
            *(tag("td", None, _p(c[key])) for key in ("p", "p_holm")),
        )
        for c in found
    ]
    top = tag("thead", None, tag("tr", None, [tag("th", {"scope": "col"}, c) for c in columns]))
    caption = found[0].get("rule") or ""
    words = f"Paired on the same problems{': ' + caption if caption else ''}. Holm's correction is over the {len(found)} comparisons shown."
    table = tag("table", None, top, tag("tbody", None, rows))
    return _section("paired", title, _wide("Paired differences", table), tag("p", {"class": "soft"}, words))


def _signed(estimate: Facts) -> Markup:
    value = estimate["value"]
    if value is None:
        return join("–")
    sign = "+" if value > 0 else ""
    if estimate.get("low") is None:
        return join(f"{sign}{number(value)}")
    bounds = f" [{number(estimate['low'])}, {number(estimate['high'])}]"
    return join(f"{sign}{number(value)}", tag("span", {"class": "pm"}, bounds))


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


AXES = (("generated", "generated tokens an attempt"), ("total", "tokens an attempt, prompt included"), ("seconds", "seconds an attempt"))


def frontier(facts: Facts) -> Markup:
    """Accuracy against cost, for three ways to count cost."""
    points = facts["frontier"]
    if not any(points.values()):
        return EMPTY
    on = [p["method"] for p in sorted(points["generated"], key=lambda p: p["cost"] or 0) if p["on"]]
    off = [p["method"] for p in points["generated"] if not p["on"]]
    title = join("Worth their tokens: ", _names(on)) if on and off else "Accuracy against cost"
    if on and not off and len(on) > 1:
        title = join("Every method buys accuracy with its tokens")
    switches, views = [], []
    for at, (key, label) in enumerate(AXES):
        box = {"type": "radio", "name": "axis", "id": f"by-{key}", "checked": at == 0}
        switches.append(tag("label", None, tag("input", box), label.split(" an ")[0] if key != "total" else "all tokens"))
        drawn = [figures.frontier(points[key], label), figures.frontier(points[key], label, width=340, height=300)]
        drawn = drawn if drawn[0].startswith("<svg") else drawn[:1]
        views.append(tag("div", {"class": f"view view-{key}"}, drawn))
    body = [
        tag("fieldset", {"class": "switch"}, tag("legend", None, "Cost counted in"), switches),
        tag("figure", {"data-readout": "frontier-readout", "class": "plot"}, tag("div", None, views), tag("div", None,
            tag("figcaption", None,
                "Filled: on the frontier (no other method is at least as accurate for less). Hollow: not. Lines: intervals. "
                "The frontier is drawn through point estimates; the table of differences says what is certain."),
            tag("output", {"class": "readout", "id": "frontier-readout"},
                "Point at a mark, or move to it with the Tab key, to read its numbers."))),
    ]  # fmt: skip
    return _section("frontier", title, tag("div", {"class": "frontier"}, body))


def outcomes(facts: Facts) -> Markup:
    """The four outcomes by method, never folded."""
    methods = facts["methods"]
    total = sum(m["n"] for m in methods)
    if not total:
        return EMPTY
    silent = sum(m["unparsed"] for m in methods)
    failed = sum(m["error"] for m in methods)
    title = f"{_percent(silent / total)} of attempts gave no readable answer, {_percent(failed / total)} ended in an error"
    if not silent and not failed:
        title = "Every attempt gave an answer that could be read"
    rows = []
    for m in methods:
        said = ", ".join(f"{m[key]:,} {key}" for key in OUTCOMES if m[key])
        rows += [tag("span", {"class": "name"}, m["method"]), figures.stacked(m), tag("span", {"class": "counts"}, said)]
    shown = OUTCOMES if any(m["unjudged"] for m in methods) else OUTCOMES[:4]
    key = tag("ul", {"class": "key"}, [tag("li", None, tag("i", {"class": f"chip {word}"}), word) for word in shown])
    return _section("outcomes", title, key, tag("div", {"class": "stack"}, rows))


def lengths(facts: Facts) -> Markup:
    """Accuracy by the problems' length dial, a panel a method."""
    found = facts["by_length"]
    dial = sorted({p["length"] for points in found.values() for p in points})
    if len(dial) < 2:
        return EMPTY
    drops = [(points[0]["value"] - points[-1]["value"], m, points) for m, points in found.items() if len(points) > 1]
    title: Markup | str = "Accuracy by length"
    if drops:
        _, method, points = max(drops, key=lambda d: d[0])
        if points[0]["value"] - points[-1]["value"] > 0.05:
            title = join(name(method), f" falls furthest: {number(points[0]['value'], 2)} at length {points[0]['length']}, ",
                         f"{number(points[-1]['value'], 2)} at {points[-1]['length']}")  # fmt: skip
    panels = [
        tag("div", {"class": "panel"}, tag("h3", None, method),
            figures.length_panel(points, [o for key, o in found.items() if key != method], dial))
        for method, points in found.items()
    ]  # fmt: skip
    outside = any(p["in_length"] is False for points in found.values() for p in points)
    caption = "Band: interval of each length by itself. Pale lines: the other methods."
    caption += " Hollow marks on a grey ground: lengths beyond those in training." if outside else ""
    return _section("length", title, tag("figure", None, tag("div", {"class": "panels"}, panels), tag("figcaption", None, caption)))


def families(facts: Facts) -> Markup:
    """Accuracy by family of problem, when there are several."""
    found = facts["by_family"]
    kinds = sorted({f["family"] for f in found})
    if len(kinds) < 2:
        return EMPTY
    cells = {(f["method"], f["family"]): f for f in found}
    methods = [m["method"] for m in facts["methods"]]
    hardest = {method: min((cells[method, k]["value"], k) for k in kinds if (method, k) in cells) for method in methods}
    worst = {k for _, k in hardest.values()}
    title: Markup | str = join("Every method finds ", name(worst.pop()), " hardest") if len(worst) == 1 else "Accuracy by family"
    top = tag("thead", None, tag("tr", None, tag("th", {"scope": "col"}, "method"),
                                 [tag("th", {"scope": "col", "colspan": "2"}, k or "no family") for k in kinds]))  # fmt: skip
    rows = []
    for method in methods:
        line: list[Markup] = []
        for kind in kinds:
            cell = cells.get((method, kind))
            line += [tag("td", None, figures.accuracy_bar(cell)), tag("td", None, _bounds(cell), _small(cell))]
        rows.append(tag("tr", None, tag("th", {"scope": "row"}, name(method)), line))
    return _section("family", title, _wide("Accuracy by family", tag("table", None, top, tag("tbody", None, rows))))


def _small(cell: Facts | None) -> Markup:
    return tag("span", {"class": "pm"}, f" n {cell['n']:,}") if cell else EMPTY


def calibration(facts: Facts) -> Markup:
    """Stated confidence against what came true."""
    found = [m for m in facts["methods"] if m["calibration"] and m["calibration"]["bins"]]
    if not found:
        return EMPTY
    panels = []
    for m in found:
        measured = m["calibration"]
        summary = f"ECE {number(measured['ece'])}, Brier {number(measured['brier'])}, n {measured['n']:,}"
        panels.append(tag("div", {"class": "panel"}, tag("h3", None, m["method"]), figures.reliability(measured["bins"]), tag("p", {"class": "soft"}, summary)))
    ranked = sorted((m for m in found if m["calibration"]["ece"] is not None), key=lambda m: m["calibration"]["ece"])
    title: Markup | str = "Confidence against accuracy"
    if len(ranked) > 1:
        title = join("The confidence of ", name(ranked[0]["method"]), f" is nearest the truth (ECE {number(ranked[0]['calibration']['ece'])})")
    caption = "Each mark is a bin of attempts: stated confidence across, share right up. On the dashed line confidence is exact. Larger marks hold more attempts."
    return _section("calibration", title, tag("figure", None, tag("div", {"class": "panels"}, panels), tag("figcaption", None, caption)))


def notes(facts: Facts) -> Markup:
    """What each number does not show, and what was left out."""
    entries = [*facts["notes"], *((f"Left out: {why}", f"{n:,} attempts.") for why, n in facts["excluded"].items())]
    listed = [join(tag("dt", None, title), tag("dd", None, body)) for title, body in entries]
    return _section("notes", "What these numbers do not show", tag("dl", {"class": "notes"}, listed))
