"""Imitation: which tokens are learnt, how lessons become batches, how the rate goes, and that it learns."""

from __future__ import annotations

import collections
import itertools
import math
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import learners
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.train import fast, sft
from workings.train.sft import Batch, Lesson, SftSettings, batches, imitate, lesson_loss

SMALL = SftSettings(tokens=96, widths=(8, 16, 32))


def one(lessons: list[Lesson], width: int = 32, **changed: Any) -> Batch:
    """All these lessons in one batch."""
    [batch] = batches(iter(lessons), SftSettings(tokens=width * len(lessons), widths=(width,), **changed))
    return batch


def loss(module: Any, batch: Batch, hidden: Any = fast.plain_hidden) -> Any:
    return lesson_loss(module, hidden, batch.ids, batch.positions, batch.taken, batch.wanted, batch.weight)


def learnt(lesson: Lesson) -> list[int]:
    """The places in prompt and target whose tokens are learnt: those of the target that are not given."""
    marks = lesson.given or (False,) * len(lesson.target)
    places = range(len(lesson.prompt), len(lesson))
    return [at for at, given in zip(places, marks, strict=True) if not given and at > 0]


def plain_loss(module: Any, lessons: list[Lesson]) -> Any:
    """One lesson at a time without padding, all logits, by transformers' own forward."""
    terms = []
    for lesson in lessons:
        ids = torch.tensor([lesson.prompt + lesson.target])
        told = module(input_ids=ids).logits.log_softmax(-1)
        terms += [-told[0, at - 1, ids[0, at]] for at in learnt(lesson)]
    return torch.stack(terms).mean()


# The loss


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("hidden", [fast.plain_hidden, fast.llama_hidden], ids=["plain", "llama"])
def test_the_loss_and_its_gradients_are_the_mean_over_target_tokens(monkeypatch, hidden, tied):
    monkeypatch.setattr(fast, "fastest_dtype", lambda: torch.float32)
    module, rows = learners.llama(tie_word_embeddings=tied), learners.lessons(0, 12)
    assert any(row.given for row in rows)
    found = []
    for told in (loss(module, one(rows), hidden), plain_loss(module, rows)):
        module.zero_grad()
        told.backward()
        found.append((told.item(), torch.cat([p.grad.reshape(-1) for p in module.parameters()])))
    (mine, my_gradient), (true, gradient) = found
    assert math.isclose(mine, true, abs_tol=1e-5)
    assert torch.allclose(my_gradient, gradient, rtol=0, atol=1e-5)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 9))
@settings(max_examples=15)
def test_the_loss_is_the_plain_one_for_any_lessons(seed, count):
    module, rows = learners.llama(layers=1), learners.lessons(seed, count)
    if any(learnt(row) for row in rows):
        assert math.isclose(loss(module, one(rows)).item(), plain_loss(module, rows).item(), abs_tol=1e-5)


def test_with_nothing_to_learn_the_loss_is_zero():
    batch = one([Lesson((5, 6), (7, 8), (True, True))])
    assert loss(learners.llama(), batch).item() == 0


@given(seed=st.integers(0, 10_000), count=st.integers(1, 40))
@settings(max_examples=25)
def test_exactly_the_target_tokens_that_are_not_given_are_wanted(seed, count):
    rows = learners.lessons(seed, count)
    batch = one(rows)
    wanted = [(row.prompt + row.target)[at] for row in rows for at in learnt(row)]
    many = len(wanted)
    assert batch.wanted[:many].tolist() == wanted
    assert batch.ids.flatten()[batch.taken[:many]].tolist() == [
        (row.prompt + row.target)[at - 1] for row in rows for at in learnt(row)
    ]
    assert len(batch.taken) == len(batch.wanted) == len(batch.weight)
    assert len(batch.taken) % 512 == 0 and len(batch.taken) - many < 512
    if many:
        assert torch.allclose(batch.weight[:many], torch.full((many,), 1 / many))
    assert not batch.weight[many:].any()


