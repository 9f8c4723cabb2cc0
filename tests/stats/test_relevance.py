"""Relevance-weighted log-probabilities: positions, not strings; logs, not probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workings.core.errors import BadSetting
from workings.stats.entropy import jaccard
from workings.stats.relevance import relevances, sentence_sar, token_sar


def test_a_piece_is_taken_out_at_its_place_and_not_wherever_its_text_stands():
    seen = []

    def similarity(one, other):
        seen.append(other)
        return 1.0

    relevances(["3", "+", "3"], similarity)
    assert seen == ["+3", "33", "3+"]


def test_words_that_are_said_twice_are_not_missed_once():
    pieces = ["so", " it", " is", " is", " 7"]
    assert relevances(pieces, jaccard) == pytest.approx((0.25, 0.25, 0.0, 0.0, 0.25))


def test_token_sar_is_a_weighted_mean_and_a_mean_where_nothing_is_relevant():
    assert token_sar([-1.0, -3.0], [1.0, 3.0]) == pytest.approx(2.5)
    assert token_sar([-1.0, -3.0], [0.0, 0.0]) == pytest.approx(2.0)
    assert token_sar([-math.inf, -3.0], [0.0, 1.0]) == pytest.approx(3.0)


def test_lists_of_different_lengths_are_an_error_and_no_certainty():
    with pytest.raises(BadSetting, match="relevances for 2 pieces"):
        token_sar([-1.0, -3.0], [1.0])


def test_sentence_sar_is_the_formula_of_the_paper():
    p, g, t = np.array([0.2, 0.1]), np.array([[1.0, 0.5], [0.5, 1.0]]), 0.001
    wanted = -np.mean(np.log(p + (g - np.eye(2)) @ p / t))
    assert sentence_sar(np.log(p), g, t) == pytest.approx(wanted)
    alone = sentence_sar(np.log(p), np.eye(2), t)
    assert alone == pytest.approx(-np.log(p).mean())


def test_chains_too_unlikely_for_a_float_keep_their_order():
    same = np.ones((2, 2))
    assert sentence_sar([-2000.0, -2000.0], same) < sentence_sar([-3000.0, -3000.0], same) < math.inf
