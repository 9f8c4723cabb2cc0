"""A model that answers from a table or a function, with known probabilities: for tests, teaching and benchmarks."""

from __future__ import annotations

import math
import random
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from workings.core.ask import Sample, Score, Scores
from workings.core.capability import Capability, Identity
from workings.core.completion import Completion, Stop, Usage
from workings.core.errors import BadSetting
from workings.core.prompt import Prompt
from workings.run.ports import Watch

__all__ = ["Scripted", "Table", "count_tokens"]

Table = Callable[[Prompt], Mapping[str, float]]
"""The probability of each possible continuation of a prompt, lead included."""

_TOKEN = re.compile(r"\s*\S+|\s+$")


def count_tokens(text: str) -> int:
    """A scripted model's tokens are words with the space before them."""
    return len(_TOKEN.findall(text))


class Scripted:
    """Draws continuations from `table`: a function of the prompt, or a map from the last user turn.

    Temperature T draws with probability p^(1/T), renormalised; 0 takes the most likely one, the first on ties.
    The log-probability of a text is spread evenly over its tokens, so sums and means are exact. `score` gives the
    log-probability of candidates: `scores` when given, else looked up in the table. A text longer than `max_tokens`
    is cut there and stops by length; one that holds a stop string ends before it, or behind it with `keep_stop`.
    `top` gives the exact chances of the next token, given those before it: a token's id follows from its text, and 0 is
    the end. `allowed` forces a single token.
    """

    def __init__(
        self,
        table: Table | Mapping[str, Mapping[str, float]],
        *,
        scores: Callable[[str, str], float] | None = None,
        name: str = "scripted",
    ) -> None:
        self._table = table if callable(table) else _lookup(table)
        self._scores = scores
        self.identity = Identity(name)
        self.capabilities = frozenset(
            {
                Capability.LEAD,
                Capability.LOGPROBS,
                Capability.TOP,
                Capability.SCORE,
                Capability.SEEDS,
                Capability.STOP,
            }
        )

    async def sample(self, ask: Sample, seeds: tuple[int, ...], watch: Watch | None = None) -> tuple[Completion, ...]:
        """One continuation a seed, drawn from the table."""
        table = _allowed(self._table(ask.prompt), ask)
        prompt_tokens = count_tokens(ask.prompt.text)
        found = []
        for number, seed in enumerate(seeds):
            text = _draw(table, ask.sampling.temperature, seed)
            new, known = (prompt_tokens, 0) if number == 0 else (0, prompt_tokens)
            completion = _complete(text, table[text], ask, seed, Usage(prompt=new, cached=known, calls=1))
            if ask.sampling.top:
                completion = replace(completion, top=_likeliest(table, completion, ask.sampling.top))
            found.append(completion)
            if watch is not None:
                watch(ask.start + number, completion.text)
        return tuple(found)

    async def score(self, ask: Score) -> Scores:
        """Log-probabilities of the candidates after each cut (characters) of the chain."""
        rows = []
        for cut in ask.cuts or (len(ask.chain),):
            lead = ask.prompt.lead + ask.chain[:cut] + ask.cue
            rows.append(tuple(self._logprob(ask.prompt, lead, c) for c in ask.candidates))
        return Scores(tuple(rows), Usage(prompt=count_tokens(ask.prompt.text) * len(rows), calls=1))

    def _logprob(self, prompt: Prompt, lead: str, candidate: str) -> float:
        if self._scores is not None:
            return self._scores(lead, candidate)
        chance = self._table(replace(prompt, lead=lead)).get(candidate, 0.0)
        return math.log(chance) if chance > 0 else -math.inf

    async def aclose(self) -> None:
        """Nothing to close."""


def _lookup(rows: Mapping[str, Mapping[str, float]]) -> Table:
    def table(prompt: Prompt) -> Mapping[str, float]:
        asked = prompt.messages[-1].content
        for key, row in rows.items():
            if asked == key or asked.startswith(key + "\n"):
                return row
        raise BadSetting(f"The script has no line for {asked[:80]!r}.", f"It has: {', '.join(list(rows)[:5])}.")

    return table


def _token_id(token: str) -> int:
    return zlib.crc32(token.encode("utf-8", "surrogatepass")) & 0x7FFF_FFFF if token else 0


def _allowed(table: Mapping[str, float], ask: Sample) -> Mapping[str, float]:
    """The continuations whose first token is allowed."""
    allowed = ask.sampling.allowed
    if not allowed:
        return table
    if ask.sampling.max_tokens > 1:
        raise BadSetting("A scripted model can force one token only.", "Use max_tokens=1 with allowed.")
    found = {text: p for text, p in table.items() if _token_id("".join(_TOKEN.findall(text)[:1])) in allowed}
    if not found:
        raise BadSetting(f"No continuation in the script begins with token {allowed[0]}.", "Allow one of its tokens.")
    return found


def _likeliest(
    table: Mapping[str, float], completion: Completion, many: int
) -> tuple[tuple[tuple[int, float], ...], ...]:
    """For each token written, the likeliest tokens there with their log-probabilities, from all texts of the table."""
    split = [(_TOKEN.findall(text), chance) for text, chance in table.items() if chance > 0]
    written = completion.tokens or ()
    rows = []
    for place in range(len(written)):
        split = [(tokens, p) for tokens, p in split if tuple(tokens[:place]) == written[:place]]
        chances: dict[int, float] = {}
        for tokens, p in split:
            token = _token_id(tokens[place]) if place < len(tokens) else 0
            chances[token] = chances.get(token, 0.0) + p
        total = math.fsum(chances.values())
        ranked = sorted(chances.items(), key=lambda pair: -pair[1])[:many]
        rows.append(tuple((token, math.log(p / total)) for token, p in ranked))
    return tuple(rows)


def _draw(table: Mapping[str, float], temperature: float, seed: int) -> str:
    texts: Sequence[str] = list(table)
    if temperature == 0:
        return max(texts, key=lambda text: table[text])
    weights = [table[t] ** (1 / temperature) for t in texts]
    point = random.Random(seed).random() * sum(weights)
    for text, weight in zip(texts, weights, strict=True):
        point -= weight
        if point < 0:
            return text
    return texts[-1]


def _complete(text: str, chance: float, ask: Sample, seed: int, read: Usage) -> Completion:
    keep = ask.sampling.keep_stop
    ends = [(text.find(s), text.find(s) + (len(s) if keep else 0)) for s in ask.sampling.stop if s in text]
    stop = Stop.STRING if ends else Stop.END
    kept = text[: min(ends)[1]] if ends else text
    tokens = _TOKEN.findall(kept)
    whole = max(len(_TOKEN.findall(text)) if ends else len(tokens), 1)
    if len(tokens) > ask.sampling.max_tokens:
        tokens, stop = tokens[: ask.sampling.max_tokens], Stop.LENGTH
        kept = "".join(tokens)
    each = math.log(chance) / whole if chance > 0 else -math.inf
    written = max(len(tokens), 1)
    spent = Usage(read.prompt, read.cached, written, calls=read.calls)
    return Completion(kept, stop, tokens=tuple(tokens) or ("",), logprobs=(each,) * written, seed=seed, usage=spent)
