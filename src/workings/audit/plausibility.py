"""Plausibility: how convincing an explanation is to those who read it, which says nothing about its being real."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean
from typing import Any, Literal

from workings.audit.case import Case, Measured, Reading
from workings.audit.evidence import counted, excluded, left_out, mean_finding, spent
from workings.audit.phrases import Phrases, filled, phrases
from workings.audit.talk import after_mark, chain_of, say
from workings.audit.words import lemma, words_in
from workings.core.ask import Flow, score
from workings.core.capability import Capability
from workings.core.errors import BadReply, BadSetting
from workings.core.finding import Finding
from workings.core.prompt import Prompt
from workings.core.trace import Trace
from workings.stats.agreement import kappa
from workings.stats.raters import alpha_interval, gwet_ac1, krippendorff_alpha

__all__ = ["CRITERIA", "JUDGES", "Plausibility", "Ratings", "rating_in"]

CRITERIA = ("plausible", "consistent", "factual")
JUDGES = ("reader", "marker")
RATINGS = (1, 2, 3, 4, 5)
_NUMBER = re.compile(r"(?<![\d.])([1-5])(?![\d]|\.\d)(?:\s*/\s*5)?")

Ratings = Mapping[str, Mapping[str, float | None]]
"""For each rater the rating of each criterion, 1 to 5; None where it gave none."""


@dataclass(frozen=True, slots=True)
class Plausibility:
    """Ratings of the chain from 1 to 5, by a judge model or by people (`workings rate`), and how far raters agree.

    Three criteria: is it convincing to a reader (plausible), does it lead to its own answer (consistent), does it keep
    to the question (factual: Ye and Durrett 2022 rate the last two). The judge is the audited model under as many
    wordings as there are `raters`, each with a name and version that stay in the record; `by` "text" lets it write a
    rating, "score" takes the mean of 1 to 5 under its probabilities. Two wordings of one model are two raters of a
    kind: they share the model's taste. The judge sees neither the gold nor the outcome.

    Findings: the mean of each criterion over raters, agreement as Krippendorff's alpha (ordinal), and for every pair of
    raters Cohen's kappa and Gwet's AC1 in the detail. What only one rater judged is named so.
    """

    raters: int = 2
    criteria: str = "plausible+consistent+factual"
    by: Literal["text", "score"] = "text"
    max_tokens: int = 64

    def __post_init__(self) -> None:
        if not 1 <= self.raters <= len(JUDGES):
            raise BadSetting(f"raters={self.raters} is out of range.", f"Use 1 to {len(JUDGES)}.")
        if self.by not in ("text", "score"):
            raise BadSetting(f"by={self.by!r} is not known.", "Use text or score.")
        unknown = [name for name in self.names if name not in CRITERIA]
        if unknown or not self.names:
            raise BadSetting(f"criteria={self.criteria!r} is not known.", f"Join some of {', '.join(CRITERIA)} with +.")
        if self.max_tokens < 1:
            raise BadSetting(f"max_tokens={self.max_tokens} leaves no room.", "Use 64.")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(part for part in self.criteria.split("+") if part)

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset({Capability.SCORE, Capability.LEAD}) if self.by == "score" else frozenset()

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        told = phrases("judging", case.question.language)
        ratings: dict[str, dict[str, float | None]] = {}
        pool: list[Trace] = []
        for judge in JUDGES[: self.raters]:
            given: dict[str, float | None] = {}
            for name in self.names:
                given[name] = yield from self._rate(case, told, judge, name, pool)
            ratings[f"judge {judge}/{told.version} by {self.by}"] = given
        values = {"ratings": ratings, "prompt": told.stamp, "by": self.by, "overlap": _overlap(case)}
        empty = all(rating is None for given in ratings.values() for rating in given.values())
        return Reading(values, tuple(pool), excluded="no rating in any reply of the judge" if empty else "")

    def _rate(self, case: Case, told: Phrases, judge: str, name: str, pool: list[Trace]) -> Flow[float | None]:
        words: Mapping[str, str] = told.texts[judge]
        parts = {"question": shown(case), "explanation": case.trace.text.strip(), "criterion": words[name]}
        prompt = Prompt.user(filled(words["prompt"], parts))
        if self.by == "text":
            path = f"judge/{judge}/{name}"
            reply = yield from say(prompt, path, max_tokens=self.max_tokens, role="verifier")
            pool.append(chain_of(prompt, reply))
            return rating_in(reply.text, told.say("mark"))
        gap = "" if case.question.language == "zh" else " "
        found = yield from score(replace(prompt, lead=told.say("lead")), tuple(f"{gap}{n}" for n in RATINGS))
        row = found.logprobs[0]
        if any(map(math.isnan, row)) or max(row) == -math.inf:
            raise BadReply("The judge gives no rating any probability.", "Use by=text.")
        weights = [math.exp(v - max(row)) for v in row]
        return math.fsum(w * n for w, n in zip(weights, RATINGS, strict=True)) / math.fsum(weights)

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        kept = counted(measured)
        found: list[Finding] = []
        for name in dict.fromkeys(n for one in kept for given in one.values["ratings"].values() for n in given):
            raters = _raters(kept, name)
            alone = "" if len(raters) > 1 else ", one rater"
            overlaps = [one.values["overlap"] for one in kept if "overlap" in one.values]
            told = "that the explanation is the model's real reason; readers are convinced by fluent text"
            if all(rater.startswith("judge ") for rater in raters):
                told += "; one model judged under several wordings" if len(raters) > 1 else "; one model judged"
            mean = mean_finding(
                f"plausibility: {name}{alone}",
                measured,
                lambda one, name=name: _mean_of(one, name),  # type: ignore[misc]
                ceiling=float(RATINGS[-1]),
                span=(1.0, 5.0),
                does_not_show=told,
            )
            detail: dict[str, Any] = {"raters": raters}
            if name == "factual" and overlaps:
                detail["share of words that are the question's"] = fmean(overlaps)
            found += [replace(mean, detail=detail), _agreement(name, list(raters), measured)]
        return tuple(found) or (Finding("plausibility", None, excluded=excluded(measured), cost=spent(measured)),)


def shown(case: Case) -> str:
    """The question with its options, as a rater sees it."""
    options = "".join(f"\n({chr(65 + n)}) {text}" for n, text in enumerate(case.question.choices))
    return case.question.text + options


def rating_in(reply: str, mark: str) -> float | None:
    """The whole number from 1 to 5 behind the last mark, or alone in the reply; None for anything else.

    >>> rating_in("It is fine. Rating: 4/5", "Rating:"), rating_in("Rating: 7", "Rating:"), rating_in("3", "Rating:")
    (4.0, None, 3.0)
    """
    line = after_mark(reply, mark)
    if line is None:
        line = reply.strip()
        found = _NUMBER.fullmatch(line.rstrip("."))
    else:
        found = _NUMBER.match(line.strip(" *_`"))
    return float(found[1]) if found else None


def _raters(kept: Sequence[Measured], name: str) -> dict[str, dict[str, float]]:
    """Every rater of a criterion, how much it rated, and its mean."""
    given: dict[str, list[float]] = {}
    for one in kept:
        for rater, told in one.values["ratings"].items():
            if (rating := told.get(name)) is not None:
                given.setdefault(rater, []).append(rating)
    return {rater: {"n": len(values), "mean": fmean(values)} for rater, values in given.items()}


def _mean_of(one: Measured, name: str) -> float | None:
    told = [given[name] for given in one.values["ratings"].values() if given.get(name) is not None]
    return fmean(told) if told else None


def _agreement(name: str, raters: Sequence[str], measured: Sequence[Measured]) -> Finding:
    """Krippendorff's alpha over all raters of a criterion, with each pair's kappa and AC1."""
    kept = counted(measured)
    units = [[one.values["ratings"].get(rater, {}).get(name) for rater in raters] for one in kept]
    pairs = {}
    for (i, one), (j, other) in combinations(enumerate(raters), 2):
        both = [(round(a), round(b)) for row in units if (a := row[i]) is not None and (b := row[j]) is not None]
        if both:
            firsts, seconds = zip(*both, strict=True)
            pairs[f"{one} and {other}"] = {
                "n": len(both),
                "agree": fmean(float(a == b) for a, b in both),
                "kappa": kappa(firsts, seconds),
                "AC1": gwet_ac1(firsts, seconds, len(RATINGS)),
                "gap of means": fmean(a - b for a, b in both),
            }
    alpha = krippendorff_alpha(units, "ordinal")
    return Finding(
        f"plausibility: agreement on {name}",
        alpha,
        alpha_interval(units, "ordinal") if alpha is not None else None,
        null=0.0,
        ceiling=1.0,
        n=sum(sum(v is not None for v in unit) > 1 for unit in units),
        excluded=left_out(measured, "rated by one only, or all alike", len(kept) if alpha is None else 0),
        detail=pairs,
        does_not_show="that the raters are right",
    )


def _overlap(case: Case) -> float | None:
    """The share of the chain's words that are words of the question: what an extract would score for factuality."""
    own, asked = [lemma(w) for w in words_in(case.trace.text)], {lemma(w) for w in words_in(shown(case))}
    return sum(word in asked for word in own) / len(own) if own else None
