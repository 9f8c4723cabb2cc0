"""The ledger of one attempt."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.budget import Budget
from workings.core.completion import Usage
from workings.core.errors import BadSetting
from workings.run.meter import Meter


def test_without_limits_everything_fits():
    assert Meter(Budget()).room(7, 100) == (7, 100)


def test_whole_samples_are_offered_first_then_a_shorter_one():
    meter = Meter(Budget(tokens=25))
    assert meter.room(4, 10) == (2, 10)
    meter.charge(Usage(generated=20))
    assert meter.room(2, 10) == (1, 5)
    meter.charge(Usage(generated=5))
    assert meter.room(1, 10) == (0, 0)


def test_what_was_reserved_and_not_used_can_be_spent():
    meter = Meter(Budget(tokens=20))
    assert meter.room(5, 10) == (2, 10)
    meter.charge(Usage(generated=4))
    assert meter.room(4, 10) == (1, 10)


def test_prompt_and_verifier_tokens_do_not_count_and_probes_do():
    meter = Meter(Budget(tokens=20))
    meter.charge(Usage(prompt=500, cached=500, verifier=500))
    assert meter.room(2, 10) == (2, 10)
    meter.charge(Usage(probe=15))
    assert meter.room(2, 10) == (1, 5)


def test_a_budget_of_calls_counts_samples_and_not_what_verifiers_or_a_cache_say():
    meter = Meter(Budget(calls=3))
    meter.charge(Usage(calls=50, verifier=1))
    assert meter.room(5, 10) == (3, 10)
    meter.drawn += 3
    assert meter.room(5, 10) == (0, 10)


def test_seconds_end_at_their_limit():
    now = [0.0]
    meter = Meter(Budget(seconds=2.0), lambda: now[0])
    assert meter.room(3, 10) == (3, 10)
    now[0] = 1.999
    assert meter.room(3, 10) == (3, 10)
    now[0] = 2.0
    assert meter.room(3, 10) == (0, 0) and meter.seconds == 2.0


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(1, 20), st.lists(st.integers(1, 30), min_size=1, max_size=40))
def test_no_sequence_of_samples_exceeds_the_budget(tokens, wanted, lengths):
    meter = Meter(Budget(tokens=tokens))
    for length in lengths:
        fit, most = meter.room(wanted, length)
        assert 0 <= fit <= wanted and most <= length
        if fit == 0:
            assert meter.spent.generated == tokens
            break
        meter.charge(Usage(generated=fit * most))
    assert meter.spent.generated <= tokens


@pytest.mark.parametrize("name", ["tokens", "calls", "seconds"])
def test_a_budget_that_buys_nothing_is_refused(name):
    with pytest.raises(BadSetting, match=f"0 {name}"):
        Budget(**{name: 0})
