"""Reading numbers as models write them, exactly.

Percentages keep their figure: "15%" is 15. Whether 15% also answers a gold of 0.15 is decided where answers are
compared, from the raw text. A decimal comma ("3,5"), a clock time, a version and a date are not numbers here:
they are read as "could not tell".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from workings.verify.numerals import find_word
from workings.verify.text import Reading, clip, fold

__all__ = ["Number", "format_number", "is_symbolic", "read_declared", "read_last", "read_phrase", "scan"]

MAX_LITERAL = 1000
MAX_DIGITS = 400

_VULGAR = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5), "⅘": (4, 5),
    "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
}  # fmt: skip
_V = "".join(_VULGAR)
_SUPER = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SCALE = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}

_INT = r"(?:[0-9]{1,3}+(?:(?:,|'|\\,|\\ |\{,\}| )[0-9]{3}(?![0-9]))++|[0-9]++)"
_FRAC = (
    r"\\[dtc]?frac\s{0,2}(?:\{\s{0,3}(-?[0-9]{1,400})\s{0,3}\}|([0-9]))\s{0,2}"
    r"(?:\{\s{0,3}([0-9]{1,400})\s{0,3}\}|([0-9]))"
)
_CORE = re.compile(
    rf"(?<![A-Za-z_^.\\])(?:(?<!\^\{{)|(?<=^))(?P<frac>{_FRAC})"
    rf"|(?:(?<![A-Za-z_^\\])|(?<=RMB)|(?<=USD)|(?<=CNY)|(?<=EUR))(?<![0-9]\.)(?<!\^\{{)(?<!\^-)"
    rf"(?<![0-9])(?=\.?[0-9{_V}])(?P<int>{_INT})?(?P<dec>\.[0-9]++)?(?P<vulgar>[{_V}])?"
)
_MIXED = re.compile(
    rf"(?: {{1,2}}|-)(?P<n>[0-9]{{1,9}})/(?P<d>[0-9]{{1,9}})(?![0-9/])|\s{{0,2}}{_FRAC}|\s?(?P<v>[{_V}])"
)
_OVER = re.compile(rf"\s?/\s?(?P<d>{_INT})(?![0-9]|\s?/|\.[0-9])")
_POWER = re.compile(
    r"[eE](?P<e>[-+]?[0-9]{1,9})(?![0-9A-Za-z.])"
    r"|\s{0,2}(?:×|x|\*|·|\\times|\\cdot)\s{0,2}10\s{0,2}(?:(?:\^|\*\*)\s{0,2}(?:\{\s{0,2}(?P<b>[-+]?[0-9]{1,9})\s{0,2}\}|\(?(?P<p>[-+]?[0-9]{1,9})\)?)"
    r"|(?P<s>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,9}))"
)
_TIMES = re.compile(
    r"[\s-]?(?P<en>hundred|thousand|million|billion|trillion|dozen)\b|\s?(?P<zh>[百千万亿]{1,2})(?![米克瓦卡赫伏])",
    re.IGNORECASE,
)
_ZH_REST = re.compile(r"(?P<n>[0-9]{1,4})(?P<u>[千百万])?")
_PERCENT = re.compile(r"\s{0,2}(?:\\?%|per\s?cent(?:age)?\b)|\\,?\\%", re.IGNORECASE)
_BROKEN = re.compile(r"[,:][0-9]|\.[0-9]|/[0-9]")
_SYMBOL_NEXT = re.compile(
    r"\s?\^(?!\s?\{?\s?\\circ)|\s?\*\*(?=\s?[0-9({])"
    r"|\s{0,2}\\(?:sqrt|pi|infty|ln|log|sin|cos|tan|theta|alpha|mathrm\{i\}|cdot\s?\\|times\s?\\)|\s?[π√∞]"
    r"|[xyznktabrpqi](?![A-Za-z'/])|[xyzn]\^|\s?[⁰¹²³⁴⁵⁶⁷⁸⁹]"
)
_SIGN = re.compile(
    r"(?:(?P<word>minus|negative|负)\s{0,2}|(?P<dash>[-+–])\s?)(?:\\?[$€£¥₹]\s?)?$|(?P<money>\\?[$€£¥₹])\s?(?P<in>[-+–])?$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number found in text; `value` None when it is malformed, symbolic or too long."""

    value: Fraction | None
    start: int
    end: int
    percent: bool = False


