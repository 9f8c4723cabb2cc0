"""Messages, and the lead that the assistant has already written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Message", "Prompt", "Role"]

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages, plus the *lead*: text that the assistant has already written and must continue.

    `lead_ids` are the lead's token ids when they are known (a chain that is being continued); a model that
    knows them continues exactly those and not a re-encoding of the text. They stand for the lead from its character
    `ids_from` on: what comes before was text alone, and is encoded as it was before they were drawn.
    """

    messages: tuple[Message, ...]
    lead: str = ""
    lead_ids: tuple[int, ...] | None = None
    ids_from: int = 0

    @classmethod
    def user(cls, text: str, *, lead: str = "", system: str = "") -> Prompt:
        """A single user turn, with an optional system turn before it."""
        head = (Message("system", system),) if system else ()
        return cls((*head, Message("user", text)), lead)

    @property
    def text(self) -> str:
        """All turns and the lead as plain text, for display and digests; no model is sent this."""
        turns = "\n\n".join(f"[{m.role}]\n{m.content}" for m in self.messages)
        return f"{turns}\n\n[assistant]\n{self.lead}"
