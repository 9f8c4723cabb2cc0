"""Chains that are known word for word, for tests of how methods choose among them."""

from __future__ import annotations

import asyncio
import math

from workings.core.completion import Completion, Stop, Usage
from workings.run.drive import World, solve
from workings.testing import Counted, item_model, item_problems

QUESTION = item_problems(1)[0].question


class Recorded(Counted):
    """Answers with fixed (text, log-probability) pairs, in order of sample numbers."""

    def __init__(self, *lines):
        super().__init__(item_model())
        self.lines = lines

    async def sample(self, ask, seeds, watch=None):
        found = []
        for number in range(ask.start, ask.start + ask.n):
            text, logprob = self.lines[number % len(self.lines)]
            found.append(Completion(text, Stop.END, logprobs=(logprob,) * 2, usage=Usage(generated=2, calls=1)))
        return tuple(found)


def solved(method, *lines, graders=None):
    return asyncio.run(solve(method, QUESTION, World(Recorded(*lines), graders or {})))


def says(answer, probability=1.0):
    return (f"The answer is {answer}.", math.log(probability))
