"""Beam search, DVTS, REBASE and particles against enumeration, and the published mistakes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_worlds import (
    FlawedOracle,
    StepGrader,
    accuracy,
    answer_of,
    chain,
    check_pool,
    near,
    right_so_far,
    run,
    step_model,
)

from workings.core.budget import Budget
from workings.core.completion import Stop
from workings.core.errors import BadSetting
from workings.models.scripted import Scripted, count_tokens
from workings.reason.best_of_n import BestOfN
from workings.reason.cot import Cot
from workings.reason.search.beam import Beam, shares
from workings.reason.search.dvts import Dvts
from workings.reason.search.particles import Particles, normalised, resample
from workings.reason.search.rebase import Rebase, allot
from workings.testing import item_model, item_problems
from workings.verify.steps import aggregate

HALF = {"a": 0.5, "b": 0.5}
THREE = {"a": 0.4, "b": 0.3, "c": 0.3}
ORACLE = StepGrader(right_so_far)
WARM = {"by": "oracle", "temperature": 1.0}
SEARCHES = [Beam, Dvts, Rebase, Particles]


def pieces(labels):
    """Tokens of a chain that is written step by step: a line break behind a step is one."""
    return sum(count_tokens(line) for line in chain(labels).splitlines(keepends=True))


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize("method", [Beam, Particles])
def test_keeping_one_is_right_as_often_as_some_sample_of_each_level_is(method, n):
    """With an oracle: (1 - (1 - p)^n)^levels. Particles whose weights are 0 or 1 copy any right one to all places."""
    settings = {"keep": 1} if method is Beam else {"weight": "score"}
    wanted = (1 - 0.5**n) ** 3
    assert near(accuracy(method(n=n, **settings, **WARM), step_model(HALF, HALF, HALF), ORACLE), wanted)


def test_a_beam_that_keeps_two_shares_its_samples_between_them():
    """Two levels, n=4, keep=2: after the first level both labels are kept unless one did not appear."""
    both, only = 1 - 2 * 0.5**4, 0.5**4
    wanted = both * (1 - 0.5**2) + only * (1 - 0.5**4)
    assert near(accuracy(Beam(n=4, keep=2, **WARM), step_model(HALF, HALF), ORACLE), wanted)


def test_trees_are_independent_and_each_has_one_vote():
    """A tree of width 2 finds the right chain with (1 - 0.25)^2; one of two trees is enough, as wrong ones weigh 0."""
    one = (1 - 0.5**2) ** 2
    method = Dvts(n=4, width=2, **WARM)
    assert near(accuracy(method, step_model(HALF, HALF), ORACLE), 1 - (1 - one) ** 2)
    for seed in range(8):
        found, _ = run(Dvts(n=6, width=2, pick="vote", **WARM), step_model(HALF, HALF), ORACLE, seed=seed)
        assert found.notes["trees"] == 3 == sum(found.choice.weights.values())
        check_pool(found)


def test_a_flat_balance_shares_evenly_and_a_sharp_one_follows_the_reward():
    """REBASE with balance near 0 gives all samples to the best chain, like a beam that keeps one."""
    sharp = accuracy(Rebase(n=4, balance=0.01, **WARM), step_model(HALF, HALF), ORACLE)
    assert near(sharp, (1 - 0.5**4) ** 2)
    flat = accuracy(Rebase(n=2, balance=1e12, **WARM), step_model(HALF, HALF), ORACLE)
    # level 1: both labels (1/2), then one sample each: right w.p. 1/2; or both a (1/4): two samples from it, 3/4
    assert near(flat, 0.5 * 0.5 + 0.25 * 0.75)


SCORES = {"a": 0.9, "b": 0.6, "c": 0.75, "aa": 0.4, "ab": 0.5, "ac": 0.1, "ba": 0.6, "bb": 0.7, "bc": 0.95,
          "ca": 0.7, "cb": 0.2, "cc": 0.72}  # fmt: skip


@pytest.mark.parametrize("how", ["last", "min", "product", "mean"])
@pytest.mark.parametrize("search", SEARCHES)
def test_the_aggregation_chosen_is_the_one_used(search, how):
    """A published library folds by the last score whatever is set. All chains are sampled, so the optimum is known."""
    grader = StepGrader(lambda labels: SCORES["".join(labels)])
    extra = {"keep": 9} if search is Beam else {"balance": 1e6} if search is Rebase else {}
    extra = {"width": 80} if search is Dvts else {"ess": 0.0} if search is Particles else extra
    method = search(n=160, steps=how, pick="best", **extra, **WARM)
    found, _ = run(method, step_model(THREE, THREE), grader)
    worth = {x + y: aggregate((SCORES[x], SCORES[x + y], SCORES[x + y]), how) for x in "abc" for y in "abc"}
    best = max(worth, key=worth.get)
    if search is Dvts:  # greedy inside a tree: only reachable through the best first step
        first = max("abc", key=lambda x: SCORES[x])
        best = max((w for w in worth if w[0] == first), key=worth.get)
    assert found.answer.canonical == str(answer_of(best))
    assert found.confidence == pytest.approx(worth[best])


def test_the_four_aggregations_disagree_here():
    worth = [max(SCORES, key=lambda w: aggregate((SCORES[w[0]], SCORES[w], SCORES[w]), how) if len(w) == 2 else 0)
             for how in ("last", "min", "mean")]  # fmt: skip
    assert len(set(worth)) >= 2


@pytest.mark.parametrize("search", SEARCHES)
def test_a_budget_of_four_makes_four_chains(search):
    """A published beam search with budget 4 and width 4 makes one chain a level."""
    extra = {"keep": 4} if search is Beam else {"width": 1} if search is Dvts else {}
    found, model = run(search(n=4, **extra, **WARM), step_model(HALF, HALF), ORACLE)
    firsts = [len(c) for ask, c in model.samples if not ask.prompt.lead]
    assert sum(firsts) == 4
    levels = {}
    for ask, replies in model.samples:
        levels[ask.prompt.lead.count("\n")] = levels.get(ask.prompt.lead.count("\n"), 0) + len(replies)
    assert levels == {0: 4, 1: 4, 2: 4}
    assert found.spent.generated == 4 * pieces("ab")
    check_pool(found)


@given(st.integers(1, 40), st.integers(1, 40))
def test_shares_spend_all_and_starve_nobody(samples, places):
    found = shares(samples, places)
    assert sum(found) == max(samples, places) and max(found) - min(found) <= 1 and min(found) >= 1


def test_what_is_kept_is_a_number_a_share_or_what_reaches_a_value():
    class Valued:
        def __init__(self, value):
            self.value = value

    ranked = [Valued(v) for v in (0.9, 0.8, 0.5, 0.2)]
    values = lambda beam: [node.value for node in beam.kept(ranked)]  # noqa: E731
    assert values(Beam(keep=2)) == [0.9, 0.8]
    assert values(Beam(fraction=0.25)) == [0.9] and values(Beam(fraction=0.3)) == [0.9, 0.8]
    assert values(Beam(threshold=0.5)) == [0.9, 0.8, 0.5] and values(Beam(threshold=0.95)) == [0.9]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"keep": 0}, "keep=0"),
        ({"fraction": 1.5}, "fraction=1.5"),
        ({"fraction": 0.5, "threshold": 0.5}, "two rules"),
        ({"ahead": -1}, "ahead=-1"),
        ({"depth": 0}, "depth=0"),
        ({"boundary": "word"}, "boundary='word'"),
        ({"pick": "worst"}, "pick='worst'"),
        ({"steps": "max"}, "steps='max'"),
        ({"n": 0}, "n=0"),
    ],
)
def test_bad_settings_are_refused_with_the_value(settings, says):
    with pytest.raises(BadSetting, match=says):
        Beam(**settings)


def test_a_finished_chain_keeps_its_place_and_is_not_paid_for_again():
    """It is best at level 1 and wins in the end, though others went on; libraries drop it."""
    model = step_model({"b": 1.0}, {"b": 1.0}, short={0: 0.6})
    grader = StepGrader(lambda labels: 0.9 if not labels else 0.8)
    for seed in range(6):
        found, counted = run(Beam(n=8, keep=2, **WARM), model, grader, seed=seed)
        assert "0" in found.choice.weights and found.answer.canonical == "0"
        later = [len(c) for ask, c in counted.samples if ask.prompt.lead]
        assert all(size == 4 for size in later), "the finished chain's half is not spent"


def test_a_finished_chain_that_lost_its_place_still_competes():
    """The open chain looks better at level 1 and worse at the end."""
    model = step_model({"b": 1.0}, {"b": 1.0}, short={0: 0.6})
    grader = StepGrader(lambda labels: 0.6 if not labels else (0.8, 0.3)[len(labels) - 1])
    for seed in range(6):
        found, _ = run(Beam(n=8, keep=1, **WARM), model, grader, seed=seed)
        assert found.answer.canonical == "0" and found.confidence == 0.6


@pytest.mark.parametrize("search", SEARCHES)
def test_a_chain_cut_by_length_is_not_finished(search):
    """Libraries read a step that was cut as an end. Here the long chain scores best and is cut: the short one wins."""
    model = step_model({"b": 1.0}, {"b": 1.0}, {"b": 1.0}, short={0: 0.5})
    grader = StepGrader(lambda labels: 0.4 if not labels else 0.9)
    extra = {"keep": 4} if search is Beam else {"width": 4} if search is Dvts else {"ess": 0.0}
    extra = {} if search is Rebase else extra
    for seed in range(5):
        found, _ = run(search(n=8, max_tokens=5, **extra, **WARM), model, grader, seed=seed)
        if search is Dvts and found.answer.canonical != "0":
            continue  # greedy trees left the short chain behind before the long one was cut
        assert found.answer.canonical == "0"
        cut = [t for t in found.pool if t.stop is Stop.LENGTH]
        assert cut and all(len(t.logprobs) == 5 for t in cut)
        check_pool(found)


def test_an_end_without_any_mark_is_an_end():
    """A published library asks for empty steps until its maximum when the mark it waits for does not come."""
    model = Scripted(lambda prompt: {"So it is.\nI stop here."[len(prompt.lead) :]: 1.0})
    found, counted = run(Beam(n=3, keep=1, **WARM), model, ORACLE)
    assert counted.asks == 2 and found.pool[0].stop is Stop.END and not found.answer.given
    assert found.choice.abstained == 1 and found.confidence == 0.0


@pytest.mark.parametrize("search", SEARCHES)
def test_a_long_step_pauses_and_goes_on(search):
    long = "one two three four five six seven\nThe answer is 0."
    model = Scripted(lambda prompt: {long[len(prompt.lead) :]: 1.0})
    found, counted = run(search(n=2, step_tokens=3, **WARM), model, ORACLE)
    assert found.answer.canonical == "0" and found.pool[0].text == long and counted.asks == 5
    found, counted = run(search(n=2, boundary="tokens", step_tokens=4, **WARM), model, ORACLE)
    assert found.pool[0].text == long and counted.asks == math.ceil(count_tokens(long) / 4) == 3


def test_the_last_level_writes_to_the_end():
    found, counted = run(Beam(n=4, keep=2, depth=2, **WARM), step_model(HALF, HALF, HALF, HALF), ORACLE)
    assert max(ask.prompt.lead.count("\n") for ask, _ in counted.samples) == 1
    assert all(t.stop is Stop.END for t in found.pool if t.scores and t.text.count("\n") > 1)
    assert found.notes["levels"] == 2


def test_look_ahead_scores_the_text_it_reads():
    """Both first steps look alike; what follows b is bad. A published library leaves that text out."""
    model = step_model({"a": 0.4, "b": 0.6}, {"a": 0.9, "b": 0.1})
    grader = StepGrader(lambda labels: 0.5 if len(labels) < 2 else {"aa": 0.9, "ba": 0.1}.get("".join(labels), 0.2))
    blind, _ = run(Beam(n=8, keep=1, **WARM), model, grader, seed=1)
    found, counted = run(Beam(n=8, keep=1, ahead=1, steps="last", **WARM), model, grader, seed=1)
    assert found.pool and "aa" not in blind.answer.raw
    assert found.answer.canonical == "0" and found.spent.probe > 0
    rolled = [t for t in found.pool if t.role == "probe"]
    assert rolled and all(t.parent is not None and t.scores["oracle"] for t in rolled)
    assert any("Step a.\nStep a." in text for text in grader.seen)
    probes = [ask for ask, _ in counted.samples if ask.role == "probe"]
    assert all(ask.sampling.temperature == 0 for ask in probes)
    check_pool(found)


def test_equal_samples_are_one_branch_and_all_are_paid():
    found, _ = run(Beam(n=8, keep=8, **WARM), step_model({"a": 1.0}), ORACLE)
    assert len(found.pool) == 1 and found.notes["merged"] == 14
    assert found.spent.generated == 8 * pieces("a") == found.pool[0].usage.generated


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(0, 64), st.floats(0.05, 5))
def test_the_allotment_is_the_published_one_and_spends_all(values, budget, balance):
    found = allot(values, budget, balance)
    assert sum(found) == budget and min(found) >= 0
    left, order = budget, sorted(range(len(values)), key=lambda i: (-values[i], i))
    for place, i in enumerate(order):
        parts = [math.exp((values[j] - max(values)) / balance) for j in order[place:]]
        assert abs(found[i] - min(left, math.ceil(left * parts[0] / math.fsum(parts) - 1e-9))) == 0
        left -= found[i]


def test_finished_leaves_take_their_samples_off_the_budget():
    model = step_model({"a": 1.0}, {"a": 1.0}, short={5: 0.5})
    found, counted = run(Rebase(n=8, **WARM), model, ORACLE, seed=2)
    [first] = [c for ask, c in counted.samples if not ask.prompt.lead]
    ended = sum(c.stop is Stop.END for c in first)
    later = [len(c) for ask, c in counted.samples if ask.prompt.lead]
    assert 0 < ended < 8 and later == [8 - ended, 8 - ended]
    assert sum(found.choice.weights.values()) == pytest.approx(8 - ended + ended)


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=10))
def test_systematic_resampling_gives_each_its_expected_number(raw):
    total = math.fsum(raw)
    weights, grid = [w / total for w in raw], 200
    sums = [0] * len(weights)
    for point in range(grid):
        picked = resample(weights, (point + 0.5) / grid)
        assert len(picked) == len(weights)
        for i, w in enumerate(weights):
            many = picked.count(i)
            assert math.floor(w * len(weights) - 1e-9) <= many <= math.ceil(w * len(weights) + 1e-9)
            sums[i] += many
    for i, w in enumerate(weights):
        assert abs(sums[i] / grid - w * len(weights)) < 0.02


def test_weights_are_normalised_even_when_there_are_none():
    assert normalised([-math.inf, -math.inf]) == [0.5, 0.5]
    assert normalised([0.0, math.log(3)]) == pytest.approx([0.25, 0.75])


@pytest.mark.parametrize("kind", ["logit", "unbounded", "probability"])
@pytest.mark.parametrize("search", SEARCHES)
def test_any_kind_of_score_steers(search, kind):
    low, high = {"logit": (-3.0, 3.0), "unbounded": (-7.0, 7.0), "probability": (0.1, 0.9)}[kind]
    grader = StepGrader(lambda labels: high if right_so_far(labels) else low, kind)
    found, _ = run(search(n=32, pick="best", **WARM), step_model(HALF, HALF), grader)
    assert found.answer.canonical == "0"
    assert (found.confidence is None) == (kind == "unbounded")
    if kind == "logit":
        assert found.confidence == pytest.approx(1 / (1 + math.exp(-3)))


@pytest.mark.parametrize("search", SEARCHES)
def test_one_sample_is_plain_sampling(search):
    for problem in item_problems(5):
        one, _ = run(search(n=1, by="logprob"), item_model(), question=problem.question, seed=4)
        plain, _ = run(Cot(temperature=0.7), item_model(), question=problem.question, seed=4)
        assert (one.answer, one.pool, one.spent) == (plain.answer, plain.pool, plain.spent)


@pytest.mark.parametrize("search", SEARCHES)
def test_searches_begin_with_the_samples_that_a_vote_draws(search):
    """The first steps have the random numbers of whole chains, so more samples begin with the fewer."""
    model = step_model(THREE, THREE)
    for small, large in ((4, 8),):
        firsts = []
        for n in (small, large):
            _, counted = run(search(n=n, **WARM), model, ORACLE, seed=3)
            firsts.append([c.text for ask, part in counted.samples if not ask.prompt.lead for c in part])
        assert sorted(firsts[0]) == sorted(firsts[1][:small])


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("tokens", [1, 5, 9, 14, 23, 31, 39])
def test_a_budget_that_ends_gives_the_best_so_far(search, tokens):
    found, _ = run(search(n=4, **WARM), step_model(HALF, HALF), ORACLE, budget=Budget(tokens=tokens))
    assert found.spent.generated <= tokens and found.pool and found.partial
    check_pool(found)


def flawed(p, n, error):
    """Accuracy of best-of-n: right unless nothing right came, or the answer that fools the verifier did."""
    honest = 1 - (1 - p["1"]) ** n
    fooled = (1 - p["2"]) ** n - (1 - p["1"] - p["2"]) ** n
    return (1 - error) * honest + error * fooled


@pytest.mark.parametrize("error", [0.0, 0.5])
def test_a_weak_verifier_is_over_optimised_and_a_perfect_one_is_not(error):
    """Best-of-N with a verifier that one wrong answer may fool: accuracy rises, then falls towards 1 - error."""
    chances = {"1": 0.45, "2": 0.05, "3": 0.5}
    sizes = (1, 4, 8, 48)
    wanted = [flawed(chances, n, error) for n in sizes]
    method = lambda n: BestOfN(n=n, by="oracle", temperature=1.0)  # noqa: E731
    problems = item_problems(400)
    found = [accuracy(method(n), item_model(chances), FlawedOracle(error), problems=problems) for n in sizes]
    assert all(near(f, w, 400) for f, w in zip(found, wanted, strict=True)), (found, wanted)
    assert found[0] < found[1]
    if error:
        assert found[3] < found[2] - 0.1, "more samples must make it worse here"
    else:
        assert found[3] >= found[2]


def test_a_beam_is_over_optimised_by_the_same_verifier():
    chances = {"1": 0.45, "2": 0.05, "3": 0.5}
    problems = item_problems(400)
    found = [
        accuracy(Beam(n=n, keep=n, by="oracle", steps="last", temperature=1.0), item_model(chances),
                 _Lenient(0.5), problems=problems)
        for n in (8, 48)
    ]  # fmt: skip
    assert found[1] < found[0] - 0.1


class _Lenient(FlawedOracle):
    """Chains without an answer yet score 0.5."""

    def _score(self, text):
        return super()._score(text) if "The answer is" in text else 0.5
