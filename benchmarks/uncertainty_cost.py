"""Uncertainty of stored outputs: our formulas beside lm-polygraph's and uqlm's, value by value and second by second.

    python benchmarks/uncertainty_cost.py [--quick] [--peers PYTHON] [--outputs FILE]

Chains of the pocket model (16 a problem, temperature 1) are written to a JSON file with their answers and token
log-probabilities. Each side reads that file, computes the estimators that need no model of its own, and times itself
inside its process. The peers run in the interpreter `--peers` (default: WORKINGS_PEERS, else this one), where
lm-polygraph 0.7 and uqlm 0.6 are installed; their modules are loaded as published, each alone, since importing the
packages whole loads forty others. uqlm's exact match is called without the tenth of a second that it sleeps. Clusters
of answers are ours for both, because theirs take a language model.

Functions are timed over all problems, the median of five. `same` says whether all values agree to 1e-6 of their size;
where they do not, the reason stands below. Keys: `times_lm_polygraph` and `times_uqlm`, their seconds divided by ours,
summed over the functions that both have (those that differ included, since both are what a user would call; the rows
without ties not, which only show where a difference comes from). The same keys with `_estimators` leave out calibration
and the measures of worth.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

JUDGING = ("PRR", "AURC", "AUROC", "ECE", "Platt")

Problems = list[dict[str, Any]]

WHY = {
    "semantic entropy (likelihood)": "theirs is minus the mean log of sums that are not shares, and counts a text that "
    "was drawn twice twice; uqlm's are shares, of repeated texts too",
    "semantic entropy (direct)": "theirs sums p log p over samples, not over clusters: clusters 3 and 1 give 0.994",
    "PRR": "theirs sorts without regard to ties and simulates chance: the order of the items decides",
    "PRR (no ties)": "theirs simulates chance by a thousand shuffles, which the accuracy gives exactly",
    "AURC": "theirs sorts without regard to ties",
    "ECE": "theirs stretches the scores of the batch to 0..1 first, and cuts bins at (a, b] where ours are [a, b)",
    "Platt": "theirs has a ridge (C = 1), which draws probabilities in",
    "sentence SAR": "theirs underflows to probability 0 for long chains, and its logarithm is infinite",
}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="20 problems a family instead of 75")
    words.add_argument("--peers", default=os.environ.get("WORKINGS_PEERS", sys.executable), help="their interpreter")
    words.add_argument("--outputs", type=Path, help="stored outputs from an earlier --keep")
    words.add_argument("--keep", type=Path, help="where to keep the stored outputs")
    words.add_argument("--as-peer", type=Path, help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.as_peer is not None:
        print(json.dumps(measured(theirs(json.loads(given.as_peer.read_text())))))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = given.outputs or given.keep or Path(folder) / "outputs.json"
        if given.outputs is None:
            path.write_text(json.dumps(drawn(20 if given.quick else 75)), encoding="utf-8")
        problems = json.loads(path.read_text(encoding="utf-8"))
        mine = measured(ours(problems))
        command = [given.peers, str(Path(__file__).resolve()), "--as-peer", str(path)]
        clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=clean)
    if done.returncode:
        print(f"The peers cannot run in {given.peers}:\n{done.stderr.strip()[-1000:]}")
        print(json.dumps({"times_lm_polygraph": None, "times_uqlm": None}))
        return
    show(problems, mine, json.loads(done.stdout.strip().splitlines()[-1]))


def drawn(count: int) -> Problems:
    """Problems with their samples: text, answer, log-probabilities; and whether the vote was right."""
    from workings.catalog import build, open_problems
    from workings.catalog.world import open_world
    from workings.core.answer import Outcome
    from workings.run.experiment import Plan, carry_out
    from workings.testing import MemoryRecord
    from workings.verify.select import ballot

    families = ["countdown", "dates", "word-problems", "chain-arithmetic:lengths=out"]
    problems = [p for name in families for p in open_problems(name, count=count, seed=0)]
    record = MemoryRecord()

    async def everything() -> None:
        async with open_world("pocket") as world:
            plan = Plan(problems, {"vote": build("methods", "vote:n=16,temperature=1")}, concurrency=32)
            await carry_out(plan, world, record)

    asyncio.run(everything())
    found = []
    for attempt in record.kept.values():
        if attempt.solution is None or not attempt.solution.answer.given:
            continue
        pool = attempt.solution.pool
        found.append(
            {
                "right": attempt.outcome is Outcome.RIGHT,
                "answer": ballot(attempt.solution.answer),
                "texts": [trace.text for trace in pool],
                "answers": [ballot(trace.answer) or "" for trace in pool],
                "logprobs": [list(trace.logprobs or ()) for trace in pool],
            }
        )
    return found


def similarities(problems: Problems) -> list[list[list[float]]]:
    """Given to both sides: 1 where two samples give the same answer."""
    return [[[float(a == b) for b in one["answers"]] for a in one["answers"]] for one in problems]


def relevance(problems: Problems) -> list[list[float]]:
    """Given to both sides: a relevance for each token of the first sample, the later the more."""
    return [[(n + 1) / len(one["logprobs"][0]) for n in range(len(one["logprobs"][0]))] for one in problems]


def ours(problems: Problems) -> dict[str, Callable[[], Any]]:
    """Our functions by name, each over all problems."""
    import numpy as np

    from workings.stats.calibration import accuracy_rejection, auroc, ece
    from workings.stats.calibrators import platt
    from workings.stats.entropy import (
        answer_shares,
        degree_spread,
        eccentricity,
        eigenvalue_sum,
        entropy,
        jaccard_matrix,
        likelihood_shares,
    )
    from workings.stats.relevance import sentence_sar, token_sar
    from workings.stats.uncertainty import rejection_ratio

    firsts = [one["logprobs"][0] for one in problems]
    sums = [[math.fsum(row) for row in one["logprobs"]] for one in problems]
    shares = np.array([one["answers"].count(one["answer"]) / len(one["answers"]) for one in problems])
    right = np.array([float(one["right"]) for one in problems])
    distinct = np.array([math.fsum(row) for row in firsts])
    alike = [np.array(table) for table in similarities(problems)]
    relevant = relevance(problems)

    def likelihood(one: dict[str, Any]) -> float:
        means = [math.fsum(row) / len(row) for row in one["logprobs"]]
        return entropy(list(likelihood_shares(one["answers"], one["texts"], means).values()))

    def discrete(one: dict[str, Any]) -> float:
        return entropy(list(answer_shares(one["answers"]).values()))

    return {
        "sequence": lambda: [-math.fsum(row) for row in firsts],
        "normalised probability": lambda: [math.exp(math.fsum(row) / len(row)) for row in firsts],
        "least token": lambda: [math.exp(min(row)) for row in firsts],
        "MC entropy": lambda: [-math.fsum(row) / len(row) for row in sums],
        "agreement": lambda: [one["answers"].count(one["answer"]) / len(one["answers"]) for one in problems],
        "semantic entropy (discrete)": lambda: [discrete(one) for one in problems],
        "semantic entropy (direct)": lambda: [discrete(one) for one in problems],
        "semantic entropy (likelihood)": lambda: [likelihood(one) for one in problems],
        "degree": lambda: [degree_spread(jaccard_matrix(one["texts"])) for one in problems],
        "eigenvalues": lambda: [eigenvalue_sum(jaccard_matrix(one["texts"])) for one in problems],
        "eccentricity": lambda: [eccentricity(jaccard_matrix(one["texts"])) for one in problems],
        "token SAR": lambda: [token_sar(row, weight) for row, weight in zip(firsts, relevant, strict=True)],
        "sentence SAR": lambda: [sentence_sar(row, table) for row, table in zip(sums, alike, strict=True)],
        "PRR": lambda: [rejection_ratio(shares, right)],
        "PRR (no ties)": lambda: [rejection_ratio(distinct, right)],
        "AURC": lambda: [1 - accuracy_rejection(shares, right).area],
        "AURC (no ties)": lambda: [1 - accuracy_rejection(distinct, right).area],
        "AUROC": lambda: [auroc(shares, right)],
        "ECE": lambda: [ece(shares, right, bins=20)],
        "Platt": lambda: platt(shares, right).predict(shares).tolist(),
    }


def alone(package: str, *names: str) -> dict[str, Any]:
    """Modules of a package by their last name, loaded without what its `__init__` files load."""
    home = importlib.util.find_spec(package)
    if home is None or home.submodule_search_locations is None:
        raise SystemExit(f"{package} is not installed.")
    root = Path(next(iter(home.submodule_search_locations)))
    for inside in (root, *sorted(path for path in root.rglob("*") if (path / "__init__.py").is_file())):
        full = ".".join((package, *inside.relative_to(root).parts))
        empty = sys.modules.setdefault(full, types.ModuleType(full))
        empty.__path__ = [str(inside)]
    return {name.rpartition(".")[2]: importlib.import_module(f"{package}.{name}") for name in names}


def theirs(problems: Problems) -> dict[str, Callable[[], Any]]:
    """Their functions by "package: name", each over all problems."""
    import numpy as np

    poly = alone(
        "lm_polygraph",
        "estimators.semantic_entropy",
        "estimators.max_probability",
        "estimators.perplexity",
        "estimators.monte_carlo_sequence_entropy",
        "estimators.deg_mat",
        "estimators.eig_val_laplacian",
        "estimators.eccentricity",
        "estimators.token_sar",
        "estimators.sentence_sar",
        "ue_metrics.ue_metric",
        "ue_metrics.pred_rej_area",
        "ue_metrics.risk_cov_curve",
        "ue_metrics.roc_auc",
        "ue_metrics.ece",
    )
    uq = alone(
        "uqlm",
        "nli.entropy_utils",
        "white_box.single_logprobs",
        "black_box.match",
        "utils.results",
        "calibration.score_calibrator",
    )
    classes: dict[str, list[Any]] = {"class_to_sample": [], "sample_to_class": []}
    for one in problems:
        names = list(dict.fromkeys(one["answers"]))
        classes["class_to_sample"].append([[i for i, a in enumerate(one["answers"]) if a == name] for name in names])
        classes["sample_to_class"].append({i: names.index(a) for i, a in enumerate(one["answers"])})
    stats = {
        "greedy_log_likelihoods": [one["logprobs"][0] for one in problems],
        "sample_log_probs": [[math.fsum(row) for row in one["logprobs"]] for one in problems],
        "sample_texts": [one["texts"] for one in problems],
        "semantic_classes_entail": classes,
        "token_similarity": [1 - np.array(row) for row in relevance(problems)],
        "sample_sentence_similarity": [np.array(table) for table in similarities(problems)],
    }
    by_mean = {
        **stats,
        "sample_log_probs": [[math.fsum(row) / len(row) for row in one["logprobs"]] for one in problems],
    }
    told = [[[{"logprob": v} for v in row] for row in one["logprobs"]] for one in problems]
    firsts = [rows[0] for rows in told]
    shares = np.array([one["answers"].count(one["answer"]) / len(one["answers"]) for one in problems])
    right = np.array([float(one["right"]) for one in problems])
    distinct = np.array([math.fsum(one["logprobs"][0]) for one in problems])
    entropy, metric = poly["semantic_entropy"].SemanticEntropy, poly["ue_metric"]
    area = poly["pred_rej_area"].PredictionRejectionArea()

    def prr(surer: Any) -> list[float]:
        oracle = area(-right, right)
        return [metric.normalize_metric(area(-surer, right), oracle, metric.get_random_scores(area, right))]

    single = uq["single_logprobs"].SingleLogprobsScorer
    utils, match = uq["entropy_utils"], uq["match"].MatchScorer

    def clustered(probabilities: Callable[[int], list[float]]) -> list[float]:
        return [
            utils.compute_semantic_entropy(utils.compute_cluster_probabilities(probabilities(n), groups))
            for n, groups in enumerate(classes["class_to_sample"])
        ]

    def platt() -> list[float]:
        result = uq["results"].UQResult({"data": {"responses": shares.tolist(), "share": shares.tolist()}})
        uq["score_calibrator"].ScoreCalibrator("platt").fit_transform(result, right)
        (name,) = [key for key in result.data if key not in ("responses", "share")] or ["share"]
        return [float(v) for v in result.data[name]]

    spreads = {
        "degree": poly["deg_mat"].DegMat("Jaccard_score"),
        "eigenvalues": poly["eig_val_laplacian"].EigValLaplacian("Jaccard_score"),
        "eccentricity": poly["eccentricity"].Eccentricity("Jaccard_score", thres=0.9),
    }
    found: dict[str, Callable[[], Any]] = {
        "sequence": lambda: poly["max_probability"].MaximumSequenceProbability()(stats),
        "normalised probability": lambda: np.exp(-poly["perplexity"].Perplexity()(stats)),
        "MC entropy": lambda: poly["monte_carlo_sequence_entropy"].MonteCarloSequenceEntropy()(stats),
        "semantic entropy (direct)": lambda: entropy(
            class_probability_estimation="frequency", entropy_estimation="direct"
        )(stats),
        "semantic entropy (likelihood)": lambda: entropy(class_probability_estimation="sum")(by_mean),
        "token SAR": lambda: poly["token_sar"].TokenSAR()(stats),
        "sentence SAR": lambda: poly["sentence_sar"].SentenceSAR()(stats),
        "PRR": lambda: prr(shares),
        "PRR (no ties)": lambda: prr(distinct),
        "AURC": lambda: [poly["risk_cov_curve"].RiskCoverageCurveAUC()(-shares, right)],
        "AURC (no ties)": lambda: [poly["risk_cov_curve"].RiskCoverageCurveAUC()(-distinct, right)],
        "AUROC": lambda: [poly["roc_auc"].ROCAUC()(-shares, 1 - right)],
        "ECE": lambda: [poly["ece"].ECE()(-shares, right)],
        **{name: (lambda one=one: one(stats)) for name, one in spreads.items()},
    }
    found = {f"lm-polygraph: {name}": one for name, one in found.items()}
    return found | {
        "uqlm: normalised probability": lambda: single(["sequence_probability"]).evaluate(firsts)[
            "sequence_probability"
        ],
        "uqlm: least token": lambda: single(["min_probability"]).evaluate(firsts)["min_probability"],
        "uqlm: agreement": lambda: [match._compute_score(p["answer"], p["answers"]) for p in problems],
        "uqlm: semantic entropy (discrete)": lambda: clustered(
            lambda n: utils.compute_response_probabilities(None, len(problems[n]["answers"]))[1]
        ),
        "uqlm: semantic entropy (likelihood)": lambda: clustered(
            lambda n: utils.compute_response_probabilities(told[n], len(told[n]))[0]
        ),
        "uqlm: Platt": platt,
    }


def measured(functions: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """Values and median seconds of each function."""
    found = {}
    for name, function in functions.items():
        seconds = []
        for _ in range(5):
            began = time.perf_counter()
            values = function()
            seconds.append(time.perf_counter() - began)
        found[name] = {"values": [float(v) for v in values], "seconds": statistics.median(seconds), "all": seconds}
    return found


def same(one: list[float], other: list[float]) -> float:
    """The largest difference, as a share of the value's size where that is above 1."""
    gaps = [abs(a - b) / max(1.0, abs(b)) for a, b in zip(one, other, strict=True)]
    return max((math.inf if math.isnan(gap) else gap for gap in gaps), default=0.0)


