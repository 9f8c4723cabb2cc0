"""How much arithmetic tokens took: floating-point operations from a model's size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workings.core.capability import Identity
from workings.core.completion import Usage
from workings.core.errors import BadSetting

__all__ = ["Size", "flops", "size_of"]

_NAMED = re.compile(r"(?<![A-Za-z0-9.])(A?)([0-9]{1,4}(?:\.[0-9]{1,3})?)([BM])(?![A-Za-z0-9])", re.IGNORECASE)
_EXPERTS = re.compile(r"(?<![A-Za-z0-9])[0-9]+x[0-9]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Size:
    """Parameters of a model that take part in each token, its layers and its width; 0 layers leave attention out.

    `source` says where the numbers come from.
    """

    parameters: float
    layers: int = 0
    width: int = 0
    source: str = ""

    def __post_init__(self) -> None:
        if not self.parameters > 0 or self.layers < 0 or self.width < 0:
            raise BadSetting(f"A model of {self.parameters:g} parameters cannot be.", "Give a number above 0.")


def size_of(identity: Identity, notes: Mapping[str, Any] | None = None) -> Size | None:
    """The size that the run noted, else the one that the model's name states ("…-1.5B-…"); None when neither does.

    Of a mixture of experts only a name that states the active part ("30B-A3B") is believed.
    """
    noted = (notes or {}).get("size")
    if isinstance(noted, Mapping) and noted.get("parameters"):
        source = "counted when the run was made"
        return Size(float(noted["parameters"]), int(noted.get("layers", 0)), int(noted.get("width", 0)), source)
    name = identity.name.rsplit("/", 1)[-1]
    found = _NAMED.findall(name)
    active = [part for part in found if part[0]]
    stated = active or ([] if _EXPERTS.search(name) else found)
    if len(stated) != 1:
        return None
    _, number, unit = stated[0]
    count = float(number) * {"b": 1e9, "m": 1e6}[unit.lower()]
    return Size(count, source="read from the model's name, without attention") if count > 0 else None


def flops(size: Size, usage: Usage) -> float:
    """Operations of one chain: 2 · parameters for each new token, and attention to all before it.

    Attention costs 4 · layers · width for each pair of a new token and a position it sees (queries by keys, and
    weights by values; Kaplan et al. 2020, section 2.1, counts the first alone). Cached prompt tokens cost nothing but
    are seen. Embeddings are counted as parameters. A sampled last token that is never fed back is counted. Left out:
    verifiers, whose size is not known here, and everything that is not a matrix product. It says nothing of seconds:
    decoding is bound by memory.
    """
    written = usage.generated + usage.probe
    seen = usage.cached * usage.prompt + usage.prompt * (usage.prompt + 1) / 2
    seen += (usage.prompt + usage.cached) * written + written * (written + 1) / 2
    return 2 * size.parameters * (usage.prompt + written) + 4.0 * size.layers * size.width * seen
