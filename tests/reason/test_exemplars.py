"""Every exemplar is checked: its sums, dates, swaps and claims, its drafts, and the answer a reader finds in it."""

from __future__ import annotations

import ast
import calendar
import datetime
import json
import operator
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from importlib import resources
from pathlib import Path

import pytest

from workings.core.errors import DataError, UnknownName
from workings.core.problem import AnswerKind
from workings.graders.arithmetic import check_equations
from workings.problems.benchmarks import BENCHMARKS, load
from workings.problems.procedural import check_steps, families, family, generate, split_of
from workings.reason.make_exemplars import COUNT, FAMILIES, exemplar_files, main, pick
from workings.reason.prompts import Exemplar, exemplars, style_names, written_chain
from workings.verify.draft import count_words
from workings.verify.extract import extract

NUMBER, CHOICE, YES_NO, TEXT = AnswerKind.NUMBER, AnswerKind.CHOICE, AnswerKind.YES_NO, AnswerKind.TEXT
BBH = {
    "bbh/date_understanding": (CHOICE, 4),
    "bbh/sports_understanding": (YES_NO, 4),
    "bbh/object_counting": (NUMBER, 4),
    "bbh/multistep_arithmetic_two": (NUMBER, 4),
    "bbh/tracking_shuffled_objects_five_objects": (CHOICE, 3),
    "bbh/web_of_lies": (YES_NO, 4),
}
HAND = {"arithmetic": (NUMBER, 8), "aqua": (CHOICE, 4), "strategyqa": (YES_NO, 6), "commonsenseqa": (CHOICE, 7)}
MADE = {name: (next(generate(family(name), "train", 1)).question.kind, COUNT) for name in FAMILIES}
SETS = [
    *((name, "en", *facts) for name, facts in {**HAND, **BBH, **MADE}.items()),
    *((name, "zh", *facts) for name, facts in HAND.items()),
]
ALL = [(name, language, kind, one) for name, language, kind, _ in SETS for one in exemplars(name, language)]
NAMED = [f"{name}-{language}-{one.question[:24]}" for name, language, _, one in ALL]
_CANONICAL = {"是": "yes", "否": "no"}
_DATE = re.compile(r"\d{2}/\d{2}/\d{4}")
_HOP = re.compile(r"(\d{2}/\d{2}/\d{4}) ([+-]) (\d{1,3}) (day|week|month|year)s? = (\d{2}/\d{2}/\d{4})")
_OPS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


def of(name: str) -> tuple[Exemplar, ...]:
    return exemplars(name, "en")


# What is there


