"""Equations that a step states."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.ask import Grade
from workings.core.problem import Question
from workings.graders.arithmetic import ArithmeticGrader, check_equations
from workings.testing import check_grader


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("2 + 3 = 5", (True,)),
        ("2+3=6", (False,)),
        ("2 + 3 * 4 = 14", (True,)),
        ("2 + 3 * 4 = 20", (False,)),
        ("10 - 4 - 3 = 3", (True,)),
        ("100 - 2 × 10 = 80, so 80 / 4 = 20", (True, True)),
        ("4 × 6 = 24, then 24 + 5 = 30", (True, False)),
        ("7 ÷ 2 = 3.5", (True,)),
        ("10 / 3 = 3.33", (True,)),
        ("10 / 3 = 3.34", (False,)),
        ("1 / 0 = 0", (False,)),
        ("1 / 0 = 1", (False,)),
        ("1,250 + 750 = 2,000", (True,)),
        ("3 + 4 = $7", (True,)),
        ("-3 + 5 = 2", (True,)),
        ("3 - 5 = -2", (True,)),
        ("3 − 5 = −2", (True,)),
        ("0.1 + 0.2 = 0.3", (True,)),
        ("(3 + 4) * 2 + 1 = 15", ()),
        ("2 * (3 + 4) + 1 = 15", ()),
        ("x - 4 + 2 = 8", ()),
        ("2^3 + 1 = 9", ()),
        ("3 + 4 = 7 * y", ()),
        ("4 + 1 = 5! / 24", ()),
        ("y2 + 3 = 8", ()),
        ("v3.5.2 + 1 = 9", ()),
        ("- 3 + 4 = 8", (False,)),
        ("(so) 12) 4*6=25, mod 8: 1", (False,)),
        ("12) 4*6=24, mod 8: 0", (True,)),
        ("3 + 5 = 8 (as said)", (True,)),
        ("cost: $3 + 5 = 9", (False,)),
        ("一共烤了6×15=90个面包。", (True,)),
        ("no sums here", ()),
        ("x + 3 = 5", ()),
        ("", ()),
    ],
)
def test_known_equations(text, holds):
    assert check_equations(text) == holds


@settings(deadline=None)
@given(st.lists(st.integers(0, 9999), min_size=2, max_size=8), st.data())
def test_sums_and_products_are_those_of_fractions(numbers, data):
    ops = data.draw(st.lists(st.sampled_from("+-*"), min_size=len(numbers) - 1, max_size=len(numbers) - 1))
    terms = str(numbers[0]) + "".join(f" {op} {n}" for op, n in zip(ops, numbers[1:], strict=True))
    total, product, sign = Fraction(0), Fraction(numbers[0]), 1
    for op, number in zip(ops, numbers[1:], strict=True):
        if op == "*":
            product *= number
        else:
            total, product, sign = total + sign * product, Fraction(number), 1 if op == "+" else -1
    value = total + sign * product
    if abs(value) < 10**15:
        assert check_equations(f"{terms} = {value}") == (True,)
        assert check_equations(f"{terms} = {value + 1}") == (False,)


@settings(deadline=None)
@given(st.text(alphabet="0123456789+-*/=×÷ .,$()ab\n", max_size=300))
def test_any_text_is_read(text):
    assert set(check_equations(text)) <= {True, False}


def test_long_text_is_bounded():
    assert check_equations("1" * 100_000 + "=1") == check_equations("1" * 2000 + "=1")
    assert len(check_equations("1+1=2 " * 100_000)) <= 400


def test_scores_a_step():
    chains = (("2 + 2 = 4", "so it goes", "2 + 2 = 5"), ("1 + 1 = 2, 3 + 3 = 7",))
    grades = asyncio.run(ArithmeticGrader().grade(Grade(Question("q", "?"), chains, "arithmetic")))
    assert grades.scores == ((1.0, 1.0, 0.0), (0.0,)) and grades.kind == "probability"
    assert grades.usage.total == 0


def test_it_keeps_the_contract():
    check_grader(ArithmeticGrader(), a_score_a_step=True)
