"""Public benchmarks in their published forms, read into problems.

Each benchmark is one function from a row to a problem's parts, and one that reads its file. The same row
functions serve copies on a hub, whose columns differ in name only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workings.core.errors import DataError
from workings.core.problem import AnswerKind, Problem, Question
from workings.problems.files import Row, csv_rows, file_rows, json_rows, jsonl_rows, plain_number, read_text, xml_rows

__all__ = [
    "Parts",
    "build",
    "letter",
    "read_aqua",
    "read_asdiv",
    "read_bbh",
    "read_commonsenseqa",
    "read_gsm8k",
    "read_mawps",
    "read_strategyqa",
    "read_svamp",
    "rows_to_parts",
    "split_of",
]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CALCULATOR = re.compile(r"<<[^<>\n]*>>")
_SPLITS = ("train", "test", "dev", "validation", "valid")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a row says of a problem; `build` adds its family, split and number."""

    text: str
    kind: AnswerKind
    gold: str | None
    choices: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    cluster: str = ""
    id: str = ""
    length: int | None = None
    split: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)


def build(parts: Iterable[Parts], family: str, split: str, language: str = "en") -> Iterator[Problem]:
    """Problems in file order, with ids "family-split-number" (from 0) unless a row brings its own."""
    for number, part in enumerate(parts):
        where = part.split or split
        question = Question(
            part.id or f"{family}-{where}-{number}", part.text, part.kind, part.choices, family, language
        )
        yield Problem(
            question,
            part.gold,
            steps=part.steps,
            cluster=part.cluster,
            length=part.length,
            split=where,
            meta=part.meta,
        )


def split_of(path: Path, default: str = "test") -> str:
    """The split that a file's name speaks of ("dev_rand_split.jsonl" is "dev"), or the default."""
    words = re.split(r"[^a-z]+", path.stem.lower())
    found = next((name for name in _SPLITS if name in words), default)
    return "dev" if found.startswith("valid") else found


def letter(number: int) -> str:
    """The label of a choice by its number from 0."""
    if not 0 <= number < len(LETTERS):
        raise DataError(f"Choice number {number} has no letter.", "At most 26 choices can be labelled.")
    return LETTERS[number]


def gsm8k_parts(row: Row) -> Parts:
    answer = row.text("answer")
    reasoning, mark, final = answer.rpartition("####")
    gold = plain_number(final) if mark else None
    if gold is None:
        raise row.fault("no number after '####'", answer[-80:], "End the answer with '#### 42'.")
    lines = (_CALCULATOR.sub("", line).strip() for line in reasoning.split("\n"))
    return Parts(row.text("question"), AnswerKind.NUMBER, gold, steps=tuple(line for line in lines if line))


def svamp_parts(row: Row) -> Parts:
    body, question = row.text("Body"), row.text("Question")
    if body[-1] not in ".?!":
        body += "."
    meta = {"id": row.values.get("ID", ""), "type": row.values.get("Type", ""), "body": body}
    equation = str(row.values.get("Equation", "")).strip()
    return Parts(
        f"{body} {question}",
        AnswerKind.NUMBER,
        row.number("Answer"),
        steps=(equation,) if equation else (),
        meta=meta,
    )


def aqua_parts(row: Row) -> Parts:
    options = row.get("options")
    if not isinstance(options, list) or not options or not all(isinstance(o, str) for o in options):
        raise row.fault("'options' should be a list of texts", options, 'Write them as ["A)1", "B)2", ...].')
    choices = tuple(_unlabelled(text, letter(number)) for number, text in enumerate(options))
    rationale = row.values.get("rationale") or ""
    steps = tuple(line.strip() for line in str(rationale).split("\n") if line.strip())
    return Parts(
        row.text("question"), AnswerKind.CHOICE, _letter_among(row, row.get("correct"), choices), choices, steps
    )


def _unlabelled(text: str, label: str) -> str:
    marks = (f"{label})", f"({label})")
    text = text.strip()
    while text.startswith(marks):
        text = text.partition(")")[2].strip()
    return text


