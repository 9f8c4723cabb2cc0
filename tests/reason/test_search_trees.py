"""Tree search, tree of thoughts, RAP and rStar against enumeration, and the published mistakes."""

from __future__ import annotations

import itertools
import math
import re

import pytest
from search_worlds import StepGrader, accuracy, answer_of, check_pool, near, right_so_far, run, step_model

from workings.core.budget import Budget
from workings.core.completion import Stop
from workings.core.errors import BadSetting
from workings.models.scripted import Scripted
from workings.reason.cot import Cot
from workings.reason.search.mcts import Rules, climb, favourite, urge
from workings.reason.search.rap import Rap
from workings.reason.search.rstar import Rstar
from workings.reason.search.tot import Tot, verdict
from workings.reason.search.tree import Node
from workings.reason.search.tree_search import TreeSearch
from workings.testing import item_model, item_problems
from workings.verify.steps import aggregate

HALF = {"a": 0.5, "b": 0.5}
THREE = {"a": 0.4, "b": 0.3, "c": 0.3}
ORACLE = StepGrader(right_so_far)
WARM = {"by": "oracle", "temperature": 1.0}


def worth_of(labels):
    """A fixed score for every beginning of a chain, in (0, 1), with no pattern."""
    return (answer_of(labels) * 7 + 3) % 11 / 12 + 0.05


TABLE = StepGrader(worth_of)


def best_of(levels, how):
    """The chain with the best folded score; the answer's line scores as its chain does."""
    chains = itertools.product("abc", repeat=levels)
    value = {c: aggregate([*(worth_of(c[: i + 1]) for i in range(levels)), worth_of(c)], how) for c in chains}
    best = max(value, key=value.get)
    return str(answer_of(best)), value[best]


@pytest.mark.parametrize("how", ["min", "product"])
def test_best_first_finds_the_optimum_and_stops_when_nothing_can_beat_it(how):
    """With values that only fall along a chain the first finished chain that comes up is the best of all."""
    wanted, value = best_of(3, how)
    found, counted = run(TreeSearch(n=60, width=40, search="best-first", steps=how, **WARM),
                         step_model(THREE, THREE, THREE), TABLE)  # fmt: skip
    assert found.answer.canonical == wanted and found.confidence == pytest.approx(value)
    assert found.notes["expansions"] < 1 + 3 + 9 + 27 == 40
    assert found.notes["expansions"] == counted.asks
    check_pool(found)


@pytest.mark.parametrize("backup", ["mean", "max"])
def test_the_value_of_the_tree_converges_to_the_optimum(backup):
    """Enough simulations of Monte-Carlo search visit every chain; the best one wins, the most visited line is its own
    when values are backed up as the largest."""
    wanted, value = best_of(2, "last")
    method = TreeSearch(n=60, width=24, backup=backup, steps="last", **WARM)
    found, _ = run(method, step_model(THREE, THREE), TABLE)
    assert found.answer.canonical == wanted and found.confidence == pytest.approx(value)
    assert found.notes["simulations"] == 60
    visited, _ = run(TreeSearch(n=300, width=24, backup=backup, steps="last", by_visits=True, explore=0.3, **WARM),
                     step_model(THREE, THREE), TABLE)  # fmt: skip
    assert visited.answer.canonical == wanted
    check_pool(found)


def test_simulations_cost_one_expansion_and_one_play_each():
    """With an oracle and two steps a single simulation is right when the expansion and the play are: closed form."""
    found, counted = run(TreeSearch(n=2, width=4, **WARM), step_model(HALF, HALF, HALF), ORACLE)
    sizes = [len(replies) for _, replies in counted.samples]
    assert sizes == [4, 1, 4, 1]
    assert found.spent.generated == sum(c.usage.generated for _, replies in counted.samples for c in replies)


def test_two_simulations_are_right_as_often_as_enumeration_says():
    """The first is right when a is drawn and the play goes on with a. Else both steps are worth 0, the second goes to
    the one drawn first, and is right when that is a and another a is drawn behind it."""
    drawn = 1 - 0.5**3
    wanted = drawn * 0.5 + 0.5 * 0.5 * drawn
    method = TreeSearch(n=2, width=3, explore=0.0, backup="max", **WARM)
    assert near(accuracy(method, step_model(HALF, HALF), ORACLE), wanted)


