"""What a report is made from: a recorded run, seen through a protocol so that any store fits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from workings.core.problem import Problem
from workings.core.record import AttemptRow, RunSpec
from workings.core.solution import Attempt

__all__ = ["RunSource"]


class RunSource(Protocol):
    """A finished or unfinished run on record. Reading it needs no model.

    Tables come from `rows`, one light row an attempt; whole attempts are fetched only for those that are shown.
    """

    @property
    def spec(self) -> RunSpec: ...

    def rows(self) -> Iterable[AttemptRow]: ...

    def problems(self) -> Iterator[Problem]: ...

    def attempt(self, problem_id: str, method: str, index: int) -> Attempt: ...

    def attempts(self, *, method: str | None = None) -> Iterator[Attempt]: ...
