"""Imitation: a causal language model learns to continue prompts as the examples do.

One page: examples are sorted into batches of similar length (no packing, so no example sees another), the loss is
taken on the target's tokens, matrices are updated by Muon and the rest by AdamW, the learning rate is held and then
falls to zero. The module is an ordinary transformers model and is trained in place.

Source: imitation of verified chains is the supervised stage of STaR (Zelikman et al. 2022, section 3).
Left out: gradient accumulation over machines, mixed precision, resuming in the middle.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Lesson", "SftSettings", "imitate"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """Token ids of a prompt and of the target that should follow it, the end token included.

    `given` marks the target's tokens that nobody could predict (the operands of a drill): they are read, not learnt.
    """

    prompt: tuple[int, ...]
    target: tuple[int, ...]
    given: tuple[bool, ...] = ()

    def __len__(self) -> int:
        return len(self.prompt) + len(self.target)


@dataclass(frozen=True, slots=True)
class SftSettings:
    """`tokens` bounds a batch (padding included); `minutes` bounds the whole; rates are peak values.

    `prompt_weight` is the loss weight of prompt tokens: a little of it teaches which prompts are to be expected.
    `warmup` and `cooldown` are shares of the whole at its start and end.
    """

    tokens: int = 4096
    minutes: float = 45.0
    muon_rate: float = 0.02
    adam_rate: float = 3e-3
    prompt_weight: float = 0.02
    warmup: float = 0.02
    cooldown: float = 0.5
    clip: float = 1.0
    seed: int = 0


def imitate(
    module: Any,
    lessons: Iterator[Lesson],
    settings: SftSettings,
    *,
    report: Callable[[int, float, float], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Trains `module` in place until the time is up or the lessons end; returns the number of steps.

    `report` is called after each step with its number, the loss on target tokens (nats per token) and the share of
    the time that has passed. The length of the run depends on the machine: a faster one sees more lessons.
    """
    import torch

    optimizers = _optimizers(module, settings)
    peaks = [[group["lr"] for group in o.param_groups] for o in optimizers]
    began, step = clock(), 0
    module.train()
    for batch in _batches(lessons, settings):
        share = (clock() - began) / (settings.minutes * 60)
        if share >= 1:
            break
        for optimizer, rates in zip(optimizers, peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = peak * _schedule(share, settings)
        total, loss = _loss(module, batch, settings.prompt_weight)
        total.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), settings.clip)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        if report is not None:
            report(step, float(loss), share)
    module.eval()
    return step


def _schedule(share: float, settings: SftSettings) -> float:
    if share < settings.warmup:
        return max(share / settings.warmup, 0.05)
    left = 1 - share
    return min(1.0, left / settings.cooldown)


def _optimizers(module: Any, settings: SftSettings) -> list[Any]:
    import torch

    matrices: list[Any] = []
    others: list[Any] = []
    for name, parameter in module.named_parameters():
        inner = parameter.ndim == 2 and "embed" not in name and "lm_head" not in name
        (matrices if inner else others).append(parameter)
    return [
        torch.optim.Muon(matrices, lr=settings.muon_rate, weight_decay=0.01, momentum=0.95),
        torch.optim.AdamW(others, lr=settings.adam_rate, weight_decay=0.0, betas=(0.9, 0.95)),
    ]


def _batches(lessons: Iterator[Lesson], settings: SftSettings) -> Iterator[list[Lesson]]:
    """Batches of similar length: a pool is drawn, sorted, cut into batches, and those are shuffled."""
    rng = random.Random(settings.seed)
    while True:
        pool = [lesson for lesson, _ in zip(lessons, range(4096), strict=False)]
        if not pool:
            return
        pool.sort(key=lambda lesson: len(lesson) + rng.random())
        batches: list[list[Lesson]] = [[]]
        for lesson in pool:
            if (len(batches[-1]) + 1) * len(lesson) > settings.tokens and batches[-1]:
                batches.append([])
            batches[-1].append(lesson)
        rng.shuffle(batches)
        yield from batches


def _loss(module: Any, batch: Sequence[Lesson], prompt_weight: float) -> tuple[Any, Any]:
    import torch
    import torch.nn.functional as F

    ids, weights = _tensors(batch, prompt_weight)
    hidden = module.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    wanted, weight = ids[:, 1:], weights[:, 1:]
    taken = weight > 0
    logits = module.lm_head(hidden[taken])
    losses = F.cross_entropy(logits, wanted[taken], reduction="none")
    weight = weight[taken]
    target = weight == 1
    return (losses * weight).sum() / target.sum(), losses.detach()[target].mean() if target.any() else torch.tensor(0.0)


def _tensors(batch: Sequence[Lesson], prompt_weight: float) -> tuple[Any, Any]:
    import torch

    width = max(map(len, batch))
    ids = torch.zeros((len(batch), width), dtype=torch.long)
    weights = torch.zeros((len(batch), width))
    for row, lesson in enumerate(batch):
        cut, end = len(lesson.prompt), len(lesson)
        ids[row, :end] = torch.tensor(lesson.prompt + lesson.target)
        weights[row, :cut] = prompt_weight
        weights[row, cut:end] = 1.0
        if lesson.given:
            weights[row, cut:end][torch.tensor(lesson.given)] = 0.0
    return ids, weights
