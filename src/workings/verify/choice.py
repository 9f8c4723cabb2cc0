"""Answers that pick one of several options, by label or by text."""

from __future__ import annotations

import re
import string

from workings.verify.number import read_phrase
from workings.verify.text import Reading, clip, tidy

__all__ = ["label_of", "labels", "read_choice", "read_last_choice"]

_AND = r"(?:\s{0,2}(?:,|/|&|、|\band\b|\bor\b|和|或|与|及)\s{0,2}){1,2}"
_PREFIX = (
    r"[\s*_`\"'$:>]{0,10}(?:(?:therefore|thus|clearly|definitely|likely|probably|most\s+likely|simply|the|letter|option|choice|answer|"
    r"correct|best|选项?|为|是)\b[\s:*_]{0,4}){0,4}(?:选项?|第)?(?:\\(?:text|textbf|mathrm|mathbf|boxed)\s?\{){0,3}[\s*_`\"'$(\[{]{0,6}"
)
_LABEL = re.compile(
    rf"{_PREFIX}(?P<label>[A-Za-z])(?P<after>[\s]{{0,2}}[)\]}}.:,;!*_`\"'$。、-]|\s|$|(?=[^\x00-\x7f]))", re.IGNORECASE
)
_MORE = re.compile(
    rf"[)\]}}*_`\"'$]{{0,4}}{_AND}(?:option|choice|选项?)?\s{{0,2}}[(\[*\"']{{0,3}}(?P<label>[A-Z])(?![A-Za-z'])"
)
_RUN = re.compile(r"[\s*_(\"]{0,4}(?P<run>[A-J]{2,5})(?![A-Za-z])")
_FORMS = re.compile(
    r"\(\s?(?P<p>[A-Za-z])\s?\)|\b(?:option|choice)\s{0,2}\(?(?P<o>[A-Za-z])\b(?!\s?')|(?:选项?|选择)\s{0,2}\(?(?P<z>[A-Z])(?![A-Za-z])"
    r"|(?m:^)[\s*_]{0,6}(?P<l>[A-Z])[\s*_.]{0,6}(?m:$)|\*\*\s?\(?(?P<b>[A-Z])[).:]?\s?\*\*|\[(?P<k>[A-Z])\]",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"\s(?:because|since|as|is|was|due|given|for|which|matches|based|it|the|with)\b|\s[-–—(]", re.IGNORECASE
)


def labels(choices: tuple[str, ...]) -> str:
    """The labels in use: A, B, C… one an option; all letters when the options are not known."""
    return string.ascii_uppercase[: len(choices)] if choices else string.ascii_uppercase


def label_of(letter: str, choices: tuple[str, ...]) -> str | None:
    """The label a letter stands for, or None when there is no such option."""
    upper = letter.upper()
    return upper if upper in labels(choices) else None


def _by_text(phrase: str, choices: tuple[str, ...], *, inside: bool) -> str | None:
    """The label of the only option whose text the phrase is, or (when `inside`) mentions in whole words."""
    said = tidy(phrase)
    if said is None or not choices:
        return None
    known = [tidy(c) for c in choices]
    exact = [i for i, text in enumerate(known) if text == said]
    if not exact:
        value = read_phrase(phrase, 0, len(phrase))
        if value is not None and value.canonical is not None:
            reads = [read_phrase(c, 0, len(c)) for c in choices]
            exact = [i for i, r in enumerate(reads) if r is not None and r.canonical == value.canonical]
    if not exact and inside and len(said) <= 1000:
        hits = [(i, text) for i, text in enumerate(known) if text and _mentions(said, text)]
        exact = [i for i, t in hits if not any(t != other and _mentions(other, t) for _, other in hits)]
    return string.ascii_uppercase[exact[0]] if len(exact) == 1 and exact[0] < 26 else None


def _mentions(said: str, text: str) -> bool:
    at = said.find(text)
    while at >= 0:
        left, right = said[at - 1 : at], said[at + len(text) : at + len(text) + 1]
        han = not text.isascii()
        if han or (
            not (left.isalnum() or (left in ("-", ".", "/", ",") and left))
            and not _continues(said, at + len(text), right)
        ):
            return True
        at = said.find(text, at + 1)
    return False


