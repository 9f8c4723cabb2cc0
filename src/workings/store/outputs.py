"""Outputs in other tools' files, read as they are asked for.

Files: JSON lines or a JSON array with fields of any name, our own export, the sample logs of lm-evaluation-harness
(`samples_*.jsonl`), and the logs of Inspect (`.eval`, `.json`). The format is told from the content.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workings.core.errors import DataError
from workings.store import foreign, plain
from workings.store.formats import GUESSES, Output, read_json

__all__ = ["Output", "read_outputs"]


def read_outputs(path: Path, *, fields: Mapping[str, str] | None = None, label: str = "") -> Iterator[Output]:
    """Every output in a file, in its order, read as they are asked for.

    `fields` maps names of `GUESSES` to the file's own (`{"reply": "model.text"}`); what is left out is guessed.
    `label` names outputs that do not say which method or model they are from.
    Raises DataError with file, line and value for what cannot be read.
    """
    path = Path(path)
    unknown = sorted(set(fields or ()) - GUESSES.keys())
    if unknown:
        raise DataError(f"No field is called {unknown[0]!r}.", f"There are: {', '.join(GUESSES)}.")
    if not path.is_file():
        raise DataError(f"There is no file {path}.", "Check the path.")
    if path.suffix == ".eval":
        return foreign.read_inspect_archive(path, label)
    if path.suffix == ".json":
        data = read_json(path, path.read_bytes())
        if foreign.is_inspect_log(data):
            return foreign.read_inspect_log(path, data, label)
        rows = data if isinstance(data, list) else [data]
        return plain.read_rows(((f"{path} item {n}", row) for n, row in enumerate(rows, 1)), fields or {}, label)
    return _read_lines(path, fields or {}, label)


def _read_lines(path: Path, fields: Mapping[str, str], label: str) -> Iterator[Output]:
    lines = _lines(path)
    first = next(lines, None)
    if first is None:
        return
    row = first[1]

    def again() -> Iterator[tuple[str, Any]]:
        yield first
        yield from lines

    if isinstance(row, dict) and not fields and str(row.get("format", "")).startswith("workings/"):
        yield from plain.read_ours(again())
    elif isinstance(row, dict) and not fields and {"doc", "resps"} <= row.keys():
        yield from foreign.read_lm_eval(path, again(), label)
    else:
        yield from plain.read_rows(again(), fields, label)


def _lines(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if line.strip():
                    where = f"{path} line {number}"
                    yield where, read_json(where, line)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}.", "Check the path and its permissions.") from error
