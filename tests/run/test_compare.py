from __future__ import annotations

import json
import random
from dataclasses import asdict, replace
from itertools import pairwise

import pytest

from workings.core.answer import Outcome
from workings.core.errors import BadSetting, UnknownName
from workings.core.record import AttemptRow
from workings.core.wire import pack
from workings.run.compare import advice, by_family, by_length, frontier, mde, paired, summarise
from workings.stats.intervals import wilson
from workings.stats.paired import holm, mcnemar

MARKS = {"+": Outcome.RIGHT, "-": Outcome.WRONG, "?": Outcome.UNPARSED, "!": Outcome.ERROR, " ": None}


def attempts(method, marks, **values):
    """One attempt a mark, each on a problem of its own."""
    return [AttemptRow(f"p{at}", method, 0, MARKS[mark], **values) for at, mark in enumerate(marks)]


def test_four_states_are_never_folded():
    [found] = summarise(attempts("m", "+++-?!! "))
    assert (found.right, found.wrong, found.unparsed, found.errors, found.unjudged) == (3, 1, 1, 2, 1)
    assert (found.problems, found.attempts, found.judged) == (8, 8, 5)
    assert found.accuracy == 3 / 5 and found.interval == wilson(3, 5)
    assert found.parsed_accuracy == 3 / 4 and found.parsed_interval == wilson(3, 4)


def test_errors_are_named_and_their_tokens_charged():
    rows = attempts("m", "+", generated=10, prompt=5, cached=2, verifier=4, probe=3, seconds=1.0, calls=2)
    rows += [AttemptRow("p1", "m", 0, Outcome.ERROR, generated=100, error="Unreachable", seconds=60.0)]
    [found] = summarise(rows)
    assert found.error_kinds == (("Unreachable", 1),)
    assert (found.generated, found.cost, found.total, found.prompt) == (10, 17, 24, 7)
    assert found.tokens_spent == 124
    assert (found.seconds_mean, found.seconds_median, found.calls) == (1.0, 1.0, 2.0)


def test_nothing_judged_gives_no_accuracy():
    [found] = summarise(attempts("m", "!! "))
    assert found.accuracy is None and found.interval is None and found.ece is None and found.auroc is None
    assert summarise([]) == () and paired([]) == () and by_length([]) == () and by_family([]) == ()
    assert "Nothing can be advised" in advice([found], [])


def test_repeats_of_a_problem_do_not_narrow_the_interval():
    rows = attempts("m", "+-" * 30)
    [once] = summarise(rows)
    [often] = summarise([replace(row, index=k) for row in rows for k in range(8)])
    assert often.problems == 60 and often.attempts == 480
    width = (often.interval.high - often.interval.low) / (once.interval.high - once.interval.low)
    assert width == pytest.approx(1, abs=0.05)


def test_clusters_are_respected():
    rows = attempts("m", "+" * 50 + "-" * 50)
    grouped = [replace(row, cluster=f"t{at // 10}") for at, row in enumerate(rows)]
    [alone], [together] = summarise(rows), summarise(grouped)
    assert together.interval.high - together.interval.low > 2 * (alone.interval.high - alone.interval.low)


def test_confidence_is_judged_on_attempts():
    # Averaged over the two attempts of each item, confidence and accuracy would agree and the error vanish.
    rows = []
    for at in range(100):
        rows.append(AttemptRow(f"p{at}", "m", 0, Outcome.WRONG, confidence=1.0))
        rows.append(AttemptRow(f"p{at}", "m", 1, Outcome.RIGHT, confidence=0.0))
    [found] = summarise(rows)
    assert found.ece == 1.0 and found.auroc == 0.0 and found.confidence == 0.5
    assert found.ece_rule and found.confident == 200


def test_a_missing_confidence_is_neither_sure_nor_unsure():
    rows = [*attempts("m", "++--", confidence=0.5), AttemptRow("q", "m", 0, Outcome.RIGHT)]
    rows += [AttemptRow("r", "m", 0, Outcome.UNPARSED, confidence=1.0)]
    [found] = summarise(rows)
    assert found.confident == 4 and found.ece == 0.0 and found.auroc == 0.5
    [scores] = summarise(attempts("m", "+-", confidence=7.0))
    assert scores.ece is None and scores.auroc == 0.5


