"""The local model behind the port: asks to requests, results to completions."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Callable
from typing import Any

import torch

from workings.core.ask import Sample, Score, Scores
from workings.core.capability import Capability, Identity
from workings.core.completion import Completion, Usage
from workings.core.errors import BadSetting, ContextFull, DataError
from workings.models.local.engine import Count
from workings.models.local.network import Network
from workings.models.local.packed import reading
from workings.models.local.render import Text
from workings.models.local.samples import Request
from workings.models.local.serving import serve
from workings.models.local.stops import spelled
from workings.models.local.worker import Worker
from workings.run.ports import Watch

__all__ = ["LocalModel"]


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
        batch: int = 256,
        cache_bytes: int | None = None,
    ) -> None:
        if batch < 1:
            raise BadSetting(f"batch={batch} holds no sample.", "Give at least 1.")
        if module.get_output_embeddings() is None or not module.can_generate():
            raise DataError(f"{type(module).__name__} is not a causal language model.", "Give one that generates.")
        self.module = module.eval()
        self.tokenizer = tokenizer
        self._text = Text(tokenizer)
        self._network = Network(module, self._text)
        name = module.config.name_or_path or type(module).__name__
        self._identity = identity or Identity(name, template=self._text.template_digest)
        self._room = _cache_bytes(self._network.device) if cache_bytes is None else cache_bytes
        self._serving, self.fallback = serve(self._network, batch, self._room)
        if self.fallback:
            warnings.warn(f"{name} is served without the prefix tree: {self.fallback}", stacklevel=2)
        self._worker = Worker(self._serving)

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
        return self._network.context

    @property
    def ends(self) -> frozenset[int]:
        """The token ids that end a reply."""
        return self._network.ends

    @property
    def size(self) -> dict[str, int]:
        """How many parameters, layers and how wide: what operations are counted from."""
        config = self.module.config.get_text_config()
        layers, width = getattr(config, "num_hidden_layers", 0), getattr(config, "hidden_size", 0)
        return {"parameters": int(self.module.num_parameters()), "layers": int(layers), "width": int(width)}

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
        self._check_memory(len(ids) + min(ask.sampling.max_tokens, room))
        loop = asyncio.get_running_loop()
        opened = "" if self._text.opening in ask.prompt.lead else self._text.opening

        def requests(cancelled: Callable[[], bool]) -> list[Request]:
            return [
                Request(ids, ask.sampling, seed, room, _on_loop(loop, watch, ask.start + i, opened), cancelled)
                for i, seed in enumerate(seeds)
            ]

        results = await self._worker.sample(requests)
        made = []
        for seed, result in zip(seeds, results, strict=True):
            computed = min(result.computed, len(ids))
            usage = Usage(prompt=computed, cached=len(ids) - computed, generated=result.generated, calls=1)
            logprobs = result.logprobs if ask.sampling.logprobs else None
            made.append(
                Completion(
                    opened + result.text,
                    result.stop,
                    token_ids=result.ids,
                    tokens=spelled(self._text, ids, result.ids, result.text) if ask.sampling.top else None,
                    logprobs=logprobs,
                    top=result.top,
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
        one, table = reading(ask, self._text)
        longest = max(len(p.ids) for p in one.passages)
        if longest > self.context:
            raise ContextFull(
                f"A passage to score has {longest} tokens and this model holds {self.context}.", "Shorten the chain."
            )
        if any(p.start == 0 for p in one.passages):
            raise BadSetting("There is nothing before the text to score.", "Give a prompt.")
        self._check_memory(longest)
        [read] = await self._worker.score([one])
        sums = iter(read.sums)
        usage = Usage(prompt=read.computed, cached=read.cached, calls=1)
        return Scores(tuple(tuple(next(sums) for _ in row) for row in table), usage)

    @property
    def count(self) -> Count:
        """What the engine has computed so far; nothing where it works the plain way."""
        return self._serving.count

    def _check_memory(self, tokens: int) -> None:
        size = self._serving.bytes_for(tokens)
        if size > self._room:
            raise ContextFull(
                f"{tokens} tokens take {size / 1e6:.0f} MB of keys and values; the budget is {self._room / 1e6:.0f}.",
                "Lower max_tokens, shorten the prompt, or give a larger cache_bytes.",
            )

    async def aclose(self) -> None:
        """Ends the worker thread within a few steps; callers still waiting get a ModelError."""
        await self._worker.aclose()


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


def _cache_bytes(device: torch.device) -> int:
    """A quarter of the memory that is free, or a little more on a GPU, which has nothing else to do."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free) * 3 // 5
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
    except (ValueError, OSError, AttributeError):
        return 2 << 30
