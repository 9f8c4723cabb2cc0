"""Finding the answer in a reply."""

from __future__ import annotations

import dataclasses

from workings.core.answer import NO_ANSWER, Answer, Source
from workings.core.problem import AnswerKind
from workings.verify import choice, grid, number, yes_no
from workings.verify.declared import Declaration, declarations, last_retraction, next_question, trailing_equals
from workings.verify.text import Reading, fold, read_text, tidy
from workings.verify.thinking import split_thinking

__all__ = ["extract"]


def extract(text: str, kind: AnswerKind, choices: tuple[str, ...] = (), *, thinking: str = "") -> Answer:
    """Find the answer in a reply, in time linear in its length.

    `text` is the reply as it came, thinking tags and all; `thinking` is reasoning that the server returned apart
    from it. In this order: the last declared answer (a declaration, a box), a reply that is nothing but the
    answer, a closing "= X", the last number (or the option, or yes or no, in the last line). Thinking is looked at
    only when there is no final text at all, and the answer is then marked so.

    Returns an Answer whose `span` gives offsets in `text` (None when it came from `thinking`). `canonical` is None
    when something was answered that cannot be told: "5 or 6", two labels, a formula. What follows a new "Q:" line
    after a declared answer is taken as the model's own invention and left out.

    A declared answer is what the reply says it is: nothing here shows that the reasoning before it led there.
    """
    final, inner = split_thinking(text)
    if final.strip():
        return _find(text, final, kind, choices)
    answer = _find(text, inner, kind, choices) if inner.strip() else NO_ANSWER
    if answer is NO_ANSWER and thinking.strip():
        answer = dataclasses.replace(_find(thinking, split_thinking(thinking).final, kind, choices), span=None)
    return dataclasses.replace(answer, source=Source.THINKING) if answer.raw else NO_ANSWER


def _find(text: str, part: str, kind: AnswerKind, choices: tuple[str, ...]) -> Answer:
    view = fold(part)
    found = declarations(view, kind)
    end = len(view)
    if found and (cut := next_question(view, found[0].end)) < end:
        end = cut
        found = [d for d in declarations(view, kind, end) if d.end <= end]
    if not found and (whole := _whole(view, end, kind, choices)):
        return _answer(text, whole, Source.WHOLE)
    taken_back = last_retraction(view, min(d.start for d in found), end) if found else -1
    withdrawn: Reading | None = None
    for i in range(len(found) - 1, -1, -1):
        spot = found[i]
        reading = _declared(view, spot, kind, choices)
        if reading is None:
            continue
        if spot.end <= taken_back:
            withdrawn = reading
            break
        if spot.boxed and _rival(view, found, i, reading, kind, choices):
            reading = Reading(found[i - 1].start, spot.end, None)
        return _answer(text, reading, Source.BOXED if spot.boxed or _in_box(found, reading) else Source.DECLARED)
    start = max(taken_back, 0) if withdrawn else 0
    fallback = _fallback(text, view, start, end, kind, choices)
    if fallback is NO_ANSWER and withdrawn:
        return _answer(text, withdrawn._replace(canonical=None), Source.DECLARED)
    return fallback


def _answer(text: str, reading: Reading, source: Source) -> Answer:
    raw = text[reading.start : reading.end]
    lead = len(raw) - len(raw.lstrip())
    raw = raw.strip()
    if not raw:
        return NO_ANSWER
    start = reading.start + lead
    return Answer(raw, reading.canonical, (start, start + len(raw)), source)


def _in_box(found: list[Declaration], reading: Reading) -> bool:
    return any(d.boxed and d.start <= reading.start and reading.end <= d.end for d in found[-50:])


def _rival(
    view: str, found: list[Declaration], i: int, reading: Reading, kind: AnswerKind, choices: tuple[str, ...]
) -> bool:
    """Whether another box stands beside this one as an alternative: "\\boxed{1} or \\boxed{2}"."""
    if i == 0 or not found[i - 1].boxed:
        return False
    between = view[found[i - 1].end : found[i].start]
    if len(between) > 60 or not any(w in between for w in (" or ", " and ", "或", "和", "},", "}$,")):
        return False
    if "." in between or "\n" in between or "rather" in between:
        return False
    other = _declared(view, found[i - 1], kind, choices)
    return other is not None and other.canonical != reading.canonical


