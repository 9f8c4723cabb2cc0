"""What our client, driver and record cost per sample, beside a bare aiohttp client and inspect_ai.

A server in its own process answers every chat request at once with the same short reply. Three clients with 100
connections take turns against it: a loop of aiohttp and nothing else; `workings` as `workings run` does it
(method `direct`, driver, SQLite record, all attempts committed when the clock stops); and inspect_ai (dataset, solver
`generate`, scorer `includes`, its own log) in the environment whose interpreter `--inspect-python` names.

Run: python benchmarks/http_overhead.py --inspect-python .venv-inspect/bin/python [--quick]

Printed: samples per second, median and range over the rounds, and processor time a sample in the client's process (all
its threads), which other programs disturb less. The last line is one JSON object: `times_inspect` (ours over
inspect_ai's; null when it was not run), `share_of_bare_client` (ours over the bare client's) and `share_in_cpu` (the
bare client's processor time over ours; lower, because the bare client waits for the server now and then and we do not).
Our connections are our own, the bare client's are aiohttp's. The figures say nothing about servers that take time to
answer: there the clients wait alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

REPLY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "instant",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "The answer is 4."},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 20, "completion_tokens": 6, "total_tokens": 26},
    }
).encode()
CONNECTIONS = 100

INSPECT = """
import sys, time, json, tempfile, os
url, count, connections = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.environ["BENCH_API_KEY"], os.environ["BENCH_BASE_URL"] = "none", url
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import includes
from inspect_ai.solver import generate
from inspect_ai.model import GenerateConfig, get_model
def once(n):
    model = get_model("openai-api/bench/instant", config=GenerateConfig(max_connections=connections, max_tokens=64))
    task = Task(dataset=MemoryDataset([Sample(f"What is {i} minus {i - 4}?", target="4") for i in range(n)]),
                solver=generate(), scorer=includes())
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        [log] = eval(task, model=model, log_dir=folder, display="none", max_samples=connections, fail_on_error=True)
        assert log.status == "success" and log.results.completed_samples == n, log.status
    return n / (time.perf_counter() - begun)
once(20)
print(json.dumps(once(count)))
"""


class Instant(asyncio.Protocol):
    """The least HTTP server that keeps a connection open and answers POST and GET at once."""

    ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(REPLY), REPLY)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.held = b""

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            head = self.held[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.held) < end + 4 + length:
                return
            self.held = self.held[end + 4 + length :]
            self.transport.write(self.ANSWER)


async def serve() -> None:
    """Serves until killed; prints the port first."""
    server = await asyncio.get_running_loop().create_server(Instant, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def server() -> Iterator[str]:
    """The address of a server in its own process."""
    process = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Clock:
    """Seconds on the wall and of the processor since it was made."""

    def __init__(self) -> None:
        self.wall, self.busy = time.perf_counter(), time.process_time()

    def each(self, count: int) -> Taken:
        return Taken(count / (time.perf_counter() - self.wall), (time.process_time() - self.busy) / count)


class Taken(NamedTuple):
    """Samples per second, and processor seconds a sample (NaN when not known)."""

    speed: float
    cpu: float


async def bare(url: str, count: int) -> Taken:
    """aiohttp alone."""
    import aiohttp

    numbers = iter(range(count))

    async def work(session: aiohttp.ClientSession) -> None:
        for i in numbers:
            body = {
                "model": "instant",
                "messages": [{"role": "user", "content": f"What is {i} minus {i - 4}?"}],
                "temperature": 0.0,
                "max_tokens": 64,
            }
            async with session.post(f"{url}/chat/completions", json=body) as response:
                reply = await response.json()
                assert reply["choices"][0]["message"]["content"]

    clock = Clock()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
        await asyncio.gather(*(work(session) for _ in range(CONNECTIONS)))
    return clock.each(count)


async def ours(url: str, count: int) -> Taken:
    """A whole run: method, driver, client and record."""
    from workings.core.answer import Outcome
    from workings.core.problem import Problem, Question
    from workings.core.record import RunSpec
    from workings.models.http import Endpoint, HttpModel
    from workings.reason.direct import Direct
    from workings.run.drive import World
    from workings.run.experiment import Plan, carry_out
    from workings.store.archive import Archive

    problems = [Problem(Question(f"p{i}", f"What is {i} minus {i - 4}?"), "4") for i in range(count)]
    plan = Plan(problems, {"direct": Direct()}, concurrency=CONNECTIONS)
    with tempfile.TemporaryDirectory() as folder, Archive.open(Path(folder)) as archive:
        clock = Clock()
        async with HttpModel(Endpoint(url, "instant", max_connections=CONNECTIONS)) as model:
            spec = RunSpec("bench", "http", model.identity, ("direct",), "bench", count)
            run = archive.start(spec, problems)
            made = await carry_out(plan, World(model), run)
            run.close()
        taken = clock.each(count)
        rows = list(run.rows())
    assert made == len(rows) == count and all(row.outcome is Outcome.RIGHT for row in rows), rows[0]
    return taken


def inspect(python: str, url: str, count: int) -> Taken:
    """inspect_ai, its imports and a warm-up not counted."""
    settings = {**os.environ, "INSPECT_LOG_LEVEL": "error"}
    done = subprocess.run(
        [python, "-c", INSPECT, url, str(count), str(CONNECTIONS)], capture_output=True, text=True, env=settings
    )
    if done.returncode:
        raise SystemExit(f"inspect_ai failed:\n{done.stderr[-2000:]}")
    return Taken(float(json.loads(done.stdout.strip().splitlines()[-1])), math.nan)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer samples and rounds")
    parser.add_argument("--inspect-python", default="", help="interpreter of an environment with inspect_ai and openai")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        return asyncio.run(serve())
    count, few, rounds = (2000, 200, 3) if chosen.quick else (10_000, 1000, 5)
    peer = bool(chosen.inspect_python) and Path(chosen.inspect_python).exists()
    if not peer:
        print("inspect_ai is not measured: name its interpreter with --inspect-python.", file=sys.stderr)
    taken: dict[str, list[Taken]] = {"bare aiohttp": [], "workings": [], "inspect_ai": []}
    with server() as url:
        asyncio.run(bare(url, 500))
        asyncio.run(ours(url, 500))
        for _ in range(rounds):
            taken["bare aiohttp"].append(asyncio.run(bare(url, count)))
            taken["workings"].append(asyncio.run(ours(url, count)))
            if peer:
                taken["inspect_ai"].append(inspect(chosen.inspect_python, url, few))
    print(f"{'client':14} {'samples/s':>10} {'range':>16} {'workings is':>12} {'CPU us each':>12}")
    speed = {name: statistics.median(t.speed for t in several) for name, several in taken.items() if several}
    cpu = {name: statistics.median(t.cpu for t in several) for name, several in taken.items() if several}
    for name, value in speed.items():
        speeds = [t.speed for t in taken[name]]
        span = f"{min(speeds):.0f}–{max(speeds):.0f}"
        busy = "" if math.isnan(cpu[name]) else f"{cpu[name] * 1e6:.0f}"
        print(f"{name:14} {value:10.0f} {span:>16} {speed['workings'] / value:11.2f}× {busy:>12}")
    figures = {
        "times_inspect": round(speed["workings"] / speed["inspect_ai"], 2) if peer else None,
        "share_of_bare_client": round(speed["workings"] / speed["bare aiohttp"], 3),
        "share_in_cpu": round(cpu["bare aiohttp"] / cpu["workings"], 3),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
