"""Telling a reply's thinking from what it finally says."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Parts", "closing_tag", "opening_tag", "split_thinking"]

_NAMES = r"(?:seed:|antml:)?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad)"
_OPEN = (
    rf"<{_NAMES}>|<\|begin_of_thought\|>|◁think▷|\[THINK\]|<\|START_THINKING\|>|<\|think\|>"
    r"|(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)[^<\n]{0,40}<\|message\|>"
)
_CLOSE = (
    rf"</{_NAMES}>|<\|end_of_thought\|>|◁/think▷|\[/THINK\]|<\|END_THINKING\|>|<\|/think\|>"
    r"|(?:<\|end\|>)?(?:<\|start\|>assistant)?<\|channel\|>final[^<\n]{0,40}<\|message\|>"
)
_TAG = re.compile(
    rf"(?P<open>{_OPEN})|(?P<close>{_CLOSE})|(?P<token><\|[A-Za-z_]{{1,30}}\|>|</?s>|<｜[^<>\n]{{1,40}}｜>)",
    re.IGNORECASE,
)
_PAIRS = (("<|begin_", "<|end_"), ("<|START_", "<|END_"), ("<|think", "<|/think"))
_LEFT_OPEN = re.compile(rf"(?:{_OPEN})\s*\Z", re.IGNORECASE)


class Parts(NamedTuple):
    """The final text and the thinking, each as long as the reply, the other part and all tags blanked.

    Offsets in either are offsets in the reply.
    """

    final: str
    thinking: str


def split_thinking(text: str) -> Parts:
    """Separate thinking from final text by the tags that models use.

    An opening tag that is never closed makes all after it thinking; a closing tag without an opening one makes
    all before it thinking. A second opening tag inside thinking changes nothing: models mention their own tags.
    Special tokens such as `<|im_end|>` are blanked in both parts.
    """
    if not ("<" in text or "◁" in text or "[" in text):
        return Parts(text, " " * len(text))
    tags = list(_TAG.finditer(text))
    inside, orphan = False, -1
    for i, tag in enumerate(tags):
        if tag["close"] and not inside:
            orphan = i
        inside = bool(tag["open"]) or (inside and not tag["close"])
    final: list[str] = []
    inner: list[str] = []
    at, inside = 0, orphan >= 0
    for i, tag in enumerate(tags):
        _share(text[at : tag.start()], inside, final, inner)
        _share("\n" * (tag.end() - tag.start()), False, inner, final)
        at = tag.end()
        if i >= orphan:
            inside = bool(tag["open"]) or (inside and not tag["close"])
    _share(text[at:], inside, final, inner)
    return Parts("".join(final), "".join(inner))


def opening_tag(prompt: str) -> str:
    """The tag, with the blanks behind it, by which a prompt leaves thinking open for the reply; empty when none."""
    found = _LEFT_OPEN.search(prompt[-200:])
    return found[0] if found else ""


def closing_tag(text: str) -> str:
    """The tag that closes the thinking in which a text ends; empty when it does not end within thinking."""
    tags = [tag for tag in _TAG.finditer(text) if not tag["token"]]
    if not tags or tags[-1]["close"]:
        return ""
    opened = next(tag[0] for tag in reversed(tags) if tag["open"])
    if "<|channel|>" in opened:
        return "<|end|><|start|>assistant<|channel|>final<|message|>"
    for opening, closing in _PAIRS:
        if opening in opened:
            return opened.replace(opening, closing)
    return f"{opened[0]}/{opened[1:]}"


def _share(piece: str, inside: bool, final: list[str], inner: list[str]) -> None:
    shown, hidden = (inner, final) if inside else (final, inner)
    shown.append(piece)
    hidden.append("\n" * len(piece))
