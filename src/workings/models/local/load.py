"""Finding a model, choosing its number format and device, and loading it."""

from __future__ import annotations

import hashlib
import json
import os
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workings.core.capability import Identity
from workings.core.errors import BadSetting, DataError, MissingExtra
from workings.models.local.gguf import converted, file_digest, quiet

if TYPE_CHECKING:
    from workings.models.local.model import LocalModel

__all__ = ["find", "folder_digest", "load"]

_LARGE = 200_000_000
"""Bytes of weights: about 100 million parameters in a format of two bytes."""
_FORMATS = ("auto", "float32", "bfloat16", "float16")


def load(
    spec: str | Path, *, dtype: str = "auto", device: str = "auto", threads: int | None = None, batch: int = 256
) -> LocalModel:
    """Loads a causal language model for sampling, scoring and white-box work.

    `spec` is a folder that transformers can read, a GGUF file (converted once, see `gguf.converted`), a name in
    the folder WORKINGS_MODELS, or a hub id that is already in the local hub cache: nothing is downloaded.
    `dtype` "auto" is the stored format on a GPU. On a CPU it is bfloat16 for models of 100 million parameters or more
    where this machine multiplies it at least three times as quickly as float32 (measured, 0.1 s), else float32.
    `device` "auto" takes CUDA when there is one. `threads` sets torch's thread count for the whole process;
    None leaves it alone. `batch` bounds the samples generated at once.

    Weights are read from safetensors only, and no code that came with them is run. Raises DataError when there
    is no model there, BadSetting for a format, device or batch that does not exist, MissingExtra without torch.
    """
    if find_spec("torch") is None or find_spec("transformers") is None:
        raise MissingExtra.of("A local model", "local")
    if dtype not in _FORMATS:
        raise BadSetting(f"dtype={dtype!r} is not known.", f"There are: {', '.join(_FORMATS)}.")
    if threads is not None and threads < 1:
        raise BadSetting(f"threads={threads} cannot work.", "Give at least 1, or leave it out.")
    folder, name = find(spec)

    import torch

    from workings.models.local.model import LocalModel
    from workings.models.local.render import Text

    if threads is not None:
        torch.set_num_threads(threads)
    place = _device(device)
    wanted: Any = getattr(torch, dtype) if dtype != "auto" else _quickest(folder) if place.type == "cpu" else "auto"
    module, tokenizer = _read(folder, wanted)
    try:
        module = module.to(place)
    except RuntimeError as error:
        raise BadSetting(f"The model cannot be put on {place}: {error}.", "Try device='cpu'.") from error
    commit = folder.name[:12] if folder.parent.name == "snapshots" else ""
    short = str(module.dtype).removeprefix("torch.")
    revision = " ".join(filter(None, (commit, short)))
    identity = Identity(name, revision, folder_digest(folder), Text(tokenizer).template_digest)
    return LocalModel(module, tokenizer, batch=batch, identity=identity)


def find(spec: str | Path) -> tuple[Path, str]:
    """The folder that holds a model, and the model's name; GGUF files are converted on the way."""
    text = str(spec)
    path = Path(text).expanduser()
    shelf = os.environ.get("WORKINGS_MODELS")
    if not path.exists() and shelf and not path.is_absolute():
        kept = Path(shelf).expanduser()
        path = next((p for p in (kept / text, kept / f"{text}.gguf") if p.exists()), path)
    if path.is_file():
        if path.suffix.lower() != ".gguf":
            raise DataError(f"{path} is not a model.", "Give a folder with config.json, or a .gguf file.")
        return converted(path), path.stem
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise DataError(f"The folder {path} holds no config.json, so it is not a model.", "Give another folder.")
        return path, _folder_name(path)
    if text.startswith((".", "/", "~")) or text.endswith(".gguf"):
        raise DataError(f"There is no model at {text}.", "Check the path.")
    return _cached(text), text


def _folder_name(path: Path) -> str:
    full = path.resolve()
    if full.parent.name == "snapshots" and full.parent.parent.name.startswith("models--"):
        return full.parent.parent.name.removeprefix("models--").replace("--", "/")
    return full.name


def _cached(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    step = "Download it first (hf download NAME), or give a folder or a .gguf file."
    try:
        folder = Path(snapshot_download(hub_id, local_files_only=True))
    except HFValidationError as error:
        raise DataError(f"{hub_id!r} is neither a path nor a hub id.", step) from error
    except (LocalEntryNotFoundError, OSError) as error:
        raise DataError(f"{hub_id!r} is not a folder here and not in the local hub cache.", step) from error
    if not (folder / "config.json").is_file():
        raise DataError(f"The cached copy of {hub_id!r} holds no config.json.", step)
    return folder


def _device(device: str) -> Any:
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
    except RuntimeError as error:
        raise BadSetting(f"device={device!r} is not known.", "Try 'cpu' or 'cuda'.") from error
    if place.type == "cuda" and not torch.cuda.is_available():
        raise BadSetting(f"device={device!r} was asked for and there is no CUDA here.", "Use 'auto' or 'cpu'.")
    return place


def _quickest(folder: Path) -> Any:
    """bfloat16 for a large model on a processor with units for it, else float32."""
    import torch

    if sum(file.stat().st_size for file in folder.glob("*.safetensors")) < _LARGE:
        return torch.float32
    taken = {}
    for dtype in (torch.float32, torch.bfloat16):
        a, b = torch.ones(512, 1024, dtype=dtype), torch.ones(1024, 1024, dtype=dtype)
        times = []
        for _ in range(6):
            began = time.perf_counter()
            a @ b
            times.append(time.perf_counter() - began)
        taken[dtype] = min(times)
    return torch.bfloat16 if 3 * taken[torch.bfloat16] <= taken[torch.float32] else torch.float32


def _read(folder: Path, dtype: Any) -> tuple[Any, Any]:
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            module = AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=dtype
            )
    except (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise DataError(f"{folder} cannot be loaded as a causal language model: {reason}", "See its files.") from error
    return module, tokenizer


def folder_digest(folder: Path) -> str:
    """SHA-256 over the configuration, tokenizer and weights of a model folder.

    Of a converted GGUF file, the digest of that file. Hashes of large files are remembered by path, size and
    time of change.
    """
    source = folder / "source.json"
    if source.is_file():
        return str(json.loads(source.read_text(encoding="utf-8"))["sha256"])
    names = ("config.json", "tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt")
    files = [folder / n for n in names if (folder / n).is_file()] + sorted(folder.glob("*.safetensors"))
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.name} {file_digest(file)}\n".encode())
    return whole.hexdigest()