def _whole(text: str) -> Fraction | None:
    digits = re.sub(r"[^0-9]", "", text) if not text.isdigit() else text
    return None if len(digits) > MAX_LITERAL else Fraction(int(digits))


def _fraction(groups: tuple[str | None, ...]) -> Fraction | None:
    top, bottom = groups[0] or groups[1], groups[2] or groups[3]
    if not top or not bottom or not int(bottom):
        return None
    return Fraction(int(top), int(bottom))


def _scaled(value: Fraction, power: re.Match[str]) -> Fraction | None:
    exponent = int(power["e"] or power["b"] or power["p"] or power["s"].translate(_SUPER))
    return value * Fraction(10) ** exponent if abs(exponent) <= MAX_LITERAL else None


def scan(view: str, start: int = 0, end: int | None = None) -> Iterator[Number]:
    """Every number between two offsets of folded text, left to right, in time linear in the length."""
    stop = len(view) if end is None else end
    at = start
    while core := _CORE.search(view, at, stop):
        number = _read(view, core, start, stop)
        at = max(number.end, core.end(), core.start() + 1)
        yield number


def _read(view: str, core: re.Match[str], start: int, stop: int) -> Number:
    at = core.end()
    value: Fraction | None
    if core["frac"]:
        value = _fraction(core.groups()[1:5])
    else:
        value = _whole(core["int"]) if core["int"] else Fraction(0)
        if core["dec"] and value is not None:
            places = core["dec"][1:]
            value = value + Fraction(int(places), 10 ** len(places)) if len(places) <= MAX_LITERAL else None
        if core["vulgar"] and value is not None:
            value += Fraction(*_VULGAR[core["vulgar"]])
        if core["int"] and not core["dec"] and not core["vulgar"]:
            value, at = _with_fraction(view, value, at, stop)
    value, at, percent = _suffix(view, value, at, stop)
    begin, negative = _left(view, core.start(), start)
    if value is not None and negative:
        value = -value
    return Number(value, begin, at, percent)


def _with_fraction(view: str, value: Fraction | None, at: int, stop: int) -> tuple[Fraction | None, int]:
    if mixed := _MIXED.match(view, at, stop):
        if mixed["v"]:
            part: Fraction | None = Fraction(*_VULGAR[mixed["v"]])
        elif mixed["n"]:
            part = Fraction(int(mixed["n"]), int(mixed["d"])) if int(mixed["d"]) else None
        else:
            part = _fraction(mixed.groups()[2:6])
        return (None if value is None or part is None else value + part), mixed.end()
    if over := _OVER.match(view, at, stop):
        under = _whole(over["d"])
        return (value / under if value is not None and under else None), over.end()
    return value, at


def _suffix(view: str, value: Fraction | None, at: int, stop: int) -> tuple[Fraction | None, int, bool]:
    if power := _POWER.match(view, at, stop):
        value, at = (None if value is None else _scaled(value, power)), power.end()
    if times := _TIMES.match(view, at, stop):
        at = times.end()
        if times["en"]:
            value = None if value is None else value * _SCALE[times["en"].lower()]
        else:
            unit = 1
            for char in times["zh"]:
                unit *= {"百": 100, "千": 1000, "万": 10**4, "亿": 10**8}[char]
            value = None if value is None else value * unit
            if rest := _ZH_REST.match(view, at, stop):
                small = {"千": 1000, "百": 100, "万": 10**4, None: 1}[rest["u"]]
                value = None if value is None or small * int(rest["n"]) >= unit else value + int(rest["n"]) * small
                at = rest.end()
    percent = False
    if sign := _PERCENT.match(view, at, stop):
        percent, at = True, sign.end()
    if broken := _BROKEN.match(view, at, stop):
        value = None
        tail = re.compile(r"[0-9.,:/]{0,60}").match(view, broken.start(), stop)
        at = tail.end() if tail else broken.end()
        while view[at - 1] in ".,:/":
            at -= 1
    elif _SYMBOL_NEXT.match(view, at, stop):
        value = None
    return value, at, percent


