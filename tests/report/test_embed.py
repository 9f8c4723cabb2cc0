"""Which attempts a page holds, and how they are packed."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workings.core.answer import Answer, Outcome, Source
from workings.core.completion import Stop
from workings.core.problem import Problem, Question
from workings.core.record import AttemptRow
from workings.core.solution import Attempt, Choice, Solution
from workings.core.trace import Step, Trace
from workings.report.embed import CLIP, choose, embed, pack_attempt

from .fixtures import HOSTILE, make_run


def opened(packed: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(packed)))


ROWS = st.lists(
    st.builds(
        AttemptRow,
        problem_id=st.sampled_from([f"p{n}" for n in range(40)]),
        method=st.sampled_from("abc"),
        index=st.integers(0, 99),
        outcome=st.sampled_from([*Outcome, None]),
    ),
    max_size=120,
    unique_by=lambda row: (row.problem_id, row.method, row.index),
)


@given(ROWS, st.integers(0, 130), st.integers(0, 5))
def test_a_sample_is_stratified_at_every_prefix_and_ignores_order(rows: list[AttemptRow], most: int, seed: int) -> None:
    order = choose(rows, most, seed)
    assert len(order) == len(set(order)) == min(most, len(rows))
    sizes = Counter((row.method, row.outcome) for row in rows)
    for end in range(len(order) + 1):
        taken = Counter((rows[at].method, rows[at].outcome) for at in order[:end])
        if end < len(sizes):
            assert all(count == 1 for count in taken.values())
            continue
        assert set(taken) == set(sizes)
        for key, size in sizes.items():
            fair = (end - len(sizes)) * size / max(1, len(rows))
            assert abs(taken[key] - 1 - fair) <= len(sizes) + 1


def test_the_same_attempts_are_drawn_whatever_the_order_of_rows() -> None:
    rows = make_run(60).rows_
    forth = {(rows[at].problem_id, rows[at].method) for at in choose(rows, 50, 7)}
    turned = rows[::-1]
    back = {(turned[at].problem_id, turned[at].method) for at in choose(turned, 50, 7)}
    other = {(rows[at].problem_id, rows[at].method) for at in choose(rows, 50, 8)}
    assert forth == back != other


def test_what_is_packed_comes_back() -> None:
    run = make_run(30)
    problems = {p.id: p for p in run.problems_}
    found = embed(run, run.rows_, problems, run.spec.methods, max_browsable=1000)
    index = opened(found.index)
    chunks = [opened(chunk) for chunk in found.chunks]
    assert found.shown == found.total == len(index) == 120 and not found.sampled
    for row, entry in zip(run.rows_, index, strict=True):
        assert entry[0] == row.problem_id and run.spec.methods[entry[1]] == row.method
        whole = run.attempts_[row.problem_id, row.method, row.index]
        packed = chunks[entry[11]][entry[12]]
        assert packed["seed"] == str(whole.seed)
        assert packed["question"] == [problems[row.problem_id].question.text, 0]
        pool = whole.solution.pool if whole.solution else ()
        assert [t["text"][0] for t in packed.get("pool", [])] == [t.text for t in pool]


def test_the_byte_budget_ends_the_list_and_is_counted() -> None:
    run = make_run(100)
    found = embed(run, run.rows_, {}, run.spec.methods, max_browsable=400, max_bytes=60_000)
    assert 0 < found.shown < 400 and sum(map(len, found.chunks)) <= 60_000
    assert sum(some for some, _ in found.strata.values()) == found.shown
    assert sum(every for _, every in found.strata.values()) == 400
    assert all(some >= 1 for some, _ in found.strata.values())


def test_packed_text_can_end_no_element() -> None:
    run = make_run(3)
    key = next(iter(run.attempts_))
    run.attempts_[key] = replace(run.attempts_[key], solution=Solution(pool=(Trace(HOSTILE),)))
    found = embed(run, run.rows_, {}, run.spec.methods, max_browsable=100)
    for block in (found.index, *found.chunks):
        assert not set(block) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
    assert any(a["pool"][0]["text"][0] == HOSTILE for chunk in found.chunks for a in opened(chunk) if a.get("pool"))


def packed(trace: Trace, **changes: Any) -> dict[str, Any]:
    attempt = Attempt("p", "m", 0, 1, Outcome.RIGHT, Solution(pool=(trace,)), **changes)
    found: dict[str, Any] = pack_attempt(attempt, {})["pool"][0]
    return found


def test_long_text_is_cut_and_the_rest_counted() -> None:
    text = "x" * (CLIP + 7)
    found = packed(Trace(text, (Step("x", 0, 1), Step("x", CLIP, CLIP + 1))))
    assert found["text"] == (text[:CLIP], 7)
    assert found["steps"] == [[0, 1]]


def test_log_probabilities_become_eighths_of_a_nat() -> None:
    found = packed(Trace("abcd", logprobs=(0.0, -0.125, -1.0, -100.0)))
    assert found["surprise"] == "ABI_"
    strange = packed(Trace("abc", logprobs=(math.nan, -math.inf, 0.5)))
    assert strange["surprise"] == "__A"
    assert json.loads(json.dumps(strange, allow_nan=False))["mean"] == "nan"


def test_texts_of_tokens_are_found_in_the_journal() -> None:
    reply = {"reply": {"completions": [{"text": "ab", "tokens": ["a", "b"], "logprobs": [-0.5, -1.5]}]}}
    assert packed(Trace("ab", logprobs=(-0.5, -1.5)), replies=(reply,))["tokens"] == ["a", "b"]
    assert "tokens" not in packed(Trace("ab", logprobs=(-0.5, -1.6)), replies=(reply,))


def test_a_journal_as_deep_as_it_likes_is_walked() -> None:
    deep: dict[str, Any] = {"tokens": ["a"], "logprobs": [-1.0]}
    for _ in range(5000):
        deep = {"in": [deep]}
    assert packed(Trace("a", logprobs=(-1.0,)), replies=(deep,))["tokens"] == ["a"]


def test_votes_are_packed_largest_first_and_bounded() -> None:
    weights = {str(n): float(n) for n in range(60)}
    attempt = Attempt("p", "m", 0, 1, None, Solution(choice=Choice("count", weights, 2, 3, True)))
    found = pack_attempt(attempt, {})["choice"]
    assert found["weights"][0] == ["59", 59.0] and len(found["weights"]) == 40 and found["more"] == 20
    assert (found["chosen"], found["abstained"], found["tied"]) == (2, 3, True)


def tree_of(*pool: Trace, mark: Any = None, gold: str | None = "7", outcome: Outcome | None = Outcome.WRONG) -> Any:
    item = Problem(Question("p", "?"), gold)
    attempt = Attempt("p", "m", 0, 1, outcome, Solution(pool[0].answer, pool=pool))
    return pack_attempt(attempt, {"p": item}, *([mark] if mark else []))["pool"]


def said(answer: str) -> Answer:
    return Answer(answer, answer, None, Source.DECLARED)


def test_a_branch_is_packed_without_what_it_shares_with_its_parent() -> None:
    pool = (
        Trace("one two"),
        Trace("one three", parent=0, branch_at=4),
        Trace("one three four", parent=1, branch_at=9),
        Trace("other words", parent=0, branch_at=4),
        Trace("one five", parent=7, branch_at=4),
    )
    found = tree_of(*pool)
    assert [t["text"][0] for t in found] == ["one two", "three", " four", "other words", "one five"]
    assert [t.get("shared") for t in found] == [None, 4, 9, None, None]
    assert [t.get("branch") for t in found] == [None, 4, 9, 4, 4]


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 300), st.text("ab\U0001f600", max_size=300)), max_size=9))
def test_branches_put_together_again_are_the_texts(parts: list[tuple[int, int, str]]) -> None:
    pool: list[Trace] = [Trace("root \U0001f600 text")]
    for parent, at, own in parts:
        above = pool[parent % len(pool)].text
        place = min(at, len(above))
        pool.append(Trace(above[:place] + own, parent=parent % len(pool), branch_at=place))
    whole: list[bytes] = []
    for trace, packed in zip(pool, tree_of(*pool), strict=True):
        shared = whole[packed["parent"]][: 2 * packed["shared"]] if "shared" in packed else b""
        whole.append(shared + packed["text"][0].encode("utf-16-le"))
        assert whole[-1].decode("utf-16-le") == trace.text


def test_the_text_of_a_late_branch_is_kept_where_the_pool_is_long() -> None:
    root = "x" * 20_000
    pool = [Trace(root)] + [Trace(root + f" {n:03} " + "y" * 300, parent=0, branch_at=len(root)) for n in range(100)]
    found = tree_of(*pool)
    assert all(t["text"] == (f" {n:03} " + "y" * 300, 0) for n, t in enumerate(found[1:]))


def test_places_count_as_the_script_does() -> None:
    text = "\U0001f600 one\n\U0001f600 two"
    found = tree_of(Trace(text, (Step("\U0001f600 one", 0, 5), Step("\U0001f600 two", 6, 11))))
    units = text.encode("utf-16-le")
    spans = [units[2 * a : 2 * b].decode("utf-16-le") for a, b in found[0]["steps"]]
    assert spans == ["\U0001f600 one", "\U0001f600 two"]


def test_every_distinct_answer_is_judged_once_and_the_attempts_own_not_at_all() -> None:
    asked: list[str] = []

    def mark(answer: Answer, problem: Problem) -> Outcome | None:
        asked.append(answer.raw)
        return {"7": Outcome.RIGHT, "8": Outcome.WRONG}.get(answer.raw)

    pool = [Trace("t", answer=said(a), stop=Stop.END) for a in ("9", "7", "8", "7", "x", "9")]
    found = tree_of(*pool, Trace("t", stop=Stop.END), Trace("t", stop=Stop.CANCELLED), mark=mark)
    assert [t.get("outcome") for t in found] == ["wrong", "right", "wrong", "right", None, "wrong", "unparsed", None]
    assert asked == ["7", "8", "x"]
    assert not any("outcome" in t for t in tree_of(*pool, mark=mark, outcome=None))
