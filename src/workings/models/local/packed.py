"""Log-probabilities of candidates at many cuts of a chain, in one packed forward.

The chain is in the prefix tree, or is computed into it once. Behind each cut stand a cue and candidates; all of them
are tokens of one forward, side by side, with the positions they would have and a mask by which each sees the chain up
to its cut and its own beginning. What several candidates begin with is computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from workings.core.ask import Score
from workings.models.local.attention import Own, Step
from workings.models.local.engine import Engine, Placed
from workings.models.local.render import Text
from workings.models.local.score import Passage, passages
from workings.models.local.tree import Node

__all__ = ["Read", "Reading", "read", "reading"]

_TOKENS = 2048
"""Most packed tokens of one forward."""
_WITH = 1024
"""Most missing positions of a chain that are computed in the same forward as what stands behind its cuts."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One ask in tokens: the trunk that its passages share, and the passages."""

    trunk: tuple[int, ...]
    passages: tuple[Passage, ...]


@dataclass(slots=True)
class Read:
    """Sums of log-probabilities (nats), one a passage; positions computed for them, and positions from the tree."""

    sums: list[float]
    computed: int = 0
    cached: int = 0


@dataclass(slots=True)
class _Pack:
    """Suffix tokens of one reading: ids, positions, parents (-1: the trunk), how much of the trunk each sees."""

    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    reach: list[int] = field(default_factory=list)
    places: dict[tuple[int, tuple[int, ...]], int] = field(default_factory=dict)
    start: int = -1

    def begin(self, trunk: tuple[int, ...], start: int) -> None:
        """Puts the end of the trunk, which is not in the tree yet, before all suffixes."""
        self.start = start
        count = len(trunk) - start
        self.ids = list(trunk[start:])
        self.positions = list(range(start, len(trunk)))
        self.parents = list(range(-1, count - 1))
        self.reach = [start] * count

    def add(self, depth: int, suffix: tuple[int, ...]) -> list[int]:
        """The places of the tokens of `suffix` behind `depth` positions of the trunk."""
        inside = 0 <= self.start < depth
        parent, places = depth - self.start - 1 if inside else -1, []
        for length in range(1, len(suffix) + 1):
            key = (depth, suffix[:length])
            place = self.places.get(key)
            if place is None:
                place = self.places[key] = len(self.ids)
                self.ids.append(suffix[length - 1])
                self.positions.append(depth + length - 1)
                self.parents.append(parent)
                self.reach.append(self.start if inside else depth)
            places.append(place)
            parent = place
        return places


def reading(ask: Score, text: Text) -> tuple[Reading, list[list[Passage]]]:
    """What an ask means in tokens; see `score.passages`."""
    table = passages(ask, text)
    chain = ask.chain_ids if ask.chain_ids is not None else tuple(text.encode(ask.chain))
    flat = tuple(passage for row in table for passage in row)
    return Reading((*text.prompt(ask.prompt), *chain), flat), table


def read(engine: Engine, wanted: Sequence[Reading]) -> list[Read]:
    """What each reading gives, and what was computed for it and taken from the tree."""
    found = [Read([0.0] * len(one.passages)) for one in wanted]
    for group in _groups(wanted):
        _read_group(engine, wanted, group, found)
    for one in wanted:
        engine.count.boundaries += len(one.passages)
        engine.count.merged += sum(passage.merged for passage in one.passages)
    return found


def _groups(wanted: Sequence[Reading]) -> list[list[tuple[int, list[int]]]]:
    """Readings and which of their passages go into one forward, at most about `_TOKENS` suffix tokens."""
    groups: list[list[tuple[int, list[int]]]] = []
    room = 0
    for number, one in enumerate(wanted):
        for place, passage in enumerate(one.passages):
            if passage.start >= len(passage.ids):
                continue
            cost = len(passage.ids) - _depth(one.trunk, passage)
            if not groups or cost > room:
                groups.append([])
                room = _TOKENS
            room -= cost
            if not groups[-1] or groups[-1][-1][0] != number:
                groups[-1].append((number, []))
            groups[-1][-1][1].append(place)
    return groups


def _depth(trunk: tuple[int, ...], passage: Passage) -> int:
    """How much of the trunk a passage begins with, the token before its scored ones left out."""
    most = min(len(trunk), passage.start - 1)
    if trunk[:most] == passage.ids[:most]:
        return most
    return next(i for i in range(most) if trunk[i] != passage.ids[i])


