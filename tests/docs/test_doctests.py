"""Every example in a docstring runs, in all modules that load without torch."""

from __future__ import annotations

import ast
import doctest
import importlib
from pathlib import Path

import pytest
from docpages import ROOT

SOURCE = ROOT / "src"
HEAVY = {"torch", "transformers", "tokenizers", "safetensors", "gguf"}


def _imports(path: Path) -> set[str]:
    """What a module imports when it is loaded."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _path(module: str) -> Path | None:
    base = SOURCE / module.replace(".", "/")
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)


def _is_light(module: str, seen: set[str]) -> bool:
    path = _path(module)
    if path is None or module in seen:
        return True
    seen.add(module)
    names = _imports(path)
    if any(name.partition(".")[0] in HEAVY for name in names):
        return False
    return all(_is_light(name, seen) for name in names if name.startswith("workings"))


def _modules() -> list[str]:
    found = []
    for path in sorted((SOURCE / "workings").rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(SOURCE).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return [module for module in found if _is_light(module, set())]


@pytest.mark.parametrize("name", _modules())
def test_examples(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert found.attempted > 0 and found.failed == 0


def test_there_are_examples() -> None:
    assert len(_modules()) >= 3
    assert not _is_light("workings.models.local.plain", set())
