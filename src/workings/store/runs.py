"""One run: its problems, and its attempts, appended and read."""

from __future__ import annotations

import atexit
import dataclasses
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from workings.core.answer import Outcome
from workings.core.completion import Stop
from workings.core.errors import DataError, UnknownName
from workings.core.problem import Problem
from workings.core.record import AttemptRow, RunSpec
from workings.core.solution import Attempt, Failure, Solution
from workings.core.wire import unpack
from workings.store.codec import decode, dictionary_of, dump, encode, load
from workings.store.compact import compact, restore
from workings.store.database import connect, read_text, text
from workings.store.layout import ATTEMPT_COLUMNS, RECORD
from workings.store.writer import Writer

if TYPE_CHECKING:
    from workings.store.archive import Archive

__all__ = ["Run", "attempt_row"]

PAGE = 1000
LARGEST = 2**62
ATTEMPT_PAGE = 64

CURRENT = """(a.failed_at = 0 OR NOT EXISTS (SELECT 1 FROM attempts b WHERE b.run = a.run AND b.position = a.position
    AND b.method = a.method AND b.idx = a.idx AND (b.failed_at = 0 OR b.failed_at > a.failed_at)))"""
OUTCOME = """coalesce((SELECT s.outcome FROM scores s WHERE s.attempt = a.key ORDER BY s.scoring DESC LIMIT 1),
    a.outcome, '')"""
AFTER = "(a.position, a.method, a.idx) > (?, ?, ?)"
ORDER = "ORDER BY a.position, a.method, a.idx"
MARKS = ",".join("?" * len(ATTEMPT_COLUMNS))


