"""Ablations of prompting: which part of the worked examples is it that helps?"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, pstdev
from typing import Any

from workings.audit.case import Case, Measured, Reading
from workings.audit.demonstrations import CHANGES, Demonstration, Frame, changed, frame_of, own_chains
from workings.audit.evidence import counted, left_out, mean_finding, spent
from workings.audit.phrases import Phrases, phrases
from workings.audit.talk import ask_on
from workings.core.answer import Outcome, Source
from workings.core.ask import Flow
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.finding import Finding
from workings.core.trace import Trace
from workings.stats.agreement import kappa
from workings.stats.paired import holm, mcnemar, paired_difference
from workings.verify.extract import extract
from workings.verify.outcome import outcome
from workings.verify.select import ballot

__all__ = ["ARMS", "Ablations"]

ARMS = (*CHANGES, "source")
_STANDARD = ("standard", "explained-after", "explained-by-others")
_SAID = (Source.DECLARED, Source.BOXED, Source.WHOLE)
_SHOWS_NOT = {
    "dots": "that tokens alone do nothing: the model was not trained to use them; one dot stands for one word",
    "short-dots": "what as many tokens as the reasoning would do: one dot stands for a character of an equation",
    "after-answer": "whether explanations help in other ways: see explained-after, which asks for the answer alone",
    "explained-after": "reasoning before the answer: the answer alone is asked for; compare with standard",
    "explained-by-others": "anything alone: it is the control of explained-after",
    "equations": "that words are needed where a problem takes one step: there the equation is most of the reasoning",
    "invalid": "that valid steps do not matter: the numbers and the form of the reasoning are still there",
    "source": "quality of the examples: they are the model's own chains, right or wrong, and may be fewer",
    "half": "which examples matter",
    "one": "which example matters",
}


@dataclass(frozen=True, slots=True)
class Ablations:
    """The problem again with the prompt's worked examples changed in one respect, beside the examples as they were.

    Every arm asks for one greedy chain, `seeds` times: with the examples in their own order, then in seeded other ones,
    the same for all arms. Arms (join some with +; all when empty): standard (answers alone), equations, dots (one for
    each word), short-dots (one for each character of the equations), after-answer (answer, then reasoning: Wei et al.
    2022, tables 6 and 7), explained-after and explained-by-others (explanations behind the answers of the examples, the
    answer alone asked for: Lampinen et al. 2022), invalid, incoherent, irrelevant (Wang et al. 2023), symbols, pattern,
    text (Madaan and Yazdanbakhsh 2022), order, half, one, style, source (the model's own chains).

    Findings: for each arm the difference in accuracy from the full examples, with a paired interval; in the detail the
    accuracies of both and of standard, McNemar's exact p-value on the first seed and that adjusted for the number of
    arms (Holm), Cohen's kappa between the two arms' right and wrong, and how often their answers are equal. The noise
    is the standard deviation of an arm's accuracy over seeds. Edits are made by rule: an arm that changes nothing in
    these examples (no equations in them) is left out and counted.
    """

    arms: str = ""
    seeds: int = 3
    max_tokens: int = 512

    def __post_init__(self) -> None:
        unknown = [name for name in self.names if name not in ARMS]
        if unknown:
            raise BadSetting(f"arms={unknown[0]!r} is not known.", f"Join some of {', '.join(ARMS)} with +.")
        if self.seeds < 1 or self.max_tokens < 1:
            raise BadSetting("seeds and max_tokens must be 1 or more.", "Leave them out for the defaults.")

    @property
    def names(self) -> tuple[str, ...]:
        """The arms beside the full examples, in order."""
        return tuple(dict.fromkeys(part for part in self.arms.split("+") if part)) or ARMS

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset()

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        frame = frame_of(case)
        if frame is None:
            return Reading(excluded="no worked examples in the prompt")
        if case.problem.gold is None:
            return Reading(excluded="no gold to compare with")
        told = phrases("ablations", case.question.language)
        rows: list[dict[str, Any]] = []
        unmade: dict[str, str] = {}
        pool: list[Trace] = []
        for seed in range(self.seeds):
            shown = list(frame.demonstrations)
            if seed:
                random.Random(f"order|{seed}").shuffle(shown)
            for name in ("full", *self.names):
                made = _made(case, name, shown, seed, told)
                if made is None:
                    unmade[name] = "changes nothing here"
                    continue
                trace = yield from self._asked(case, frame, name, made, seed, told)
                pool.append(trace)
                rows.append(_row(case, name, seed, trace))
        values = {"rows": rows, "unmade": unmade, "examples": len(frame.demonstrations), "prompt": told.stamp}
        return Reading(values, tuple(pool))

    def _asked(
        self, case: Case, frame: Frame, name: str, made: Sequence[Demonstration], seed: int, told: Phrases
    ) -> Flow[Trace]:
        wording = told.say("standard") if name in _STANDARD else ""
        prompt = frame.prompt(made, wording)
        trace = yield from ask_on(case.question, prompt, f"ablation/{name}/{seed}", max_tokens=self.max_tokens)
        if not any(one.answer_first for one in made):
            return trace
        first = trace.text[len(prompt.lead) :].lstrip().partition("\n")[0]
        answer = extract(first, case.question.kind, case.question.choices)
        return replace(trace, answer=replace(answer, span=None)) if answer.source in _SAID else trace

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        kept = counted(measured)
        full, standard = _accuracies(kept, "full"), _accuracies(kept, "standard")
        found = [
            mean_finding(
                "ablations: accuracy with the full examples",
                measured,
                lambda one: _share(one, "full"),
                null=fmean(standard.values()) if standard else None,
                ceiling=1.0,
                noise=_spread(kept, "full"),
                span=(0.0, 1.0),
                does_not_show="which part of the examples helps; the null is the accuracy of standard prompting",
            )
        ]
        compared = [one for name in self.names if (one := _compared(kept, measured, name, full, standard)) is not None]
        adjusted = holm([one.detail["McNemar p"] for one in compared]) if compared else ()
        found += [
            replace(one, detail={**one.detail, "McNemar p, Holm": p}) for one, p in zip(compared, adjusted, strict=True)
        ]
        return tuple(found)


def _made(
    case: Case, name: str, shown: list[Demonstration], seed: int, told: Phrases
) -> Sequence[Demonstration] | None:
    if name == "full":
        return shown
    if name == "source":
        return own_chains(case)[: len(shown)] or None
    return changed(name, shown, random.Random(f"{name}|{seed}"), told)


def _row(case: Case, name: str, seed: int, trace: Trace) -> dict[str, Any]:
    judged = outcome(trace.answer, case.problem.gold, case.question.kind, case.question.choices)
    return {
        "arm": name,
        "seed": seed,
        "answer": ballot(trace.answer),
        "right": judged is Outcome.RIGHT,
        "outcome": None if judged is None else judged.value,
        "tokens": trace.usage.generated,
    }


def _rows(one: Measured, name: str) -> list[Mapping[str, Any]]:
    return [row for row in one.values["rows"] if row["arm"] == name]


def _share(one: Measured, name: str) -> float | None:
    rows = _rows(one, name)
    return fmean(float(row["right"]) for row in rows) if rows else None


def _accuracies(kept: Sequence[Measured], name: str) -> dict[str, float]:
    return {one.problem_id: share for one in kept if (share := _share(one, name)) is not None}


def _spread(kept: Sequence[Measured], name: str) -> float | None:
    """The standard deviation over seeds of an arm's accuracy; None with one seed."""
    by_seed: dict[int, list[float]] = defaultdict(list)
    for one in kept:
        for row in _rows(one, name):
            by_seed[row["seed"]].append(float(row["right"]))
    return pstdev(map(fmean, by_seed.values())) if len(by_seed) > 1 else None


def _compared(
    kept: Sequence[Measured],
    measured: Sequence[Measured],
    name: str,
    full: Mapping[str, float],
    standard: Mapping[str, float],
) -> Finding | None:
    here = [one for one in kept if _rows(one, name) and one.problem_id in full]
    if not here:
        return None
    arm = _accuracies(here, name)
    ids = [one.problem_id for one in here]
    told = paired_difference([arm[i] for i in ids], [full[i] for i in ids], [one.cluster for one in here])
    pairs = [(a, b) for one in here for a in _rows(one, name) for b in _rows(one, "full") if a["seed"] == b["seed"]]
    first = [(a["right"], b["right"]) for a, b in pairs if a["seed"] == 0]
    mine, theirs = fmean(arm[i] for i in ids), fmean(full[i] for i in ids)
    base = fmean(standard[i] for i in ids) if all(i in standard for i in ids) else None
    return Finding(
        f"ablations: {name} minus full",
        told.value,
        told.interval,
        null=0.0,
        ceiling=None if base is None else base - theirs,
        noise=_spread(here, name),
        n=len(ids),
        excluded=left_out(measured, "changes nothing here", len(kept) - len(here)),
        detail={
            "accuracy": mine,
            "full": theirs,
            "standard": base,
            "McNemar p": mcnemar(sum(a > b for a, b in first), sum(a < b for a, b in first)),
            "kappa": kappa([a["right"] for a, _ in pairs], [b["right"] for _, b in pairs]),
            "same answer": fmean(float(a["answer"] == b["answer"]) for a, b in pairs),
            "tokens": fmean(a["tokens"] for a, _ in pairs),
            "tokens, full": fmean(b["tokens"] for _, b in pairs),
        },
        cost=spent(measured),
        does_not_show=_SHOWS_NOT.get(name, "what a model that was trained on such examples would do"),
    )