def test_urge_and_climb_are_the_formulas():
    root = Node("")
    child = Node("x", parent=root, value=0.7, path="chain/0")
    rules = Rules(1, 1.5, "mean")
    assert urge(child, 1, rules) == 0.7, "an unvisited child has its own value"
    root.visits, child.visits = 5, 2
    climb([root, child], Node("xy", parent=child, value=0.4))
    climb([root, child], Node("xz", parent=child, value=0.8))
    assert child.total == pytest.approx(1.2) and child.top == 0.8 and root.total == pytest.approx(1.2)
    assert urge(child, 5, rules) == pytest.approx(0.6 + 1.5 * math.sqrt(math.log(5) / 2))
    assert urge(child, 5, Rules(1, 1.5, "max")) == pytest.approx(0.8 + 1.5 * math.sqrt(math.log(5) / 2))


def test_the_favourite_is_the_end_of_the_most_visited_line():
    root = Node("")
    for name, visits in (("a", 2), ("b", 5)):
        root.children.append(Node(name, parent=root, visits=visits))
    root.children[1].children.append(Node("bc", parent=root.children[1], visits=3))
    assert favourite(root).text == "bc"


def test_depth_first_turns_back_from_what_is_below_the_threshold():
    """a looks best and leads nowhere; the search comes back for b."""
    rule = {"a": 0.9, "b": 0.7, "aa": 0.2, "ab": 0.3, "ba": 0.8, "bb": 0.1}
    grader = StepGrader(lambda labels: rule["".join(labels)])
    halves = step_model(HALF, HALF)
    found, _ = run(TreeSearch(n=9, width=16, search="depth-first", threshold=0.6, **WARM), halves, grader)
    assert found.answer.canonical == str(answer_of("ba")) and found.confidence == 0.7
    assert found.notes["expansions"] == 4, "root, a, b, ba"
    none, _ = run(TreeSearch(n=9, width=16, search="depth-first", threshold=0.95, **WARM), halves, grader)
    assert none.answer.given and none.notes["expansions"] == 1, "nothing reaches it: the best beginning is written out"


@pytest.mark.parametrize("search", ["mcts", "best-first", "depth-first"])
@pytest.mark.parametrize("abreast", [1, 4])
def test_every_search_has_an_answer_however_short_it_is(search, abreast):
    for n in (2, 3, 7):
        method = TreeSearch(n=n, width=2, search=search, abreast=abreast, threshold=0.0, **WARM)
        found, _ = run(method, step_model(HALF, HALF, HALF, HALF), ORACLE)
        assert found.answer.given and not found.partial
        check_pool(found)
    for tokens in (1, 4, 9, 30):
        found, _ = run(method, step_model(HALF, HALF, HALF, HALF), ORACLE, budget=Budget(tokens=tokens))
        assert found.spent.generated <= tokens and found.partial and found.pool


def test_simulations_abreast_part_ways_and_ask_at_once():
    found, counted = run(TreeSearch(n=8, width=3, abreast=4, **WARM), step_model(THREE, THREE, THREE), TABLE)
    one, single = run(TreeSearch(n=8, width=3, **WARM), step_model(THREE, THREE, THREE), TABLE)
    assert found.notes["simulations"] == one.notes["simulations"] == 8
    plays = {ask.path for ask, _ in counted.samples if ask.n == 1}
    assert len(plays) > 2 and single.asks >= counted.asks - 2


@pytest.mark.parametrize("settings", [{"n": 1}, {"width": 1}])
def test_one_of_either_is_plain_sampling(settings):
    for problem in item_problems(4):
        one, _ = run(TreeSearch(by="logprob", **settings), item_model(), question=problem.question, seed=4)
        plain, _ = run(Cot(temperature=0.7), item_model(), question=problem.question, seed=4)
        assert (one.answer, one.pool, one.spent) == (plain.answer, plain.pool, plain.spent)


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"width": 0}, "width=0"), ({"search": "wide"}, "search='wide'"), ({"backup": "sum"}, "backup='sum'"),
     ({"explore": -1.0}, "explore=-1"), ({"abreast": 0}, "abreast=0")],
)  # fmt: skip
def test_bad_settings_are_refused_with_the_value(settings, says):
    with pytest.raises(BadSetting, match=says):
        TreeSearch(**settings)


# Tree of thoughts


def judging(model, says):
    """A model that writes chains like `model`, and judges them with `says`, a function of the judge's prompt."""

    def table(prompt):
        asked = prompt.messages[-1].content
        if "Can this reasoning" in asked or "most promising" in asked:
            return says(asked)
        return model._table(prompt)

    return Scripted(table)


def knows(asked):
    labels = re.findall(r"Step (\w)\.", asked)
    return {"It is impossible." if "b" in labels else "sure": 1.0}