def _letter_among(row: Row, answer: object, choices: tuple[str, ...]) -> str:
    text = answer.strip().strip("().").upper() if isinstance(answer, str) else ""
    if len(text) == 1 and text in LETTERS[: len(choices)]:
        return text
    raise row.fault("the answer is none of the choices", answer, f"Name one of {', '.join(LETTERS[: len(choices)])}.")


def strategyqa_parts(row: Row) -> Parts:
    answer = row.get("answer")
    if not isinstance(answer, bool):
        raise row.fault("'answer' should be true or false", answer, "Write true for yes and false for no.")
    term, qid = str(row.values.get("term") or ""), str(row.values.get("qid") or "")
    steps = row.values.get("decomposition") or ()
    facts = row.values.get("facts") or ()
    if not isinstance(steps, (list, tuple)):
        raise row.fault("'decomposition' should be a list", steps, "Write the sub-questions as a list of texts.")
    meta = {"qid": qid, "term": term, "facts": list(facts) if isinstance(facts, (list, tuple)) else [str(facts)]}
    return Parts(
        row.text("question"),
        AnswerKind.YES_NO,
        "yes" if answer else "no",
        steps=tuple(str(step).strip() for step in steps),
        cluster=term or qid,
        meta=meta,
    )


def commonsenseqa_parts(row: Row) -> Parts:
    question = row.get("question")
    if isinstance(question, dict):
        row = Row({**row.values, **question, "question": question.get("stem")}, row.file, row.place, row.unit)
    choices = row.get("choices")
    if isinstance(choices, dict):
        labels, texts = choices.get("label"), choices.get("text")
    elif isinstance(choices, list) and all(isinstance(c, dict) for c in choices):
        labels, texts = [c.get("label") for c in choices], [c.get("text") for c in choices]
    else:
        labels = texts = None
    if not isinstance(labels, list) or not isinstance(texts, list) or labels != list(LETTERS[: len(texts)]):
        raise row.fault("'choices' should be labelled A, B, C...", choices, 'Use {"label": "A", "text": "..."}.')
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise row.fault("each choice needs a text", choices, 'Use {"label": "A", "text": "..."}.')
    options = tuple(text.strip() for text in texts)
    key = row.values.get("answerKey")
    concept = str(row.values.get("question_concept") or "")
    return Parts(
        row.text("question"),
        AnswerKind.CHOICE,
        _letter_among(row, key, options) if key else None,
        options,
        cluster=concept,
        meta={"id": row.values.get("id", ""), "concept": concept},
    )


def asdiv_parts(row: Row) -> Parts:
    names = {name.lower().replace("-", "_"): value for name, value in row.values.items()}
    row = Row(names, row.file, row.place, row.unit)
    answer = row.text("answer")
    text = f"{row.text('body')} {row.text('question')}"
    meta = {name: names[name] for name in ("id", "grade", "source", "solution_type") if names.get(name)}
    bare = re.sub(r"\s*\([^()]*\)\s*$", "", answer)
    plain = plain_number(bare)
    meta["answer"] = answer
    formula = str(names.get("formula") or "").strip()
    steps = (formula,) if formula else ()
    if plain is not None:
        return Parts(text, AnswerKind.NUMBER, plain, steps=steps, meta=meta)
    if bare.lower() in ("yes", "no"):
        return Parts(text, AnswerKind.YES_NO, bare.lower(), steps=steps, meta=meta)
    return Parts(text, AnswerKind.TEXT, bare, steps=steps, meta=meta)