def test_the_padding_of_taken_adds_nothing():
    module, batch = learners.llama(), one(learners.lessons(0, 12))
    many = int((batch.weight > 0).sum())
    assert 0 < many < len(batch.taken)
    whole = loss(module, batch)
    cut = lesson_loss(
        module,
        fast.plain_hidden,
        batch.ids,
        batch.positions,
        batch.taken[:many],
        batch.wanted[:many],
        batch.weight[:many],
    )
    other = Batch(batch.ids, batch.positions, batch.taken.clone(), batch.wanted.clone(), batch.weight)
    other.taken[many:], other.wanted[many:] = 3, 11
    assert math.isclose(whole.item(), cut.item(), rel_tol=1e-6)
    assert math.isclose(whole.item(), loss(module, other).item(), rel_tol=1e-6)


def test_the_width_of_a_batch_changes_no_loss():
    module, rows = learners.llama(), learners.lessons(3, 6)
    losses = [loss(module, one(rows, width)).item() for width in (31, 32, 48, 100)]
    assert max(losses) - min(losses) < 1e-5


def test_a_lesson_without_a_prompt_is_learnt_from_its_second_token_on():
    module = learners.llama()
    bare = Lesson((), (5, 6, 7, 8), (False, False, True, False))
    assert math.isclose(loss(module, one([bare])).item(), plain_loss(module, [bare]).item(), abs_tol=1e-5)
    assert (one([bare]).weight > 0).sum() == 2


# Batches


def numbered(lengths: list[int]) -> list[Lesson]:
    """Lessons of these lengths that can be told apart: all tokens of the n-th are n + 1, and all are learnt."""
    return [Lesson((n + 1,), (n + 1,) * (length - 1)) for n, length in enumerate(lengths)]


@given(lengths=st.lists(st.integers(2, 45), max_size=60), jumps=st.sampled_from((0.0, 0.5, 1.0)))
def test_every_lesson_appears_once_in_the_narrowest_width_that_holds_it(lengths, jumps):
    kept: collections.Counter[int] = collections.Counter()
    made = list(batches(iter(numbered(lengths)), SftSettings(tokens=96, widths=(8, 16, 32), jumps=jumps)))
    for batch in made:
        rows, width = batch.ids.shape
        assert batch.positions.shape == (rows, width)
        assert width in SMALL.widths and 1 <= rows <= 96 // width
        for row in batch.ids:
            number = int(row[0]) - 1
            kept[number] += 1
            assert lengths[number] <= width + 1, "The lesson is cut."
            assert all(lengths[number] > narrow + 1 for narrow in SMALL.widths if narrow < width)
            assert int((row == number + 1).sum()) == min(lengths[number], width) and int((row > 0).sum()) == min(
                lengths[number], width
            )
    assert kept == {n: 1 for n, length in enumerate(lengths) if length <= 33}
    learnt_places = sum(int((b.weight > 0).sum()) for b in made)
    assert learnt_places == sum(length - 1 for length in lengths if length <= 33)


@given(lengths=st.lists(st.integers(2, 33), max_size=80))
def test_batches_are_full_until_the_lessons_end_and_come_as_soon_as_they_are(lengths):
    given_out = 0

    def counted() -> Any:
        nonlocal given_out
        for lesson in numbered(lengths):
            given_out += 1
            yield lesson

    short: set[int] = set()
    for batch in batches(counted(), SMALL):
        rows, width = batch.ids.shape
        if rows < 96 // width:
            assert given_out == len(lengths) and width not in short
            short.add(width)
        elif not short:
            assert given_out == max(int(row[0]) for row in batch.ids), "It waited longer than it had to."


@pytest.mark.parametrize("lesson", [Lesson((), ()), Lesson((5,), ()), Lesson((), (5,)), Lesson((5,) * 20, (6,) * 20)])
def test_lessons_that_hold_nothing_or_too_much_are_left_out(lesson):
    assert list(batches(iter([lesson]), SftSettings(tokens=96, widths=(8, 16, 32), jumps=1.0))) == []


def test_a_width_above_the_budget_still_makes_rows():
    [first, second] = batches(iter(numbered([30, 30])), SftSettings(tokens=8, widths=(32,)))
    assert first.ids.shape == second.ids.shape == (1, 32)