def test_single_attempts_are_compared_by_exact_mcnemar():
    rows = attempts("a", "+++++-----") + attempts("b", "+++++++++-")
    [found] = paired(rows)
    assert (found.method, found.baseline, found.better, found.worse) == ("b", "a", 4, 0)
    assert found.difference == pytest.approx(0.4) and found.test == "exact McNemar"
    assert found.p == found.p_adjusted == mcnemar(4, 0)
    assert found.interval.low <= 0.4 <= found.interval.high


def test_only_shared_judged_problems_are_paired():
    rows = attempts("a", "++-!-") + attempts("b", "+!-+?")
    [found] = paired(rows)
    assert found.problems == 3 and found.left_out == 2
    assert found.accuracy == found.baseline_accuracy == pytest.approx(1 / 3)
    apart = [replace(row, problem_id="other") for row in attempts("b", "+")]
    [none] = paired(attempts("a", "+") + apart)
    assert none.problems == 0 and none.difference is None and none.p is None and none.left_out == 2


def test_repeats_are_averaged_a_problem_before_pairing():
    rows = [replace(row, index=k) for row in attempts("a", "+-+-" * 5) for k in range(4)]
    for at, row in enumerate(rows[: len(rows)]):
        rows.append(replace(row, method="b", outcome=Outcome.RIGHT if at % 4 else row.outcome))
    [found] = paired(rows)
    assert found.test.startswith("paired t") and "means of repeats" in found.test
    assert (found.better, found.worse) == (10, 0)
    assert found.difference == pytest.approx(10 * 0.75 / 20)
    assert found.p < 0.01 and found.distinct


def test_many_comparisons_are_corrected_together():
    generator = random.Random(0)
    rows = []
    for name, chance in (("a", 0.4), ("b", 0.5), ("c", 0.6), ("d", 0.7)):
        rows += attempts(name, ["+" if generator.random() < chance else "-" for _ in range(80)])
    found = paired(rows)
    assert [(c.method, c.baseline) for c in found[:3]] == [("b", "a"), ("c", "a"), ("d", "a")] and len(found) == 6
    assert [c.p_adjusted for c in found] == pytest.approx(holm([c.p for c in found]))
    against = paired(rows, baseline="c")
    assert [(c.method, c.baseline) for c in against] == [("a", "c"), ("b", "c"), ("d", "c")]
    with pytest.raises(UnknownName):
        paired(rows, baseline="e")


def test_the_order_in_which_attempts_ended_changes_nothing():
    generator = random.Random(1)
    rows = [
        AttemptRow(f"p{at}", name, k, generator.choice(list(Outcome)), confidence=generator.random(),
                   cluster=f"t{at % 7}", family=f"f{at % 3}", length=at, seconds=generator.random())
        for at in range(60) for name in "ab" for k in range(2)
    ]  # fmt: skip
    shuffled = generator.sample(rows, len(rows))
    for table in (summarise, paired, by_family, by_length):
        assert table(rows, methods="ba") == table(shuffled, methods="ba")
    assert [s.method for s in summarise(rows, methods=("b", "unseen"))] == ["b", "a"]


def test_buckets_by_family_and_length():
    rows = attempts("m", "++-", family="coin", length=2, generated=4)
    rows += [replace(row, problem_id="x" + row.problem_id, family="shell", length=9) for row in attempts("m", "+?!")]
    coin, shell = by_family(rows)
    assert (coin.label, coin.accuracy, coin.generated) == ("coin", pytest.approx(2 / 3), 4.0)
    assert (shell.right, shell.unparsed, shell.errors, shell.accuracy) == (1, 1, 1, 0.5)
    short, long = by_length(rows)
    assert (short.label, short.low, short.high, long.label) == ("2", 2, 2, "9")
    spread = [replace(row, length=at) for at, row in enumerate(attempts("m", "+-" * 50))]
    parts = by_length(spread)
    assert [b.attempts for b in parts] == [20] * 5 or sum(b.attempts for b in parts) == 100
    assert len(parts) == 5 and parts[0].low == 0 and parts[-1].high == 99
    assert all(a.high < b.low for a, b in pairwise(parts))


