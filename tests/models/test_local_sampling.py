"""Sampling filters against their definitions, batches, stop strings and the roomy cache."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny
import torch

from workings.core.ask import Sampling
from workings.models.local.render import Text
from workings.models.local.sampling import Knobs, choose, draw, filtered, uniforms
from workings.models.local.stops import Watcher, cut, find

CPU = torch.device("cpu")


def by_definition(logits: np.ndarray, s: Sampling) -> np.ndarray:
    """Temperature, top-k, top-p, min-p, one after the other, on one row; renormalised."""
    scaled = logits / (s.temperature or 1.0)
    p = np.exp(scaled - scaled.max())
    p /= p.sum()
    order = np.argsort(-p, kind="stable")
    if s.top_k:
        p[order[s.top_k :]] = 0
    if s.top_p < 1:
        before = np.cumsum(p[order]) - p[order]
        p[order[before >= s.top_p * p.sum()]] = 0
    p[p < s.min_p * p.max()] = 0
    return p / p.sum()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            Sampling,
            temperature=st.sampled_from([0.0, 0.3, 1.0, 1.7]),
            top_k=st.sampled_from([0, 1, 5, 500]),
            top_p=st.sampled_from([1.0, 0.9, 0.5, 0.1]),
            min_p=st.sampled_from([0.0, 0.05, 0.5]),
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 10**6),
)
def test_filters_equal_their_definitions_row_by_row(rows: list[Sampling], seed: int) -> None:
    logits = np.random.default_rng(seed).normal(size=(len(rows), 40)) * 2
    probs = filtered(torch.tensor(logits, dtype=torch.float32), Knobs(rows, CPU)).double().numpy()
    for row, s in enumerate(rows):
        assert probs[row] / probs[row].sum() == pytest.approx(by_definition(logits[row], s), abs=1e-5)


def test_top_p_over_a_flat_large_vocabulary_looks_at_all_of_it() -> None:
    probs = filtered(torch.zeros(2, 5000), Knobs([Sampling(top_p=0.5), Sampling()], CPU))
    assert int((probs[0] > 0).sum()) == pytest.approx(2500, abs=2)
    assert int((probs[1] > 0).sum()) == 5000


def test_draws_follow_the_probabilities_and_never_take_a_filtered_token() -> None:
    logits = torch.tensor([[1.0, 0.0, -1.0, 2.0, -9.0]]).expand(20000, 5)
    s = Sampling(temperature=1.0, top_k=3)
    tokens = choose(logits, Knobs([s] * 20000, CPU), torch.from_numpy(uniforms(3, 20000)))
    shares = torch.bincount(tokens, minlength=5).double() / 20000
    assert shares.numpy() == pytest.approx(by_definition(logits[0].double().numpy(), s), abs=0.015)
    assert shares[2] == 0 and shares[4] == 0


def test_a_uniform_number_at_the_edge_still_draws_a_possible_token() -> None:
    knobs = Knobs([Sampling(top_k=1), Sampling(top_k=1)], CPU)
    drawn = choose(torch.tensor([[3.0, 1.0, 0.0]]).expand(2, 3), knobs, torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert drawn.tolist() == [0, 0]


def test_uniforms_depend_on_the_seed_alone_and_begin_alike() -> None:
    assert uniforms(-8, 9)[:4].tolist() == uniforms(-8, 4).tolist()
    assert uniforms(7, 4).tolist() != uniforms(8, 4).tolist()
    assert uniforms(7, 99).min() >= 0 and uniforms(7, 99).max() < 1


def test_flags_cover_every_token_that_can_complete_a_stop_string() -> None:
    tokenizer = tiny.shared_tokenizer()
    text = Text(tokenizer)
    stops = ("\n\n", "answer", "案")
    flagged = Watcher(text, 320).flagged(stops)
    for sample in ("one\n\n", "so the answer", "three answer", "答案", "one \n\n"):
        ids = tokenizer.encode(sample, add_special_tokens=False)
        assert ids[-1] in flagged, sample
    assert len(flagged) < 320
    assert not Watcher(text, 320).flagged(())


@given(st.text(alphabet="ab#\n", max_size=12), st.lists(st.text(alphabet="ab#\n", min_size=1, max_size=3), max_size=3))
def test_find_gives_the_earliest_stop(text: str, stops: list[str]) -> None:
    at = find(text, stops)
    assert all(s not in text[: at + len(s) - 1] for s in stops) if at >= 0 else all(s not in text for s in stops)
    assert at < 0 or any(text.startswith(s, at) for s in stops)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=20), st.integers(0, 20))
def test_cut_keeps_the_fewest_tokens_that_write_the_text(written: str, size: int) -> None:
    text = Text(tiny.shared_tokenizer())
    ids = text.encode(written)
    kept = text.decode(ids)[:size]
    count = cut(text, (), ids, kept)
    assert text.decode(ids[:count]).startswith(kept)
    assert count == 0 or not text.decode(ids[: count - 1]).startswith(kept)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 0.3, 1.0, 1.7]), min_size=1, max_size=6),
    st.integers(1, 400),
    st.integers(0, 10**6),
    st.booleans(),
)
def test_draws_without_filters_invert_the_cumulative_distribution(
    temperatures: list[float], width: int, seed: int, shared: bool
) -> None:
    rng = np.random.default_rng(seed)
    count = len(temperatures)
    logits = rng.normal(size=(1 if shared else count, width)) * 3
    knobs = Knobs([Sampling(temperature=t) for t in temperatures], CPU)
    uniform = rng.random(count)
    rows = torch.zeros(count, dtype=torch.long) if shared else None
    given_ = torch.tensor(logits, dtype=torch.float32)
    tokens, facts = draw(given_, rows, knobs, torch.from_numpy(uniform))
    for i, (token, t) in enumerate(zip(tokens.tolist(), temperatures, strict=True)):
        z = given_[0 if shared else i].double().numpy()
        p = np.exp(z - z.max())
        p /= p.sum()
        q = np.exp((z - z.max()) / (t or 1.0))
        heaped = np.cumsum(q / q.sum())
        if t == 0:
            assert token == int(z.argmax())
        else:
            assert heaped[token] >= uniform[i] - 1e-6 and (token == 0 or heaped[token - 1] <= uniform[i] + 1e-6)
        wanted = [np.log(p[token]), -(p * np.log(p)).sum(), -np.log(p).mean() - np.log(width)]
        assert facts[i].tolist() == pytest.approx(wanted, abs=1e-4)