def _declared(view: str, spot: Declaration, kind: AnswerKind, choices: tuple[str, ...]) -> Reading | None:
    start, end = spot.start, spot.end
    if spot.boxed and end - start > 20_000:
        return Reading(start, start + 2000, None)
    match kind:
        case AnswerKind.NUMBER:
            if spot.after:
                return number.read_last(view, start, end) or number.read_phrase(view, start, end)
            if spot.correction and not any(c.isdigit() for c in view[start:end]):
                return None
            return number.read_phrase(view, start, end) if spot.boxed else number.read_declared(view, start, end)
        case AnswerKind.CHOICE:
            if spot.after:
                return choice.read_choice(view, start, end, choices) or choice.read_last_choice(
                    view, start, end, choices
                )
            return choice.read_choice(view, start, end, choices)
        case AnswerKind.YES_NO:
            return yes_no.read_yes_no(view, start, end)
        case AnswerKind.GRID:
            return grid.read_grid(view, start, end)
        case AnswerKind.TEXT:
            if spot.correction and len(view[start:end].split()) > 6:
                return None
            return read_text(view, start, end, boxed=spot.boxed)


def _whole(view: str, end: int, kind: AnswerKind, choices: tuple[str, ...]) -> Reading | None:
    """A reply that is nothing but the answer: one short line."""
    left = 0
    while left < end and view[left].isspace():
        left += 1
    if end - left > 20_000 and view[left : left + 2000].strip() and kind is not AnswerKind.GRID:
        return None
    body = view[left:end].rstrip()
    stop = left + len(body)
    if kind is AnswerKind.GRID:
        reading = grid.read_grid(view, left, stop)
        return reading if reading and (reading.start, reading.end) == (left, stop) else None
    if not body or "\n" in body or len(body) > 80 or ":" in body or "=" in body or "\\boxed" in body or "####" in body:
        return None
    words = len(body.split())
    lone: bool
    match kind:
        case AnswerKind.NUMBER:
            reading = number.read_phrase(view, left, stop)
            lone = words <= 4 and sum("\u3400" <= c <= "\u9fff" for c in body) <= 4 and "," not in body[-1:]
            return reading if lone else None
        case AnswerKind.CHOICE:
            reading = choice.read_choice(view, left, stop, choices)
            known = {tidy(c) for c in choices}
            own = tidy(view[reading.start + 1 : stop]) if reading else None
            lone = words <= 2 or tidy(body) in known or (own is not None and own in known)
            return reading if lone else None
        case AnswerKind.YES_NO:
            reading = yes_no.read_yes_no(view, left, stop) if words <= 2 and len(body) <= 20 else None
            return reading if reading and not any(c.isalnum() for c in view[reading.end : stop]) else None
        case AnswerKind.TEXT:
            sentence = body.endswith((".", "。", "!", "?", "！", "？")) and words > 3
            if words > 8 or sentence or (not body.isascii() and len(body) > 30):
                return None
            return read_text(view, left, stop)
    return None


def _fallback(text: str, view: str, start: int, end: int, kind: AnswerKind, choices: tuple[str, ...]) -> Answer:
    reading: Reading | None = None
    source = Source.LAST
    if kind in (AnswerKind.NUMBER, AnswerKind.TEXT) and (equals := trailing_equals(view, start, end)):
        reader = number.read_phrase if kind is AnswerKind.NUMBER else read_text
        reading, source = reader(view, *equals), Source.DECLARED
    if reading is None:
        source = Source.LAST
        match kind:
            case AnswerKind.NUMBER:
                reading = number.read_last(view, start, end)
            case AnswerKind.CHOICE:
                reading = choice.read_last_choice(view, start, end, choices)
            case AnswerKind.YES_NO:
                reading = yes_no.read_last_yes_no(view, start, end)
                opening = yes_no.read_opening_yes_no(view, start, end)
                if opening and (reading is None or reading.start <= opening.end):
                    reading, source = opening, Source.DECLARED
            case AnswerKind.GRID:
                reading = grid.read_last_grid(view, start, end)
            case AnswerKind.TEXT:
                reading = None
    return NO_ANSWER if reading is None else _answer(text, reading, source)
