"""Symbolic equality in workers that can be killed."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from workings.core.answer import Answer, Outcome, Source
from workings.core.errors import BadSetting, GraderError, MissingExtra
from workings.core.problem import AnswerKind, Problem, Question
from workings.graders.maths import MathsJudge, to_latex
from workings.verify.extract import extract
from workings.verify.outcome import outcome

pytest.importorskip("math_verify", reason='needs pip install "workings[maths]"')


@pytest.fixture(scope="module")
def judge() -> Iterator[MathsJudge]:
    with MathsJudge(timeout_s=20) as made:
        yield made


@pytest.mark.parametrize(
    ("gold", "answer", "want"),
    [
        (r"\frac{\sqrt{2}}{2}", "1/√2", True),
        (r"\sqrt{8}", "2 sqrt(2)", True),
        ("x^2+1", "1+x^2", True),
        ("x^2+1", "x^2+2", False),
        ("8", "5+3", True),
        (r"$\frac{\pi}{2}$", "pi/2", True),
        (r"\{1,2\}", r"\{2,1\}", True),
        ("(1,2)", "(2,1)", False),
        ("2^{10}", "1024", True),
    ],
)
def test_equality(judge: MathsJudge, gold: str, answer: str, want: bool) -> None:
    assert judge.equal(gold, answer) is want


def test_hostile_formulas_give_no_verdict_and_the_next_question_is_answered(judge: MathsJudge) -> None:
    assert judge.equal("1", "9^{9^{9^{9}}}", timeout_s=1) is None
    assert judge.equal("1", "9^(9^(9^9))", timeout_s=1) is None
    assert judge.equal("x+1", "1+x") is True


@pytest.mark.parametrize(
    "answer",
    ["", "7" * 500, "(" * 200, "x" * 10_000_000, "\x00", "\\frac{" * 3000],
    ids=["empty", "digits", "deep", "10 MB", "null", "fractions"],
)
def test_what_is_too_large_never_reaches_a_worker(answer: str) -> None:
    with MathsJudge() as fresh:
        assert fresh.equal("1", answer) is None
        assert not fresh._live


def test_ten_megabyte_reply_end_to_end(judge: MathsJudge) -> None:
    reply = "So x = 5. " * 1_000_000 + "The answer is $\\sqrt{8}$."
    answer = extract(reply, AnswerKind.NUMBER)
    assert outcome(answer, r"2\sqrt{2}", AnswerKind.NUMBER) is None
    assert judge.equal(r"2\sqrt{2}", answer.raw) is True


def test_many_threads_at_once(judge: MathsJudge) -> None:
    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(lambda i: judge.equal(f"x+{i}", f"{i % 3}+x"), range(12)))
    assert verdicts == [i == i % 3 for i in range(12)]


def problem(gold: str | None, kind: AnswerKind = AnswerKind.NUMBER) -> Problem:
    return Problem(Question("q", "?", kind), gold)


def test_judge_from_asyncio(judge: MathsJudge) -> None:
    async def ask() -> list[Outcome]:
        asked = [
            (r"\frac{2}{\sqrt{2}}", r"\sqrt{2}"),
            (r"\sqrt{3}", r"\sqrt{2}"),
            ("5", "5"),
            ("5 or 6", "5"),
            ("", "5"),
        ]
        answers = [
            Answer(raw, raw if raw.isdigit() else None, None, Source.DECLARED if raw else Source.NONE)
            for raw, _ in asked
        ]
        return list(
            await asyncio.gather(*(judge.judge(a, problem(gold)) for a, (_, gold) in zip(answers, asked, strict=True)))
        )

    assert asyncio.run(ask()) == [Outcome.RIGHT, Outcome.WRONG, Outcome.RIGHT, Outcome.UNPARSED, Outcome.UNPARSED]


def test_no_gold_is_an_error_with_a_next_step(judge: MathsJudge) -> None:
    with pytest.raises(GraderError):
        asyncio.run(judge.judge(Answer("x^2", None, None, Source.DECLARED), problem(None)))


def test_closing_leaves_no_process_behind() -> None:
    judge = MathsJudge()
    assert judge.equal("x", "x") is True
    (worker,) = judge._live
    pid = worker._process.pid
    judge.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(GraderError):
        judge.equal("x", "x")


def test_forgetting_a_judge_ends_its_worker() -> None:
    judge = MathsJudge()
    judge.equal("x", "x")
    (worker,) = judge._live
    pid = worker._process.pid
    del judge, worker
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_program_that_never_closes_its_judge_still_ends() -> None:
    code = (
        "from workings.graders.maths import MathsJudge\n"
        "j = MathsJudge()\nprint(j.equal('x', 'x'), next(iter(j._live))._process.pid)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    verdict, pid = done.stdout.split()
    assert verdict == "True" and done.stderr == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_a_worker_that_died_is_replaced(judge: MathsJudge) -> None:
    assert judge.equal("x", "x") is True
    (worker,) = judge._live
    worker._process.kill()
    worker._process.wait()
    assert judge.equal("x", "x") is True


def test_settings_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    for bad in ({"workers": 0}, {"timeout_s": 0}, {"memory_mb": 1}):
        with pytest.raises(BadSetting):
            MathsJudge(**bad)  # type: ignore[arg-type]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra):
        MathsJudge()


def test_plain_formulas_become_latex() -> None:
    assert to_latex("$√2/2$") == r"\sqrt{2}/2"
    assert to_latex(r"\sqrt{2}") == r"\sqrt{2}"
    assert to_latex("2*pi") == r"2*\pi "
