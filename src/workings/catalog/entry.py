"""One named thing: where its factory is, and what the lists say of it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workings.core.errors import DataError

__all__ = ["Entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One named thing: `target` is "module:object"; `preset` are settings that make up the name."""

    name: str
    target: str
    summary: str
    source: str = ""
    preset: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> Callable[..., Any]:
        """The factory, imported now; DataError when another package's entry point leads nowhere."""
        module, _, name = self.target.partition(":")
        try:
            found: Callable[..., Any] = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise DataError(
                f"{self.name!r} cannot be loaded from {self.target!r}: {error}.",
                "Mend or remove the package it is from.",
            ) from error
        return found
