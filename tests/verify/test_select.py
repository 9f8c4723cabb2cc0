"""Voting, best-of-N, steps and the draft meter."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.answer import NO_ANSWER, Answer, Source
from workings.core.errors import BadSetting
from workings.core.trace import Step
from workings.verify.draft import compliance, count_words
from workings.verify.select import agreement, ballot, best, vote, weighted_best
from workings.verify.steps import aggregate, split_steps

quick = settings(max_examples=80, deadline=None)
UNREAD = Answer("5 or 6", None, (0, 6), Source.DECLARED)


def said(*names: str | None) -> list[Answer]:
    return [NO_ANSWER if n is None else Answer(n, n, (0, len(n)), Source.DECLARED) for n in names]


def test_nine_votes_at_ten_beat_one_at_ten_point_six() -> None:
    choice = vote(said(*["18"] * 9, "20"), [10.0] * 9 + [10.6], seed=0)
    assert next(iter(choice.weights)) == "18"
    assert choice.weights["18"] == 90.0
    assert agreement(choice) == pytest.approx(90 / 100.6)


def test_abstentions_do_not_vote_and_are_counted() -> None:
    choice = vote([*said("5", None, None, None), UNREAD], None, seed=0)
    assert (dict(choice.weights), choice.chosen, choice.abstained, choice.tied) == ({"5": 1.0}, 0, 4, False)
    assert agreement(choice) == 1.0
    assert agreement(choice, abstentions=True) == 0.2


def formula(raw: str) -> Answer:
    return Answer(raw, None, (0, len(raw)), Source.DECLARED)


def test_formulas_vote_with_their_text_and_what_cannot_be_told_abstains() -> None:
    pool = [formula("2\\sqrt{3}"), formula("$2 \\sqrt{3}$"), formula("\\sqrt{12}"), UNREAD, *said("7")]
    choice = vote(pool, None, seed=0)
    assert dict(choice.weights) == {"2\\sqrt{3}": 2.0, "7": 1.0, "\\sqrt{12}": 1.0}
    assert (choice.chosen, choice.abstained, agreement(choice)) == (0, 1, 0.5)
    assert best(pool, [0.1, 0.2, 0.9, 1.0, 0.3]).chosen == 2


@pytest.mark.parametrize("raw", ["5 or 6", "x = 1 or x = 2", "", "perhaps", "$"])
def test_what_cannot_be_told_has_no_ballot(raw: str) -> None:
    assert ballot(formula(raw)) is None


def test_nobody_votes() -> None:
    choice = vote(said(None, None), None, seed=3)
    assert (choice.chosen, choice.weights, choice.abstained) == (None, {}, 2)
    assert agreement(choice) == 0.0
    assert vote([], None, seed=0).chosen is None


def test_representative_is_the_first_of_its_class() -> None:
    assert vote(said("7", "5", "5"), None, seed=0).chosen == 1


def test_ties_are_marked_and_every_tied_answer_can_win() -> None:
    winners = set()
    for seed in range(40):
        choice = vote(said("1", "2", "3", "1", "2", "3", "4"), None, seed=seed)
        assert choice.tied
        winners.add(next(iter(choice.weights)))
        assert choice == vote(said("1", "2", "3", "1", "2", "3", "4"), None, seed=seed)
    assert winners == {"1", "2", "3"}


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf, -math.inf])
def test_bad_weights_are_refused(weight: float) -> None:
    with pytest.raises(BadSetting):
        vote(said("1", "2"), [1.0, weight], seed=0)
    with pytest.raises(BadSetting):
        weighted_best(said("1", "2"), [1.0, weight])
    with pytest.raises(BadSetting):
        vote(said("1", "2"), [1.0], seed=0)


@quick
@given(
    st.lists(st.tuples(st.sampled_from(["1", "2", "3", None]), st.floats(0, 5, allow_nan=False)), max_size=12),
    st.integers(0, 99),
    st.randoms(use_true_random=False),
)
def test_order_of_samples_does_not_change_the_winner(
    pool: list[tuple[str | None, float]], seed: int, rng: random.Random
) -> None:
    shuffled = list(pool)
    rng.shuffle(shuffled)
    results = []
    for order in (pool, shuffled):
        answers, weights = said(*(n for n, _ in order)), [w for _, w in order]
        for choice in (vote(answers, weights, seed), vote(answers, None, seed), best(answers, weights, seed)):
            winner = None if choice.chosen is None else answers[choice.chosen].canonical
            results.append((winner, list(choice.weights.items()), choice.tied, choice.abstained))
            if choice.weights:
                assert next(iter(choice.weights)) == winner
                assert list(choice.weights.values()) == sorted(choice.weights.values(), reverse=True)
                assert (
                    0 <= agreement(choice, abstentions=True) <= agreement(choice) <= 1
                    if choice.rule == "counts"
                    else True
                )
    assert results[:3] == results[3:]


def test_unit_weights_are_counts() -> None:
    answers = said("a", "b", "a", None)
    assert vote(answers, None, 5) == vote(answers, [1.0] * 4, 5)


def test_best_takes_the_highest_scored_answer() -> None:
    choice = best(said("1", None, "2"), [0.1, 0.9, 0.5])
    assert (choice.chosen, choice.abstained, dict(choice.weights)) == (2, 1, {"2": 0.5, "1": 0.1})
    assert best(said("1", "1"), [0.5, 0.5]).chosen == 0
    assert not best(said("1", "1"), [0.5, 0.5]).tied
    assert best(said("1", "2"), [-3.0, -2.0]).chosen == 1
    with pytest.raises(BadSetting):
        best(said("1", "2"), [0.1, math.nan])


def test_best_takes_an_unanswered_trace_only_when_nothing_was_answered() -> None:
    assert best(said(None, None), [0.1, 0.9]).chosen == 1
    assert best(said(None, "1"), [0.9, -5.0]).chosen == 1
    assert best([], []).chosen is None


def test_weighted_best_sums_scores() -> None:
    answers = said("1", "2", "1")
    assert weighted_best(answers, [0.4, 0.7, 0.4]).chosen == 0
    assert best(answers, [0.4, 0.7, 0.4]).chosen == 1


# Steps


@quick
@given(st.text("ab.!? \n\t。！$\\[]`0123", max_size=80) | st.text(max_size=60))
def test_steps_are_exact_and_lose_nothing(text: str) -> None:
    steps = split_steps(text)
    at = 0
    for step in steps:
        assert text[step.start : step.end] == step.text
        assert step.text == step.text.strip() != ""
        assert text[at : step.start].strip() == ""
        at = step.end
    assert text[at:].strip() == ""


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("", ()),
        ("  \n ", ()),
        ("one line", ("one line",)),
        ("48/2 = 24\n\n48+24 = 72\n#### 72", ("48/2 = 24", "48+24 = 72", "#### 72")),
        ("He has 3.5 kg. She has 2. Together 5.5.", ("He has 3.5 kg.", "She has 2.", "Together 5.5.")),
        ("先算3乘4。再加5。答案是17。", ("先算3乘4。", "再加5。", "答案是17。")),
        ("So\n$$\nx = 5\n$$\ndone", ("So", "$$\nx = 5\n$$", "done")),
        ("a\r\nb\r\n", ("a", "b")),
    ],
)
def test_steps(text: str, want: tuple[str, ...]) -> None:
    assert tuple(s.text for s in split_steps(text)) == want


def test_many_steps_are_split() -> None:
    assert len(split_steps("x = 1\n" * 50_000)) == 50_000
    assert len(split_steps("So it is. " * 50_000)) == 50_000
    assert split_steps(" " * 2_000_000 + "." * 2_000_000)[0].start == 2_000_000


def test_aggregation() -> None:
    scores = [0.5, 0.25, 1.0]
    assert [aggregate(scores, how) for how in ("last", "min", "product", "mean")] == [1.0, 0.25, 0.125, 1.75 / 3]
    with pytest.raises(BadSetting):
        aggregate([], "mean")
    with pytest.raises(BadSetting):
        aggregate([math.nan], "min")
    with pytest.raises(BadSetting):
        aggregate([0.1], "sum")  # type: ignore[arg-type]


# Drafts


def test_draft_meter() -> None:
    assert count_words("20 - x = 12") == 3
    assert count_words("先算三乘四") == 2.5
    result = compliance(split_steps("20 - 12 = 8\nthis one is clearly far too long a step\n#### 8"))
    assert result.share == pytest.approx(2 / 3)
    assert result.words == (3, 9, 1)
    assert result.mean_words == pytest.approx(13 / 3)
    assert compliance(()).share is None and compliance(()).mean_words is None
    assert compliance([Step("a b c", 0, 5)], limit=2).share == 0.0
    with pytest.raises(BadSetting):
        compliance((), limit=0)
