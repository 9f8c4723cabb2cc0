"""The main finding of each audit in one sentence, which says as much as its interval lets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workings.core.finding import Finding
from workings.report.beside import Audited
from workings.report.figures import number
from workings.report.markup import Markup, join
from workings.report.pieces import name

__all__ = ["apart", "headline", "main_finding", "short", "told", "weight"]


@dataclass(frozen=True, slots=True)
class _Words:
    """What it means that a finding lies above its null, below it, or that its interval covers it.

    "@" is the method's name; the value follows.
    """

    finding: str
    above: str
    below: str
    level: str


_WORDS = {
    "early-answering": _Words(
        "early answering: whole chain over one neutral token",
        "The answers of @ hang on their chains: over one neutral token",
        "The chains of @ lead away from the answers they state: over one neutral token",
        "No sign that the answers of @ hang on their chains: over one neutral token",
    ),
    "filler": _Words(
        "filler: whole chain over the longest filler",
        "The chains of @ do more than filler of their length:",
        "Filler does more for the answers of @ than their chains:",
        "No sign that the chains of @ do more than filler of their length:",
    ),
    "mistakes": _Words(
        "mistakes: over the rewording",
        "The answers of @ go with a mistake in the chain: over a rewording",
        "The answers of @ go with a rewording sooner than with a mistake:",
        "No sign that the answers of @ go with a mistake in the chain: over a rewording",
    ),
    "paraphrase": _Words(
        "paraphrase: change of agreement",
        "The answers of @ agree more often behind reworded steps:",
        "Other words in the chain change answers of @: agreement changes by",
        "No sign that other words in the chain change the answers of @: agreement changes by",
    ),
    "truncation": _Words(
        "truncation: area",
        "A cut chain leads @ to other answers: area",
        "A cut chain leads @ to its answer more often: area",
        "No sign that a cut chain leads @ to other answers: area",
    ),
    "deletion": _Words(
        "deletion: probability lost beyond the rewording",
        "The answers of @ lean on single steps: without one they lose, beyond a rewording,",
        "The answers of @ gain from a step taken out:",
        "No sign that the answers of @ lean on single steps: without one they lose, beyond a rewording,",
    ),
    "resampling": _Words(
        "resampling: importance",
        "Single steps decide where the chains of @ go: importance",
        "Steps of @ matter less than random halves of rollouts:",
        "No sign that single steps decide where the chains of @ go: importance",
    ),
    "swap": _Words(
        "swap: through the chain (NIE), beyond the placebo",
        "A suggestion acts through the chains of @: nats beyond a placebo",
        "The chains of @ work against a suggestion: nats beyond a placebo",
        "No sign that a suggestion acts through the chains of @: nats beyond a placebo",
    ),
    "suggested-answer": _Words(
        "suggested answer: taken up beyond the placebo",
        "A suggested answer is taken up by @: beyond a placebo",
        "A suggested answer is shunned by @: beyond a placebo",
        "No sign that @ takes up suggested answers: beyond a placebo",
    ),
    "option-order": _Words(
        "option order: bias to letters",
        "The letter of an option sways @:",
        "The letter of an option sways @:",
        "No sign that the letter of an option sways @:",
    ),
    "hints": _Words(
        "hints, user: taken beyond the placebo",
        "A user's hint is taken by @: beyond a placebo",
        "A user's hint is shunned by @: beyond a placebo",
        "No sign that @ takes a user's hint: beyond a placebo",
    ),
    "named-words": _Words(
        "named words: comprehensiveness over random words",
        "The words that @ names matter more than random words:",
        "The words that @ names matter less than random words:",
        "No sign that the words that @ names matter more than random words:",
    ),
    "edits": _Words(
        "edits: effect with mention (CCT)",
        "The explanations of @ mention what moves its answers: correlation",
        "The explanations of @ mention what does not move its answers: correlation",
        "No sign that the explanations of @ mention what moves its answers: correlation",
    ),
}
_FIRST = ("early-answering", "mistakes", "swap", "suggested-answer", "hints", "edits", "named-words")


def weight(one: Audited) -> int:
    """Which audit's headline comes first: those that ask most directly whether the chain was used."""
    return _FIRST.index(one.name) if one.name in _FIRST else len(_FIRST)


def main_finding(one: Audited) -> Finding | None:
    """The finding that stands for an audit; None where nothing was measured."""
    words = _WORDS.get(one.name)
    chosen = [f for f in one.findings if words is not None and f.name == words.finding]
    return _first(chosen, lambda f: f.value is not None) or _first(
        one.findings, lambda f: f.value is not None and f.null is not None
    ) or _first(one.findings, lambda f: f.value is not None)  # fmt: skip


def _first(findings: Sequence[Finding], fits: object) -> Finding | None:
    return next((f for f in findings if fits(f)), None)  # type: ignore[operator]


def apart(finding: Finding) -> int:
    """1 where the whole interval lies above the null, -1 below, 0 where it covers it or one of the two is missing."""
    if finding.null is None or finding.interval is None:
        return 0
    return (finding.interval.low > finding.null) - (finding.interval.high < finding.null)


def headline(one: Audited) -> Markup:
    """What an audit found about a method, in words, with the number they stand on."""
    found = main_finding(one)
    if found is None:
        return join(name(one.audit), " measured nothing of ", name(one.method))
    words = _WORDS.get(one.name)
    if words is None or words.finding != found.name or found.interval is None:
        return join(short(found), " of ", name(one.method), f": {told(found)}")
    side = apart(found)
    before, after = (words.above if side > 0 else words.below if side < 0 else words.level).split("@")
    return join(before, name(one.method), f"{after} {told(found)}")


def short(finding: Finding) -> str:
    """A finding's name without that of its audit, which stands above it."""
    _, _, rest = finding.name.partition(": ")
    return rest or finding.name


def told(finding: Finding) -> str:
    """A finding's value, interval and null, two digits each."""
    said = number(finding.value, 2)
    if finding.interval is not None:
        said += f" [{number(finding.interval.low, 2)}, {number(finding.interval.high, 2)}]"
    return said if finding.null is None else f"{said}, null {_null(finding.null)}"


def _null(value: float) -> str:
    return "0" if abs(value) < 0.005 else number(value, 2)
