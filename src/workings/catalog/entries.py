"""Everything that has a name: methods, audits, estimators, problems, graders, models. Built-ins, and entry points.

An entry is one line: a name, where its factory is, what it presets, one sentence and its source. Nothing is imported
before it is asked for. A package adds its own with an entry point in the group `workings.methods` (or `.problems`,
`.graders`, `.audits`, `.estimators`): the name is the entry's, the object a factory with typed keyword settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

from workings.catalog.auditing import AUDITS
from workings.catalog.doubting import ESTIMATORS
from workings.catalog.entry import Entry as Entry
from workings.catalog.thinking import GRADERS, METHODS, PROBLEMS

__all__ = ["AUDITS", "ESTIMATORS", "GRADERS", "METHODS", "PROBLEMS", "Entry", "entries"]

_BUILT_IN: Mapping[str, tuple[Entry, ...]] = {
    "methods": METHODS,
    "graders": GRADERS,
    "audits": AUDITS,
    "estimators": ESTIMATORS,
    "problems": PROBLEMS,
}


def entries(kind: str) -> dict[str, Entry]:
    """All entries of one of these kinds (or "models") by name: built-ins, then installed packages'.

    Packages offer theirs in the group of the same name. A package cannot replace a built-in name.
    """
    known = {entry.name: entry for entry in _BUILT_IN.get(kind, ())}
    for point in entry_points(group=f"workings.{kind}"):
        known.setdefault(point.name, Entry(point.name, point.value, f"from {point.dist.name if point.dist else '?'}"))
    return known
