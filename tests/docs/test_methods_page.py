"""docs/methods.md has one complete row for everything that has a name."""

from __future__ import annotations

import re

import pytest
from docpages import ROOT

from workings.catalog.entries import GRADERS, METHODS, Entry
from workings.catalog.spec import build

PAGE = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
FORMS = {"greedy", "sampled", "vote", "verifier"}
_ROW = re.compile(r"^\| `(?P<name>[\w-]+)` \|(?P<rest>(?:[^|\n]*\|){4}[^|\n]*)\|$", re.M)


def row(name: str) -> list[str]:
    """The cells of an entry after its name: paper, form, needs, caveats, file."""
    found = [m["rest"] for m in _ROW.finditer(PAGE) if m["name"] == name]
    assert len(found) == 1, f"docs/methods.md needs one row for {name!r}, it has {len(found)}."
    return [cell.strip() for cell in found[0].split("|")]


@pytest.mark.parametrize("entry", (*METHODS, *GRADERS), ids=lambda e: e.name)
def test_row(entry: Entry) -> None:
    paper, form, needs, caveats, file = row(entry.name)
    for cited in re.findall(r"[A-Z]\w+ et al\. \d{4}", entry.source):
        assert cited in paper, f"{entry.name}: the catalog cites {cited}."
    assert form in FORMS, f"{entry.name}: {form!r} is none of {sorted(FORMS)}."
    assert needs and caveats
    module = entry.target.partition(":")[0].replace(".", "/")
    [linked] = re.findall(r"\]\(\.\./(src/[\w/]+\.py)\)", file)
    assert linked == f"src/{module}.py" and (ROOT / linked).is_file(), f"{entry.name} is in src/{module}.py."


@pytest.mark.parametrize("entry", METHODS, ids=lambda e: e.name)
def test_needs_are_named(entry: Entry) -> None:
    needs = row(entry.name)[2]
    for need in build("methods", entry.name).needs:
        assert need.value in needs, f"{entry.name} needs {need.value!r}."


def test_no_row_without_an_entry() -> None:
    named = {m["name"] for m in _ROW.finditer(PAGE)}
    assert named == {entry.name for entry in (*METHODS, *GRADERS)}