@given(lengths=st.lists(st.integers(2, 33), min_size=1, max_size=40))
@settings(max_examples=30)
def test_without_jumps_positions_count_from_zero(lengths):
    for batch in batches(iter(numbered(lengths)), SMALL):
        assert torch.equal(batch.positions, torch.arange(batch.ids.shape[1]).expand_as(batch.positions))


@given(
    lengths=st.lists(st.integers(2, 33), min_size=1, max_size=40),
    seed=st.integers(0, 1000),
    jump=st.integers(1, 90),
)
@settings(max_examples=30)
def test_positions_that_jump_keep_their_order_and_are_next_to_each_other_but_for_three_places(lengths, seed, jump):
    setting = SftSettings(tokens=96, widths=(8, 16, 32), jumps=1.0, jump=jump, seed=seed)
    for batch in batches(iter(numbered(lengths)), setting):
        assert not batch.positions[:, 0].any()
        steps = batch.positions.diff(dim=1)
        assert (steps >= 1).all() and (steps <= jump + 1).all()
        assert ((steps > 1).sum(1) <= 3).all()


def test_jumps_reach_further_than_any_lesson_and_in_the_share_that_was_asked_for():
    setting = SftSettings(tokens=3200, widths=(32,), jumps=0.4, jump=64)
    rows = torch.cat([b.positions for b in batches(iter(numbered([33] * 1000)), setting)])
    moved = (rows[:, -1] > 31).float().mean()
    assert 0.33 < moved < 0.46  # 0.4 less the few whose only jump stands behind the last column; 1000 rows
    assert rows.max() > 32 + 64


def test_the_same_seed_gives_the_same_batches_and_another_gives_others():
    def made(seed: int) -> list[Batch]:
        return list(
            batches(
                iter(learners.lessons(5, 100)), SftSettings(tokens=96, widths=(8, 16, 32), jumps=0.5, jump=9, seed=seed)
            )
        )

    first, again, other = made(0), made(0), made(1)
    for a, b in zip(first, again, strict=True):
        for name in ("ids", "positions", "taken", "wanted", "weight"):
            assert torch.equal(getattr(a, name), getattr(b, name)), name
    assert all(torch.equal(a.ids, b.ids) for a, b in zip(first, other, strict=True))
    assert any(not torch.equal(a.positions, b.positions) for a, b in zip(first, other, strict=True))


# The learning rate


class Followed(torch.optim.SGD):
    """Plain descent that remembers the rates it was given."""

    def __init__(self, parameters: Any, peak: float) -> None:
        super().__init__(parameters, lr=peak)
        self.rates: list[float] = []

    def step(self, closure: Any = None) -> None:
        self.rates.append(self.param_groups[0]["lr"])


def rates(monkeypatch: pytest.MonkeyPatch, peak: float, **changed: Any) -> list[float]:
    """The learning rate of every step of one training."""
    made: list[Followed] = []

    def followed(module: Any, _: SftSettings) -> list[Any]:
        made.append(Followed(module.parameters(), peak))
        return list(made)

    monkeypatch.setattr(sft, "_optimizers", followed)
    imitate(learners.llama(width=8, layers=1), itertools.cycle(numbered([5])), SftSettings(tokens=8, **changed))
    return made[0].rates


def test_the_rate_warms_up_holds_and_falls_in_a_line_to_zero(monkeypatch):
    found = rates(monkeypatch, 3.0, steps=100, warmup=0.2, cooldown=0.5)
    assert len(found) == 100
    assert found[:20] == pytest.approx([3.0 * max(n / 20, 0.05) for n in range(20)])
    assert found[20:51] == pytest.approx([3.0] * 31)
    assert found[50:] == pytest.approx([3.0 * (100 - n) / 50 for n in range(50, 100)])


