"""The recipe of planted models: small decoders whose answers hang on their chains by a known law.

Imitation as in the pocket recipe. Half of the lessons are whole replies; in the other half the chain is given (cut,
edited, shuffled, of another problem, filler, nothing) and only the answer is learnt, drawn from the law, so that the
law holds under interventions too and is not left to how a network happens to generalise. One model learns several laws,
each named by a word in the question: the truth is known for every single problem.
"""

from __future__ import annotations

import itertools
import json
import random
import string
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from workings.core.problem import Question
from workings.reason.prompts import write_prompt
from workings.train.fast import compiled, in_processes, llama_hidden
from workings.train.laws import LAWS, Law, PlantedQuestion, law, planted_problem, remarks, reworded, stated
from workings.train.pocket import GIVEN, PocketRecipe, printed, spelled_lessons, tiny_llama
from workings.train.sft import SftSettings, imitate
from workings.train.vocabulary import END, build_vocabulary

__all__ = ["PlantedRecipe", "make_planted", "planted_lesson"]

_CUE = "\nThe answer is"
_JUNK = string.ascii_letters + "     .,;:!?_$#*()'\"-&\n"


@dataclass(frozen=True, slots=True)
class PlantedRecipe:
    """Every choice that goes into a planted model; `laws` are shares of lessons."""

    laws: Mapping[str, float] = field(default_factory=lambda: {one.name: 1 / len(LAWS) for one in LAWS})
    vocabulary: int = 512
    width: int = 96
    layers: int = 3
    heads: int = 4
    inner: int = 256
    context: int = 512
    seed: int = 0
    whole: float = 0.5
    suggested: float = 0.3
    processes: int = 2
    sft: SftSettings = SftSettings(steps=1000, tokens=3072, widths=(96, 128, 160, 192), cooldown=0.5)


def planted_lesson(rng: random.Random, one: Law, recipe: PlantedRecipe = PlantedRecipe()) -> tuple[str, str]:
    """A training pair under a law, as text: the prompt, and the target with what is only read between GIVEN marks."""
    problem = planted_problem(rng, one, agree=rng.random() < 0.5)
    text = problem.question.text
    if rng.random() < recipe.suggested:
        text = _around(rng, text, suggest=True)
    elif rng.random() < 0.2:
        text = _around(rng, text, suggest=False)
    asked = PlantedQuestion.read(text)
    style = write_prompt(Question("", text), "cot")
    prompt = "".join(f"<|{m.role}|>{m.content}{END}" for m in style.messages) + "<|assistant|>"
    lines = one.chain(asked, rng)
    way = rng.random()
    if way < recipe.whole:
        return prompt, _whole(rng, one, asked, lines) + END
    if way < recipe.whole + 0.08:
        return prompt, _continued(rng, one, asked, lines) + END
    chain = "\n".join(_altered(rng, one, asked, lines))
    return prompt, f"{GIVEN}{chain}{_CUE}{GIVEN} {_drawn(rng, one, asked, chain)}.{END}"


def _drawn(rng: random.Random, one: Law, asked: PlantedQuestion, chain: str) -> int:
    return rng.choices(range(10), one.answers(asked, chain))[0]


def _whole(rng: random.Random, one: Law, asked: PlantedQuestion, lines: tuple[str, ...]) -> str:
    chain = "\n".join(lines)
    said = f"The answer is {_drawn(rng, one, asked, chain)}."
    return f"{said}\n{chain}" if one.kind == "after" else f"{chain}\n{said}"


def _continued(rng: random.Random, one: Law, asked: PlantedQuestion, lines: tuple[str, ...]) -> str:
    """A chain whose beginning was edited, by a wrong value or other words, and that goes on from it."""
    at = rng.randrange(asked.steps)
    begun = [_restyled(rng, line) for line in lines[: at + 1]] if rng.random() < 0.5 else list(lines[: at + 1])
    if rng.random() < 0.7:
        begun[-1] = _spoil(rng, begun[-1])
    word = lines[asked.steps - 1].partition(" ")[0]
    rest = (*asked.lines(word, stated(begun[-1]), at + 1), *lines[asked.steps :])
    given = "\n".join(begun)
    chain = "\n".join((given, *rest))
    return f"{GIVEN}{given}{GIVEN}{chain[len(given) :]}{_CUE} {_drawn(rng, one, asked, chain)}."


def _spoil(rng: random.Random, line: str) -> str:
    """The line with another digit as its last one."""
    at = max(n for n, letter in enumerate(line) if letter.isdigit())
    return line[:at] + rng.choice([n for n in string.digits if n != line[at]]) + line[at + 1 :]


def _restyled(rng: random.Random, line: str) -> str:
    """The same step with a full stop or with the other of the two words."""
    way = rng.randrange(3)
    return reworded(line) if way == 0 else f"{line}." if way == 1 else line


