"""What other tools wrote down, as one kind of value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workings.core.completion import Stop
from workings.core.errors import DataError
from workings.core.problem import AnswerKind, Problem
from workings.core.solution import Attempt

__all__ = ["GUESSES", "STOPS", "Output", "guess_kind", "read_json"]

GUESSES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "problem_id", "question_id", "doc_id", "task_id", "qid"),
    "question": ("question", "prompt", "problem", "input", "query"),
    "gold": ("gold", "answer", "target", "ground_truth", "expected", "label"),
    "reply": ("output", "response", "completion", "reply", "generation", "generated_text", "prediction", "resp"),
    "method": ("method", "model", "system", "solver"),
    "index": ("index", "sample_index", "sample", "repeat", "epoch"),
    "choices": ("choices", "options"),
    "kind": ("kind", "answer_kind"),
    "family": ("family", "task", "dataset", "category"),
    "language": ("language", "lang"),
    "tokens": ("tokens", "completion_tokens", "output_tokens", "usage.completion_tokens"),
    "logprobs": ("logprobs", "token_logprobs"),
    "seconds": ("seconds", "latency"),
    "stop": ("finish_reason", "stop_reason"),
    "error": ("error",),
}
"""For each field, the names it is looked for under, first match first; a dot goes into an object."""

STOPS = {
    "stop": Stop.END, "eos": Stop.END, "end_turn": Stop.END, "length": Stop.LENGTH, "max_tokens": Stop.LENGTH,
    "model_length": Stop.CONTEXT, "content_filter": Stop.REFUSED,
}  # fmt: skip

_NUMBER = re.compile(r"[-+−]?[$€£¥]?\d[\d,]*(\.\d+)?%?")


@dataclass(frozen=True, slots=True)
class Output:
    """One reply to one problem, as another tool recorded it.

    `label` names the method or model that gave it and `index` counts its replies to one problem. `where` says where
    it stood, for error messages; `error` what went wrong when there is no reply. `problem` and `attempt` are set
    only by our own export. `tokens` counts generated ones; `logprobs` are natural logs, of the tokens whose
    texts `pieces` holds where the file says them.
    """

    problem_id: str
    reply: str
    label: str = "imported"
    index: int = 0
    question: str | None = None
    gold: str | None = None
    kind: AnswerKind | None = None
    choices: tuple[str, ...] = ()
    family: str = ""
    language: str = "en"
    tokens: int | None = None
    logprobs: tuple[float, ...] | None = None
    pieces: tuple[str, ...] | None = None
    seconds: float = 0.0
    stop: Stop = Stop.UNKNOWN
    error: str = ""
    where: str = ""
    problem: Problem | None = None
    attempt: Attempt | None = None


def read_json(where: object, data: bytes) -> Any:
    """JSON from bytes; DataError says where it stood and how it begins."""
    try:
        return json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        start = data[:60].decode("utf-8", "replace").strip()
        raise DataError(f"{where} is not JSON ({error}): {start!r}.", "Mend or remove it.") from error


def guess_kind(gold: str | None, choices: Sequence[str]) -> AnswerKind:
    """The answer kind that a gold answer looks like."""
    if choices:
        return AnswerKind.CHOICE
    told = (gold or "").strip()
    if _NUMBER.fullmatch(told):
        return AnswerKind.NUMBER
    if told.lower() in ("yes", "no", "true", "false", "是", "否"):
        return AnswerKind.YES_NO
    return AnswerKind.TEXT
