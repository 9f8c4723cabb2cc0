"""Hidden states of many chains, each shared beginning computed once and kept for the next ask.

Chains are cut where scores are read, and the pieces of one question form a tree. A piece that was read before is not
read again: its keys and values are kept, and what follows it is computed behind them, several rows at a time. A model
whose memory is not keys and values alone (recurrent layers) is read plainly instead, whole chain by whole chain.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

__all__ = ["Prefixes", "Tally"]

Pieces = tuple[tuple[int, ...], ...]
MOST_SURPRISE = 12.0
"""Nats: a token less likely than that counts as one that likely."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Tokens that were computed for an ask, and those of its chains in all."""

    computed: int
    read: int


@dataclass(slots=True, eq=False)
class _Piece:
    ids: tuple[int, ...]
    parent: _Piece | None
    depth: int
    score: float | None = None
    least: float = 0.0
    state: Tensor | None = None
    kept: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    children: dict[tuple[int, ...], _Piece] = field(default_factory=dict)

    @property
    def end(self) -> int:
        return self.depth + len(self.ids)

    @property
    def size(self) -> int:
        own: int = sum(part.numel() * part.element_size() for pair in self.kept for part in pair)
        return own + sum(child.size for child in self.children.values())


class Prefixes:
    """Reads chains given as pieces and returns one number a piece: `readout` of the state of its last token.

    `backbone` is a transformers module that returns hidden states, `readout` maps states (places, hidden) to numbers
    (places,). At most `room` bytes of keys and values are kept between asks, whole questions at a time, the ones used
    last; a forward holds about `tokens` positions. `shares` says whether beginnings are shared. Where `doubt` is given,
    that many times the least log-probability of any token so far is added, the first piece (the question) left out; the
    backbone's input embeddings serve as output. Not safe to call from two threads at once.
    """

    def __init__(
        self, backbone: Any, readout: Callable[[Tensor], Tensor], *, room: int, tokens: int = 8192, doubt: float = 0.0
    ) -> None:
        self._backbone = backbone
        self._readout = readout
        self._room = room
        self._tokens = tokens
        self._doubt = doubt
        self._trees: OrderedDict[tuple[int, ...], _Piece] = OrderedDict()
        self._sizes: dict[tuple[int, ...], int] = {}
        self._device = next(backbone.parameters()).device
        self.shares = room > 0 and self._can_share()

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def read(self, chains: Sequence[Pieces]) -> tuple[list[tuple[float, ...]], Tally]:
        """One number a piece for each chain. A piece is at least one token; the same chain may stand there twice."""
        read = sum(len(piece) for chain in chains for piece in chain)
        if not self.shares:
            return self._plainly(chains), Tally(read, read)
        paths = [self._path(chain) for chain in chains]
        computed = 0
        while rows := list(self._ready(paths)):
            for batch in self._batches(rows):
                computed += self._extend(batch)
        scores = [tuple(piece.score for piece in path if piece.score is not None) for path in paths]
        self._forget({chain[0] for chain in chains})
        return scores, Tally(computed, read)

    def _path(self, chain: Pieces) -> list[_Piece]:
        at = self._trees.setdefault(chain[0], _Piece(chain[0], None, 0))
        self._trees.move_to_end(chain[0])
        path = [at]
        for ids in chain[1:]:
            at = at.children.setdefault(ids, _Piece(ids, at, at.end))
            path.append(at)
        return path

    def _ready(self, paths: Sequence[Sequence[_Piece]]) -> Iterator[list[_Piece]]:
        """Runs of pieces that are not read yet, behind ones that are, each up to where chains part."""
        seen: set[int] = set()
        for path in paths:
            first = next((n for n, piece in enumerate(path) if piece.score is None), None)
            if first is None or id(path[first]) in seen:
                continue
            seen.add(id(path[first]))
            run = [path[first]]
            for before, piece in zip(path[first:], path[first + 1 :], strict=False):
                if len(before.children) > 1:
                    break
                run.append(piece)
            yield run

    def _batches(self, rows: list[list[_Piece]]) -> Iterator[list[list[_Piece]]]:
        rows = sorted(rows, key=lambda run: (run[-1].end, run[0].depth))
        batch: list[list[_Piece]] = []
        for run in rows:
            if batch and run[-1].end * (len(batch) + 1) > self._tokens:
                yield batch
                batch = []
            batch.append(run)
        if batch:
            yield batch

    def _extend(self, rows: list[list[_Piece]]) -> int:
        new = [[i for piece in run for i in piece.ids] for run in rows]
        past = [run[0].depth for run in rows]
        before, width = max(past), max(map(len, new))
        ids = torch.zeros((len(rows), width), dtype=torch.long)
        seen = torch.zeros((len(rows), before + width), dtype=torch.long)
        for row, (known, fresh) in enumerate(zip(past, new, strict=True)):
            ids[row, : len(fresh)] = torch.tensor(fresh)
            seen[row, before - known : before + len(fresh)] = 1
        cache = self._cache([_ancestors(run[0]) for run in rows], before)
        positions = torch.tensor(past)[:, None] + torch.arange(width)
        states, layers = self._forward(ids, seen, positions, cache)
        places = [(row, piece) for row, run in enumerate(rows) for piece in run]
        last = [piece.end - past[row] - 1 for row, piece in places]
        scores = self._readout(states[[row for row, _ in places], last]).tolist()
        if self._doubt:
            parents = [run[0].parent for run in rows]
            first = [states[0, 0] if one is None or one.state is None else one.state for one in parents]
            likely = self._likely(torch.cat([torch.stack(first)[:, None], states[:, :-1]], 1), ids)
        for (row, piece), score, end in zip(places, scores, last, strict=True):
            start = before + piece.depth - past[row]
            piece.score = float(score)
            if self._doubt:
                piece.state = states[row, end].clone()
                if piece.parent is not None:
                    own = float(likely[row, piece.depth - past[row] : end + 1].min())
                    piece.least = min(piece.parent.least, own)
                piece.score += self._doubt * piece.least
            piece.kept = [
                (k[row, :, start : start + len(piece.ids)].clone(), v[row, :, start : start + len(piece.ids)].clone())
                for k, v in layers
            ]
        return sum(map(len, new))

    def _cache(self, rows: list[list[_Piece]], width: int) -> DynamicCache:
        cache = DynamicCache()
        if not width:
            return cache
        for layer in range(len(rows[0][0].kept)):
            sides = []
            for side in (0, 1):
                parts = [torch.cat([piece.kept[layer][side] for piece in run], dim=1) for run in rows if run]
                whole = parts[0].new_zeros((len(rows), parts[0].shape[0], width, parts[0].shape[2]))
                for row, part in enumerate(parts):
                    whole[row, :, width - part.shape[1] :] = part
                sides.append(whole)
            cache.update(sides[0], sides[1], layer)
        return cache

    def _forward(
        self, ids: Tensor, seen: Tensor, positions: Tensor, cache: DynamicCache | None
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        out = self._backbone(
            input_ids=ids.to(self._device),
            attention_mask=seen.to(self._device),
            position_ids=positions.to(self._device),
            past_key_values=cache,
            use_cache=cache is not None,
        )
        layers = [] if cache is None else [(layer.keys, layer.values) for layer in cache.layers]
        return out.last_hidden_state, layers

    def _likely(self, before: Tensor, ids: Tensor) -> Tensor:
        """Log-probabilities (rows, width) of tokens from the states before them, none below -12."""
        table = self._backbone.get_input_embeddings().weight
        flat, wanted = before.flatten(0, 1), ids.flatten().to(self._device)
        found = [
            torch.nn.functional.linear(states, table).float().log_softmax(-1).gather(1, of[:, None])[:, 0]
            for states, of in zip(flat.split(1024), wanted.split(1024), strict=True)
        ]
        return torch.cat(found).view(ids.shape).clamp(min=-MOST_SURPRISE)

    def _plainly(self, chains: Sequence[Pieces]) -> list[tuple[float, ...]]:
        whole = {chain: tuple(i for piece in chain for i in piece) for chain in dict.fromkeys(chains)}
        found: dict[Pieces, tuple[float, ...]] = {}
        for chain, ids in whole.items():  # one by one: recurrent layers would read padding
            row = torch.tensor([ids])
            states, _ = self._forward(row, torch.ones_like(row), torch.arange(len(ids))[None], None)
            ends, at = [], -1
            for piece in chain:
                at += len(piece)
                ends.append(at)
            scores = self._readout(states[0, ends])
            if self._doubt and len(ends) > 1:
                likely = self._likely(states[:, :-1], row[:, 1:])[0]
                likely[: ends[0]] = 0.0
                least = torch.cat([likely.new_zeros(1), likely]).cummin(0).values[ends]
                scores = scores + self._doubt * least
            found[chain] = tuple(scores.tolist())
        return [found[chain] for chain in chains]

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _can_share(self) -> bool:
        """Tries it: a beginning kept, two ends of different lengths behind it, against the same chains read plainly."""
        many = min(int(self._backbone.get_input_embeddings().weight.shape[0]), 200)
        ids = [(7 * i + 3) % many for i in range(24)]
        chains: list[Pieces] = [(tuple(ids[:9]), tuple(ids[9:20])), (tuple(ids[:9]), tuple(ids[20:24]))]
        wanted = self._plainly(chains)
        try:
            paths = [self._path(chain) for chain in chains]
            while rows := list(self._ready(paths)):
                self._extend(rows)
        except (TypeError, ValueError, AttributeError, IndexError, RuntimeError):
            return False
        finally:
            self._trees.clear()
        if not all(type(pair[0]) is Tensor for path in paths for piece in path for pair in piece.kept):
            return False
        found = [tuple(piece.score for piece in path if piece.score is not None) for path in paths]
        return all(
            abs(a - b) <= 1e-3 * max(1.0, abs(a))
            for x, y in zip(wanted, found, strict=True)
            for a, b in zip(x, y, strict=True)
        )

    def _forget(self, touched: set[tuple[int, ...]]) -> None:
        """Drops whole questions, those used longest ago first, until what is kept fits."""
        self._sizes.update({key: self._trees[key].size for key in touched})
        over = sum(self._sizes.values()) - self._room
        while over > 0 and self._trees:
            key, _ = self._trees.popitem(last=False)
            over -= self._sizes.pop(key)


def _ancestors(piece: _Piece) -> list[_Piece]:
    found: list[_Piece] = []
    at = piece.parent
    while at is not None:
        found.append(at)
        at = at.parent
    return found[::-1]
