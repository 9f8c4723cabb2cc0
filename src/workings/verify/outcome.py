"""Right, wrong, unparsed, or for a judge to say."""

from __future__ import annotations

from workings.core.answer import Answer, Outcome
from workings.core.problem import AnswerKind
from workings.verify.equivalence import canonical, equivalent
from workings.verify.number import is_symbolic

__all__ = ["outcome"]


def outcome(answer: Answer, gold: str | None, kind: AnswerKind, choices: tuple[str, ...] = ()) -> Outcome | None:
    """Compare an answer with the gold.

    Returns RIGHT or WRONG when text can tell; UNPARSED when no answer was given, or one that nobody could read
    ("5 or 6", two labels); None when there is no gold, or when a judge is needed (the answer or the gold is a
    formula). ERROR is never returned: errors are the driver's to record.
    """
    if gold is None:
        return None
    if not answer.raw and not answer.given:
        return Outcome.UNPARSED
    if not answer.given:
        if equivalent(answer.raw, gold, kind, choices):
            return Outcome.RIGHT
        judged = kind in (AnswerKind.NUMBER, AnswerKind.TEXT) and is_symbolic(answer.raw)
        return None if judged else Outcome.UNPARSED
    said = answer.canonical or ""
    if canonical(gold, kind, choices) is None:
        return Outcome.RIGHT if equivalent(said, gold, kind, choices) else None
    for form in (said, answer.raw):
        if form and equivalent(form, gold, kind, choices):
            return Outcome.RIGHT
    if kind is AnswerKind.TEXT and (is_symbolic(gold) or "\\" in gold):
        return None
    return Outcome.WRONG
