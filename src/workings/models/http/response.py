"""One HTTP/1.1 response, from its bytes as they come. No input or output here.

httptools reads the bytes (it wraps llhttp, the parser of Node.js, which refuses what is ambiguous); here are only the
limits, compression, and whether the connection can be used again.
"""

from __future__ import annotations

import zlib

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

__all__ = ["CutShort", "NotHttp", "Response", "TooLarge"]

HEAD_BYTES = 65_536
"""Most bytes that are not of the body: the head, the lines between chunks, the trailer."""
LINE_BYTES = 32
"""More of them for each piece of the body, which may be a chunk with a line of its own."""


class NotHttp(Exception):
    """What came is not HTTP/1.1, or an ambiguous form of it."""


class CutShort(Exception):
    """The connection ended within the response."""


class TooLarge(Exception):
    """The body is longer than was allowed."""


class Response:
    """Takes bytes until the response is whole.

    `headers` has lower-case names; of several fields of one name the last is kept. `reusable` says whether another
    request may follow on the connection. Interim responses (1xx) are skipped. The body ends where its length says, at
    the last chunk, or with the connection; it is at most `most` bytes long, before and after decompression.
    """

    __slots__ = ("_ended", "_fault", "_most", "_parser", "_pieces", "_size", "_taken", "headers", "reusable", "status")

    def __init__(self, most: int) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.reusable = False
        self._most = most
        self._pieces: list[bytes] = []
        self._size = 0
        self._taken = 0
        self._ended = False
        self._fault: NotHttp | TooLarge | None = None
        self._parser: HttpResponseParser | None = HttpResponseParser(self)

    @property
    def begun(self) -> bool:
        """Whether anything has come."""
        return self._taken > 0

    def feed(self, data: bytes) -> bool:
        """Takes the next bytes and says whether the response is whole.

        Raises NotHttp or TooLarge; nothing may be fed after that.
        """
        if self._parser is None or not data:
            self.reusable = self.reusable and not data
            return self._ended
        self._taken += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self._ended:
                self._parser = None
                raise self._fault or NotHttp(str(error).lower() or "it changes the protocol") from error
            self.reusable = False
        if self._ended:
            self._parser = None
        elif self._taken - self._size > HEAD_BYTES + LINE_BYTES * len(self._pieces):
            self._fault = self._fault or NotHttp("its head, or a line between its chunks, does not end")
        if self._fault is not None:
            self._parser = None
            raise self._fault
        return self._ended

    def end(self) -> None:
        """The connection ended. Raises CutShort unless that ends the body too."""
        framed = "content-length" in self.headers or "transfer-encoding" in self.headers
        if not self._ended and (framed or not self.status):
            raise CutShort("the connection ended within the response")

    def body(self) -> bytes:
        """The whole body, decompressed."""
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        coding = self.headers.get("content-encoding", "identity").lower()
        if coding == "identity" or not body:
            return body
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise NotHttp(f"its body is coded as {coding!r:.40}, which was not asked for")
        swell = zlib.decompressobj(zlib.MAX_WBITS | 32)
        try:
            plain = swell.decompress(body, self._most + 1)
        except zlib.error as error:
            raise NotHttp("its body cannot be decompressed") from error
        if len(plain) > self._most:
            raise TooLarge
        if not swell.eof:
            raise CutShort("the compressed body ends too early")
        return plain

    def on_message_begin(self) -> None:
        """Called by the parser, as the methods below are."""
        if self._ended:
            self.reusable = False
        else:
            self.headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._ended:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip(" \t")

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        code = self._parser.get_status_code()
        if self._ended or code < 200:
            return
        self.status = code
        coding = self.headers.get("transfer-encoding", "chunked")
        length = self.headers.get("content-length", "0")
        if coding.lower() != "chunked":
            self._fault = NotHttp(f"its body is coded as {coding!r:.40}")
        elif int(length) > self._most:
            self._fault = TooLarge()

    def on_body(self, piece: bytes) -> None:
        if self._ended or self._fault is not None:
            return
        self._size += len(piece)
        if self._size > self._most:
            self._fault = TooLarge()
        else:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        assert self._parser is not None
        if not self._ended and self.status:
            self._ended = True
            self.reusable = bool(self._parser.should_keep_alive())
