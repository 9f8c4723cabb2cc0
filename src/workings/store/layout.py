"""The tables of a record."""

from __future__ import annotations

from workings.store.database import Layout

__all__ = ["ATTEMPT_COLUMNS", "RECORD"]

ATTEMPT_COLUMNS = (
    "run",
    "position",
    "method",
    "idx",
    "failed_at",
    "outcome",
    "answer",
    "confidence",
    "prompt",
    "cached",
    "generated",
    "verifier",
    "probe",
    "calls",
    "seconds",
    "truncated",
    "partial",
    "tied",
    "error",
    "dictionary",
    "body",
)

RECORD = Layout(
    name="record of workings",
    mark=0x574B4E47,
    version=1,
    tables=(
        # `opened` and `closed` are nanoseconds since 1970.
        """CREATE TABLE runs (
            key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, spec BLOB NOT NULL, status TEXT NOT NULL,
            opened INTEGER NOT NULL, closed INTEGER)""",
        # `digest` is that of the whole problem: two runs share a row only when nothing differs.
        """CREATE TABLE problems (
            key INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, id TEXT NOT NULL, gold TEXT, family TEXT NOT NULL,
            cluster TEXT NOT NULL, length INTEGER, split TEXT NOT NULL, body BLOB NOT NULL)""",
        """CREATE TABLE places (
            run INTEGER NOT NULL, position INTEGER NOT NULL, problem INTEGER NOT NULL,
            PRIMARY KEY (run, position)) WITHOUT ROWID""",
        """CREATE TABLE methods (
            key INTEGER PRIMARY KEY, run INTEGER NOT NULL, label TEXT NOT NULL, UNIQUE (run, label))""",
        """CREATE TABLE dictionaries (
            key INTEGER PRIMARY KEY, method INTEGER NOT NULL UNIQUE, body BLOB NOT NULL)""",
        # `failed_at` is 0 unless the outcome is an error, then nanoseconds since 1970: a key holds one attempt that
        # did not fail and any number that did.
        """CREATE TABLE attempts (
            key INTEGER PRIMARY KEY, run INTEGER NOT NULL, position INTEGER NOT NULL, method INTEGER NOT NULL,
            idx INTEGER NOT NULL, failed_at INTEGER NOT NULL, outcome TEXT, answer TEXT, confidence REAL,
            prompt INTEGER NOT NULL, cached INTEGER NOT NULL, generated INTEGER NOT NULL, verifier INTEGER NOT NULL,
            probe INTEGER NOT NULL, calls INTEGER NOT NULL, seconds REAL NOT NULL, truncated INTEGER NOT NULL,
            partial INTEGER NOT NULL, tied INTEGER NOT NULL, error TEXT NOT NULL, dictionary INTEGER,
            body BLOB NOT NULL)""",
        "CREATE UNIQUE INDEX attempts_once ON attempts (run, position, method, idx, failed_at)",
        """CREATE TABLE scorings (
            key INTEGER PRIMARY KEY, run INTEGER NOT NULL, scorer TEXT NOT NULL, made INTEGER NOT NULL)""",
        # `outcome` is '' where the scorer could not tell.
        """CREATE TABLE scores (
            attempt INTEGER NOT NULL, scoring INTEGER NOT NULL, outcome TEXT NOT NULL,
            PRIMARY KEY (attempt, scoring)) WITHOUT ROWID""",
    ),
)
