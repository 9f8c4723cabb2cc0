from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, norm

from workings.core.errors import BadSetting
from workings.stats.paired import mcnemar
from workings.stats.power import (
    expected_discordance,
    mcnemar_mde,
    mcnemar_power,
    minimum_detectable_difference,
    problems_needed,
)


def summed_power(n, gap, discordance, alpha):
    total, share = 0.0, (discordance + gap) / (2 * discordance)
    for discordant in range(n + 1):
        for better in range(discordant + 1):
            if mcnemar(better, discordant - better) <= alpha:
                total += binom.pmf(discordant, n, discordance) * binom.pmf(better, discordant, share)
    return total


@pytest.mark.parametrize("n, gap, discordance", [(30, 0.2, 0.3), (12, 0.5, 0.5), (25, 0.0, 0.4), (5, 0.5, 0.5)])
def test_power_is_the_double_sum(n, gap, discordance):
    for alpha in (0.05, 0.2):
        assert mcnemar_power(n, gap, discordance, alpha) == pytest.approx(summed_power(n, gap, discordance, alpha))


def test_power_agrees_with_simulation():
    generator = np.random.default_rng(0)
    draws = generator.multinomial(200, [0.2, 0.08, 0.72], size=4000)
    share = np.mean([mcnemar(int(b), int(c)) <= 0.05 for b, c, _ in draws])
    assert mcnemar_power(200, 0.12, 0.28) == pytest.approx(share, abs=0.025)


def test_the_level_is_kept():
    for n in (6, 20, 100, 1000):
        assert mcnemar_power(n, 0.0, 0.3) <= 0.05 + 1e-9


def test_the_detectable_difference_has_the_power_asked_for():
    gap = mcnemar_mde(300, 0.25)
    assert mcnemar_power(300, gap, 0.25) == pytest.approx(0.8, abs=1e-6)
    assert mcnemar_mde(3, 0.5) is None


def test_approximation_solves_its_equation_and_nears_the_exact_one():
    gap = minimum_detectable_difference(1000, discordance=0.25)
    z = norm.ppf(0.975) * math.sqrt(0.25) + norm.ppf(0.8) * math.sqrt(0.25 - gap**2)
    assert gap == pytest.approx(z / math.sqrt(1000), abs=1e-9)
    assert gap == pytest.approx(mcnemar_mde(1000, 0.25), rel=0.06)
    assert problems_needed(gap, 0.25) in (1000, 1001)
    assert minimum_detectable_difference(4, discordance=0.2) is None


def test_clusters_and_correlation():
    alone = minimum_detectable_difference(100)
    assert minimum_detectable_difference(400, clusters=100) == pytest.approx(alone)
    assert minimum_detectable_difference(400, clusters=100, within=0.0) == pytest.approx(
        minimum_detectable_difference(400)
    )
    assert expected_discordance(0.5) == 0.5
    assert expected_discordance(0.5, correlation=0.5) == 0.25
    with pytest.raises(BadSetting):
        minimum_detectable_difference(10, clusters=20)
    with pytest.raises(BadSetting):
        mcnemar_power(10, 0.5, 0.2)
