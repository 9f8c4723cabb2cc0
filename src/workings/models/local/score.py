"""Log-probabilities of given text: the plain way, one sequence for each distinct context.

Correct before it is fast: a cut is computed from the beginning of its prompt each time. Candidates that differ
only in their last token share a sequence, so single-token candidates cost one sequence a cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from workings.core.ask import Score
from workings.core.errors import BadSetting
from workings.models.local.network import Network
from workings.models.local.render import Text

__all__ = ["Passage", "passages", "score"]

_LOGITS = 1 << 26
"""Most float32 logits held at once by one scoring batch."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Token ids, of which those from `start` on are scored given all before them; `merged` as `Text.after` says it."""

    ids: tuple[int, ...]
    start: int
    merged: bool = False


def passages(ask: Score, text: Text) -> list[list[Passage]]:
    """What an ask means in tokens, shape (cut, candidate).

    Cuts count tokens of `chain_ids` when those are given, else characters of `chain`; no cuts means the end of
    the chain. The chain's text up to the cut and the cue are encoded together, each candidate together with
    them where that leaves their tokens unchanged, and apart otherwise: so all candidates at a cut are given
    exactly the same tokens. Where a tokenizer would have merged across that boundary, the candidate is scored
    in a spelling the model would seldom write, and its log-probability is lower than the text deserves.
    """
    if not ask.candidates:
        raise BadSetting("A score needs at least one candidate.", "Give the texts to be scored.")
    length = len(ask.chain if ask.chain_ids is None else ask.chain_ids)
    head = text.prompt(ask.prompt)
    table = []
    for cut in ask.cuts or (length,):
        if not 0 <= cut <= length:
            raise BadSetting(f"A cut at {cut} is outside a chain of length {length}.", "Cuts start at 0.")
        if ask.chain_ids is None:
            prefix, written = head, ask.chain[:cut] + ask.cue
        else:
            prefix, written = (*head, *ask.chain_ids[:cut]), ask.cue
        row = []
        for candidate in ask.candidates:
            before, after, merged = text.after(written, candidate)
            ids = (*prefix, *before, *after)
            row.append(Passage(ids, len(ids) - len(after), merged))
        table.append(row)
    return table


def score(network: Network, wanted: Sequence[Passage]) -> list[float]:
    """The sum of log-probabilities (nats) of each passage's scored tokens; 0 for a passage that scores none."""
    runs: dict[tuple[int, ...], int] = {}
    for passage in wanted:
        if passage.start < len(passage.ids):
            context = passage.ids[:-1]
            runs[context] = min(runs.get(context, passage.start), passage.start)
    found: dict[tuple[int, ...], torch.Tensor] = {}
    ordered = sorted(runs, key=len)
    while ordered:
        size = _batch_size(ordered, runs, network.width)
        batch, ordered = ordered[:size], ordered[size:]
        needed: dict[tuple[int, ...], list[Passage]] = {context: [] for context in batch}
        for passage in wanted:
            if passage.start < len(passage.ids) and passage.ids[:-1] in needed:
                needed[passage.ids[:-1]].append(passage)
        found.update(_run(network, needed, min(runs[c] for c in batch)))
    return [float(found[(*p.ids, p.start)]) if p.start < len(p.ids) else 0.0 for p in wanted]


def _batch_size(ordered: list[tuple[int, ...]], runs: dict[tuple[int, ...], int], width: int) -> int:
    size, first = 0, runs[ordered[0]]
    while size < min(len(ordered), 64):
        first = min(first, runs[ordered[size]])
        columns = len(ordered[size]) - first + 1
        tokens = (size + 1) * len(ordered[size])
        if size and ((size + 1) * columns * width > _LOGITS or tokens > 16384):
            break
        size += 1
    return size


def _run(network: Network, needed: dict[tuple[int, ...], list[Passage]], first: int) -> dict[tuple[int, ...], Any]:
    longest = max(map(len, needed))
    ids = torch.zeros((len(needed), longest), dtype=torch.long)
    for row, context in enumerate(needed):
        ids[row, : len(context)] = torch.tensor(context)
    keep = longest - first + 1
    extra = {"logits_to_keep": keep} if network.takes_keep else {}
    with torch.no_grad():
        out = network.module(input_ids=ids.to(network.device), use_cache=False, **extra)
        offset = longest - out.logits.shape[1]
        sums: dict[tuple[int, ...], Any] = {}
        for row, group in enumerate(needed.values()):
            for passage in group:
                at = slice(passage.start - 1 - offset, len(passage.ids) - 1 - offset)
                logp = torch.log_softmax(out.logits[row, at].float(), dim=-1)
                target = torch.tensor(passage.ids[passage.start :], device=logp.device)
                chosen = logp.gather(-1, target[:, None])
                sums[(*passage.ids, passage.start)] = chosen.double().sum().item()
    return sums
