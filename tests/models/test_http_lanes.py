"""Laws of our own connections: how bytes are cut is nothing, what is ambiguous is refused."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.errors import BadReply, ModelError, Unreachable
from workings.models.http import Endpoint
from workings.models.http.client import Client
from workings.models.http.lanes import Lanes, fits
from workings.models.http.response import CutShort, NotHttp, Response, TooLarge

MOST = 1000
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n" + b'{"a":1}'
CHUNKED = (
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x="y"\r\n{"a\r\n004\r\n":1}\r\n0\r\nTrailer: t\r\n\r\n'
)
OPEN_ENDED = b'HTTP/1.1 200 OK\r\n\r\n{"a":1}'
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + PLAIN
WHOLE = {"plain": PLAIN, "chunked": CHUNKED, "interim": INTERIM}


def fed(data: bytes, cuts: list[int] | None = None) -> Response:
    """A response that was given the data in pieces."""
    response = Response(MOST)
    places = [0, *sorted(cuts or []), len(data)]
    for start, end in pairwise(places):
        response.feed(data[start:end])
    return response


@given(st.sampled_from([*WHOLE.values(), OPEN_ENDED]), st.data())
def test_how_the_bytes_are_cut_does_not_matter(raw: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=8))
    response = fed(raw, cuts)
    response.end()
    assert (response.status, response.body()) == (200, b'{"a":1}')
    assert response.reusable is (raw != OPEN_ENDED)


@pytest.mark.parametrize("raw", WHOLE.values(), ids=WHOLE)
def test_it_is_whole_at_its_last_byte_and_cut_short_before(raw: bytes) -> None:
    for end in range(1, len(raw)):
        response = Response(MOST)
        assert not response.feed(raw[:end])
        with pytest.raises(CutShort):
            response.end()
        assert response.feed(raw[end:])


def head(*fields: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join([status, *fields, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage\r\n\r\n",
        head(status="HTTP/2 200"),
        head(status="HTTP/1.1 20"),
        head(status="HTTP/1.1 101 Switching Protocols"),
        head("Content-Length: 3", "Content-Length: 4"),
        head("Content-Length: -3"),
        head("Content-Length: 3, 3"),
        head("Content-Length: ٣".encode().decode("latin-1")),
        head("Transfer-Encoding: gzip, chunked"),
        head("Transfer-Encoding: chunked", "Content-Length: 9") + b"0\r\n\r\n",
        head("No colon"),
        head(" folded: yes"),
        head("Space before : colon"),
        head("Transfer-Encoding: chunked") + b"x\r\n",
        head("Transfer-Encoding: chunked") + b"3\r\nabcd\r\n",
        head("Transfer-Encoding: chunked") + b"\r\n3\r\nabc\r\n",
        head("Transfer-Encoding: chunked") + b"1" * 70_000,
        b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000,
        head("Content-Length: 1", "Content-Encoding: br") + b"x",
        head("Content-Length: 5", "Content-Encoding: gzip") + b"hello",
    ],
)
def test_what_is_not_http_or_ambiguous_is_refused(raw: bytes) -> None:
    with pytest.raises(NotHttp):
        fed(raw).body()


@pytest.mark.parametrize(
    "raw",
    [
        head("Content-Length: 1001"),
        head("Transfer-Encoding: chunked") + b"3e9\r\n" + b"x" * 1001,
        head() + b"x" * 1001,
        head("Content-Encoding: gzip", f"Content-Length: {len(gzip.compress(bytes(9999)))}")
        + gzip.compress(bytes(9999)),
    ],
)
def test_a_long_body_is_refused_before_it_is_held(raw: bytes) -> None:
    with pytest.raises(TooLarge):
        fed(raw).body()


@pytest.mark.parametrize(("name", "squeeze"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_body_that_nobody_asked_for_is_read(name: str, squeeze: Callable[[bytes], bytes]) -> None:
    body = squeeze(b'{"a":1}')
    assert fed(head(f"Content-Encoding: {name}", f"Content-Length: {len(body)}") + body).body() == b'{"a":1}'
    with pytest.raises(CutShort):
        fed(head(f"Content-Encoding: {name}", f"Content-Length: {len(body) - 5}") + body[:-5]).body()


@pytest.mark.parametrize(
    ("raw", "reusable"),
    [
        (PLAIN, True),
        (PLAIN + b"more", False),
        (CHUNKED + b"more", False),
        (head("Connection: close", "Content-Length: 0"), False),
        (head("Content-Length: 0", status="HTTP/1.0 200 OK"), False),
        (head("Content-Length: 0", "Connection: Keep-Alive", status="HTTP/1.0 200 OK"), True),
        (head(status="HTTP/1.1 204 No Content"), True),
    ],
)
def test_a_connection_is_used_again_only_when_nothing_can_be_left_on_it(raw: bytes, reusable: bool) -> None:
    assert fed(raw).reusable is reusable


@given(st.lists(st.binary(max_size=60) | st.sampled_from([PLAIN[:40], PLAIN, CHUNKED, b"\r\n\r\n"]), max_size=4))
@settings(max_examples=200)
def test_any_bytes_are_read_or_refused(pieces: list[bytes]) -> None:
    response = Response(MOST)
    try:
        for piece in pieces:
            if response.feed(piece):
                break
        response.end()
        assert len(response.body()) <= MOST
    except (NotHttp, CutShort, TooLarge):
        pass


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def against(serve: Serve, use: Callable[[Client, Lanes], Awaitable[object]], **settings: object) -> tuple[object, int]:
    """What `use` returned, and how many connections it made to a server that does `serve` on each."""
    made = 0

    async def go() -> object:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal made
            made += 1
            try:
                await serve(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        client = Client(Endpoint(url, "m", retries=0, **settings))  # type: ignore[arg-type]
        assert client._lanes is not None
        try:
            return await use(client, client._lanes)
        finally:
            await client.aclose()
            server.close()
            await asyncio.sleep(0.01)

    return asyncio.run(go()), made


def answering(*answers: bytes) -> Serve:
    """A server that gives these answers on every connection, one a request, and hangs up after the last."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            request = await reader.readuntil(b"\r\n\r\n")
            assert b"Host: 127.0.0.1:" in request and request.count(b"\r\nContent-Length: 2\r\n") == 1
            assert await reader.readexactly(2) == b"{}"
            writer.write(answer)
            await writer.drain()

    return serve


