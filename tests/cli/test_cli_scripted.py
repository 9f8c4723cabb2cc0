"""The command line on a scripted model: what it prints, and what it says when something is wrong."""

from __future__ import annotations

import importlib
import json
import signal
import sys
from pathlib import Path

import pytest

from workings.cli.main import main

SOURCE = """
import asyncio, os, signal

from workings.testing import Counted, item_model, item_problems

ASKS = []


class Logged(Counted):
    async def sample(self, ask, seeds, watch=None):
        ASKS.append(ask)
        return await super().sample(ask, seeds, watch)


def items(right: str = "1"):
    return item_problems(12, right=right)


class Stopping(Logged):
    async def sample(self, ask, seeds, watch=None):
        if len(ASKS) >= 5:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(30)
        return await super().sample(ask, seeds, watch)


def scripted(broken: bool = False, stopping: bool = False):
    if stopping:
        return Stopping(item_model())
    if broken:
        from workings.core.errors import Unreachable
        from workings.testing import Failing

        return Failing(item_model(), lambda: Unreachable("No connection to 127.0.0.1:9.", "Start the server."))
    return Logged(item_model())


class Thinker(Counted):
    async def sample(self, ask, seeds, watch=None):
        from workings.core.completion import Completion

        return tuple(Completion("The answer is 7.", thinking="hm \\x1b[2J") for _ in seeds)


def thinker():
    return Thinker(item_model())
"""
POINTS = """[workings.problems]
items = package_for_the_command_line:items
[workings.models]
scripted = package_for_the_command_line:scripted
thinker = package_for_the_command_line:thinker
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


def test_ask_shows_thinking_and_lets_nothing_steer_the_terminal(capsys):
    out, _ = said(capsys, "ask", "How many?", "--model", "thinker", "--method", "cot")
    assert "[thinking]\nhm \ufffd[2J\n[/thinking]\nThe answer is 7." in out and "\x1b" not in out


def test_an_error_lets_nothing_steer_the_terminal(capsys):
    _, err = said(capsys, "ask", "How many?", "--method", "cot:style=\x1b[2J", code=2)
    assert "\x1b" not in err


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


@pytest.mark.parametrize("what", ["methods", "audits", "estimators", "problems", "models", "graders", "runs"])
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
        ([*BASE, "--problems", "items", "--methods", "best-of-n:by=arithmetik"], 2, "'arithmetik'", "arithmetic"),
        ([*BASE, "--problems", "items", "--report", "."], 2, "'.'", "report.html"),
        (["ask", "x", "--model", "scripted", "--choices", *map(str, range(27))], 2, "27", "26"),
        (["ask", "caf\udcff", "--model", "scripted"], 3, "udcff", "UTF-8"),
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
    _, err = said(capsys, "ask", "x", code=130)
    assert err == "\nStopped.\n"


@pytest.fixture
def interruptible():
    """Test workers ignore interrupts; a command line does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_stopped_run_is_marked_and_goes_on(capsys, package, interruptible):
    argv = ["run", "--model", "scripted,stopping=true", "--problems", "items", "--methods", "cot", "--concurrency", "1"]
    _, err = said(capsys, *argv, code=130)
    assert "recorded" in err
    [run] = told(capsys, "list", "runs")
    assert (run["status"], run["attempts"]) == ("stopped", 5)
    package.Stopping.sample = package.Logged.sample
    out, _ = said(capsys, *argv)
    [run] = told(capsys, "list", "runs")
    assert "5 are on record already" in out and (run["status"], run["attempts"]) == ("finished", 12)


def test_every_surface_compares_with_the_baseline(capsys, tmp_path):
    argv = [*RUN, "direct", "--baseline", "vote:n=5"]
    argv.remove("--quiet")
    argv.append("--quiet")
    out, _ = said(capsys, *argv, "--report", tmp_path / "new" / "r.html")
    assert "2 comparisons" in out and "cot − vote:n=5" in out and "direct − cot" not in out
    page = (tmp_path / "new" / "r.html").read_text()
    pairs = [(c["method"], c["baseline"]) for c in told(capsys, "report")["comparisons"]]
    assert sorted(pairs) == [("cot", "vote:n=5"), ("direct", "vote:n=5")]
    assert "2 comparisons" in page and "3 comparisons" not in page
    again, _ = said(capsys, *argv[:-3], "--quiet")
    assert "36 are on record already" in again and "3 comparisons" in again and "direct − cot" in again
    assert len(told(capsys, "report")["comparisons"]) == 3 and len(told(capsys, "list", "runs")) == 1


def test_quiet_hides_only_the_bar(capsys):
    assert said(capsys, *RUN) == said(capsys, *RUN, "--folder", "other")
    assert "24 attempts" in said(capsys, *RUN, "--folder", "third")[0]


