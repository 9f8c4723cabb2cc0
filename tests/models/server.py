"""A hostile OpenAI-compatible server on loopback, in the test's own event loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Body = dict[str, Any]
Behaviour = Callable[["Call"], Awaitable[web.StreamResponse]]


class Call:
    """One request as the server sees it: its number (from 1), path, headers and body."""

    def __init__(self, request: web.Request, body: Body, number: int) -> None:
        self.request = request
        self.body = body
        self.number = number
        self.path = request.path

    async def answer(self, text: str | None = "four", **parts: Any) -> web.Response:
        """A proper reply."""
        return web.json_response(chat(text, **parts))

    async def json(self, data: Any, **options: Any) -> web.Response:
        return web.json_response(data, **options)

    async def fail(self, status: int, message: str = "no", **headers: str) -> web.Response:
        """An error status in OpenAI's shape."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response({"error": {"message": message}}, status=status, headers=named)

    async def raw(self, body: bytes, status: int = 200, kind: str = "application/json") -> web.Response:
        return web.Response(body=body, status=status, content_type=kind)

    async def reset(self) -> web.StreamResponse:
        """Breaks the connection without an answer."""
        assert self.request.transport is not None
        self.request.transport.abort()
        await asyncio.sleep(0)
        return web.Response()

    async def stall(self, begun: bytes = b"", kind: str = "application/json") -> web.StreamResponse:
        """Sends what is given and then nothing for a long time."""
        if begun:
            response = web.StreamResponse(headers={"Content-Type": kind})
            await response.prepare(self.request)
            await response.write(begun)
        await asyncio.sleep(30)
        return web.Response()

    async def cut(self, body: bytes) -> web.StreamResponse:
        """Promises twice the body, sends it once, and hangs up."""
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Content-Length": str(2 * len(body))}
        )
        await response.prepare(self.request)
        await response.write(body)
        assert self.request.transport is not None
        self.request.transport.close()
        return response

    async def stream(self, *events: bytes, done: bool = True) -> web.StreamResponse:
        """Server-sent events, each given as the bytes after "data: "."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(self.request)
        for event in events:
            await response.write(event if event.startswith((b"id:", b":")) else b"data: " + event + b"\n\n")
        if done:
            await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response


class Server:
    """Answers as `behave` says and counts what it is asked."""

    def __init__(self, behave: Behaviour) -> None:
        self.behave = behave
        self.calls: list[Call] = []
        self.in_flight = 0
        self.peak = 0
        self.port = 0
        self._stalled: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def bodies(self) -> list[Body]:
        return [call.body for call in self.calls]

    async def __aenter__(self) -> Server:
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, backlog=512)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        call = Call(request, json.loads(raw) if raw else {}, len(self.calls) + 1)
        self.calls.append(call)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            return await self.behave(call)
        finally:
            self.in_flight -= 1


def choice(text: str | None, *, index: int = 0, finish: str | None = "stop", **more: Any) -> Body:
    return {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": finish, **more}


def chat(
    text: str | None = "four", *, n: int = 1, usage: Body | None = None, finish: str | None = "stop", **more: Any
) -> Body:
    """A chat reply of `n` equal choices."""
    reply: Body = {"id": "x", "choices": [choice(text, index=i, finish=finish, **more) for i in range(n)]}
    if usage is not None:
        reply["usage"] = usage
    return reply


def usage(prompt: int, generated: int, cached: int | None = None) -> Body:
    counted: Body = {"prompt_tokens": prompt, "completion_tokens": generated, "total_tokens": prompt + generated}
    if cached is not None:
        counted["prompt_tokens_details"] = {"cached_tokens": cached}
    return counted


def delta(text: str | None = None, *, finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    """One streamed chat event."""
    part = {} if text is None else {"content": text}
    return json.dumps({"choices": [{"index": index, "delta": part, "finish_reason": finish, **more}]}).encode()
