"""Words of questions: matched whole and in any form, never as parts of others."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workings.audit.words import lemma, masked, mentions, places_of, word_spans, words_in


@pytest.mark.parametrize(
    ("text", "word", "there"),
    [
        ("This is part of it.", "art", False),  # published error: mention by substring (CC-SHAP)
        ("She has 13 apples.", "3", False),
        ("She has 3 apples.", "3", True),
        ("It costs 12,000 dollars.", "12000", True),
        ("Anna flipped the coin.", "flips", True),
        ("The red-hot iron.", "red", False),
        ("A big red box.", "red box", True),
        ("A red and big box.", "red box", False),
        ("那个红色的盒子", "红色", True),
        ("Quickly!", "quick", True),
        ("", "red", False),
        ("anything", "", False),
    ],
)
def test_mentions_are_whole_words_in_any_form(text, word, there):
    assert mentions(text, word) is there


def test_places_follow_the_order_named_and_say_what_is_not_there():
    assert places_of("Is the red box full of red sand?", ["sand", "red", "blue"]) == ([7, 2, 6], ["blue"])


@given(st.text())
def test_words_do_not_overlap_and_masking_none_changes_nothing(text):
    spans = word_spans(text)
    assert all(a < b for a, b in spans) and all(x[1] <= y[0] for x, y in pairwise(spans))
    assert masked(text, (), "___") == text
    assert [text[a:b] for a, b in spans] == list(words_in(text))


@given(st.text(alphabet="abcde fg.,"))
def test_masking_all_words_leaves_none(text):
    assert words_in(masked(text, range(len(word_spans(text))), "")) == ()


@given(st.text(alphabet="abcdefghilnsy", min_size=1))
def test_lemmas_keep_three_letters(word):
    assert len(lemma(word)) >= min(3, len(word)) and lemma(word.upper()) == lemma(word)
