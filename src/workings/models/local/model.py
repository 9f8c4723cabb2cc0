"""The local model behind the port: asks to requests, results to completions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import torch

from workings.core.ask import Sample, Score, Scores
from workings.core.capability import Capability, Identity
from workings.core.completion import Completion, Usage
from workings.core.errors import BadSetting, ContextFull, DataError
from workings.models.local.generate import Engine, Request, Result, generate
from workings.models.local.queue import Queue
from workings.models.local.render import Text
from workings.models.local.score import passages, score
from workings.run.ports import Watch

__all__ = ["LocalModel"]

_CPU_CACHE = 2 << 30


class LocalModel:
    """Answers Sample and Score with a transformers causal language model in this process.

    `module` and `tokenizer` are open to white-box work; the module is put in eval mode and otherwise left as it
    was found. Asks from many tasks, on any event loop, are grouped into batches of at most `batch` samples whose
    keys and values take at most `cache_bytes`. With several samples of one prompt, the first is charged for the
    prompt and the others for reading it from the cache, whichever batch they ran in. `Completion.token_ids` end
    with the last token that writes kept text (or with the end token), so they can be continued exactly; tokens
    spent on a stop string are charged all the same.

    When the chat template ends in a tag that opens the model's thinking, the text of a reply begins with that tag, so
    that the reply is read as thinking until it is closed, or to its end when it was cut before; no token stands for it.
    """

    def __init__(
        self,
        module: Any,
        tokenizer: Any,
        *,
        identity: Identity | None = None,
        batch: int = 64,
        cache_bytes: int | None = None,
    ) -> None:
        if batch < 1:
            raise BadSetting(f"batch={batch} holds no sample.", "Give at least 1.")
        if module.get_output_embeddings() is None or not module.can_generate():
            raise DataError(f"{type(module).__name__} is not a causal language model.", "Give one that generates.")
        self.module = module.eval()
        self.tokenizer = tokenizer
        self._text = Text(tokenizer)
        self._engine = Engine(module, self._text, end_tokens(module, self._text))
        name = module.config.name_or_path or type(module).__name__
        self._identity = identity or Identity(name, template=self._text.template_digest)
        columns = max(1, (cache_bytes or _cache_bytes(self._engine.device)) // _bytes_per_token(module))
        self._queue = Queue(self._generate, self._score, rows=batch, tokens=columns)

    @property
    def identity(self) -> Identity:
        """Which model this is; the revision names the number format, since it changes the numbers."""
        return self._identity

    @property
    def capabilities(self) -> frozenset[Capability]:
        """All of them."""
        return frozenset(Capability)

    @property
    def context(self) -> int:
        """Most tokens of prompt and reply together."""
        return self._engine.context

    def prompt_ids(self, ask: Sample | Score) -> tuple[int, ...]:
        """The token ids that the prompt of an ask, lead included, becomes."""
        return self._text.prompt(ask.prompt)

    async def sample(self, ask: Sample, seeds: tuple[int, ...], watch: Watch | None = None) -> tuple[Completion, ...]:
        """One completion a seed, in that order.

        `watch` is called on the caller's event loop with `ask.start` plus the sample's index, and text as it
        comes. Raises BadSetting when seeds and samples differ in number, ContextFull when the prompt leaves no
        room for a token.
        """
        if len(seeds) != ask.n:
            raise BadSetting(f"{len(seeds)} seeds were given for {ask.n} samples.", "Give one seed a sample.")
        ids = self._text.prompt(ask.prompt)
        room = self.context - len(ids)
        if room < 1:
            raise ContextFull(
                f"The prompt has {len(ids)} tokens and this model holds {self.context}.",
                "Shorten it, or use a model with a longer context.",
            )
        loop = asyncio.get_running_loop()
        opened = "" if self._text.opening in ask.prompt.lead else self._text.opening

        def requests(cancelled: Callable[[], bool]) -> list[Request]:
            return [
                Request(ids, ask.sampling, seed, room, _on_loop(loop, watch, ask.start + i, opened), cancelled)
                for i, seed in enumerate(seeds)
            ]

        results = await self._queue.sample(requests)
        made = []
        for i, (seed, result) in enumerate(zip(seeds, results, strict=True)):
            usage = Usage(prompt=0 if i else len(ids), cached=len(ids) if i else 0, generated=result.generated, calls=1)
            logprobs = result.logprobs if ask.sampling.logprobs else None
            made.append(
                Completion(
                    opened + result.text,
                    result.stop,
                    token_ids=result.ids,
                    logprobs=logprobs,
                    entropy=result.entropy,
                    certainty=result.certainty,
                    seed=seed,
                    usage=usage,
                )
            )
        return tuple(made)

    async def score(self, ask: Score) -> Scores:
        """Log-probabilities (nats), shape (cut, candidate): sums over each candidate's tokens.

        `usage.prompt` counts every token read, which this plain form reads again for each cut. Raises
        BadSetting for a cut outside the chain, ContextFull when a passage does not fit.
        """
        table = passages(ask, self._text)
        flat = [p for row in table for p in row]
        longest = max(len(p.ids) for p in flat)
        if longest > self.context:
            raise ContextFull(
                f"A passage to score has {longest} tokens and this model holds {self.context}.", "Shorten the chain."
            )
        if any(p.start == 0 for p in flat):
            raise BadSetting("There is nothing before the text to score.", "Give a prompt.")
        sums = iter(await self._queue.score(flat))
        read = sum(len(ids) for ids in {p.ids[:-1] for p in flat if p.start < len(p.ids)})
        return Scores(tuple(tuple(next(sums) for _ in row) for row in table), Usage(prompt=read, calls=1))

    async def aclose(self) -> None:
        """Ends the worker thread within a few steps; callers still waiting get a ModelError."""
        await self._queue.aclose()

    def _generate(self, requests: Sequence[Request], done: Callable[[int, Result], None]) -> None:
        generate(self._engine, requests, done)

    def _score(self, wanted: Sequence[Any]) -> list[float]:
        return score(self._engine, wanted)


def _on_loop(
    loop: asyncio.AbstractEventLoop, watch: Watch | None, number: int, opened: str = ""
) -> Callable[[str], None] | None:
    if watch is None:
        return None

    def tell(text: str) -> None:
        nonlocal opened
        text, opened = opened + text, ""
        if not loop.is_closed():
            loop.call_soon_threadsafe(watch, number, text)

    return tell


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


def _bytes_per_token(module: Any) -> int:
    config = module.config.get_text_config(decoder=True)
    heads = int(config.num_attention_heads)
    stored = int(getattr(config, "num_key_value_heads", None) or heads)
    width = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
    size = module.get_input_embeddings().weight.element_size()
    return 2 * int(config.num_hidden_layers) * stored * width * int(size)


def _cache_bytes(device: torch.device) -> int:
    if device.type != "cuda":
        return _CPU_CACHE
    free, _ = torch.cuda.mem_get_info(device)
    return int(free) * 2 // 5
