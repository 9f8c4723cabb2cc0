"""Connections of our own to a plain http server: one request at a time on each, kept open between requests.

A general client takes three times as long for a request to a server nearby, and a run makes very many. Whatever
is not plain (https, proxies, streams) goes through that client; see `client.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from workings.models.http.endpoint import Endpoint
from workings.models.http.response import CutShort, NotHttp, Response, TooLarge

__all__ = ["Lanes", "NoConnection", "Reply", "fits"]

LOOKS = 8
"""How often in the shortest time allowed (or each second) deadlines are looked at: a timer for each request would cost
more than reading its reply."""
IDLE_SECONDS = 15.0
"""Servers close idle connections; one that has been idle for longer than this is not trusted with a request."""


class Reply(NamedTuple):
    """Status, fields with lower-case names, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NoConnection(Exception):
    """The server cannot be reached; the cause says why."""


def fits(endpoint: Endpoint) -> bool:
    """Whether this endpoint is plain http and reached without a proxy."""
    parts = urlsplit(endpoint.root)
    if parts.scheme != "http":
        return False
    if endpoint.proxy is False or (endpoint.proxy is None and endpoint.loopback):
        return True
    proxies = getproxies()
    return not ("http" in proxies or "all" in proxies) or bool(proxy_bypass(parts.hostname or ""))


class Lanes:
    """A pool of connections to one server, in one event loop.

    headers: fields sent with every request.
    """

    def __init__(self, endpoint: Endpoint, headers: Mapping[str, str]) -> None:
        parts = urlsplit(endpoint.root)
        self._endpoint = endpoint
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._base = parts.path.rstrip("/")
        fields = {"Host": parts.netloc, "Accept-Encoding": "identity", **headers}
        self._fields = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._heads: dict[tuple[str, str], bytes] = {}
        self._idle: list[_Lane] = []
        self._busy: set[_Lane] = set()
        self._loop = asyncio.get_running_loop()
        self._pause = min(1.0, endpoint.timeout_s / LOOKS, endpoint.stall_s / LOOKS)
        self._looking: asyncio.TimerHandle | None = None

    async def ask(self, method: str, path: str, body: bytes | None) -> Reply:
        """One request and its response.

        Raises NoConnection, TimeoutError, OSError (the connection broke before the response began), CutShort,
        NotHttp or TooLarge. Cancelling closes the connection.
        """
        begun = self._loop.time()
        lane = self._take(begun) or await self._connect()
        self._busy.add(lane)
        if self._looking is None:
            self._looking = self._loop.call_later(self._pause, self._look)
        try:
            response = await lane.ask(self._request(method, path, body), begun + self._endpoint.timeout_s)
        except BaseException:
            lane.close()
            raise
        finally:
            self._busy.discard(lane)
        if response.reusable:
            lane.idle_since = self._loop.time()
            self._idle.append(lane)
        else:
            lane.close()
        return Reply(response.status, response.headers, response.body())

    def close(self) -> None:
        """Closes all connections; requests under way fail."""
        for lane in (*self._idle, *self._busy):
            lane.close()
        self._idle.clear()
        if self._looking is not None:
            self._looking.cancel()

    def _look(self) -> None:
        """Gives up requests whose time is over; looks again as long as there are any."""
        now = self._loop.time()
        for lane in self._busy:
            lane.look(now)
        self._looking = self._loop.call_later(self._pause, self._look) if self._busy else None

    def _take(self, now: float) -> _Lane | None:
        while self._idle:
            lane = self._idle.pop()
            if lane.open and now - lane.idle_since < IDLE_SECONDS:
                return lane
            lane.close()
        return None

    async def _connect(self) -> _Lane:
        end = self._endpoint
        try:
            async with asyncio.timeout(min(end.connect_timeout_s, end.timeout_s)):
                _, lane = await self._loop.create_connection(
                    lambda: _Lane(self._loop, end), self._host, self._port, happy_eyeballs_delay=0.25
                )
        except TimeoutError:
            raise
        except OSError as error:
            raise NoConnection from error
        return lane

    def _request(self, method: str, path: str, body: bytes | None) -> bytes:
        head = self._heads.get((method, path))
        if head is None:
            line = f"{method} {self._base}{path} HTTP/1.1\r\n{self._fields}"
            head = self._heads[method, path] = line.encode("latin-1")
        return head + b"\r\n" if body is None else b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


class _Lane(asyncio.Protocol):
    """One connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop, endpoint: Endpoint) -> None:
        self.idle_since = 0.0
        self.open = True
        self._loop = loop
        self._most = endpoint.max_reply_bytes
        self._stall = endpoint.stall_s
        self._response: Response | None = None
        self._whole: asyncio.Future[Response] | None = None
        self._until = 0.0
        self._heard: float | None = None

    async def ask(self, request: bytes, until: float) -> Response:
        """Sends a request and waits for its response, at most until that time of the loop's clock."""
        whole: asyncio.Future[Response] = self._loop.create_future()
        self._whole = whole
        self._response = Response(self._most)
        self._until, self._heard = until, None
        self._transport.write(request)
        try:
            return await whole
        finally:
            self._response = self._whole = None

    def look(self, now: float) -> None:
        """Gives the request up when its time is over, or when its reply began and has been silent for too long."""
        if now >= self._until or (self._heard is not None and now - self._heard >= self._stall):
            self._fail(TimeoutError())

    def close(self) -> None:
        self.open = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        response, whole = self._response, self._whole
        if response is None or whole is None or whole.done():
            self.close()  # bytes that nobody asked for
            return
        try:
            ended = response.feed(data)
        except (NotHttp, TooLarge) as error:
            self._fail(error)
            return
        if ended:
            whole.set_result(response)
        else:
            self._heard = self._loop.time()

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        response, whole = self._response, self._whole
        if response is None or whole is None or whole.done():
            return
        if not response.begun:
            whole.set_exception(error or ConnectionResetError("Server disconnected"))
            return
        try:
            response.end()
        except CutShort as cut:
            whole.set_exception(cut)
        else:
            whole.set_result(response)

    def _fail(self, error: Exception) -> None:
        if self._whole is not None and not self._whole.done():
            self._whole.set_exception(error)
