"""The report of a run with what is recorded beside it, by every command that writes one."""

from __future__ import annotations

import json

import pytest

from workings.cli.main import main
from workings.store.archive import Archive


def said(capsys, *argv, code=0):
    assert main([str(one) for one in argv]) == code
    told = capsys.readouterr()
    return told.out, told.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of the pocket model with one audit and two estimators beside it, each command with its own page."""
    folder = tmp_path_factory.mktemp("beside")
    base = ("--folder", folder / "kept", "--quiet")
    ran = ("run", *base, "--problems", "shell-game", "--count", 3, "--methods", "direct", "cot", "--model", "pocket")
    asked = (
        (*ran, "--report", folder / "pages" / "run.html"),
        ("audit", *base, "--audits", "early-answering:cues=1", "--report", folder / "deep" / "audit.html"),
        ("doubt", *base, "--estimators", "token-probability", "--report", folder / "pages" / "doubt.html"),
    )
    for argv in asked:
        assert main([str(one) for one in argv]) == 0
    return folder


def test_each_command_writes_the_page_with_all_that_is_there(folder):
    pages = [(folder / name).read_text("utf-8") for name in ("pages/run.html", "deep/audit.html", "pages/doubt.html")]
    assert ['id="audits"' in page for page in pages] == [False, True, True]
    assert ['id="doubts"' in page for page in pages] == [False, False, True]
    assert all("2 methods" in page for page in pages)
    assert "3 chains are shaded step by step" in pages[1]


def test_the_records_beside_a_run_come_oldest_first(folder):
    with Archive.open(folder / "kept", read_only=True) as archive:
        (source,) = [one.id for one in archive.runs() if not set(one.spec.notes) & {"audits", "doubts"}]
        beside = archive.beside(archive.run(source))
        assert [tuple(one.spec.notes) for one in beside] == [("audits",), ("doubts",)]
        assert archive.beside(beside[0]) == ()


def test_a_report_of_an_audit_is_that_of_the_run_it_asks_about(folder, capsys, tmp_path):
    with Archive.open(folder / "kept", read_only=True) as archive:
        source, audited, _ = (one.id for one in archive.runs())
    out, err = said(capsys, "report", audited, "--folder", folder / "kept", "--out", tmp_path / "a.html")
    assert err == f"workings: run {audited} asks about run {source} (audits): reporting that.\n"
    out, err = said(capsys, "report", "--folder", folder / "kept", "--out", tmp_path / "b.html")
    assert err == "" and out == f"{tmp_path / 'b.html'}\n"
    assert (tmp_path / "a.html").read_text("utf-8") == (tmp_path / "b.html").read_text("utf-8")


def test_the_json_of_a_report_holds_findings_and_verdicts(folder, capsys):
    out, _ = said(capsys, "report", "--folder", folder / "kept", "--json")
    told = json.loads(out)["beside"]
    (audit,) = told["audits"]
    assert (audit["audit"], audit["method"]) == ("early-answering:cues=1", "cot")
    assert [one["method"] for one in told["doubts"]] == ["direct", "cot"]
    assert told["doubts"][1]["estimators"][0]["n"] == 3 and told["unread"] == {}


def test_a_page_that_is_a_folder_is_refused_before_anything_is_asked(folder, capsys):
    for verb in ("audit", "doubt"):
        out, err = said(capsys, verb, "--folder", folder / "kept", "--report", folder, code=2)
        assert out == "" and "is a folder" in err
