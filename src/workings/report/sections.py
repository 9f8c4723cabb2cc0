"""The sections that are words and tables: what was asked, accuracy, differences, limits."""

from __future__ import annotations

from collections.abc import Sequence

from workings.report import figures
from workings.report.figures import number
from workings.report.markup import EMPTY, Markup, join, tag
from workings.report.pieces import Facts, bounds, many, name, names, percent, section, top, wide

__all__ = ["accuracy", "head", "notes", "paired"]


def head(facts: Facts) -> Markup:
    """What was asked, of which model, and what to make of it."""
    run, recorded = facts["run"], facts["recorded"]
    identity = run["identity"]
    budget = [f"{run['budget'][key]:,g} {key}" for key in ("tokens", "calls", "seconds") if run["budget"].get(key)]
    which = [identity["name"]] + [f"{key} {identity[key][:16]}" for key in ("revision", "digest") if identity.get(key)]
    entries = [
        ("problems", join(recorded["problems"], " of ", tag("span", {"class": "name"}, run["problems"]))),
        (
            "methods",
            f"{len(run['methods'])}, {'once' if run['repeats'] == 1 else str(run['repeats']) + ' times'} a problem",
        ),
        ("attempts", f"{recorded['attempts']:,} recorded of {recorded['planned']:,} planned"),
        ("model", tag("span", {"class": "name"}, run["model"])),
        ("identity", tag("span", {"class": "name"}, ", ".join(which))),
        ("seed", run["seed"]),
        ("budget an attempt", ", ".join(budget) or "no limit"),
        ("made", join(_date(run["created"]), f", workings {run['version'] or 'of unknown version'}")),
        ("run", tag("span", {"class": "name"}, run["id"])),
    ]
    listed = tag(
        "dl", {"class": "facts"}, [tag("div", None, tag("dt", None, k), tag("dd", None, v)) for k, v in entries]
    )
    parts = [tag("p", {"class": "kicker"}, "Run report"), tag("h1", None, _headline(facts)), listed]
    if recorded["attempts"] < recorded["planned"]:
        missing = recorded["planned"] - recorded["attempts"]
        left = f"{missing:,} of {recorded['planned']:,} planned attempts are not on record yet. "
        parts.append(
            tag("p", {"class": "warn"}, left, "Run the same command again to finish; every number here is provisional.")
        )
    lines = [tag("p", None, line) for line in facts["advice"]]
    if lines:
        title = tag("h2", {"id": "advice-title"}, "What to use, and whether to believe it")
        parts.append(tag("div", {"class": "advice", "role": "note", "aria-labelledby": "advice-title"}, title, lines))
    return tag("header", None, parts)


def _date(created: str) -> str:
    day, _, clock = created.partition("T")
    return f"{day} {clock[:5]} UTC" if clock.endswith(("Z", "+00:00")) else created or "no date"


def _headline(facts: Facts) -> Markup:
    methods = facts["methods"]
    judged = [m for m in methods if m["accuracy"]]
    if not methods:
        return join("Nothing is on record for this run yet")
    if all(m["error"] == m["attempts"] for m in methods):
        return join("Every attempt of this run ended in an error")
    if not judged:
        return join("No attempt of this run could be judged")
    best = max(judged, key=lambda m: (m["accuracy"]["value"], -m["cost"]))
    parts = [
        name(best["method"]),
        f" answers {percent(best['accuracy']['value'])} of {best['judged']:,} attempts right",
    ]
    cheapest = min(judged, key=lambda m: m["cost"])
    if cheapest is not best and cheapest["cost"] > 0 and best["cost"] / cheapest["cost"] >= 1.05:
        times = number(best["cost"] / cheapest["cost"], 1)
        parts += [
            "; ",
            name(cheapest["method"]),
            f" {percent(cheapest['accuracy']['value'])}, for {times} times fewer tokens",
        ]
    return join(parts)


