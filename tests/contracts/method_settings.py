"""Every method of the catalog in several settings, found from its fields: a new method is tried without being named."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from typing import Any

from workings.catalog import build, entries
from workings.reason.prompts import style_names

_VALUES: dict[str, tuple[Any, ...]] = {
    "n": (1, 5),
    "stages": (2,),
    "style": style_names(),
    "shots": (),
    "by": ("arithmetic", "scripted"),
    "max_tokens": (9,),
    "temperature": (0.0, 1.0),
    "language": ("zh",),
    "min_tokens": (30,),
    "every": (3,),
    "batch": (1,),
}


def settings_of(name: str) -> Iterator[str]:
    """Specs of one method: as it is, each setting varied alone, and stages=2 in both forms with several chains."""
    factory = entries("methods")[name].load()
    hints = typing.get_type_hints(factory)
    known = {f.name for f in dataclasses.fields(factory)}
    defaults = {f.name: f.default for f in dataclasses.fields(factory)}
    yield name if "n" not in known else f"{name}:n=2"
    few = "n=3," if "n" in known else ""
    for field in sorted(known):
        if typing.get_origin(hints[field]) is typing.Literal:
            options: tuple[Any, ...] = typing.get_args(hints[field])
        elif hints[field] is bool:
            options = ("true",)
        else:
            options = _VALUES.get(field, ())
        for value in options:
            if value == defaults[field]:
                continue
            yield f"{name}:{field}={value}" if field == "n" else f"{name}:{few}{field}={value}"
    if {"stages", "answer_by"} <= known:
        yield f"{name}:{few}stages=2,answer_by=turn"
        yield f"{name}:{few}stages=2,style=kojima"


SPECS = tuple(spec for name in entries("methods") for spec in dict.fromkeys(settings_of(name)))


def made(spec: str) -> Any:
    return build("methods", spec)
