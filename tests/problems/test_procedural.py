"""Laws of the procedural families; gold answers are computed here a second time, from the question's text alone."""

from __future__ import annotations

import datetime
import functools
import itertools
import random
import re
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.errors import BadSetting, DataError, UnknownName
from workings.core.problem import AnswerKind, Problem
from workings.core.wire import pack, unpack
from workings.problems.addition import ADDITION
from workings.problems.chain_arithmetic import CHAIN_ARITHMETIC
from workings.problems.coin_flip import COIN_FLIP
from workings.problems.countdown import COUNTDOWN
from workings.problems.dates import DATES
from workings.problems.last_letters import LAST_LETTERS
from workings.problems.names import names
from workings.problems.procedural import (
    SPLITS,
    Drawn,
    Family,
    Split,
    check_steps,
    families,
    family,
    generate,
    split_of,
)
from workings.problems.shell_game import SHELL_GAME

OURS = (COIN_FLIP, LAST_LETTERS, SHELL_GAME, ADDITION, CHAIN_ARITHMETIC, COUNTDOWN, DATES)
each_family = pytest.mark.parametrize("one", OURS, ids=lambda one: one.name)


def draw(
    one: Family, split: Split = "test", count: int = 60, seed: int = 0, *, longer: bool = False
) -> tuple[Problem, ...]:
    return tuple(generate(one, split, count, seed, one.out_of_length if longer else None))


@functools.cache
def both(one: Family, count: int = 50) -> list[Problem]:
    return [p for seed in range(3) for far in (False, True) for p in draw(one, "train", count, seed, longer=far)]


# Second computations, from the text of the question ---------------------------------------------------------


def solve_coin(text: str) -> str:
    flips = len(re.findall(r"\bflips it", text))
    return "yes" if flips % 2 == 0 else "no"


def solve_letters(text: str) -> str:
    return "-".join(word[-1] for word in text.partition(": ")[2].rstrip(".").split(", "))


def solve_shell(text: str) -> str:
    cups = [0] * 5
    cups[int(re.search(r"under cup (\d) of", text).group(1)) - 1] = 1
    for a, b in re.findall(r"\d+\) (\d) (\d)", text):
        i, j = int(a) - 1, int(b) - 1
        cups[i], cups[j] = cups[j], cups[i]
    return str(cups.index(1) + 1)


def solve_addition(text: str) -> str:
    return str(sum(map(int, re.findall(r"\d+", text))))


def solve_chain(text: str) -> str:
    modulus, start = map(int, re.search(r"modulo (\d+)\. Start with (\d+)", text).groups())
    polynomial = start
    for sign, operand in re.findall(r"\d+\) ([-+*])(\d+)", text):
        polynomial = {"+": polynomial + int(operand), "-": polynomial - int(operand), "*": polynomial * int(operand)}[
            sign
        ]
    return str(polynomial % modulus)


def solve_dates(text: str) -> str:
    day = datetime.date.fromisoformat(re.search(r"Start on (\S+)\. ", text).group(1)).toordinal()
    for number, unit, way in re.findall(r"\) (\d+) (day|week)s? (forward|back)", text):
        day += int(number) * (7 if unit == "week" else 1) * (1 if way == "forward" else -1)
    return datetime.date.fromordinal(day).isoformat()


SOLVERS: dict[str, Callable[[str], str]] = {
    "coin-flip": solve_coin,
    "last-letters": solve_letters,
    "shell-game": solve_shell,
    "addition": solve_addition,
    "chain-arithmetic": solve_chain,
    "dates": solve_dates,
}

COUNTED: dict[str, Callable[[Problem], int]] = {
    "coin-flip": lambda p: len(re.findall(r"flips? it", p.question.text)),
    "last-letters": lambda p: p.question.text.count(",") + 1,
    "shell-game": lambda p: p.question.text.count(")"),
    "addition": lambda p: max(map(len, re.findall(r"\d+", p.question.text))),
    "chain-arithmetic": lambda p: p.question.text.count(")"),
    "countdown": lambda p: len(re.findall(r"\d+", p.question.text.partition(" each ")[0])),
    "dates": lambda p: p.question.text.count(")"),
}


@pytest.mark.parametrize("one", [one for one in OURS if one.name != "countdown"], ids=lambda one: one.name)
def test_gold_is_what_a_second_computation_gives(one: Family) -> None:
    for problem in both(one):
        assert problem.gold == SOLVERS[one.name](problem.question.text), problem.question.text


