"""The local model: generation equals transformers', and a sample is its own whatever runs beside it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny
import torch

from workings.core.ask import Sample, Sampling, Score
from workings.core.capability import Capability
from workings.core.completion import Completion, Stop
from workings.core.errors import BadSetting, ContextFull, DataError, ModelError
from workings.core.prompt import Message, Prompt
from workings.models.local import load
from workings.models.local.model import LocalModel
from workings.models.local.samples import Request
from workings.models.local.worker import Worker
from workings.run.ports import Model
from workings.verify.thinking import split_thinking

TEXTS = ("the sum", "three and four is seven so the answer is", "a", "coin heads tails one two three four five add")
FAMILIES = ("llama", "qwen2", "gpt2", "gemma3")
SHORT = Sampling(temperature=1.0, max_tokens=16)


def play(module: Any, use: Callable[[LocalModel], Awaitable[Any]], **settings: Any) -> Any:
    """Runs one coroutine on a fresh local model and closes it."""

    async def run() -> Any:
        model = LocalModel(module, settings.pop("tokenizer", None) or tiny.shared_tokenizer(), **settings)
        assert not model.fallback
        try:
            return await use(model)
        finally:
            await model.aclose()

    return asyncio.run(run())


def asks(sampling: Sampling = SHORT, n: int = 1) -> list[Sample]:
    return [Sample(Prompt.user(text), n, sampling) for text in TEXTS]


async def answers(model: LocalModel, wanted: list[Sample], seed: int = 0) -> list[tuple[Completion, ...]]:
    return await asyncio.gather(*(model.sample(a, tuple(range(seed, seed + a.n))) for a in wanted))


def forced(model: LocalModel, prompt: Prompt, ids: tuple[int, ...]) -> list[float]:
    """Log-probabilities by one plain forward over prompt and reply."""
    head = model.prompt_ids(Sample(prompt))
    whole = torch.tensor([[*head, *ids]])
    with torch.no_grad():
        logp = torch.log_softmax(model.module(whole).logits[0].float(), dim=-1)
    return [float(logp[len(head) - 1 + i, token]) for i, token in enumerate(ids)]


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_equals_generate_for_prompts_of_mixed_length(family: str) -> None:
    module = tiny.module(family)
    greedy = Sampling(temperature=0, max_tokens=24)

    async def use(model: LocalModel) -> None:
        for ask, (made,) in zip(asks(greedy), await answers(model, asks(greedy)), strict=True):
            ids = torch.tensor([model.prompt_ids(ask)])
            with torch.no_grad():
                whole = module.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False)
            assert list(made.token_ids or ()) == whole[0, ids.shape[1] :].tolist()

    play(module, use)


@pytest.mark.parametrize("family", FAMILIES)
def test_logprobs_equal_teacher_forcing_in_every_batch(family: str) -> None:
    async def use(model: LocalModel) -> None:
        alone = [await answers(model, [a]) for a in asks(n=3)]
        together = await answers(model, asks(n=3))
        for ask, apart, beside in zip(asks(), alone, together, strict=True):
            for made in (*apart[0], *beside):
                assert made.logprobs == pytest.approx(forced(model, ask.prompt, made.token_ids or ()), abs=1e-4)

    play(tiny.module(family), use)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_sample_does_not_depend_on_its_batch(family: str) -> None:
    ask = Sample(Prompt.user("the sum of three"), 1, SHORT)
    crowd = [Sample(Prompt.user("one two " * (i % 7) + str(i)), 1, SHORT) for i in range(20)]

    async def use(model: LocalModel) -> None:
        (alone,) = await model.sample(ask, (77,))
        beside = await asyncio.gather(model.sample(ask, (77,)), *(model.sample(a, (i,)) for i, a in enumerate(crowd)))
        assert beside[0][0].token_ids == alone.token_ids
        assert beside[0][0].text == alone.text

    play(tiny.module(family), use)


def test_five_samples_are_the_first_of_eight_and_seeds_differ() -> None:
    async def use(model: LocalModel) -> None:
        prompt = Prompt.user("the answer is")
        five = await model.sample(Sample(prompt, 5, SHORT), tuple(range(5)))
        eight = await model.sample(Sample(prompt, 8, SHORT), tuple(range(8)))
        assert [c.token_ids for c in five] == [c.token_ids for c in eight[:5]]
        assert len({c.token_ids for c in eight}) == 8
        longer = await model.sample(Sample(prompt, 5, Sampling(temperature=1.0, max_tokens=30)), tuple(range(5)))
        assert all(
            (b.token_ids or ())[: len(a.token_ids or ())] == a.token_ids for a, b in zip(five, longer, strict=True)
        )

    play(tiny.module(), use)


def test_temperature_zero_makes_all_samples_equal() -> None:
    async def use(model: LocalModel) -> None:
        made = await model.sample(
            Sample(Prompt.user("coin"), 6, Sampling(temperature=0, max_tokens=12)), tuple(range(6))
        )
        assert len({c.token_ids for c in made}) == 1

    play(tiny.module(), use)


def test_prompt_is_charged_once_and_every_token_counted() -> None:
    async def use(model: LocalModel) -> None:
        ask = Sample(Prompt.user("the sum"), 4, SHORT)
        made = await model.sample(ask, (1, 2, 3, 4))
        length = len(model.prompt_ids(ask))
        assert [(c.usage.prompt, c.usage.cached) for c in made] == [(length, 0)] + [(0, length)] * 3
        assert all(c.usage.generated == len(c.token_ids or ()) and c.usage.calls == 1 for c in made)
        assert [c.seed for c in made] == [1, 2, 3, 4]

    play(tiny.module(), use)


def test_mean_entropy_and_certainty_are_over_the_whole_vocabulary() -> None:
    async def use(model: LocalModel) -> None:
        prompt = Prompt.user("the sum")
        (made,) = await model.sample(Sample(prompt, 1, SHORT), (5,))
        head, ids = model.prompt_ids(Sample(prompt)), made.token_ids or ()
        with torch.no_grad():
            logits = model.module(torch.tensor([[*head, *ids]])).logits[0, len(head) - 1 : -1].double()
        logp = torch.log_softmax(logits, dim=-1)
        assert made.entropy == pytest.approx(float(-(logp.exp() * logp).sum(-1).mean()), abs=1e-4)
        assert made.certainty == pytest.approx(float(-logp.mean(-1).mean() - math.log(logp.shape[-1])), abs=1e-4)

    play(tiny.module(), use)


class Parrot:
    """Bends a module so that its greedy reply is a given sequence of ids, whatever the prompt."""

    def __init__(self, script: list[int], start: int) -> None:
        self.module = tiny.module()
        base = self.module.forward

        def scripted(*args: Any, position_ids: torch.Tensor | None = None, **kwargs: Any) -> Any:
            out = base(*args, position_ids=position_ids, **kwargs)
            if position_ids is None:
                position_ids = torch.arange(kwargs["input_ids"].shape[1])[None]
            keep = kwargs.get("logits_to_keep", 0)
            at = position_ids[:, slice(-keep, None) if isinstance(keep, int) else keep] + 1 - start
            wanted = torch.tensor(script)[at.clamp(0, len(script) - 1)]
            out.logits[:] = -50.0
            out.logits.scatter_(-1, wanted[..., None], 50.0)
            return out

        self.module.forward = functools.wraps(base)(scripted)


def scripted_reply(script: list[int], sampling: Sampling, watch: Any = None, **settings: Any) -> Completion:
    prompt = Prompt.user("the sum")
    start = len(LocalModel(tiny.module(), tiny.shared_tokenizer()).prompt_ids(Sample(prompt)))

    async def use(model: LocalModel) -> Completion:
        (made,) = await model.sample(Sample(prompt, 1, sampling), (0,), watch)
        return made

    made: Completion = play(Parrot(script, start).module, use, **settings)
    return made


def spelled(*pieces: str) -> list[int]:
    tokenizer = tiny.shared_tokenizer()
    return [i for piece in pieces for i in tokenizer.encode(piece, add_special_tokens=False)]


def test_stop_string_across_tokens_is_cut_and_nothing_after_it_is_kept() -> None:
    script = spelled(" seven", "#", "#", "#", "#", " five", " five")
    made = scripted_reply(script, Sampling(temperature=0, max_tokens=20, stop=("##", "never")))
    assert (made.text, made.stop) == (" seven", Stop.STRING)
    assert made.token_ids == tuple(spelled(" seven"))
    assert len(made.logprobs or ()) == len(made.token_ids or ())
    assert made.usage.generated == len(spelled(" seven")) + 2


def test_stop_string_inside_a_token_keeps_that_token() -> None:
    script = spelled(" seven", " answer", " five")
    assert len(spelled(" answer")) == 1
    made = scripted_reply(script, Sampling(temperature=0, max_tokens=20, stop=("swer",)))
    assert (made.text, made.stop) == (" seven an", Stop.STRING)
    assert made.token_ids == tuple(spelled(" seven", " answer"))


def test_stop_string_in_several_bytes_of_a_character() -> None:
    script = spelled(" one", "答", "案", "是", " two")
    made = scripted_reply(script, Sampling(temperature=0, max_tokens=30, stop=("案是",)))
    assert (made.text, made.stop) == (" one答", Stop.STRING)


def test_a_special_token_as_stop_string() -> None:
    tokenizer = tiny.shared_tokenizer()
    script = [*spelled(" one"), tokenizer.convert_tokens_to_ids("<end>"), *spelled(" two")]
    made = scripted_reply(script, Sampling(temperature=0, max_tokens=30, stop=("<end>",)))
    assert (made.text, made.stop) == (" one", Stop.STRING)


def test_end_token_is_kept_among_the_tokens_and_left_out_of_the_text() -> None:
    script = [*spelled(" one two"), 1, *spelled(" five")]
    made = scripted_reply(script, Sampling(temperature=0, max_tokens=30))
    assert (made.text, made.stop) == (" one two", Stop.END)
    assert made.token_ids == (*spelled(" one two"), 1)


def test_length_and_a_full_context_are_told_apart() -> None:
    script = spelled(" five")
    assert scripted_reply(script, Sampling(temperature=0, max_tokens=3)).stop is Stop.LENGTH

    async def use(model: LocalModel) -> Completion:
        (made,) = await model.sample(Sample(Prompt.user("a"), 1, Sampling(temperature=1.0, max_tokens=99)), (0,))
        assert made.usage.generated == 12 - len(model.prompt_ids(Sample(Prompt.user("a"))))
        return made

    assert play(tiny.module(context=12), use).stop is Stop.CONTEXT


def test_a_prompt_that_does_not_fit_is_refused_to_its_caller_alone() -> None:
    async def use(model: LocalModel) -> None:
        good = Sample(Prompt.user("a"), 1, Sampling(max_tokens=2))
        bad = Sample(Prompt.user("heads " * 50), 1, Sampling(max_tokens=2))
        first, second = await asyncio.gather(model.sample(good, (0,)), model.sample(bad, (0,)), return_exceptions=True)
        assert isinstance(first, tuple) and isinstance(second, ContextFull)

    play(tiny.module(context=24), use)


def test_streamed_pieces_make_up_the_text_and_never_show_a_stop_string() -> None:
    heard: list[tuple[int, str]] = []
    script = spelled(" one", "答", "#", " two", "#", "#", " three")
    made = scripted_reply(
        script, Sampling(temperature=0, max_tokens=20, stop=("##",)), lambda i, piece: heard.append((i, piece))
    )
    assert made.text == " one答# two"
    assert "".join(piece for _, piece in heard) == made.text
    assert {i for i, _ in heard} == {0} and len(heard) > 2


def test_a_lead_given_as_ids_is_continued_exactly() -> None:
    async def use(model: LocalModel) -> None:
        greedy = Sampling(temperature=0, max_tokens=20)
        prompt = Prompt.user("the sum of")
        (whole,) = await model.sample(Sample(prompt, 1, greedy), (0,))
        ids = whole.token_ids or ()
        halfway = Prompt(prompt.messages, lead="anything", lead_ids=ids[:9])
        (rest,) = await model.sample(Sample(halfway, 1, Sampling(temperature=0, max_tokens=11)), (0,))
        assert (*ids[:9], *(rest.token_ids or ())) == ids

    play(tiny.module(), use)


def test_chat_template_opens_the_turn_then_the_lead_and_starts_once() -> None:
    tokenizer = tiny.tokenizer(chat=True)

    async def use(model: LocalModel) -> None:
        ids = model.prompt_ids(Sample(Prompt.user("the sum", lead=" seven is", system="add")))
        shown = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        assert shown == "<s><|system|>add<end><|user|>the sum<end><|assistant|> seven is"
        assert model._network.ends == {1, tokenizer.convert_tokens_to_ids("<end>")}

    play(tiny.module(), use, tokenizer=tokenizer)


def test_without_a_template_turns_are_separated_by_blank_lines() -> None:
    async def use(model: LocalModel) -> None:
        messages = (Message("user", "one"), Message("assistant", "two"), Message("user", "three"))
        ids = model.prompt_ids(Sample(Prompt(messages, lead=" four")))
        shown = model.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        assert shown == "<s>one\n\ntwo\n\nthree\n\n four"

    play(tiny.module(), use)


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_equal_a_plain_loop(family: str) -> None:
    candidates = (" seven", " one", "heads tails", "")
    chain = "three and four is"

    async def use(model: LocalModel) -> None:
        got = await model.score(
            Score(Prompt.user("the sum"), candidates, cuts=(0, 9, len(chain)), cue=" so", chain=chain)
        )
        for cut, row in zip((0, 9, len(chain)), got.logprobs, strict=True):
            written = Prompt.user("the sum", lead=chain[:cut] + " so")
            for candidate, value in zip(candidates, row, strict=True):
                ids = tuple(model.tokenizer.encode(candidate, add_special_tokens=False))
                assert value == pytest.approx(sum(forced(model, written, ids)), abs=1e-4)
        assert got.usage.prompt > 0

    play(tiny.module(family), use)


def test_cuts_of_token_ids_count_tokens() -> None:
    async def use(model: LocalModel) -> None:
        prompt, ids = Prompt.user("the sum"), (40, 41, 42, 43, 44)
        got = await model.score(Score(prompt, (" seven",), cuts=(0, 3), chain_ids=ids))
        end = await model.score(Score(prompt, (" seven",), chain_ids=ids))
        tail = tuple(spelled(" seven"))
        for cut, value in ((0, got.logprobs[0][0]), (3, got.logprobs[1][0]), (5, end.logprobs[0][0])):
            lead = Prompt(prompt.messages, lead_ids=ids[:cut])
            assert value == pytest.approx(sum(forced(model, lead, tail)), abs=1e-4)
        with pytest.raises(BadSetting, match="cut at 6"):
            await model.score(Score(prompt, (" seven",), cuts=(6,), chain_ids=ids))

    play(tiny.module(), use)


def test_many_callers_each_get_their_own_answer() -> None:
    words = [f"coin {i} " + "heads " * (i % 5) for i in range(40)]

    async def use(model: LocalModel) -> None:
        wanted = [Sample(Prompt.user(w), 1 + i % 3, Sampling(max_tokens=4 + i % 6)) for i, w in enumerate(words)]
        jobs = [model.sample(a, tuple(range(100 + i, 100 + i + a.n))) for i, a in enumerate(wanted)]
        scores = [model.score(Score(Prompt.user(w), (" one", " two"))) for w in words[:8]]
        *crowd, scored = await asyncio.gather(*jobs, asyncio.gather(*scores))
        for i in (0, 7, 18, 39):
            again = await model.sample(wanted[i], tuple(range(100 + i, 100 + i + wanted[i].n)))
            assert [c.token_ids for c in again] == [c.token_ids for c in crowd[i]]
        for word, each in zip(words[:8], scored, strict=True):
            for text, value in zip((" one", " two"), each.logprobs[0], strict=True):
                assert value == pytest.approx(sum(forced(model, Prompt.user(word), tuple(spelled(text)))), abs=1e-4)

    play(tiny.module(), use, batch=8)


def test_a_failing_forward_reaches_its_callers_as_our_error_and_the_next_ask_works() -> None:
    module = tiny.module()
    works, failing = module.forward, [False]

    def forward(*args: Any, **kwargs: Any) -> Any:
        if failing[0]:
            raise RuntimeError("out of memory")
        return works(*args, **kwargs)

    module.forward = functools.wraps(works)(forward)

    async def use(model: LocalModel) -> None:
        failing[0] = True
        with pytest.raises(ModelError, match="out of memory"):
            await model.sample(Sample(Prompt.user("a"), 2, SHORT), (0, 1))
        failing[0] = False
        assert len(await model.sample(Sample(Prompt.user("a"), 2, SHORT), (0, 1))) == 2

    play(module, use)


class Odd(Exception):
    pass


@pytest.mark.parametrize("error", [Odd("of a kind nobody foresaw"), StopIteration(), AssertionError("off")])
def test_whatever_the_worker_meets_no_caller_waits_for_ever(error: Exception) -> None:
    module = tiny.module()
    works, failing = module.forward, [False]

    def forward(*args: Any, **kwargs: Any) -> Any:
        if failing[0]:
            raise error
        return works(*args, **kwargs)

    module.forward = functools.wraps(works)(forward)

    async def use(model: LocalModel) -> None:
        failing[0] = True
        for ask in (
            model.sample(Sample(Prompt.user("a"), 2, SHORT), (0, 1)),
            model.score(Score(Prompt.user("a"), ("b",))),
        ):
            with pytest.raises(ModelError, match=type(error).__name__):
                await asyncio.wait_for(ask, 20)
        failing[0] = False
        assert len(await model.sample(Sample(Prompt.user("a"), 2, SHORT), (0, 1))) == 2

    play(module, use)


class Forgetful:
    """An engine that loses what it is given."""

    busy = False
    entered = staticmethod(contextlib.nullcontext)

    def add(self, *given: Any) -> None: ...

    def step(self) -> None: ...

    def score(self, wanted: Any) -> list[Any]:
        return []

    def clear(self) -> None: ...


def test_an_engine_that_ends_without_a_sample_fails_its_caller() -> None:
    async def use() -> None:
        worker = Worker(Forgetful())
        with pytest.raises(ModelError, match="without all"):
            await asyncio.wait_for(worker.sample(lambda gone: [Request((1,), SHORT, 0, 9)]), 20)
        await worker.aclose()

    asyncio.run(use())


def test_a_reply_to_a_prompt_that_opens_thinking_is_thinking_until_it_is_closed() -> None:
    tokenizer = tiny.tokenizer()
    tokenizer.chat_template = tiny.CHAT.replace("<|assistant|>", "<|assistant|><think>\n")
    prompt = Prompt.user("the sum")
    plain = LocalModel(tiny.module(), tokenizer)
    head = plain.prompt_ids(Sample(prompt))
    script = [i for p in ("3 or 4", "</think>", " seven") for i in tokenizer.encode(p, add_special_tokens=False)]

    async def use(model: LocalModel) -> None:
        heard: list[str] = []
        for size in (len(script), 2):
            greedy = Sampling(temperature=0, max_tokens=size)
            (made,) = await model.sample(Sample(prompt, 1, greedy), (0,), lambda i, piece: heard.append(piece))
            final, inner = split_thinking(made.text)
            assert made.text.startswith("<think>\n3") and inner.strip().startswith("3")
            assert final.strip() == ("seven" if size > 2 else "")
            assert len(made.token_ids or ()) == size
            again = Sample(Prompt(prompt.messages, made.text))
            assert model.prompt_ids(again) == (*head, *script[:size])
        await asyncio.sleep(0)
        assert "".join(heard).count("<think>\n") == 2 and heard[0].startswith("<think>\n")

    play(Parrot(script, len(head)).module, use, tokenizer=tokenizer)


def test_a_cancelled_caller_leaves_the_queue_and_others_are_served() -> None:
    async def use(model: LocalModel) -> None:
        long = Sampling(temperature=1.0, max_tokens=200)
        first = asyncio.create_task(model.sample(Sample(Prompt.user("a"), 2, long), (0, 1)))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(model.sample(Sample(Prompt.user("one"), 2, long), (0, 1)))
        third = asyncio.create_task(model.sample(Sample(Prompt.user("two"), 1, SHORT), (0,)))
        await asyncio.sleep(0.01)
        first.cancel()
        second.cancel()
        (made,) = await third
        assert made.usage.generated > 0
        for task in (first, second):
            with pytest.raises(asyncio.CancelledError):
                await task

    play(tiny.module(), use, batch=2)


def test_closing_answers_those_who_wait_and_later_asks() -> None:
    async def run() -> None:
        model = LocalModel(tiny.module(), tiny.shared_tokenizer(), batch=1)
        tasks = [
            asyncio.create_task(model.sample(Sample(Prompt.user("a"), 1, Sampling(max_tokens=200)), (i,)))
            for i in range(3)
        ]
        await asyncio.sleep(0.05)
        await model.aclose()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert any(isinstance(d, ModelError) for d in done)
        assert all(isinstance(d, (ModelError, tuple)) for d in done)
        with pytest.raises(ModelError, match="closed"):
            await model.sample(Sample(Prompt.user("a")), (0,))
        await model.aclose()

    asyncio.run(run())


def test_a_saved_folder_loads_with_its_identity_and_fits_the_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKINGS_CACHE", str(tmp_path / "cache"))
    folder = tiny.saved(tmp_path / "small", chat=True)
    threads = torch.get_num_threads()
    model, again = load(folder, device="cpu"), load(str(folder), device="cpu")
    assert isinstance(model, Model)
    assert model.identity == again.identity and model.identity.name == "small"
    assert len(model.identity.digest) == 64 and model.identity.revision == "float32"
    assert model.capabilities == frozenset(Capability)
    assert torch.get_num_threads() == threads and not model.module.training
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\x00\x00\x00\x40")
    assert load(folder, device="cpu").identity.digest != model.identity.digest
    monkeypatch.setenv("WORKINGS_MODELS", str(tmp_path))
    assert load("small", device="cpu").identity.name == "small"


def test_what_is_not_a_model_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKINGS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "fake.gguf").write_bytes(b"GGML not really")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text('{"model_type": "llama"}')
    for spec, says in (
        (tmp_path, "no config.json"),
        (tmp_path / "nowhere", "no model at"),
        (tmp_path / "fake.gguf", "not a GGUF file"),
        (tmp_path / "broken", "cannot be loaded"),
        ("someone/never-downloaded", "not in the local hub cache"),
        ("not a name!", "neither a path nor a hub id"),
    ):
        with pytest.raises(DataError, match=says):
            load(spec)
    with pytest.raises(BadSetting, match="int3"):
        load(tmp_path, dtype="int3")


def test_seeds_must_match_samples() -> None:
    async def use(model: LocalModel) -> None:
        with pytest.raises(BadSetting, match="2 seeds"):
            await model.sample(Sample(Prompt.user("a"), 3), (1, 2))

    play(tiny.module(), use)


@pytest.mark.pretrained
def test_a_real_model_from_a_gguf_file_talks_sense() -> None:
    shelf = os.environ.get("WORKINGS_MODELS")
    if not shelf or not (Path(shelf) / "smollm2-135m-instruct.gguf").is_file():
        pytest.skip("WORKINGS_MODELS names no folder with smollm2-135m-instruct.gguf")
    model = load("smollm2-135m-instruct")

    async def run() -> None:
        prompt = Prompt.user("What is the capital of France?")
        (made,) = await model.sample(Sample(prompt, 1, Sampling(temperature=0, max_tokens=40)), (0,))
        assert "Paris" in made.text and made.stop is Stop.END
        assert made.logprobs == pytest.approx(forced(model, prompt, made.token_ids or ()), abs=1e-3)
        scored = await model.score(Score(prompt, (" Paris", " Rome"), cue="The capital of France is"))
        assert scored.logprobs[0][0] > scored.logprobs[0][1]
        await model.aclose()

    asyncio.run(run())