@pytest.mark.parametrize(("name", "language", "kind", "count"), SETS, ids=[f"{n}-{x}" for n, x, *_ in SETS])
def test_counts_and_variety(name: str, language: str, kind: AnswerKind, count: int) -> None:
    found = exemplars(name, language)
    assert len(found) == count
    assert len({" ".join(one.question.lower().split()) for one in found}) == count
    answers = Counter(one.answer for one in found)
    if kind is YES_NO:
        assert set(answers.values()) == {count // 2}
        assert len({one.answer for one in found[:2]}) == 2, "the first two should not lean one way"
    else:
        assert max(answers.values()) <= 2
        assert len(answers) >= min(count, 5) - 1


def test_every_file_belongs_to_a_set() -> None:
    folder = resources.files("workings.reason").joinpath("exemplars")
    there = {file.name for file in folder.iterdir()}
    assert there == {f"{name.replace('/', '-')}.{language}.json" for name, language, *_ in SETS} | {"shared.json"}


@pytest.mark.parametrize("name", [*families(), *BENCHMARKS, *BBH])
def test_every_family_and_benchmark_has_exemplars_in_english(name: str) -> None:
    assert len(of(name)) >= 3


@pytest.mark.parametrize("name", sorted({*BENCHMARKS} - {"gsm8k", "svamp", "asdiv", "mawps"}))
def test_english_and_chinese_have_as_many(name: str) -> None:
    assert len(exemplars(name, "zh")) == len(exemplars(name, "en"))


def test_shared_sets_are_the_same_object() -> None:
    for name in ("gsm8k", "svamp", "asdiv", "mawps"):
        assert exemplars(name, "en") == exemplars("arithmetic", "en")
        assert exemplars(name, "zh") == exemplars("arithmetic", "zh")
    assert of("word-problems-new") == of("word-problems")


def test_a_task_without_exemplars_is_told_what_there_is() -> None:
    with pytest.raises(UnknownName) as caught:
        exemplars("bbh/snarks", "en")
    said = str(caught.value)
    assert "'bbh/snarks'" in said and "shots=0" in said
    assert all(name in said for name in (*families(), *BENCHMARKS, *BBH))


@pytest.mark.parametrize("name", ["", "shared", "../styles", "../../../pyproject"])
def test_names_that_are_no_family(name: str) -> None:
    with pytest.raises(UnknownName, match="no exemplars"):
        exemplars(name, "en")


def test_a_language_without_exemplars_lists_only_its_own() -> None:
    with pytest.raises(UnknownName) as caught:
        exemplars("coin-flip", "zh")
    assert "gsm8k" in str(caught.value) and "web_of_lies" not in str(caught.value)


# What each says


@pytest.mark.parametrize(("name", "language", "kind", "one"), ALL, ids=NAMED)
def test_form(name: str, language: str, kind: AnswerKind, one: Exemplar) -> None:
    assert one.steps and len(one.steps) == len(one.drafts)
    for text in (*one.steps, *one.drafts):
        assert text == text.strip() and text and "\n" not in text
    for draft in one.drafts:
        assert len(draft.split()) <= 5 and count_words(draft) <= 5
    if kind is CHOICE:
        assert len(set(one.choices)) == len(one.choices) >= 5 and one.answer in "ABCDEF"[: len(one.choices)]
    else:
        assert one.choices == ()
    if kind is YES_NO:
        assert one.answer in (("yes", "no") if language == "en" else ("是", "否"))
    assert (language == "zh") == bool(re.search(r"[\u4e00-\u9fff]", one.question))


@pytest.mark.parametrize("written", style_names())
@pytest.mark.parametrize(("name", "language", "kind", "one"), ALL, ids=NAMED)
def test_the_answer_is_read_from_the_written_chain(
    name: str, language: str, kind: AnswerKind, one: Exemplar, written: str
) -> None:
    found = extract(written_chain(written, one, language), kind, one.choices)
    assert found.raw == one.answer
    canonical = found.canonical if kind is TEXT else _CANONICAL.get(one.answer, one.answer)
    assert found.canonical == canonical and found.given


# Sums


@pytest.mark.parametrize(("name", "language", "kind", "one"), ALL, ids=NAMED)
def test_every_equation_holds(name: str, language: str, kind: AnswerKind, one: Exemplar) -> None:
    read = nested if name == "bbh/multistep_arithmetic_two" else check_equations
    for line in (*one.steps, *one.drafts):
        assert _DATE.search(line) or all(read(line))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["arithmetic", "aqua"])
def test_each_step_is_an_equation_and_the_last_gives_the_answer(name: str, language: str) -> None:
    for one in exemplars(name, language):
        for lines in (one.steps, one.drafts):
            assert all(len(check_equations(line)) == 1 for line in lines), lines
            wanted = one.choices["ABCDE".index(one.answer)] if one.choices else one.answer
            assert results(lines[-1])[-1] == results(f"= {wanted}")[-1]
        if one.choices:
            values = [results(f"= {choice}")[-1] for choice in one.choices]
            assert values.count(results(one.steps[-1])[-1]) == 1
            assert one.answer in one.steps[-1] and one.answer in one.drafts[-1]


def results(line: str) -> list[Fraction]:
    return [Fraction(found) for found in re.findall(r"= ?(-?\d+(?:\.\d+)?)", line)]


SAID = {"half": 2, "third": 3, "Two": 2, "Four": 4, "Together": 2, "%": 100}
SAID |= {"一半": 2, "三分之一": 3, "两": 2, "一共": 2}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_steps_use_what_the_question_says_or_an_earlier_result(language: str) -> None:
    for one in exemplars("arithmetic", language):
        known = {float(n) for n in re.findall(r"\d+(?:\.\d+)?", one.question)}
        known |= {float(n) for word, n in SAID.items() if word in one.question}
        for step in one.steps:
            left, _, right = step.rpartition("=")
            used = {float(n) for n in re.findall(r"\d+(?:\.\d+)?", left)}
            assert used <= known, (step, used - known)
            known |= {float(n) for n in re.findall(r"\d+(?:\.\d+)?", right)}


