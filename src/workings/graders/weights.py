"""Backbones and heads of verifiers, from the safetensors files of a folder."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from workings.core.errors import BadSetting, DataError
from workings.graders.formats import Format

__all__ = ["read_backbone"]

Readout = Callable[[Tensor], Tensor]
_FORMATS = ("auto", "float32", "bfloat16", "float16")


def read_backbone(folder: Path, form: Format, dtype: str, device: str) -> tuple[Any, Any, Readout, float]:
    """The module that gives hidden states, its tokenizer, the function from states to logits, and the weight of doubt.

    Raises DataError when the folder lacks the head that the format needs, BadSetting for a number format or device
    that does not exist.
    """
    if dtype not in _FORMATS:
        raise BadSetting(f"dtype={dtype!r} is not known.", f"There are: {', '.join(_FORMATS)}.")
    place = _device(device)
    kind: Any = getattr(torch, dtype) if dtype != "auto" else torch.float32 if place.type == "cpu" else "auto"
    module, tokenizer = _load(folder, form.readout == "pair", kind)
    module = module.to(place)
    if form.readout == "pair":
        return module.get_decoder(), tokenizer, _pair(module.get_output_embeddings(), tokenizer, form), 0.0
    head = {name: value.to(place) for name, value in _head(folder, form.readout).items()}
    doubt = float(head["doubt"]) if "doubt" in head else 0.0
    readout = {"linear": _linear, "value": _linear, "two-class": _two_class}[form.readout](head)
    return module, tokenizer, readout, doubt


def _load(folder: Path, whole: bool, dtype: Any) -> tuple[Any, Any]:
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    told, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    kind = AutoModelForCausalLM if whole else AutoModel
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            module = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=dtype)
    except (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise DataError(f"{folder} cannot be loaded as a verifier: {reason}", "See its files.") from error
    finally:
        logging.set_verbosity(told)
        if bars:
            logging.enable_progress_bar()
    return module, tokenizer


def _head(folder: Path, readout: str) -> dict[str, Tensor]:
    """The weights of the head by their last names: "weight", "bias", and for two layers "0.weight" and so on."""
    prefix = "v_head.summary." if readout == "value" else "score."
    found: dict[str, Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "pt") as weights:
            for key in weights.keys():  # noqa: SIM118 - not a dict
                if prefix in key or (key == "doubt" and file.name == "head.safetensors"):
                    found[key.rpartition(prefix)[2]] = weights.get_tensor(key).float()
    wanted = ("0.weight", "0.bias", "2.weight", "2.bias") if readout == "two-class" else ("weight",)
    missing = [f"{prefix}{name}" for name in wanted if name not in found]
    if missing:
        raise DataError(f"{folder} has no weights {', '.join(missing)}.", "It is not a verifier of this format.")
    return found


def _linear(head: dict[str, Tensor]) -> Readout:
    weight, bias = head["weight"], head.get("bias")
    if weight.shape[0] != 1:
        raise DataError(f"The head has {weight.shape[0]} outputs and one is read.", "Name another format.")
    return lambda states: torch.nn.functional.linear(states.float(), weight, bias).squeeze(-1)


def _two_class(head: dict[str, Tensor]) -> Readout:
    def readout(states: Tensor) -> Tensor:
        inner = torch.nn.functional.linear(states.float(), head["0.weight"], head["0.bias"]).relu()
        both = torch.nn.functional.linear(inner, head["2.weight"], head["2.bias"])
        return both[..., 1] - both[..., 0]

    return readout


def _pair(layer: Any, tokenizer: Any, form: Format) -> Readout:
    good, bad = (tokenizer.encode(text, add_special_tokens=False)[-1] for text in (form.good, form.bad))
    if good == bad:
        raise DataError(f"{form.good!r} and {form.bad!r} are one token here.", "Use the tokenizer it came with.")
    weight = (layer.weight[good] - layer.weight[bad]).detach().float()
    bias = 0.0 if layer.bias is None else float(layer.bias[good] - layer.bias[bad])
    return lambda states: states.float() @ weight + bias


def _device(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(device)
    except RuntimeError as error:
        raise BadSetting(f"device={device!r} is not known.", "Try 'cpu' or 'cuda'.") from error
