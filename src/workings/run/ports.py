"""What the driver needs from the world, as protocols: adapters in other rooms fit them without importing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, runtime_checkable

from workings.core.answer import Answer, Outcome
from workings.core.ask import Flow, Grade, Grades, Sample, Score, Scores
from workings.core.capability import Capability, Identity
from workings.core.completion import Completion
from workings.core.problem import Problem, Question
from workings.core.solution import Attempt, Solution

__all__ = ["Grader", "Judge", "Method", "Model", "Record", "Remote", "Shelf", "Watch"]

Watch = Callable[[int, str], None]
"""Called with a sample's number and a piece of its text, as it comes.

Reasoning that comes apart from the text is shown too, as `workings.core.display.with_thinking` writes it.
"""


@runtime_checkable
class Model(Protocol):
    """Answers Sample and Score. States what it can do and which model it is."""

    @property
    def identity(self) -> Identity: ...

    @property
    def capabilities(self) -> frozenset[Capability]: ...

    async def sample(self, ask: Sample, seeds: tuple[int, ...], watch: Watch | None = None) -> tuple[Completion, ...]:
        """One completion a seed, in that order; `seeds` has `ask.n` entries. Raises a ModelError."""

    async def score(self, ask: Score) -> Scores:
        """Log-probabilities, shape (cut, candidate)."""

    async def aclose(self) -> None: ...


@runtime_checkable
class Remote(Protocol):
    """A model that must be asked what it is: its identity and capabilities are complete only after these."""

    async def open(self) -> None:
        """Finds out which model this is."""

    async def probe(self, wanted: Iterable[Capability] | None = None) -> frozenset[Capability]:
        """Finds out which of the wanted capabilities there are; None means all."""


class Grader(Protocol):
    """Answers Grade: exactly one tuple of scores a chain, or an exception."""

    async def grade(self, ask: Grade) -> Grades: ...


class Judge(Protocol):
    """Decides an answer against the gold when text alone cannot tell (symbolic equality)."""

    async def judge(self, answer: Answer, problem: Problem) -> Outcome: ...


class Method(Protocol):
    """A way of thinking: a frozen dataclass of settings, callable on a question."""

    @property
    def needs(self) -> frozenset[Capability]:
        """What a model must be able to do."""

    @property
    def verifiers(self) -> tuple[str, ...]:
        """The graders that may be asked, as specs."""

    def __call__(self, question: Question) -> Flow[Solution]: ...


class Shelf(Protocol):
    """Where completions are kept between runs: a map from text keys to JSON values."""

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]: ...

    def put_many(self, items: dict[str, Any]) -> None: ...


class Record(Protocol):
    """Where attempts go. Appending the same (problem, method, index) twice keeps the first."""

    def append(self, attempt: Attempt) -> None: ...

    def done(self) -> set[tuple[str, str, int]]:
        """The (problem, method, index) already recorded with an outcome that is not an error."""

    def attempts(self) -> Iterator[Attempt]: ...
