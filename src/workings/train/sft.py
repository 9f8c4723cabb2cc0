"""Imitation: a causal language model learns to continue prompts as the examples do.

One page: examples are put into batches of a few fixed shapes (no packing, so no example sees another), the loss is
taken on the target's tokens, matrices are updated by Muon and the rest by AdamW, the learning rate is held and then
falls to zero. The module is an ordinary transformers model and is trained in place.

Source: imitation of verified chains is the supervised stage of STaR (Zelikman et al. 2022, section 3). Positions
that jump are after randomized positional encodings (Ruoss et al. 2023), kept local: order within a line stays.
Left out: gradient accumulation, resuming in the middle.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from workings.train.fast import Forward, average_gradients, plain_hidden

__all__ = ["Batch", "Lesson", "SftSettings", "batches", "imitate", "lesson_loss"]

_CAPACITY = 512


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
    """`steps` updates of the weights, each on `tokens` positions (padding included) per process.

    `widths` are the row lengths of batches, narrow to wide; a lesson longer than the last is left out. Rates are peak
    values. `warmup` and `cooldown` are shares of the whole at its start and end. In a share `jumps` of the rows,
    positions skip ahead at up to three places by up to `jump` each, so that distances longer than any training example
    are met.
    """

    steps: int = 1000
    tokens: int = 8192
    widths: tuple[int, ...] = (64, 96, 128, 160, 192, 256, 320, 384, 512)
    muon_rate: float = 0.02
    adam_rate: float = 3e-3
    warmup: float = 0.02
    cooldown: float = 0.6
    clip: float = 1.0
    jumps: float = 0.0
    jump: int = 64
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """`ids` and `positions` (rows, width); `taken` the flat places whose next token is learnt (padded with 0 to a
    multiple of 512), `wanted` those tokens, `weight` one over their number and 0 for the padding."""

    ids: Any
    positions: Any
    taken: Any
    wanted: Any
    weight: Any


def imitate(
    module: Any,
    lessons: Iterator[Lesson],
    settings: SftSettings,
    *,
    hidden: Forward = plain_hidden,
    wrap: Callable[[Any], Any] = lambda function: function,
    report: Callable[[int, float], None] | None = None,
) -> int:
    """Trains `module` in place for `settings.steps` or until the lessons end; returns the number of steps.

    `hidden` computes hidden states, `wrap` may compile the loss; several processes that were started together
    average their gradients, and must have as many batches each. `report` is called after each step with its number
    and the loss on target tokens (nats per token, this process's share of the batch).
    """
    import torch

    optimizers = _optimizers(module, settings)
    peaks = [[group["lr"] for group in o.param_groups] for o in optimizers]
    loss_of = wrap(lesson_loss)
    module.train()
    step = 0
    for batch in batches(lessons, settings):
        if step == settings.steps:
            break
        for optimizer, rates in zip(optimizers, peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = peak * _schedule(step / settings.steps, settings)
        loss = loss_of(module, hidden, batch.ids, batch.positions, batch.taken, batch.wanted, batch.weight)
        loss.backward()
        average_gradients(module)
        torch.nn.utils.clip_grad_norm_(module.parameters(), settings.clip)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        if report is not None:
            report(step, float(loss.detach()))
    module.eval()
    return step


def lesson_loss(module: Any, hidden: Forward, ids: Any, positions: Any, taken: Any, wanted: Any, weight: Any) -> Any:
    """Mean negative log-probability of the wanted tokens, in nats; the vocabulary is opened only where it is asked."""
    import torch.nn.functional as F

    states = hidden(module, ids, positions).flatten(0, 1)[taken]
    logits = F.linear(states, module.lm_head.weight.to(states.dtype)).float()
    return (F.cross_entropy(logits, wanted, reduction="none") * weight).sum()


def batches(lessons: Iterator[Lesson], settings: SftSettings) -> Iterator[Batch]:
    """Batches of `tokens // width` rows, each as soon as there are enough lessons of that width; the rest at the end.

    A lesson goes to the narrowest width that holds it. Lessons of less than two tokens have nothing to learn and are
    left out.
    """
    rng = random.Random(settings.seed)
    waiting: dict[int, list[Lesson]] = {width: [] for width in settings.widths}
    for lesson in lessons:
        width = next((w for w in settings.widths if len(lesson) <= w + 1), 0)
        if not width or len(lesson) < 2:
            continue
        waiting[width].append(lesson)
        if len(waiting[width]) == max(1, settings.tokens // width):
            yield _batch(waiting[width], width, settings, rng)
            waiting[width] = []
    for width, left in waiting.items():
        if left:
            yield _batch(left, width, settings, rng)


def _batch(rows: Sequence[Lesson], width: int, settings: SftSettings, rng: random.Random) -> Batch:
    import torch

    ids = torch.zeros((len(rows), width + 1), dtype=torch.long)
    learnt = torch.zeros((len(rows), width), dtype=torch.bool)
    for row, lesson in enumerate(rows):
        cut, end = len(lesson.prompt), len(lesson)
        first = max(cut, 1)  # nothing stands before the first token of all, so nothing predicts it
        ids[row, :end] = torch.tensor(lesson.prompt + lesson.target)
        learnt[row, first - 1 : end - 1] = True
        if lesson.given:
            learnt[row, first - 1 : end - 1] = ~torch.tensor(lesson.given[first - cut :])
    places = learnt.flatten().nonzero().squeeze(1)
    many = len(places)
    padding = -many % _CAPACITY
    weight = torch.zeros(many + padding)
    weight[:many] = 1 / max(1, many)
    taken = torch.nn.functional.pad(places, (0, padding))
    return Batch(
        ids[:, :-1].contiguous(),
        torch.tensor([_positions(len(lesson), width, settings, rng) for lesson in rows]),
        taken,
        ids[:, 1:].flatten()[taken],
        weight,
    )


def _positions(length: int, width: int, settings: SftSettings, rng: random.Random) -> list[int]:
    if rng.random() >= settings.jumps:
        return list(range(width))
    jumps = {rng.randrange(1, length): rng.randint(1, settings.jump) for _ in range(rng.randint(1, 3))}
    found, at = [], 0
    for place in range(width):
        at += jumps.get(place, 0)
        found.append(at + place)
    return found


def _schedule(share: float, settings: SftSettings) -> float:
    if share < settings.warmup:
        return max(share / settings.warmup, 0.05)
    return min(1.0, (1 - share) / settings.cooldown) if settings.cooldown else 1.0


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
