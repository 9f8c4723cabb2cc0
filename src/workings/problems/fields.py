"""Anyone's table of questions, read into problems by a mapping of fields."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from workings.core.errors import BadSetting
from workings.core.problem import AnswerKind, Problem
from workings.problems.files import Row, file_rows, plain_number
from workings.problems.readers import Parts, build, letter, split_of

__all__ = ["FieldMap", "read_table"]

_YES_NO = {"yes": "yes", "no": "no", "true": "yes", "false": "no", "是": "yes", "否": "no"}


@dataclass(frozen=True, slots=True)
class FieldMap:
    """Which field of a row holds what; an empty name means that there is none.

    A dot reaches into objects ("question.stem"). `question` and `choices` may join several fields with "+"
    ("choices=A+B+C+D"). `kind` is a kind of answer for all rows ("number", "choice", "yes-no", "text", "grid")
    or the name of a field that says it for each; without it, choices make a choice, and otherwise all answers
    of the file decide together. `steps` may be a list, or a text of one step a line.
    """

    question: str = "question"
    answer: str = "answer"
    choices: str = ""
    kind: str = ""
    id: str = ""
    cluster: str = ""
    steps: str = ""
    length: str = ""
    split: str = ""

    @classmethod
    def parse(cls, text: str) -> FieldMap:
        """A map from its spelling on the command line.

        >>> FieldMap.parse("question=q,answer=gold").answer
        'gold'
        """
        known = [f.name for f in fields(cls)]
        given: dict[str, str] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, sign, value = (piece.strip() for piece in part.partition("="))
            if not sign or name not in known or not value:
                raise BadSetting(f"{part!r} is no field mapping.", f"Write name=field, with {', '.join(known)}.")
            if name in given:
                raise BadSetting(f"{name!r} is mapped twice in {text!r}.", "Map it once; join fields with '+'.")
            given[name] = value
        return cls(**given)


def read_table(
    path: Path, mapping: FieldMap = FieldMap(), *, family: str = "", split: str = "", language: str = "en"
) -> Iterator[Problem]:
    """The problems of a .jsonl, .json, .csv, .tsv or .parquet file.

    Choices may be a list of texts, a JSON list in text, texts with "|" between, a mapping from label to text,
    or {"label": [...], "text": [...]}. A choice is answered by its letter, its text, or its number from 0.
    An absent or empty answer means that the gold is not known. `family` is the file's name unless given.
    """
    rows = list(file_rows(path))
    shared = _shared_kind(rows, mapping)
    parts = (_parts(row, mapping, shared) for row in rows)
    return build(parts, family or path.stem, split or split_of(path), language)


def _find(row: Row, name: str) -> Any:
    if not name:
        return None
    if name in row.values:
        return row.values[name]
    value: Any = row.values
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            row.get(name)
        value = value[part]
    return value


def _text(row: Row, name: str) -> str:
    if name not in row.values and "+" in name:
        return "\n".join(_text(row, part.strip()) for part in name.split("+"))
    value = _find(row, name)
    text = "" if value is None else str(value).strip()
    if isinstance(value, (list, dict)) or not text:
        raise row.fault(f"{name!r} should be text", value, "Map another field, or fill this one.")
    return text


def _shared_kind(rows: list[Row], mapping: FieldMap) -> AnswerKind | None:
    kinds = {kind.value: kind for kind in AnswerKind}
    if mapping.kind in kinds:
        return kinds[mapping.kind]
    if mapping.kind:
        return None
    if mapping.choices:
        return AnswerKind.CHOICE
    golds = [_find(row, mapping.answer) for row in rows if mapping.answer in row.values or "." in mapping.answer]
    golds = [gold for gold in golds if gold is not None and str(gold).strip()]
    if golds and all(str(gold).strip().lower() in _YES_NO for gold in golds):
        return AnswerKind.YES_NO
    if golds and all(plain_number(gold) is not None for gold in golds):
        return AnswerKind.NUMBER
    return AnswerKind.TEXT


def _parts(row: Row, mapping: FieldMap, shared: AnswerKind | None) -> Parts:
    kind = shared
    if kind is None:
        name = _text(row, mapping.kind)
        if name not in set(AnswerKind):
            raise row.fault("no such kind of answer", name, f"Use one of {', '.join(AnswerKind)}.")
        kind = AnswerKind(name)
    choices = _choices(row, mapping.choices) if kind is AnswerKind.CHOICE else ()
    answer = _find(row, mapping.answer) if mapping.answer in row.values or "." in mapping.answer else None
    return Parts(
        _text(row, mapping.question),
        kind,
        _gold(row, answer, kind, choices),
        choices,
        steps=_steps(_find(row, mapping.steps)),
        cluster=str(_find(row, mapping.cluster) or ""),
        id=str(value) if (value := _find(row, mapping.id)) is not None else "",
        length=_whole(row, mapping.length),
        split=str(_find(row, mapping.split) or ""),
    )


def _gold(row: Row, answer: Any, kind: AnswerKind, choices: tuple[str, ...]) -> str | None:
    text = "" if answer is None else str(answer).strip()
    if not text:
        return None
    if kind is AnswerKind.NUMBER:
        plain = plain_number(answer)
        if plain is None:
            raise row.fault("the answer should be a number", answer, "Write digits, or map kind=text.")
        return plain
    if kind is AnswerKind.YES_NO:
        if text.lower() not in _YES_NO:
            raise row.fault("the answer should be yes or no", answer, "Write yes or no, or map kind=text.")
        return _YES_NO[text.lower()]
    if kind is AnswerKind.CHOICE:
        return _chosen(row, answer, text, choices)
    if kind is AnswerKind.GRID and isinstance(answer, list):
        return json.dumps(answer, separators=(",", ":"))
    return text


def _chosen(row: Row, answer: Any, text: str, choices: tuple[str, ...]) -> str:
    label = text.strip("().").upper()
    if len(label) == 1 and label.isalpha() and label.isascii() and ord(label) - ord("A") < len(choices):
        return label
    if text in choices:
        return letter(choices.index(text))
    if text.isascii() and text.isdigit() and len(text) <= 2 and int(text) < len(choices):
        return letter(int(text))
    step = "Give a letter, the text of a choice, or its number from 0."
    raise row.fault(f"the answer is none of the {len(choices)} choices", answer, step)


def _choices(row: Row, name: str) -> tuple[str, ...]:
    if not name:
        raise row.fault("a choice needs its options", dict(row.values), "Map choices=...")
    if name not in row.values and "+" in name:
        return tuple(_text(row, part.strip()) for part in name.split("+"))
    value = _find(row, name)
    if isinstance(value, str):
        value = _listed(row, value)
    if isinstance(value, Mapping):
        texts = value.get("text")
        value = texts if isinstance(texts, list) else list(value.values())
    if isinstance(value, list) and all(isinstance(item, Mapping) and "text" in item for item in value):
        value = [item["text"] for item in value]
    if not isinstance(value, list) or len(value) < 2 or any(isinstance(v, (list, Mapping)) for v in value):
        raise row.fault(f"{name!r} should list two choices or more", value, "Write them as a list, or a|b|c.")
    return tuple(str(item).strip() for item in value)


def _listed(row: Row, text: str) -> Any:
    if not text.lstrip().startswith(("[", "{")):
        return [part.strip() for part in text.split("|")]
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise row.fault("the choices are not a JSON list", text, 'Write ["a", "b"], or a|b.') from error


def _steps(value: Any) -> tuple[str, ...]:
    lines = value if isinstance(value, list) else str(value or "").split("\n")
    return tuple(str(line).strip() for line in lines if str(line).strip())


def _whole(row: Row, name: str) -> int | None:
    value = _find(row, name)
    if value is None or value == "":
        return None
    plain = plain_number(value)
    if plain is None or not plain.lstrip("-").isdigit():
        raise row.fault(f"{name!r} should be a whole number", value, "Write it as digits.")
    return int(plain)
