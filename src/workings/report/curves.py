"""The section on what more chains buy: coverage and every way to choose, against their number and their cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workings.report import figures
from workings.report.figures import number
from workings.report.markup import EMPTY, Markup, join, tag
from workings.report.pieces import Facts, bounds, many, name, section, top, wide
from workings.stats.policy import unbeaten

__all__ = ["curves"]

AXES = (
    ("tokens", "generated tokens", "generated, probe and verifier tokens", "cost"),
    ("total", "all tokens", "tokens, prompts included", "total"),
    ("seconds", "seconds", "seconds", "seconds_mean"),
    ("flops", "FLOPs", "floating-point operations", ""),
)
_MOST_LINES = 12


def curves(facts: Facts) -> Markup:
    """Nothing when no method has a pool of several chains."""
    found = facts["curves"]
    pools = found["pools"]
    if not pools:
        return EMPTY
    switches, views = [], []
    for at, (axis, short, label, own) in enumerate(AXES):
        if axis == "flops" and found["size"] is None:
            continue
        box = {"type": "radio", "name": "curve-axis", "id": f"curve-{at}", "checked": at == 0, "autocomplete": "off"}
        switches.append(tag("label", None, tag("input", box), short))
        lines = _lines(facts, axis, own)
        drawn = [figures.cost_curves(lines, label), figures.cost_curves(lines, label, width=340, height=340)]
        drawn = drawn if drawn[0].startswith("<svg") else drawn[:1]
        views.append(tag("div", {"class": f"priced priced-{at}"}, drawn))
    panels = [
        tag("div", {"class": "panel"}, tag("h4", None, pool["method"]), figures.k_panel(_panel(pool), _ks(pool)))
        for pool in _distinct(pools)
    ]
    figure = tag(
        "figure",
        {"data-readout": "curves-readout", "class": "plot"},
        tag("div", None, views),
        tag(
            "div",
            None,
            tag("figcaption", None, _caption(facts)),
            tag(
                "output",
                {"class": "readout", "id": "curves-readout"},
                "Point at a mark, or move to it with the Tab key.",
            ),
        ),
    )
    switch = tag("fieldset", {"class": "switch"}, tag("legend", None, "Cost counted in"), switches)
    return section(
        "curves",
        _title(pools),
        tag("div", {"class": "panels curves-panels"}, panels),
        _table(pools),
        _falls(pools),
        tag("h3", None, "Accuracy against cost, for every number of chains"),
        tag("div", {"class": "frontier curves"}, switch, figure),
        _notes(found),
    )


def _ks(pool: Facts) -> list[int]:
    return [point["k"] for point in pool["rules"][0]["points"]]


def _distinct(pools: Sequence[Facts]) -> list[Facts]:
    """Pools whose curves are not all those of an earlier one: methods that drew the same chains are drawn once."""
    kept: list[Facts] = []
    for pool in sorted(pools, key=lambda pool: -len(pool["rules"])):
        rules = {rule["rule"]: _values(rule) for rule in pool["rules"]}
        if not any(rules.items() <= {r["rule"]: _values(r) for r in other["rules"]}.items() for other in kept):
            kept.append(pool)
    return [pool for pool in pools if pool in kept]


def _values(rule: Facts) -> tuple[tuple[int, float], ...]:
    return tuple((point["k"], point["value"]) for point in rule["points"])


def _title(pools: Sequence[Facts]) -> Markup | str:
    widest = max(pools, key=lambda pool: pool["rules"][0]["points"][-1]["value"])
    cover = widest["rules"][0]["points"][-1]
    best = max(widest["rules"][1:], key=lambda rule: rule["points"][-1]["value"])
    end = best["points"][-1]
    reached = f"; the best choice among them, {best['rule']}, {number(end['value'])}"
    return join("A right answer is among the ", str(widest["n"]), " chains of ", name(widest["method"]),
                f" for {number(cover['value'])} of problems{reached}")  # fmt: skip


def _panel(pool: Facts) -> list[Mapping[str, Any]]:
    kinds = {"coverage": "coverage", "majority": "majority", "probability": "summed"}
    return [
        {
            "label": rule["rule"],
            "kind": kinds.get(rule["rule"], "summed" if rule["rule"].startswith("weighted") else "single"),
            "points": rule["points"],
        }
        for rule in pool["rules"]
    ]


def _table(pools: Sequence[Facts]) -> Markup:
    rows = []
    for pool in pools:
        for rule in pool["rules"]:
            one, end = rule["points"][0], rule["points"][-1]
            gap = end["gap"] if rule["rule"] != "coverage" else None
            rows.append(
                tag(
                    "tr",
                    None,
                    tag("th", {"scope": "row"}, name(pool["method"])),
                    tag("td", {"class": "left"}, rule["rule"]),
                    tag("td", None, number(one["value"])),
                    tag("td", None, str(end["k"])),
                    tag("td", None, bounds(end)),
                    tag("td", None, bounds(gap)),
                    tag("td", None, number(end["costs"]["tokens"], 1)),
                )
            )
    columns = ["pool", "chosen by", "one chain", "chains", "accuracy", "below coverage", "generated"]
    table = tag("table", None, top(columns), tag("tbody", None, rows))
    return wide("Coverage and what selection achieves", table)


def _falls(pools: Sequence[Facts]) -> Markup:
    """Where more chains made a choice worse, in words."""
    said = [
        tag(
            "p",
            {"class": "soft"},
            f"More chains make the choice “{rule['rule']}” worse on the pool of ",
            name(pool["method"]),
            f": beyond {many(rule['fall']['k'], 'chain')} it loses ",
            bounds(rule["fall"]),
            ". The verifier prefers chains that look right to it and are not: it is over-optimised.",
        )
        for pool in _distinct(pools)
        for rule in pool["rules"]
        if rule.get("fall")
    ]
    return join(*said)


def _lines(facts: Facts, axis: str, own: str) -> list[Mapping[str, Any]]:
    """A line for each rule of each distinct pool, and a mark for each method without one."""
    pools = facts["curves"]["pools"]
    lines: list[dict[str, Any]] = []
    for pool in _distinct(pools):
        for rule in pool["rules"]:
            points = [p for p in rule["points"] if p["costs"][axis] is not None]
            label = rule["rule"] if len(_distinct(pools)) == 1 else f"{rule['rule']}, {pool['method']}"
            kind = next(line["kind"] for line in _panel(pool) if line["label"] == rule["rule"])
            made = [
                _priced(p, p["costs"][axis], f"{rule['rule']} of {p['k']} × {pool['method']}", axis) for p in points
            ]
            if made:
                lines.append({"label": label, "kind": kind, "points": made})
    pooled = {pool["method"] for pool in pools}
    for p in facts["frontier"].get(own, ()):
        if p["method"] not in pooled:
            lines.append({"label": p["method"], "kind": "method", "points": [_priced(p, p["cost"], p["method"], axis)]})
    lines = lines[:_MOST_LINES]
    choices = [p for line in lines if line["kind"] != "coverage" for p in line["points"]]
    for at in unbeaten([p["value"] for p in choices], [p["cost"] for p in choices]):
        choices[at]["on"] = True
    return list(lines)


def _priced(point: Facts, cost: float, what: str, axis: str) -> dict[str, Any]:
    ends = f", interval {number(point['low'])} to {number(point['high'])}" if point.get("low") is not None else ""
    spent = (
        f"{cost:.3g} FLOPs" if axis == "flops" else f"{number(cost, 2)} {'seconds' if axis == 'seconds' else 'tokens'}"
    )
    says = f"{what}: accuracy {number(point['value'])}{ends}; {spent} an attempt."
    return {"cost": cost, "value": point["value"], "low": point.get("low"), "high": point.get("high"), "says": says}


def _caption(facts: Facts) -> str:
    pools = facts["curves"]["pools"]
    words = (
        "Each line is one way to choose among the chains of a pool, at 1, 2, 4 … of them: the mean over all ways to "
        "draw so many, not the first ones. Filled: no other choice is at least as accurate for less. Dashed: coverage, "
        "which needs the gold to choose. Bars: 95\u00a0% intervals, bootstrap over clusters of problems. "
        "Seconds are the pool's, in proportion to its chains; fewer in one batch are not that much faster."
    )
    error = max(p["drawing_error"] for pool in pools for rule in pool["rules"] for p in rule["points"])
    if error > 0:
        words += f" Where there are too many draws, 4,000 seeded ones were made (standard error up to {error:.2g})."
    return words


def _notes(found: Facts) -> Markup:
    size = found["size"]
    if size is None:
        words = "FLOPs are unknown: neither the record nor the model's name says how many parameters it has. "
    else:
        words = (
            f"FLOPs: 2 × {size['parameters']:,.0f} parameters for each token computed"
            f"{', and attention' if size['layers'] else ''} ({size['source']}); not known where a verifier was read. "
        )
    undecided = sum(pool["undecided"] for pool in found["pools"])
    if undecided:
        words += f"{undecided:,} chains have an answer that nothing here could judge, and count as not right. "
    for entry in found["left_out"]:
        words += f"{entry['method']}: {many(entry['attempts'], 'attempt')} left out, {entry['why']}. "
    return tag("p", {"class": "soft"}, words)
