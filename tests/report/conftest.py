"""The browser that all stories of a file share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

import pytest

from .devtools import Drive, Tab, browser_path, tab


@pytest.fixture(scope="module")
def drive() -> Iterator[Drive]:
    """Plays a story in one browser that all tests share, on a page that is opened afresh."""
    browser = browser_path()
    assert browser is not None
    with asyncio.Runner() as runner, contextlib.ExitStack() as ending:
        opened = tab(browser)
        page = runner.run(opened.__aenter__())
        ending.callback(lambda: runner.run(opened.__aexit__(None, None, None)))

        async def play(story: Callable[[Tab], Awaitable[None]]) -> None:
            await page.size(1280, 900)
            await page.dark(False)
            await page.call("Emulation.setScriptExecutionDisabled", value=False)
            await page.blank()
            await story(page)

        yield lambda story: runner.run(play(story))
