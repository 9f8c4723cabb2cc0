"""Rows of files, each of which knows where it stood, so that a bad one can be named."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from xml.parsers import expat

from workings.core.errors import DataError, MissingExtra

__all__ = [
    "Row",
    "csv_rows",
    "file_rows",
    "json_rows",
    "jsonl_rows",
    "parquet_rows",
    "plain_number",
    "read_text",
    "xml_rows",
]

MAX_DIGITS = 400
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: its values, and where it starts (`unit` "line", "row" or "example", from 1)."""

    values: Mapping[str, Any]
    file: str
    place: int
    unit: str = "line"

    def fault(self, what: str, value: object, next_step: str) -> DataError:
        """A DataError that names the file, the place and the offending value; canary strings are not repeated."""
        shown = repr(value)
        if "canary guid" in shown.lower():
            shown = "[canary string withheld]"
        elif len(shown) > 120:
            shown = f"{shown[:117]}..."
        return DataError(f"{self.file}, {self.unit} {self.place}: {what}: {shown}.", next_step)

    def get(self, key: str) -> Any:
        """The value under `key`; DataError with the keys there are when it is missing."""
        if key in self.values:
            return self.values[key]
        raise self.fault(f"no field {key!r} among the fields", sorted(map(str, self.values)), f"Give each row {key!r}.")

    def text(self, key: str) -> str:
        """The text under `key`, stripped; DataError when it is missing, empty or no text."""
        value = self.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.fault(f"{key!r} should be text", value, f"Put the text of {key!r} there.")
        return value.strip()

    def number(self, key: str) -> str:
        """The number under `key` in plain form; DataError when it is missing or no number."""
        value = self.get(key)
        plain = plain_number(value)
        if plain is None:
            raise self.fault(f"{key!r} should be a number", value, "Write it as digits, such as 12 or -0.5.")
        return plain


def plain_number(value: object) -> str | None:
    """A number in its plainest text: no thousands commas, no trailing zeros, no "+"; None when it is not one.

    >>> [plain_number(v) for v in ("1,450,000", 51.0, "-0.50", "1/2", "12 apples", True)]
    ['1450000', '51', '-0.5', '1/2', None, None]
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    text = repr(value) if isinstance(value, float) else str(value)
    text = text.strip()
    if len(text) > MAX_DIGITS:
        return None
    text = text.removeprefix("$").strip() if not text.startswith("-$") else "-" + text[2:].strip()
    top, slash, bottom = text.partition("/")
    if slash:
        over, under = plain_number(top), plain_number(bottom)
        good = over is not None and under not in (None, "0") and "/" not in bottom
        return f"{over}/{under}" if good else None
    if "," in text:
        if not re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
            return None
        text = text.replace(",", "")
    if not _NUMBER.fullmatch(text) or not text.isascii():
        return None
    try:
        plain = format(Decimal(text), "f")
    except InvalidOperation:
        return None
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "", "-") else plain


def read_text(path: Path) -> str:
    """The whole file as UTF-8 text (a byte-order mark is dropped); DataError when it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 at byte {error.start}.", "Convert it to UTF-8.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error


def _parse(parse: Callable[[], Any], spot: Row, shown: str) -> Any:
    try:
        return parse()
    except RecursionError as error:
        raise spot.fault("JSON nested too deeply", shown, "Flatten it.") from error
    except ValueError as error:
        raise spot.fault(f"not JSON ({error})", shown, "Correct or remove this line.") from error


