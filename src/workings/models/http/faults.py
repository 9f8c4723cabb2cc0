"""What a server's refusals mean: which error of ours, whether to try again, and how long to wait."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from workings.core.errors import BadReply, ContextFull, ModelError, Overloaded, Refused, Unreachable

__all__ = ["BUSY", "Rejected", "by_status", "in_body", "quote", "retry_after"]

BUSY = frozenset({429, 503, 529})
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
_CONTEXT = re.compile(
    r"context[ _-]?(?:length|window|size)|maximum (?:model |input |context )?length|longer than the maximum"
    r"|max_model_len|prompt is too long|too many (?:input )?tokens|exceeds? the (?:available|model'?s?) context",
    re.IGNORECASE,
)
_SECRET = re.compile(r"\b(?:sk|pk|hf|key|gsk|nvapi)[-_][\w-]{8,}|(?i:\bbearer)\s+\S+")
_QUOTED = 300

_NEXT = {
    401: "Set the variable {key_env} to a key that this server accepts.",
    403: "Ask whoever runs the server to allow this key and model.",
    404: "Check the address (it usually ends in /v1) and the model's name.",
    400: "Change the setting that the server names.",
    422: "Change the setting that the server names, or leave it at its default.",
}


class Rejected(Refused):
    """A refusal that still knows its status and the server's whole message, so that a request can be adapted.

    It does not leave this package: callers see `Refused`.
    """

    def __init__(self, what: str, next_step: str, status: int, message: str) -> None:
        super().__init__(what, next_step)
        self.status = status
        self.message = message

    def plain(self) -> Refused:
        """The same without what the caller has no use for."""
        return Refused(self.what, self.next_step)


def quote(text: str, key: str = "") -> str:
    """A server's own words: one line, bounded, without the key or anything that looks like one."""
    if key:
        text = text.replace(key, "[key]")
    text = " ".join(_SECRET.sub("[key]", text[: 20 * _QUOTED]).split())
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"


def _message(body: bytes) -> str:
    """The message inside an error body, in any of the usual shapes."""
    text = body[:65536].decode("utf-8", "replace")
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text
    for _ in range(4):
        if isinstance(data, list) and data:
            data = data[0]
        if not isinstance(data, dict):
            break
        for name in ("error", "message", "detail", "msg", "error_message"):
            if data.get(name):
                data = data[name]
                break
        else:
            break
    return data if isinstance(data, str) else text


def by_status(
    status: int, headers: Mapping[str, str], body: bytes, *, where: str, key: str, key_env: str
) -> ModelError:
    """The error that an HTTP status means, with the server's message quoted."""
    message = _message(body)
    said = quote(message, key)
    what = f"{where} answered {status}: {said}" if said else f"{where} answered {status}."
    if status in (400, 413, 422, 500) and _CONTEXT.search(message):
        return ContextFull(what, "Shorten the prompt, ask for fewer tokens, or serve the model with a longer context.")
    if status == 408:
        return Unreachable(what, "The server gave up waiting; try again or raise its limits.")
    if status in _TRANSIENT:
        step = "Lower max_connections or wait." if status in BUSY else "Look at the server's log."
        return Overloaded(what, step, retry_after(headers))
    if 300 <= status < 400:
        target = quote(headers.get("Location", "nowhere"), key)
        return Rejected(f"{where} redirects to {target!r}.", "Use that address as base_url.", status, "")
    step = _NEXT.get(status, "See the server's message.").format(key_env=key_env)
    return Rejected(what, step, status, message[:65536])


def in_body(error: Any, *, where: str, key: str, key_env: str) -> ModelError:
    """The error that a body with an "error" part means, although the status said that all is well."""
    code = error.get("code", error.get("status")) if isinstance(error, dict) else None
    body = json.dumps({"error": error}).encode()
    if isinstance(code, str) and code.isdigit() and len(code) == 3:
        code = int(code)
    if isinstance(code, int) and 400 <= code < 600:
        return by_status(code, {}, body, where=where, key=key, key_env=key_env)
    message = _message(body)
    if _CONTEXT.search(message):
        return by_status(400, {}, body, where=where, key=key, key_env=key_env)
    return BadReply(f"{where} sent an error in place of a reply: {quote(message, key)}", "Look at the server's log.")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `Retry-After` (seconds or a date) or `retry-after-ms`; None when not said."""
    millis = headers.get("retry-after-ms")
    if millis is not None and re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", millis.strip()):
        return float(millis) / 1000
    value = headers.get("Retry-After", "").strip()[:64]
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", value):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
