"""The generated parts of the documentation are what the code says now."""

from __future__ import annotations

from docpages import ROOT, between, cli_help, cli_section, file_map

AGAIN = "Write it anew with: python tests/docs/docpages.py"


def test_file_map_of_the_readme_is_current() -> None:
    written = between((ROOT / "README.md").read_text(encoding="utf-8"), "file-map")
    expected = file_map()
    assert written.strip() == f"```text\n{expected}\n```", f"{AGAIN}\n\n{expected}"


def test_help_texts_are_current() -> None:
    written = between((ROOT / "docs" / "cli.md").read_text(encoding="utf-8"), "help")
    # Line breaks differ between versions of argparse.
    assert written.split() == cli_section().split(), f"{AGAIN}\n\n{cli_section()}"


def test_every_verb_has_help() -> None:
    told = cli_help()
    assert {"", "ask", "run", "report", "list", "export", "import"} <= set(told)
    assert all("usage: workings" in text for text in told.values())
