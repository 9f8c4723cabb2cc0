"""Outputs of others: read from many shapes, judged, all or nothing."""

from __future__ import annotations

import dataclasses
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.answer import Answer, Outcome
from workings.core.completion import Stop
from workings.core.errors import DataError, GraderError
from workings.core.problem import AnswerKind, Problem
from workings.core.trace import Step
from workings.store.archive import Archive
from workings.store.imports import Output, import_outputs, read_outputs


def judge(problem: Problem, reply: str) -> tuple[Answer, Outcome | None]:
    last = reply.split()[-1] if reply.split() else ""
    if not last:
        return Answer(), Outcome.UNPARSED
    return Answer(
        last, last
    ), None if problem.gold is None else Outcome.RIGHT if last == problem.gold else Outcome.WRONG


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path / "record") as opened:
        yield opened


@pytest.mark.parametrize(
    "row",
    [
        {"id": "q1", "question": "1 + 1?", "answer": "2", "output": "It is 2"},
        {"problem_id": "q1", "prompt": "1 + 1?", "target": 2, "response": "It is 2"},
        {"qid": "q1", "input": [{"role": "system", "content": "x"}, {"role": "user", "content": "1 + 1?"}],
         "gold": ["2"], "completion": "It is 2"},
        {"task_id": "q1", "problem": "1 + 1?", "answer": "Add them.\n#### 2", "generation": "It is 2"},
    ],
)  # fmt: skip
def test_usual_field_names_are_guessed(tmp_path: Path, row: dict[str, Any]) -> None:
    [output] = read_outputs(lines(tmp_path / "o.jsonl", row))
    assert (output.problem_id, output.question, output.gold, output.reply) == ("q1", "1 + 1?", "2", "It is 2")
    assert (output.label, output.index) == ("imported", 0)


def test_fields_are_mapped_into_objects(tmp_path: Path) -> None:
    row = {"meta": {"n": 7, "q": "1 + 1?"}, "model": {"text": "2", "name": "small"}, "sol": "2"}
    fields = {"id": "meta.n", "question": "meta.q", "reply": "model.text", "method": "model.name", "gold": "sol"}
    [output] = read_outputs(lines(tmp_path / "o.jsonl", row), fields=fields)
    assert (output.problem_id, output.reply, output.label, output.gold) == ("7", "2", "small", "2")


def test_the_rest_of_a_row_is_kept(tmp_path: Path) -> None:
    row = {
        "question": "Which?", "choices": ["a", "b"], "answer": "B", "output": "B", "model": "m",
        "finish_reason": "length", "usage": {"completion_tokens": 5},
        "logprobs": [-1, -0.5], "seconds": 2, "language": "zh", "task": "pick",
    }  # fmt: skip
    [output] = read_outputs(lines(tmp_path / "o.jsonl", row))
    assert (output.choices, output.stop, output.tokens, output.logprobs) == (("a", "b"), Stop.LENGTH, 5, (-1.0, -0.5))
    assert (output.seconds, output.language, output.family, len(output.problem_id)) == (2.0, "zh", "pick", 16)


def test_repeated_and_listed_replies_are_counted(tmp_path: Path) -> None:
    rows = [{"id": 1, "output": "a"}, {"id": 1, "output": ["b", "c"]}, {"id": 1, "output": "d", "model": "other"}]
    found = list(read_outputs(lines(tmp_path / "o.jsonl", *rows)))
    assert [(o.label, o.index, o.reply) for o in found] == [
        ("imported", 0, "a"),
        ("imported", 1, "b"),
        ("imported", 2, "c"),
        ("other", 0, "d"),
    ]


