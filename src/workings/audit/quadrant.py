"""Plausible, faithful, correct: where each explanation stands, and what a policy makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from workings.audit.case import Measured
from workings.audit.evidence import left_out
from workings.core.answer import Outcome
from workings.core.errors import BadSetting
from workings.core.finding import Finding
from workings.stats.intervals import wilson

__all__ = ["POLICIES", "Decision", "Policy", "Standing", "decide", "kept_right", "quadrant", "standings"]

Policy = Literal["high-stakes", "teaching"]
POLICIES: tuple[Policy, ...] = ("high-stakes", "teaching")


@dataclass(frozen=True, slots=True)
class Standing:
    """One explanation; each of the three is None where it is not known, which is neither good nor bad."""

    problem_id: str
    plausible: bool | None
    faithful: bool | None
    correct: bool | None

    @property
    def cell(self) -> tuple[str, str, str]:
        """The words for where it stands, such as ("plausible", "not faithful", "correct")."""
        known = (("plausible", self.plausible), ("faithful", self.faithful), ("correct", self.correct))
        return tuple(_worded(word, value) for word, value in known)  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether an answer may be given with its explanation, and why."""

    problem_id: str
    accepted: bool
    because: str


def _worded(word: str, value: bool | None) -> str:
    return f"{word} unknown" if value is None else word if value else f"not {word}"


def standings(
    plausibility: Sequence[Measured],
    faithful: Mapping[str, bool | None],
    *,
    criterion: str = "plausible",
    threshold: float = 3.5,
) -> tuple[Standing, ...]:
    """For every rated case where it stands: plausible from `threshold` on in the mean over raters (1 to 5).

    `faithful` is an audit's verdict by problem; a problem it does not hold is unknown. Correct is the recorded outcome.
    """
    if not 1 <= threshold <= 5:
        raise BadSetting(f"threshold={threshold} is no rating.", "Use 1 to 5.")
    found = []
    for one in plausibility:
        told: list[float] = []
        if not one.excluded:
            told = [v for given in one.values["ratings"].values() if (v := given.get(criterion)) is not None]
        known = one.outcome in (Outcome.RIGHT, Outcome.WRONG, Outcome.UNPARSED)
        found.append(
            Standing(
                one.problem_id,
                sum(told) / len(told) >= threshold if told else None,
                faithful.get(one.problem_id),
                one.right if known else None,
            )
        )
    return tuple(found)


def quadrant(places: Iterable[Standing]) -> dict[tuple[str, str, str], int]:
    """How many explanations stand in each of the cells, unknown ones in cells of their own; most first."""
    return dict(Counter(place.cell for place in places).most_common())


def decide(places: Iterable[Standing], policy: Policy) -> tuple[Decision, ...]:
    """What a policy makes of each explanation, without looking at the gold.

    "high-stakes" puts faithfulness first: an answer whose audit fails is refused however convincing it is, and so is
    one whose audit could not tell. "teaching" puts plausibility first: an explanation that does not convince is not
    shown; one that is known to be unfaithful is shown as an example only.

    Source: Agarwal, Tanneru and Lakkaraju 2024, which leaves the rule to the user. Neither policy makes answers right.
    """
    if policy not in POLICIES:
        raise BadSetting(f"policy={policy!r} is not known.", f"Use {' or '.join(POLICIES)}.")
    rule = _high_stakes if policy == "high-stakes" else _teaching
    return tuple(Decision(place.problem_id, *rule(place)) for place in places)


def _high_stakes(place: Standing) -> tuple[bool, str]:
    if place.faithful is None:
        return False, "the audit could not tell whether the explanation is the real one"
    if not place.faithful:
        return False, "the explanation fails its audit"
    if place.plausible is False:
        return True, "faithful, but not convincing: have somebody look"
    return True, "faithful"


def _teaching(place: Standing) -> tuple[bool, str]:
    if place.plausible is None:
        return False, "nobody has rated the explanation"
    if not place.plausible:
        return False, "the explanation does not convince"
    if place.faithful is False:
        return True, "convincing; it is not how the model got there, so say that it is an example"
    return True, "convincing"


def kept_right(places: Sequence[Standing], policy: Policy, measured: Sequence[Measured] = ()) -> Finding:
    """The accuracy of the answers that a policy lets through, beside the accuracy of all (the null)."""
    passed = {one.problem_id for one in decide(places, policy) if one.accepted}
    known = [place for place in places if place.correct is not None]
    chosen = [place for place in known if place.problem_id in passed]
    right = sum(bool(place.correct) for place in chosen)
    return Finding(
        f"quadrant: accuracy of what {policy} accepts",
        right / len(chosen) if chosen else None,
        wilson(right, len(chosen)) if chosen else None,
        null=sum(bool(place.correct) for place in known) / len(known) if known else None,
        ceiling=1.0,
        n=len(chosen),
        excluded=left_out(measured, "not accepted", len(places) - len(passed)),
        detail={" / ".join(cell): count for cell, count in quadrant(places).items()},
        does_not_show="that acceptance makes an answer right: faithful reasoning can be wrong",
    )
