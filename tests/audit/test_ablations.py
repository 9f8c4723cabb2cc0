"""Worked examples taken apart and changed, and arms whose effect is known."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from probing import case_of, found, measured, problem_of, talking, trace_of

from workings.audit.ablations import ARMS, Ablations
from workings.audit.demonstrations import CHANGES, Demonstration, changed, frame_of
from workings.audit.phrases import phrases
from workings.core.errors import BadSetting
from workings.core.problem import AnswerKind
from workings.reason.prompts import write_prompt

SUM = "Anna has 3 apples and buys 4 more. How many does she have?"
REPLY = "Apples: 3 + 4 = 7.\nThe answer is 7."
TOLD = phrases("ablations", "en")


def few_shot(id="q", style="cot", shots=3, text=SUM, gold="7"):
    problem = problem_of(text, gold, AnswerKind.NUMBER, id=id)
    problem = replace(problem, question=replace(problem.question, family="word-problems"))
    return case_of(problem, REPLY, prompt=write_prompt(problem.question, style, shots=shots))


@pytest.mark.parametrize("style", ["cot", "draft", "kojima"])
def test_a_recorded_prompt_is_taken_apart_and_put_together_the_same(style):
    case = few_shot(style=style)
    frame = frame_of(case)
    assert frame is not None and frame.prompt(frame.demonstrations) == case.prompt
    assert len(frame.demonstrations) == 3
    for one in frame.demonstrations:
        assert one.steps and one.stated.startswith("The answer is") and "step by step" not in one.question


def test_a_prompt_without_examples_is_left_out():
    case = few_shot(shots=0)
    assert frame_of(case) is None
    one = measured(Ablations(seeds=1), case, talking(lambda prompt: REPLY))
    assert one.excluded == "no worked examples in the prompt"
    assert found(Ablations(), one)["accuracy with the full examples"].excluded == {one.excluded: 1}


SHOWN = (
    Demonstration(
        "A coat is 31. It is 20 cheaper. Pay 70?", ("Sale: 31 - 20 = 11.", "Back: 70 - 11 = 59."), "It is 59."
    ),
    Demonstration("8 a day for 7 days?", ("Earned: 8 × 7 = 56.", "Half: 56 ÷ 2 = 28."), "It is 28."),
)


def made(name):
    return changed(name, SHOWN, random.Random(0), TOLD)


def test_each_edit_changes_what_it_says():
    assert made("standard")[0].reply == "It is 59."
    assert made("equations")[0].steps == ("31 - 20 = 11", "70 - 11 = 59")
    assert made("dots")[0].steps == (". . . . . .", ". . . . . .")
    assert made("short-dots")[0].steps == ("." * len("31 - 20 = 1170 - 11 = 59"),)
    assert made("after-answer")[0].reply == "It is 59.\nSale: 31 - 20 = 11.\nBack: 70 - 11 = 59."
    assert made("explained-after")[0].reply.startswith("It is 59.\nExplanation: Sale:")
    assert made("invalid")[0].steps == ("Sale: 31 + 20 = 51.", "Back: 70 + 11 = 81.")
    assert made("invalid")[1].steps == ("Earned: 8 + 7 = 15.", "Half: 56 - 2 = 54.")
    assert made("incoherent")[0].steps == SHOWN[0].steps[::-1]
    assert made("irrelevant")[0].steps == SHOWN[1].steps and made("irrelevant")[0].stated == "It is 59."
    assert made("symbols")[0].question == "A coat is α. It is β cheaper. Pay γ?"
    assert made("symbols")[0].steps == ("Sale: α - β = δ.", "Back: γ - δ = ε.") and "59" in made("symbols")[0].stated
    assert made("pattern")[0].steps == ("Sale: 11.", "Back: 59.")
    assert sorted(re.findall("[A-Za-z]+", " ".join(made("text")[0].steps))) == ["Back", "Sale"]
    assert made("order") == list(SHOWN[::-1]) and made("one") == made("half") == [SHOWN[0]]
    assert made("style")[0].steps[1] == "Step 2: Back: 70 - 11 = 59."


def test_steps_without_equations_are_made_invalid_by_exchanging_their_results():
    coin = (Demonstration("Heads?", ("Ann flips: heads -> tails", "Bo does not flip: tails -> tails"), "No."),)
    assert changed("equations", coin, random.Random(0), TOLD) is None
    shell = (Demonstration("Where?", ("swap 1: ball under A", "swap 2: ball under C"), "C."),)
    assert changed("invalid", shell, random.Random(0), TOLD)[0].steps == (
        "swap 1: ball under C",
        "swap 2: ball under A",
    )


@given(st.sampled_from(sorted(CHANGES)), st.lists(st.text(max_size=30), max_size=4), st.text(max_size=20))
def test_no_change_breaks_on_any_text(name, steps, question):
    shown = (Demonstration(question, tuple(steps), "The answer is 1."),)
    told = changed(name, shown, random.Random(0), TOLD)
    assert told is None or all(isinstance(one.reply, str) for one in told)


def needing(mark):
    """A model that is right when `mark(prompt)` holds, and says 5 otherwise."""
    return talking(lambda prompt: REPLY if mark(prompt) else "Hm.\nThe answer is 5.")


def shown_steps(prompt):
    return "\n".join(m.content for m in prompt.messages if m.role == "assistant")


def test_a_model_that_needs_equations_loses_what_it_is_known_to_lose():
    audit = Ablations(seeds=2)
    model = needing(lambda p: re.search(r"\d = \d", shown_steps(p)))
    rows = [measured(audit, few_shot(f"q{i}"), model, f"q{i}") for i in range(8)]
    told = found(audit, *rows)
    assert told["accuracy with the full examples"].value == 1.0 and told["accuracy with the full examples"].null == 0.0
    for arm in ("standard", "dots", "pattern", "symbols"):
        one = told[f"{arm} minus full"]
        assert one.value == -1.0 and one.ceiling == -1.0 and one.noise == 0.0
        assert one.detail["McNemar p"] == pytest.approx(2 / 2**8) and one.detail["McNemar p, Holm"] > 2 / 2**8
        assert one.detail["same answer"] == 0.0
    for arm in ("equations", "incoherent", "invalid", "irrelevant", "order", "style"):
        assert told[f"{arm} minus full"].value == 0.0
    assert told["equations minus full"].detail["kappa"] is None  # all right in both: chance explains it
    assert rows[0].values["prompt"] == "ablations/1/en" and rows[0].values["unmade"] == {
        "source": "changes nothing here"
    }


def test_the_answer_comes_first_where_it_is_asked_for_first():
    said = "The answer is 7.\n3 + 4 = 8\nNo: the answer is 8."
    audit = Ablations(arms="after-answer+standard", seeds=1)
    one = measured(audit, few_shot(), talking(lambda prompt: said))
    answers = {row["arm"]: row["answer"] for row in one.values["rows"]}
    assert answers == {"full": "8", "after-answer": "7", "standard": "8"}


def test_standard_and_explained_after_ask_for_the_answer_alone():
    seen = []
    audit = Ablations(arms="standard+explained-after+dots", seeds=1)
    measured(audit, few_shot(), talking(lambda prompt: seen.append(prompt) or REPLY))
    alone = ["Give only the answer" in p.messages[-1].content for p in seen]
    assert alone == [False, True, True, False]


def test_orders_are_the_same_for_all_arms_and_show_as_noise():
    first = few_shot().prompt.messages[0].content
    audit = Ablations(arms="style", seeds=3)
    model = needing(lambda p: p.messages[0].content == first)
    one = measured(audit, few_shot(), model)
    told = found(audit, one, one)
    by_seed = [[row["right"] for row in one.values["rows"] if row["seed"] == seed] for seed in range(3)]
    assert all(len(set(rights)) == 1 for rights in by_seed) and by_seed[0] == [True, True]
    assert told["accuracy with the full examples"].noise > 0 and told["style minus full"].value == 0.0


def test_own_chains_are_another_source():
    case = few_shot()
    other = few_shot("p", text="Bo has 2 pens and buys 2 more. How many does he have?", gold="4")
    stranger = trace_of("Pens: 2 + 2 = 4.\nThe answer is 4.", other.problem, other.prompt)
    seen = []
    audit = Ablations(arms="source", seeds=1)
    one = measured(audit, replace(case, strangers=(stranger,)), talking(lambda p: seen.append(p) or REPLY))
    assert not one.values["unmade"] and "Bo has 2 pens" in seen[1].messages[0].content
    assert len(seen[1].messages) == 3


def test_arms_are_named():
    assert set(ARMS) >= {"equations", "dots", "after-answer", "invalid", "incoherent", "irrelevant", "source"}
    with pytest.raises(BadSetting, match="'fewer'"):
        Ablations(arms="dots+fewer")
    with pytest.raises(BadSetting):
        Ablations(seeds=0)