@pytest.mark.parametrize(
    ("told", "logprobs", "pieces"),
    [
        ([-1, -0.5], (-1.0, -0.5), None),
        ([{"token": "a", "logprob": -1.0}, {"token": " b", "logprob": -0.5}], (-1.0, -0.5), ("a", " b")),
        ({"content": [{"token": "a", "logprob": -1.0}]}, (-1.0,), ("a",)),
        ({"tokens": ["a", " b"], "token_logprobs": [-1.0, -0.5]}, (-1.0, -0.5), ("a", " b")),
        ({"tokens": ["a"], "token_logprobs": [-1.0, -0.5]}, (-1.0, -0.5), None),
        ([None, -0.5], None, None),
        ([float("nan")], None, None),
        ([{"token": "a"}], None, None),
        ("-1", None, None),
        ([], None, None),
    ],
)
def test_log_probabilities_come_in_several_forms(tmp_path: Path, told: Any, logprobs: Any, pieces: Any) -> None:
    path = lines(tmp_path / "f.jsonl", {"question": "q", "output": "a b", "logprobs": told})
    (output,) = read_outputs(path)
    assert (output.logprobs, output.pieces) == (logprobs, pieces)
    path = lines(tmp_path / "g.jsonl", {"question": "q", "output": ["x", "a b"], "logprobs": [None, told]})
    first, second = read_outputs(path)
    assert first.logprobs is None and (second.logprobs, second.pieces) == (logprobs, pieces)


def test_log_probabilities_of_another_number_of_replies_are_nobodys(tmp_path: Path) -> None:
    path = lines(tmp_path / "f.jsonl", {"question": "q", "output": ["x", "y"], "logprobs": [[-1.0]]})
    assert [output.logprobs for output in read_outputs(path)] == [None, None]


def test_tokens_are_kept_with_the_chain(archive: Archive) -> None:
    told = Output("p", "The answer is 4.", question="q", gold="4")
    output = dataclasses.replace(told, logprobs=(-1.0, -2.0), pieces=("The answer", " is 4."))
    run = import_outputs(archive, [output], judge)
    (trace,) = run.attempt("p", "imported", 0).solution.pool
    assert trace.logprobs == (-1.0, -2.0) and trace.tokens == ("The answer", " is 4.") and trace.usage.generated == 2
    bare = import_outputs(archive, [told], judge)
    assert bare.id != run.id


def test_a_json_array_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "o.json"
    path.write_text(json.dumps([{"id": 1, "output": "a"}, {"id": 2, "output": "b"}]))
    assert [o.reply for o in read_outputs(path, label="mine")] == ["a", "b"]


