"""The house: imports point down, nothing heavy is loaded before it is needed, files stay readable."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "workings"
FILES = sorted(SOURCE.rglob("*.py"))
HEAVY = (
    "torch",
    "transformers",
    "numpy",
    "scipy",
    "aiohttp",
    "sqlite3",
    "rich",
    "pyarrow",
    "math_verify",
    "datasets",
    "asyncio",
)
LAYERED = "Imports only point down"


def loaded_after(code: str) -> set[str]:
    """The top-level modules in memory after `code` ran in a fresh interpreter."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return {name.partition(".")[0] for name in json.loads(told.stdout.splitlines()[-1])}


def test_the_rings_hold():
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert told.returncode == 0, told.stdout + told.stderr
    assert LAYERED in told.stdout and "0 broken" in told.stdout


@pytest.mark.parametrize(
    "code",
    [
        "import workings",
        "from workings.cli.main import parser; parser().format_help()",
        "from workings.cli.main import main; main(['list', 'methods', '--json'])",
    ],
    ids=["import", "help", "list"],
)
def test_nothing_heavy_is_loaded_early(code):
    early = set(HEAVY[: None if code == "import workings" else 4])
    found = loaded_after(code) & early
    assert not found, f"{code} loads {sorted(found)}"


def test_the_inner_rooms_load_nothing_that_does_io_or_is_heavy():
    rooms = ("core.ask", "problems.procedural", "verify.extract", "reason.vote", "reason.best_of_n", "run.experiment")
    found = loaded_after("; ".join(f"import workings.{room}" for room in rooms))
    assert not found & {"torch", "transformers", "aiohttp", "sqlite3", "numpy", "scipy", "rich", "pydantic"}


def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def test_files_and_functions_stay_readable():
    long = []
    for file in FILES:
        lines = file.read_text(encoding="utf-8").count("\n")
        if lines > 500:
            long.append(f"{file.relative_to(ROOT)}: {lines} lines")
        for node in ast.walk(tree(file)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > 100:
                    long.append(f"{file.relative_to(ROOT)}:{node.lineno} {node.name}: {size} lines")
    assert not long, long


def test_names_say_what_things_are():
    vague = ("utils", "Manager", "Handler", "Helper")
    found = [str(file) for file in SOURCE.rglob("*") if any(word.lower() in file.stem.lower() for word in vague)]
    for file in FILES:
        classes = [node.name for node in ast.walk(tree(file)) if isinstance(node, ast.ClassDef)]
        found += [f"{file.name}: {name}" for name in classes if any(word in name for word in vague)]
    assert not found, found


@pytest.mark.parametrize(
    "room", ["core", "problems", "verify", "stats", "reason", "audit", "run", "testing", "catalog"]
)
def test_every_module_says_what_it_is_and_offers(room):
    for file in sorted((SOURCE / room).rglob("*.py")):
        module = tree(file)
        assert ast.get_docstring(module), f"{file.relative_to(ROOT)} has no docstring."
        if file.name == "__init__.py":
            continue
        names = [
            t.id
            for node in module.body
            if isinstance(node, ast.Assign)
            for t in node.targets
            if isinstance(t, ast.Name)
        ]
        assert "__all__" in names, f"{file.relative_to(ROOT)} has no __all__."


def test_no_public_function_takes_any_keyword():
    theirs = {"cache.py"}  # a cache overrides a method of transformers, whose signature has one
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"
        for file in FILES
        for node in ast.walk(tree(file))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.args.kwarg
        if not node.name.startswith("_") and file.name not in theirs
    ]
    assert not found, found


def test_nothing_evaluates_text_or_reads_pickles():
    found = []
    for file in FILES:
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec"):
                found.append(f"{file.relative_to(ROOT)}:{node.lineno} {node.func.id}")
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [a.name for a in node.names] + [getattr(node, "module", "") or ""]
                found += [
                    f"{file.relative_to(ROOT)}:{node.lineno} {n}" for n in names if n in ("pickle", "shelve", "dill")
                ]
    assert not found, found


def test_the_examples_in_docstrings_of_the_inner_rooms_hold():
    import doctest
    import importlib

    tried = 0
    for room in ("core", "run", "reason", "catalog", "testing", "graders", "verify"):
        for file in sorted((SOURCE / room).rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            if ">>>" not in text:
                continue
            name = ".".join(file.relative_to(SOURCE.parent).with_suffix("").parts)
            result = doctest.testmod(importlib.import_module(name))
            assert result.failed == 0, name
            tried += result.attempted
    assert tried >= 10
