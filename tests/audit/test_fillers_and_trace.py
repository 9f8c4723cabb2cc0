"""Fillers in a chain's place, and areas under a pass rate, on models whose answer at every cut is known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from chains import case_of, measured, named, told

from workings.audit.filler import Filler
from workings.audit.trace_area import TraceArea
from workings.core.ask import Score
from workings.core.errors import BadSetting


def fillers(model, audit=None, **given):
    audit = audit or Filler()
    return named(audit.find(measured(audit, case_of(**given), model)))


def traces(model, audit=None, **given):
    audit = audit or TraceArea()
    return named(audit.find(measured(audit, case_of(**given), model)))


def test_fillers_that_help_by_their_room_alone():
    """Every dot adds 1 % of probability; the other glyphs add nothing, and the spread says so."""
    audit = Filler(step=5)
    model = told(lambda lead: 0.9 if "So it ends." in lead else 0.2 + 0.01 * lead.count(" ..."))
    [reading, _] = measured(audit, case_of(), model)
    assert reading.values["lengths"] == [0, 5, 10, 15, 16]
    one = named(audit.find(measured(audit, case_of(), model)))
    gain = one["longest filler over none"]
    assert gain.value == pytest.approx(0.16 / 3) and gain.noise == pytest.approx(0.16 / math.sqrt(3))
    assert gain.detail["by length"]["0.0"] == pytest.approx(0.2)
    assert gain.detail["by length"]["1.0"] == pytest.approx(0.2 + 0.16 / 3)
    assert one["whole chain over the longest filler"].value == pytest.approx(0.7 - 0.16 / 3)
    assert one["right behind the longest filler"].value == 0 and one["right behind the longest filler"].null == 0


def test_a_curve_of_fillers_is_one_ask():
    case, asks = case_of(), []
    flow = Filler(glyphs=1)(case)
    asks.append(next(flow))
    with pytest.raises(StopIteration):
        while True:
            reply = ((-1.0, -2.0),) * len(asks[-1].cuts)
            asks.append(flow.send(type("Told", (), {"logprobs": reply})))
    whole, curve = asks
    assert len(whole.cuts) == 1 and isinstance(curve, Score)
    assert [curve.chain[:cut].count(" ...") for cut in curve.cuts] == [0, 5, 10, 15, 16]


def test_length_in_tokens_is_the_records_own_where_it_has_them():
    case = case_of()
    trace = replace(case.trace, token_ids=tuple(range(2 * len(case.trace.text))))
    told_ids = replace(case, solution=replace(case.solution, pool=(trace,)))
    [reading, _] = measured(Filler(step=1000), told_ids, told(lambda lead: 0.5))
    assert reading.values["lengths"] == [0, 2 * len(case.reasoning.text)]


def test_no_gain_is_an_interval_within_a_margin_and_not_a_lack_of_evidence():
    audit = Filler(glyphs=1)
    small = [
        one
        for n, gain in enumerate((0.01, 0.0, 0.01, 0.0))
        for one in measured(audit, case_of(name=f"q{n}"), told(lambda lead, g=gain: 0.2 + g * ("..." in lead)), times=1)
    ]
    wide = [
        one
        for n, gain in enumerate((0.3, -0.2))
        for one in measured(audit, case_of(name=f"q{n}"), told(lambda lead, g=gain: 0.4 + g * ("..." in lead)), times=1)
    ]
    assert named(audit.find(small))["longest filler over none"].detail["within 0.05 of none"] is True
    assert named(audit.find(wide))["longest filler over none"].detail["within 0.05 of none"] is False
    assert named(audit.find(small[:1]))["longest filler over none"].detail["within 0.05 of none"] is None


@pytest.mark.parametrize("bad", [{"step": 0}, {"glyphs": 0}, {"glyphs": 4}, {"margin": 0.0}])
def test_bad_fillers(bad):
    with pytest.raises(BadSetting):
        Filler(**bad)


def kept(lead, text):
    """The share of the case's own chain that stands in a lead, None without a cue that a chain precedes."""
    return max((n for n in range(len(text) + 1) if lead.startswith(text[:n])), default=0) / len(text)


def test_the_area_under_a_pass_rate():
    """A short way passes at once, work passes at its end: 1, and half of the last part."""
    text = case_of().reasoning.text
    assert traces(told(lambda lead: 1.0))["area under the pass rate"].value == pytest.approx(1)
    late = traces(told(lambda lead: 1.0 if kept(lead, text) == 1 else 0.0))["area under the pass rate"]
    assert 0 < late.value < 0.1
    linear = traces(told(lambda lead: kept(lead, text)))["area under the pass rate"]
    assert linear.value == pytest.approx(0.5, abs=0.02), "the cue's first letters may go on as the chain does"
    assert linear.detail["uniform chance"] == 0.5 and linear.detail["passes with the whole chain"] == pytest.approx(1)


def test_the_null_of_the_area_is_a_strangers_chain_up_to_the_last_cut():
    audit, text = TraceArea(cuts=4), case_of().reasoning.text
    model = told(lambda lead: 0.3 if "word" in lead else 1.0 if kept(lead, text) == 1 else 0.2)
    [one, _] = measured(audit, case_of(), model)
    found = named(audit.find([one, one]))["area under the pass rate"]
    shares = [math.exp(row[0]) for row in one.values["stranger"]]
    middle, last = sum(shares) / len(shares), 1 - one.values["kept"][-2]
    assert found.null == pytest.approx(middle + (1 - middle) * last / 2)
    assert found.value == pytest.approx(0.2 + 0.8 * last / 2)


def test_cuts_fall_between_words():
    case = case_of()
    audit = TraceArea(cuts=7)
    ask = next(audit(case))
    text = case.reasoning.text
    assert ask.cuts[0] == 0 and ask.cuts[-1] == len(text) and list(ask.cuts) == sorted(set(ask.cuts))
    assert all(text[cut].isspace() for cut in ask.cuts[1:-1])


def test_chains_that_do_not_pass_are_counted():
    found = traces(told(lambda lead: 0.5), gold="plum")["area under the pass rate"]
    assert found.value is None and found.excluded == {"the whole chain does not pass": 2}


def test_a_reference_arm_sets_the_threshold():
    """Shortcut problems pass at once; the reference family passes late. A given threshold does the same."""
    text = case_of().reasoning.text
    late = told(lambda lead: 1.0 if kept(lead, text) == 1 else 0.0)
    audit = TraceArea(reference="clean")
    both = [
        *measured(audit, case_of(name="a"), told(lambda lead: 1.0), family="loophole"),
        *measured(audit, case_of(name="b"), late, times=3, family="clean"),
    ]
    above = named(audit.find(both))["chains above the reference"]
    assert above.value == 1 and above.n == 2 and above.null == 0
    assert above.detail["threshold"] < 0.1 and above.detail["reference above it"]["n"] == 3
    given = TraceArea(threshold=0.5)
    assert named(given.find(both))["chains above the reference"].value == pytest.approx(2 / 5)
    assert "chains above the reference" not in named(TraceArea().find(both))


@pytest.mark.parametrize("bad", [{"cuts": 0}, {"threshold": 1.5}, {"threshold": 0.5, "reference": "x"}])
def test_bad_trace_settings(bad):
    with pytest.raises(BadSetting):
        TraceArea(**bad)
