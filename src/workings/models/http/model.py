"""Any model behind an OpenAI-compatible server."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from workings.core.ask import Sample, Sampling, Score, Scores
from workings.core.capability import Capability, Identity
from workings.core.completion import Completion
from workings.core.errors import BadReply, BadSetting, MissingCapability, ModelError, Overloaded
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
        self._chatless: Rejected | None = None
        self._opened = False
        self._opening = asyncio.Lock()
        self._probing = asyncio.Lock()

    def __repr__(self) -> str:
        return f"HttpModel({self.endpoint.root!r}, {self._name!r})"

    async def __aenter__(self) -> HttpModel:
        try:
            await self.open()
        except BaseException:
            await self.aclose()
            raise
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
        """Name, and revision and digest as far as the server lists them: complete after `open`.

        Without a digest the revision ends in the server's address, so that two servers that both call their model
        "default" are never taken for one.
        """
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
                listed = (await self.client.get("/models", retries=1)).get("data")
            except Rejected as rejected:
                if rejected.status in (401, 403) or not self._name:
                    raise rejected.plain() from None
                listed = None
            except (BadReply, Overloaded):
                if not self._name:
                    raise
                listed = None
            entries = [e for e in listed if isinstance(e, dict)] if isinstance(listed, list) else []
            if not self._name:
                self._name = _only(entries, self.endpoint.root)
            entry = next((e for e in entries if e.get("id") == self._name), {})
            revision, digest = _revision(entry), _digest(entry.get("meta"))
            if not digest:
                revision = f"{revision} at {self.endpoint.root}".strip()
            self._identity = Identity(self._name, revision, digest, self._template())
            self._opened = True

    async def probe(self, wanted: Iterable[Capability] | None = None) -> frozenset[Capability]:
        """Finds out, by tiny requests, which of the wanted capabilities the server has, and remembers it.

        wanted: None means all that a server can have.
        Returns all capabilities that are known now. Nothing is sent for what is known or declared.
        """
        async with self._probing:
            asked = set(probe.ORDER if wanted is None else wanted)
            if Capability.SCORE in asked and Capability.SCORE not in self.dialect.known:
                asked.add(Capability.LEAD)
            for capability in probe.ORDER:
                if capability in asked and capability not in self.dialect.known:
                    self.dialect.known[capability] = await probe.PROBES[capability](self)
        return self.dialect.capabilities

    async def sample(self, ask: Sample, seeds: tuple[int, ...], watch: Watch | None = None) -> tuple[Completion, ...]:
        """One completion a seed, in that order.

        Raises MissingCapability before anything is spent when there is a lead and the server cannot continue it;
        Unreachable, Overloaded or BadReply when trying again did not help; Refused or ContextFull at once.
        """
        if not self._name:
            await self.open()
        if ask.prompt.lead and await self.speaks_chat() and Capability.LEAD not in self.dialect.capabilities:
            await self.probe((Capability.LEAD,))
            if Capability.LEAD not in self.dialect.capabilities:
                raise MissingCapability(
                    f"{self.endpoint.root} cannot continue text that the assistant has already written.",
                    "Use the completions form, another server, or a method that needs no lead.",
                )
        job = _Job(self, ask, watch)
        if len(seeds) == 1:
            return (await self._one(job, seeds[0], ask.start),)
        if self.dialect.known.get(Capability.SEEDS) is False and ask.sampling.temperature > 0:
            found: list[Completion] = []
            try:
                return await self._group(job, seeds, found)
            except ModelError as error:
                _spend(error, found)
                raise
        return tuple(await together(self._one(job, s, ask.start + i) for i, s in enumerate(seeds)))

    async def score(self, ask: Score) -> Scores:
        """Log-probabilities (nats) of each candidate after each cut, shape (cut, candidate).

        Cuts count characters. A token that straddles the start of a candidate counts whole. One request a cell:
        the server's prefix cache may or may not share the chain. Raises MissingCapability when the server scores
        no given text, or when the cuts count tokens.
        """
        if not self._name:
            await self.open()
        if ask.chain_ids is not None:
            raise MissingCapability(
                "A server does not say where its tokens are cut.", "Give the chain as text and cuts in characters."
            )
        await self.probe((Capability.SCORE,))
        if Capability.SCORE not in self.dialect.capabilities:
            raise MissingCapability(
                f"{self.endpoint.root} does not score given text.",
                "Use a local model, or vLLM in the completions form.",
            )
        try:
            return await scoring.score(self, ask)
        except Rejected as rejected:
            raise rejected.plain() from None
        except scoring.NotScored as fault:
            raise BadReply(fault.what, fault.next_step) from None

    async def speaks_chat(self) -> bool:
        """Whether the chat form is used; asks the server once when the form is "auto"."""
        if self.dialect.chat is None:
            await probe.form(self)
        return self.dialect.chat is not False

    async def request(self, path: str, make: Callable[[], dict[str, Any]], read: Callable[[dict[str, Any]], R]) -> R:
        """Sends what `make` builds; builds it anew without what the server refuses by name, while that helps."""
        while True:
            body = self.complete(make())
            try:
                return await self.client.post(path, forms.encode(body), 0, read)
            except Rejected as rejected:
                fault = rejected
            if not self.dialect.adapt(fault, body):
                raise fault

    def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        """A body with the model's name and the endpoint's extra fields."""
        return {"model": self._name, **body, **self.endpoint.extra}

    def wire_body(self, prompt: Prompt, sampling: Sampling) -> dict[str, Any]:
        """The fields of a request in the form that the server speaks, without model, n and seed."""
        if self.dialect.chat is False:
            return forms.completions(self._render(prompt), sampling, self.dialect)
        return forms.chat(prompt, sampling, self.dialect)

    @property
    def path(self) -> str:
        """Where requests for text go."""
        return "/completions" if self.dialect.chat is False else "/chat/completions"

    async def _one(self, job: _Job, seed: int, number: int) -> Completion:
        while True:
            encoded, told = job.encoded(), "seed" not in self.dialect.dropped
            try:
                reading = await self._send(job, forms.seeded(encoded, seed) if told else encoded, seed, number)
                return self._finish(job, reading, (seed if told else None,))[0]
            except Rejected as rejected:
                fault = rejected
            self._adapt(fault, (*job.body, "seed") if told else job.body)

    async def _group(self, job: _Job, seeds: tuple[int, ...], found: list[Completion]) -> tuple[Completion, ...]:
        """Samples of a server without seeds: as many as it gives at once, until `found` holds enough."""
        start, wanted = job.ask.start, len(seeds)
        while len(found) < wanted:
            have = len(found)
            if "n" in self.dialect.dropped or wanted - have == 1:
                found.extend(await together(self._one(job, seeds[i], start + i) for i in range(have, wanted)))
                break
            job.encoded()
            many = forms.encode({**job.body, "n": wanted - have})
            try:
                reading = await self._send(job, many, seeds[have], start + have)
            except Rejected as rejected:
                fault = rejected
            else:
                if len(reading[0]) < wanted - have:
                    self.dialect.dropped.add("n")
                found.extend(self._finish(job, reading, (None,) * (wanted - have)))
                continue
            self._adapt(fault, (*job.body, "n"))
        return tuple(found)

    async def _send(self, job: _Job, encoded: bytes, seed: int, number: int) -> Reading:
        client = self.client
        if job.watch is None:
            return await client.post(self.path, encoded, seed, _read)
        shown = _Shown(job.watch, number)
        return await client.stream(self.path, encoded, seed, lambda: Pieces(shown.begin(), client.complaint))

    def _finish(self, job: _Job, reading: Reading, seeds: tuple[int | None, ...]) -> list[Completion]:
        """The completions of one reply, at most one a seed."""
        found, counted = reading
        dialect, sampling = self.dialect, job.ask.sampling
        if dialect.chat is None:
            dialect.chat = True
        if counted is None:
            self.estimated += 1
        usages = share(found, counted, forms.plain(job.ask.prompt) if counted is None else "", sampling)
        if len(found) > len(seeds):
            usages[0] = replace(sum(usages[len(seeds) :], usages[0]), calls=1)
            found = found[: len(seeds)]
        if sampling.logprobs and Capability.LOGPROBS not in dialect.known and found[0].pieces:
            dialect.learn(Capability.LOGPROBS, bool(found[0].logprobs) and not found[0].unscored)
        lead = job.ask.prompt.lead if dialect.echoes_lead else ""
        return [
            completion(draft, sampling, usage, seed=seed, lead=lead, counted=counted is not None)
            for draft, usage, seed in zip(found, usages, seeds, strict=False)
        ]

    def _adapt(self, fault: Rejected, sent: Iterable[str]) -> None:
        """Makes the next try of a refused request differ, or raises the refusal."""
        dialect = self.dialect
        if self.endpoint.form == "auto":
            if dialect.chat is None and dialect.chatless(fault):
                dialect.chat = False
                dialect.version += 1
                self._chatless = fault
                return
            if dialect.chat is False and fault.status == 404 and self._chatless is not None:
                raise self._chatless.plain()
        if not dialect.adapt(fault, sent):
            raise fault.plain()

    def _template(self) -> str:
        """Who writes the prompt as text: the server, or `render`; and which extra fields go along."""
        end = self.endpoint
        text = "server" if end.form != "completions" else "plain"
        if end.form == "auto":
            text = "server, or plain"
        if end.form != "chat" and self._render is not forms.plain:
            text = f"{text} by {self._render.__module__}.{self._render.__qualname__}"
        return f"{text}+{_digest(dict(end.extra))}" if end.extra else text


class _Job:
    """One ask and its request, written once and written anew when more is known about the server."""

    __slots__ = ("_encoded", "_model", "_version", "ask", "body", "watch")

    def __init__(self, model: HttpModel, ask: Sample, watch: Watch | None) -> None:
        self.ask = ask
        self.watch = watch
        self.body: dict[str, Any] = {}
        self._model = model
        self._version = -1
        self._encoded = b""

    def encoded(self) -> bytes:
        """The body as JSON, with neither n nor seed."""
        dialect = self._model.dialect
        if self._version != dialect.version:
            self.body = self._model.wire_body(self.ask.prompt, self.ask.sampling)
            if self.watch is not None:
                self.body["stream"] = True
                if "stream_options" not in dialect.dropped:
                    self.body["stream_options"] = {"include_usage": True}
            self.body = self._model.complete(self.body)
            self._encoded = forms.encode(self.body)
            self._version = dialect.version
        return self._encoded


class _Shown:
    """Passes streamed text on; when a broken stream is asked for again, only what goes beyond what was shown."""

    __slots__ = ("_number", "_shown", "_watch")

    def __init__(self, watch: Watch, number: int) -> None:
        self._watch = watch
        self._number = number
        self._shown: dict[int, int] = {}

    def begin(self) -> Callable[[int, str], None]:
        """A fresh listener for one try."""
        come: dict[int, int] = {}

        def show(index: int, piece: str) -> None:
            before = come.get(index, 0)
            come[index] = before + len(piece)
            new = come[index] - self._shown.get(index, 0)
            if new > 0:
                self._shown[index] = come[index]
                self._watch(self._number + index, piece[-new:])

        return show


async def together(parts: Iterable[Coroutine[Any, Any, R]]) -> list[R]:
    """All results in order; the first error cancels the rest and is raised, and says what was spent."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        return await asyncio.gather(*tasks)
    except BaseException as error:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(error, ModelError):
            _spend(error, (made for made in ended if isinstance(made, Completion)))
        raise


def _spend(error: ModelError, finished: Iterable[Completion]) -> None:
    """Books what finished samples cost on the error that ended their ask."""
    for made in finished:
        error.spent = made.usage if error.spent is None else error.spent + made.usage


def _read(data: dict[str, Any]) -> Reading:
    return drafts(data), count(data)


def _only(entries: list[dict[str, Any]], root: str) -> str:
    names = sorted(str(e["id"]) for e in entries if e.get("id"))
    if len(names) == 1:
        return names[0]
    shown = ", ".join(names[:20]) or "none"
    raise BadSetting(f"{root} serves {len(names)} models and none was named.", f"Name one of: {shown}.")


def _revision(entry: dict[str, Any]) -> str:
    """What the server lists as the model's version; never its time of creation, which many set to now."""
    for name in ("revision", "root"):
        value = entry.get(name)
        if isinstance(value, str) and value and value != entry.get("id"):
            return value[:200]
    return ""


def _digest(value: Any) -> str:
    if not value:
        return ""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
