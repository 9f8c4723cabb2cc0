"""Problem sets by name: procedural families, published benchmarks, and plain files."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from workings.catalog.entries import entries
from workings.catalog.spec import parse_spec, typed_settings
from workings.core.errors import BadSetting, DataError, UnknownName
from workings.core.problem import Problem
from workings.problems import benchmarks
from workings.problems.fields import FieldMap
from workings.problems.procedural import Family, families, generate

__all__ = ["open_problems", "problem_names"]

_DEFAULT_COUNT = 100
_TABLES = (".jsonl", ".csv", ".parquet", ".json")


def problem_names() -> dict[str, str]:
    """Every named set and what it is."""
    known = {f.name: f"procedural; {f.in_length[0]}–{f.in_length[1]} {f.dial} in length" for f in families().values()}
    known |= dict.fromkeys(benchmarks.names(), "published benchmark; give a path or set WORKINGS_DATA")
    known |= {entry.name: entry.summary for entry in entries("problems").values()}
    return known


def open_problems(spec: str, *, count: int | None = None, seed: int = 0) -> list[Problem]:
    """The problems that `spec` names, at most `count`.

    `shell-game:lengths=out,split=test` draws procedural problems (`lengths` is in, out, or a range such as 4-9);
    `gsm8k:split=test,path=FILE` reads a benchmark in file order; `answers.jsonl:question=q,answer=a` reads a table
    with a field mapping. Raises UnknownName or DataError with the ways to get what is missing.
    """
    name, settings = parse_spec(spec)
    given = settings.pop("count", None)
    if given is not None:
        count = _whole("count", given)
    if count is not None and count < 1:
        raise BadSetting(f"count={count} is no problem at all.", "Ask for 1 or more.")
    if name in families():
        return _drawn(families()[name], settings, count or _DEFAULT_COUNT, seed)
    if name in entries("problems"):
        factory: Callable[..., Sequence[Problem]] = entries("problems")[name].load()
        values = typed_settings(name, factory, settings)
        taken = inspect.signature(factory).parameters
        values |= {
            key: value
            for key, value in (("count", count), ("seed", seed))
            if value is not None and key in taken and key not in values
        }
        return list(itertools.islice(factory(**values), count))
    if name.lower().endswith(_TABLES) or Path(name).is_file():
        return _table(Path(name), settings, count)
    if name in benchmarks.BENCHMARKS or name.startswith("bbh/"):
        return _benchmark(name, settings, count)
    raise UnknownName.among("problem set", name, problem_names())


def _drawn(family: Family, settings: dict[str, str], count: int, seed: int) -> list[Problem]:
    lengths = _lengths(family, settings.pop("lengths", "in"))
    split: Any = settings.pop("split", "test")
    if "seed" in settings:
        seed = _whole("seed", settings.pop("seed"))
    _nothing_left(family.name, settings, ("lengths", "split", "seed", "count"))
    if split not in ("train", "dev", "test"):
        raise BadSetting(f"split={split!r} is not known.", "Use train, dev or test.")
    return list(generate(family, split, count, seed, lengths))


def _lengths(family: Family, text: str) -> tuple[int, int]:
    named = {"in": family.in_length, "out": family.out_of_length}
    if text in named:
        return named[text]
    low, _, high = text.partition("-")
    return _whole("lengths", low), _whole("lengths", high or low)


def _benchmark(name: str, settings: dict[str, str], count: int | None) -> list[Problem]:
    path, split = settings.pop("path", None), settings.pop("split", None)
    _nothing_left(name, settings, ("path", "split", "count"))
    return benchmarks.load(name, path=path, split=split)[:count]


def _table(path: Path, settings: dict[str, str], count: int | None) -> list[Problem]:
    if not path.is_file():
        raise DataError(f"There is no file {str(path)!r}.", "Give the path of a JSONL, CSV or Parquet file.")
    name = settings.pop("name", path.stem)
    fields: dict[str, Any] = typed_settings(path.name, FieldMap, settings)
    return benchmarks.load(name, path=path, fields=replace(FieldMap(), **fields))[:count]


def _nothing_left(name: str, settings: dict[str, str], known: tuple[str, ...]) -> None:
    if settings:
        key = next(iter(settings))
        raise BadSetting(f"{name} has no setting {key!r}.", f"It has: {', '.join(known)}.")


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadSetting(f"{name}={text!r} is not a whole number.", "Give a whole number.") from None