class Run:
    """One run of an archive; fits the `Record` port of the driver.

    `append` returns at once and a background thread commits; `flush` waits for it, and every reading method
    flushes first. A later attempt never replaces an earlier one, unless the earlier one was an error.
    """

    def __init__(self, archive: Archive, key: int, spec: RunSpec) -> None:
        self._archive = archive
        self._key = key
        self.spec = spec
        self._lock = threading.Lock()
        self._places: dict[str, int] | None = None
        self._methods: dict[str, int] = {}
        self._dictionaries: dict[int, tuple[int, bytes]] = {}
        self._writer: Writer[Attempt] | None = None
        self._last_failure = 0

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def status(self) -> str:
        """ "running" until `finish` says otherwise; a killed run stays "running"."""
        [(status,)] = self._archive.query("SELECT status FROM runs WHERE key = ?", (self._key,))
        return str(status)

    def append(self, attempt: Attempt) -> None:
        """Records an attempt; durable as soon as the background commit is through (milliseconds).

        Raises DataError for a problem that is not of this run, or when earlier attempts could not be written. An
        attempt that holds what JSON cannot is left out, and one of the next calls, at the latest `flush`, says so.
        """
        self._position(attempt.problem_id)
        _check_counts(attempt)
        method = self._method_key(attempt.method, create=True)
        if method not in self._dictionaries:
            self._dictionary_for(method, dump(compact(attempt)))
        self._started().put(attempt)

    def append_all(self, attempts: Iterable[Attempt]) -> None:
        """Records attempts here and now, all or none: inside a transaction of the archive, as part of it."""
        statement = f"INSERT OR IGNORE INTO attempts ({','.join(ATTEMPT_COLUMNS)}) VALUES ({MARKS})"
        with self._archive.transaction() as db:
            db.executemany(statement, map(self._row, attempts))

    def flush(self) -> None:
        """Returns once every attempt appended before is committed."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Commits what is queued; the run can be read and continued afterwards."""
        with self._lock:
            writer, self._writer = self._writer, None
        if writer is not None:
            atexit.unregister(self.close)
            writer.close()

    def finish(self, status: str = "finished") -> None:
        """Commits what is queued and notes how the run ended."""
        self.close()
        with self._archive.transaction() as db:
            db.execute("UPDATE runs SET status = ?, closed = ? WHERE key = ?", (status, time.time_ns(), self._key))

    def done(self) -> set[tuple[str, str, int]]:
        """The (problem, method, index) already recorded with an outcome that is not an error."""
        self.flush()
        problems = {position: id for id, position in self._positions().items()}
        found = self._archive.query(
            "SELECT position, method, idx FROM attempts WHERE run = ? AND failed_at = 0", (self._key,)
        )
        labels = self._labels()
        return {(problems[position], labels[method], idx) for position, method, idx in found}

    def problems(self) -> Iterator[Problem]:
        """The problems, in the order the run was given them."""
        last = -1
        while True:
            page = self._archive.query(
                "SELECT position, body FROM places JOIN problems ON key = problem"
                " WHERE run = ? AND position > ? ORDER BY position LIMIT ?",
                (self._key, last, PAGE),
            )
            for _, body in page:
                yield _read_problem(body)
            if len(page) < PAGE:
                return
            last = page[-1][0]

    def problem(self, id: str) -> Problem:
        """The problem with this id."""
        [(body,)] = self._archive.query(
            "SELECT body FROM places JOIN problems ON key = problem WHERE run = ? AND position = ?",
            (self._key, self._position(id)),
        )
        return _read_problem(body)

    def rows(self) -> Iterator[AttemptRow]:
        """Every current attempt without its pool, by problem, method and index; nothing is decompressed."""
        self.flush()
        last = (-1, -1, -1)
        while page := self._archive.query(
            f"""SELECT a.position, a.method, a.idx, m.label, p.id, {OUTCOME}, a.answer, p.gold, a.confidence,
                a.prompt, a.cached, a.generated, a.verifier, a.probe, a.calls, a.seconds, p.family,
                p.cluster, p.length, p.split, a.truncated, a.partial, a.tied, a.error
            FROM attempts a JOIN places w ON w.run = a.run AND w.position = a.position
                JOIN problems p ON p.key = w.problem JOIN methods m ON m.key = a.method
            WHERE a.run = ? AND {AFTER} AND {CURRENT} {ORDER} LIMIT ?""",
            (self._key, *last, PAGE),
        ):
            for row in page:
                yield _attempt_row(row)
            if len(page) < PAGE:
                return
            last = page[-1][:3]

    def attempts(
        self,
        *,
        method: str | None = None,
        problem_id: str | None = None,
        outcome: Outcome | None = None,
    ) -> Iterator[Attempt]:
        """Current attempts with their pools, by problem, method and index, read as they are asked for.

        Each filter keeps only what equals it. `outcome` is that of the newest scoring.
        """
        self.flush()
        filters: list[tuple[str, Any]] = []
        if method is not None:
            filters.append(("a.method = ?", self._method_key(method)))
        if problem_id is not None:
            filters.append(("a.position = ?", self._position(problem_id)))
        if outcome is not None:
            filters.append((f"{OUTCOME} = ?", outcome.value))
        for _, attempt in self._attempts(filters):
            yield attempt

    def attempt(self, problem_id: str, method: str, index: int) -> Attempt:
        """One current attempt; UnknownName when there is none."""
        self.flush()
        where = [
            ("a.position = ?", self._position(problem_id)),
            ("a.method = ?", self._method_key(method)),
            ("a.idx = ?", index),
        ]
        for _, attempt in self._attempts(where):
            return attempt
        raise UnknownName(f"No attempt {index} of {method} at {problem_id!r} is recorded.", "Resume the run.")

    def rescore(self, scorer: str, judge: Callable[[Problem, Attempt], Outcome | None]) -> int:
        """Adds a scoring: the outcome of each current attempt that did not fail, decided anew; returns how many.

        The attempts stay as they are; what reads them sees the newest scoring. `scorer` names the judge.
        """
        self.flush()
        judged = [
            (key, judge(self.problem(attempt.problem_id), attempt))
            for key, attempt in self._attempts([("a.failed_at = ?", 0)])
        ]
        with self._archive.transaction() as db:
            scoring = db.execute(
                "INSERT INTO scorings (run, scorer, made) VALUES (?, ?, ?)", (self._key, text(scorer), time.time_ns())
            ).lastrowid
            db.executemany(
                "INSERT INTO scores (attempt, scoring, outcome) VALUES (?, ?, ?)",
                [(key, scoring, outcome.value if outcome else "") for key, outcome in judged],
            )
        return len(judged)

    def _attempts(self, filters: list[tuple[str, Any]]) -> Iterator[tuple[int, Attempt]]:
        where = "".join(f" AND {clause}" for clause, _ in filters)
        values = [value for _, value in filters]
        # The first page has no lower bound: SQLite would scan from there rather than look a single attempt up.
        after = ""
        last: tuple[Any, ...] = ()
        while page := self._archive.query(
            f"""SELECT a.position, a.method, a.idx, a.key, {OUTCOME}, a.dictionary, a.body FROM attempts a
            WHERE a.run = ? {after} AND {CURRENT}{where} {ORDER} LIMIT ?""",
            (self._key, *last, *values, ATTEMPT_PAGE),
        ):
            for *_, key, outcome, dictionary, body in page:
                attempt = restore(load(decode(body, self._dictionary(dictionary))))
                yield key, _with_outcome(attempt, Outcome(outcome) if outcome else None)
            if len(page) < ATTEMPT_PAGE:
                return
            after, last = f"AND {AFTER}", page[-1][:3]

    def _row(self, attempt: Attempt) -> tuple[Any, ...]:
        position = self._position(attempt.problem_id)
        method = self._method_key(attempt.method, create=True)
        _check_counts(attempt)
        plain = dump(compact(attempt))
        dictionary, shared = self._dictionary_for(method, plain)
        solution, spent = attempt.solution or Solution(), attempt.spent
        choice = solution.choice
        return (
            self._key,
            position,
            method,
            attempt.index,
            self._failure_time() if attempt.outcome is Outcome.ERROR else 0,
            attempt.outcome.value if attempt.outcome else None,
            text(solution.answer.canonical),
            _real(solution.confidence),
            spent.prompt,
            spent.cached,
            spent.generated,
            spent.verifier,
            spent.probe,
            spent.calls,
            _real(attempt.seconds),
            _truncated(solution),
            bool(solution.partial),
            choice is not None and choice.tied,
            text(_error(attempt.failure)),
            dictionary,
            encode(plain, shared),
        )

    def _started(self) -> Writer[Attempt]:
        writer = self._writer
        if writer is not None:
            return writer
        with self._lock:
            if self._writer is None:
                path = self._archive.path
                self._writer = Writer("attempts", ATTEMPT_COLUMNS, self._row, lambda: connect(path, RECORD))
                atexit.register(self.close)
            return self._writer

    def _failure_time(self) -> int:
        self._last_failure = max(time.time_ns(), self._last_failure + 1)
        return self._last_failure

    def _positions(self) -> dict[str, int]:
        if self._places is None:
            found = self._archive.query(
                "SELECT id, position FROM places JOIN problems ON key = problem WHERE run = ? ORDER BY position",
                (self._key,),
            )
            self._places = {str(read_text(id)): position for id, position in found}
        return self._places

    def _position(self, problem_id: str) -> int:
        position = self._positions().get(problem_id)
        if position is None:
            raise DataError(f"Run {self.id} has no problem {problem_id!r}.", "Name one of the run's problems.")
        return position

    def _labels(self) -> dict[int, str]:
        found = self._archive.query("SELECT key, label FROM methods WHERE run = ?", (self._key,))
        return {key: str(read_text(label)) for key, label in found}

    def _method_key(self, label: str, *, create: bool = False) -> int:
        key = self._methods.get(label)
        if key is not None:
            return key
        if create:
            with self._archive.transaction() as db:
                db.execute("INSERT OR IGNORE INTO methods (run, label) VALUES (?, ?)", (self._key, text(label)))
        self._methods = {name: number for number, name in self._labels().items()}
        if label not in self._methods:
            raise UnknownName.among("method of this run", label, self._methods)
        return self._methods[label]

    def _dictionary_for(self, method: int, plain: bytes) -> tuple[int, bytes]:
        """The dictionary that a method's attempts are compressed against: the first of them makes it."""
        found = self._dictionaries.get(method)
        if found is None:
            with self._archive.transaction() as db:
                db.execute(
                    "INSERT OR IGNORE INTO dictionaries (method, body) VALUES (?, ?)", (method, dictionary_of(plain))
                )
            [found] = self._archive.query("SELECT key, body FROM dictionaries WHERE method = ?", (method,))
            self._dictionaries[method] = (found[0], found[1])
        return found

    def _dictionary(self, key: int | None) -> bytes:
        if key is None:
            return b""
        for known, body in self._dictionaries.values():
            if known == key:
                return body
        [(method, body)] = self._archive.query("SELECT method, body FROM dictionaries WHERE key = ?", (key,))
        self._dictionaries[method] = (key, body)
        return bytes(body)


