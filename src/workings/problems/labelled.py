"""Chains with a label a step, read from the published forms: PRM800K, ProcessBench, and stepwise rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workings.problems.files import Row, jsonl_rows

__all__ = ["LabelledChain", "read_prm800k", "read_processbench", "read_stepwise", "stepwise_row"]


@dataclass(frozen=True, slots=True)
class LabelledChain:
    """A question, the steps of one chain, and what its annotators say.

    `labels` has one entry a step: True for right (or neutral), False for wrong, None where nobody looked.
    `answer_right` says whether the final answer is, None when that is not told. `id` and `source` are the file's own.
    """

    question: str
    steps: tuple[str, ...]
    labels: tuple[bool | None, ...]
    answer_right: bool | None = None
    id: str = ""
    source: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def first_error(self) -> int | None:
        """The number of the first wrong step, -1 when all are right; None when one before it has no label."""
        for number, label in enumerate(self.labels):
            if label is None:
                return None
            if not label:
                return number
        return -1


def read_processbench(path: Path) -> Iterator[LabelledChain]:
    """ProcessBench (Zheng et al. 2024), as JSON lines of {id, generator, problem, steps, final_answer_correct, label}.

    `label` is the number from 0 of the first wrong step, -1 for none; steps behind it get no label. Raises DataError
    with the line's number for a row that does not fit.
    """
    for row in jsonl_rows(path):
        steps = _texts(row, row.get("steps"), "steps")
        label = row.get("label")
        if isinstance(label, bool) or not isinstance(label, int) or not -1 <= label < len(steps):
            raise row.fault("'label' should be -1 or the number of a step", label, f"There are {len(steps)} steps.")
        right = row.values.get("final_answer_correct")
        before = label if label >= 0 else len(steps)
        labels = tuple(True if n < before else False if n == label else None for n in range(len(steps)))
        yield LabelledChain(
            row.text("problem"),
            steps,
            labels,
            right if isinstance(right, bool) else None,
            str(row.values.get("id", "")),
            str(row.values.get("generator", "")),
        )


def read_prm800k(path: Path, *, alternatives: bool = False) -> Iterator[LabelledChain]:
    """PRM800K (Lightman et al. 2023), as JSON lines of {question, label: {steps: [{completions, ...}]}, ...}.

    A chain follows the completion chosen at each step, or the annotator's own where one was written, which counts as
    right; it ends with the first completion of a step at which none was chosen. A rating of 1 or 0 is right, -1 wrong,
    none no label. With `alternatives`, each other rated completion gives a chain of its own, with a label only at its
    end. Quality-control and screening questions are read like others and marked in `meta`. Chains without a step are
    left out.
    """
    for number, row in enumerate(jsonl_rows(path)):
        question = row.get("question")
        label = row.get("label")
        if not isinstance(question, dict) or not isinstance(question.get("problem"), str):
            raise row.fault("'question' should be an object with a 'problem'", question, "See PRM800K's README.")
        if not isinstance(label, dict) or not isinstance(label.get("steps"), list):
            raise row.fault("'label' should be an object with 'steps'", label, "See PRM800K's README.")
        meta = {
            key: row.values[key]
            for key in ("is_quality_control_question", "is_initial_screening_question", "generation")
            if key in row.values
        }
        meta["finish"] = label.get("finish_reason")
        main, others = _walk(row, label["steps"])
        text = question["problem"]
        if main:
            texts, labels = zip(*main, strict=True)
            yield LabelledChain(text, texts, labels, None, f"{number}", str(row.values.get("labeler", "")), meta)
        for place, (texts, verdict) in enumerate(others if alternatives else ()):
            labels = (*(None for _ in texts[:-1]), verdict)
            yield LabelledChain(
                text, texts, labels, None, f"{number}/{place}", str(row.values.get("labeler", "")), meta
            )


def _walk(row: Row, steps: Sequence[Any]) -> tuple[list[tuple[str, bool | None]], list[tuple[tuple[str, ...], bool]]]:
    main: list[tuple[str, bool | None]] = []
    others: list[tuple[tuple[str, ...], bool]] = []
    for step in steps:
        completions = step.get("completions") if isinstance(step, dict) else None
        if completions is None:
            completions = []
        if not isinstance(step, dict) or not isinstance(completions, list):
            raise row.fault("a step should be an object with 'completions'", step, "See PRM800K's README.")
        read = [_completion(row, one) for one in completions]
        human = step.get("human_completion")
        chosen = step.get("chosen_completion")
        if chosen is not None and (
            isinstance(chosen, bool) or not isinstance(chosen, int) or not 0 <= chosen < len(read)
        ):
            raise row.fault("'chosen_completion' is not the number of a completion", chosen, "Count from 0.")
        taken = None if isinstance(human, dict) else chosen if chosen is not None else (0 if read else None)
        before = tuple(text for text, _ in main)
        others += [((*before, text), said) for n, (text, said) in enumerate(read) if n != taken and said is not None]
        if isinstance(human, dict):
            main.append((_completion(row, human)[0], True))
        elif taken is not None:
            main.append(read[taken])
        if chosen is None and not isinstance(human, dict):
            break
    return main, others


def _completion(row: Row, one: Any) -> tuple[str, bool | None]:
    if not isinstance(one, dict) or not isinstance(one.get("text"), str):
        raise row.fault("a completion should be an object with a 'text'", one, "See PRM800K's README.")
    rating = one.get("rating")
    if rating not in (-1, 0, 1, None):
        raise row.fault("'rating' should be -1, 0, 1 or null", rating, "See PRM800K's README.")
    return one["text"], None if rating is None else rating >= 0


def read_stepwise(path: Path) -> Iterator[LabelledChain]:
    """Rows of {prompt, completions: [...], labels: [...]}: the form that TRL's PRM trainer took until 1.15.

    Labels are true, false, or 1 and 0. A row with another number of labels than steps is refused, never cut.
    """
    for row in jsonl_rows(path):
        steps = _texts(row, row.get("completions"), "completions")
        labels = row.get("labels")
        if not isinstance(labels, list) or len(labels) != len(steps) or any(x not in (0, 1) for x in labels):
            raise row.fault(f"'labels' should be {len(steps)} times true or false", labels, "Give one label a step.")
        yield LabelledChain(row.text("prompt"), steps, tuple(map(bool, labels)))


def stepwise_row(chain: LabelledChain) -> dict[str, Any]:
    """A chain in the stepwise form, up to its last label; steps from the first without one are left out."""
    known = next((n for n, label in enumerate(chain.labels) if label is None), len(chain.labels))
    return {
        "prompt": chain.question,
        "completions": list(chain.steps[:known]),
        "labels": [bool(label) for label in chain.labels[:known]],
    }


def _texts(row: Row, values: Any, name: str) -> tuple[str, ...]:
    if not isinstance(values, list) or not values or not all(isinstance(text, str) for text in values):
        raise row.fault(f"'{name}' should be a list of texts", values, "Give at least one.")
    return tuple(values)
