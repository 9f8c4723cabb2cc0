"""From logits to tokens: temperature, top-k, top-p and min-p, for many rows with settings of their own.

Every row owns a stream of uniform numbers fixed by its seed, one a token, and turns it into a token by
inverting the cumulative distribution over token ids. So a row's draw does not depend on which other rows
share its batch, except where rounding in the forward pass moves a boundary across its uniform number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from workings.core.ask import Sampling

__all__ = ["Knobs", "choose", "draw", "filtered", "forced", "likeliest", "uniforms"]

_FIRST_LOOK = 1024
"""Tokens looked at before a top-p filter falls back to sorting the whole vocabulary."""


class Knobs:
    """The sampling settings of a batch as tensors, shape (rows,), with flags for filters nobody uses."""

    def __init__(self, settings: Sequence[Sampling], device: torch.device) -> None:
        self.temperature = torch.tensor([s.temperature for s in settings], device=device)
        self.top_k = torch.tensor([s.top_k for s in settings], device=device)
        self.top_p = torch.tensor([s.top_p for s in settings], device=device)
        self.min_p = torch.tensor([s.min_p for s in settings], device=device)
        self.forced = [
            (row, s.bias, torch.tensor(s.allowed, device=device) if s.allowed else None)
            for row, s in enumerate(settings)
            if s.bias or s.allowed
        ]
        self.top = max((s.top for s in settings), default=0)
        self.greedy = self.temperature == 0
        self.any_greedy = bool(self.greedy.any())
        self.all_greedy = bool(self.greedy.all())
        self.all_plain = bool((self.temperature == 1).all())
        self.largest_k = int(self.top_k.max()) if bool((self.top_k > 0).any()) else 0
        self.any_top_p = bool((self.top_p < 1).any())
        self.any_min_p = bool((self.min_p > 0).any())
        self.plain = not (self.largest_k or self.any_top_p or self.any_min_p or self.forced)
        self.one_temperature = not self.any_greedy and bool((self.temperature == self.temperature[:1]).all())


def uniforms(seed: int, length: int) -> np.ndarray:
    """The first `length` numbers in [0, 1) of a seed's stream, float64; a longer stream begins with a shorter one."""
    return np.random.default_rng(seed & 0xFFFF_FFFF_FFFF_FFFF).random(length)


def filtered(logits: torch.Tensor, knobs: Knobs) -> torch.Tensor:
    """Probabilities after temperature, then top-k, then top-p, then min-p, shape (rows, vocabulary).

    Rows sum to at most 1: what the filters took away is not given back, since sampling rescales. Greedy rows
    are returned at temperature 1, unfiltered by it. Top-p keeps the smallest set of most likely tokens that
    holds `top_p` of what top-k left; min-p drops tokens less likely than `min_p` times the likeliest. Ties at
    a cut go to whichever the sort puts first.
    """
    if knobs.all_plain:
        probs = torch.softmax(logits, dim=-1)
    else:
        scale = torch.where(knobs.greedy, torch.ones_like(knobs.temperature), knobs.temperature)
        probs = torch.softmax(logits / scale.clamp_min(1e-6)[:, None], dim=-1)
    if knobs.largest_k:
        width = probs.shape[-1]
        ranked = probs.topk(min(knobs.largest_k, width), dim=-1)
        limit = torch.where(knobs.top_k > 0, knobs.top_k, width)
        rank = torch.arange(ranked.values.shape[-1], device=probs.device)
        kept = torch.zeros_like(probs)
        kept.scatter_(-1, ranked.indices, ranked.values * (rank < limit[:, None]))
        probs = torch.where((knobs.top_k > 0)[:, None], kept, probs)
    if knobs.any_top_p:
        probs = _top_p(probs, knobs.top_p)
    if knobs.any_min_p:
        floor = knobs.min_p[:, None] * probs.max(dim=-1, keepdim=True).values
        probs = torch.where(probs < floor, torch.zeros_like(probs), probs)
    return probs


