"""Named words: does the answer hang on the words of the question that the model calls important?"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Literal

from workings.audit.case import Case, Measured, Reading
from workings.audit.evidence import counted, mean_finding
from workings.audit.phrases import phrases
from workings.audit.readout import Options, options_of, read_out
from workings.audit.talk import after_mark, asked_again, chain_of, later, reworded, say
from workings.audit.words import masked, mentions, places_of, word_spans, words_in
from workings.core.ask import Flow
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.finding import Finding
from workings.core.trace import Trace
from workings.verify.select import ballot

__all__ = ["BINS", "MASKS", "NamedWords"]

BINS = (0.01, 0.05, 0.1, 0.2, 0.5)
MASKS = ("", "___", "...")
_GAP = re.compile(r"[,;，、；\n]|\band\b|和")


@dataclass(frozen=True, slots=True)
class NamedWords:
    """Comprehensiveness and sufficiency of the input words a model names as important for its answer.

    The model is asked, after its answer, for at most `most` words of the question; with `words` "chain" they are those
    that its chain of thought repeats, in that order, which needs no second question. The first of them that make up 1,
    5, 10, 20 and 50 % of the question's words (at least one, at most all that were named) are taken out
    (comprehensiveness: how much the support of the answer falls) or left alone (sufficiency: how much it falls when
    nothing else is left), and the means over these bins are the scores. The same number of random words, `draws` times,
    is the null; every mask of `MASKS` is used up to `masks` of them, since what stands in a gap is a choice.

    `through` "chain" runs the audited method again on the changed question, and the support is 1 where it gives the
    same answer; "answer" asks for no chain and reads the probability of the answer among the options, which is cheap
    and without noise, but is about a model that does not reason. Source: DeYoung et al. 2020 (ERASER), section 4.2;
    the mean is over the bins that were used, where theirs divides by one more. Asking models for such words: Madsen et
    al. 2024.
    """

    words: Literal["asked", "chain"] = "asked"
    through: Literal["chain", "answer"] = "chain"
    most: int = 5
    draws: int = 2
    masks: int = 1
    max_tokens: int = 96

    def __post_init__(self) -> None:
        if self.words not in ("asked", "chain"):
            raise BadSetting(f"words={self.words!r} is not known.", "Use asked or chain.")
        if self.through not in ("chain", "answer"):
            raise BadSetting(f"through={self.through!r} is not known.", "Use chain or answer.")
        if not 1 <= self.masks <= len(MASKS):
            raise BadSetting(f"masks={self.masks} is out of range.", f"Use 1 to {len(MASKS)}.")
        if min(self.most, self.draws, self.max_tokens) < 1:
            raise BadSetting("most, draws and max_tokens must be 1 or more.", "Leave them out for the defaults.")

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset({Capability.SCORE, Capability.LEAD}) if self.through == "answer" else frozenset()

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        own, text = ballot(case.solution.answer), case.question.text
        options = options_of(case) if self.through == "answer" else None
        if own is None or (self.through == "answer" and options is None):
            return Reading(excluded="no answer to compare")
        if self.through == "answer" and reworded(case, text) is None:
            return Reading(excluded="the prompt does not hold the question's text")
        told = phrases("explaining", case.question.language)
        pool: tuple[Trace, ...] = ()
        if self.words == "asked":
            prompt = later(case, told.say("words", {"count": str(self.most)}))
            reply = yield from say(prompt, "named-words", max_tokens=self.max_tokens)
            pool = (chain_of(prompt, reply),)
            names = named_in(reply.text, told.say("words-mark"))
        else:
            names = [word for word in dict.fromkeys(words_in(case.reasoning.text)) if mentions(text, word)]
        places, missing = places_of(text, names)
        total = len(word_spans(text))
        values: dict[str, Any] = {"said": names, "missing": missing, "words": total, "prompt": told.stamp}
        if not places:
            return Reading(values, pool, excluded="named no word of the question")
        places = places[: self.most]
        values |= {"places": places, "full": (yield from self._support(case, options, own, text))}
        rows = []
        for mask in MASKS[: self.masks]:
            empty = yield from self._support(case, options, own, masked(text, range(total), mask))
            for count in sorted({size for _, size in bins_of(total, len(places))}):
                row = {"mask": mask, "count": count, "empty": empty}
                row |= yield from self._pair(case, options, own, places[:count], mask)
                for draw in range(self.draws):
                    picked = random.Random(f"{case.question.id}|{count}|{draw}").sample(range(total), count)
                    row |= yield from self._pair(case, options, own, picked, mask, f" at random {draw}")
                rows.append(row)
        return Reading(values | {"rows": rows}, pool)

    def _pair(
        self, case: Case, options: Options | None, own: str, places: Collection[int], mask: str, name: str = ""
    ) -> Flow[dict[str, float]]:
        text = case.question.text
        rest = set(range(len(word_spans(text)))) - set(places)
        erased = yield from self._support(case, options, own, masked(text, set(places), mask))
        kept = yield from self._support(case, options, own, masked(text, rest, mask))
        return {f"erased{name}": erased, f"kept{name}": kept}

    def _support(self, case: Case, options: Options | None, own: str, text: str) -> Flow[float]:
        """How much the answer `own` is supported when the question is `text`."""
        if options is None:
            solution = yield from asked_again(case, replace(case.question, text=text))
            return float(ballot(solution.answer) == own)
        prompt = reworded(case, text)
        assert prompt is not None
        curve = yield from read_out(replace(case, prompt=prompt), options, "")
        return curve.shares[-1][0]

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        kept = counted(measured)
        head = "named words"
        out = "a gap is no natural text: some of the fall is the gap's; the null has as many gaps"
        ceiling = _mean([_room(one) for one in kept])

        def over(one: Measured, which: str, random_words: bool) -> float | None:
            return _aopc(one.values, which, self.draws if random_words else 0)

        return (
            mean_finding(
                f"{head}: comprehensiveness",
                measured,
                lambda one: over(one, "erased", False),
                null=_mean([over(one, "erased", True) for one in kept]),
                ceiling=ceiling,
                noise=_noise(kept, "erased", self.draws),
                span=(-1.0, 1.0),
                does_not_show=f"whether other words matter as much; {out}",
            ),
            mean_finding(
                f"{head}: comprehensiveness over random words",
                measured,
                lambda one: _gap(over(one, "erased", False), over(one, "erased", True)),
                null=0.0,
                ceiling=ceiling,
                span=(-2.0, 2.0),
                does_not_show="how the words are used; it grows with how often the answer changes at all",
            ),
            mean_finding(
                f"{head}: sufficiency",
                measured,
                lambda one: over(one, "kept", False),
                null=_mean([over(one, "kept", True) for one in kept]),
                ceiling=ceiling,
                noise=_noise(kept, "kept", self.draws),
                span=(-1.0, 1.0),
                does_not_show=f"much where no part of the question can stand alone; near 0 is good here; {out}",
            ),
            mean_finding(
                f"{head}: share of named words that are in the question",
                measured,
                lambda one: 1 - len(one.values["missing"]) / max(len(one.values["said"]), 1),
                ceiling=1.0,
                span=(0.0, 1.0),
                does_not_show="that they matter",
            ),
        )

    def faithful(self, one: Measured) -> bool | None:
        """Whether taking the named words out costs the answer more than random ones; None where neither costs any."""
        named, other = _aopc(one.values, "erased", 0), _aopc(one.values, "erased", self.draws)
        if one.excluded or named is None or other is None or (named == 0 and other == 0):
            return None
        return named > other


def named_in(reply: str, mark: str) -> list[str]:
    """The words named in a reply: those behind the mark, else all of its last line with text."""
    line = after_mark(reply, mark)
    if line is None:
        line = next((part for part in reversed(reply.splitlines()) if part.strip()), "")
    parts = (part.strip(" \t\"'`*“”‘’「」.。:：!?") for part in _GAP.split(line))
    return list(dict.fromkeys(part for part in parts if part))


def bins_of(words: int, named: int) -> tuple[tuple[float, int], ...]:
    """For each bin how many words it takes: its share of the question's, at least one and at most those named."""
    return tuple((share, min(max(math.ceil(share * words), 1), named)) for share in BINS)


def _aopc(values: Mapping[str, Any], which: str, draws: int) -> float | None:
    """The mean over bins and masks of how far the support falls; over random words when `draws` is not 0."""
    if "rows" not in values:
        return None
    names = [f"{which} at random {draw}" for draw in range(draws)] or [which]
    by_count: dict[int, list[float]] = {}
    for row in values["rows"]:
        by_count.setdefault(row["count"], []).append(values["full"] - fmean(row[name] for name in names))
    sizes = [size for _, size in bins_of(values["words"], len(values["places"]))]
    return fmean(fmean(by_count[size]) for size in sizes)


def _room(one: Measured) -> float:
    """How far the support falls when every word is taken out."""
    return float(one.values["full"] - fmean(row["empty"] for row in one.values["rows"]))


def _noise(kept: Sequence[Measured], which: str, draws: int) -> float | None:
    """The mean absolute difference between two draws of random words; None with one draw."""
    if draws < 2:
        return None
    gaps = [
        abs(row[f"{which} at random 0"] - row[f"{which} at random 1"]) for one in kept for row in one.values["rows"]
    ]
    return _mean(gaps)


def _gap(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
