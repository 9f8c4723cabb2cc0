"""Values to record: attempts of every shape, from a hypothesis strategy and by hand."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from workings.core.answer import Answer, Outcome, Source
from workings.core.capability import Identity
from workings.core.completion import Completion, Stop, Usage
from workings.core.problem import AnswerKind, Problem, Question
from workings.core.prompt import Message, Prompt
from workings.core.record import RunSpec
from workings.core.solution import Attempt, Choice, Failure, Solution
from workings.core.trace import Step, Trace
from workings.core.wire import pack

METHODS = ("direct", "vote:n=3")


def problem(number: int, **changes: Any) -> Problem:
    question = Question(f"p{number}", f"What is {number} + 1?", family="sums")
    return Problem(question, str(number + 1), cluster=f"c{number % 3}", length=number, **changes)


def spec(id: str = "r1", count: int = 5, **changes: Any) -> RunSpec:
    return RunSpec(id, "scripted", Identity("scripted"), METHODS, "sums", count, **changes)


def attempt(
    number: int,
    method: str = "direct",
    index: int = 0,
    outcome: Outcome | None = Outcome.RIGHT,
    text: str = "Add one.\nThe answer is 2.",
    chains: int = 1,
) -> Attempt:
    """An attempt as the driver makes it: a pool of traces made from the completions of the journal."""
    if outcome is Outcome.ERROR:
        failure = Failure("Unreachable", f"no server {number}", "direct.py:3")
        return Attempt(f"p{number}", method, index, 7, outcome, failure=failure, seconds=0.25)
    prompt = Prompt.user(f"What is {number} + 1?", lead="Think: ", system="Be brief.")
    usage = Usage(prompt=9, generated=3, calls=1)
    replies = tuple(
        Completion(f"{text} #{i}", Stop.END, (1, 2, i), None, (-0.1, -0.25, -1.5 / (i + 1)), seed=i, usage=usage)
        for i in range(chains)
    )
    answer = Answer("2", "2", (3, 4), Source.DECLARED)
    pool = tuple(
        Trace.of(prompt, c, answer, (Step("Think", 0, 5), Step(c.text[:4], 7, 7 + len(c.text[:4])))) for c in replies
    )
    solution = Solution(answer, 0.5, pool, Choice("votes", {"2": float(chains)}, 0), spent=usage)
    journal = ({"ask": "00ff", "reply": [pack(c) for c in replies]},)
    return Attempt(f"p{number}", method, index, 7, outcome, solution, None, usage, 0.5, journal)


TEXT = st.text(st.characters(exclude_categories=()), max_size=10)
FLOAT = st.floats(allow_nan=False) | st.floats(-5, 0, width=32)
COUNT = st.integers(0, 2**40)


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _several(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=3).map(tuple)


_usages = st.builds(Usage, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT)
_answers = st.builds(Answer, TEXT, _maybe(TEXT), _maybe(st.tuples(COUNT, COUNT)), st.sampled_from(Source))
_prompts = st.builds(Prompt, _several(st.builds(Message, st.just("user"), TEXT)), TEXT, _maybe(_several(COUNT)))
_completions = st.builds(
    Completion,
    TEXT,
    st.sampled_from(Stop),
    _maybe(_several(COUNT)),
    logprobs=_maybe(_several(FLOAT)),
    thinking=TEXT,
    entropy=_maybe(FLOAT),
    certainty=_maybe(FLOAT),
    seed=_maybe(COUNT),
    usage=_usages,
)
_journals = _several(
    st.lists(_completions, max_size=3).map(lambda cs: {"ask": "x", "reply": [pack(c) for c in cs]})
    | st.just({"ask": "y", "reply": {"logprobs": [[-1.0]]}})
    | st.dictionaries(TEXT, TEXT | FLOAT | st.lists(COUNT | FLOAT, max_size=2), max_size=2)
)
_traces = st.builds(
    Trace,
    TEXT,
    _several(st.builds(Step, TEXT, st.integers(0, 5), st.integers(0, 9))),
    _answers,
    st.sampled_from(Stop),
    _maybe(_prompts),
    TEXT,
    _maybe(COUNT),
    _maybe(COUNT),
    st.sampled_from(["chain", "probe"]),
    _maybe(_several(COUNT)),
    _maybe(_several(FLOAT)),
    st.dictionaries(TEXT, _several(FLOAT), max_size=2),
    _maybe(COUNT),
    _usages,
    _maybe(FLOAT),
    _maybe(FLOAT),
    _maybe(_several(TEXT)),
)
_choices = st.builds(
    Choice, TEXT, st.dictionaries(TEXT, FLOAT, max_size=2), _maybe(st.integers(0, 4)), COUNT, st.booleans()
)


@st.composite
def attempts(draw: st.DrawFn, number: int = 0, method: str = "direct", index: int = 0) -> Attempt:
    """Any attempt; some of its traces are made from completions of its journal, as a driver makes them."""
    journal = draw(_journals)
    pool = list(draw(st.lists(_traces, max_size=3)))
    told = [c for entry in journal for c in entry.get("reply", ()) if isinstance(c, dict) and "text" in c]
    for c in told:
        prompt = draw(_prompts)
        pool.append(
            Trace(
                prompt.lead + c["text"],
                stop=Stop(c.get("stop", Stop.UNKNOWN)),
                prompt=prompt,
                thinking=c.get("thinking", ""),
                token_ids=tuple(c["token_ids"]) if c.get("token_ids") is not None else None,
                logprobs=_read(c.get("logprobs")),
                seed=c.get("seed"),
                certainty=_number(c.get("certainty")),
                entropy=_number(c.get("entropy")),
                tokens=tuple(c["tokens"]) if c.get("tokens") is not None else None,
                usage=Usage(**c.get("usage", {})),
            )
        )
    solution = draw(
        _maybe(
            st.builds(
                Solution, _answers, _maybe(FLOAT), st.just(tuple(pool)), _maybe(_choices), _usages, TEXT, st.just({})
            )
        )
    )
    outcome = draw(_maybe(st.sampled_from(Outcome)))
    failure = draw(_maybe(st.builds(Failure, TEXT, TEXT, TEXT)))
    return Attempt(
        f"p{number}",
        method,
        index,
        draw(st.integers()),
        outcome,
        solution,
        failure,
        draw(_usages),
        draw(FLOAT),
        journal,
    )


def _read(values: Any) -> tuple[float, ...] | None:
    if values is None:
        return None
    return tuple(_number(v) for v in values)


def _number(value: Any) -> Any:
    return float(value["~float"]) if isinstance(value, dict) else value


PROBLEMS = st.builds(
    Problem,
    st.builds(Question, TEXT, TEXT, st.sampled_from(AnswerKind), _several(TEXT), TEXT, TEXT),
    _maybe(TEXT),
    _several(TEXT),
    cluster=TEXT,
    length=_maybe(st.integers(-5, 5)),
    split=TEXT,
    meta=st.dictionaries(TEXT, TEXT | COUNT, max_size=2),
)
