"""The numbers as JSON and as a table of text: the same ones, from the same place."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from workings.core.answer import Outcome
from workings.report.facts import as_json
from workings.report.figures import frontier, number
from workings.report.markup import Markup, join, tag, text
from workings.report.terminal import render_table
from workings.run.compare import paired, summarise

from .fixtures import FakeRun, make_run, spec


def test_facts_are_plain_json_and_agree_with_the_summaries() -> None:
    run = make_run(60)
    facts = as_json(run)
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    summaries = summarise(run.rows_)
    assert [m["method"] for m in facts["methods"]] == [s.method for s in summaries]
    assert [m["accuracy"]["value"] for m in facts["methods"]] == [s.accuracy for s in summaries]
    assert len(facts["comparisons"]) == 6
    assert sum(m["right"] + m["wrong"] + m["unparsed"] + m["error"] for m in facts["methods"]) == 240


def test_lengths_are_kept_apart_by_family_and_marked() -> None:
    found = as_json(make_run(40))["by_length"]
    assert [entry["family"] for entry in found] == ["chain", "shell-game"]
    marks = {(p["label"], p["in_length"]) for entry in found for p in entry["points"]}
    assert marks == {("2", True), ("4", True), ("6", True), ("8", False), ("10", False)}


def test_methods_keep_the_order_they_were_asked_for() -> None:
    run = make_run(10)
    run.rows_ = run.rows_[::-1]
    assert [m["method"] for m in as_json(run)["methods"]] == list(run.spec.methods)


def test_an_empty_run_has_empty_facts() -> None:
    facts = as_json(FakeRun(spec()))
    assert facts["methods"] == facts["comparisons"] == facts["by_length"] == facts["by_family"] == facts["advice"] == []
    assert facts["recorded"]["planned"] == 800


def test_errors_are_counted_as_left_out() -> None:
    run = make_run(10, ("direct",))
    run.rows_ = [replace(row, outcome=Outcome.ERROR, error="Refused: 401 key") for row in run.rows_]
    assert as_json(run)["excluded"] == [
        {"what": "direct", "why": "that ended in an error (Refused)", "attempts": 10},
    ]


def test_the_table_is_aligned_and_holds_no_control_characters() -> None:
    run = make_run(40)
    rows = [replace(row, method="\x1b投票" if row.method == "cot" else row.method) for row in run.rows_]
    shown = render_table(summarise(rows), paired(rows))
    assert "\x1b" not in shown and "投票" in shown
    lines = shown.split("\n\n")[0].splitlines()
    ends = {line.index("[") for line in lines[2:] if "投票" not in line}
    assert len(ends) == 1
    assert next(line.index("[") for line in lines if "投票" in line) == ends.pop() - 2
    assert "told apart" in shown
    assert not any(line != line.rstrip() for line in shown.splitlines())
    assert render_table((), ()) == "No attempts are on record."


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0.1234, "0.123"),
        (-0.5, "−0.500"),
        (12.34, "12.3"),
        (123.4, "123"),
        (98765.0, "98,765"),
    ],
)
def test_numbers_are_set_for_reading(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_text_is_escaped_once_and_markup_not_again() -> None:
    assert tag("p", {"title": '"<&'}, "<b>", Markup("<i></i>")) == '<p title="&quot;&lt;&amp;">&lt;b&gt;<i></i></p>'
    assert join(None, [1, "<"], "\u202e\x07") == "1&lt;[U+202E]\ufffd"
    assert text(text("<")) == "&lt;"
    with pytest.raises(ValueError, match="attribute name"):
        tag("p", {"x onload=1": "y"})


def test_a_frontier_of_one_point_or_equal_costs_is_drawn() -> None:
    point = {"method": "m", "cost": 0.0, "value": 0.5, "low": 0.4, "high": 0.6, "on": True}
    for points in ([point], [point, {**point, "method": "n"}], [{**point, "cost": 7.0}, {**point, "cost": 7.0}]):
        drawn = frontier(points, "tokens")
        assert drawn.count('class="point"') == len(points) and "nan" not in drawn and "inf" not in drawn
    assert frontier([], "tokens").startswith("<p")
