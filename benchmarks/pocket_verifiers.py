"""Makes the pocket verifiers: samples the pocket model and trains both on its chains, labelled line by line.

`python benchmarks/pocket_verifiers.py [--quick] [--folder DIR]`. The chains are sampled from the shipped pocket model
on the train split. `benchmarks/processbench.py` measures what they are worth.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import replace
from pathlib import Path

from workings.catalog.models import open_model, pocket_folder
from workings.problems.procedural import Split
from workings.train.gold import GoldChain
from workings.train.pocket_verifiers import PocketVerifierRecipe, collect_chains, make_verifier


def chains_of(recipe: PocketVerifierRecipe, split: Split) -> list[GoldChain]:
    """The pocket model's chains on one split."""

    async def collected() -> list[GoldChain]:
        model = open_model("pocket")
        try:
            return await collect_chains(model, recipe, split)
        finally:
            await model.aclose()

    return asyncio.run(collected())


def main() -> None:
    """Samples and trains."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="a twentieth of the problems")
    words.add_argument("--folder", type=Path, default=Path("src/workings/graders"))
    given = words.parse_args()
    recipe = PocketVerifierRecipe()
    if given.quick:
        recipe = replace(recipe, problems=recipe.problems // 20)
    began = time.monotonic()
    chains = chains_of(recipe, "train")
    print(f"{len(chains)} chains, {sum(c.right for c in chains)} right  {time.monotonic() - began:.0f} s", flush=True)
    for name, kind in (("pocket_prm", "step"), ("pocket_orm", "chain")):
        make_verifier(pocket_folder(), given.folder / name, chains, kind, recipe, told=True)
        print(f"{name} written  {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
