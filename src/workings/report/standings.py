"""Where rated explanations stand: plausible by faithful, right and wrong apart, and what each policy makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from workings.audit.quadrant import POLICIES
from workings.report.beside import Placed
from workings.report.headlines import told
from workings.report.markup import EMPTY, Markup, join, tag
from workings.report.pieces import many, name

__all__ = ["standings"]

_SAYS = {
    (True, True): "convincing, and the model's own way",
    (True, False): "convincing, and not how the model got there",
    (False, True): "the model's own way, and not convincing",
    (False, False): "neither",
}
_FIRST = {"high-stakes": "faithfulness first", "teaching": "plausibility first"}


def standings(placed: Sequence[Placed]) -> list[Markup]:
    """A grid for each method and each audit that could tell of any explanation; the others in one line."""
    telling = [one for one in placed if any(place.faithful is not None for place in one.places)]
    silent = [name(f"{one.audit} on {one.method}") for one in placed if one not in telling]
    parts = [_standing(one) for one in telling]
    if silent:
        words = "Could tell of no rated explanation whether it is faithful: "
        parts.append(
            tag("p", {"class": "soft"}, words, [join(", " if at else "", one) for at, one in enumerate(silent)], ".")
        )
    return parts


def _standing(one: Placed) -> Markup:
    """A grid of four cells with counts of right and wrong answers, those that are unknown, and both policies' words."""
    cells = Counter((place.plausible, place.faithful, place.correct) for place in one.places)
    known = sum(count for (p, f, _), count in cells.items() if p is not None and f is not None)
    head = tag("tr", None, tag("td"), *(tag("th", {"scope": "col"}, word) for word in ("faithful", "not faithful")))
    rows = [
        tag(
            "tr",
            None,
            tag("th", {"scope": "row"}, "plausible" if plausible else "not plausible"),
            *(_cell(cells, plausible, faithful) for faithful in (True, False)),
        )
        for plausible in (True, False)
    ]
    caption = f"Plausible: mean rating of {one.threshold:g} or more. Faithful: by "
    grid = tag("table", {"class": "quadrant"}, tag("thead", None, head), tag("tbody", None, rows))
    parts = [tag("h3", None, "Where the explanations of ", name(one.method), " stand"),
             tag("p", {"class": "soft"}, caption, name(one.audit), ". A right answer makes neither true."),
             tag("div", {"class": "wide"}, grid)]  # fmt: skip
    if known < len(one.places):
        left = Counter(", ".join(_lacking(place.plausible, place.faithful)) for place in one.places
                       if place.plausible is None or place.faithful is None)  # fmt: skip
        words = "; ".join(f"{count:,} {why}" for why, count in left.most_common())
        parts.append(tag("p", {"class": "soft"}, f"In no cell, which is neither good nor bad: {words}."))
    return tag("div", {"class": "standing"}, parts, _policies(one))


def _cell(cells: Counter[tuple[bool | None, bool | None, bool | None]], plausible: bool, faithful: bool) -> Markup:
    counts = {state: cells[plausible, faithful, correct]
              for state, correct in (("right", True), ("wrong", False), ("unjudged", None))}  # fmt: skip
    parts = [
        tag("li", None, tag("i", {"class": f"chip {state}"}), f"{count:,} {state}")
        for state, count in counts.items()
        if count or state != "unjudged"
    ]
    total = tag("b", None, f"{sum(counts.values()):,}")
    return tag("td", None, total, tag("span", {"class": "soft"}, _SAYS[plausible, faithful]), tag("ul", None, parts))


def _lacking(plausible: bool | None, faithful: bool | None) -> list[str]:
    found = ["not rated"] if plausible is None else []
    return found + (["the audit could not tell"] if faithful is None else [])


def _policies(one: Placed) -> Markup:
    rows = []
    for policy, accepted in zip(POLICIES, one.accepted, strict=True):
        decisions = one.decisions[policy]
        passed = sum(d.accepted for d in decisions)
        because = Counter(("accepted" if d.accepted else "refused", d.because) for d in decisions)
        said = [tag("li", None, f"{count:,} {verdict}: {why}") for (verdict, why), count in because.most_common()]
        value = f"; accuracy of what it accepts {told(accepted)} (null: of all)" if accepted.value is not None else ""
        first = join(
            tag("b", None, policy), f" ({_FIRST[policy]}) accepts {passed:,} of {many(len(decisions), 'answer')}"
        )
        rows.append(tag("div", None, tag("p", None, first, value, "."), tag("ul", {"class": "notes"}, said)))
    return tag("div", {"class": "policies"}, rows) if rows else EMPTY