def test_the_frontier_drops_what_is_beaten():
    rows = attempts("cheap", "+---", generated=1) + attempts("dear", "+++-", generated=9)
    rows += attempts("beaten", "++--", generated=10) + attempts("same", "+---", generated=2)
    rows += attempts("checked", "++--", generated=2, verifier=20) + attempts("broken", "!!!!", generated=0)
    assert [s.method for s in frontier(summarise(rows))] == ["cheap", "dear"]


def test_values_are_plain_json():
    rows = attempts("a", "+-?!", confidence=0.5) + attempts("b", "++-+")
    for value in (*summarise(rows), *paired(rows), *by_family(rows)):
        assert json.loads(json.dumps(pack(value), allow_nan=False))["method"] in ("a", "b")
        json.dumps(asdict(value), allow_nan=False)


def test_mde_is_one_line():
    line = mde(300)
    assert "300 problems" in line and "8.3 points" in line and "\n" not in line
    assert "too few" in mde(3)
    assert mde(300, clusters=30) != mde(300, clusters=300)
    assert "6 comparisons" in mde(300, comparisons=6)
    # Beyond 5,000 problems the approximation takes over without a step.
    assert mde(5000).split("apart")[1] == mde(5001).split("apart")[1]
    with pytest.raises(BadSetting):
        mde(0)


def advised(*methods):
    rows = [row for name, marks, cost in methods for row in attempts(name, marks, generated=cost)]
    return advice(summarise(rows), paired(rows))


def test_advice_takes_the_cheap_one_unless_the_dear_one_is_shown_better():
    near = advised(("cot", "+" * 60 + "-" * 40, 100), ("vote", "+" * 62 + "-" * 38, 1600))
    assert near.startswith("Use cot (60.0%") and "do not tell the two apart" in near and "points worse" in near
    far = advised(("cot", "+" * 40 + "-" * 60, 100), ("vote", "+" * 80 + "-" * 20, 1600))
    assert far.startswith("Use vote") and "told apart from every other" in far


def test_advice_says_what_it_does_not_know():
    assert "nothing to compare it with" in advised(("cot", "++--", 9))
    assert "No method was right once" in advised(("cot", "----", 9), ("vote", "----", 9))
    doubts = advised(("cot", "+" * 10 + "?" * 5 + "!", 9), ("vote", "-" * 16, 90))
    assert "no readable answer" in doubts and "1 of 16 attempts ended in an error" in doubts
    rows = attempts("a", "+-" * 20) + attempts("b", "++" * 20) + attempts("c", "--" * 20)
    assert "not compared with c" in advice(summarise(rows), paired(rows, baseline="a"))


def test_a_hundred_thousand_rows_of_a_run():
    generator = random.Random(2)
    states = list(Outcome)
    rows = [
        AttemptRow(f"p{at}", name, 0, generator.choice(states), length=at % 40, confidence=0.25, family=f"f{at % 3}")
        for at in range(25_000)
        for name in ("a", "b", "c", "d")
    ]
    summaries, comparisons = summarise(rows), paired(rows)
    assert sum(s.attempts for s in summaries) == sum(b.attempts for b in by_length(rows)) == 100_000
    assert len(comparisons) == 6 and all(c.problems + c.left_out <= 25_000 for c in comparisons)
    assert advice(summaries, comparisons)


def test_how_a_prompt_is_split_into_new_and_cached_changes_nothing():
    sizes = [(7, 11), (101, 3), (13, 59)]
    apart = [
        AttemptRow(f"p{at}", "m", 0, Outcome.RIGHT, generated=5, prompt=new, cached=old)
        for at, (new, old) in enumerate(sizes)
    ]
    shared = [replace(row, prompt=1, cached=row.prompt + row.cached - 1) for row in apart]
    assert summarise(apart) == summarise(shared)
