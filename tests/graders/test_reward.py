"""Reward models: each published format against its publisher's own way of reading it, and the contract of scores."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import small_verifiers as small
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.ask import Grade
from workings.core.errors import BadSetting, DataError, GraderError, UnknownName
from workings.core.problem import Question
from workings.graders.formats import FORMATS, QWEN_SYSTEM, Format
from workings.graders.reward import RewardModel, load
from workings.reason.reading import read_lines
from workings.testing import check_grader
from workings.train.head import Verifier, save_verifier

QUESTION = Question("q", "What is one and two?")
STEPS = ("Step one is right.", "so the answer is 4", "The answer is seven.")
CHAINS = (STEPS, STEPS[:1], STEPS[:2], ("Another.", *STEPS[1:]), STEPS)


def graded(model, chains=CHAINS, question=QUESTION):
    return asyncio.run(model.grade(Grade(question, tuple(chains), "verifier")))


def ours(folder, kind="llama", per="step", seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        verifier = Verifier(small.backbone(kind))
        verifier.score.weight.data.mul_(3)
    save_verifier(verifier, small.tokenizer(), folder, {"format": "lines", "per": per})
    return verifier


def close(found, wanted):
    return found == pytest.approx(wanted, abs=2e-5)


def test_our_own_form_is_read_back_and_says_what_the_module_says(tmp_path):
    verifier = ours(tmp_path)
    found = graded(load(tmp_path))
    for steps, scores in zip(CHAINS, found.scores, strict=True):
        reading = read_lines(small.tokenizer(), QUESTION, steps)
        with torch.inference_mode():
            states = verifier.model(torch.tensor([reading.ids])).last_hidden_state[0, list(reading.places)]
            assert close(scores, verifier.score(states).squeeze(-1).sigmoid().tolist())


def test_math_shepherd_is_read_at_the_tag_between_good_and_bad(tmp_path):
    folder = small.plain(tmp_path)
    found = graded(load(folder, format="math-shepherd"), [STEPS]).scores[0]
    words, whole = small.tokenizer(), small.backbone(whole=True)
    text = f"{QUESTION.text} " + "\n".join(f"Step {n}: {s} ки" for n, s in enumerate(STEPS, 1))
    ids = torch.tensor([words.encode(text)])
    good, bad, tag = (words.encode(t)[-1] for t in ("+", "-", "ки"))
    with torch.inference_mode():
        chances = whole(ids).logits[:, :, [good, bad]].softmax(-1)[:, :, 0]
    assert close(found, chances[ids == tag].tolist())


def test_rlhflow_is_read_where_the_plus_is_predicted(tmp_path):
    folder = small.plain(tmp_path)
    found = graded(load(folder, format="rlhflow"), [STEPS]).scores[0]
    words, whole = small.tokenizer(), small.backbone(whole=True)
    plus, minus = (words.encode(t)[-1] for t in "+-")
    turns, wanted = [], []
    for number, step in enumerate(STEPS):
        turns.append({"role": "user", "content": step if number else f"{QUESTION.text} {step}"})
        turns.append({"role": "assistant", "content": "+"})
        ids = words.encode(words.apply_chat_template(turns, tokenize=False))
        at = len(ids) - 1 - ids[::-1].index(plus)
        with torch.inference_mode():
            logits = whole(torch.tensor([ids])).logits[0, at - 1, [plus, minus]]
        wanted.append(float(logits.softmax(-1)[0]))
    assert close(found, wanted)


def test_qwen_is_read_at_extra_0_with_its_two_class_head(tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        head = torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
    weights = {f"score.{name}": value.clone() for name, value in head.state_dict().items()}
    folder = small.with_head(tmp_path, weights, architecture="Qwen2ForProcessRewardModel")
    found = graded(load(folder), [STEPS]).scores[0]
    words, whole = small.tokenizer(), small.backbone("qwen2", whole=True)
    turns = [
        {"role": "system", "content": QWEN_SYSTEM},
        {"role": "user", "content": QUESTION.text},
        {"role": "assistant", "content": "<extra_0>".join(STEPS) + "<extra_0>"},
    ]
    ids = torch.tensor([words.encode(words.apply_chat_template(turns, tokenize=False))])
    with torch.inference_mode():
        chances = head(whole.model(ids).last_hidden_state).softmax(-1)[..., 1]
    assert close(found, chances[ids == words.convert_tokens_to_ids("<extra_0>")].tolist())


def test_skywork_is_read_at_line_breaks_with_its_value_head(tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(2)
        head = torch.nn.Linear(32, 1)
    weights = {f"v_head.summary.{name}": value.clone() for name, value in head.state_dict().items()}
    found = graded(load(small.with_head(tmp_path, weights)), [STEPS]).scores[0]
    words, whole = small.tokenizer(), small.backbone("qwen2", whole=True)
    ids = words.encode(f"<s>{QUESTION.text}\n")
    flags = []
    for step in STEPS:
        ids += [*words.encode(step), words.encode("\n")[-1]]
        flags.append(len(ids) - 1)
    with torch.inference_mode():
        values = head(whole.model(torch.tensor([ids])).last_hidden_state).squeeze(-1).sigmoid()
    assert close(found, values[0, flags].tolist())


def test_a_dialogue_reward_is_one_unbounded_number_a_chain(tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        head = torch.nn.Linear(32, 1, bias=False)
    folder = small.with_head(tmp_path, {"score.weight": head.weight.data.clone() * 9})
    found = graded(load(folder, format="dialogue"))
    assert found.kind == "unbounded" and all(len(row) == 1 for row in found.scores)
    words, whole = small.tokenizer(), small.backbone("qwen2", whole=True)
    turns = [{"role": "user", "content": QUESTION.text}, {"role": "assistant", "content": "\n".join(STEPS)}]
    ids = torch.tensor([words.encode(words.apply_chat_template(turns, tokenize=False))])
    with torch.inference_mode():
        wanted = float(head(whole.model(ids).last_hidden_state)[0, -1]) * 9
    assert found.scores[0][0] == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt2", "gemma3"])
def test_shared_beginnings_change_no_score_and_are_computed_once(tmp_path, kind):
    ours(tmp_path, kind)
    sharing, plain = load(tmp_path), load(tmp_path, room_mb=0)
    assert sharing.shares and not plain.shares
    together, apart = graded(sharing), graded(plain)
    for one, other in zip(together.scores, apart.scores, strict=True):
        assert close(one, other)
    read = apart.usage.prompt
    assert together.usage.prompt + together.usage.cached == read, "what is charged does not depend on sharing"
    assert together.usage.prompt < read / 2
    longer = graded(sharing, [(*STEPS, "More.")])
    new = len(small.tokenizer().encode("More.\n"))
    assert longer.usage.prompt == new, "only the new step is computed"
    assert close(longer.scores[0], graded(plain, [(*STEPS, "More.")]).scores[0])


def test_a_recurrent_backbone_is_read_plainly(tmp_path):
    ours(tmp_path, "mamba")
    model = load(tmp_path)
    assert not model.shares
    alone = [graded(model, [chain]).scores[0] for chain in CHAINS]
    assert graded(model).scores == tuple(alone)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["a", "b b", "c.", ""]), min_size=1, max_size=4), min_size=1, max_size=5))
def test_any_tree_of_chains_scores_like_its_chains_alone(chains):
    chains = [tuple(chain) for chain in chains]
    assert graded(SHARED(), chains).scores == tuple(
        pytest.approx(row, abs=2e-5) for row in (graded(PLAIN(), [chain]).scores[0] for chain in chains)
    )


def in_memory(room):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = torch.nn.Linear(32, 1)
    form = FORMATS["lines"]
    return RewardModel(small.backbone(), small.tokenizer(), lambda s: head(s).squeeze(-1), form, room=room)


def SHARED():
    return in_memory(10_000_000)


def PLAIN():
    return in_memory(0)


def test_what_is_kept_stays_within_its_room():
    model = in_memory(40_000)
    for number in range(12):
        graded(model, question=Question(f"q{number}", f"What is {number}?"))
        assert sum(tree.size for tree in model._prefixes._trees.values()) <= 40_000
    again = graded(model, question=Question("q0", "What is 0?"))
    assert again.usage.prompt > 0, "the oldest question was forgotten, and is read again"


def test_nothing_is_cut(tmp_path):
    ours(tmp_path)
    model = load(tmp_path)
    with pytest.raises(GraderError, match="nothing is cut"):
        graded(model, [STEPS, ("one " * 500,)])
    with pytest.raises(GraderError, match="holds 30"):
        graded(load(tmp_path, context=30))


@pytest.mark.parametrize(
    ("name", "step"), [("math-shepherd", "ки"), ("qwen-prm", "Done<extra_0>Next"), ("qwen-prm", "<extra_0>")]
)
def test_a_step_that_holds_the_mark_is_refused_not_counted_twice(name, step):
    with pytest.raises(GraderError, match="marks"):
        FORMATS[name].read(small.tokenizer(), QUESTION, ("Fine.", step))


def test_a_template_without_the_plus_is_refused():
    upper = small.TEMPLATE.replace("m['content']", "m['content'] | replace('+', 'good')")
    with pytest.raises(GraderError, match="'\\+'"):
        FORMATS["rlhflow"].read(small.tokenizer(template=upper), QUESTION, STEPS)


def test_outcome_verifiers_give_one_score_a_chain_or_all_of_them(tmp_path):
    ours(tmp_path, per="chain")
    ends, everywhere = graded(load(tmp_path)), graded(load(tmp_path, every=True))
    assert all(len(row) == 1 for row in ends.scores)
    for one, all_of_them, chain in zip(ends.scores, everywhere.scores, CHAINS, strict=True):
        assert len(all_of_them) == len(chain) and close(one[0], all_of_them[-1])


def test_logits_are_declared(tmp_path):
    ours(tmp_path)
    chances, logits = graded(load(tmp_path)), graded(load(tmp_path, kind="logit"))
    assert (chances.kind, logits.kind) == ("probability", "logit")
    for row, other in zip(chances.scores, logits.scores, strict=True):
        assert row == pytest.approx([1 / (1 + 2.718281828459045**-x) for x in other], abs=1e-4)


@pytest.mark.parametrize("name", ["lines", "math-shepherd", "rlhflow"])
def test_they_keep_the_contract(tmp_path, name):
    folder = small.plain(tmp_path) if name != "lines" else tmp_path
    if name == "lines":
        ours(folder)
    check_grader(load(folder, format=name), a_score_a_step=True)


def test_a_score_that_is_not_a_number_is_an_error():
    form = Format(read_lines, "linear")
    model = RewardModel(small.backbone(), small.tokenizer(), lambda s: s[:, 0] * float("nan"), form)
    with pytest.raises(GraderError, match="not a number"):
        graded(model)


def test_folders_that_are_no_verifier_say_so(tmp_path):
    with pytest.raises(DataError, match="no model"):
        load(tmp_path)
    folder = small.plain(tmp_path / "plain")
    with pytest.raises(DataError, match="what kind"):
        load(folder)
    with pytest.raises(DataError, match=r"score\.weight"):
        load(folder, format="dialogue")
    with pytest.raises(UnknownName, match="math-shepherd"):
        load(folder, format="mathshepherd")
    with pytest.raises(BadSetting, match="dtype='int8'"):
        load(folder, format="math-shepherd", dtype="int8")
    with pytest.raises(BadSetting, match="kind='odds'"):
        load(folder, format="math-shepherd", kind="odds")  # type: ignore[arg-type]


def test_a_chain_without_steps_is_refused():
    with pytest.raises(GraderError, match="without steps"):
        graded(PLAIN(), [()])
