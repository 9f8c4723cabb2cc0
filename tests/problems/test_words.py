from __future__ import annotations

import ast
import json
import random
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workings.core.errors import BadSetting, DataError, UnknownName
from workings.core.problem import Problem
from workings.core.wire import pack
from workings.problems import words
from workings.problems.procedural import check_steps, generate, split_of
from workings.problems.words import FAMILY, FAMILY_NEW, instance, judge_steps, template_named, templates, vary
from workings.problems.words.expression import Unreadable, evaluate, parse
from workings.problems.words.slots import Noun, Person, fill, holes, word_list
from workings.problems.words.steps import equation_in
from workings.problems.words.template import _read as read_template

IDS = sorted(templates())
INSTANCES = 200
EQUATION = re.compile(r"(\d+) ([-+×÷]) (\d+) = (\d+)")


def worked(left: int, sign: str, right: int) -> Fraction:
    """Arithmetic written apart from the engine's."""
    if sign == "×":
        return Fraction(sum(left for _ in range(right)))
    return {"+": Fraction(left + right), "-": Fraction(left - right), "÷": Fraction(left, right or 1)}[sign]


def test_there_are_enough_templates() -> None:
    counts = Counter((len(t.steps), t.held_out) for t in templates().values())
    inside = sum(n for (length, _), n in counts.items() if length in (2, 3, 4))
    outside = sum(n for (length, _), n in counts.items() if length in (5, 6))
    held = sum(counts[length, True] for length in (2, 3, 4))
    assert len(IDS) >= 36 and inside >= 24 and outside >= 6
    assert 0.15 <= held / inside <= 0.25
    assert all(counts[length, held_out] for length, held_out in product((2, 3, 4, 5, 6), (True, False)))


@pytest.mark.parametrize("name", IDS)
def test_every_template_builds_right_instances(name: str) -> None:
    made_of = template_named(name)
    texts = set()
    for seed in range(INSTANCES):
        one = instance(name, seed)
        texts.add(one.text)
        known = {*map(Fraction, one.numbers.values()), *map(Fraction, made_of.constants)}
        for line, draft in zip(one.steps, one.drafts, strict=True):
            found = EQUATION.findall(line)
            assert len(found) == 1, line
            left, sign, right, result = int(found[0][0]), found[0][1], int(found[0][2]), int(found[0][3])
            assert worked(left, sign, right) == result, line
            assert {Fraction(left), Fraction(right)} <= known, line
            assert draft == f"{left}{sign}{right}={result}" and len(draft.split()) <= 5
            known.add(Fraction(result))
        assert one.gold == EQUATION.findall(one.steps[-1])[0][3] == str(result)
        assert len(one.steps) == len(made_of.steps)
        shown = {int(n) for n in re.findall(r"\d+", one.text)}
        assert set(one.numbers.values()) <= shown <= {*one.numbers.values(), *made_of.constants}
    assert len(texts) > INSTANCES * 0.9


