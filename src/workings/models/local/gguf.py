"""GGUF files as folders that transformers loads, converted once and kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from workings.core.errors import DataError, MissingExtra

__all__ = ["cache_folder", "converted", "file_digest", "quiet"]

_FORM = 1


def cache_folder() -> Path:
    """Where converted weights and digests are kept: WORKINGS_CACHE, or `~/.cache/workings`."""
    named = os.environ.get("WORKINGS_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "workings"


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, remembered by path, size and time of change."""
    stat = path.stat()
    mark = f"{path.resolve()}\n{stat.st_size}\n{stat.st_mtime_ns}"
    note = cache_folder() / "digests" / f"{hashlib.sha256(mark.encode()).hexdigest()[:32]}.txt"
    if note.is_file():
        return note.read_text(encoding="ascii").strip()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    note.parent.mkdir(parents=True, exist_ok=True)
    _write_whole(note, digest)
    return digest


def _write_whole(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
    Path(name).replace(path)


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps transformers from drawing progress bars and printing notices while loading."""
    from transformers.utils import logging

    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()


def converted(path: Path) -> Path:
    """The folder of dense float32 weights and tokenizer made from a GGUF file, converting it the first time.

    The first time takes minutes for large vocabularies (nearly all of it building the tokenizer), and disk
    space of four bytes a parameter; later times only look. The folder is named by the file's name, size and
    time of change. Raises MissingExtra without the `gguf` package, DataError for a file that cannot be read.
    """
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise DataError(f"{path} is not a GGUF file.", "Give a .gguf file or a folder with config.json.")
    stat = path.stat()
    mark = hashlib.sha256(f"{path.name}\n{stat.st_size}\n{stat.st_mtime_ns}\n{_FORM}".encode()).hexdigest()[:16]
    folder = cache_folder() / "models" / f"{path.stem}-{mark}"
    if (folder / "source.json").is_file():
        return folder
    if find_spec("gguf") is None:
        raise MissingExtra.of("Reading GGUF files", "local")
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
    try:
        _convert(path, made)
        source = {"name": path.stem, "file": path.name, "sha256": file_digest(path), "form": _FORM}
        (made / "source.json").write_text(json.dumps(source, indent=1), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        made.chmod(0o755)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _convert(path: Path, folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
            module = AutoModelForCausalLM.from_pretrained(
                path.parent, gguf_file=path.name, quantization_config=GgufConfig(dequantize=True), dtype="float32"
            )
            tokenizer.save_pretrained(folder)
            module.save_pretrained(folder)
    except (ValueError, KeyError, NotImplementedError, OSError, RuntimeError) as error:
        raise DataError(
            f"{path} cannot be converted: {error}", "Is its architecture one that transformers reads?"
        ) from error
