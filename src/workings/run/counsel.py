"""What `choose` found, said in sentences: what to use, how sure that is, and what the data cannot tell."""

from __future__ import annotations

from workings.core.finding import Interval
from workings.run.choose import Band, ByDifficulty, Choosing, Estimate, Measured
from workings.run.difficulty import AGREEMENT

__all__ = ["UNITS", "counsel"]

UNITS = {"tokens": "tokens", "total": "tokens with prompts", "seconds": "seconds", "flops": "FLOPs"}


def counsel(found: Choosing) -> tuple[str, ...]:
    """One sentence or two a line: the choice, its honest estimate, the doubts, and the choice by difficulty."""
    lines = [_asked(found), _chosen(found), _held(found.held, found)]
    if found.folds[0] != found.folds[1]:
        lines.append(f"The two halves of the problems choose differently ({found.folds[0]}; {found.folds[1]}).")
    lines += _alike(found)
    if found.by_difficulty is not None:
        lines += _by_difficulty(found.by_difficulty, found)
    elif found.no_difficulty:
        lines.append(f"By difficulty nothing can be said: {found.no_difficulty}.")
    return tuple(line for line in lines if line)


def _asked(found: Choosing) -> str:
    wanted = []
    if found.target is not None:
        wanted.append(f"accuracy {found.target:.1%}")
    if found.budget is not None:
        wanted.append(f"at most {_cost(found.budget, found.axis)} an attempt")
    groups = f" in {found.clusters:,} clusters" if found.clusters < found.problems else ""
    return f"Asked for {' and '.join(wanted)}; {found.problems:,} problems{groups}, {len(found.options)} options."


def _chosen(found: Choosing) -> str:
    use = f"Use {_measured(found.pick, found.axis)}"
    if found.target is None:
        return {
            "reached": f"{use}: the most accurate whose mean cost keeps the budget.",
            "cannot tell": f"{use}: its mean cost keeps the budget here, but the interval of that mean does not.",
            "out of reach": f"Nothing keeps this budget: the cheapest is {_measured(found.pick, found.axis)}.",
        }[found.verdict]
    within = " within the budget" if found.budget is not None else ""
    if found.verdict == "reached":
        return f"{use}: the cheapest that reaches the target{within}, by its whole interval."
    if found.verdict == "out of reach":
        return (
            f"Nothing that was run reaches the target{within}: "
            f"the most accurate is {_measured(found.pick, found.axis)}."
        )
    if found.target <= found.pick.accuracy:
        text = f"The cheapest to reach the target{within} at face value is {_measured(found.pick, found.axis)}"
    else:
        text = f"Nothing reaches the target{within} at face value; nearest is {_measured(found.pick, found.axis)}"
    text += ", but these problems cannot tell whether it does."
    if found.sure is not None:
        return f"{text} To be sure, use {_measured(found.sure, found.axis)}: its whole interval is above."
    return f"{text} No option's whole interval is above it: run more problems."


def _held(held: Estimate, found: Choosing) -> str:
    text = (
        "Chosen on one half of the problems and measured on the other, this way of choosing gives "
        f"{held.accuracy:.1%}{_band(held.interval)} for {_cost(held.cost, found.axis)}"
    )
    if found.target is not None and held.interval.low < found.target <= held.interval.high:
        return f"{text}: whether that reaches the target cannot be told."
    if found.target is not None and held.interval.high < found.target:
        return f"{text}: less than the target, so what was chosen above looks better than it is."
    return f"{text}."


def _alike(found: Choosing) -> list[str]:
    if not found.alike:
        return []
    names = ", ".join(_measured(m, found.axis) for m in found.alike)
    if found.target is None:
        return [f"Not told apart from it, and cheaper: {names}."]
    return [f"Cheaper, and the target lies inside their intervals: {names}."]


def _by_difficulty(by: ByDifficulty, found: Choosing) -> list[str]:
    what = "agreement" if by.probe.signal == AGREEMENT else f"mean {by.probe.signal}"
    lines = [
        f"By difficulty, predicted from the {what} of {by.probe.chains} chains of {by.probe.source} "
        f"({_cost(by.probe_cost, found.axis)}, charged):"
    ]
    lines += [f"  {_range(band)}: {_banded(band, found.axis)}." for band in by.bands]
    gain = f"{100 * by.gain:+.1f} points {_signed(by.gain_interval, 100, '+.1f')}"
    ends = f"[{_figure(by.saving_interval.low, found.axis)}, {_figure(by.saving_interval.high, found.axis)}]"
    lines.append(
        f"Against one option for all, held out: {gain} accuracy, "
        f"and {_figure(by.saving, found.axis)} {ends} {UNITS[found.axis]} saved an attempt."
    )
    want = "more accurate" if by.aim == "accuracy" else "cheaper"
    if by.better:
        lines.append(f"Choosing by difficulty is {want}, the cost of predicting it included.")
    else:
        lines.append(f"These problems do not show that choosing by difficulty is {want}: use one option for all.")
    return lines


def _range(band: Band) -> str:
    low = "" if band.low == float("-inf") else f"above {band.low:.3g}"
    high = "" if band.high == float("inf") else f"up to {band.high:.3g}"
    where = " ".join(part for part in (low, high) if part) or "all"
    return f"{where} ({band.problems:,} problems)"


def _banded(band: Band, axis: str) -> str:
    return f"{band.option.label} ({band.accuracy:.1%}{_band(band.interval)}, {_cost(band.cost, axis)})"


def _measured(found: Measured, axis: str) -> str:
    return f"{found.option.label} ({found.accuracy:.1%}{_band(found.interval)}, {_cost(found.cost, axis)})"


def _band(interval: Interval) -> str:
    return f" [{interval.low:.1%}, {interval.high:.1%}]"


def _signed(interval: Interval, factor: float, form: str) -> str:
    return f"[{format(factor * interval.low, form)}, {format(factor * interval.high, form)}]"


def _cost(value: float, axis: str) -> str:
    return f"{_figure(value, axis)} {UNITS[axis]}"


def _figure(value: float, axis: str) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 and axis != "flops" else f"{value:.3g}"
