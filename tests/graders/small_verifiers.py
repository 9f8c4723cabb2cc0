"""Verifiers of a few thousand random weights, in folders as their publishers lay them out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WORDS = 340
SPECIAL = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<extra_0>", "ки", "+", "-", "<unk>"]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer(*, template: str = TEMPLATE) -> Any:
    """A byte-level BPE tokenizer that has every mark the formats use; "+" and "-" are tokens of their own."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS,
        special_tokens=[AddedToken(text, normalized=False) for text in SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(["Step one is right and the answer is seven. system user assistant\n" * 20], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = template or None
    return fast


def backbone(kind: str = "llama", *, whole: bool = False, seed: int = 0, context: int = 400) -> Any:
    """A random model in eval mode: its hidden states only, or with its language head when `whole`."""
    import torch
    import transformers as t

    shared = {"vocab_size": WORDS, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    rotary = {
        **shared,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": context,
        "initializer_range": 0.3,
    }
    configs: dict[str, Any] = {
        "llama": lambda: t.LlamaConfig(**rotary),
        "qwen2": lambda: t.Qwen2Config(**rotary),
        "gpt2": lambda: t.GPT2Config(
            **shared, n_embd=32, n_layer=2, n_head=4, n_positions=context, initializer_range=0.3
        ),
        "gemma3": lambda: t.Gemma3TextConfig(
            **rotary, head_dim=8, sliding_window=16, layer_types=["sliding_attention", "full_attention"]
        ),
        "mamba": lambda: t.MambaConfig(**shared, hidden_size=32, num_hidden_layers=2, state_size=8),
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        kinds = t.AutoModelForCausalLM if whole else t.AutoModel
        return kinds.from_config(configs[kind]()).float().eval()


def with_head(folder: Path, head: dict[str, Any], *, architecture: str = "", kind: str = "qwen2") -> Path:
    """A folder whose weight file holds a language model and a head beside it, as Qwen's and Skywork's do."""
    from safetensors.torch import load_file, save_file

    tokenizer().save_pretrained(folder)
    backbone(kind, whole=True).save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, **head}, folder / "model.safetensors", {"format": "pt"})
    if architecture:
        config = json.loads((folder / "config.json").read_text())
        config["architectures"] = [architecture]
        (folder / "config.json").write_text(json.dumps(config))
    return folder


def plain(folder: Path, kind: str = "llama") -> Path:
    """A language model as Math-Shepherd and RLHFlow publish theirs."""
    tokenizer().save_pretrained(folder)
    backbone(kind, whole=True).save_pretrained(folder)
    return folder
