"""The section on audits: main findings in words, then each audit with its figure, its findings and their limits."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from workings.audit.early_curves import Curves, mean_curves, mean_curves_by_family
from workings.core.completion import Usage
from workings.core.finding import Finding
from workings.report.beside import Audited, Beside
from workings.report.evidence_figures import early_curves, finding_bar
from workings.report.figures import number
from workings.report.headlines import apart, headline, main_finding, short, weight
from workings.report.markup import EMPTY, Markup, join, tag
from workings.report.pieces import many, name, section, top, wide
from workings.report.standings import standings

__all__ = ["audits", "heated"]

_EARLY = "early-answering"
_MOST_FAMILIES = 12
_MOST_DETAILS = 12


def heated(found: Beside) -> dict[tuple[str, str], Mapping[str, Any]]:
    """For each (method, problem) that early answering read: its reading, from which the heat on the chain is drawn."""
    return {
        (one.method, case.problem_id): case.values
        for one in found.audits
        if one.name == _EARLY
        for case in one.measured
        if not case.excluded
    }


def audits(found: Beside, shaded: int = 0) -> Markup:
    """Nothing when no audit is recorded. `shaded` counts the attempts below whose steps are shaded by importance."""
    told = found.audits
    unread = [tag("p", {"class": "warn"}, f"{label} could not be read. {why}") for label, why in found.unread.items()]
    if not told and not unread:
        return EMPTY
    ranked = sorted(told, key=weight)
    title = headline(ranked[0]) if told else "What is recorded about this run could not be read"
    several = len({one.method for one in told}) > 1
    parts = [_overview(told, several)] if len(told) > 1 else []
    unfinished = sum(len(one.measured) < one.planned for one in told)
    if unfinished and len(told) > 1:
        words = f"{unfinished} of {len(told)} audits are not finished, so their numbers are provisional. "
        parts.append(tag("p", {"class": "warn"}, words, "The same command goes on from what is recorded."))
    for one in told:
        summary = tag("summary", None, name(one.audit), tag("span", None, headline(one)))
        parts.append(tag("details", {"class": "audit", "open": one is ranked[0]}, summary, _body(one, shaded)))
    return section("audits", title, _caption(), parts, standings(found.placed), unread)


def _caption() -> Markup:
    words = (
        "An audit asks whether the shown reasoning is what made the answers. Dot and bar: the value and its "
        "95\u00a0% interval. Blue tick: the null, which is what to expect when there is nothing to find. Bracket: the "
        "largest value possible. Grey: the interval covers the null, or there is none: nothing was found, which does "
        "not show that there is nothing. Open an audit for its findings, and a finding for what it does not show."
    )
    return tag("p", {"class": "soft"}, words)


def _overview(told: Sequence[Audited], several: bool) -> Markup:
    rows = []
    for one in told:
        found = main_finding(one)
        cells = [tag("td", {"class": "left"}, name(one.method))] if several else []
        if found is None:
            cells.append(tag("td", {"class": "left soft", "colspan": "5"}, "nothing could be measured"))
        else:
            cells += [
                tag("td", {"class": "left wraps"}, short(found)),
                tag("td", {"class": "left"}, finding_bar(found)),
                *_numbers(found, ceiling=False),
            ]
        look = "unsure" if found is None or _open(found) else None
        cost = tag("td", None, f"{_cost(one).total:,}")
        rows.append(tag("tr", {"class": look}, tag("th", {"scope": "row"}, name(one.audit)), cells, cost))
    words = ["audit", *(["method"] if several else []), "main finding", "", "value", "null", "n", "tokens"]
    heads = [
        tag("th", {"scope": "col", "class": "left" if at < 2 + several else None}, w) for at, w in enumerate(words)
    ]
    head = tag("thead", None, tag("tr", None, heads))
    return wide("Main finding of each audit", tag("table", {"class": "overview"}, head, tag("tbody", None, rows)))


def _body(one: Audited, shaded: int) -> list[Markup]:
    parts = [_figure(one, shaded)] if one.name == _EARLY else []
    if len(one.measured) < one.planned:
        words = f"{one.planned - len(one.measured):,} of {one.planned:,} cases are not on record yet. "
        parts.append(tag("p", {"class": "warn"}, words, "Every number here is provisional."))
    rows = [_row(finding) for finding in one.findings]
    heads = ["finding", "interval, null and ceiling", "value", "null", "ceiling", "n", "left out"]
    label = f"Findings of {one.audit} on {one.method}"
    table = tag("table", {"class": "findings"}, top(heads), tag("tbody", None, rows))
    return [*parts, wide(label, table), tag("p", {"class": "soft"}, _spent(one))]


def _row(finding: Finding) -> Markup:
    told = [tag("p", None, f"Does not show {finding.does_not_show}.")] if finding.does_not_show else []
    if finding.excluded:
        reasons = "; ".join(f"{count:,} {why}" for why, count in finding.excluded.items())
        told.append(tag("p", None, f"Left out: {reasons}."))
    if finding.noise is not None:
        told.append(tag("p", None, f"Moves by {number(finding.noise)} (standard deviation) when asked again."))
    if finding.interval is not None:
        told.append(tag("p", None, f"Interval: {finding.interval.rule}."))
    details = _details(finding.detail)
    if details:
        told.append(tag("p", None, details))
    words = short(finding)
    title = tag("details", None, tag("summary", None, words), told) if told else join(words)
    cells = [tag("td", {"class": "left"}, finding_bar(finding)), *_numbers(finding)]
    cells.append(tag("td", None, f"{sum(finding.excluded.values()):,}" if finding.excluded else "–"))
    look = "unsure" if finding.value is None or _open(finding) else None
    return tag("tr", {"class": look}, tag("th", {"scope": "row"}, title), cells)


def _open(finding: Finding) -> bool:
    """Whether a finding that has a null cannot be told from it."""
    return finding.null is not None and not apart(finding)


def _numbers(finding: Finding, *, ceiling: bool = True) -> list[Markup]:
    value = join("not measured")
    if finding.value is not None:
        ends = finding.interval
        spread = f" [{number(ends.low)}, {number(ends.high)}]" if ends is not None else ""
        value = join(number(finding.value), tag("span", {"class": "pm"}, spread))
    rest = [number(finding.null), *([number(finding.ceiling)] if ceiling else []), f"{finding.n:,}"]
    return [tag("td", None, value), *(tag("td", None, one) for one in rest)]


def _details(detail: Mapping[str, Any]) -> str:
    """What a finding says beside its value, as far as it is a number or a word."""
    said = []
    for key, value in detail.items():
        if isinstance(value, bool):
            said.append(f"{key}: {'yes' if value else 'no'}")
        elif isinstance(value, int):
            said.append(f"{key}: {value:,}")
        elif isinstance(value, float) and math.isfinite(value):
            said.append(f"{key}: {number(value)}")
        elif isinstance(value, str) and value:
            said.append(f"{key}: {value[:120]}")
    return f"Beside it: {'; '.join(said[:_MOST_DETAILS])}." if said else ""


def _cost(one: Audited) -> Usage:
    return sum((case.spent for case in one.measured), Usage())


def _spent(one: Audited) -> str:
    cost, reasons = _cost(one), Counter(case.excluded for case in one.measured if case.excluded)
    written = cost.generated + cost.probe + cost.verifier
    said = f"{many(len(one.measured), 'case')}, {len(one.measured) - sum(reasons.values()):,} of them measured"
    if reasons:
        said += " (" + "; ".join(f"{count:,} {why}" for why, count in reasons.most_common(6)) + ")"
    said += (
        f". Cost: {many(cost.total, 'token')}, {written:,} of them written or judged, in {many(cost.calls, 'call')}."
    )
    return said + f" Recorded as {', '.join(one.records)}."


def _figure(one: Audited, shaded: int) -> Markup:
    curves = mean_curves(one.measured)
    if curves is None:
        return EMPTY
    drawn = [early_curves(curves), tag("div", {"class": "narrow"}, _small(curves, 340, 220))]
    families = mean_curves_by_family(one.measured)
    panels = []
    if len(families) > 1:
        for family, part in list(families.items())[:_MOST_FAMILIES]:
            head = tag("h4", None, family or "no family", tag("span", {"class": "soft"}, f", {many(part.n, 'chain')}"))
            panels.append(tag("div", {"class": "panel"}, head, _small(part, 260, 170)))
    key = tag("ul", {"class": "key"}, [
        tag("li", None, tag("i", {"class": f"stroke {kind}"}), words)
        for kind, words in (("whole", "whole chain, with its interval"), ("shuffled", "its steps shuffled"),
                            ("stranger", "a stranger's chain"), ("token", "one neutral token in its place"))
    ])  # fmt: skip
    words = (
        f"How likely the stated answer is among the candidates when the chain is cut there: mean over {curves.n:,} "
        "chains, band: interval of each place by itself, clusters respected. A curve that starts high had its answer "
        "before the chain; one that only the stranger's chain stays away from rests on the chain's own content."
    )
    if len(families) > _MOST_FAMILIES:
        words += f" {len(families) - _MOST_FAMILIES:,} more families are not drawn."
    if shaded:
        words += f" In the list of attempts below, {many(shaded, 'chain')} shaded step by step by importance."
        words = words.replace("chain shaded", "chain is shaded").replace("chains shaded", "chains are shaded")
    grid = tag("div", {"class": "panels"}, panels) if panels else EMPTY
    plot = tag("div", {"class": "plot"}, tag("div", None, drawn, key), tag("figcaption", None, words))
    return tag("figure", {"class": "early"}, plot, grid)


def _small(curves: Curves, width: float, height: float) -> Markup:
    return early_curves(curves, width=width, height=height, labelled=False)
