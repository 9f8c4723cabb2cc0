"""Agreement against published examples and its own laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workings.core.errors import BadSetting
from workings.stats.agreement import kappa
from workings.stats.association import correlation, slopes
from workings.stats.raters import alpha_interval, gwet_ac1, krippendorff_alpha

_N = None
RATERS = (
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _N, _N, _N],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _N, 3],
    [_N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _N],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _N],
)
"""Krippendorff 2011, section D: four observers, twelve units, some ratings missing."""


@pytest.mark.parametrize(("scale", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_the_published_example(scale, alpha):
    units = list(zip(*RATERS, strict=True))
    assert krippendorff_alpha(units, scale) == pytest.approx(alpha, abs=5e-4)
    told = alpha_interval(units, scale)
    assert told.low < alpha < told.high


def test_kappa_of_the_textbook_and_the_paradox_of_a_rare_category():
    one, other = "y" * 20 + "y" * 5 + "n" * 10 + "n" * 15, "y" * 20 + "n" * 5 + "y" * 10 + "n" * 15
    assert kappa(one, other) == pytest.approx(0.4)
    rare, also = "y" * 118 + "y" * 5 + "n" * 2, "y" * 118 + "n" * 5 + "y" * 2
    assert kappa(rare, also) < 0 and gwet_ac1(rare, also) > 0.9  # 94 % agree
    assert kappa("yyy", "yyy") is None and gwet_ac1("yyy", "yyy") == 1.0


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=30), st.randoms())
def test_agreement_is_symmetric_and_one_for_equals(one, rng):
    other = list(one)
    rng.shuffle(other)
    assert kappa(one, other) == kappa(other, one)
    assert gwet_ac1(one, one) == pytest.approx(1.0)
    assert kappa(one, one) in (None, pytest.approx(1.0))
    units = [["abc".index(a), "abc".index(b)] for a, b in zip(one, other, strict=True)]
    alpha = krippendorff_alpha(units)
    assert alpha is None or alpha <= 1.0


def test_what_cannot_be_paired_is_refused():
    with pytest.raises(BadSetting):
        gwet_ac1("ab", "a")
    with pytest.raises(BadSetting):
        krippendorff_alpha([[1, 2]], "ratio")
    assert krippendorff_alpha([[1], [2, None]]) is None and alpha_interval([[1, 2]]) is None


def test_correlation_and_slopes_of_known_lines():
    x = [float(i % 7) for i in range(60)]
    z = [float(i % 5) for i in range(60)]
    assert correlation(x, [2 * v + 1 for v in x])[0] == pytest.approx(1.0)
    assert correlation(x, [1.0] * 60) == (None, None) and correlation([1.0], [2.0]) == (None, None)
    first, second = slopes([x, z], [3 * a - 2 * b + 5 for a, b in zip(x, z, strict=True)])
    assert first[0] == pytest.approx(3) and second[0] == pytest.approx(-2)
    assert first[1] is None  # no spread to go by
    assert slopes([x, x], x) == ((None, None), (None, None))


def test_an_interval_of_a_correlation_respects_clusters():
    x, y = [float(i) for i in range(12)], [float((i * 5) % 12) for i in range(12)]
    alone = correlation(x, y)
    copied = correlation(x * 8, y * 8, [i for _ in range(8) for i in range(12)])
    naive = correlation(x * 8, y * 8)
    assert alone[0] == pytest.approx(copied[0])
    assert copied[1].high - copied[1].low > 1.8 * (naive[1].high - naive[1].low)
