"""Step labels by roll-outs: from each beginning of a chain the model goes on several times, and right ends are counted.

What is estimated is the value of a beginning to this model, not whether its last line is true: a model that mends its
mistakes makes wrong lines look right, and one that cannot finish makes right lines look wrong. `benchmarks/labels.py`
measures both against gold labels.

Source: Wang et al. 2024 (Math-Shepherd: roll-outs, hard and soft labels); Luo et al. 2024 (OmegaPRM: the binary
search). Of the latter its tree and its choice of which roll-out to search next are left out.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workings.core.answer import Outcome
from workings.core.ask import Sample, Sampling
from workings.core.completion import Usage
from workings.core.errors import BadSetting
from workings.core.problem import Problem
from workings.reason.prompts import write_prompt
from workings.run.judging import decide
from workings.run.ports import Model
from workings.run.seeds import derive
from workings.stats.posterior import Posterior, beta_posterior
from workings.train.gold import is_answer_line
from workings.verify.extract import extract

__all__ = ["Found", "RollOuts", "StepValue", "consensus", "first_error_by_halves", "step_values"]


@dataclass(frozen=True, slots=True)
class RollOuts:
    """`n` continuations of each beginning, drawn at `temperature`, each of at most `max_tokens` tokens.

    A continuation that is cut there is not right. `seed` fixes their random numbers together with the problem, the
    beginning and each one's number, so n=16 begins with those of n=8.
    """

    n: int = 8
    temperature: float = 0.7
    max_tokens: int = 512
    style: str = "cot"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n < 1:
            raise BadSetting(f"n={self.n} rolls nothing out.", "Use at least 1.")


@dataclass(frozen=True, slots=True)
class StepValue:
    """How the roll-outs from behind a step ended. `known` when there was nothing to roll out: the answer is given."""

    ends: tuple[bool, ...]
    known: bool = False

    @property
    def hard(self) -> bool:
        """Whether any was right. With a success rate v this is so with probability 1 - (1 - v)^n: it leans to yes."""
        return any(self.ends)

    @property
    def soft(self) -> float:
        """The share that was right."""
        return sum(self.ends) / len(self.ends)

    def posterior(self, level: float = 0.95) -> Posterior:
        """What the roll-outs allow to believe of the success rate, from a uniform prior."""
        return beta_posterior(sum(self.ends), len(self.ends), level=level)

    def first(self, n: int) -> StepValue:
        """The same with the first `n` roll-outs alone."""
        if not 1 <= n <= len(self.ends):
            raise BadSetting(f"n={n} of {len(self.ends)} roll-outs.", "Ask for fewer.")
        return replace(self, ends=self.ends[:n])


@dataclass(frozen=True, slots=True)
class Found:
    """The first wrong step by roll-outs, -1 when there is none, and what finding it took.

    `values` has an entry for each step that was looked at. `overturned` counts steps from which nothing had come right
    until they were checked again: the chain's values do not only fall, or n is too small. `spent` is what the model
    charged.
    """

    first_error: int
    values: dict[int, StepValue]
    roll_outs: int
    overturned: int = 0
    spent: Usage = Usage()


async def _roll(
    model: Model, problem: Problem, steps: Sequence[str], how: RollOuts, start: int = 0
) -> tuple[StepValue, Usage]:
    lead = "".join(f"{step}\n" for step in steps)
    question = problem.question
    if steps and is_answer_line(steps[-1]):
        told = await decide(extract(lead, question.kind, question.choices), problem)
        return StepValue((told is Outcome.RIGHT,) * how.n, True), Usage()
    digest = hashlib.blake2b(lead.encode(errors="surrogatepass"), digest_size=8).hexdigest()
    seeds = tuple(derive(how.seed, problem.id, digest, start + i) for i in range(how.n))
    prompt = write_prompt(question, how.style)
    prompt = replace(prompt, lead=prompt.lead + lead)
    ask = Sample(prompt, how.n, Sampling(how.temperature, how.max_tokens), path=f"roll-out/{digest}", start=start)
    drawn = await model.sample(ask, seeds)
    ends = []
    for one in drawn:
        answer = extract(prompt.lead + one.text, question.kind, question.choices)
        ends.append(one.stop.finished and await decide(answer, problem) is Outcome.RIGHT)
    return StepValue(tuple(ends)), sum((one.usage for one in drawn), Usage())


async def step_values(model: Model, problem: Problem, steps: Sequence[str], how: RollOuts = RollOuts()) -> Found:
    """The value of every step, the plain way: `how.n` roll-outs behind each, all asked at once.

    The first error is the first step from which none ended right (a hard label of 0). `overturned` counts steps behind
    it from which one did: there the hard labels do not only fall. A line that declares the answer is not rolled out.
    """
    if not steps:
        raise BadSetting("A chain without steps has none to label.", "Leave it out.")
    found = await asyncio.gather(*(_roll(model, problem, steps[: i + 1], how) for i in range(len(steps))))
    values = {i: value for i, (value, _) in enumerate(found)}
    first = next((i for i, value in values.items() if not value.hard), -1)
    risen = 0 if first < 0 else sum(value.hard for i, value in values.items() if i > first)
    rolled = sum(len(value.ends) for value in values.values() if not value.known)
    return Found(first, values, rolled, risen, sum((usage for _, usage in found), Usage()))


async def first_error_by_halves(
    model: Model, problem: Problem, steps: Sequence[str], how: RollOuts = RollOuts()
) -> Found:
    """The first error of a chain that ended wrong, by halving: about log2(steps) beginnings are rolled out, not all.

    It assumes that no beginning succeeds behind one that cannot. The step found is therefore rolled out again, `how.n`
    times more: when one of those ends right it is counted in `overturned`, and the search goes on behind it. The first
    error of a chain whose answer is right is -1, without any roll-out. The question itself is taken to be solvable.

    Raises BadSetting for a chain without steps. A chain that never declared an answer counts as wrong.
    """
    if not steps:
        raise BadSetting("A chain without steps has none to label.", "Leave it out.")
    question = problem.question
    answer = extract("\n".join(steps), question.kind, question.choices)
    if await decide(answer, problem) is Outcome.RIGHT:
        return Found(-1, {}, 0)
    values: dict[int, StepValue] = {}
    spent, rolled, overturned = Usage(), 0, 0
    checked: set[int] = {len(steps) - 1}
    good, dead = -1, [len(steps) - 1]
    while True:
        while dead[-1] - good > 1:
            middle = (good + dead[-1]) // 2
            value, usage = await _roll(model, problem, steps[: middle + 1], how)
            values[middle], spent, rolled = value, spent + usage, rolled + (0 if value.known else how.n)
            if value.hard:
                good = middle
            else:
                dead.append(middle)
        at = dead[-1]
        if at in checked or values[at].known:
            return Found(at, values, rolled, overturned, spent)
        again, usage = await _roll(model, problem, steps[: at + 1], how, start=how.n)
        values[at] = StepValue(values[at].ends + again.ends)
        spent, rolled = spent + usage, rolled + how.n
        checked.add(at)
        if again.hard:
            overturned += 1
            good = dead.pop()


def consensus(one: Sequence[int | None], other: Sequence[int | None]) -> tuple[bool, ...]:
    """Which chains to keep: those whose first error two annotators name alike (Zhang et al. 2025).

    None, where one could not tell, agrees with nothing. What is kept is cleaner and not a fair sample: chains that are
    hard to label go first.

    >>> consensus((2, -1, None), (2, 0, None))
    (True, False, False)
    """
    if len(one) != len(other):
        raise BadSetting(f"{len(one)} chains against {len(other)}.", "Give both annotators the same chains.")
    return tuple(a is not None and a == b for a, b in zip(one, other, strict=True))
