"""An attempt as JSON that says nothing twice, and back without loss.

A trace usually repeats a completion of the journal, a step is a span of its trace, and the traces of a pool share a
prompt: each is written once. Log-probabilities are written as base64 of 32-bit floats where that is exact, else of
64-bit ones, because seventeen digits a number would cost most of the time and space.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, count, pairwise
from typing import Any

from workings.core.completion import Stop, Usage
from workings.core.errors import DataError
from workings.core.prompt import Prompt
from workings.core.solution import Attempt, Solution
from workings.core.trace import Step, Trace
from workings.core.wire import pack, pack_except, unpack

__all__ = ["compact", "restore"]

SHARED = ("stop", "thinking", "token_ids", "logprobs", "seed", "usage", "certainty", "entropy", "tokens")
"""Fields of a trace that come from its completion, besides its text."""

_ALWAYS = frozenset({"prompt", "steps", "logprobs"})


def compact(attempt: Attempt) -> dict[str, Any]:
    """An attempt as plain JSON."""
    out: dict[str, Any] = {}
    written = list(_completions(attempt.replies))
    if attempt.replies:
        out |= _squeeze(attempt.replies, written)
    told = _pack_attempt(attempt)
    solution = attempt.solution
    if solution is not None:
        told["solution"] = _pack_solution(solution, attempt.spent, told.get("spent"))
        if solution.pool:
            prompts: dict[Prompt, int] = {}
            by_text: dict[Any, list[int]] = {}
            for number, completion in enumerate(written):
                by_text.setdefault(completion.get("text"), []).append(number)
            out["pool"] = [_pack_trace(trace, prompts, written, by_text) for trace in solution.pool]
            out["prompts"] = [pack(prompt) for prompt in prompts]
    out["attempt"] = told
    return out


def restore(data: Any) -> Attempt:
    """The attempt that `compact` was given; DataError when `data` is something else."""
    try:
        attempt = unpack(Attempt, data["attempt"])
        replies = _swell(data)
        solution = attempt.solution
        if solution is not None and "pool" in data:
            prompts = [unpack(Prompt, prompt) for prompt in data["prompts"]]
            written = list(_completions(replies))
            pool = tuple(_unpack_trace(kept, prompts, written) for kept in data["pool"])
            solution = dataclasses.replace(solution, pool=pool)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"An attempt cannot be read: {error!r}.", "Is this file one of ours?") from error
    return dataclasses.replace(attempt, solution=solution, replies=replies)


def _pack_attempt(attempt: Attempt) -> dict[str, Any]:
    """All of an attempt but its solution and its journal."""
    out = {
        "problem_id": attempt.problem_id,
        "method": attempt.method,
        "index": attempt.index,
        "seed": attempt.seed,
        "outcome": pack(attempt.outcome),
    }
    if attempt.failure is not None:
        out["failure"] = pack(attempt.failure)
    if spent := pack(attempt.spent):
        out["spent"] = spent
    out["seconds"] = pack(attempt.seconds)
    return out


def _pack_solution(solution: Solution, spent: Usage, packed: dict[str, Any] | None) -> dict[str, Any]:
    """All of a solution but its pool. What the attempt spent is mostly the same value, and packed already."""
    out: dict[str, Any] = {}
    if answer := pack(solution.answer):
        out["answer"] = answer
    if solution.confidence is not None:
        out["confidence"] = pack(solution.confidence)
    if solution.choice is not None:
        out["choice"] = pack(solution.choice)
    if told := packed if solution.spent is spent else pack(solution.spent):
        out["spent"] = told
    if solution.partial:
        out["partial"] = solution.partial
    if solution.notes:
        out["notes"] = pack(solution.notes)
    return out


def _pack_own(trace: Trace) -> dict[str, Any]:
    """What a trace says that neither its completion nor its prompt does."""
    out: dict[str, Any] = {}
    if answer := pack(trace.answer):
        out["answer"] = answer
    if trace.parent is not None:
        out["parent"] = trace.parent
    if trace.branch_at is not None:
        out["branch_at"] = trace.branch_at
    if trace.role != "chain":
        out["role"] = trace.role
    if trace.scores:
        out["scores"] = pack(trace.scores)
    return out


def _completions(replies: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The packed completions of a journal, in order; samples asked for together stand in lists of their own."""
    for entry in replies:
        reply = entry.get("reply")
        if isinstance(reply, list):
            for told in reply:
                if isinstance(told, dict):
                    yield told
                elif isinstance(told, list):
                    yield from (one for one in told if isinstance(one, dict))


