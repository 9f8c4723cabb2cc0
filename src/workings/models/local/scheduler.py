"""Who is continued next: waiting samples join as soon as there is room, and none waits for a batch to end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import torch

from workings.core.completion import Stop
from workings.models.local.batch import Batch, Row
from workings.models.local.engine import Engine
from workings.models.local.samples import Request, Result, Sampled

__all__ = ["Scheduler"]


class Scheduler:
    """Samples of many callers on one engine, at most `most` at once, in the order asked."""

    def __init__(self, engine: Engine, most: int) -> None:
        self.engine, self.most = engine, most
        self.waiting: deque[Sampled] = deque()
        self.batch = Batch(engine)

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.waiting or self.batch.rows)

    def add(self, request: Request, number: int, done: Callable[[int, Result], None]) -> None:
        """Queues a sample; `done` gets its number and result."""
        self.waiting.append(Sampled(self.engine.network, request, number, done))

    def step(self) -> None:
        """Lets waiting samples join where there is room, and draws one token for every sample in progress."""
        self._admit()
        if self.batch.rows:
            self.batch.step()
        if self.batch.put_off:
            self.waiting.extendleft(reversed(self.batch.put_off))
            self.batch.put_off = []

    def clear(self) -> None:
        """Drops all samples, without results, and all prefixes."""
        self.waiting.clear()
        self.batch = Batch(self.engine)
        self.engine.reset()

    def _admit(self) -> None:
        free = self.most - self.batch.samples
        if not self.waiting or free < 1 or (self.batch.rows and free < min(len(self.waiting), self.most // 8)):
            return
        chosen = self._chosen(free)
        if not chosen:
            return
        distinct = list(chosen)
        costs = self._missing(distinct)
        found = self.engine.compute(distinct)
        paths = [self.engine.tree.path(node) for _, node in found]
        placed = self.engine.place(paths, [len(chosen[ids]) for ids in distinct])
        for ids, cost in zip(distinct, costs, strict=True):
            first = chosen[ids][0]
            first.computed += min(cost, len(first.request.ids))
        rows = [
            Row(ids, where, node, chosen[ids]) for ids, where, (_, node) in zip(distinct, placed, found, strict=True)
        ]
        self.batch.join(rows, torch.stack([logits for logits, _ in found]))

    def _chosen(self, free: int) -> dict[tuple[int, ...], list[Sampled]]:
        """The next samples by what they go on from, as many as there is room and memory for."""
        chosen: dict[tuple[int, ...], list[Sampled]] = {}
        size = self.engine.shape.position_bytes
        wanted = 0
        while self.waiting and free > 0:
            sample = self.waiting[0]
            if sample.request.cancelled():
                self.waiting.popleft()
                sample.finish(Stop.CANCELLED, self.engine.network)
                continue
            ids = sample.written
            more = 0 if ids in chosen else 2 * len(ids) * size
            if (chosen or self.batch.rows) and more and not self.engine.fits(wanted + more):
                break
            wanted += more
            chosen.setdefault(ids, []).append(self.waiting.popleft())
            free -= 1
        return chosen

    def _missing(self, distinct: Sequence[tuple[int, ...]]) -> list[int]:
        """How many positions of each will be computed, each shared one counted for the first in order of ids."""
        costs: dict[tuple[int, ...], int] = {}
        before: tuple[int, ...] = ()
        for ids in sorted(distinct):
            there = sum(take for _, take in self.engine.tree.match(ids, len(ids) - 1))
            same = next(
                (i for i, (a, b) in enumerate(zip(ids, before, strict=False)) if a != b), min(len(ids), len(before))
            )
            costs[ids] = len(ids) - min(max(there, same), len(ids) - 1)
            before = ids
        return [costs[ids] for ids in distinct]
