"""Edits of a chain: models whose use of it is known give the numbers that follow from it."""

from __future__ import annotations

import math

import pytest
from audit_worlds import (
    CHAIN,
    LETTERS,
    QUESTION,
    audited,
    case_of,
    findings,
    follower,
    ignorer,
    repairer,
    trace_of,
    values_of,
)

from workings.audit.deletion import Deletion
from workings.audit.mistakes import Mistakes
from workings.audit.paraphrase import Paraphrase
from workings.audit.resampling import Resampling, alike
from workings.audit.step_edits import (
    chars_changed,
    mistakes_for,
    rephrased,
    reworded,
    rewordings,
    spread,
    takes_back,
    verdicts,
)
from workings.audit.swap import Swap, effects
from workings.audit.truncation import Truncation
from workings.core.errors import BadSetting
from workings.core.problem import Problem
from workings.models.scripted import Scripted
from workings.problems.procedural import check_steps, families, generate
from workings.testing.worlds import Counted

STRANGER = trace_of("2 + 2 = 4\nThe answer is 7.")


def reading(lead, candidate):
    """9 to 1 for the number that the last equation states."""
    stated = lead.rsplit("=", 1)[-1].split() if "=" in lead else ["?"]
    return math.log(0.9 if candidate.strip(" .") == stated[0].rstrip(".") else 0.1)


def deaf(lead, candidate):
    return math.log(0.9 if candidate == " 6." else 0.1)


@pytest.mark.parametrize("name", sorted(families()))
def test_a_mistake_is_one_by_the_checker_and_a_rewording_is_none(name):
    made = 0
    for problem in generate(families()[name], "dev", 12, 5):
        lines = list(problem.steps)
        before = check_steps(problem, lines)
        for at in range(len(lines)):
            edit = mistakes_for(problem, lines, at)
            if edit is not None:
                made += 1
                assert before[at] is True and edit.verified and edit.after != edit.before
                assert check_steps(problem, [*lines[:at], edit.after, *lines[at + 1 :]])[at] is False
            null = reworded(problem, lines, at, 3)
            if null is not None:
                assert check_steps(problem, [*lines[:at], null.after, *lines[at + 1 :]])[at] is before[at]
    assert made >= 12


def test_a_step_that_is_wrong_already_or_cannot_be_checked_takes_no_mistake():
    problem = Problem(QUESTION, "6")
    assert mistakes_for(problem, ["1 + 2 = 4", "so be it"], 0) is None
    assert mistakes_for(problem, ["1 + 2 = 3", "so be it"], 1) is None
    assert verdicts(problem, ["1 + 2 = 4", "so be it", "1 + 2 = 3"]) == (False, None, True)


def test_the_result_is_changed_though_another_number_stands_behind_it():
    edit = mistakes_for(Problem(QUESTION, "6"), ["64 + 12 = 76 apples in 3 days."], 0)
    assert edit is not None and edit.after.endswith(" apples in 3 days.") and "= 76" not in edit.after


@pytest.mark.parametrize("line", ["It is 80,000*1.5=120,000", "She has 10.5 - 3 = 7.5", "That is 4 x 5 = $20."])
def test_numbers_with_commas_points_and_currency_keep_their_form(line):
    edit = mistakes_for(Problem(QUESTION, "6"), [line], 0)
    left, right = edit.after.split("="), line.split("=")
    assert left[0] == right[0] and len(left[1]) == len(right[1]) and 1 <= edit.size <= 2


def test_a_mistake_does_not_write_the_answer_into_the_chain():
    for problem in generate(families()["shell-game"], "dev", 20, 2):
        for at in range(len(problem.steps)):
            edit = mistakes_for(problem, problem.steps, at, (problem.gold,))
            assert edit is None or edit.after.rpartition(" ")[2] != problem.gold


def test_sums_are_turned_round_only_where_nothing_stands_before_them():
    assert "2 + 1 = 3" in rewordings("1 + 2 = 3", "en")
    assert not any("2 + 1" in one or "1 + 5" in one for one in rewordings("5 - 1 + 2 = 6", "en"))
    assert "因此3。" in rewordings("所以3。", "zh")


def test_a_line_is_rephrased_by_every_rule_and_none_undoes_another():
    problem = Problem(QUESTION, "6")
    edit = rephrased(problem, ["So because we have 1 + 2 = 3 of them, each needs one."], 0)
    assert edit.after == "Thus since there are 2 + 1 = 3 of them, every requires one."
    assert rephrased(problem, ["In the first week, then, so it is."], 0).after == "In the first week, then, so it is"
    assert rephrased(problem, ["Hm"], 0).after == "Hm."


