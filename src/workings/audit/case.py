"""What an audit is given, what it measures on one attempt, and what it concludes from all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from workings.core.answer import Outcome, Source
from workings.core.ask import Flow
from workings.core.capability import Capability
from workings.core.completion import Usage
from workings.core.finding import Finding
from workings.core.problem import Problem, Question
from workings.core.prompt import Prompt
from workings.core.solution import Solution
from workings.core.trace import Step, Trace
from workings.verify.steps import split_steps
from workings.verify.thinking import closing_tag

__all__ = ["Audit", "Case", "Measured", "Reading", "Reasoning", "Thinks", "reasoning_of"]

Thinks = Callable[[Question], Flow[Solution]]
"""The method under audit: audits that change the question ask it again."""


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A chain without the sentence that states its answer.

    `text` begins behind the prompt's lead; `steps` are its steps, with spans in `text`; `stated` is what followed,
    empty when the chain never said its answer.
    """

    text: str
    steps: tuple[Step, ...]
    stated: str = ""

    @property
    def cuts(self) -> tuple[int, ...]:
        """The characters of `text` at which a step ends, and 0 before them: one more than there are steps."""
        return (0, *(step.end for step in self.steps[:-1]), len(self.text)) if self.steps else (0,)


def reasoning_of(trace: Trace) -> Reasoning:
    """The reasoning of a chain, cut before the sentence in which the answer is declared.

    >>> from workings.verify.extract import extract
    >>> from workings.core.problem import AnswerKind
    >>> text = "Two and two are four.\\nThe answer is 4."
    >>> reasoning_of(Trace(text, split_steps(text), extract(text, AnswerKind.NUMBER))).text
    'Two and two are four.'
    """
    lead = "" if trace.prompt is None else trace.prompt.lead
    text, span = trace.text[len(lead) :], trace.answer.span
    end = len(text)
    if span is not None and trace.answer.source in (Source.DECLARED, Source.BOXED, Source.WHOLE):
        said = max(span[0] - len(lead), 0)
        line = text.rfind("\n", 0, said) + 1
        stop = text.find("\n", said)
        sentence = split_steps(text[line : stop if stop >= 0 else len(text)])
        end = line + max((step.start for step in sentence if line + step.start <= said), default=0)
    kept = text[:end].rstrip()
    return Reasoning(kept, split_steps(kept), text[len(kept) :])


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded attempt to be audited.

    `method` is what made it; `cue` the text by which that method's style asks for the answer; `strangers` are chosen
    chains of other problems of the same family, by the same method, for nulls. An audit may look at the gold: it asks
    about the model and never for an answer that counts.
    """

    problem: Problem
    solution: Solution
    outcome: Outcome | None
    method: Thinks
    prompt: Prompt
    cue: str = "\nThe answer is"
    strangers: tuple[Trace, ...] = ()

    @property
    def question(self) -> Question:
        return self.problem.question

    @property
    def trace(self) -> Trace:
        """The chain that stands for the answer; the first of the pool when none was chosen."""
        chosen = None if self.solution.choice is None else self.solution.choice.chosen
        return self.solution.pool[chosen or 0]

    @property
    def reasoning(self) -> Reasoning:
        return reasoning_of(self.trace)

    def asking(self, text: str) -> str:
        """The cue behind `text`, with the tag before it that closes the thinking in which `text` ends."""
        tag = closing_tag(self.prompt.lead + text)
        return f"{tag}\n{self.cue}" if tag else self.cue


@dataclass(frozen=True, slots=True)
class Reading:
    """What one case gave: `values` are plain JSON, from which findings are computed again without a model.

    `pool` holds the chains that were drawn for it; `excluded` says why the case cannot count, or is empty.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    pool: tuple[Trace, ...] = ()
    excluded: str = ""
    partial: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """A reading from the record: whose it is, whether the audited answer was right, and what the audit spent."""

    problem_id: str
    cluster: tuple[str, str, str]
    outcome: Outcome | None
    values: Mapping[str, Any] = field(default_factory=dict)
    excluded: str = ""
    family: str = ""
    length: int | None = None
    spent: Usage = Usage()

    @property
    def right(self) -> bool:
        return self.outcome is Outcome.RIGHT


class Audit(Protocol):
    """A question put to a model about recorded attempts: a frozen dataclass of settings.

    Called on a case it is a generator of asks, as a method is; `find` turns the readings of all cases into findings.
    `find` is pure: it is run again whenever a report is made.
    """

    @property
    def needs(self) -> frozenset[Capability]: ...

    @property
    def verifiers(self) -> tuple[str, ...]: ...

    def __call__(self, case: Case) -> Flow[Reading]: ...

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]: ...
