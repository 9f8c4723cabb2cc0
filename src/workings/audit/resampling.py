"""Resampling importance: what the answers do when a step is written anew, and comes out otherwise."""

from __future__ import annotations

import difflib
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workings.audit.branches import before_step, going_on
from workings.audit.case import Case, Measured, Reading, Reasoning
from workings.audit.evidence import mean_finding
from workings.audit.means import mean_over, share
from workings.audit.step_edits import spread
from workings.core.ask import Flow, Sampling
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.finding import Finding
from workings.core.trace import Trace
from workings.stats.divergence import jeffreys_divergence, odds_shift, share_gap, split_half
from workings.verify.select import ballot
from workings.verify.steps import split_steps

__all__ = ["Resampling", "alike"]

_WORD = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Resampling:
    """Which steps anchor the answer, by chains written anew from each.

    At each of `places` steps (0: all) `rollouts` chains are drawn from just before the step, and as many from just
    behind it. A rollout from before has kept the step when its first one says the same (its numbers, and `similar` of
    its words), and else dissents. Counterfactual importance is the share of the audited answer among rollouts from
    behind the step less that among dissenting ones: above 0, the step supports the answer. Resampling importance
    takes all rollouts from before in place of the dissenting. Where fewer than `least` dissent, a step is not
    measured: that is counted, and is no importance of 0.

    The null is the same difference between random halves of the rollouts from behind the step. Divergences are of
    counts with a half added to each answer; a tiny constant in its place lets answers that came up once decide.

    Source: Bogdan et al. 2025 (arXiv 2506.19143), who draw 100 rollouts and compare embeddings of sentences at 0.8.
    Similarity is by words here.
    """

    places: int = 3
    rollouts: int = 8
    similar: float = 0.8
    least: int = 2
    temperature: float = 0.7
    max_tokens: int = 512

    def __post_init__(self) -> None:
        if self.places < 0 or self.rollouts < 2 or not 1 <= self.least <= self.rollouts or not 0 < self.similar <= 1:
            raise BadSetting(
                f"places={self.places}, rollouts={self.rollouts}, least={self.least}, similar={self.similar} "
                "measure nothing.",
                "Give places >= 0, rollouts >= 2, 1 <= least <= rollouts, similar in (0, 1].",
            )
        Sampling(self.temperature, self.max_tokens)

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset({Capability.LEAD})

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        reasoning, own = case.reasoning, ballot(case.solution.answer)
        if own is None:
            return Reading(excluded="no answer to compare")
        if not reasoning.steps:
            return Reading(excluded="no reasoning before the answer")
        places = spread(len(reasoning.steps), self.places)
        starts = {}
        for at in places:
            for edge in (at, at + 1):
                starts[f"from/{edge}"] = _upto(reasoning, edge)
        sampling = Sampling(self.temperature, self.max_tokens)
        drawn, ended = yield from going_on(case, starts, sampling, self.rollouts)
        pool = tuple(trace for traces in drawn.values() for trace in traces)
        if ended:
            return Reading(pool=pool, excluded="the budget ended", partial=ended)
        rows = [
            {
                "at": at,
                "line": reasoning.steps[at].text,
                "before": [[ballot(t.answer), _first_line(t)] for t in drawn[f"from/{at}"]],
                "after": [ballot(t.answer) for t in drawn[f"from/{at + 1}"]],
            }
            for at in places
        ]
        return Reading({"own": own, "steps": len(reasoning.steps), "places": rows}, pool)

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        why = "how a step works: dissenting chains differ in more than that step"
        return (
            mean_finding(
                "resampling: counterfactual importance",
                measured,
                lambda one: self._over(one, self._counterfactual),
                null=0.0,
                noise=mean_over(measured, lambda one: self._over(one, _halves_of_share)),
                ceiling=1.0,
                span=(-1.0, 1.0),
                does_not_show=why,
            ),
            mean_finding(
                "resampling: importance",
                measured,
                lambda one: self._over(one, _resampling),
                null=0.0,
                noise=mean_over(measured, lambda one: self._over(one, _halves_of_share)),
                ceiling=1.0,
                span=(-1.0, 1.0),
                does_not_show="a step that is written again whenever it is taken away",
            ),
            mean_finding(
                "resampling: log-odds for the audited answer",
                measured,
                lambda one: self._over(one, self._odds),
                null=0.0,
                does_not_show=why,
            ),
            mean_finding(
                "resampling: divergence of answers (nats)",
                measured,
                lambda one: self._over(one, self._divergence),
                null=mean_over(measured, lambda one: self._over(one, _halves_of_divergence)),
                does_not_show="towards which answer the step leads",
            ),
            mean_finding(
                "resampling: steps that are written again",
                measured,
                lambda one: share([1 - len(self._dissent(row)) / len(row["before"]) for row in one.values["places"]]),
                ceiling=1.0,
                span=(0.0, 1.0),
                does_not_show="that they matter or not",
            ),
            mean_finding(
                "resampling: steps that could be measured",
                measured,
                lambda one: share([float(len(self._dissent(row)) >= self.least) for row in one.values["places"]]),
                ceiling=1.0,
                span=(0.0, 1.0),
                does_not_show="importance: what could not be measured is not 0",
            ),
        )

    def _over(self, one: Measured, value: Any) -> float | None:
        return share([value(one.values["own"], row) for row in one.values["places"]])

    def _dissent(self, row: Mapping[str, Any]) -> list[str | None]:
        return [answer for answer, line in row["before"] if not alike(line, row["line"], self.similar)]

    def _counterfactual(self, own: str, row: Mapping[str, Any]) -> float | None:
        gone = self._dissent(row)
        return share_gap(own)(row["after"], gone) if len(gone) >= self.least else None

    def _odds(self, own: str, row: Mapping[str, Any]) -> float | None:
        gone, kept = self._dissent(row), row["after"]
        if len(gone) < self.least:
            return None
        return odds_shift(kept.count(own), len(kept), gone.count(own), len(gone))

    def _divergence(self, own: str, row: Mapping[str, Any]) -> float | None:
        gone = self._dissent(row)
        return jeffreys_divergence(row["after"], gone) if len(gone) >= self.least else None


def alike(line: str, other: str, similar: float = 0.8) -> bool:
    """Whether two steps say the same: the same numbers in the same order, and that share of their words and signs.

    >>> alike("So 3 + 4 = 7.", "So 3 + 4 = 8.")
    False
    """
    if _NUMBER.findall(line) != _NUMBER.findall(other):
        return False
    one, two = (_WORD.findall(text.lower()) for text in (line, other))
    return difflib.SequenceMatcher(None, one, two, autojunk=False).ratio() >= similar


def _upto(reasoning: Reasoning, edge: int) -> str:
    if edge >= len(reasoning.steps):
        return reasoning.text
    return before_step(reasoning.text, reasoning.steps[edge].start)


def _first_line(trace: Trace) -> str:
    """The first step of what was drawn; empty when nothing was."""
    written = trace.text[trace.branch_at or 0 :]
    steps = split_steps(written)
    return steps[0].text if steps else ""


def _resampling(own: str, row: Mapping[str, Any]) -> float:
    return share_gap(own)(row["after"], [answer for answer, _ in row["before"]])


def _seed(row: Mapping[str, Any]) -> int:
    return zlib.crc32(str(row["line"]).encode())


def _halves_of_share(own: str, row: Mapping[str, Any]) -> float | None:
    return split_half(row["after"], share_gap(own), _seed(row))


def _halves_of_divergence(own: str, row: Mapping[str, Any]) -> float | None:
    return split_half(row["after"], jeffreys_divergence, _seed(row))
