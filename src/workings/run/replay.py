"""An attempt again, from its journal and without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workings.core import errors
from workings.core.ask import Ask, Flow, Grade, Grades, Sample, Scores, Together
from workings.core.completion import Completion, Usage
from workings.core.errors import BudgetEnded, DataError, WorkingsError
from workings.core.solution import Solution
from workings.core.wire import unpack
from workings.run.drive import ask_digest, charged

__all__ = ["replay"]


def replay(flow: Flow[Solution], journal: Sequence[Mapping[str, Any]]) -> Solution:
    """The solution of `flow` when every ask is answered as it was in `journal`.

    Raises DataError when the method asks something that was not asked then: it, its settings or the question changed.
    """
    reply: Any = None
    error: Exception | None = None
    spent = Usage()
    for number, entry in enumerate([*journal, None]):
        try:
            ask = flow.send(reply) if error is None else flow.throw(error)
        except StopIteration as stop:
            if entry is not None:
                raise DataError(f"The method ended before ask {number + 1} of its journal.") from None
            solution: Solution = stop.value
            return solution.having(spent)
        if entry is None or entry["ask"] != ask_digest(ask):
            raise DataError(
                f"Ask {number + 1} is not the one that was recorded.", "Were the method or its settings changed?"
            )
        reply, error, usage = _recorded(ask, entry)
        spent = spent + usage
    raise DataError("The journal is empty.")


def _recorded(ask: Ask, entry: Mapping[str, Any]) -> tuple[Any, Exception | None, Usage]:
    lost = unpack(Usage, entry["spent"]) if "spent" in entry else Usage()
    if isinstance(ask, Sample):
        completions = tuple(unpack(Completion, c) for c in entry.get("reply", ()))
        usage = sum((charged(c.usage, ask.role) for c in completions), lost)
        if "error" in entry:
            return None, _error(entry["error"], completions), usage
        return completions, None, usage
    if isinstance(ask, Together):
        parts = tuple(tuple(unpack(Completion, c) for c in part) for part in entry.get("reply", ()))
        for one, part in zip(ask.asks, parts, strict="error" not in entry):
            lost = sum((charged(c.usage, one.role) for c in part), lost)
        return (None, _error(entry["error"], parts), lost) if "error" in entry else (parts, None, lost)
    if "error" in entry:
        return None, _error(entry["error"], ()), lost
    if isinstance(ask, Grade):
        grades = unpack(Grades, entry["reply"])
        return grades, None, charged(grades.usage, "verifier")
    scores = unpack(Scores, entry["reply"])
    return scores, None, scores.usage


def _error(told: Mapping[str, Any], completions: tuple[object, ...]) -> Exception:
    if told["kind"] == "BudgetEnded":
        return BudgetEnded(told["what"], told["next_step"], completions)
    kind = getattr(errors, told["kind"], WorkingsError) if told["kind"] in errors.__all__ else WorkingsError
    found: Exception = kind(told["what"], told["next_step"])
    return found
