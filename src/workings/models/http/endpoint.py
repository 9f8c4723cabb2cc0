"""Where a server is and how patient to be with it."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from workings.core.capability import Capability
from workings.core.errors import BadSetting

__all__ = ["Endpoint", "Form"]

Form = Literal["chat", "completions", "auto"]
OWN_KEY = "WORKINGS_API_KEY"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible server and one model behind it.

    `base_url` ends in the version part ("http://localhost:8000/v1"); a URL without a path gets "/v1". An empty
    `model` means the only one that the server lists. `form` "auto" uses the chat form, and the completions form
    when the server has no chat. `key_env` names the environment variable that holds the key, which is then sent to
    this server whatever it is; "" sends none. None means: OPENAI_API_KEY to api.openai.com over https and nowhere
    else, and to every other server WORKINGS_API_KEY, over plain http only where the server is on this machine or in
    a private network. The key itself is never kept here.

    All times are in seconds: `timeout_s` bounds one whole request, `connect_timeout_s` the connection, `stall_s` the
    silence between two pieces of a streamed reply, or within a reply that has begun; `backoff_s` is the first wait
    before trying again, doubled each time, and `max_wait_s` the longest, whatever the server's Retry-After
    says. `retries` counts tries after the first. At most `max_connections` requests are in flight;
    `first_connections` of them to begin with. `max_reply_bytes` bounds one reply.

    `capabilities` declares what the server can do; None means: find out by asking it. `proxy` says whether proxy
    settings of the environment are used; None means: unless the server is on this machine. `extra` holds request
    fields sent as they are (for instance {"return_token_ids": True} or {"chat_template_kwargs": {...}}).
    """

    base_url: str
    model: str = ""
    form: Form = "auto"
    key_env: str | None = None
    timeout_s: float = 600.0
    connect_timeout_s: float = 10.0
    stall_s: float = 120.0
    max_connections: int = 100
    first_connections: int = 16
    retries: int = 5
    backoff_s: float = 0.5
    max_wait_s: float = 60.0
    max_reply_bytes: int = 64 * 1024 * 1024
    capabilities: frozenset[Capability] | None = None
    proxy: bool | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadSetting(
                f"{_without_login(self.base_url)!r} is not the address of a server.",
                "Give something like http://localhost:8000/v1.",
            )
        if parts.username or parts.password:
            raise BadSetting(
                f"The address of {parts.hostname} holds a login.",
                f"Put the key in the variable {self.key_name or OWN_KEY} instead.",
            )
        if parts.query or parts.fragment:
            raise BadSetting(f"The address of {parts.hostname} holds a query.", "Leave out what follows '?' or '#'.")
        if self.form not in ("chat", "completions", "auto"):
            raise BadSetting(f"form={self.form!r} does not exist.", "Use chat, completions or auto.")
        rules = {
            "timeout_s": self.timeout_s > 0,
            "connect_timeout_s": self.connect_timeout_s > 0,
            "stall_s": self.stall_s > 0,
            "max_connections": self.max_connections >= 1,
            "first_connections": self.first_connections >= 1,
            "retries": self.retries >= 0,
            "backoff_s": self.backoff_s >= 0,
            "max_wait_s": self.max_wait_s >= 0,
            "max_reply_bytes": self.max_reply_bytes >= 1,
        }
        for name, fits in rules.items():
            if not fits:
                raise BadSetting(f"{name}={getattr(self, name)} is out of range.", "See workings.models.http.Endpoint.")

    @property
    def root(self) -> str:
        """The address that paths such as "/models" are added to."""
        url = self.base_url.rstrip("/")
        return url if urlsplit(url).path else f"{url}/v1"

    @property
    def loopback(self) -> bool:
        """Whether the server is on this machine."""
        host = urlsplit(self.base_url).hostname or ""
        if host == "localhost" or host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    @property
    def private(self) -> bool:
        """Whether the server is on this machine, at a private address, or has a name of a local network."""
        host = (urlsplit(self.base_url).hostname or "").rstrip(".")
        try:
            return self.loopback or ipaddress.ip_address(host).is_private
        except ValueError:
            return "." not in host or host.endswith((".local", ".lan", ".internal", ".home.arpa"))

    @property
    def key_name(self) -> str:
        """The variable whose key may be sent to this server; empty when none may."""
        if self.key_env is not None:
            return self.key_env
        parts = urlsplit(self.base_url)
        host = (parts.hostname or "").rstrip(".")
        if parts.scheme == "https" and (host == "api.openai.com" or host.endswith(".api.openai.com")):
            return "OPENAI_API_KEY"
        return OWN_KEY if parts.scheme == "https" or self.private else ""

    def key(self) -> str:
        """The key from the environment, or an empty string."""
        key = os.environ.get(self.key_name, "").strip() if self.key_name else ""
        if not (key.isascii() and key.isprintable()):
            raise BadSetting(
                f"The key in {self.key_name} has characters that no header can carry.",
                "Copy it again without line breaks.",
            )
        return key


def _without_login(url: str) -> str:
    head, at, tail = url.rpartition("@")
    return f"{head.partition('://')[0]}://…@{tail}" if at else url
