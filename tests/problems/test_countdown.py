"""Countdown: the search, the judgment of expressions, and hostile ones."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.problem import Problem
from workings.core.wire import pack, unpack
from workings.problems.checkers import CHECKERS
from workings.problems.countdown import COUNTDOWN, check_countdown, judge_countdown, solve_countdown
from workings.problems.procedural import check_steps, generate


def draw(count: int, *, longer: bool = False, seed: int = 0) -> list[Problem]:
    return list(generate(COUNTDOWN, "train", count, seed, COUNTDOWN.out_of_length if longer else None))


def both(count: int) -> list[Problem]:
    return draw(count) + draw(count, longer=True)


def brute_value(expression: str) -> Fraction:
    """Recursive descent, unlike the stack parser under test."""
    tokens = re.findall(r"\d+|[-+*/()]", expression)

    def atom() -> Fraction:
        token = tokens.pop(0)
        if token == "(":
            inside = total()
            assert tokens.pop(0) == ")"
            return inside
        return Fraction(int(token))

    def product() -> Fraction:
        value = atom()
        while tokens and tokens[0] in "*/":
            value = value * atom() if tokens.pop(0) == "*" else value / atom()
        return value

    def total() -> Fraction:
        value = product()
        while tokens and tokens[0] in "+-":
            value = value + product() if tokens.pop(0) == "+" else value - product()
        return value

    value = total()
    assert not tokens
    return value


def test_gold_uses_every_number_once_and_makes_the_target() -> None:
    for problem in both(120):
        assert problem.gold is not None and brute_value(problem.gold) == problem.meta["target"]
        assert sorted(map(int, re.findall(r"\d+", problem.gold))) == list(problem.meta["numbers"])
        asked = list(map(int, re.findall(r"\d+", problem.question.text)))
        assert asked == [*problem.meta["numbers"], problem.meta["target"]]


def test_every_number_is_needed_in_countdown() -> None:
    for problem in both(60):
        numbers, target = problem.meta["numbers"], problem.meta["target"]
        assert len(problem.steps) == len(numbers) - 1
        for fewer in itertools.combinations(numbers, len(numbers) - 1):
            assert solve_countdown(fewer, target) is None or len(fewer) < 2


def test_countdown_search_agrees_with_trying_every_expression() -> None:
    """Three numbers, both bracketings, all orders and signs, whole positive values on the way."""

    def every(a: int, b: int) -> set[int]:
        found = {a + b, a * b}
        found |= {a - b} if a > b else set()
        found |= {a // b} if a % b == 0 else set()
        return found

    for numbers in [(2, 3, 7), (1, 1, 5), (4, 6, 6), (5, 11, 13)]:
        reach = set(itertools.chain.from_iterable(every(a, b) for a, b in itertools.permutations(numbers, 2)))
        for a, b, c in itertools.permutations(numbers):
            for x in every(a, b):
                reach |= every(x, c) | every(c, x)
        for target in range(10, 100):
            assert (solve_countdown(numbers, target) is not None) == (target in reach), (numbers, target)


@pytest.mark.parametrize(
    "expression",
    [
        "3*8+7",
        "8*3 + 7",
        "7+3*8",
        "(3*8)+7",
        "((3)*(8)+7)",
        "3×8+7",
        "[3*8]+7",
        "3*8+7=31",
        "3 * 8 + 7 = 31.",
        "7−3*8×(0−1)",
    ],
)
def test_right_expressions(expression: str) -> None:
    numbers = (3, 7, 8) if "0" not in expression else (0, 1, 3, 7, 8)
    assert check_countdown(expression, numbers, 31)


@pytest.mark.parametrize(
    ("expression", "numbers", "target"),
    [
        ("31", (3, 7, 8), 31),
        ("3*8+7", (3, 7, 8), 32),
        ("3*8+7=32", (3, 7, 8), 31),
        ("3+3", (3, 7, 8), 6),
        ("7*3+7+3", (3, 7, 8), 31),
        ("3*8+7+", (3, 7, 8), 31),
        ("*3*8+7", (3, 7, 8), 31),
        ("3 8 7", (3, 7, 8), 387),
        ("38-7", (3, 7, 8), 31),
        ("3(8)+7", (3, 7, 8), 31),
        ("(3*8+7", (3, 7, 8), 31),
        ("3*8+7)", (3, 7, 8), 31),
        ("()", (3, 7, 8), 31),
        ("", (3, 7, 8), 31),
        ("   ", (3, 7, 8), 31),
        ("8/(3-3)", (3, 3, 8), 31),
        ("-3", (3,), -3),
        ("2**3", (2, 3), 8),
        ("7//2", (7, 2), 3),
        ("8 and 3", (8, 3), 11),
        ("__import__('os')", (3, 7, 8), 31),
        ("3.0*8+7", (3, 7, 8), 31),
        ("3e1+1", (3, 1), 31),
        ("３*8+7", (3, 7, 8), 31),
        ("²+7", (2, 7), 9),
        ("0x1f", (31,), 31),
        ("3*8+7=31=31", (3, 7, 8), 31),
        ("9" * 100_000, (9,), 9),
        ("(" * 100_000 + "3" + ")" * 100_000, (3,), 3),
        ("(" * 30 + "3" + ")" * 30, (3,), 3),
        ("+".join(["3"] * 100_000), (3, 7, 8), 31),
        ("3*8+7\n\n" + " " * 1_000_000, (3, 7, 8), 31),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_wrong_or_hostile_expressions(expression: str, numbers: tuple[int, ...], target: int) -> None:
    assert check_countdown(expression, numbers, target) is False


@given(st.text(max_size=300) | st.text(alphabet="0123456789+-*/() =", max_size=220))
@settings(max_examples=300, deadline=None)
def test_countdown_reads_anything_without_falling_over(text: str) -> None:
    assert check_countdown(text, (3, 7, 8), 31) in (True, False)


@st.composite
def expressions(drawing: st.DrawFn, depth: int = 3) -> str:
    if depth == 0 or drawing(st.booleans()):
        return str(drawing(st.integers(0, 20)))
    left, right = drawing(expressions(depth - 1)), drawing(expressions(depth - 1))
    bare = f"{left}{drawing(st.sampled_from('+-*/'))}{right}"
    return f"({bare})" if drawing(st.booleans()) else bare


@given(expressions())
@settings(max_examples=120, deadline=None)
def test_countdown_values_agree_with_a_second_parser(expression: str) -> None:
    numbers = list(map(int, re.findall(r"\d+", expression)))
    try:
        value = brute_value(expression)
    except ZeroDivisionError:
        assert not any(check_countdown(expression, numbers, target) for target in range(5))
        return
    assert check_countdown(expression, numbers, int(value)) is (value.denominator == 1)
    assert not check_countdown(expression, numbers, int(value) + 1)


@pytest.mark.parametrize(
    "expression",
    [
        "$3 \\times 8 + 7$",
        "\\(3 \\cdot 8 + 7\\)",
        "\\[3*8+7=31\\]",
        "$$\\left(3 \\times 8\\right) + 7 = 31$$",
        "\\frac{24}{1} + 7",
        "\\frac{\\dfrac{24}{1}}{1} + 7",
        "24 \\div 1 + 7",
    ],
)
def test_latex_is_read(expression: str) -> None:
    assert judge_countdown(expression, {"numbers": (1, 1, 3, 7, 8, 24), "target": 31}) is True


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("3*8+7", True),
        ("3*8-7", False),
        ("8/(3-3)", False),
        ("31", False),
        ("3*8+7=32", False),
        ("", None),
        ("cannot be done", None),
        ("3*8+", None),
        ("\\sqrt{9}*8+7", None),
        ("\\frac{" * 30 + "3", None),
        ("(" * 100_000, None),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_cannot_be_read_is_not_wrong(expression: str, told: bool | None) -> None:
    assert judge_countdown(expression, {"numbers": (3, 3, 7, 8), "target": 31}) is told


def test_dividing_by_nothing_is_a_wrong_step() -> None:
    problem = replace(draw(1)[0], meta={"numbers": (3, 0, 8), "target": 11, "checker": "countdown"})
    assert check_steps(problem, ("3/0=0",)) == (False,)


def test_the_checker_that_a_problem_names_accepts_its_gold_and_other_solutions() -> None:
    for problem in both(60):
        judge = CHECKERS[problem.meta["checker"]]
        assert problem.gold is not None and judge(problem.gold, problem.meta)
        assert judge(f"({problem.gold}) = {problem.meta['target']}", problem.meta)
        assert not judge(f"{problem.gold}+1-1", problem.meta)
        assert judge(problem.gold, unpack(Problem, pack(problem)).meta)


def test_countdown_check_says_when_the_target_is_out_of_reach() -> None:
    problem = replace(draw(1)[0], meta={"numbers": (3, 7, 8), "target": 31, "checker": "countdown"})
    assert check_steps(problem, ("3*8=24", "24+7=31")) == (True, True)
    assert check_steps(problem, ("3+8=11", "11*7=77")) == (False, False)
    assert check_steps(problem, ("3*8=25", "25+7=32")) == (False, False)
    assert check_steps(problem, ("3*9=27", "27+4=31")) == (False, None)
    assert check_steps(problem, ("let us think", "3*8=24")) == (None, True)


def test_used_numbers_are_gone() -> None:
    """A published checker compared numbers with text, removed none, and let a path use one twice."""
    problem = replace(draw(1)[0], meta={"numbers": (3, 7, 8), "target": 31, "checker": "countdown"})
    assert check_steps(problem, ("3*8=24", "3*8=24"))[1] is False
    assert not check_countdown("3*8+8-3/3", (3, 7, 8), 31)
