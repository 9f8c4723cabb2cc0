"""Self-consistency: 40 samples of 64 tokens of one prompt of 650 tokens, beside generate and llama.cpp's server.

    python benchmarks/engine_samples.py [--model FILE] [--llama-server "COMMAND"]

`--llama-server` is the command that starts llama.cpp's server; it is given the same file (`--model`, a GGUF file) with
40 slots and a unified cache, and 40 parallel requests. Its weights stay as they are in the file, at four bits or eight;
ours and those of generate are float32. Nobody ends before the last token.

Keys: `times_generate`, `times_llama_server` (null when it was not run).
"""

from __future__ import annotations

import asyncio
import shlex
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import torch
from engine import arguments, compare, endless, opened, prompt_text, ratio, say

from workings.core.ask import Sample
from workings.core.errors import BadSetting
from workings.core.prompt import Prompt


@contextmanager
def served(command: str, file: str, slots: int) -> Iterator[str]:
    """The address of llama.cpp's server."""
    if not file.endswith(".gguf"):
        raise BadSetting(f"llama.cpp cannot read --model {file!r}.", "Give a GGUF file.")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [*shlex.split(command), "-m", file, "--port", str(port), "-np", str(slots), "-c", str(slots * 800)]
    process = subprocess.Popen([*words, "--kv-unified"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        asyncio.run(_healthy(url, process))
        yield url
    finally:
        process.kill()
        process.wait()


async def _healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    async with aiohttp.ClientSession() as session:
        end = time.monotonic() + 120
        while time.monotonic() < end and process.poll() is None:
            try:
                async with session.get(f"{url}/health") as reply:
                    if reply.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)
    raise BadSetting(f"llama.cpp's server did not start: exit code {process.poll()}.", "Try the command by hand.")


async def parallel(url: str, prompt: list[int], many: int, tokens: int) -> None:
    """So many requests for one prompt at once."""
    body = {"prompt": prompt, "n_predict": tokens, "ignore_eos": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0}

    async def one(session: aiohttp.ClientSession, seed: int) -> None:
        async with session.post(f"{url}/completion", json={**body, "seed": seed}) as reply:
            told = await reply.json()
            assert told["tokens_predicted"] == tokens, told

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(None)) as session:
        await asyncio.gather(*(one(session, seed) for seed in range(many)))


def main() -> None:
    given = arguments(__doc__, llama_server="the command that starts llama.cpp's server")
    many, tokens, length = (8, 16, 200) if given.quick else (40, 64, 650)
    model = opened(given)
    unused = iter([Prompt.user(prompt_text(model, length, n)) for n in range(99)])
    sampling = endless(model, 1.0, tokens)

    def ours() -> None:
        made = asyncio.run(model.sample(Sample(next(unused), many, sampling), tuple(range(many))))
        assert [one.usage.generated for one in made] == [tokens] * many

    def generate() -> None:
        ids = torch.tensor([model.prompt_ids(Sample(next(unused)))])
        with torch.no_grad():
            model.module.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                num_return_sequences=many,
                do_sample=True,
                top_k=0,
                min_new_tokens=tokens,
                max_new_tokens=tokens,
                pad_token_id=0,
            )

    contestants: dict[str, Callable[[], Any]] = {"workings": ours, "transformers generate": generate}
    rounds = 1 if given.quick else given.rounds
    if given.llama_server:
        with served(given.llama_server, given.model, many) as url:

            def llama() -> None:
                asyncio.run(parallel(url, list(model.prompt_ids(Sample(next(unused)))), many, tokens))

            seconds = compare({**contestants, "llama.cpp's server": llama}, rounds)
    else:
        seconds = compare(contestants, rounds)
    figures = {
        "times_generate": ratio(seconds, "transformers generate", "workings"),
        "times_llama_server": ratio(seconds, "llama.cpp's server", "workings") if given.llama_server else None,
    }
    say(seconds, many * tokens, "tokens/s", figures)


if __name__ == "__main__":
    main()
