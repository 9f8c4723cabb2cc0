"""The page as a file: what it says, what it refuses, how large it is."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from workings.core.answer import Outcome
from workings.core.completion import Stop
from workings.core.errors import BadSetting
from workings.core.solution import Attempt, Failure, Solution
from workings.core.trace import Trace
from workings.report.page import write_report

from .fixtures import HOSTILE, FakeRun, make_hostile_run, make_run, spec


class Reader(HTMLParser):
    """Elements in order, and the text outside scripts and styles."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if not self.elements or self.elements[-1][0] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words).replace("\u00a0", " "))


def page_of(run: FakeRun, folder: Path, **settings: int) -> str:
    return write_report(run, folder / "report.html", **settings).read_text("utf-8")


def test_numbers_of_the_run_stand_on_the_page(tmp_path: Path) -> None:
    run = make_run()
    right = sum(row.outcome is Outcome.RIGHT for row in run.rows_ if row.method == "vote:n=8")
    judged = sum(row.outcome is not Outcome.ERROR for row in run.rows_ if row.method == "vote:n=8")
    words = Reader(page_of(run, tmp_path)).text
    assert f"{100 * right / judged:.0f} % of {judged} attempts right" in words
    assert f"{right / judged:.3f}" in words
    assert "800 recorded of 800 planned" in words
    assert "What to use, and whether to believe it" in words
    assert "All 800 attempts" in words
    assert "Test: exact McNemar" in words
    assert "out of length" in words


def test_nothing_is_loaded_and_the_policy_names_only_what_is_here(tmp_path: Path) -> None:
    source = page_of(make_run(20), tmp_path)
    elements = Reader(source).elements
    for name, attributes in elements:
        assert name not in ("img", "link", "iframe", "object", "embed", "base", "audio", "video")
        assert "src" not in attributes and "style" not in attributes
        assert not any(key.startswith("on") for key in attributes)
        href = attributes.get("href")
        assert href is None or href.startswith("#")
    policy = next(a["content"] for _, a in elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none';")
    assert "unsafe" not in policy and "http" not in policy
    for name in ("style", "script"):
        held = re.findall(rf"<{name}>(.*?)</{name}>", source, re.S)
        assert len(held) == 1
        digest = base64.b64encode(hashlib.sha256(held[0].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy


def test_hostile_text_makes_no_element(tmp_path: Path) -> None:
    run = make_hostile_run()
    source = page_of(run, tmp_path)
    elements = [name for name, _ in Reader(source).elements]
    assert "img" not in elements and elements.count("style") == 1
    scripts = [a for name, a in Reader(source).elements if name == "script"]
    assert [a for a in scripts if a.get("type") not in ("application/json", "text/plain")] == [{}]
    assert "<img" not in source and "window.hacked = 1</script>" not in source
    assert "\u202e" not in source and "\x00" not in source
    assert "&lt;img src=x" in source


def test_hostile_method_names_do_not_break_the_data(tmp_path: Path) -> None:
    run = make_run(6)
    bad = "</script><!--<script>" + HOSTILE
    run.rows_ = [replace(row, method=bad) if row.method == "cot" else row for row in run.rows_]
    run.attempts_ = {(p, bad if m == "cot" else m, i): a for (p, m, i), a in run.attempts_.items()}
    run.spec = spec(("direct", "draft:style=short", bad, "vote:n=8"), 6)
    source = page_of(run, tmp_path)
    held = re.search(r'<script type="application/json" id="methods">(.*?)</script>', source, re.S)
    assert held is not None and json.loads(held[1])[2] == bad
    assert "<!--" not in source


def test_an_empty_run_says_so(tmp_path: Path) -> None:
    run = FakeRun(spec())
    words = Reader(page_of(run, tmp_path)).text
    assert "Nothing is on record for this run yet" in words
    assert "800 of 800 planned attempts are not on record yet" in words
    assert "nan" not in words.lower().split()


def test_a_run_of_one_method_compares_nothing(tmp_path: Path) -> None:
    words = Reader(page_of(make_run(30, ("cot",)), tmp_path)).text
    assert "cot answers" in words and "there is nothing to compare it with" in words
    assert "Paired on the same problems" not in words


def test_a_run_of_errors_only_has_no_accuracy(tmp_path: Path) -> None:
    run = make_run(10, ("direct", "cot"))
    run.rows_ = [
        replace(row, outcome=Outcome.ERROR, error="Unreachable: refused", answer=None, confidence=None)
        for row in run.rows_
    ]
    failure = Failure("Unreachable", "Connection refused.")
    run.attempts_ = {k: Attempt(*k, 1, Outcome.ERROR, None, failure) for k in run.attempts_}
    words = Reader(page_of(run, tmp_path)).text
    assert "Every attempt of this run ended in an error" in words
    assert "No accuracy could be measured" in words
    assert "10 attempts that ended in an error (Unreachable)" in words


def test_a_run_without_gold_is_not_an_error(tmp_path: Path) -> None:
    run = make_run(10, ("direct", "cot"))
    run.rows_ = [replace(row, outcome=None, gold=None, error="") for row in run.rows_]
    words = Reader(page_of(run, tmp_path)).text
    assert "No attempt of this run could be judged" in words
    assert "10 unjudged" in words


def test_an_unfinished_run_is_called_provisional(tmp_path: Path) -> None:
    run = make_run(20)
    run.rows_ = run.rows_[:50]
    words = Reader(page_of(run, tmp_path)).text
    assert "30 of 80 planned attempts are not on record yet" in words


def test_the_page_is_the_same_each_time(tmp_path: Path) -> None:
    assert page_of(make_run(20), tmp_path, max_browsable=30) == page_of(make_run(20), tmp_path, max_browsable=30)


def test_few_browsable_attempts_means_few_are_read(tmp_path: Path) -> None:
    run = make_run(50)
    words = Reader(page_of(run, tmp_path, max_browsable=12)).text
    assert run.fetched == 12
    assert "12 of 200 attempts" in words and "computed from all 200 attempts" in words
    run = make_run(5)
    assert "0 of 20 attempts" in Reader(page_of(run, tmp_path, max_browsable=0)).text
    assert run.fetched == 0


def test_enormous_texts_are_cut_and_the_page_stays_small(tmp_path: Path) -> None:
    run = make_run(100, ("cot",))
    for key, whole in run.attempts_.items():
        noise = hashlib.shake_256(repr(key).encode()).hexdigest(60_000)
        run.attempts_[key] = replace(whole, solution=Solution(pool=(Trace(noise * 4, stop=Stop.END),) * 20))
    source = page_of(run, tmp_path)
    assert len(source) < 8_000_000
    assert "of 100 attempts" in Reader(source).text


def test_a_negative_number_of_attempts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="-1 attempts"):
        write_report(make_run(2), tmp_path / "report.html", max_browsable=-1)


def test_a_failed_write_leaves_the_old_page(tmp_path: Path) -> None:
    path = write_report(make_run(4), tmp_path / "report.html")
    before = path.read_bytes()
    broken = make_run(4)
    broken.attempts_.clear()
    with pytest.raises(KeyError):
        write_report(broken, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
