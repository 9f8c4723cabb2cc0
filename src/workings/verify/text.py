"""Folding text, and answers that are a word or a phrase."""

from __future__ import annotations

import datetime
import re
import unicodedata
from typing import NamedTuple

__all__ = ["Reading", "clip", "fold", "read_date", "read_text", "tidy"]

MAX_PHRASE = 1000


class Reading(NamedTuple):
    """What was read between two offsets; `canonical` None: something stands there, but it cannot be told."""

    start: int
    end: int
    canonical: str | None


def _table() -> dict[int, str]:
    table = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table.update(dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000, 0x0B, 0x0C, 0x0D), " "))
    table.update(dict.fromkeys((0x2028, 0x2029, 0x85), "\n"))
    table.update(dict.fromkeys(map(ord, "−﹣‐‑"), "-"))
    table.update(dict.fromkeys(map(ord, "‘’ʼ′｀"), "'"))
    table.update(dict.fromkeys(map(ord, "“”„«»「」『』"), '"'))
    table.update({ord("￥"): "¥", ord("∶"): ":", ord("⁄"): "/", ord("∕"): "/", ord("∗"): "*", ord("⋅"): "·"})
    return table


_FOLD = _table()


def fold(text: str) -> str:
    """The text with full-width forms, quotes, spaces and minus signs made plain, one character for one.

    Offsets are kept: `fold(t)[i]` stands for `t[i]`.
    """
    return text if text.isascii() and "\r" not in text else text.translate(_FOLD)


_JUNK = r"\s*_`\"'$"
_LEAD = re.compile(rf"[{_JUNK}\\(\[{{:]{{0,40}}")
_REASON = re.compile(
    r"[,;]?\s+(?:because|since|as\s+(?:the|it|this|we|he|she|they)|so\s+that|given\s+that|due\s+to|which|where|but)\b"
    r"|,?\s*(?:因为|由于|其中|理由)|\s+\((?!\d)|\s+[-–—]{1,2}\s+|—"
)


def clip(view: str, start: int, end: int) -> tuple[int, int]:
    """Shrink a span so that reasons that follow the value, and blanks at both ends, fall off."""
    reason = _REASON.search(view, start, end)
    if reason and view[start : reason.start()].strip():
        end = reason.start()
    while start < end and view[start].isspace():
        start += 1
    while end > start and view[end - 1].isspace():
        end -= 1
    return start, end


