"""The section on what more chains buy: its numbers in the page, and its figures in a real browser."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from workings.core.answer import Answer, Outcome, Source
from workings.core.capability import Identity
from workings.core.completion import Usage
from workings.core.problem import Problem, Question
from workings.core.record import AttemptRow
from workings.core.solution import Attempt, Choice, Solution
from workings.core.trace import Trace
from workings.report.coverage import curves_of
from workings.report.page import write_report
from workings.stats.pools import best_of_k, maj_at_k, pass_at_k

from .devtools import IN_BROWSER, Drive, Tab
from .fixtures import HOSTILE, FakeRun, spec
from .test_page import Reader

ANSWERS = (("1", "1", "2", None), ("2", "1", "3", "2"))
SCORES = ((0.9, 0.2, 0.5, 0.8), (0.9, 0.1, 0.4, 0.6))


def chain(answer: str | None, score: float, by: str = "judge") -> Trace:
    given = Answer(answer, answer, (0, 1), Source.DECLARED) if answer else Answer()
    return Trace(str(answer), answer=given, scores={by: (score,)}, usage=Usage(prompt=5, generated=10, calls=1))


def pooled(methods: tuple[str, ...] = ("vote:n=4",), by: str = "judge") -> FakeRun:
    """Two problems with four known chains each; the gold is 1."""
    run = FakeRun(spec(methods, 2))
    for at, (answers, scores) in enumerate(zip(ANSWERS, SCORES, strict=True)):
        item = Problem(Question(f"p{at}", "How many?"), "1")
        run.problems_.append(item)
        for method in methods:
            pool = tuple(chain(a, s, by) for a, s in zip(answers, scores, strict=True))
            outcome = Outcome.RIGHT if at == 0 else Outcome.WRONG
            add(run, item, method, pool, outcome)
    return run


def add(run: FakeRun, item: Problem, method: str, pool: tuple[Trace, ...], outcome: Outcome) -> None:
    spent = sum((t.usage for t in pool), Usage())
    choice = Choice("vote by count", {pool[0].answer.canonical or "": 2.0}, 0) if len(pool) > 1 else None
    solution = Solution(pool[0].answer, pool=pool, choice=choice)
    run.attempts_[item.id, method, 0] = Attempt(item.id, method, 0, 1, outcome, solution, None, spent, 2.0)
    run.rows_.append(
        AttemptRow(item.id, method, 0, outcome, pool[0].answer.canonical, "1", prompt=spent.prompt,
                   generated=spent.generated, calls=spent.calls, seconds=2.0)
    )  # fmt: skip


def section(run: FakeRun, folder: Path) -> tuple[Reader, str]:
    source = write_report(run, folder / "page.html").read_text("utf-8")
    found = re.search(r'<section id="curves".*?</section>', source, re.S)
    return Reader(found[0] if found else ""), source


def rows(page: Reader) -> list[str]:
    """The table's rows as words."""
    return re.findall(r"vote:n=4[^ ]* (?:coverage|majority|best by judge|weighted by judge) [-–0-9. ,\[\]]+", page.text)


def test_the_table_holds_the_closed_forms(tmp_path: Path) -> None:
    run = pooled()
    page, source = section(run, tmp_path)
    told = curves_of(run, run.rows_, {p.id: p for p in run.problems_})["pools"][0]["rules"]
    made = {rule["rule"]: {p["k"]: p["value"] for p in rule["points"]} for rule in told}
    assert made["coverage"] == pytest.approx({k: (pass_at_k(4, 2, k) + pass_at_k(4, 1, k)) / 2 for k in (1, 2, 4)})
    votes = {k: (maj_at_k([2, 1], 0, k, 1) + maj_at_k([2, 1, 1], 1, k)) / 2 for k in (1, 2, 4)}
    assert made["majority"] == pytest.approx(votes)
    right = ([1, 1, 0, 0], [0, 1, 0, 0])
    scored = [(0.9, 0.2, 0.5, -9.0), (0.9, 0.1, 0.4, 0.6)]
    best = {k: sum(best_of_k(s, r, k) for s, r in zip(scored, right, strict=True)) / 2 for k in (1, 2, 4)}
    assert made["best by judge"] == pytest.approx(best)
    table = {re.sub(r" [-–0-9].*", "", line): re.findall(r"[0-9.]+", line)[1:] for line in rows(page)}
    assert table["vote:n=4 coverage"][:3] == ["0.375", "4", "1.000"]
    assert table["vote:n=4 majority"][:3] == ["0.375", "4", f"{votes[4]:.3f}"]
    assert table["vote:n=4 best by judge"][:3] == [f"{best[1]:.3f}", "4", f"{best[4]:.3f}"]
    assert all(values[-1] == "40.0" for values in table.values())
    assert "A right answer is among the 4 chains of vote:n=4 for 1.000 of problems" in page.text
    assert '<a href="#curves">Chains</a>' in source


def test_every_rule_has_a_line_with_a_mark_at_every_k(tmp_path: Path) -> None:
    page, _ = section(pooled(), tmp_path)
    kinds = [a["class"] for name, a in page.elements if name == "path" and (a.get("class") or "").startswith("rule ")]
    assert kinds[:4] == ["rule coverage", "rule majority", "rule summed", "rule single"]
    label = next(
        str(a["aria-label"]) for _, a in page.elements if str(a.get("aria-label")).startswith("Accuracy by number")
    )
    assert "at 4 chains: coverage 1.00; majority" in label
    said = [str(a["data-says"]) for _, a in page.elements if "data-says" in a]
    assert any(
        s.startswith("coverage of 4 × vote:n=4: accuracy 1.000") and s.endswith("; 40.0 tokens an attempt.")
        for s in said
    )
    assert sum(s.startswith("majority of 2 × vote:n=4") for s in said) == 6  # three axes, each broad and narrow


