"""Requests in the two forms that servers take: chat, and completions of plain text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from workings.core.ask import Sampling
from workings.core.prompt import Prompt
from workings.models.http.dialect import Dialect

__all__ = ["chat", "completions", "encode", "plain", "seeded"]

_write = json.JSONEncoder(separators=(",", ":")).encode


def plain(prompt: Prompt) -> str:
    """A prompt as text for a model without a chat template: contents apart by blank lines, the lead last.

    >>> plain(Prompt.user("Q: 2+2?\\nA:", lead=""))
    'Q: 2+2?\\nA:'
    """
    parts = [m.content for m in prompt.messages]
    return "\n\n".join([*parts, prompt.lead] if prompt.lead else parts)


def chat(prompt: Prompt, sampling: Sampling, dialect: Dialect) -> dict[str, Any]:
    """The body of a chat request, without model, n and seed."""
    messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
    body: dict[str, Any] = {"messages": messages}
    if prompt.lead:
        messages.append({"role": "assistant", "content": prompt.lead})
        if dialect.lead_flags:
            body["add_generation_prompt"] = False
            body["continue_final_message"] = True
    _add_sampling(body, sampling, dialect)
    if sampling.logprobs and "logprobs" not in dialect.dropped:
        body["logprobs"] = True
    return body


def completions(text: str, sampling: Sampling, dialect: Dialect) -> dict[str, Any]:
    """The body of a completions request, without model, n and seed."""
    body: dict[str, Any] = {"prompt": text}
    _add_sampling(body, sampling, dialect)
    body["max_tokens"] = sampling.max_tokens
    body.pop("max_completion_tokens", None)
    if sampling.logprobs and "logprobs" not in dialect.dropped:
        body["logprobs"] = 1
    return body


def _add_sampling(body: dict[str, Any], sampling: Sampling, dialect: Dialect) -> None:
    body["temperature"] = sampling.temperature
    body[dialect.length_field] = sampling.max_tokens
    if sampling.temperature > 0:
        if sampling.top_p != 1:
            body["top_p"] = sampling.top_p
        if sampling.top_k:
            body["top_k"] = sampling.top_k
        if sampling.min_p:
            body["min_p"] = sampling.min_p
    if sampling.bias or sampling.allowed:
        forced = {str(token): 100.0 for token in sampling.allowed}
        body["logit_bias"] = forced | {str(token): value for token, value in sampling.bias}
    if sampling.stop:
        body["stop"] = list(sampling.stop)


def encode(body: Mapping[str, Any]) -> bytes:
    """A body as JSON bytes; lone surrogates are escaped and so survive."""
    try:
        return orjson.dumps(body)
    except TypeError:
        return _write(body).encode("ascii")


def seeded(encoded: bytes, seed: int) -> bytes:
    """An encoded body with a seed added: 31 bits of it, which every server takes."""
    return b'%b,"seed":%d}' % (encoded[:-1], seed & 0x7FFFFFFF)
