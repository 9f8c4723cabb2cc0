"""`workings ask`: one question, the reasoning as it comes, then answer, confidence and cost."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

from workings.catalog.models import HOW_TO_NAME
from workings.catalog.spec import build
from workings.catalog.world import open_world
from workings.core.budget import Budget
from workings.core.display import printable, with_thinking
from workings.core.errors import DataError, UsageError
from workings.core.problem import AnswerKind, Question
from workings.core.solution import Solution
from workings.core.wire import pack
from workings.problems.procedural import families, generate
from workings.problems.recognise import recognise
from workings.run.drive import World, make_ready, solve
from workings.run.ports import Watch

__all__ = ["ask"]

_YES_NO = re.compile(r"^(is|are|was|were|do|does|did|can|could|will|would|has|have|should)\b", re.I)
_NUMBER = re.compile(r"how (many|much|old|far|long|tall|fast)|\d\s*[-+*/×÷^]\s*\d|多少|几", re.I)


def ask(given: argparse.Namespace) -> int:
    """Answers the question; exit code 6 when the budget ended first."""
    question = _question(given)
    if _pocket(given) and not question.family:
        print(_out_of_family(question), file=sys.stderr)
    method = build("methods", given.method)
    world = open_world(given.model, cache=Path(".workings") if given.cache else None)
    solution = asyncio.run(_solve(given, method, question, world))
    if given.json:
        print(json.dumps(_told(question, given, solution), ensure_ascii=False, indent=1))
    else:
        _show(solution)
    return 6 if solution.partial else 0


async def _solve(given: argparse.Namespace, method: Any, question: Question, world: World) -> Solution:
    async with world:
        await make_ready(world, {given.method: method})
        budget = Budget(tokens=given.budget)
        seen: list[int] = []
        watch = None if given.json else _print_first(seen)
        solution = await solve(method, question, world, seed=given.seed, budget=budget, watch=watch)
        if watch is not None and not seen and solution.pool:
            watch(0, with_thinking(solution.pool[0].thinking, solution.pool[0].text))
        return solution


def _question(given: argparse.Namespace) -> Question:
    text = _text(given)
    if not text:
        raise UsageError("The question is empty.", 'Write it in quotes, or "-" to read standard input.')
    chinese = bool(re.search(r"[\u4e00-\u9fff]", text))
    family = recognise(text) or "" if _pocket(given) and not given.choices else ""
    kind = AnswerKind(given.kind) if given.kind else _guess(text, given.choices, family)
    return Question("asked", text, kind, tuple(given.choices), family, "zh" if chinese else "en")


def _text(given: argparse.Namespace) -> str:
    try:
        text: str = (sys.stdin.read() if given.question == "-" else given.question).strip()
        "\n".join((text, *given.choices)).encode()
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        what = error.object[error.start : error.end]
        raise DataError(f"The question is not text in UTF-8: it holds {what!r}.", "Convert it to UTF-8.") from error
    return text


def _pocket(given: argparse.Namespace) -> bool:
    return bool(given.model.partition(",")[0] == "pocket")


def _guess(text: str, choices: list[str], family: str) -> AnswerKind:
    if choices:
        return AnswerKind.CHOICE
    if family:
        return next(generate(families()[family], "train", 1)).question.kind
    if _NUMBER.search(text):
        return AnswerKind.NUMBER
    if _YES_NO.match(text) or text.endswith(("吗？", "吗?")):
        return AnswerKind.YES_NO
    return AnswerKind.TEXT


def _out_of_family(question: Question) -> str:
    return (
        f"workings: {question.text[:60]!r} is none of the pocket model's kinds of question ({', '.join(families())}), "
        f"so expect no sense. {HOW_TO_NAME}"
    )


def _print_first(seen: list[int]) -> Watch:
    """Prints the first sample as it comes; `seen` gets an entry for each piece."""

    def show(number: int, piece: str) -> None:
        if number == 0:
            seen.append(len(piece))
            print(printable(piece), end="", flush=True)

    return show


def _show(solution: Solution) -> None:
    if solution.pool and not solution.pool[0].text.endswith("\n"):
        print()
    choice = solution.choice
    if choice is not None and len(solution.pool) > 1:
        print(f"\n{len(solution.pool)} chains, {choice.rule}:" + (" (tie)" if choice.tied else ""))
        for answer, weight in list(choice.weights.items())[:8]:
            print(f"  {weight:8.3g}  {printable(answer, 200, lines=False)}")
        if choice.abstained:
            print(f"  {choice.abstained:8d}  gave no answer")
    shown = solution.answer.canonical or (
        f"unreadable: {solution.answer.raw!r}" if solution.answer.raw else "none found"
    )
    sure = "unknown" if solution.confidence is None else f"{solution.confidence:.2f}"
    spent = solution.spent
    print(f"\nanswer      {printable(shown, 2000)}\nconfidence  {sure} (not calibrated)")
    print(f"cost        {spent.generated} tokens generated, {spent.prompt + spent.cached} read, {spent.calls} samples")
    if solution.partial:
        print(f"partial     {solution.partial}")


def _told(question: Question, given: argparse.Namespace, solution: Solution) -> dict[str, Any]:
    return {
        "question": pack(question),
        "method": given.method,
        "model": given.model,
        "answer": solution.answer.canonical,
        "solution": pack(solution),
    }