def _continues(said: str, end: int, right: str) -> bool:
    return right.isalnum() or (right in (".", "/", ":", "-", "%") and bool(right) and said[end + 1 : end + 2].isalnum())


def read_choice(view: str, start: int, end: int, choices: tuple[str, ...]) -> Reading | None:
    """Read a declared choice: a label in any of its dresses, else the text of exactly one option.

    Two labels, or a label that no option has, cannot be told. A capital A before a word is the article, unless
    the word begins that option's text. When label and text disagree the label counts.
    """
    if (
        (run := _RUN.match(view, start, end))
        and len(set(run["run"])) > 1
        and set(run["run"]) <= set(labels(choices))
        and choices
        and tidy(run["run"]) not in {tidy(c) for c in choices}
    ):
        return Reading(run.start("run"), run.end("run"), None)
    found = _LABEL.match(view, start, end)
    if found and _stands(view, found, end, choices):
        spot = found.span("label")
        if (more := _MORE.match(view, spot[1], end)) and more["label"].upper() != found["label"].upper():
            return Reading(spot[0], more.end(), None)
        return Reading(*spot, label_of(found["label"], choices))
    left, right = clip(view, start, end)
    phrase = view[left:right].strip()
    if label := _by_text(phrase, choices, inside=False):
        return Reading(left, right, label)
    forms = {f.group(f.lastgroup or 0).upper(): f for f in _FORMS.finditer(view, start, end)}
    forms = {k: f for k, f in forms.items() if k in labels(choices)}
    if len(forms) == 1:
        (label, form), *_ = forms.items()
        return Reading(*form.span(form.lastgroup or 0), label)
    if forms:
        return Reading(left, right, None)
    if label := _by_text(phrase, choices, inside=True):
        return Reading(left, right, label)
    return None


def _stands(view: str, found: re.Match[str], end: int, choices: tuple[str, ...]) -> bool:
    letter, after = found["label"], found["after"]
    opener = view[found.start() : found.start("label")]
    dressed = opener[-1:] in ("(", "[", "*", '"', "{", "'", "`") or re.search(
        r"(?:option|choice|letter|选项?)[\s:*_]*$", opener, re.IGNORECASE
    )
    rest = view[found.end("label") : end]
    if (
        letter.islower()
        and not (dressed and rest[:1] in (")", "]", "}", '"', "*", "'"))
        and not re.match(r"\s?[).:]|\s*$", rest)
    ):
        return False
    if after.strip() or not rest.strip() or not after:
        return not re.match(r"'(?:s|m|re|ll|d|ve)\b", rest)
    if dressed or _CLAUSE.match(rest) or _MORE.match(view, found.end("label"), end):
        return not (
            letter in "AI"
            and not dressed
            and re.match(r"\s(?:is|was)\s", rest) is None
            and not _CLAUSE.match(rest)
            and not _MORE.match(view, found.end("label"), end)
        )
    index = string.ascii_uppercase.find(letter.upper())
    own = tidy(choices[index]) if 0 <= index < len(choices) else None
    if own and (tidy(rest) or "").startswith(own):
        return True
    return letter.upper() not in "AI" and letter.isupper()


def read_last_choice(view: str, start: int, end: int, choices: tuple[str, ...]) -> Reading | None:
    """Read a choice from the last line when nothing was declared: one label in label dress, or one option's text."""
    tail = view[start:end].rstrip()
    line = max(tail.rfind("\n") + 1, len(tail) - 2000)
    begin, stop = start + line, start + len(tail)
    forms: dict[str, re.Match[str]] = {}
    for form in _FORMS.finditer(view, begin, stop):
        label = form.group(form.lastgroup or 0)
        if label.upper() in labels(choices):
            forms.setdefault(label.upper(), form)
    if len(forms) == 1:
        (label, form), *_ = forms.items()
        return Reading(*form.span(form.lastgroup or 0), label)
    if forms:
        return Reading(begin, stop, None)
    cut = max(view.rfind(". ", begin, stop - 1), view.rfind("。", begin, stop - 1)) + 1
    left = cut if cut > begin else begin
    if label := _by_text(view[left:stop], choices, inside=True):
        return Reading(left, stop, label)
    return None
