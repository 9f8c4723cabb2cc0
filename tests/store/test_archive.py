"""Laws of the record: append-only, resumed by id, read back whole."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded import METHODS, PROBLEMS, attempt, attempts, problem, spec

from workings.core.answer import Outcome
from workings.core.completion import Stop, Usage
from workings.core.errors import DataError, UnknownName, UsageError
from workings.core.problem import Problem, Question
from workings.core.solution import Attempt, Choice, Solution
from workings.core.trace import Trace
from workings.run.ports import Record
from workings.store.archive import Archive
from workings.store.runs import Run, attempt_row


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path) as opened:
        yield opened


@pytest.fixture
def run(archive: Archive) -> Run:
    return archive.start(spec(), [problem(n) for n in range(5)])


def test_a_run_fits_the_port(run: Run) -> None:
    record: Record = run
    record.append(attempt(1))
    assert record.done() == {("p1", "direct", 0)}


def test_attempts_come_back_equal_in_the_order_of_the_run(run: Run) -> None:
    made = [attempt(n, m, i, chains=3) for i in (1, 0) for n in (4, 0, 2) for m in reversed(METHODS)]
    for value in made:
        run.append(value)
    order = sorted(made, key=lambda a: (a.problem_id, METHODS.index(a.method), a.index))
    assert list(run.attempts()) == order
    assert [(r.problem_id, r.method, r.index) for r in run.rows()] == [(a.problem_id, a.method, a.index) for a in order]


def test_appending_twice_keeps_the_first(run: Run) -> None:
    first, second = attempt(1, outcome=Outcome.WRONG), attempt(1, outcome=Outcome.RIGHT)
    for value in (first, second, attempt(1, outcome=Outcome.ERROR)):
        run.append(value)
    run.flush()
    run.append(attempt(1, outcome=None))
    assert list(run.attempts()) == [first]
    assert [row.outcome for row in run.rows()] == [Outcome.WRONG]


def test_an_error_is_superseded_and_never_counts_as_done(run: Run) -> None:
    errors = [attempt(1, outcome=Outcome.ERROR), attempt(1, outcome=Outcome.ERROR)]
    for number, error in enumerate(errors):
        run.append(dataclasses.replace(error, seconds=float(number)))
    assert run.done() == set()
    assert [a.seconds for a in run.attempts()] == [1.0]
    assert [r.error for r in run.rows()] == ["Unreachable: no server 1"]
    run.append(attempt(1))
    assert list(run.attempts()) == [attempt(1)]
    assert run.done() == {("p1", "direct", 0)}


def test_an_unknown_outcome_is_done(run: Run) -> None:
    run.append(attempt(1, outcome=None))
    assert run.done() == {("p1", "direct", 0)}
    assert next(run.rows()).outcome is None


def test_one_attempt_is_found_by_its_key(run: Run) -> None:
    run.append(attempt(1, "vote:n=3", 2))
    assert run.attempt("p1", "vote:n=3", 2) == attempt(1, "vote:n=3", 2)
    with pytest.raises(UnknownName, match="No attempt 0"):
        run.attempt("p1", "vote:n=3", 0)
    with pytest.raises(UnknownName, match="vote:n=3"):
        run.attempt("p1", "vote:n=4", 0)
    with pytest.raises(DataError, match="no problem 'p9'"):
        run.attempt("p9", "direct", 0)


def test_filters(run: Run) -> None:
    for n in range(3):
        run.append(attempt(n, outcome=Outcome.RIGHT if n else Outcome.WRONG))
        run.append(attempt(n, "vote:n=3", outcome=None))
    assert {a.problem_id for a in run.attempts(outcome=Outcome.RIGHT)} == {"p1", "p2"}
    assert {a.method for a in run.attempts(method="vote:n=3")} == {"vote:n=3"}
    assert [a.method for a in run.attempts(problem_id="p2")] == list(METHODS)


def test_an_attempt_at_another_runs_problem_is_refused_at_once(run: Run) -> None:
    with pytest.raises(DataError, match="no problem 'p77'"):
        run.append(attempt(77))


def test_a_method_that_the_spec_does_not_name_is_kept(run: Run) -> None:
    run.append(attempt(1, "direct:style=brief"))
    assert run.done() == {("p1", "direct:style=brief", 0)}


def test_resuming_gives_the_same_run(tmp_path: Path) -> None:
    problems = [problem(n) for n in range(5)]
    with Archive.open(tmp_path) as archive:
        archive.start(spec(created="2026-01-01", version="0.1"), problems).append(attempt(2))
    with Archive.open(tmp_path) as archive:
        run = archive.start(spec(created="2026-02-02", version="0.2"), problems)
        run.append(attempt(2, outcome=Outcome.WRONG))
        run.append(attempt(3))
        assert list(run.attempts()) == [attempt(2), attempt(3)]
        assert run.spec.created == "2026-01-01"
        assert len(archive.runs()) == 1


def test_another_spec_or_other_problems_under_the_same_id_are_refused(archive: Archive) -> None:
    problems = [problem(n) for n in range(3)]
    archive.start(spec(), problems)
    with pytest.raises(UsageError, match="differs in seed"):
        archive.start(spec(seed=1), problems)
    with pytest.raises(UsageError, match="other problems"):
        archive.start(spec(), problems[:2])
    with pytest.raises(UsageError, match="other problems"):
        archive.start(spec(), [*problems[:2], problem(2, split="train")])
    with pytest.raises(DataError, match="share an id"):
        archive.start(spec("r2"), [problem(1), problem(1)])
    assert [summary.id for summary in archive.runs()] == ["r1"]


def test_problems_are_stored_once_across_runs(archive: Archive) -> None:
    problems = [problem(n) for n in range(4)]
    again = Problem(Question("p1 again", "What is 1 + 1?"), "2")
    first = archive.start(spec("a"), problems)
    second = archive.start(spec("b"), [problem(9), *problems[::-1], again])
    assert archive.query("SELECT count(*) FROM problems") == [(6,)]
    assert list(first.problems()) == problems
    assert [p.id for p in second.problems()] == ["p9", "p3", "p2", "p1", "p0", "p1 again"]
    assert second.problem("p2") == problem(2)


@given(st.lists(PROBLEMS, max_size=4, unique_by=lambda p: p.id))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_problem_comes_back_equal(tmp_path_factory: pytest.TempPathFactory, problems: list[Problem]) -> None:
    with Archive.open(tmp_path_factory.mktemp("any")) as archive:
        run = archive.start(spec(), problems)
        assert list(run.problems()) == problems
        assert [run.problem(p.id) for p in problems] == problems


@given(st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_attempt_comes_back_equal_and_its_row_agrees(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    made = [data.draw(attempts(n)) for n in range(3)]
    with Archive.open(tmp_path_factory.mktemp("any")) as archive:
        run = archive.start(spec(), [problem(n) for n in range(3)])
        for value in made:
            run.append(value)
        assert list(run.attempts()) == made
        assert list(run.rows()) == [attempt_row(problem(n), value) for n, value in enumerate(made)]


def test_strange_values_survive_in_rows(run: Run) -> None:
    value = attempt(1)
    assert value.solution is not None
    answer = dataclasses.replace(value.solution.answer, canonical="\ud800\x00 一", raw="x")
    solution = dataclasses.replace(value.solution, confidence=math.nan, answer=answer)
    run.append(dataclasses.replace(value, solution=solution, seconds=math.inf))
    [row] = run.rows()
    assert row.answer == "\ud800\x00 一" and row.seconds == math.inf
    assert row.confidence is not None and math.isnan(row.confidence)


def test_strange_names_survive(archive: Archive) -> None:
    names = ("\ud800", "a\x00b", "', DROP TABLE runs; --", "", "名")
    run = archive.start(
        dataclasses.replace(spec("\udfff id"), methods=names), [Problem(Question(name, name), name) for name in names]
    )
    for name in names:
        run.append(dataclasses.replace(attempt(1, name), problem_id=name))
    assert run.done() == {(name, name, 0) for name in names}
    assert [row.gold for row in run.rows()] == list(names)
    assert archive.run("\udfff").id == "\udfff id"


def test_what_sqlite_cannot_hold_is_a_data_error(archive: Archive, run: Run) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        archive.start(spec("big"), [problem(2**70)])
    with pytest.raises(DataError, match="too large"):
        run.append(dataclasses.replace(attempt(1), index=2**70))
    with pytest.raises(DataError, match="too large"):
        run.append(dataclasses.replace(attempt(1), spent=Usage(prompt=2**70)))
    run.append(attempt(2))
    assert run.done() == {("p2", "direct", 0)}


@pytest.mark.parametrize(
    ("stops", "chosen", "cut"),
    [
        ((Stop.LENGTH,), None, True),
        ((Stop.END,), None, False),
        ((Stop.LENGTH, Stop.END), 0, True),
        ((Stop.LENGTH, Stop.END), 1, False),
        ((Stop.CONTEXT, Stop.LENGTH), None, True),
        ((Stop.LENGTH, Stop.END), None, False),
        ((), None, False),
    ],
)
def test_truncated_is_that_of_the_chosen_chain(
    run: Run, stops: tuple[Stop, ...], chosen: int | None, cut: bool
) -> None:
    pool = tuple(Trace("x", stop=stop) for stop in stops)
    choice = Choice("votes", chosen=chosen, tied=True)
    run.append(Attempt("p1", "direct", 0, 0, Outcome.WRONG, Solution(pool=pool, choice=choice, partial="tokens")))
    [row] = run.rows()
    assert (row.truncated, row.tied, row.partial) == (cut, True, True)


def test_runs_are_found_by_id_prefix_and_last(archive: Archive) -> None:
    for id in ("abc-1", "abc-2", "xyz"):
        archive.start(spec(id), [problem(1)])
    assert archive.run("last").id == "xyz"
    assert archive.run("x").id == "xyz"
    assert archive.run("abc-1").id == "abc-1"
    with pytest.raises(UsageError, match="begins 2 runs"):
        archive.run("abc")
    with pytest.raises(UnknownName, match="abc-1"):
        archive.run("abc-3")
    archive.start(spec("abc-1"), [problem(1)])
    assert archive.run("last").id == "abc-1"


def test_an_empty_record_says_so(archive: Archive) -> None:
    assert archive.runs() == ()
    with pytest.raises(DataError, match="no run yet"):
        archive.run("last")


def test_the_list_of_runs_counts_what_is_there(archive: Archive, run: Run) -> None:
    for value in (attempt(0), attempt(1, outcome=Outcome.ERROR), attempt(1), attempt(2, outcome=Outcome.ERROR)):
        run.append(value)
    assert run.status == "running"
    run.finish()
    [summary] = archive.runs()
    assert (summary.status, summary.attempts, summary.errors) == ("finished", 2, 1)
    assert summary.closed is not None and summary.closed >= summary.opened
    run.append(attempt(3))
    assert len(run.done()) == 3


def test_rescoring_adds_a_scoring_and_touches_no_attempt(archive: Archive, run: Run) -> None:
    for n in range(3):
        run.append(attempt(n, outcome=Outcome.WRONG))
    run.append(attempt(3, outcome=Outcome.ERROR))
    run.flush()
    before = archive.query("SELECT * FROM attempts")
    counted = run.rescore("lenient", lambda p, a: Outcome.RIGHT if p.id == a.problem_id else None)
    assert counted == 3
    assert [a.outcome for a in run.attempts()] == [Outcome.RIGHT] * 3 + [Outcome.ERROR]
    run.rescore("blind", lambda p, a: None if p.id == "p1" else a.outcome)
    assert [r.outcome for r in run.rows()] == [Outcome.RIGHT, None, Outcome.RIGHT, Outcome.ERROR]
    assert [a.problem_id for a in run.attempts(outcome=Outcome.RIGHT)] == ["p0", "p2"]
    assert archive.query("SELECT * FROM attempts") == before
    assert archive.query("SELECT scorer FROM scorings ORDER BY key") == [("lenient",), ("blind",)]
    run.append(attempt(4, outcome=Outcome.WRONG))
    assert run.attempt("p4", "direct", 0).outcome is Outcome.WRONG


def test_a_scorer_that_fails_leaves_nothing(archive: Archive, run: Run) -> None:
    run.append(attempt(1))
    with pytest.raises(ZeroDivisionError):
        run.rescore("broken", lambda p, a: Outcome.RIGHT if 1 // 0 else None)
    assert archive.query("SELECT * FROM scorings") == []


def test_a_page_boundary_loses_nothing(run: Run) -> None:
    made = [attempt(n, m, i) for n in range(5) for m in METHODS for i in range(110)]
    run.append_all(made)
    assert list(run.attempts()) == made
    assert len(list(run.rows())) == len(made) == len(run.done())


def test_append_all_is_all_or_nothing(run: Run) -> None:
    with pytest.raises(DataError, match="p99"):
        run.append_all([attempt(1), attempt(99)])
    assert run.done() == set()


def test_an_archive_closes_its_runs(tmp_path: Path) -> None:
    with Archive.open(tmp_path) as archive:
        run = archive.start(spec(), [problem(1)])
        run.append(attempt(1))
    with Archive.open(tmp_path, read_only=True) as archive:
        assert archive.run().done() == {("p1", "direct", 0)}
    with pytest.raises(DataError, match="closed"):
        run.done()


def test_attempts_share_their_text_on_disk(archive: Archive) -> None:
    run = archive.start(spec(count=400), [problem(n) for n in range(400)])
    header = " ".join(f"Worked example {n}: take {n * n} away from {n + 7}." for n in range(60))
    for n in range(400):
        run.append(attempt(n, text=header))
    run.flush()
    [(size,)] = archive.query("SELECT avg(length(body)) FROM attempts")
    assert len(header) > 2000 and size < 400


def test_an_attempt_that_cannot_be_written_is_told_and_harms_no_other(archive: Archive) -> None:
    run = archive.start(spec(), [problem(n) for n in range(80)])
    value = attempt(3)
    assert value.solution is not None
    bad = dataclasses.replace(value, solution=dataclasses.replace(value.solution, notes={"what": object()}))
    told = 0
    for number in range(80):
        try:
            run.append(bad if number == 3 else attempt(number))
        except DataError:
            told += 1
    if not told:
        with pytest.raises(DataError, match="object"):
            run.flush()
    assert told <= 1
    run.flush()
    assert {name for name, _, _ in run.done()} == {f"p{n}" for n in range(80) if n != 3}
    run.append(value)
    assert run.attempt("p3", "direct", 0) == value
