"""`workings report`: the page of a run, from its record alone."""

from __future__ import annotations

import argparse
import json
import sys

from workings.cli.beside import about
from workings.cli.marking import marking
from workings.core.errors import BadSetting
from workings.report.facts import as_json
from workings.report.page import write_report
from workings.store.archive import Archive

__all__ = ["report"]


def report(given: argparse.Namespace) -> int:
    """Writes the report and prints its path, or prints its numbers as JSON.

    Everything that is recorded beside the run is in it. For a run that itself asks about another, the report is that
    of the other, and a line says so.
    """
    if given.browsable < 0:
        raise BadSetting(f"--browsable {given.browsable} is negative.", "Give 0 or more.")
    with Archive.open(given.folder, read_only=True) as archive, marking() as mark:
        run = archive.run(given.run)
        asks = about(run)
        if asks is not None:
            if given.run != "last":
                print(f"workings: run {run.id} asks about run {asks[1]} ({asks[0]}): reporting that.", file=sys.stderr)
            run = archive.run(asks[1])
        beside = archive.beside(run)
        if given.json:
            print(json.dumps(as_json(run, mark, beside=beside), ensure_ascii=False, indent=1))
            if given.out is None:
                return 0
        path = given.out or given.folder / f"{run.id}.html"
        path = write_report(run, path, max_browsable=given.browsable, mark=mark, beside=beside)
    if not given.json:
        print(path)
    return 0