@pytest.mark.parametrize("name", IDS)
def test_the_english_is_clean(name: str) -> None:
    people = {p.name: p.he for p in word_list()["person"] if isinstance(p, Person)}
    for seed in range(INSTANCES // 4):
        one = vary(instance(name, seed), irrelevant=seed)
        for text in (one.text, *one.steps):
            assert not re.search(r"[{}|]|\s{2}|\s[.,?]|[.,?]{2}|^\s|\s$", text), text
            assert text[0].isupper() or text[0].isdigit(), text
            assert not re.search(r"\b1 [a-z]+s\b", text), text
            assert not re.search(r"\ba [aeiou]", text), text
            assert not re.search(r"\ban (?!hour\b)[^aeiou]", text), text
        assert one.text.endswith("?") and all(line.endswith(".") for line in one.steps)
        sentences = re.split(r"(?<=[.?]) ", one.text)
        assert all(s[0].isupper() or s[0].isdigit() for s in sentences), one.text
        first = next((w for w in re.findall(r"[A-Z][a-z]+", one.text) if w in people), None)
        if first and sum(isinstance(word, Person) for word in one.names.values()) == 1:
            other = {"he": {"she", "her"}, "she": {"he", "his", "him"}}[people[first]]
            assert not other & set(re.findall(r"[a-z]+", one.text.lower())), one.text


def test_questions_and_numbers_stay_small() -> None:
    problems = [*generate(FAMILY, "train", 300), *generate(FAMILY, "test", 30, lengths=(5, 6))]
    lengths = [len(p.question.text.split()) for p in problems]
    assert sum(lengths) / len(lengths) < 32 and max(lengths) <= 45
    for p in problems:
        for left, sign, right, result in (EQUATION.findall(line)[0] for line in p.steps):
            assert int(result) <= 200 and int(left) <= 200
            if sign == "×":
                assert min(int(left), int(right)) <= 12 and max(int(left), int(right)) <= 60
            if sign == "÷":
                assert int(right) <= 12


@pytest.mark.parametrize("name", IDS)
def test_each_part_varies_alone(name: str) -> None:
    for seed in range(20):
        base = instance(name, seed)
        named = vary(base, names=seed)
        assert all(named.names[slot] not in base.names.values() for slot in base.names)
        assert (named.numbers, named.drafts, named.gold, named.nouns) == (
            base.numbers,
            base.drafts,
            base.gold,
            base.nouns,
        )
        assert re.findall(r"\d+", named.text) == re.findall(r"\d+", base.text) and named.text != base.text
        numbered = vary(base, numbers=seed)
        assert numbered.numbers != base.numbers
        assert (numbered.names, numbered.nouns) == (base.names, base.nouns)
        assert re.sub(r"\d+", "#", numbered.text) == re.sub(r"\d+", "#", base.text)
        clauses = (vary(base, irrelevant=seed, clause=kind) for kind in ("related", "unrelated", "plain"))
        for kind, more in zip(("related", "unrelated", "plain"), clauses, strict=True):
            assert (more.gold, more.steps, more.drafts) == (base.gold, base.steps, base.drafts)
            assert more.text.replace(f"{more.clause} ", "", 1) == base.text and more.clause
            assert more.text.split(more.clause)[1].count("?") == 1
            assert (more.clause_number is None) == (kind == "plain")
            if more.clause_number is not None:
                assert str(more.clause_number) in more.clause
                assert more.clause_number not in {*more.values.values(), *template_named(name).constants}
            assert more.variation == {"irrelevant": seed, "clause": kind}


@pytest.mark.parametrize("name", IDS)
def test_variations_compose_and_repeat(name: str) -> None:
    base = instance(name, 3)
    assert base == instance(name, 3) and base != instance(name, 4)
    all_at_once = vary(base, names=1, numbers=2, irrelevant=5)
    assert all_at_once == vary(base, names=1, numbers=2, irrelevant=5)
    noisy = vary(base, irrelevant=5)
    again = vary(noisy, numbers=2)
    assert again.clause == noisy.clause and again.clause_number not in again.values.values()
    assert vary(vary(noisy, names=1), irrelevant=5).clause_number == noisy.clause_number
    assert vary(base) == base
    assert json.loads(json.dumps(pack(all_at_once.problem())))["meta"]["template"] == name


def test_seeds_of_one_part_do_not_move_another() -> None:
    base = instance("boxes-eaten", 0)
    assert len({tuple(vary(base, names=s).numbers.items()) for s in range(30)}) == 1
    assert len({tuple(vary(base, numbers=s).names.items()) for s in range(30)}) == 1
    assert len({vary(base, names=s).text for s in range(30)}) > 15
    assert len({vary(base, numbers=s).gold for s in range(30)}) > 15
    assert len({vary(base, irrelevant=s).clause for s in range(30)}) > 15


def test_splits_do_not_overlap_and_held_out_templates_stay_out() -> None:
    drawn = {split: list(generate(FAMILY, split, 60, seed=1)) for split in ("train", "dev", "test")}
    texts = {split: {p.question.text for p in problems} for split, problems in drawn.items()}
    assert not texts["train"] & texts["test"] and not texts["train"] & texts["dev"] and not texts["dev"] & texts["test"]
    for problems in drawn.values():
        assert not any(p.meta["held_out"] for p in problems)
        assert {p.length for p in problems} == {2, 3, 4} == {len(p.steps) for p in problems}
    longer = list(generate(FAMILY, "test", 20, lengths=(5, 6)))
    assert not any(p.meta["held_out"] or p.meta["in_length"] for p in longer)
    new = [*generate(FAMILY_NEW, "test", 30), *generate(FAMILY_NEW, "test", 20, lengths=(5, 6))]
    assert all(p.meta["held_out"] for p in new)
    trained = {p.cluster for p in [*drawn["train"], *longer]}
    assert not trained & {p.cluster for p in new} and {p.question.family for p in new} == {"word-problems-new"}
    assert trained <= {t.id for t in templates().values() if not t.held_out}


def test_an_instance_becomes_a_problem_of_its_own_split() -> None:
    one = instance("eggs-in-boxes", 7).problem()
    assert one.split == split_of(one.question.text) and one.cluster == "eggs-in-boxes"
    assert one.question.family == "word-problems-new" and one.id.endswith(one.digest)
    assert "gold" not in pack(one.question) and len(one.steps) == one.length == 2


def some_problem() -> Problem:
    """A story whose numbers are known: 4 boxes of 6, 5 eaten."""
    return next(
        p
        for p in generate(FAMILY, "train", 500)
        if p.cluster == "boxes-eaten" and len({*p.meta["slots"].values()}) == 5
    )


def test_steps_are_judged() -> None:
    problem = some_problem()
    assert FAMILY.check is not None
    assert FAMILY.check(problem, problem.steps) == FAMILY.check(problem, problem.drafts) == (True, True)
    assert check_steps(problem, problem.steps) == (True, True)
    a, b, c = (problem.meta["slots"][slot] for slot in "abc")
    lines = (
        f"Rolls bought: {b} × {a} = {a * b}.",
        f"Rolls bought: {a} × {b} = {a * b + 1}.",
        f"{a * b + 1} - {c} = {a * b + 1 - c}",
        f"{a} + 997 = {a + 997}",
        "Now I think.",
        f"{a} + {b} = {a + b}",
        f"{a} ÷ 0 = 3",
    )
    verdicts = judge_steps(problem, lines)
    assert [v.right for v in verdicts] == [True, False, True, False, None, True, False]
    assert [v.certain for v in verdicts] == [True, True, False, True, False, False, True]
    assert "997" in verdicts[3].why


@pytest.mark.parametrize("name", IDS)
def test_gold_steps_are_right_and_broken_ones_wrong(name: str) -> None:
    rng = random.Random(name)
    for seed in range(10):
        one = vary(instance(name, seed), irrelevant=seed)
        problem = one.problem()
        assert all(v.right and v.certain for v in judge_steps(problem, problem.steps))
        assert all(v.right for v in judge_steps(problem, problem.drafts))
        at = rng.randrange(len(one.steps))
        broken = [*one.steps]
        broken[at] = re.sub(r"= (\d+)", lambda m: f"= {int(m[1]) + 1}", broken[at])
        assert words.check(problem, broken)[at] is False
        used = one.clause_number
        assert used is not None
        value = next(iter(one.numbers.values()))
        assert words.check(problem, [f"{value} + {used} = {value + used}"]) == (False,)


def test_a_foreign_problem_is_refused() -> None:
    foreign = replace(some_problem(), meta={})
    with pytest.raises(DataError, match="not made from a template"):
        words.check(foreign, ["1 + 1 = 2"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1. 4 × 6 = 24.", 24),
        ("2) 4*6=24", 24),
        ("- 3 + 4 = 7", 7),
        ("**3+4=7**", 7),
        ("3 * 4 = 12 * 2 = 24", 24),
        ("1,200 + 3 = 1,203", 1203),
        ("5 − 8 = −3", -3),
        ("(3 + 4) ÷ 2 = 3.5 each", Fraction(7, 2)),
        ("$3 × 4 = $12", 12),
        ("3 + 4 = 7 - 1", None),
        ("x = 3", None),
        ("= 4", None),
        ("3 + 4 =", None),
        ("3 + 4 = seven", None),
        ("4 boxes × 6 = 24", None),
        ("3 + 4 = 9999999999999999999999", None),
        ("(" * 400 + "1+1" + ")" * 400 + " = 2", None),
        ("7 = 7", None),
        ("", None),
    ],
)
def test_equations_in_lines(line: str, expected: int | Fraction | None) -> None:
    found = equation_in(line)
    assert (found and found[1]) == expected


@given(st.text(alphabet="0123456789+-*/×÷=()., ab$−–\n", max_size=3_000))
def test_any_line_is_read_without_a_crash(line: str) -> None:
    problem = instance("boxes-eaten", 0).problem()
    assert words.check(problem, [line])[0] in (True, False, None)


expressions = st.recursive(
    st.integers(0, 50).map(str),
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "//", "%", "<", "=="]), inner),
    max_leaves=12,
)