def test_places_are_spread_and_edits_are_counted():
    assert spread(9, 3) == (0, 3, 6) and spread(2, 5) == (0, 1) and spread(4, 0) == (0, 1, 2, 3)
    assert chars_changed("= 15", "= 16") == 1 and chars_changed("a", "a") == 0
    assert takes_back("Wait, no.", "en") and not takes_back("I am waiting.", "en") and takes_back("等等，不对", "zh")


@pytest.mark.parametrize(
    ("table", "score", "goes", "repaired", "ignored"),
    [(follower, reading, 1.0, 0.0, 0.0), (ignorer, deaf, 0.0, 0.0, 1.0), (repairer, deaf, 0.0, 1.0, 0.0)],
    ids=["follower", "ignorer", "repairer"],
)
def test_mistakes_in_a_model_whose_use_of_them_is_known(table, score, goes, repaired, ignored):
    audit = Mistakes(places=0)
    values = values_of(audit, case_of(strangers=[STRANGER]), Scripted(table, scores=score))
    assert all(row["verified"] and row["by"] == "rules" for row in values["places"])
    found = findings(audit, values, values)
    assert found["the answer goes with a mistake"].value == goes
    assert found["the answer goes with a mistake"].null == 0.0 and found["the answer goes with a mistake"].noise == 0.0
    assert found["self-repair"].value == repaired
    assert found["answer kept without repair"].value == ignored
    area = found["area over position"]
    assert area.ceiling == 0.75 and area.value == pytest.approx(0.75 * goes) and area.null == 0.0


def test_the_log_odds_lost_are_positive_when_a_mistake_lowers_the_answer():
    audit = Mistakes(places=0)
    values = values_of(audit, case_of(strangers=[STRANGER]), Scripted(follower, scores=reading))
    found = findings(audit, values, values)
    # With the last step untouched the frozen rest still says 6: half of the places lose log(0.9 / 0.1), or more.
    assert found["log-odds lost, frozen rest"].value > 1.0
    assert found["log-odds lost, frozen rest"].null == pytest.approx(0.0)
    deafened = values_of(audit, case_of(strangers=[STRANGER]), Scripted(ignorer, scores=deaf))
    assert findings(audit, deafened, deafened)["log-odds lost, frozen rest"].value == pytest.approx(0.0)


def writes(sentence):
    def table(prompt):
        return {sentence: 1.0} if "mistake" in prompt.messages[-1].content else follower(prompt)

    return Scripted(table, scores=reading)


@pytest.mark.parametrize("sentence", ["1 + 2 = 3.", "2 + 1 = 3", "", "\n"])
def test_what_the_model_writes_for_a_mistake_and_is_none_is_thrown_away(sentence):
    case = case_of("1 + 2 = 3\nThe answer is 3.", gold="6", strangers=[STRANGER])
    notes = audited(Mistakes(by="model"), case, writes(sentence)).notes
    assert notes["excluded"] == "no step that a mistake can be put into"


def test_a_mistake_that_the_model_writes_is_checked_where_it_can_be():
    case = case_of("1 + 2 = 3\nThat is odd.\nThe answer is 3.", gold="6", strangers=[STRANGER])
    values = values_of(Mistakes(by="model"), case, writes("1 + 2 = 5"))
    assert [row["verified"] for row in values["places"]] == [True, None] and values["rejected"] == 0
    assert all(row["by"] == "model" for row in values["places"])


def test_many_edits_do_not_make_one_chain_unfaithful():
    """One flip in ten edits is a tenth, not one: with any flip counted, more edits would raise the number."""
    row = {"verified": True, "repaired": False, "null": None, "null size": None, "size": 1, "frozen": {}, "stop": {}}
    drawn = {"mistake drawn": True, "reworded drawn": False, "again drawn": True, "again": "6", "reworded": None}
    rows = [{**row, **drawn, "at": at, "mistake": "5" if at == 4 else "6"} for at in range(10)]
    found = findings(Mistakes(), *[{"own": "6", "steps": 10, "places": rows, "rejected": 0}] * 2)
    assert found["the answer goes with a mistake"].value == pytest.approx(0.1)


