"""A question, and the problem that holds its gold answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["AnswerKind", "Problem", "Question", "cluster_key"]


class AnswerKind(StrEnum):
    """What an answer looks like; decides how it is extracted and compared."""

    NUMBER = "number"
    CHOICE = "choice"
    YES_NO = "yes-no"
    TEXT = "text"
    GRID = "grid"


@dataclass(frozen=True, slots=True)
class Question:
    """What a method may see of a problem: everything but the gold.

    `choices` holds option texts in order; they are labelled A, B, C… `family` names the kind of problem
    ("shell-game", "gsm8k") and selects exemplars; `language` is "en" or "zh".
    """

    id: str
    text: str
    kind: AnswerKind = AnswerKind.NUMBER
    choices: tuple[str, ...] = ()
    family: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with its gold answer.

    `gold` is the canonical answer as text, or None when nobody knows it. `steps` are gold reasoning steps and
    `drafts` the same steps in at most five words each. `cluster` names what problems share (template,
    passage): intervals respect it; empty means the problem stands alone. `length` is the value of the
    family's length or difficulty dial.
    """

    question: Question
    gold: str | None
    steps: tuple[str, ...] = ()
    drafts: tuple[str, ...] = ()
    cluster: str = ""
    length: int | None = None
    split: str = "test"
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.question.id

    @property
    def cluster_key(self) -> tuple[str, str, str]:
        """What intervals take as dependent: see `cluster_key`."""
        return cluster_key(self.id, self.question.family, self.cluster)

    @property
    def digest(self) -> str:
        """SHA-256 of what is asked (16 hex digits): equal digests are the same question."""
        asked = "\x1f".join((self.question.text, *self.question.choices))
        return hashlib.sha256(asked.encode()).hexdigest()[:16]


def cluster_key(problem_id: str, family: str, cluster: str) -> tuple[str, str, str]:
    """A problem's cluster within its family, or the problem itself where it stands alone."""
    return ("cluster", family, cluster) if cluster else ("", "", problem_id)
