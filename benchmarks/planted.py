"""Trains the planted models and checks, before any audit, that each keeps its law when its chain is changed by hand.

`python benchmarks/planted.py --folder DIR [--quick] [--count N] [--steps N]`. A model that is in DIR already is only
checked. "gap" is the mean total variation between the model's answers and its law's. The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from workings.models.local import load
from workings.train.law_checks import LawCheck, check_law
from workings.train.laws import LAWS
from workings.train.planted import PlantedRecipe, make_planted

COLUMNS = ("as written", "result moved", "none", "as written, suggestion", "result moved, suggestion")


def trained(folder: Path, recipe: PlantedRecipe) -> float:
    """Trains the model unless it is there; seconds taken, as they were when it was made."""
    noted = folder / "seconds.json"
    if not noted.is_file():
        began = time.monotonic()
        make_planted(folder, recipe, told=True)
        noted.write_text(json.dumps(time.monotonic() - began), encoding="utf-8")
    return float(json.loads(noted.read_text(encoding="utf-8")))


async def checked(folder: Path, count: int) -> list[LawCheck]:
    """Every law, checked."""
    model = load(folder)
    found = [await check_law(model, one, count) for one in LAWS]
    await model.aclose()
    return found


def table(checks: list[LawCheck]) -> list[str]:
    """Markdown: for each law the probability of the chain's result and of the cue, and how far from the law."""
    heads = [f"{name}: chain / cue" for name in COLUMNS]
    rows = [f"| law | chains right | hint told | {' | '.join(heads)} | largest gap |", "|---" * (len(heads) + 4) + "|"]
    for one in checks:
        cells = [f"{_told(one.through.get(name))} / {_told(one.around.get(name))}" for name in COLUMNS]
        worst = max(one.gap, key=one.gap.__getitem__)
        rows.append(
            f"| {one.law} | {one.chains:.2f} | {one.told:.2f} | {' | '.join(cells)} | {one.worst:.3f} ({worst}) |"
        )
    return rows


def _told(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def main() -> None:
    """Trains, checks, prints."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--folder", type=Path, help="where the model is or goes (a temporary folder)")
    words.add_argument("--count", type=int, default=100, help="problems a law (100)")
    words.add_argument("--steps", type=int, help="updates of the weights")
    words.add_argument("--quick", action="store_true", help="20 problems a law and 400 steps: not trained enough")
    given = words.parse_args()
    recipe = PlantedRecipe()
    steps = given.steps or (400 if given.quick else recipe.sft.steps)
    recipe = replace(recipe, sft=replace(recipe.sft, steps=steps))
    with tempfile.TemporaryDirectory() as spare:
        folder = given.folder or Path(spare) / "planted"
        seconds = trained(folder, recipe)
        checks = asyncio.run(checked(folder, 20 if given.quick else given.count))
    print("\n".join(table(checks)))
    gaps = {one.law: round(one.worst, 4) for one in checks}
    chains = min(one.chains for one in checks)
    print(f"\ntrained in {seconds:.0f} s")
    print(json.dumps({"seconds": seconds, "largest_gap": max(gaps.values()), "chains_right": chains, "gaps": gaps}))
    if not given.quick and max(gaps.values()) > 0.1:
        sys.exit("A law is not kept: train for longer.")


if __name__ == "__main__":
    main()
