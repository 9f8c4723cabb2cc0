"""Generation without the prefix tree, for architectures whose layers keep a state of their own.

One batch at a time: prompts shared by many samples are computed once, rows leave as they end, none joins.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from workings.models.local.cache import roomy_cache
from workings.models.local.network import Network
from workings.models.local.samples import Sampled, advance
from workings.models.local.sampling import Knobs

__all__ = ["generate"]


def generate(network: Network, samples: Sequence[Sampled]) -> None:
    """Generates one batch to its end, of samples whose prompts are of one length; equal prompts are computed once.

    Nothing is padded, since a layer with a state of its own reads padding too. Left out: joining a running batch.
    """
    with torch.no_grad():
        batch = _Batch(network, samples)
        while batch.step():
            pass


class _Batch:
    """The rows of one batch, each of them one sample, with transformers' own cache."""

    def __init__(self, network: Network, samples: Sequence[Sampled]) -> None:
        self.network, self.samples = network, list(samples)
        self.device = network.device
        self.cache = roomy_cache(network.module.config)
        self._prefill()
        self._set()

    def _prefill(self) -> None:
        """Computes each distinct prompt once and hands its cache to all rows that share it."""
        first: dict[tuple[int, ...], Sampled] = {}
        for sample in self.samples:
            first.setdefault(sample.request.ids, sample)
        for prompt, sample in first.items():
            sample.computed = len(prompt)
        logits = self.network.logits(torch.tensor(list(first), device=self.device), self.cache)
        number = {prompt: row for row, prompt in enumerate(first)}
        index = torch.tensor([number[s.request.ids] for s in self.samples], device=self.device)
        if len(first) < len(self.samples):
            self.cache.reorder_cache(index)
        self.logits = logits[index]

    def _set(self) -> None:
        self.knobs = Knobs([s.request.sampling for s in self.samples], self.device)

    def step(self) -> bool:
        """Draws one token a row, lets finished rows go, and computes the next logits; False when all are done."""
        tokens, ended = advance(self.network, self.samples, self.logits, None, self.knobs)
        for sample, stop in ended:
            sample.finish(stop, self.network)
        if ended:
            gone = {id(sample) for sample, _ in ended}
            keep = [row for row, sample in enumerate(self.samples) if id(sample) not in gone]
            if not keep:
                return False
            tokens = [tokens[row] for row in keep]
            self.samples = [self.samples[row] for row in keep]
            there = torch.tensor(keep, device=self.device)
            self.cache.reorder_cache(there)
            self._set()
        self.logits = self.network.logits(torch.tensor(tokens, device=self.device)[:, None], self.cache)
        return True
