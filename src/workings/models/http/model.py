"""Any model behind an OpenAI-compatible server."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from workings.core.ask import Sample, Score, Scores
from workings.core.capability import Capability, Identity
from workings.core.completion import Completion
from workings.core.errors import BadReply, BadSetting, MissingCapability, Refused
from workings.core.prompt import Prompt
from workings.models.http import forms, probe, scoring
from workings.models.http.dialect import Dialect
from workings.models.http.endpoint import Endpoint
from workings.models.http.faults import Rejected
from workings.models.http.replies import Count, Draft, completion, count, drafts, share
from workings.models.http.stream import Pieces

if TYPE_CHECKING:
    from workings.models.http.client import Client

__all__ = ["HttpModel"]

R = TypeVar("R")
Watch = Callable[[int, str], None]
Reading = tuple[list[Draft], Count | None]


class HttpModel:
    """A model behind an OpenAI-compatible server (vLLM, SGLang, llama.cpp, Ollama, hosted).

    Every sample is one request with its own seed, so that sample 3 is the same whether 5 or 8 were asked for; the
    server's prefix cache shares the prompt. Only for a server that is known to have no seeds are several samples
    asked for at once with `n`, and topped up when fewer come back.

    What the server can do is found out by `probe` or declared in the endpoint. `capabilities` holds what is known
    so far: call `probe` with what a method needs before you look. Fields that the server refuses by name and that
    do not change what is sampled (logprobs, seed, n) are left out from then on, and the capability with them.

    endpoint: where the server is.
    render: writes a prompt as text in the completions form.

    Left out: tool calls, images, and leads given as token ids (the lead's text is sent). Log-probabilities are
    taken as the server gives them; most give them before temperature and filters.
    """

    def __init__(self, endpoint: Endpoint, *, render: Callable[[Prompt], str] = forms.plain) -> None:
        self.endpoint = endpoint
        self.dialect = Dialect(endpoint.capabilities)
        if endpoint.form != "auto":
            self.dialect.chat = endpoint.form == "chat"
        self.estimated = 0
        self._render = render
        self._client: Client | None = None
        self._name = endpoint.model
        self._identity = Identity(endpoint.model, template=self._template())
        self._opened = False
        self._opening = asyncio.Lock()
        self._probing = asyncio.Lock()

    def __repr__(self) -> str:
        return f"HttpModel({self.endpoint.root!r}, {self._name!r})"

    async def __aenter__(self) -> HttpModel:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes all connections; the next ask opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    @property
    def identity(self) -> Identity:
        """Name, and revision and digest as far as the server lists them: complete after `open`."""
        return self._identity

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the server is known to be able to do: declared, or found by `probe` so far."""
        return self.dialect.capabilities

    @property
    def client(self) -> Client:
        """The connections to the server, made when first needed."""
        if self._client is None:
            from workings.models.http.client import Client

            self._client = Client(self.endpoint)
        return self._client

    async def open(self) -> None:
        """Reads the server's list of models, once: finds the only model when none was named, and its revision."""
        async with self._opening:
            if self._opened:
                return
            try:
                listed = (await self.client.get("/models")).get("data")
            except Rejected as rejected:
                if rejected.status in (401, 403) or not self._name:
                    raise rejected.plain() from None
                listed = None
            except BadReply:
                if not self._name:
                    raise
                listed = None
            entries = [e for e in listed if isinstance(e, dict)] if isinstance(listed, list) else []
            if not self._name:
                self._name = _only(entries, self.endpoint.root)
            entry = next((e for e in entries if e.get("id") == self._name), {})
            self._identity = Identity(self._name, _revision(entry), _digest(entry.get("meta")), self._template())
            self._opened = True

    async def probe(self, wanted: Iterable[Capability] | None = None) -> frozenset[Capability]:
        """Finds out, by tiny requests, which of the wanted capabilities the server has, and remembers it.

        wanted: None means all that a server can have.
        Returns all capabilities that are known now. Nothing is sent for what is known or declared.
        """
        async with self._probing:
            asked = probe.ORDER if wanted is None else [c for c in probe.ORDER if c in set(wanted)]
            for capability in asked:
                if capability not in self.dialect.known:
                    self.dialect.known[capability] = await probe.PROBES[capability](self)
        return self.dialect.capabilities

    async def sample(self, ask: Sample, seeds: tuple[int, ...], watch: Watch | None = None) -> tuple[Completion, ...]:
        """One completion a seed, in that order.

        Raises MissingCapability before anything is spent when there is a lead and the server cannot continue it;
        Unreachable, Overloaded or BadReply when trying again did not help; Refused or ContextFull at once.
        """
        await self._name_known()
        if ask.prompt.lead and await self.speaks_chat() and Capability.LEAD not in self.dialect.capabilities:
            await self.probe((Capability.LEAD,))
            if Capability.LEAD not in self.dialect.capabilities:
                raise MissingCapability(
                    f"{self.endpoint.root} cannot continue text that the assistant has already written.",
                    "Use the completions form, another server, or a method that needs no lead.",
                )
        if len(seeds) == 1:
            return (await self._one(ask, seeds[0], ask.start, watch),)
        if self.dialect.known.get(Capability.SEEDS) is False and ask.sampling.temperature > 0:
            return await self._group(ask, seeds, watch)
        return tuple(await together(self._one(ask, s, ask.start + i, watch) for i, s in enumerate(seeds)))

    async def score(self, ask: Score) -> Scores:
        """Log-probabilities (nats) of each candidate after each cut, shape (cut, candidate).

        Cuts count characters. A token that straddles the start of a candidate counts whole. One request a cell:
        the server's prefix cache may or may not share the chain. Raises MissingCapability when the server scores
        no given text, or when the cuts count tokens.
        """
        await self._name_known()
        if ask.chain_ids is not None:
            raise MissingCapability(
                "A server does not say where its tokens are cut.", "Give the chain as text and cuts in characters."
            )
        await self.probe((Capability.SCORE,))
        if Capability.SCORE not in self.dialect.capabilities:
            raise MissingCapability(
                f"{self.endpoint.root} does not score given text.", "Use a local model, or vLLM in the completions form."
            )
        return await scoring.score(self, ask)

    async def speaks_chat(self) -> bool:
        """Whether the chat form is used; asks the server once when the form is "auto"."""
        if self.dialect.chat is None:
            await probe.form(self)
        return self.dialect.chat is not False

    async def request(self, path: str, make: Callable[[], dict[str, Any]], read: Callable[[dict[str, Any]], R]) -> R:
        """Sends what `make` builds; builds it anew without what the server refuses by name, while that helps."""
        while True:
            body = {"model": self._name, **make(), **self.endpoint.extra}
            try:
                return await self.client.post(path, forms.encode(body), 0, read)
            except Rejected as rejected:
                fault = rejected
            if not self.dialect.adapt(fault, body):
                raise fault

    async def _one(self, ask: Sample, seed: int, number: int, watch: Watch | None) -> Completion:
        while True:
            body, encoded = self._body(ask, watch is not None)
            tell_seed = "seed" not in self.dialect.dropped
            try:
                reading = await self._send(seeded(encoded, seed) if tell_seed else encoded, seed, number, watch)
                break
            except Rejected as rejected:
                fault = rejected
            if not self._adapt(fault, [*body, "seed"] if tell_seed else body):
                raise fault.plain()
        return self._finish(ask, reading, (seed if tell_seed else None,))[0]

    async def _group(self, ask: Sample, seeds: tuple[int, ...], watch: Watch | None) -> tuple[Completion, ...]:
        """Samples of a server without seeds: as many as it gives at once, until there are enough."""
        found: list[Completion] = []
        while len(found) < len(seeds):
            missing = len(seeds) - len(found)
            if "n" in self.dialect.dropped or missing == 1:
                rest = [self._one(ask, seeds[-k], ask.start + len(seeds) - k, watch) for k in range(missing, 0, -1)]
                found.extend(await together(rest))
                break
            body, _ = self._body(ask, watch is not None)
            try:
                many = forms.encode({**body, "n": missing})
                reading = await self._send(many, seeds[len(found)], ask.start + len(found), watch)
            except Rejected as rejected:
                fault = rejected
            else:
                found.extend(self._finish(ask, reading, (None,) * missing))
                if len(reading[0]) < missing:
                    self.dialect.dropped.add("n")
                continue
            if not self._adapt(fault, [*body, "n"]):
                raise fault.plain()
        return tuple(found)

    async def _send(self, encoded: bytes, seed: int, number: int, watch: Watch | None) -> Reading:
        path = "/completions" if self.dialect.chat is False else "/chat/completions"
        if watch is None:
            return await self.client.post(path, encoded, seed, _read)
        client, shown = self.client, _Shown(watch, number)
        return await client.stream(path, encoded, seed, lambda: Pieces(shown.begin(), client.complaint))
