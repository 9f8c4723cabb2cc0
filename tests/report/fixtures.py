"""A fabricated run: four methods on problems of two families, with pools, votes and hostile text."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from workings.core.answer import NO_ANSWER, Answer, Outcome, Source
from workings.core.budget import Budget
from workings.core.capability import Identity
from workings.core.completion import Stop, Usage
from workings.core.problem import Problem, Question
from workings.core.prompt import Prompt
from workings.core.record import AttemptRow, RunSpec
from workings.core.solution import Attempt, Choice, Failure, Solution
from workings.core.trace import Step, Trace

METHODS = ("direct", "draft:style=short", "cot", "vote:n=8")
SKILL = {"direct": 0.45, "draft:style=short": 0.85, "cot": 0.9, "vote:n=8": 0.97}
FADE = {"direct": 0.07, "draft:style=short": 0.035, "cot": 0.03, "vote:n=8": 0.02}
COST = {"direct": 4, "draft:style=short": 32, "cot": 96, "vote:n=8": 96}

HOSTILE = (
    '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 2">'
    "<svg onload=window.hacked=3>--><!--<style>*{display:none}</style>\u202e&amp;{{data}}\x00\ud800"
)


@dataclass
class FakeRun:
    """A run held in memory; `fetched` counts whole attempts that were read."""

    spec: RunSpec
    problems_: list[Problem] = field(default_factory=list)
    attempts_: dict[tuple[str, str, int], Attempt] = field(default_factory=dict)
    rows_: list[AttemptRow] = field(default_factory=list)
    fetched: int = 0

    def rows(self) -> Iterable[AttemptRow]:
        return list(self.rows_)

    def problems(self) -> Iterator[Problem]:
        return iter(self.problems_)

    def attempt(self, problem_id: str, method: str, index: int) -> Attempt:
        self.fetched += 1
        return self.attempts_[problem_id, method, index]

    def attempts(self, *, method: str | None = None) -> Iterator[Attempt]:
        return iter([a for a in self.attempts_.values() if method in (None, a.method)])


def spec(methods: tuple[str, ...] = METHODS, count: int = 200, **changes: object) -> RunSpec:
    base = RunSpec(
        id="6f1d0c9a2b7e",
        model="pocket",
        identity=Identity("workings-pocket", "1", "9b1c2d3e4f50617283940a1b2c3d4e5f", "chatml"),
        methods=methods,
        problems="shell-game,chain:split=test",
        count=count,
        seed=7,
        budget=Budget(tokens=1024),
        created="2026-11-22T07:40:00Z",
        version="0.1.0",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def problem(at: int, family: str, length: int) -> Problem:
    if family == "shell-game":
        moves = [f"Swap cups {1 + (at + k) % 5} and {1 + (at + 3 * k + 1) % 5}." for k in range(length)]
        text = f"A ball is under cup {1 + at % 5} of five. {' '.join(moves)} Under which cup is the ball?"
    else:
        text = (
            f"Start at {at % 10}. "
            + " ".join(f"Add {k + 2}." for k in range(length))
            + " What is the result modulo 10?"
        )
    gold = str(at % 10 if family == "chain" else 1 + at % 5)
    steps = tuple(f"After move {k + 1}: {(at + k) % 10}." for k in range(length))
    question = Question(f"{family}-{at:06d}", text, family=family)
    return Problem(question, gold, steps, cluster=f"{family}-{at // 2}", length=length, meta={"in_length": length <= 6})


def trace(rng: random.Random, steps: int, answer: str | None, tokens: int, *, thinking: str = "") -> Trace:
    lines = [
        f"Move {k + 1}: the ball is now at {rng.randrange(10)}, because the swap touches it.\n" for k in range(steps)
    ]
    at, spans = 0, []
    for line in lines:
        spans.append(Step(line.rstrip(), at, at + len(line.rstrip())))
        at += len(line)
    tail = f"The answer is {answer}." if answer is not None else "So the ball must be"
    body = "".join(lines)
    found = (
        Answer(answer, answer, (at + 14, at + 14 + len(answer)), Source.DECLARED) if answer is not None else NO_ANSWER
    )
    logprobs = tuple(-(abs(rng.gauss(0, 0.5)) ** 2) for _ in range(tokens))
    stop = Stop.END if answer is not None else Stop.LENGTH
    usage = Usage(prompt=120, generated=tokens, calls=1)
    prompt = Prompt.user("Q: where is the ball?\nThink step by step.", system="You are careful.")
    return Trace(
        body + tail,
        tuple(spans),
        found,
        stop,
        prompt,
        thinking,
        logprobs=logprobs,
        seed=rng.randrange(2**63),
        usage=usage,
    )


def attempt(rng: random.Random, item: Problem, method: str, index: int = 0) -> tuple[Attempt, AttemptRow]:
    assert item.gold is not None and item.length is not None
    chance = SKILL[method] - FADE[method] * (item.length - 2)
    draw = rng.random()
    outcome = (
        Outcome.RIGHT if draw < chance else Outcome.WRONG if draw < chance + 0.9 * (1 - chance) else Outcome.UNPARSED
    )
    if rng.random() < 0.008:
        outcome = Outcome.ERROR
    wrong = str((int(item.gold) + 1 + rng.randrange(3)) % 10)
    said = {Outcome.RIGHT: item.gold, Outcome.WRONG: wrong}.get(outcome)
    n = 8 if method.startswith("vote") else 1
    steps = 0 if method == "direct" else item.length
    pool = []
    for k in range(n):
        own = said if k == 0 or rng.random() < 0.7 else rng.choice([wrong, item.gold, None])
        tokens = max(2, round(COST[method] * item.length / 6 + rng.gauss(0, 3)))
        pool.append(trace(rng, steps, own, tokens, thinking="Let me see. " * 12 if k == 1 else ""))
    spent = Usage()
    for chain in pool:
        spent = spent + chain.usage
    votes: dict[str, float] = {}
    for chain in pool:
        if chain.answer.canonical is not None:
            votes[chain.answer.canonical] = votes.get(chain.answer.canonical, 0.0) + 1
    abstained = sum(not chain.answer.given for chain in pool)
    choice = Choice("count", dict(sorted(votes.items(), key=lambda v: -v[1])), 0, abstained) if n > 1 else None
    confidence = None
    if outcome is not Outcome.ERROR and n > 1:
        confidence = min(1.0, max(0.0, (votes.get(said or "", 0.0)) / n))
    elif outcome is not Outcome.ERROR and method == "cot":
        confidence = min(1.0, max(0.05, chance + rng.gauss(0, 0.15)))
    failed = outcome is Outcome.ERROR
    answer = pool[0].answer if said is not None else NO_ANSWER
    solution = None if failed else Solution(answer, confidence, tuple(pool), choice, spent)
    failure = Failure("Overloaded", "The server answered 503 four times.", "reason/vote.py:41") if failed else None
    seconds = round(spent.generated * 0.004 + rng.random() * 0.05, 4)
    seed = rng.randrange(2**62)
    whole = Attempt(item.id, method, index, seed, outcome, solution, failure, spent, seconds)
    row = AttemptRow(
        item.id, method, index, outcome, said if not failed else None, item.gold, confidence,
        prompt=spent.prompt, generated=spent.generated, calls=spent.calls, seconds=seconds, family=item.question.family,
        cluster=item.cluster, length=item.length, split=item.split, truncated=pool[0].stop is Stop.LENGTH,
        error="Overloaded" if failed else "",
    )  # fmt: skip
    return whole, row


def make_run(count: int = 200, methods: tuple[str, ...] = METHODS, seed: int = 3) -> FakeRun:
    """A run of `count` problems in two families, lengths 2 to 10, of which those above 6 are out of length."""
    rng = random.Random(seed)
    run = FakeRun(spec(methods, count))
    for at in range(count):
        item = problem(at, "shell-game" if at % 2 else "chain", 2 + 2 * (at // 2 % 5))
        run.problems_.append(item)
        for method in methods:
            whole, row = attempt(rng, item, method)
            run.attempts_[row.problem_id, row.method, row.index] = whole
            run.rows_.append(row)
    return run


def make_hostile_run() -> FakeRun:
    """A run in which every text that a model, a problem or a server can choose is an attack on the page."""
    run = make_run(12)
    run.spec = spec(
        (*METHODS[:3], "vote:n=8"),
        12,
        model=HOSTILE,
        problems=HOSTILE,
        identity=Identity(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
    )
    for key, whole in list(run.attempts_.items()):
        solution = whole.solution
        if solution is not None:
            answer = Answer(HOSTILE, HOSTILE, (0, 3), Source.DECLARED)
            pool = tuple(
                replace(t, text=HOSTILE + t.text, steps=(Step(HOSTILE, 0, len(HOSTILE)),), thinking=HOSTILE,
                        role=HOSTILE, answer=answer, scores={HOSTILE: (0.5, 0.25)})
                for t in solution.pool
            )  # fmt: skip
            choice = Choice(HOSTILE, {HOSTILE: 3.0}, 0)
            solution = replace(
                solution, answer=answer, pool=pool, choice=choice, partial=HOSTILE, notes={HOSTILE: HOSTILE}
            )
        failure = Failure(HOSTILE, HOSTILE, HOSTILE) if whole.failure is not None else None
        run.attempts_[key] = replace(whole, solution=solution, failure=failure)
    run.rows_ = [replace(r, answer=HOSTILE, family=HOSTILE, error=HOSTILE if r.error else "") for r in run.rows_]
    run.problems_ = [
        replace(p, question=replace(p.question, text=HOSTILE, choices=(HOSTILE,), family=HOSTILE), steps=(HOSTILE,))
        for p in run.problems_
    ]
    return run
