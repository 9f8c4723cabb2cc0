"""A run as one HTML file that needs nothing else: no server, no network, no model."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path

from workings.audit.doubt.verdict import Terms
from workings.core.answer import Answer, Outcome
from workings.core.errors import BadSetting
from workings.core.problem import Problem
from workings.report import audits, browser, curves, graphs, sections, sure
from workings.report.beside import beside_of
from workings.report.coverage import curves_of
from workings.report.embed import embed
from workings.report.facts import facts_of, methods_of
from workings.report.markup import Markup, join, tag, text
from workings.report.source import RunSource
from workings.run.coverage import Mark
from workings.run.judging import decide_by_text

__all__ = ["write_report"]

_CONTENTS = (
    ("accuracy", "Accuracy"),
    ("paired", "Differences"),
    ("frontier", "Cost"),
    ("curves", "Chains"),
    ("outcomes", "Outcomes"),
    ("length", "Length"),
    ("family", "Family"),
    ("calibration", "Confidence"),
    ("audits", "Audits"),
    ("doubts", "How sure"),
    ("attempts", "Attempts"),
    ("notes", "Limits"),
)

_SCRIPTS = ("words.js", "tree.js", "steps.js", "page.js")


def write_report(
    run: RunSource,
    path: Path,
    *,
    max_browsable: int = 2000,
    mark: Mark = decide_by_text,
    beside: Iterable[RunSource] = (),
    terms: Terms = Terms(),
) -> Path:
    """Writes the report of a run to `path` and returns it.

    Tables and figures are made from every row of the run. At most `max_browsable` attempts can be read in the page,
    and fewer when their texts are long; the page says how many and how they were drawn. The file appears whole or not
    at all; its folder is made when it is missing.
    `beside` are the runs that ask about this one, oldest first (`Archive.beside`): their findings, where explanations
    stand, and what estimators of doubt are worth by `terms` stand on the page too, and the importance of each step that
    early answering read is shaded on its chain.
    `mark` says whether the answer of a chain that was not chosen is right; without one, what text alone can tell.
    All text from problems, models and servers is escaped, and the page's own policy lets it run no script but its own.

    Raises BadSetting for a negative `max_browsable`, OSError when the file cannot be written.
    Left out: the journal of replies, token ids, and prompts of all traces but the first; the record has them.
    """
    if max_browsable < 0:
        raise BadSetting(f"A report cannot hold {max_browsable} attempts.", "Give 0 or more.")
    rows = list(run.rows())
    problems = {problem.id: problem for problem in run.problems()}
    methods = methods_of(run.spec, rows)
    mark = _once(mark)
    facts = facts_of(run.spec, rows, problems, curves_of(run, rows, problems, mark))
    asked = beside_of(run, beside, terms)
    heat = audits.heated(asked)
    found = embed(run, rows, problems, methods, max_browsable=max_browsable, mark=mark, heat=heat)
    shown = [
        (key, part)
        for key, part in (
            ("accuracy", sections.accuracy(facts)),
            ("paired", sections.paired(facts)),
            ("frontier", graphs.frontier(facts)),
            ("curves", curves.curves(facts)),
            ("outcomes", graphs.outcomes(facts)),
            ("length", graphs.lengths(facts)),
            ("family", graphs.families(facts)),
            ("calibration", graphs.calibration(facts)),
            ("audits", audits.audits(asked, found.shaded)),
            ("doubts", sure.sure(asked)),
            ("attempts", browser.attempts(found, rows, methods)),
            ("notes", sections.notes(facts)),
        )
        if part
    ]
    names = dict(_CONTENTS)
    links = [tag("a", {"href": f"#{key}"}, names[key]) for key, _ in shown]
    contents = tag("nav", {"class": "contents", "aria-label": "Sections"}, links)
    footer = tag(
        "footer",
        None,
        f"Made by workings from run {run.spec.id} without a model. This file loads nothing from anywhere.",
    )
    body = join(sections.head(facts), contents, tag("main", {"id": "results"}, [part for _, part in shown]), footer)
    title = f"{run.spec.problems} × {len(methods)} methods: workings report"
    page = _fill(
        {
            "title": text(title),
            "version": text(run.spec.version),
            "body": body,
            "data": browser.data(found, methods),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(page.encode("utf-8", "replace"))
    part.replace(path)
    return path


def _once(mark: Mark) -> Mark:
    """The same judgements, each made once."""
    known: dict[tuple[str, Answer], Outcome | None] = {}

    def marked(answer: Answer, problem: Problem) -> Outcome | None:
        key = problem.id, replace(answer, span=None)
        if key not in known:
            known[key] = mark(answer, problem)
        return known[key]

    return marked


def _fill(values: Mapping[str, str]) -> str:
    """The template with each of its places filled once; what is put in is not searched for places again."""
    folder = resources.files("workings.report")
    style = folder.joinpath("page.css").read_text("utf-8")
    script = "".join(folder.joinpath(name).read_text("utf-8") for name in _SCRIPTS)
    known = {
        **values,
        "style": style,
        "script": script,
        "style_hash": _digest(style),
        "script_hash": _digest(script),
    }
    template = folder.joinpath("page.html").read_text("utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda place: known[place[1]], template)


def _digest(source: str) -> Markup:
    return Markup("sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode())