def times(pairs: list[tuple[float, float]]) -> float:
    """All their seconds over all of ours."""
    return round(sum(theirs for theirs, _ in pairs) / sum(ours for _, ours in pairs), 2)


def show(problems: Problems, mine: dict[str, Any], peers: dict[str, Any]) -> None:
    """The table, the reasons for differences, and the figures."""
    print(f"{len(problems)} problems, 16 chains each; milliseconds, median of 5 (smallest to largest)")
    print(f"{'function':34} {'peer':13} {'ours':>8} {'theirs':>8} {'times':>7}  largest difference")
    sums: dict[str, list[tuple[float, float]]] = {}
    differ: dict[str, float] = {}
    for label, told in peers.items():
        peer, _, name = label.partition(": ")
        here = mine[name]
        gap = same(told["values"], here["values"])
        if gap > 1e-6:
            differ[label] = gap
        ratio = told["seconds"] / here["seconds"]
        spread = [a / b for a, b in zip(sorted(told["all"]), sorted(here["all"], reverse=True), strict=True)]
        kinds = [] if name.endswith("(no ties)") else [peer, *([] if name in JUDGING else [f"{peer}, estimators"])]
        for kind in kinds:
            sums.setdefault(kind, []).append((told["seconds"], here["seconds"]))
        print(
            f"{name:34} {peer:13} {here['seconds'] * 1e3:8.2f} {told['seconds'] * 1e3:8.2f} {ratio:7.1f}"
            f"  ({min(spread):.1f} to {max(spread):.1f})  {'same' if gap <= 1e-6 else f'{gap:.3g}'}"
        )
    print("\nwhere they differ:")
    for label, gap in differ.items():
        print(f"  {label}, by {gap:.3g}: {WHY.get(label.partition(': ')[2], 'not explained')}")
    figures: dict[str, object] = {
        "problems": len(problems),
        "times_lm_polygraph": times(sums["lm-polygraph"]),
        "times_uqlm": times(sums["uqlm"]),
        "times_lm_polygraph_estimators": times(sums["lm-polygraph, estimators"]),
        "times_uqlm_estimators": times(sums["uqlm, estimators"]),
        "same": len(peers) - len(differ),
        "differ": len(differ),
        "unexplained": sum(label.partition(": ")[2] not in WHY for label in differ),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
