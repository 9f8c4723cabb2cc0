"""The engine: prefixes computed once into the tree, and forwards of tokens that belong to many rows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workings.core.errors import BadSetting
from workings.models.local.attention import Own, Segment, Shape, Step, TreeAttention
from workings.models.local.network import Network
from workings.models.local.tree import Node, Path, PrefixTree

__all__ = ["Count", "Engine", "Placed", "shape_of"]

CHUNK = 1024
"""Most positions of one prefix computed in one forward."""
ROUND = 4096
"""Most positions, padding of the attention included, of all prefixes computed in one forward."""
WORTH = 1024
"""Positions spared (sharing rows less one, times length) from which a prefix is multiplied apart and not copied."""
REMEMBERED = 4_000_000
"""Positions that are remembered as computed; beyond them, all that is computed counts as new."""
LONG = 512
"""Length from which a prefix is not copied even for one row."""


@dataclass(slots=True)
class Count:
    """Token positions asked of the engine. `computed` over `distinct` is 1 when nothing is computed twice.

    `distinct` counts positions that were computed for the first time since the engine began; a position is the same
    when all token ids up to it are. `evicted` and `preempted` say how often memory ran short, `largest` how many bytes
    keys and values took at most. Of the `boundaries` before scored candidates, a tokenizer would have merged `merged`.
    """

    computed: int = 0
    distinct: int = 0
    evicted: int = 0
    preempted: int = 0
    boundaries: int = 0
    merged: int = 0
    largest: int = 0


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a row's prefix is: `segments` that it shares, and `copied` paths to be put into its own part."""

    segments: tuple[Segment, ...]
    copied: tuple[Segment, ...]

    @property
    def own(self) -> int:
        """Columns that the copied part takes."""
        return sum(map(len, self.copied))


def shape_of(module: Any) -> Shape:
    """What the module keeps for each position; BadSetting where its layers differ or are not attention."""
    config = module.config.get_text_config(decoder=True)
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if kinds - {"full_attention", "sliding_attention"}:
        raise BadSetting(f"Layers of {', '.join(sorted(kinds))} keep a state of their own.")
    heads = int(config.num_attention_heads)
    stored = int(getattr(config, "num_key_value_heads", None) or heads)
    width = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
    weight = module.get_input_embeddings().weight
    return Shape(int(config.num_hidden_layers), stored, width, weight.dtype, weight.device)


