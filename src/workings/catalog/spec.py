"""Names with settings: `vote:n=16,style=draft` on the command line is `vote(n=16, style="draft")` in Python."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import inspect
import json
import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from workings.catalog.entries import entries
from workings.core.errors import BadSetting, UnknownName

__all__ = ["build", "canonical_spec", "parse_settings", "parse_spec", "typed_settings"]

_SPEC = re.compile(r"^(?P<name>[^:]+)(?::(?P<settings>.*))?$", re.S)


def parse_spec(spec: str) -> tuple[str, dict[str, str]]:
    """`"vote:n=16,style=draft"` as `("vote", {"n": "16", "style": "draft"})`."""
    match = _SPEC.match(spec.strip())
    if match is None:
        raise BadSetting(f"{spec!r} is not a name with settings.", 'Write it like "vote:n=16,style=draft".')
    return match["name"].strip(), parse_settings(match["settings"] or "", spec)


def parse_settings(text: str, spec: str) -> dict[str, str]:
    """`"n=16,style=draft"` as a dict; `spec` is what an error quotes."""
    settings: dict[str, str] = {}
    for part in filter(None, _parts(text)):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise BadSetting(f"{part!r} in {spec!r} is not key=value.", 'Write it like "vote:n=16,style=draft".')
        if key.strip() in settings:
            raise BadSetting(f"{key.strip()!r} stands twice in {spec!r}.", "Give each setting once.")
        settings[key.strip()] = value.strip()
    return settings


def _parts(text: str) -> list[str]:
    """The text cut at commas, but not within a value that begins with a brace or a bracket (JSON)."""
    parts: list[str] = []
    start, depth, quoted, escaped = 0, 0, False, False
    for at, c in enumerate(text):
        if quoted:
            quoted, escaped = escaped or c != '"', c == "\\" and not escaped
        elif depth and c == '"':
            quoted = True
        elif c in "{[" and (depth or text[start:at].rstrip().endswith("=")):
            depth += 1
        elif c in "}]" and depth:
            depth -= 1
        elif c == "," and not depth:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def build(kind: str, spec: str, given: Mapping[str, Any] | None = None) -> Any:
    """The object that `spec` names, with its settings converted to their types.

    `given` are objects that no text stands for; the factory gets those that it has a parameter for.

    >>> build("methods", "vote:n=4").n
    4
    """
    name, settings = parse_spec(spec)
    known = entries(kind)
    if name not in known:
        raise UnknownName.among(kind.removesuffix("s"), name, known)
    factory = known[name].load()
    handed = {key: value for key, value in (given or {}).items() if key in _setting_types(factory)}
    values = {**known[name].preset, **handed, **typed_settings(name, factory, settings)}
    wanted = [p.name for p in inspect.signature(factory).parameters.values() if p.default is p.empty]
    missing = [f"{key}=" for key in wanted if key not in values]
    if missing:
        raise BadSetting(f"{name} needs {', '.join(missing)}", f"Write it like {name}:{missing[0]}...")
    return factory(**values)


def typed_settings(name: str, factory: Callable[..., Any], settings: dict[str, str]) -> dict[str, Any]:
    """Settings as text converted to the types of the factory's parameters; unknown ones are refused.

    A set of capabilities is written by name ("seeds+stop"), a mapping as JSON. Raises BadSetting for a value that
    does not fit, and for a parameter of a type that no text stands for.
    """
    known = _setting_types(factory)
    values = {}
    for key, text in settings.items():
        if key not in known:
            hint = UnknownName.among("setting", key, known).next_step
            raise BadSetting(f"{name} has no setting {key!r}.", hint)
        values[key] = _convert(f"{name}:{key}", text, known[key])
    return values


def canonical_spec(kind: str, spec: str) -> str:
    """The shortest spelling of `spec`: settings in the order of the dataclass, those at their default left out.

    >>> canonical_spec("methods", "vote:temperature=0.7,n=4")
    'vote:n=4'
    """
    name, _ = parse_spec(spec)
    thing = build(kind, spec)
    entry = entries(kind)[name]
    if not dataclasses.is_dataclass(thing):
        return spec.strip()
    parts = []
    for f in dataclasses.fields(thing):
        value = getattr(thing, f.name)
        if value != entry.preset.get(f.name, f.default):
            parts.append(f"{f.name}={_spell(value)}")
    return f"{name}:{','.join(parts)}" if parts else name


def _spell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _setting_types(factory: Callable[..., Any]) -> dict[str, Any]:
    target = factory.__init__ if inspect.isclass(factory) else factory
    if inspect.isclass(factory) and dataclasses.is_dataclass(factory):
        hints = typing.get_type_hints(factory)
        return {f.name: hints[f.name] for f in dataclasses.fields(factory) if f.init}
    parameters = inspect.signature(target).parameters
    wanted = type("Parameters", (), {"__annotations__": {n: p.annotation for n, p in parameters.items()}})
    hints = typing.get_type_hints(wanted, getattr(target, "__globals__", None))
    return {n: hints[n] for n, p in parameters.items() if n != "self" and p.annotation is not inspect.Parameter.empty}


def _convert(where: str, text: str, kind: Any) -> Any:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        if text not in args:
            raise BadSetting(f"{where}={text!r} is not known.", f"Use {_either(args)}.")
        return text
    if origin in (typing.Union, types.UnionType):
        if text.lower() == "none" and type(None) in args:
            return None
        return _convert(where, text, next(a for a in args if a is not type(None)))
    if kind is bool:
        if text.lower() not in ("true", "false", "yes", "no", "1", "0"):
            raise BadSetting(f"{where}={text!r} is neither true nor false.", "Use true or false.")
        return text.lower() in ("true", "yes", "1")
    if kind in (int, float):
        wanted = "a whole number" if kind is int else "a finite number"
        try:
            number = kind(text)
        except ValueError:
            raise BadSetting(f"{where}={text!r} is not {wanted}.", f"Give {wanted}.") from None
        if not math.isfinite(number):
            raise BadSetting(f"{where}={text!r} is not {wanted}.", f"Give {wanted}.")
        return number
    if inspect.isclass(kind) and issubclass(kind, enum.Enum) and kind is not enum.Enum:
        return _member(where, text, kind)
    if origin in (frozenset, set, collections.abc.Set) and inspect.isclass(args[0]) and issubclass(args[0], enum.Enum):
        return frozenset(_member(where, part, args[0]) for part in text.split("+") if part)
    if (origin or kind) in (dict, collections.abc.Mapping):
        return _mapping(where, text)
    if kind in (str, Any):
        return text
    if kind is Path:
        return Path(text)
    raise BadSetting(f"{where} cannot be given as text.", "Leave it out, or build the object in Python.")


def _member(where: str, text: str, kind: type[enum.Enum]) -> enum.Enum:
    names = {member.name.lower(): member for member in kind}
    wanted = text.strip().lower().replace("-", "_")
    if wanted not in names:
        raise BadSetting(f"{where}={text!r} is not known.", f"Use {_either(names)}; join several with +.")
    return names[wanted]


def _mapping(where: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadSetting(f"{where}={text!r:.200} is not a JSON object.", 'Write it like {"name": 1}.')
    return found


def _either(options: Iterable[Any]) -> str:
    return " or ".join(map(str, options))
