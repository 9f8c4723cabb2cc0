"""Links between pages lead somewhere, and the pages keep to plain words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docpages import PAGES, ROOT

_LINK = re.compile(r"!?\[[^\]\n]*\]\((?P<to>[^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.S)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    for match in _LINK.finditer(text):
        to = match["to"].partition("#")[0]
        if to and "://" not in to:
            assert (page.parent / to).exists(), f"{page.name} links to {to}, which is not there."


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs").glob("*.md")):
        assert f"](docs/{page.name})" in readme, f"The README does not link docs/{page.name}."


def test_the_two_commands_stand_at_the_top() -> None:
    for name in ("README.md", "README.zh.md"):
        head = "\n".join((ROOT / name).read_text(encoding="utf-8").splitlines()[:40])
        assert "make demo" in head and "make test" in head


def test_results_can_be_filled_in() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count("<!-- results:begin -->") == text.count("<!-- results:end -->") == 1
    assert text.index("<!-- results:begin -->") < text.index("<!-- results:end -->")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_no_emojis(page: Path) -> None:
    found = re.findall("[\U0001f300-\U0001faff\u2728\u2705\u274c]", page.read_text(encoding="utf-8"))
    assert not found, f"{page.name} holds {found}."
