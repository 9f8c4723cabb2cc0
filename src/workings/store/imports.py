"""Outputs that people already have, judged and kept as a run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from workings import __version__
from workings.core.answer import Answer, Outcome
from workings.core.capability import Identity
from workings.core.completion import Usage
from workings.core.errors import DataError, GraderError
from workings.core.problem import Problem, Question
from workings.core.record import RunSpec
from workings.core.solution import Attempt, Choice, Failure, Solution
from workings.core.trace import Step, Trace
from workings.core.wire import pack
from workings.store.archive import Archive
from workings.store.codec import decode, dump, encode, load
from workings.store.compact import compact, restore
from workings.store.formats import Output, guess_kind
from workings.store.outputs import read_outputs
from workings.store.runs import Run

__all__ = ["Output", "import_outputs", "read_outputs"]

Splitter = Callable[[str], tuple[Step, ...]]
Verdict = Callable[[Problem, str], tuple[Answer, Outcome | None]]


def import_outputs(
    archive: Archive, outputs: Iterable[Output], judge: Verdict, *, split: Splitter | None = None, source: str = ""
) -> Run:
    """Keeps outputs as a finished run with one method a label, each judged by `judge(problem, reply)`.

    Nothing is kept unless every output can be. The run's id follows from what is imported, so importing the same
    outputs again gives the same run. Outputs of our own export keep their attempt as it was and are not judged.
    A GraderError of the judge becomes the failure of that attempt.
    `split` finds the steps of a reply; `source` names the file in the run.
    Raises DataError for outputs that contradict each other.
    """
    problems: dict[str, Problem] = {}
    labels: dict[str, int] = {}
    kept: dict[tuple[str, str, int], bytes] = {}
    content = hashlib.blake2b(digest_size=8)
    for output in outputs:
        problem = _agreed(problems, output)
        key = (output.problem_id, output.label, output.index)
        if key in kept:
            raise DataError(
                f"{output.where}: sample {output.index} of {output.label!r} at {output.problem_id!r} comes twice.",
                "Give each its own index, or leave the index out.",
            )
        labels[output.label] = max(labels.get(output.label, 0), output.index + 1)
        scores = [] if output.logprobs is None else [output.logprobs, output.pieces]
        told = dump([pack(problem), *key, output.reply, output.error, *scores])
        content.update(len(told).to_bytes(8, "big") + told)
        kept[key] = encode(dump(compact(output.attempt or _attempt(problem, output, judge, split))), b"")
    if not kept:
        raise DataError(f"{source or 'The input'} holds no outputs.", "Name a file with at least one.")
    spec = RunSpec(
        id=f"import-{content.hexdigest()}",
        model=source or "imported",
        identity=Identity(source or "imported"),
        methods=tuple(labels),
        problems=source or "imported",
        count=len(problems),
        repeats=max(labels.values()),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
        notes={"imported": True},
    )
    with archive.transaction():
        run = archive.start(spec, tuple(problems.values()))
        run.append_all(restore(load(decode(packed, b""))) for packed in kept.values())
        run.finish("imported")
    return run


def _agreed(problems: dict[str, Problem], output: Output) -> Problem:
    """The problem of an output, checked against what earlier outputs said about it."""
    new = output.problem or Problem(
        Question(
            output.problem_id,
            output.question or "",
            output.kind or guess_kind(output.gold, output.choices),
            output.choices,
            output.family,
            output.language,
        ),
        output.gold,
    )
    old = problems.get(output.problem_id)
    if old is None or old == new:
        return problems.setdefault(output.problem_id, new)
    both_texts = output.question is not None and old.question.text not in ("", output.question)
    both_golds = output.gold is not None and old.gold is not None and old.gold != output.gold
    if both_texts or both_golds or output.problem is not None:
        raise DataError(
            f"{output.where}: problem {output.problem_id!r} has another question or gold than before.",
            "Give different problems different ids.",
        )
    if (old.question.text == "" and output.question) or (old.gold is None and output.gold is not None):
        raise DataError(
            f"{output.where}: problem {output.problem_id!r} was named before without its question or gold.",
            "Give question and gold on the first line of each problem, or on every line.",
        )
    return old


def _attempt(problem: Problem, output: Output, judge: Verdict, split: Splitter | None) -> Attempt:
    spent = Usage(generated=output.tokens or len(output.logprobs or ()), calls=1)
    if output.error:
        return _failed(output, Failure("ImportedError", output.error), spent)
    try:
        answer, outcome = judge(problem, output.reply)
    except GraderError as error:
        return _failed(output, Failure(type(error).__name__, str(error)), spent)
    trace = Trace(
        output.reply,
        split(output.reply) if split else (),
        answer,
        output.stop,
        logprobs=output.logprobs,
        usage=spent,
        tokens=output.pieces,
    )
    weights = {answer.canonical: 1.0} if answer.canonical is not None else {}
    choice = Choice("imported", weights, chosen=0, abstained=0 if weights else 1)
    solution = Solution(answer, pool=(trace,), choice=choice, spent=spent)
    return Attempt(problem.id, output.label, output.index, 0, outcome, solution, spent=spent, seconds=output.seconds)


def _failed(output: Output, failure: Failure, spent: Usage) -> Attempt:
    key = (output.problem_id, output.label, output.index)
    return Attempt(*key, seed=0, outcome=Outcome.ERROR, failure=failure, spent=spent)
