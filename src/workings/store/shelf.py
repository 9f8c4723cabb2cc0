"""Completions kept between runs, in one SQLite file per project folder."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from workings.core.errors import DataError
from workings.store.codec import decode, dump, encode, load
from workings.store.database import Layout, connect

__all__ = ["Shelf"]

FILE_NAME = "cache.db"
BATCH = 500
DAY = 86_400

SHELF = Layout(
    name="cache of workings",
    mark=0x574B4E53,
    version=1,
    tables=(
        # `key` is a digest; `used` is the day of the last use, counted from 1970.
        "CREATE TABLE shelf (key BLOB PRIMARY KEY, used INTEGER NOT NULL, value BLOB NOT NULL)",
    ),
)


class Shelf:
    """A map from text keys to JSON values that outlives the process; fits the `Shelf` port of the driver.

    Safe to use from several threads and processes at once. With `max_bytes` the tenth of the values used least
    recently (by day) is dropped whenever the values fill more than that.
    """

    def __init__(self, db: sqlite3.Connection, path: Path, max_bytes: int | None) -> None:
        self._db = db
        self._lock = threading.Lock()
        self.path = path
        self.max_bytes = max_bytes

    @classmethod
    def open(cls, folder: Path, *, max_bytes: int | None = None) -> Shelf:
        """The shelf in `folder` (`cache.db`), made when it is missing."""
        path = Path(folder) / FILE_NAME
        return cls(connect(path, SHELF), path, max_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return int(self._run("SELECT count(*) FROM shelf")[0][0])

    def close(self) -> None:
        """Closes the file; everything put is already in it."""
        self._db.close()

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """The values of those keys that are on the shelf."""
        today = _today()
        found: dict[str, Any] = {}
        for batch in _batches(keys):
            by_digest = {_digest(key): key for key in batch}
            marks = ",".join("?" * len(by_digest))
            rows = self._run(f"SELECT key, used, value FROM shelf WHERE key IN ({marks})", list(by_digest))
            for digest, _, value in rows:
                found[by_digest[digest]] = load(decode(value, b""))
            stale = [digest for digest, used, _ in rows if used != today]
            if stale and self.max_bytes is not None:
                marks = ",".join("?" * len(stale))
                self._run(f"UPDATE shelf SET used = ? WHERE key IN ({marks})", [today, *stale])
        return found

    def put_many(self, items: dict[str, Any]) -> None:
        """Keeps values under their keys; a key that is there already gets the new value."""
        today = _today()
        for batch in _batches(items.items()):
            values: list[Any] = []
            for key, value in batch:
                values += (_digest(key), today, encode(dump(value), b""))
            marks = ",".join(["(?,?,?)"] * len(batch))
            self._run(
                f"INSERT INTO shelf (key, used, value) VALUES {marks}"
                " ON CONFLICT (key) DO UPDATE SET used = excluded.used, value = excluded.value",
                values,
            )
        self._drop_old()

    def _drop_old(self) -> None:
        if self.max_bytes is None:
            return
        while self._bytes() > self.max_bytes and len(self):
            self._run(
                "DELETE FROM shelf WHERE key IN (SELECT key FROM shelf ORDER BY used, rowid"
                " LIMIT (SELECT max(1, count(*) / 10) FROM shelf))"
            )

    def _bytes(self) -> int:
        [(pages, free, size)] = self._run(
            "SELECT page_count, freelist_count, page_size"
            " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
        )
        return int((pages - free) * size)

    def _run(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise DataError(
                f"The cache {self.path} failed: {error}.", "Check the disk, or delete the file: it holds only copies."
            ) from error


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    source = iter(items)
    while batch := list(islice(source, BATCH)):
        yield batch


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _today() -> int:
    return int(time.time()) // DAY
