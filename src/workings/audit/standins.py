"""What is read in a chain's place: its steps in another order, one neutral token, fillers, other cues, other orders."""

from __future__ import annotations

import functools
import json
import random
import re
import zlib
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from itertools import accumulate, pairwise
from typing import Any

from workings.audit.case import Case, Reasoning
from workings.core.prompt import Prompt
from workings.verify.thinking import closing_tag

__all__ = ["count_words", "fillers", "length_at", "neutral_tokens", "other_cues", "reordered", "shuffled", "tag_of"]

_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]+|\S")
_TAG = re.compile(r"\s*<[^<>\n]{1,40}>\s*")


@functools.cache
def _data() -> Mapping[str, Any]:
    text = resources.files("workings.audit").joinpath("cues.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def other_cues(case: Case) -> tuple[str, ...]:
    """Other wordings that ask for the answer, in the question's language, without the case's own."""
    known: list[str] = _data()["cues"].get(case.question.language, _data()["cues"]["en"])
    return tuple(cue for cue in known if cue.strip() != case.cue.strip())


def neutral_tokens() -> tuple[str, ...]:
    """Texts of one token that say nothing."""
    return tuple(_data()["neutral"])


def fillers() -> tuple[str, ...]:
    """Glyphs to be repeated, each with the blank before it: one token in most vocabularies."""
    return tuple(_data()["fillers"])


def tag_of(case: Case, text: str) -> str:
    """The tag with which a chain opens its thinking, with the blanks around it; empty when it has none."""
    found = _TAG.match(text)
    return found[0] if found and closing_tag(case.prompt.lead + found[0]) else ""


def shuffled(case: Case, reasoning: Reasoning) -> tuple[str, tuple[int, ...]]:
    """The chain with its steps in another order, fixed by the question's id, and the characters where they end now.

    A tag that opens or closes thinking stays where it is. A chain of one step stays as it is.
    """
    text, cuts = reasoning.text, reasoning.cuts
    head = tag_of(case, text)
    parts = [text[a:b].strip() for a, b in pairwise(cuts)]
    if parts and head:
        parts[0] = parts[0].removeprefix(head.strip()).strip()
    loose = [place for place, part in enumerate(parts) if part and not _TAG.fullmatch(part)]
    order = list(loose)
    draw = random.Random(zlib.crc32(case.question.id.encode()))
    while len(loose) > 1 and order == loose:
        draw.shuffle(order)
    dealt = list(parts)
    for place, source in zip(loose, order, strict=True):
        dealt[place] = parts[source]
    joined, ends = head, [0]
    for part in dealt:
        joined += ("\n" if joined.strip() and not joined.endswith("\n") and part else "") + part
        ends.append(len(joined))
    return joined, tuple(ends)


def count_words(text: str) -> int:
    """Words, single digits, marks and Chinese characters: near to tokens, whatever the vocabulary.

    >>> count_words("So 3 + 14 = 17.")
    9
    """
    return sum(1 for _ in _WORD.finditer(text))


def length_at(case: Case, reasoning: Reasoning) -> tuple[tuple[int, ...], str]:
    """For each cut how many tokens come before it, and "tokens"; "words" where the record has no texts of tokens."""
    lead = len("" if case.trace.prompt is None else case.trace.prompt.lead)
    tokens = case.trace.tokens
    if tokens is None or "".join(tokens) != case.trace.text[lead:]:
        return tuple(count_words(reasoning.text[:cut]) for cut in reasoning.cuts), "words"
    ends = tuple(accumulate(map(len, tokens)))
    return tuple(bisect_left(ends, cut) + 1 if cut else 0 for cut in reasoning.cuts), "tokens"


def reordered(case: Case, turn: int) -> tuple[Prompt, tuple[int, ...]] | None:
    """The prompt with its options moved on by `turn` places, and which option each letter stands for now.

    None where the question has no options, or where the prompt does not show them one by one in their order.
    """
    choices, messages = case.question.choices, case.prompt.messages
    last = next((n for n in reversed(range(len(messages))) if messages[n].role == "user"), None)
    if len(choices) < 2 or last is None:
        return None
    text, spans, at = messages[last].content, [], 0
    for letter, choice in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", choices, strict=False):
        found = re.compile(rf"(?<![A-Za-z]){letter}[^\w\n]{{1,3}}(?={re.escape(choice)})").search(text, at)
        if found is None:
            return None
        spans.append((found.end(), found.end() + len(choice)))
        at = spans[-1][1]
    if len(spans) < len(choices):
        return None
    order = tuple((place + turn) % len(choices) for place in range(len(choices)))
    moved, at = "", 0
    for (a, b), source in zip(spans, order, strict=True):
        moved += text[at:a] + choices[source]
        at = b
    changed = replace(messages[last], content=moved + text[at:])
    return replace(case.prompt, messages=(*messages[:last], changed, *messages[last + 1 :])), order
