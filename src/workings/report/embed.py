"""Attempts put into a page: which ones, how much of each, and how they are packed.

The page opens without a stall however large the run is, because what it holds is bounded twice: at most
`max_browsable` attempts, and at most `max_bytes` of packed text. What was left out is counted, and the page says it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from workings.core.answer import Answer, Outcome
from workings.core.completion import Usage
from workings.core.problem import Problem
from workings.core.record import AttemptRow
from workings.core.solution import Attempt, Solution
from workings.core.trace import Trace
from workings.report.heat import heat_of
from workings.report.source import RunSource
from workings.run.coverage import Mark
from workings.run.judging import decide_by_text
from workings.verify.select import ballot

__all__ = ["Embedded", "choose", "embed", "pack_attempt"]

CHUNK = 40
"""Attempts to a compressed chunk: opening one attempt unpacks one chunk."""

MAX_BYTES = 5_500_000
CLIP = 24_000
POOL_CLIP = 160_000
STEP_LOGPROB = 0.125
_LEVELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(frozen=True, slots=True)
class Embedded:
    """Packed attempts. `index` has one light entry an attempt, `chunks` the attempts themselves (base64 of zlib).

    `total` counts the attempts of the run, `shaded` those shown whose steps carry their importance; `strata` maps
    (method, outcome) to (shown, recorded).
    """

    index: str
    chunks: tuple[str, ...]
    shown: int
    total: int
    shaded: int
    strata: Mapping[tuple[str, str], tuple[int, int]]

    @property
    def sampled(self) -> bool:
        return self.shown < self.total


def choose(rows: Sequence[AttemptRow], most: int, seed: int) -> list[int]:
    """Positions of at most `most` rows, stratified by method and outcome, in an order whose every prefix is too.

    A stratum gets its share of places in proportion to its size, and at least one while there are places. Within a
    stratum the order is that of a hash of seed, problem, method and index: it does not depend on the order of rows.
    """
    strata: dict[tuple[str, str], list[tuple[bytes, int]]] = defaultdict(list)
    for at, row in enumerate(rows):
        key = f"{seed}\x1f{row.problem_id}\x1f{row.method}\x1f{row.index}".encode("utf-8", "surrogatepass")
        strata[row.method, _state(row)].append((hashlib.blake2b(key, digest_size=8).digest(), at))
    ranked: list[tuple[float, str, str, int]] = []
    for (method, state), members in strata.items():
        members.sort()
        size = len(members)
        ranked += [((rank + 0.5) / size if rank else 0.0, method, state, at) for rank, (_, at) in enumerate(members)]
    ranked.sort()
    return [at for *_, at in ranked[: max(0, most)]]


def embed(
    run: RunSource,
    rows: Sequence[AttemptRow],
    problems: Mapping[str, Problem],
    methods: Sequence[str],
    *,
    max_browsable: int,
    max_bytes: int = MAX_BYTES,
    mark: Mark = decide_by_text,
    heat: Mapping[tuple[str, str], Mapping[str, Any]] | None = None,
) -> Embedded:
    """Reads the chosen attempts from the run and packs them; reading stops when `max_bytes` are full.

    `mark` judges the answers of traces that were not chosen; `heat` holds, by (method, problem), what early answering
    read of the chosen chain.
    """
    order = choose(rows, max_browsable, run.spec.seed)
    number = {name: at for at, name in enumerate(methods)}
    split = _disagreements(rows)
    chunks: list[str] = []
    entries: list[tuple[tuple[Any, ...], list[Any]]] = []
    shown: list[int] = []
    used = shaded = 0
    for start in range(0, len(order), CHUNK):
        picked = order[start : start + CHUNK]
        packed = []
        for at in picked:
            attempt = run.attempt(rows[at].problem_id, rows[at].method, rows[at].index)
            reading = (heat or {}).get((rows[at].method, rows[at].problem_id))
            packed.append(pack_attempt(attempt, problems, mark, reading))
        chunk = _squeeze(packed)
        if chunks and used + len(chunk) > max_bytes:
            break
        used += len(chunk)
        shaded += sum(any("heat" in trace for trace in one.get("pool", ())) for one in packed)
        for place, at in enumerate(picked):
            row = rows[at]
            problem = problems.get(row.problem_id)
            entry = _entry(row, problem, number[row.method], row.problem_id in split, len(chunks), place)
            entries.append(((at,), entry))
        chunks.append(chunk)
        shown += picked
    entries.sort(key=lambda pair: pair[0])
    index = _squeeze([entry for _, entry in entries])
    return Embedded(index, tuple(chunks), len(shown), len(rows), shaded, _strata(rows, shown))


def pack_attempt(
    attempt: Attempt,
    problems: Mapping[str, Problem],
    mark: Mark = decide_by_text,
    reading: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One attempt as the page's script reads it; long texts are cut, and how much was cut stands beside them.

    Places in texts count as the script does, in UTF-16 units. A branch is packed without the beginning that it shares
    with its parent, `shared` units long. `reading` is what early answering read of the chosen chain.
    """
    problem = problems.get(attempt.problem_id)
    solution = attempt.solution
    out: dict[str, Any] = {
        "seed": str(attempt.seed),
        "seconds": round(attempt.seconds, 4),
        "spent": _usage(attempt.spent),
    }
    if problem is not None:
        out["question"] = _cut(problem.question.text)
        out["choices"] = [_cut(choice)[0] for choice in problem.question.choices]
        out["steps"] = [_cut(step)[0] for step in problem.steps]
    if attempt.failure is not None:
        failure = attempt.failure
        out["failure"] = [_cut(failure.kind)[0], _cut(failure.message)[0], _cut(failure.where)[0]]
    if solution is None:
        return out
    out["answer"] = _answer(solution.answer)
    out["confidence"] = solution.confidence
    out["partial"] = _cut(solution.partial)[0]
    if solution.notes:
        out["notes"] = _cut(json.dumps(solution.notes, ensure_ascii=False, default=str))[0]
    if solution.choice is not None:
        choice = solution.choice
        weights = sorted(choice.weights.items(), key=lambda item: -item[1])
        out["choice"] = {
            "rule": _cut(choice.rule)[0],
            "weights": [[_cut(name)[0], round(weight, 6)] for name, weight in weights[:40]],
            "more": max(0, len(weights) - 40),
            "chosen": choice.chosen,
            "abstained": choice.abstained,
            "tied": choice.tied,
        }
    pieces = _token_texts(attempt.replies)
    verdicts = _verdicts(attempt, solution, problem, mark)
    if solution.choice is not None and verdicts:
        out["choice"]["outcomes"] = [verdicts.get(name) for name, _ in weights[:40]]
    room = POOL_CLIP
    pool: list[dict[str, Any]] = []
    kept: list[str] = []
    for trace in solution.pool:
        shared = _shared(trace, kept)
        packed = _trace(trace, pieces, min(CLIP, shared + max(200, room)), shared)
        room -= len(packed["text"][0]) + len(packed.get("thinking", [""])[0])
        kept.append(trace.text[: shared + len(packed["text"][0])])
        name = ballot(trace.answer)
        if name is not None and verdicts.get(name):
            packed["outcome"] = verdicts[name]
        elif verdicts and name is None and trace.stop.finished:
            packed["outcome"] = Outcome.UNPARSED.value
        pool.append(packed)
    if reading is not None and pool:
        chosen = (0 if solution.choice is None else solution.choice.chosen) or 0
        shades = heat_of(solution.pool[chosen], reading)
        if shades is not None:
            pool[chosen]["heat"] = shades
    out["pool"] = pool
    prompts = {trace.prompt.text for trace in solution.pool[:1] if trace.prompt is not None}
    out["prompt"] = _cut(prompts.pop()) if prompts else None
    return out


