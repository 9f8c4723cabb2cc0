"""A model that does not answer the same ask twice."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any, TypeVar

from workings.core.ask import Sample, Score, Scores
from workings.core.capability import Capability, Identity
from workings.core.completion import Completion, Stop, Usage
from workings.core.display import with_thinking
from workings.core.errors import BadReply, DataError, ModelError
from workings.core.wire import pack, unpack
from workings.run.ports import Model, Remote, Shelf, Watch

__all__ = ["CachedModel"]

T = TypeVar("T", Completion, Scores)


class CachedModel:
    """Wraps a model; asks it only for samples and scores that are not on the shelf.

    A sample's key is a digest of the model's identity, the prompt, the sampling settings and the sample's seed.
    Seeds fix a sample's place, so n=8 reuses the first five of an earlier n=5. At temperature 0 the seed does not
    count. What the tokens are charged as (`role`) does not count either. Equal asks that are under way at once
    are sent once. Errors and cancelled samples are not kept.

    A hit keeps the tokens that its sample once cost, so that methods compare alike whether or not their samples
    were on the shelf; `calls` is 0, which tells what was asked for now. With a model whose server knows no seeds
    a hit repeats one draw of the past: it is as good as a new one, once.

    model: the model that answers what is missing.
    shelf: where values are kept, as JSON.
    """

    def __init__(self, model: Model, shelf: Shelf) -> None:
        self.model = model
        self.shelf = shelf
        self._flying: dict[str, asyncio.Future[Any]] = {}

    @property
    def identity(self) -> Identity:
        return self.model.identity

    @property
    def capabilities(self) -> frozenset[Capability]:
        return self.model.capabilities

    @property
    def size(self) -> dict[str, int] | None:
        """The size of the model behind it, when that one knows."""
        return getattr(self.model, "size", None)

    async def open(self) -> None:
        """Lets a model behind a server find out which model it is; identities must be known before keys are."""
        if isinstance(self.model, Remote):
            await self.model.open()

    async def probe(self, wanted: Iterable[Capability] | None = None) -> frozenset[Capability]:
        """Lets the model find out what it can do."""
        if isinstance(self.model, Remote):
            return await self.model.probe(wanted)
        return self.model.capabilities

    async def aclose(self) -> None:
        await self.model.aclose()

    async def sample(self, ask: Sample, seeds: tuple[int, ...], watch: Watch | None = None) -> tuple[Completion, ...]:
        """One completion a seed, in that order, from the shelf or from the model."""
        await self.open()
        stem = _digest(self.identity, "sample", asdict(ask.prompt), asdict(ask.sampling))
        greedy = ask.sampling.temperature == 0
        keys = [stem if greedy else f"{stem}.{seed}" for seed in seeds]
        found: dict[str, Completion] = self._shelved(Completion, keys)
        for number, key in enumerate(keys):
            if watch is not None and key in found:
                watch(ask.start + number, with_thinking(found[key].thinking, found[key].text))
        fresh: set[int] = set()
        while missing := [k for k in dict.fromkeys(keys) if k not in found]:
            waits = {k: self._flying[k] for k in missing if k in self._flying}
            own = [k for k in missing if k not in waits]
            if own:
                places = [keys.index(k) for k in own]
                fresh.update(places)
                found.update(zip(own, await self._ask(ask, seeds, own, places, watch), strict=True))
            for key, future in waits.items():
                landed = await asyncio.shield(future)
                if isinstance(landed, ModelError):
                    raise _again(landed)
                if isinstance(landed, Completion):
                    found[key] = landed
                    if watch is not None:
                        watch(ask.start + keys.index(key), with_thinking(landed.thinking, landed.text))
        return tuple(found[k] if i in fresh else _free(found[k]) for i, k in enumerate(keys))

    async def score(self, ask: Score) -> Scores:
        """Log-probabilities, shape (cut, candidate), from the shelf or from the model."""
        await self.open()
        key = _digest(self.identity, "score", asdict(ask))
        while True:
            shelved: dict[str, Scores] = self._shelved(Scores, [key])
            if key in shelved:
                return _free(shelved[key])
            if key not in self._flying:
                break
            landed = await asyncio.shield(self._flying[key])
            if isinstance(landed, Scores):
                return _free(landed)
            if isinstance(landed, ModelError):
                raise _again(landed)
        with _Flight(self._flying, [key]) as flight:
            scores = await self.model.score(ask)
            self.shelf.put_many({key: pack(scores)})
            flight.land([scores])
        return scores

    async def _ask(
        self, ask: Sample, seeds: tuple[int, ...], keys: list[str], places: list[int], watch: Watch | None
    ) -> tuple[Completion, ...]:
        """Asks the model for the samples at `places`, and shelves them."""

        def show(number: int, piece: str) -> None:
            if watch is not None:
                watch(ask.start + places[number], piece)

        part = replace(ask, n=len(places), start=0)
        with _Flight(self._flying, keys) as flight:
            reply = await self.model.sample(part, tuple(seeds[i] for i in places), show if watch else None)
            if len(reply) != len(places):
                raise BadReply(
                    f"{self.identity.name} returned {len(reply)} completions for {len(places)} seeds.",
                    "Its adapter breaks the contract of Model.sample.",
                )
            kept = {k: pack(c) for k, c in zip(keys, reply, strict=True) if c.stop is not Stop.CANCELLED}
            self.shelf.put_many(kept)
            flight.land(list(reply))
        return reply

    def _shelved(self, kind: type[T], keys: list[str]) -> dict[str, T]:
        """Values found on the shelf; one that cannot be read is missing."""
        found = {}
        for key, data in self.shelf.get_many(list(dict.fromkeys(keys))).items():
            try:
                found[key] = unpack(kind, data)
            except DataError:
                continue
        return found


class _Flight:
    """Asks under way. Whoever waits gets the value, the model's error, or None when the asker was cancelled."""

    __slots__ = ("_flying", "_keys", "_landed")

    def __init__(self, flying: dict[str, asyncio.Future[Any]], keys: list[str]) -> None:
        self._flying = flying
        self._keys = keys
        self._landed: list[Any] = [None] * len(keys)

    def __enter__(self) -> _Flight:
        loop = asyncio.get_running_loop()
        for key in self._keys:
            self._flying[key] = loop.create_future()
        return self

    def land(self, values: list[Any]) -> None:
        self._landed = values

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        for key, value in zip(self._keys, self._landed, strict=True):
            future = self._flying.pop(key)
            if not future.done():
                future.set_result(error if isinstance(error, ModelError) else value)


def _again(error: ModelError) -> ModelError:
    """Another's error for one who waited; what was spent is charged to the asker alone."""
    same = copy.copy(error)
    same.spent = None
    return same


def _free(value: T) -> T:
    """The same with what it cost once and no call now."""
    usage: Usage = replace(value.usage, calls=0)
    return replace(value, usage=usage)


def _digest(identity: Identity, *parts: Any) -> str:
    text = json.dumps([1, identity.key, *parts], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