@pytest.mark.parametrize("one", of("bbh/object_counting"), ids=lambda one: one.answer)
def test_counting(one: Exemplar) -> None:
    said = {"a": 1, "two": 2, "three": 3, "four": 4, "five": 5}
    counts = {thing: int(many) for many, thing in re.findall(r"(\d+) (\w+)", one.steps[0])}
    asked = {thing: said[word] for word, thing in re.findall(r"\b(a|two|three|four|five) (\w+)", one.question)}
    assert all(asked[thing] == many for thing, many in counts.items()) and counts
    assert sum(counts.values()) == int(one.answer) == results(one.steps[-1])[-1] == results(one.drafts[-1])[-1]


def value(text: str) -> Fraction:
    def walk(node: ast.expr) -> Fraction:
        if isinstance(node, ast.BinOp):
            return _OPS[type(node.op)](walk(node.left), walk(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -walk(node.operand)
        assert isinstance(node, ast.Constant) and isinstance(node.value, int)
        return Fraction(node.value)

    return walk(ast.parse(text.strip(), mode="eval").body)


def nested(line: str) -> tuple[bool, ...]:
    """Whether all that stands between equals signs is equal, signed factors included."""
    parts = line.rpartition(":")[2].rstrip(".").split("=")
    return (len(parts) >= 2 and len({value(part) for part in parts}) == 1,)


@pytest.mark.parametrize("one", of("bbh/multistep_arithmetic_two"), ids=lambda one: one.answer)
def test_nested_sums(one: Exemplar) -> None:
    assert one.question.endswith(" =")
    assert value(one.question.removesuffix("=")) == int(one.answer)
    for step, draft in zip(one.steps, one.drafts, strict=True):
        assert nested(step) == (True,) == nested(draft)
        assert results(step)[-1] == results(draft)[-1]
    first, second = (part.partition(":")[2].split("=")[0].strip() for part in one.steps[:2])
    assert one.question.startswith(f"(({first}) ") and one.question.endswith(f" ({second})) =")
    assert results(one.steps[-1])[-1] == int(one.answer)


# Dates


def moved(date: datetime.date, sign: str, number: int, unit: str) -> datetime.date:
    number = -number if sign == "-" else number
    if unit in ("day", "week"):
        return date + datetime.timedelta(days=number * (7 if unit == "week" else 1))
    month = date.month - 1 + number * (12 if unit == "year" else 1)
    year, month = date.year + month // 12, month % 12 + 1
    return datetime.date(year, month, min(date.day, calendar.monthrange(year, month)[1]))


def read_date(text: str) -> datetime.date:
    month, day, year = map(int, text.split("/"))
    return datetime.date(year, month, day)


def date_faults(steps: Iterable[str]) -> list[str]:
    """Steps that are no hop from a date to a date, whose hop is false, or that start where the last did not end."""
    faults, before = [], ""
    for step in steps:
        hop = _HOP.search(step)
        if hop is None or len(_DATE.findall(step)) != 2:
            faults.append(step)
            continue
        start, sign, number, unit, end = hop.groups()
        try:
            right = moved(read_date(start), sign, int(number), unit) == read_date(end)
        except ValueError:
            right = False
        if not right or before not in ("", start):
            faults.append(step)
        before = end
    return faults


@pytest.mark.parametrize("one", of("bbh/date_understanding"), ids=lambda one: one.answer)
def test_dates(one: Exemplar) -> None:
    assert date_faults(one.steps) == []
    for step, draft in zip(one.steps, one.drafts, strict=True):
        assert _DATE.findall(draft) == _DATE.findall(step)[-1:]
    assert _DATE.findall(one.steps[-1])[-1] == one.choices["ABCDEF".index(one.answer)]
    start = _DATE.findall(one.steps[0])[0]
    assert start in one.question or (start == "02/29/2004" and "last day of its February" in one.question)


def test_a_wrong_year_on_the_way_is_caught_though_the_answer_is_right() -> None:
    # Published with Chain of Draft: a date exemplar of its own passes through a wrong year and still ends rightly.
    right = ("It is 11/03/1997 + 10 years = 11/03/2007.", "A day later it is 11/03/2007 + 1 day = 11/04/2007.")
    wrong = ("It is 11/03/1997 + 10 years = 11/03/2017.", "A day later it is 11/03/2007 + 1 day = 11/04/2007.")
    assert date_faults(right) == []
    assert date_faults(wrong) == list(wrong)
    chains = [written_chain("cot", Exemplar("", steps, (), "B"), "en") for steps in (right, wrong)]
    assert [extract(chain, CHOICE, ("x", "y")).canonical for chain in chains] == ["B", "B"]


@pytest.mark.parametrize(
    "step",
    [
        "It is 02/29/2004 + 1 day = 02/30/2004.",
        "It is 02/29/2003 + 1 day = 03/01/2003.",
        "It is 01/31/2001 + 1 month = 03/03/2001.",
        "It is 12/31/2001 + 1 day = 01/01/2001.",
        "It is 12/31/2001, so tomorrow is 01/01/2002.",
    ],
)
def test_the_date_check_finds_faults(step: str) -> None:
    assert date_faults([step]) == [step]


# Swaps and lies


@pytest.mark.parametrize("one", of("bbh/tracking_shuffled_objects_five_objects"), ids=lambda one: one.answer)
def test_swaps(one: Exemplar) -> None:
    people = ("Alice", "Bob", "Claire", "Dave", "Eve")
    start, _, rest = one.question.partition("\n")
    noun = one.choices[0].split()[-1]
    held = dict(re.findall(rf"(\w+) (?:holds|flies|drinks from) the (\w+) {noun}", start))
    assert tuple(held) == people and [f"{thing} {noun}" for thing in held.values()] == list(one.choices)
    swaps = re.findall(rf"(\w+) and (\w+) swap {noun}s\.", rest)
    assert len(swaps) == len(one.steps) == 5
    for (a, b), step, draft in zip(swaps, one.steps, one.drafts, strict=True):
        held[a], held[b] = held[b], held[a]
        assert step == f"{a} and {b} swap: {', '.join(f'{who} {held[who]}' for who in people)}."
        assert draft == " ".join(f"{who[0]}:{held[who]}" for who in people)
    asked = re.search(r"At the end, (\w+) (?:holds|flies|drinks from) the$", rest)
    assert asked and one.choices["ABCDE".index(one.answer)] == f"{held[asked[1]]} {noun}"


@pytest.mark.parametrize("one", of("bbh/web_of_lies"), ids=lambda one: one.question[10:30])
def test_lies(one: Exemplar) -> None:
    first, *claims, asked = re.split(r"(?<=\.) ", one.question.removeprefix("Question: "))
    name, _, honest = first.rstrip(".").partition(" ")
    truth = {name: honest == "tells the truth"}
    for claim in claims:
        says = re.fullmatch(r"(\w+) says (\w+) (tells the truth|lies)\.", claim)
        assert says and says[2] in truth
        truth[says[1]] = truth[says[2]] == (says[3] == "tells the truth")
    for (who, true), step, draft in zip(truth.items(), one.steps, one.drafts, strict=True):
        assert step.startswith(who) and step.endswith(f"{who} {'tells the truth' if true else 'lies'}.")
        assert ("which is true" in step) == (true and who != name)
        assert draft == f"{who}: {'truth' if true else 'lies'}"
    assert asked == f"Does {who} tell the truth?" and one.answer == ("yes" if true else "no")


@pytest.mark.parametrize("one", of("bbh/sports_understanding"), ids=lambda one: one.question[38:60])
def test_sports(one: Exemplar) -> None:
    assert re.fullmatch(r'Is the following sentence plausible\? "[^"]+\."', one.question)
    theirs, belongs = (draft.rpartition(": ")[2] for draft in one.drafts[:2])
    assert (theirs == belongs) == (one.answer == "yes") == (one.drafts[2] == "same sport")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_common_sense_names_only_the_chosen_option_at_last(language: str) -> None:
    for one in exemplars("commonsenseqa", language):
        last = one.steps[-1].lower()
        chosen = one.choices["ABCDE".index(one.answer)].lower().removeprefix("it ")
        assert chosen in last
        others = [c.lower() for c in one.choices if c.lower().removeprefix("it ") != chosen]
        assert not any(other in last for other in others)


# Procedural


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return dict(exemplar_files())


@pytest.mark.parametrize("name", FAMILIES)
def test_the_files_are_what_the_families_give(name: str, files: dict[str, str]) -> None:
    folder = resources.files("workings.reason").joinpath("exemplars")
    committed = folder.joinpath(f"{name}.en.json").read_text(encoding="utf-8")
    assert committed == files[f"{name}.en.json"], "Run: python -m workings.reason.make_exemplars"


def test_the_command_writes_the_files(tmp_path: Path, files: dict[str, str]) -> None:
    main([str(tmp_path)])
    assert {file.name: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()} == files
    assert len(files) == len(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_families_call_every_step_right(name: str) -> None:
    known = {p.question.text: p for p in generate(family(name), "train", 300)}
    low, high = family(name).in_length
    for one in of(name):
        assert split_of(one.question) == "train"
        problem = known[one.question]
        assert problem.length is not None and low <= problem.length <= high
        for lines in (one.steps, one.drafts):
            assert False not in check_steps(problem, lines)


def test_picking_balances_and_runs_out() -> None:
    coins = pick(generate(family("coin-flip"), "train", 100), 6)
    assert [Counter(p.gold for p in coins[:n])["yes"] for n in (2, 4, 6)] == [1, 2, 3]
    words = pick(generate(family("word-problems"), "train", 100), 6)
    assert len({p.cluster for p in words}) == 6
    with pytest.raises(DataError, match="of 6 exemplars"):
        pick(generate(family("coin-flip"), "train", 5), 6)


# Not theirs


def _questions() -> Iterator[str]:
    folder = Path(os.environ.get("WORKINGS_DATA") or Path(__file__).parents[3] / "shared" / "data")
    for name, benchmark in BENCHMARKS.items():
        for split, files in benchmark.files.items():
            for file in files:
                if (folder / name / file).is_file():
                    yield from (p.question.text for p in load(name, path=folder / name / file, split=split))
    for task in sorted((folder / "bbh").glob("*.json")):
        yield from (p.question.text for p in load(f"bbh/{task.stem}", path=task))
    for prompt in sorted((folder / "bbh").glob("*.cot-prompt.txt")):
        yield from prompt.read_text(encoding="utf-8").splitlines()


def plain(text: str) -> str:
    return " ".join(re.findall(r"[\w+*-]+", text.lower()))


FORMS = (
    "alice bob claire dave and eve",
    "is the following sentence plausible",
    "in mm dd yyyy",
    "the date a month ago in mm",
    "one year ago from today",
    "one week from today",
    "tells the truth",
    "the truth does",
)
"""What a task's own form makes our questions share with it."""


def test_no_question_comes_from_a_benchmark() -> None:
    theirs = {plain(text) for text in _questions()}
    if not theirs:
        pytest.skip("no benchmark files: set WORKINGS_DATA to the folder that holds them")
    ours = {plain(one.question) for *_, one in ALL}
    assert len(ours) > 80 and not ours & theirs
    runs = {run for text in ours for run in _runs(text)}
    copied = {run for text in theirs for run in _runs(text) if run in runs}
    assert [run for run in sorted(copied) if not any(form in run for form in FORMS)] == []


def _runs(text: str, size: int = 10) -> Iterator[str]:
    words = text.split()
    for at in range(len(words) - size + 1):
        yield " ".join(words[at : at + size])


def test_the_files_are_plain_rows() -> None:
    folder = resources.files("workings.reason").joinpath("exemplars")
    for file in folder.iterdir():
        if file.name != "shared.json":
            for row in json.loads(file.read_text(encoding="utf-8")):
                assert set(row) - {"choices"} == {"question", "steps", "drafts", "answer"}
