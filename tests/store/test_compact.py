"""Laws of the compact form: nothing is lost, repeats cost little, damage is named."""

from __future__ import annotations

import dataclasses
import json
import math
import zlib
from random import Random

import pytest
from hypothesis import given, settings
from recorded import attempt, attempts

from workings.core.answer import Answer
from workings.core.completion import Completion, Usage
from workings.core.errors import DataError
from workings.core.solution import Attempt, Choice, Solution
from workings.core.trace import Step, Trace
from workings.store.codec import decode, dump, encode, load
from workings.store.compact import compact, restore


@given(attempts())
@settings(max_examples=150, deadline=None)
def test_an_attempt_comes_back_equal(value: Attempt) -> None:
    plain = dump(compact(value))
    assert restore(load(decode(encode(plain, b""), b""))) == value
    assert restore(load(decode(encode(plain, b"some shared text"), b"some shared text"))) == value


@given(attempts())
@settings(max_examples=30, deadline=None)
def test_compacting_leaves_the_attempt_alone(value: Attempt) -> None:
    before = repr(value)
    compact(value)
    assert repr(value) == before


def test_a_trace_made_from_a_completion_is_not_written_twice() -> None:
    value = attempt(1, text="one and only sentence", chains=3)
    assert dump(compact(value)).count(b"one and only sentence") == 3


def test_a_prompt_shared_by_traces_is_written_once() -> None:
    assert dump(compact(attempt(41, chains=5))).count(b"What is 41") == 1


def test_steps_that_are_not_spans_of_the_text_survive() -> None:
    value = attempt(1)
    assert value.solution is not None
    trace = dataclasses.replace(value.solution.pool[0], steps=(Step("not there", 0, 3), Step("", 5, 5)))
    changed = dataclasses.replace(value, solution=dataclasses.replace(value.solution, pool=(trace,)))
    assert restore(load(dump(compact(changed)))) == changed


@pytest.mark.parametrize("number", [0.1, -1.5, 1e300, 5e-324, -math.inf, math.nan, -0.0])
def test_every_log_probability_survives(number: float) -> None:
    value = attempt(1)
    assert value.solution is not None
    trace = dataclasses.replace(value.solution.pool[0], logprobs=(number, -0.5))
    changed = dataclasses.replace(value, solution=dataclasses.replace(value.solution, pool=(trace,)))
    read = restore(load(dump(compact(changed)))).solution
    assert read is not None
    assert str(read.pool[0].logprobs) == str((number, -0.5))


@pytest.mark.parametrize(
    "told",
    [
        {"text": "ab", "tokens": ["a", "b"], "logprobs": [-0.5, 0.1]},
        {"text": "ab", "tokens": ["a", "", "b"]},
        {"text": "ab", "tokens": ["a"], "logprobs": "not numbers"},
        {"text": "ab", "tokens": [1, 1], "logprobs": [1, 2]},
        {"text": "", "tokens": [], "logprobs": []},
        {"text": "ab", "logprobs": [{"~float": "nan"}, -1.0]},
        {"floats": "kept", "lengths": 3},
        {"floats": "kept", "logprobs": [0.5], "text": "a", "tokens": ["a"]},
        7,
    ],
)
def test_any_journal_survives(told: object) -> None:
    for reply in ([told], [told, told], told):
        value = dataclasses.replace(attempt(1), replies=({"ask": "x", "reply": reply},))
        before = json.dumps(value.replies)
        assert restore(load(dump(compact(value)))) == value
        assert json.dumps(value.replies) == before


@pytest.mark.parametrize("size", [1, 700, 762, 763, 1_786, 1_787, 20_000, 32_768, 100_000])
@pytest.mark.parametrize("shared", [0, 1, 300, 32_768])
def test_values_of_every_size_are_read_whatever_window_they_were_written_with(size: int, shared: int) -> None:
    random = Random(size)
    plain = b"{" + random.randbytes(size // 2) + b"a phrase " * (size // 9)
    dictionary = plain[-shared:] if shared else b""
    assert decode(encode(plain, dictionary), dictionary) == plain
    squeeze = zlib.compressobj(1, zdict=dictionary) if dictionary else zlib.compressobj(1)
    assert decode(squeeze.compress(plain) + squeeze.flush(), dictionary) == plain


def test_surrogates_and_huge_text_survive() -> None:
    value = attempt(1, text="\ud800 lone, \udfff\ud83d and 一" + "x" * 3_000_000)
    packed = encode(dump(compact(value)), b"")
    assert restore(load(decode(packed, b""))) == value
    assert len(packed) < 100_000


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        {"attempt": {"problem_id": "p"}},
        {"attempt": 3},
        {
            "attempt": {"problem_id": "p", "method": "m", "index": 0, "seed": 0, "outcome": None, "solution": {}},
            "pool": [{}],
        },
    ],
)
def test_what_is_not_an_attempt_is_a_data_error(data: object) -> None:
    with pytest.raises(DataError):
        restore(data)


@pytest.mark.parametrize(
    "change", [{"prompt": 9}, {"of": 9}, {"spans": [1]}, {"logprobs": "f???"}, {"logprobs": "fAAA="}]
)
def test_a_damaged_trace_is_a_data_error(change: dict[str, object]) -> None:
    data = json.loads(dump(compact(dataclasses.replace(attempt(1), replies=()))))
    data["pool"][0] |= change
    with pytest.raises(DataError):
        restore(data)


@pytest.mark.parametrize("packed", [b"", b"not zlib", encode(b"x" * 999, b"")[:-3], encode(b"text", b"dictionary")])
def test_damaged_bytes_are_a_data_error(packed: bytes) -> None:
    with pytest.raises(DataError):
        decode(packed, b"")


@pytest.mark.parametrize("data", [b"{", b"\xff", b"[" * 100_000, b"1" * 10_000])
def test_bytes_that_are_not_json_are_a_data_error(data: bytes) -> None:
    with pytest.raises(DataError):
        load(data)


@pytest.mark.parametrize(
    ("kind", "count"),
    [(Attempt, 10), (Solution, 7), (Trace, 17), (Usage, 6), (Answer, 4), (Completion, 11), (Choice, 5)],
)
def test_a_new_field_must_be_written_out_by_hand_too(kind: type, count: int) -> None:
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    assert len(fields) == count, "See store/compact.py and core/packers.py, then change the number here."