def _read_group(
    engine: Engine, wanted: Sequence[Reading], group: list[tuple[int, list[int]]], found: list[Read]
) -> None:
    depths = [
        [_depth(wanted[number].trunk, wanted[number].passages[place]) for place in places] for number, places in group
    ]
    trunks = [wanted[number].trunk[: max(deep)] for (number, _), deep in zip(group, depths, strict=True)]
    start = _start(engine, trunks)
    packs: list[_Pack] = []
    tasks = []
    for (number, places), trunk, deep in zip(group, trunks, depths, strict=True):
        pack = _Pack()
        if start is not None:
            pack.begin(trunk, start)
        for place, depth in zip(places, deep, strict=True):
            passage = wanted[number].passages[place]
            at = pack.add(depth, passage.ids[depth:-1])
            tasks.append((len(packs), at[passage.start - 1 - depth :], passage.ids[passage.start :], number, place))
        packs.append(pack)
    for (number, _), trunk, pack in zip(group, trunks, packs, strict=True):
        known = sum(take for _, take in engine.tree.match(trunk, len(trunk)))
        found[number].cached += known
        found[number].computed += len(pack.ids) + (len(trunk) - known if start is None else 0)
    there = trunks if start is None else [trunks[0][:start]]
    held = _hold(engine, there)
    try:
        placed = []
        for trunk in there:
            path = engine.tree.match(trunk, len(trunk)) if trunk else []
            placed.append(Placed(tuple(engine.segment(node, take) for node, take in path), ()))
        first = [sum(len(p.ids) for p in packs[:row]) for row in range(len(packs))]
        keep = sorted({first[row] + place for row, at, _, _, _ in tasks for place in at})
        width = max(len(p.ids) for p in packs)
        engine.fits(len(packs) * width * engine.shape.position_bytes)
        own = Own(engine.shape, len(packs), width)
        with engine.counted(own):
            step, ids = _step(engine, own, packs, placed)
            logits = engine.forward(step, ids, torch.tensor(keep, device=engine.shape.device))
            if start is not None:
                engine.keep(trunks[0], own.kv[:, :, 0, :, : len(trunks[0]) - start], start)
        where = {place: row for row, place in enumerate(keep)}
        level = torch.logsumexp(logits, dim=-1)
        for row, at, tokens, number, place in tasks:
            here = torch.tensor([where[first[row] + a] for a in at], device=logits.device)
            chosen = logits[here, torch.tensor(tokens, device=logits.device)] - level[here]
            found[number].sums[place] = float(chosen.double().sum())
    finally:
        for node in held:
            engine.let_go(node)


def _start(engine: Engine, trunks: Sequence[tuple[int, ...]]) -> int | None:
    """Where the missing end of a single trunk begins, when it is short enough to go into the same forward."""
    if len(trunks) != 1:
        return None
    there = sum(take for _, take in engine.tree.match(trunks[0], len(trunks[0])))
    return there if 0 < len(trunks[0]) - there <= _WITH else None


def _hold(engine: Engine, trunks: Sequence[tuple[int, ...]]) -> list[Node]:
    missing = list(dict.fromkeys(t for t in trunks if t and not _there(engine, t)))
    nodes = [node for _, node in engine.compute(missing)] if missing else []
    for trunk in trunks:
        path = engine.tree.match(trunk, len(trunk)) if trunk else []
        if path:
            path[-1][0].holders += 1
            nodes.append(path[-1][0])
    return nodes


def _there(engine: Engine, trunk: tuple[int, ...]) -> bool:
    return sum(take for _, take in engine.tree.match(trunk, len(trunk))) == len(trunk)


def _step(engine: Engine, own: Own, packs: Sequence[_Pack], placed: Sequence[Placed]) -> tuple[Step, torch.Tensor]:
    device, width = engine.shape.device, own.columns
    sizes = torch.tensor([len(p.ids) for p in packs])
    row = torch.repeat_interleave(torch.arange(len(packs)), sizes).to(device)
    column = torch.cat([torch.arange(len(p.ids)) for p in packs]).to(device)
    positions = torch.tensor([x for p in packs for x in p.positions], device=device)
    own.positions[row, column] = positions
    seen = torch.zeros((len(packs), width, width), dtype=torch.bool)
    reach = torch.zeros((len(packs), width), dtype=torch.long)
    for number, pack in enumerate(packs):
        for place, parent in enumerate(pack.parents):
            if parent >= 0:
                seen[number, place] = seen[number, parent]
            seen[number, place, place] = True
        seen[number, torch.arange(len(pack.ids), width), torch.arange(len(pack.ids), width)] = True
        reach[number, : len(pack.ids)] = torch.tensor(pack.reach)
    bias = torch.zeros(seen.shape).masked_fill_(~seen, float("-inf"))[:, None].to(device)
    ids = torch.tensor([x for p in packs for x in p.ids], device=device)
    segments = engine.segments(placed)
    step = Step(own, len(packs), width, width, row, column, column, positions, bias, segments, reach=reach.to(device))
    return step, ids
