"""Verbalised confidence: the model says in words or numbers how sure it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from workings.audit.case import Case, Measured, Reading
from workings.audit.doubt.scale import NO_ANSWER, Direction, Said, Scale, Scope, own_answer, reading
from workings.audit.doubt.verdict import findings
from workings.audit.doubt.wording import posed, version, worded
from workings.core.ask import Flow, Sampling, sample
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.finding import Finding
from workings.core.prompt import Message, Prompt
from workings.verify.extract import extract
from workings.verify.select import ballot
from workings.verify.verbal import PHRASES, read_confidence, read_guesses, read_phrase, read_step_confidences

__all__ = ["Verbalised"]

_UNREAD = "the reply states no confidence that can be read"
_FOLDS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "product": math.prod,
    "min": min,
    "mean": lambda values: math.fsum(values) / len(values),
}


@dataclass(frozen=True, slots=True)
class Verbalised:
    """What the model says when it is asked how sure it is.

    `form` "number" and "words" ask in a next turn behind the chain; "steps" asks for one number a step and folds them
    by `fold`; "top" asks anew for `k` guesses with probabilities and takes the audited answer's (0 where it is not
    among them); "probing" asks in a new conversation how likely this answer is, without the chain. Greedy.

    A reply that cannot be read is missing. Verbalised confidences are known to crowd at 80 to 100 %
    (Xiong et al. 2024). Sources: Tian et al. 2023; Xiong et al. 2024.
    """

    form: Literal["number", "words", "top", "steps", "probing"] = "number"
    fold: Literal["product", "min", "mean"] = "product"
    k: int = 4
    max_tokens: int = 256

    def __post_init__(self) -> None:
        if self.form not in ("number", "words", "top", "steps", "probing"):
            raise BadSetting(f"form={self.form!r} is not known.", "Use number, words, top, steps or probing.")
        if self.fold not in _FOLDS:
            raise BadSetting(f"fold={self.fold!r} is not known.", f"Use {', '.join(_FOLDS)}.")
        if self.k < 1:
            raise BadSetting(f"k={self.k} asks for no guess.", "Use k=4.")
        Sampling(0.0, self.max_tokens)

    @property
    def scale(self) -> Scale:
        return Scale(Direction.CONFIDENCE, 0.0, 1.0, "stated probability")

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return (Scope.CHAIN,) if self.form == "steps" else (Scope.ANSWER,)

    @property
    def asks(self) -> bool:
        return True

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset()

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        own, scope = own_answer(case), self.scopes[0]
        if own is None:
            return reading(self.scale, {scope: Said(missing=NO_ANSWER)}, (case.trace,))
        if self.form == "steps" and not case.reasoning.steps:
            return reading(self.scale, {scope: Said(missing="no reasoning before the answer")}, (case.trace,))
        sampling = Sampling(0.0, self.max_tokens, logprobs=False)
        (reply,) = yield from sample(self._prompt(case, own), 1, sampling, path=f"doubt/{self.form}", role="probe")
        told = self._read(case, own, reply.text)
        more = {"reply": reply.text[:500], "wording": version()}
        said = Said(told, "" if told is not None else _UNREAD)
        return reading(self.scale, {scope: said}, (case.trace,), more=more)

    def _prompt(self, case: Case, own: str) -> Prompt:
        question, language = case.question, case.question.language
        steps = "\n".join(f"{n}. {step.text}" for n, step in enumerate(case.reasoning.steps, 1))
        phrases = ", ".join(PHRASES.get(language, PHRASES["en"]))
        parts = {"question": posed(question), "answer": own, "steps": steps, "phrases": phrases, "k": str(self.k)}
        asked = worded(self.form, language, parts)
        if self.form in ("top", "probing"):
            return Prompt.user(asked)
        return Prompt((*case.prompt.messages, Message("assistant", case.trace.text), Message("user", asked)))

    def _read(self, case: Case, own: str, text: str) -> float | None:
        if self.form == "words":
            return read_phrase(text, case.question.language)
        if self.form == "steps":
            values = read_step_confidences(text, len(case.reasoning.steps))
            return None if values is None else float(_FOLDS[self.fold](values))
        if self.form == "top":
            question, guesses = case.question, read_guesses(text)
            same = [p for guess, p in guesses if ballot(extract(guess, question.kind, question.choices)) == own]
            return (min(1.0, math.fsum(same)) if same else 0.0) if guesses else None
        return read_confidence(text)

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        return findings(self, measured)