def reference(node: ast.expr) -> int:
    """Python's own parse of the same text, worked out by hand."""
    if isinstance(node, ast.Constant):
        assert isinstance(node.value, int)
        return node.value
    if isinstance(node, ast.Compare):
        left, right = reference(node.left), reference(node.comparators[0])
        return int(left < right if isinstance(node.ops[0], ast.Lt) else left == right)
    assert isinstance(node, ast.BinOp)
    left, right = reference(node.left), reference(node.right)
    by_kind: Mapping[type, str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//", ast.Mod: "%"}
    match by_kind[type(node.op)]:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "//":
            return left // right
    return left % right


@given(expressions)
def test_expressions_agree_with_pythons_grammar(text: str) -> None:
    if len(text) > 200:
        return
    try:
        expected = reference(ast.parse(text, mode="eval").body)
    except ZeroDivisionError:
        with pytest.raises(Unreadable):
            evaluate(parse(text), {})
        return
    assert evaluate(parse(text), {}) == expected


def test_expressions_know_precedence_and_refuse_the_rest() -> None:
    assert evaluate(parse("2 + 3 * a - 8 / 4"), {"a": 5}) == 15
    assert evaluate(parse("10 - 3 - 2"), {}) == 5
    assert evaluate(parse("(a + b) * 2 % n == 0"), {"a": 1, "b": 2, "n": 3}) == 1
    assert evaluate(parse("7 / 2"), {}) == Fraction(7, 2)
    for bad in ("", "2 +", "(2", "2 3", "a.b", "f(2)", "2 ** ", "__import__('os')", "1" * 13, "1 + " * 80 + "1", "é"):
        with pytest.raises(Unreadable):
            parse(bad)
    with pytest.raises(Unreadable, match="Nothing"):
        evaluate(parse("a"), {})


def test_holes_inflect() -> None:
    filled = {"n": 1, "m": 3, "item": Noun("orange", "oranges"), "p": Person("Ruth", "she")}
    text = "{p} has {n|item}, {m|item}, {item.a} and {n|day|days}. {p.He} likes {p.his} {item.one}; "
    text += "{item.Many} like {p.him}."
    assert fill(holes(text), filled) == (
        "Ruth has 1 orange, 3 oranges, an orange and 1 day. She likes her orange; Oranges like her."
    )
    for bad in ("{q}", "{p.it}", "{item.two}", "{n|p}"):
        with pytest.raises(DataError):
            fill(holes(bad), filled)


GOOD = {
    "id": "sample",
    "story": "{p} has {a} {item} and finds {b}.",
    "ask": "How many in all?",
    "slots": {"p": "person", "item": "fruit", "a": "2..9", "b": "2..9"},
    "steps": ["Total: {total = a + b}."],
    "irrelevant": ["{p} is {k} years old."],
    "proof": {"a": 2, "b": 3, "answer": 5},
}


@pytest.mark.parametrize(
    "change",
    [
        {"proof": {"a": 2, "b": 3, "answer": 6}},
        {"proof": {"a": 2, "answer": 5}},
        {"steps": ["Total: {total = a + c}."]},
        {"steps": ["Total: {total = a + a}."]},
        {"steps": ["Total: {total = a + b + b}."]},
        {"steps": ["Total: {x = a * b}.", "Total: {total = a + b}."]},
        {"steps": ["Total: a + b"]},
        {"steps": ["Total: {a = a + b}."]},
        {"story": "{p} has {a} {item} and finds {b} {thing}."},
        {"story": "{p} has {a} {item}."},
        {"slots": {"p": "person", "item": "fruits", "a": "2..9", "b": "2..9"}},
        {"slots": {"p": "person", "item": "fruit", "a": "9..2", "b": "2..9"}},
        {"slots": {"p": "person", "item": "fruit", "a": "2..9", "b": "= a * 2"}},
        {"slots": {**dict.fromkeys("pqrstuv", "town"), "item": "fruit", "a": "2..9", "b": "2..9"}},
        {"conditions": ["a > b"]},
        {"conditions": ["a >"]},
        {"conditions": ["a > z"]},
        {"ask": None},
    ],
)
def test_a_wrong_template_is_named_when_it_is_loaded(change: dict[str, object]) -> None:
    assert read_template(GOOD).answer == "total"
    entry = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(DataError, match="sample"):
        read_template(entry)


def test_unknown_names_and_settings_are_refused() -> None:
    with pytest.raises(UnknownName, match="boxes-eaten"):
        instance("boxes-eatn", 0)
    with pytest.raises(BadSetting, match="related"):
        vary(instance("boxes-eaten", 0), irrelevant=1, clause="rude")  # type: ignore[arg-type]
