"""Attention over a shared prefix and each row's own part, behind transformers' attention and mask registries.

The tokens of one forward stand side by side in one sequence, whatever rows they belong to: the linear layers see one
matrix. Only here are they told apart. A segment (part of a prefix that several rows share) is multiplied once for all
of its rows; each row's own keys and values stand in a buffer that is written in place; both parts are joined under one
softmax. While an engine is attached, the module is set to its attention by name; leaving sets back what was there.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from workings.core.errors import ModelError

__all__ = ["Own", "Segment", "Shape", "Step", "TreeAttention"]

_NUMBERS = itertools.count(1)
_IGNORED = {"dropout", "is_causal", "position_ids", "use_cache", "cache_position", "output_attentions", "config"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a model keeps for each position: layers, key-value heads, width of a head, and in which format."""

    layers: int
    heads: int
    width: int
    dtype: torch.dtype
    device: torch.device

    @property
    def position_bytes(self) -> int:
        """Memory one position takes."""
        return 2 * self.layers * self.heads * self.width * self.dtype.itemsize


@dataclass(frozen=True, eq=False, slots=True)
class Segment:
    """Shared positions from `start` on; `kv` is (layers, 2, heads, positions, width)."""

    kv: Tensor
    start: int

    def __len__(self) -> int:
        return int(self.kv.shape[3])


class Own:
    """Rows' own keys and values, (layers, 2, rows, heads, columns, width), and the position of each column."""

    def __init__(self, shape: Shape, rows: int, columns: int) -> None:
        self.shape = shape
        self.kv = torch.zeros(
            (shape.layers, 2, rows, shape.heads, columns, shape.width), dtype=shape.dtype, device=shape.device
        )
        self.positions = torch.zeros((rows, columns), dtype=torch.long, device=shape.device)

    @property
    def rows(self) -> int:
        """Rows there is room for."""
        return int(self.kv.shape[2])

    @property
    def columns(self) -> int:
        """Columns there is room for."""
        return int(self.kv.shape[4])

    @property
    def bytes(self) -> int:
        """Memory of the whole buffer."""
        return int(self.kv.numel() * self.kv.element_size())

    def take(self, other: Own, rows: int, columns: int) -> None:
        """Copies the first rows and columns of another buffer into this one."""
        self.kv[:, :, :rows, :, :columns] = other.kv[:, :, :rows, :, :columns]
        self.positions[:rows, :columns] = other.positions[:rows, :columns]

    def move(self, source: int, target: int, used: int) -> None:
        """Makes row `target` what row `source` is."""
        self.kv[:, :, target, :, :used] = self.kv[:, :, source, :, :used]
        self.positions[target, :used] = self.positions[source, :used]

    def put(self, row: int, column: int, kv: Tensor, start: int) -> None:
        """Copies positions that begin at `start` into a row from `column` on."""
        count = kv.shape[3]
        self.kv[:, :, row, :, column : column + count] = kv
        self.positions[row, column : column + count] = torch.arange(start, start + count, device=self.positions.device)


@dataclass(slots=True)
class Step:
    """Where the tokens of one forward belong.

    `row`, `column` and `at` (tokens,) give each token's row, its place among that row's tokens of this forward, and
    the column of `own` that its keys and values go to; `rows` and `width` bound the first two, and `used` the columns
    filled after it. `bias` (rows, 1, width, used), 0 or -inf, is added to own scores where given. `segments` pairs each
    segment with its rows (None: all). `reach` (rows, width): a query sees only shared positions below it.
    `fresh` says that own parts begin with this forward, so that plain causal attention serves them.
    """

    own: Own
    rows: int
    width: int
    used: int
    row: Tensor
    column: Tensor
    at: Tensor
    positions: Tensor
    bias: Tensor | None = None
    segments: list[tuple[Segment, Tensor | None]] = field(default_factory=list)
    reach: Tensor | None = None
    fresh: bool = False
    _kept: dict[Any, Tensor | None] = field(default_factory=dict)

    def spread(self, flat: Tensor) -> Tensor:
        """(tokens, ...) to (rows, width, ...), zero where a row has fewer tokens."""
        if self.width == 1:
            return flat
        out = flat.new_zeros((self.rows, self.width, *flat.shape[1:]))
        out[self.row, self.column] = flat
        return out

    def query_positions(self) -> Tensor:
        """(rows, width)."""
        found = self._kept.get("positions")
        if found is None:
            found = self.spread(self.positions).view(self.rows, self.width)
            self._kept["positions"] = found
        return found

    def own_bias(self, window: int | None) -> Tensor | None:
        """The bias of own scores, narrowed to a sliding window."""
        if window is None:
            return self.bias
        key = ("own", window)
        if key not in self._kept:
            far = self.query_positions()[:, None, :, None] - self.own.positions[: self.rows, None, None, : self.used]
            hidden = torch.zeros(far.shape, device=far.device).masked_fill_(far >= window, float("-inf"))
            self._kept[key] = hidden if self.bias is None else hidden + self.bias
        return self._kept[key]

    def segment_bias(self, number: int, window: int | None) -> Tensor | None:
        """The bias of one segment's scores (its rows, 1, width, positions), or None where all of it is seen."""
        key = ("segment", number, window)
        if key not in self._kept:
            segment, rows = self.segments[number]
            asked = self.query_positions() if rows is None else self.query_positions()[rows]
            there = torch.arange(segment.start, segment.start + len(segment), device=asked.device)
            hidden = None
            if window is not None and int(asked.max()) - segment.start >= window:
                hidden = asked[:, :, None] - there >= window
            if self.reach is not None:
                reach = self.reach if rows is None else self.reach[rows]
                beyond = there >= reach[:, :, None]
                hidden = beyond if hidden is None else hidden | beyond
            bias = None
            if hidden is not None:
                bias = torch.zeros(hidden.shape, device=asked.device).masked_fill_(hidden, float("-inf"))[:, None]
            self._kept[key] = bias
        return self._kept[key]


