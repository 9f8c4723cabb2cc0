"""What a comparison can tell, said in a sentence: before a run, and after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workings.core.errors import BadSetting
from workings.stats.power import mcnemar_mde, minimum_detectable_difference

if TYPE_CHECKING:
    from workings.run.compare import Comparison, MethodSummary

__all__ = ["advice", "mde"]

_EXACT = 5_000
"""Up to this many problems the exact test's power is summed; beyond it the approximation agrees with it."""


def mde(
    count: int, *, comparisons: int = 1, clusters: int | None = None, alpha: float = 0.05, power: float = 0.8
) -> str:
    """One line to print before a run: the smallest difference in accuracy that it can be expected to show.

    For the exact McNemar test on `count` problems (`clusters` of them when they come in clusters, the cautious
    end) at level alpha / `comparisons`, for methods that disagree on a quarter and on half of the problems.
    """
    if count < 1 or comparisons < 1 or (clusters is not None and not 1 <= clusters <= count):
        raise BadSetting(f"count={count}, clusters={clusters}, comparisons={comparisons} do not fit.", "Use 1 or more.")
    items = clusters or count
    level = alpha / comparisons
    what = f"{count:,} problems" + (f" in {clusters:,} clusters" if clusters else "")
    many = f", {comparisons} comparisons" if comparisons > 1 else ""
    found = []
    for share in (0.25, 0.5):
        if items <= _EXACT:
            found.append(mcnemar_mde(items, share, alpha=level, power=power))
        else:
            found.append(minimum_detectable_difference(items, discordance=share, alpha=level, power=power))
    setting = f"(power {power:.0%}, level {alpha:.0%}{many})"
    quarter, half = found
    if half is None:
        return f"{what} are too few to tell apart two methods that disagree on half of them {setting}."
    some = "not at all" if quarter is None else f"from {100 * quarter:.1f} points on"
    return (
        f"With {what}, two methods that disagree on 25% of them can be told apart {some}, "
        f"on 50% from {100 * half:.1f} points on {setting}."
    )


def advice(summaries: Sequence[MethodSummary], comparisons: Sequence[Comparison]) -> str:
    """What to use, and what the data cannot tell, in a few sentences.

    Names the cheapest method that is not told apart from the most accurate one, and how much worse it may be.
    A pair that was not compared counts as apart: nothing is known of it.
    """
    known = [s for s in summaries if s.accuracy is not None]
    if not known:
        return "Nothing can be advised: no attempt was judged."
    best = max(known, key=lambda s: (s.accuracy or 0.0, -s.cost))
    if len(known) == 1:
        return f"Only {_said(best)} was run: there is nothing to compare it with. {_doubts(best)}".strip()
    if not best.right:
        return "No method was right once: a stronger model or easier problems are needed to tell methods apart."
    pairs = {(c.method, c.baseline): c for c in comparisons} | {(c.baseline, c.method): c for c in comparisons}
    alike = [s for s in known if s is not best and (c := pairs.get((best.method, s.method))) and not c.distinct]
    pick = min([best, *alike], key=lambda s: (s.cost, -(s.accuracy or 0.0)))
    if pick is not best:
        text = f"Use {_said(pick)}. {_lead(best, pick, pairs[best.method, pick.method])}"
    elif alike:
        others = ", ".join(s.method for s in alike)
        text = f"Use {_said(best)}: the most accurate, and no dearer than {others}, which it is not told apart from."
    else:
        unknown = [s.method for s in known if s is not best and (best.method, s.method) not in pairs]
        told = "told apart from every other method" if not unknown else f"not compared with {', '.join(unknown)}"
        text = f"Use {_said(best)}: the most accurate, and {told}."
    return f"{text} {_doubts(pick)}".strip()


def _said(summary: MethodSummary) -> str:
    where = summary.interval
    band = f" [{where.low:.1%}, {where.high:.1%}]" if where else ""
    return f"{summary.method} ({summary.accuracy or 0.0:.1%}{band}, {summary.cost:,.0f} tokens an attempt)"


def _lead(best: MethodSummary, pick: MethodSummary, pair: Comparison) -> str:
    sign = 1 if pair.method == best.method else -1
    text = f"{best.method} reached {best.accuracy or 0.0:.1%} for {best.cost:,.0f} tokens"
    if pair.difference is None or pair.interval is None:
        return f"{text}, but they share no judged problem, so the difference is unknown."
    ends = sorted((sign * pair.interval.low, sign * pair.interval.high))
    p = f"adjusted p = {pair.p_adjusted:.2g}" if pair.p_adjusted is not None else "no test possible"
    return (
        f"{text}, but these {pair.problems:,} problems do not tell the two apart "
        f"({100 * sign * pair.difference:+.1f} points [{100 * ends[0]:+.1f}, {100 * ends[1]:+.1f}], {p}): "
        f"{pick.method} may be as much as {max(0.0, 100 * ends[1]):.1f} points worse."
    )


def _doubts(summary: MethodSummary) -> str:
    doubts = []
    if summary.errors:
        doubts.append(f"{summary.errors:,} of {summary.attempts:,} attempts ended in an error and are not in it")
    if summary.judged and summary.unparsed > 0.05 * summary.judged:
        doubts.append(f"{summary.unparsed / summary.judged:.0%} of its replies had no readable answer")
    if summary.truncated > 0.05:
        doubts.append(f"{summary.truncated:.0%} of its chains were cut by length")
    return f"Of {summary.method}: {'; '.join(doubts)}." if doubts else ""
