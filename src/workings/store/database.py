"""Opening a SQLite file of ours: created, checked, brought up to date, or refused."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from workings.core.errors import DataError

__all__ = ["Layout", "Step", "connect", "read_text", "text"]

BUSY_SECONDS = 60.0

Step = Callable[[sqlite3.Connection], None]
"""Changes a file from one schema version to the next; runs inside a transaction that it must not end."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a kind of file looks like: its mark, its newest schema version, how to make it and how to reach it.

    `mark` is SQLite's application_id. `steps` maps each older version to the step that leads to the next one.
    """

    name: str
    mark: int
    version: int
    tables: tuple[str, ...]
    steps: Mapping[int, Step] = field(default_factory=dict)


def connect(path: Path, layout: Layout, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode to a file of this layout, usable from any thread, one at a time.

    Writers use a write-ahead log with `synchronous=NORMAL`: a commit has left the process before it returns, so
    killing the process loses nothing committed and never harms the file; only a power cut can take back the
    last commits. A read-only connection to an older file reads an upgraded copy in memory.
    Raises DataError when the file is missing, not ours, damaged, or newer than this package.
    """
    try:
        return _open_to_read(path, layout) if read_only else _open_to_write(path, layout)
    except (sqlite3.DatabaseError, OSError) as error:
        raise DataError(
            f"{path} cannot be opened as a {layout.name}: {error}.", "Is it the right folder, and is its disk writable?"
        ) from error


def _open_to_write(path: Path, layout: Layout) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    db = _connection(str(path))
    try:
        if _version(db, path, layout) != layout.version:
            _bring_up(db, path, layout)
        _use_write_ahead_log(db)
        db.execute("PRAGMA synchronous=NORMAL")
    except BaseException:
        db.close()
        raise
    return db


def _open_to_read(path: Path, layout: Layout) -> sqlite3.Connection:
    if not path.is_file():
        raise DataError(f"There is no {layout.name} at {path}.", "Start a run first, or name another folder.")
    db = _connect_read_only(path)
    try:
        version = _version(db, path, layout)
        if version is None:
            raise DataError(f"{path} is empty, not a {layout.name}.", "Start a run first, or name another folder.")
        if version == layout.version:
            return db
        copy = _connection(":memory:")
        db.backup(copy)
    except BaseException:
        db.close()
        raise
    db.close()
    _bring_up(copy, path, layout)
    return copy


def _connect_read_only(path: Path) -> sqlite3.Connection:
    address = path.absolute().as_uri() + "?mode=ro"
    db = _connection(address)
    try:
        db.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        db.close()
        if path.with_name(path.name + "-wal").exists():
            raise
        # A write-ahead-log file in a folder that may not be written opens only when declared unchanging.
        return _connection(address + "&immutable=1")
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def _connection(address: str) -> sqlite3.Connection:
    uri = address.startswith("file:")
    return sqlite3.connect(address, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=uri)


def _use_write_ahead_log(db: sqlite3.Connection) -> None:
    # Changing the journal mode does not wait for other connections as other statements do.
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)


def _version(db: sqlite3.Connection, path: Path, layout: Layout) -> int | None:
    """The schema version of a file, or None when it is still empty."""
    with _one_view(db):
        mark = db.execute("PRAGMA application_id").fetchone()[0]
        version: int = db.execute("PRAGMA user_version").fetchone()[0]
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if mark == 0 and version == 0 and tables == 0:
        return None
    if mark != layout.mark:
        raise DataError(f"{path} is a SQLite file, but not a {layout.name}.", "Name another folder.")
    if version > layout.version:
        raise DataError(
            f"{path} has schema version {version}; this package reads up to {layout.version}.",
            "Install a newer workings.",
        )
    return version


@contextmanager
def _one_view(db: sqlite3.Connection) -> Iterator[None]:
    """What is read inside is of one moment, even while another process makes or upgrades the file."""
    if db.in_transaction:
        yield
        return
    db.execute("BEGIN")
    try:
        yield
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _bring_up(db: sqlite3.Connection, path: Path, layout: Layout) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        version = _version(db, path, layout)
        if version is None:
            for table in layout.tables:
                db.execute(table)
            db.execute(f"PRAGMA application_id={layout.mark}")
            version = layout.version
        while version < layout.version:
            step = layout.steps.get(version)
            if step is None:
                raise DataError(
                    f"{path} has schema version {version}, which this package cannot read any more.",
                    "Open it once with an older workings.",
                )
            step(db)
            version += 1
        db.execute(f"PRAGMA user_version={version}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def text(value: str | None) -> str | bytes | None:
    """A string as SQLite can hold it: text that is not valid Unicode (lone surrogates) is kept as bytes."""
    if value is None or value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
    return value


def read_text(value: str | bytes | None) -> str | None:
    """What `text` was given."""
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value
