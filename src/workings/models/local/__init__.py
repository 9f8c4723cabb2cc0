"""Any causal language model that transformers loads, answering Sample and Score on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workings.models.local.load import load

if TYPE_CHECKING:
    from workings.models.local.model import LocalModel

__all__ = ["LocalModel", "load"]


def __getattr__(name: str) -> Any:
    if name == "LocalModel":
        from workings.models.local.model import LocalModel

        return LocalModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
