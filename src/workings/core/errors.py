"""Everything that can go wrong, as one tree.

WorkingsError                  ours; the command line prints it without a traceback
├── UsageError                 the caller asked for something that does not exist or does not fit   exit 2
│   ├── UnknownName            a name that is not in the catalog
│   ├── BadSetting             a setting out of range or of the wrong type
│   └── MissingCapability      the model cannot do what the method needs
├── DataError                  a file or record that cannot be read as what it claims to be          exit 3
├── ModelError                 the model, or the server in front of it, failed                       exit 4
│   ├── Unreachable            no connection, reset, time-out                        (trying again can help)
│   ├── Overloaded             429, 5xx                                              (trying again can help)
│   ├── Refused                4xx: the request itself is wrong, or not allowed
│   ├── BadReply               a reply that breaks the protocol                      (trying again can help)
│   └── ContextFull            the prompt does not fit
├── GraderError                a verifier broke its contract or was killed                           exit 4
├── MissingExtra               an optional dependency is not installed                               exit 5
└── BudgetEnded                an ask would exceed the budget; methods answer with what they have    exit 6
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from workings.core.completion import Usage

__all__ = [
    "BadReply",
    "BadSetting",
    "BudgetEnded",
    "ContextFull",
    "DataError",
    "GraderError",
    "MissingCapability",
    "MissingExtra",
    "ModelError",
    "Overloaded",
    "Refused",
    "UnknownName",
    "Unreachable",
    "UsageError",
    "WorkingsError",
]


class WorkingsError(Exception):
    """What happened, the offending value, and the next step.

    `what` is one sentence that quotes the offending value; `next_step` says what to do about it.
    `transient` tells a driver whether the same call may succeed later.
    """

    exit_code: ClassVar[int] = 1
    transient: ClassVar[bool] = False

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what} {self.next_step}".strip()


class UsageError(WorkingsError):
    """The caller asked for something that does not exist or does not fit."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that is not in the catalog; suggests the nearest ones."""

    @classmethod
    def among(cls, what: str, name: str, known: Iterable[str]) -> UnknownName:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(names) or 'none'}."
        return cls(f"No {what} is called {name!r}.", hint)


class BadSetting(UsageError):
    """A setting out of range or of the wrong type."""


class MissingCapability(UsageError):
    """The model cannot do what the method needs; raised before anything is spent."""


class DataError(WorkingsError):
    """A file or record that cannot be read as what it claims to be."""

    exit_code = 3


class ModelError(WorkingsError):
    """The model, or the server in front of it, failed.

    `spent` is what the finished part of the ask cost (the other samples), None when nothing is known to have been.
    """

    exit_code = 4
    spent: Usage | None = None


class Unreachable(ModelError):
    """No connection, a reset, or a time-out."""

    transient = True


class Overloaded(ModelError):
    """429 or 5xx; `retry_after` is in seconds when the server gave one."""

    transient = True

    def __init__(self, what: str, next_step: str = "", retry_after: float | None = None) -> None:
        super().__init__(what, next_step)
        self.retry_after = retry_after


class Refused(ModelError):
    """The server says the request is wrong or not allowed."""


class BadReply(ModelError):
    """A reply that breaks the protocol: not JSON, cut short, or with missing parts."""

    transient = True


class ContextFull(ModelError):
    """The prompt does not fit in the model's context."""


class GraderError(WorkingsError):
    """A verifier broke its contract or had to be killed."""

    exit_code = 4


class MissingExtra(WorkingsError):
    """An optional dependency is not installed."""

    exit_code = 5

    @classmethod
    def of(cls, feature: str, extra: str) -> MissingExtra:
        return cls(f"{feature} needs an optional part.", f'Install it with: pip install "workings[{extra}]"')


class BudgetEnded(WorkingsError):
    """An ask would exceed the budget. `completions` holds the samples that did fit, in the order asked;
    for several asks at once it holds one tuple of them an ask."""

    exit_code = 6

    def __init__(self, what: str, next_step: str = "", completions: tuple[object, ...] = ()) -> None:
        super().__init__(what, next_step)
        self.completions = completions