def test_single_chains_have_no_such_section(tmp_path: Path) -> None:
    run = FakeRun(spec(("cot",), 1))
    run.problems_.append(Problem(Question("p0", "How many?"), "1"))
    add(run, run.problems_[0], "cot", (chain("1", 0.5),), Outcome.RIGHT)
    page, source = section(run, tmp_path)
    assert page.elements == [] and "#curves" not in source and ">Chains<" not in source


def test_operations_are_an_axis_only_where_the_size_is_known(tmp_path: Path) -> None:
    page, _ = section(pooled(), tmp_path)
    assert "FLOPs are unknown" in page.text
    assert [a["id"] for name, a in page.elements if name == "input"] == ["curve-0", "curve-1", "curve-2"]
    run = pooled()
    run.spec = replace(run.spec, identity=Identity("Someone/Chat-0.5B"))
    page, _ = section(run, tmp_path)
    assert "2 × 500,000,000 parameters" in page.text
    assert [a["id"] for name, a in page.elements if name == "input"][-1] == "curve-3"


def test_methods_that_drew_the_same_chains_are_drawn_once(tmp_path: Path) -> None:
    page, _ = section(pooled(("vote:n=4", "vote:n=4,power=1")), tmp_path)
    assert sum(a.get("class") == "panel" for _, a in page.elements) == 1
    assert len(rows(page)) == 8


def test_what_has_no_curve_is_counted_with_its_reason(tmp_path: Path) -> None:
    run = pooled(("vote:n=4", "beam"))
    for key in [k for k in run.attempts_ if k[1] == "beam"]:
        whole = run.attempts_[key]
        assert whole.solution is not None
        pool = tuple(replace(t, role="branch") for t in whole.solution.pool)
        run.attempts_[key] = replace(whole, solution=replace(whole.solution, pool=pool))
    page, _ = section(run, tmp_path)
    assert "beam: 2 attempts left out, chains that depend on each other" in page.text


def test_an_answer_that_nothing_can_judge_is_counted_as_not_right(tmp_path: Path) -> None:
    run = pooled()
    source = write_report(run, tmp_path / "p.html", mark=lambda answer, problem: None).read_text("utf-8")
    words = Reader(source).text
    assert "chains have an answer that nothing here could judge, and count as not right" in words


def test_names_of_verifiers_are_escaped(tmp_path: Path) -> None:
    page, source = section(pooled(by=HOSTILE), tmp_path)
    assert "<img src=x" not in source and "<img src=x" in page.text


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(pooled(), tmp_path_factory.mktemp("curves") / "page.html")


class TestInTheBrowser:
    pytestmark = IN_BROWSER

    def test_the_axis_switches_without_script(self, written: Path, drive: Drive) -> None:
        async def story(page: Tab) -> None:
            await page.call("Emulation.setScriptExecutionDisabled", value=True)
            await page.open(written)
            shown = "[...document.querySelectorAll('.priced')].map(v => getComputedStyle(v).display)"
            assert await page.ask(shown) == ["block", "none", "none"]
            for at in (1, 2):
                await page.ask(f"document.getElementById('curve-{at}').click()")
                assert await page.ask(shown) == ["block" if n == at else "none" for n in range(3)]

        drive(story)

    def test_a_mark_tells_itself_to_pointer_and_keyboard(self, written: Path, drive: Drive) -> None:
        async def story(page: Tab) -> None:
            await page.open(written)
            marks = "[...document.querySelectorAll('.priced-0 .broad .point')]"
            assert await page.ask(f"{marks}.length") == 12
            said = "document.getElementById('curves-readout').textContent"
            await page.ask(f"{marks}[0].dispatchEvent(new PointerEvent('pointerover', {{bubbles: true}}))")
            assert str(await page.ask(said)).startswith("coverage of 1 × vote:n=4: accuracy 0.375")
            await page.ask("document.querySelector('#curve-0').focus()")
            await page.press("Tab", 9)
            assert str(await page.ask(said)).startswith("coverage of 1 × vote:n=4: accuracy 0.375")
            await page.press("Tab", 9)
            assert str(await page.ask(said)).startswith("coverage of 2 × vote:n=4")
            assert page.problems == []

        drive(story)

    def test_lines_stay_inside_and_labels_apart(self, written: Path, drive: Drive) -> None:
        async def story(page: Tab) -> None:
            await page.open(written)
            boxes = await page.ask(
                "[...document.querySelectorAll('.priced-0 .broad text.name, .curves-panels text.name')]"
                ".map(t => { const r = t.getBoundingClientRect();"
                " const s = t.ownerSVGElement.getBoundingClientRect();"
                " return [t.closest('.panel') ? 0 : 1, r.left, r.top, r.right, r.bottom, s.left, s.right]; })"
            )
            assert len(boxes) == 8
            for at, (where, left, top, right, bottom, start, end) in enumerate(boxes):
                assert left >= start - 1 and right <= end + 1
                for other, x1, y1, x2, y2, *_ in boxes[at + 1 :]:
                    apart = right <= x1 or x2 <= left or bottom <= y1 + 4 or y2 <= top + 4
                    assert other != where or apart

        drive(story)

    def test_it_fits_a_narrow_screen(self, written: Path, drive: Drive) -> None:
        async def story(page: Tab) -> None:
            await page.size(380, 800, mobile=True)
            await page.open(written)
            assert await page.ask("document.documentElement.scrollWidth") == 380
            assert await page.ask("getComputedStyle(document.querySelector('.priced-0 .broad')).display") == "none"
            assert await page.ask("document.querySelector('.priced-0 .narrow').getBoundingClientRect().width > 250")

        drive(story)
