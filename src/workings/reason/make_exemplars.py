"""Makes the exemplar files of the procedural families: `python -m workings.reason.make_exemplars [FOLDER]`.

Run it again after a family has changed; a test compares its output with the files in the package.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path

from workings.core.errors import DataError
from workings.core.problem import AnswerKind, Problem
from workings.problems.procedural import family, generate

__all__ = ["COUNT", "FAMILIES", "exemplar_files", "main", "pick"]

COUNT = 6
FAMILIES = (
    "coin-flip",
    "last-letters",
    "shell-game",
    "addition",
    "chain-arithmetic",
    "countdown",
    "dates",
    "word-problems",
)
_DRAWS = 300


def pick(problems: Iterable[Problem], count: int) -> tuple[Problem, ...]:
    """The first `count` problems of which no two share a cluster, and no answer comes too often.

    Yes and no take turns, so that any even number of them from the start is balanced; any other answer comes at
    most twice. Raises DataError when the problems run out.
    """
    picked: list[Problem] = []
    answers: Counter[str | None] = Counter()
    clusters: set[str] = set()
    for problem in problems:
        most = len(picked) // 2 if problem.question.kind is AnswerKind.YES_NO else 1
        if problem.cluster in clusters or answers[problem.gold] > most:
            continue
        picked.append(problem)
        answers[problem.gold] += 1
        clusters.update({problem.cluster} - {""})
        if len(picked) == count:
            return tuple(picked)
    raise DataError(f"Only {len(picked)} of {count} exemplars were found.", "Give more problems, or ask for fewer.")


def exemplar_files() -> Mapping[str, str]:
    """File names and their text, drawn from the train split with in-length problems: the same every time."""
    return {f"{name}.en.json": _written(pick(generate(family(name), "train", _DRAWS), COUNT)) for name in FAMILIES}


def _written(problems: Iterable[Problem]) -> str:
    rows = [
        {
            "question": problem.question.text,
            "steps": list(problem.steps),
            "drafts": list(problem.drafts),
            "answer": problem.gold,
        }
        for problem in problems
    ]
    return json.dumps(rows, ensure_ascii=False, indent=2) + "\n"


def main(arguments: list[str]) -> None:
    """Writes the files to the folder given, or into the package."""
    target = arguments[0] if arguments else str(resources.files("workings.reason").joinpath("exemplars"))
    for name, text in exemplar_files().items():
        Path(target, name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
