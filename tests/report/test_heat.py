"""Heat on the chain, curves and findings in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from workings.report.page import write_report

from .devtools import IN_BROWSER, READY, Drive, Tab
from .evidence_runs import doubt_record, early_record, hostile_record, judged_record, kept, source_run

pytestmark = IN_BROWSER

STEPS = "[...document.querySelectorAll('#shown .warmed li')]"
SHADES = f"{STEPS}.map(l => getComputedStyle(l).backgroundColor)"
NATS = f"{STEPS}.map(l => l.dataset.nats === undefined ? null : Number(l.dataset.nats))"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audits")
    source = source_run(60)
    beside = [early_record(source), judged_record(source), doubt_record(source)]
    write_report(source, folder / "plain.html", beside=beside)
    write_report(source, folder / "hostile.html", beside=[hostile_record(source)])
    return folder


async def opened(page: Tab, path: Path, at: int, method: str = "cot") -> None:
    problem = kept(source_run(60))[at].problem_id
    await page.open(path, f"#attempt={problem}/{method.replace(':', '%3A').replace('=', '%3D')}/0")
    await page.until(f"{READY} && document.querySelector('#shown h3 .name')?.textContent === '{problem}'")


def test_the_steps_that_carry_the_answer_are_shaded(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await opened(page, pages / "plain.html", 1)
        nats, shades = await page.ask(NATS), await page.ask(SHADES)
        assert nats[-1] is None and nats[-2] > 2 and set(nats[:-2]) <= {0}
        assert shades[-1] == "rgba(0, 0, 0, 0)" and len(set(shades[:-2])) == 1 and shades[-2] != shades[0]
        legend = await page.ask("document.querySelector('.hinge').innerText")
        assert "log-odds of 7 (nats)" in legend and "takes away −5" in legend and "+5 adds" in legend
        spark = await page.ask("document.querySelector('.spark').getAttribute('aria-label')")
        assert "from 0.21 without the chain to 0.81 behind it" in spark
        assert page.problems == []

    drive(story)


def test_a_step_that_takes_away_has_the_other_colour(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await opened(page, pages / "plain.html", 0)
        nats, shades = await page.ask(NATS), await page.ask(SHADES)
        assert nats[0] > 3 and nats[1] < -3
        reds = [[float(v) for v in shade.split("(")[1].rstrip(")").replace("srgb ", "").replace("/", " ").split()]
                for shade in shades[:2]]  # fmt: skip
        assert reds[0][2] > reds[0][0] and reds[1][0] > reds[1][2]

    drive(story)


def test_the_number_appears_on_focus_with_keys_alone(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await opened(page, pages / "plain.html", 1)
        last = f"{STEPS}.filter(l => l.dataset.nats).at(-1)"
        assert await page.ask(f"getComputedStyle({last}.querySelector('.nats')).opacity") == "0"
        await page.ask(f"{STEPS}.filter(l => l.dataset.nats).at(-2).focus()")
        await page.press("Tab", 9)
        assert await page.ask(f"document.activeElement === {last}")
        assert await page.ask(f"getComputedStyle({last}.querySelector('.nats')).opacity") == "1"
        assert str(await page.ask(f"{last}.querySelector('.nats').textContent")).endswith("nats")

    drive(story)


def test_attempts_that_were_not_audited_have_no_heat(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await opened(page, pages / "plain.html", 1, "vote:n=8")
        assert await page.ask("document.querySelectorAll('.hinge, [data-nats]').length") == 0

    drive(story)


def test_findings_open_with_keys_and_nothing_overflows(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        for width in (1280, 380):
            await page.size(width, 900, mobile=width < 500)
            await page.open(pages / "plain.html")
            await page.until(READY)
            await page.ask("document.querySelectorAll('#audits details, #doubts details').forEach(d => d.open = true)")
            assert await page.ask("document.documentElement.scrollWidth") == width
        summary = "document.querySelector('#audits .findings summary')"
        await page.ask(f"{summary}.parentElement.open = false; {summary}.focus()")
        await page.press("Enter", 13)
        assert "Does not show" in await page.ask(f"{summary}.parentElement.innerText")
        assert page.problems == [] and len(page.requests) == 2

    drive(story)


def test_labels_of_the_curve_do_not_touch(pages: Path, drive: Drive) -> None:
    apart = """(() => {
      const boxes = [...document.querySelectorAll('.early svg.broad text')].map(t => t.getBoundingClientRect());
      return boxes.every((a, i) => boxes.slice(i + 1).every(b =>
        a.right <= b.left || b.right <= a.left || a.bottom - 3 <= b.top || b.bottom - 3 <= a.top));
    })()"""

    async def story(page: Tab) -> None:
        await page.open(pages / "plain.html")
        assert await page.ask(apart) is True

    drive(story)


def test_hostile_text_stays_text(pages: Path, drive: Drive) -> None:
    async def story(page: Tab) -> None:
        await opened(page, pages / "hostile.html", 0)
        assert await page.ask("String(window.hacked)") == "undefined"
        assert str(await page.ask("document.querySelector('.hinge b').textContent")).startswith("</script>")
        assert await page.ask("document.querySelectorAll('#audits script, #audits img, #shown img').length") == 0
        assert page.problems == []

    drive(story)
