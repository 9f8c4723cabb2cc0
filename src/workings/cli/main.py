"""The command line: verbs, and one place where errors become one line and an exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import workings
from workings.cli import arguments
from workings.core.display import printable
from workings.core.errors import UsageError, WorkingsError

__all__ = ["main", "parser"]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"See {self.prog} --help.")


def parser() -> argparse.ArgumentParser:
    """The whole command line, without importing what the verbs need."""
    top = _Parser(
        prog="workings",
        description="Makes a language model show its workings, and finds out what they are worth.",
        epilog="Every command runs on the shipped pocket model unless --model names another. Exit codes: 0 done, "
        "2 wrong usage, 3 unreadable data, 4 model or grader failed, 5 something is not installed, 6 budget ended, "
        "130 stopped.",
    )
    top.add_argument("--version", action="version", version=f"workings {workings.__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", parser_class=_Parser)
    for add in arguments.VERBS:
        add(verbs)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    verb = ""
    try:
        given = parser().parse_args(argv)
        if given.verb is None:
            parser().print_help()
            return 0
        verb = given.verb
        return _verb(verb)(given)
    except WorkingsError as error:
        print(f"workings: {printable(str(error))}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        recorded = " What was finished is recorded; the same command goes on from there." if verb == "run" else ""
        print(f"\nStopped.{recorded}", file=sys.stderr)
        return 130
    except OSError as error:
        where = f" {str(Path(error.filename))!r}" if error.filename else ""
        said = f"workings: the file{where} cannot be used: {error.strerror or error}."
        print(printable(said), file=sys.stderr)
        return 3


def _verb(name: str) -> Callable[[argparse.Namespace], int]:
    if name == "ask":
        from workings.cli.ask import ask as verb
    elif name == "run":
        from workings.cli.run import run as verb
    elif name == "report":
        from workings.cli.report import report as verb
    elif name == "choose":
        from workings.cli.choose import choose_method as verb
    elif name == "audit":
        from workings.cli.audit import audit as verb
    elif name == "rate":
        from workings.cli.rate import rate as verb
    elif name == "doubt":
        from workings.cli.doubt import doubt as verb
    elif name == "list":
        from workings.cli.listing import show as verb
    elif name == "export":
        from workings.cli.exchange import send as verb
    else:
        from workings.cli.exchange import fetch as verb
    return verb
