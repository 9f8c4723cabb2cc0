"""What the engine benchmarks share: the model, prompts of a given length, and rounds of several contestants.

`--model` names a folder or GGUF file (SmolLM2-135M-Instruct for the figures in RESULTS.md); `--random` takes the same
architecture with random weights and the pocket model's tokenizer, so that nothing need be fetched. All in float32.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from workings.catalog.models import pocket_folder
from workings.core.ask import Sampling
from workings.models.local import load
from workings.models.local.model import LocalModel

__all__ = ["arguments", "compare", "endless", "opened", "prompt_text", "ratio", "say"]


def arguments(text: str | None, **more: str) -> argparse.Namespace:
    """The options that all of them take, and text options of a benchmark's own, each with its help."""
    words = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--model", default="", help="a folder or a GGUF file; the default is --random")
    words.add_argument("--random", action="store_true", help="random weights in SmolLM2-135M's architecture")
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--quick", action="store_true", help="one round, smaller")
    for name, means in more.items():
        words.add_argument("--" + name.replace("_", "-"), default="", help=means)
    return words.parse_args()


def endless(model: LocalModel, temperature: float, tokens: int) -> Sampling:
    """Sampling in which no reply ends before its last token, so that all contestants write as much."""
    ends = tuple((token, -1e9) for token in sorted(model.ends))
    return Sampling(temperature=temperature, max_tokens=tokens, bias=ends)


def opened(given: argparse.Namespace) -> LocalModel:
    """The model, in float32."""
    if given.model and not given.random:
        return load(given.model, dtype="float32")
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
    )
    return LocalModel(LlamaForCausalLM(config).eval(), AutoTokenizer.from_pretrained(pocket_folder()))


def prompt_text(model: LocalModel, tokens: int, start: int = 0) -> str:
    """A text of about so many tokens, different for each `start`."""
    words = [f"{(start * 37 + i * 17) % 97} plus {(i * 13 + start) % 89} is a sum." for i in range(tokens)]
    low, high = 1, tokens
    while low < high:
        middle = (low + high) // 2
        if len(model.tokenizer(" ".join(words[:middle]))["input_ids"]) < tokens:
            low = middle + 1
        else:
            high = middle
    return " ".join(words[:low])


def compare(contestants: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contestant, in turn, `rounds` times."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, work in contestants.items():
            began = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def say(seconds: dict[str, list[float]], work: float, unit: str, figures: dict[str, Any]) -> None:
    """A table of medians with their range, and the figures as the last line."""
    print(f"{'':28} {'seconds':>9} {'range':>15} {unit:>14}")
    for name, taken in seconds.items():
        middle = statistics.median(taken)
        print(f"{name:28} {middle:9.2f} {min(taken):7.2f}–{max(taken):.2f} {work / middle:14.1f}")
    print(json.dumps(figures))


def ratio(seconds: dict[str, list[float]], peer: str, ours: str) -> float:
    """The median over rounds of the peer's time over ours, round by round."""
    return round(statistics.median(p / o for p, o in zip(seconds[peer], seconds[ours], strict=True)), 2)
