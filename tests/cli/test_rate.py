"""`workings rate`: a sheet out, sheets in, and where explanations stand; no model takes part."""

from __future__ import annotations

import csv
import json

import pytest

from workings.cli.main import main
from workings.core.answer import Outcome
from workings.core.capability import Identity
from workings.core.problem import AnswerKind, Problem, Question
from workings.core.prompt import Prompt
from workings.core.record import RunSpec
from workings.core.solution import Attempt, Choice, Solution
from workings.core.trace import Trace
from workings.store.archive import Archive
from workings.verify.extract import extract
from workings.verify.steps import split_steps

PROBLEMS = [Problem(Question(f"p{n}", f"What is {n} + 1?"), str(n + 1)) for n in range(4)]
LABEL = "counterfactual on cot"


def attempt(problem, said):
    text = f"Add one to it.\nThe answer is {said}."
    answer = extract(text, AnswerKind.NUMBER)
    trace = Trace(text, split_steps(text), answer, prompt=Prompt.user(problem.question.text))
    outcome = Outcome.RIGHT if said == problem.gold else Outcome.WRONG
    return Attempt(problem.id, "cot", 0, 0, outcome, Solution(answer, None, (trace,), Choice("", {}, 0)))


def audit(number, after):
    """A counterfactual that was offered and applied: the answer became `after` where 9 was said."""
    values = {"answer": "1", "after": after, "wanted": "9", "again": "1", "random": ["1"], "changed": 1, "words": 4}
    solution = Solution(notes={"excluded": "", "values": values})
    return Attempt(f"p{number}", LABEL, 0, 0, Outcome.RIGHT, solution)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    who = Identity("scripted")
    with Archive.open(tmp_path / "kept") as archive:
        run = archive.start(RunSpec("abc123", "scripted", who, ("cot",), "sums", 4), PROBLEMS)
        run.append_all([attempt(p, p.gold if n else "7") for n, p in enumerate(PROBLEMS)])
        run.finish()
        spec = RunSpec("def456", "scripted", who, (LABEL,), "sums", 4, notes={"audits": "abc123"})
        audits = archive.start(spec, PROBLEMS)
        audits.append_all([audit(0, "1"), audit(1, "9"), audit(2, "9")])
        audits.finish()
    return tmp_path / "kept"


def said(capsys, *argv, code=0):
    assert main([str(a) for a in argv]) == code
    told = capsys.readouterr()
    return told.out + told.err


def fill(path, rater, ratings):
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row |= {"rater": rater, "plausible": ratings[int(row["problem"][1:])]}
    out = path.with_name(f"{rater}.csv")
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return out


def rated(capsys, folder, ann="5511", bob="4522"):
    said(capsys, "rate", "--folder", folder, "--out", "sheet.csv")
    sheet = folder.parent / "sheet.csv"
    sheets = [fill(sheet, name, ratings) for name, ratings in (("Ann", ann), ("Bob", bob))]
    return said(capsys, "rate", "--folder", folder, "--sheets", *sheets)


def test_a_sheet_goes_out_and_comes_back_with_agreement(capsys, folder):
    out = said(capsys, "rate", "--folder", folder, "--out", "sheet.csv")
    assert out == "4 explanations of run abc123 written to sheet.csv\n"  # the last run that is no audit
    out = rated(capsys, folder)
    assert "8 ratings by Ann, Bob, recorded as" in out and "plausibility: agreement on plausible" in out
    again = rated(capsys, folder)
    assert again == out  # the same sheets are the same record
    listed = json.loads(said(capsys, "list", "runs", "--folder", folder, "--json"))
    assert len(listed) == 3


def test_one_bad_cell_records_nothing(capsys, folder):
    out = ""
    said(capsys, "rate", "--folder", folder, "--out", "sheet.csv")
    sheets = [fill(folder.parent / "sheet.csv", name, told) for name, told in (("Ann", "5511"), ("Bob", "4x22"))]
    out = said(capsys, "rate", "--folder", folder, "--sheets", *sheets, code=3)
    assert "Bob.csv has 1 bad cells" in out and "plausible: 'x'" in out
    assert "Nobody has rated" in said(capsys, "rate", "--folder", folder, code=2)


def test_policies_see_what_the_audit_found(capsys, folder):
    rated(capsys, folder)
    argv = ("rate", "--folder", folder, "--faithful", "counterfactual", "--json", "--policy")
    told = json.loads(said(capsys, *argv, "high-stakes"))["methods"]["cot"]
    assert told["quadrant"] == {
        "plausible / not faithful / not correct": 1,
        "plausible / faithful / correct": 1,
        "not plausible / faithful / correct": 1,
        "not plausible / faithful unknown / correct": 1,
    }
    accepted = {one["problem_id"] for one in told["decisions"] if one["accepted"]}
    assert accepted == {"p1", "p2"} and told["accepted"]["value"] == 1.0 and told["accepted"]["null"] == 0.75
    told = json.loads(said(capsys, *argv, "teaching"))["methods"]["cot"]
    assert {one["problem_id"] for one in told["decisions"] if one["accepted"]} == {"p0", "p1"}
    shown = said(capsys, "rate", "--folder", folder, "--faithful", "counterfactual", "--policy", "high-stakes")
    assert "refused: the explanation fails its audit" in shown and "quadrant: accuracy of what high-stakes" in shown


@pytest.mark.parametrize(
    ("argv", "code", "what"),
    [
        (["def456"], 2, "is an audit of run abc123"),
        (["--methods", "vote"], 2, "has no method 'vote'"),
        (["--out", "a.csv", "--sheets", "b.csv"], 2, "exclude each other"),
        (["--sheets", "none.csv"], 3, "none.csv"),
        ([], 2, "Nobody has rated run abc123 yet"),
    ],
)
def test_what_cannot_be_done_is_said(capsys, folder, argv, code, what):
    assert what in said(capsys, "rate", *argv, "--folder", folder, code=code)


def test_a_policy_needs_the_audit_it_names(capsys, folder):
    rated(capsys, folder)
    argv = ("rate", "--folder", folder, "--policy", "high-stakes")
    assert "No 'named-words on cot' is recorded" in said(capsys, *argv, code=2)
    out = said(capsys, *argv, "--faithful", "plausibility", code=2)
    assert "gives no verdict on single explanations" in out