@pytest.mark.parametrize(
    ("text", "worth"),
    [("sure", 20.0), ("Likely.", 1.0), ("impossible", 0.001), ("unlikely", 0.0), ("", 0.0),
     ("sure? No: impossible", 0.001),
     ("不可能", 0.001), ("可能", 1.0), ("我肯定", 20.0)],
)  # fmt: skip
def test_verdicts_are_whole_words_and_the_last_one_counts(text, worth):
    assert verdict(text) == worth


def test_thoughts_are_kept_as_the_judge_says():
    """Two of each level's samples are kept; with a judge that knows, this is a beam with an oracle."""
    both, only = 1 - 2 * 0.5**4, 0.5**4
    wanted = both * (1 - 0.5**2) + only * (1 - 0.5**4)
    model = judging(step_model(HALF, HALF), knows)
    assert near(accuracy(Tot(n=4, keep=2, votes=1, temperature=1.0), model, None, 300), wanted, 300)
    found, counted = run(Tot(n=4, keep=2, votes=3, temperature=1.0), model)
    judged = [ask for ask, _ in counted.samples if ask.role == "verifier"]
    assert judged and all(ask.n == 3 for ask in judged)
    assert found.spent.verifier == sum(
        c.usage.prompt + c.usage.cached + c.usage.generated
        for ask, part in counted.samples
        if ask.role == "verifier"
        for c in part
    )
    texts = [ask.prompt.messages[-1].content for ask in judged]
    assert len(texts) == len(set(texts)), "equal thoughts are judged once"
    assert {t.scores["value"][0] for t in found.pool} <= {1.0, 0.001 / 20}
    check_pool(found)


def test_thoughts_may_be_voted_on_side_by_side():
    def picks(asked):
        chains = re.findall(r"Choice (\d+):\n((?:Step \w\.\n?|The answer is \d+\.)*)", asked)
        good = [number for number, text in chains if "b" not in text]
        return {f"The best choice is {good[0] if good else 1}.": 1.0}

    model = judging(step_model(HALF, HALF), picks)
    for seed in range(5):
        found, _ = run(Tot(n=16, keep=1, votes=2, evaluate="vote", temperature=1.0), model, seed=seed)
        assert found.answer.canonical == "0" and found.confidence is None


def test_thoughts_may_be_proposed_in_one_reply():
    """Lines with markers, a repeated one, and an answer that ends its chain."""

    def table(prompt):
        asked = prompt.messages[-1].content
        if "possible next steps" in asked:
            begun = "(nothing yet)" in asked
            return {"1. Step a.\n2. Step b.\n- Step a.\n" if begun else "The answer is 0.\nStep b.": 1.0}
        return {"sure" if "b" not in "".join(re.findall(r"Step (\w)\.", asked)) else "impossible": 1.0}

    found, counted = run(Tot(n=4, keep=2, votes=1, generate="propose", depth=4), Scripted(table))
    assert found.answer.canonical == "0" and found.spent.probe > 0 and found.spent.verifier > 0
    first = counted.samples[0][0]
    assert first.n == 1 and first.role == "probe" and "Give 4 different" in first.prompt.messages[-1].content
    assert {t.text.split("\n")[0] for t in found.pool} == {"Step a.", "Step b."}


# RAP


def planner(useful=0.9, answers=None):
    """Asks one of two questions, answers 7 most of the time, then the whole question."""
    said = answers or {"7": 0.75, "8": 0.25}

    def table(prompt):
        lead = prompt.lead
        if re.search(r"Question 1:$", lead):
            return {" How many boxes?\nAnswer": 0.6, " How old is he?\nAnswer": 0.4}
        if re.search(r"Question \d+:$", lead):
            return {" Now we can answer: all?\nAnswer": 1.0}
        return {f" The answer is {value}.\nQuestion": chance for value, chance in said.items()}

    def scores(lead, candidate):
        return math.log(useful if candidate == "Yes" else 1 - useful)

    return Scripted(table, scores=scores)


def test_rewards_are_usefulness_and_confidence_to_the_half():
    found, _ = run(Rap(n=3, width=4, votes=64, temperature=1.0), planner())
    assert found.answer.canonical == "7"
    line = found.pool[found.choice.chosen]
    [last] = line.scores["reward"]
    share = last**2 / 0.9
    assert abs(share - 0.75) < 0.2
    assert re.fullmatch(
        r"Question 1: (How many boxes|How old is he)\?\nAnswer 1: The answer is 7\.\n"
        r"Question 2: Now we can answer: all\?\nAnswer 2: The answer is 7\.\n",
        line.text,
    )
    start, end = line.answer.span
    assert line.text[start:end] == "7" and start > line.text.index("Answer 2")
    lost = [t for t in found.pool if t.text.endswith("The answer is 8.\n")]
    assert lost and all(t.parent is not None for t in lost), "answers that lost their vote are branches"
    check_pool(found)


