"""The contract of models: what the driver and every method rely on."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, fields, replace
from typing import Any

from workings.core.ask import Sample, Sampling, Score
from workings.core.capability import Capability, Identity
from workings.core.completion import Completion, Stop, Usage
from workings.core.errors import WorkingsError
from workings.core.prompt import Prompt
from workings.run.ports import Model
from workings.run.seeds import derive
from workings.testing.worlds import item_problems

__all__ = ["check_model"]


@dataclass(frozen=True, slots=True)
class _Trial:
    model: Model
    prompt: Prompt
    max_tokens: int
    seeded: bool

    async def draw(
        self,
        seeds: tuple[int, ...],
        *,
        temperature: float = 1.0,
        most: int | None = None,
        stop: tuple[str, ...] = (),
        keep: bool = False,
    ) -> tuple[Completion, ...]:
        sampling = Sampling(temperature, self.max_tokens if most is None else most, stop=stop, keep_stop=keep)
        return await self.model.sample(Sample(self.prompt, len(seeds), sampling), seeds)

    def can(self, capability: Capability) -> bool:
        return capability in self.model.capabilities


def check_model(
    model: Model, *, prompt: Prompt | None = None, max_tokens: int = 24, seeds_repeat: bool | None = None
) -> None:
    """Asks a model for samples and scores and raises AssertionError for the first law that does not hold.

    `prompt` is a single question without a lead, one of `item_problems` by default; `max_tokens` bounds each sample.
    Seeds are expected to fix a sample whatever else is in the batch when the model states `Capability.SEEDS`;
    `seeds_repeat` False leaves that out, for servers that promise it and batch in floating point all the same. The
    model is left open. A model that passes keeps the contract; nothing is said about what it writes.

    >>> from workings.testing import item_model
    >>> check_model(item_model())
    """
    asked = prompt if prompt is not None else Prompt.user(item_problems(1)[0].question.text)
    seeded = Capability.SEEDS in model.capabilities if seeds_repeat is None else seeds_repeat
    asyncio.run(_check(_Trial(model, asked, max_tokens, seeded)))


async def _check(trial: _Trial) -> None:
    for law in _LAWS:
        await law(trial)


async def _says_who_it_is(trial: _Trial) -> None:
    model = trial.model
    assert isinstance(model.identity, Identity) and model.identity.name, (
        f"An identity needs a name: {model.identity!r}."
    )
    assert model.identity == model.identity, "An identity must stay the same."
    odd = [one for one in model.capabilities if not isinstance(one, Capability)]
    assert not odd, f"`capabilities` must hold capabilities, not {odd!r}."


async def _one_completion_a_seed(trial: _Trial) -> None:
    for count in (1, 3):
        seeds = tuple(derive("count", i) for i in range(count))
        found = await trial.draw(seeds)
        assert isinstance(found, tuple), f"Samples must come as a tuple, not {type(found).__name__}."
        assert len(found) == count, f"{count} seeds gave {len(found)} completions."
        for completion in found:
            _check_completion(completion, trial)


def _check_completion(completion: Completion, trial: _Trial) -> None:
    assert isinstance(completion, Completion), f"A sample must be a Completion, not {completion!r:.80}."
    usage = completion.usage
    amounts = {f.name: getattr(usage, f.name) for f in fields(Usage)}
    assert all(isinstance(v, int) and v >= 0 for v in amounts.values()), f"Usage must be whole and >= 0: {amounts}."
    assert usage.generated <= trial.max_tokens, f"{usage.generated} tokens for a limit of {trial.max_tokens}."
    assert usage.probe == usage.verifier == 0, "A model books what it drew as generated; the driver knows the role."
    if completion.text:
        assert usage.generated > 0, "Text that cost no token cannot be compared at equal budget."
    lists = {n: len(v) for n in ("token_ids", "tokens", "logprobs") if (v := getattr(completion, n)) is not None}
    assert len(set(lists.values())) <= 1, f"One entry a generated token is wanted, there are {lists}."
    if trial.can(Capability.LOGPROBS):
        assert completion.logprobs is not None, "The model states log-probabilities and gave none."
    assert all(p <= 1e-6 for p in completion.logprobs or ()), f"Log-probabilities above 0: {completion.logprobs!r:.80}."


async def _usage_counts_the_prompt(trial: _Trial) -> None:
    found = await trial.draw((derive("prompt"),))
    usage = found[0].usage
    assert usage.prompt + usage.cached > 0, "The prompt's tokens must be charged, as new or as cached."
    assert usage.calls >= 0


async def _seeds_fix_samples(trial: _Trial) -> None:
    if not trial.seeded:
        return
    seeds = tuple(derive("seeds", i) for i in range(5))
    whole = [c.text for c in await trial.draw(seeds)]
    again = [c.text for c in await trial.draw(seeds)]
    assert whole == again, "The same seeds gave other samples."
    fewer = [c.text for c in await trial.draw(seeds[:2])]
    assert fewer == whole[:2], "Two samples are not the first two of five with the same seeds."
    turned = [c.text for c in await trial.draw(seeds[::-1])]
    assert turned == whole[::-1], "Samples do not follow their seeds when those change places."
    alone = [(await trial.draw((seed,)))[0].text for seed in seeds]
    assert alone == whole, "A sample depends on what else is in its batch."
    many = await asyncio.gather(*(trial.draw((seed,)) for seed in seeds))
    assert [found[0].text for found in many] == whole, "Asks under way at once disturb each other."


async def _zero_is_greedy(trial: _Trial) -> None:
    if not trial.seeded:
        return
    texts = {c.text for c in await trial.draw(tuple(derive("greedy", i) for i in range(3)), temperature=0.0)}
    assert len(texts) == 1, f"Greedy samples differ: {sorted(texts)!r:.160}."


async def _length_is_kept(trial: _Trial) -> None:
    for completion in await trial.draw((1, 2), most=1):
        assert completion.usage.generated <= 1, f"{completion.usage.generated} tokens for a limit of 1."
        if completion.stop is Stop.LENGTH:
            assert not completion.stop.finished


async def _stops_at_strings(trial: _Trial) -> None:
    if not trial.can(Capability.STOP):
        return
    [whole] = await trial.draw((derive("stop"),), temperature=0.0)
    words = whole.text.split()
    if len(words) < 2:
        return
    string = words[1]
    [cut] = await trial.draw((derive("stop"),), temperature=0.0, stop=(string,))
    assert string not in cut.text, f"The stop string {string!r} is in the text {cut.text!r:.80}."
    assert whole.text.startswith(cut.text), "A stop string changed the text before it."
    assert cut.stop is Stop.STRING, f"A sample that a stop string ended says {cut.stop.value!r}."
    [kept] = await trial.draw((derive("stop"),), temperature=0.0, stop=(string,), keep=True)
    assert kept.stop is Stop.STRING and kept.text.startswith(cut.text + string), (
        f"With keep_stop the text must go on with {string!r}: {kept.text!r:.80}."
    )


async def _tells_the_likeliest(trial: _Trial) -> None:
    if not trial.can(Capability.TOP):
        return
    sampling = Sampling(temperature=0.0, max_tokens=trial.max_tokens, top=2)
    [found] = await trial.model.sample(Sample(trial.prompt, 1, sampling), (derive("top"),))
    assert found.top is not None and found.tokens is not None, "The model states that it tells the likeliest tokens."
    assert len(found.top) == len(found.tokens), f"{len(found.top)} rows for {len(found.tokens)} tokens."
    assert "".join(found.tokens) == found.text, f"The tokens {found.tokens!r:.80} are not the text {found.text!r:.80}."
    for row in found.top:
        chances = [logprob for _, logprob in row]
        assert 1 <= len(row) <= 2 and chances == sorted(chances, reverse=True), f"Not the likeliest first: {row!r}."


async def _shows_what_comes(trial: _Trial) -> None:
    pieces: dict[int, str] = {}

    def watch(number: int, piece: str) -> None:
        pieces[number] = pieces.get(number, "") + piece

    sampling = Sampling(temperature=1.0, max_tokens=trial.max_tokens)
    found = await trial.model.sample(Sample(trial.prompt, 2, sampling, start=7), (3, 4), watch)
    assert set(pieces) <= {7, 8}, f"Samples 7 and 8 were asked, {sorted(pieces)} were shown."
    for number, text in pieces.items():
        wanted = found[number - 7].text
        assert text.startswith(wanted), f"What was shown of sample {number} is not its text: {text!r:.80}."


async def _refuses_what_it_cannot(trial: _Trial) -> None:
    lead = Prompt(trial.prompt.messages, "The answer is")
    if not trial.can(Capability.LEAD):
        await _refused(lambda: trial.model.sample(Sample(lead), (0,)), "a lead")
    if not trial.can(Capability.SCORE):
        await _refused(lambda: trial.model.score(Score(trial.prompt, (" 1",))), "a score")


async def _refused(ask: Callable[[], Coroutine[Any, Any, Any]], what: str) -> None:
    try:
        await ask()
    except WorkingsError as error:
        assert error.next_step, f"Refusing {what} needs a next step: {error}"
        return
    raise AssertionError(f"The model does not state that it can continue {what}, and answered all the same.")


async def _scores_have_their_shape(trial: _Trial) -> None:
    if not trial.can(Capability.SCORE):
        return
    candidates = (" 101.", " 102.")
    chain = "Working on it.\nLet me see.\n"
    ask = Score(trial.prompt, candidates, cuts=(0, 15, len(chain)), cue="The answer is", chain=chain)
    found = await trial.model.score(ask)
    shape = [len(row) for row in found.logprobs]
    assert shape == [2, 2, 2], f"Three cuts and two candidates gave rows of {shape}."
    assert all(p <= 1e-6 and not math.isnan(p) for row in found.logprobs for p in row), f"Not scores: {found.logprobs}."
    assert found.usage.generated == 0, "Scoring generates nothing."
    assert found.usage.prompt + found.usage.cached > 0, "The text that was read must be charged."
    swapped = await trial.model.score(replace(ask, candidates=candidates[::-1]))
    for row, other in zip(found.logprobs, swapped.logprobs, strict=True):
        same = all(math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-3) for a, b in zip(row, other[::-1], strict=True))
        assert same, f"A candidate's score depends on its place: {row} and {other}."
    one = await trial.model.score(Score(trial.prompt, candidates[:1]))
    assert [len(row) for row in one.logprobs] == [1], "No cuts means one, at the end of the chain."


_LAWS: tuple[Callable[[_Trial], Coroutine[Any, Any, None]], ...] = (
    _says_who_it_is,
    _one_completion_a_seed,
    _usage_counts_the_prompt,
    _seeds_fix_samples,
    _zero_is_greedy,
    _length_is_kept,
    _stops_at_strings,
    _tells_the_likeliest,
    _shows_what_comes,
    _refuses_what_it_cannot,
    _scores_have_their_shape,
)