@each_family
def test_the_dial_is_honoured_and_lengths_come_in_equal_shares(one: Family) -> None:
    for span in (one.in_length, one.out_of_length):
        width = span[1] - span[0] + 1
        problems = list(generate(one, "train", 12 * width, 5, span))
        lengths = [p.length for p in problems]
        assert all(lengths.count(length) == 12 for length in range(span[0], span[1] + 1))
        assert all(COUNTED[one.name](p) == p.length for p in problems)
        assert all(p.meta["in_length"] is (span == one.in_length) for p in problems)


@each_family
def test_in_and_out_of_length_do_not_meet(one: Family) -> None:
    assert one.in_length[0] <= one.in_length[1] < one.out_of_length[0] <= one.out_of_length[1]


@each_family
def test_the_same_call_gives_the_same_problems_and_a_smaller_count_a_prefix(one: Family) -> None:
    whole = draw(one, "dev", 40, 7)
    assert draw(one, "dev", 40, 7) == whole
    assert draw(one, "dev", 13, 7) == whole[:13]
    assert draw(one, "dev", 40, 8) != whole


@each_family
def test_splits_share_nothing_and_agree_with_the_public_hash(one: Family) -> None:
    sizes = {"train": 600, "dev": 120, "test": 120}
    digests = {split: {p.digest for seed in (0, 1) for p in draw(one, split, sizes[split], seed)} for split in SPLITS}
    for one_split, other in itertools.combinations(SPLITS, 2):
        assert not digests[one_split] & digests[other]
    for split in SPLITS:
        assert all(p.split == split == split_of(p.question.text) for p in draw(one, split, 20, 3))


@each_family
def test_one_call_repeats_nothing(one: Family) -> None:
    problems = draw(one, "train", 800)
    assert len({p.id for p in problems}) == len({p.question.text for p in problems}) == 800
    assert all(p.id == f"{one.name}-train-{p.digest}" and p.question.family == one.name for p in problems)


@each_family
def test_steps_are_lines_and_drafts_are_at_most_five_words(one: Family) -> None:
    for problem in both(one):
        assert problem.steps and len(problem.steps) == len(problem.drafts)
        for line in (*problem.steps, *problem.drafts):
            assert line == line.strip() and line and len(line.splitlines()) == 1
        assert all(len(draft.split()) <= 5 for draft in problem.drafts)


def last_state(problem: Problem, line: str) -> str:
    if problem.question.family == "coin-flip":
        return "yes" if line.endswith("heads") else "no"
    return re.split(r"[ ]", line)[-1]


@each_family
def test_the_last_state_gives_the_gold(one: Family) -> None:
    for problem in both(one):
        assert last_state(problem, problem.steps[-1]) == problem.gold
        assert last_state(problem, problem.drafts[-1]) == problem.gold


@each_family
def test_gold_steps_and_drafts_pass_their_own_check(one: Family) -> None:
    assert one.check is not None
    for problem in both(one):
        assert one.check(problem, problem.steps) == (True,) * len(problem.steps)
        assert one.check(problem, problem.drafts) == (True,) * len(problem.drafts)


@each_family
def test_a_check_judges_problems_read_back_from_a_record(one: Family) -> None:
    assert one.check is not None
    for problem in draw(one, count=12):
        again = unpack(Problem, pack(problem))
        assert one.check(again, again.steps) == (True,) * len(again.steps)


@each_family
def test_a_check_finds_a_line_with_another_state(one: Family) -> None:
    """The last line of another problem in this one's place is not right unless it states the same."""
    assert one.check is not None
    problems = draw(one, count=80)
    wrong = 0
    for problem, other in itertools.pairwise(problems):
        if problem.gold == other.gold or problem.steps[-1] == other.steps[-1]:
            continue
        verdicts = one.check(problem, (*problem.steps[:-1], other.steps[-1]))
        assert verdicts[:-1] == (True,) * (len(problem.steps) - 1)
        wrong += verdicts[-1] is not True
    assert wrong >= 60 or (one.name in {"coin-flip", "shell-game", "chain-arithmetic"} and wrong >= 25)


@each_family
@given(lines=st.lists(st.text(max_size=80) | st.from_regex(r"[0-9)+*/= :>a-z-]{0,60}", fullmatch=True), max_size=12))
@settings(max_examples=60, deadline=None)
def test_a_check_answers_every_line_of_anything(one: Family, lines: list[str]) -> None:
    problem = both(one)[0]
    assert one.check is not None
    verdicts = one.check(problem, lines)
    assert len(verdicts) == len(lines) and set(verdicts) <= {True, False, None}


