"""Telling a reply's thinking from what it finally says."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Parts", "split_thinking"]

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
    rf"(?P<open>{_OPEN})|(?P<close>{_CLOSE})|(?P<token><\|[A-Za-z_]{{1,30}}\|>|</?s>|<｜[^<>\n]{{1,40}}｜>)", re.IGNORECASE
)


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
    final: list[str] = []
    inner: list[str] = []
    at, inside = 0, False

    def take(stop: int) -> None:
        shown, hidden = (inner, final) if inside else (final, inner)
        shown.append(text[at:stop])
        hidden.append("\n" * (stop - at))

    for tag in _TAG.finditer(text):
        take(tag.start())
        at = tag.end()
        blank = "\n" * (at - tag.start())
        if tag["open"]:
            inside = True
        elif tag["close"]:
            if not inside:
                inner = ["".join(a if a.strip() else b for a, b in zip(final, inner, strict=True))]
                final = ["\n" * tag.start()]
            inside = False
        final.append(blank)
        inner.append(blank)
    take(len(text))
    return Parts("".join(final), "".join(inner))