def mawps_parts(row: Row) -> Parts:
    if "sQuestion" in row.values:
        solutions = row.get("lSolutions")
        if not isinstance(solutions, list) or len(solutions) != 1 or plain_number(solutions[0]) is None:
            raise row.fault("'lSolutions' should hold one number", solutions, "Write it as [12.0].")
        equations = row.values.get("lEquations") or []
        return Parts(
            row.text("sQuestion"),
            AnswerKind.NUMBER,
            plain_number(solutions[0]),
            steps=tuple(str(e) for e in equations),
            meta={"id": row.values.get("iIndex", "")},
        )
    numbers = row.values.get("Numbers", "")
    values = numbers if isinstance(numbers, list) else str(numbers).replace(",", " ").strip("[] ").split()
    equation = str(row.values.get("Equation", "")).strip()
    return Parts(
        _filled(row, row.text("Question"), values),
        AnswerKind.NUMBER,
        row.number("Answer"),
        steps=(_filled(row, equation, values),) if equation else (),
    )


def _filled(row: Row, text: str, values: list[Any]) -> str:
    def number(found: re.Match[str]) -> str:
        at = int(found[1])
        plain = plain_number(values[at]) if at < len(values) else None
        if plain is None:
            raise row.fault(f"no number for the placeholder {found[0]!r}", values, "Fill the Numbers column.")
        return plain

    return re.sub(r"\b(?:number|N_)(\d{1,3})\b", number, text)


def _bbh_parts(rows: list[Row]) -> Iterator[Parts]:
    targets = [str(row.values.get("target", "")).strip().lower() for row in rows]
    if all(target in ("yes", "no") for target in targets):
        plain = AnswerKind.YES_NO
    elif all(plain_number(target) is not None for target in targets):
        plain = AnswerKind.NUMBER
    else:
        plain = AnswerKind.TEXT
    for row in rows:
        yield _scored(row) if "target_scores" in row.values else _targeted(row, plain)


def _scored(row: Row) -> Parts:
    scores = row.get("target_scores")
    if not isinstance(scores, dict) or not all(isinstance(v, (int, float)) for v in scores.values()) or not scores:
        raise row.fault("'target_scores' should map options to scores", scores, "Give the right one the score 1.")
    options = tuple(str(option).strip() for option in scores)
    best = [option for option, score in zip(options, scores.values(), strict=True) if score == max(scores.values())]
    if len(best) != 1:
        raise row.fault("more than one option has the best score", best, "Give one option the score 1.")
    if {option.lower() for option in options} == {"yes", "no"}:
        return Parts(row.text("input"), AnswerKind.YES_NO, best[0].lower())
    return Parts(row.text("input"), AnswerKind.CHOICE, letter(options.index(best[0])), options)


def _targeted(row: Row, plain: AnswerKind) -> Parts:
    text, target = row.text("input"), row.text("target")
    if plain is AnswerKind.TEXT:
        stem, mark, block = text.rpartition("\nOptions:")
        options = _options(block) if mark else ()
        inside = target.strip("()")
        if options and len(inside) == 1 and inside in LETTERS[: len(options)]:
            return Parts(stem.strip(), AnswerKind.CHOICE, inside, options)
        if options and target in options:
            return Parts(stem.strip(), AnswerKind.CHOICE, letter(options.index(target)), options)
    if plain is AnswerKind.YES_NO:
        text = re.sub(r"\nOptions:\s*\n-\s*yes\s*\n-\s*no\s*$", "", text, flags=re.IGNORECASE)
        return Parts(text, plain, target.lower())
    if plain is AnswerKind.NUMBER:
        return Parts(text, plain, plain_number(target))
    return Parts(text, plain, target)


def _options(block: str) -> tuple[str, ...]:
    options: list[str] = []
    for line in block.strip().split("\n"):
        label = f"({LETTERS[len(options)]})" if len(options) < len(LETTERS) else "-"
        if line.startswith((label, "-")):
            options.append(line[len(label if line.startswith(label) else "-") :].strip())
        elif options:
            options[-1] += f"\n{line.rstrip()}"
        else:
            return ()
    return tuple(options)


def read_gsm8k(path: Path, split: str | None = None) -> Iterator[Problem]:
    """GSM8K (Cobbe et al. 2021): one JSON object a line.

    Gold is what follows "####", without commas; gold steps are the lines before it, without <<...>> marks.
    """
    return build(map(gsm8k_parts, jsonl_rows(path)), "gsm8k", split or split_of(path))