def _verdicts(attempt: Attempt, solution: Solution, problem: Problem | None, mark: Mark) -> dict[str, str]:
    """What each distinct answer of the pool is, where that can be told; nothing where the attempt was not judged."""
    outcome = attempt.outcome
    if problem is None or outcome is None or outcome is Outcome.ERROR:
        return {}
    found: dict[str, str] = {}
    final = ballot(solution.answer)
    if final is not None:
        found[final] = outcome.value
    for trace in solution.pool:
        name = ballot(trace.answer)
        if name is not None and name not in found:
            told = mark(trace.answer, problem)
            found[name] = "" if told is None else told.value
    return found


def _shared(trace: Trace, kept: Sequence[str]) -> int:
    """Characters that a trace has in common with an earlier one that it branched from, all of which are in the page."""
    if trace.parent is None or not trace.branch_at or not 0 <= trace.parent < len(kept):
        return 0
    above = kept[trace.parent][: trace.branch_at]
    return trace.branch_at if len(above) == trace.branch_at and trace.text.startswith(above) else 0


def _units(text: str) -> Callable[[int], int]:
    """From a place in a text to the same place in UTF-16 units, as the page's script counts."""
    if text.isascii() or max(text) <= "\uffff":
        return lambda place: place
    before = list(accumulate((1 + (letter > "\uffff") for letter in text), initial=0))
    return lambda place: before[min(max(place, 0), len(text))]


