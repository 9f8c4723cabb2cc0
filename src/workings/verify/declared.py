"""Where a reply declares its final answer."""

from __future__ import annotations

import collections
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from workings.core.problem import AnswerKind

__all__ = ["Declaration", "declarations", "last_retraction", "next_question", "trailing_equals"]

REACH = 300
FEW = 50
BEFORE = 200
"""Characters of a match that may stand before its hint."""


class Declaration(NamedTuple):
    """The span in which a declared value stands; `boxed` when a box holds it, `after` for "X is the answer"."""

    start: int
    end: int
    boxed: bool = False
    after: bool = False
    correction: bool = False


_GAP = r"[\s*_`\"'\]】)]{0,6}"
_EN = (
    r"\b(?P<head>(?:final\s{1,2})?answers?)\b(?:\s{1,3}(?:to|for|of)\b[^\n.?!:;=]{0,80}?)?(?:\s{0,2}\([^()\n]{0,40}\))?"
    rf"{_GAP}(?:(?:\b(?:is|are|was|equals|becomes)\b|\b(?:would|should|must|will|has\s+to|can\s+only)\s{{1,2}}be\b|\bcomes\s+(?:out\s+)?to\b"
    r"|\bturns\s+out\s+to\s+be\b|=|:|→|->|=>)\s{0,3}:?)"
)
_FINAL = r"\bfinal\s{1,2}answer\b(?=[\s*_]{1,4}[-+\d$(\"'\\A-E])"
_HEADING = r"(?m:^)[ \t#*_>]{0,12}(?:the\s{1,2})?(?:my\s{1,2})?(?:final\s{1,2})?answer[ \t:*_#]{0,8}(?m:$)"
_TAGGED = r"<answer>|<\|begin_of_solution\|>|<solution>|(?m:^)[ \t]{0,4}####(?!#)"
_ZH = (
    r"答案不是[^。\n]{0,40}?而是|答案(?:[】\]]|(?:应该|应当|应|就|将|便|也|则|显然|最终|可以)?[\s*_\"]{0,4}(?:是(?!不是)|为|等于|选(?!项)|:|=|即|→))"
    r"|(?m:^)[\s*_]{0,4}(?:答|解得)[\s*_]{0,4}[:](?!案)"
)
_CUE = re.compile(f"{_EN}|{_FINAL}|{_HEADING}|{_TAGGED}|{_ZH}", re.IGNORECASE)
_CUE_OPENS = re.compile(r"[\n<答aAfF](?:(?<=[\n<答])|(?<=\b[aA])(?=[nN])|(?<=\b[fF])(?=[iIİı]))")
_CHOOSE = re.compile(
    r"\b(?:option|choice)\b\s{1,2}(?:is|would\s+be|should\s+be|must\s+be)\b\s{0,2}:?|\b(?:option|choice)\s{0,2}:"
    r"|\bI(?:'d|\s+would|\s+will|'ll)?\s+(?:choose|pick|select|go\s+with)\b"
    r"|(?:故|应该?|所以|因此|本题|我|正确)(?:选择?|选项)(?:项)?(?:应?[是为])?\s{0,2}:?|选项(?:应?[是为]|:)|选(?=\s{0,2}[(\[*]{0,3}[A-Z])",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"\s(?:is|are|was)\s+(?:(?:indeed|therefore|thus|clearly|definitely|also)\s+)?(?:the|my|our)\s+(?:(?:final|correct|right|best|only|most\s+\w{1,15})\s+){0,2}"
    r"(?:answer|option|choice)\b(?![\s*_]{0,4}:)"
    r"|[(\s*](?:is|seems)\s+(?:the\s+)?(?:correct|right|best)\b(?=[.,;!*)\s]|$)|就?是(?:正确的?|最终的?)?答案|(?<=[A-Z)])(?:项)?(?:是)?正确",
    re.IGNORECASE,
)
_AFTER_OPENS = re.compile(
    r"[\s(*就是项正](?:(?<=[就是项正])|(?=(?:[iIİı][sSſ]|[aA][rR][eE]|[wW][aA][sSſ]|[sSſ][eE][eE][mM][sSſ])\s))"
)
_CORRECT = re.compile(
    r"\b(?:correction|i\s+mean|make\s+that|scratch\s+that|sorry|i\s+meant)\b[\s,:—–-]{1,4}(?:(?:it|that)(?:'s|\s+is|\s+should\s+be)\s)?"
    r"|\b(?:no|wait|actually|oops)\b[,\s]{1,3}(?:(?:no|wait|actually),?\s{1,2}){0,2}(?:it|that)(?:'s|\s+is|\s+should\s+be|\s+must\s+be)\s(?!(?:wrong|not|incorrect|right|because|a\s))"
    r"|\b(?:it|that)\s+should\s+(?:actually\s+)?be\s|更正[为:,是]{0,2}|应该?[是为]|而是|改为",
    re.IGNORECASE,
)
_RETRACT = re.compile(
    r"\bwait[,.!…\s]{1,4}(?:no\b|that(?:'s|\s+is)\s+(?:wrong|incorrect|not))|\bi\s+(?:have\s+)?made\s+an?\s+(?:\w{1,12}\s+)?(?:mistake|error)\b|\bscratch\s+that\b"
    r"|\blet\s+me\s+(?:redo|recompute|recalculate|start\s+over)\b"
    r"|\b(?:actually|no|hmm|oops)[,.\s]{1,3}that(?:'s|\s+is)\s+(?:wrong|incorrect|not\s+(?:right|correct))\b|\bthat\s+answer\s+is\s+wrong\b"
    r"|等等[,。]?\s{0,2}不对|我?算错了|重新(?:计算|算)",
    re.IGNORECASE,
)