@each_family
def test_a_check_reads_a_very_long_line_at_once(one: Family) -> None:
    problem = draw(one, count=1)[0]
    assert one.check is not None
    lines = ["9" * 1_000_000, "heads " * 200_000, "(" * 1_000_000, "1) " + "a-" * 500_000]
    assert True not in one.check(problem, lines)


@each_family
def test_more_lines_than_there_are_steps_are_not_right(one: Family) -> None:
    assert one.check is not None
    for problem in draw(one, count=10):
        if one.name != "dates":
            assert one.check(problem, (*problem.steps, problem.steps[-1]))[-1] is not True


# The frame ---------------------------------------------------------------------------------------------------


def test_catalogue_of_families() -> None:
    assert [*families()] == [*(one.name for one in OURS), "word-problems", "word-problems-new"]
    assert family("shell-game") is SHELL_GAME
    with pytest.raises(UnknownName, match="shell-game"):
        family("shell-gmae")


def test_check_steps_goes_by_the_family_of_the_problem() -> None:
    problem = draw(SHELL_GAME, count=1)[0]
    assert check_steps(problem, problem.steps) == (True,) * len(problem.steps)
    stranger = replace(problem, question=replace(problem.question, family="gsm8k"))
    assert check_steps(stranger, problem.steps) == (None,) * len(problem.steps)


def test_splits_have_their_shares() -> None:
    counts = dict.fromkeys(get_args(Split), 0)
    for number in range(20_000):
        counts[split_of(f"What is {number}?")] += 1
    assert abs(counts["test"] / 20_000 - 0.10) < 0.01
    assert abs(counts["dev"] / 20_000 - 0.05) < 0.01
    assert abs(counts["train"] / 20_000 - 0.85) < 0.01


def test_case_spacing_and_numbering_do_not_move_a_question() -> None:
    for problem in draw(SHELL_GAME, count=30):
        text = problem.question.text
        renumbered = re.sub(r"(\d+)\)", lambda m: f"{int(m.group(1)) + 3})", text)
        assert renumbered != text
        assert split_of(text) == split_of(text.upper()) == split_of(f"  {text}\n") == split_of(renumbered)


def test_a_small_family_says_how_many_questions_it_has() -> None:
    tiny = Family("tiny", (1, 1), (2, 2), lambda rng, n: Drawn(f"Say {rng.randrange(40)}.", "1", ("1",), ("1",)))
    problems = generate(tiny, "train", 100)
    with pytest.raises(DataError, match=r"only about \d+ different train questions"):
        list(problems)
    every = {f"Say {number}." for number in range(40)}
    for split in SPLITS:
        mine = {text for text in every if split_of(text) == split}
        assert {p.question.text for p in generate(tiny, split, len(mine))} == mine


def test_a_length_that_runs_out_leaves_the_rotation() -> None:
    def build(rng: random.Random, length: int) -> Drawn:
        return Drawn(f"Say {'x' * length} {rng.randrange(10**length)}.", "1", ("1",), ("1",))

    lengths = [p.length for p in generate(Family("grows", (1, 3), (4, 4), build), "train", 300)]
    assert lengths[:6] == [1, 2, 3, 1, 2, 3]
    assert lengths.count(1) <= 10 and lengths.count(2) > 70 and lengths.count(3) > 200


def test_problems_are_drawn_lazily_and_bad_requests_are_refused_at_once() -> None:
    assert next(generate(ADDITION, "train", 10**9)).split == "train"
    with pytest.raises(BadSetting, match="1 to 3"):
        generate(ADDITION, "train", 5, lengths=(1, 3))
    with pytest.raises(BadSetting, match="no lengths 9 to 5"):
        generate(ADDITION, "train", 5, lengths=(9, 5))
    with pytest.raises(BadSetting, match="-1"):
        generate(ADDITION, "train", -1)
    with pytest.raises(BadSetting, match="'validation'"):
        generate(ADDITION, "validation", 1)  # type: ignore[arg-type]


# One family at a time ----------------------------------------------------------------------------------------


def test_names() -> None:
    assert len(names()) >= 200 and len(set(names())) == len(names())
    assert all(re.fullmatch(r"[A-Z][a-z]{2,8}", name) for name in names())
    assert len({name[-1] for name in names()}) >= 20
    for problem in draw(COIN_FLIP) + draw(LAST_LETTERS):
        people = problem.meta.get("people") or problem.meta["names"]
        assert len(set(people)) == problem.length


