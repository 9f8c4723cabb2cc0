"""Frozen values to plain JSON and back, without loss.

Fields that hold their default are left out, so records stay small and old readers meet few surprises.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar

from workings.core.errors import DataError

__all__ = ["pack", "unpack"]

T = TypeVar("T")


@functools.cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    found = []
    for f in dataclasses.fields(kind):
        default = f.default
        if default is dataclasses.MISSING and f.default_factory is not dataclasses.MISSING:
            default = f.default_factory()
        found.append((f.name, default))
    return tuple(found)


def pack(value: Any) -> Any:
    """A value of this package as plain JSON: dataclasses become objects, tuples arrays, enums their values.

    >>> from workings.core.completion import Usage
    >>> pack(Usage(prompt=3))
    {'prompt': 3}
    """
    if value is None or value.__class__ in (str, int, bool):
        return value
    if value.__class__ is float:
        return value if math.isfinite(value) else {"~float": repr(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (tuple, list)):
        return [pack(v) for v in value]
    if dataclasses.is_dataclass(value):
        out = {}
        for name, default in _defaults(type(value)):
            item = getattr(value, name)
            if item is default or (item.__class__ is default.__class__ and item == default):
                continue
            out[name] = pack(item)
        return out
    if isinstance(value, Mapping):
        return {str(k): pack(v) for k, v in value.items()}
    if isinstance(value, (str, int, float)):
        return value
    raise DataError(f"A {type(value).__name__} cannot be recorded: {value!r:.80}.", "Use plain JSON values.")


def unpack(kind: type[T], data: Any) -> T:
    """The value of dataclass `kind` that `pack` turned into `data`; DataError says which field does not fit."""
    readable: Any = kind
    result: T = _reader(readable)(data)
    return result


@functools.cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in args if a is not type(None)]
        read = _reader(inner[0]) if len(inner) == 1 else _plain
        return lambda data: None if data is None else read(data)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            read_item = _reader(args[0])
            if read_item is _plain:
                return lambda data: tuple(map(_plain, data))
            return lambda data: tuple(read_item(v) for v in data)
        readers = [_reader(a) for a in args]
        return lambda data: tuple(r(v) for r, v in zip(readers, data, strict=True))
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        read_value = _reader(args[1])
        return lambda data: {k: read_value(v) for k, v in data.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if kind is float:
        return _float
    return _plain


def _plain(data: Any) -> Any:
    if isinstance(data, dict) and data.keys() == {"~float"}:
        return float(data["~float"])
    return data


def _float(data: Any) -> Any:
    return float(_plain(data))


def _dataclass_reader(kind: Any) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(kind)
    names = [f.name for f in dataclasses.fields(kind)]
    readers: dict[str, Callable[[Any], Any]] = {}

    def read(data: Any) -> Any:
        if not readers:
            readers.update({name: _reader(hints[name]) for name in names})
        if not isinstance(data, dict):
            raise DataError(f"Expected a {kind.__name__} object, found {data!r:.80}.", "Is this file one of ours?")
        values = {}
        for name, item in data.items():
            if name not in readers:
                raise DataError(f"{kind.__name__} has no field {name!r}.", "Was it written by a newer version?")
            try:
                values[name] = readers[name](item)
            except (TypeError, ValueError) as error:
                raise DataError(f"{kind.__name__}.{name} cannot be {item!r:.80}: {error}.") from error
        try:
            return kind(**values)
        except TypeError as error:
            raise DataError(f"An incomplete {kind.__name__}: {error}.") from error

    return read