def _left(view: str, start: int, floor: int) -> tuple[int, bool]:
    """Where the number begins with its sign and currency, and whether it is negative."""
    window = max(floor, start - 14)
    sign = _SIGN.search(view[window:start])
    if not sign:
        return start, False
    begin = window + sign.start()
    if sign["word"]:
        before = view[begin - 1 : begin] if begin > floor else ""
        return (start, False) if before.isascii() and before.isalnum() else (begin, True)
    if sign["money"]:
        if sign["in"]:
            return begin, sign["in"] != "+"
        minus = view[begin - 1 : begin] if begin > floor else ""
        return begin, minus in ("-", "–") and bool(minus)
    if view[begin + 1 : begin + 2].isspace():
        return start, False
    before = view[max(floor, begin - 3) : begin].rstrip()
    if before and (before[-1].isalnum() or before[-1] in ")]}½%") and not _joins(view, begin, floor):
        return start, False
    return begin, sign["dash"] != "+"


def _joins(view: str, begin: int, floor: int) -> bool:
    """Whether a dash after a letter and a space is a sign ("is -5"), not a subtraction."""
    if begin - 1 < floor or not view[begin - 1].isspace():
        return begin > floor and not view[begin - 1].isascii()
    before = view[max(floor, begin - 3) : begin].rstrip()
    return bool(before) and before[-1].isalpha()


