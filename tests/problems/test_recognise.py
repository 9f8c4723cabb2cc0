"""Free questions are put into the family they are of, or into none."""

from __future__ import annotations

import pytest

from workings.problems.procedural import families, generate
from workings.problems.recognise import recognise


@pytest.mark.parametrize("name", sorted(families()))
def test_questions_of_a_family_are_recognised(name: str) -> None:
    drawn = [problem.question.text for problem in generate(families()[name], "test", 40, 5)]
    assert sum((recognise(text) or "").startswith(name.removesuffix("-new")) for text in drawn) >= 38


@pytest.mark.parametrize(
    "text", ["What is the capital of France?", "How many legs do 7 cats have?", "12 + 7", "", "谁写了这本书？"]
)
def test_other_questions_are_of_none(text: str) -> None:
    assert recognise(text) is None