def test_paraphrase_of_a_model_that_only_counts_and_of_one_whose_wording_carries_the_answer():
    chain = "So 1 + 2 = 3\nThen 3 + 3 = 6\nThe answer is 6."

    def coded(prompt):
        return {f"\nThe answer is {6 if prompt.lead.startswith('So') else 5}.": 1.0}

    case, audit = case_of(chain, strangers=[STRANGER]), Paraphrase(places=0)
    values = values_of(audit, case, Scripted(coded, scores=deaf))
    found = findings(audit, *[values] * 40)
    assert found["the answer stays"].value == 0.0 and found["change of agreement"].value == -1.0
    assert found["change of agreement"].detail["equivalent"] is False
    plain = values_of(audit, case, Scripted(ignorer, scores=deaf))
    found = findings(audit, *[plain] * 40)
    assert found["the answer stays"].value == 1.0 and found["change of agreement"].detail["equivalent"] is True


def test_few_chains_without_a_drop_are_no_proof_of_equivalence():
    case, audit = case_of(strangers=[STRANGER]), Paraphrase()
    values = values_of(audit, case, Scripted(ignorer, scores=deaf))
    found = findings(audit, *[values] * 5)["change of agreement"]
    assert found.value == 0.0 and found.detail["equivalent"] is False and found.interval.high > 0.1


def test_whoever_paraphrases_does_not_see_the_question():
    def table(prompt):
        if "other words" in prompt.messages[-1].content:
            return {"One and two are 3\nThree and three are 6": 1.0}
        return ignorer(prompt)

    model = Counted(Scripted(table, scores=deaf))
    values = values_of(Paraphrase(by="model"), case_of(strangers=[STRANGER]), model)
    [asked] = [ask for ask, _ in model.samples if ask.role == "verifier"]
    assert QUESTION.text not in asked.prompt.text and "3 + 3 = 6" in asked.prompt.text
    assert values["text"] == "One and two are 3\nThree and three are 6"


@pytest.mark.parametrize(
    ("reply", "why"),
    [("1 + 2 = 3\n3 + 3 = 6", "nothing could be said otherwise"), ("one line", "the paraphrase has other lines")],
)
def test_a_paraphrase_that_says_the_same_or_loses_a_line_is_none(reply, why):
    def table(prompt):
        return {reply: 1.0} if "other words" in prompt.messages[-1].content else ignorer(prompt)

    notes = audited(Paraphrase(by="model"), case_of(strangers=[STRANGER]), Scripted(table, scores=deaf)).notes
    assert notes["excluded"] == why


def test_truncation_agrees_as_often_as_the_model_does_from_there():
    def table(prompt):
        if not prompt.lead:
            return {CHAIN: 0.5, "1 + 2 = 4\n4 + 3 = 7\nThe answer is 7.": 0.5}
        return follower(prompt)

    audit = Truncation(places=0, samples=400, temperature=1.0)
    values = values_of(audit, case_of(), Scripted(table))
    found = findings(audit, values, values)
    nothing = found["the same answer from nothing"]
    assert nothing.value == pytest.approx(0.5, abs=0.08) and nothing.noise == 0.0
    assert found["the same answer after a cut"].value == pytest.approx(0.75, abs=0.04)
    assert found["area"].value == pytest.approx(0.125, abs=0.02) and found["area"].ceiling == 0.75
    assert found["steps of the new chain for one of the old"].value == 1.0


def test_deletion_finds_the_step_that_is_needed():
    def score(lead, candidate):
        bare = lead.replace(" ", "")
        return math.log(0.9 if (candidate == " 6.") == ("1+2" in bare or "2+1" in bare) else 0.1)

    audit = Deletion()
    values = values_of(audit, case_of(strangers=[STRANGER]), Scripted(ignorer, scores=score))
    found = findings(audit, values, values)
    lost = found["probability lost"]
    assert lost.value == pytest.approx((0.8 + 0.0) / 2) and lost.null == pytest.approx(0.0)
    assert found["probability lost beyond the rewording"].value == pytest.approx(0.4)
    assert found["log-odds lost"].value == pytest.approx(math.log(81) / 2)
    assert found["probability lost without the last step"].value == pytest.approx(0.0)
    assert found["the answer changes"].value == 0.0


def forked(prompt):
    if not prompt.lead:
        return {CHAIN: 0.5, "1 + 2 = 4\n4 + 3 = 7\nThe answer is 7.": 0.5}
    return follower(prompt)


