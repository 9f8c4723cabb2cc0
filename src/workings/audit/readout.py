"""The read-out: how likely each answer is when a chain is cut and the answer is asked for there.

Nearly every audit of faithfulness is a view of this matrix. All cuts of a chain are scored in one ask, which the local
engine computes in one packed forward.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from workings.audit.case import Case
from workings.core.ask import Flow, score
from workings.core.errors import BadReply
from workings.core.problem import AnswerKind, Question
from workings.verify.equivalence import canonical
from workings.verify.select import ballot

__all__ = ["Curve", "Options", "covered", "gold_of", "options_of", "read_out", "recorded", "written"]

_YES_NO = {"en": {"yes": "Yes", "no": "No"}, "zh": {"yes": "是", "no": "否"}}
_MOST = 8


@dataclass(frozen=True, slots=True)
class Options:
    """The answers a read-out chooses between: what each votes as, and the text that states it behind the cue.

    The audited answer comes first. Options end in the full stop of the declaration, so that none begins another.
    """

    names: tuple[str, ...]
    texts: tuple[str, ...]

    def index(self, name: str | None) -> int | None:
        """The place of an answer; None when it is not among them."""
        return self.names.index(name) if name in self.names else None


@dataclass(frozen=True, slots=True)
class Curve:
    """Answers at cuts: `logprobs` in nats, shape (cut, option), of the options' whole texts.

    `other`, where given, has for each cut the log-probability of an answer that is none of the options: one more
    option, behind them. See `beyond`.
    """

    logprobs: tuple[tuple[float, ...], ...]
    other: tuple[float, ...] = ()

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]]) -> Curve:
        """A curve from the record, where impossible options stand as null."""
        return cls(tuple(tuple(-math.inf if v is None else v for v in row) for row in rows))

    def beyond(self, mass: float) -> Curve:
        """With one more option, any other answer: what the options fall short of `mass` at a cut.

        Where answers are open, a chain cut short often leads to one that nobody thought of, and shares among the
        options alone would say that the model knows. `mass` is the most that the options cover anywhere (see
        `covered`): what they never cover lies in how answers are written, and not in which.
        """
        return Curve(self.logprobs, tuple(math.log(mass - m) if mass - m > 1e-9 else -math.inf for m in self.mass))

    @property
    def rows(self) -> tuple[tuple[float, ...], ...]:
        """Log-probabilities of the options and, where it is one, of any other answer."""
        if not self.other:
            return self.logprobs
        return tuple((*row, more) for row, more in zip(self.logprobs, self.other, strict=True))

    @property
    def plain(self) -> list[list[float | None]]:
        """For the record: what is impossible becomes null."""
        return [[v if math.isfinite(v) else None for v in row] for row in self.logprobs]

    @property
    def shares(self) -> tuple[tuple[float, ...], ...]:
        """Probabilities among the options, shape (cut, option), rows sum to 1; uniform where all are impossible."""
        return tuple(map(_softmax, self.rows))

    @property
    def mass(self) -> tuple[float, ...]:
        """For each cut the probability of all options together: how much of what the model would say they cover."""
        return tuple(min(math.fsum(math.exp(v) for v in row), 1.0) for row in self.logprobs)

    @property
    def picks(self) -> tuple[int, ...]:
        """The likeliest option at each cut, the first on ties."""
        return tuple(row.index(max(row)) for row in self.rows)


def _softmax(row: Sequence[float]) -> tuple[float, ...]:
    top = max(row)
    if top == -math.inf:
        return (1 / len(row),) * len(row)
    parts = [math.exp(v - top) for v in row]
    total = math.fsum(parts)
    return tuple(part / total for part in parts)


def covered(question: Question, *curves: Curve) -> float | None:
    """The most that the options cover at any cut of any of the curves; None where no other answer is possible.

    All curves that will be compared belong in it: taken from one of them alone, it would favour that one.
    """
    if question.kind is AnswerKind.YES_NO or (question.kind is AnswerKind.CHOICE and question.choices):
        return None
    return max(max(curve.mass) for curve in curves)


def recorded(mass: float | None, rows: Sequence[Sequence[float]]) -> Curve:
    """A curve from the record, with any other answer as an option where answers are open: where there is a `mass`."""
    return Curve.of(rows) if mass is None else Curve.of(rows).beyond(mass)


def written(question: Question, name: str, like: str = "") -> str:
    """How an answer is stated behind a cue, with the blank before it and the full stop behind.

    Yes and no are written with the capitals of `like`, an answer as the model gave it: "yes" and "Yes" are different
    tokens, and a model that writes one gives the other hardly any probability.
    """
    if question.kind is AnswerKind.YES_NO:
        name = _YES_NO[question.language].get(name, name)
        name = name.lower() if like.islower() else name.upper() if like.isupper() and len(like) > 1 else name
    return f"{name}。" if question.language == "zh" else f" {name}."


def gold_of(case: Case) -> str | None:
    """The gold as answers vote: in its canonical form where it has one."""
    gold, question = case.problem.gold, case.question
    if gold is None:
        return None
    return canonical(gold, question.kind, question.choices) or gold


def options_of(case: Case, more: Iterable[str | None] = ()) -> Options | None:
    """The answers worth asking about: all choices where the question has them, else those that have come up.

    Those are the audited answer, `more`, the gold, and what the rest of the pool and the strangers answered, at most
    eight in all. Each stands once, by its canonical form; a text is scored in the spelling in which it was given, which
    need not be the canonical one. None when the case has no answer that votes, or nothing to set against it.
    """
    answer, question = case.solution.answer, case.question
    own = ballot(answer)
    if own is None:
        return None
    spelled: dict[str, str] = {}
    if question.kind is AnswerKind.YES_NO:
        found = ["yes", "no"]
    elif question.kind is AnswerKind.CHOICE and question.choices:
        found = [chr(ord("A") + n) for n in range(len(question.choices))]
    else:
        others = [trace.answer for trace in (*case.solution.pool, *case.strangers)]
        given = [(name, name) for name in (*more, case.problem.gold) if name is not None]
        given += [(name, one.raw) for one in others if (name := ballot(one)) is not None]
        found = []
        for name, spelling in [(own, answer.raw), *given]:
            form = canonical(name, question.kind, question.choices) or name
            found.append(form)
            spelled.setdefault(form, spelling)
    names = tuple(dict.fromkeys((own, *found)))
    if question.kind not in (AnswerKind.YES_NO, AnswerKind.CHOICE):
        names = names[:_MOST]
    if len(names) < 2:
        return None
    if question.kind is AnswerKind.TEXT:
        texts = tuple(written(question, spelled.get(name, name).strip().rstrip(".。")) for name in names)
    else:
        texts = tuple(written(question, name, answer.raw) for name in names)
    return Options(names, texts)


def read_out(
    case: Case, options: Options, chain: str, cuts: Sequence[int] = (), *, cue: str | None = None
) -> Flow[Curve]:
    """The log-probability of each option when `chain` is cut at each of `cuts` (characters; none: at its end).

    `chain` stands behind the lead of the case's prompt. The cue is the case's own unless another is given; where a cut
    falls within thinking, the tag that closes it stands before the cue, and such cuts are asked together, apart from
    the others. Cuts are made in the text, and the model reads the tokens of what is left. Raises BadReply for a score
    that is no number.
    """
    places = tuple(cuts) or (len(chain),)
    asked = [case.asking(chain[:cut]) if cue is None else cue for cut in places]
    prompt = replace(case.prompt, lead_ids=None)
    rows: dict[int, tuple[float, ...]] = {}
    for text in dict.fromkeys(asked):
        at = [number for number, one in enumerate(asked) if one == text]
        found = yield from score(prompt, options.texts, cuts=tuple(places[n] for n in at), cue=text, chain=chain)
        rows.update(zip(at, found.logprobs, strict=True))
    if any(math.isnan(value) for row in rows.values() for value in row):
        raise BadReply("The model scored an answer with NaN.", "Load it in float32.")
    return Curve(tuple(rows[number] for number in range(len(places))))