def test_coin_flip_is_balanced() -> None:
    golds = [p.gold for p in draw(COIN_FLIP, "train", 2000)]
    assert 0.45 < golds.count("yes") / 2000 < 0.55
    assert draw(COIN_FLIP, count=1)[0].question.kind is AnswerKind.YES_NO


def test_shell_game_cannot_be_won_by_a_fixed_cup_or_by_the_start() -> None:
    problems = draw(SHELL_GAME, "train", 5000)
    for cup in "12345":
        assert 0.17 < sum(p.gold == cup for p in problems) / 5000 < 0.23
    assert sum(p.gold == str(p.meta["start"]) for p in problems) / 5000 < 0.28
    assert sum(int(p.gold or 0) in p.meta["swaps"][-1] for p in problems) / 5000 < 0.55


def test_item_numbers_of_long_lists_are_met_in_short_ones() -> None:
    for one in (SHELL_GAME, CHAIN_ARITHMETIC):
        short = {int(n) for p in draw(one, "train", 1500) for n in re.findall(r"(\d+)\)", p.question.text)}
        assert short >= set(range(1, 21 + one.in_length[1] - 1))


def test_a_right_answer_can_follow_a_wrong_step_in_chain_arithmetic() -> None:
    problem = next(p for p in draw(CHAIN_ARITHMETIC, "train", 400) if max(p.meta["forgetting"], default=0) > 0)
    place = max(problem.meta["forgetting"])
    modulus, values = problem.meta["modulus"], problem.meta["values"]
    slip = modulus // problem.meta["collapse"][place]
    wrong = f"{(values[place - 1] + slip) % modulus}"
    lines = list(problem.drafts)
    lines[place - 1] = f"so {wrong}"
    verdicts = check_steps(problem, lines)
    assert verdicts[place - 1] is False
    assert all(v is True for i, v in enumerate(verdicts) if i != place - 1)
    sign, operand = problem.meta["operations"][place]
    assert sign == "*" and int(wrong) * operand % modulus == values[place]


def test_forgetting_steps_are_exactly_those_that_map_two_values_to_one() -> None:
    for problem in draw(CHAIN_ARITHMETIC, "train", 300):
        modulus = problem.meta["modulus"]
        for place, (sign, operand) in enumerate(problem.meta["operations"]):
            images = {{"+": v + operand, "-": v - operand, "*": v * operand}[sign] % modulus for v in range(modulus)}
            assert (len(images) < modulus) is (place in problem.meta["forgetting"])
            assert modulus // len(images) == problem.meta["collapse"][place]
    found = [bool(p.meta["forgetting"]) for p in draw(CHAIN_ARITHMETIC, "train", 600)]
    assert 0.3 < sum(found) / 600 < 0.8


def test_a_sum_and_its_twin_never_both_occur() -> None:
    pairs = [(p.meta["a"], p.meta["b"]) for p in draw(ADDITION, "train", 2000)]
    assert not {(b, a) for a, b in pairs if a != b} & set(pairs)
    assert 0.35 < sum(a > b for a, b in pairs) / 2000 < 0.65


def test_addition_check_reads_the_carry() -> None:
    problem = next(p for p in draw(ADDITION, count=60) if "carry 1" in p.steps[0])
    lines = (problem.steps[0].replace("carry 1", "carry 0"), *problem.steps[1:])
    assert check_steps(problem, lines) == (False, *(True,) * (len(lines) - 1))


def test_dates_cross_leap_days_and_new_years() -> None:
    problems = both(DATES, 300)
    chains = "\n".join(line for p in problems for line in p.steps)
    assert "-29=" in chains and "-28=" in chains and "+29=" in chains and "+28=" in chains
    assert any(p.gold and p.gold[:4] != p.meta["start"][:4] for p in problems)


def test_dates_steps_join_up() -> None:
    """Every line's date arithmetic is true: the end of a hop is where the next one starts."""
    for problem in both(DATES):
        at = problem.meta["start"]
        for line in problem.steps:
            head = re.match(r"\d+\) \d+ \w+ \w+: (\S+),", line)
            if head:
                assert head.group(1) == at
            a, sign, b, total = re.search(r"(-?\d+)([-+])(\d+)=(-?\d+)", line).groups()
            assert int(a) + int(sign + b) == int(total)
            at = line.rpartition(", ")[2]
        assert at == problem.gold
