"""Files: made, recognised, upgraded, refused."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

import pytest
from recorded import attempt, problem, spec

from workings.core.errors import DataError, UsageError
from workings.store import database
from workings.store.archive import Archive
from workings.store.database import Layout, connect
from workings.store.layout import RECORD


def _add_tied(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE things ADD COLUMN tied INTEGER NOT NULL DEFAULT 0")


def _rename(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE things RENAME COLUMN label TO name")


OLD = Layout("box of things", 77, 0, ("CREATE TABLE things (label TEXT NOT NULL)",))
NEW = Layout(
    "box of things",
    77,
    2,
    ("CREATE TABLE things (name TEXT NOT NULL, tied INTEGER NOT NULL DEFAULT 0)",),
    {0: _add_tied, 1: _rename},
)


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    path = tmp_path / "things.db"
    db = connect(path, OLD)
    db.execute("INSERT INTO things VALUES ('kept')")
    db.close()
    return path


def _version(path: Path) -> int:
    db = sqlite3.connect(path)
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    db.close()
    return version


def test_an_older_file_is_brought_up_step_by_step(old_file: Path) -> None:
    db = connect(old_file, NEW)
    assert db.execute("SELECT name, tied FROM things").fetchall() == [("kept", 0)]
    db.close()
    assert _version(old_file) == 2


def test_an_older_file_is_read_without_being_changed(old_file: Path) -> None:
    before = old_file.read_bytes()
    db = connect(old_file, NEW, read_only=True)
    assert db.execute("SELECT name, tied FROM things").fetchall() == [("kept", 0)]
    db.close()
    assert old_file.read_bytes() == before


def test_an_upgrade_that_fails_changes_nothing(old_file: Path) -> None:
    def break_down(db: sqlite3.Connection) -> None:
        db.execute("DROP TABLE things")
        db.execute("SELECT nonsense")

    broken = Layout("box of things", 77, 2, (), {0: _add_tied, 1: break_down})
    with pytest.raises(DataError, match="nonsense"):
        connect(old_file, broken)
    assert _version(old_file) == 0
    db = connect(old_file, NEW)
    assert db.execute("SELECT name FROM things").fetchall() == [("kept",)]
    db.close()


def test_a_version_without_a_step_is_refused(old_file: Path) -> None:
    with pytest.raises(DataError, match="version 0, which this package cannot read any more"):
        connect(old_file, Layout("box of things", 77, 2, (), {1: _rename}))


def test_a_newer_record_is_refused(tmp_path: Path) -> None:
    Archive.open(tmp_path).close()
    db = sqlite3.connect(tmp_path / "record.db")
    db.execute(f"PRAGMA user_version={RECORD.version + 1}")
    db.close()
    for read_only in (False, True):
        with pytest.raises(DataError, match="newer workings"):
            Archive.open(tmp_path, read_only=read_only)


def test_every_older_schema_version_has_a_step() -> None:
    assert set(RECORD.steps) == set(range(1, RECORD.version))


@pytest.mark.parametrize("content", [b"not a database, but long enough to have a header" * 40, b"short"])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "record.db"
    path.write_bytes(content)
    for read_only in (False, True):
        with pytest.raises(DataError, match="record of workings"):
            Archive.open(tmp_path, read_only=read_only)
    assert path.read_bytes() == content


def test_a_database_of_others_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (x)")
    db.close()
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(DataError, match="not a record of workings"):
            Archive.open(tmp_path, read_only=read_only)
    assert path.read_bytes() == before


def test_a_damaged_record_is_a_data_error(tmp_path: Path) -> None:
    with Archive.open(tmp_path) as archive:
        archive.start(spec(), [problem(n) for n in range(5)]).append_all([attempt(n) for n in range(5)])
    path = tmp_path / "record.db"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with (
        pytest.raises(DataError, match=r"record\.db"),
        Archive.open(tmp_path, read_only=True) as archive,
    ):
        list(archive.run().attempts())


def test_reading_what_is_not_there_says_so_and_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no record of workings at"):
        Archive.open(tmp_path / "nowhere", read_only=True)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "record.db").touch()
    with pytest.raises(DataError, match="is empty"):
        Archive.open(tmp_path, read_only=True)


def test_a_read_only_archive_reads_and_refuses_to_write(tmp_path: Path) -> None:
    with Archive.open(tmp_path) as archive:
        archive.start(spec(), [problem(1)]).append(attempt(1))
    with Archive.open(tmp_path, read_only=True) as archive:
        run = archive.run()
        assert list(run.attempts()) == [attempt(1)]
        for act in (
            lambda: archive.start(spec("new"), []),
            lambda: run.append(attempt(1)),
            lambda: run.append_all([]),
            lambda: run.finish(),
            lambda: run.rescore("x", lambda p, a: None),
        ):
            with pytest.raises(UsageError, match="reading only"):
                act()


def test_a_record_in_a_folder_that_may_not_be_written_can_be_read(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("the superuser may write everywhere")
    with Archive.open(tmp_path) as archive:
        archive.start(spec(), [problem(1)]).append(attempt(1))
    tmp_path.chmod(0o555)
    try:
        with Archive.open(tmp_path, read_only=True) as archive:
            assert list(archive.run().attempts()) == [attempt(1)]
    finally:
        tmp_path.chmod(0o755)


def test_folders_with_strange_names_work(tmp_path: Path) -> None:
    folder = tmp_path / "a b?c#d%20é"
    with Archive.open(folder) as archive:
        archive.start(spec(), [problem(1)]).append(attempt(1))
    with Archive.open(folder, read_only=True) as archive:
        assert archive.run().done() == {("p1", "direct", 0)}


def test_a_folder_that_is_a_file_is_a_data_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file"):
        Archive.open(tmp_path / "file")


@pytest.mark.parametrize("read", ["PRAGMA application_id", "PRAGMA user_version", "SELECT count(*)"])
def test_a_file_that_another_process_makes_meanwhile_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    path = tmp_path / "things.db"
    plain, tried = database._connection, []

    def make_it_now(statement: str) -> None:
        if statement.startswith(read) and not tried:
            tried.append(statement)
            other = sqlite3.connect(path, timeout=0, isolation_level=None)
            with contextlib.suppress(sqlite3.OperationalError):
                other.executescript(f"BEGIN IMMEDIATE; {OLD.tables[0]}; PRAGMA application_id={OLD.mark}; COMMIT")
            other.close()

    def watched(address: str) -> sqlite3.Connection:
        db = plain(address)
        db.set_trace_callback(make_it_now)
        return db

    monkeypatch.setattr(database, "_connection", watched)
    db = connect(path, OLD)
    assert tried and db.execute("SELECT * FROM things").fetchall() == []
    db.close()
