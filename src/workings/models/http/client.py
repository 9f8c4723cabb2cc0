"""One connection pool to one server: sends a request, tries again when that can help, and never returns an error.

Requests to a plain http server go over connections of our own (`lanes.py`); streams, https and proxies are aiohttp's,
and this is the only file that knows it.
"""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import aiohttp
import orjson
from multidict import CIMultiDict
from yarl import URL

from workings.core.errors import BadReply, ModelError, Overloaded, Unreachable, UsageError
from workings.models.http.endpoint import Endpoint
from workings.models.http.faults import BUSY, by_status, in_body, quote
from workings.models.http.gate import Gate
from workings.models.http.lanes import Lanes, NoConnection, fits
from workings.models.http.response import CutShort, NotHttp, TooLarge
from workings.models.http.stream import Events

__all__ = ["Client"]

R = TypeVar("R")
_LARGE = 512 * 1024
_BROKEN = (aiohttp.ClientError, OSError, TimeoutError, NoConnection, CutShort, NotHttp)


class Client:
    """Sends JSON to a server and reads JSON, or a stream of JSON events, back.

    Works within one event loop, the one of its first request. Redirects are not followed, so that the key goes
    nowhere else.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.gate = Gate(endpoint.first_connections, endpoint.max_connections)
        self.requests = 0
        self._key = endpoint.key()
        self._key_name = endpoint.key_name or "that key_env= names"
        self._urls: dict[str, URL] = {}
        self._loop = asyncio.get_running_loop()
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "workings"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        proxy = endpoint.proxy if endpoint.proxy is not None else not endpoint.loopback
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=endpoint.max_connections, ttl_dns_cache=300, keepalive_timeout=15),
            headers=headers,
            timeout=self._timeout(None),
            trust_env=proxy,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._stream_timeout = self._timeout(endpoint.stall_s)
        self._lanes = Lanes(endpoint, headers) if fits(endpoint) else None

    def _timeout(self, silence: float | None) -> aiohttp.ClientTimeout:
        end = self.endpoint
        return aiohttp.ClientTimeout(
            total=end.timeout_s, connect=None, sock_connect=end.connect_timeout_s, sock_read=silence, ceil_threshold=1e9
        )

    async def aclose(self) -> None:
        if self._lanes is not None:
            self._lanes.close()
        await self._session.close()

    async def get(self, path: str, retries: int) -> dict[str, Any]:
        """The JSON object at `path`."""
        return await self._patiently(lambda ticket: self._fetch(ticket, "GET", path, None, _whole), 0, retries)

    async def post(self, path: str, body: bytes, seed: int, read: Callable[[dict[str, Any]], R]) -> R:
        """What `read` makes of the JSON object that the server answers; `read` may raise BadReply to try again.

        body: the request as JSON.
        seed: fixes the waits between tries.
        Raises a ModelError; the last one, when trying again did not help.
        """
        retries = self.endpoint.retries
        return await self._patiently(lambda ticket: self._fetch(ticket, "POST", path, body, read), seed, retries)

    async def stream(self, path: str, body: bytes, seed: int, begin: Callable[[], Events[R]]) -> R:
        """What the `Events` that `begin` makes anew for each try gathers from a stream of server-sent events."""
        retries = self.endpoint.retries
        return await self._patiently(lambda ticket: self._listen(ticket, path, body, begin()), seed, retries)

    async def _patiently(self, send: Callable[[int], Awaitable[R]], seed: int, retries: int) -> R:
        gate = self.gate
        if asyncio.get_running_loop() is not self._loop:
            raise UsageError("This model was first used in another event loop.", "Close it there, or make a new one.")
        tries = 0
        while True:
            ticket = await gate.enter(again=tries > 0)
            self.requests += 1
            tries += 1
            try:
                reply = await send(ticket)
            except ModelError as error:
                if not error.transient:
                    raise
                fault: ModelError = error
            else:
                gate.praise(ticket)
                return reply
            finally:
                gate.leave()
            if tries > retries:
                if tries > 1:
                    fault.what = f"{fault.what} (tried {tries} times)"
                raise fault
            await asyncio.sleep(self._wait(fault, tries, seed))

    def _wait(self, fault: ModelError, tries: int, seed: int) -> float:
        """Full jitter: uniform between nothing and the doubled wait, and no sooner than the server asked for."""
        end = self.endpoint
        most = min(end.max_wait_s, end.backoff_s * 2 ** (tries - 1))
        wait = random.Random(f"{seed}:{tries}").uniform(0, most)
        asked = fault.retry_after if isinstance(fault, Overloaded) else None
        return wait if asked is None else min(end.max_wait_s, asked + wait)

    async def _fetch(
        self, ticket: int, method: str, path: str, body: bytes | None, read: Callable[[dict[str, Any]], R]
    ) -> R:
        headers: Mapping[str, str]
        try:
            if self._lanes is not None:
                status, fields, content = await self._lanes.ask(method, path, body)
                headers = fields if status == 200 else CIMultiDict(fields)
            else:
                status, headers, content = await self._ask(method, path, body)
        except _BROKEN as error:
            fault = self._transport(error)
        except TooLarge:
            fault = self._too_large()
        else:
            if status == 200:
                return read(self._object(content))
            fault = self._refusal(ticket, status, headers, content)
        raise fault

    async def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, Mapping[str, str], bytes]:
        async with self._session.request(
            method, self._url(path), data=_payload(body), allow_redirects=False
        ) as response:
            return response.status, response.headers, await self._body(response)

    async def _listen(self, ticket: int, path: str, body: bytes, events: Events[R]) -> R:
        size = 0
        try:
            async with self._session.post(
                self._url(path), data=_payload(body), allow_redirects=False, timeout=self._stream_timeout
            ) as response:
                if response.status != 200:
                    fault = self._refusal(ticket, response.status, response.headers, await self._body(response))
                elif response.content_type == "application/json":
                    events.whole(self._object(await self._body(response)))
                    return events.result()
                else:
                    async for piece in response.content.iter_any():
                        size += len(piece)
                        if size > self.endpoint.max_reply_bytes:
                            raise self._too_large()
                        if events.feed(piece):
                            break
                    return events.result()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            fault = self._transport(error)
        raise fault

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        content = response.content
        if content.is_eof():
            return await self._bounded(content)
        async with asyncio.timeout(self.endpoint.stall_s):
            return await self._bounded(content)

    async def _bounded(self, content: aiohttp.StreamReader) -> bytes:
        pieces, size = [], 0
        while piece := await content.readany():
            size += len(piece)
            if size > self.endpoint.max_reply_bytes:
                raise self._too_large()
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _object(self, content: bytes) -> dict[str, Any]:
        try:
            data = _decoded(content)
        except (ValueError, RecursionError):
            shown = quote(content[:4096].decode("utf-8", "replace"), self._key) or "nothing"
            fault = BadReply(f"{self.where} sent no JSON but: {shown}", "Is this address an OpenAI-compatible server?")
        else:
            if isinstance(data, dict):
                if data.get("error") and not data.get("choices"):
                    raise self.complaint(data["error"])
                return data
            fault = BadReply(
                f"{self.where} sent a JSON {type(data).__name__}, not an object.",
                "Is this an OpenAI-compatible server?",
            )
        raise fault

    @property
    def where(self) -> str:
        return self.endpoint.root

    def complaint(self, error: Any) -> ModelError:
        """The error that a reply with an "error" part means."""
        return in_body(error, where=self.where, key=self._key, key_env=self._key_name)

    def _refusal(self, ticket: int, status: int, headers: Mapping[str, str], content: bytes) -> ModelError:
        end = self.endpoint
        fault = by_status(status, headers, content, where=self.where, key=self._key, key_env=self._key_name)
        if status in BUSY:
            asked = fault.retry_after if isinstance(fault, Overloaded) else None
            self.gate.complain(ticket, min(asked or 0.0, end.max_wait_s))
        return fault

    def _too_large(self) -> ModelError:
        return BadReply(
            f"{self.where} sent more than {self.endpoint.max_reply_bytes} bytes in one reply.",
            "Ask for fewer tokens or raise max_reply_bytes.",
        )

    def _transport(self, error: Exception) -> ModelError:
        """A fault of ours without the request (and its key) that aiohttp's exceptions carry."""
        end = self.endpoint
        if isinstance(error, TimeoutError):
            return Unreachable(
                f"{self.where} kept silent for too long ({type(error).__name__}; timeout_s={end.timeout_s:g}, "
                f"stall_s={end.stall_s:g}).",
                "Raise the time-outs, ask for fewer tokens, or look at the server's load.",
            )
        if isinstance(error, (aiohttp.ClientPayloadError, CutShort)):
            return BadReply(f"{self.where} cut its reply short.", "Look at the server's log.")
        if isinstance(error, (aiohttp.ClientConnectorError, NoConnection)):
            why = error.__cause__ if isinstance(error, NoConnection) else error.os_error
            return Unreachable(
                f"No connection to {self.where}: {quote(str(why), self._key)}.", "Is the server running there?"
            )
        if isinstance(error, (aiohttp.ClientResponseError, NotHttp)):
            return BadReply(f"{self.where} does not speak HTTP as it should.", "Is this an HTTP server?")
        said = quote(str(error), self._key) or type(error).__name__
        return Unreachable(f"The connection to {self.where} broke: {said}.", "Look at the server's log.")

    def _url(self, path: str) -> URL:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = URL(self.endpoint.root + path)
        return url


def _whole(data: dict[str, Any]) -> dict[str, Any]:
    return data


def _payload(body: bytes | None) -> Any:
    return io.BytesIO(body) if body is not None and len(body) > _LARGE else body


def _decoded(content: bytes) -> Any:
    """JSON as servers write it; the standard library reads what is not strict (NaN, lone surrogates)."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return json.loads(content)
