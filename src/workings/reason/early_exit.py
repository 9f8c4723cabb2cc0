"""Early exit by probing: thinking stops once the answers it would give no longer change."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from workings.core.answer import NO_ANSWER, Answer
from workings.core.ask import Flow, Sampling, sample_affordable
from workings.core.capability import Capability
from workings.core.completion import Completion, Stop
from workings.core.errors import BadSetting
from workings.core.problem import Question
from workings.core.prompt import Prompt
from workings.core.solution import Choice, Solution
from workings.core.trace import Trace
from workings.reason.cot import first_of, style_notes
from workings.reason.manner import Manner, check_settings, read_reply
from workings.reason.prompts import answer_cue, write_prompt
from workings.reason.written import Written
from workings.stats.stopping import steady
from workings.verify.confidence import hedged
from workings.verify.select import ballot
from workings.verify.steps import split_steps

__all__ = ["EarlyExit"]


@dataclass(frozen=True, slots=True)
class EarlyExit:
    """One chain that is asked every `every` tokens what it would answer now, and stops when it has made up its mind.

    A probe closes the thinking (with the tag that fits, where one is open), adds the style's cue and reads at most
    `probe_tokens` tokens, greedily; then it is thrown away, kept in the pool as a probe and charged as one. Thinking
    stops when the last `agree` probes give the same answer, none of them hedges, and the probability of each is at
    least `confidence` (0: it does not matter). The last probe's answer is then the answer. A chain that ends by itself
    answers itself; one that reaches `max_tokens` answers through a last probe.

    A probe costs tokens, and the prompt and the chain are read again where the server keeps no prefixes: `every` must
    be large beside `probe_tokens`. A probe that repeats itself can mean that the model has guessed early and sticks to
    it.

    Source: Fu et al. 2024 (Dynasor), whose published code also exits on answers that differ, and takes "know" for "no".
    """

    every: int = 64
    agree: int = 3
    confidence: float = 0.0
    probe_tokens: int = 16
    style: str = "cot"
    shots: int = 0
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    max_tokens: int = 1024
    order: int = 0
    language: str = "auto"

    def __post_init__(self) -> None:
        check_settings(shots=self.shots)
        for name in ("every", "agree", "probe_tokens"):
            if getattr(self, name) < 1:
                raise BadSetting(f"{name}={getattr(self, name)} is too small.", f"Use {name}=1 or more.")
        if not 0 <= self.confidence <= 1:
            raise BadSetting(f"confidence={self.confidence} is no probability.", "Use a number from 0 to 1.")
        self.sampling  # noqa: B018

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.max_tokens, self.top_k, self.top_p)

    @property
    def manner(self) -> Manner:
        return Manner(self.style, self.shots, order=self.order, language=self.language)

    @property
    def needs(self) -> frozenset[Capability]:
        more = {Capability.LOGPROBS} if self.confidence > 0 else set()
        return frozenset({Capability.LEAD, Capability.STOP}) | more

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, question: Question) -> Flow[Solution]:
        prompt = write_prompt(question, self.style, shots=self.shots, order=self.order, language=self.language)
        chain, probes = Written(prompt), list[Trace]()
        cut = False
        while True:
            piece = min(self.every, self.max_tokens - chain.generated)
            ask = chain.ask(replace(self.sampling, max_tokens=piece))
            replies, ended = yield from sample_affordable(ask.prompt, 1, ask.sampling, path=ask.path, start=ask.start)
            for reply in replies:
                chain.add(reply)
            if ended or chain.stop is not Stop.LENGTH:
                return self._own(question, chain, probes, ended)
            cut = chain.generated >= self.max_tokens
            probe, ended = yield from self._probe(question, chain, len(probes))
            if probe is not None:
                probes.append(probe)
            if ended:
                return self._own(question, chain, probes, ended)
            if cut or self._certain(probes):
                return self._exit(question, chain, probes, cut)

    def _probe(self, question: Question, chain: Written, number: int) -> Flow[tuple[Trace | None, str]]:
        """What the chain would answer now, as a trace that branches from it."""
        tag = chain.tag
        cue = answer_cue(question, self.style, self.language)
        shown = chain.text + (f"{tag}\n{cue}" if tag else cue)
        forked = Prompt(chain.prompt.messages, shown)
        greedy = Sampling(0.0, self.probe_tokens, stop=("\n\n",))
        replies, ended = yield from sample_affordable(forked, 1, greedy, path=f"probe/{number}", role="probe")
        if not replies:
            return None, ended
        return _read(question, chain, forked, replies[0]), ended

    def _certain(self, probes: list[Trace]) -> bool:
        recent = probes[-self.agree :]
        if not steady([ballot(probe.answer) for probe in probes], self.agree):
            return False
        if self.confidence and any((_chance(probe) or 0.0) < self.confidence for probe in recent):
            return False
        return not any(_hedges(probe) for probe in recent)

    def _own(self, question: Question, chain: Written, probes: list[Trace], ended: str) -> Solution:
        """The chain as it ended by itself, or where the budget left it."""
        if not chain.pieces:
            return Solution(partial=ended or "no sample came back")
        trace = chain.trace(question)
        notes = {"probes": len(probes), "exited": False, **style_notes(self.style, (trace,))}
        found = first_of((trace,), ended, "the only chain", notes)
        return replace(found, pool=(trace, *probes))

    def _exit(self, question: Question, chain: Written, probes: list[Trace], cut: bool) -> Solution:
        """The chain with the last probe's answer behind it."""
        last = probes[-1]
        stop = Stop.LENGTH if cut else Stop.CANCELLED
        trace = replace(chain.trace(question, last.answer, stop=stop), text=last.text, steps=last.steps, token_ids=None)
        name = ballot(last.answer)
        choice = Choice("the last probe", {} if name is None else {name: 1.0}, 0, int(name is None))
        chances = [_chance(probe) for probe in probes[-self.agree :]]
        known = [chance for chance in chances if chance is not None]
        sure = math.fsum(known) / len(known) if len(known) == len(chances) else None
        notes = {"probes": len(probes), "exited": not cut, **style_notes(self.style, (trace,))}
        return Solution(last.answer, sure, (trace, *probes), choice, notes=notes)


def _read(question: Question, chain: Written, forked: Prompt, reply: Completion) -> Trace:
    answer: Answer = read_reply(question, forked.lead, reply.text, NO_ANSWER)
    text = forked.lead + reply.text
    return Trace.of(forked, reply, answer, split_steps(text), role="probe", parent=0, branch_at=len(chain.text))


def _hedges(probe: Trace) -> bool:
    """Whether what a probe says beside its answer takes it back."""
    lead = "" if probe.prompt is None else probe.prompt.lead
    said, span = probe.text, probe.answer.span
    if span is None:
        return hedged(said[len(lead) :])
    return hedged(said[len(lead) : span[0]]) or hedged(said[span[1] :])


def _chance(probe: Trace) -> float | None:
    return None if probe.mean_logprob is None else math.exp(min(probe.mean_logprob, 0.0))
