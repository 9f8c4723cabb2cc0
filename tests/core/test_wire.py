"""Laws of the wire: what is packed comes back equal, and nothing else is let in."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.answer import Answer, Outcome, Source
from workings.core.ask import Grade, Sample, Sampling, Score, Scores
from workings.core.budget import Budget
from workings.core.capability import Identity
from workings.core.completion import Completion, Stop, Usage
from workings.core.errors import DataError
from workings.core.finding import Finding, Interval
from workings.core.problem import AnswerKind, Problem, Question
from workings.core.prompt import Message, Prompt
from workings.core.record import AttemptRow, RunSpec
from workings.core.solution import Attempt, Choice, Failure, Solution
from workings.core.trace import Step, Trace
from workings.core.wire import _dataclass_packer, pack, unpack

TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
FLOAT = st.floats(allow_nan=False)
COUNT = st.integers(0, 2**40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOAT | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.sampled_from(["~float", "~map"]), inner),
    max_leaves=6,
)
NOTES = st.dictionaries(TEXT | st.sampled_from(["~float", "~map", "~"]), JSON, max_size=3)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def several(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=3).map(tuple)


USAGES = st.builds(Usage, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT)
ANSWERS = st.builds(Answer, TEXT, maybe(TEXT), maybe(st.tuples(COUNT, COUNT)), st.sampled_from(Source))
PROMPTS = st.builds(
    Prompt,
    several(st.builds(Message, st.sampled_from(["system", "user", "assistant"]), TEXT)),
    TEXT,
    maybe(several(COUNT)),
)
COMPLETIONS = st.builds(
    Completion,
    TEXT,
    st.sampled_from(Stop),
    maybe(several(COUNT)),
    maybe(several(TEXT)),
    maybe(several(FLOAT)),
    TEXT,
    maybe(FLOAT),
    maybe(FLOAT),
    maybe(st.integers()),
    USAGES,
)
TRACES = st.builds(
    Trace,
    TEXT,
    several(st.builds(Step, TEXT, COUNT, COUNT)),
    ANSWERS,
    st.sampled_from(Stop),
    maybe(PROMPTS),
    TEXT,
    maybe(COUNT),
    maybe(COUNT),
    TEXT,
    maybe(several(COUNT)),
    maybe(several(FLOAT)),
    st.dictionaries(TEXT, several(FLOAT), max_size=2),
    maybe(st.integers()),
    USAGES,
)
CHOICES = st.builds(Choice, TEXT, st.dictionaries(TEXT, FLOAT, max_size=2), maybe(COUNT), COUNT, st.booleans())
SOLUTIONS = st.builds(
    Solution,
    ANSWERS,
    maybe(FLOAT),
    several(TRACES),
    maybe(CHOICES),
    USAGES,
    TEXT,
    NOTES,
)
PROBLEMS = st.builds(
    Problem,
    st.builds(Question, TEXT, TEXT, st.sampled_from(AnswerKind), several(TEXT), TEXT, TEXT),
    maybe(TEXT),
    several(TEXT),
    several(TEXT),
    TEXT,
    maybe(COUNT),
    TEXT,
    NOTES,
)
VALUES = st.one_of(
    USAGES,
    ANSWERS,
    PROMPTS,
    COMPLETIONS,
    TRACES,
    SOLUTIONS,
    PROBLEMS,
    st.builds(
        Attempt,
        TEXT,
        TEXT,
        COUNT,
        st.integers(),
        maybe(st.sampled_from(Outcome)),
        maybe(SOLUTIONS),
        maybe(st.builds(Failure, TEXT, TEXT, TEXT)),
        USAGES,
        FLOAT,
        several(NOTES),
    ),
    st.builds(Sample, PROMPTS, COUNT, st.builds(Sampling, st.floats(0, 5), st.integers(1, 99)), TEXT, COUNT, TEXT),
    st.builds(Score, PROMPTS, several(TEXT), several(COUNT), TEXT, TEXT, maybe(several(COUNT))),
    st.builds(Scores, several(several(FLOAT)), USAGES),
    st.builds(
        Grade, st.builds(Question, TEXT, TEXT, st.sampled_from(AnswerKind), several(TEXT)), several(several(TEXT)), TEXT
    ),
    st.builds(
        Finding, TEXT, maybe(FLOAT), maybe(st.builds(Interval, FLOAT, FLOAT, TEXT, FLOAT)), detail=NOTES, n=COUNT
    ),
    st.builds(
        RunSpec,
        TEXT,
        TEXT,
        st.builds(Identity, TEXT, TEXT, TEXT, TEXT),
        several(TEXT),
        TEXT,
        COUNT,
        budget=st.builds(Budget, maybe(st.integers(1))),
        notes=NOTES,
    ),
    st.builds(AttemptRow, TEXT, TEXT, COUNT, maybe(st.sampled_from(Outcome)), seconds=FLOAT, confidence=maybe(FLOAT)),
)


def through_json(data: Any) -> Any:
    return json.loads(json.dumps(data, ensure_ascii=False, allow_nan=False))


@given(VALUES)
@settings(max_examples=100, deadline=None)
def test_what_is_packed_comes_back_equal(value: Any) -> None:
    data = pack(value)
    assert unpack(type(value), data) == value
    assert unpack(type(value), through_json(data)) == value


@given(VALUES)
@settings(max_examples=50, deadline=None)
def test_packing_and_reading_leave_their_input_alone(value: Any) -> None:
    data = pack(value)
    before = copy.deepcopy(data)
    unpack(type(value), data)
    assert data == before
    assert pack(value) == before


@given(VALUES, JSON)
@settings(max_examples=100, deadline=None)
def test_a_wrong_value_is_a_data_error_or_reads_as_the_right_kind(value: Any, other: Any) -> None:
    data = pack(value)
    for name in data:
        try:
            read = unpack(type(value), {**data, name: other})
        except DataError as error:
            assert error.what
        else:
            assert isinstance(read, type(value))


def test_defaults_are_left_out() -> None:
    assert pack(Usage()) == {}
    assert pack(Completion("x", Stop.END)) == {"text": "x", "stop": "end token"}


@pytest.mark.parametrize("number", [math.inf, -math.inf, 0.0, -0.0, 1e308, 5e-324, 0.1 + 0.2])
def test_every_float_survives(number: float) -> None:
    row = AttemptRow("p", "m", 0, None, seconds=number, confidence=number)
    read = unpack(AttemptRow, through_json(pack(row)))
    assert (str(read.seconds), str(read.confidence)) == (str(number), str(number))
    chain = Completion("x", logprobs=(number, 1.0))
    assert unpack(Completion, through_json(pack(chain))).logprobs == (number, 1.0)


def test_nan_survives_in_fields_lists_and_notes() -> None:
    solution = Solution(confidence=math.nan, notes={"deep": {"list": [1, {"x": math.nan}], "n": math.nan}})
    read = unpack(Solution, through_json(pack(solution)))
    assert read.confidence is not None and math.isnan(read.confidence)
    assert math.isnan(read.notes["deep"]["n"]) and math.isnan(read.notes["deep"]["list"][1]["x"])
    chain = unpack(Completion, through_json(pack(Completion("x", logprobs=(math.nan, -1.0, math.inf)))))
    assert chain.logprobs is not None and math.isnan(chain.logprobs[0]) and chain.logprobs[1:] == (-1.0, math.inf)


@pytest.mark.parametrize("notes", [{"~float": "not a number"}, {"~map": {"~float": 3}}, {"~": 1}, {"~float": "nan"}])
def test_notes_that_look_like_our_marks_stay_notes(notes: Mapping[str, Any]) -> None:
    assert unpack(Solution, through_json(pack(Solution(notes=notes)))).notes == notes
    assert unpack(Solution, through_json(pack(Solution(notes={"in": notes})))).notes == {"in": notes}


def test_lone_surrogates_survive() -> None:
    answer = Answer("\ud800", "\udfff\ud83d")
    assert unpack(Answer, through_json(pack(answer))) == answer


def test_a_setting_out_of_range_in_a_file_is_a_data_error() -> None:
    with pytest.raises(DataError, match="temperature"):
        unpack(Sampling, {"temperature": -1})


def test_an_unknown_field_names_itself() -> None:
    with pytest.raises(DataError, match="Usage has no field 'cost'"):
        unpack(Usage, {"cost": 1})


@pytest.mark.parametrize(
    ("kind", "data", "what"),
    [
        (Completion, {"text": 3}, "Completion.text"),
        (Completion, {"text": "x", "stop": "tired"}, "Completion.stop"),
        (Completion, {"text": "x", "logprobs": "0.5"}, "Completion.logprobs"),
        (Completion, {"text": "x", "logprobs": [[]]}, "Completion.logprobs"),
        (Completion, {}, "incomplete Completion"),
        (Completion, [], "Expected a Completion"),
        (Trace, {"text": "x", "scores": []}, "Trace.scores"),
        (Answer, {"span": [1]}, "Answer.span"),
        (Answer, {"span": {"0": 1}}, "Answer.span"),
        (Solution, {"confidence": {"~float": []}}, "Solution.confidence"),
    ],
)
def test_what_does_not_fit_is_named(kind: type[Any], data: Any, what: str) -> None:
    with pytest.raises(DataError, match=what):
        unpack(kind, data)


def test_what_cannot_be_recorded_is_refused() -> None:
    with pytest.raises(DataError, match="A set cannot be recorded"):
        pack(Solution(notes={"x": {1, 2}}))
    with pytest.raises(DataError, match="type cannot be recorded"):
        pack(Usage)


def test_nesting_too_deep_is_a_data_error() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(DataError, match="too deeply"):
        pack(Solution(notes={"deep": deep}))
    with pytest.raises(DataError, match="too deeply"):
        unpack(Solution, {"notes": {"deep": deep}})


def test_numbers_of_other_libraries_become_plain() -> None:
    np = pytest.importorskip("numpy")
    packed = pack(Solution(confidence=np.float64(0.5), notes={"x": np.float64("nan")}))
    assert type(packed["confidence"]) is float
    assert packed["notes"] == {"x": {"~float": "nan"}}


def test_every_core_dataclass_has_readable_hints() -> None:
    for kind in (Attempt, Problem, RunSpec, AttemptRow, Sample, Score, Grade, Finding):
        with pytest.raises(DataError, match=f"{kind.__name__} has no field"):
            unpack(kind, {"no such field": 1})


@given(st.one_of(USAGES, ANSWERS, COMPLETIONS, CHOICES))
def test_what_is_written_out_by_hand_is_what_the_general_packer_gives(value: Any) -> None:
    by_hand, general = pack(value), _dataclass_packer(type(value))(value)
    assert by_hand == general
    assert list(by_hand) == list(general)