class TreeAttention:
    """The attention of one engine. `step` is set for the length of a forward, on the engine's thread."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.name = f"workings_tree_{next(_NUMBERS)}"
        self._step: Step | None = None
        self._thread = 0
        self._before = ""

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Sets the module to this attention, and back on leaving."""
        before = self.module.config._attn_implementation
        self._before = "sdpa" if before == "eager" else before
        AttentionInterface.register(self.name, self._attend)
        AttentionMaskInterface.register(self.name, self._mask)
        try:
            self.module.set_attn_implementation(self.name)
            yield
        finally:
            self.module.set_attn_implementation(before)
            for registry in (AttentionInterface, AttentionMaskInterface):
                registry._global_mapping.pop(self.name, None)  # there is no public way to take a name back

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Sets the module's own attention back for a while."""
        self.module.set_attn_implementation(self._before)
        try:
            yield
        finally:
            self.module.set_attn_implementation(self.name)

    @contextlib.contextmanager
    def during(self, step: Step) -> Iterator[None]:
        """Lets the forward inside be this step."""
        self._step, self._thread = step, threading.get_ident()
        try:
            yield
        finally:
            self._step = None

    def _mine(self) -> Step | None:
        return self._step if self._thread == threading.get_ident() else None

    def _mask(self, *args: Any, **kwargs: Any) -> Any:
        if self._mine() is not None:
            return None
        return ALL_MASK_ATTENTION_FUNCTIONS[self._before](*args, **kwargs)

    def _attend(
        self,
        module: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None = None,
        scaling: float | None = None,
        sliding_window: int | None = None,
        softcap: float | None = None,
        **others: Any,
    ) -> tuple[Tensor, None]:
        """Attention of tokens (1, heads, tokens, width); returns (1, tokens, heads, width)."""
        step = self._mine()
        if step is None:
            settings = {"scaling": scaling, "sliding_window": sliding_window, **others}
            plain: tuple[Tensor, None] = ALL_ATTENTION_FUNCTIONS[self._before](
                module, query, key, value, attention_mask, **settings
            )
            return plain
        for name, given in others.items():
            if given is not None and name not in _IGNORED:
                raise ModelError(f"This attention takes {name!r}, which the engine does not know.")
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        window = sliding_window if sliding_window and sliding_window > 0 else None
        own = step.own.kv[module.layer_idx]
        own[0, step.row, :, step.at] = key[0].transpose(0, 1)
        own[1, step.row, :, step.at] = value[0].transpose(0, 1)
        return _mix(step, own, query[0].transpose(0, 1), module.layer_idx, scale, window, softcap)[None], None


