"""What has been learnt about a server: which fields it takes, which form it speaks, what it can do."""

from __future__ import annotations

import re
from collections.abc import Iterable

from workings.core.capability import Capability
from workings.models.http.faults import Rejected

__all__ = ["Dialect"]

_SPARE = {
    "logprobs": Capability.LOGPROBS,
    "top_logprobs": None,
    "seed": Capability.SEEDS,
    "n": None,
    "stream_options": None,
}
_FORMLESS = re.compile(r"chat[ _-]?template|not a chat model|does not support chat", re.IGNORECASE)


class Dialect:
    """Facts about one server, each learnt from something that it did or from what the caller declared.

    Fields in `dropped` are left out of requests because the server refused them by name. Fields that change what
    is sampled (temperature, top_p, top_k, min_p, stop) are never dropped.
    """

    __slots__ = (
        "chat",
        "declared",
        "dropped",
        "echoes_lead",
        "known",
        "lead_flags",
        "length_field",
        "score_tokens",
        "version",
    )

    def __init__(self, declared: frozenset[Capability] | None) -> None:
        self.declared = declared
        self.known: dict[Capability, bool] = {}
        if declared is not None:
            self.known = {capability: capability in declared for capability in Capability}
        self.chat: bool | None = None
        self.dropped: set[str] = set()
        self.length_field = "max_tokens"
        self.lead_flags = True
        self.echoes_lead = False
        self.score_tokens = 0
        self.version = 0

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the server can do, as far as is known."""
        return frozenset(c for c, able in self.known.items() if able)

    def learn(self, capability: Capability, able: bool) -> None:
        """Remembers what a reply showed; a declaration is not overruled by it."""
        if self.declared is None:
            self.known[capability] = able

    def adapt(self, rejected: Rejected, sent: Iterable[str]) -> bool:
        """Leaves out what the server refused by name; says whether the same request may now be accepted.

        sent: the names of the fields of the refused request.
        """
        if rejected.status not in (400, 422):
            return False
        message = rejected.message
        if "max_tokens" in sent and "max_completion_tokens" in message:
            self.length_field = "max_completion_tokens"
            self.version += 1
            return True
        named = [name for name in _SPARE if name in sent and re.search(rf"(?<!\w){name}(?!\w)", message)]
        self.version += bool(named)
        for name in named:
            self.dropped.add(name)
            capability = _SPARE[name]
            if capability is not None:
                self.known[capability] = False
        return bool(named)

    def chatless(self, rejected: Rejected) -> bool:
        """Whether a refusal of the chat form says that there is no such form here."""
        if rejected.status in (404, 405, 501):
            return True
        return rejected.status in (400, 422) and _FORMLESS.search(rejected.message) is not None
