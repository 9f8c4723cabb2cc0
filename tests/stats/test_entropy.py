"""Entropies over answers and spreads of similarity: closed forms, and what published code gets wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workings.core.errors import BadSetting
from workings.stats.entropy import (
    answer_shares,
    degree_spread,
    eccentricity,
    eigenvalue_sum,
    entropy,
    jaccard,
    jaccard_matrix,
    likelihood_shares,
    same_answer_matrix,
)

NAMES = st.lists(st.sampled_from("abcd"), min_size=1, max_size=12)


def test_entropy_is_over_clusters_and_not_over_samples():
    names = ["a", "a", "a", "b"]
    assert entropy(list(answer_shares(names).values())) == pytest.approx(0.5623, abs=1e-4)
    by_sample = -sum(p * math.log(p) for p in (answer_shares(names)[name] for name in names))
    assert by_sample == pytest.approx(0.994, abs=1e-3)


@given(NAMES)
def test_shares_sum_to_one_and_entropy_lies_between_none_and_uniform(names):
    shares = answer_shares(names)
    assert math.fsum(shares.values()) == pytest.approx(1)
    assert 0 <= entropy(list(shares.values())) <= math.log(len(shares)) + 1e-9


@given(NAMES, st.data())
def test_probabilities_of_answers_sum_to_one_and_repeats_change_nothing(names, data):
    texts = [f"{name}{n % 2}" for n, name in enumerate(names)]
    values = {text: data.draw(st.floats(-50, 0), label=text) for text in set(texts)}
    logprobs = [values[text] for text in texts]
    once = likelihood_shares(names, texts, logprobs)
    assert math.fsum(once.values()) == pytest.approx(1)
    twice = likelihood_shares(names * 2, texts * 2, logprobs * 2)
    assert twice == pytest.approx(once)


def test_probabilities_too_small_for_a_float_are_still_shares():
    shares = likelihood_shares(["a", "b"], ["x", "y"], [-5000.0, -5000.0 - math.log(3)])
    assert shares == pytest.approx({"a": 0.75, "b": 0.25})


def test_what_is_no_distribution_is_refused():
    with pytest.raises(BadSetting, match="sum to 1"):
        entropy([0.9, 0.9])
    with pytest.raises(BadSetting, match="NaN"):
        likelihood_shares(["a"], ["x"], [math.nan])
    with pytest.raises(BadSetting, match="above 0"):
        likelihood_shares(["a"], ["x"], [-math.inf])


@given(NAMES)
def test_eigenvalues_count_the_answers_and_degree_their_disagreement(names):
    table = same_answer_matrix(names)
    assert eigenvalue_sum(table) == pytest.approx(len(set(names)))
    agree = sum(a == b for a in names for b in names) / len(names) ** 2
    assert degree_spread(table) == pytest.approx(1 - agree)


def test_eccentricity_of_one_answer_is_none_and_of_two_is_one():
    assert eccentricity(same_answer_matrix("aaaa")) == pytest.approx(0)
    assert eccentricity(same_answer_matrix("aabb")) == pytest.approx(1)


@given(st.lists(st.text("ab c", max_size=8), min_size=1, max_size=6))
def test_word_overlap_of_a_table_is_that_of_each_pair(texts):
    table = jaccard_matrix(texts)
    assert table == pytest.approx(np.array([[jaccard(a, b) for b in texts] for a in texts]))
    assert np.diag(table) == pytest.approx(np.ones(len(texts)))


@pytest.mark.parametrize("table", [[[1.0, 2.0], [2.0, 1.0]], [[0.5]], [[1.0, 0.0]]])
def test_what_is_no_similarity_is_refused(table):
    with pytest.raises(BadSetting):
        eigenvalue_sum(table)
