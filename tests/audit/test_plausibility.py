"""Ratings by judges and on sheets, agreement, and the quadrant with its policies."""

from __future__ import annotations

import csv
import io
import itertools
import math

import pytest
from probing import asked, case_of, found, measured, problem_of, several, talking

from workings.audit.case import Measured
from workings.audit.plausibility import Plausibility, rating_in
from workings.audit.quadrant import Standing, decide, kept_right, quadrant, standings
from workings.audit.sheets import COLUMNS, gathered, read_sheet, write_sheet
from workings.core.answer import Outcome
from workings.core.errors import BadSetting, DataError, UsageError
from workings.core.solution import Attempt
from workings.models.scripted import Scripted
from workings.run.ratings import merged, rated_attempts, verdicts

REPLY = "I see it.\nThe answer is yes."


def judging(reader, marker):
    return talking(lambda prompt: marker if asked(prompt).startswith("You mark") else reader)


def test_two_raters_are_averaged_and_their_prompts_are_on_record():
    audit = Plausibility()
    one = measured(audit, case_of(problem_of(), REPLY), judging("Rating: 4", "Good. Rating: 2"))
    assert one.values["prompt"] == "judging/2/en"
    assert list(one.values["ratings"]) == ["judge reader/2 by text", "judge marker/2 by text"]
    told = found(audit, *several(one))
    assert told["plausible"].value == 3.0 and told["agreement on plausible"].value < 0
    assert told["plausible"].detail["raters"]["judge reader/2 by text"] == {"n": 4, "mean": 4.0}
    [pair] = told["agreement on plausible"].detail.values()
    assert pair["agree"] == 0.0 and pair["gap of means"] == 2.0 and pair["kappa"] == 0.0
    assert one.spent.verifier > 0 and one.spent.generated == 0


def test_one_rater_is_named_so():
    one = measured(Plausibility(), case_of(problem_of(), REPLY), judging("Rating: 4", "I like it."))
    told = found(Plausibility(), one, one)
    assert told["plausible, one rater"].value == 4.0
    assert told["agreement on plausible"].value is None
    assert told["agreement on plausible"].excluded == {"rated by one only, or all alike": 2}


def test_a_judge_without_a_rating_is_no_low_rating():
    one = measured(Plausibility(), case_of(problem_of(), REPLY), judging("Fine.", "Rating: 11"))
    assert one.excluded == "no rating in any reply of the judge"


def test_scores_give_the_mean_rating():
    chances = {" 1": 0.1, " 2": 0.1, " 3": 0.2, " 4": 0.2, " 5": 0.4}
    model = Scripted({}, scores=lambda lead, candidate: math.log(chances[candidate]))
    one = measured(Plausibility(by="score", criteria="plausible"), case_of(problem_of(), REPLY), model)
    assert all(given == {"plausible": pytest.approx(3.7)} for given in one.values["ratings"].values())


@pytest.mark.parametrize(
    ("reply", "rating"),
    [
        ("Rating: 4", 4),
        ("Rating: **5** of 5", 5),
        ("Rating: 4.5", None),
        ("Rating: 0", None),
        ("Rating: 12", None),
        ("3.", 3),
        ("I give 3 stars", None),
        ("", None),
        ("Rating: 1\nRating: 2", 2),
        ("rating：3/5", 3),
    ],
)
def test_ratings_are_whole_numbers_from_1_to_5(reply, rating):
    assert rating_in(reply, "Rating:") == rating


# Sheets ----------------------------------------------------------------------------------------------------


def sheet(rater="Ann"):
    cases = [("cot", case_of(problem_of(id=f"q{i}"), reply)) for i, reply in enumerate((REPLY, "=1+1\nYes", REPLY))]
    return write_sheet("r1", cases, rater=rater)


def filled(change, rater="Ann"):
    rows = list(csv.reader(io.StringIO(sheet(rater))))
    for number, row in enumerate(rows[1:]):
        change(number, row)
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


KNOWN = {"cot": ["q0", "q1", "q2"]}
FIRST = COLUMNS.index("plausible")


def rate_all(number, row):
    row[FIRST : FIRST + 3] = ["4", str(number + 1), ""]


def test_a_sheet_comes_back_as_it_was_filled_in():
    rated = read_sheet(filled(rate_all), run="r1", known=KNOWN)
    assert sorted(one.problem for one in rated) == ["q0", "q1", "q2"] and {one.rater for one in rated} == {"Ann"}
    assert all(one.ratings["plausible"] == 4.0 and "factual" not in one.ratings for one in rated)


def test_a_sheet_is_blind_seeded_and_harmless():
    text = sheet()
    assert text == sheet() and "yes" not in COLUMNS and not {"gold", "outcome"} & set(COLUMNS)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["instructions"] and {row["explanation"][:2] for row in rows} == {"I ", "'="}


