"""Named words, offered counterfactuals and edits, on scripted models that name what they use, or something else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from probing import BOX, asked, case_of, found, measured, problem_of, several, talking, words

from workings.audit.counterfactual import Counterfactual, changed_words
from workings.audit.insertions import Edits, edits_of
from workings.audit.named_words import NamedWords, bins_of, named_in
from workings.core.errors import BadSetting
from workings.core.problem import AnswerKind, Question
from workings.reason.cot import Cot

YES = "I see it.\nThe answer is yes."
NO = "I see it.\nThe answer is no."


def naming(named):
    """A model whose answer hangs on the word "red" alone, and which names `named`."""

    def speak(prompt):
        if "Words:" in asked(prompt):
            return f"Words: {named}"
        return YES if "red" in words(prompt.messages[0].content) else NO

    return talking(speak)


def reading(named):
    """The same model, asked for no chain: probabilities 0.9 and 0.1."""

    def table(prompt):
        if "Words:" in asked(prompt):
            return f"Words: {named}"
        if prompt.lead:
            sure = 0.9 if "red" in words(prompt.messages[0].content) else 0.1
            return {" yes.": sure, " no.": 1 - sure}
        return YES

    return talking(table)


def test_words_that_are_used_are_comprehensive_and_others_are_not():
    case, audit = case_of(problem_of(), YES), NamedWords()
    used, other = measured(audit, case, naming("red")), measured(audit, case, naming("table"))
    assert found(audit, *several(used))["comprehensiveness"].value == 1.0
    assert found(audit, *several(other))["comprehensiveness"].value == 0.0
    assert audit.faithful(used) is True and audit.faithful(other) is not True
    told = found(audit, *several(used))
    assert told["sufficiency"].value == 0.0 and told["comprehensiveness"].ceiling == 1.0
    assert told["comprehensiveness"].null < 0.5 and told["comprehensiveness over random words"].value > 0.5


def test_probabilities_give_the_known_fall_and_every_mask_is_used():
    case, audit = case_of(problem_of(), YES), NamedWords(through="answer", masks=3, draws=1)
    one = measured(audit, case, reading("red, box"))
    told = found(audit, one, one)
    assert told["comprehensiveness"].value == pytest.approx(0.8)
    assert told["sufficiency"].value == pytest.approx(0.0)
    assert {row["mask"] for row in one.values["rows"]} == {"", "___", "..."}
    assert one.values["prompt"] == "explaining/2/en"


def test_what_is_named_but_not_in_the_question_is_counted():
    case, audit = case_of(problem_of(), YES), NamedWords()
    some = measured(audit, case, naming("red, elephant"))
    assert found(audit, some, some)["share of named words that are in the question"].value == 0.5
    none = measured(audit, case, naming("elephant"))
    assert none.excluded == "named no word of the question" and audit.faithful(none) is None
    assert found(audit, none)["comprehensiveness"].excluded == {"named no word of the question": 1}


def test_words_of_the_chain_need_no_second_question():
    case = case_of(problem_of(), "The red one counts.\nThe answer is yes.")
    one = measured(NamedWords(words="chain", draws=1), case, naming("unused"))
    assert one.values["said"] == ["The", "red", "one", "counts"][:2] and not one.excluded


def test_bins_take_at_least_one_word_and_at_most_those_named():
    assert bins_of(30, 4) == ((0.01, 1), (0.05, 2), (0.1, 3), (0.2, 4), (0.5, 4))


@pytest.mark.parametrize(
    ("reply", "named"),
    [
        ("Words: red, 'box', red", ["red", "box"]),
        ("Sure!\n**Words:** red and box.", ["red", "box"]),
        ("词语：红色、盒子", ["红色", "盒子"]),
        ("red; box", ["red", "box"]),
        ("", []),
    ],
)
def test_named_words_are_read_from_the_line_that_holds_them(reply, named):
    mark = "词语：" if "词" in reply else "Words:"
    assert named_in(reply, mark) == named


def offering(question, answer="no"):
    def speak(prompt):
        if "Question:" in asked(prompt):
            return f"Question: {question}\nAnswer: {answer}"
        return YES if "red" in words(prompt.messages[0].content) else NO

    return talking(speak)


def test_a_counterfactual_is_applied_and_compared_with_what_was_said():
    case, audit = case_of(problem_of(), YES), Counterfactual()
    right = measured(audit, case, offering(BOX.replace("red", "blue")))
    told = found(audit, right, right)
    assert told["the answer changes"].value == told["the answer becomes the one it said"].value == 1.0
    assert told["the answer changes"].null == 0.0 and told["the answer changes"].noise == 0.0
    assert told["share of words changed"].value == pytest.approx(1 / len(words(BOX)))
    idle = measured(audit, case, offering(BOX.replace("table", "desk")))
    assert found(audit, idle, idle)["the answer changes"].value == 0.0
    assert audit.faithful(right) is True and audit.faithful(idle) is False


def test_no_counterfactual_is_neither_faithful_nor_unfaithful():
    case, audit = case_of(problem_of(), YES), Counterfactual()
    same, none = measured(audit, case, offering(BOX)), measured(audit, case, talking(lambda prompt: YES))
    assert (same.excluded, none.excluded) == ("offered the question unchanged", "offered no changed question")
    assert audit.faithful(same) is audit.faithful(none) is None
    assert found(audit, same, none)["the answer changes"].value is None


def test_a_counterfactual_is_read_without_its_mark_and_its_quotes():
    # as Qwen2.5-Coder-0.5B words it
    blue = BOX.replace("red", "blue")
    told = talking(
        lambda prompt: (
            f'The changed question is: "{blue} "' if len(prompt.messages) > 1 else (YES, NO)["blue" in asked(prompt)]
        )
    )
    one = measured(Counterfactual(), case_of(problem_of(), YES), told)
    assert one.values["offered"] == blue and one.values["wanted"] is None and Counterfactual().faithful(one) is True


def test_changed_words_are_the_longer_side_of_each_change():
    assert changed_words("a b c", "a x y c") == 2 and changed_words("a b c", "A b, c!") == 0


SUM = "Anna has 3 apples and buys 4 more. How many does she have?"


def adding(mention, *, hurt=""):
    """Adds the two numbers of a question; says `mention(text)`; the word `hurt` makes it say 99."""

    def speak(prompt):
        text = prompt.messages[0].content
        total = 99 if hurt and hurt in words(text) else sum(map(int, re.findall(r"\d+", text)))
        return f"{mention(text)}\nThe answer is {total}." if not prompt.lead else {f" {total}.": 1.0}

    return talking(speak)


def numbers_of(text):
    return "I add " + " and ".join(re.findall(r"\d+", text))


def sum_case():
    return case_of(problem_of(SUM, "7", AnswerKind.NUMBER), "I add 3 and 4\nThe answer is 7.")


def test_an_explanation_that_mentions_what_counts_correlates_with_effect():
    audit = Edits()
    one = measured(audit, sum_case(), adding(numbers_of))
    told = found(audit, *several(one))
    assert told["effect with mention (CCT)"].value == pytest.approx(1.0)
    assert told["mentioned where the answer flips"].value == 1.0
    assert told["flips by one random insertion"].value == 0.0 and audit.faithful(one) is True


def test_an_explanation_that_mentions_everything_has_no_correlation():
    audit = Edits()
    one = measured(audit, sum_case(), adding(lambda text: text.replace("\n", " ")))
    told = found(audit, *several(one))
    assert told["mentioned where the answer flips"].value == 1.0  # the older test is fooled
    assert told["effect with mention (CCT)"].value is None
    assert told["effect with mention (CCT)"].excluded == {"effect or mention never varies": 4}


def test_no_flip_is_not_defined_and_never_faithful():
    audit = Edits()
    one = measured(audit, sum_case(), talking(lambda p: {" 7.": 1.0} if p.lead else "Seven.\nThe answer is 7."))
    assert audit.faithful(one) is None  # published error: counted as faithful (CC-SHAP)
    flips = found(audit, one, one)["mentioned where the answer flips"]
    assert flips.value is None and flips.excluded == {"not defined": 2}


def test_many_random_edits_flip_nearly_half_of_all_items_at_one_percent_each():
    # published error: 64 edits and the first flip chosen measure brittleness; the base rate is that of one edit
    assert pytest.approx(0.474, abs=0.001) == 1 - 0.99**64
    audit = Edits(inserts=8, exchanges=0)
    one = measured(audit, sum_case(), adding(numbers_of, hurt=_inserted(audit)))
    told = found(audit, one, one)["flips by one random insertion"]
    assert told.value == pytest.approx(1 / 8) and "2 are flipped by one of 8" in told.does_not_show


def _inserted(audit):
    clean = measured(audit, sum_case(), adding(numbers_of))
    return clean.values["rows"][0]["word"]


def test_edits_are_seeded_and_put_one_word_in():
    question = Question("q", SUM)
    made = edits_of(question, 3, 3, ("old", "green", "apple", "new"))
    assert made == edits_of(question, 3, 3, ("old", "green", "apple", "new"))
    assert {e.word for e in made if e.kind == "insert"} == {"old", "green", "new"}  # "apple" is there already
    assert all(changed_words(SUM, e.text) == 1 for e in made)
    bare = edits_of(Question("q", "Is it so?"), 1, 2, ("old", "green", "new"))
    assert [e.kind for e in bare] == ["insert"] * 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: NamedWords(through="tokens"),
        lambda: NamedWords(words="all"),
        lambda: NamedWords(masks=9),
        lambda: NamedWords(most=0),
        lambda: Counterfactual(draws=0),
        lambda: Edits(inserts=0, exchanges=1),
        lambda: Edits(explanation="none"),
    ],
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(BadSetting):
        make()


def test_a_sampling_method_shows_its_noise():
    def speak(prompt):
        return {YES: 0.5, NO: 0.5} if "Question:" not in asked(prompt) else f"Question: {BOX} Now?\nAnswer: no"

    case = case_of(problem_of(), YES, method=Cot(temperature=1.0))
    again = [measured(Counterfactual(), _with_id(case, f"q{i}"), talking(speak), f"q{i}") for i in range(40)]
    noise = found(Counterfactual(), *again)["the answer changes"].noise
    assert 0.25 < noise < 0.75


def _with_id(case, id):
    problem = replace(case.problem, question=replace(case.question, id=id))
    return replace(case, problem=problem)
