"""HTML and SVG built from values, so that text from models and problems is escaped once and always."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping

__all__ = ["EMPTY", "Markup", "join", "tag", "text"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z")
_VOID = frozenset({"br", "col", "hr", "img", "input", "link", "meta"})
_STRANGE = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127), "�") | dict.fromkeys(range(55296, 57344), "�")
_STRANGE |= {code: f"[U+{code:04X}]" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


class Markup(str):
    """A string that is already HTML. Anything else is escaped where it is put in."""

    __slots__ = ()


EMPTY = Markup("")

Child = Markup | str | int | float | None
Content = Child | Iterable[Child]


def text(value: object) -> Markup:
    """A value as escaped text.

    Characters that HTML cannot hold become the replacement character; those that turn the direction of writing, and
    could make text read as something else, are shown as their code.
    """
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(str(value).translate(_STRANGE), quote=True))


def join(*children: Content) -> Markup:
    """Children one after another; None is nothing."""
    parts: list[str] = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, (str, int, float)):
            parts.append(text(child))
        else:
            parts.extend(join(inner) for inner in child)
    return Markup("".join(parts))


def tag(name: str, attributes: Mapping[str, object] | None = None, *children: Content) -> Markup:
    """An element. Attributes that are None or False are left out, True ones have no value.

    Names are code, not data: one that is not a plain word raises ValueError.
    """
    words = [name]
    for key, value in (attributes or {}).items():
        if value is None or value is False:
            continue
        if not _NAME.match(key):
            raise ValueError(f"{key!r} is not an attribute name.")
        words.append(key if value is True else f'{key}="{text(value)}"')
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is not an element name.")
    opened = Markup(f"<{' '.join(words)}>")
    return opened if name in _VOID else Markup(f"{opened}{join(*children)}</{name}>")
