"""Verifiers learn from labelled places: the loss by hand, hard and soft labels, and nothing cut in silence."""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from learners import llama, weights

from workings.core.ask import Grade
from workings.core.errors import BadSetting
from workings.graders.reward import load
from workings.models.scripted import Scripted
from workings.problems.procedural import families, generate
from workings.reason.reading import read_lines
from workings.train.fast import in_processes, llama_hidden, plain_hidden
from workings.train.gold import gold_chain
from workings.train.head import Verifier, save_verifier
from workings.train.pocket_verifiers import PocketVerifierRecipe, collect_chains, examples_of
from workings.train.verifiers import Example, VerifierSettings, _batch, place_loss, predict, teach

BAD = 7
QUICK = VerifierSettings(epochs=6, tokens=512, rate=3e-3, context=64)


def verifier(seed: int = 0, doubt: float = 0.0) -> Verifier:
    backbone = llama(seed=seed).model
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Verifier(backbone, doubt)


def chains(count: int, seed: int, *, every: bool = True) -> list[Example]:
    """Random tokens read at every fourth; a chain is good until it holds BAD."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        ids = [rng.randrange(10, 40) for _ in range(4 * rng.randint(2, 6))]
        if rng.random() < 0.6:
            ids[rng.randrange(len(ids))] = BAD
        places = range(3, len(ids), 4) if every else [len(ids) - 1]
        labels = tuple(float(BAD not in ids[: place + 1]) for place in places)
        made.append(Example(tuple(ids), tuple(places), labels))
    return made


def test_the_loss_is_cross_entropy_at_the_places_alone():
    module, rows = verifier(), [Example((1, 2, 3, 4, 5), (1, 4), (1.0, 0.25)), Example((9, 8), (0,), (0.0,))]
    loss = float(place_loss(module, plain_hidden, *_batch(rows)).detach())
    each = []
    for row in rows:
        with torch.no_grad():
            states = module.model(torch.tensor([row.ids])).last_hidden_state[0, list(row.places)]
            chances = module.score(states).squeeze(-1).sigmoid().tolist()
        each += [-(y * math.log(p) + (1 - y) * math.log(1 - p)) for p, y in zip(chances, row.labels, strict=True)]
    assert loss == pytest.approx(sum(each) / 3, rel=1e-5)


def test_the_loss_on_text_is_that_of_the_next_tokens_with_tied_weights():
    module, rows = verifier(), [Example((1, 2, 3, 4, 5), (4,), (1.0,), (2, 5)), Example((9, 8), (1,), (0.0,))]
    plain, both = (float(place_loss(module, plain_hidden, *_batch(rows), w).detach()) for w in (0.0, 0.5))
    with torch.no_grad():
        states = module.model(torch.tensor([rows[0].ids])).last_hidden_state[0]
        chances = (states @ module.model.embed_tokens.weight.T).log_softmax(-1)
    wanted = -sum(float(chances[at - 1, rows[0].ids[at]]) for at in (2, 3, 4)) / 3
    assert both - plain == pytest.approx(0.5 * wanted, rel=1e-4)


def test_doubt_is_the_least_likely_token_of_the_chain_so_far():
    plain, doubting = verifier(), verifier(doubt=0.5)
    rows = [Example((1, 2, 3, 4, 5, 6), (3, 5), (1.0, 0.0), (2, 4)), Example((9, 8, 7), (2,), (0.0,), (1, 1))]
    for example, one, other in zip(rows, predict(plain, rows), predict(doubting, rows), strict=True):
        with torch.no_grad():
            states = plain.model(torch.tensor([example.ids])).last_hidden_state[0]
            chances = (states @ plain.model.embed_tokens.weight.T).log_softmax(-1)
        for place, before, after in zip(example.places, one, other, strict=True):
            least = min(float(chances[at - 1, example.ids[at]]) for at in range(example.text[0], place + 1))
            lost = math.log(before / (1 - before)) - math.log(after / (1 - after))
            assert lost == pytest.approx(-0.5 * max(least, -12), abs=1e-3)


def test_the_quick_forward_scores_like_the_plain_one():
    module, rows = verifier(), chains(8, 5)
    for one, other in zip(predict(module, rows), predict(module, rows, hidden=llama_hidden), strict=True):
        assert one == pytest.approx(other, abs=2e-2)


@pytest.mark.parametrize(
    ("every", "muon"), [(True, 0.0), (False, 0.0), (True, 0.01)], ids=["steps", "outcomes", "steps by Muon"]
)
def test_a_verifier_learns_what_makes_a_chain_wrong(every, muon):
    module, told = verifier(), []
    updates = teach(
        module, chains(600, 1, every=every), replace(QUICK, muon=muon), report=lambda *said: told.append(said)
    )
    assert updates == told[-1][0] == told[-1][1] == len(told)
    held_out = chains(150, 2, every=every)
    scores = predict(module, held_out)
    pairs = [
        (p > 0.5) == (y == 1.0) for s, e in zip(scores, held_out, strict=True) for p, y in zip(s, e.labels, strict=True)
    ]
    assert sum(pairs) / len(pairs) > 0.95
    assert told[-1][2] < 0.3 < told[0][2]


def test_a_soft_label_is_learnt_as_the_probability_it_is():
    module = verifier()
    teach(module, [Example((3, 4, 5, 6), (3,), (0.3,))] * 64, replace(QUICK, epochs=40, rate=1e-3))
    assert predict(module, [Example((3, 4, 5, 6), (3,), (0.0,))])[0][0] == pytest.approx(0.3, abs=0.03)


def test_the_same_seed_learns_the_same():
    one, other = verifier(), verifier()
    for module in (one, other):
        teach(module, chains(60, 1), QUICK)
    assert np.array_equal(weights(one), weights(other))


def test_accelerate_changes_nothing_on_one_machine():
    accelerate = pytest.importorskip("accelerate")
    plain, prepared = verifier(), verifier()
    teach(plain, chains(80, 1), QUICK)
    teach(prepared, chains(80, 1), QUICK, accelerator=accelerate.Accelerator(cpu=True))
    assert weights(plain) == pytest.approx(weights(prepared), abs=1e-6)


def learn(rank: int, folder: Path) -> None:
    module = verifier()
    updates = teach(module, chains(90, 1), replace(QUICK, epochs=2))
    np.save(folder / f"{rank}.npy", weights(module))
    (folder / f"{rank}.txt").write_text(str(updates))


def test_two_processes_share_out_the_batches_and_stay_alike(tmp_path):
    in_processes(learn, 2, tmp_path)
    assert np.array_equal(np.load(tmp_path / "0.npy"), np.load(tmp_path / "1.npy"))
    alone = teach(verifier(), chains(90, 1), replace(QUICK, epochs=2))
    assert int((tmp_path / "0.txt").read_text()) == int((tmp_path / "1.txt").read_text()) <= alone // 2


def test_a_chain_that_does_not_fit_is_refused_before_anything_is_learnt():
    """A published trainer cut chains on the right, so that the labels of late steps vanished without a word."""
    module = verifier()
    before = weights(module)
    with pytest.raises(BadSetting, match="24 tokens and the context is 20"):
        teach(module, [Example(tuple(range(24)), (23,), (1.0,))], replace(QUICK, context=20))
    with pytest.raises(BadSetting, match="never cut"):
        Example((1, 2, 3), (1, 5), (1.0, 0.0))
    assert np.array_equal(before, weights(module))


@pytest.mark.parametrize(
    ("places", "labels", "says"), [((1,), (1.0, 0.0), "2 labels"), ((), (), "0 labels"), ((1,), (1.5,), "probability")]
)
def test_labels_must_fit_their_places(places, labels, says):
    with pytest.raises(BadSetting, match=says):
        Example((1, 2), places, labels)
    with pytest.raises(BadSetting, match="outside 2"):
        Example((1, 2), (1,), (1.0,), (0, 3))


def test_nothing_to_learn_is_an_error():
    with pytest.raises(BadSetting, match="nothing to learn"):
        teach(verifier(), [], QUICK)


@pytest.fixture(scope="module")
def words():
    from workings.train.vocabulary import build_vocabulary

    return build_vocabulary


@pytest.mark.parametrize("doubt", [0.0, 0.7])
def test_what_was_taught_is_what_the_grader_says(tmp_path, words, doubt):
    problem = next(generate(families()["shell-game"], "train", 1))
    tokenizer = words(["\n".join((problem.question.text, *problem.steps))] * 5, 400, tmp_path)
    module = Verifier(llama(vocab_size=len(tokenizer)).model, doubt)
    module.score.bias.data.fill_(4.0)
    reading = read_lines(tokenizer, problem.question, problem.steps)
    began = len(read_lines(tokenizer, problem.question, ()).ids)
    wanted = predict(module, [Example(reading.ids, reading.places, (1.0,) * len(reading.places), (began, began))])[0]
    save_verifier(module, tokenizer, tmp_path, {"format": "lines", "per": "step"})
    ask = Grade(problem.question, (problem.steps,), "tried")
    sharing = load(tmp_path)
    assert sharing.shares
    asyncio.run(sharing.grade(Grade(problem.question, (problem.steps[:2],), "tried")))
    for grader in (sharing, load(tmp_path, room_mb=0)):
        assert asyncio.run(grader.grade(ask)).scores[0] == pytest.approx(wanted, abs=2e-5)


def test_examples_hold_what_the_checker_says(tmp_path, words):
    problem = next(generate(families()["shell-game"], "train", 1))
    tokenizer = words([problem.question.text] * 5, 400, tmp_path)
    lines = list(problem.steps)
    lines[2] = lines[2][:-1] + str(int(lines[2][-1]) % 5 + 1)
    told = asyncio.run(gold_chain(problem, "\n".join((*lines, f"The answer is {problem.gold}."))))
    [steps] = examples_of(tokenizer, [told], "step")
    [outcomes] = examples_of(tokenizer, [told], "chain")
    assert steps.labels == (1.0, 1.0) + (0.0,) * (len(lines) - 1) and set(outcomes.labels) == {1.0}
    assert tokenizer.decode(steps.ids[slice(*steps.text)]) == "".join(f"{line}\n" for line in lines[:2])
    assert [tokenizer.decode([steps.ids[place]]) for place in steps.places] == ["\n"] * (len(lines) + 1)


def test_chains_are_collected_from_any_model_and_twice_the_same():
    def table(prompt):
        return {"1) 2\nThe answer is 3.": 0.5, "1) 3\nThe answer is 1.": 0.3, "nothing": 0.2}

    recipe = PocketVerifierRecipe(problems=12, samples=4, shares={"shell-game": 1.0})
    found = [asyncio.run(collect_chains(Scripted(table), recipe, "train")) for _ in range(2)]
    assert found[0] == found[1]
    keys = [(chain.problem.id, chain.steps) for chain in found[0]]
    assert len(set(keys)) == len(keys) and {chain.problem.split for chain in found[0]} == {"train"}
