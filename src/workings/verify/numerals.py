"""Numbers written as words, English and Chinese."""

from __future__ import annotations

import re
from fractions import Fraction

__all__ = ["Word", "find_word"]

_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUE = {w: i for i, w in enumerate(_ONES)} | {w: 20 + 10 * i for i, w in enumerate(_TENS)} | {"half": 0}
_SCALE = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_ANY = "|".join(sorted((*_VALUE, *_SCALE), key=len, reverse=True))
_ENGLISH = re.compile(
    rf"\b(?P<sign>minus|negative)?\s{{0,2}}(?P<words>(?:an?\s(?=half|hundred|thousand|million|billion|dozen))?"
    rf"(?:{_ANY})(?:(?:\s{{1,2}}and\s{{1,2}}|[\s-]{{1,2}})(?:{_ANY})){{0,30}})\b(?!\s+of\b|-)",
    re.IGNORECASE,
)
_DIGIT = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "俩": 2}
_UNIT = {"十": 10, "百": 100, "千": 1000}
_BIG = {"万": 10**4, "亿": 10**8}
_HAN = "零〇一二两三四五六七八九十百千万亿"
_CHINESE = re.compile(
    rf"(?P<sign>负)?(?:(?P<percent>百分之(?P<share>[{_HAN}点]{{1,30}}))|(?P<under>[{_HAN}]{{1,20}})分之(?P<over>[{_HAN}]{{1,20}})"
    rf"|(?P<half>一半)|(?P<plain>[{_HAN}]{{1,40}}(?:点[零〇一二三四五六七八九]{{1,30}})?))"
)
_IDIOM = re.compile(
    r"一(?:样|定|致|种|些|般|直|起|共|下|旦|边|切|点(?!\d)|方面|步)|十分(?!之)|万一|千万(?![个元人次])|第"
)


class Word:
    """A number word: its value, whether it was a percentage, and its span."""

    __slots__ = ("end", "percent", "start", "value")

    def __init__(self, value: Fraction, start: int, end: int, percent: bool = False) -> None:
        self.value, self.start, self.end, self.percent = value, start, end, percent


def find_word(view: str, start: int, end: int) -> Word | None:
    """The first number word between two offsets, or None."""
    best: Word | None = None
    for found in _ENGLISH.finditer(view, start, end):
        value = _english(found["words"])
        if value is not None:
            best = Word(-value if found["sign"] else value, found.start(), found.end())
            break
    at = start
    while found_zh := _CHINESE.search(view, at, min(end, best.start if best else end)):
        at = found_zh.end()
        idiom = _IDIOM.match(view, found_zh.start()) or (found_zh.start() and view[found_zh.start() - 1] in "第万统唯")
        worth = None if idiom else _chinese(found_zh)
        if idiom and found_zh.end() - found_zh.start() > 1:
            at = found_zh.start() + 2 if view[found_zh.start() : found_zh.start() + 1] != "第" else at
        if worth is not None:
            return Word(
                -worth if found_zh["sign"] else worth, found_zh.start(), found_zh.end(), bool(found_zh["percent"])
            )
    return best


def _english(words: str) -> Fraction | None:
    total, part, seen = Fraction(0), Fraction(0), False
    last = 10**18
    tokens = [t for t in re.split(r"[\s-]+", words.lower()) if t not in ("a", "an")]
    for i, token in enumerate(tokens):
        if token == "and":
            continue
        if token == "half":
            if i != len(tokens) - 1:
                return None
            return total + part + Fraction(1, 2) if not (i == 1 and tokens[0] == "one") else Fraction(1, 2)
        if token in _VALUE:
            worth = _VALUE[token]
            if seen and (part % 100 and not (part % 10 == 0 and worth < 10 and part % 100 >= 20)):
                return None
            part += worth
        else:
            scale = _SCALE[token]
            if scale == 100:
                part = (part or Fraction(1)) * 100
            elif scale == 12:
                part = (part or Fraction(1)) * 12
            elif scale >= last:
                return None
            else:
                total += (part or Fraction(1)) * scale
                part, last = Fraction(0), scale
        seen = True
    return total + part


def _chinese(found: re.Match[str]) -> Fraction | None:
    if found["half"]:
        return Fraction(1, 2)
    if found["percent"]:
        return _han(found["share"])
    if found["under"]:
        under, over = _han(found["under"]), _han(found["over"])
        return None if not under or over is None else over / under
    return _han(found["plain"])


def _han(text: str) -> Fraction | None:
    whole, dot, decimals = text.partition("点")
    if dot and not decimals:
        return None
    if all(c in _DIGIT for c in whole):
        value = Fraction(int("".join(str(_DIGIT[c]) for c in whole) or "0"))
        if len(whole) > 1 and whole[0] not in "零〇" and len(whole) < 3:
            return None
    else:
        read = _han_units(whole)
        if read is None:
            return None
        value = Fraction(read)
    if dot:
        if any(c not in _DIGIT for c in decimals):
            return None
        value += Fraction(int("".join(str(_DIGIT[c]) for c in decimals)), 10 ** len(decimals))
    return value


def _han_units(text: str) -> int | None:
    total = section = digit = 0
    pending = False
    for char in text:
        if char in _DIGIT:
            if pending and digit:
                return None
            digit, pending = _DIGIT[char], True
        elif char in _UNIT:
            section += (digit if pending else 1) * _UNIT[char]
            digit, pending = 0, False
        else:
            section += digit
            if not section and not total:
                return None
            total = (total + section) * _BIG[char] if char == "亿" else total + section * _BIG[char]
            section = digit = 0
            pending = False
    return total + section + digit