class Engine:
    """Computes prefixes into a tree of at most `room` bytes (rows' own parts counted), and steps of rows."""

    def __init__(self, network: Network, room: int) -> None:
        self.network = network
        self.shape = shape_of(network.module)
        self.attention = TreeAttention(network.module)
        self.tree = PrefixTree()
        self.count = Count()
        self.room = room
        self.own_bytes = 0
        self._interned: dict[tuple[int, int], tuple[Tensor, Segment]] = {}
        self._seen: set[int] = set()

    def reset(self) -> None:
        """Forgets every prefix, whoever held it: after a failure, holds of what was under way are never let go."""
        self.tree = PrefixTree()
        self.own_bytes = 0
        self._interned.clear()

    def forward(self, step: Step, ids: Tensor, keep: Tensor | None) -> Tensor:
        """Float32 logits (kept tokens, vocabulary) of the tokens of a step; `keep` None keeps all of them."""
        with self.attention.during(step):
            logits: Tensor = self.network.packed(ids, step.positions, keep)
        self.count.computed += len(ids)
        return logits

    def fits(self, wanted: int) -> bool:
        """Whether `wanted` bytes more can be had, forgetting what nobody holds, an eighth of the room at a time."""
        short = self.tree.bytes + self.own_bytes + wanted - self.room
        if short > 0:
            self.count.evicted += 1
            self._interned.clear()
            short -= self.tree.forget(max(short, self.room // 8))
        self.count.largest = max(self.count.largest, self.tree.bytes + self.own_bytes + max(0, wanted))
        return short <= 0

    def compute(self, wanted: Sequence[tuple[int, ...]]) -> list[tuple[Tensor, Node]]:
        """The logits behind each of the distinct `wanted` sequences, (vocabulary,), and its node, which is then held.

        What several of them begin with is computed once; the last position of each is always computed. Whoever
        asked lets go of the nodes with `let_go`.
        """
        self._share_beginnings(wanted)
        found: dict[tuple[int, ...], tuple[Tensor, Node]] = {}
        left = list(wanted)
        while left:
            rows, paths = self._round(left)
            for ids, row, node in zip(rows, *self._prefill(rows, paths), strict=True):
                node.holders += 1
                found[ids] = (row, node)
            left = [ids for ids in left if ids not in found]
        return [found[ids] for ids in wanted]

    def let_go(self, node: Node) -> None:
        """Ends a hold on a node."""
        node.holders -= 1

    def _share_beginnings(self, wanted: Sequence[tuple[int, ...]]) -> None:
        while True:
            groups: dict[tuple[int, int], list[tuple[int, ...]]] = {}
            for ids in wanted:
                path = self.tree.match(ids, len(ids) - 1)
                depth = sum(take for _, take in path)
                node = path[-1][0] if path else self.tree.root
                if depth < len(ids) - 1:
                    key = (id(node), hash(ids[node.start : depth + 1]))
                    groups.setdefault(key, []).append(ids)
            beginnings = []
            for members in groups.values():
                if len(members) > 1:
                    length = _shared_length(members)
                    path = self.tree.match(members[0], length)
                    if length > sum(take for _, take in path):
                        beginnings.append(members[0][:length])
            if not beginnings:
                return
            left = beginnings
            while left:
                rows, paths = self._round(left)
                self._prefill(rows, paths)
                left = [ids for ids in left if ids not in set(rows)]

    def _round(self, left: Sequence[tuple[int, ...]]) -> tuple[list[tuple[int, ...]], list[Path]]:
        """What one forward can take of `left`: whole sequences, or chunks of long ones when there are no others."""
        cases = []
        for ids in left:
            path = self.tree.match(ids, len(ids) - 1)
            depth = sum(take for _, take in path)
            cases.append((len(ids) - depth, depth, ids, path))
        cases.sort(key=lambda case: case[0])
        if cases[0][0] > CHUNK:
            _, depth, ids, path = cases[0]
            self._prefill([ids[: depth + CHUNK]], [path])
            return self._round(left)
        rows: list[tuple[int, ...]] = []
        paths: list[Path] = []
        for missing, _, ids, path in cases:
            if missing > CHUNK or (rows and missing * (len(rows) + 1) > ROUND):
                break
            rows.append(ids)
            paths.append(path)
        return rows, paths

    def _prefill(self, rows: list[tuple[int, ...]], paths: list[Path]) -> tuple[Tensor, list[Node]]:
        """Computes the missing end of each sequence and keeps it; logits behind each (rows, vocabulary), and nodes."""
        held = [path[-1][0] for path in paths if path]
        for node in held:
            node.holders += 1
        placed = self.place(paths, [1] * len(paths))
        starts = [sum(take for _, take in path) for path in paths]
        news = [len(ids) - start for ids, start in zip(rows, starts, strict=True)]
        columns = max(p.own + new for p, new in zip(placed, news, strict=True))
        self.fits((len(rows) * columns + sum(news)) * self.shape.position_bytes)
        own = Own(self.shape, len(rows), columns)
        for row, one in enumerate(placed):
            self.fill(own, row, one)
        with self.counted(own):
            step = self._prefill_step(own, placed, starts, news)
            ids = torch.tensor([i for r, s in zip(rows, starts, strict=True) for i in r[s:]], device=self.shape.device)
            ends = torch.tensor(news, device=self.shape.device).cumsum(0) - 1
            logits = self.forward(step, ids, ends)
        for node in held:
            node.holders -= 1
        nodes = [
            self.keep(whole, own.kv[:, :, row, :, one.own : one.own + new], start)
            for row, (whole, one, start, new) in enumerate(zip(rows, placed, starts, news, strict=True))
        ]
        return logits, nodes

    def _prefill_step(self, own: Own, placed: list[Placed], starts: list[int], news: list[int]) -> Step:
        device, width = self.shape.device, max(news)
        row = torch.repeat_interleave(torch.arange(len(news)), torch.tensor(news)).to(device)
        column = torch.cat([torch.arange(n) for n in news]).to(device)
        first = torch.tensor([p.own for p in placed], device=device)
        positions = torch.tensor(starts, device=device)[row] + column
        at = first[row] + column
        own.positions[row, at] = positions
        there = torch.arange(own.columns, device=device)
        seen = there <= (first[:, None] + torch.arange(width, device=device))[:, :, None]
        bias = torch.zeros(seen.shape, device=device).masked_fill_(~seen, float("-inf"))[:, None]
        fresh = not bool(first.any())
        return Step(
            own, len(news), width, own.columns, row, column, at, positions, bias, self.segments(placed), fresh=fresh
        )

    @contextlib.contextmanager
    def counted(self, own: Own) -> Iterator[None]:
        """Counts a buffer as memory in use."""
        self.own_bytes += own.bytes
        try:
            yield
        finally:
            self.own_bytes -= own.bytes

    def place(self, paths: Sequence[Path], samples: Sequence[int]) -> list[Placed]:
        """Decides for each path, which so many samples go on from, what is shared and what is copied."""
        users: dict[int, int] = {}
        for path, many in zip(paths, samples, strict=True):
            for node, _ in path:
                users[id(node)] = users.get(id(node), 0) + many
        placed = []
        for path in paths:
            shared: list[Segment] = []
            copied: list[Segment] = []
            for node, take in path:
                apart = (users[id(node)] - 1) * take >= WORTH or take >= LONG
                (shared if apart else copied).append(self.segment(node, take))
            placed.append(Placed(tuple(shared), tuple(copied)))
        return placed

    def segment(self, node: Node, take: int) -> Segment:
        """The first `take` positions of a node, the same object each time."""
        key = (id(node.kv), take)
        known = self._interned.get(key)
        if known is None or known[0] is not node.kv:
            if len(self._interned) > 4096:
                self._interned.clear()
            known = self._interned[key] = (node.kv, Segment(node.kv[..., :take, :], node.start))
        return known[1]

    def fill(self, own: Own, row: int, placed: Placed) -> None:
        """Copies what a row does not share into its own part."""
        column = 0
        for piece in placed.copied:
            own.put(row, column, piece.kv, piece.start)
            column += len(piece)

    def segments(self, placed: Sequence[Placed]) -> list[tuple[Segment, Tensor | None]]:
        """Each segment with the rows that share it; None where all do."""
        rows: dict[int, list[int]] = {}
        named: dict[int, Segment] = {}
        for number, one in enumerate(placed):
            for segment in one.segments:
                rows.setdefault(id(segment), []).append(number)
                named[id(segment)] = segment
        device = self.shape.device
        return [
            (named[key], None if len(those) == len(placed) else torch.tensor(those, device=device))
            for key, those in rows.items()
        ]

    def keep(self, ids: tuple[int, ...], kv: Tensor, start: int) -> Node:
        """Puts positions from `start` on into the tree; counts those never computed before."""
        mark = 0
        for place, token in enumerate(ids):
            mark = hash((mark, token))
            if place >= start and mark not in self._seen:
                self.count.distinct += 1
                if len(self._seen) < REMEMBERED:
                    self._seen.add(mark)
        self.fits((len(ids) - start) * self.shape.position_bytes)
        return self.tree.insert(ids, kv, start)


def _shared_length(members: Sequence[tuple[int, ...]]) -> int:
    """How long all of them are the same, at most one less than the shortest."""
    low, high = min(members), max(members)
    most = min(len(m) for m in members) - 1
    return next((i for i in range(min(most, len(high))) if low[i] != high[i]), most)
