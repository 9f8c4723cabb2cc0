"""The command line on a scripted model: what it prints, and what it says when something is wrong."""

from __future__ import annotations

import importlib
import json
import sys

import pytest

from workings.cli.main import main

SOURCE = """
from workings.testing import Counted, item_model, item_problems

ASKS = []


class Logged(Counted):
    async def sample(self, ask, seeds, watch=None):
        ASKS.append(ask)
        return await super().sample(ask, seeds, watch)


def items(right: str = "1"):
    return item_problems(12, right=right)


def scripted(broken: bool = False):
    if broken:
        from workings.core.errors import Unreachable
        from workings.testing import Failing

        return Failing(item_model(), lambda: Unreachable("No connection to 127.0.0.1:9.", "Start the server."))
    return Logged(item_model())
"""
POINTS = """[workings.problems]
items = package_for_the_command_line:items
[workings.models]
scripted = package_for_the_command_line:scripted
"""


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    """A package that offers a scripted model and its problems, and an empty folder to work in."""
    site, work = tmp_path / "site", tmp_path / "work"
    info = site / "package_for_the_command_line-1.0.dist-info"
    info.mkdir(parents=True)
    work.mkdir()
    (site / "package_for_the_command_line.py").write_text(SOURCE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: package-for-the-command-line\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(work)
    importlib.invalidate_caches()
    yield importlib.import_module("package_for_the_command_line")
    sys.modules.pop("package_for_the_command_line", None)


RUN = ["run", "--model", "scripted", "--problems", "items", "--methods", "cot", "vote:n=5", "--quiet"]


def said(capsys, *argv, code=0):
    assert main([str(a) for a in argv]) == code
    told = capsys.readouterr()
    return told.out, told.err


def told(capsys, *argv, code=0):
    return json.loads(said(capsys, *argv, "--json", code=code)[0])


def test_run_prints_a_table_and_advice(capsys):
    out, err = said(capsys, *RUN)
    assert "cot" in out and "vote:n=5" in out and "%" in out and err == ""
    assert "Use " in out


def test_run_again_resumes_says_so_and_asks_nothing(capsys, package):
    argv = [a for a in RUN if a != "--quiet"]
    first, _ = said(capsys, *argv)
    made = len(package.ASKS)
    second, _ = said(capsys, *argv)
    assert made > 0 and len(package.ASKS) == made
    assert "24 are on record already" in second and "on record" not in first
    table = first[first.index("\n\n") :]
    assert second.endswith(table[-400:])


def test_run_as_json_holds_the_same_numbers(capsys):
    one = told(capsys, *RUN)
    two = told(capsys, *RUN)
    assert one == two and json.dumps(one)
    assert "vote:n=5" in json.dumps(one)


def test_another_spelling_is_the_same_run(capsys, package):
    said(capsys, *RUN)
    made = len(package.ASKS)
    said(capsys, *RUN[:-3], "cot:temperature=0", "vote:temperature=0.7,n=5", "--quiet")
    assert len(package.ASKS) == made


def test_a_larger_count_is_another_run(capsys):
    said(capsys, *RUN, "--count", "3")
    said(capsys, *RUN, "--count", "4")
    assert len(told(capsys, "list", "runs")) == 2


def test_the_report_is_written_from_the_record(capsys, tmp_path, package):
    said(capsys, *RUN)
    made = len(package.ASKS)
    out, _ = said(capsys, "report", "--out", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "page.html" in out and "vote:n=5" in page and page.lstrip().lower().startswith("<!doctype html")
    assert len(package.ASKS) == made
    numbers = told(capsys, "report")
    assert numbers == told(capsys, *RUN)


def test_run_may_write_the_report_itself(capsys, tmp_path):
    out, _ = said(capsys, *RUN, "--report", tmp_path / "r.html")
    assert (tmp_path / "r.html").is_file() and "r.html" in out


def accuracies(capsys, *argv):
    return {row["method"]: (row["right"], row["wrong"], row["unparsed"]) for row in summaries(told(capsys, *argv))}


def summaries(data):
    """The rows of the table, wherever the JSON keeps them."""
    if isinstance(data, list) and data and isinstance(data[0], dict) and {"method", "right", "wrong"} <= data[0].keys():
        return data
    children = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    for child in children:
        found = summaries(child)
        if found:
            return found
    return []


def test_what_is_exported_can_be_imported_with_an_equal_table(capsys, tmp_path):
    said(capsys, *RUN)
    before = accuracies(capsys, "report")
    out, _ = said(capsys, "export", "--out", tmp_path / "run.jsonl")
    assert "24 attempts" in out
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert len(lines) == 24
    made = told(capsys, "import", tmp_path / "run.jsonl", "--folder", tmp_path / "other")
    assert made["attempts"] == 24
    after = accuracies(capsys, "report", "--folder", tmp_path / "other")
    assert before and after == before


@pytest.mark.parametrize("what", ["methods", "problems", "models", "graders", "runs"])
def test_lists_have_a_line_each(capsys, what):
    said(capsys, *RUN, "--count", "2")
    rows = told(capsys, "list", what)
    out, _ = said(capsys, "list", what)
    assert rows and len(out.splitlines()) == len(rows)
    key = "id" if what == "runs" else "name"
    assert all(row[key] in out for row in rows)


def test_there_may_be_no_runs_yet(capsys):
    out, _ = said(capsys, "list", "runs")
    assert "no runs" in out and told(capsys, "list", "runs") == []


QUESTION = "Item 3: which number is meant?"


def test_ask_shows_the_chain_and_the_answer(capsys):
    out, err = said(capsys, "ask", QUESTION, "--model", "scripted", "--kind", "number")
    assert "Working on it." in out and "answer      301" in out and "confidence" in out and "tokens generated" in out
    assert err == ""


def test_ask_shows_the_votes(capsys):
    out, _ = said(capsys, "ask", QUESTION, "--model", "scripted", "--kind", "number", "--method", "vote:n=9")
    assert "9 chains, vote by count" in out


def test_ask_as_json(capsys):
    data = told(capsys, "ask", QUESTION, "--model", "scripted", "--kind", "number", "--method", "vote:n=3")
    assert data["method"] == "vote:n=3" and len(data["solution"]["pool"]) == 3
    assert data["question"]["text"] == QUESTION


def test_ask_that_the_budget_ends_says_so(capsys):
    out, _ = said(capsys, "ask", QUESTION, "--model", "scripted", "--kind", "number", "--budget", "4", code=6)
    assert "partial     The budget ended" in out


def test_ask_reads_standard_input(capsys, monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(QUESTION + "\n"))
    out, _ = said(capsys, "ask", "-", "--model", "scripted", "--kind", "number")
    assert "301" in out


def test_help_and_version(capsys):
    assert "VERB" in said(capsys)[0]
    for argv in (["--help"], ["run", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as end:
            main(argv)
        assert end.value.code == 0 and capsys.readouterr().out


BASE = ["run", "--model", "scripted", "--quiet"]


@pytest.mark.parametrize(
    ("argv", "code", "value", "hint"),
    [
        ([*BASE, "--problems", "items", "--methods", "vot"], 2, "'vot'", "vote"),
        ([*BASE, "--problems", "items", "--methods", "vote:n=many"], 2, "'many'", "whole number"),
        ([*BASE, "--problems", "items", "--methods", "vote:m=3"], 2, "'m'", "n"),
        ([*BASE, "--problems", "shell-gam"], 2, "'shell-gam'", "shell-game"),
        ([*BASE, "--problems", "addition:lengths=huge"], 2, "'huge'", ""),
        ([*BASE, "--problems", "missing.jsonl"], 3, "missing.jsonl", "path"),
        ([*BASE, "--problems", "items", "--count", "0"], 2, "0", "1 or more"),
        ([*BASE, "--problems", "items", "--count", "-4"], 2, "-4", "1 or more"),
        ([*BASE, "--problems", "items", "--count", "ten"], 2, "'ten'", "--help"),
        ([*BASE, "--problems", "items", "--repeats", "0"], 2, "0", "1 or more"),
        ([*BASE, "--problems", "items", "--concurrency", "0"], 2, "0", "1 or more"),
        ([*BASE, "--problems", "items", "--budget", "0"], 2, "0", "positive"),
        ([*BASE, "--problems", "items", "--baseline", "direct", "--methods", "cot"], 2, "'direct'", "--methods"),
        ([*BASE, "--problems", "items", "items"], 2, "'item-1'", "once"),
        (["run", "--model", "scripted,chance=2", "--problems", "items"], 2, "'chance'", ""),
        (["run", "--modle", "x"], 2, "--modle", "--help"),
        (["rum"], 2, "'rum'", "--help"),
        (["ask", "  ", "--model", "scripted"], 2, "empty", "quotes"),
        (["ask", "x", "--kind", "colour"], 2, "'colour'", "--help"),
        (["ask", "x", "--model", "scripted", "--method", "vote:n=0"], 2, "n=0", "n=1"),
        (["report"], 3, ".workings", ""),
        (["report", "--browsable", "-1"], 2, "-1", "0 or more"),
        (["export", "--out", "x.xls"], 2, "'x.xls'", ".jsonl"),
        (["export"], 2, "--out", "--help"),
        (["import", "nothing.jsonl"], 3, "nothing.jsonl", ""),
        (["list", "cats"], 2, "'cats'", "--help"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_one_line_with_a_next_step(capsys, argv, code, value, hint):
    _, err = said(capsys, *argv, code=code)
    assert err.startswith("workings: ") and err.count("\n") == 1 and "Traceback" not in err
    assert value in err and hint in err


def test_a_run_that_is_not_there_is_named(capsys):
    said(capsys, *RUN, "--count", "2")
    _, err = said(capsys, "report", "zzz", code=2)
    assert err.startswith("workings: ") and "'zzz'" in err and err.count("\n") == 1


def test_a_folder_that_cannot_be_used(capsys, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    _, err = said(capsys, *RUN, "--folder", tmp_path / "file", code=3)
    assert err.startswith("workings: ") and err.count("\n") == 1


def test_a_file_that_is_no_record(capsys, tmp_path):
    (tmp_path / "record.db").write_bytes(b"this is not a database at all" * 200)
    _, err = said(capsys, "report", "--folder", tmp_path, code=3)
    assert err.startswith("workings: ") and "record.db" in err and err.count("\n") == 1


def test_a_model_that_always_fails_is_said_once_and_may_be_tried_again(capsys):
    argv = ["run", "--model", "scripted,broken=true", "--problems", "items", "--methods", "cot", "--quiet"]
    out, err = said(capsys, *argv, code=4)
    assert "12 of 12 attempts failed" in err and "Running the same command" in err and "Traceback" not in out + err
    out, err = said(capsys, "ask", QUESTION, "--model", "scripted,broken=true", code=4)
    assert err == "workings: No connection to 127.0.0.1:9. Start the server.\n"


def test_being_stopped_is_said(capsys, monkeypatch):
    def stop(given):
        raise KeyboardInterrupt

    monkeypatch.setattr("workings.cli.main._verb", lambda name: stop)
    _, err = said(capsys, *RUN, code=130)
    assert "the same command goes on" in err
