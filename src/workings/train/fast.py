"""What makes imitation quick on processors: a Llama's forward on one page, and several processes that learn as one.

The forward is that of transformers' Llama over the module's own parameters, with matrix products in the quickest
number format of the machine and all the rest in float32. It has no mask for padding (rows are padded on the right and
padding is never asked for a loss), and it is compiled where a C++ compiler is there.
"""

from __future__ import annotations

import functools
import shutil
import time
from collections.abc import Callable
from typing import Any

from workings.core.errors import BadSetting

__all__ = ["Forward", "average_gradients", "compiled", "fastest_dtype", "in_processes", "llama_hidden", "plain_hidden"]

Forward = Callable[[Any, Any, Any], Any]
"""`(module, ids, positions)`, both of shape (rows, width), to the last hidden states (rows, width, hidden)."""


def plain_hidden(module: Any, ids: Any, positions: Any) -> Any:
    """The module's own forward.

    The mask of ones is not idle: without one, transformers takes positions that jump for the starts of new sequences
    and hides from each what stands before it.
    """
    import torch

    seen = torch.ones_like(ids)
    return module.model(input_ids=ids, attention_mask=seen, position_ids=positions, use_cache=False).last_hidden_state


def llama_hidden(module: Any, ids: Any, positions: Any) -> Any:
    """Last hidden states of a plain Llama, equal to its own up to the number format.

    Plain: no grouped queries, biases, dropout or scaled rotation, and SiLU inside. Raises BadSetting for any other.
    """
    import torch
    import torch.nn.functional as F

    _check_plain(module.config)
    config, dtype = module.config, fastest_dtype()
    rows, width = ids.shape
    heads, size = config.num_attention_heads, config.hidden_size // config.num_attention_heads
    rates = config.rope_parameters["rope_theta"] ** (-torch.arange(0, size, 2).float() / size)
    turns = positions.float()[:, None, :, None] * rates
    cos, sin = turns.cos().to(dtype), turns.sin().to(dtype)
    future = torch.full((width, width), float("-inf")).triu(1)

    def linear(layer: Any, x: Any) -> Any:
        return F.linear(x, layer.weight.to(dtype))

    def normed(layer: Any, x: Any) -> Any:
        return (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + config.rms_norm_eps) * layer.weight).to(dtype)

    def turned(x: Any) -> Any:
        a, b = x.chunk(2, -1)
        return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)

    x = F.embedding(ids, module.model.embed_tokens.weight)
    for block in module.model.layers:
        mind, h = block.self_attn, normed(block.input_layernorm, x)
        q, k, v = (
            linear(layer, h).view(rows, width, heads, size).transpose(1, 2)
            for layer in (mind.q_proj, mind.k_proj, mind.v_proj)
        )
        scores = (turned(q) @ turned(k).transpose(2, 3)).float() * size**-0.5 + future
        seen = (scores.softmax(-1).to(dtype) @ v).transpose(1, 2).reshape(rows, width, heads * size)
        x = x + linear(mind.o_proj, seen)
        h = normed(block.post_attention_layernorm, x)
        x = x + linear(block.mlp.down_proj, F.silu(linear(block.mlp.gate_proj, h)) * linear(block.mlp.up_proj, h))
    return normed(module.model.norm, x)


def _check_plain(config: Any) -> None:
    heads = config.num_attention_heads
    plain = {
        "model_type": "llama",
        "num_key_value_heads": heads,
        "head_dim": config.hidden_size // heads,
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "hidden_act": "silu",
    }
    for name, wanted in plain.items():
        found = getattr(config, name, None)
        if found != wanted:
            raise BadSetting(f"{name} is {found!r}, and this forward knows {wanted!r} only.", "Use plain_hidden.")
    if config.rope_parameters["rope_type"] != "default":
        raise BadSetting("This forward knows the default rotary positions only.", "Use plain_hidden.")


@functools.cache
def fastest_dtype() -> Any:
    """bfloat16 where this machine multiplies it at least twice as quickly as float32, else float32."""
    import torch

    taken = {}
    for dtype in (torch.float32, torch.bfloat16):
        a, b = torch.ones(4096, 128, dtype=dtype), torch.ones(128, 384, dtype=dtype)
        times = []
        for _ in range(8):
            began = time.perf_counter()
            a @ b
            times.append(time.perf_counter() - began)
        taken[dtype] = min(times)
    return torch.bfloat16 if 2 * taken[torch.bfloat16] <= taken[torch.float32] else torch.float32


def compiled(function: Any) -> Any:
    """`function` compiled for shapes that vary, or as it is where there is no C++ compiler."""
    import torch

    if not (shutil.which("g++") or shutil.which("clang++")):
        return function
    return torch.compile(function, dynamic=True)


def in_processes(work: Callable[..., None], count: int, *arguments: Any) -> None:
    """Runs `work(rank, *arguments)` in `count` processes of one thread each that can average their gradients."""
    import torch
    import torch.multiprocessing as processes

    if count == 1:
        work(0, *arguments)
        return
    with torch.multiprocessing.get_context("spawn").Manager() as manager:
        port = manager.Value("i", 0)
        processes.spawn(_joined, args=(work, count, port, *arguments), nprocs=count)


def _joined(rank: int, work: Callable[..., None], count: int, port: Any, *arguments: Any) -> None:
    import torch
    import torch.distributed as peers

    torch.set_num_threads(1)
    if rank == 0:
        store = peers.TCPStore("127.0.0.1", 0, count, is_master=True, wait_for_workers=False)
        port.value = store.port
    else:
        while not port.value:
            time.sleep(0.05)
        store = peers.TCPStore("127.0.0.1", port.value, count, is_master=False)
    peers.init_process_group("gloo", store=store, rank=rank, world_size=count)
    work(rank, *arguments)
    # After an error the links stay up until it is on record: else the others fall by a closed link and hide its cause.
    peers.destroy_process_group()


def average_gradients(module: Any) -> None:
    """Replaces each gradient by its mean over the processes, in one exchange; nothing where there is one process."""
    import torch
    import torch.distributed as peers

    if not peers.is_initialized():
        return
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in gradients])
    peers.all_reduce(flat)
    flat /= peers.get_world_size()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))
