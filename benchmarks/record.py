"""Does the record keep up? 100,000 attempts of a scripted model in one run, through the driver, all recorded.

The model answers at once, so what is measured is ours: the methods, the driver, the judging, the record. Each size
runs in a process of its own, after a warm-up. `growth` is the time per attempt in the large run over that in small
runs of 1,000: 1 means that a long run does not slow down. The report is made from the large run.

    python benchmarks/record.py [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from workings.catalog import build
from workings.core.capability import Identity
from workings.core.problem import Problem, Question
from workings.core.prompt import Prompt
from workings.core.record import RunSpec
from workings.models.scripted import Scripted
from workings.run.drive import World
from workings.run.experiment import Plan, carry_out
from workings.store.archive import Archive

METHODS = ("direct", "cot")
SMALL = 1_000
QUESTION = re.compile(r"(\d+) apples and picks (\d+)")


def problem(number: int) -> Problem:
    have, more = number % 97, number % 89
    text = f"Orchard {number}: Mia has {have} apples and picks {more} more each day for 3 days. How many has she?"
    return Problem(
        Question(f"orchard-{number}", text, family="orchard"),
        str(have + 3 * more),
        cluster=f"c{number % 50}",
        length=more,
    )


def table(prompt: Prompt) -> dict[str, float]:
    """A right and a wrong way to go on, with known probabilities."""
    found = QUESTION.search(prompt.messages[-1].content)
    have, more = (int(n) for n in found.groups()) if found else (1, 1)
    right, wrong = have + 3 * more, have + 2 * more
    chain = (
        f"Mia starts with {have} apples.\nEach day she picks {more} apples.\n"
        f"In 3 days she picks 3 * {more} = {3 * more}.\n"
        f"Together that makes {have} + {3 * more} = {right}.\nThe answer is {right}."
    )
    return {
        chain: 0.8,
        f"She picks {more} twice.\nThat makes {have} + {2 * more} = {wrong}.\nThe answer is {wrong}.": 0.2,
    }


def carry(folder: Path, attempts: int) -> tuple[float, float]:
    """Wall seconds and processor seconds for one run, from its start to its last commit."""
    problems = [problem(n) for n in range(attempts // len(METHODS))]
    methods = {name: build("methods", name) for name in METHODS}
    spec = RunSpec(f"bench-{attempts}", "scripted", Identity("scripted"), METHODS, "orchard", len(problems))
    began, busy = time.perf_counter(), time.process_time()
    with Archive.open(folder) as archive:
        run = archive.start(spec, problems)
        made = asyncio.run(carry_out(Plan(problems, methods), World(Scripted(table)), run))
        run.finish()
        seconds = time.perf_counter() - began, time.process_time() - busy
        assert made == attempts == sum(1 for row in run.rows() if row.outcome is not None and not row.error)
    return seconds


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def stage_run(folder: Path, attempts: int, times: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as warm:
        carry(Path(warm), 200)
    taken = [carry(folder / f"{attempts}-{n}", attempts) for n in range(times)]
    seconds = [wall for wall, _ in taken]
    size = (folder / f"{attempts}-0" / "record.db").stat().st_size
    return {
        "seconds": statistics.median(seconds),
        "cpu": statistics.median(busy for _, busy in taken),
        "low": min(seconds),
        "high": max(seconds),
        "peak_mb": peak_mb(),
        "bytes": size / attempts,
    }


def stage_report(folder: Path, attempts: int, times: int) -> dict[str, float]:
    from workings.report.page import write_report

    page = folder / "report.html"
    began, busy = time.perf_counter(), time.process_time()
    with Archive.open(folder / f"{attempts}-0", read_only=True) as archive:
        write_report(archive.run(), page)
    cpu = time.process_time() - busy
    return {
        "seconds": time.perf_counter() - began,
        "cpu": cpu,
        "peak_mb": peak_mb(),
        "page_mb": page.stat().st_size / 2**20,
    }


def in_process(stage: str, folder: Path, attempts: int, times: int = 1) -> dict[str, float]:
    command = [sys.executable, __file__, "--stage", stage, str(folder), str(attempts), str(times)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="10,000 attempts instead of 100,000")
    parser.add_argument("--stage", nargs=4, metavar=("STAGE", "FOLDER", "ATTEMPTS", "TIMES"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        name, folder, attempts, times = given.stage
        stage = {"run": stage_run, "report": stage_report}[name]
        print(json.dumps(stage(Path(folder), int(attempts), int(times))))
        return
    large = 10_000 if given.quick else 100_000
    with tempfile.TemporaryDirectory() as name:
        small_run = in_process("run", Path(name), SMALL, 5)
        large_run = in_process("run", Path(name), large)
        report = in_process("report", Path(name), large)
    each_small, each_large = small_run["seconds"] / SMALL, large_run["seconds"] / large
    print(f"{'attempts':>9} {'seconds':>8} {'per second':>10} {'CPU us each':>11} {'peak MB':>8} {'bytes each':>10}")
    for count, run in ((SMALL, small_run), (large, large_run)):
        rate = count / run["seconds"]
        cpu = run["cpu"] / count * 1e6
        print(f"{count:>9,} {run['seconds']:>8.2f} {rate:>10,.0f} {cpu:>11.0f}", end=" ")
        print(f"{run['peak_mb']:>8.0f} {run['bytes']:>10.0f}")
    print(f"small runs: median of 5, from {small_run['low']:.2f} to {small_run['high']:.2f} s")
    cpu_growth = large_run["cpu"] / large / (small_run["cpu"] / SMALL)
    print(f"growth in processor time alone, which other programs disturb less: {cpu_growth:.3f}")
    print(f"report: {report['seconds']:.1f} s ({report['cpu']:.1f} s of CPU)", end=", ")
    print(f"{report['peak_mb']:.0f} MB peak, page of {report['page_mb']:.1f} MB")
    print(
        json.dumps(
            {
                "attempts_per_s": round(large / large_run["seconds"]),
                "peak_mb": round(max(large_run["peak_mb"], report["peak_mb"])),
                "growth": round(each_large / each_small, 3),
                "report_s": round(report["seconds"], 2),
            }
        )
    )


if __name__ == "__main__":
    main()
