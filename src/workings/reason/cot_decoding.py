"""Chain of thought without prompting: the likeliest first tokens are each continued, and the surest answer wins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from workings.core.answer import NO_ANSWER
from workings.core.ask import Flow, Sample, Sampling, sample_affordable, sample_together
from workings.core.capability import Capability
from workings.core.completion import Completion, Stop
from workings.core.errors import BadSetting, MissingCapability
from workings.core.problem import Question
from workings.core.prompt import Prompt
from workings.core.solution import Solution
from workings.core.trace import Trace
from workings.reason.manner import Manner, check_settings
from workings.reason.prompts import write_prompt
from workings.reason.vote import seed_of
from workings.reason.written import Written
from workings.verify.confidence import margin
from workings.verify.select import agreement, ballot, best, vote

__all__ = ["CotDecoding"]


@dataclass(frozen=True, slots=True)
class CotDecoding:
    """The answer whose tokens lead their runners-up the most, over the `n` likeliest first tokens continued greedily.

    A branch's margin is the mean, over the tokens that write its answer and no others, of the probability of the
    likeliest token minus that of the next; a forced first token counts as 0, a branch without an answer abstains. "sum"
    adds margins over equal answers, "max" takes the single largest. One token is probed for the first tokens; then all
    branches are written in one batch. Nothing is random.

    The notes hold the plain vote over the same branches (`vote`, with its share and whether it was `vote_tied`): for
    tuned models it explains most of what this method gains. The paper's prompt asks for no chain ("direct" in style);
    the default here does.

    Source: Wang and Zhou 2024, sections 2.2 and 3.
    """

    n: int = 10
    pick: Literal["sum", "max"] = "sum"
    style: str = "cot"
    shots: int = 0
    max_tokens: int = 1024
    order: int = 0
    language: str = "auto"

    def __post_init__(self) -> None:
        check_settings(n=self.n, shots=self.shots)
        if self.n > 100:
            raise BadSetting(f"n={self.n} first tokens are more than a model tells.", "Use n=100 or fewer.")
        if self.pick not in ("sum", "max"):
            raise BadSetting(f"pick={self.pick!r} is not known.", "Use pick=sum or pick=max.")
        Sampling(0.0, self.max_tokens)

    @property
    def manner(self) -> Manner:
        return Manner(self.style, self.shots, order=self.order, language=self.language)

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset({Capability.LEAD, Capability.LOGPROBS, Capability.TOP})

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, question: Question) -> Flow[Solution]:
        prompt = write_prompt(question, self.style, shots=self.shots, order=self.order, language=self.language)
        look = Sampling(0.0, 1, top=self.n)
        firsts, ended = yield from sample_affordable(prompt, 1, look, path="first", role="probe")
        if ended or not firsts:
            return Solution(partial=ended or "no sample came back")
        branches, ended = yield from self._branch(prompt, _first_tokens(firsts[0], self.n))
        if not branches:
            return Solution(partial=ended or "no sample came back")
        return self._choose(question, branches, ended)

    def _branch(self, prompt: Prompt, tokens: tuple[int, ...]) -> Flow[tuple[list[Written], str]]:
        """A chain for each first token: the token, then its greedy continuation."""
        force = [Sampling(0.0, 1, top=2, allowed=(token,)) for token in tokens]
        asks = tuple(Sample(prompt, 1, how, "branch", number) for number, how in enumerate(force))
        replies, ended = yield from sample_together(asks)
        branches = [Written(prompt, number) for number in range(len(tokens))]
        for branch, part in zip(branches, replies, strict=False):
            for completion in part:
                branch.add(completion)
        branches = [branch for branch in branches if branch.pieces]
        open_ = [branch for branch in branches if branch.stop is Stop.LENGTH and self.max_tokens > 1]
        if ended or not open_:
            return branches, ended
        rest = Sampling(0.0, self.max_tokens - 1, top=2)
        replies, ended = yield from sample_together(tuple(branch.ask(rest) for branch in open_))
        for branch, part in zip(open_, replies, strict=False):
            for completion in part:
                branch.add(completion)
        return branches, ended

    def _choose(self, question: Question, branches: list[Written], ended: str) -> Solution:
        traces = tuple(_scored(branch, question) for branch in branches)
        answers = [trace.answer for trace in traces]
        margins = [trace.scores["margin"][0] for trace in traces]
        seed = seed_of(question)
        plain = vote(answers, None, seed)
        pick = vote if self.pick == "sum" else best
        choice = replace(pick(answers, margins, seed), rule=f"{self.pick} of answer margins")
        baseline = None if plain.chosen is None else ballot(answers[plain.chosen])
        notes = {"vote": baseline, "vote_share": agreement(plain, abstentions=True), "vote_tied": plain.tied}
        if choice.chosen is None or not choice.weights:
            only = answers[0] if len(answers) == 1 else NO_ANSWER
            return Solution(only, 0.0, traces, replace(choice, chosen=None), partial=ended, notes=notes)
        sure = agreement(choice) if self.pick == "sum" else margins[choice.chosen]
        return Solution(answers[choice.chosen], sure, traces, choice, partial=ended, notes=notes)


def _first_tokens(completion: Completion, n: int) -> tuple[int, ...]:
    """The ids of the `n` likeliest first tokens; fewer where the model has fewer."""
    if not completion.top:
        raise MissingCapability("This model did not tell its likeliest first tokens.", "Use a local model, or vote.")
    return tuple(token for token, _ in completion.top[0][:n])


def _scored(branch: Written, question: Question) -> Trace:
    trace = branch.trace(question, role="branch")
    if branch.top is None or branch.tokens is None:
        raise MissingCapability(
            "This model returned a chain without its tokens and their alternatives.", "Use a local model, or vote."
        )
    span = trace.answer.span
    sure = 0.0
    if span is not None and ballot(trace.answer) is not None:
        start = len(branch.text) - sum(map(len, branch.tokens))
        sure = margin(branch.tokens, branch.top, span, start=start, forced=1)
    return replace(trace, scores={"margin": (sure,)})
