from __future__ import annotations

import json
import os
import sys
import types
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.errors import BadSetting, DataError, MissingExtra, UnknownName
from workings.core.problem import AnswerKind
from workings.problems import benchmarks, readers
from workings.problems.benchmarks import load
from workings.problems.fields import FieldMap, read_table
from workings.problems.files import csv_rows, json_rows, jsonl_rows, plain_number, xml_rows


def write(path: Path, *rows: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


GSM = {
    "question": "A pen costs $3. What do 400 cost?",
    "answer": "400 pens cost 400 * 3 = $<<400*3=1200>>1,200.\nSo it is 1,200.\n#### 1,200",
}


def test_gsm8k(tmp_path):
    [found] = readers.read_gsm8k(write(tmp_path / "train.jsonl", GSM))
    assert found.id == "gsm8k-train-0" and found.split == "train" and found.question.family == "gsm8k"
    assert found.gold == "1200" and found.question.kind is AnswerKind.NUMBER
    assert found.steps == ("400 pens cost 400 * 3 = $1,200.", "So it is 1,200.")


def test_svamp(tmp_path):
    row = {"ID": "chal-1", "Body": "Each pack costs 76 dollars", "Question": "What do two cost?", "Answer": 152.0}
    [found] = readers.read_svamp(write(tmp_path / "SVAMP.json", [{**row, "Equation": "( 76.0 * 2.0 )", "Type": "M"}]))
    assert found.question.text == "Each pack costs 76 dollars. What do two cost?"
    assert found.gold == "152" and found.steps == ("( 76.0 * 2.0 )",) and found.id == "svamp-test-0"


def test_aqua_drops_labels_even_when_doubled(tmp_path):
    row = {"question": "1+1?", "options": ["A)A)1", "B)B)2", "C)3 (A)"], "rationale": "Add.\nSo 2.", "correct": "B"}
    [found] = readers.read_aqua(write(tmp_path / "dev.json", row))
    assert found.question.choices == ("1", "2", "3 (A)") and found.gold == "B"
    assert found.steps == ("Add.", "So 2.") and found.split == "dev"


def test_strategyqa_in_both_forms(tmp_path):
    row = {"qid": "q1", "term": "Bath", "question": "Is Bath wet?", "answer": False, "decomposition": ["What is Bath?"]}
    [found] = readers.read_strategyqa(write(tmp_path / "dev.json", [{**row, "facts": ["A city."]}]))
    assert (found.gold, found.cluster, found.question.kind) == ("no", "Bath", AnswerKind.YES_NO)
    assert found.steps == ("What is Bath?",) and found.meta["facts"] == ["A city."]
    task = {"examples": [{"input": "Is it?", "target_scores": {"Yes": 1, "No": 0}, "target": "Yes. It is."}]}
    [found] = readers.read_strategyqa(write(tmp_path / "task.json", task))
    assert found.gold == "yes" and found.question.kind is AnswerKind.YES_NO


CANARY = "BENCHMARK DATA SHOULD NEVER APPEAR. canary GUID 00000000-1111"


def bbh(tmp_path, name, *examples):
    pairs = [{"input": text, "target": target} for text, target in examples]
    return list(readers.read_bbh(write(tmp_path / f"{name}.json", {"canary": CANARY, "examples": pairs})))


def test_bbh_kinds(tmp_path):
    [found] = bbh(tmp_path, "dates", ("What day?\nOptions:\n(A) Monday\n(B) Tuesday", "(B)"))
    assert found.question.text == "What day?" and found.question.choices == ("Monday", "Tuesday")
    assert found.gold == "B" and found.id == "bbh/dates-test-0" and found.question.family == "bbh/dates"
    [found] = bbh(tmp_path, "navigate", ("Back at the start?\nOptions:\n- Yes\n- No", "No"))
    assert (found.question.text, found.question.kind, found.gold) == ("Back at the start?", AnswerKind.YES_NO, "no")
    [found] = bbh(tmp_path, "fallacies", ("Sound?\nOptions:\n- valid \n- invalid", "invalid"))
    assert found.question.choices == ("valid", "invalid") and found.gold == "B"
    found = bbh(tmp_path, "counting", ("How many?", "12"), ("And now?", "-3"))
    assert [(p.question.kind, p.gold) for p in found] == [(AnswerKind.NUMBER, "12"), (AnswerKind.NUMBER, "-3")]
    found = bbh(tmp_path, "sorting", ("Sort: b a", "a b"), ("Sort: 2", "2"))
    assert {p.question.kind for p in found} == {AnswerKind.TEXT}
    [found] = bbh(tmp_path, "films", ("Which?\nOptions:\n(A) one\nline more\n(B) two", "(A)"))
    assert found.question.choices == ("one\nline more", "two")


def test_the_canary_is_neither_kept_nor_printed(tmp_path):
    [found] = bbh(tmp_path, "counting", ("How many?", "12"))
    assert "canary" not in repr(found).lower()
    path = write(tmp_path / "cut.json", json.dumps({"canary": CANARY, "examples": [{"input": "x"}]})[:-2])
    with pytest.raises(DataError) as caught:
        list(readers.read_bbh(path))
    assert "canary guid" not in str(caught.value).lower() and "withheld" in str(caught.value)


def test_commonsenseqa(tmp_path):
    labels = [{"label": label, "text": text} for label, text in zip("ABC", ("bank", "river", "tree"), strict=True)]
    question = {"stem": "Where is money kept?", "question_concept": "money", "choices": labels}
    row = {"id": "x1", "question": question, "answerKey": "A"}
    hidden = {"id": "x2", "question": question}
    one, two = readers.read_commonsenseqa(write(tmp_path / "dev_rand_split.jsonl", row, hidden))
    assert one.id == "commonsenseqa-dev-0" and one.gold == "A" and two.gold is None
    assert one.question.choices == ("bank", "river", "tree") and one.cluster == "money"
    hub = {"question": "Where?", "choices": {"label": ["A", "B"], "text": ["x", "y"]}, "answerKey": "B"}
    [found] = readers.read_commonsenseqa(write(tmp_path / "test.jsonl", hub))
    assert found.gold == "B" and found.question.text == "Where?"


ASDIV = """<?xml version="1.0" encoding="UTF-8" ?>
<Machine-Reading-Corpus-File>
  <ProblemSet>
    <Problem ID="nluds-0001" Grade="1" Source="http://example.org">
      <Body>Seven red apples &amp; two green apples.</Body>
      <Question>How many apples?</Question>
      <Solution-Type>Addition</Solution-Type>
      <Answer>9 (apples)</Answer>
      <Formula>7+2=9</Formula>
    </Problem>
    <Problem ID="nluds-0002" Grade="5" Source="x">
      <Body>b</Body><Question>q</Question><Answer>5 (red); 7 (blue)</Answer>
    </Problem>
  </ProblemSet>
</Machine-Reading-Corpus-File>"""


def test_asdiv(tmp_path):
    one, two = readers.read_asdiv(write(tmp_path / "ASDiv.xml", ASDIV))
    assert one.question.text == "Seven red apples & two green apples. How many apples?"
    assert one.gold == "9" and one.meta["id"] == "nluds-0001" and one.meta["solution_type"] == "Addition"
    assert two.question.kind is AnswerKind.TEXT and two.gold == "5 (red); 7"


BOMB = """<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<x><Problem><Body>&b;</Body></Problem></x>"""


@pytest.mark.parametrize("text", [BOMB, '<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>'])
def test_xml_that_could_define_entities_is_refused(tmp_path, text):
    with pytest.raises(DataError, match="DOCTYPE"):
        list(xml_rows(write(tmp_path / "bad.xml", text), "Problem"))


def test_broken_and_deep_xml_is_refused(tmp_path):
    with pytest.raises(DataError, match="line 2"):
        list(xml_rows(write(tmp_path / "bad.xml", "<x>\n<y></x>"), "Problem"))
    with pytest.raises(DataError, match="deeply"):
        list(xml_rows(write(tmp_path / "deep.xml", "<a>" * 5000), "Problem"))


FOLD = """Question,Numbers,Equation,Answer,group_nums,Body,Ques_Statement
"Mary has number0 pens , and buys number1 . How many ?",7.0 2.5,+ number0 number1,9.5,"[1, 2]",b,q
"""


def test_mawps_in_its_three_forms(tmp_path):
    for fold in (0, 1):
        write(tmp_path / f"cv_mawps/fold{fold}/dev.csv", FOLD.rstrip())
        write(tmp_path / f"cv_mawps/fold{fold}/train.csv", "unread")
    found = list(readers.read_mawps(tmp_path / "cv_mawps"))
    assert [p.id for p in found] == ["mawps-test-0", "mawps-test-1"]
    assert found[0].question.text == "Mary has 7 pens , and buys 2.5 . How many ?"
    assert found[0].gold == "9.5" and found[0].steps == ("+ 7 2.5",)
    row = {"iIndex": 4, "sQuestion": "How many?", "lEquations": ["X=3+4"], "lSolutions": [7.0]}
    [found] = readers.read_mawps(write(tmp_path / "AddSub.json", [row]))
    assert found.gold == "7" and found.steps == ("X=3+4",)
    row = {"Question": "N_00 and N_01 ?", "Equation": "N_00 + N_01", "Answer": 3.0, "Numbers": "1.0 2.0"}
    [found] = readers.read_mawps(write(tmp_path / "hub.jsonl", row))
    assert found.question.text == "1 and 2 ?"


BAD = [
    ("gsm8k", "test.jsonl", [GSM, {"question": "q", "answer": "no mark"}], "line 2", "no mark"),
    ("gsm8k", "test.jsonl", [GSM, "{cut"], "line 2", "{cut"),
    ("gsm8k", "test.jsonl", [GSM, "", [1, 2]], "line 3", "[1, 2]"),
    ("gsm8k", "test.jsonl", [{"question": "", "answer": "#### 1"}], "line 1", "'question'"),
    ("svamp", "SVAMP.json", ['[\n{"Body": "b", "Question": "q", "Answer": "many"}\n]'], "line 2", "'many'"),
    ("svamp", "SVAMP.json", ['[{"Body": "b", "Question": "q", "Answer": 1}\n{}]'], "line 2", "expected ','"),
    ("svamp", "SVAMP.json", ["{}"], "line 1", "array"),
    ("aqua", "test.json", [{"question": "q", "options": ["A)1", "B)2"], "correct": "F"}], "line 1", "'F'"),
    ("strategyqa", "dev.json", ['[{"question": "q", "answer": "maybe"}]'], "line 1", "'maybe'"),
    ("bbh/x", "x.json", [{"examples": [{"input": "a", "target": "b"}, {"input": 3}]}], "example 2", "3"),
    ("commonsenseqa", "dev.jsonl", [{"question": "q", "choices": ["a"], "answerKey": "A"}], "line 1", "['a']"),
    ("mawps", "mawps.json", [[{"sQuestion": "q", "lSolutions": [1, 2]}]], "line 1", "[1, 2]"),
    ("mawps", "test.csv", ["Question,Numbers,Answer", "number3 x,1.0,2"], "line 2", "number3"),
]


@pytest.mark.parametrize("name, file, rows, place, value", BAD)
def test_a_malformed_row_is_named(tmp_path, name, file, rows, place, value):
    path = write(tmp_path / file, *rows)
    with pytest.raises(DataError) as caught:
        load(name, path=path)
    assert str(path) in caught.value.what and place in caught.value.what
    assert value in caught.value.what and caught.value.next_step


def test_hostile_json_is_an_error_and_not_a_crash(tmp_path):
    for text in ("[" * 200_000, '{"question": ' + "9" * 5000 + "}"):
        with pytest.raises(DataError, match="line 1"):
            list(jsonl_rows(write(tmp_path / "x.jsonl", text)))
        with pytest.raises(DataError):
            list(json_rows(write(tmp_path / "x.json", text)))


def test_separators_inside_text_do_not_split_rows(tmp_path):
    text = "one\u2028two\x0bthree\x85four"
    path = tmp_path / "x.jsonl"
    path.write_bytes(json.dumps({"q": text}, ensure_ascii=False).encode() + b"\r\n")
    assert [row.values["q"] for row in jsonl_rows(path)] == [text]
    path = tmp_path / "x.csv"
    path.write_bytes(f'\ufeffq,a\r\n"{text}\nnext",1\r\nsecond,2\r\n'.encode())
    assert [(row.values["q"], row.place) for row in csv_rows(path)] == [(f"{text}\nnext", 2), ("second", 4)]


def test_bad_bytes_are_located(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"q": "\xff"}')
    with pytest.raises(DataError, match="byte 7"):
        list(jsonl_rows(path))


@given(st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_plain_numbers_are_fixed_points(text):
    plain = plain_number(text)
    assert plain is None or plain_number(plain) == plain


@given(st.integers(-(10**12), 10**12))
@settings(deadline=None)
def test_plain_numbers_keep_the_value(value):
    assert plain_number(f"{value:,}") == plain_number(float(value)) == plain_number(f"{value}.00") == str(value)


@pytest.mark.parametrize(
    "value, plain",
    [("$1,200", "1200"), ("-$5", "-5"), ("1,2", None), ("+.50", "0.5"), ("-0.0", "0"), ("3/4", "3/4"), ("1/0", None),
     ("٣", None), (1e-7, "0.0000001"), (float("inf"), None), (True, None), ("9" * 500, None), ("", None)],
)  # fmt: skip
def test_plain_number_table(value, plain):
    assert plain_number(value) == plain


# Anyone's tables


def table(path, text, **names):
    return list(read_table(path, FieldMap(**names), family=text))


def test_a_csv_with_a_field_map(tmp_path):
    path = write(tmp_path / "mine.csv", "q,gold,w,x,y,tpl,n", "Which?,y2,x1,y2,z3,t1,4", "Why?,0,a,b,c,t1,5")
    mapping = FieldMap.parse("question=q, answer=gold, choices=w+x+y, cluster=tpl, length=n")
    one, two = read_table(path, mapping)
    assert one.id == "mine-test-0" and one.question.choices == ("x1", "y2", "z3")
    assert (one.gold, two.gold, one.cluster, one.length) == ("B", "A", "t1", 4)


def test_the_kind_is_that_of_the_whole_file(tmp_path):
    kinds = {}
    for name, answers in (("n", [1, "2.5"]), ("y", ["yes", True]), ("t", ["yes", 3]), ("none", ["", None])):
        rows = [{"question": "q", "answer": answer} for answer in answers]
        found = list(read_table(write(tmp_path / f"{name}.jsonl", *rows)))
        kinds[name] = (found[0].question.kind, [p.gold for p in found])
    assert kinds["n"] == (AnswerKind.NUMBER, ["1", "2.5"])
    assert kinds["y"] == (AnswerKind.YES_NO, ["yes", "yes"])
    assert kinds["t"] == (AnswerKind.TEXT, ["yes", "3"])
    assert kinds["none"][1] == [None, None]


def test_nested_fields_kinds_by_row_and_given_ids(tmp_path):
    rows = [
        {"doc": {"stem": "q1"}, "a": [[1, 2]], "type": "grid", "key": 7, "s": ["one", "two"]},
        {"doc": {"stem": "q2"}, "a": "B", "type": "choice", "key": 7, "o": "x|y", "s": "one\ntwo"},
    ]
    mapping = FieldMap(question="doc.stem", answer="a", kind="type", id="key", choices="o", steps="s")
    path = write(tmp_path / "mine.json", *rows)
    one, two = load("mine", path=path, fields=mapping)
    assert (one.gold, two.gold, two.question.choices) == ("[[1,2]]", "B", ("x", "y"))
    assert one.steps == two.steps == ("one", "two")
    assert (one.id, two.id) == ("7", "7#1")


def test_parquet(tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    import pyarrow.parquet as parquet

    path = tmp_path / "mine.parquet"
    parquet.write_table(arrow.table({"question": ["a", "b"], "answer": ["0", "x"], "o": [["x", "y"]] * 2}), path)
    found = list(read_table(path, FieldMap(choices="o")))
    assert [p.gold for p in found] == ["A", "A"]
    path.write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="Parquet"):
        list(read_table(path))


def test_parquet_without_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"workings\[parquet\]"):
        list(read_table(write(tmp_path / "x.parquet", "x")))


@pytest.mark.parametrize("text", ["question", "colour=red", "question=", "question=a,question=b"])
def test_a_field_map_that_does_not_fit(text):
    with pytest.raises(BadSetting):
        FieldMap.parse(text)


@pytest.mark.parametrize(
    "text, names, message",
    [
        ("q,answer\nx,1", {}, "no field 'question'"),
        ("question,answer\nx,1,2", {}, "3 fields where the header has 2"),
        ("question,answer\nx,many", {"kind": "number"}, "line 2"),
        ("question,answer,k\nx,1,colour", {"kind": "k"}, "'colour'"),
        ("question,answer,o\nx,z,a|b", {"choices": "o"}, "none of the 2 choices"),
        ('question,answer\n"x,1', {}, "not CSV"),
        ("question,answer,n\nx,1,2.5", {"length": "n"}, "'2.5'"),
    ],
)
def test_a_table_that_does_not_fit(tmp_path, text, names, message):
    with pytest.raises(DataError, match=message):
        table(write(tmp_path / "x.csv", text), "x", **names)


def test_an_ending_that_no_reader_knows(tmp_path):
    with pytest.raises(DataError, match=r"'\.xls'"):
        list(read_table(write(tmp_path / "x.xls", "x")))


# Where files are looked for


def test_load_looks_at_a_path_then_the_folder(tmp_path, monkeypatch):
    write(tmp_path / "data/gsm8k/test.jsonl", GSM)
    monkeypatch.setenv("WORKINGS_DATA", str(tmp_path / "data"))
    other = write(tmp_path / "other/train.jsonl", GSM, {**GSM, "question": "Another?"})
    assert [p.id for p in load("gsm8k")] == ["gsm8k-test-0"]
    assert [p.id for p in load("gsm8k", path=other)] == ["gsm8k-train-0", "gsm8k-train-1"]
    assert len(load("gsm8k", path=tmp_path / "other", split="train")) == 2
    with pytest.raises(DataError, match="no file of gsm8k"):
        load("gsm8k", path=tmp_path / "other")
    with pytest.raises(DataError, match="does not exist"):
        load("gsm8k", path=tmp_path / "nowhere")
    with pytest.raises(BadSetting, match="no split 'dev'"):
        load("gsm8k", split="dev")
    with pytest.raises(UnknownName, match="gsm8k"):
        load("gsm8")


def test_bbh_tasks_resolve_by_name(tmp_path, monkeypatch):
    write(tmp_path / "bbh/word_sorting.json", {"examples": [{"input": "Sort: b a", "target": "a b"}]})
    monkeypatch.setenv("WORKINGS_DATA", str(tmp_path))
    [found] = load("bbh/word_sorting")
    assert found.question.family == "bbh/word_sorting" and found.gold == "a b"
    with pytest.raises(UnknownName):
        load("bbh/../../etc")


def test_without_files_the_error_names_three_ways(monkeypatch):
    monkeypatch.delenv("WORKINGS_DATA", raising=False)
    monkeypatch.setattr(benchmarks, "_installed", lambda module: False)
    for name in (*benchmarks.BENCHMARKS, "bbh/navigate"):
        with pytest.raises(DataError) as caught:
            load(name)
        for way in ("give its path", "WORKINGS_DATA", "pip install datasets"):
            assert way in caught.value.next_step


def test_the_hub_is_the_last_resort(monkeypatch):
    asked = []

    def load_dataset(name, config, split):
        asked.append((name, config, split))
        if split == "train":
            raise ConnectionError("offline\nmode")
        return [GSM]

    monkeypatch.delenv("WORKINGS_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    monkeypatch.setattr(benchmarks, "_installed", lambda module: True)
    [found] = load("gsm8k")
    assert asked == [("openai/gsm8k", "main", "test")] and found.gold == "1200" and found.id == "gsm8k-test-0"
    with pytest.raises(DataError, match="offline"):
        load("gsm8k", split="train")


def test_an_empty_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match="No problems"):
        load("gsm8k", path=write(tmp_path / "test.jsonl"))


# The published files, where they are at hand

PUBLISHED = [
    ("gsm8k", "test", 1319, AnswerKind.NUMBER, "18"),
    ("gsm8k", "train", 7473, AnswerKind.NUMBER, "72"),
    ("svamp", "test", 1000, AnswerKind.NUMBER, "51"),
    ("aqua", "test", 254, AnswerKind.CHOICE, "A"),
    ("aqua", "dev", 254, AnswerKind.CHOICE, "A"),
    ("strategyqa", "dev", 229, AnswerKind.YES_NO, "no"),
    ("bbh/date_understanding", "test", 250, AnswerKind.CHOICE, "B"),
    ("bbh/multistep_arithmetic_two", "test", 250, AnswerKind.NUMBER, "24"),
    ("bbh/object_counting", "test", 250, AnswerKind.NUMBER, "8"),
    ("bbh/sports_understanding", "test", 250, AnswerKind.YES_NO, "no"),
    ("bbh/tracking_shuffled_objects_five_objects", "test", 250, AnswerKind.CHOICE, "A"),
    ("bbh/web_of_lies", "test", 250, AnswerKind.YES_NO, "no"),
]


@pytest.fixture
def published(monkeypatch):
    sibling = Path(__file__).resolve().parents[3] / "shared/data"
    folder = Path(os.environ.get("WORKINGS_DATA") or sibling)
    if not (folder / "gsm8k").is_dir():
        pytest.skip("no published benchmark files: set WORKINGS_DATA to their folder")
    monkeypatch.setenv("WORKINGS_DATA", str(folder))
    return folder


@pytest.mark.parametrize("name, split, count, kind, first", PUBLISHED)
def test_published_files(published, name, split, count, kind, first):
    if not any(path.is_file() for path in (published / name.split("/")[0]).glob("*.json*")):
        pytest.skip(f"no files of {name} in {published}")
    found = load(name, split=split)
    assert len(found) == count and len({p.id for p in found}) == count
    assert {p.question.kind for p in found} == {kind}
    assert found[0].gold == first and found[-1].id == f"{name}-{split}-{count - 1}"
    assert all(p.question.text and p.gold for p in found)
    assert not any("<<" in step or "####" in step for p in found for step in p.steps)
    assert not any("Options:" in p.question.text for p in found)