def test_a_byte_order_mark_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": 1, "output": "a"}\n\n  \r\n{"id": 2, "output": "b"}\r\n')
    assert [o.problem_id for o in read_outputs(path)] == ["1", "2"]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"{oops", "line 2 is not JSON.*oops"),
        (b"\xff\xfe", "line 2 is not JSON"),
        (b"[" * 100_000, "line 2 is not JSON"),
        (b"[1]", "line 2 is no JSON object"),
        (b'{"id": 1}', "line 2 has no reply"),
        (b'{"output": "x"}', "line 2 has neither an id nor a question"),
        (b'{"id": 1, "output": {"text": 3}}', "line 2: reply is not text"),
        (b'{"id": 1, "output": "x", "kind": "poem"}', "line 2: there is no answer kind 'poem'"),
        (b'{"id": 1, "output": "x", "choices": 3}', "line 2: choices are not a list"),
        (b'{"id": 1, "output": "x", "question": {}}', "line 2: question is not text"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_imported(tmp_path: Path, archive: Archive, line: bytes, what: str) -> None:
    path = tmp_path / "o.jsonl"
    path.write_bytes(b'{"id": 0, "output": "fine"}\n' + line + b"\n")
    with pytest.raises(DataError, match=f"(?s)o.jsonl {what}"):
        import_outputs(archive, read_outputs(path), judge)
    assert archive.runs() == ()
    assert archive.query("SELECT count(*) FROM problems") == [(0,)]


def test_a_mapped_field_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = lines(tmp_path / "o.jsonl", {"id": 1, "output": "x"})
    with pytest.raises(DataError, match=r"no field 'text'.*It has: id, output"):
        list(read_outputs(path, fields={"reply": "text"}))
    with pytest.raises(DataError, match="No field is called 'responce'"):
        read_outputs(path, fields={"responce": "text"})
    with pytest.raises(DataError, match="no file"):
        read_outputs(tmp_path / "none.jsonl")


def test_an_import_is_a_finished_run_with_a_method_a_label(tmp_path: Path, archive: Archive) -> None:
    rows = [
        {"id": 1, "question": "1 + 1?", "gold": "2", "model": "big", "output": "so 2", "tokens": 3},
        {"id": 1, "question": "1 + 1?", "gold": "2", "model": "small", "output": "so 3"},
        {"id": 2, "question": "2 + 2?", "gold": "4", "model": "small", "output": ""},
        {"id": 2, "question": "2 + 2?", "gold": "4", "model": "big", "output": None, "error": "timed out"},
        {"id": 3, "question": "Who knows?", "model": "big", "output": "me"},
    ]
    path = lines(tmp_path / "o.jsonl", *rows)

    def split(text: str) -> tuple[Step, ...]:
        return (Step(text[:2], 0, 2),) if text else ()

    run = import_outputs(archive, read_outputs(path), judge, split=split, source="o.jsonl")
    assert run.spec.methods == ("big", "small") and run.status == "imported" and run.spec.count == 3
    assert [(r.problem_id, r.method, r.outcome, r.answer, r.generated) for r in run.rows()] == [
        ("1", "big", Outcome.RIGHT, "2", 3),
        ("1", "small", Outcome.WRONG, "3", 0),
        ("2", "big", Outcome.ERROR, None, 0),
        ("2", "small", Outcome.UNPARSED, None, 0),
        ("3", "big", None, "me", 0),
    ]
    assert [p.question.kind for p in run.problems()] == [AnswerKind.NUMBER, AnswerKind.NUMBER, AnswerKind.TEXT]
    solution = run.attempt("1", "big", 0).solution
    assert solution is not None and solution.pool[0].steps == (Step("so", 0, 2),)
    again = import_outputs(archive, read_outputs(path), judge, split=split, source="o.jsonl")
    assert again.id == run.id and len(archive.runs()) == 1 and len(list(again.rows())) == 5
    other = import_outputs(archive, read_outputs(lines(path, rows[0])), judge)
    assert other.id != run.id


def test_contradictions_are_refused(archive: Archive) -> None:
    first = Output("q", "2", question="1 + 1?", gold="2", where="line 1")
    for second, what in (
        (Output("q", "2", index=1, question="1 + 2?", gold="2", where="line 2"), "line 2.*another question or gold"),
        (Output("q", "2", index=1, question="1 + 1?", gold="3", where="line 2"), "line 2.*another question or gold"),
        (Output("q", "2", where="line 2"), "line 2: sample 0 of 'imported' at 'q' comes twice"),
    ):
        with pytest.raises(DataError, match=what):
            import_outputs(archive, [first, second], judge)
    with pytest.raises(DataError, match="without its question or gold"):
        import_outputs(archive, [Output("q", "2"), Output("q", "2", index=1, gold="2", where="l")], judge)
    with pytest.raises(DataError, match="holds no outputs"):
        import_outputs(archive, [], judge)
    assert archive.runs() == ()
    run = import_outputs(archive, [first, Output("q", "3", index=1)], judge)
    assert [r.outcome for r in run.rows()] == [Outcome.RIGHT, Outcome.WRONG]


def test_a_judge_that_fails_leaves_nothing(archive: Archive) -> None:
    def fail(problem: Problem, reply: str) -> tuple[Answer, Outcome | None]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        import_outputs(archive, [Output("q", "2")], fail)
    assert archive.runs() == ()


def test_a_judge_that_says_so_fails_its_output_alone(archive: Archive) -> None:
    def fail(problem: Problem, reply: str) -> tuple[Answer, Outcome | None]:
        if reply == "2":
            raise GraderError("Killed after 5 s.")
        return judge(problem, reply)

    run = import_outputs(archive, [Output("q", "2", gold="3"), Output("q", "3", gold="3", index=1)], fail)
    assert [(r.outcome, r.error) for r in run.rows()] == [
        (Outcome.ERROR, "GraderError: Killed after 5 s."),
        (Outcome.RIGHT, ""),
    ]


@pytest.mark.parametrize("error", [False, 0, "", None, {}, []])
def test_an_error_that_says_there_was_none_is_none(tmp_path: Path, archive: Archive, error: object) -> None:
    row = {"id": "q1", "question": "1 + 1?", "answer": "2", "output": "It is 2", "error": error}
    run = import_outputs(archive, read_outputs(lines(tmp_path / "o.jsonl", row)), judge)
    assert [r.outcome for r in run.rows()] == [Outcome.RIGHT]


@pytest.mark.parametrize(("error", "told"), [("time-out", "time-out"), (True, "True"), ({"code": 5}, '{"code": 5}')])
def test_an_error_is_kept_as_text(tmp_path: Path, error: object, told: str) -> None:
    [output] = read_outputs(lines(tmp_path / "o.jsonl", {"id": "q1", "question": "?", "error": error}))
    assert output.error == told


def test_lm_eval_samples_of_generation(tmp_path: Path) -> None:
    folder = tmp_path / "Qwen__Qwen2-0.5B"
    folder.mkdir()

    def row(number: int, name: str, taken: str) -> dict[str, Any]:
        return {
            "doc_id": number,
            "doc": {"question": f"{number} + 1?", "answer": f"Add.\n#### {number + 1}"},
            "target": f"Add.\n#### {number + 1}",
            "arguments": {"gen_args_0": {"arg_0": "Q: …", "arg_1": {"until": ["Q:"]}}},
            "resps": [["so 2", "so 3"]],
            "filtered_resps": [taken],
            "filter": name,
            "exact_match": 1.0,
        }

    path = lines(
        folder / "samples_gsm8k_2024-05-01T12-30-00.123456.jsonl",
        row(0, "strict-match", "2"),
        row(1, "strict-match", "2"),
        row(0, "flexible-extract", "3"),
        row(1, "flexible-extract", "3"),
    )
    found = list(read_outputs(path))
    assert [(o.problem_id, o.index, o.reply, o.gold) for o in found] == [
        ("gsm8k/0", 0, "so 2", "1"),
        ("gsm8k/0", 1, "so 3", "1"),
        ("gsm8k/1", 0, "so 2", "2"),
        ("gsm8k/1", 1, "so 3", "2"),
    ]
    assert {o.label for o in found} == {"Qwen__Qwen2-0.5B"} and found[0].question == "0 + 1?"
    assert [o.label for o in read_outputs(path, label="mine")] == ["mine"] * 4


@pytest.mark.parametrize("target", ["1", 1, "cold"])
def test_lm_eval_samples_of_multiple_choice(tmp_path: Path, target: Any) -> None:
    row = {
        "doc_id": 3,
        "doc": {"query": "Ice is", "choices": ["hot", "cold"]},
        "target": target,
        "arguments": [["Ice is", " hot"], ["Ice is", " cold"]],
        "resps": [[["-4.5", "False"]], [["-1.25", "True"]]],
        "filtered_resps": [["-4.5", "False"], ["-1.25", "True"]],
    }
    [output] = read_outputs(lines(tmp_path / "samples_arc.jsonl", row))
    assert (output.reply, output.gold, output.kind) == ("B", "B", AnswerKind.CHOICE)
    assert output.choices == ("hot", "cold") and output.problem_id == "arc/3" and output.question == "Ice is"


@pytest.mark.parametrize("change", [{"resps": []}, {"resps": [[7]]}, {"resps": None}, {"resps": [[["x", 1]]]}])
def test_a_broken_lm_eval_sample_is_named(tmp_path: Path, change: dict[str, Any]) -> None:
    row = {"doc_id": 0, "doc": {"question": "?"}, "target": "x", "resps": [["a"]]} | change
    with pytest.raises(DataError, match="line 1 is not a sample"):
        list(read_outputs(lines(tmp_path / "samples_x.jsonl", row)))


def sample(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "epoch": 1,
        "input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"{number} + 1?"}],
        "target": str(number + 1),
        "output": {
            "model": "m",
            "choices": [
                {
                    "message": {
                        "role": "assistant",
                        "content": [
                            {"type": "reasoning", "reasoning": "add one"},
                            {"type": "text", "text": f"so {number + 1}"},
                        ],
                    },
                    "stop_reason": "max_tokens",
                    "logprobs": {"content": [{"token": "so", "logprob": -0.5}]},
                }
            ],
            "usage": {"input_tokens": 9, "output_tokens": 4},
        },
        "total_time": 1.5,
    } | changes


HEADER = {"version": 2, "status": "success", "eval": {"task": "sums", "model": "mockllm/model"}}


def test_inspect_logs(tmp_path: Path) -> None:
    samples = [
        sample(1),
        sample(1, epoch=2),
        sample(
            2, input="plain?", target=["3"], output={"completion": "", "choices": []}, error={"message": "it broke"}
        ),
    ]
    as_json, as_zip = tmp_path / "log.json", tmp_path / "log.eval"
    as_json.write_text(json.dumps({**HEADER, "samples": samples}))
    with zipfile.ZipFile(as_zip, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("header.json", json.dumps(HEADER))
        file.writestr("summaries.json", "[]")
        for one in samples:
            file.writestr(f"samples/{one['id']}_epoch_{one['epoch']}.json", json.dumps(one))
    for path in (as_json, as_zip):
        found = list(read_outputs(path))
        assert [(o.problem_id, o.index, o.reply, o.gold, o.question) for o in found] == [
            ("1", 0, "<think>add one</think>\nso 2", "2", "1 + 1?"),
            ("1", 1, "<think>add one</think>\nso 2", "2", "1 + 1?"),
            ("2", 0, "", "3", "plain?"),
        ]
        assert found[0].label == "mockllm/model" and found[0].family == "sums" and found[2].error == "it broke"
        assert (found[0].tokens, found[0].logprobs, found[0].stop) == (4, (-0.5,), Stop.LENGTH)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python reads zstd")
def test_an_inspect_log_in_zstd_says_how_to_convert_it(tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("header.json", json.dumps(HEADER))
    content = path.read_bytes()
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = content.index(mark) + at
        content = content[:place] + (93).to_bytes(2, "little") + content[place + 2 :]
    path.write_bytes(content)
    try:
        list(read_outputs(path))
    except DataError as error:
        assert "zstd" in str(error) and "inspect log convert" in str(error)
    else:
        raise AssertionError("a log in zstd was read")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"plain text"])
def test_a_broken_inspect_log_is_a_data_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.eval"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"log\.eval"):
        list(read_outputs(path))


@given(st.lists(st.binary(max_size=60) | st.just(b'{"id": 1, "output": "x"}') | st.just(b'{"doc": 1, "resps": 2}')))
@settings(max_examples=50, deadline=None)
def test_any_bytes_give_outputs_or_a_data_error(tmp_path_factory: pytest.TempPathFactory, content: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("bytes") / "o.jsonl"
    path.write_bytes(b"\n".join(content))
    try:
        found = list(read_outputs(path))
    except DataError as error:
        assert "o.jsonl" in str(error)
    else:
        assert all(isinstance(output, Output) for output in found)