def test_the_last_level_asks_the_whole_question():
    def table(prompt):
        if prompt.lead.endswith(":") and "Question" in prompt.lead.rsplit("\n", 1)[-1]:
            return {" And then?\n": 1.0}
        return {" The answer is 5.\n": 1.0}

    found, _ = run(Rap(n=2, width=2, votes=3, depth=3), Scripted(table, scores=lambda lead, c: -1.0))
    assert "Question 3: Now we can answer: Item 1: which way?\nAnswer 3: The answer is 5." in found.pool[0].text
    assert found.answer.canonical == "5" and "Question 4" not in found.pool[0].text
    assert found.confidence == pytest.approx(math.sqrt(0.5)), "no preference between Yes and No is a half"


def test_an_answer_of_a_smaller_question_is_not_taken_for_the_last():
    found, _ = run(Rap(n=2, width=2, votes=2), planner(answers={"7": 1.0}))
    assert found.answer.canonical == "7"

    def table(prompt):
        line = prompt.lead.rsplit("\n", 1)[-1]
        if line == "Question 1:":
            return {" What first?\n": 1.0}
        if line.startswith("Question"):
            return {" Now we can answer: it?\n": 1.0}
        return {" The answer is 3.\n" if line == "Answer 1:" else " I cannot say.\n": 1.0}

    silent, _ = run(Rap(n=2, width=2, votes=2), Scripted(table, scores=lambda lead, c: -1.0))
    assert not silent.answer.given


# rStar


def wavering(p):
    """Whole chains are right with probability p; completed from their beginning they are always right."""

    def table(prompt):
        lead = prompt.lead
        if re.search(r"(Question|Answer) \d+:$|In other words:$", lead):
            return {" so it is.\n": 1.0}
        if not lead:
            return {"One.\nTwo.\nThe answer is 7.": p, "One.\nAnd.\nThe answer is 9.": 1 - p}
        if "And." in lead:
            return {"The answer is 9.": 1.0}
        return {"Two.\nThe answer is 7.": 1.0}

    return Scripted(table)


def test_chains_that_their_own_beginnings_do_not_lead_to_are_outvoted():
    """9 is drawn more often, but from the first steps of its chains the model comes to 7."""
    model = wavering(0.35)
    free = [run(Rstar(n=1, votes=16, width=1, checks=0, temperature=1.0), model, seed=s)[0] for s in range(6)]
    kept = [run(Rstar(n=1, votes=16, width=1, checks=4, temperature=1.0), model, seed=s)[0] for s in range(6)]
    assert sum(f.answer.canonical == "7" for f in free) < 6
    assert all(f.answer.canonical == "7" for f in kept if "7" in f.choice.weights)
    checked = [f for f in kept if f.notes["checked"]]
    assert checked and all(f.spent.verifier > 0 for f in checked)
    for found in kept:
        check_pool(found)


def test_an_answers_score_is_its_share_and_its_survival():
    found, _ = run(Rstar(n=1, votes=40, width=1, checks=4, temperature=1.0), wavering(0.5), seed=1)
    share = {}
    for trace in found.pool:
        if "share" in trace.scores:
            share[trace.answer.canonical] = trace.scores["share"][0]
    assert set(share) >= {"7"} and math.fsum(share.values()) == pytest.approx(1.0)
    assert found.choice.weights["7"] == pytest.approx((share["7"] + 1) / 2)
    if "9" in share:
        assert found.choice.weights["9"] == pytest.approx(share["9"] / 2)


def test_the_answer_never_depends_on_a_gold_that_selectors_cannot_see():
    """A published selector is given the gold and returns none when nothing matches it; ours has a question only."""
    found, _ = run(Rstar(n=2, votes=4, width=2), wavering(0.0))
    assert found.answer.canonical == "9" and found.pool[found.choice.chosen].stop is Stop.END


@pytest.mark.parametrize("method", [Rap, Rstar])
def test_their_settings_are_checked(method):
    for name in ("n", "width", "votes", "depth", "abreast", "step_tokens"):
        with pytest.raises(BadSetting, match=f"{name}=0"):
            method(**{name: 0})
    with pytest.raises(BadSetting, match="not written in 'fr'"):
        run(method(language="fr", n=1), planner())
