"""The quick forward is transformers' own, and processes that learn together learn as one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import learners
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.errors import BadSetting
from workings.train import fast, sft

ROWS, WIDTH = 3, 24


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Matrix products in float32, whatever is quickest here."""
    monkeypatch.setattr(fast, "fastest_dtype", lambda: torch.float32)


def tokens(seed: int = 0) -> Any:
    return torch.randint(1, learners.WORDS, (ROWS, WIDTH), generator=torch.Generator().manual_seed(seed))


def straight() -> Any:
    return torch.arange(WIDTH).repeat(ROWS, 1)


def jumping(seed: int = 0) -> Any:
    """Positions with a skip of up to 40 at about one place in four."""
    source = torch.Generator().manual_seed(seed)
    skips = torch.randint(0, 40, (ROWS, WIDTH), generator=source) * (torch.rand(ROWS, WIDTH, generator=source) < 0.25)
    return straight() + skips.cumsum(1)


def theirs(module: Any, ids: Any, positions: Any) -> Any:
    """Transformers' forward, told in a mask of its own what may see what: all that stands before."""
    mask = torch.ones(WIDTH, WIDTH, dtype=torch.bool).tril()[None, None].expand(len(ids), 1, -1, -1)
    return module.model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False).last_hidden_state


def gradients(module: Any, hidden: Any, ids: Any, positions: Any) -> Any:
    """The gradients of one fixed random projection of the hidden states, as one vector."""
    module.zero_grad()
    states = hidden(module, ids, positions).float()
    (states * torch.randn(states.shape, generator=torch.Generator().manual_seed(1))).mean().backward()
    found = [p.grad for name, p in module.named_parameters() if "lm_head" not in name]
    assert all(g is not None for g in found)
    return torch.cat([g.reshape(-1) for g in found])


@pytest.mark.parametrize("hidden", [fast.llama_hidden, fast.plain_hidden], ids=["llama", "plain"])
@pytest.mark.parametrize("positions", [straight(), jumping()], ids=["straight", "jumping"])
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"layers": 1, "width": 64, "num_attention_heads": 2, "num_key_value_heads": 2},
        {"tie_word_embeddings": False},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}, "rms_norm_eps": 1e-2},
    ],
    ids=["tied", "wide heads", "untied", "other base"],
)
def test_a_forward_and_its_gradients_are_those_of_transformers(exact, changed, positions, hidden):
    module, ids = learners.llama(**changed), tokens()
    for layer in (module.model.norm, *(b.input_layernorm for b in module.model.layers)):
        torch.nn.init.uniform_(layer.weight, 0.5, 1.5)  # fresh ones are all 1 and would hide a norm that is left out
    assert torch.allclose(hidden(module, ids, positions), theirs(module, ids, positions), rtol=0, atol=1e-5)
    mine, true = (gradients(module, forward, ids, positions) for forward in (hidden, theirs))
    assert true.abs().max() > 1e-3
    assert torch.allclose(mine, true, rtol=0, atol=1e-5 * max(1.0, float(true.abs().max())))


def test_positions_tell_tokens_apart(exact):
    """The law above would also hold for forwards that did not look at positions."""
    module, ids = learners.llama(), tokens()
    moved = fast.llama_hidden(module, ids, jumping()) - fast.llama_hidden(module, ids, straight())
    assert moved.abs().max() > 0.05


@pytest.mark.parametrize("positions", [straight(), jumping()], ids=["straight", "jumping"])
def test_in_bfloat16_the_forward_is_that_of_transformers_within_its_rounding(monkeypatch, positions):
    """bfloat16 keeps 8 bits, a relative error of 2**-9 each; states have a mean square of 1 behind the last norm."""
    monkeypatch.setattr(fast, "fastest_dtype", lambda: torch.bfloat16)
    module, ids = learners.llama(), tokens()
    mine, true = fast.llama_hidden(module, ids, positions), theirs(module, ids, positions)
    assert mine.dtype == torch.bfloat16
    off = (mine.float() - true).abs()
    assert off.pow(2).mean().sqrt() < 0.02 and off.max() < 0.1
    mine, true = (gradients(module, forward, ids, positions) for forward in (fast.llama_hidden, theirs))
    assert mine.dtype == torch.float32
    assert (mine - true).norm() < 0.03 * true.norm()


