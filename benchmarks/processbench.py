"""Do the pocket verifiers find the first wrong step? ProcessBench's F1 on held-out chains of the pocket model.

`python benchmarks/processbench.py [--quick] [--problems N] [--folder DIR]`. Chains are sampled from test problems, in
length and beyond, and the gold first error is the family checker's. Thresholds are chosen on dev problems, one a
verifier; the outcome verifier is read at every step and used as one of steps. The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from workings.catalog.models import open_model
from workings.core.ask import Grade
from workings.graders.reward import RewardModel, load
from workings.problems.procedural import Split
from workings.stats.calibration import auroc
from workings.stats.intervals import wilson
from workings.stats.process import best_threshold, first_error, process_score
from workings.train.gold import GoldChain
from workings.train.pocket_verifiers import PocketVerifierRecipe, collect_chains

Scored = tuple[tuple[float, ...], ...]


def chains_of(split: Split, problems: int, seed: int = 0) -> list[GoldChain]:
    """The pocket model's chains on one split, those whose first error is told."""

    async def collected() -> list[GoldChain]:
        model = open_model("pocket")
        try:
            return await collect_chains(
                model, replace(PocketVerifierRecipe(), problems=problems, draft=0.0), split, seed
            )
        finally:
            await model.aclose()

    return [chain for chain in asyncio.run(collected()) if chain.first_error is not None]


def scored(verifier: RewardModel, chains: Sequence[GoldChain]) -> Scored:
    """Step scores of every chain, asked problem by problem."""
    by_problem: dict[str, list[int]] = defaultdict(list)
    for number, chain in enumerate(chains):
        by_problem[chain.problem.id].append(number)

    async def asked() -> Scored:
        found: dict[int, tuple[float, ...]] = {}
        for numbers in by_problem.values():
            steps = tuple(chains[n].steps for n in numbers)
            grades = await verifier.grade(Grade(chains[numbers[0]].problem.question, steps, "verifier"))
            found.update(zip(numbers, grades.scores, strict=True))
        return tuple(found[n] for n in range(len(chains)))

    return asyncio.run(asked())


def golds(chains: Sequence[GoldChain]) -> list[int]:
    """Gold first errors."""
    return [chain.first_error for chain in chains if chain.first_error is not None]


def measure(verifiers: dict[str, RewardModel], problems: int) -> dict[str, Any]:
    """Everything that the table and the cards say."""
    dev, test = chains_of("dev", problems // 2), chains_of("test", problems)
    kinds = {(chain.problem.question.family, chain.first_error == -1) for chain in test}
    families = sorted(name for name, sound in kinds if sound and (name, False) in kinds)
    facts: dict[str, Any] = {"chains": len(test), "problems": len({c.problem.id for c in test}), "verifiers": {}}
    sneaky = [chain for chain in test if chain.right and chain.first_error != -1]
    facts["right_answers"] = sum(chain.right for chain in test)
    facts["right_from_wrong"] = len(sneaky)
    for name, verifier in verifiers.items():
        threshold = best_threshold(scored(verifier, dev), golds(dev))
        scores = scored(verifier, test)
        rows: dict[str, Any] = {}
        for family in ("all", *families):
            taken = [n for n, c in enumerate(test) if family in ("all", c.problem.question.family)]
            said = [first_error(scores[n], threshold) for n in taken]
            found = process_score(said, golds([test[n] for n in taken]))
            plain = process_score([first_error(scores[n]) for n in taken], golds([test[n] for n in taken]))
            rows[family] = {
                "f1": found.f1, "on_wrong": found.on_wrong, "on_right": found.on_right,
                "wrong": found.wrong, "right": found.right, "f1_at_half": plain.f1,
            }  # fmt: skip
        last = [scores[n][-1] for n in range(len(test))]
        least = [min(scores[n]) for n in range(len(test))]
        right = [float(chain.right) for chain in test]
        passed = sum(first_error(scores[n], threshold) == -1 for n, c in enumerate(test) if c in sneaky)
        facts["verifiers"][name] = {
            "threshold": threshold,
            "rows": rows,
            "mean_f1": sum(rows[f]["f1"] for f in families) / len(families),
            "auroc_last": auroc(last, right),
            "auroc_least": auroc(least, right),
            "sneaky_passed": passed,
        }
    return facts


def shown(facts: dict[str, Any]) -> list[str]:
    """The table as Markdown."""
    names = list(facts["verifiers"])
    lines = [
        f"| family | wrong / sound chains | {' | '.join(f'{n}: F1 (found, kept)' for n in names)} |",
        "|---" * (len(names) + 2) + "|",
    ]
    for family in facts["verifiers"][names[0]]["rows"]:
        cells = []
        for name in names:
            row = facts["verifiers"][name]["rows"][family]
            cells.append(f"{row['f1']:.3f} ({row['on_wrong']:.3f}, {row['on_right']:.3f})")
        lines.append(f"| {family} | {row['wrong']} / {row['right']} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Measures and prints."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true")
    words.add_argument("--problems", type=int, default=1000, help="test problems in all (1000)")
    words.add_argument("--folder", type=Path, default=Path(__file__).parents[1] / "src" / "workings" / "graders")
    given = words.parse_args()
    verifiers = {
        "prm": load(given.folder / "pocket_prm"),
        "orm": load(given.folder / "pocket_orm", every=True),
    }
    facts = measure(verifiers, 150 if given.quick else given.problems)
    print(f"{facts['chains']} chains of {facts['problems']} test problems\n")
    print("\n".join(shown(facts)))
    right, sneaky = facts["right_answers"], facts["right_from_wrong"]
    share, between = sneaky / right, wilson(sneaky, right)
    print(
        f"\nright answers from a wrong process: {sneaky} of {right}, "
        f"{share:.3f} [{between.low:.3f}, {between.high:.3f}]"
    )
    for name, found in facts["verifiers"].items():
        print(
            f"{name}: threshold {found['threshold']}, mean F1 over families {found['mean_f1']:.3f}, AUROC of the "
            f"answer by the last score {found['auroc_last']:.3f}, by the least {found['auroc_least']:.3f}; "
            f"passes {found['sneaky_passed']} of {sneaky} right answers from a wrong process"
        )
    rows = {name: found["rows"]["all"]["f1"] for name, found in facts["verifiers"].items()}
    print(json.dumps({"f1_prm": rows["prm"], "f1_orm": rows["orm"], "right_from_wrong": share}))


if __name__ == "__main__":
    main()
