"""Any OpenAI-compatible server as a model."""

from __future__ import annotations

from workings.models.http.endpoint import Endpoint
from workings.models.http.forms import plain
from workings.models.http.model import HttpModel

__all__ = ["Endpoint", "HttpModel", "plain"]