def format_number(value: Fraction) -> str | None:
    """The one spelling of an exact number: "12", "3.5" when the decimals end, else "7/3"; None beyond 400 digits."""
    top, bottom = value.numerator, value.denominator
    if abs(top).bit_length() > 4 * MAX_LITERAL or bottom.bit_length() > 4 * MAX_LITERAL:
        return None
    rest, places = bottom, 0
    twos = fives = 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest == 1:
        places = max(twos, fives)
        digits = str(abs(top) * (10**places // bottom)).rjust(places + 1, "0")
        text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
        size = len(digits)
    else:
        text = f"{abs(top)}/{bottom}"
        size = len(text)
    return None if size > MAX_DIGITS else ("-" if top < 0 else "") + text


_SYMBOLIC = re.compile(
    r"\\(?:sqrt|pi|ln|log|sin|cos|tan|infty|pm|cup|cap|theta|alpha|beta|lambda|frac|binom|begin|in|le|ge|leq|geq|times|cdot|div)(?![a-z])"
    r"|[√π∞±≤≥∈∪×÷]|\^|\*\*|\bsqrt\b|\bpi\b|[0-9)}]\s?[+*/=<>]|[+*/=<>]\s?[0-9({]|[0-9)]\s-\s[0-9(]|[0-9][a-z](?![a-z])"
    r"|\b[a-z]\s?[-+*/=<>]\s?[a-z0-9]|[\[(]\s?-?[0-9.]+\s?,\s?-?[0-9.]+|[0-9]-[0-9]|[0-9]!"
)


def is_symbolic(raw: str) -> bool:
    """Whether text that is no plain number looks like a formula that a judge could compare."""
    text = fold(raw)
    return len(text) <= 10_000 and bool(_SYMBOLIC.search(text))


_BOUND = re.compile(
    r"\b(?:less|more|greater|fewer|larger|smaller|higher|lower)\s+than\b|\bat\s+(?:least|most)\b|\b(?:up|close)\s+to\b|[<>≤≥±]|\\pm|\\[lg]eq?\b"
    r"|\bbetween\b|至少|至多|大于|小于|超过|不到|介于",
    re.IGNORECASE,
)
_UNIT_TAIL = re.compile(
    r"[\sA-Za-z\u00b0\u00b2\u00b3\u4e00-\u9fff$€£¥₹%.,;:!?。'\"()/·_*`|\]\[}\\~-]*"
    r"(?:\^?\{?\s?(?:\\circ|[23²³°])\s?\}?)?[\sA-Za-z\u4e00-\u9fff.)}$*\\]*"
)
_STRIP = re.compile(
    r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|boxed|fbox|displaystyle|left|right|,(?![0-9]{3})|;|:|!(?![0-9]{3})|quad|qquad|\(|\)|\[|\])(?![a-z])\s{0,2}\{?"
    r"|\$\$?(?!\s{0,2}-?[0-9])|\*\*|__"
)
_HEAD_OK = re.compile(r"[\sA-Za-z\u4e00-\u9fff$€£¥₹:.,'\"(\[{}#`~*_≈\\-]*")


_LONE = re.compile(r"\s*(-?[0-9]{1,15})\s*")
"""Most declared answers: nothing but an integer."""


def _blank(view: str) -> str:
    if "\\" in view or "$" in view or "**" in view or "__" in view:
        return _STRIP.sub(lambda m: " " * (m.end() - m.start()), view)
    return view


_COMMAND = re.compile(r"\\(?!circ|%|\$|,| )[A-Za-z]+|[√π∞]")
_POW_UNIT = re.compile(r"\^(?!\s?\{?\s?(?:\\circ|[23](?![0-9])))")


def read_phrase(view: str, start: int, end: int, *, words: bool = True) -> Reading | None:
    """Read a phrase that is meant to be one number and nothing else but its affixes.

    None: no number is written there. A reading without canonical form: several numbers, a bound, a formula.
    """
    if lone := _LONE.fullmatch(view, start, end):
        return Reading(lone.start(1), lone.end(1), str(int(lone[1])))
    if end - start > 20_000:
        return Reading(start, end, None) if re.search(r"[0-9]", view[start : start + 2000]) else None
    piece = _blank(view[start:end])
    equals = max(piece.rfind("="), piece.rfind("＝"))
    cut = equals + 1 if equals >= 0 and re.search(r"[0-9]|\\frac", piece[equals:]) else 0
    approx = re.compile(r"≈|\\approx|\bapproximately\b|\bor\s+about\b").search(piece, cut)
    stop = len(piece)
    if approx and re.search(r"[0-9]", piece[cut : approx.start()]):
        stop = approx.start()
    found = list(scan(piece, cut, stop))
    if not found:
        word = find_word(piece, cut, stop) if words else None
        if word is None:
            return Reading(start, end, None) if is_symbolic(piece) else None
        rest = piece[word.end : stop]
        single = not find_word(piece, word.end, stop) and not _BOUND.search(piece[cut:stop]) and not is_symbolic(rest)
        return Reading(start + word.start, start + word.end, format_number(word.value) if single else None)
    one = found[0]
    head, tail = piece[cut : one.start], piece[one.end : stop]
    alone = (
        len(found) == 1
        and one.value is not None
        and _HEAD_OK.fullmatch(head)
        and _UNIT_TAIL.fullmatch(tail)
        and not _BOUND.search(piece[cut:stop])
        and not _COMMAND.search(head + " " + tail)
        and not _POW_UNIT.search(tail)
        and not re.search(
            r"(?:^|[^A-Za-z])[a-z]\s?[-+]\s?$|[-+*/]\s{0,2}$|/\s?[a-z]?\s?$",
            head.rstrip(" -") if head.strip() != "-" else "",
        )
        and not re.match(r"\s{0,2}[-+*/]\s{0,2}(?:[a-z](?![A-Za-z])|$)", tail)
    )
    if not alone:
        return Reading(start, end, None)
    value = one.value
    assert value is not None
    negative = re.search(r"(?:^|[=:\s(])[-–]\s{1,3}$", head) and value >= 0
    begin = one.start
    if negative:
        value, begin = -value, cut + max(head.rfind("-"), head.rfind("–"))
    return Reading(start + begin, start + one.end, format_number(value))


_JOINED = re.compile(
    r"[^0-9.;\n]{0,24}?(?:\b(?:or|and|to|through)\b|[,/&~–—、]|或|和|至|到|与)[\s$€£¥]{0,3}(?:about\s)?|\s?-\s?"
    r"|\s[A-Za-z]{1,12}\s|\s?[^\W\d_a-zA-Z]{1,4}\s?",
    re.IGNORECASE,
)
_OPERATOR = re.compile(r"[\s)A-Za-z%]{0,20}(?:[+*×÷·]|\\times|\\cdot|\\div|\s-\s|/|\^)[\s($€£¥]{0,4}")
_CORRECTED = re.compile(
    r"(?:[,;.—–-]\s*|\s)(?:no,?\s+wait|wait,?\s+no|no,|sorry,?|i\s+mean|rather|actually|correction:?|not?\s+wait)[,:\s]+|不对|不,|更正",
    re.IGNORECASE,
)
_CUT = re.compile(
    r"\s(?:because|since|as\s+(?:the|it|this|we|he|she|they)|given|after|which|where|when|if|per|for|out\s+of|of\s+the|from|with|in\s+total\b)\b"
    r"|因为|由于|其中|\s\((?!\s?-?[0-9$])|—"
)
_EXACT = re.compile(r"≈|\\approx|\bapproximately\b|\bor\s+about\b|\brounded\b")


def read_declared(view: str, start: int, end: int) -> Reading | None:
    """Read the number that a declaration such as "the answer is" introduces.

    Of "8 + 4 = 12" the number after the last equals sign; of "12 because 3 times 4" the first; several joined
    numbers ("5 or 6", "3 hours and 20 minutes", "10-15") cannot be told.
    """
    if lone := _LONE.fullmatch(view, start, end):
        return Reading(lone.start(1), lone.end(1), str(int(lone[1])))
    fixed = list(_CORRECTED.finditer(view, start, end))
    if fixed and re.search(r"[0-9]", view[fixed[-1].end() : end]):
        start = fixed[-1].end()
    piece = _blank(view[start:end])
    first = next(scan(piece), None)
    if first is None:
        return read_phrase(view, *clip(view, start, end))
    for limit in (_CUT, _EXACT):
        if (found := limit.search(piece)) and found.start() >= first.end:
            piece = piece[: found.start()]
    equals = piece.rfind("=")
    begin = equals + 1 if equals >= 0 and next(scan(piece, equals + 1), None) else 0
    found_all = list(scan(piece, begin))
    whole = read_phrase(piece, begin, len(piece), words=False)
    if whole is not None and whole.canonical is not None:
        return Reading(start + whole.start, start + whole.end, whole.canonical)
    first = found_all[0]
    unread = Reading(
        start + begin + len(piece[begin:]) - len(piece[begin:].lstrip(" :*$")), start + len(piece.rstrip(" .*$")), None
    )
    head = piece[begin : first.start]
    if first.value is None or _COMMAND.search(head) or is_symbolic(head) or _BOUND.search(piece[begin : first.end]):
        return unread
    lead_words = len(piece[begin : first.start].split())
    if len(found_all) == 1:
        tail = piece[first.end :]
        bad = (
            _COMMAND.search(tail)
            or _POW_UNIT.search(tail[:12])
            or re.match(r"\s{0,2}[-+*/×÷]\s{0,2}[A-Za-z(](?![A-Za-z])", tail)
        )
        return unread if bad else Reading(start + first.start, start + first.end, format_number(first.value))
    second = found_all[1]
    between = piece[first.end : second.start]
    if _OPERATOR.fullmatch(between):
        return unread
    if lead_words <= 3:
        if _JOINED.fullmatch(between) and second.value != first.value:
            return unread
        return Reading(start + first.start, start + first.end, format_number(first.value))
    before, final = found_all[-2:]
    if before.value != final.value and _EITHER.fullmatch(piece[before.end : final.start]):
        return unread
    return Reading(start + final.start, start + final.end, None if final.value is None else format_number(final.value))


_EITHER = re.compile(r"[^.;\n]{0,20}(?:\bor\b|或者?)\s{0,2}", re.IGNORECASE)


def read_last(view: str, start: int = 0, end: int | None = None) -> Reading | None:
    """The last number between two offsets; unread when it is joined to the one before by "or"."""
    before = last = None
    for number in scan(view, start, end):
        before, last = last, number
    if last is None:
        return None
    near = before is not None and last.start - before.end <= 40
    if before and near and before.value != last.value and _EITHER.fullmatch(view[before.end : last.start]):
        return Reading(before.start, last.end, None)
    return Reading(last.start, last.end, None if last.value is None else format_number(last.value))
