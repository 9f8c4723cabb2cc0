"""Runs every benchmark and writes benchmarks/RESULTS.md with the machine and the date."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SKIPPED = {"all.py", "engine.py", "pocket_card.py", "pocket_verifiers.py", "planted.py", "recovery.py"}


def machine() -> str:
    """Processor, cores and Python, as far as the platform tells."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        name = names[0] if names else name
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> None:
    """Runs all benchmarks one after the other; extra arguments (such as --quick) go to each."""
    day = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    lines = ["# Benchmark results", "", f"{day}, {machine()}. Made by `make bench`.", ""]
    failed = []
    for script in sorted(p for p in HERE.glob("*.py") if p.name not in SKIPPED):
        print(f"== {script.name}", flush=True)
        done = subprocess.run([sys.executable, str(script), *sys.argv[1:]], capture_output=True, text=True, check=False)
        print(done.stdout, flush=True)
        lines += [f"## {script.stem}", "", "```", done.stdout.strip() or done.stderr.strip()[-2000:], "```", ""]
        if done.returncode:
            failed.append(script.name)
        else:
            json.loads(done.stdout.strip().splitlines()[-1])
    (HERE / "RESULTS.md").write_text("\n".join(lines), encoding="utf-8")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
