"""A backbone with a score at every position, and the folder in which a trained verifier is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

__all__ = ["Verifier", "save_verifier"]


class Verifier(nn.Module):
    """`model`, any transformers backbone that gives hidden states, and `score`, one number from each of them.

    The number is a logit: its sigmoid is the probability that the chain so far is good. With `doubt`, a positive start
    value, the logit also falls with the least log-probability that the backbone, read as a language model with its
    input embeddings as output, gave to any token of the chain so far: `doubt` is learnt, in logits a nat.
    """

    def __init__(self, backbone: Any, doubt: float = 0.0) -> None:
        super().__init__()
        self.model = backbone
        self.config = backbone.config
        width = backbone.config.get_text_config(decoder=True).hidden_size
        self.score = nn.Linear(width, 1)
        nn.init.normal_(self.score.weight, std=width**-0.5)
        nn.init.zeros_(self.score.bias)
        if doubt > 0:
            self.doubt = nn.Parameter(torch.tensor([doubt]))


def save_verifier(verifier: Verifier, tokenizer: Any, folder: Path, told: Mapping[str, Any]) -> None:
    """Writes a verifier as `workings.graders.reward.load` reads it.

    The backbone and the tokenizer are written as transformers writes them, the head to `head.safetensors`, and
    `told` to `verifier.json`: "format" and "per" ("step" or "chain") are needed there, the rest is for readers.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    verifier.model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    head = {name: value.detach().to(torch.float32).contiguous() for name, value in verifier.score.state_dict().items()}
    kept = {f"score.{name}": value for name, value in head.items()}
    if hasattr(verifier, "doubt"):
        kept["doubt"] = verifier.doubt.detach().to(torch.float32)
    save_file(kept, folder / "head.safetensors")
    (folder / "verifier.json").write_text(json.dumps(dict(told), indent=1) + "\n", encoding="utf-8")
