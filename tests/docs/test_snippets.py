"""Every Python block of the documentation runs, and every command line in it parses."""

from __future__ import annotations

import sys
import types
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from docpages import PAGES, ROOT, Block, blocks, commands

from workings.catalog.models import pocket_folder
from workings.catalog.spec import build
from workings.cli.main import parser
from workings.core.errors import UsageError

PYTHON = {page: blocks(page, "python") for page in PAGES}
WAITING = [block for found in PYTHON.values() for block in found if block.needs]
CONSOLE = [block for page in PAGES for block in blocks(page, "console")]


def _has(need: str) -> bool:
    """Whether what a block needs is here after all."""
    modules = {"torch": ["torch", "transformers"], "pyarrow": ["pyarrow"], "math-verify": ["math_verify"]}
    if need == "the pocket model":
        return (pocket_folder() / "model.safetensors").is_file() and _has("torch")
    return need in modules and all(find_spec(name) for name in modules[need])


def _run(found: list[Block], name: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, Any]:
    """Runs blocks one after the other in one namespace, in an empty folder."""
    module = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.chdir(folder)
    for block in found:
        code = compile("\n" * (block.line - 1) + block.code, str(block.page), "exec")
        exec(code, module.__dict__)
    return module.__dict__


@pytest.mark.parametrize("page", [p for p in PAGES if PYTHON[p]], ids=lambda p: p.name)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = [block for block in PYTHON[page] if not block.needs]
    left = _run(ready, f"page_{page.stem}", monkeypatch, tmp_path)
    assert not ready or len(left) > 5, f"{page.name} left nothing behind."


@pytest.mark.parametrize("block", WAITING, ids=lambda b: b.name)
def test_blocks_that_need_something(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile(block.code, block.name, "exec")
    if not _has(block.needs):
        pytest.skip(f"needs {block.needs}")
    before = [b for b in PYTHON[block.page] if not b.needs and b.line < block.line]
    left = _run([*before, block], "page_waiting", monkeypatch, tmp_path)
    assert len(left) > 5


@pytest.mark.parametrize("block", CONSOLE, ids=lambda b: b.name)
def test_console_blocks_parse(block: Block) -> None:
    seen = 0
    for words in commands(block):
        seen += 1
        if words[0] == "make":
            assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), f"There is no {words}."
        if words[0] != "workings":
            continue
        try:
            given = parser().parse_args(words[1:])
            for spec in (*(getattr(given, "methods", ()) or ()), *filter(None, [getattr(given, "method", None)])):
                assert build("methods", spec) is not None
        except UsageError as error:
            pytest.fail(f"{block.name}: {' '.join(words)}: {error}")
    assert seen, f"{block.name} holds no command."


def test_there_is_something_to_run() -> None:
    runnable = [b for found in PYTHON.values() for b in found if not b.needs]
    assert len(runnable) >= 10 and len(CONSOLE) >= 5
