"""What an audit costs: early answering with all its controls on 20-step chains, beside the loop of published scripts.

    python benchmarks/audit_cost.py [--model FILE]

The model is the shipped pocket model unless another is named. Each round takes another problem: 20 steps of
chain-arithmetic with its own steps as the chain, so that every model reads the same text. The audit is the default one:
the chain under three cues at 21 cuts, the chain shuffled, a stranger's chain, three neutral tokens; up to eight
candidate answers. The naive loop reads, for each of these cuts and each candidate, the whole prefix again (what the
published scripts do); the loop over cuts does so too, with all candidates of a cut in one batch. Ours and the naive
loop's numbers are compared first. All run on one thread: on a busy machine threads that wait for a core would slow the
loops many times more than us.

Uncertainty beside other libraries is in uncertainty_cost.py.

Keys: `times_naive`, `times_loop_over_cuts`, and `largest_difference` of a log-probability between ours and the loop's.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Iterator
from itertools import count

import torch
from engine import arguments, compare, ratio, say

from workings.audit.case import Case
from workings.audit.early_answering import EarlyAnswering
from workings.catalog.models import pocket_folder
from workings.core.answer import Outcome
from workings.core.ask import Score, Scores
from workings.core.problem import Problem, Question
from workings.core.prompt import Prompt
from workings.core.solution import Choice, Solution
from workings.core.trace import Trace
from workings.models.local import load
from workings.models.local.model import LocalModel
from workings.models.local.render import Text
from workings.models.local.score import Passage, passages
from workings.problems.procedural import family
from workings.reason.cot import Cot
from workings.reason.prompts import write_prompt
from workings.verify.extract import extract
from workings.verify.steps import split_steps

STEPS, STRANGERS = 20, 3


def chain(problem: Problem) -> Trace:
    """The problem's own steps, as if the model had written them."""
    text = "\n".join((*problem.steps, f"The answer is {problem.gold}."))
    return Trace(text, split_steps(text), extract(text, problem.question.kind))


def drawn(rng: random.Random, name: str) -> Problem:
    """A problem longer than the family's own."""
    one = family("chain-arithmetic").build(rng, STEPS)
    return Problem(Question(name, one.text, one.kind, family="chain-arithmetic"), one.gold, one.steps)


def cases() -> Iterator[Case]:
    """One case after the other, each with the chains of the next problems as strangers."""
    for seed in count():
        rng = random.Random(seed)
        first, *others = (drawn(rng, f"{seed}-{number}") for number in range(1 + STRANGERS))
        trace = chain(first)
        solution = Solution(trace.answer, None, (trace,), Choice("the only chain", {}, 0))
        prompt = write_prompt(first.question, "cot")
        prompt = Prompt(prompt.messages, prompt.lead)
        yield Case(first, solution, Outcome.RIGHT, Cot(), prompt, strangers=tuple(map(chain, others)))


def audit(model: LocalModel, case: Case) -> list[tuple[Score, Scores]]:
    """Our audit of one case, and what it asked and was told."""

    async def carry_out() -> list[tuple[Score, Scores]]:
        told: list[tuple[Score, Scores]] = []
        flow = EarlyAnswering()(case)
        ask = next(flow)
        while True:
            assert isinstance(ask, Score)
            reply = await model.score(ask)
            told.append((ask, reply))
            try:
                ask = flow.send(reply)
            except StopIteration:
                return told

    return asyncio.run(carry_out())


def asks_of(case: Case) -> list[Score]:
    """What the audit asks, whatever it is told."""
    flow, asks = EarlyAnswering()(case), []
    ask = next(flow)
    while True:
        assert isinstance(ask, Score)
        asks.append(ask)
        rows = ((-1.0,) * len(ask.candidates),) * len(ask.cuts or (0,))
        try:
            ask = flow.send(Scores(rows))
        except StopIteration:
            return asks


def naive(model: LocalModel, text: Text, case: Case) -> list[list[list[float]]]:
    """Every prefix read again for every cut and every candidate."""
    return [[[one(model, passage) for passage in row] for row in passages(ask, text)] for ask in asks_of(case)]


def one(model: LocalModel, passage: Passage) -> float:
    """The log-probability of a passage's scored tokens, from one forward of all of it."""
    with torch.no_grad():
        keep = len(passage.ids) - passage.start + 1
        logits = model.module(torch.tensor([passage.ids]), use_cache=False, logits_to_keep=keep).logits[0, :-1]
    chosen = torch.tensor(passage.ids[passage.start :])[:, None]
    return float(torch.log_softmax(logits.float(), -1).gather(-1, chosen).double().sum())


def loop(model: LocalModel, text: Text, case: Case) -> None:
    """Every prefix read again for every cut, with all its candidates in one right-padded batch."""
    for ask in asks_of(case):
        for row in passages(ask, text):
            longest = max(len(passage.ids) for passage in row)
            ids = torch.tensor([[*passage.ids, *[0] * (longest - len(passage.ids))] for passage in row])
            keep = longest - min(passage.start for passage in row) + 1
            with torch.no_grad():
                logits = model.module(ids, use_cache=False, logits_to_keep=keep).logits
                torch.log_softmax(logits.float(), -1)


def main() -> None:
    given = arguments(__doc__)
    if os.environ.get("OMP_NUM_THREADS") != "1":
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OMP_NUM_THREADS": "1"})
    model = load(given.model or str(pocket_folder()), dtype="float32")
    text = Text(model.tokenizer)
    found = cases()
    known: list[Case] = [next(found)]

    ours = audit(model, known[0])
    theirs = naive(model, text, known[0])
    gap = max(
        abs(a - b)
        for (_, reply), rows in zip(ours, theirs, strict=True)
        for told, row in zip(reply.logprobs, rows, strict=True)
        for a, b in zip(told, row, strict=True)
    )

    def turn(who: str) -> Case:
        turns[who] += 1
        while len(known) <= turns[who]:
            known.append(next(found))
        return known[turns[who]]

    turns = {"workings": 0, "naive loop": 0, "loop over cuts": 0}
    contestants = {
        "workings": lambda: audit(model, turn("workings")),
        "naive loop": lambda: naive(model, text, turn("naive loop")),
        "loop over cuts": lambda: loop(model, text, turn("loop over cuts")),
    }
    seconds = compare(contestants, 1 if given.quick else given.rounds)
    cuts = sum(len(ask.cuts or (0,)) for ask, _ in ours)
    figures = {
        "times_naive": ratio(seconds, "naive loop", "workings"),
        "times_loop_over_cuts": ratio(seconds, "loop over cuts", "workings"),
        "largest_difference": float(f"{gap:.1e}"),
    }
    say(seconds, cuts, "cuts/s", figures)


if __name__ == "__main__":
    main()
