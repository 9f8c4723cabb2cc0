"""Installed without extras, everything works that needs only a model behind HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

SCRIPT = textwrap.dedent(
    """
    import asyncio, json, sys, threading

    EXTRAS = {"torch", "transformers", "tokenizers", "safetensors", "math_verify", "sympy", "pyarrow", "gguf", "jinja2"}

    from importlib.machinery import PathFinder

    found = PathFinder.find_spec

    def find_spec(name, path=None, target=None):
        return None if name.partition(".")[0] in EXTRAS else found(name, path, target)

    PathFinder.find_spec = find_spec
    from aiohttp import web

    async def chat(request):
        body = await request.json()
        asked = body["messages"][-1]["content"]
        text = "3 + 4 = 7\\nThe answer is 7." if "step" in asked else "The answer is 8."
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        return web.json_response({"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 5}})

    async def models(request):
        return web.json_response({"data": [{"id": "small"}]})

    ready = threading.Event()
    where = {}

    def serve():
        async def work():
            app = web.Application()
            app.router.add_post("/v1/chat/completions", chat)
            app.router.add_get("/v1/models", models)
            runner = web.AppRunner(app)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            where["port"] = site._server.sockets[0].getsockname()[1]
            ready.set()
            await asyncio.Event().wait()
        asyncio.run(work())

    threading.Thread(target=serve, daemon=True).start()
    ready.wait(30)
    from workings.cli.main import main

    url = f"http://127.0.0.1:{where['port']}/v1"
    codes = [
        main(["run", "--problems", "sums.jsonl", "--model", url, "--report", "page.html"]),
        main(["report"]),
        main(["export", "--out", "out.jsonl"]),
        main(["import", "out.jsonl", "--folder", "other"]),
        main(["list", "methods"]),
        main(["ask", "What is 3+4?", "--model", url]),
        main(["run", "--problems", "addition", "--count", "3"]),
        main(["export", "--out", "out.parquet"]),
    ]
    print(json.dumps(codes))
    """
)


def test_everything_but_local_models_works_without_the_extras(tmp_path: Path) -> None:
    rows = [{"question": f"What is 3+4, asked for the {n}th time?", "answer": "7"} for n in range(4)]
    (tmp_path / "sums.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    codes = json.loads(done.stdout.strip().splitlines()[-1])
    assert codes[:6] == [0] * 6, done.stderr
    assert codes[6:] == [5, 5], done.stderr
    assert 'pip install "workings[local]"' in done.stderr
    assert "workings[parquet]" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "page.html").stat().st_size > 10_000
