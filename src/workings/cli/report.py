"""`workings report`: the page of a run, from its record alone."""

from __future__ import annotations

import argparse
import json

from workings.cli.marking import marking
from workings.core.errors import BadSetting
from workings.report.facts import as_json
from workings.report.page import write_report
from workings.store.archive import Archive

__all__ = ["report"]


def report(given: argparse.Namespace) -> int:
    """Writes the report and prints its path, or prints its numbers as JSON."""
    if given.browsable < 0:
        raise BadSetting(f"--browsable {given.browsable} is negative.", "Give 0 or more.")
    with Archive.open(given.folder, read_only=True) as archive, marking() as mark:
        run = archive.run(given.run)
        if given.json:
            print(json.dumps(as_json(run, mark), ensure_ascii=False, indent=1))
            if given.out is None:
                return 0
        path = write_report(run, given.out or given.folder / f"{run.id}.html", max_browsable=given.browsable, mark=mark)
    if not given.json:
        print(path)
    return 0
