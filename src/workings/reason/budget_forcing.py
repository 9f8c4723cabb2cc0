"""Budget forcing: a chain thinks for at least so many tokens and at most so many."""

from __future__ import annotations

from dataclasses import dataclass

from workings.core.answer import Answer
from workings.core.ask import Flow, Sampling, sample_together
from workings.core.capability import Capability
from workings.core.completion import Stop
from workings.core.errors import BadSetting
from workings.core.problem import Question
from workings.core.solution import Solution
from workings.reason.cot import first_of, style_notes
from workings.reason.manner import Manner, check_settings, read_reply
from workings.reason.prompts import answer_cue, write_prompt
from workings.reason.written import Written
from workings.verify.extract import extract

__all__ = ["BudgetForcing"]

_WORDS = {"en": "Wait", "zh": "等等"}


@dataclass(frozen=True, slots=True)
class BudgetForcing:
    """One chain whose thinking has at least `min_tokens` tokens and at most `max_tokens`, then the answer.

    When it ends its thinking early, the end is left out, `word` ("Wait" by default, in Chinese 等等) put in its place
    and the chain goes on with the tokens that are left, at most `waits` times. When it reaches `max_tokens`, its
    thinking is closed, the style's cue for the answer follows, and the answer has `answer_tokens` of its own: so a
    chain that was cut still answers. A chain that ends within the limits is left as it is.

    Thinking is what stands before the tag `close`, for models that write one (the tag that fits an opening tag in the
    text is used where there is one); for others it is the whole chain, and waiting means going on behind its end. Text
    that was put in is not charged as generated. The notes say how many tokens it thought (`thought`), how often it was
    made to go on (`waited`), and whether the end was `forced`. A model that was not trained to use "Wait" often repeats
    itself, and longer thinking is not better thinking: look at the accuracy at several limits.

    Source: Muennighoff et al. 2025 (s1), section 3.1. Their published harness can reach a negative allowance, and
    leaves a chain that was cut without an answer.
    """

    min_tokens: int = 0
    max_tokens: int = 1024
    waits: int = 2
    answer_tokens: int = 128
    word: str = ""
    close: str = "</think>"
    style: str = "cot"
    shots: int = 0
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    order: int = 0
    language: str = "auto"

    def __post_init__(self) -> None:
        check_settings(shots=self.shots)
        if not 0 <= self.min_tokens <= self.max_tokens:
            raise BadSetting(
                f"min_tokens={self.min_tokens} does not fit max_tokens={self.max_tokens}.",
                "Use a minimum from 0 to the maximum.",
            )
        if self.waits < 0:
            raise BadSetting(f"waits={self.waits} is negative.", "Use waits=0 to never go on.")
        if not self.close:
            raise BadSetting("close= is empty.", "Name the tag that ends thinking, such as </think>.")
        Sampling(self.temperature, self.answer_tokens)
        self.sampling  # noqa: B018

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.max_tokens, self.top_k, self.top_p)

    @property
    def manner(self) -> Manner:
        return Manner(self.style, self.shots, order=self.order, language=self.language)

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset({Capability.LEAD, Capability.STOP})

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, question: Question) -> Flow[Solution]:
        prompt = write_prompt(question, self.style, shots=self.shots, order=self.order, language=self.language)
        chain = Written(prompt)
        waited, ended = yield from self._think(question, chain)
        if not chain.pieces:
            return Solution(partial=ended or "no sample came back")
        thought, answer, forced = chain.generated, None, False
        if not ended and chain.stop is not Stop.REFUSED:
            forced = chain.stop not in (Stop.STRING, Stop.END) or (chain.stop is Stop.END and bool(chain.tag))
            if forced or chain.stop is Stop.STRING:
                answer, ended = yield from self._answer(question, chain, forced)
        notes = {"thought": thought, "waited": waited, "forced": forced}
        trace = chain.trace(question, answer)
        return first_of((trace,), ended, "the only chain", {**notes, **style_notes(self.style, (trace,))})

    def _think(self, question: Question, chain: Written) -> Flow[tuple[int, str]]:
        """Thinks within the limits; how often the chain was made to go on, and why the budget ended, if it did."""
        waited = 0
        while True:
            room = self.max_tokens - chain.generated
            ended = yield from _go_on(
                chain, Sampling(self.temperature, room, self.top_k, self.top_p, stop=(self.close,))
            )
            early = chain.stop in (Stop.STRING, Stop.END) and chain.generated < self.min_tokens
            if ended or not early or waited == self.waits:
                return waited, ended
            language = question.language if self.language == "auto" else self.language
            chain.say(("" if chain.text.endswith("\n") else "\n") + (self.word or _WORDS[language]))
            waited += 1

    def _answer(self, question: Question, chain: Written, forced: bool) -> Flow[tuple[Answer | None, str]]:
        """Closes the thinking and asks for the answer; a forced one is what directly follows the cue."""
        before = extract(chain.text, question.kind, question.choices)
        tag = chain.tag or (self.close if chain.stop is Stop.STRING else "")
        cue = answer_cue(question, self.style, self.language) if forced else ""
        chain.say(f"{tag}\n{cue}" if tag and forced else tag + cue)
        shown = chain.text
        stop = ("\n\n",) if forced else ()
        how = Sampling(self.temperature, self.answer_tokens, self.top_k, self.top_p, stop=stop)
        ended = yield from _go_on(chain, how)
        return (read_reply(question, shown, chain.text[len(shown) :], before) if forced else None), ended


def _go_on(chain: Written, sampling: Sampling) -> Flow[str]:
    """Adds the next piece; why the budget ended, if it did."""
    replies, ended = yield from sample_together((chain.ask(sampling),))
    for part in replies:
        for completion in part:
            chain.add(completion)
    return ended
