"""Makes the pocket verifiers and their cards: samples the pocket model, trains both, measures them on held-out chains.

`python benchmarks/pocket_verifiers.py [--quick] [--only-cards] [--folder DIR]`. The chains are sampled from the shipped
pocket model; the test split's are never learnt from, and the thresholds are chosen on the dev split.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from processbench import measure, shown

from workings.catalog.models import open_model, pocket_folder
from workings.graders.reward import load
from workings.problems.procedural import Split
from workings.stats.intervals import wilson
from workings.train.gold import GoldChain
from workings.train.pocket_verifiers import PocketVerifierRecipe, collect_chains, given_chains, make_verifier


def chains_of(recipe: PocketVerifierRecipe, split: Split) -> list[GoldChain]:
    """The pocket model's chains on one split."""

    async def collected() -> list[GoldChain]:
        model = open_model("pocket")
        try:
            return await collect_chains(model, recipe, split)
        finally:
            await model.aclose()

    return asyncio.run(collected())


def trained(folder: Path, recipe: PocketVerifierRecipe) -> None:
    """Samples, trains and writes both."""
    began = time.monotonic()
    chains = chains_of(recipe, "train")
    print(f"{len(chains)} chains, {sum(c.right for c in chains)} right  {time.monotonic() - began:.0f} s", flush=True)
    given = asyncio.run(given_chains(recipe))
    make_verifier(pocket_folder(), folder / "pocket_prm", [*chains, *given], "step", recipe, told=True)
    print(f"steps learnt  {time.monotonic() - began:.0f} s", flush=True)
    make_verifier(folder / "pocket_prm", folder / "pocket_orm", chains, "chain", recipe, told=True)
    print(f"outcomes learnt  {time.monotonic() - began:.0f} s", flush=True)


def card(folder: Path, facts: dict[str, Any]) -> str:
    """The card of one verifier, from its files and what was measured of both."""
    name = folder.name.removeprefix("pocket_")
    told = json.loads((folder / "verifier.json").read_text(encoding="utf-8"))
    size = sum(file.stat().st_size for file in folder.iterdir() if file.name != "README.md")
    mine, share = facts["verifiers"][name], wilson(facts["right_from_wrong"], facts["right_answers"])
    sneaky = facts["right_from_wrong"] / facts["right_answers"]
    return CARD.format(
        title={"prm": "process", "orm": "outcome"}[name],
        learns={"prm": LEARNS_STEPS, "orm": LEARNS_ENDS}[name],
        beside={"prm": BESIDE, "orm": "It started from the process verifier."}[name],
        name=name,
        size=f"{size / 1e6:.1f}",
        parameters=f"{told['parameters']:,}",
        learnt=f"{told['chains']:,}",
        updates=f"{told['updates']:,}",
        chains=f"{facts['chains']:,}",
        problems=f"{facts['problems']:,}",
        table="\n".join(shown(facts)),
        threshold=mine["threshold"],
        mean=f"{mine['mean_f1']:.3f}",
        last=f"{mine['auroc_last']:.3f}",
        least=f"{mine['auroc_least']:.3f}",
        sneaky=facts["right_from_wrong"],
        right=f"{facts['right_answers']:,}",
        share=f"{sneaky:.3f} [{share.low:.3f}, {share.high:.3f}]",
        passed=mine["sneaky_passed"],
        recipe=json.dumps(told["recipe"], indent=1),
    )


def main() -> None:
    """Samples, trains, measures, writes the cards."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="a twentieth of the problems, into another folder")
    words.add_argument("--only-cards", action="store_true", help="measure and write the cards again")
    words.add_argument("--folder", type=Path, default=Path(__file__).parents[1] / "src" / "workings" / "graders")
    given = words.parse_args()
    recipe = PocketVerifierRecipe()
    if given.quick:
        recipe = replace(recipe, problems=recipe.problems // 20, gold=recipe.gold // 20)
    if given.quick and not given.only_cards:
        given.folder = given.folder / "quick"
    if not given.only_cards:
        trained(given.folder, recipe)
    verifiers = {"prm": load(given.folder / "pocket_prm"), "orm": load(given.folder / "pocket_orm", every=True)}
    facts = measure(verifiers, 100 if given.quick else 1000)
    for name in ("pocket_prm", "pocket_orm"):
        text = card(given.folder / name, facts)
        (given.folder / name / "README.md").write_text(text, encoding="utf-8")
    print("\n".join(shown(facts)))


LEARNS_STEPS = """At every line it gives the probability that **everything up to that line is right**, learnt from the
checkers' verdict on each line. Behind the first wrong line the label stays wrong, also where a chain comes right again
by luck."""
LEARNS_ENDS = """At the last line it gives the probability that **the answer is right**, whatever the way to it. It
learnt the chain's outcome at every line (token-level, Cobbe et al. 2021), so with `every=true` it can be read at each;
there it guesses how the chain will end."""

BESIDE = """Beside them it saw gold chains, and gold beginnings with one value spoiled; it also learnt the text of right
beginnings, because its score takes account of how unlikely the unlikeliest token so far was to itself."""

CARD = """# The pocket {title} verifier

`pocket-{name}`: the pocket model with one more number at each position, {parameters} parameters ({size} MB on
disk, float16). It judges chains of the pocket model on this package's procedural problems and knows nothing else: on
other questions, other models or other ways of writing steps its scores mean nothing.

{learns}

Trained by `make verifiers` on {learnt} chains of the pocket model itself ({updates} updates): problems of the train
split, in length and beyond the pocket model's own training lengths, sampled hot enough to go wrong.
`word-problems-new` was never seen. Lines that no checker can judge, or that arrive at the right value in another
spelling than the family's, were not learnt. {beside}

On two cores that also did other work: 4 minutes of sampling, 6 of learning steps, 6 of learning outcomes. The shipped
files were made in these three parts from one sampling; `make verifiers` does them in one go.

## Finding the first wrong line

By `python benchmarks/processbench.py`: {chains} chains that the pocket model wrote on {problems} problems of the test
split. F1 is ProcessBench's, the harmonic mean of the share of first errors found and of sound chains left alone;
thresholds were chosen on the dev split (this one's: {threshold}). `orm` is the outcome verifier, read at every line and
used as one of steps.

{table}

Mean over families: {mean}. AUROC of whether the answer is right: {last} by the last line's score, {least} by the least
of all lines'.

Of {right} right answers, {sneaky} came from a wrong process: {share}. This verifier lets {passed} of them pass.

## What the numbers do not show

The gold is the family checker's, for lines in the family's own spelling; chains with another line before their first
error are left out, so garbled chains, which are easy, are not counted. Chains of other
temperatures, prompts or models were not measured. Searching hard against a verifier finds its mistakes: a large
`n` or a wide beam may do worse than a small one.

## Recipe

```json
{recipe}
```
"""

if __name__ == "__main__":
    main()
