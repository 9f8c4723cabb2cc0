"""How a verifier of ours reads a chain: the question as a chain of thought is asked for, then one step a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workings.core.problem import Question
from workings.reason.prompts import write_prompt

__all__ = ["Reading", "read_lines"]


@dataclass(frozen=True, slots=True)
class Reading:
    """Token ids of a whole chain, and the place of the token after each step from which that step's score is read.

    What comes after a place does not change what is read there, in any model that looks back only.
    """

    ids: tuple[int, ...]
    places: tuple[int, ...]


def read_lines(tokenizer: Any, question: Question, steps: Sequence[str]) -> Reading:
    """The prompt of the style "cot" in the tokenizer's chat template, then each step and a line break.

    A score is read at each line break, and every step is encoded by itself, so that a chain which goes on keeps the
    tokens of its beginning. Without a template the prompt is plain text and a blank line.
    """
    asked = write_prompt(question, "cot").messages
    if tokenizer.chat_template:
        turns = [{"role": m.role, "content": m.content} for m in asked]
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        ids = tokenizer.encode(text, add_special_tokens=False)
    else:
        ids = tokenizer.encode("".join(f"{m.content}\n\n" for m in asked), add_special_tokens=True)
    places = []
    for step in steps:
        ids = ids + tokenizer.encode(f"{step}\n", add_special_tokens=False)
        places.append(len(ids) - 1)
    return Reading(tuple(ids), tuple(places))
