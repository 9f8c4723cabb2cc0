"""Runs killed with SIGKILL at random moments and resumed give the table of an uninterrupted run.

Numbers may differ by 1e-5, a hundredth of what a table shows: samples that ran beside others have log-probabilities
that differ in the eighth, because a matrix product with other rows rounds otherwise.

`python benchmarks/kill_resume.py [--runs 5] [--count 60] [--seed 0]`. Times are left out of the comparison; everything
else in the run's JSON must be equal. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TIMES = {"seconds_mean", "seconds_median", "created", "started", "finished"}
METHODS = ["direct", "cot", "vote:n=4", "best-of-n:n=4"]


def command(folder: Path, count: int) -> list[str]:
    """The command line that is killed and given again."""
    sets = ["shell-game", "word-problems", "addition:lengths=out"]
    words = ["run", "--folder", str(folder), "--problems", *sets, "--methods", *METHODS, "--concurrency", "8"]
    return [sys.executable, "-m", "workings", *words, "--count", str(count), "--json"]


def without_times(facts: Any) -> Any:
    """The facts of a run without what depends on the clock."""
    if isinstance(facts, dict):
        return {k: without_times(v) for k, v in facts.items() if k not in TIMES and k != "seconds"}
    if isinstance(facts, list):
        return [without_times(v) for v in facts]
    return facts


def same(one: Any, other: Any) -> bool:
    """Whether two runs have equal facts, numbers up to 1e-5."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=0, abs_tol=1e-5)
    return bool(one == other)


def finish(folder: Path, count: int) -> Any:
    """Runs to the end and gives the facts."""
    done = subprocess.run(command(folder, count), capture_output=True, text=True, check=True)
    return without_times(json.loads(done.stdout))


def interrupted(folder: Path, count: int, rng: random.Random, whole: float) -> tuple[Any, int]:
    """Kills the run at a few random moments, then lets it finish; the facts and the number of kills."""
    kills = 0
    for _ in range(rng.randint(1, 3)):
        process = subprocess.Popen(command(folder, count), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.1, 0.95) * whole)
        if process.poll() is None:
            process.kill()
            kills += 1
        process.wait()
    return finish(folder, count), kills


def main() -> None:
    """Compares and prints."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--runs", type=int, default=5)
    words.add_argument("--count", type=int, default=60)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--quick", action="store_true")
    given = words.parse_args()
    runs, count = (2, 15) if given.quick else (given.runs, given.count)
    rng = random.Random(given.seed)
    equal, kills = 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        began = time.monotonic()
        expected = finish(Path(scratch) / "whole", count)
        whole = time.monotonic() - began
        for number in range(runs):
            got, killed = interrupted(Path(scratch) / f"killed{number}", count, rng, whole)
            kills += killed
            alike = same(got, expected)
            equal += alike
            print(f"run {number + 1}: killed {killed} times, table {'identical' if alike else 'DIFFERENT'}", flush=True)
    print(json.dumps({"runs": runs, "kills": kills, "identical": equal}))
    sys.exit(0 if equal == runs else 1)


if __name__ == "__main__":
    main()
