"""`workings list`: what there is."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime

from workings.catalog.entries import entries
from workings.catalog.models import pocket_folder
from workings.catalog.sets import problem_names
from workings.store.archive import Archive

__all__ = ["show"]


def show(given: argparse.Namespace) -> int:
    """Prints one line a thing, or a JSON list."""
    rows = _rows(given)
    if given.json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return 0
    if not rows:
        print(f"There are no {given.what} here yet.")
        return 0
    columns = list(rows[0])
    widths = [max(len(str(row[c])) for row in rows) for c in columns]
    for row in rows:
        cells = (str(row[c]).ljust(w) for c, w in zip(columns, widths, strict=True))
        print("  ".join(cells).rstrip())
    return 0


def _rows(given: argparse.Namespace) -> list[dict[str, str | int]]:
    if given.what == "problems":
        return [{"name": name, "summary": text} for name, text in problem_names().items()]
    if given.what == "models":
        shipped = (
            "shipped: reasons on the procedural problems" if pocket_folder().exists() else "not built: make pocket"
        )
        known: list[dict[str, str | int]] = [
            {"name": "pocket", "summary": shipped},
            {"name": "http://HOST:PORT/v1[,model=NAME]", "summary": "any OpenAI-compatible server"},
            {"name": "FOLDER, HUB-ID or FILE.gguf", "summary": "any causal language model that transformers loads"},
        ]
        return known + [{"name": e.name, "summary": e.summary} for e in entries("models").values()]
    if given.what == "runs":
        return _runs(given)
    found = entries(given.what).values()
    return [{"name": e.name, "summary": e.summary, "source": e.source} for e in found]


def _runs(given: argparse.Namespace) -> list[dict[str, str | int]]:
    if not given.folder.exists():
        return []
    with Archive.open(given.folder, read_only=True) as archive:
        return [
            {
                "id": run.id,
                "opened": datetime.fromtimestamp(run.opened, UTC).strftime("%Y-%m-%d %H:%M"),
                "status": run.status,
                "attempts": run.attempts,
                "errors": run.errors,
                "model": run.spec.model,
                "problems": run.spec.problems,
                "methods": " ".join(run.spec.methods),
            }
            for run in archive.runs()
        ]