@given(place=st.integers(1, WIDTH - 1), seed=st.integers(0, 50))
@settings(max_examples=15)
def test_what_stands_behind_changes_nothing_before_it(place, seed):
    module, ids = learners.llama(layers=1), tokens(seed)
    other = ids.clone()
    other[:, place:] = tokens(seed + 1)[:, place:]
    for hidden in (fast.llama_hidden, fast.plain_hidden):
        a, b = (hidden(module, x, jumping(seed))[:, :place].float() for x in (ids, other))
        assert torch.allclose(a, b, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "changed",
    [
        {"num_key_value_heads": 2},
        {"head_dim": 16},
        {"attention_bias": True},
        {"mlp_bias": True},
        {"attention_dropout": 0.1},
        {"hidden_act": "gelu"},
        {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_llama_that_the_quick_forward_does_not_know_is_refused(changed):
    with pytest.raises(BadSetting, match=r"knows|default"):
        fast.llama_hidden(learners.llama(**changed), tokens(), straight())


def test_the_quickest_format_is_one_of_two_and_measured_once():
    assert fast.fastest_dtype() in (torch.float32, torch.bfloat16)
    assert fast.fastest_dtype() is fast.fastest_dtype()


def test_without_a_compiler_nothing_is_compiled(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert fast.compiled(sft.lesson_loss) is sft.lesson_loss


def test_one_process_works_where_it_is_and_shares_nothing(tmp_path):
    seen: list[Any] = []
    fast.in_processes(lambda rank, *rest: seen.append((rank, *rest)), 1, "a", tmp_path)
    assert seen == [(0, "a", tmp_path)]
    module = learners.llama()
    before = gradients(module, fast.plain_hidden, tokens(), straight())
    fast.average_gradients(module)
    after = torch.cat([p.grad.reshape(-1) for p in module.parameters()])
    assert torch.equal(before, after)


def averaged_by_hand() -> np.ndarray:
    """The weights of one process that learns the lessons of two, by the mean of their gradients at every step."""
    other = sft.batches(learners.stream(1), learners.TOGETHER)

    def mean(module: Any) -> None:
        own = [p.grad.clone() for p in module.parameters()]
        module.zero_grad()
        b = next(other)
        sft.lesson_loss(module, fast.plain_hidden, b.ids, b.positions, b.taken, b.wanted, b.weight).backward()
        for parameter, gradient in zip(module.parameters(), own, strict=True):
            parameter.grad = (parameter.grad + gradient) / 2

    module = learners.llama()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sft, "average_gradients", mean)
        assert sft.imitate(module, learners.stream(0), learners.TOGETHER) == learners.TOGETHER.steps
    return learners.weights(module)


def test_two_processes_learn_as_one_that_takes_the_mean_of_their_gradients(tmp_path):
    fast.in_processes(learners.learn, 2, tmp_path)
    first, second = (np.load(tmp_path / f"{rank}.npy") for rank in range(2))
    assert np.array_equal(first, second)
    assert np.abs(first - averaged_by_hand()).max() < 1e-5

    alone: Path = tmp_path / "alone"
    alone.mkdir()
    learners.learn(0, alone)
    assert np.abs(first - np.load(alone / "0.npy")).max() > 1e-3, "The other process taught nothing."
    assert np.abs(first - learners.weights(learners.llama())).max() > 1e-3, "Nothing was learnt."


def test_when_one_process_falls_the_error_arrives_and_none_waits_for_ever():
    with pytest.raises(Exception, match="This one fell"):
        fast.in_processes(learners.fall, 2)