def _squeeze(replies: Sequence[Mapping[str, Any]], written: list[Mapping[str, Any]]) -> dict[str, Any]:
    """A journal, and apart from it log-probabilities in base64 and tokens that make up the text as lengths."""
    floats: dict[int, str] = {}
    lengths: dict[int, list[int]] = {}
    for number, told in enumerate(written):
        if packed := _floats(told.get("logprobs")):
            floats[number] = packed
        tokens = told.get("tokens")
        if isinstance(tokens, list) and set(map(type, tokens)) == {str} and "".join(tokens) == told.get("text"):
            lengths[number] = list(map(len, tokens))
    if not floats and not lengths:
        return {"replies": replies}
    numbers = count()

    def lean(told: Any) -> Any:
        if isinstance(told, list):
            return [lean(one) for one in told]
        if not isinstance(told, dict):
            return told
        number = next(numbers)
        gone = ("logprobs" if number in floats else None, "tokens" if number in lengths else None)
        return {name: value for name, value in told.items() if name not in gone}

    kept = [
        {**entry, "reply": [lean(told) for told in entry["reply"]]} if isinstance(entry.get("reply"), list) else entry
        for entry in replies
    ]
    return {"replies": kept, "floats": floats, "lengths": lengths}


def _swell(data: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The journal that `_squeeze` was given."""
    replies = tuple(data.get("replies", ()))
    written: list[Any] = list(_completions(replies))
    for number, packed in data.get("floats", {}).items():
        written[int(number)]["logprobs"] = _read_floats(packed)
    for number, lengths in data.get("lengths", {}).items():
        told = written[int(number)]
        told["tokens"] = [told["text"][a:b] for a, b in pairwise(accumulate(lengths, initial=0))]
    return replies


def _pack_trace(
    trace: Trace, prompts: dict[Prompt, int], written: list[Mapping[str, Any]], by_text: dict[Any, list[int]]
) -> dict[str, Any]:
    of = _source(trace, written, by_text)
    kept = _pack_own(trace) if of is not None else pack_except(trace, _ALWAYS)
    if of is not None:
        kept["of"] = of
    elif trace.logprobs is not None:
        values = list(trace.logprobs)
        kept["logprobs"] = _floats(values) or pack(values)
    if trace.steps:
        spans = _spans(trace)
        if spans is None:
            kept["steps"] = pack(trace.steps)
        else:
            kept["spans"] = spans
    if trace.prompt is not None:
        kept["prompt"] = prompts.setdefault(trace.prompt, len(prompts))
    return kept


def _source(trace: Trace, written: list[Mapping[str, Any]], by_text: dict[Any, list[int]]) -> int | None:
    """Which of the journal's completions this trace was made from, when it says nothing that they do not."""
    lead = trace.prompt.lead if trace.prompt is not None else ""
    if not trace.text.startswith(lead):
        return None
    for number in by_text.get(trace.text[len(lead) :], ()):
        told = written[number]
        if (
            trace.stop == told.get("stop", Stop.UNKNOWN)
            and trace.thinking == told.get("thinking", "")
            and trace.seed == told.get("seed")
            and trace.certainty == told.get("certainty")
            and trace.entropy == told.get("entropy")
            and _as_list(trace.tokens) == told.get("tokens")
            and _as_list(trace.token_ids) == told.get("token_ids")
            and _as_list(trace.logprobs) == told.get("logprobs")
            and pack(trace.usage) == told.get("usage", {})
        ):
            return number
    return None


def _as_list(values: tuple[Any, ...] | None) -> list[Any] | None:
    return None if values is None else list(values)


def _unpack_trace(kept: dict[str, Any], prompts: list[Prompt], written: list[Mapping[str, Any]]) -> Trace:
    spans = kept.pop("spans", ())
    number = kept.pop("prompt", None)
    of = kept.pop("of", None)
    prompt = None if number is None else prompts[number]
    if of is not None:
        told = written[of]
        kept |= {name: told[name] for name in SHARED if name in told}
        kept["text"] = (prompt.lead if prompt else "") + told["text"]
    elif isinstance(kept.get("logprobs"), str):
        kept["logprobs"] = _read_floats(kept["logprobs"])
    trace = unpack(Trace, kept)
    steps = tuple(Step(trace.text[a:b], a, b) for a, b in zip(spans[::2], spans[1::2], strict=True)) or trace.steps
    return dataclasses.replace(trace, prompt=prompt, steps=steps)


def _spans(trace: Trace) -> list[int] | None:
    """Where the steps begin and end, or None when their text is not that of the trace there."""
    spans: list[int] = []
    for step in trace.steps:
        if trace.text[step.start : step.end] != step.text:
            return None
        spans += (step.start, step.end)
    return spans


def _floats(values: Any) -> str:
    """Floats as text: "f" or "d" and base64 of little-endian numbers; empty for what is not a list of floats."""
    if not isinstance(values, list) or set(map(type, values)) != {float}:
        return ""
    numbers = array("f", values)
    if numbers.tolist() != values:
        numbers = array("d", values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.typecode + base64.b64encode(numbers.tobytes()).decode("ascii")


def _read_floats(text: str) -> list[float]:
    try:
        numbers = array("f" if text[:1] == "f" else "d")
        numbers.frombytes(base64.b64decode(text[1:], validate=True))
    except (binascii.Error, ValueError) as error:
        raise DataError(f"Numbers cannot be read from {text!r:.40}: {error}.", "Is the file damaged?") from error
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()
