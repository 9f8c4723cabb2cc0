"""Bytes and JSON: small, compressed, and back without loss."""

from __future__ import annotations

import json
import zlib
from typing import Any

import orjson

from workings.core.errors import DataError
from workings.core.wire import pack

__all__ = ["decode", "dictionary_of", "dump", "encode", "load"]

LEVEL = 1
WINDOW = 32_768
WINDOW_BITS = range(10, 16)
"""zlib's window is 2 to the power of one of these; 9 is left out because some versions of zlib cannot write it."""
LOOKAHEAD = 262
"""Bytes of a window that zlib keeps for what comes next."""
SHORT = 512
PLAIN = b"{"
"""A JSON object begins so, and nothing that zlib writes does."""

# A value that holds itself ends in a RecursionError, as one nested too deeply does.
_write_json = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), default=pack).encode


def dump(data: Any) -> bytes:
    """Plain JSON as bytes; text that is not valid Unicode survives.

    orjson writes most values many times as quickly as the standard library, which writes what it cannot: lone
    surrogates, integers above 64 bits, and what it would call null, because it is not a number or not finite.
    """
    try:
        written = orjson.dumps(data, default=pack)
    except (orjson.JSONEncodeError, RecursionError):
        written = b"null"
    if b"null" not in written:
        return written
    try:
        return _write_json(data).encode("utf-8", "surrogatepass")
    except (RecursionError, ValueError) as error:
        raise DataError(f"A value cannot be recorded: {error}.", "Use plain JSON values, not nested deeply.") from error


def load(data: bytes) -> Any:
    """What `dump` was given."""
    try:
        return json.loads(data.decode("utf-8", "surrogatepass"))
    except RecursionError as error:
        raise DataError(f"A record of {len(data)} bytes is nested too deeply.", "Is it one of ours?") from error
    except ValueError as error:
        raise DataError(f"A record of {len(data)} bytes cannot be read: {error}.", "Is the file damaged?") from error


def dictionary_of(plain: bytes) -> bytes:
    """What later values are compressed against: the end of a first one, which holds the text they share."""
    return plain[-WINDOW:]


def encode(plain: bytes, dictionary: bytes) -> bytes:
    """Compresses bytes against a dictionary; short JSON that has none stays as it is."""
    if not dictionary:
        return plain if len(plain) < SHORT and plain[:1] == PLAIN else zlib.compress(plain, LEVEL)
    squeeze = zlib.compressobj(LEVEL, zlib.DEFLATED, *_room(len(plain) + len(dictionary)), zdict=dictionary)
    return squeeze.compress(plain) + squeeze.flush()


def _room(size: int) -> tuple[int, int]:
    """The least window, in bits, and the least memory level with which zlib still looks back over `size` bytes.

    zlib's default takes a quarter of a megabyte for every value and gives it back, which costs more than compressing
    a short one. Any reader of zlib's format reads any window.
    """
    bits = min(max((size + LOOKAHEAD).bit_length(), WINDOW_BITS[0]), WINDOW_BITS[-1])
    return bits, bits - 7


def decode(packed: bytes, dictionary: bytes) -> bytes:
    """What `encode` was given; DataError when the bytes are damaged."""
    if not dictionary and packed[:1] == PLAIN:
        return packed
    try:
        swell = zlib.decompressobj(zdict=dictionary) if dictionary else zlib.decompressobj()
        plain = swell.decompress(packed)
    except zlib.error as error:
        raise DataError(
            f"A record of {len(packed)} bytes cannot be unpacked: {error}.", "Is the file damaged?"
        ) from error
    if not swell.eof:
        raise DataError(f"A record of {len(packed)} bytes ends too early.", "Is the file damaged?")
    return plain