def test_a_corrected_gold_is_another_run(capsys, package):
    said(capsys, *RUN)
    made = len(package.ASKS)
    said(capsys, *RUN[:4], "items:right=2", *RUN[5:])
    assert len(package.ASKS) == 2 * made and len(told(capsys, "list", "runs")) == 2


def test_an_unknown_grader_costs_nothing(capsys, package):
    said(capsys, *BASE, "--problems", "items", "--methods", "cot", "best-of-n:by=arithmetic,stages=3", code=2)
    said(capsys, *BASE, "--problems", "items", "--methods", "cot", "best-of-n:by=arithmetik", code=2)
    assert package.ASKS == []


@pytest.mark.parametrize(("gold", "warned"), [("x^2 + 1", True), ("Paris", False)])
def test_a_missing_judge_is_said_before_the_run(capsys, monkeypatch, gold, warned):
    monkeypatch.setattr("workings.catalog.world.find_spec", lambda name: None)
    row = {"question": "Item 1: which formula?", "answer": gold, "answer_kind": "text"}
    Path("formulas.jsonl").write_text(json.dumps(row) + "\n")
    _, err = said(capsys, *BASE, "--problems", "formulas.jsonl", "--methods", "cot")
    assert ('formulas are not judged: pip install "workings[maths]"' in err) is warned


def written(name, *rows):
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def test_import_judges_as_run_does(capsys):
    pytest.importorskip("math_verify")
    row = {"question": "?", "answer": r"\frac{\sqrt{2}}{2}", "method": "m"}
    said_by_others = [
        r"The answer is \(\frac{1}{\sqrt{2}}\).",
        r"The answer is \(\frac{1}{\sqrt{3}}\).",
        "I do not know.\n\n",
    ]
    name = written("f.jsonl", *({**row, "id": n, "output": text} for n, text in enumerate(said_by_others)))
    said(capsys, "import", name, "--kind", "number")
    assert accuracies(capsys, "report") == {"m": (1, 1, 1)}


def test_import_keeps_the_kind_that_was_given(capsys):
    name = written("k.jsonl", {"id": 1, "question": "?", "answer": "7", "output": "The answer is 7 apples."})
    said(capsys, "import", name, "--kind", "number")
    said(capsys, "export", "--out", "k-out.jsonl")
    [line] = Path("k-out.jsonl").read_text().splitlines()
    assert json.loads(line)["problem"]["question"].get("kind", "number") == "number"
    said(capsys, "import", name, "--kind", "text", "--folder", "other")
    said(capsys, "export", "--out", "k-out.jsonl", "--folder", "other")
    [line] = Path("k-out.jsonl").read_text().splitlines()
    assert json.loads(line)["problem"]["question"]["kind"] == "text"


def test_import_uses_the_checker_of_a_problem(capsys):
    said(capsys, *RUN, "--count", "1")
    said(capsys, "export", "--out", "own.jsonl")
    row = json.loads(Path("own.jsonl").read_text().splitlines()[0])
    del row["attempt"]
    row["problem"]["question"]["kind"] = "text"
    row["problem"]["meta"] = {"checker": "countdown", "numbers": [3, 7, 8], "target": 31}
    row["problem"]["gold"] = "8*3+7"
    made = told(capsys, "import", written("c.jsonl", {**row, "reply": "The answer is 7+3*8."}), "--folder", "other")
    assert made["attempts"] == 1 and list(accuracies(capsys, "report", "--folder", "other").values()) == [(1, 0, 0)]
    row["problem"]["meta"]["checker"] = "countdwon"
    _, err = said(capsys, "import", written("c.jsonl", row), "--folder", "other", code=3)
    assert "'countdwon'" in err and err.count("\n") == 1


def test_bytes_that_are_no_text_are_one_line(capsys, monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"caf\xff"), encoding="utf-8"))
    _, err = said(capsys, "ask", "-", "--model", "scripted", code=3)
    assert "UTF-8" in err and "xff" in err and err.count("\n") == 1


def test_doubt_asks_records_and_resumes(capsys, package):
    ask = ("--methods", "vote:n=5,temperature=1")
    said(capsys, "run", "--problems", "items", *ask, "--model", "scripted", "--quiet")
    names = ("agreement", "semantic-entropy", "token-probability", "p-true", "verbalised", "induced", "margin")
    told_ = told(capsys, "doubt", "--estimators", *names, "--quiet")
    found = {(one["estimator"], one["scope"]): one for one in told_["methods"][0]["estimators"]}
    assert found["agreement", "answer"]["n"] + sum(found["agreement", "answer"]["missing"].values()) == 12
    assert found["p-true", "answer"]["asked"]["calls"] == 12
    assert set(found["verbalised", "answer"]["missing"]) <= {
        "the reply states no confidence that can be read",
        "no answer to be sure of",
    }
    asked = len(package.ASKS)
    again = told(capsys, "doubt", "--estimators", *names, "--quiet")
    assert again == told_ and len(package.ASKS) == asked
