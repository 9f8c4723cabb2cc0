"""How sure the pocket model's answers are: every estimator on four procedural families, with its worth and its cost.

    python benchmarks/doubt.py [--quick] [--count N] [--calibrator NAME] [--write]

Sixteen chains a problem at temperature 1 are drawn once and recorded; every estimator is then read from that record,
with the asks it needs, calibrated across folds that share no cluster, and set beside the first one on the same items.
`--write` puts the table into docs/uncertainty.md. Keys: `good`, how many estimators reach a calibration error of at
most 0.05 and an AUROC of at least 0.85; `best`, the one with the highest AUROC among them, with its `ece` and `auroc`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from workings.audit.doubt.verdict import Terms
from workings.catalog.entries import entries
from workings.cli.main import main as workings
from workings.report.doubt import doubts, render_doubts
from workings.report.terminal import aligned
from workings.run.doubts import Doubts
from workings.stats.calibration import auroc
from workings.store.archive import Archive

FAMILIES = ["countdown", "dates", "word-problems", "chain-arithmetic:lengths=out"]
METHOD = "vote:n=16,temperature=1"
FIRST = ["agreement", "least-token", "token-entropy", "read-out-margin", "token-sar", "p-true-samples"]
FORMS = ["verbalised:form=words", "degree:similarity=words", "read-out:at=start", "read-out:measure=share"]
PAGE = Path(__file__).parents[1] / "docs" / "uncertainty.md"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="30 problems a family")
    words.add_argument("--count", type=int, default=150, help="problems a family (150)")
    words.add_argument("--calibrator", default="isotonic", choices=["isotonic", "platt", "temperature"])
    words.add_argument("--folder", type=Path, help="where the record is kept (a folder that is removed)")
    words.add_argument("--write", action="store_true", help="put the table into docs/uncertainty.md")
    given = words.parse_args()
    count = 30 if given.quick else given.count
    names = [*FIRST, *(name for name in entries("estimators") if name not in FIRST), *FORMS]
    terms = Terms(calibrator=given.calibrator)
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kept = ["--folder", str(folder), "--quiet"]
        asked = ["run", "--problems", *FAMILIES, "--count", str(count), "--methods", METHOD, *kept, "--json"]
        run = json.loads(said(asked))["run"]["id"]
        record = json.loads(said(["doubt", run, "--estimators", *names, *kept, "--json"]))["record"]
        with Archive.open(folder, read_only=True) as archive:
            found = doubts(archive.run(record), terms)
            families = {p.id: p.question.family for p in archive.run(record).problems()}
    table = f"{render_doubts(found, terms)}\n\n{within(found, families)}"
    print(table)
    if given.write:
        write(table, f"{len(FAMILIES)} × {count} problems, {METHOD}, {given.calibrator}")
    scores = []
    for one in (v for told in found for v in (*told.verdicts, *((told.combined,) if told.combined else ()))):
        auroc, ece = one.findings.get("AUROC"), one.findings.get("ECE")
        if auroc is not None and ece is not None and auroc.value is not None and ece.value is not None:
            scores.append((round(auroc.value, 3), round(ece.value, 3), f"{one.estimator} ({one.scope.value})"))
    good = sorted((one for one in scores if one[0] >= 0.85 and one[1] <= 0.05), reverse=True)
    figures: dict[str, object] = {"good": len(good), "estimators": len(scores), "problems": len(FAMILIES) * count}
    if good:
        figures |= {"best": good[0][2], "auroc": good[0][0], "ece": good[0][1]}
    print(json.dumps(figures))


def within(found: Sequence[Doubts], families: Mapping[str, str]) -> str:
    """AUROC inside each family, where no difference between families helps."""
    names = sorted(set(families.values()))
    lines = [["AUROC inside a family", "", *names]]
    for one in (v for told in found for v in told.verdicts if "ECE" in v.findings):
        cells = []
        for name in names:
            at = [n for n, ident in enumerate(one.items.ids) if families[ident] == name]
            area = auroc(one.items.surer[at], one.items.right[at]) if at else None
            cells.append("–" if area is None else f"{area:.3f}")
        lines.append([one.estimator, one.scope.value, *cells])
    return aligned(lines)


def said(command: list[str]) -> str:
    """What a command prints."""
    with contextlib.redirect_stdout(io.StringIO()) as told:
        code = workings(command)
    if code:
        raise SystemExit(code)
    return told.getvalue()


def write(table: str, what: str) -> None:
    """Puts the table between its marks on the page."""
    block = f"<!-- table -->\n`python benchmarks/doubt.py --write`: {what}.\n\n```text\n{table}\n```\n<!-- end -->"
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(re.sub(r"<!-- table -->.*?<!-- end -->", lambda _: block, text, flags=re.S), encoding="utf-8")


if __name__ == "__main__":
    main()
