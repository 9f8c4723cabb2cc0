"""The rows that are being continued: their own keys and values, and the samples that each of them stands for.

Samples that have written the same so far are one row. When their next tokens differ, the row forks: the own part is
copied, the shared part is shared on. A row whose samples have all ended makes room for the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from workings.models.local.attention import Own, Segment, Step
from workings.models.local.engine import Engine, Placed
from workings.models.local.samples import Sampled, advance
from workings.models.local.sampling import Knobs
from workings.models.local.tree import Node

__all__ = ["Batch", "Row"]


@dataclass(slots=True)
class Row:
    """One sequence of tokens: a prompt that is in the tree, what has been computed behind it, who goes on from it."""

    prompt: tuple[int, ...]
    placed: Placed
    node: Node
    samples: list[Sampled]
    fed: list[int] = field(default_factory=list)

    @property
    def used(self) -> int:
        """Own columns that are filled."""
        return self.placed.own + len(self.fed)

    @property
    def length(self) -> int:
        """Positions before the next token."""
        return len(self.prompt) + len(self.fed)


class Batch:
    """All rows of an engine, in the order of the own buffer, and the logits behind them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.rows: list[Row] = []
        self.own: Own | None = None
        self.logits: Tensor | None = None
        self.put_off: list[Sampled] = []
        self._segments: list[tuple[Segment, Tensor | None]] | None = None
        self._knobs: tuple[list[Sampled], Knobs, Tensor | None] | None = None

    @property
    def samples(self) -> int:
        """Samples in progress."""
        return sum(len(row.samples) for row in self.rows)

    def join(self, rows: Sequence[Row], logits: Tensor) -> None:
        """Puts new rows behind those there are; `logits` (new rows, vocabulary) predict their next tokens."""
        first = len(self.rows)
        self._room(first + len(rows), max(row.used for row in (*self.rows, *rows)) + 1, force=True)
        assert self.own is not None
        for number, row in enumerate(rows, first):
            self.engine.fill(self.own, number, row.placed)
        self.rows.extend(rows)
        self.logits = logits if self.logits is None else torch.cat((self.logits, logits))
        self._changed()

    def step(self) -> None:
        """Draws one token a sample, lets those that end go, forks rows, and computes what comes next."""
        network = self.engine.network
        assert self.logits is not None
        samples, knobs, index = self._drawn_by()
        listed, ended = advance(network, samples, self.logits, index, knobs)
        nexts, forks = self._part(samples, listed, {id(sample) for sample, _ in ended})
        self._fork(forks, nexts)
        gone = [number for number, row in enumerate(self.rows) if not row.samples]
        self._close_up(gone, nexts)
        if not self.rows:
            self.clear()
        for sample, stop in ended:
            sample.finish(stop, network)
        if self.rows:
            self._forward(nexts)

    def _drawn_by(self) -> tuple[list[Sampled], Knobs, Tensor | None]:
        """Samples in row order, their settings, and the row of each (None: one sample a row)."""
        if self._knobs is None:
            samples = [sample for row in self.rows for sample in row.samples]
            device = self.engine.shape.device
            index = None
            if len(samples) > len(self.rows):
                counts = torch.tensor([len(row.samples) for row in self.rows])
                index = torch.repeat_interleave(torch.arange(len(self.rows)), counts).to(device)
            self._knobs = (samples, Knobs([s.request.sampling for s in samples], device), index)
        return self._knobs

    def _part(
        self, samples: list[Sampled], tokens: list[int], ended: set[int]
    ) -> tuple[list[int], list[tuple[int, int, list[Sampled]]]]:
        """The next token of each row, and the forks: (row, token, samples) for each further token of a row."""
        nexts: list[int] = []
        forks: list[tuple[int, int, list[Sampled]]] = []
        at = 0
        for number, row in enumerate(self.rows):
            if len(row.samples) == 1:
                nexts.append(tokens[at])
                at += 1
                if ended and id(row.samples[0]) in ended:
                    row.samples = []
                continue
            by_token: dict[int, list[Sampled]] = {}
            for sample in row.samples:
                if id(sample) not in ended:
                    by_token.setdefault(tokens[at], []).append(sample)
                at += 1
            groups = list(by_token.items())
            nexts.append(groups[0][0] if groups else 0)
            row.samples = groups[0][1] if groups else []
            forks.extend((number, token, members) for token, members in groups[1:])
        if ended or forks:
            self._changed()
        return nexts, forks

    def _fork(self, forks: list[tuple[int, int, list[Sampled]]], nexts: list[int]) -> None:
        for number, token, members in forks:
            source = self.rows[number]
            if not self._room(len(self.rows) + 1, source.used + 1):
                self._put_off(members)
                continue
            assert self.own is not None
            source.node.holders += 1
            self.own.move(number, len(self.rows), source.used)
            self.rows.append(Row(source.prompt, source.placed, source.node, members, list(source.fed)))
            nexts.append(token)

    def _close_up(self, gone: list[int], nexts: list[int]) -> None:
        """Lets rows without samples go; the last rows move into their places."""
        assert self.own is not None
        for number in reversed(gone):
            self._leave(number)
            last = self.rows.pop()
            token = nexts.pop()
            if number < len(self.rows):
                self.own.move(len(self.rows), number, last.used)
                self.rows[number], nexts[number] = last, token
        if gone:
            self._changed()

    def _leave(self, number: int) -> None:
        """Keeps what a row has computed in the tree, and lets go of its prefix."""
        row = self.rows[number]
        assert self.own is not None
        if row.fed:
            start = row.placed.own
            self.engine.keep((*row.prompt, *row.fed), self.own.kv[:, :, number, :, start : row.used], len(row.prompt))
        self.engine.let_go(row.node)

    def _put_off(self, samples: Sequence[Sampled]) -> None:
        self.engine.count.preempted += len(samples)
        self.put_off.extend(samples)
        self._changed()

    def _forward(self, nexts: list[int]) -> None:
        filled = [row.used for row in self.rows]
        while not self._room(len(filled), max(filled) + 1) and len(filled) > 1:
            row = self.rows.pop()
            nexts.pop()
            filled.pop()
            self.engine.let_go(row.node)
            self._put_off(row.samples)
        own, device = self.own, self.engine.shape.device
        assert own is not None
        rows = len(self.rows)
        at = torch.tensor(filled, device=device)
        positions = torch.tensor([row.length for row in self.rows], device=device)
        every = torch.arange(rows, device=device)
        own.positions[every, at] = positions
        used = max(filled) + 1
        bias = None
        if min(filled) + 1 < used:
            hidden = torch.arange(used, device=device) > at[:, None]
            bias = torch.zeros(hidden.shape, device=device).masked_fill_(hidden, float("-inf"))[:, None, None]
        if self._segments is None:
            self._segments = self.engine.segments([row.placed for row in self.rows])
        step = Step(own, rows, 1, used, every, torch.zeros_like(every), at, positions, bias, self._segments)
        self.logits = self.engine.forward(step, torch.tensor(nexts, device=device), None)
        for row, token in zip(self.rows, nexts, strict=True):
            row.fed.append(token)

    def _room(self, rows: int, columns: int, *, force: bool = False) -> bool:
        """Makes the own buffer large enough; False when memory does not allow it and more than one row is there."""
        own = self.own
        if own is not None and own.rows >= rows and own.columns >= columns:
            return True
        filled = [row.used for row in self.rows]
        tall, wide = (0, 0) if own is None else (own.rows, own.columns)
        columns = max(columns, *filled, 0)
        roomy = (
            max(rows, tall + tall // 2) if rows > tall else tall,
            columns + max(16, columns // 2) if columns > wide else wide,
        )
        for tall, wide in (roomy, (rows, columns)):
            if self.engine.fits(tall * wide * self.engine.shape.position_bytes):
                break
        else:
            if not force and len(self.rows) > 1:
                return False
        larger = Own(self.engine.shape, tall, wide)
        if own is not None and filled:
            larger.take(own, len(filled), max(filled))
        self.engine.own_bytes += larger.bytes - (0 if own is None else own.bytes)
        self.own = larger
        return True

    def _changed(self) -> None:
        self._segments = self._knobs = None

    def clear(self) -> None:
        """Lets go of everything; what the rows had written is not kept."""
        for row in self.rows:
            self.engine.let_go(row.node)
        self.rows, self.logits = [], None
        if self.own is not None:
            self.engine.own_bytes -= self.own.bytes
        self.own = None
        self._changed()
