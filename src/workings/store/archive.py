"""The record of a project folder: one SQLite file that holds every run."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from workings.core.errors import DataError, UnknownName, UsageError
from workings.core.problem import Problem
from workings.core.record import RunSpec
from workings.core.wire import pack, unpack
from workings.store.codec import dump, encode, load
from workings.store.database import connect, read_text, text
from workings.store.layout import RECORD
from workings.store.runs import Run

__all__ = ["ABOUT", "DEFAULT_FOLDER", "Archive", "RunSummary"]

ABOUT = ("audits", "doubts")
"""Under which note of a run's spec stands the run that it asks about."""

DEFAULT_FOLDER = Path(".workings")
FILE_NAME = "record.db"


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as a list shows it.

    `attempts` counts the attempts that did not fail, `errors` the (problem, method, index) that only failed;
    `opened` and `closed` are seconds since 1970, `opened` that of the last start or resumption.
    """

    spec: RunSpec
    status: str
    opened: float
    closed: float | None
    attempts: int
    errors: int

    @property
    def id(self) -> str:
        return self.spec.id


class Archive:
    """All runs of a project folder, in one append-only SQLite file (`record.db`).

    Open it with `Archive.open`; it is a context manager. One archive may be used from several threads, and
    several processes may have the same file open, even append to the same run.
    """

    def __init__(self, db: sqlite3.Connection, path: Path, *, read_only: bool) -> None:
        self._db = db
        self.path = path
        self.read_only = read_only
        self._lock = threading.RLock()
        self._runs: list[Run] = []

    @classmethod
    def open(cls, folder: Path = DEFAULT_FOLDER, *, read_only: bool = False) -> Archive:
        """The record in `folder`, made when it is missing unless `read_only`.

        Raises DataError when the file is not a record, is damaged, or was written by a newer version.
        """
        path = Path(folder) / FILE_NAME
        return cls(connect(path, RECORD, read_only=read_only), path, read_only=read_only)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Commits what is queued in every run of this archive and closes the file."""
        runs, self._runs = self._runs, []
        try:
            for run in runs:
                run.close()
        finally:
            self._db.close()

    def start(self, spec: RunSpec, problems: Sequence[Problem]) -> Run:
        """A new run, or the one with `spec.id`, to be continued.

        Raises UsageError when a run with this id was asked for something else (`created`, `version` and the note
        `baseline` may differ, and the new baseline is kept), or had other problems.
        """
        self._check_writable()
        ids = {problem.id for problem in problems}
        if len(ids) != len(problems):
            raise DataError(
                f"{len(problems) - len(ids)} problems of run {spec.id} share an id with another.",
                "Give each its own id.",
            )
        with self.transaction():
            row = self._db.execute("SELECT key, spec FROM runs WHERE id = ?", (text(spec.id),)).fetchone()
            if row is None:
                key = self._insert(spec, problems)
            else:
                key = row[0]
                old = unpack(RunSpec, load(row[1]))
                self._check_same(key, old, spec, problems)
                self._db.execute(
                    "UPDATE runs SET spec = ?, status = 'running', opened = ?, closed = NULL WHERE key = ?",
                    (dump(pack(replace(old, notes=spec.notes))), time.time_ns(), key),
                )
        return self._run(key)

    def runs(self) -> tuple[RunSummary, ...]:
        """Every run, the one started or resumed last at the end."""
        found = self.query(
            """SELECT r.spec, r.status, r.opened, r.closed,
                (SELECT count(*) FROM attempts a WHERE a.run = r.key AND a.failed_at = 0),
                (SELECT count(*) FROM (SELECT max(failed_at) AS last, min(failed_at) AS first FROM attempts a
                    WHERE a.run = r.key GROUP BY position, method, idx) WHERE first > 0)
            FROM runs r ORDER BY r.opened, r.key"""
        )
        return tuple(
            RunSummary(
                unpack(RunSpec, load(spec)), status, opened / 1e9, closed / 1e9 if closed else None, attempts, errors
            )
            for spec, status, opened, closed, attempts, errors in found
        )

    def run(self, name: str = "last") -> Run:
        """The run with this id, with the only id that begins so, or the one started or resumed last ("last")."""
        found = self.query("SELECT key, id FROM runs ORDER BY opened, key")
        keys = {str(read_text(id)): key for key, id in found}
        if not keys:
            raise DataError(f"{self.path} holds no run yet.", "Start one with `workings run`.")
        if name in keys:
            return self._run(keys[name])
        if name == "last":
            return self._run(found[-1][0])
        near = [id for id in keys if id.startswith(name)] if name else []
        if len(near) > 1:
            raise UsageError(f"{name!r} begins {len(near)} runs: {', '.join(near[:5])}.", "Give more of the id.")
        if not near:
            raise UnknownName.among("run", name, keys)
        return self._run(keys[near[0]])

    def beside(self, run: Run) -> tuple[Run, ...]:
        """The runs that ask about this one (audits, estimates of doubt, ratings), oldest first.

        Where several recorded the same label, what the last one says counts.
        """
        ids = [one.id for one in self.runs() if run.id in (one.spec.notes.get(kind) for kind in ABOUT)]
        return tuple(map(self.run, ids))

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows that a statement finds."""
        try:
            with self._lock:
                return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise DataError(f"{self.path} cannot be read: {error}.", "Is the file damaged, or closed?") from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: what is written inside is kept when the block ends without an exception.

        A transaction inside another one is part of it.
        """
        self._check_writable()
        try:
            with self._lock:
                if self._db.in_transaction:
                    yield self._db
                    return
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                    self._db.execute("COMMIT")
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
        except (sqlite3.Error, OverflowError) as error:
            raise DataError(f"{self.path} cannot be written: {error}.", "Check the disk and the values.") from error

    def _check_writable(self) -> None:
        if self.read_only:
            raise UsageError(f"{self.path} was opened for reading only.", "Open it without read_only to write.")

    def _run(self, key: int) -> Run:
        [(spec,)] = self.query("SELECT spec FROM runs WHERE key = ?", (key,))
        run = Run(self, key, unpack(RunSpec, load(spec)))
        self._runs.append(run)
        return run

    def _insert(self, spec: RunSpec, problems: Sequence[Problem]) -> int:
        now = time.time_ns()
        key = self._db.execute(
            "INSERT INTO runs (id, spec, status, opened) VALUES (?, ?, 'running', ?)",
            (text(spec.id), dump(pack(spec)), now),
        ).lastrowid
        assert key is not None
        self._db.executemany(
            "INSERT OR IGNORE INTO methods (run, label) VALUES (?, ?)", [(key, text(label)) for label in spec.methods]
        )
        digests: list[bytes] = []
        self._db.executemany(
            "INSERT OR IGNORE INTO problems (digest, id, gold, family, cluster, length, split, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            _problem_rows(problems, digests),
        )
        self._db.executemany(
            "INSERT INTO places (run, position, problem) SELECT ?, ?, key FROM problems WHERE digest = ?",
            ((key, position, digest) for position, digest in enumerate(digests)),
        )
        return key

    def _check_same(self, key: int, old: RunSpec, new: RunSpec, problems: Sequence[Problem]) -> None:
        before, after = _asked(old), _asked(new)
        if before != after:
            names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
            raise UsageError(f"Run {new.id} exists and differs in {', '.join(names)}.", "Give this run another id.")
        stored = self._db.execute(
            "SELECT p.digest FROM places JOIN problems p ON p.key = problem WHERE run = ? ORDER BY position", (key,)
        ).fetchall()
        given = [hashlib.blake2b(dump(pack(problem)), digest_size=16).digest() for problem in problems]
        if [digest for (digest,) in stored] != given:
            raise UsageError(
                f"Run {new.id} exists with {len(stored)} other problems than the {len(given)} given.",
                "Give this run another id.",
            )


def _problem_rows(problems: Sequence[Problem], digests: list[bytes]) -> Iterator[tuple[Any, ...]]:
    """The rows of the table of problems; the digest of each is added to `digests`."""
    for problem in problems:
        plain = dump(pack(problem))
        digest = hashlib.blake2b(plain, digest_size=16).digest()
        digests.append(digest)
        question = problem.question
        yield (
            digest,
            text(problem.id),
            text(problem.gold),
            text(question.family),
            text(problem.cluster),
            problem.length,
            text(problem.split),
            encode(plain, b""),
        )


def _asked(spec: RunSpec) -> dict[str, Any]:
    notes = {name: value for name, value in spec.notes.items() if name not in ("baseline", "size")}
    packed: dict[str, Any] = load(dump(pack(replace(spec, notes=notes))))
    return {name: value for name, value in packed.items() if name not in ("created", "version")}