def jsonl_rows(path: Path) -> Iterator[Row]:
    """One row a line; blank lines are passed over."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        spot = Row({}, str(path), number)
        values = _parse(lambda line=line: json.loads(line), spot, line)  # type: ignore[misc]
        if not isinstance(values, dict):
            raise spot.fault("a line should hold one JSON object", values, "Write one {...} a line.")
        yield replace(spot, values=values)


def json_rows(path: Path, key: str | None = None) -> Iterator[Row]:
    """One row an item of a JSON array: the file itself, or the array under `key` of its top-level object.

    Places are line numbers where the file spreads over lines as its items do, else numbers of items.
    """
    text = read_text(path)
    whole = Row({}, str(path), 1)
    start = _blank(text, 0)
    if key is not None and text[start : start + 1] == "{":
        top = _parse(lambda: json.loads(text), whole, text)
        items = top.get(key)
        if not isinstance(items, list):
            raise whole.fault(f"no list under {key!r}; there are", sorted(top), f"Put the items under {key!r}.")
        for number, item in enumerate(items, start=1):
            yield _object_row(item, Row({}, str(path), number, "example"))
        return
    if text[start : start + 1] != "[":
        raise whole.fault("a JSON array should start the file", text, "Wrap the rows in [...], or use JSONL.")
    yield from _array_rows(text, start + 1, str(path))


def _array_rows(text: str, at: int, file: str) -> Iterator[Row]:
    decoder = json.JSONDecoder()
    line, counted = 1, 0
    at = _blank(text, at)
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        spot = Row({}, file, line)
        item, end = _parse(lambda at=at: decoder.raw_decode(text, at), spot, text[at : at + 120])  # type: ignore[misc]
        yield _object_row(item, spot)
        at = _blank(text, end)
        if text[at : at + 1] == ",":
            at = _blank(text, at + 1)
        elif text[at : at + 1] != "]":
            spot = replace(spot, place=line + text.count("\n", counted, at))
            raise spot.fault("expected ',' or ']' after an item", text[at : at + 60], "Is the file cut short?")


def _object_row(item: object, spot: Row) -> Row:
    if not isinstance(item, dict):
        raise spot.fault("an item should be a JSON object", item, "Write each item as {...}.")
    return replace(spot, values=item)


def _blank(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def csv_rows(path: Path, delimiter: str | None = None) -> Iterator[Row]:
    """One row a record; the first line names the columns. Tabs separate in a .tsv file, commas otherwise."""
    separator = delimiter or ("\t" if path.suffix.lower() == ".tsv" else ",")
    reader = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=separator, strict=True)
    spot = Row({}, str(path), 1)
    try:
        header = next(reader, None)
        if not header:
            raise spot.fault("no header line", "", "Name the columns in the first line.")
        place = reader.line_num + 1
        for fields in reader:
            spot = replace(spot, place=place)
            place = reader.line_num + 1
            if not fields:
                continue
            if len(fields) != len(header):
                what = f"{len(fields)} fields where the header has {len(header)}"
                raise spot.fault(what, separator.join(fields), "Quote fields that contain the separator.")
            yield replace(spot, values=dict(zip(header, fields, strict=True)))
    except csv.Error as error:
        spot = replace(spot, place=reader.line_num)
        raise spot.fault("not CSV", str(error), "Check the quotes near this line.") from error


def parquet_rows(path: Path) -> Iterator[Row]:
    """One row a record, read in batches; needs pyarrow (the extra "parquet")."""
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise MissingExtra.of(f"Reading {path.name}", "parquet") from error
    try:
        with parquet.ParquetFile(path) as table:
            place = 0
            for batch in table.iter_batches(batch_size=1024):
                for values in batch.to_pylist():
                    place += 1
                    yield Row(values, str(path), place, "row")
    except (OSError, arrow.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path} cannot be read as Parquet: {reason}.", "Check that it is whole.") from error


def xml_rows(path: Path, tag: str) -> Iterator[Row]:
    """One row an element called `tag`: its attributes and the text of its children.

    A document type declaration is refused, so that no entity can be defined or fetched.
    """
    rows: list[Row] = []
    stack: list[str] = []
    row: dict[str, Any] | None = None
    text: list[str] = []
    line = 1
    parser = expat.ParserCreate("UTF-8")

    def spot() -> Row:
        return Row({}, str(path), parser.CurrentLineNumber)

    def refuse(name: str, *_: object) -> None:
        raise spot().fault("a DOCTYPE is refused, since it can define entities", name, "Remove the <!DOCTYPE ...>.")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, line
        if name == tag:
            if row is not None:
                raise spot().fault("an element inside itself", name, "Close the one before.")
            row, line = dict(attributes), parser.CurrentLineNumber
        stack.append(name)
        if len(stack) > 64:
            raise spot().fault("elements nested too deeply", name, "Flatten the file.")
        text.clear()

    def end(name: str) -> None:
        nonlocal row
        stack.pop()
        if row is not None and name == tag:
            rows.append(Row(row, str(path), line))
            row = None
        elif row is not None and stack[-1:] == [tag]:
            row[name] = "".join(text).strip()
        text.clear()

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text.append
    content = read_text(path).encode()
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise Row({}, str(path), error.lineno).fault("not XML", reason, "Correct the markup there.") from error
    yield from rows


def file_rows(path: Path) -> Iterator[Row]:
    """The rows of a .jsonl, .json, .csv, .tsv or .parquet file; a .json file may hold one object a line."""
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        return jsonl_rows(path)
    if suffix == ".json":
        return json_rows(path) if read_text(path).lstrip().startswith("[") else jsonl_rows(path)
    if suffix in (".csv", ".tsv"):
        return csv_rows(path)
    if suffix in (".parquet", ".pq"):
        return parquet_rows(path)
    step = "Use .jsonl, .json, .csv, .tsv or .parquet, or name a benchmark."
    raise DataError(f"{path} has the ending {suffix!r}, which no reader knows.", step)
