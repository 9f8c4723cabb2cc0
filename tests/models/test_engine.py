"""The engine: whatever is shared, forked, cropped, put off or packed, the numbers are those of a plain forward."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny
import torch
from transformers import AttentionInterface, AttentionMaskInterface, LlamaForCausalLM

from workings.core.ask import Sample, Sampling, Score
from workings.core.completion import Completion, Stop
from workings.core.errors import ContextFull, ModelError
from workings.core.prompt import Prompt
from workings.models.local import engine as engine_page
from workings.models.local import load
from workings.models.local.attention import TreeAttention
from workings.models.local.model import LocalModel
from workings.models.local.tree import PrefixTree

FAMILIES = ("llama", "qwen2", "qwen3", "gemma3", "gpt2", "phi")
STORY = "the sum of three and four is seven so the answer is seven add carry one two five coin heads tails"
WORDS = STORY.split()


def model(family: str = "llama", **settings: Any) -> LocalModel:
    made = LocalModel(tiny.module(family), tiny.shared_tokenizer(), **settings)
    assert made.fallback == ""
    return made


def run(made: LocalModel, work: Any) -> Any:
    async def whole() -> Any:
        try:
            return await work(made)
        finally:
            await made.aclose()

    return asyncio.run(whole())


def forced(made: LocalModel, head: tuple[int, ...], ids: tuple[int, ...]) -> list[float]:
    with torch.no_grad():
        logp = torch.log_softmax(made.module(torch.tensor([[*head, *ids]])).logits[0].float(), dim=-1)
    return [float(logp[len(head) - 1 + i, token]) for i, token in enumerate(ids)]


def text(rng: random.Random, most: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, most)))


def check(made: LocalModel, ask: Sample, replies: tuple[Completion, ...]) -> None:
    head = made.prompt_ids(ask)
    for reply in replies:
        ids = reply.token_ids or ()
        assert reply.logprobs == pytest.approx(forced(made, head, ids), abs=1e-4)
        assert reply.usage.prompt + reply.usage.cached == len(head)


def mixture(rng: random.Random) -> list[Sample]:
    """Prompts behind common headers, equal prompts, and all kinds of settings."""
    headers = [text(rng, 30) for _ in range(3)]
    asks = []
    for _ in range(10):
        prompt = Prompt.user(f"{rng.choice(headers)} {text(rng, 12)}")
        sampling = Sampling(temperature=rng.choice([0.0, 0.7, 1.0]), max_tokens=rng.randint(1, 20))
        asks.append(Sample(prompt, rng.randint(1, 5), sampling))
    return [*asks, asks[0]]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tight", [False, True])
def test_any_mixture_equals_teacher_forcing(family: str, tight: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(f"{family}{tight}")
    monkeypatch.setattr(engine_page, "CHUNK", 16)
    monkeypatch.setattr(engine_page, "WORTH", 12)
    monkeypatch.setattr(engine_page, "LONG", 24)
    made = model(family, batch=16, cache_bytes=(150_000 if tight else None))

    async def work(made: LocalModel) -> None:
        for _ in range(2):
            asks = mixture(rng)
            replies = await asyncio.gather(*(made.sample(a, tuple(range(a.n))) for a in asks))
            for ask, reply in zip(asks, replies, strict=True):
                check(made, ask, reply)
            assert [c.token_ids for c in replies[0]] == [c.token_ids for c in replies[-1]]

    run(made, work)
    if tight:
        assert made.count.evicted > 0


def test_memory_that_runs_short_puts_rows_off_and_changes_nothing() -> None:
    ask = Sample(Prompt.user("the sum of three"), 12, Sampling(temperature=1.0, max_tokens=60))

    async def work(made: LocalModel) -> list[Any]:
        return [c.token_ids for c in await made.sample(ask, tuple(range(12)))]

    roomy = model()
    tight = model(cache_bytes=100_000)
    assert run(roomy, work) == run(tight, work)
    assert tight.count.preempted > 0
    assert roomy.count.preempted == 0


def test_a_request_that_cannot_fit_alone_is_refused_with_its_size() -> None:
    async def work(made: LocalModel) -> None:
        with pytest.raises(ContextFull, match="budget"):
            await made.sample(Sample(Prompt.user("the sum"), 1, Sampling(max_tokens=200)), (0,))
        await made.sample(Sample(Prompt.user("the sum"), 1, Sampling(max_tokens=4)), (0,))

    run(model(cache_bytes=30_000), work)


def test_every_position_is_computed_once() -> None:
    header = "the sum of three and four is seven so the answer is seven"

    async def work(made: LocalModel) -> None:
        asks = [Sample(Prompt.user(f"{header} {w}"), 4, Sampling(temperature=1.0, max_tokens=8)) for w in WORDS[:6]]
        await asyncio.gather(*(made.sample(a, (1, 2, 3, 4)) for a in asks))
        assert made.count.computed <= 1.02 * made.count.distinct

    run(model(), work)


def test_equal_samples_are_one_row_until_they_differ() -> None:
    async def work(made: LocalModel) -> None:
        greedy = Sample(Prompt.user("the sum"), 20, Sampling(temperature=0, max_tokens=10))
        replies = await made.sample(greedy, tuple(range(20)))
        assert len({c.token_ids for c in replies}) == 1
        assert made.count.computed == made.count.distinct

    run(model(), work)


def test_a_chain_is_continued_from_the_tree() -> None:
    async def work(made: LocalModel) -> None:
        prompt = Prompt.user("three and four")
        (first,) = await made.sample(Sample(prompt, 1, Sampling(temperature=1.0, max_tokens=12)), (3,))
        longer = Prompt(prompt.messages, lead_ids=(first.token_ids or ())[:10])
        ask = Sample(longer, 1, Sampling(temperature=1.0, max_tokens=5))
        (second,) = await made.sample(ask, (4,))
        assert second.usage.prompt == 1
        check(made, ask, (second,))

    run(model(), work)


@pytest.mark.parametrize("family", FAMILIES)
def test_packed_scores_equal_plain_forwards(family: str) -> None:
    rng = random.Random(family)

    async def work(made: LocalModel) -> None:
        asks = []
        for _ in range(4):
            chain = tuple(made.tokenizer.encode(text(rng, 30), add_special_tokens=False))
            cuts = tuple(sorted(rng.sample(range(len(chain) + 1), min(5, len(chain)))))
            cue = rng.choice(["", " so the answer is"])
            candidates = (" seven", " four", " one two three")
            asks.append(Score(Prompt.user("the sum"), candidates, cuts=cuts, cue=cue, chain_ids=chain))
        for ask, found in zip(asks, await asyncio.gather(*map(made.score, asks)), strict=True):
            head = made.prompt_ids(ask)
            for cut, row in zip(ask.cuts, found.logprobs, strict=True):
                for candidate, value in zip(ask.candidates, row, strict=True):
                    before, after, _ = made._text.after(ask.cue, candidate)
                    context = (*head, *(ask.chain_ids or ())[:cut], *before)
                    assert value == pytest.approx(sum(forced(made, context, tuple(after))), abs=2e-4)

        assert made.count.boundaries == sum(len(a.cuts) * len(a.candidates) for a in asks)
        assert made.count.merged <= made.count.boundaries

    run(model(family), work)


def test_a_score_is_charged_what_was_computed_for_it_and_what_was_there() -> None:
    async def work(made: LocalModel) -> None:
        ask = Score(Prompt.user("the sum"), (" seven", " two"), cuts=(0, 3), cue=" so", chain=" of three and")
        first, again = await made.score(ask), await made.score(ask)
        assert first.usage.prompt > again.usage.prompt > 0
        assert first.usage.prompt + first.usage.cached == again.usage.prompt + again.usage.cached
        assert made.count.computed == first.usage.prompt + again.usage.prompt

    run(model(), work)


def test_a_failure_leaves_no_holds_behind() -> None:
    made = model()
    network, works = made._network, made._network.packed

    def fails(*given: Any) -> Any:
        raise RuntimeError("out of memory")

    async def work(made: LocalModel) -> None:
        ask = Sample(Prompt.user("the sum of three"), 2, Sampling(temperature=1.0, max_tokens=4))
        await made.sample(ask, (1, 2))
        network.packed = fails  # type: ignore[method-assign]
        with pytest.raises(ModelError, match="out of memory"):
            await made.sample(ask, (1, 2))
        network.packed = works  # type: ignore[method-assign]
        check(made, ask, await made.sample(ask, (1, 2)))
        engine = made._serving.engine
        engine.tree.forget(10**9)
        assert engine.tree.positions == 0 and engine.own_bytes == 0

    run(made, work)


def test_scores_beside_samples_are_the_same() -> None:
    async def work(made: LocalModel) -> None:
        score = Score(Prompt.user("the sum"), (" seven", " two"), cuts=(0, 3), chain=" of three and")
        alone = await made.score(score)
        ask = Sample(Prompt.user("the sum"), 6, Sampling(temperature=1.0, max_tokens=30))
        beside, _ = await asyncio.gather(made.score(score), made.sample(ask, tuple(range(6))))
        for a, b in zip(alone.logprobs, beside.logprobs, strict=True):
            assert a == pytest.approx(b, abs=1e-5)

    run(model(), work)


def test_attaching_leaves_no_trace_and_other_models_alone() -> None:
    mine, other = tiny.module("gemma3"), tiny.module("gemma3", seed=1)
    ids = torch.arange(30)[None] + 5
    before = {k: dict(r._global_mapping) for k, r in _registries().items()}
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in mine.modules())
    with torch.no_grad():
        plain, theirs = mine(ids).logits, other(ids).logits
        with TreeAttention(mine).attached():
            assert torch.equal(other(ids).logits, theirs)
            assert torch.allclose(mine(ids).logits, plain, atol=1e-6)
        assert torch.equal(mine(ids).logits, plain)
    assert {k: dict(r._global_mapping) for k, r in _registries().items()} == before
    assert sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in mine.modules()) == hooks
    assert mine.config._attn_implementation == "sdpa"


def _registries() -> dict[str, Any]:
    return {"attention": AttentionInterface, "mask": AttentionMaskInterface}


def test_an_architecture_with_states_of_its_own_falls_back_and_says_so() -> None:
    import transformers as t

    config = t.MambaConfig(vocab_size=320, hidden_size=32, state_size=8, num_hidden_layers=2)
    with pytest.warns(UserWarning, match="without the prefix tree"):
        made = LocalModel(t.AutoModelForCausalLM.from_config(config).eval(), tiny.shared_tokenizer())
    assert made.fallback

    async def work(made: LocalModel) -> None:
        asks = [Sample(Prompt.user(t), 2, Sampling(temperature=1.0, max_tokens=n)) for t, n in ((STORY, 6), ("a", 9))]
        for ask, replies in zip(asks, await asyncio.gather(*(made.sample(a, (1, 2)) for a in asks)), strict=True):
            check(made, ask, replies)
        score = Score(Prompt.user("the sum"), (" seven",), chain=" of")
        context = (*made.prompt_ids(score), *made.tokenizer.encode(" of", add_special_tokens=False))
        target = tuple(made.tokenizer.encode(" seven", add_special_tokens=False))
        assert (await made.score(score)).logprobs[0][0] == pytest.approx(sum(forced(made, context, target)), abs=1e-4)

    run(made, work)


@pytest.mark.parametrize("family", FAMILIES)
def test_rounding_in_a_short_format_is_no_reason_to_fall_back(family: str) -> None:
    assert LocalModel(tiny.module(family).to(torch.bfloat16), tiny.shared_tokenizer()).fallback == ""


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_architecture_that_ignores_positions_is_found_out_in_every_format(dtype: torch.dtype) -> None:
    class Forgetful(LlamaForCausalLM):
        def forward(self, *args: Any, position_ids: Any = None, **kwargs: Any) -> Any:
            return super().forward(*args, **kwargs)

    with pytest.warns(UserWarning, match="without the prefix tree"):
        made = LocalModel(Forgetful(tiny.module("llama").config).to(dtype), tiny.shared_tokenizer())
    assert "differ by" in made.fallback


def test_forced_choices_draw_only_what_is_allowed_and_report_the_model_s_own_numbers() -> None:
    async def work(made: LocalModel) -> None:
        free = Sampling(temperature=1.0, max_tokens=6, top=3)
        forced_ = Sampling(temperature=1.0, max_tokens=6, allowed=(40, 50), bias=((40, 60.0),))
        prompt = Prompt.user("the sum")
        one, other = await asyncio.gather(
            made.sample(Sample(prompt, 3, free), (1, 2, 3)), made.sample(Sample(prompt, 3, forced_), (1, 2, 3))
        )
        assert all(set(c.token_ids or ()) == {40} for c in other)
        check(made, Sample(prompt), one)
        check(made, Sample(prompt), other)
        for reply in one:
            assert reply.top is not None and len(reply.top) == len(reply.token_ids or ())
            for best, token, value in zip(reply.top, reply.token_ids or (), reply.logprobs or (), strict=True):
                assert len(best) == 3 and best[0][1] >= best[1][1] >= best[2][1]
                assert token in dict(best) or value <= best[2][1] + 1e-5
            assert reply.tokens is not None and len(reply.tokens) == len(reply.token_ids or ())
            assert "".join(reply.tokens) == reply.text
        assert all(c.tokens is None for c in other)

    run(model(), work)


def test_a_cancelled_sample_frees_its_place_at_once() -> None:
    async def work(made: LocalModel) -> None:
        long = Sample(Prompt.user("the sum"), 4, Sampling(temperature=1.0, max_tokens=200))
        task = asyncio.create_task(made.sample(long, (0, 1, 2, 3)))
        await asyncio.sleep(0.1)
        task.cancel()
        short = Sample(Prompt.user("coin"), 1, Sampling(temperature=1.0, max_tokens=3))
        (made_,) = await asyncio.wait_for(made.sample(short, (0,)), 10)
        assert made_.stop in (Stop.LENGTH, Stop.END)

    run(model(batch=4), work)


def test_ten_thousand_waiting_requests_do_not_slow_each_other() -> None:
    async def work(made: LocalModel) -> None:
        asks = [Sample(Prompt.user(f"one {WORDS[i % 20]}"), 1, Sampling(max_tokens=1)) for i in range(10_000)]
        replies = await asyncio.gather(*(made.sample(ask, (i,)) for i, ask in enumerate(asks)))
        assert len(replies) == 10_000 and made.count.computed < 1000

    run(model(batch=256), work)


def test_a_segment_is_never_that_of_keys_and_values_that_are_gone() -> None:
    made = model()
    engine = made._serving.engine
    for number in range(50):
        node = engine.tree.insert((number, 1, 2), torch.full((2, 2, 2, 3, 8), float(number)), 0)
        assert float(engine.segment(node, 3).kv[0, 0, 0, 0, 0]) == number
        node.kv = node.kv.clone()
        engine.tree.forget(10**9)


def kv(count: int) -> torch.Tensor:
    return torch.arange(count, dtype=torch.float32).view(1, 1, 1, count, 1).expand(1, 2, 1, count, 1)


def test_the_tree_keeps_each_position_once_and_splits_where_paths_part() -> None:
    tree = PrefixTree()
    tree.insert((1, 2, 3, 4), kv(4), 0)
    leaf = tree.insert((1, 2, 9), kv(3), 0)
    assert tree.positions == 5
    assert [len(n.ids) for n, _ in tree.path(leaf)] == [2, 1]
    path = tree.match((1, 2, 3, 4, 5), 5)
    assert sum(take for _, take in path) == 4
    assert torch.cat([n.kv[0, 0, 0, :take, 0] for n, take in path]).tolist() == [0, 1, 2, 3]
    assert sum(take for _, take in tree.match((1, 2, 3), 2)) == 2


def test_the_tree_forgets_the_least_recently_used_and_never_what_is_held() -> None:
    tree = PrefixTree()
    old, held, new = (tree.insert((n, n, n), kv(3), 0) for n in (1, 2, 3))
    held.holders = 1
    tree.match((1, 1, 1), 3)
    assert tree.forget(1) == new.bytes or tree.match((3, 3, 3), 3)
    tree.forget(10**9)
    assert tree.positions == 3
    assert tree.match((2, 2, 2), 3)
    assert old.parent is None


@pytest.mark.pretrained
def test_a_real_model_shares_forks_and_packs_exactly() -> None:
    shelf = os.environ.get("WORKINGS_MODELS")
    if not shelf or not (Path(shelf) / "smollm2-135m-instruct.gguf").is_file():
        pytest.skip("WORKINGS_MODELS names no folder with smollm2-135m-instruct.gguf")
    rng = random.Random(0)
    made = load("smollm2-135m-instruct", dtype="float32", batch=16)
    greedy = Sampling(temperature=0.0, max_tokens=30)

    async def work(made: LocalModel) -> None:
        asks = mixture(rng)
        for ask, reply in zip(
            asks, await asyncio.gather(*(made.sample(a, tuple(range(a.n))) for a in asks)), strict=True
        ):
            check(made, ask, reply)
        for ask in (Sample(Prompt.user(f"{STORY}? {word}"), 1, greedy) for word in ("Why", "How", "Where")):
            (mine,) = await made.sample(ask, (0,))
            ids = torch.tensor([made.prompt_ids(ask)])
            with torch.no_grad():
                theirs = made.module.generate(
                    ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=30
                )
            written = list(mine.token_ids or ())
            assert written == theirs[0, ids.shape[1] :].tolist()[: len(written)]
        chain = tuple(made.tokenizer.encode(STORY))
        cuts = tuple(range(0, len(chain), 3))
        scored = Score(Prompt.user("How many?"), (" seven", " five"), cuts=cuts, cue=" So it is", chain_ids=chain)
        found = await made.score(scored)
        for cut, row in zip(cuts, found.logprobs, strict=True):
            for candidate, value in zip(scored.candidates, row, strict=True):
                before, after, _ = made._text.after(scored.cue, candidate)
                context = (*made.prompt_ids(scored), *chain[:cut], *before)
                assert value == pytest.approx(sum(forced(made, context, tuple(after))), abs=1e-4)

    run(made, work)