def accuracy(facts: Facts) -> Markup:
    """The main table: one line a method."""
    methods = facts["methods"]
    if not methods:
        return section(
            "accuracy", "There are no attempts to count", tag("p", None, "Start the run, then make this page again.")
        )
    judged = [m for m in methods if m["accuracy"]]
    best = max((m["accuracy"]["value"] for m in judged), default=None)
    leaders = [m["method"] for m in judged if m["accuracy"]["value"] == best]
    title = join("No accuracy could be measured")
    if leaders:
        alike = _alike(leaders[0], facts["comparisons"]) if len(leaders) == 1 else []
        title = join("Highest accuracy: ", names(leaders), f", {number(best)}")
        title = join(title, "; not told apart from ", names(alike)) if alike else title
    calibrated = any(m["calibration"] for m in methods)
    columns = [
        "method",
        "accuracy",
        "",
        "right",
        "wrong",
        "unparsed",
        "error",
        "among parsed",
        "generated",
        "all tokens",
    ]
    columns += ["seconds", "calls", "cut", *(["ECE", "AUROC"] if calibrated else [])]
    rows = []
    for m in methods:
        cells = [
            tag("td", {"class": "left"}, figures.accuracy_bar(m["accuracy"])),
            tag("td", None, bounds(m["accuracy"])),
            *(tag("td", None, f"{m[key]:,}") for key in ("right", "wrong", "unparsed", "error")),
            tag("td", None, bounds(m["accuracy_parsed"])),
            *(tag("td", None, number(m[key], 2)) for key in ("cost", "total", "seconds_mean")),
            tag("td", None, number(m["calls"], 1)),
            tag("td", None, percent(m["truncated"])),
        ]
        if calibrated:
            cells.append(tag("td", None, number((m["calibration"] or {}).get("ece"))))
            cells.append(tag("td", None, number((m["auroc"] or {}).get("value"))))
        first = tag("th", {"scope": "row"}, name(m["method"]))
        rows.append(tag("tr", {"class": "best" if m["method"] in leaders and len(methods) > 1 else None}, first, cells))
    table = tag("table", None, top(columns), tag("tbody", None, rows))
    return section("accuracy", title, wide("Accuracy and cost by method", table), _accuracy_caption(judged, calibrated))


def _alike(method: str, comparisons: Sequence[Facts]) -> list[str]:
    pairs = [(c["method"], c["baseline"]) for c in comparisons if not c["distinct"] and c["p"] is not None]
    return [other for pair in pairs for other in pair if method in pair and other != method]


def _accuracy_caption(judged: Sequence[Facts], calibrated: bool) -> Markup:
    rule = next((m["accuracy"] for m in judged if m["accuracy"]["low"] is not None), None)
    words = f"Brackets: {rule['level'] * 100:g}\u00a0% interval ({rule['rule']}). " if rule else ""
    words += (
        "Accuracy is right / (right + wrong + unparsed): errors are counted apart, and “among parsed” also sets "
        "unparsed aside. Generated tokens (verifiers and probes included), all tokens (prompts too), seconds and calls "
        "are means an attempt; "
        "“cut” is the share of chosen chains that ended at the length limit."
    )
    if calibrated:
        words += " ECE: mean gap between confidence and accuracy. "
        words += "AUROC: chance that a right attempt is surer than a wrong one."
    return tag("p", {"class": "soft"}, words)


