"""The process that compares formulas: JSON lines in, JSON lines out.

Run as `python -m workings.graders.maths_worker [memory in MB]`; ends when its input does. It reads LaTeX with a
grammar and never evaluates text as code; whoever starts it keeps the time and kills it.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from typing import Any, TextIO

__all__ = ["main"]


def _limit_memory(megabytes: int) -> None:
    try:
        import resource
    except ImportError:
        return
    size = megabytes * 2**20
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time(seconds: int) -> None:
    """Bound the processor time of one question, so that a worker whose parent was killed ends too."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = math.ceil(time.process_time()) + seconds + 30
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _compare(tools: Any, gold: str, answer: str) -> bool | None:
    settings = [tools.LatexExtractionConfig()]
    sides = [
        tools.parse(f"${side}$", settings, fallback_mode="no_fallback", parsing_timeout=None, raise_on_error=True)
        for side in (gold, answer)
    ]
    if not all(sides):
        return None
    return bool(tools.verify(*sides, timeout_seconds=None, raise_on_error=True))


def _serve(tools: Any, asked: TextIO, said: TextIO) -> None:
    for line in asked:
        try:
            question = json.loads(line)
            _limit_time(int(question["seconds"]))
            verdict = _compare(tools, str(question["gold"]), str(question["answer"]))
        except Exception:  # whatever a hostile formula makes the parser raise means one thing: no verdict
            verdict = None
        said.write(json.dumps({"equal": verdict}) + "\n")
        said.flush()


def main(arguments: list[str]) -> int:
    """Answer questions from standard input until it ends."""
    said = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _limit_memory(int(arguments[0]) if arguments else 1024)
    import math_verify

    said.write('{"ready": true}\n')
    said.flush()
    asked = os.fdopen(os.dup(sys.stdin.fileno()), "r", encoding="utf-8", errors="replace")
    _serve(math_verify, asked, said)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
