"""The two ways a local model answers: on the prefix tree, or plainly where its architecture does not allow that."""

from __future__ import annotations

import contextlib
import copy
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import torch

from workings.models.local.engine import Count, Engine
from workings.models.local.network import Network
from workings.models.local.packed import Read, Reading, read
from workings.models.local.plain import generate
from workings.models.local.samples import Request, Result, Sampled
from workings.models.local.scheduler import Scheduler
from workings.models.local.score import score

__all__ = ["Plain", "Tree", "serve"]

_TOLERANCE = 1e-3
"""Largest difference of a log-probability, in float32."""
_ASIDE = (5, 3, 8, 2, 7, 1, 6, 4, 9)


class Tree:
    """Continuous batching over the prefix tree."""

    def __init__(self, engine: Engine, most: int) -> None:
        self.engine = engine
        self._scheduler = Scheduler(engine, most)

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return self._scheduler.busy

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Attached to the module, without gradients; a small model on one thread, where several only wait."""
        before = torch.get_num_threads()
        if self.engine.network.small:
            torch.set_num_threads(1)
        try:
            with torch.inference_mode(), self.engine.attention.attached():
                yield
        finally:
            torch.set_num_threads(before)

    def add(self, request: Request, number: int, done: Callable[[int, Result], None]) -> None:
        """Queues one sample."""
        self._scheduler.add(request, number, done)

    def step(self) -> None:
        """One token for every sample in progress."""
        self._scheduler.step()

    @property
    def count(self) -> Count:
        """What has been computed."""
        return self.engine.count

    def bytes_for(self, tokens: int) -> int:
        """Memory of keys and values that one sequence needs: in the tree, and in a row's own part."""
        return 2 * tokens * self.engine.shape.position_bytes

    def score(self, wanted: Sequence[Reading]) -> list[Read]:
        """What each reading gives, and what it cost."""
        return read(self.engine, wanted)

    def clear(self) -> None:
        """Drops all samples."""
        self._scheduler.clear()


class Plain:
    """One batch after another, with transformers' own cache and attention."""

    def __init__(self, network: Network, most: int) -> None:
        self._network, self._most = network, most
        self._waiting: deque[Sampled] = deque()
        self.count = Count()

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._waiting)

    def entered(self) -> contextlib.AbstractContextManager[None]:
        """Nothing is attached."""
        return contextlib.nullcontext()

    def add(self, request: Request, number: int, done: Callable[[int, Result], None]) -> None:
        """Queues one sample."""
        self._waiting.append(Sampled(self._network, request, number, done))

    def step(self) -> None:
        """Runs one batch to its end: the oldest sample, and others whose prompts are as long."""
        length = len(self._waiting[0].request.ids)
        batch = [s for s in self._waiting if len(s.request.ids) == length][: self._most]
        taken = set(map(id, batch))
        self._waiting = deque(s for s in self._waiting if id(s) not in taken)
        generate(self._network, batch)

    def bytes_for(self, tokens: int) -> int:
        """Nothing is promised: what one sequence needs is not known here."""
        return 0

    def score(self, wanted: Sequence[Reading]) -> list[Read]:
        """What each reading gives; each distinct context is read from its beginning."""
        return [
            Read(
                score(self._network, one.passages),
                sum(len(ids) for ids in {p.ids[:-1] for p in one.passages if p.start < len(p.ids)}),
            )
            for one in wanted
        ]

    def clear(self) -> None:
        """Drops all samples."""
        self._waiting.clear()


def serve(network: Network, most: int, room: int) -> tuple[Tree | Plain, str]:
    """The tree where it reproduces the module's own forward, else the plain way and the reason.

    A short passage is read both ways: nine tokens as a prefix and a continuation, against one plain forward. In shorter
    number formats rounding hides what is looked for (a position that is off by one changes SmolLM2's log-probabilities
    in bfloat16 by less than the order of sums does), so there a small float32 model of the same architecture stands in.
    """
    try:
        whole = network.module.dtype == torch.float32
        tried = Tree(Engine(network if whole else _twin(network), room), most)
        with tried.entered():
            error = _error(tried.engine)
    except Exception as problem:  # an architecture may fail anywhere in its own code; the plain way remains
        return Plain(network, most), f"{type(problem).__name__}: {problem}"
    if not error <= _TOLERANCE:
        return Plain(network, most), f"its logits differ by {error:.2g} when prefixes are shared"
    return Tree(Engine(network, room), most), ""


def _error(engine: Engine) -> float:
    """How far log-probabilities of the tree are from those of one plain forward."""
    network = engine.network
    ids = tuple(i % network.width for i in _ASIDE)
    ((_, node),) = engine.compute([ids[:6]])
    engine.let_go(node)
    ((shared, node),) = engine.compute([ids])
    engine.let_go(node)
    with engine.attention.paused():
        plain = network.module(input_ids=torch.tensor([ids], device=network.device), use_cache=False).logits[0, -1]
    return float((shared.log_softmax(-1) - plain.float().log_softmax(-1)).abs().max())


def _twin(network: Network) -> Network:
    """The same architecture in float32 with random weights: its first layers until every kind of them is there, two at
    least, a vocabulary of 64 and narrow feed-forward layers, which attention never sees."""
    config = copy.deepcopy(network.module.config)
    text = config.get_text_config(decoder=True)
    kinds = list(getattr(text, "layer_types", None) or [])
    text.num_hidden_layers = min(max([2, *(kinds.index(kind) + 1 for kind in kinds)]), text.num_hidden_layers)
    if kinds:
        text.layer_types = kinds[: text.num_hidden_layers]
    small = {"vocab_size": 64, "intermediate_size": 64, "pad_token_id": None, "dtype": torch.float32}
    for name, value in small.items():
        if getattr(text, name, None) is not None:
            setattr(text, name, value)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = type(network.module)(config).float().eval()
    return Network(module, network.text, network.ends)
