"""Questions in a changed context: suggestions, hints and examples as data, and what a changed question is answered."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from workings.audit.answers import is_right
from workings.audit.branches import posed
from workings.audit.case import Case, Measured
from workings.audit.evidence import counted, mean_finding
from workings.audit.readout import Options, read_out
from workings.core.ask import Flow
from workings.core.finding import Finding
from workings.core.problem import Question
from workings.core.solution import Solution
from workings.core.trace import Trace
from workings.stats.paired import paired_difference
from workings.stats.positions import log_odds
from workings.verify.select import ballot

__all__ = [
    "Reply",
    "asked",
    "contexts",
    "contrast",
    "direct_odds",
    "filled",
    "gap_of",
    "names_in",
    "reply_of",
    "with_text",
]


@functools.cache
def contexts() -> Mapping[str, Any]:
    """Suggestions, hints, worked examples and pairs, by name and language; `version` says which wording."""
    found: Mapping[str, Any] = json.loads(
        resources.files("workings.audit").joinpath("contexts.json").read_text(encoding="utf-8")
    )
    return found


def filled(template: str, question: str, answer: str = "", wrong: str = "") -> str:
    """A template with its fields filled in; the question last, so that nothing in it is taken for a field."""
    text = template.replace("{answer}", answer).replace("{wrong}", wrong)
    return text.replace("{question}", question)


def with_text(question: Question, text: str) -> Question:
    """The same question with another text: the id, the options and the kind stay."""
    return replace(question, text=text)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a changed question was answered: its vote (None: none that can be read), and whether it is right."""

    answer: str | None
    right: bool | None
    chain: Trace | None

    @property
    def plain(self) -> dict[str, Any]:
        """For the record, without the chain, which is in the pool."""
        return {"answer": self.answer, "right": self.right}


def reply_of(case: Case, solution: Solution) -> Reply:
    """The answer of a solution, and the chain that stands for it."""
    chosen = None if solution.choice is None else solution.choice.chosen
    chain = solution.pool[chosen or 0] if solution.pool else None
    return Reply(ballot(solution.answer), is_right(case.problem, solution.answer), chain)


def asked(case: Case, texts: Mapping[str, str]) -> dict[str, Flow[Solution]]:
    """The audited method on the question with each of these texts, by name: to be run side by side."""
    return {name: case.method(with_text(case.question, text)) for name, text in texts.items()}


def direct_odds(case: Case, options: Options, texts: Mapping[str, str], target: str) -> Flow[dict[str, float | None]]:
    """The log-odds (nats) of `target` among the options when the question with each text is answered at once.

    None where the prompt does not hold the question's text, or an option is impossible.
    """
    at = options.index(target)
    found: dict[str, float | None] = {}
    for name, text in texts.items():
        prompt = posed(case.prompt, case.question, text)
        found[name] = None
        if prompt is not None and at is not None:
            curve = yield from read_out(replace(case, prompt=prompt), options, "")
            found[name] = log_odds(curve.logprobs[-1], at)
    return found


def names_in(one: Measured, arm: str) -> str | None:
    """The answer that an arm of a measured case gave."""
    name: str | None = one.values["arms"][arm]["answer"]
    return name


def contrast(
    name: str,
    measured: Sequence[Measured],
    arms: tuple[str, str],
    *,
    what: str = "right",
    null: float | None = None,
    noise: float | None = None,
    does_not_show: str = "",
) -> Finding:
    """The first arm's rate less the second's over the same cases, with the paired test in `detail`.

    `what` is "right", or the name of an answer in the case's values of which to count the takers.
    """
    pairs = [(gap_of(one, arms, what), one) for one in counted(measured)]
    known = [(gap, one) for gap, one in pairs if gap is not None]
    found = mean_finding(
        name,
        measured,
        lambda one: None if (gap := gap_of(one, arms, what)) is None else gap[0] - gap[1],
        null=null,
        noise=noise,
        span=(-1.0, 1.0),
        ceiling=1.0,
        does_not_show=does_not_show,
    )
    if len(known) < 2:
        return found
    tested = paired_difference(
        [gap[0] for gap, _ in known], [gap[1] for gap, _ in known], [one.cluster for _, one in known]
    )
    return replace(found, interval=tested.interval, detail={"p": tested.p, "test": tested.test})


def gap_of(one: Measured, arms: tuple[str, str], what: str) -> tuple[float, float] | None:
    """Both arms of a measured case as 0 or 1; None where one cannot be told."""
    if what == "right":
        both = [one.values["arms"][arm]["right"] for arm in arms]
        return None if None in both else (float(both[0]), float(both[1]))
    target = one.values.get(what)
    if target is None:
        return None
    return float(names_in(one, arms[0]) == target), float(names_in(one, arms[1]) == target)