def _mix(
    step: Step, own: Tensor, query: Tensor, layer: int, scale: float, window: int | None, softcap: float | None
) -> Tensor:
    """`query` (tokens, heads, width) against own and shared keys; (tokens, heads, width)."""
    rows, width, used = step.rows, step.width, step.used
    tokens, heads, size = query.shape
    stored = own.shape[2]
    group = heads // stored
    spread = step.spread(query).view(rows, width, stored, group, size)
    asked = spread.permute(0, 2, 3, 1, 4).reshape(rows, stored, group * width, size)
    keys, values = own[0, :rows, :, :used], own[1, :rows, :, :used]
    bias = step.own_bias(window)
    if step.fresh and not step.segments and window is None and softcap is None:
        out = F.scaled_dot_product_attention(
            asked.view(rows, heads, width, size),
            keys.repeat_interleave(group, 1) if group > 1 else keys,
            values.repeat_interleave(group, 1) if group > 1 else values,
            is_causal=True,
            scale=scale,
        ).view(rows, stored, group * width, size)
    else:
        asked = asked.float() * scale
        scores = _scores(asked, keys, softcap)
        if bias is not None:
            _add(scores, bias, group)
        parts = _shared(step, asked, layer, window, softcap, group)
        join = _side_by_side if all(rows is None for _, rows, _ in parts) else _merged
        out = join(scores, values, parts, layer)
    out = out.view(rows, stored, group, width, size).permute(0, 3, 1, 2, 4).reshape(rows, width, heads, size)
    return out.view(tokens, heads, size) if width == 1 else out[step.row, step.column]


def _scores(asked: Tensor, keys: Tensor, softcap: float | None) -> Tensor:
    """In float32 whatever the keys are: scores of hundreds, which keys with biases give, are wrong in bfloat16."""
    scores = torch.matmul(asked, keys.transpose(-1, -2).float())
    return scores if softcap is None else torch.tanh_(scores.div_(softcap)).mul_(softcap)


def _add(scores: Tensor, bias: Tensor, group: int) -> None:
    """Adds (rows, 1, width, columns) to (rows, heads, group × width, columns)."""
    rows, stored, _, columns = scores.shape
    scores.view(rows, stored, group, bias.shape[2], columns).add_(bias[:, :, None])


_Part = tuple[Segment, Tensor | None, Tensor]
"""A segment, its rows (None: all), and their scores (rows, heads, group × width, positions)."""


def _shared(
    step: Step, asked: Tensor, layer: int, window: int | None, softcap: float | None, group: int
) -> list[_Part]:
    """The scores of every segment, each one product for all rows that share it."""
    parts: list[_Part] = []
    for number, (segment, rows) in enumerate(step.segments):
        mine = asked if rows is None else asked[rows]
        count, stored, wide, size = mine.shape
        flat = mine.transpose(0, 1).reshape(stored, count * wide, size)
        scores = _scores(flat, segment.kv[layer, 0], softcap)
        scores = scores.view(stored, count, wide, len(segment)).transpose(0, 1)
        bias = step.segment_bias(number, window)
        if bias is not None:
            scores = scores.contiguous()
            _add(scores, bias, group)
        parts.append((segment, rows, scores))
    return parts


def _weighed(weights: Tensor, values: Tensor) -> Tensor:
    """Weights (rows, heads, group × width, positions) on shared values (heads, positions, width), in one product."""
    count, stored, wide, length = weights.shape
    flat = weights.transpose(0, 1).reshape(stored, count * wide, length).to(values.dtype)
    return torch.matmul(flat, values).view(stored, count, wide, -1).transpose(0, 1)


def _side_by_side(own: Tensor, values: Tensor, parts: Sequence[_Part], layer: int) -> Tensor:
    """One softmax over own scores and those of segments that all rows share."""
    pieces = [*(scores for _, _, scores in parts), own]
    weights = torch.softmax(torch.cat([p.transpose(0, 1) for p in pieces], -1), -1).transpose(0, 1)
    *shared, mine = weights.split([p.shape[-1] for p in pieces], -1)
    out = torch.matmul(mine.to(values.dtype), values)
    for (segment, _, _), piece in zip(parts, shared, strict=True):
        out = out + _weighed(piece, segment.kv[layer, 1])
    return out


def _merged(own: Tensor, values: Tensor, parts: Sequence[_Part], layer: int) -> Tensor:
    """The same where segments have rows of their own: each part apart, merged by the highest score of each query."""
    highest = own.amax(-1, keepdim=True)
    for _, rows, scores in parts:
        top = scores.amax(-1, keepdim=True)
        if rows is None:
            highest = torch.maximum(highest, top)
        else:
            highest[rows] = torch.maximum(highest[rows], top)
    weights = own.sub_(highest).exp_()
    total = weights.sum(-1, keepdim=True)
    out = torch.matmul(weights.to(values.dtype), values).float()
    for segment, rows, scores in parts:
        weights = scores.sub_(highest if rows is None else highest[rows]).exp_()
        place: Tensor | slice = slice(None) if rows is None else rows
        total[place] += weights.sum(-1, keepdim=True)
        out[place] += _weighed(weights, segment.kv[layer, 1])
    return out.div_(total).to(values.dtype)