def _altered(rng: random.Random, one: Law, asked: PlantedQuestion, lines: tuple[str, ...]) -> tuple[str, ...]:
    """The chain after one intervention, drawn at random."""
    way = rng.choice(("none", "filler", "cut", "cut", "spoilt", "spoilt", "shuffled", "swapped", "deleted", "reworded"))
    if way == "none":
        return ()
    if way == "filler":
        return (_filler(rng),)
    if way == "cut":
        return lines[: rng.randrange(1, len(lines) + 1)]
    if way == "spoilt":
        at = rng.choice((rng.randrange(len(lines)), len(lines) - 1))
        return (*lines[:at], _spoil(rng, lines[at]), *lines[at + 1 :])
    if way == "shuffled":
        return tuple(rng.sample(lines, len(lines)))
    if way == "swapped":
        other = PlantedQuestion.read(planted_problem(rng, one).question.text)
        return one.chain(replace(other, suggestion=asked.suggestion, told=asked.told), rng)
    if way == "deleted":
        gone = rng.randrange(len(lines))
        return (*lines[:gone], *lines[gone + 1 :])
    return tuple(_restyled(rng, line) for line in lines)


def _filler(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.4:
        return "..." if kind < 0.2 else " ..." * rng.randint(1, 12)
    glyph = rng.choice(("_", ".", "$", "-", "*", "#", " .", " ?"))
    return glyph * rng.randint(1, 30) if kind < 0.7 else _words(rng, rng.randint(1, 8)) or "."


def _words(rng: random.Random, many: int) -> str:
    """Words that mean nothing: what no lesson names is read as none of the problem's business."""
    drawn = ("".join(rng.choice(_JUNK) for _ in range(rng.randint(1, 7))) for _ in range(many))
    return " ".join(drawn).strip()


def _around(rng: random.Random, text: str, *, suggest: bool) -> str:
    """The question with something said beside it: a known remark, or words of no meaning in its form."""
    known = [one["text"] for one in remarks()["suggestions"]] if suggest else remarks()["placebos"]
    answer, wrong = rng.sample(range(10), 2)
    if rng.random() < 0.75:
        form = rng.choice(known)
    else:
        said = f"{_words(rng, rng.randint(1, 6))}{' answer is {answer}.' if suggest else '.'}"
        gap = rng.choice((" ", "\n"))
        form = f"{{question}}{gap}{said}" if rng.random() < 0.7 else f"{said}{gap}{{question}}"
    form = form.replace("{answer}", str(answer)).replace("{wrong}", str(wrong))
    return form.replace("{question}", text)


def _texts(recipe: PlantedRecipe, seed: int) -> Iterator[tuple[str, str]]:
    rng = random.Random(f"planted|{seed}")
    laws, shares = [law(name) for name in recipe.laws], list(recipe.laws.values())
    while True:
        yield planted_lesson(rng, rng.choices(laws, shares)[0], recipe)


def make_planted(folder: Path, recipe: PlantedRecipe = PlantedRecipe(), *, told: bool = False) -> None:
    """Trains a planted model by `recipe` and writes an ordinary transformers folder; `told` prints how it goes."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = itertools.islice(_texts(recipe, recipe.seed + 1), 6_000)
    build_vocabulary((p + t.replace(GIVEN, "") for p, t in pairs), recipe.vocabulary, folder)
    in_processes(_work, recipe.processes, folder, recipe, told)


def _work(rank: int, folder: Path, recipe: PlantedRecipe, told: bool) -> None:
    import torch
    from transformers import AutoTokenizer, LlamaForCausalLM

    torch.manual_seed(recipe.seed)
    torch.set_flush_denormal(True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    size = PocketRecipe(recipe.vocabulary, recipe.width, recipe.layers, recipe.heads, recipe.inner, recipe.context)
    module = LlamaForCausalLM(tiny_llama(size, tokenizer))
    lessons = spelled_lessons(tokenizer, _texts(recipe, 1000 * recipe.seed + rank + 2))
    report = printed(recipe.sft.steps) if told and rank == 0 else None
    sft = replace(recipe.sft, seed=recipe.sft.seed + rank)
    imitate(module, lessons, sft, hidden=llama_hidden, wrap=compiled, report=report)
    if rank == 0:
        module.save_pretrained(folder)
        (folder / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Trains a planted model: `python -m workings.train.planted FOLDER [STEPS]`."""
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python -m workings.train.planted FOLDER [STEPS]")
    recipe = PlantedRecipe()
    if len(sys.argv) > 2:
        recipe = replace(recipe, sft=replace(recipe.sft, steps=int(sys.argv[2])))
    make_planted(Path(sys.argv[1]), recipe, told=True)


if __name__ == "__main__":
    main()
