"""Everything that has a name: methods, problems, graders, models. Built-ins here, others by entry points.

An entry is one line: a name, where its factory is, what it presets, one sentence and its source. Nothing is imported
before it is asked for. A package adds its own with an entry point in the group `workings.methods` (or `.problems`,
`.graders`): the name is the entry's, the object a factory with typed keyword settings.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

from workings.core.errors import BadSetting, UnknownName

__all__ = ["GRADERS", "METHODS", "Entry", "build", "canonical_spec", "entries", "parse_spec"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One named thing: `target` is "module:object"; `preset` are settings that make up the name."""

    name: str
    target: str
    summary: str
    source: str = ""
    preset: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> Callable[..., Any]:
        """The factory, imported now."""
        module, _, name = self.target.partition(":")
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
        return found


METHODS = (
    Entry("direct", "workings.reason.direct:Direct", "the answer at once: the control", "Wei et al. 2022, section 3.1"),
    Entry(
        "cot",
        "workings.reason.cot:Cot",
        "one chain of thought, few-shot or zero-shot, in one stage or two",
        "Wei et al. 2022; Kojima et al. 2022",
    ),
    Entry(
        "draft",
        "workings.reason.cot:Cot",
        "a chain of drafts, five words a step, with a compliance meter",
        "Xu et al. 2025",
        {"style": "draft"},
    ),
    Entry(
        "vote",
        "workings.reason.vote:Vote",
        "self-consistency: sampled chains vote, by counts or by probability",
        "Wang et al. 2023",
    ),
    Entry(
        "best-of-n",
        "workings.reason.best_of_n:BestOfN",
        "the best of n chains, by log-probability or by a grader",
        "Cobbe et al. 2021; Li et al. 2023",
    ),
)

GRADERS = (
    Entry(
        "arithmetic",
        "workings.graders.arithmetic:ArithmeticGrader",
        "checks the equations a step states; a step without one scores one half",
    ),
)

_BUILT_IN: Mapping[str, tuple[Entry, ...]] = {"methods": METHODS, "graders": GRADERS}


def entries(kind: str) -> dict[str, Entry]:
    """All entries of "methods" or "graders" by name: built-ins, then installed packages' in the same group.

    A package cannot replace a built-in name.
    """
    known = {entry.name: entry for entry in _BUILT_IN.get(kind, ())}
    for point in entry_points(group=f"workings.{kind}"):
        known.setdefault(point.name, Entry(point.name, point.value, f"from {point.dist.name if point.dist else '?'}"))
    return known


_SPEC = re.compile(r"^(?P<name>[^:]+)(?::(?P<settings>.*))?$", re.S)


def parse_spec(spec: str) -> tuple[str, dict[str, str]]:
    """`"vote:n=16,style=draft"` as `("vote", {"n": "16", "style": "draft"})`."""
    match = _SPEC.match(spec.strip())
    if match is None:
        raise BadSetting(f"{spec!r} is not a name with settings.", 'Write it like "vote:n=16,style=draft".')
    settings: dict[str, str] = {}
    for part in filter(None, (match["settings"] or "").split(",")):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise BadSetting(f"{part!r} in {spec!r} is not key=value.", 'Write it like "vote:n=16,style=draft".')
        settings[key.strip()] = value.strip()
    return match["name"].strip(), settings


def build(kind: str, spec: str) -> Any:
    """The object that `spec` names, with its settings converted to their types.

    >>> build("methods", "vote:n=4").n
    4
    """
    name, settings = parse_spec(spec)
    known = entries(kind)
    if name not in known:
        raise UnknownName.among(kind.removesuffix("s"), name, known)
    factory = known[name].load()
    types_ = _setting_types(factory)
    values = dict(known[name].preset)
    for key, text in settings.items():
        if key not in types_:
            hint = UnknownName.among("setting", key, types_).next_step
            raise BadSetting(f"{name} has no setting {key!r}.", hint)
        values[key] = _convert(f"{name}:{key}", text, types_[key])
    return factory(**values)


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
    return f"{value:g}" if isinstance(value, float) else str(value)


def _setting_types(factory: Callable[..., Any]) -> dict[str, Any]:
    target = factory.__init__ if inspect.isclass(factory) else factory  # type: ignore[misc]
    if inspect.isclass(factory) and dataclasses.is_dataclass(factory):
        hints = typing.get_type_hints(factory)
        return {f.name: hints[f.name] for f in dataclasses.fields(factory) if f.init}
    hints = typing.get_type_hints(target)
    return {n: hints.get(n, str) for n in inspect.signature(target).parameters if n != "self"}


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
        try:
            return kind(text)
        except ValueError:
            wanted = "a whole number" if kind is int else "a number"
            raise BadSetting(f"{where}={text!r} is not {wanted}.", f"Give {wanted}.") from None
    return text


def _either(options: Iterable[Any]) -> str:
    return " or ".join(map(str, options))
