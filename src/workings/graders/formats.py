"""How verifiers read chains: our own form, and those of the published process verifiers.

A format turns a question and the steps of a chain into token ids and the places where scores are read. All of them
give exactly one place a step, or raise GraderError: a step that holds a format's own mark would be counted twice, and
is refused. None of them cuts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workings.core.errors import GraderError
from workings.core.problem import Question
from workings.reason.prompts import pose
from workings.reason.reading import Reading, read_lines

__all__ = ["FORMATS", "Format", "Reader"]

Reader = Callable[[Any, Question, Sequence[str]], Reading]
SHEPHERD_TAG = "ки"
QWEN_TAG = "<extra_0>"
QWEN_SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."


@dataclass(frozen=True, slots=True)
class Format:
    """`read` gives ids and places; `readout` names what is made of the hidden state there.

    "linear", "value" and "two-class" are heads of their own; "pair" compares the tokens `good` and `bad` as the model's
    next. `per` is "step", or "chain" for a verifier of outcomes, whose one place is the last. `unbounded` scores are
    rewards that mean nothing by themselves.
    """

    read: Reader
    readout: Literal["linear", "value", "two-class", "pair"]
    per: Literal["step", "chain"] = "step"
    unbounded: bool = False
    good: str = "+"
    bad: str = "-"


def _asked(question: Question) -> str:
    return pose(question.text, question.choices)


def _at_marks(ids: Sequence[int], mark: int, steps: Sequence[str], what: str) -> Reading:
    places = tuple(place for place, i in enumerate(ids) if i == mark)
    if len(places) != len(steps):
        raise GraderError(
            f"{len(steps)} steps gave {len(places)} marks {what!r}.", "A step or the question holds the mark itself."
        )
    return Reading(tuple(ids), places)


def read_shepherd(tokenizer: Any, question: Question, steps: Sequence[str]) -> Reading:
    """Math-Shepherd (Wang et al. 2024): "Step 1: … ки" lines behind the question; read at each tag."""
    lines = "\n".join(f"Step {number}: {step} {SHEPHERD_TAG}" for number, step in enumerate(steps, 1))
    ids = tokenizer.encode(f"{_asked(question)} {lines}")
    mark = tokenizer.encode(SHEPHERD_TAG, add_special_tokens=False)[-1]
    return _at_marks(ids, mark, steps, SHEPHERD_TAG)


def read_qwen(tokenizer: Any, question: Question, steps: Sequence[str]) -> Reading:
    """Qwen2.5-Math-PRM (Zhang et al. 2025): one assistant turn, <extra_0> after each step; read at each mark."""
    turns = [
        {"role": "system", "content": QWEN_SYSTEM},
        {"role": "user", "content": _asked(question)},
        {"role": "assistant", "content": "".join(f"{step}{QWEN_TAG}" for step in steps)},
    ]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=False)
    mark = tokenizer.convert_tokens_to_ids(QWEN_TAG)
    if mark is None or mark == tokenizer.unk_token_id:
        raise GraderError(f"This tokenizer has no token {QWEN_TAG!r}.", "Name another format.")
    return _at_marks(tokenizer.encode(text, add_special_tokens=False), mark, steps, QWEN_TAG)


def read_skywork(tokenizer: Any, question: Question, steps: Sequence[str]) -> Reading:
    """Skywork-o1-Open-PRM: start token, question, then each step and a line break; read at each line break."""
    ids = tokenizer.encode(f"{tokenizer.bos_token or ''}{_asked(question)}\n")
    end = tokenizer.encode("\n", add_special_tokens=False)[-1]
    places = []
    for step in steps:
        ids = [*ids, *tokenizer.encode(step, add_special_tokens=False), end]
        places.append(len(ids) - 1)
    return Reading(tuple(ids), tuple(places))


def read_rlhflow(tokenizer: Any, question: Question, steps: Sequence[str]) -> Reading:
    """RLHFlow's PRMs (Dong et al. 2024): a user turn a step, the assistant answers "+"; read where it is predicted."""
    turns: list[dict[str, str]] = []
    places: list[int] = []
    for number, step in enumerate(steps):
        turns.append({"role": "user", "content": f"{_asked(question)} {step}" if number == 0 else step})
        opened = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        places.append(len(tokenizer.encode(opened, add_special_tokens=False)) - 1)
        turns.append({"role": "assistant", "content": "+"})
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=False)
    ids = tokenizer.encode(text, add_special_tokens=False)
    plus = tokenizer.encode("+", add_special_tokens=False)[-1]
    if any(place + 1 >= len(ids) or ids[place + 1] != plus for place in places):
        raise GraderError("The chat template does not put a '+' behind each step.", "Use the tokenizer it came with.")
    return Reading(tuple(ids), tuple(places))


def read_dialogue(tokenizer: Any, question: Question, steps: Sequence[str]) -> Reading:
    """A reward model over a dialogue: the question, the whole chain as the assistant's turn; read at the last token."""
    turns = [{"role": "user", "content": _asked(question)}, {"role": "assistant", "content": "\n".join(steps)}]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=False)
    ids = tokenizer.encode(text, add_special_tokens=False)
    return Reading(tuple(ids), (len(ids) - 1,))


FORMATS: Mapping[str, Format] = {
    "lines": Format(read_lines, "linear"),
    "math-shepherd": Format(read_shepherd, "pair"),
    "qwen-prm": Format(read_qwen, "two-class"),
    "skywork": Format(read_skywork, "value"),
    "rlhflow": Format(read_rlhflow, "pair"),
    "dialogue": Format(read_dialogue, "linear", per="chain", unbounded=True),
}
"""By the name that `verifier.json` or the setting `format` gives."""
