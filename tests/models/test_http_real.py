"""A real third-party server: `transformers serve` on a tiny model made on the spot."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from workings.core.ask import Sample, Sampling
from workings.core.capability import Capability
from workings.core.completion import Completion, Stop
from workings.core.errors import MissingCapability, Refused
from workings.core.prompt import Prompt
from workings.models.http import Endpoint, HttpModel

NEEDED = ("torch", "transformers", "fastapi", "uvicorn", "openai", "pydantic", "accelerate")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"transformers serve needs {', '.join(MISSING)}")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of the server and the folder of its model; starting takes as long as importing torch."""
    import tiny

    folder = tmp_path_factory.mktemp("served")
    model = tiny.module()
    model.generation_config.do_sample = True
    model.save_pretrained(folder)
    tiny.tokenizer(chat=True).save_pretrained(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "transformers"), "serve", str(folder), "--device", "cpu"]
    hub = tmp_path_factory.mktemp("hub")
    settings = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(hub), "OMP_NUM_THREADS": "1"}
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)], env=settings, stdout=log, stderr=log
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}/health", folder / "server.log")
        yield f"http://127.0.0.1:{port}", str(folder)
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"transformers serve ended: {log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"transformers serve did not start: {log.read_text()[-2000:]}")


def sample(served: tuple[str, str], ask: Sample, seeds: tuple[int, ...], form: str = "chat") -> tuple[Completion, ...]:
    async def go() -> tuple[Completion, ...]:
        url, model = served
        async with HttpModel(Endpoint(url, model, form, retries=1)) as server:  # type: ignore[arg-type]
            return await server.sample(ask, seeds)

    return asyncio.run(go())


@pytest.mark.parametrize("form", ["chat", "completions"])
def test_two_samples_of_eight_tokens(served: tuple[str, str], form: str) -> None:
    ask = Sample(Prompt.user("the sum of three and four"), n=2, sampling=Sampling(temperature=1.0, max_tokens=8))
    got = sample(served, ask, (1, 2), form)
    assert len(got) == 2
    for completion, seed in zip(got, (1, 2), strict=True):
        assert isinstance(completion.text, str) and completion.seed == seed
        assert completion.stop in (Stop.LENGTH, Stop.END)
        assert 1 <= completion.usage.generated <= 8 and completion.usage.prompt > 4 and completion.usage.calls == 1
        assert completion.logprobs is None
        if completion.stop is Stop.LENGTH:
            assert completion.usage.generated == 8


def test_one_seed_gives_one_text(served: tuple[str, str]) -> None:
    ask = Sample(Prompt.user("coin"), sampling=Sampling(temperature=1.0, max_tokens=8))
    texts = [sample(served, ask, (seed,))[0].text for seed in (5, 5, 6, 7)]
    assert texts[0] == texts[1] and len(set(texts)) > 1


def test_text_is_shown_as_it_comes(served: tuple[str, str]) -> None:
    async def go() -> tuple[Completion, str]:
        url, name = served
        shown: list[str] = []
        async with HttpModel(Endpoint(url, name, "chat", retries=1)) as model:
            ask = Sample(Prompt.user("heads or tails"), sampling=Sampling(temperature=0, max_tokens=8))
            (got,) = await model.sample(ask, (1,), lambda _, text: shown.append(text))
            return got, "".join(shown)

    got, shown = asyncio.run(go())
    assert got.text == shown and got.usage.generated <= 8


def test_what_it_cannot_do_is_found_out(served: tuple[str, str]) -> None:
    async def go() -> frozenset[Capability]:
        url, name = served
        async with HttpModel(Endpoint(url, name, "chat", retries=1)) as model:
            with pytest.raises(MissingCapability):
                await model.sample(Sample(Prompt.user("coin", lead="heads")), (1,))
            with pytest.raises(Refused, match="top_k"):
                await model.sample(Sample(Prompt.user("coin"), sampling=Sampling(top_k=5)), (1,))
            return await model.probe((Capability.LOGPROBS, Capability.SEEDS))

    assert asyncio.run(go()) == {Capability.SEEDS}
