"""All methods beside each other on the pocket model, one step out of length, at equal generated tokens.

    python benchmarks/methods.py [--count 200] [--quick] [--folder DIR] [--write]

Each method's `n` is chosen so that it spends about as many generated and probe tokens as `vote:n=16`: it is tried on 40
other problems first and scaled. `--write` puts the tables into docs/search.md. Runs on record in DIR are resumed.

Every method samples at temperature 1, which is not tuned for any of them; the vote is also shown at 0.7 and 1.5. The
problems are one step longer than any the model was trained on: there its chains begin to fail at random places. Much
further out they all fail in the same way, coverage of sound chains is nil, and no verifier can help: `--length far`
shows that. What a verifier reads is charged apart (`verifier`), and not equalised.

Keys: `families_won` (families in which some verifier-guided method beats the best of the votes by a paired interval
that excludes zero), `families`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
from pathlib import Path
from typing import Any

from workings.catalog.spec import canonical_spec
from workings.cli.main import main as workings

FAMILIES = {"shell-game": (10, 12), "chain-arithmetic": (8, 10), "coin-flip": (7, 9)}
T = "temperature=1,max_tokens=400"
VOTES = (f"vote:n={{n}},{T}", "vote:n={n},max_tokens=400", "vote:n={n},temperature=1.5,max_tokens=400")
GUIDED = (
    f"vote:n={{n}},weight=verifier,by=pocket-prm,{T}",
    f"best-of-n:n={{n}},by=pocket-orm,{T}",
    f"best-of-n:n={{n}},by=pocket-prm,{T}",
    f"best-of-n:n={{n}},by=pocket-prm,weighted=true,{T}",
    f"beam:n={{n}},by=pocket-prm,{T}",
    f"dvts:n={{n}},by=pocket-prm,{T}",
    f"rebase:n={{n}},by=pocket-prm,{T}",
    f"particles:n={{n}},by=pocket-prm,{T}",
    f"tree:n={{n}},by=pocket-prm,{T}",
    f"tree:n={{n}},search=best-first,by=pocket-prm,{T}",
)
OTHERS = (
    f"vote:n={{n}},weight=probability,{T}",
    f"vote:n={{n}},weight=certainty,{T}",
    f"adaptive:n={{n}},{T}",
    f"deepconf:n={{n}},{T}",
    f"best-of-n:n={{n}},{T}",
    "cot-decoding:n={n},max_tokens=400",
    f"tot:n={{n}},{T}",
    f"rap:n={{n}},{T}",
    f"rstar:n={{n}},{T}",
)
ALONE = ("direct", "cot", "budget-forcing:max_tokens=400", "early-exit:max_tokens=400")
EARLY = ("adaptive",)
"""These stop by themselves: they get the same most chains as the vote, not the same tokens."""


def run(folder: Path, problems: str, methods: list[str], count: int, seed: int, baseline: str = "") -> dict[str, Any]:
    """One run from the command line, as JSON."""
    said = io.StringIO()
    words = ["run", "--folder", str(folder), "--problems", problems, "--count", str(count), "--seed", str(seed)]
    words += ["--methods", *methods, "--json", "--concurrency", "256"]
    if baseline:
        words += ["--baseline", baseline]
    with contextlib.redirect_stdout(said):
        code = workings(words)
    if code:
        raise SystemExit(code)
    found: dict[str, Any] = json.loads(said.getvalue())
    return found


def spent(method: dict[str, Any]) -> float:
    """Tokens of chains and probes an attempt."""
    return float(method["generated"] + method["probe"])


def named(spec: str) -> str:
    """The method of a spec."""
    return spec.partition(":")[0]


def sized(folder: Path, problems: str, count: int, without: list[str]) -> dict[str, str]:
    """For each spec with an `n`, the spec that spends what sixteen voting chains do."""
    specs = [spec for spec in (*VOTES, *GUIDED, *OTHERS) if named(spec) not in without]
    tries = {spec: 4 if spec.startswith(("rap", "rstar")) else 16 for spec in specs}
    first = {spec: canonical_spec("methods", spec.format(n=tries[spec])) for spec in specs}
    tried = {m["method"]: spent(m) for m in run(folder, problems, [*first.values()], count, 1)["methods"]}
    budget = tried[first[VOTES[0]]]
    found = {}
    for spec, name in first.items():
        scale = 1 if spec.startswith(EARLY) else budget / max(tried[name], 1)
        n = max(1, round(tries[spec] * scale))
        found[spec] = canonical_spec("methods", spec.format(n=n))
    return found


def best_of(names: list[str], by_name: dict[str, dict[str, Any]]) -> str:
    """The most accurate of them, the first on ties."""
    return max(names, key=lambda name: by_name[name]["accuracy"]["value"])


def table(
    folder: Path, family: str, length: int, count: int, pilot: int, without: list[str]
) -> tuple[list[str], list[str]]:
    """A Markdown table of all methods, most accurate first, and the guided methods that beat the best vote."""
    problems = f"{family}:lengths={length}"
    specs = sized(folder, problems, pilot, without)
    methods = list(dict.fromkeys([*ALONE, *specs.values()]))
    names = [canonical_spec("methods", name) for name in methods]
    by_name = {m["method"]: m for m in run(folder, problems, methods, count, 0)["methods"]}
    vote = best_of([specs[spec] for spec in VOTES], by_name)
    facts = run(folder, problems, methods, count, 0, vote)
    pairs = {pair["method"]: pair for pair in facts["comparisons"]}
    rows = [
        f"### {family}, length {length}",
        "",
        "| method | accuracy | minus the best vote | generated and probe tokens | verifier tokens |",
        "|---|---|---|---|---|",
    ]
    guided = [specs[spec] for spec in GUIDED if spec in specs]
    won = []
    for name in sorted(names, key=lambda name: -by_name[name]["accuracy"]["value"]):
        method, pair = by_name[name], pairs.get(name)
        accuracy = method["accuracy"]
        gap = "the best vote" if name == vote else ""
        if pair is not None:
            gap = f"{pair['value']:+.3f} [{pair['low']:+.3f}, {pair['high']:+.3f}]"
            if name in guided and pair["low"] > 0:
                won.append(name)
        told = f"{accuracy['value']:.3f} [{accuracy['low']:.3f}, {accuracy['high']:.3f}]"
        rows.append(f"| `{name}` | {told} | {gap} | {spent(method):,.0f} | {method['verifier']:,.0f} |")
    lost = [name for name in guided if name in pairs and pairs[name]["high"] < 0]
    said = (
        f"Beaten by the vote, with an interval below zero: {', '.join(f'`{name}`' for name in lost)}." if lost else ""
    )
    return [*rows, "", *([said, ""] if said else [])], won


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--count", type=int, default=200)
    words.add_argument("--length", choices=["next", "far"], default="next")
    words.add_argument("--families", nargs="+", default=list(FAMILIES))
    words.add_argument("--without", nargs="+", default=[], metavar="METHOD", help="methods to leave out, slow ones")
    words.add_argument("--quick", action="store_true", help="20 problems, 8 to size the methods")
    words.add_argument("--folder", type=Path, default=Path(".workings-methods"))
    words.add_argument("--write", action="store_true", help="put the tables into docs/search.md")
    given = words.parse_args()
    count, pilot = (20, 8) if given.quick else (given.count, 40)
    told, won = [], 0
    for family in given.families:
        length = FAMILIES[family][given.length == "far"]
        rows, winners = table(given.folder, family, length, count, pilot, given.without)
        print("\n".join(rows), flush=True)
        told += rows
        won += bool(winners)
    if given.without:
        told += [f"Not run: {', '.join(f'`{name}`' for name in given.without)}.", ""]
    if given.write:
        page = Path("docs/search.md")
        head, _, rest = page.read_text(encoding="utf-8").partition("<!-- methods:begin -->\n")
        _, _, tail = rest.partition("<!-- methods:end -->")
        body = "\n".join(told)
        page.write_text(f"{head}<!-- methods:begin -->\n{body}\n<!-- methods:end -->{tail}", encoding="utf-8")
    print(json.dumps({"families_won": won, "families": len(given.families)}))


if __name__ == "__main__":
    main()
