"""How the values that every attempt holds are packed, written out field by field.

They give what the general packer in `wire.py` gives, in half the time; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workings.core.answer import Answer, Source
from workings.core.completion import Completion, Stop, Usage
from workings.core.solution import Choice

__all__ = ["by_hand"]

Packer = Callable[[Any], Any]


def by_hand(pack: Packer) -> dict[type, Packer]:
    """Packers by class; `pack` packs what they hold."""
    nothing = Usage()

    def usage(value: Usage) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if count := value.prompt:
            out["prompt"] = count if count.__class__ is int else pack(count)
        if count := value.cached:
            out["cached"] = count if count.__class__ is int else pack(count)
        if count := value.generated:
            out["generated"] = count if count.__class__ is int else pack(count)
        if count := value.verifier:
            out["verifier"] = count if count.__class__ is int else pack(count)
        if count := value.probe:
            out["probe"] = count if count.__class__ is int else pack(count)
        if count := value.calls:
            out["calls"] = count if count.__class__ is int else pack(count)
        return out

    def answer(value: Answer) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if value.raw != "":
            out["raw"] = value.raw
        if value.canonical is not None:
            out["canonical"] = value.canonical
        if value.span is not None:
            out["span"] = list(value.span)
        if value.source is not Source.NONE:
            out["source"] = pack(value.source)
        return out

    def completion(value: Completion) -> dict[str, Any]:
        out: dict[str, Any] = {"text": value.text}
        if value.stop is not Stop.UNKNOWN:
            out["stop"] = pack(value.stop)
        if value.token_ids is not None:
            out["token_ids"] = pack(value.token_ids)
        if value.tokens is not None:
            out["tokens"] = pack(value.tokens)
        if value.logprobs is not None:
            out["logprobs"] = pack(value.logprobs)
        if value.thinking != "":
            out["thinking"] = value.thinking
        if value.entropy is not None:
            out["entropy"] = pack(value.entropy)
        if value.certainty is not None:
            out["certainty"] = pack(value.certainty)
        if value.seed is not None:
            out["seed"] = pack(value.seed)
        if value.usage is not nothing and value.usage != nothing:
            out["usage"] = usage(value.usage)
        if value.top is not None:
            out["top"] = pack(value.top)
        return out

    def choice(value: Choice) -> dict[str, Any]:
        out: dict[str, Any] = {"rule": value.rule}
        if value.weights:
            out["weights"] = pack(value.weights)
        if value.chosen is not None:
            out["chosen"] = pack(value.chosen)
        if value.abstained:
            out["abstained"] = pack(value.abstained)
        if value.tied:
            out["tied"] = pack(value.tied)
        return out

    return {Usage: usage, Answer: answer, Completion: completion, Choice: choice}