def read_svamp(path: Path, split: str | None = None) -> Iterator[Problem]:
    """SVAMP (Patel et al. 2021): a JSON array. Its equation is the only gold step.

    Problems varied from the same seed are not marked in the file, so they carry no cluster.
    """
    return build(map(svamp_parts, json_rows(path)), "svamp", split or split_of(path))


def read_aqua(path: Path, split: str | None = None) -> Iterator[Problem]:
    """AQuA-RAT (Ling et al. 2017): one JSON object a line, five choices; the rationale's lines are the steps.

    Rationales were written by crowd workers, and often state the answer in their last line.
    """
    return build(map(aqua_parts, jsonl_rows(path)), "aqua", split or split_of(path))


def read_strategyqa(path: Path, split: str | None = None) -> Iterator[Problem]:
    """StrategyQA (Geva et al. 2021): a JSON array, or the BIG-bench task file; questions of a term cluster.

    The decomposition gives the gold steps: they are sub-questions, not statements.
    """
    split = split or split_of(path)
    if read_text(path).lstrip().startswith("{"):
        return build(_bbh_parts(_examples(path)), "strategyqa", split)
    return build(map(strategyqa_parts, json_rows(path)), "strategyqa", split)


def read_commonsenseqa(path: Path, split: str | None = None) -> Iterator[Problem]:
    """CommonsenseQA (Talmor et al. 2019): one JSON object a line; questions of a concept cluster.

    The published test split has no answers: its problems have no gold.
    """
    return build(map(commonsenseqa_parts, jsonl_rows(path)), "commonsenseqa", split or split_of(path))


def read_asdiv(path: Path, split: str | None = None) -> Iterator[Problem]:
    """ASDiv (Miao et al. 2020): XML, one Problem element each; its formula is the only gold step.

    Units in brackets are dropped from numeric answers and kept in `meta`. Answers of several parts, times and
    ratios are of kind text.
    """
    return build(map(asdiv_parts, xml_rows(path, "Problem")), "asdiv", split or split_of(path))


def read_mawps(path: Path, split: str | None = None) -> Iterator[Problem]:
    """MAWPS (Koncel-Kedziorski et al. 2016): its JSON forms, a CSV of placeholders, or a folder of CSV folds.

    In the CSV form "number0" stands for the first of the column Numbers. Of a folder with fold0, fold1, ... the
    dev.csv of each is read: together they hold every problem once.
    """
    if path.is_dir():
        folds = sorted(path.glob("fold*/dev.csv"))
        if not folds:
            raise DataError(f"{path} holds no fold*/dev.csv.", "Give the folder that holds fold0, or one file.")
        rows: Iterable[Row] = (row for fold in folds for row in csv_rows(fold))
        return build(map(mawps_parts, rows), "mawps", split or "test")
    return build(map(mawps_parts, file_rows(path)), "mawps", split or split_of(path))


def read_bbh(path: Path, split: str | None = None, family: str = "") -> Iterator[Problem]:
    """A task file of BIG-Bench Hard (Suzgun et al. 2022).

    An "Options:" block becomes choices and leaves the text. Tasks answered yes or no, or by numbers alone, are
    of that kind; the rest are text. The file's canary string is not read into problems.
    """
    return build(_bbh_parts(_examples(path)), family or f"bbh/{path.stem}", split or "test")


def _examples(path: Path) -> list[Row]:
    return list(json_rows(path, "examples"))


PARTS: Mapping[str, Callable[[Row], Parts]] = {
    "gsm8k": gsm8k_parts,
    "svamp": svamp_parts,
    "aqua": aqua_parts,
    "strategyqa": strategyqa_parts,
    "commonsenseqa": commonsenseqa_parts,
    "asdiv": asdiv_parts,
    "mawps": mawps_parts,
}


def rows_to_parts(name: str, rows: Iterable[Row]) -> Iterator[Parts]:
    """The parts of a benchmark's rows, wherever the rows came from."""
    if name.startswith("bbh"):
        return _bbh_parts(list(rows))
    return map(PARTS[name], rows)
