"""Small learners for the tests of training, and what two processes of them do; a spawned process imports this."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from workings.train.sft import Lesson, SftSettings, imitate

WORDS = 97
"""Size of the learners' vocabulary; token 0 is padding."""

TOGETHER = SftSettings(
    steps=3, tokens=128, widths=(16, 32), muon_rate=0.01, adam_rate=1e-3, warmup=0.0, cooldown=0.5, jumps=0.5, jump=5
)


def llama(*, seed: int = 0, width: int = 32, layers: int = 2, **changed: Any) -> Any:
    """A plain Llama of random float32 weights, large enough to matter, in eval mode."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    settings: dict[str, Any] = {
        "vocab_size": WORDS,
        "hidden_size": width,
        "intermediate_size": 3 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": 512,
        "initializer_range": 0.1,
        "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "bos_token_id": None,
        "eos_token_id": 1,
        "pad_token_id": 0,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(LlamaConfig(**{**settings, **changed})).float().eval()


def lessons(seed: int, count: int, longest: int = 32, *, given: bool = True) -> list[Lesson]:
    """Lessons of random tokens, 2 to `longest` of them; where `given`, a third of them with tokens that are given."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        length = rng.randint(2, longest)
        cut = rng.randint(1, length - 1)
        ids = tuple(rng.randrange(1, WORDS) for _ in range(length))
        marks = tuple(rng.random() < 0.5 for _ in range(length - cut)) if given and rng.random() < 0.3 else ()
        made.append(Lesson(ids[:cut], ids[cut:], marks))
    return made


def stream(rank: int) -> Iterator[Lesson]:
    """The lessons of one process of two."""
    return iter(lessons(10 + rank, 200))


def weights(module: Any) -> np.ndarray:
    """All weights as one float32 vector."""
    import torch

    return torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy().copy()


def learn(rank: int, folder: Path) -> None:
    """One process of several: learns its own lessons and leaves its weights in `folder`."""
    module = llama()
    imitate(module, stream(rank), TOGETHER)
    np.save(folder / f"{rank}.npy", weights(module))


def fall(rank: int) -> None:
    """One process fails and the other waits for its gradients."""
    if rank == 1:
        raise ValueError("This one fell.")
    imitate(llama(), stream(rank), TOGETHER)