def attempt_row(problem: Problem, attempt: Attempt) -> AttemptRow:
    """The row that `Run.rows` gives for an attempt, from the attempt itself."""
    solution, spent = attempt.solution or Solution(), attempt.spent
    return AttemptRow(
        problem_id=attempt.problem_id,
        method=attempt.method,
        index=attempt.index,
        outcome=attempt.outcome,
        answer=solution.answer.canonical,
        gold=problem.gold,
        confidence=solution.confidence,
        prompt=spent.prompt,
        cached=spent.cached,
        generated=spent.generated,
        verifier=spent.verifier,
        probe=spent.probe,
        calls=spent.calls,
        seconds=attempt.seconds,
        family=problem.question.family,
        cluster=problem.cluster,
        length=problem.length,
        split=problem.split,
        truncated=_truncated(solution),
        partial=bool(solution.partial),
        tied=solution.choice is not None and solution.choice.tied,
        error=_error(attempt.failure),
    )


def _check_counts(attempt: Attempt) -> None:
    spent = attempt.spent
    most = max(
        abs(attempt.index), spent.prompt, spent.cached, spent.generated, spent.verifier, spent.probe, spent.calls
    )
    if most > LARGEST:
        raise DataError(
            f"A count of {most:.3g} in an attempt at {attempt.problem_id!r} is too large.", "Is it a count?"
        )


