"""Canonical forms, equivalence and outcomes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.answer import NO_ANSWER, Answer, Outcome, Source
from workings.core.problem import AnswerKind
from workings.verify.equivalence import canonical, equivalent
from workings.verify.extract import extract
from workings.verify.outcome import outcome
from workings.verify.text import tidy

NUMBER, CHOICE, YES_NO, TEXT, GRID = (
    AnswerKind.NUMBER,
    AnswerKind.CHOICE,
    AnswerKind.YES_NO,
    AnswerKind.TEXT,
    AnswerKind.GRID,
)
OPTIONS = ("a dog", "12 km", "a cat", "21")
quick = settings(max_examples=100, deadline=None)
ALPHABET = "0123456789.,-+/% \n\\{}()[]$*_=abcnyesotruABCxthdl'\"^一二十百万是否不对½１－，"
raws = st.text(ALPHABET, max_size=40) | st.text(max_size=25)


@pytest.mark.parametrize(
    ("raw", "kind", "want"),
    [
        ("$1,234.00", NUMBER, "1234"),
        ("x = 5", NUMBER, "5"),
        ("12 apples", NUMBER, "12"),
        ("5 or 6", NUMBER, None),
        (r"\frac{7}{3}", NUMBER, "7/3"),
        ("7/3", NUMBER, "7/3"),
        ("14/6", NUMBER, "7/3"),
        ("0.25", NUMBER, "0.25"),
        ("1/4", NUMBER, "0.25"),
        ("3.50", NUMBER, "3.5"),
        ("-0", NUMBER, "0"),
        ("15%", NUMBER, "15"),
        ("１２．５", NUMBER, "12.5"),
        ("十二", NUMBER, "12"),
        ("一百零五元", NUMBER, "105"),
        ("一万二千", NUMBER, "12000"),
        ("两百三十", NUMBER, "230"),
        (r"\sqrt{2}", NUMBER, None),
        ("x^2+1", NUMBER, None),
        ("> 5", NUMBER, None),
        ("5+3", NUMBER, None),
        ("", NUMBER, None),
        ("1/0", NUMBER, None),
        ("- 5", NUMBER, "-5"),
        ("(B)", CHOICE, "B"),
        ("b)", CHOICE, "B"),
        ("12 km", CHOICE, "B"),
        ("the cat", CHOICE, "C"),
        ("E", CHOICE, None),
        ("A and B", CHOICE, None),
        ("是", YES_NO, "yes"),
        ("Not plausible", YES_NO, "no"),
        ("TRUE", YES_NO, "yes"),
        ("knowing", YES_NO, None),
        ("N-A-E", TEXT, "nae"),
        ("n, a, e", TEXT, "nae"),
        ("The Eiffel  Tower.", TEXT, "eiffel tower"),
        ("well-known", TEXT, "well known"),
        ("「北京」", TEXT, "北京"),
        ("2021-05-12", TEXT, "2021-05-12"),
        ("-5", TEXT, "-5"),
        ("1 2\n3 4", GRID, "[[1,2],[3,4]]"),
        ("[[1, 2],\n [3, 4]]", GRID, "[[1,2],[3,4]]"),
    ],
)
def test_canonical_forms(raw: str, kind: AnswerKind, want: str | None) -> None:
    assert canonical(raw, kind, OPTIONS if kind is CHOICE else ()) == want


@quick
@given(raws, st.sampled_from(list(AnswerKind)))
def test_canonical_is_idempotent(raw: str, kind: AnswerKind) -> None:
    choices = OPTIONS if kind is CHOICE else ()
    once = canonical(raw, kind, choices)
    if once is not None:
        assert canonical(once, kind, choices) == once


@quick
@given(raws, raws, st.sampled_from(list(AnswerKind)))
def test_equivalence_is_reflexive_and_symmetric(a: str, b: str, kind: AnswerKind) -> None:
    choices = OPTIONS if kind is CHOICE else ()
    assert equivalent(a, a, kind, choices) in (True, None)
    if canonical(a, kind, choices) is not None:
        assert equivalent(a, a, kind, choices) is True
    assert equivalent(a, b, kind, choices) == equivalent(b, a, kind, choices)


@pytest.mark.parametrize(
    ("a", "b", "kind", "want"),
    [
        ("15%", "15", NUMBER, True),
        ("15%", "0.15", NUMBER, True),
        ("50%", "1/2", NUMBER, True),
        ("15%", "0.015", NUMBER, False),
        ("15%", "0.15%", NUMBER, False),
        ("15", "0.15", NUMBER, False),
        ("$18.00", "18 dollars", NUMBER, True),
        ("0.33", "1/3", NUMBER, False),
        ("3", "13", NUMBER, False),
        (r"\sqrt{2}/2", "1/2", NUMBER, None),
        (r"\sqrt{2} / 2", r"\sqrt{2}/2", NUMBER, True),
        ("12 km", "B", CHOICE, True),
        ("是", "yes", YES_NO, True),
        ("对", "否", YES_NO, False),
        ("n-a-e", "nae", TEXT, True),
        ("The Beatles", "beatles!", TEXT, True),
        ("1", "21", TEXT, False),
        ("12.0", "12", TEXT, True),
        ("May 12, 2021", "2021-05-12", TEXT, True),
        ("12 May 2021", "2021年5月12日", TEXT, True),
        ("05/06/2021", "2021-05-06", TEXT, False),
        ("", "x", TEXT, None),
        ("[[1]]", "[[1]]", GRID, True),
        ("[[1,2]]", "[[2,1]]", GRID, False),
    ],
)
def test_equivalence(a: str, b: str, kind: AnswerKind, want: bool | None) -> None:
    assert equivalent(a, b, kind, OPTIONS if kind is CHOICE else ()) is want


def answered(raw: str, kind: AnswerKind = NUMBER, choices: tuple[str, ...] = ()) -> Answer:
    return Answer(raw, canonical(raw, kind, choices), (0, len(raw)), Source.DECLARED)


@pytest.mark.parametrize(
    ("raw", "gold", "kind", "want"),
    [
        ("18", "18", NUMBER, Outcome.RIGHT),
        ("$18.00", "18", NUMBER, Outcome.RIGHT),
        ("15%", "0.15", NUMBER, Outcome.RIGHT),
        ("1", "21", NUMBER, Outcome.WRONG),
        ("5 or 6", "5", NUMBER, Outcome.UNPARSED),
        ("cannot be determined", "5", NUMBER, Outcome.UNPARSED),
        (r"\sqrt{2}/2", "1/2", NUMBER, None),
        (r"\sqrt{2}/2", r"\sqrt{2}/2", NUMBER, Outcome.RIGHT),
        ("0.5", r"\sqrt{2}/2", NUMBER, None),
        ("x^2+1", "1+x^2", TEXT, None),
        ("(B)", "B", CHOICE, Outcome.RIGHT),
        ("(A)", "B", CHOICE, Outcome.WRONG),
        ("A or B", "B", CHOICE, Outcome.UNPARSED),
        ("no", "是", YES_NO, Outcome.WRONG),
        ("N-K", "nk", TEXT, Outcome.RIGHT),
        ("[[1,2],[3]]", "[[1,2],[3,4]]", GRID, Outcome.UNPARSED),
    ],
)
def test_outcomes(raw: str, gold: str, kind: AnswerKind, want: Outcome | None) -> None:
    choices = OPTIONS if kind is CHOICE else ()
    assert outcome(answered(raw, kind, choices), gold, kind, choices) is want


def test_no_answer_is_unparsed_and_no_gold_is_nobodys() -> None:
    assert outcome(NO_ANSWER, "5", NUMBER) is Outcome.UNPARSED
    assert outcome(answered("5"), None, NUMBER) is None


@quick
@given(raws, raws, st.sampled_from(list(AnswerKind)))
def test_outcome_is_never_an_error_and_right_only_when_not_refuted(raw: str, gold: str, kind: AnswerKind) -> None:
    choices = OPTIONS if kind is CHOICE else ()
    said = extract(raw, kind, choices)
    result: Any = outcome(said, gold, kind, choices)
    assert result in (Outcome.RIGHT, Outcome.WRONG, Outcome.UNPARSED, None)
    if said.given and said.canonical == canonical(gold, kind, choices):
        assert result is Outcome.RIGHT


def test_far_too_long_a_phrase_is_not_an_answer() -> None:
    assert tidy("x" * 5000) is None