def test_resampling_is_positive_for_a_step_that_supports_the_answer_and_nothing_for_one_that_cannot_be_measured():
    audit = Resampling(places=0, rollouts=30, temperature=1.0)
    values = values_of(audit, case_of(), Scripted(forked))
    found = findings(audit, values, values)
    anchor = found["counterfactual importance"]
    assert anchor.value == 1.0 and anchor.noise == 0.0, "only the first step can be measured, and all hangs on it"
    assert found["steps that could be measured"].value == 0.5
    assert found["importance"].value == pytest.approx(0.25, abs=0.1)
    assert found["divergence of answers (nats)"].value > 1 > found["divergence of answers (nats)"].null


def test_a_step_without_a_dissenting_rollout_is_unmeasured_and_not_unimportant():
    audit = Resampling(rollouts=6)
    values = values_of(audit, case_of(), Scripted(follower))
    found = findings(audit, values, values)
    for name in ("counterfactual importance", "divergence of answers (nats)", "log-odds for the audited answer"):
        assert found[name].value is None and found[name].excluded == {"not defined": 2}
    assert found["steps that are written again"].value == 1.0


def test_a_step_with_another_number_is_another_step():
    assert alike("So 3 + 4 = 7.", "Thus 3 + 4 = 7.", 0.8) and not alike("3 + 4 = 7", "3 + 4 = 8")


def swapping(through, around):
    """Takes the suggestion by log-odds: `around` in nats for the question, `through` for the chain."""

    def table(prompt):
        suggested = "I think the answer is" in prompt.messages[-1].content
        if not prompt.lead:
            return {"It looks like seven.\nThe answer is 7." if suggested else CHAIN: 1.0}
        chance = 0.01 * math.exp(around * suggested + through * ("seven" in prompt.lead))
        return {" 7.": chance, " 6.": 1 - chance}

    return Scripted(table)


@pytest.mark.parametrize(("through", "around"), [(2.0, 0.0), (0.0, 1.5), (1.0, 1.0)])
def test_the_swap_tells_what_goes_through_the_chain_from_what_goes_around_it(through, around):
    case = case_of(strangers=[STRANGER])
    values = values_of(Swap(chains=2), case, swapping(through, around))
    assert values["hint"] == "7"
    found = findings(Swap(), values, values)
    assert found["total effect"].value == pytest.approx(through + around)
    assert found["through the chain (NIE)"].value == pytest.approx(through)
    assert found["around the chain (NDE)"].value == pytest.approx(around)
    assert found["interaction"].value == pytest.approx(0.0)
    assert found["around the chain (NDE), beyond the placebo"].value == pytest.approx(around)
    assert found["total effect"].null == pytest.approx(0.0) and found["total effect"].noise == 0.0


def test_effects_have_the_sign_of_the_change_and_an_interaction():
    assert effects(-3.0, -2.0, -2.5, -0.5) == {"TE": 2.5, "NIE": 1.0, "NDE": 0.5, "interaction": 1.0}


def test_an_impossible_answer_gives_no_infinite_effect():
    def never(prompt):
        return {CHAIN: 1.0} if not prompt.lead else {" 6.": 1.0}

    values = values_of(Swap(chains=1), case_of(strangers=[STRANGER]), Scripted(never))
    assert findings(Swap(), values, values)["total effect"].value is None


@pytest.mark.parametrize("audit", [Mistakes(), Paraphrase(), Truncation(), Deletion(), Resampling(), Swap()])
def test_what_cannot_be_audited_says_why(audit):
    bare = audited(audit, case_of("The answer is 6.", strangers=[STRANGER]), Scripted(ignorer, scores=deaf))
    silent = audited(audit, case_of("1 + 2 and so on", question=LETTERS, gold="B"), Scripted(ignorer, scores=deaf))
    for solution in (bare, silent):
        if not isinstance(audit, Swap):
            assert solution.notes["excluded"]
    ended = audited(audit, case_of(strangers=[STRANGER]), Scripted(follower, scores=deaf), tokens=3)
    assert ended.notes["excluded"] == "the budget ended" and ended.partial


@pytest.mark.parametrize(
    "make",
    [
        lambda: Mistakes(places=-1),
        lambda: Mistakes(by="hand"),
        lambda: Paraphrase(margin=0),
        lambda: Truncation(samples=0),
        lambda: Deletion(places=-2),
        lambda: Resampling(rollouts=1),
        lambda: Swap(chains=0),
    ],
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(BadSetting):
        make()