def _top_p(probs: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    total = probs.sum(dim=-1, keepdim=True)
    wanted = top_p[:, None] * total
    look = min(_FIRST_LOOK, probs.shape[-1])
    while True:
        ranked = probs.topk(look, dim=-1)
        mass = ranked.values.cumsum(dim=-1)
        enough = (mass[:, -1:] >= wanted) | (top_p[:, None] >= 1)
        if look == probs.shape[-1] or bool(enough.all()):
            break
        look = probs.shape[-1]
    before = mass - ranked.values
    kept = torch.zeros_like(probs).scatter_(-1, ranked.indices, ranked.values * (before < wanted))
    return torch.where((top_p < 1)[:, None], kept, probs)


def choose(logits: torch.Tensor, knobs: Knobs, uniform: torch.Tensor) -> torch.Tensor:
    """One token a row, shape (rows,), from float32 logits (rows, vocabulary) and uniform numbers (rows,).

    Temperature 0 takes the likeliest token (the lowest id among equals on one device).
    """
    if knobs.all_greedy:
        return logits.argmax(dim=-1)
    heaped = filtered(logits, knobs).cumsum(dim=-1, dtype=torch.float64)
    target = uniform.clamp_max(1 - 2**-40)[:, None] * heaped[:, -1:]
    drawn = torch.searchsorted(heaped, target, right=True).squeeze(-1).clamp_max(logits.shape[-1] - 1)
    if knobs.any_greedy:
        drawn = torch.where(knobs.greedy, logits.argmax(dim=-1), drawn)
    return drawn


_BLOCK = 128


def draw(
    logits: torch.Tensor, rows: torch.Tensor | None, knobs: Knobs, uniform: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """One token a sample, and what is known about it: (samples,) and (samples, 3).

    `logits` (rows, vocabulary) in float32; `rows` (samples,) says which row each sample draws from, None one each.
    The three facts are the chosen token's log-probability, the entropy, and self-certainty (mean KL from uniform),
    in nats, under the unmodified distribution.
    """
    highest = logits.amax(dim=-1, keepdim=True)
    weights = torch.exp(logits - highest)
    total = weights.sum(dim=-1)
    level = highest.squeeze(-1) + total.log()
    entropy = level - torch.einsum("rv,rv->r", weights, logits.clamp_min(-1e30)) / total
    certainty = level - logits.mean(dim=-1) - math.log(logits.shape[-1])
    if not knobs.plain:
        mine = logits if rows is None else logits[rows]
        tokens = choose(forced(mine, knobs), knobs, uniform)
    elif knobs.all_greedy:
        best = logits.argmax(dim=-1)
        tokens = best if rows is None else best[rows]
    else:
        tokens = _drawn(logits, highest, weights, rows, knobs, uniform)
    at = (torch.arange(len(tokens), device=logits.device) if rows is None else rows, tokens)
    here = at[0]
    facts = torch.stack((logits[at] - level[here], entropy[here], certainty[here]), dim=-1)
    return tokens, facts


def forced(logits: torch.Tensor, knobs: Knobs) -> torch.Tensor:
    """The logits (samples, vocabulary) with biases added and all but the allowed tokens closed."""
    if not knobs.forced:
        return logits
    changed = logits.clone()
    for row, bias, allowed in knobs.forced:
        for token, value in bias:
            changed[row, token] += value
        if allowed is not None:
            kept = changed[row, allowed].clone()
            changed[row] = float("-inf")
            changed[row, allowed] = kept
    return changed


def likeliest(logits: torch.Tensor, rows: torch.Tensor | None, many: int) -> list[list[tuple[int, float]]]:
    """The `many` likeliest tokens of each sample with their log-probabilities (nats)."""
    logp, ids = torch.log_softmax(logits, dim=-1).topk(min(many, logits.shape[-1]), dim=-1)
    listed = [list(zip(i, p, strict=True)) for i, p in zip(ids.tolist(), logp.tolist(), strict=True)]
    return listed if rows is None else [listed[row] for row in rows.tolist()]


def _drawn(
    logits: torch.Tensor,
    highest: torch.Tensor,
    weights: torch.Tensor,
    rows: torch.Tensor | None,
    knobs: Knobs,
    uniform: torch.Tensor,
) -> torch.Tensor:
    """Tokens without filters. Where samples of a row share a temperature, its heaps are made once."""
    if knobs.one_temperature:
        if not knobs.all_plain:
            weights = torch.exp((logits - highest) / float(knobs.temperature[0]))
        return _pick(weights, rows, uniform)
    mine, top = (logits, highest) if rows is None else (logits[rows], highest[rows])
    scale = torch.where(knobs.greedy, torch.ones_like(knobs.temperature), knobs.temperature)
    tokens = _pick(torch.exp((mine - top) / scale[:, None]), None, uniform)
    return torch.where(knobs.greedy, mine.argmax(dim=-1), tokens) if knobs.any_greedy else tokens


def _pick(weights: torch.Tensor, rows: torch.Tensor | None, uniform: torch.Tensor) -> torch.Tensor:
    """Inverts the cumulative weights over token ids, in two levels: blocks first, then tokens of one block."""
    width = weights.shape[-1]
    if width % _BLOCK:
        weights = torch.nn.functional.pad(weights, (0, -width % _BLOCK))
    blocks = weights.view(len(weights), -1, _BLOCK)
    heaped = blocks.sum(dim=-1, dtype=torch.float32).double().cumsum(dim=-1)
    if rows is not None:
        heaped = heaped[rows]
    here = torch.arange(len(uniform), device=weights.device) if rows is None else rows
    target = uniform.clamp_max(1 - 2**-40) * heaped[:, -1]
    block = torch.searchsorted(heaped, target[:, None], right=True).squeeze(-1).clamp_max(heaped.shape[-1] - 1)
    inside = blocks[here, block].double().cumsum(dim=-1)
    before = torch.where(block > 0, heaped.gather(-1, (block - 1).clamp_min(0)[:, None]).squeeze(-1), 0.0)
    rest = (target - before).clamp_min(0)
    place = torch.searchsorted(inside, rest[:, None], right=True).squeeze(-1)
    last = (inside < inside[:, -1:]).sum(dim=-1)
    return (block * _BLOCK + torch.minimum(place, last)).clamp_max(width - 1)
