"""The thread that commits attempts."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from workings.core.errors import DataError

__all__ = ["Row", "Writer"]

Row = tuple[Any, ...]

WAITING_BYTES = 64 * 2**20
WAITING_ROWS = 8192
CHUNKS = (128, 64, 32, 16, 8, 4, 2, 1)
PAUSE_SECONDS = 0.03


class Writer:
    """Commits rows as they come: at once after a quiet moment, else at most every 30 ms, with all that has gathered.

    One statement inserts many rows, because every statement gives up the interpreter lock and may wait
    milliseconds to get it back from a busy event loop. A row that breaks the table's unique key is left out.
    """

    def __init__(self, table: str, columns: Sequence[str], connect: Callable[[], sqlite3.Connection]) -> None:
        one = "(" + ",".join("?" * len(columns)) + ")"
        head = f"INSERT OR IGNORE INTO {table} ({','.join(columns)}) VALUES "
        self._statements = [(size, head + ",".join([one] * size)) for size in CHUNKS]
        self._connect = connect
        lock = threading.Lock()
        self._arrived = threading.Condition(lock)
        self._written = threading.Condition(lock)
        self._queue: list[Row] = []
        self._queued_bytes = 0
        self._put_count = 0
        self._written_count = 0
        self._idle = False
        self._hurry = False
        self._closing = False
        self._ended = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="workings-record", daemon=True)
        self._thread.start()

    def put(self, row: Row, size: int) -> None:
        """Queues a row of about `size` bytes; waits only when very many are waiting already."""
        with self._arrived:
            while not self._ended and (len(self._queue) >= WAITING_ROWS or self._queued_bytes >= WAITING_BYTES):
                self._hurry = True
                self._arrived.notify()
                self._written.wait()
            self._check()
            self._queue.append(row)
            self._queued_bytes += size
            self._put_count += 1
            if self._idle:
                self._idle = False
                self._arrived.notify()

    def flush(self) -> None:
        """Returns once every row put before is committed."""
        with self._written:
            goal = self._put_count
            if self._written_count < goal:
                self._hurry = True
                self._arrived.notify()
            while self._written_count < goal and not self._ended:
                self._written.wait()
            if self._written_count < goal:
                self._check()

    def close(self) -> None:
        """Commits what is queued and ends the thread."""
        with self._arrived:
            self._closing = True
            self._arrived.notify()
        self._thread.join()
        if self._written_count < self._put_count:
            self._check()

    def _check(self) -> None:
        if self._ended:
            lost = self._put_count - self._written_count
            raise DataError(
                f"The record cannot be written: {self._error or 'it is closed'} ({lost} attempts not kept).",
                "Check the disk, then run the same command again to resume.",
            ) from self._error

    def _work(self) -> None:
        db: sqlite3.Connection | None = None
        try:
            db = self._connect()
            last = 0.0
            while batch := self._take(last + PAUSE_SECONDS):
                self._write(db, batch)
                last = time.monotonic()
                with self._written:
                    self._written_count += len(batch)
                    self._written.notify_all()
        except (sqlite3.Error, DataError, OverflowError, ValueError) as error:
            self._error = error
        finally:
            with self._written:
                self._ended = True
                self._written.notify_all()
            if db is not None:
                db.close()

    def _take(self, not_before: float) -> list[Row]:
        """All that has gathered by `not_before` (monotonic seconds), or as soon as anyone waits for it."""
        with self._arrived:
            while not self._queue and not self._closing:
                self._idle = True
                self._arrived.wait()
            self._idle = False
            pause = not_before - time.monotonic()
            if pause > 0:
                self._arrived.wait_for(lambda: self._hurry or self._closing, pause)
            self._hurry = False
            batch, self._queue, self._queued_bytes = self._queue, [], 0
            return batch

    def _write(self, db: sqlite3.Connection, batch: list[Row]) -> None:
        start = 0
        db.execute("BEGIN IMMEDIATE")
        for size, statement in self._statements:
            while len(batch) - start >= size:
                db.execute(statement, [value for row in batch[start : start + size] for value in row])
                start += size
        db.execute("COMMIT")
