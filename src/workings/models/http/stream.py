"""Server-sent events: a reply that comes in pieces."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from workings.core.errors import BadReply, ModelError
from workings.models.http.replies import Count, Draft, absorb, check, count, drafts

__all__ = ["Events", "Pieces"]

R_co = TypeVar("R_co", covariant=True)


class Events(Protocol[R_co]):
    """Gathers one streamed reply."""

    def feed(self, data: bytes) -> bool:
        """Takes the next bytes; says whether the reply has come to its end."""

    def whole(self, data: dict[str, Any]) -> None:
        """Takes a reply that the server sent in one piece although a stream was asked for."""

    def result(self) -> R_co:
        """The reply, or BadReply when it ended too early."""


class Pieces:
    """Gathers streamed choices and passes their text on as it comes.

    show: called with a choice's index and a piece of its text; reasoning comes between [thinking] and [/thinking].
    complaint: makes an error of an "error" part.

    An event whose `id:` was seen before is a repetition and is dropped. Repeated pieces without ids look like
    real text; they are caught when the server counts its tokens and lists more than it counted. A stream without
    its last `[DONE]` is whole when every choice has said why it ended.
    """

    def __init__(self, show: Callable[[int, str], None], complaint: Callable[[Any], ModelError]) -> None:
        self._show = show
        self._complaint = complaint
        self._rest = b""
        self._data: list[bytes] = []
        self._id = b""
        self._seen: set[bytes] = set()
        self._drafts: dict[int, Draft] = {}
        self._count: Count | None = None
        self._done = False
        self._thinking: set[int] = set()

    def feed(self, data: bytes) -> bool:
        lines = (self._rest + data).split(b"\n") if self._rest else data.split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._line(line.rstrip(b"\r"))
            if self._done:
                break
        return self._done

    def _line(self, line: bytes) -> None:
        if not line:
            self._event()
        elif line.startswith(b"data:"):
            self._data.append(line[5:].strip())
        elif line.startswith(b"id:"):
            self._id = line[3:].strip()

    def _event(self) -> None:
        data, self._data = b"\n".join(self._data), []
        name, self._id = self._id, b""
        if not data:
            return
        if name:
            if name in self._seen:
                return
            self._seen.add(name)
        if data == b"[DONE]":
            self._done = True
            return
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            raise BadReply(f"An event of the stream is no JSON object: {data[:80]!r}.", "Look at the server's log.")
        if event.get("error") and not event.get("choices"):
            raise self._complaint(event["error"])
        self._count = count(event) or self._count
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, dict):
                raise BadReply(f"A choice of the stream is {choice!r:.80}.", "Look at the server's log.")
            index = choice.get("index")
            index = index if type(index) is int else 0
            draft = self._drafts.setdefault(index, Draft(index))
            before = len(draft.thinking)
            brought = absorb(draft, choice)
            self._tell(index, "".join(draft.thinking[before:]), brought)

    def _tell(self, index: int, thought: str, text: str) -> None:
        """Shows new reasoning and new text, with marks where one gives way to the other."""
        shown = thought
        if thought and index not in self._thinking:
            self._thinking.add(index)
            shown = f"[thinking]\n{thought}"
        if text and index in self._thinking:
            self._thinking.remove(index)
            shown += "\n[/thinking]\n"
        if shown or text:
            self._show(index, shown + text)

    def whole(self, data: dict[str, Any]) -> None:
        self._count = count(data)
        for draft in drafts(data):
            self._drafts[draft.index] = draft
            self._tell(draft.index, "".join(draft.thinking), "".join(draft.pieces))
        self._done = True

    def result(self) -> tuple[list[Draft], Count | None]:
        if not self._done and (self._rest or self._data):
            if self._rest:
                self._line(self._rest.rstrip(b"\r"))
                self._rest = b""
            self._event()
        found = [self._drafts[i] for i in sorted(self._drafts)]
        if not found:
            raise BadReply("The stream ended without a choice.", "Look at the server's log.")
        for draft in found:
            check(draft)
        if not self._done and any(d.finish is None for d in found):
            raise BadReply("The stream was cut short.", "Look at the server's log.")
        if self._count is not None and sum(len(d.logprobs) for d in found) > self._count.generated > 0:
            raise BadReply(
                f"The stream lists more tokens than the {self._count.generated} that the server counted.",
                "Some of its pieces came twice; look at the server's log, or at a proxy in between.",
            )
        for index in sorted(self._thinking):
            self._show(index, "\n[/thinking]\n")
        self._thinking.clear()
        return found, self._count
