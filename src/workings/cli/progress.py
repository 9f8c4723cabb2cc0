"""The progress bar of a run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workings.core.answer import Outcome
from workings.core.solution import Attempt

__all__ = ["progress"]


@contextmanager
def progress(given: argparse.Namespace, total: int, done: int) -> Iterator[Callable[[Attempt], None]]:
    """A bar on the terminal, as long as there is one to see it and nobody asked for quiet or JSON."""
    if given.json or given.quiet or not sys.stderr.isatty():
        yield lambda attempt: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

    columns: list[ProgressColumn] = [
        TextColumn("{task.fields[state]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", justify="right"),
        TimeRemainingColumn(),
    ]
    right = wrong = errors = 0
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total, completed=done, state="starting", rate="")

        def tell(attempt: Attempt) -> None:
            nonlocal right, wrong, errors
            right += attempt.outcome is Outcome.RIGHT
            wrong += attempt.outcome in (Outcome.WRONG, Outcome.UNPARSED)
            errors += attempt.outcome is Outcome.ERROR
            speed = bar.tasks[0].speed
            rate = f"{speed:.1f}/s" if speed else ""
            bar.update(task, advance=1, state=f"right {right}  wrong {wrong}  errors {errors}", rate=rate)

        yield tell
