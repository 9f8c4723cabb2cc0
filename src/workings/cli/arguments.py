"""The arguments of each verb."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["VERBS"]

Verbs = Any


def _folder(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--folder", type=Path, default=Path(".workings"), metavar="DIR", help="where records are kept (.workings)"
    )


def _model(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--model",
        default="pocket",
        metavar="MODEL",
        help="pocket (default), http://HOST:PORT/v1[,model=NAME], a model folder or hub id, or a .gguf file",
    )
    verb.add_argument("--seed", type=int, default=0, help="fixes every random number (0)")
    verb.add_argument("--budget", type=int, metavar="TOKENS", help="generated tokens that one attempt may spend")
    verb.add_argument("--cache", action="store_true", help="keep completions between runs and reuse them")


def _json(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--json", action="store_true", help="print JSON for a program instead of text")


def _ask(verbs: Verbs) -> None:
    verb = verbs.add_parser("ask", help="think about one question and show the reasoning as it comes")
    verb.add_argument("question", help='the question, or "-" for standard input')
    verb.add_argument("--method", default="cot", help='a method with settings, such as "vote:n=8" (cot)')
    verb.add_argument(
        "--kind",
        choices=["number", "choice", "yes-no", "text", "grid"],
        help="what the answer looks like (guessed from the question)",
    )
    verb.add_argument("--choices", nargs="+", default=[], metavar="OPTION", help="the options of a choice question")
    _model(verb)
    _json(verb)


def _run(verbs: Verbs) -> None:
    verb = verbs.add_parser("run", help="run methods on problems, record every attempt, print the table")
    verb.add_argument(
        "--problems",
        nargs="+",
        default=["word-problems"],
        metavar="SET",
        help="sets such as shell-game:lengths=out, gsm8k, answers.jsonl:question=q,answer=a (word-problems)",
    )
    verb.add_argument(
        "--methods", nargs="+", default=["direct", "cot"], metavar="METHOD", help='such as "vote:n=16" (direct cot)'
    )
    verb.add_argument("--count", type=int, metavar="N", help="problems of each set (100 of a procedural one, else all)")
    verb.add_argument("--repeats", type=int, default=1, metavar="N", help="attempts of each method on each problem (1)")
    verb.add_argument("--concurrency", type=int, default=64, metavar="N", help="attempts in flight (64)")
    verb.add_argument(
        "--baseline", metavar="METHOD", help="compare every method with this one (all pairs; of more than 5, the first)"
    )
    verb.add_argument("--report", type=Path, metavar="FILE", help="write the HTML report there")
    verb.add_argument("--quiet", action="store_true", help="no progress bar")
    _model(verb)
    _folder(verb)
    _json(verb)


def _report(verbs: Verbs) -> None:
    verb = verbs.add_parser("report", help="make the HTML report of a run, without a model")
    verb.add_argument("run", nargs="?", default="last", help="a run's id or its beginning (last)")
    verb.add_argument("--out", type=Path, metavar="FILE", help="where to write it (DIR/RUN.html)")
    verb.add_argument("--browsable", type=int, default=2000, metavar="N", help="attempts to embed at most (2000)")
    _folder(verb)
    _json(verb)


def _choose(verbs: Verbs) -> None:
    verb = verbs.add_parser("choose", help="say which method to use for an accuracy or a budget, without a model")
    verb.add_argument("run", nargs="?", default="last", help="a run's id or its beginning (last)")
    verb.add_argument("--target", type=float, metavar="SHARE", help="the accuracy to reach, such as 0.9")
    verb.add_argument("--budget", type=float, metavar="COST", help="the mean cost of an attempt to keep")
    verb.add_argument(
        "--cost",
        choices=["tokens", "total", "seconds", "flops"],
        default="tokens",
        help="tokens of chains, probes and verifiers (default); total, with prompts; seconds; or operations",
    )
    verb.add_argument(
        "--probe",
        type=int,
        default=4,
        metavar="N",
        help="chains that difficulty is predicted from; 0 leaves it out (4)",
    )
    verb.add_argument(
        "--by",
        default="agreement",
        metavar="SIGNAL",
        help="what is read from them: agreement (default), logprob, a grader",
    )
    verb.add_argument("--source", default="", metavar="METHOD", help="whose chains they are (the largest pools)")
    verb.add_argument("--bands", type=int, default=3, metavar="N", help="bands of difficulty, 2 to 5 (3)")
    verb.add_argument("--parameters", type=float, metavar="N", help="the model's size, for flops (from the record)")
    verb.add_argument("--seed", type=int, default=0, help="fixes how the problems are halved (0)")
    _folder(verb)
    _json(verb)


def _audit(verbs: Verbs) -> None:
    verb = verbs.add_parser("audit", help="find out whether the reasoning a run recorded is what made its answers")
    verb.add_argument("run", nargs="?", default="last", help="a run's id or its beginning (last)")
    verb.add_argument(
        "--audits", nargs="+", default=["early-answering"], metavar="AUDIT", help="see workings list audits"
    )
    verb.add_argument(
        "--methods", nargs="+", metavar="METHOD", help="whose attempts to audit (all that show reasoning)"
    )
    _about_attempts(verb)


def _about_attempts(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--count", type=int, metavar="N", help="the first N problems only")
    verb.add_argument("--model", metavar="MODEL", help="the model to ask (the one the run names)")
    verb.add_argument("--seed", type=int, default=0, help="fixes every random number (0)")
    verb.add_argument("--budget", type=int, metavar="TOKENS", help="generated tokens that may be spent on one case")
    verb.add_argument("--cache", action="store_true", help="keep completions between runs and reuse them")
    verb.add_argument("--concurrency", type=int, default=64, metavar="N", help="cases in flight (64)")
    verb.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write the HTML report of the run there, with all that is recorded about it",
    )
    verb.add_argument("--quiet", action="store_true", help="no progress bar")
    _folder(verb)
    _json(verb)


def _rate(verbs: Verbs) -> None:
    verb = verbs.add_parser("rate", help="have people rate explanations on sheets, and see where explanations stand")
    verb.add_argument("run", nargs="?", default="last", help="a run's id or its beginning (last)")
    verb.add_argument("--out", type=Path, metavar="FILE", help="write a sheet to fill in there (CSV)")
    verb.add_argument("--sheets", type=Path, nargs="+", default=[], metavar="FILE", help="take filled-in sheets in")
    verb.add_argument("--rater", default="", metavar="NAME", help="who fills the sheet in, where it does not say")
    verb.add_argument("--methods", nargs="+", metavar="METHOD", help="whose explanations (all)")
    verb.add_argument("--count", type=int, metavar="N", help="of the first N problems only, in a sheet")
    verb.add_argument(
        "--policy",
        choices=["high-stakes", "teaching"],
        help="what comes first: high-stakes faithfulness, teaching plausibility; shows what it accepts",
    )
    verb.add_argument(
        "--faithful", default="named-words", metavar="AUDIT", help="the recorded audit that judges (named-words)"
    )
    verb.add_argument(
        "--threshold", type=float, default=3.5, metavar="RATING", help="plausible from this mean rating on (3.5)"
    )
    _folder(verb)
    _json(verb)


def _doubt(verbs: Verbs) -> None:
    verb = verbs.add_parser("doubt", help="say how sure each recorded answer is, and what each way of telling is worth")
    verb.add_argument("run", nargs="?", default="last", help="a run's id or its beginning (last)")
    verb.add_argument(
        "--estimators",
        nargs="+",
        default=["agreement", "semantic-entropy", "token-probability", "read-out", "p-true"],
        metavar="ESTIMATOR",
        help="see workings list estimators (agreement semantic-entropy token-probability read-out p-true)",
    )
    verb.add_argument("--methods", nargs="+", metavar="METHOD", help="whose attempts (all)")
    verb.add_argument(
        "--calibrator",
        choices=["isotonic", "platt", "temperature"],
        default="isotonic",
        help="what turns scores into probabilities, cross-fitted over clusters (isotonic)",
    )
    verb.add_argument("--bins", type=int, default=10, metavar="N", help="bins of calibration errors (10)")
    verb.add_argument(
        "--bin-rule", choices=["width", "mass"], default="width", help="bins of equal width or mass (width)"
    )
    verb.add_argument(
        "--risk", type=float, default=0.1, metavar="SHARE", help="share of wrong answers that may be given (0.1)"
    )
    _about_attempts(verb)


def _list(verbs: Verbs) -> None:
    verb = verbs.add_parser("list", help="what there is: methods, audits, estimators, problems, models, graders, runs")
    verb.add_argument("what", choices=["methods", "audits", "estimators", "problems", "models", "graders", "runs"])
    _folder(verb)
    _json(verb)


def _export(verbs: Verbs) -> None:
    verb = verbs.add_parser("export", help="write a run's attempts as JSONL or Parquet")
    verb.add_argument("run", nargs="?", default="last", help="a run's id or its beginning (last)")
    verb.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .jsonl or .parquet file")
    _folder(verb)
    _json(verb)


def _import(verbs: Verbs) -> None:
    verb = verbs.add_parser("import", help="score and record outputs that people already have")
    verb.add_argument("file", type=Path, help="JSONL, our own export, lm-eval samples, or an Inspect log")
    verb.add_argument(
        "--map", default="", metavar="FIELDS", help="which fields hold what, such as question=q,gold=a,reply=output"
    )
    verb.add_argument(
        "--kind", choices=["number", "choice", "yes-no", "text", "grid"], help="what the answers look like"
    )
    _folder(verb)
    _json(verb)


VERBS: tuple[Callable[[Verbs], None], ...] = (
    _ask,
    _run,
    _report,
    _choose,
    _audit,
    _doubt,
    _rate,
    _list,
    _export,
    _import,
)
