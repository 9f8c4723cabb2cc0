"""Frozen values to plain JSON and back, without loss.

Fields that hold their default are left out, so records stay small and old readers meet few surprises. What JSON
cannot say is written as an object whose only key begins with "~". Two things are not kept: inside values declared
`Any` a tuple comes back as a list, and the keys of a mapping come back as text.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar

from workings.core.errors import DataError, UsageError
from workings.core.packers import by_hand

__all__ = ["pack", "pack_except", "unpack"]

T = TypeVar("T")
Packer = Callable[[Any], Any]
Reader = Callable[[Any], Any]

_PLAIN = frozenset({str, int, bool, type(None)})
_FLOAT = frozenset({float})
_FLOAT_KEY = "~float"
_MAP_KEY = "~map"


def pack(value: Any) -> Any:
    """A value of this package as plain JSON: dataclasses become objects, tuples arrays, enums their values.

    Raises DataError for a value that is none of these.

    >>> from workings.core.completion import Usage
    >>> pack(Usage(prompt=3))
    {'prompt': 3}
    """
    try:
        return _pack(value)
    except RecursionError as error:
        raise DataError(f"A {type(value).__name__} is nested too deeply to be recorded.", "Flatten it.") from error


def pack_except(value: Any, omit: frozenset[str]) -> dict[str, Any]:
    """A dataclass as `pack` gives it, without some of its fields."""
    try:
        packed: dict[str, Any] = _dataclass_packer(value.__class__, omit)(value)
    except RecursionError as error:
        raise DataError(f"A {type(value).__name__} is nested too deeply to be recorded.", "Flatten it.") from error
    return packed


def _pack(value: Any) -> Any:
    kind = value.__class__
    return value if kind in _PLAIN else _PACKERS[kind](value)


class _Packers(dict[type, Packer]):
    """How values of exactly one class are packed, found out when the class is first met."""

    def __missing__(self, kind: type) -> Packer:
        packer = self[kind] = _packer(kind)
        return packer


_PACKERS = _Packers(by_hand(_pack))


def _packer(kind: type) -> Packer:
    if kind in _PLAIN:
        return lambda value: value
    if issubclass(kind, Enum):
        return operator.attrgetter("_value_")
    if issubclass(kind, float):
        return _pack_float
    if issubclass(kind, int):
        return int
    if issubclass(kind, str):
        return str
    if issubclass(kind, (tuple, list)):
        return _pack_items
    if dataclasses.is_dataclass(kind):
        return _dataclass_packer(kind)
    if issubclass(kind, Mapping):
        return _pack_mapping
    return _refuse


def _refuse(value: Any) -> Any:
    raise DataError(f"A {type(value).__name__} cannot be recorded: {value!r:.80}.", "Use plain JSON values.")


def _pack_float(value: float) -> Any:
    return float(value) if math.isfinite(value) else {_FLOAT_KEY: repr(float(value))}


def _pack_items(values: Any) -> list[Any]:
    kinds = set(map(type, values))
    if kinds <= _PLAIN or (kinds == _FLOAT and math.isfinite(sum(values))):
        return list(values)
    return [_pack(value) for value in values]


def _pack_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    out = {str(key): _pack(item) for key, item in value.items()}
    # A mapping that looks like one of our own marks is set apart from them.
    return {_MAP_KEY: out} if len(out) == 1 and next(iter(out)).startswith("~") else out


@functools.cache
def _dataclass_packer(kind: type, omit: frozenset[str] = frozenset()) -> Callable[[Any], dict[str, Any]]:
    names, defaults = [], []
    for f in dataclasses.fields(kind):
        if f.name in omit:
            continue
        default = f.default
        if default is dataclasses.MISSING and f.default_factory is not dataclasses.MISSING:
            default = f.default_factory()
        names.append(f.name)
        defaults.append(default)
    if len(names) < 2:
        read_all: Callable[[Any], tuple[Any, ...]] = lambda value: tuple(getattr(value, name) for name in names)  # noqa: E731
    else:
        read_all = operator.attrgetter(*names)

    def pack_fields(value: Any) -> dict[str, Any]:
        out = {}
        for name, default, item in zip(names, defaults, read_all(value)):  # noqa: B905
            if item is default:
                continue
            item_kind = item.__class__
            if item_kind is default.__class__ and item == default and (item_kind is not float or item):
                continue
            out[name] = item if item_kind in _PLAIN else _PACKERS[item_kind](item)
        return out

    return pack_fields


def unpack(kind: type[T], data: Any) -> T:
    """The value of dataclass `kind` that `pack` turned into `data`; DataError says which field does not fit."""
    readable: Any = kind
    try:
        result: T = _reader(readable)(data)
    except RecursionError as error:
        raise DataError(f"A {kind.__name__} is nested too deeply.", "Is this file one of ours?") from error
    return result


@functools.cache
def _reader(kind: Any) -> Reader:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in args if a is not type(None)]
        read = _reader(inner[0]) if len(inner) == 1 else _plain
        return lambda data: None if data is None else read(data)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return _tuple_reader(args[0])
        readers = [_reader(a) for a in args]
        return lambda data: tuple(r(v) for r, v in zip(readers, _array(data), strict=True))
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping_reader(_reader(args[1]))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if kind is float:
        return _float
    if kind is str:
        return _string
    return _plain


def _string(data: Any) -> str:
    if not isinstance(data, str):
        raise TypeError("expected text")
    return data


def _tuple_reader(item: Any) -> Reader:
    read, exact = _reader(item), {item}

    def read_items(data: Any) -> tuple[Any, ...]:
        if set(map(type, _array(data))) == exact:
            return tuple(data)
        return tuple([read(v) for v in data])

    return read_items


def _array(data: Any) -> Any:
    if not isinstance(data, (list, tuple)):
        raise TypeError("expected an array")
    return data


def _mapping_reader(read: Reader) -> Reader:
    def read_items(data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise TypeError("expected an object")
        if data.keys() == {_MAP_KEY}:
            data = data[_MAP_KEY]
        return {key: read(value) for key, value in data.items()}

    return read_items


def _plain(data: Any) -> Any:
    """JSON as it is, our marks undone."""
    if isinstance(data, list):
        kinds = set(map(type, data))
        return [_plain(v) for v in data] if list in kinds or dict in kinds else data
    if isinstance(data, dict):
        if len(data) == 1:
            [(key, inner)] = data.items()
            if key == _FLOAT_KEY:
                return float(inner)
            if key == _MAP_KEY:
                data = inner
        return {key: _plain(value) for key, value in data.items()}
    return data


def _float(data: Any) -> float:
    if isinstance(data, dict) and data.keys() == {_FLOAT_KEY}:
        return float(data[_FLOAT_KEY])
    if not isinstance(data, (int, float)):
        raise TypeError("expected a number")
    return float(data)


def _dataclass_reader(kind: Any) -> Reader:
    hints = typing.get_type_hints(kind)
    names = [f.name for f in dataclasses.fields(kind)]
    readers: dict[str, tuple[Any, Reader]] = {}

    def read(data: Any) -> Any:
        if not readers:
            readers.update({name: (hints[name], _reader(hints[name])) for name in names})
        if not isinstance(data, dict):
            raise DataError(f"Expected a {kind.__name__} object, found {data!r:.80}.", "Is this file one of ours?")
        values = {}
        for name, item in data.items():
            if name not in readers:
                raise DataError(f"{kind.__name__} has no field {name!r}.", "Was it written by a newer version?")
            hint, read_field = readers[name]
            if item.__class__ is hint:
                values[name] = item
                continue
            try:
                values[name] = read_field(item)
            except (TypeError, ValueError, AttributeError, OverflowError) as error:
                raise DataError(f"{kind.__name__}.{name} cannot be {item!r:.80}: {error}.") from error
        try:
            return kind(**values)
        except TypeError as error:
            raise DataError(f"An incomplete {kind.__name__}: {error}.") from error
        except UsageError as error:
            raise DataError(f"A {kind.__name__} that cannot be: {error.what}", error.next_step) from error

    return read
