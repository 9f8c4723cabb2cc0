"""The pocket model's card: runs every number in it and writes src/workings/models/pocket/README.md.

`python benchmarks/pocket_card.py [--quick] [--count N] [--folder DIR]`. Runs that are on record
in DIR already are resumed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
from pathlib import Path
from typing import Any

from workings.catalog.models import pocket_folder
from workings.catalog.spec import canonical_spec
from workings.cli.main import main as workings
from workings.problems.procedural import families

IN_LENGTH = ["direct", "draft", "cot"]
HOT = ("vote:n=1,temperature=2", "vote:n=16,temperature=2")
OUT_OF_LENGTH = ["direct", "cot", "vote:n=1", "vote:n=16", *HOT]
VOTED = ("shell-game", "chain-arithmetic")


def run(folder: Path, problems: str, methods: list[str], count: int, baseline: str = "") -> dict[str, Any]:
    """One run from the command line, as JSON; the same run again, compared with another baseline, costs nothing."""
    said = io.StringIO()
    words = ["run", "--folder", str(folder), "--problems", problems, "--count", str(count), "--methods", *methods]
    if baseline:
        words += ["--baseline", baseline]
    with contextlib.redirect_stdout(said):
        code = workings([*words, "--json", "--concurrency", "256"])
    if code:
        raise SystemExit(code)
    found: dict[str, Any] = json.loads(said.getvalue())
    return found


def named(spec: str) -> str:
    """The name under which a run records a method."""
    return canonical_spec("methods", spec)


def cell(method: dict[str, Any]) -> str:
    """Accuracy with its interval, and tokens."""
    accuracy = method["accuracy"]
    return f"{accuracy['value']:.3f} [{accuracy['low']:.3f}, {accuracy['high']:.3f}], {method['generated']:.0f}"


def table(folder: Path, names: list[str], lengths: str, methods: list[str], count: int) -> list[str]:
    """A Markdown table, one row a family."""
    rows = [f"| family | lengths | {' | '.join(methods)} |", "|---" * (len(methods) + 2) + "|"]
    for name in names:
        family = families()[name]
        low, high = family.in_length if lengths == "in" else family.out_of_length
        facts = run(folder, f"{name}:lengths={lengths}", methods, count)
        by_name = {m["method"]: m for m in facts["methods"]}
        rows.append(f"| {name} | {low}–{high} {family.dial} | {' | '.join(cell(by_name[named(m)]) for m in methods)} |")
        print(rows[-1], flush=True)
        for one, many in (("vote:n=1", "vote:n=16"), HOT) if "vote:n=16" in methods else ():
            for pair in run(folder, f"{name}:lengths={lengths}", methods, count, named(one))["comparisons"]:
                if {pair["method"], pair["baseline"]} == {named(many), named(one)}:
                    sign = 1 if pair["method"] == named(many) else -1
                    low_, high_ = sorted((sign * pair["low"], sign * pair["high"]))
                    said = f"{sign * pair['value']:+.3f} [{low_:+.3f}, {high_:+.3f}]"
                    PAIRED.append(f"| {name} | {many} − {one} | {said} | {pair['p_adjusted']:.2g} |")
                    print(PAIRED[-1], flush=True)
    return rows


PAIRED: list[str] = []


def main() -> None:
    """Runs everything and writes the card."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="20 problems a family, and do not write the card")
    words.add_argument("--folder", type=Path, default=Path(".workings-card"))
    words.add_argument("--count", type=int, default=300, help="test problems a family (300)")
    given = words.parse_args()
    count = 20 if given.quick else given.count
    names = list(families())
    inside = table(given.folder, names, "in", IN_LENGTH, count)
    outside = table(given.folder, list(VOTED), "out", OUT_OF_LENGTH, count)
    card = CARD.format(
        count=count, inside="\n".join(inside), outside="\n".join(outside), paired="\n".join(PAIRED), **facts_of()
    )
    if given.quick:
        print(card)
    else:
        (pocket_folder() / "README.md").write_text(card, encoding="utf-8")


def facts_of() -> dict[str, Any]:
    """What the recipe and the files themselves say."""
    folder = pocket_folder()
    recipe = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    size = sum(f.stat().st_size for f in folder.iterdir() if f.name != "README.md")
    told = json.dumps(recipe, indent=1)
    steps = f"{recipe['sft']['steps']:,}"
    return {"size": f"{size / 1e6:.1f}", "parameters": f"{recipe['parameters']:,}", "recipe": told, "steps": steps}


CARD = """# The pocket model

A decoder of {parameters} parameters ({size} MB on disk, float16, Llama architecture) that reasons for real on this
package's procedural problems. It is the default of every command, so that all of it works offline at once. It knows
nothing else: asked anything outside its families it answers nonsense, and the command line says so.

Trained from scratch by the recipe of `make pocket` on the train split of those problems, in-length only, by imitation
of gold chains in three prompt styles (direct, cot, draft). The templates of `word-problems-new` were never
seen in training. English only, no few-shot prompts, no zero-shot "Let's think step by step".

Every number below is printed by `python benchmarks/pocket_card.py --count {count}`. Cells: accuracy with its
95 % interval, mean generated tokens; {count} test problems each, greedy unless it votes (temperature 0.7 where none is
named).

## In length

{inside}

`direct` answers at once. Where it does as well as `cot`, thinking is not needed for that family at these lengths.

## Out of length

Lengths that were never trained. `vote:n=1` is one sampled chain.

{outside}

Sixteen votes minus one sampled chain, same problems, paired (difference, 95 % interval, Holm-adjusted p over all
pairs of the run):

| family | pair | difference | p |
|---|---|---|---|
{paired}

At temperature 0.7 the chains of one problem hardly differ, because this model is sure of itself where it is wrong too,
so there is nothing to vote about. At temperature 2 they differ, one chain is worse for it, and voting wins that back:
compare it with `cot`, which is greedy, before believing that voting helps.

## How it was trained

By `make pocket`: {steps} steps on two processes of one core each, 59 minutes on a machine that also did other work. The
learning rate was held for 2,900 steps rather than the recipe's 2,000, because the run was begun with more steps and
shortened on the way; a fresh run follows the recipe exactly.

## What the numbers do not show

Accuracy on generated problems says nothing about other questions. In-length test problems differ from the training ones
in their numbers and names, not in their form; `word-problems-new` differs in form. Out-of-length word problems use
longer templates of their own, so length and novelty are confounded there.

## Recipe

```json
{recipe}
```
"""

if __name__ == "__main__":
    main()
