"""Models by name: the pocket model, a server, a folder, a GGUF file, an installed package's."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from workings.catalog.entries import entries
from workings.catalog.spec import parse_settings, typed_settings
from workings.core.errors import BadSetting, DataError
from workings.run.ports import Model

__all__ = ["HOW_TO_NAME", "open_model", "pocket_folder"]

HOW_TO_NAME = (
    "Name a model with --model: pocket, http://HOST:PORT/v1 (any OpenAI-compatible server; add ,model=NAME when it has "
    "several), a folder or hub id that transformers loads, or a .gguf file."
)


def pocket_folder() -> Path:
    """Where the shipped pocket model is."""
    return Path(str(files("workings"))) / "models" / "pocket"


def open_model(spec: str) -> Model:
    """The model that `spec` names, with settings after a comma: `http://localhost:8000/v1,model=qwen,form=chat`.

    Raises MissingExtra when a local model is named and torch is not installed, BadSetting or DataError when there is
    no such model. A server is not contacted before its first ask.
    """
    name, _, rest = spec.partition(",")
    settings = parse_settings(rest, spec)
    if name.startswith(("http://", "https://")):
        return _server(name, settings)
    known = entries("models")
    if name in known:
        factory = known[name].load()
        made: Model = factory(**typed_settings(name, factory, settings))
        return made
    return _local(name, settings)


def _server(url: str, settings: dict[str, str]) -> Model:
    from workings.models.http import Endpoint, HttpModel

    given: dict[str, Any] = typed_settings("http", Endpoint, settings)
    return HttpModel(Endpoint(url, **given))


def _local(name: str, settings: dict[str, str]) -> Model:
    from workings.models.local import load

    where = pocket_folder() if name == "pocket" else Path(name)
    given = typed_settings("local", load, settings)
    if "spec" in given:
        raise BadSetting(f"{name!r} is given twice.", "Leave out spec=.")
    try:
        return load(where if where.exists() else name, **given)
    except DataError as error:
        raise DataError(error.what, f"{error.next_step} {HOW_TO_NAME}".strip()) from error
