"""Generation and scoring without the prefix tree, for architectures whose layers keep a state of their own.

One batch at a time: prompts shared by many samples are computed once, rows leave as they end, none joins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from workings.core.completion import Stop
from workings.models.local.cache import roomy_cache
from workings.models.local.network import Network
from workings.models.local.samples import Request, Result
from workings.models.local.sampling import Knobs, choose, forced, uniforms
from workings.models.local.stops import Stream, cut, find

__all__ = ["generate"]

_LOOK_EVERY = 16
"""Steps between looks at whether a caller has gone away."""


def generate(network: Network, requests: Sequence[Request], done: Callable[[int, Result], None]) -> None:
    """Generates one batch; `done` gets each request's number and result as it ends.

    A request whose caller has gone away ends as `Stop.CANCELLED`. Equal prompts are computed once. Rows are
    padded on the left; a finished row is dropped once an eighth of the batch has finished.
    Left out: joining new requests to a running batch.
    """
    if not requests:
        return
    with torch.no_grad():
        batch = _Batch(network, requests, done)
        batch.prefill()
        while batch.step():
            pass


class _Batch:
    """The rows of one batch. `rows[i]` is the request that row i of the cache belongs to."""

    def __init__(self, network: Network, requests: Sequence[Request], done: Callable[[int, Result], None]) -> None:
        self.network, self.requests, self.done = network, requests, done
        self.device = network.device
        count, longest = len(requests), max(r.limit for r in requests)
        self.ids = torch.zeros((count, longest), dtype=torch.long)
        self.facts = torch.zeros((count, longest, 3))
        self.uniform = uniforms([r.seed for r in requests], [r.limit for r in requests]).to(self.device)
        self.limits = torch.tensor([r.limit for r in requests])
        self.lengths = torch.tensor([len(r.ids) for r in requests])
        stops = list(dict.fromkeys(r.sampling.stop for r in requests))
        self.groups = torch.tensor([stops.index(r.sampling.stop) for r in requests])
        self.flags = torch.stack([network.watcher.table(s) for s in stops])
        self.rows = torch.arange(count)
        self.live = torch.ones(count, dtype=torch.bool)
        self.streams = {
            i: Stream(network.text, r.ids, r.sampling.stop) for i, r in enumerate(requests) if r.watch is not None
        }
        self.cache = roomy_cache(network.module.config)
        self.knobs = Knobs([r.sampling for r in requests], self.device)
        self.time = 0

    def prefill(self) -> None:
        """Computes each distinct prompt once and hands its cache to all rows that share it."""
        distinct = list(dict.fromkeys(r.ids for r in self.requests))
        self.start = max(map(len, distinct))
        lengths = torch.tensor([len(d) for d in distinct])
        ids = torch.zeros((len(distinct), self.start), dtype=torch.long)
        for row, prompt in enumerate(distinct):
            ids[row, self.start - len(prompt) :] = torch.tensor(prompt)
        real = torch.arange(self.start) >= (self.start - lengths)[:, None]
        self.padded = not bool(real.all())
        at = (real.cumsum(-1) - 1).clamp_min(0)
        mask = real.long().to(self.device) if self.padded else None
        logits = self.network.logits(ids.to(self.device), self.cache, mask, at.to(self.device))
        number = {prompt: row for row, prompt in enumerate(distinct)}
        index = torch.tensor([number[r.ids] for r in self.requests], device=self.device)
        if len(distinct) < len(self.requests):
            self.cache.reorder_cache(index)
        self.logits = logits[index]
        room = torch.ones((len(self.requests), self.start + self.ids.shape[1]), dtype=torch.long)
        room[:, : self.start] = real[index.cpu()]
        self.mask = room.to(self.device)

    def step(self) -> bool:
        """Draws one token a row, lets finished rows go, and computes the next logits; False when all are done."""
        time = self.time
        tokens = self._draw()
        self.time = time + 1
        here = self.live & (
            self.network.end_table[tokens] | self.flags[self.groups, tokens] | (self.limits[self.rows] <= self.time)
        )
        if bool(here.any()):
            for row in here.nonzero().flatten().tolist():
                self._look(row, int(tokens[row]))
        if time % _LOOK_EVERY == 0:
            self._let_go()
        if self.streams:
            self._let_out(tokens)
        left = int(self.live.sum())
        if left == 0:
            return False
        if left <= len(self.rows) - max(1, len(self.rows) // 8):
            tokens = self._close_up(tokens)
        at = (self.lengths[self.rows] + time)[:, None].to(self.device)
        mask = self.mask[:, : self.start + self.time] if self.padded else None
        self.logits = self.network.logits(tokens[:, None].to(self.device), self.cache, mask, at)
        return True

    def _draw(self) -> torch.Tensor:
        logits = self.logits
        logp = torch.log_softmax(logits, dim=-1)
        tokens = choose(forced(logits, self.knobs), self.knobs, self.uniform[self.rows.to(self.device), self.time])
        chosen = logp.gather(-1, tokens[:, None]).squeeze(-1)
        entropy = -(logp.exp() * logp.clamp_min(-1e30)).sum(dim=-1)
        certainty = -logp.mean(dim=-1) - math.log(logp.shape[-1])
        drawn = tokens.cpu()
        self.ids[self.rows, self.time] = drawn
        self.facts[self.rows, self.time] = torch.stack((chosen, entropy, certainty), dim=-1).cpu()
        return drawn

    def _look(self, row: int, token: int) -> None:
        number = int(self.rows[row])
        request = self.requests[number]
        ended = token in self.network.ends
        if not ended and request.sampling.stop and bool(self.flags[self.groups[row], token]):
            ids = self.ids[number, : self.time].tolist()
            if self.network.watcher.complete(ids, request.sampling.stop):
                return self._finish(row, Stop.STRING)
        if ended:
            return self._finish(row, Stop.END)
        if self.time >= request.limit:
            full = request.limit < request.sampling.max_tokens
            return self._finish(row, Stop.CONTEXT if full else Stop.LENGTH)
        return None

    def _finish(self, row: int, stop: Stop) -> None:
        number = int(self.rows[row])
        request, text = self.requests[number], self.network.text
        ids = self.ids[number, : self.time].tolist()
        special = stop is Stop.STRING and ids[-1] in self.network.watcher.special(request.sampling.stop)
        written = text.decode_after(request.ids, ids[:-1] if stop is Stop.END or special else ids)
        at = find(written, request.sampling.stop)
        kept = len(ids)
        if at >= 0:
            stop, written = Stop.STRING, written[:at]
            kept = cut(text, request.ids, ids, written)
        elif special:
            kept -= 1
        facts = self.facts[number, :kept]
        means = facts.double().mean(dim=0).tolist() if kept else [None, None, None]
        stream = self.streams.pop(number, None)
        if stream is not None and request.watch is not None and len(written) > stream.sent:
            request.watch(written[stream.sent :])
        self.live[row] = False
        logprobs = tuple(facts[:, 0].tolist())
        self.done(
            number, Result(written, stop, tuple(ids[:kept]), logprobs, means[1], means[2], len(ids), len(request.ids))
        )

    def _let_go(self) -> None:
        for row in self.live.nonzero().flatten().tolist():
            if self.requests[int(self.rows[row])].cancelled():
                self._finish(row, Stop.CANCELLED)

    def _let_out(self, tokens: torch.Tensor) -> None:
        for row in self.live.nonzero().flatten().tolist():
            number = int(self.rows[row])
            stream, watch = self.streams.get(number), self.requests[number].watch
            if stream is not None and watch is not None:
                new = stream.push(int(tokens[row]))
                if new:
                    watch(new)

    def _close_up(self, tokens: torch.Tensor) -> torch.Tensor:
        keep = self.live.nonzero().flatten()
        self.rows, self.groups, self.live = self.rows[keep], self.groups[keep], self.live[keep]
        there = keep.to(self.device)
        self.cache.reorder_cache(there)
        self.mask = self.mask[there]
        self.knobs.keep(there)
        return tokens[keep]