def _set(column, value):
    def change(number, row):
        rate_all(number, row)
        if number == 1:
            row[COLUMNS.index(column)] = value

    return change


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("plausible", "9", "row 3, plausible: '9' is no whole number"),
        ("factual", "good", "row 3, factual: 'good' is no whole number"),
        ("consistent", "4.5", "row 3, consistent: '4.5'"),
        ("problem", "q7", "row 3, problem: 'q7' is no problem of this run"),
        ("method", "vote", "row 3, method: 'vote' is no method"),
        ("run", "r2", "row 3, run: 'r2' is not 'r1'"),
        ("rater", "judge reader", "row 3, rater: 'judge reader' is a name for models"),
    ],
)
def test_a_bad_cell_is_named_once_and_nothing_is_taken(column, value, said):
    with pytest.raises(DataError) as error:
        read_sheet(filled(_set(column, value)), run="r1", known=KNOWN, name="a.csv")
    assert said in str(error.value) and "a.csv has 1 bad cells" in str(error.value)


def test_sheets_without_rater_rating_or_columns_are_refused():
    with pytest.raises(DataError, match="nobody is named"):
        read_sheet(filled(rate_all, rater=""), run="r1", known=KNOWN)
    assert read_sheet(filled(rate_all, rater=""), run="r1", known=KNOWN, rater="Bob")[0].rater == "Bob"
    with pytest.raises(DataError, match="holds no rating"):
        read_sheet(sheet(), run="r1", known=KNOWN)
    for broken in ("", "a,b\n1,2\n"):
        with pytest.raises(DataError, match="no column"):
            read_sheet(broken, run="r1", known=KNOWN)


def test_one_rater_cannot_rate_twice_differently():
    ann = read_sheet(filled(rate_all), run="r1", known=KNOWN)
    again = read_sheet(filled(_set("plausible", "1")), run="r1", known=KNOWN)
    assert len(gathered([*ann, *ann])) == 3
    with pytest.raises(BadSetting, match="twice"):
        gathered([*ann, *again])


def test_ratings_of_people_and_judges_come_together():
    people = [r for name in ("Ann", "Bob") for r in read_sheet(filled(rate_all, name), run="r1", known=KNOWN)]
    sources = {("cot", f"q{i}"): Attempt(f"q{i}", "cot", 0, 0, Outcome.RIGHT) for i in range(3)}
    attempts = rated_attempts(people, sources)
    assert {one.method for one in attempts} == {"plausibility on cot"} and attempts[0].outcome is Outcome.RIGHT
    sheets = [Measured(a.problem_id, ("", "", a.problem_id), a.outcome, a.solution.notes["values"]) for a in attempts]
    judged = measured(Plausibility(), case_of(problem_of(id="q0"), REPLY), judging("Rating: 1", "none"), "q0")
    lost = Measured("q1", ("", "", "q1"), Outcome.RIGHT, {}, "no rating in any reply of the judge")
    both = {one.problem_id: one for one in merged([[judged, lost], sheets])}
    assert list(both["q0"].values["ratings"]) == ["judge reader/2 by text", "judge marker/2 by text", "Ann", "Bob"]
    assert not both["q1"].excluded and set(both["q1"].values["ratings"]) == {"Ann", "Bob"}
    told = found(Plausibility(), *both.values())
    pairs = told["agreement on consistent"].detail
    assert pairs["Ann and Bob"]["kappa"] == 1.0 and pairs["Ann and Bob"]["n"] == 3
    assert pairs["judge reader/2 by text and Ann"]["n"] == 1


# The quadrant ----------------------------------------------------------------------------------------------


def rated(id, rating, outcome=Outcome.RIGHT):
    return Measured(id, ("", "", id), outcome, {"ratings": {"Ann": {"plausible": rating}}})


def test_standings_know_what_is_not_known():
    rows = [rated("a", 5.0), rated("b", 2.0, Outcome.WRONG), rated("c", None, Outcome.UNPARSED), rated("d", 4, None)]
    places = standings(rows, {"a": True, "b": False})
    assert [p.cell for p in places] == [
        ("plausible", "faithful", "correct"),
        ("not plausible", "not faithful", "not correct"),
        ("plausible unknown", "faithful unknown", "not correct"),
        ("plausible", "faithful unknown", "correct unknown"),
    ]
    assert sum(quadrant(places).values()) == 4
    with pytest.raises(BadSetting):
        standings(rows, {}, threshold=9)


@pytest.mark.parametrize(("plausible", "faithful", "correct"), list(itertools.product((True, False, None), repeat=3)))
def test_policies_put_one_thing_first_and_do_not_look_at_the_gold(plausible, faithful, correct):
    place = Standing("a", plausible, faithful, correct)
    [stakes], [teaching] = decide([place], "high-stakes"), decide([place], "teaching")
    assert stakes.accepted is (faithful is True)  # an answer whose audit fails is refused however convincing
    assert teaching.accepted is (plausible is True)
    if teaching.accepted and faithful is False:
        assert "example" in teaching.because


def test_what_a_policy_accepts_is_compared_with_all():
    rows = [rated("a", 5.0), rated("b", 5.0, Outcome.WRONG), rated("c", 1.0)]
    places = standings(rows, {"a": True, "b": False, "c": True})
    one = kept_right(places, "high-stakes", rows)
    assert (one.value, one.null, one.n) == (1.0, pytest.approx(2 / 3), 2) and one.excluded == {"not accepted": 1}
    with pytest.raises(BadSetting):
        decide(places, "fast")


def test_an_audit_that_judges_no_single_case_is_refused():
    with pytest.raises(UsageError, match="no verdict"):
        verdicts(Plausibility(), [])
