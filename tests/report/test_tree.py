"""The tree of an attempt in a real browser: rows, branches, scores, what was discarded, and the answer's path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from workings.core.answer import NO_ANSWER, Answer, Outcome, Source
from workings.core.completion import Stop, Usage
from workings.core.problem import Problem, Question
from workings.core.record import AttemptRow
from workings.core.solution import Attempt, Choice, Solution
from workings.core.trace import Trace
from workings.report.page import write_report
from workings.verify.steps import split_steps

from .devtools import IN_BROWSER, READY, Drive, Tab
from .fixtures import HOSTILE, FakeRun, spec

pytestmark = IN_BROWSER

TREE = "document.querySelector('.grown svg.tree')"
ROWS = "[...document.querySelectorAll('.grown [data-trace]')]"
LINES = (
    f"{ROWS}.map(r => [Number(r.dataset.trace), Number(r.getAttribute('aria-level')),"
    " r.querySelector('.chain').getAttribute('d'), r.querySelector('.hit').y.baseVal.value + 10])"
)
ENDS = (
    f"{ROWS}.map(r => [r.dataset.trace, r.querySelector('.answer')?.textContent ?? '',"
    " r.querySelector('.end')?.classList[1] ?? ''])"
)
BOLD = (
    f"{ROWS}.filter(r => r.querySelector('.on')).map(r => [Number(r.dataset.trace),"
    " r.querySelector('.on').getAttribute('d'), r.querySelector('.chain').getAttribute('d')])"
)
TEXTS_FIT = """(() => {
  const edge = document.getElementById('attempt').getBoundingClientRect().right + 1;
  return [...document.querySelectorAll('.grown svg.tree text')].every(t => t.getBoundingClientRect().right <= edge);
})()"""
READOUT = "document.querySelector('.grown .readout').innerText"


def chain(
    steps: int,
    answer: str | None = None,
    stop: Stop = Stop.END,
    *,
    above: tuple[int, Trace] | None = None,
    after: int = 0,
    role: str = "branch",
    scores: Mapping[str, tuple[float, ...]] | None = None,
    start: str = "Step",
) -> Trace:
    """A trace of so many steps. One below another goes on in its own words `after` so many of the steps above."""
    shared = above[1].text.splitlines(keepends=True)[:after] if above else []
    text = "".join([*shared, *(f"{start} {n} of this chain.\n" for n in range(after, steps))])
    given = NO_ANSWER
    if answer is not None:
        at = len(text) + len("The answer is ")
        given = Answer(answer, answer, (at, at + len(answer)), Source.DECLARED)
        text += f"The answer is {answer}."
    parent, branch = (above[0], sum(map(len, shared))) if above else (None, None)
    return Trace(text, split_steps(text), given, stop, parent=parent, branch_at=branch, role=role, scores=scores or {},
                 usage=Usage(generated=steps, calls=1))  # fmt: skip


FIRST = chain(4, "8", scores={"prm": (0.9, 0.8, 0.4, 0.2, 0.1), "orm": (0.3,)})
CHOSEN = chain(
    4, "7", above=(0, FIRST), after=2, scores={"prm": (0.9, 0.8, 0.95, 1.0, 1.0), "orm": (0.7,)}, start="Yes"
)
POOL = (
    FIRST,
    chain(2, None, Stop.CANCELLED, above=(0, FIRST), after=1, scores={"prm": (0.9, 0.0), "orm": (0.1,)}, start="No"),
    CHOSEN,
    chain(6, None, Stop.LENGTH, above=(2, CHOSEN), after=3, scores={"prm": (0.9, 0.8, 0.9, 0.5, 0.5, 0.5)}, start="On"),
    chain(1, None, Stop.CANCELLED, scores={"prm": (0.1,)}, start="Else"),
    chain(5, "7", above=(0, FIRST), after=4, role="probe", start="Look"),
)
CHOICE = Choice("best value", {"7": 1.0, "8": 0.1}, 2, abstained=1, tied=True)


def run_of(*pools: tuple[tuple[Trace, ...], Choice | None], method: str = "beam") -> FakeRun:
    run = FakeRun(spec((method,), len(pools)))
    for at, (pool, choice) in enumerate(pools):
        item = Problem(Question(f"p{at}", "How many?"), "7")
        answer = pool[choice.chosen].answer if choice and choice.chosen is not None else pool[0].answer
        outcome = Outcome.RIGHT if answer.canonical == "7" else Outcome.WRONG
        spent = Usage(generated=40, calls=6)
        run.problems_.append(item)
        run.attempts_[item.id, method, 0] = Attempt(
            item.id, method, 0, 5, outcome, Solution(answer, 0.5, pool, choice, spent), None, spent, 0.5
        )
        run.rows_.append(AttemptRow(item.id, method, 0, outcome, answer.canonical, "7", generated=40, calls=6))
    return run


def large_pool(kept: int, discarded: int) -> tuple[Trace, ...]:
    """Finished chains, and branches of the first of them that went nowhere."""
    done = [chain(4, str(n % 9)) for n in range(kept)]
    gone = [
        chain(3, None, Stop.CANCELLED, above=(0, done[0]), after=1 + n % 2, start=f"No {n}") for n in range(discarded)
    ]
    return (*done, *gone)


def wild_pool() -> tuple[Trace, ...]:
    """The small pool with hostile text wherever a model writes."""
    answer = Answer(HOSTILE, HOSTILE, None, Source.DECLARED)
    more = len(HOSTILE) - len("Step 0")
    made = []
    for trace in POOL:
        text = trace.text.replace("Step 0", HOSTILE, 1)
        branch = trace.branch_at + more if trace.branch_at else trace.branch_at
        made.append(
            replace(
                trace, text=text, steps=split_steps(text), branch_at=branch, answer=answer, scores={HOSTILE: (0.5,)}
            )
        )
    return tuple(made)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trees")
    write_report(run_of((POOL, CHOICE)), folder / "small.html")
    many = (large_pool(10, 190), Choice("best value", {"7": 1.0}, 7))
    votes = (large_pool(200, 0), Choice("counts", {str(n): 22.0 for n in range(9)}, 130))
    choice = Choice(HOSTILE, {HOSTILE: 3.0}, 2)
    write_report(run_of(many, votes, (wild_pool(), choice), (POOL[:1], None)), folder / "large.html")
    return folder


async def opened(page: Tab, path: Path, problem: str = "p0") -> None:
    await page.open(path, f"#attempt={problem}/beam/0")
    await page.until(f"{READY} && {TREE} && document.querySelector('#shown h3 .name').textContent === '{problem}'")


def row(at: int) -> str:
    return f"document.querySelector('.grown [data-trace=\"{at}\"]')"


def test_each_trace_is_a_row_below_the_one_it_left_where_it_left_it(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await opened(page, pages / "small.html")
        found = await page.ask(LINES)
        assert [(at, level) for at, level, *_ in found] == [(0, 1), (5, 2), (2, 2), (3, 3), (1, 2), (4, 1)]
        lines = {at: (path, y) for at, _, path, y in found}
        start, end = (float(part.split(" ")[0]) for part in lines[0][0].removeprefix("M").split("H") if part)
        width = float(lines[0][0].split("H")[1]) - start
        assert start < end and all(path.startswith(f"M{start:g} ") for path, _ in (lines[0], lines[4]))
        for at in (1, 2, 3, 5):
            parent, branch = POOL[at].parent, POOL[at].branch_at
            assert parent is not None and branch is not None
            x, y = map(float, lines[at][0].removeprefix("M").split("V")[0].split(" "))
            assert x == pytest.approx(start + width * branch / len(POOL[0].text), abs=0.11)
            assert y == lines[parent][1] < lines[at][1]
            assert float(lines[at][0].split("H")[1]) == pytest.approx(
                start + width * len(POOL[at].text) / len(POOL[0].text), abs=0.15
            )
        assert await page.ask("document.querySelectorAll('.grown .elbow').length") == 4
        assert page.problems == []

    drive(story)


def test_discarded_cut_and_looked_ahead_branches_are_marked(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await opened(page, pages / "small.html")
        marks = await page.ask(
            f"{ROWS}.filter(r => r.querySelector('.gone')).map(r => [r.dataset.trace, r.classList[1]])"
        )
        assert sorted(marks) == [["1", "discarded"], ["3", "cut"], ["4", "discarded"]]
        assert await page.ask("document.querySelectorAll('.grown .probe[data-trace]').length") == 1
        assert await page.ask(f"getComputedStyle({row(5)}.querySelector('.chain')).strokeDasharray") == "3px, 3px"
        ends = await page.ask(ENDS)
        assert {at: tuple(rest) for at, *rest in ends} == {
            "0": ("8", "wrong"), "1": ("", ""), "2": ("7", "right"), "3": ("cut by length", ""), "4": ("", ""),
            "5": ("7", "right"),
        }  # fmt: skip
        words = await page.ask("document.querySelector('.grown').innerText")
        assert "6 traces: 2 finished, 2 discarded, 1 cut by length, 1 probe." in words
        key = await page.ask("[...document.querySelectorAll('.grown .key li')].map(l => l.textContent)")
        assert key == ["prm, 0 to 1", "path of the answer", "discarded", "cut by length", "probe", "right", "wrong"]

    drive(story)


def test_the_path_of_the_answer_is_bold_and_ends_at_the_chosen_trace(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await opened(page, pages / "small.html")
        bold = await page.ask(BOLD)
        paths = {at: (on, line) for at, on, line in bold}
        assert set(paths) == {0, 2}
        assert paths[2][0] == paths[2][1]
        assert float(paths[0][0].split("H")[1]) == float(paths[2][0].removeprefix("M").split(" ")[0])
        assert await page.ask("[...document.querySelectorAll('.grown .chosen')].map(r => r.dataset.trace)") == ["2"]
        assert "The answer came from trace 3, by way of 1." in await page.ask(
            "document.querySelector('.grown').innerText"
        )
        assert await page.ask(f"{row(2)}.getAttribute('tabindex')") == "0"

    drive(story)


def test_dots_are_shaded_by_the_verifier_that_is_asked_for(pages: Path, drive: Drive) -> None:
    def shades(at: int) -> str:
        return f"[...{row(at)}.querySelectorAll('.score')].map(d => Number(d.style.fill.match(/([0-9.]+)%/)[1]))"

    async def story(page: Tab) -> None:
        await opened(page, pages / "small.html")
        assert await page.ask(shades(0)) == [90, 80, 40, 20, 10]
        assert await page.ask(shades(2)) == [95, 100, 100]
        assert await page.ask(f"{row(5)}.querySelectorAll('.score').length") == 0
        assert await page.ask(f"{row(5)}.querySelectorAll('.step').length") == 2
        names = "[...document.querySelectorAll('.grown fieldset label')].map(l => l.textContent)"
        assert await page.ask(names) == ["prm", "orm"]
        await page.ask("document.querySelectorAll('.grown fieldset input')[1].click()")
        assert await page.ask(shades(0)) == [30]
        assert await page.ask(f"{row(0)}.querySelectorAll('.step').length") == 5
        assert await page.ask("document.querySelector('.grown .key li').textContent") == "orm, 0 to 1"

    drive(story)


def test_votes_and_their_rule_stand_beside_the_tree(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await opened(page, pages / "small.html")
        votes = "document.querySelector('.grown .votes')"
        assert await page.ask(f"[...{votes}.querySelectorAll('.name')].map(n => n.textContent)") == ["7", "8"]
        assert await page.ask(f"[...{votes}.querySelectorAll('.chip')].map(n => n.className)") == [
            "chip right",
            "chip wrong",
        ]
        assert await page.ask(f"{votes}.querySelectorAll('.won').length") == 1
        words = await page.ask("document.querySelector('.grown .below').innerText")
        assert "Rule: best value." in words and "A tie was broken by the seed." in words
        assert "1 chain without an answer did not vote." in words

    drive(story)


def test_pointing_reads_a_row_and_clicking_opens_its_trace(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await opened(page, pages / "small.html")
        point = "dispatchEvent(new PointerEvent('pointerover', {bubbles: true}))"
        await page.ask(f"{row(1)}.querySelector('.hit').{point}")
        said = await page.ask(READOUT)
        assert "Trace 2 · left trace 1 at character 22, discarded" in said.replace("\u00a0", " ")
        assert "No 1 of this chain." in said and "Step 0" not in said and "prm 0" in said
        await page.ask(f"{row(2)}.querySelector('[data-step=\"3\"]').{point}")
        assert (
            await page.ask("document.querySelector('.grown [aria-current=step]').innerText")
            == "Yes 3 of this chain.prm 1"
        )
        await page.ask(f"{row(1)}.querySelector('.hit').dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
        assert await page.ask("document.getElementById('trace-2').open") is True
        assert await page.ask("document.activeElement.parentElement.id") == "trace-2"
        assert await page.ask("[...document.querySelectorAll('.picked')].map(t => t.id)") == ["trace-2"]
        steps = await page.ask(
            "[...document.querySelectorAll('#trace-2 .steps li')].map(l => l.firstChild.textContent)"
        )
        assert steps == ["Step 0 of this chain.", "No 1 of this chain."]
        assert await page.ask(f"{row(1)}.getAttribute('aria-selected')") == "true"

    drive(story)


def test_keys_alone_walk_the_tree_and_open_a_trace(pages: Path, drive: Drive) -> None:
    active = "Number(document.activeElement.dataset.trace)"

    async def story(page: Tab) -> None:
        await opened(page, pages / "small.html")
        assert await page.ask("document.querySelectorAll('.grown [data-trace][tabindex=\"0\"]').length") == 1
        await page.ask(f"{row(2)}.focus()")
        await page.press("ArrowDown", 40)
        assert await page.ask(active) == 3
        await page.press("ArrowRight", 39)
        assert "On 3 of" in await page.ask("document.querySelector('.grown [aria-current=step]').innerText")
        await page.press("ArrowRight", 39)
        await page.press("ArrowLeft", 37)
        assert "On 3 of" in await page.ask("document.querySelector('.grown [aria-current=step]').innerText")
        await page.press("End", 35)
        assert await page.ask(active) == 4
        await page.press("Home", 36)
        await page.press("ArrowUp", 38)
        assert await page.ask(active) == 0
        assert "Trace 1, finished, 8 (wrong), prm ends at 0.1" in await page.ask(f"{row(0)}.getAttribute('aria-label')")
        await page.press("Enter", 13)
        await page.until("document.activeElement.parentElement.id === 'trace-1'")
        assert await page.ask("document.getElementById('trace-1').open") is True
        assert page.problems == []

    drive(story)


def test_a_large_tree_folds_what_leads_nowhere_and_says_so(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await opened(page, pages / "large.html")
        assert await page.ask(f"{ROWS}.length") == 10
        words = await page.ask("document.querySelector('.grown').innerText")
        assert "200 traces: 10 finished, 190 discarded." in words
        assert "show 190 rows more that lead to no answer" in words
        await page.ask("document.querySelector('.grown .switches input[type=checkbox]').click()")
        said = "document.querySelector('.grown .pager output').textContent"
        assert await page.ask(f"{ROWS}.length") == 21
        assert await page.ask(said) == "Rows 181–200 of 200, below 1 row repeated from before"
        while not await page.ask("document.querySelector('.grown .pager button').disabled"):
            await page.ask("document.querySelector('.grown .pager button').click()")
        assert await page.ask(said) == "Rows 1–60 of 200"
        await page.ask("document.querySelectorAll('.grown .pager button')[1].click()")
        assert await page.ask(said) == "Rows 61–120 of 200, below 1 row repeated from before"
        assert await page.ask("[...document.querySelectorAll('.grown .context')].map(r => r.dataset.trace)") == ["0"]

    drive(story)


def test_many_votes_turn_pages_and_begin_at_the_chosen_one(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await opened(page, pages / "large.html", "p1")
        assert await page.ask("document.querySelector('.grown .pager output').textContent") == "Rows 121–180 of 200"
        assert await page.ask(f"{ROWS}.length") == 60
        assert await page.ask("document.querySelector('.grown .chosen').dataset.trace") == "130"
        await page.ask("document.querySelectorAll('.grown .pager button')[1].click()")
        assert await page.ask(f"{ROWS}.length") == 20
        assert page.problems == []

    drive(story)


def test_hostile_text_in_a_tree_stays_text(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await opened(page, pages / "large.html", "p2")
        for at in range(6):
            await page.ask(f"{row(at)}.focus()")
            await page.ask(f"{row(at)}.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
        assert await page.ask("String(window.hacked)") == "undefined"
        alien = "document.querySelectorAll('#shown script, #shown img, #shown style, #shown foreignObject').length"
        assert await page.ask(alien) == 0
        assert str(await page.ask(f"{row(0)}.querySelector('.answer').textContent")).startswith("</script>")
        assert "<img src=x" in str(await page.ask(READOUT))
        assert "\u202e" not in await page.ask("document.querySelector('.grown').outerHTML")
        assert page.problems == []

    drive(story)


def test_a_single_chain_has_no_tree(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await page.open(pages / "large.html", "#attempt=p3/beam/0")
        await page.until(f"{READY} && document.querySelector('#shown h3 .name')?.textContent === 'p3'")
        assert await page.ask("document.querySelectorAll('.grown').length") == 0
        assert await page.ask("document.querySelectorAll('#shown details.trace').length") == 1

    drive(story)


def test_the_tree_fits_a_narrow_screen_and_the_dark(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await page.size(380, 800, mobile=True)
        await page.dark()
        await opened(page, pages / "small.html")
        await page.ask("document.querySelectorAll('#listing button')[0].click()")
        await page.until(f"{TREE}?.getBoundingClientRect().width > 0")
        assert await page.ask("document.documentElement.scrollWidth") == 380
        assert await page.ask(TEXTS_FIT) is True
        ink = await page.ask(f"getComputedStyle({row(2)}.querySelector('.on')).stroke")
        assert ink == "rgb(233, 232, 227)"

    drive(story)
