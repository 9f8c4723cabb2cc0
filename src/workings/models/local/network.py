"""A causal language model as the engine needs it: its module, its text, what ends a reply, and plain forwards."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import torch
from torch import Tensor

from workings.models.local.render import Text
from workings.models.local.stops import Watcher

__all__ = ["Network", "end_tokens"]

_SMALL = 20_000_000
"""Parameters. Measured: the pocket model (1 M) is 2.7 times as fast on one thread of two as on both."""


class Network:
    """What generation and scoring need of a model: the module, its text, where it lives, what ends a reply."""

    def __init__(self, module: Any, text: Text, ends: frozenset[int] | None = None) -> None:
        self.module = module
        self.text = text
        self.ends = end_tokens(module, text) if ends is None else ends
        config = module.config.get_text_config(decoder=True)
        self.width = int(module.get_output_embeddings().weight.shape[0])
        self.context = int(getattr(config, "max_position_embeddings", 0) or 1 << 30)
        self.watcher = Watcher(text, self.width)
        takes = inspect.signature(module.forward).parameters
        self.takes_keep = "logits_to_keep" in takes
        self.cache_name = next((name for name in ("past_key_values", "cache_params") if name in takes), "")

    @functools.cached_property
    def small(self) -> bool:
        """Whether it is so small that a processor's second thread costs more than it gives."""
        return self.device.type == "cpu" and sum(p.numel() for p in self.module.parameters()) < _SMALL

    @property
    def device(self) -> torch.device:
        """Where the embeddings are."""
        device: torch.device = self.module.get_input_embeddings().weight.device
        return device

    def logits(self, ids: Tensor, cache: Any) -> Tensor:
        """Float32 logits (rows, vocabulary) behind each row, of tokens that go on from what is in the cache."""
        extra: dict[str, Any] = {self.cache_name: cache}
        if self.takes_keep:
            extra["logits_to_keep"] = 1
        out = self.module(input_ids=ids, use_cache=True, **extra)
        last: Tensor = out.logits[:, -1].float()
        return last

    def packed(self, ids: Tensor, positions: Tensor, keep: Tensor | None) -> Tensor:
        """Float32 logits (kept, vocabulary) of tokens that stand side by side, each with its position."""
        out = self.module(
            input_ids=ids[None],
            position_ids=positions[None],
            use_cache=False,
            logits_to_keep=0 if keep is None else keep,
        )
        logits: Tensor = out.logits[0].float()
        return logits


def end_tokens(module: Any, text: Text) -> frozenset[int]:
    """Ids that end a reply: the generation settings', the configuration's, the tokenizer's, the template's."""
    ends: set[int] = set()
    sources = (getattr(module, "generation_config", None), module.config.get_text_config(decoder=True), text.tokenizer)
    for source in sources:
        value = getattr(source, "eos_token_id", None)
        ends.update(value if isinstance(value, (list, tuple)) else [] if value is None else [value])
    turn = text.end_of_turn()
    if turn is not None:
        ends.add(turn)
    return frozenset(int(e) for e in ends)
