"""Sample logs of other evaluation tools.

lm-evaluation-harness: `doc`, `target`, `arguments`, `resps` and `filtered_resps` a line, once for each of its answer
filters; only the replies themselves are taken, so that the same replies are not counted once a filter. Inspect: one
JSON log, or a zip of one JSON file a sample (members in zstd need Python 3.14 or a conversion by Inspect itself).
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from workings.core.completion import Stop
from workings.core.errors import DataError
from workings.core.problem import AnswerKind
from workings.store.formats import STOPS, Output, read_json
from workings.store.plain import gold_text

__all__ = ["is_inspect_log", "read_inspect_archive", "read_inspect_log", "read_lm_eval"]

MEMBER_BYTES = 2**30
QUESTION_FIELDS = ("question", "query", "problem", "input", "text", "goal")


def read_lm_eval(path: Path, rows: Iterable[tuple[str, Any]], label: str) -> Iterator[Output]:
    """The replies of an lm-evaluation-harness sample log; multiple choice answers with the likeliest choice."""
    task = re.sub(r"^samples_|_\d{4}-\d\d-\d\dT[\d.:-]+$", "", path.stem)
    label = label or path.absolute().parent.name or "imported"
    seen: set[str] = set()
    for where, row in rows:
        try:
            doc, resps, number = row["doc"], row["resps"], row.get("doc_id", len(seen))
            problem_id = f"{task}/{number}"
            if problem_id in seen:
                continue
            seen.add(problem_id)
            question = _lm_eval_question(row, doc)
            if isinstance(resps[0][0], str):
                gold = gold_text(row.get("target"))
                for index, reply in enumerate(text for request in resps for text in request):
                    yield Output(problem_id, str(reply), label, index, question, gold, family=task, where=where)
            else:
                yield _lm_eval_choice(row, problem_id, label, question, task, where)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            raise DataError(
                f"{where} is not a sample of lm-evaluation-harness ({error!r}): {row!r:.60}.", "Mend or remove it."
            ) from error


def _lm_eval_question(row: Mapping[str, Any], doc: Any) -> str:
    if isinstance(doc, Mapping):
        for name in QUESTION_FIELDS:
            if isinstance(doc.get(name), str):
                return str(doc[name])
    arguments = row.get("arguments")
    return str(_arguments(arguments, 0)[0]) if arguments else str(doc)


def _arguments(arguments: Any, number: int) -> list[Any]:
    one = arguments[f"gen_args_{number}"] if isinstance(arguments, Mapping) else arguments[number]
    return list(one.values()) if isinstance(one, Mapping) else list(one)


def _lm_eval_choice(
    row: Mapping[str, Any], problem_id: str, label: str, question: str, task: str, where: str
) -> Output:
    scores = [float(request[0][0]) for request in row["resps"]]
    texts = tuple(str(_arguments(row["arguments"], n)[1]).strip() for n in range(len(scores)))
    best = max(range(len(scores)), key=scores.__getitem__)
    target = row["target"]
    told = str(target).strip()
    if told.isdecimal() and int(told) < len(texts):
        gold = chr(ord("A") + int(told))
    else:
        gold = chr(ord("A") + texts.index(told)) if told in texts else told
    return Output(
        problem_id, chr(ord("A") + best), label, 0, question, gold, AnswerKind.CHOICE, texts, family=task, where=where
    )


def is_inspect_log(data: Any) -> bool:
    """Whether parsed JSON is a log of Inspect."""
    return isinstance(data, dict) and isinstance(data.get("eval"), dict) and "version" in data


def read_inspect_log(path: Path, data: Mapping[str, Any], label: str) -> Iterator[Output]:
    """The samples of an Inspect log in JSON."""
    for number, sample in enumerate(data.get("samples") or (), 1):
        yield _inspect_output(f"{path} sample {number}", sample, data["eval"], label)


def read_inspect_archive(path: Path, label: str) -> Iterator[Output]:
    """The samples of an Inspect `.eval` file."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            head = next((name for name in ("header.json", "_journal/start.json") if name in names), None)
            if head is None:
                raise DataError(f"{path} is a zip without a header.json.", "Is it an Inspect log?")
            header = _member(path, archive, head)
            for name in names:
                if name.startswith("samples/") and name.endswith(".json"):
                    yield _inspect_output(f"{path} {name}", _member(path, archive, name), header["eval"], label)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read as an Inspect log: {error!r}.", "Is the file whole?") from error


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> Any:
    info = archive.getinfo(name)
    if info.file_size > MEMBER_BYTES:
        raise DataError(f"{path} {name} claims {info.file_size} bytes.", "Is the file damaged?")
    try:
        with archive.open(info) as member:
            return read_json(f"{path} {name}", member.read(MEMBER_BYTES))
    except NotImplementedError as error:
        raise DataError(
            f"{path} is compressed in a way that this Python cannot read (zstd).",
            "Convert it: inspect log convert --to json, then import that.",
        ) from error


def _inspect_output(where: str, sample: Any, about: Mapping[str, Any], label: str) -> Output:
    try:
        result = sample.get("output") or {}
        replies = result.get("choices") or [{}]
        message = replies[0].get("message") or {}
        usage = result.get("usage") or {}
        failure = sample.get("error")
        logprobs = ((replies[0].get("logprobs") or {}).get("content")) or None
        return Output(
            str(sample["id"]),
            _content(message.get("content", result.get("completion", ""))),
            label or str(about.get("model") or "imported"),
            int(sample.get("epoch", 1)) - 1,
            question=_inspect_question(sample["input"]),
            gold=gold_text(sample.get("target")),
            kind=AnswerKind.CHOICE if sample.get("choices") else None,
            choices=tuple(str(choice) for choice in sample.get("choices") or ()),
            family=str(about.get("task") or ""),
            tokens=usage.get("output_tokens"),
            logprobs=tuple(float(token["logprob"]) for token in logprobs) if logprobs else None,
            seconds=float(sample.get("total_time") or 0.0),
            stop=STOPS.get(str(replies[0].get("stop_reason")), Stop.UNKNOWN),
            error=str(failure.get("message") or failure) if failure else "",
            where=where,
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise DataError(
            f"{where} is not an Inspect sample ({error!r}): {sample!r:.60}.", "Mend or remove it."
        ) from error


def _inspect_question(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "\n\n".join(_content(turn["content"]) for turn in value if turn["role"] == "user")


def _content(value: Any) -> str:
    """The text of a message; reasoning parts are put in thinking tags before it."""
    if isinstance(value, str):
        return value
    parts = []
    for part in value:
        if part.get("type") == "reasoning":
            parts.append(f"<think>{part.get('reasoning', '')}</think>")
        elif part.get("type") == "text":
            parts.append(str(part.get("text", "")))
    return "\n".join(parts)
