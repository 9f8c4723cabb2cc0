"""Killed at any moment: what was reported durable is there, the file is whole, and the run goes on."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from recorded import attempt, problem, spec

from workings.store.archive import Archive

HERE = Path(__file__).parent
COUNT = 400

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from recorded import attempt, problem, spec
from workings.store.archive import Archive

archive = Archive.open(Path(sys.argv[1]))
run = archive.start(spec(count=400), [problem(n) for n in range(400)])
done = run.done()
print("ready", flush=True)
for n in range(400):
    if (f"p{n}", "direct", 0) not in done:
        run.append(attempt(n, chains=3))
        if n % int(sys.argv[3]) == 0:
            run.flush()
            print(n, flush=True)
"""


def writer(folder: Path, every: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), str(HERE), str(every)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_killed_at_random_moments_loses_nothing_reported(tmp_path: Path) -> None:
    chance = random.Random(3)
    kept: set[tuple[str, str, int]] = set()
    for _ in range(5):
        with writer(tmp_path, 7) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(chance.random() * 0.05)
            process.send_signal(signal.SIGKILL)
            reported = [int(line) for line in process.stdout if line.endswith("\n")]
        with Archive.open(tmp_path) as archive:
            assert archive.query("PRAGMA integrity_check") == [("ok",)]
            run = archive.run()
            done = run.done()
            assert {(f"p{n}", "direct", 0) for n in reported} <= done
            assert kept <= done
            assert all(a == attempt(int(a.problem_id[1:]), chains=3) for a in run.attempts())
            kept = done
    with writer(tmp_path, COUNT) as process:
        process.communicate()
    with Archive.open(tmp_path) as archive:
        assert list(archive.run().attempts()) == [attempt(n, chains=3) for n in range(COUNT)]


def test_what_is_queued_at_a_normal_exit_is_kept(tmp_path: Path) -> None:
    with writer(tmp_path, COUNT + 1) as process:
        process.communicate()
    assert process.returncode == 0
    with Archive.open(tmp_path, read_only=True) as archive:
        assert len(archive.run().done()) == COUNT


def test_a_record_being_written_can_be_read_meanwhile(tmp_path: Path) -> None:
    with writer(tmp_path, 1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with Archive.open(tmp_path, read_only=True) as archive:
            run = archive.run()
            for line in process.stdout:
                assert (f"p{int(line)}", "direct", 0) in run.done()


def test_two_processes_append_to_one_run(tmp_path: Path) -> None:
    first, second = writer(tmp_path, 3), writer(tmp_path, 5)
    for process in (first, second):
        process.communicate()
        assert process.returncode == 0
    with Archive.open(tmp_path) as archive:
        assert archive.query("PRAGMA integrity_check") == [("ok",)]
        assert archive.query("SELECT count(*) FROM attempts") == [(COUNT,)]
        assert list(archive.run().attempts()) == [attempt(n, chains=3) for n in range(COUNT)]


def test_two_archives_on_one_run_keep_the_first_attempt(tmp_path: Path) -> None:
    problems = [problem(n) for n in range(3)]
    with Archive.open(tmp_path) as one, Archive.open(tmp_path) as two:
        first, second = one.start(spec(), problems), two.start(spec(), problems)
        first.append(attempt(1, text="first"))
        first.flush()
        second.append(attempt(1, text="second"))
        second.append(attempt(2, "a method the spec does not name"))
        second.flush()
        assert list(first.attempts()) == list(second.attempts())
        assert [a.method for a in first.attempts()] == ["direct", "a method the spec does not name"]
        assert first.attempt("p1", "direct", 0) == attempt(1, text="first")


@pytest.mark.parametrize("threads", [4])
def test_several_threads_append_and_read(tmp_path: Path, threads: int) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with Archive.open(tmp_path) as archive:
        run = archive.start(spec(), [problem(n) for n in range(threads)])

        def work(number: int) -> int:
            for index in range(50):
                run.append(attempt(number, index=index))
            return sum(1 for _ in run.attempts(problem_id=f"p{number}"))

        with ThreadPoolExecutor(threads) as pool:
            assert list(pool.map(work, range(threads))) == [50] * threads
        assert len(run.done()) == 50 * threads
