"""One HTTP/1.1 response, from its bytes as they come. No input or output here."""

from __future__ import annotations

import re
import zlib

__all__ = ["CutShort", "NotHttp", "Response", "TooLarge"]

HEAD_BYTES = 65_536
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*)?")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]*)?")
_LENGTH = re.compile(r"[0-9]{1,12}")


class NotHttp(Exception):
    """What came is not HTTP/1.1, or an ambiguous form of it."""


class CutShort(Exception):
    """The connection ended within the response."""


class TooLarge(Exception):
    """The body is longer than was allowed."""


class Response:
    """Takes bytes until the response is whole.

    `headers` has lower-case names; of several fields of one name the last is kept, and differing lengths are refused.
    `reusable` says whether another request may follow on the connection. Interim responses (1xx) are skipped. The
    body ends where its length says, at the last chunk, or with the connection; it is at most `most` bytes long, before
    and after decompression.
    """

    __slots__ = (
        "_between",
        "_chunked",
        "_ended",
        "_held",
        "_left",
        "_most",
        "_pieces",
        "_size",
        "headers",
        "reusable",
        "status",
    )

    def __init__(self, most: int) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.reusable = False
        self._most = most
        self._held = b""
        self._pieces: list[bytes] = []
        self._size = 0
        self._left = 0
        self._chunked = False
        self._between = False
        self._ended = False

    @property
    def begun(self) -> bool:
        """Whether anything has come."""
        return bool(self.status or self._held)

    def feed(self, data: bytes) -> bool:
        """Takes the next bytes and says whether the response is whole.

        Raises NotHttp or TooLarge; nothing may be fed after that.
        """
        while not self.status:
            data = self._held + data if self._held else data
            end = data.find(b"\r\n\r\n")
            if end > HEAD_BYTES or (end < 0 and len(data) > HEAD_BYTES):
                raise NotHttp("its head does not end")
            if end < 0:
                self._held = data
                return False
            self._held = b""
            self._head(data[:end])
            data = data[end + 4 :]
        if self._chunked:
            self._chunks(data)
        else:
            self._keep(data[: self._left])
            self.reusable = self.reusable and len(data) <= self._left
            self._left -= min(self._left, len(data))
            self._ended = self._left == 0
        return self._ended

    def end(self) -> None:
        """The connection ended. Raises CutShort unless that ends the body too."""
        until_end = self.status and not self._chunked and "content-length" not in self.headers
        if not (self._ended or until_end):
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

    def _head(self, head: bytes) -> None:
        """Reads a status line and its fields; leaves `status` at 0 for an interim response."""
        first, *lines = head.decode("latin-1").split("\r\n")
        status = _STATUS.fullmatch(first)
        if status is None:
            raise NotHttp(f"it begins with {first[:40]!r}")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            if not _NAME.fullmatch(name):
                raise NotHttp(f"a field of its head is {line[:40]!r}")
            name, value = name.lower(), value.strip(" \t")
            if name == "content-length" and headers.get(name, value) != value:
                raise NotHttp("it has two lengths")
            headers[name] = value
        code = int(status[2])
        if code == 101:
            raise NotHttp("it changes the protocol")
        if code >= 200:
            self.status, self.headers = code, headers
            self._frame(status[1] == "1")
        # what is interim says nothing about the response that follows

    def _frame(self, modern: bool) -> None:
        """How long the body is, and whether the connection can be used again."""
        headers = self.headers
        said = headers.get("connection", "").lower()
        self.reusable = "close" not in said if modern else "keep-alive" in said
        length = headers.get("content-length")
        if self.status in (204, 304):
            self._left = 0
            headers["content-length"] = "0"
        elif "transfer-encoding" in headers:
            if headers["transfer-encoding"].lower() != "chunked":
                raise NotHttp(f"its body is coded as {headers['transfer-encoding']!r:.40}")
            self._chunked = True
            self.reusable = self.reusable and length is None
        elif length is None:
            self._left = self._most + 1
            self.reusable = False
        elif not _LENGTH.fullmatch(length):
            raise NotHttp(f"its length is {length!r:.40}")
        else:
            self._left = int(length)
            if self._left > self._most:
                raise TooLarge

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._size += len(piece)
            if self._size > self._most:
                raise TooLarge
            self._pieces.append(piece)

    def _chunks(self, data: bytes) -> None:
        """Takes chunks apart.

        `_left` counts bytes of the present chunk, and is -1 in the trailer; `_between` says that the line that ends a
        chunk is due.
        """
        held, at = self._held + data, 0
        while at < len(held):
            if self._left > 0:
                piece = held[at : at + self._left]
                self._keep(piece)
                at += len(piece)
                self._left -= len(piece)
                self._between = self._left == 0
                continue
            end = held.find(b"\r\n", at)
            if end < 0:
                if len(held) - at > HEAD_BYTES:
                    raise NotHttp("a line among its chunks does not end")
                break
            line, at = held[at:end], end + 2
            if self._left < 0:
                if not line:
                    self._ended = True
                    self.reusable = self.reusable and at == len(held)
                    break
            elif self._between:
                if line:
                    raise NotHttp("a chunk is longer than it says")
                self._between = False
            else:
                size = _SIZE.fullmatch(line)
                if size is None:
                    raise NotHttp(f"a chunk begins with {line[:40]!r}")
                self._left = int(size[1], 16) or -1
        self._held = held[at:]
