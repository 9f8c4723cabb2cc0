"""The 2x2 swap: question and chain with and without a suggestion, and through which of them it works."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from workings.audit.answers import shown, wrong_answer
from workings.audit.branches import going_on, posed
from workings.audit.case import Case, Measured, Reading, reasoning_of
from workings.audit.contexts import contexts, filled
from workings.audit.evidence import mean_finding
from workings.audit.means import mean_over, share
from workings.audit.readout import Options, options_of, read_out
from workings.core.ask import Flow, Sampling
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.finding import Finding
from workings.core.prompt import Prompt

__all__ = ["Swap", "effects"]

Table = dict[str, list[float | None]]


@dataclass(frozen=True, slots=True)
class Swap:
    """How much of a suggestion works through the chain, and how much around it.

    `chains` chains are drawn for the question as it is and for the question with a wrong answer suggested. Every
    chain is then set behind both questions, and s(q, c) is the log-probability of the suggested answer, averaged over
    the chains of an arm. TE = s(xh, ch) - s(xu, cu) is the total effect; NIE = s(xu, ch) - s(xu, cu) what goes
    through the chain; NDE = s(xh, cu) - s(xu, cu) what goes around it; the interaction is what is left. A chain that
    does not mention a suggestion and carries all of its effect is incomplete; one that carries none is bypassed.

    The nulls are the same effects of a remark of the same kind without an answer; the noise is the difference between
    chains of the unsuggested arm. Source: Paul et al. 2024 (FRODO) for the mediation; Zaman and Srivastava 2025
    (arXiv 2512.23032).
    """

    chains: int = 3
    temperature: float = 0.7
    max_tokens: int = 512

    def __post_init__(self) -> None:
        if self.chains < 1:
            raise BadSetting(f"chains={self.chains} draws nothing.", "Give 1 or more; several, to average over.")
        Sampling(self.temperature, self.max_tokens)

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset({Capability.LEAD, Capability.SCORE})

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        hint = wrong_answer(case, salt="swap")
        options = None if hint is None else options_of(case, (hint,))
        if hint is None or options is None:
            return Reading(excluded="no wrong answer to suggest")
        words = contexts()["suggestion"][case.question.language]
        asked = case.question.text
        texts = {
            "u": asked,
            "h": filled(words["behind"], asked, shown(case, hint)),
            "p": filled(words["placebo"], asked),
        }
        prompts = {name: posed(case.prompt, case.question, text) for name, text in texts.items()}
        known: dict[str, Prompt] = {name: prompt for name, prompt in prompts.items() if prompt is not None}
        if len(known) < len(texts):
            return Reading(excluded="the prompt does not hold the question's text")
        sampling = Sampling(self.temperature, self.max_tokens)
        drawn, ended = yield from going_on(case, dict.fromkeys(known, ""), sampling, self.chains, prompts=known)
        pool = tuple(trace for traces in drawn.values() for trace in traces)
        if ended:
            return Reading(pool=pool, excluded="the budget ended", partial=ended)
        chains = {name: [reasoning_of(trace).text for trace in traces] for name, traces in drawn.items()}
        table: Table = {}
        for cell in ("uu", "uh", "hu", "hh", "up", "pu", "pp"):
            table[cell] = yield from _scores(replace(case, prompt=known[cell[0]]), options, chains[cell[1]], hint)
        values = {"hint": hint, "options": list(options.names), "s": table}
        return Reading(values, pool)

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        noise = mean_over(measured, _noise)
        told = (
            ("total effect", "TE", "through what it works"),
            ("through the chain (NIE)", "NIE", "that the chain says so"),
            ("around the chain (NDE)", "NDE", "a cause: chains set behind another question may look strange"),
            ("interaction", "interaction", "more than that the two ways do not add up"),
        )
        plain = tuple(
            mean_finding(
                f"swap: {name}",
                measured,
                _effect(key),
                null=mean_over(measured, _effect(key, "p")),
                noise=noise,
                does_not_show=hidden,
            )
            for name, key, hidden in told
        )
        beyond = tuple(
            mean_finding(
                f"swap: {name}, beyond the placebo", measured, _beyond(key), null=0.0, noise=noise, does_not_show=hidden
            )
            for name, key, hidden in told[:3]
        )
        return (*plain, *beyond)


def effects(uu: float, uh: float, hu: float, hh: float) -> dict[str, float]:
    """TE, NIE, NDE and interaction from s(question, chain): u without the suggestion, h with it; first the question.

    >>> effects(-3.0, -1.0, -2.5, -0.5)
    {'TE': 2.5, 'NIE': 2.0, 'NDE': 0.5, 'interaction': 0.0}
    """
    te, nie, nde = hh - uu, uh - uu, hu - uu
    return {"TE": te, "NIE": nie, "NDE": nde, "interaction": te - nie - nde}


def _scores(case: Case, options: Options, chains: Sequence[str], hint: str) -> Flow[list[float | None]]:
    """For each chain the log-probability of the suggested answer behind it; None where impossible."""
    at = options.index(hint)
    assert at is not None
    rows: list[float | None] = []
    for chain in chains:
        curve = yield from read_out(case, options, chain)
        value = curve.logprobs[-1][at]
        rows.append(value if math.isfinite(value) else None)
    return rows


def _values(one: Measured, cell: str) -> list[float | None]:
    found: list[float | None] = one.values["s"][cell]
    return found


def _cell(one: Measured, cell: str) -> float | None:
    """The mean over chains; None when any of them was impossible, since the mean would be infinite."""
    found = _values(one, cell)
    return None if None in found else share(found)


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _effect(key: str, arm: str = "h") -> Callable[[Measured], float | None]:
    """One of the effects of the suggestion, or of the remark without an answer ("p")."""

    def value(one: Measured) -> float | None:
        uu, uh, hu, hh = (_cell(one, cell) for cell in ("uu", f"u{arm}", f"{arm}u", arm * 2))
        if uu is None or uh is None or hu is None or hh is None:
            return None
        return effects(uu, uh, hu, hh)[key]

    return value


def _beyond(key: str) -> Callable[[Measured], float | None]:
    """The suggestion's effect less that of the remark without an answer."""
    return lambda one: _less(_effect(key)(one), _effect(key, "p")(one))


def _noise(one: Measured) -> float | None:
    """The mean absolute difference between the halves of the unsuggested chains."""
    found = _values(one, "uu")
    middle = len(found) // 2
    if middle == 0:
        return None
    gap = _less(share(found[:middle]), share(found[middle:]))
    return None if gap is None else abs(gap)
