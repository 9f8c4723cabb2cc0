"""Text that others wrote, made fit for a terminal."""

from __future__ import annotations

import unicodedata

__all__ = ["printable", "with_thinking"]

_UNFIT = ("Cc", "Cf", "Cs")


def printable(text: str, limit: int | None = None, *, lines: bool = True) -> str:
    """The text with every character that could steer a terminal or hide in it replaced by U+FFFD.

    Those are control, format (directions, joiners) and surrogate characters, but for line ends and tabs, which stay
    unless `lines` is False. At most `limit` characters are kept, the last of them "…" when something was cut.
    """
    if limit is not None and len(text) > limit:
        text = text[: max(limit - 1, 0)] + "…"[:limit]
    if text.isprintable():
        return text
    if lines:
        text = text.replace("\r\n", "\n")
    kept = "\n\t" if lines else ""
    return "".join("\ufffd" if c not in kept and unicodedata.category(c) in _UNFIT else c for c in text)


def with_thinking(thinking: str, text: str) -> str:
    """A reply as it is shown: reasoning that came apart from it stands first, between [thinking] and [/thinking]."""
    return f"[thinking]\n{thinking}\n[/thinking]\n{text}" if thinking else text
