"""Both tasks of engine_samples and engine_header beside transformers' continuous batching and lm-evaluation-harness.

    python benchmarks/engine_peers.py --model FOLDER [--lm-eval-python PYTHON] [--quick]

40 samples of one prompt of 650 tokens, and 64 questions behind one header of 650 tokens, each continued by 64 tokens.
transformers' `generate_batch` works in this process, on the same module, with pages as large as its default, a cache
that holds all of it, and block sharing on (its own prefix cache). The harness runs its `hf` backend in the environment
whose interpreter `--lm-eval-python` names, on the same folder, in float32, with `generate_until`, batches of 16 and
the same token counts (stop strings that do not occur); loading is not counted for anybody. It has no samples of one
prompt, so it gets the prompt 40 times.

Keys: `samples_times_generate_batch`, `header_times_generate_batch`, `samples_times_lm_eval`, `header_times_lm_eval`
(null when it was not run).
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import arguments, compare, endless, opened, prompt_text, ratio, say

from workings.core.ask import Sample
from workings.core.prompt import Prompt
from workings.models.local.load import find

HARNESS = """
import json, sys
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
folder, tokens = sys.argv[1], int(sys.argv[2])
model = HFLM(pretrained=folder, dtype="float32", device="cpu", batch_size=16)
print(json.dumps({"done": 0}), flush=True)
for line in sys.stdin:
    task = json.loads(line)
    until = {"until": ["never-written"], "max_gen_toks": tokens, "min_new_tokens": tokens}
    until |= {"do_sample": True, "temperature": 1.0, "top_k": 0} if task["sampled"] else {"do_sample": False}
    asks = [Instance("generate_until", {}, (text, dict(until)), i) for i, text in enumerate(task["texts"])]
    made = model.generate_until(asks, disable_tqdm=True)
    assert len(made) == len(asks)
    print(json.dumps({"done": len(made)}), flush=True)
"""


class Harness:
    """lm-evaluation-harness in a process of its own."""

    def __init__(self, python: str, folder: Path, tokens: int) -> None:
        words = [python, "-c", HARNESS, str(folder), str(tokens)]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._wait()

    def take(self, texts: list[str], *, sampled: bool) -> None:
        """Continues these prompts."""
        assert self._process.stdin is not None
        print(json.dumps({"texts": texts, "sampled": sampled}), file=self._process.stdin, flush=True)
        self._wait()

    def _wait(self) -> None:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.startswith('{"done"'):
                return
        raise SystemExit("lm-evaluation-harness ended; see its message above.")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def batch_generator(model: Any, tokens: int) -> Callable[[list[list[int]], bool], None]:
    """transformers' continuous batching on the model's own module."""
    from transformers import ContinuousBatchingConfig, GenerationConfig

    def generate(prompts: list[list[int]], sampled: bool) -> None:
        needed = sum(len(ids) + tokens + 256 for ids in prompts) // 256 + 8
        config = ContinuousBatchingConfig(
            num_blocks=needed, max_batch_tokens=2048, use_cuda_graph=False, use_async_batching=False
        )
        how = GenerationConfig(do_sample=sampled, max_new_tokens=tokens, eos_token_id=-1, pad_token_id=0, top_k=0)
        made = model.module.generate_batch(
            prompts, generation_config=how, continuous_batching_config=config, warmup=False
        )
        assert [len(one.generated_tokens) for one in made.values()] == [tokens] * len(prompts)

    return generate


def main() -> None:
    given = arguments(__doc__, lm_eval_python="interpreter of an environment with lm-eval and torch")
    many, questions, tokens, length = (8, 8, 16, 200) if given.quick else (40, 64, 64, 650)
    model = opened(given)
    numbers = iter(range(999))
    batched = batch_generator(model, tokens)

    def texts(task: str) -> list[str]:
        number = next(numbers)
        header = prompt_text(model, length, number)
        if task == "samples":
            return [header] * many
        return [f"{header} Question {i}: {prompt_text(model, 12, 100 + number + i)}" for i in range(questions)]

    def ours(task: str) -> None:
        async def all_of(asks: list[Sample]) -> None:
            made = await asyncio.gather(*(model.sample(ask, tuple(range(ask.n))) for ask in asks))
            assert all(one.usage.generated == tokens for group in made for one in group)

        sampling = endless(model, 1.0 if task == "samples" else 0.0, tokens)
        given_texts = texts(task)
        if task == "samples":
            asyncio.run(all_of([Sample(Prompt.user(given_texts[0]), many, sampling)]))
        else:
            asyncio.run(all_of([Sample(Prompt.user(text), 1, sampling) for text in given_texts]))

    def theirs(task: str) -> None:
        prompts = [list(model.prompt_ids(Sample(Prompt.user(text)))) for text in texts(task)]
        batched(prompts, task == "samples")

    rounds = 1 if given.quick else given.rounds
    harness = Harness(given.lm_eval_python, find(given.model)[0], tokens) if given.lm_eval_python else None
    figures: dict[str, Any] = {}
    for task, count in (("samples", many), ("header", questions)):
        print(task)
        contestants: dict[str, Callable[[], Any]] = {
            "workings": lambda task=task: ours(task),
            "generate_batch": lambda task=task: theirs(task),
        }
        if harness is not None:
            contestants["lm-eval hf"] = lambda task=task: harness.take(texts(task), sampled=task == "samples")
        seconds = compare(contestants, rounds)
        figures[f"{task}_times_generate_batch"] = ratio(seconds, "generate_batch", "workings")
        figures[f"{task}_times_lm_eval"] = ratio(seconds, "lm-eval hf", "workings") if harness is not None else None
        say(seconds, count * tokens, "tokens/s", {})
    if harness is not None:
        harness.close()
    else:
        print("lm-eval is not measured: name its interpreter with --lm-eval-python.", file=sys.stderr)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
