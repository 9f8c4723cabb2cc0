"""What a run was asked to do, and its attempts as light rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workings.core.answer import Outcome
from workings.core.budget import Budget
from workings.core.capability import Identity
from workings.core.problem import cluster_key

__all__ = ["AttemptRow", "RunSpec"]


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What a run was asked to do; two equal specs are the same run, and the second resumes the first.

    `model`, `methods` and `problems` are the names and settings as the command line spells them; `count` is the
    number of problems; `repeats` how often each (problem, method) is attempted. `created` (ISO 8601, UTC) and
    `version` do not take part in `id`.
    """

    id: str
    model: str
    identity: Identity
    methods: tuple[str, ...]
    problems: str
    count: int
    seed: int = 0
    repeats: int = 1
    budget: Budget = Budget()
    created: str = ""
    version: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt without its pool: everything that tables, tests and figures are computed from.

    Token counts are those of `Usage`; `seconds` is wall time; `truncated` says that the chosen chain was cut by
    length; `partial` that the budget ended; `answer` is canonical, None when there was none.
    """

    problem_id: str
    method: str
    index: int
    outcome: Outcome | None
    answer: str | None = None
    gold: str | None = None
    confidence: float | None = None
    prompt: int = 0
    cached: int = 0
    generated: int = 0
    verifier: int = 0
    probe: int = 0
    calls: int = 0
    seconds: float = 0.0
    family: str = ""
    cluster: str = ""
    length: int | None = None
    split: str = ""
    truncated: bool = False
    partial: bool = False
    tied: bool = False
    error: str = ""

    @property
    def cluster_key(self) -> tuple[str, str, str]:
        """What intervals take as dependent: see `workings.core.problem.cluster_key`."""
        return cluster_key(self.problem_id, self.family, self.cluster)