_WRAP = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|operatorname|mbox|boxed|fbox|texttt|emph)\s?\{")
_SPELLED = re.compile(r"^\w(?:[\s,.·+-]{1,4}\w)+$")
_SUM = re.compile(r"(?=[^*+]*[*+]|.*(?:[-/] ?\(|\) ?[-/]))[-(]?[0-9][-0-9+*/(). ]*[0-9)]")
_ARTICLE = re.compile(r"^(?:(?:the|an?)\s+)+(?=\S)")
_DROP = re.compile(r"[\"'`*_$\\{}()\[\]<>,;!?。，、；：！？…“”‘’《》【】（）|~#^]")
_EDGE = re.compile(r"(?<![\w])[.:/&+=](?![\w])|(?<![0-9])[.:/&+=](?![\w])|[.:/&+=](?=\s|$)")


def tidy(raw: str) -> str | None:
    """The canonical form of a word or phrase, or None when nothing (or far too much) is left.

    Case, width, quotes, brackets, markup, outer punctuation and leading articles do not count. Letters written
    apart are joined: "n-a-e" and "N, A, E" are "nae". Hyphens between letters count as spaces; those between
    digits are kept, so dates stay apart from other numbers. Sums keep their operators and brackets: 15*5 is not 155.

    >>> tidy("(3 + 4) × 5."), tidy("**N-A-E**")
    ('(3+4)*5', 'nae')
    """
    if len(raw) > MAX_PHRASE:
        return None
    text = unicodedata.normalize("NFKC", fold(raw)).casefold()
    text = unicodedata.normalize("NFKC", text)
    plain = text.strip(" *_$`\"'.,;:!").replace("×", "*").replace("÷", "/").replace("−", "-")
    if _SUM.fullmatch(plain):
        return plain.replace(" ", "")
    text = _WRAP.sub(" ", text)
    text = _DROP.sub("", fold(text))
    text = re.sub(r"(?<=[^\W\d])[-–](?=[^\W\d])", " ", text)
    previous = None
    while previous != text:
        previous = text
        text = " ".join(_EDGE.sub(" ", text).split())
        text = re.sub(r"(?<!\S)[-–—]+(?!\d)|[-–—]+(?!\S)", " ", text).strip()
        if _SPELLED.match(text) and not any(c.isdigit() for c in text):
            text = re.sub(r"[^\w]", "", text)
        text = _ARTICLE.sub("", text)
    return text or None


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_DATES = (
    (re.compile(r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$"), "ymd"),
    (re.compile(r"^(\d{4})\s?年\s?(\d{1,2})\s?月\s?(\d{1,2})\s?[日号]$"), "ymd"),
    (re.compile(rf"^{_MONTH}\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})$"), "mdy"),
    (re.compile(rf"^(\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+{_MONTH},?\s+(\d{{4}})$"), "dmy"),
)


def read_date(raw: str) -> datetime.date | None:
    """The calendar date a phrase names, when its order is beyond doubt (05/06/2021 is not)."""
    text = " ".join(fold(raw).casefold().strip(" .*\"'`。").split())
    text = re.sub(r"^(?:on\s+)?(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s+)?", "", text)
    for pattern, order in _DATES:
        if found := pattern.match(text):
            part = dict(zip(order, found.groups(), strict=True))
            month = _MONTHS.index(part["m"]) + 1 if part["m"] in _MONTHS else int(part["m"])
            try:
                return datetime.date(int(part["y"]), month, int(part["d"]))
            except ValueError:
                return None
    return None


_QUOTED = re.compile(r"[\s*_$\\(\[]{0,8}\"([^\"\n]{1,200})\"")
_BOLD = re.compile(r"\s{0,4}\*\*([^*\n]{1,200})\*\*")
_FILLER = re.compile(
    r"[\s:*_]{0,6}(?:(?:therefore|thus|then|simply|just|clearly|exactly|indeed|obviously|that|as\s+follows|probably|likely"
    r"|the\s+(?:word|string|phrase|letters?|sequence|concatenation|name))\b[\s:,]{0,4}){0,3}",
    re.IGNORECASE,
)
_UNSURE = re.compile(
    r"^(?:unknown|undetermined|undefined|unclear|not\s+(?:known|given|clear|enough)|(?:it\s+)?can(?:not|'t|\s+not)\b"
    r"|impossible\s+to|none\s+of\s+the\s+above$|无法|不确定|未知|不知道)",
    re.IGNORECASE,
)


def read_text(view: str, start: int, end: int, *, boxed: bool = False) -> Reading | None:
    """Read a declared word or phrase between two offsets of folded text."""
    if filler := _FILLER.match(view, start, end):
        start = filler.end()
    for wrapped in (_QUOTED, _BOLD):
        if (found := wrapped.match(view, start, end)) and tidy(found[1]):
            return Reading(found.start(1), found.end(1), _told(found[1]))
    if not boxed:
        start, end = clip(view, start, end)
        equals = view.rfind("=", start, end)
        start = equals + 1 if equals >= 0 else start
    raw = view[start:end]
    inner = raw.strip(" \t\n\"'`*_$.,;:!。")
    if wrap := _WRAP.match(inner):
        inner = inner[wrap.end() :].rstrip("}")
    if not inner or len(inner.split()) > 40 or tidy(inner) is None:
        return None
    begin = view.index(inner, start, end)
    return Reading(begin, begin + len(inner), _told(inner))


def _told(raw: str) -> str | None:
    return None if _UNSURE.match(raw.strip()) else tidy(raw)
