"""The page in a real browser: opened from a file, clicked, searched, attacked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from workings.report.page import write_report

from .devtools import IN_BROWSER, READY, Drive, Tab
from .fixtures import make_hostile_run, make_run

pytestmark = IN_BROWSER

POSITION = "document.getElementById('position').textContent"
SHOWN = "document.getElementById('shown').innerText"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    write_report(make_run(), folder / "plain.html")
    write_report(make_run(60), folder / "sampled.html", max_browsable=40)
    write_report(make_hostile_run(), folder / "hostile.html")
    return folder


async def choose(page: Tab, name: str, value: str) -> None:
    await page.ask(
        f"{{const field = document.getElementById('filter-{name}'); field.value = '{value}';"
        " field.dispatchEvent(new Event('input', {bubbles: true}));}"
    )


def clean(page: Tab, path: Path) -> None:
    assert page.problems == []
    assert page.requests == [path.resolve().as_uri()]


def test_filters_pages_and_search_find_attempts(pages: Path, drive: Drive) -> None:
    run = make_run()
    wrong = sum(row.method == "direct" and row.outcome == "wrong" for row in run.rows_)
    chain = sum(row.method == "direct" and row.outcome == "wrong" and row.family == "chain" for row in run.rows_)

    async def story(page: Tab) -> None:
        await page.open(pages / "plain.html")
        await page.until(READY)
        assert await page.ask(POSITION) == "1–50 of 800 attempts"
        await page.ask("document.getElementById('next').click()")
        assert await page.ask(POSITION) == "51–100 of 800 attempts"
        await choose(page, "method", "0")
        await choose(page, "outcome", "wrong")
        await page.until(f"{POSITION} === '1–50 of {wrong} attempts'")
        await choose(page, "family", "chain")
        await page.until(f"{POSITION}.endsWith('of {chain} attempts')")
        await choose(page, "family", "")
        await choose(page, "outcome", "")
        await choose(page, "text", "SHELL-GAME-000003")
        await page.until(f"{POSITION} === '1–1 of 1 attempt'")
        await choose(page, "text", "no such words")
        await page.until(f"{POSITION} === 'No attempt fits these filters.'")
        clean(page, pages / "plain.html")

    drive(story)


def test_search_inside_reasoning_reads_every_chunk(pages: Path, drive: Drive) -> None:
    run = make_run()
    told = sum(
        attempt.solution is not None and any("the ball is now at 7" in trace.text for trace in attempt.solution.pool)
        for attempt in run.attempts_.values()
    )

    async def story(page: Tab) -> None:
        await page.open(pages / "plain.html")
        await page.until(READY)
        await choose(page, "text", "Ball is NOW at 7")
        await page.until(f"{POSITION} === 'No attempt fits these filters.'")
        await page.ask("document.getElementById('filter-inside').click()")
        await page.until(f"{POSITION}.endsWith('of {told} attempts')")

    assert 50 < told < 800
    drive(story)


def test_an_attempt_shows_votes_steps_and_tokens(pages: Path, drive: Drive) -> None:
    run = make_run()
    row = next(r for r in run.rows_ if r.method == "vote:n=8" and r.outcome == "wrong" and r.length == 4)
    solution = run.attempts_[row.problem_id, row.method, 0].solution
    assert solution is not None and solution.choice is not None

    async def story(page: Tab) -> None:
        await page.open(pages / "plain.html", f"#attempt={row.problem_id}/vote%3An%3D8/0")
        await page.until(f"{READY} && document.querySelectorAll('#shown details.trace').length >= 8")
        seen = str(await page.ask(SHOWN))
        assert "wrong" in seen and f"gold {row.gold}" in seen
        assert f"{row.generated} tokens" in seen
        assert "8 traces, all that were made" in seen
        assert "Trace 1, chosen" in seen
        bars = await page.ask("[...document.querySelectorAll('.votes .name')].map(n => n.textContent)")
        assert bars == list(solution.choice.weights)
        assert await page.ask("document.querySelectorAll('.votes .won').length") == 1
        steps = await page.ask(
            "[...document.querySelectorAll('.trace.chosen .steps li:not(.gap)')].map(n => n.textContent)"
        )
        assert steps == [step.text for step in solution.pool[0].steps]
        assert await page.ask("document.querySelectorAll('.trace.chosen .seismograph').length") == 1
        await page.ask("[...document.querySelectorAll('#shown details.trace')][1].open = true")
        await page.until("document.getElementById('shown').innerText.includes('Thinking, 144 characters')")
        clean_path = page.requests[0].partition("#")[0]
        assert page.problems == [] and clean_path.endswith("plain.html") and len(page.requests) == 1

    drive(story)


def test_seeds_survive_as_they_are(pages: Path, drive: Drive) -> None:
    run = make_run()
    first = run.rows_[0]
    seed = run.attempts_[first.problem_id, first.method, 0].seed
    assert seed > 2**53

    async def story(page: Tab) -> None:
        await page.open(pages / "plain.html")
        await page.until(f"{READY} && {SHOWN}.includes('seed')")
        assert str(seed) in str(await page.ask(SHOWN))

    drive(story)


def test_keyboard_alone_reaches_an_attempt_and_a_point(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await page.open(pages / "plain.html")
        await page.until(READY)
        await page.ask("document.querySelector('#listing button').focus()")
        await page.press("ArrowDown", 40)
        await page.press("ArrowDown", 40)
        await page.press("Enter", 13)
        await page.until(f"{SHOWN}.includes('by cot')")
        assert await page.ask("location.hash") == "#attempt=chain-000000/cot/0"
        await page.ask("document.querySelector('.view-0 .broad .point').focus()")
        said = await page.ask("document.getElementById('frontier-readout').textContent")
        assert str(said).startswith("direct: accuracy 0.192, interval 0.143 to 0.252; 4.63 generated tokens")

    drive(story)


def test_the_cost_axis_switches_without_script_and_without_moving_the_page(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await page.call("Emulation.setScriptExecutionDisabled", value=True)
        await page.open(pages / "plain.html")
        visible = "[...document.querySelectorAll('.view')].map(v => getComputedStyle(v).display)"
        height = "document.querySelector('.frontier').getBoundingClientRect().height"
        assert await page.ask(visible) == ["block", "none", "none"]
        before = await page.ask(height)
        await page.ask("document.getElementById('by-2').click()")
        assert await page.ask(visible) == ["none", "none", "block"]
        assert await page.ask(height) == before
        assert await page.ask("document.querySelectorAll('#accuracy tbody tr').length") == 4

    drive(story)


def test_hostile_text_stays_text(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await page.open(pages / "hostile.html")
        await page.until(f"{READY} && document.querySelectorAll('#shown details').length > 1")
        for at in range(4):
            await page.ask(f"document.querySelectorAll('#listing button')[{at}].click()")
            await page.until(
                f"document.querySelectorAll('#listing button')[{at}].getAttribute('aria-current') === 'true'"
            )
            await page.ask("document.querySelectorAll('#shown details').forEach(d => { d.open = true; })")
            await asyncio.sleep(0.1)
        assert await page.ask("String(window.hacked)") == "undefined"
        assert (
            await page.ask("document.querySelectorAll('img, iframe, object, #shown script, #shown style').length") == 0
        )
        assert "<img src=x onerror=" in str(await page.ask(SHOWN))
        assert "[U+202E]" in str(await page.ask(SHOWN))
        clean(page, pages / "hostile.html")

    drive(story)


def test_the_policy_refuses_scripts_and_requests(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await page.open(pages / "plain.html")
        await page.until(READY)
        await page.ask(
            "{const s = document.createElement('script'); s.textContent = 'window.hacked = 1';"
            " document.body.append(s);}"
        )
        refused = await page.ask("fetch('http://127.0.0.1:9/').then(() => 'let through', () => 'refused')")
        assert refused == "refused"
        assert await page.ask("String(window.hacked)") == "undefined"
        assert any("Content Security Policy" in problem for problem in page.problems)

    drive(story)


def test_a_narrow_screen_shows_one_thing_at_a_time(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await page.size(380, 800, mobile=True)
        await page.open(pages / "plain.html")
        await page.until(READY)
        assert await page.ask("document.documentElement.scrollWidth") == 380
        shown = "getComputedStyle(document.querySelector('.reader .{}')).display"
        assert await page.ask(shown.format("attempt")) == "none"
        await page.ask("document.querySelectorAll('#listing button')[3].click()")
        await page.until("document.getElementById('reader').classList.contains('open')")
        assert await page.ask(shown.format("attempt")) == "block"
        assert await page.ask(shown.format("index")) == "none"
        assert await page.ask("document.documentElement.scrollWidth") == 380
        await page.ask("document.getElementById('close').click()")
        assert await page.ask(shown.format("attempt")) == "none"
        assert await page.ask("document.activeElement.getAttribute('aria-current')") == "true"
        clean(page, pages / "plain.html")

    drive(story)


def test_a_sampled_page_says_so(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await page.open(pages / "sampled.html")
        await page.until(READY)
        assert await page.ask(POSITION) == "1–40 of 40 attempts"
        assert "computed from all 240 attempts" in str(await page.ask("document.querySelector('.sampled').innerText"))
        clean(page, pages / "sampled.html")

    drive(story)


def test_text_can_be_read_in_both_colour_schemes(pages: Path, drive: Drive) -> None:
    contrast = """(() => {
      const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
      const light = (colour) => {
        const [r, g, b] = colour.match(/[0-9.]+/g).map((v) => linear(v / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
      };
      const back = light(getComputedStyle(document.body).backgroundColor);
      return ['body', '.soft', 'a[href="#accuracy"]', 'thead th'].map((query) => {
        const front = light(getComputedStyle(document.querySelector(query)).color);
        return Math.max(front / back, back / front);
      });
    })()"""

    async def story(page: Tab) -> None:
        for dark in (False, True):
            await page.dark(dark)
            await page.open(pages / "plain.html")
            assert min(await page.ask(contrast)) >= 4.5

    drive(story)