def _trace(
    trace: Trace, pieces: Mapping[tuple[float, ...], Sequence[str]], room: int, shared: int = 0
) -> dict[str, Any]:
    text, cut = _cut(trace.text, room)
    units = _units(trace.text)
    out: dict[str, Any] = {
        "text": (text[shared:], cut),
        "steps": [[units(step.start), units(step.end)] for step in trace.steps if step.end <= room],
        "answer": _answer(trace.answer),
        "stop": trace.stop.value,
        "role": _cut(trace.role)[0],
        "usage": _usage(trace.usage),
    }
    if trace.thinking:
        out["thinking"] = _cut(trace.thinking, room)
    if trace.parent is not None:
        out["parent"], out["branch"] = trace.parent, units(trace.branch_at or 0)
        if shared:
            out["shared"] = units(shared)
    if trace.scores:
        out["scores"] = {_cut(name)[0]: [_short(v) for v in values[:200]] for name, values in trace.scores.items()}
    if trace.seed is not None:
        out["seed"] = str(trace.seed)
    if trace.logprobs:
        out["mean"] = _short(trace.mean_logprob or 0.0)
        out["surprise"] = "".join(_level(value) for value in trace.logprobs[:4000])
        tokens = pieces.get(trace.logprobs)
        if tokens is not None and sum(map(len, tokens)) <= CLIP:
            out["tokens"] = list(tokens)
    return out


def _level(logprob: float) -> str:
    """Minus log-probability in eighths of a nat as one character; the last is 63 eighths or more, or not a number."""
    surprise = -logprob
    return _LEVELS[round(surprise / STEP_LOGPROB)] if 0 <= surprise < 63 * STEP_LOGPROB else _edge(surprise)


def _edge(surprise: float) -> str:
    return _LEVELS[0] if surprise < 0 else _LEVELS[-1]


def _token_texts(replies: Iterable[Mapping[str, Any]]) -> dict[tuple[float, ...], Sequence[str]]:
    """Texts of tokens by their log-probabilities, wherever the journal holds both."""
    found: dict[tuple[float, ...], Sequence[str]] = {}
    waiting: list[Any] = list(replies)
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            tokens, logprobs = item.get("tokens"), item.get("logprobs")
            if isinstance(tokens, (list, tuple)) and isinstance(logprobs, (list, tuple)):
                if len(tokens) == len(logprobs) and all(isinstance(t, str) for t in tokens):
                    found[tuple(v if isinstance(v, (int, float)) else float("nan") for v in logprobs)] = tokens
            else:
                waiting.extend(item.values())
        elif isinstance(item, (list, tuple)) and item and isinstance(item[0], (Mapping, list, tuple)):
            waiting.extend(item)
    return found


def _entry(row: AttemptRow, problem: Problem | None, method: int, split: bool, chunk: int, place: int) -> list[Any]:
    question = problem.question.text[:400] if problem is not None else ""
    return [
        row.problem_id[:200],
        method,
        row.index,
        _state(row),
        row.family[:80],
        row.length,
        (row.answer or "")[:120],
        (row.gold or "")[:120],
        row.generated,
        int(split),
        question,
        chunk,
        place,
    ]


def _disagreements(rows: Iterable[AttemptRow]) -> set[str]:
    """Problems that one method got right and another did not."""
    seen: dict[str, dict[str, bool]] = defaultdict(dict)
    for row in rows:
        if row.outcome is not None:
            right = row.outcome.value == "right"
            seen[row.problem_id][row.method] = seen[row.problem_id].get(row.method, False) or right
    return {problem for problem, by_method in seen.items() if len(set(by_method.values())) == 2}


def _strata(rows: Sequence[AttemptRow], shown: Iterable[int]) -> dict[tuple[str, str], tuple[int, int]]:
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        counts[row.method, _state(row)][1] += 1
    for at in shown:
        counts[rows[at].method, _state(rows[at])][0] += 1
    return {key: (some, every) for key, (some, every) in counts.items()}


def _state(row: AttemptRow) -> str:
    return row.outcome.value if row.outcome is not None else "unjudged"


def _answer(answer: Answer) -> list[Any]:
    return [_cut(answer.raw, 2000)[0], _cut(answer.canonical, 2000)[0] if answer.given else None, answer.source.value]


def _usage(usage: Usage) -> list[int]:
    return [usage.prompt, usage.cached, usage.generated, usage.verifier, usage.probe, usage.calls]


def _cut(value: str | None, most: int = CLIP) -> tuple[str, int]:
    value = value or ""
    return (value, 0) if len(value) <= most else (value[:most], len(value) - most)


def _short(value: float) -> float | str:
    return round(value, 4) if value == value and abs(value) != float("inf") else str(value)


def _squeeze(value: Any) -> str:
    """JSON, zlib, base64: letters, digits, plus, slash and equals sign only, so nothing can end the element early."""
    packed = zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 6)
    return base64.b64encode(packed).decode()
