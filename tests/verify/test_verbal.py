"""Confidence in words: what it says is read, and what it does not say is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workings.verify.verbal import PHRASES, read_confidence, read_guesses, read_phrase, read_step_confidences


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("80 %", 0.8),
        ("80%", 0.8),
        ("80 percent", 0.8),
        ("80", 0.8),
        ("0.8", 0.8),
        ("8/10", 0.8),
        ("8 out of 10", 0.8),
        ("I am 90% sure that 3 + 4 is 7.", 0.9),
        ("百分之80", 0.8),
        ("８０％", 0.8),
        ("100%", 1.0),
        ("0%", 0.0),
        ("Confidence: .95", 0.95),
    ],
)
def test_stated_confidences_are_shares(text, value):
    assert read_confidence(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "sure", "-79", "120%", "80% or 90%", "1,000", "12/0", "3.4.5", "nan"])
def test_what_is_not_stated_is_missing(text):
    assert read_confidence(text) is None


@given(st.text(max_size=200))
def test_no_text_gives_a_confidence_out_of_range(text):
    value = read_confidence(text)
    assert value is None or 0 <= value <= 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_phrase_reads_as_itself(language):
    for phrase, value in PHRASES[language].items():
        assert read_phrase(f"{phrase}.", language) == value


@pytest.mark.parametrize("text", ["", "not likely", "likely, or unlikely", "likelyhood"])
def test_phrases_that_do_not_say_one_thing_are_missing(text):
    assert read_phrase(text) is None


def test_guesses_and_steps():
    assert read_guesses("G1: 12, P1: 80%\nG2: 13; P2: 0.1\nG3: x P3: ?\n") == (("12", 0.8), ("13", 0.1))
    assert read_step_confidences("Step 1: 90%\nstep 2: 80 %", 2) == (0.9, 0.8)
    assert read_step_confidences("Step 1: 90%", 2) is None
    assert read_step_confidences("Step 1: 90%\nStep 1: 80%\nStep 2: 70%", 2) is None