def _error(failure: Failure | None) -> str:
    return f"{failure.kind}: {failure.message}" if failure else ""


def _real(value: float | None) -> float | str | None:
    # SQLite keeps no NaN; a word stays a word in a REAL column, and float() reads it back.
    return "nan" if value is not None and math.isnan(value) else value


def _truncated(solution: Solution) -> bool:
    """Whether the chosen chain, or every chain when none was chosen, was cut by length."""
    chosen = solution.choice.chosen if solution.choice else None
    if chosen is not None and 0 <= chosen < len(solution.pool):
        return solution.pool[chosen].stop in (Stop.LENGTH, Stop.CONTEXT)
    chains = [trace.stop for trace in solution.pool if trace.role != "probe"]
    return bool(chains) and all(stop in (Stop.LENGTH, Stop.CONTEXT) for stop in chains)


def _with_outcome(attempt: Attempt, outcome: Outcome | None) -> Attempt:
    return attempt if attempt.outcome is outcome else dataclasses.replace(attempt, outcome=outcome)


def _read_problem(body: bytes) -> Problem:
    return unpack(Problem, load(decode(body, b"")))


def _attempt_row(row: tuple[Any, ...]) -> AttemptRow:
    (_, _, index, method, problem, outcome, answer, gold, confidence, prompt, cached, generated, verifier, probe, calls,
     seconds, family, cluster, length, split, truncated, partial, tied, error) = row  # fmt: skip
    return AttemptRow(
        problem_id=str(read_text(problem)),
        method=str(read_text(method)),
        index=index,
        outcome=Outcome(outcome) if outcome else None,
        answer=read_text(answer),
        gold=read_text(gold),
        confidence=None if confidence is None else float(confidence),
        prompt=prompt,
        cached=cached,
        generated=generated,
        verifier=verifier,
        probe=probe,
        calls=calls,
        seconds=float(seconds),
        family=str(read_text(family)),
        cluster=str(read_text(cluster)),
        length=length,
        split=str(read_text(split)),
        truncated=bool(truncated),
        partial=bool(partial),
        tied=bool(tied),
        error=str(read_text(error)),
    )