class Hints(NamedTuple):
    """Words of which one stands in every match of a pattern; `plain` are those in ASCII, enough for ASCII text."""

    every: tuple[str, ...]
    plain: tuple[str, ...]


def _hints(*words: str) -> Hints:
    return Hints(words, tuple(word for word in words if word.isascii()))


_CUE_HINTS = _hints("answer", "solution", "####", "答", "解得")
_CHOOSE_HINTS = _hints("option", "choice", "choose", "pick", "select", "go with", "选")
_AFTER_HINTS = _hints("answer", "option", "choice", "correct", "right", "best", "答案", "正确")
_CORRECT_HINTS = _hints(
    "correction", "mean", "make", "scratch", "sorry", "no", "wait", "actually", "oops", "should",
    "更正", "应", "而是", "改为",
)  # fmt: skip
_RETRACT_HINTS = _hints(
    "wait", "made", "scratch", "let", "actually", "no", "hmm", "oops", "that", "等等", "算错", "重新"
)
_SUPPOSED = re.compile(
    r"(?:\b(?:if|whether|suppose|supposing|assume|assuming|unless|once)\b(?:\s+that)?\s+(?:the|my|our|an)?\s*(?:\w{1,10}\s+)?"
    r"|\b(?:n't|not|never|cannot)\s+(?:\w{1,10}\s+)?(?:think|believe|mean|say|conclude|know|true)\s+(?:that\s+)?(?:the|my|our)?\s*(?:\w{1,10}\s+)?"
    r"|n't\s+(?:think|believe|mean|say|know)\s+(?:that\s+)?(?:the|my|our)?\s*(?:\w{1,10}\s+)?"
    r"|\bnot\s+(?:the|an|my)\s+(?:\w{1,10}\s+)?|\bnot\s+(?:true|that|the\s+case)\s+(?:that\s+)?(?:the\s+)?(?:\w{1,10}\s+)?"
    r"|\b(?:might|may|could|would)\s+(?:\w{1,10}\s+)?(?:think|say|guess|assume|believe|expect)\s+(?:that\s+)?(?:the\s+)?(?:\w{1,10}\s+)?"
    r"|\b(?:wrong|incorrect|previous|earlier|expected|initial|their|his|her|student's|no)\s+"
    r"|(?:如果|假设|假如|若|是否|要是|不认为|不觉得|并非|错误)(?:正确|最终|的|说|该|这个)?)$",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"[\s*_:]{0,4}(?:definitely\s+|certainly\s+|clearly\s+|probably\s+)?not\b(?!\s+(?:plausible|true|possible|correct))",
    re.IGNORECASE,
)
_BUT = re.compile(
    r"\b(?:but(?:\s+rather)?|rather|instead(?:\s+it\s+is)?|it\s+is|it's)\b[\s,:]{0,3}|而是", re.IGNORECASE
)
_SKIP = re.compile(
    r"(?:[ \t*_:>`]|\\\[|\\\(|\$\$|```\w{0,10}"
    r"|\n(?!\s{0,40}(?:Q|Question|问题?)\s?:)|approx(?:\.|imately)?\s|about\s|ca\.\s){0,24}",
    re.IGNORECASE,
)
_END = re.compile(
    r"\n|(?<!\bDr)(?<!\bMr)(?<!\bSt)(?<!\bMs)(?<!Mrs)(?<!\bNo)(?<!\b[A-Z])\.(?=[\s*_\"'`)\]}$<]|$)|(?<=\b[A-Z])\.(?=\s*$|\s+[A-Z][a-z])"
    r"|[!?。？！；]|</|<\||;\s"
)
_REST = re.compile(r"(?<=[0-9.,'{}\\])[0-9.,'{}\\]++")
_BRACE = re.compile(r"\\(?:boxed|fbox)\s{0,3}\{|\\[{}]|[{}]")
_NEXT = re.compile(
    r"\n[ \t]{0,4}(?:\*\*)?(?:Q|Question|Problem|User|Human|问题?|题目)(?:\s?\d{1,3})?\s?:", re.IGNORECASE
)


