from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.errors import BadSetting
from workings.stats.policy import assign, edges_of, group_of, halves

grid = st.lists(st.lists(st.integers(0, 8), min_size=3, max_size=3), min_size=1, max_size=3)


@given(grid, grid, st.integers(0, 8))
@settings(max_examples=80, deadline=None)
def test_no_assignment_beats_the_one_chosen(values, costs, wanted):
    groups = min(len(values), len(costs))
    gains, prices = np.array(values[:groups]) / 8, np.array(costs[:groups], dtype=float)
    shares = np.full(groups, 1 / groups)
    every = list(product(range(3), repeat=groups))

    def of(table, path):
        return sum(table[g, o] / groups for g, o in enumerate(path))

    target = wanted / 8
    path = assign(gains, prices, shares, target=target)
    reaching = [of(prices, p) for p in every if of(gains, p) >= target - 1e-9]
    if reaching:
        assert of(gains, path) >= target - 1e-9 and of(prices, path) == pytest.approx(min(reaching))
    else:
        assert of(gains, path) == pytest.approx(max(of(gains, p) for p in every))
    path = assign(gains, prices, shares, budget=float(wanted) or 0.5)
    inside = [of(gains, p) for p in every if of(prices, p) <= (wanted or 0.5) + 1e-9]
    best = max(inside) if inside else of(gains, path)
    assert of(gains, path) == pytest.approx(best)


def test_halves_share_no_cluster_and_edges_keep_equal_signals_together():
    keys = [at // 3 for at in range(31)]
    side = halves(keys)
    assert all(len({side[i] for i in range(31) if keys[i] == key}) == 1 for key in set(keys))
    assert edges_of([1.0] * 8 + [0.5] * 2, 3) == (0.5,)
    assert edges_of([1.0] * 5, 3) == ()
    assert group_of([0.25, 0.5, 0.75], (0.5,)).tolist() == [0, 0, 1]
    with pytest.raises(BadSetting, match="1 cluster"):
        halves(["one"] * 5)
