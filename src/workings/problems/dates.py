"""Date arithmetic: some days or weeks forward or back, one hop after another."""

from __future__ import annotations

import datetime
import random
import re
from collections.abc import Sequence

from workings.core.problem import AnswerKind, Problem
from workings.problems.family import Drawn, Family

__all__ = ["DATES"]

_FIRST = datetime.date(1990, 1, 1)
_SPAN = 365 * 45
_MONTH_DAY = re.compile(r"(\d{4})-(\d{2})(?:-| day )(-?\d{1,3})(?!\d)")


def build_dates(rng: random.Random, length: int) -> Drawn:
    """A date from 1990 to 2034 and `length` hops of 1 to 40 days or 1 to 6 weeks, forward or back.

    The answer is written YYYY-MM-DD. A hop is one line that counts days within its month, and one more line for each
    month that it crosses; the last of them gives the date.
    """
    start = _FIRST + datetime.timedelta(days=rng.randrange(_SPAN))
    date = start
    steps: list[str] = []
    drafts: list[str] = []
    phrases, hops = [], []
    for place in range(1, length + 1):
        weeks = rng.random() < 0.4
        number = rng.randint(1, 6) if weeks else rng.randint(1, 40)
        back = rng.random() < 0.3
        unit = ("week" if weeks else "day") + ("s" if number > 1 else "")
        phrases.append(f"{place}) {number} {unit} {'back' if back else 'forward'}")
        days = number * (7 if weeks else 1) * (-1 if back else 1)
        hops.append(days)
        told = f"{number} {unit} {'back' if back else 'forward'}"
        date = _hop(date, days, f"{place}) {told}:", steps, drafts)
    return Drawn(
        text=f"Start on {start.isoformat()}. Go {', '.join(phrases)}. Which date is it, as YYYY-MM-DD?",
        gold=date.isoformat(),
        steps=tuple(steps),
        drafts=tuple(drafts),
        kind=AnswerKind.TEXT,
        meta={"start": start.isoformat(), "hops": tuple(hops)},
    )


def _hop(date: datetime.date, days: int, head: str, steps: list[str], drafts: list[str]) -> datetime.date:
    year, month, day = date.year, date.month, date.day + days
    sign = "+" if days > 0 else "-"
    moved = f"{date.day}{sign}{abs(days)}={day}"
    count, draft = f"{head} {date.isoformat()}, {moved}", f"{head.partition(' ')[0]} {moved}"
    while True:
        inside = 1 <= day <= month_days(year, month)
        at = f"{year:04d}-{month:02d}-{day:02d}" if inside else f"{year:04d}-{month:02d} day {day}"
        steps.append(f"{count}, {at}")
        drafts.append(f"{draft}, {at}")
        if inside:
            return datetime.date(year, month, day)
        before = day
        if day < 1:
            year, month = (year, month - 1) if month > 1 else (year - 1, 12)
            many = month_days(year, month)
            day += many
            count = draft = f"{before}+{many}={day}"
        else:
            many = month_days(year, month)
            day -= many
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            count = draft = f"{before}-{many}={day}"


def month_days(year: int, month: int) -> int:
    """Days in a month of the Gregorian calendar."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def check_dates(problem: Problem, steps: Sequence[str]) -> tuple[bool | None, ...]:
    """A line is right when its last date, or "YYYY-MM day N", is the date that its hop leads to.

    Hops are told apart by the numbers that begin their lines; a chain without them cannot be told.
    """
    date = datetime.date.fromisoformat(problem.meta["start"])
    ends = []
    for days in problem.meta["hops"]:
        date += datetime.timedelta(days=days)
        ends.append(date)
    hop = 0
    verdicts: list[bool | None] = []
    for line in steps:
        head = re.match(r"(\d{1,3})\)", line)
        hop = int(head.group(1)) if head else hop
        stated = _MONTH_DAY.findall(line[-400:])
        if not stated or hop == 0:
            verdicts.append(None)
            continue
        year, month, day = (int(part) for part in stated[-1])
        known = 1 <= year <= 9000 and 1 <= month <= 12 and hop <= len(ends)
        verdicts.append(known and datetime.date(year, month, 1) + datetime.timedelta(days=day - 1) == ends[hop - 1])
    return tuple(verdicts)


DATES = Family("dates", (1, 3), (4, 6), build_dates, "hops", check_dates)
