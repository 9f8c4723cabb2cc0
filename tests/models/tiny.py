"""Tiny, randomly initialised models and a tokenizer made on the spot."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

CHAT = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_SPECIAL = ["<s>", "</s>", "<end>", "<|system|>", "<|user|>", "<|assistant|>"]
_WORDS = "the sum of three and four is seven so the answer is seven. add carry one two five coin heads tails\n\n"


def tokenizer(*, chat: bool = False) -> Any:
    """A byte-level BPE tokenizer of 320 ids that adds its start token to plain text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=_SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([_WORDS * 20], trainer)
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=_SPECIAL[2:],
        clean_up_tokenization_spaces=False,
    )
    if chat:
        wrapped.chat_template = CHAT
    return wrapped


def module(family: str = "llama", *, context: int = 256, seed: int = 0, width: int = 32) -> Any:
    """A causal language model of about thirty thousand random weights, in eval mode."""
    import torch
    import transformers as t

    shared = {"vocab_size": 320, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    rotary = {
        **shared,
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": context,
        "initializer_range": 0.3,
    }
    configs: dict[str, Any] = {
        "llama": lambda: t.LlamaConfig(**rotary),
        "qwen2": lambda: t.Qwen2Config(**rotary, tie_word_embeddings=True),
        "qwen3": lambda: t.Qwen3Config(**rotary, head_dim=8),
        "phi": lambda: t.PhiConfig(**rotary, partial_rotary_factor=0.5),
        "gpt2": lambda: t.GPT2Config(
            **shared, n_embd=width, n_layer=2, n_head=4, n_positions=context, initializer_range=0.3
        ),
        "gemma3": lambda: t.Gemma3TextConfig(
            **rotary, head_dim=8, sliding_window=16, layer_types=["sliding_attention", "full_attention"]
        ),
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return t.AutoModelForCausalLM.from_config(configs[family]()).float().eval()


@functools.cache
def shared_tokenizer() -> Any:
    """One plain tokenizer for all tests that do not change it."""
    return tokenizer()


def saved(folder: Path, family: str = "llama", *, chat: bool = False) -> Path:
    """A model folder as transformers writes it."""
    tokenizer(chat=chat).save_pretrained(folder)
    module(family).save_pretrained(folder)
    return folder