async def ask_twice(client: Client, lanes: Lanes) -> object:
    first = await client.post("/x", b"{}", 0, lambda data: data)
    return first, await client.post("/x", b"{}", 0, lambda data: data)


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        (PLAIN, 1),
        (CHUNKED, 1),
        (INTERIM, 1),
        (OPEN_ENDED, 2),
        (PLAIN.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), 2),
    ],
)
def test_connections_are_kept_when_the_server_keeps_them(answer: bytes, connections: int) -> None:
    answers = (answer,) * (3 if connections == 1 else 1)
    assert against(answering(*answers), ask_twice) == (({"a": 1}, {"a": 1}), connections)


def test_bytes_that_nobody_asked_for_end_the_connection() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(PLAIN)
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(PLAIN.replace(b'"a":1', b'"b":2'))
        await reader.read()

    async def use(client: Client, lanes: Lanes) -> object:
        first = await client.post("/x", b"{}", 0, lambda data: data)
        await asyncio.sleep(0.05)
        return first, await client.post("/x", b"{}", 0, lambda data: data)

    assert against(serve, use) == (({"a": 1}, {"a": 1}), 2)


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (b"", Unreachable, "broke"),
        (PLAIN[:-1], BadReply, "cut its reply short"),
        (b"SSH-2.0-hello\r\n\r\n", BadReply, "does not speak HTTP"),
        (head("Content-Length: 99999999999"), BadReply, "more than"),
    ],
)
def test_a_connection_that_fails_is_an_error_of_ours(answer: bytes, kind: type[ModelError], said: str) -> None:
    async def use(client: Client, lanes: Lanes) -> object:
        with pytest.raises(kind, match=said):
            await client.post("/x", b"{}", 0, lambda data: data)
        return not lanes._busy and not lanes._idle

    assert against(answering(answer), use) == (True, 1)


@pytest.mark.parametrize("settings", [{"timeout_s": 0.05}, {"stall_s": 0.05}])
def test_silence_within_a_reply_is_given_up(settings: dict[str, object]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(PLAIN[:-1])
        await reader.read()

    async def use(client: Client, lanes: Lanes) -> object:
        with pytest.raises(Unreachable, match="silent"):
            await client.post("/x", b"{}", 0, lambda data: data)
        return not lanes._busy and not lanes._idle

    assert against(serve, use, **settings) == (True, 1)


@pytest.mark.parametrize(
    ("url", "proxy", "environment", "expected"),
    [
        ("http://localhost:8000/v1", None, {"http_proxy": "http://p:1"}, True),
        ("http://10.0.0.7:8000/v1", None, {}, True),
        ("http://10.0.0.7:8000/v1", None, {"http_proxy": "http://p:1"}, False),
        ("http://10.0.0.7:8000/v1", None, {"http_proxy": "http://p:1", "no_proxy": "10.0.0.7"}, True),
        ("http://10.0.0.7:8000/v1", False, {"http_proxy": "http://p:1"}, True),
        ("http://localhost:8000/v1", True, {"http_proxy": "http://p:1"}, False),
        ("https://api.example.com/v1", None, {}, False),
    ],
)
def test_only_plain_http_without_a_proxy_takes_this_road(
    url: str, proxy: bool | None, environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert fits(Endpoint(url, "m", proxy=proxy)) is expected
