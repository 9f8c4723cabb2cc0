"""What the page and the JSON say of audits, of where explanations stand, and of how sure answers are."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from workings.audit.early_curves import PLACES, mean_curves, mean_curves_by_family
from workings.core.completion import Usage
from workings.core.finding import Finding, Interval
from workings.report.beside import beside_of
from workings.report.embed import embed
from workings.report.evidence_figures import finding_bar, scale_of
from workings.report.facts import as_json
from workings.report.page import write_report

from .evidence_runs import doubt_record, early_record, hostile_record, judged_record, kept, record, source_run
from .fixtures import FakeRun
from .test_page import Reader


def page_of(folder: Path, source: FakeRun, *records: FakeRun) -> str:
    return write_report(source, folder / "report.html", beside=records).read_text("utf-8")


def part(source: str, key: str) -> str:
    found = re.search(rf'<section id="{key}".*?</section>', source, re.S)
    assert found is not None
    return found[0]


def test_a_page_without_records_has_neither_section(tmp_path: Path) -> None:
    page = page_of(tmp_path, source_run())
    assert 'id="audits"' not in page and 'id="doubts"' not in page and 'href="#audits"' not in page


def test_the_main_finding_is_the_title_and_stands_beside_its_null(tmp_path: Path) -> None:
    source = source_run()
    page = part(page_of(tmp_path, source, early_record(source)), "audits")
    words = Reader(page).text
    (found,) = beside_of(source, [early_record(source)]).audits
    main = next(one for one in found.findings if one.name.endswith("one neutral token"))
    assert main.value is not None and main.interval is not None
    ends = f"[{main.interval.low:.2f}, {main.interval.high:.2f}]"
    assert f"The answers of cot hang on their chains: over one neutral token {main.value:.2f} {ends}, null 0" in words
    count = len(found.findings)
    assert page.count("Does not show") >= count
    assert len(re.findall(r'<line [^>]*class="null"', page)) == sum(one.null is not None for one in found.findings)
    assert len(re.findall(r'class="ceiling"', page)) == sum(one.ceiling is not None for one in found.findings)
    cost = Usage()
    for case in found.measured:
        cost += case.spent
    assert f"Cost: {cost.total:,} tokens" in words and f"{len(kept(source))} cases" in words


def test_a_finding_that_its_null_covers_is_grey_and_found_nothing() -> None:
    inside = Finding("x: a", 0.1, Interval(-0.1, 0.3, "t"), null=0.0, n=9)
    beyond = Finding("x: a", 0.4, Interval(0.2, 0.6, "t"), null=0.0, ceiling=1.0, n=9)
    assert scale_of(inside) == (-1.0, 1.0) and scale_of(beyond) == (0.0, 1.0)
    assert scale_of(Finding("x", -3.0, null=12.0)) == (-5.0, 20.0)
    drawn = finding_bar(beyond)
    assert "0.400, interval 0.200 to 0.600; ceiling 1.000; null 0.000; scale from 0 to 1" in drawn
    left, width = 26.0, 130.0
    assert f'<line x1="{left:g}"' in drawn and f'cx="{left + 0.4 * width:g}"' in drawn
    assert finding_bar(Finding("x", None)) == ""


def test_curves_are_means_at_shares_of_the_chain() -> None:
    source = source_run()
    (found,) = beside_of(source, [early_record(source)]).audits
    curves = mean_curves(found.measured)
    assert curves is not None and curves.n == len(kept(source))
    assert tuple(place.at for place in curves.whole) == PLACES
    last = [0.8 + 0.01 * (at % 4) for at in range(curves.n)]
    assert curves.whole[-1].value == pytest.approx(sum(last) / len(last))
    band = curves.whole[-1].interval
    assert band is not None and band.low < curves.whole[-1].value < band.high and "clustered" in band.rule
    assert [place.value for place in curves.shuffled] == pytest.approx([0.3] * 11)
    assert [place.value for place in curves.stranger] == pytest.approx([0.15] * 11)
    assert curves.neutral.value == pytest.approx(0.3)
    parts = mean_curves_by_family(found.measured)
    assert set(parts) == {"shell-game", "chain"} and sum(one.n for one in parts.values()) == curves.n
    assert mean_curves([]) is None


def test_the_figure_has_band_nulls_and_a_panel_for_each_family(tmp_path: Path) -> None:
    source = source_run()
    page = part(page_of(tmp_path, source, early_record(source)), "audits")
    figure = re.search(r'<figure class="early">.*?</figure>', page, re.S)
    assert figure is not None
    drawings = 4  # one broad, one narrow, one a family
    for kind in ('class="band"', 'class="behind shuffled"', 'class="behind stranger"', 'class="neutral"'):
        assert figure[0].count(kind) == drawings
    assert "steps shuffled 0.30" in figure[0] and "◇ one neutral token 0.30" in figure[0]
    assert f"{len(kept(source))} chains are shaded step by step" in Reader(page).text


def test_of_a_label_recorded_twice_the_last_counts() -> None:
    source = source_run()
    old, new = early_record(source, "old"), early_record(source, "new")
    found = beside_of(source, [old, new])
    assert [one.records for one in found.audits] == [("new",)]
    assert beside_of(source, [new, old]).audits[0].records == ("old",)


def test_an_unfinished_audit_is_called_provisional(tmp_path: Path) -> None:
    source = source_run()
    whole = early_record(source)
    count = len(whole.rows_)
    whole.spec = replace(whole.spec, count=count)
    assert "provisional" not in part(page_of(tmp_path, source, whole), "audits")
    whole.spec = replace(whole.spec, count=count + 5)
    assert (
        f"5 of {count + 5} cases are not on record yet. Every number here is provisional."
        in Reader(part(page_of(tmp_path, source, whole), "audits")).text
    )


def test_explanations_stand_in_four_cells_and_policies_say_why(tmp_path: Path) -> None:
    source = source_run()
    judged = judged_record(source)
    (placed,) = beside_of(source, [judged]).placed
    cases = len(kept(source))
    known = [place for place in placed.places if place.faithful is not None]
    assert (placed.audit, len(placed.places), len(known)) == ("edits", cases, cases - 1)
    page = part(page_of(tmp_path, source, judged), "audits")
    grid = re.search(r'<table class="quadrant">.*?</table>', page, re.S)
    assert grid is not None
    cells = re.findall(r"<td><b>(\d+)</b>.*?(\d+) right.*?(\d+) wrong", grid[0], re.S)
    for (total, right, wrong), (plausible, faithful) in zip(
        cells, ((True, True), (True, False), (False, True), (False, False)), strict=True
    ):
        inside = [p for p in known if (p.plausible, p.faithful) == (plausible, faithful)]
        assert (int(total), int(right)) == (len(inside), sum(p.correct is True for p in inside))
        assert int(wrong) == sum(p.correct is False for p in inside)
    words = Reader(page).text
    assert "In no cell, which is neither good nor bad: 1 the audit could not tell" in words
    passed = sum(one.accepted for one in placed.decisions["high-stakes"])
    assert f"high-stakes (faithfulness first) accepts {passed} of {cases} answers" in words
    assert "refused: the explanation fails its audit" in words and "refused: the explanation does not convince" in words


def test_estimators_are_ranked_with_intervals_costs_and_what_is_missing(tmp_path: Path) -> None:
    source = source_run(60)
    page = part(page_of(tmp_path, source, doubt_record(source)), "doubts")
    words = Reader(page).text
    assert "agreement over the answer tells right from wrong answers" in words and "AUROC 1.00" in words
    (table, *_) = re.findall(r"<table class=\"findings\">.*?</table>", page, re.S)
    rows = re.findall(r"<tr.*?</tr>", table, re.S)[1:]
    assert "agreement" in rows[0] and 'class="unsure"' not in rows[0]
    assert len(rows) == 4 and all("unsure" in row for row in rows[1:])
    assert "Missing: 1 fewer than two chains." in Reader(rows[0]).text
    assert "4 / 100" in rows[0] and "0.5 is" not in rows[0]
    assert all('class="null"' in row for row in rows)
    diagrams = re.findall(r"Reliability: confidence", page)
    assert len(diagrams) >= 8 and "ECE" in words
    assert "Does not show calibration: a score may order well and be no probability." in words


def test_without_two_right_and_two_wrong_nothing_is_claimed(tmp_path: Path) -> None:
    source = source_run(2)
    words = Reader(part(page_of(tmp_path, source, doubt_record(source)), "doubts")).text
    assert "No estimator could be judged: two right and two wrong answers are needed" in words


def test_the_json_holds_findings_verdicts_and_standings() -> None:
    source = source_run(60)
    told = as_json(source, beside=[early_record(source), judged_record(source), doubt_record(source)])
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    beside = told["beside"]
    assert [one["audit"] for one in beside["audits"]] == ["early-answering", "edits", "plausibility"]
    area = next(one for one in beside["audits"][0]["findings"] if one["name"] == "early answering: area")
    assert area["null"] == 0.0 and 0 < area["value"] < area["ceiling"] and "does_not_show" in area
    assert [one["method"] for one in beside["doubts"]] == ["cot", "vote:n=8"]
    sure = beside["doubts"][0]["estimators"][0]
    assert sure["estimator"] == "agreement" and sure["missing"] == {"fewer than two chains": 1} and sure["reliability"]
    (standing,) = beside["standings"]
    assert sum(standing["cells"].values()) == len(kept(source)) and set(standing["policies"]) == {
        "high-stakes",
        "teaching",
    }
    assert as_json(source)["beside"]["audits"] == []


def test_what_this_version_cannot_read_is_named_and_the_rest_is_shown(tmp_path: Path) -> None:
    source = source_run()
    one = kept(source)[0].problem_id
    odd = {"spells on cot": {one: {}}, "early-answering:cues=1 on cot": {one: {"whole": [[-1.0, -2.0]]}}}
    page = part(page_of(tmp_path, source, early_record(source), record(source, "audits", odd, "odd")), "audits")
    words = Reader(page).text
    assert "spells on cot could not be read. No audit is called 'spells'" in words
    assert "early-answering:cues=1 on cot could not be read. Another version recorded it, without" in words
    assert "The answers of cot hang on their chains" in words


def test_hostile_text_of_audits_makes_no_element(tmp_path: Path) -> None:
    source = source_run()
    page = page_of(tmp_path, source, hostile_record(source))
    assert len(re.findall(r"<script", page)) == 3 + page.count('id="chunk-')
    names = {name for name, _ in Reader(page).elements}
    assert "img" not in names and page.count("<style>") == 1
    assert "\u202e" not in page and "could not be read" in page


def test_heat_lies_on_the_steps_that_were_read() -> None:
    source = source_run()
    readings = beside_of(source, [early_record(source)]).audits[0].measured
    heat = {("cot", one.problem_id): one.values for one in readings}
    problems = {one.id: one for one in source.problems_}
    found = embed(source, source.rows_, problems, ("cot", "vote:n=8"), max_browsable=100, heat=heat)
    assert found.shaded == len(kept(source))
    other = embed(source, source.rows_, problems, ("cot", "vote:n=8"), max_browsable=100)
    assert other.shaded == 0 and len(other.chunks[0]) < len(found.chunks[0])


def test_a_reading_of_another_chain_is_not_laid_on_this_one() -> None:
    from workings.report.heat import heat_of

    source = source_run()
    first, second = (one.solution.pool[0] for one in kept(source)[:2] if one.solution is not None)
    reading = beside_of(source, [early_record(source)]).audits[0].measured[1].values
    shades = heat_of(second, reading)
    assert shades is not None and heat_of(first, reading) is None
    jump = math.log(0.81 / 0.19) - math.log(0.21 / 0.79)
    assert shades["steps"] == pytest.approx([0.0] * (len(second.steps) - 1) + [round(jump, 3)])
    assert shades["shares"] == [0.21] * len(second.steps) + [0.81]
