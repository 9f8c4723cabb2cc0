"""JSON rows with fields of any name, and the rows of our own export."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workings.core.completion import Stop
from workings.core.errors import DataError
from workings.core.problem import AnswerKind, Problem
from workings.core.solution import Attempt
from workings.core.wire import unpack
from workings.store.formats import GUESSES, STOPS, Output

__all__ = ["gold_text", "read_ours", "read_rows"]

MISSING = object()
FINAL_MARK = "####"


def read_ours(rows: Iterable[tuple[str, Any]]) -> Iterator[Output]:
    """Rows of our own export; a whole attempt is restored where there is one."""
    for where, row in rows:
        if not isinstance(row, dict) or "problem" not in row:
            raise DataError(f"{where} is not a row of our export: {row!r:.60}.", "Mend or remove it.")
        try:
            problem = unpack(Problem, row["problem"])
            attempt = unpack(Attempt, row["attempt"]) if "attempt" in row else None
            yield Output(
                problem.id,
                row["reply"],
                row["method"],
                row["index"],
                question=problem.question.text,
                gold=problem.gold,
                kind=problem.question.kind,
                choices=problem.question.choices,
                tokens=row["generated"],
                seconds=row["seconds"] or 0.0,
                error=row["error"] or "",
                where=where,
                problem=problem,
                attempt=attempt,
            )
        except (KeyError, TypeError) as error:
            raise DataError(f"{where} lacks a field of our export: {error}.", "Mend or remove it.") from error
        except DataError as error:
            raise DataError(f"{where}: {error.what}", error.next_step) from error


def read_rows(rows: Iterable[tuple[str, Any]], fields: Mapping[str, str], label: str) -> Iterator[Output]:
    """Rows with fields of any name; a list of replies gives one output each."""
    seen: Counter[tuple[str, str]] = Counter()
    for where, row in rows:
        if not isinstance(row, dict):
            raise DataError(f"{where} is no JSON object: {row!r:.60}.", "Give one object an output.")
        told = {name: _find(row, name, fields) for name in GUESSES}
        for name in fields:
            if told[name] is MISSING:
                raise DataError(f"{where} has no field {fields[name]!r} ({name}).", f"It has: {', '.join(row)[:200]}.")
        question = _question(where, told["question"])
        problem_id = _problem_id(where, told["id"], question)
        method = _text(where, "method", told["method"]) or label or "imported"
        error = _error(where, told["error"])
        replies = _replies(where, told["reply"], error, row)
        several = isinstance(told["reply"], list)
        for reply, scores in zip(replies, _each(told["logprobs"], len(replies), several), strict=True):
            number = seen[problem_id, method]
            seen[problem_id, method] += 1
            index = told["index"] if isinstance(told["index"], int) and not several else number
            logprobs, pieces = _logprobs(scores)
            yield Output(
                problem_id,
                reply,
                method,
                index,
                question=question,
                gold=gold_text(told["gold"]),
                kind=_kind(where, told["kind"]),
                choices=_choices(where, told["choices"]),
                family=_text(where, "family", told["family"]) or "",
                language=_text(where, "language", told["language"]) or "en",
                tokens=told["tokens"] if isinstance(told["tokens"], int) else None,
                logprobs=logprobs,
                pieces=pieces,
                seconds=float(told["seconds"]) if isinstance(told["seconds"], (int, float)) else 0.0,
                stop=STOPS.get(str(told["stop"]), Stop.UNKNOWN),
                error=error,
                where=where,
            )


def gold_text(value: Any) -> str | None:
    """A gold answer as text: the part after `####` where there is one, yes or no for a truth value."""
    if value is MISSING or value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return gold_text(value[0]) if len(value) == 1 else json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value).rpartition(FINAL_MARK)[2].strip()


def _find(row: Mapping[str, Any], name: str, fields: Mapping[str, str]) -> Any:
    for path in (fields[name],) if name in fields else GUESSES[name]:
        found: Any = row.get(path, MISSING)
        if found is MISSING and "." in path:
            found = row
            for part in path.split("."):
                found = found.get(part, MISSING) if isinstance(found, Mapping) else MISSING
        if found is not MISSING:
            return found
    return MISSING


def _question(where: str, value: Any) -> str | None:
    if isinstance(value, list):
        turns = [turn.get("content") for turn in value if isinstance(turn, dict) and turn.get("role") == "user"]
        value = turns[-1] if turns else MISSING
    return _text(where, "question", value)


def _problem_id(where: str, value: Any, question: str | None) -> str:
    if isinstance(value, (str, int)) and str(value):
        return str(value)
    if question:
        return hashlib.sha256(question.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    raise DataError(f"{where} has neither an id nor a question.", "Name its fields: id=…, question=….")


def _replies(where: str, value: Any, error: str, row: Mapping[str, Any]) -> list[str]:
    if value is MISSING or value is None:
        if error:
            return [""]
        raise DataError(f"{where} has no reply; its fields are {', '.join(row)[:200]!r}.", "Name one: reply=….")
    if isinstance(value, list):
        return [_text(where, "reply", item) or "" for item in value]
    return [_text(where, "reply", value) or ""]


def _text(where: str, name: str, value: Any) -> str | None:
    if value is MISSING or value is None:
        return None
    if isinstance(value, (str, int, float)):
        return str(value)
    raise DataError(f"{where}: {name} is not text but {value!r:.60}.", "Map the field to one that holds text.")


def _error(where: str, value: Any) -> str:
    """What went wrong; false, 0, "" and empty objects say that nothing did."""
    if value is MISSING or not value:
        return ""
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return _text(where, "error", value) or ""


def _kind(where: str, value: Any) -> AnswerKind | None:
    if value is MISSING or value is None:
        return None
    try:
        return AnswerKind(value)
    except ValueError as error:
        kinds = ", ".join(AnswerKind)
        raise DataError(f"{where}: there is no answer kind {value!r:.60}.", f"There are: {kinds}.") from error


def _choices(where: str, value: Any) -> tuple[str, ...]:
    if value is MISSING or value is None:
        return ()
    if isinstance(value, dict) and isinstance(value.get("text"), list):
        value = value["text"]
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        raise DataError(f"{where}: choices are not a list but {value!r:.60}.", "Give a list of texts.")
    return tuple(str(item) for item in value)


def _each(value: Any, count: int, several: bool) -> list[Any]:
    """What the file says about each reply: a list of as many where there is a list of replies, else all of it once."""
    if not several:
        return [value] * count
    return list(value) if isinstance(value, list) and len(value) == count else [MISSING] * count


def _logprobs(value: Any) -> tuple[tuple[float, ...] | None, tuple[str, ...] | None]:
    """Log-probabilities of tokens, and the tokens' texts where they are said.

    Read are a list of numbers, a list of objects with `token` and `logprob` (or an object whose `content` is one, as
    OpenAI's chats have it), and an object with `tokens` and `token_logprobs`. Anything else is nothing.
    """
    if isinstance(value, dict) and isinstance(value.get("content"), list):
        value = value["content"]
    texts: Any = None
    if isinstance(value, dict):
        texts, value = value.get("tokens"), value.get("token_logprobs")
    elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        texts, value = [one.get("token") for one in value], [one.get("logprob") for one in value]
    if not (isinstance(value, list) and value and all(_is_number(v) for v in value)):
        return None, None
    fits = isinstance(texts, list) and len(texts) == len(value) and all(isinstance(text, str) for text in texts)
    return tuple(float(v) for v in value), tuple(texts) if fits else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
