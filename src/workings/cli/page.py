"""The page of a run with everything that is recorded beside it, as several commands write it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from workings.audit.doubt.verdict import Terms
from workings.core.errors import UsageError
from workings.store.archive import Archive

if TYPE_CHECKING:
    from workings.store.runs import Run

__all__ = ["check_page", "write_page"]


def check_page(path: Path) -> None:
    """Makes the folder of a page before anything is spent; UsageError when the path is a folder itself."""
    if path.is_dir():
        raise UsageError(f"--report {str(path)!r} is a folder.", "Name a file in it, such as report.html.")
    path.parent.mkdir(parents=True, exist_ok=True)


def write_page(given: argparse.Namespace, archive: Archive, run: Run, terms: Terms = Terms()) -> None:
    """Writes the page that `--report` asks for, with all audits and estimates of the run, and says where it is."""
    if given.report is None:
        return
    from workings.cli.marking import marking
    from workings.report.page import write_report

    with marking() as mark:
        path = write_report(run, given.report, mark=mark, beside=archive.beside(run), terms=terms)
    if not given.json:
        print(f"\nreport: {path}")
