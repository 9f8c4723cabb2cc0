"""Stop strings: noticing that one may be complete, cutting it off, and letting text out as it comes."""

from __future__ import annotations

from collections.abc import Sequence

from workings.models.local.render import BROKEN, Text

__all__ = ["Stream", "Watcher", "cut", "find", "spelled"]


def find(text: str, stops: Sequence[str]) -> int:
    """Where the earliest stop string begins in `text`; -1 when there is none."""
    found = [at for s in stops if s and (at := text.find(s)) >= 0]
    return min(found, default=-1)


def cut(text: Text, context: Sequence[int], ids: Sequence[int], kept: str) -> int:
    """How many of `ids` it takes to write `kept`, the beginning of what they write behind `context`."""
    low, high = 0, len(ids)
    while low < high:
        middle = (low + high) // 2
        if text.decode_after(context, ids[:middle]).startswith(kept):
            high = middle
        else:
            low = middle + 1
    return low


def spelled(text: Text, context: Sequence[int], ids: Sequence[int], written: str) -> tuple[str, ...]:
    """What each of `ids` wrote behind `context`; the pieces make up `written`.

    A character of several tokens belongs to the token that completes it, special tokens write nothing.
    """
    stream, pieces, at = Stream(text, context, ()), [], 0
    for token in ids:
        size = len(stream.push(token))
        pieces.append(written[at : at + size])
        at += len(pieces[-1])
    if pieces:
        pieces[-1] += written[at:]
    return tuple(pieces)


class Watcher:
    """Flags tokens with which one of a set of stop strings may be complete.

    A stop string ends inside the token that completes it, so that token's own text holds its last character,
    or part of that character's bytes. Only flagged rows are decoded and searched.
    """

    def __init__(self, text: Text, width: int) -> None:
        self._text = text
        self._width = width
        self._sets: dict[tuple[str, ...], frozenset[int]] = {}

    def flagged(self, stops: tuple[str, ...]) -> frozenset[int]:
        """The flagged token ids."""
        if stops not in self._sets:
            lasts = {s[-1] for s in stops if s}
            pieces = self._text.pieces[: self._width] if lasts else []
            ids = [i for i, piece in enumerate(pieces) if BROKEN in piece or not lasts.isdisjoint(piece)]
            self._sets[stops] = self.special(stops).union(ids) if lasts else frozenset()
        return self._sets[stops]

    def special(self, stops: tuple[str, ...]) -> frozenset[int]:
        """Ids of stop strings that are special tokens, which decoding leaves out."""
        ids = {self._text.tokenizer.convert_tokens_to_ids(s) for s in stops if s}
        return frozenset(i for i in ids if isinstance(i, int) and i in self._text.special)

    def complete(self, ids: Sequence[int], stops: tuple[str, ...]) -> bool:
        """Whether the generated `ids`, of which the last one was flagged, end with or hold a stop string."""
        if ids[-1] in self._text.special:
            return ids[-1] in self.special(stops)
        window = max(map(len, stops)) + 16
        return find(self._text.decode(ids[-window:]), stops) >= 0


class Stream:
    """One sample's text as it comes: whole characters only, and nothing that may turn out to be a stop string."""

    def __init__(self, text: Text, context: Sequence[int], stops: tuple[str, ...]) -> None:
        self._text = text
        self._ids = list(context[-6:])
        self._read = len(self._ids)
        self._stops = stops
        self._held = ""
        self.sent = 0

    def push(self, token: int) -> str:
        """Text that can go out now that `token` has come."""
        self._ids.append(token)
        before = self._text.decode(self._ids[: self._read])
        after = self._text.decode(self._ids)
        if after.endswith(BROKEN) or len(after) <= len(before) or not after.startswith(before):
            return ""
        self._ids, self._read = self._ids[self._read :], len(self._ids) - self._read
        return self._release(after[len(before) :])

    def _release(self, new: str) -> str:
        waiting = self._held + new
        hold = 0
        for stop in self._stops:
            for size in range(min(len(stop) - 1, len(waiting)), hold, -1):
                if waiting.endswith(stop[:size]):
                    hold = size
                    break
        out = waiting[: len(waiting) - hold]
        self._held = waiting[len(out) :]
        self.sent += len(out)
        return out
