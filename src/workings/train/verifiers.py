"""Verifiers: a model learns to say how likely it is that a chain is right (outcome), or right so far (process).

One page: a chain is token ids with places at which a score is read, and a label in [0, 1] for each. The loss is binary
cross-entropy at those places, so an outcome verifier is the case of one place, at the end, and a soft label is a
probability like any other. The tokens of a right beginning may be learnt as text as well, which keeps the model able to
work a step out that it has to judge; and a score may take account of how unlikely the unlikeliest token so far was to
the model itself. Weights are updated by AdamW, inner matrices by Muon where a rate for it is given;
the rates rise, then fall to zero.

Source: Cobbe et al. 2021 (outcomes; the joint loss on text, appendix B), Lightman et al. 2023 and Wang et al. 2024
(steps). Left out: losses on pairs. A chain that does not fit is never cut: it is an error.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from workings.core.errors import BadSetting
from workings.train.fast import Forward, average_gradients, plain_hidden

__all__ = ["Example", "VerifierSettings", "predict", "teach"]

MOST_SURPRISE = 12.0
"""Nats: a token less likely than that counts as one that likely."""


@dataclass(frozen=True, slots=True)
class Example:
    """A chain: token ids, the places whose scores are learnt, and a label in [0, 1] for each place.

    The chain begins at token `text[0]`, behind its question; its tokens up to `text[1]` are learnt as text too, where
    `VerifierSettings.text` gives that a weight.
    """

    ids: tuple[int, ...]
    places: tuple[int, ...]
    labels: tuple[float, ...]
    text: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if len(self.places) != len(self.labels) or not self.places:
            raise BadSetting(f"{len(self.labels)} labels for {len(self.places)} places.", "Give one label a place.")
        if not (min(self.places) >= 0 and max(self.places) < len(self.ids)):
            raise BadSetting(f"Places {self.places} lie outside {len(self.ids)} tokens.", "A chain is never cut.")
        if not 0 <= self.text[0] <= self.text[1] <= len(self.ids):
            raise BadSetting(f"Tokens {self.text} lie outside {len(self.ids)}.", "Give a range of the chain's tokens.")
        if not all(0 <= label <= 1 for label in self.labels):
            raise BadSetting(f"Labels {self.labels} are not in [0, 1].", "A label is a probability.")


@dataclass(frozen=True, slots=True)
class VerifierSettings:
    """`epochs` passes over the examples in batches of about `tokens` positions (padding included) per process.

    `rate` is AdamW's peak, reached after a share `warmup` of all updates; it then falls linearly to zero. `muon`, when
    above 0, is that of Muon on the matrices between embeddings and head. `text` weighs the loss on tokens (nats a
    token) against the one on places; the input embeddings then serve as output. `context` is the longest chain: a
    longer one is refused before training begins.
    """

    epochs: int = 3
    tokens: int = 8192
    rate: float = 1e-3
    muon: float = 0.0
    text: float = 0.0
    warmup: float = 0.05
    weight_decay: float = 0.01
    clip: float = 1.0
    context: int = 1024
    seed: int = 0


def teach(
    module: Any,
    examples: Sequence[Example],
    settings: VerifierSettings,
    *,
    hidden: Forward = plain_hidden,
    wrap: Callable[[Any], Any] = lambda function: function,
    accelerator: Any = None,
    report: Callable[[int, int, float], None] | None = None,
) -> int:
    """Trains `module` (with `model` and `score`) in place; returns the number of updates.

    Processes that were started together share out the batches: those of `accelerator` (from accelerate), or without
    one those of `in_processes`; a last round that has not a batch for each is left out. `report` gets the update's
    number, the number of all, and this process's loss in nats per place. Raises BadSetting for no examples, and for a
    chain longer than `settings.context`.
    """
    import torch

    if not examples:
        raise BadSetting("There is nothing to learn from.", "Give at least one example.")
    longest = max(len(example.ids) for example in examples)
    if longest > settings.context:
        raise BadSetting(
            f"A chain has {longest} tokens and the context is {settings.context}.", "Leave it out or raise context."
        )
    optimizers = _optimizers(module, settings)
    peaks = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]
    if accelerator is not None:
        module.to(accelerator.device)
        optimizers = [accelerator.prepare(optimizer) for optimizer in optimizers]
    rank, count = _place_among(accelerator)
    order = [list(_shuffled(examples, settings, epoch)) for epoch in range(settings.epochs)]
    shared = [batches[rank : len(batches) - len(batches) % count : count] for batches in order]
    total, step = sum(map(len, shared)), 0
    loss_of = wrap(place_loss)
    module.train()
    for rows in (rows for epoch in shared for rows in epoch):
        for optimizer, peak in zip(optimizers, peaks, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = peak * _schedule(step / total, settings.warmup)
        batch = _batch(rows)
        if accelerator is not None:
            batch = tuple(part.to(accelerator.device) for part in batch)
        with nullcontext() if accelerator is None else accelerator.autocast():
            loss = loss_of(module, hidden, *batch, settings.text)
        if accelerator is None:
            loss.backward()
        else:
            accelerator.backward(loss)
        average_gradients(module)
        torch.nn.utils.clip_grad_norm_(module.parameters(), settings.clip)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        if report is not None:
            report(step, total, float(loss.detach()))
    module.eval()
    return step


def _optimizers(module: Any, settings: VerifierSettings) -> list[Any]:
    import torch

    matrices: list[Any] = []
    others: list[Any] = []
    for name, parameter in module.named_parameters():
        inner = settings.muon > 0 and parameter.ndim == 2 and "embed" not in name and not name.startswith("score")
        (matrices if inner else others).append(parameter)
    made: list[Any] = [torch.optim.AdamW(others, lr=settings.rate, weight_decay=settings.weight_decay)]
    if matrices:
        made.append(torch.optim.Muon(matrices, lr=settings.muon, weight_decay=settings.weight_decay))
    return made


def _place_among(accelerator: Any) -> tuple[int, int]:
    import torch.distributed as peers

    if accelerator is not None:
        return accelerator.process_index, accelerator.num_processes
    return (peers.get_rank(), peers.get_world_size()) if peers.is_initialized() else (0, 1)


def place_loss(
    module: Any,
    hidden: Forward,
    ids: Any,
    positions: Any,
    places: Any,
    labels: Any,
    before: Any,
    taught: Any,
    weight: float = 0.0,
) -> Any:
    """Mean binary cross-entropy in nats at `places`, plus `weight` times the mean loss on the taught tokens.

    `before` are the places that predict the tokens of chains, `taught` 1 for those that are learnt as text. Places are
    flat; negative ones are padding that does not count.
    """
    import torch.nn.functional as F

    logits, text = _logits(module, hidden, ids, positions, places, before, taught, weight > 0)
    counted = (places >= 0).float()
    each = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return (each * counted).sum() / counted.sum() + weight * text


def _logits(
    module: Any, hidden: Forward, ids: Any, positions: Any, places: Any, before: Any, taught: Any, text: bool
) -> tuple[Any, Any]:
    """Logits at places, and the mean loss on taught tokens (0 when it is not asked for)."""
    import torch
    import torch.nn.functional as F

    states = hidden(module, ids, positions).flatten(0, 1)
    logits = module.score(states[places.clamp(min=0)].to(module.score.weight.dtype)).squeeze(-1).float()
    doubt = getattr(module, "doubt", None)
    if doubt is None and not text:
        return logits, 0.0
    table = module.model.get_input_embeddings().weight
    told = F.linear(states[before.clamp(min=0)], table.to(states.dtype)).float()
    wanted = ids.flatten()[before.clamp(min=0) + 1]
    surprise = F.cross_entropy(told, wanted, reduction="none") * (before >= 0).float()
    loss = (surprise * taught).sum() / taught.sum().clamp(min=1)
    if doubt is None:
        return logits, loss
    spread = torch.zeros(ids.numel() + 1, device=ids.device).index_put(
        (torch.where(before >= 0, before + 1, ids.numel()),), -surprise.clamp(max=MOST_SURPRISE), accumulate=True
    )
    least = spread[:-1].view(ids.shape).cummin(1).values.flatten()[places.clamp(min=0)]
    return logits + doubt * least, loss


def predict(
    module: Any, examples: Sequence[Example], *, hidden: Forward = plain_hidden, tokens: int = 16384
) -> list[Any]:
    """The probability at each place of each example, in the order given."""
    import torch

    order = sorted(range(len(examples)), key=lambda i: len(examples[i].ids))
    found: list[Any] = [None] * len(examples)
    module.eval()
    with torch.inference_mode():
        for rows in _rows([(i, examples[i]) for i in order], tokens):
            ids, positions, places, _, before, taught = _batch([example for _, example in rows])
            logits, _ = _logits(module, hidden, ids, positions, places, before, taught, False)
            scores = logits[places >= 0].sigmoid().tolist()
            for i, example in rows:
                found[i], scores = tuple(scores[: len(example.places)]), scores[len(example.places) :]
    return found


def _shuffled(examples: Sequence[Example], settings: VerifierSettings, epoch: int) -> Iterator[list[Example]]:
    """Batches of chains of about equal length, in an order of their own each epoch."""
    rng = random.Random(f"{settings.seed}|{epoch}")
    numbered = [(number, example) for number, example in enumerate(examples)]
    rng.shuffle(numbered)
    numbered.sort(key=lambda pair: len(pair[1].ids) // 16)
    batches = [[example for _, example in rows] for rows in _rows(numbered, settings.tokens)]
    rng.shuffle(batches)
    yield from batches


def _rows(numbered: Sequence[tuple[int, Example]], tokens: int) -> Iterator[list[tuple[int, Example]]]:
    rows: list[tuple[int, Example]] = []
    widest = 0
    for pair in numbered:
        widest = max(widest, len(pair[1].ids))
        if rows and widest * (len(rows) + 1) > tokens:
            yield rows
            rows, widest = [], len(pair[1].ids)
        rows.append(pair)
    if rows:
        yield rows


def _batch(rows: Sequence[Example]) -> tuple[Any, ...]:
    import torch

    width = -(-max(len(example.ids) for example in rows) // 16) * 16
    ids = torch.zeros((len(rows), width), dtype=torch.long)
    places: list[int] = []
    labels: list[float] = []
    before: list[int] = []
    taught: list[float] = []
    for row, example in enumerate(rows):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        places += [row * width + place for place in example.places]
        labels += example.labels
        first, told, end = max(example.text[0], 1), example.text[1], example.places[-1] + 1
        before += range(row * width + first - 1, row * width + end - 1)
        taught += [float(at < told) for at in range(first, end)]
    spare, more = -len(places) % 256, -len(before) % 1024 or (0 if before else 1024)
    return (
        ids,
        torch.arange(width).expand(len(rows), width).contiguous(),
        torch.tensor(places + [-1] * spare),
        torch.tensor(labels + [0.0] * spare),
        torch.tensor(before + [-1] * more),
        torch.tensor(taught + [0.0] * more),
    )


def _schedule(share: float, warmup: float) -> float:
    if share < warmup:
        return max(share / warmup, 0.05)
    return (1 - share) / (1 - warmup)