def paired(facts: Facts) -> Markup:
    """Pairs of methods on the same problems."""
    found = facts["comparisons"]
    if not found:
        return EMPTY
    apart = [c for c in found if c["distinct"]]
    if len(found) == 1:
        verb = " differ" if apart else " could not be told apart"
        title = join(name(found[0]["method"]), " and ", name(found[0]["baseline"]), verb)
    else:
        title = join(f"{len(apart) or 'None'} of {len(found)} pairs of methods can be told apart")
    ends = [abs(v) for c in found for v in (c["value"], c["low"], c["high"]) if v is not None]
    reach = min(1.0, round(max([0.1, *ends]) + 0.05, 1))
    columns = [
        "pair",
        f"difference, −{reach:g} to {reach:g}",
        "",
        "problems",
        "only first",
        "only second",
        "p",
        "p, adjusted",
    ]
    rows = [
        tag(
            "tr",
            {"class": None if c["distinct"] else "unsure"},
            tag("th", {"scope": "row"}, name(c["method"]), " − ", name(c["baseline"])),
            tag("td", {"class": "left"}, figures.difference_bar(c, reach)),
            tag("td", None, _signed(c)),
            *(tag("td", None, f"{c[key]:,}") for key in ("problems", "better", "worse")),
            *(tag("td", None, _p(c[key])) for key in ("p", "p_adjusted")),
        )
        for c in found
    ]
    tests = sorted({c["test"] for c in found if c["p"] is not None})
    rules = sorted({c["rule"].partition(",")[0] for c in found if c["rule"]})
    words = f"Paired on the same problems. Test: {'; '.join(tests) or 'none possible'}. "
    words += (
        f"Interval: {'; '.join(rules) or 'none'}. Adjusted: {found[0]['adjustment']}, over the {len(found)} shown. "
    )
    words += "“Only first”: problems on which the first did better. "
    words += "Pairs in grey are not told apart at 5\u00a0%, which does not show that they are equal."
    table = tag("table", None, top(columns), tag("tbody", None, rows))
    return section("paired", title, wide("Paired differences", table), tag("p", {"class": "soft"}, words))


def _signed(estimate: Facts) -> Markup:
    value = estimate["value"]
    if value is None:
        return join("–")
    sign = "+" if value > 0 else ""
    if estimate.get("low") is None:
        return join(f"{sign}{number(value)}")
    ends = f" [{number(estimate['low'])}, {number(estimate['high'])}]"
    return join(f"{sign}{number(value)}", tag("span", {"class": "pm"}, ends))


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


NOTES = {
    "Accuracy": "is about these problems, this model, these prompts and this rule for reading answers. It does not "
    "show that the reasoning written down is what produced the answer; that is what an audit asks.",
    "Among parsed": "flatters a method that answers only what it finds easy.",
    "Intervals": "cover the choice of problems and clusters of them, not another model, prompt, or way to mark.",
    "A difference": "that is not told apart may still be there: see the smallest one that this many problems can show.",
    "Tokens, seconds and calls": "are what this run spent. Seconds include waiting, and depend on the machine, load "
    "and how many attempts ran at once; tokens of different models cannot be compared.",
    "The frontier": "takes accuracies at face value; a neighbour on it need not be told apart by its test.",
    "Confidence": "is compared with right and wrong attempts only. A small calibration error does not show that "
    "confidence tells right from wrong, nor that it will hold on other problems; a vote share is not itself a "
    "probability.",
    "Length": "is each family's own dial. Problems that differ in length can differ in other ways too.",
    "Log-probabilities": "are those of the chosen tokens under the model; a likely token is not a true one.",
}


def notes(facts: Facts) -> Markup:
    """What each number does not show, and what was left out."""
    shown = {"Confidence": any(m["calibration"] for m in facts["methods"]), "Length": bool(facts["by_length"])}
    shown |= {"A difference": bool(facts["comparisons"]), "The frontier": len(facts["methods"]) > 1}
    listed = [
        join(tag("dt", None, title), tag("dd", None, body)) for title, body in NOTES.items() if shown.get(title, True)
    ]
    left = [
        tag("li", None, name(e["what"]), ": ", many(e[unit], unit[:-1]), " ", e["why"])
        for e in facts["excluded"]
        for unit in ("attempts", "problems")
        if unit in e
    ]
    parts = [tag("dl", {"class": "notes"}, listed), tag("h3", None, "Left out of the accuracies and differences")]
    parts.append(tag("ul", {"class": "notes"}, left) if left else tag("p", {"class": "notes"}, "Nothing."))
    return section("notes", "What these numbers do not show", parts)
