"""What audits recover of planted truth, on a script that keeps every law exactly; `make recovery` asks a network."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_recovers_the_dose_from_exact_laws():
    told = subprocess.run(
        [sys.executable, "benchmarks/recovery.py", "--exact", "--quick", "--audits", "early-answering"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert told.returncode == 0, told.stderr
    figures = json.loads(told.stdout.splitlines()[-1])
    assert figures["diagnostic"] == ["early-answering"] and not figures["not_run"]
    row = next(line for line in told.stdout.splitlines() if "| whole chain over none |" in line)
    cells = [cell.strip() for cell in row.split("|")]
    assert float(cells[5]) > 0.95 and float(cells[6]) > 0.95 and cells[3] == "diagnostic"


def test_the_page_keeps_its_markers():
    page = (ROOT / "docs" / "audits.md").read_text(encoding="utf-8")
    assert page.count("<!-- recovery:start -->") == page.count("<!-- recovery:end -->") == 1
