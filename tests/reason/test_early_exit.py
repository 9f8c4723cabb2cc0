"""Thinking stops once its answer is steady."""

from __future__ import annotations

import asyncio

import pytest
from recorded_chains import QUESTION
from test_budget_forcing import run

from workings.core.completion import Stop
from workings.core.errors import BadSetting
from workings.models.scripted import Scripted
from workings.reason.cot import Cot
from workings.reason.early_exit import EarlyExit
from workings.run.drive import World, solve
from workings.testing import item_problems, item_world

CHAIN = "a b c d e f g h i j k l. The answer is 9."


def probed(answers, every=2, chain=CHAIN, tag=""):
    """The script of a chain and of what it would answer after each `every` words."""
    words = chain.split()
    lines = [chain]
    for number, answer in enumerate(answers, 1):
        lead = " ".join(words[: number * every])
        lines.append(f"{lead}{tag}\nThe answer is {answer}")
    return lines


def test_it_exits_when_three_probes_agree():
    found, _ = run(EarlyExit(every=2, agree=3), *probed(["5.", "4.", "4.", "4."]))
    assert found.answer.canonical == "4" and found.notes == {"probes": 4, "exited": True}
    main, *probes = found.pool
    assert main.text == "a b c d e f g h\nThe answer is 4." and main.stop is Stop.CANCELLED
    assert found.spent.generated == 8 and found.spent.probe == 4
    assert [p.role for p in probes] == ["probe"] * 4 and {p.parent for p in probes} == {0}
    assert [p.branch_at for p in probes] == [3, 7, 11, 15]
    start, end = found.answer.span
    assert main.text[start:end] == "4"


def test_three_different_answers_do_not_exit():
    """Dynasor's code exits on them."""
    found, _ = run(EarlyExit(every=2), *probed(["1.", "2.", "3.", "2.", "1.", "2.", "3.", "4."]))
    assert found.answer.canonical == "9" and not found.notes["exited"] and found.pool[0].text == CHAIN


def test_probes_without_an_answer_do_not_agree():
    found, _ = run(EarlyExit(every=2, agree=2), *probed(["unclear."] * 8))
    assert found.answer.canonical == "9"


def test_a_probe_that_hedges_does_not_count_and_know_is_no_hedge():
    found, _ = run(EarlyExit(every=2, agree=2), *probed(["4.", "4. But wait", "4.", "4. I know", "4."]))
    assert found.notes["probes"] == 4 and found.answer.canonical == "4"


def test_a_probe_must_be_as_sure_as_asked():
    lines = probed(["4."] * 8)

    def table(prompt):
        fits = [line for line in lines if line.startswith(prompt.lead) and line != prompt.lead]
        rest = fits[0][len(prompt.lead) :]
        words = prompt.lead.count(" ")
        return {rest: 0.9 if words > 8 else 0.6, " other": 0.05} if prompt.lead.endswith(" is") else {rest: 1.0}

    for least, probes in ((0.0, 2), (0.5, 2), (0.8, 5)):
        found = asyncio.run(solve(EarlyExit(every=2, agree=2, confidence=least), QUESTION, World(Scripted(table))))
        assert found.notes["probes"] == probes and found.confidence >= least


def test_thinking_is_closed_for_a_probe_and_goes_on_open():
    chain = "<think> a b c d e f</think> The answer is 9."
    found, model = run(EarlyExit(every=3, agree=2), *probed(["4.", "4."], 3, chain, "</think>\n"))
    assert found.answer.canonical == "4" and found.pool[0].text == "<think> a b c d e</think>\n\nThe answer is 4."
    assert model.samples[2][0].prompt.lead == "<think> a b"


def test_a_chain_that_is_cut_answers_through_a_last_probe():
    found, _ = run(EarlyExit(every=4, max_tokens=6), *probed(["x", "x", "7."]))
    assert found.answer.canonical == "7" and found.pool[0].stop is Stop.LENGTH and not found.notes["exited"]


def test_chains_shorter_than_a_probe_are_plain():
    for problem in item_problems(5):
        ours, plain = (asyncio.run(solve(m, problem.question, item_world())) for m in (EarlyExit(), Cot()))
        assert (ours.answer, ours.spent, len(ours.pool)) == (plain.answer, plain.spent, 1)


@pytest.mark.parametrize("wrong", [{"every": 0}, {"agree": 0}, {"probe_tokens": 0}, {"confidence": 1.5}])
def test_settings_out_of_range_are_refused(wrong):
    [name] = wrong
    with pytest.raises(BadSetting, match=name):
        EarlyExit(**wrong)
