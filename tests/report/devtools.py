"""A headless Chromium, spoken to over the DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

READY = "document.getElementById('reader').dataset.ready === 'yes'"
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--mute-audio",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
]


def browser_path() -> str | None:
    """Where a Chromium is, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


class Tab:
    """One page. `requests` and `problems` collect what it asked the network for and what went wrong in it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.requests: list[str] = []
        self.problems: list[str] = []
        self._last = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.socket:
            data = json.loads(message.data)
            if "id" in data:
                self._waiting.pop(data["id"]).set_result(data)
                continue
            method, values = data.get("method"), data.get("params", {})
            if method == "Page.loadEventFired":
                self._loaded.set()
            elif method == "Network.requestWillBeSent":
                self.requests.append(values["request"]["url"])
            elif method == "Runtime.exceptionThrown":
                self.problems.append(json.dumps(values["exceptionDetails"]))
            elif method == "Runtime.consoleAPICalled" and values["type"] in ("error", "warning", "assert"):
                self.problems.append(json.dumps(values["args"]))
            elif method == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
                self.problems.append(values["entry"]["text"])

    async def call(self, method: str, **values: Any) -> dict[str, Any]:
        self._last += 1
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[self._last] = reply
        await self.socket.send_json({"id": self._last, "method": method, "params": values})
        data = await asyncio.wait_for(reply, 60)
        assert "error" not in data, data
        result: dict[str, Any] = data["result"]
        return result

    async def start(self) -> None:
        for domain in ("Page", "Network", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.call("Emulation.setFocusEmulationEnabled", enabled=True)

    async def open(self, path: Path, fragment: str = "") -> None:
        await self._go(path.resolve().as_uri() + fragment)

    async def blank(self) -> None:
        """Leaves the page, and forgets what it asked for and what went wrong in it."""
        await self._go("about:blank")
        self.requests.clear()
        self.problems.clear()

    async def _go(self, address: str) -> None:
        self._loaded.clear()
        await self.call("Page.navigate", url=address)
        await asyncio.wait_for(self._loaded.wait(), 60)

    async def ask(self, script: str) -> Any:
        """The value of an expression, awaited when it is a promise."""
        reply = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in reply, reply["exceptionDetails"]
        return reply["result"].get("value")

    async def until(self, script: str) -> Any:
        """Waits until an expression is true."""
        for _ in range(300):
            value = await self.ask(script)
            if value:
                return value
            await asyncio.sleep(0.05)
        raise AssertionError(f"never true: {script}")

    async def size(self, width: int, height: int, *, mobile: bool = False) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile
        )

    async def dark(self, on: bool = True) -> None:
        value = "dark" if on else "light"
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    async def press(self, key: str, code: int) -> None:
        for kind in ("keyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code,
                **({"text": "\r"} if key == "Enter" and kind == "keyDown" else {}),
            )  # fmt: skip

    async def picture(self, path: Path, *, whole: bool = True) -> None:
        reply = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(reply["data"]))


Drive = Callable[[Callable[[Tab], Awaitable[None]]], None]
"""Plays a story in a browser."""

IN_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(
        browser_path() is None, reason="no chromium or google-chrome on the PATH (Debian: apt install chromium)"
    ),
]


@contextlib.asynccontextmanager
async def tab(executable: str) -> AsyncIterator[Tab]:
    """A fresh browser with one page; it ends with the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            executable, *FLAGS, f"--user-data-dir={folder}", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            async with aiohttp.ClientSession() as session:
                base = f"http://127.0.0.1:{await _port(Path(folder))}"
                async with session.get(f"{base}/json/list") as reply:
                    pages = [page for page in await reply.json() if page["type"] == "page"]
                async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    opened = Tab(socket)
                    await opened.start()
                    yield opened
                    await opened.socket.send_json({"id": 0, "method": "Browser.close"})
                    opened._reader.cancel()
                    await asyncio.gather(opened._reader, return_exceptions=True)
        finally:
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _port(folder: Path) -> int:
    for _ in range(600):
        with contextlib.suppress(FileNotFoundError, IndexError, ValueError):
            return int((folder / "DevToolsActivePort").read_text().splitlines()[0])
        await asyncio.sleep(0.05)
    raise AssertionError("The browser did not open its port within 30 s.")