def next_question(view: str, after: int) -> int:
    """Where a base model runs on into a question of its own making, or the end of the text."""
    found = _NEXT.search(view, after)
    return found.start() if found else len(view)


def last_retraction(view: str, start: int, end: int) -> int:
    """The end of the last phrase after `start` that takes back what was said before it, or -1."""
    at = -1
    for found in _hits(_RETRACT, _RETRACT_HINTS, view, start, end):
        at = found.end()
    return at


def _few(hits: Iterator[re.Match[str]]) -> list[re.Match[str]]:
    """The first and the last hits: a reply that declares hundreds of answers is read at its ends only."""
    first = list(itertools.islice(hits, FEW))
    return first + list(collections.deque(hits, maxlen=FEW)) if len(first) == FEW else first


def _hits(pattern: re.Pattern[str], hints: Hints, view: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """Matches of a pattern of words that cannot match before the first of its hints: plain search is much faster.

    What stands behind an answer is most often a full stop, which holds no word at all.
    """
    near = _near(hints, view, start) if any(map(str.isalpha, view[start:end])) else -1
    return iter(()) if near < 0 else pattern.finditer(view, near, end)


def _near(hints: Hints, view: str, start: int) -> int:
    """Where a pattern with these hints may match first, from `start` on, or -1."""
    low = view[start:].lower()
    even = len(low) == len(view) - start  # a few letters grow when lowered, and offsets with them
    first = -1
    for hint in hints.plain if low.isascii() else hints.every:
        at = low.find(hint, 0, len(low) if first < 0 else first + len(hint))
        if at < 0:
            continue
        if at <= BEFORE or not even:
            return start
        first = at
    return -1 if first < 0 else start + first - BEFORE


def _openings(
    pattern: re.Pattern[str], opening: re.Pattern[str], hints: Hints, view: str, end: int
) -> Iterator[re.Match[str]]:
    """Matches of a pattern that match only where an opening does, which is far quicker to look for."""
    at = _near(hints, view, 0)
    if at < 0:
        return
    if at == 0 and (hit := pattern.match(view, 0, end)):
        yield hit
        at = hit.end()
    for spot in opening.finditer(view, max(at - 1, 0), end):
        begin = spot.end() if spot[0] == "\n" else spot.start()
        if begin >= at and (hit := pattern.match(view, begin, end)):
            yield hit
            at = hit.end()


def boxes(view: str, end: int) -> list[Declaration]:
    """The contents of every closed box, nested braces respected, in one pass."""
    if "boxed" not in view and "fbox" not in view:
        return []
    open_at: list[int] = []
    found = []
    for brace in _BRACE.finditer(view, 0, end):
        token = brace[0]
        if token in ("\\{", "\\}"):
            continue
        if token == "}":
            if open_at and (start := open_at.pop()) >= 0:
                found.append(Declaration(start, brace.start(), boxed=True))
        else:
            open_at.append(brace.end() if token[0] == "\\" else -1)
    return found


def value_span(view: str, start: int, stop: int, kind: AnswerKind) -> tuple[int, int] | None:
    """Where the value introduced at `start` stands; None when it is denied or asked."""
    skipped = _SKIP.match(view, start, stop)
    start = skipped.end() if skipped else start
    if kind is AnswerKind.GRID:
        return start, stop
    limit = min(stop, start + REACH)
    found = _END.search(view, start, limit)
    end = found.start() if found else limit
    if end == limit < stop and (rest := _REST.match(view, limit, stop)):
        end = rest.end()
    if found and found[0] in ("?", "？") and kind is not AnswerKind.TEXT:
        return None
    if kind is not AnswerKind.YES_NO and (denied := _NOT.match(view, start, end)):
        but = _BUT.search(view, denied.end(), end)
        return (but.end(), end) if but else None
    return start, end


def declarations(view: str, kind: AnswerKind, end: int | None = None) -> list[Declaration]:
    """Every place where a final answer is declared, in the order of the text.

    Corrections ("no, it's 7") count only after something was declared. "If the answer is 5", "the answer is
    not 5" and "is the answer 5?" declare nothing.
    """
    stop = len(view) if end is None else end
    inside = boxes(view, stop)
    found = inside if len(inside) <= 2 * FEW else inside[:FEW] + inside[-FEW:]
    cues = [(_CUE, _CUE_HINTS), (_CHOOSE, _CHOOSE_HINTS)] if kind is AnswerKind.CHOICE else [(_CUE, _CUE_HINTS)]
    for cue, hints in cues:
        hits = _openings(cue, _CUE_OPENS, hints, view, stop) if cue is _CUE else _hits(cue, hints, view, 0, stop)
        for hit in _few(hits):
            before = view[max(0, hit.start() - 60) : hit.start()]
            if _SUPPOSED.search(before[max(before.rfind("\n"), before.rfind(". ")) + 1 :]):
                continue
            if span := value_span(view, hit.end(), stop, kind):
                found.append(Declaration(*span))
    if kind is not AnswerKind.GRID:
        for hit in _few(_openings(_AFTER, _AFTER_OPENS, _AFTER_HINTS, view, stop)):
            before = view[max(0, hit.start() - 80) : hit.start() + 1]
            cut = (
                max(
                    before.rfind("\n"),
                    before.rfind(". "),
                    before.rfind("。"),
                    before.rfind("; "),
                    before.rfind(","),
                    before.rfind("，"),
                )
                + 1
            )
            if before[cut:].strip():
                found.append(Declaration(max(0, hit.start() - 80) + cut, hit.start(), after=True))
    if found and kind is not AnswerKind.GRID:
        first = min(d.start for d in found)
        for hit in _few(_hits(_CORRECT, _CORRECT_HINTS, view, first, stop)):
            if span := value_span(view, hit.end(), stop, kind):
                found.append(Declaration(*span, correction=True))
    return sorted(found, key=lambda d: (d.end, d.start) if d.boxed else (d.start, d.start))


_EQUALS = re.compile(r"=(?!=)[^=\n]{0,120}$")


def trailing_equals(view: str, start: int, end: int) -> tuple[int, int] | None:
    """The value after an equals sign with which the text ends."""
    tail = view[start:end].rstrip()
    stop = start + len(tail)
    found = _EQUALS.search(view[max(start, stop - 140) : stop])
    if not found:
        return None
    left = max(start, stop - 140) + found.start() + 1
    return None if re.search(r"[.。;]\s", view[left:stop]) else (left, stop)
