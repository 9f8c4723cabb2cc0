"""A key-value cache with room to grow: a step writes one column instead of copying all of them."""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

__all__ = ["RoomyLayer", "roomy_cache"]


class RoomyLayer(DynamicLayer):
    """Keys and values in buffers larger than their content, shape (rows, heads, capacity, width).

    `keys` and `values` are views of the filled part. Layers with a sliding window keep all positions here and
    rely on the mask, which transformers builds from absolute columns: exact, at the price of memory in
    contexts much longer than the window.
    """

    def __init__(self) -> None:
        super().__init__()
        self._key_room: torch.Tensor | None = None
        self._value_room: torch.Tensor | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Appends columns in place and returns everything seen so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        self._key_room = _with_room(self._key_room, key_states, start, end)
        self._value_room = _with_room(self._value_room, value_states, start, end)
        self._key_room[:, :, start:end] = key_states
        self._value_room[:, :, start:end] = value_states
        self.keys = self._key_room[:, :, :end]
        self.values = self._value_room[:, :, :end]
        return self.keys, self.values

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        """Makes row i of the cache what row `beam_idx[i]` was; rows may be repeated or left out."""
        length = self.get_seq_length()
        if self._key_room is None or self._value_room is None or length == 0:
            return
        index = beam_idx.to(self._key_room.device)
        self._key_room = self._key_room.index_select(0, index)
        self._value_room = self._value_room.index_select(0, index)
        self.keys = self._key_room[:, :, :length]
        self.values = self._value_room[:, :, :length]


def _with_room(room: torch.Tensor | None, states: torch.Tensor, start: int, end: int) -> torch.Tensor:
    if room is not None and room.shape[2] >= end:
        return room
    rows, heads, _, width = states.shape
    bigger = states.new_empty((rows, heads, end + max(32, end // 3), width))
    if room is not None:
        bigger[:, :, :start] = room[:, :, :start]
    return bigger


def roomy_cache(config: Any) -> DynamicCache:
    """The cache transformers would make for a model, its plain attention layers replaced by roomy ones.

    Layers with a state of their own (linear attention, convolution) are left as they are.
    """
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer() if type(y) in (DynamicLayer, DynamicSlidingWindowLayer) else y for y in cache.layers]
    return cache