@pytest.mark.parametrize(
    ("warmup", "cooldown", "expected"),
    [
        (0.0, 0.0, [1.0, 1.0, 1.0, 1.0]),
        (0.0, 1.0, [1.0, 0.75, 0.5, 0.25]),
        (0.5, 0.0, [0.05, 0.5, 1.0, 1.0]),
    ],
)
def test_either_end_of_the_schedule_can_be_left_out(monkeypatch, warmup, cooldown, expected):
    assert rates(monkeypatch, 1.0, steps=4, warmup=warmup, cooldown=cooldown) == pytest.approx(expected)


@given(share=st.floats(0, 1), warmup=st.floats(0, 0.5), cooldown=st.floats(0.01, 0.5))
def test_the_rate_never_exceeds_its_peak_and_ends_at_zero(share, warmup, cooldown):
    setting = SftSettings(warmup=warmup, cooldown=cooldown)
    assert 0 <= sft._schedule(share, setting) <= 1
    assert sft._schedule(1.0, setting) == 0


# Imitation


def test_it_stops_after_its_steps_or_with_its_lessons_and_says_how_many():
    seen: list[tuple[int, float]] = []
    setting = SftSettings(tokens=8, widths=(8,), steps=5, muon_rate=0.0, adam_rate=0.0)
    module = learners.llama(width=8, layers=1)
    endless = itertools.cycle(numbered([5]))
    assert imitate(module, endless, setting, report=lambda step, told: seen.append((step, told))) == 5
    assert [step for step, _ in seen] == [1, 2, 3, 4, 5] and not module.training
    true = plain_loss(module, numbered([5])).item()
    assert all(math.isclose(told, true, abs_tol=1e-5) for _, told in seen), "The report is not the loss."
    assert imitate(module, iter(numbered([5, 6, 7])), setting) == 3


def test_the_loss_may_be_wrapped_and_the_forward_chosen():
    wrapped, asked = [], []

    def wrap(function: Any) -> Any:
        wrapped.append(function)
        return function

    def hidden(module: Any, ids: Any, positions: Any) -> Any:
        asked.append(ids.shape)
        return fast.plain_hidden(module, ids, positions)

    setting = SftSettings(tokens=8, widths=(8,), steps=2)
    imitate(learners.llama(width=8, layers=1), itertools.cycle(numbered([5])), setting, hidden=hidden, wrap=wrap)
    assert wrapped == [lesson_loss] and asked == [(1, 8), (1, 8)]


@pytest.mark.parametrize("hidden", [fast.plain_hidden, fast.llama_hidden], ids=["plain", "llama"])
def test_it_learns_four_lessons_by_heart(hidden):
    """Random tokens can only be remembered; random guessing would cost log(97) = 4.6 nats a token."""
    rows = [Lesson(row.prompt, (*row.target, 1)) for row in learners.lessons(7, 4, longest=14, given=False)]
    module = learners.llama(layers=1)
    assert plain_loss(module, rows).item() > 3
    losses: list[float] = []
    setting = SftSettings(steps=60, tokens=64, widths=(16,), muon_rate=0.05, adam_rate=0.03)
    imitate(module, itertools.cycle(rows), setting, hidden=hidden, report=lambda _, told: losses.append(told))
    assert losses[-1] < 0.1 and plain_loss(module, rows).item() < 0.1
    for row in rows:
        given_ids = torch.tensor([row.prompt])
        told = module.generate(
            given_ids, attention_mask=torch.ones_like(given_ids), max_new_tokens=len(row.target), do_sample=False
        )
        assert tuple(told[0, len(row.prompt) :].tolist()) == row.target


def test_what_is_given_is_not_learnt():
    """Lessons with one and the same prompt whose given tokens differ: the loss falls to zero all the same."""
    rows = [Lesson((5,), (n, 6 if n % 2 else 7, 1), (True, False, False)) for n in range(10, 26)]
    module = learners.llama(layers=1)
    setting = SftSettings(steps=60, tokens=64, widths=(4,), muon_rate=0.05, adam_rate=0.03)
    imitate(module, itertools.cycle(rows), setting)
    assert plain_loss(module, rows).item() < 0.1
    told = module(input_ids=torch.tensor([[5]])).logits.log_softmax(-1)[0, 0, 10:26]
    assert told.exp().sum() < 0.5, "It learnt to foretell what nobody could."
