"""Symbolic equality, judged in processes that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import math
import queue
import re
import subprocess
import sys
import threading
import weakref
from types import TracebackType

from workings.core.answer import Answer, Outcome
from workings.core.errors import BadSetting, GraderError, MissingExtra
from workings.core.problem import Problem
from workings.verify.outcome import outcome
from workings.verify.text import fold

__all__ = ["MathsJudge"]

MAX_CHARS = 5000
MAX_DEPTH = 60
MAX_DIGITS = 400
START_SECONDS = 120.0


class MathsJudge:
    """Decides whether two formulas are equal, with math-verify in worker processes.

    `workers` processes at most are kept, started when first needed; `memory_mb` bounds the address space of each.
    A worker that overruns is killed and replaced at the next call. Safe to call from many threads at once and
    from asyncio. Close it, or use it as a context manager; workers also end with the program.

    Raises MissingExtra when math-verify is not installed. Equality is math-verify's: lenient towards notation
    (intervals, sets, percent), the gold leading. A None is no verdict, and counts as unparsed, never as wrong.
    """

    def __init__(self, workers: int = 1, timeout_s: float = 5.0, memory_mb: int = 1024) -> None:
        if workers < 1 or timeout_s <= 0 or memory_mb < 256:
            raise BadSetting(
                f"workers={workers}, timeout_s={timeout_s}, memory_mb={memory_mb} is out of range.",
                "Use at least 1 worker, more than 0 seconds and 256 MB.",
            )
        if importlib.util.find_spec("math_verify") is None:
            raise MissingExtra.of("Judging formulas", "maths")
        self.timeout_s = timeout_s
        self._memory_mb = memory_mb
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(workers):
            self._idle.put(None)
        self._live: set[_Worker] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._finalizer = weakref.finalize(self, _stop_all, self._live)

    def equal(self, gold: str, answer: str, timeout_s: float | None = None) -> bool | None:
        """Whether an answer equals the gold; None when neither can be shown in time.

        `timeout_s` counts from the moment the worker has the question; waiting for a free worker, and the first
        worker's start (a second or two), come on top. Raises GraderError when no worker can be started.
        """
        if timeout_s is not None and timeout_s <= 0:
            raise BadSetting(f"timeout_s={timeout_s} leaves no time.", "Use more than 0 seconds.")
        seconds = timeout_s or self.timeout_s
        if not (_bounded(gold) and _bounded(answer)):
            return None
        line = json.dumps(
            {"gold": to_latex(gold), "answer": to_latex(answer), "seconds": math.ceil(seconds)}, ensure_ascii=False
        )
        worker = self._idle.get()
        try:
            if worker is None or not worker.alive:
                worker = self._start(worker)
            reply = worker.ask(line, seconds)
            if reply is None:
                self._drop(worker)
                worker = None
        except BaseException:
            if worker is not None:
                self._drop(worker)
            worker = None
            raise
        finally:
            self._idle.put(worker)
        verdict = reply.get("equal") if reply else None
        return verdict if isinstance(verdict, bool) else None

    async def judge(self, answer: Answer, problem: Problem) -> Outcome:
        """The outcome of an answer: text decides where it can, else formulas are compared."""
        question = problem.question
        if problem.gold is None:
            raise GraderError(f"Problem {problem.id!r} has no gold answer to judge by.", "Leave it out of the run.")
        told = outcome(answer, problem.gold, question.kind, question.choices)
        if told is not None:
            return told
        same = await asyncio.to_thread(self.equal, problem.gold, answer.raw or answer.canonical or "")
        if same is None:
            return Outcome.UNPARSED
        return Outcome.RIGHT if same else Outcome.WRONG

    def close(self) -> None:
        """Kill the workers and wait for them; further calls raise GraderError."""
        with self._lock:
            self._closed = True
            live = set(self._live)
        _stop_all(live)

    def __enter__(self) -> MathsJudge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, dead: _Worker | None) -> _Worker:
        if dead is not None:
            self._drop(dead)
        with self._lock:
            if self._closed:
                raise GraderError("This judge is closed.", "Make a new MathsJudge.")
            worker = _Worker(self._memory_mb)
            self._live.add(worker)
        if worker.wait(START_SECONDS) != {"ready": True}:
            self._drop(worker)
            raise GraderError(
                f"The maths worker did not start within {START_SECONDS:.0f} s.",
                f"Try: {sys.executable} -m workings.graders.maths_worker",
            )
        return worker

    def _drop(self, worker: _Worker) -> None:
        worker.stop()
        with self._lock:
            self._live.discard(worker)


class _Worker:
    """One process, spoken to in JSON lines; a thread reads what it says, so waiting works on every platform."""

    def __init__(self, memory_mb: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workings.graders.maths_worker", str(memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
        )
        self._said: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True, name="maths-worker-reader")
        self._reader.start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError, OSError):
            for line in self._process.stdout:
                self._said.put(line)
        self._said.put("")

    def wait(self, seconds: float) -> dict[str, object] | None:
        try:
            line = self._said.get(timeout=seconds)
            reply = json.loads(line) if line else None
        except (queue.Empty, json.JSONDecodeError):
            return None
        return reply if isinstance(reply, dict) else None

    def ask(self, line: str, seconds: float) -> dict[str, object] | None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError:
            return None
        return self.wait(seconds)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._reader is not threading.current_thread():
            self._reader.join(timeout=5)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError, ValueError):
                    pipe.close()


def _stop_all(live: set[_Worker]) -> None:
    while live:
        live.pop().stop()


_LONG = re.compile(rf"[0-9]{{{MAX_DIGITS + 1}}}")


def _bounded(text: str) -> bool:
    """Whether text is short, shallow and free of endless digits: nothing else reaches a worker."""
    if not text.strip() or len(text) > MAX_CHARS or "\x00" in text or _LONG.search(text):
        return False
    depth = deepest = 0
    for char in text:
        if char in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in ")]}":
            depth -= 1
    return deepest <= MAX_DEPTH


_PLAIN = {
    "×": r"\times ", "÷": r"\div ", "π": r"\pi ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "∪": r"\cup ",
    "±": r"\pm ", "²": "^{2}", "³": "^{3}", "⁴": "^{4}", "°": r"^{\circ}",
}  # fmt: skip
_ROOT = re.compile(
    r"(?<!\\)\bsqrt\s?\(([^()]{1,200})\)|√\s?\(([^()]{1,200})\)|√\s?([0-9]{1,40}|[a-z])|(?<!\\)\bsqrt\s?([0-9]{1,40})"
)
_NAME = re.compile(r"(?<![\\A-Za-z])(pi|sin|cos|tan|ln|log|exp)(?![A-Za-z])")


def to_latex(text: str) -> str:
    """A formula in plain text as LaTeX; LaTeX comes out as it went in, without its delimiters."""
    out = fold(text).strip()
    for opening, closing in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        if out.startswith(opening) and out.endswith(closing) and len(out) > len(opening) + len(closing):
            out = out[len(opening) : -len(closing)].strip()
    out = _ROOT.sub(lambda m: rf"\sqrt{{{next(g for g in m.groups() if g)}}}", out)
    out = _NAME.sub(r"\\\1 ", out).replace("**", "^")
    for char, latex in _PLAIN.items():
        out = out.replace(char, latex)
    return re.sub(r"\^\(([^()]{1,100})\)", r"^{\1}", out)
