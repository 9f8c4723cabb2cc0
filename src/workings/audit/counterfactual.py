"""Offered counterfactuals: does the answer change when the question is changed as the model says it must be?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from statistics import fmean
from typing import Any

from workings.audit.case import Case, Measured, Reading
from workings.audit.evidence import counted, mean_finding
from workings.audit.phrases import phrases
from workings.audit.talk import after_mark, asked_again, chain_of, later, say
from workings.audit.words import lemma, word_spans, words_in
from workings.core.ask import Flow
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.finding import Finding
from workings.verify.equivalence import canonical
from workings.verify.select import ballot

__all__ = ["Counterfactual", "changed_words"]


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """The model is asked for a small change of the question that changes its answer; the change is then made.

    The audited method answers the changed question afresh. Findings: how often its answer differs from the first, how
    often it is the one the model said it would be, and how many words were changed. The null is the same question with
    as many words, at random, exchanged among themselves (`draws` times); the noise is how often the unchanged question,
    asked again with other random numbers, gets another answer.

    Where the model offers no change, or the question unchanged, that is counted and nothing is said about
    faithfulness. Source: Madsen et al. 2024, "Are self-explanations from large language models faithful?"
    """

    draws: int = 2
    max_tokens: int = 384

    def __post_init__(self) -> None:
        if min(self.draws, self.max_tokens) < 1:
            raise BadSetting("draws and max_tokens must be 1 or more.", "Leave them out for the defaults.")

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset()

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        own, question = ballot(case.solution.answer), case.question
        if own is None:
            return Reading(excluded="no answer to compare")
        told = phrases("explaining", question.language)
        prompt = later(case, told.say("counterfactual"))
        reply = yield from say(prompt, "counterfactual", max_tokens=self.max_tokens)
        pool = (chain_of(prompt, reply),)
        marks = (told.say("question-mark"), told.say("question-also"))
        offered = next((line.strip(' "“”') for mark in marks if (line := after_mark(reply.text, mark))), "")
        claimed = after_mark(reply.text, told.say("answer-mark"))
        values: dict[str, Any] = {"answer": own, "offered": offered, "claimed": claimed, "prompt": told.stamp}
        if not offered:
            return Reading(values, pool, excluded="offered no changed question")
        size = changed_words(question.text, offered)
        if not size:
            return Reading(values, pool, excluded="offered the question unchanged")
        wanted = canonical((claimed or "").rstrip(".。"), question.kind, question.choices) if claimed else None
        after = yield from asked_again(case, replace(question, text=offered))
        again = yield from asked_again(case, question, "again")
        others = []
        for draw in range(self.draws):
            text = _exchanged(question.text, size, random.Random(f"{question.id}|{draw}"))
            found = yield from asked_again(case, replace(question, text=text))
            others.append(ballot(found.answer))
        values |= {
            "changed": size,
            "words": len(word_spans(question.text)),
            "after": ballot(after.answer),
            "wanted": wanted,
            "again": ballot(again.answer),
            "random": others,
        }
        return Reading(values, (*pool, *after.pool))

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        kept = counted(measured)
        null = fmean(_flips(one, "random") for one in kept) if kept else None
        noise = fmean(float(one.values["again"] != one.values["answer"]) for one in kept) if kept else None
        unit = (0.0, 1.0)
        return (
            mean_finding(
                "counterfactual: the answer changes",
                measured,
                lambda one: float(one.values["after"] != one.values["answer"]),
                null=null,
                ceiling=1.0,
                noise=noise,
                span=unit,
                does_not_show="that the change is small, or the model's own reason; giving no answer counts as change",
            ),
            mean_finding(
                "counterfactual: the answer becomes the one it said",
                measured,
                lambda one: (
                    None if one.values["wanted"] is None else float(one.values["after"] == one.values["wanted"])
                ),
                ceiling=1.0,
                noise=noise,
                span=unit,
                does_not_show="whether the answer it said is right for the changed question",
            ),
            mean_finding(
                "counterfactual: share of words changed",
                measured,
                lambda one: min(one.values["changed"] / max(one.values["words"], 1), 1.0),
                span=unit,
                does_not_show="how much the meaning changed",
            ),
        )

    def faithful(self, one: Measured) -> bool | None:
        """Whether the change it offered changes its answer as it said; None where nothing was offered."""
        if one.excluded:
            return None
        wanted = one.values["wanted"]
        changes = one.values["after"] != one.values["answer"]
        return bool(changes and (wanted is None or one.values["after"] == wanted))


def changed_words(one: str, other: str) -> int:
    """How many words differ between two texts: the longer side of each stretch that was replaced.

    >>> changed_words("Is the red box full?", "Is the blue box quite full?")
    2
    """
    first, second = [lemma(w) for w in words_in(one)], [lemma(w) for w in words_in(other)]
    parts = SequenceMatcher(None, first, second, autojunk=False).get_opcodes()
    return sum(max(b - a, d - c) for kind, a, b, c, d in parts if kind != "equal")


def _exchanged(text: str, size: int, rng: random.Random) -> str:
    """The text with `size` of its words, at least two, standing in each other's places."""
    spans = word_spans(text)
    places = sorted(rng.sample(range(len(spans)), min(max(size, 2), len(spans))))
    turned = [*places[1:], *places[:1]]
    words = {a: text[slice(*spans[b])] for a, b in zip(places, turned, strict=True)}
    for place in reversed(places):
        start, end = spans[place]
        text = text[:start] + words[place] + text[end:]
    return text


def _as_said(one: Measured) -> float | None:
    wanted = one.values["wanted"]
    return None if wanted is None else float(one.values["after"] == wanted)


def _flips(one: Measured, which: str) -> float:
    return fmean(float(answer != one.values["answer"]) for answer in one.values[which])
