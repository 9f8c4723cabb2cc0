"""Answers that are yes or no."""

from __future__ import annotations

import re

from workings.verify.text import Reading

__all__ = ["read_last_yes_no", "read_opening_yes_no", "read_yes_no"]

_YES = r"yes|yeah|yep|true|correct|right|plausible|possible|affirmative|valid|likely|sensible"
_NO = r"no|nope|false|incorrect|wrong|implausible|impossible|negative|invalid|unlikely|untrue"
_NOT = rf"(?:not|isn't|is\s+not|n't|never)\s+(?:at\s+all\s+|really\s+|very\s+)?(?:{_YES})"
_NOT_NO = r"not\s+(?:false|incorrect|wrong|implausible|impossible|invalid)"
_ZH_NO = r"不是|不对|不正确|不会|不能|不可以|不行|不合理|不成立|不可能|不可信|否定|否|错误|错|没有|假的?(?!设)"
_ZH_YES = r"是的|是|对的?|正确|会|能|可以|行|合理|成立|可能|肯定|真的?|有"
_ENGLISH = re.compile(
    rf"(?P<yes>\b{_NOT_NO}\b)|(?P<no>\b{_NOT}\b|\b(?:{_NO})\b)|(?P<plain>\b(?:{_YES})\b)", re.IGNORECASE
)
_DRESS = (
    r"[\s*_`\"'$:>(\[{]{0,10}(?:\\(?:text|textbf|mathrm|mathbf)\s?\{)?(?:(?:therefore|thus|clearly|definitely|simply|that|it|this|which|most|a|an|the|"
    r"is|statement|sentence|claim|resounding|clear|likely|indeed|probably)\b[\s:*_,\"']{0,4}){0,6}"
)
_FIRST = re.compile(rf"{_DRESS}(?:{_ENGLISH.pattern}|(?P<zh>{_ZH_NO}|没错|{_ZH_YES}))", re.IGNORECASE)
_BOTH = re.compile(
    r"[\s*_\"']{0,4}(?:/|,|\bor\b|\band\b|或|和|也)[\s*_\"']{0,4}(?:both\s+)?(?:yes|no|true|false|是|否|不是)\b",
    re.IGNORECASE,
)
_BEFORE_NO = re.compile(r"\b(?:yes|true|是)\s{0,2}(?:/|or|或)\s{0,2}$", re.IGNORECASE)


def _tell(found: re.Match[str]) -> str:
    zh = found["zh"]
    if zh:
        return "yes" if zh == "没错" or not re.fullmatch(_ZH_NO, zh) else "no"
    return "no" if found["no"] else "yes"


def _span(found: re.Match[str]) -> tuple[int, int]:
    name = next(n for n in ("zh", "yes", "no", "plain") if found[n])
    return found.span(name)


def read_yes_no(view: str, start: int, end: int) -> Reading | None:
    """Read a declared yes or no: the first such word, when it opens the value.

    "not plausible" is no and "not false" is yes; "yes or no" cannot be told; "no" inside another word is nothing.
    """
    found = _FIRST.match(view, start, end)
    if not found:
        if re.match(
            r"\s{0,3}(?:unknown|uncertain|unclear|cannot|can't|maybe|depends|neither|无法|不确定)",
            view[start:end],
            re.IGNORECASE,
        ):
            return Reading(start, end, None)
        return None
    left, right = _span(found)
    if _BOTH.match(view, right, end) or _BEFORE_NO.search(view[max(start, left - 12) : left]):
        return Reading(left, end, None)
    if (
        re.match(
            r"\s+(?:one|matter|doubt|longer|more|need|way|reason|evidence|answer)\b", view[right:end], re.IGNORECASE
        )
        and found["no"]
    ):
        return None
    zh_left = found["zh"] or ""
    if zh_left in ("是", "否") and re.match(r"否(?!定)|不是|正确|准确|合理|成立|(?:多少|什么|谁|哪)", view[right:end]):
        return None
    return Reading(left, right, _tell(found))


_OPENING = re.compile(
    r"[\s*_`\"'#>]{0,8}(?:(?:[Yy]es|[Nn]o|YES|NO|[Tt]rue|[Ff]alse|TRUE|FALSE|Correct|Incorrect|Plausible|Implausible|Not\s+plausible)(?=[\s*_\"']{0,4}(?:[,.:;!\n—–]|-\s|$))"
    r"|(?:不是|不对|不会|不能|不可以|是的|是|否|对|错误|错|正确|会|能|可以)(?=[\s*_]{0,4}(?:[,.:;!。、\n—]|$)))"
)


def read_opening_yes_no(view: str, start: int, end: int) -> Reading | None:
    """Read a reply that opens with its answer: "No. Pears sink." """
    found = _OPENING.match(view, start, end)
    return read_yes_no(view, start, found.end()) if found else None


_SO = r"(?:^|[,;:]\s{0,3}|\b(?:so|thus|therefore|hence)\b,?\s{1,3}|[.!]\s{1,3}|[\"'*(])"
_ALONE = re.compile(
    rf"{_SO}(?P<word>(?:not\s+)?(?:yes|no|true|false|plausible|implausible))[\"'*)]{{0,4}}\s{{0,2}}(?:[.,!;]|$)"
    rf"|\b(?:is|was|are|be|seems|sounds)\s{{1,3}}(?P<said>(?:not\s+|also\s+|therefore\s+|thus\s+|indeed\s+){{0,2}}(?:true|false|correct|incorrect|plausible|implausible))[\"'*]{{0,4}}\s{{0,2}}(?:[.,!;]|$)"
    r"|(?:^|[,。;,]|所以|因此|故)\s{0,2}(?P<zh>不是|不对|不会|不能|不可以|不合理|是的|是|否|对|错误|错|正确|会|能|可以)\s{0,2}(?:[。.!,]|$)",
    re.IGNORECASE,
)


def read_last_yes_no(view: str, start: int, end: int) -> Reading | None:
    """Read a yes or no that stands as a clause of its own in the last line, when nothing was declared."""
    tail = view[start:end].rstrip()
    begin = start + max(tail.rfind("\n") + 1, len(tail) - 2000)
    last = None
    for found in _ALONE.finditer(view, begin, start + len(tail)):
        name = next(n for n in ("word", "said", "zh") if found[n])
        last = found.span(name)
    return read_yes_no(view, *last) if last else None
