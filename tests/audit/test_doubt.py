"""Estimators of how sure an answer is: known values from scripted models, and missing that stays missing."""

from __future__ import annotations

import asyncio
import math

import pytest

from workings.audit.case import Case, Measured
from workings.audit.doubt.consistency import Consistency
from workings.audit.doubt.induced import Induced, misleading
from workings.audit.doubt.p_true import PTrue
from workings.audit.doubt.readout import ReadOut
from workings.audit.doubt.relevance import Sar
from workings.audit.doubt.scale import Direction, Said, Scale, Scope, reading
from workings.audit.doubt.tokens import TokenDistribution, TokenLikelihood
from workings.audit.doubt.verbal import Verbalised
from workings.audit.doubt.verdict import Terms, items_of, judged
from workings.catalog.entries import entries
from workings.catalog.spec import build, canonical_spec
from workings.core.answer import Outcome
from workings.core.capability import Capability, Identity
from workings.core.completion import Completion
from workings.core.errors import BadReply, BadSetting
from workings.core.problem import AnswerKind, Problem, Question
from workings.core.prompt import Prompt
from workings.core.solution import Attempt, Choice, Solution
from workings.core.trace import Trace
from workings.models.scripted import Scripted
from workings.models.silent import Silent
from workings.reason.cot import Cot
from workings.run.audits import Auditing
from workings.run.doubts import doubts_of, pooled, served
from workings.run.drive import World, solve
from workings.verify.extract import extract
from workings.verify.steps import split_steps

QUESTION = Question("q", "What is 1 + 2 + 3?")
CHAIN = "1 + 2 = 3\n3 + 3 = 6\nThe answer is 6."


def trace_of(text, *, tokens=None, logprobs=None, kind=AnswerKind.NUMBER, **more):
    answer = extract(text, kind)
    return Trace(text, split_steps(text), answer, prompt=Prompt.user("?"), tokens=tokens, logprobs=logprobs, **more)


def case_of(*texts, gold="6", question=QUESTION, traces=None):
    pool = traces or tuple(trace_of(text, kind=question.kind) for text in texts or (CHAIN,))
    solution = Solution(pool[0].answer, 1.0, pool, Choice("the first", {}, 0))
    return Case(Problem(question, gold), solution, Outcome.RIGHT, Cot(), Prompt.user("?"))


def read(estimator, case, model=None):
    world = World(model or Silent(Identity("none")))
    solution = asyncio.run(solve(Auditing(estimator, {case.question.id: case}), case.question, world))
    return solution.notes["values"]


def value(estimator, case, scope="answer", model=None):
    told = read(estimator, case, model)["scopes"][scope]
    assert (told["value"] is None) == bool(told["missing"])
    return told["value"] if told["value"] is not None else told["missing"]


@pytest.mark.parametrize("name", sorted(entries("estimators")))
def test_every_estimator_states_its_scale_and_is_silent_without_an_answer(name):
    estimator = build("estimators", name)
    assert canonical_spec("estimators", name) == name
    assert estimator.scale.low < estimator.scale.high and estimator.scale.unit and estimator.scopes
    told = read(estimator, case_of("I cannot tell."), Scripted({}))
    assert all(one["value"] is None and one["missing"] for one in told["scopes"].values())
    assert estimator.needs <= set(Capability) and isinstance(estimator.asks, bool)
    (finding, *_) = estimator.find(())
    assert finding.value is None and finding.n == 0


def test_what_is_not_on_the_scale_is_an_error_and_never_a_certainty():
    scale = Scale(Direction.CONFIDENCE, 0.0, 1.0, "share")
    for bad in (math.nan, -79.0, 1.5):
        with pytest.raises(BadReply, match="not on the scale"):
            reading(scale, {Scope.ANSWER: Said(bad)}, ())
    unbounded = Scale(Direction.UNCERTAINTY, 0.0, math.inf, "nats")
    told = reading(unbounded, {Scope.WHOLE: Said(math.inf)}, ()).values["scopes"]["whole"]
    assert told == {"value": None, "missing": "impossible under the model"}


FOUR = ("The answer is 6.", "So it is 6.0. The answer is 6.", "The answer is 6.", "The answer is 7.")


@pytest.mark.parametrize(
    ("measure", "wanted"),
    [
        ("agreement", 0.75),
        ("entropy", 0.5623),
        ("answers", 2.0),
        ("eigenvalues", 2.0),
        ("degree", 1 - (9 + 1) / 16),
    ],
)
def test_consistency_is_by_equivalent_answers_and_over_clusters(measure, wanted):
    assert value(Consistency(measure), case_of(*FOUR)) == pytest.approx(wanted, abs=1e-4)


def test_likelihood_counts_a_repeated_text_once():
    lps = {FOUR[0]: (math.log(0.5),), FOUR[1]: (math.log(0.25),), FOUR[3]: (math.log(0.25),)}
    traces = tuple(trace_of(text, logprobs=lps[text]) for text in FOUR)
    p = 0.25
    wanted = -p * math.log(p) - (1 - p) * math.log(1 - p)
    assert value(Consistency("weighted-entropy"), case_of(traces=traces)) == pytest.approx(wanted)
    bare = case_of(*FOUR)
    assert value(Consistency("weighted-entropy"), bare) == "the record has no log-probabilities"


def test_one_chain_agrees_with_nothing_and_no_answer_is_one_more_answer():
    assert value(Consistency(), case_of(CHAIN)) == "fewer than two chains"
    assert value(Consistency(), case_of(CHAIN, "I cannot tell.")) == 0.5
    assert value(Consistency("answers"), case_of(CHAIN, "I cannot tell.", "No idea.")) == 2


def test_word_similarity_is_said_over_chain_and_whole_apart():
    told = read(Consistency("degree", "words"), case_of("a b c\nThe answer is 6.", "a b c\nThe answer is 7."))
    assert told["scopes"]["chain"]["value"] == pytest.approx(0)
    assert told["scopes"]["whole"]["value"] > 0


TOKENS = ("1", " + 2", " = 3\n", "The", " answer is", " 6", ".")
LOGPROBS = tuple(math.log(p) for p in (0.5, 0.5, 0.5, 0.9, 0.9, 0.2, 0.9))


def spoken():
    return case_of(traces=(trace_of("".join(TOKENS), tokens=TOKENS, logprobs=LOGPROBS),))


@pytest.mark.parametrize(
    ("measure", "chain", "answer", "whole"),
    [
        ("normalised", 0.5, 0.2, math.exp(sum(LOGPROBS) / 7)),
        ("sequence", -3 * math.log(0.5), -math.log(0.2), -sum(LOGPROBS)),
        ("least", 0.5, 0.2, 0.2),
    ],
)
def test_token_likelihood_over_chain_answer_and_whole(measure, chain, answer, whole):
    told = read(TokenLikelihood(measure), spoken())
    assert told["unit"] == "tokens"
    found = [told["scopes"][scope]["value"] for scope in ("chain", "answer", "whole")]
    assert found == pytest.approx([chain, answer, whole])


def test_without_tokens_the_beginnings_of_the_text_are_scored():
    def beginning(lead, candidate):
        return math.log(0.5) * len(candidate.split())

    told = read(TokenLikelihood("sequence"), case_of(CHAIN), Scripted({}, scores=beginning))
    assert told["unit"] == "words"
    assert told["scopes"]["chain"]["value"] == pytest.approx(10 * math.log(2))
    assert told["scopes"]["answer"]["value"] == pytest.approx(math.log(2))
    assert told["scopes"]["whole"]["missing"] == "the record has no log-probabilities"


def test_without_tokens_and_without_a_model_spans_are_missing():
    bare = case_of(CHAIN)
    assert "no model" in value(TokenLikelihood(), bare)
    assert "does not say which" in value(TokenLikelihood(by="record"), bare)


def test_an_answer_in_no_place_has_no_probability():
    yes = Question("y", "Is it?", AnswerKind.YES_NO)
    trace = Trace("Hm.", split_steps("Hm."), extract("yes", AnswerKind.YES_NO), prompt=Prompt.user("?"))
    placeless = Trace(trace.text, trace.steps, trace.answer.__class__("yes", "yes"), prompt=trace.prompt)
    told = value(TokenLikelihood(), case_of(question=yes, traces=(placeless,), gold="no"), "answer", scoring())
    assert told == "the chain does not say its answer at a place"


def scoring(good=0.5, bad=0.5):
    def score(lead, candidate):
        chances = {" True": good, " False": bad, " 6.": good, " 7.": bad}
        return math.log(chances.get(candidate, 0.5)) if chances.get(candidate, 0.5) else -math.inf

    return Scripted({}, scores=score)


def test_token_distributions_come_from_the_record_or_are_missing():
    told = case_of(traces=(trace_of(CHAIN, entropy=0.3, certainty=2.0),))
    assert value(TokenDistribution("entropy"), told, "whole") == 0.3
    assert value(TokenDistribution("certainty"), told, "whole") == 2.0
    assert value(TokenDistribution("certainty"), case_of(CHAIN), "whole") == "the record has no self-certainty"


def test_margin_and_entropy_where_the_answer_is_stated():
    model = Scripted(lambda prompt: {" 6": 0.7, " 7": 0.3} if prompt.lead.endswith("The answer is") else {"x": 1.0})
    assert value(TokenDistribution("margin", most=1), case_of(CHAIN), model=model) == pytest.approx(0.4)
    wanted = -0.7 * math.log(0.7) - 0.3 * math.log(0.3)
    assert value(TokenDistribution("entropy", most=1), case_of(CHAIN), model=model) == pytest.approx(wanted)


def test_p_true_is_normalised_over_both_words():
    told = read(PTrue(), case_of(CHAIN), scoring(0.02, 0.01))
    assert told["scopes"]["answer"]["value"] == pytest.approx(2 / 3) and told["mass"] == pytest.approx(0.03)
    assert value(PTrue(), case_of(CHAIN), model=scoring(0.0, 0.0)) == "neither is possible"
    assert value(PTrue(samples=4), case_of(CHAIN), model=scoring()) == "fewer than two chains"
    assert value(PTrue(samples=4), case_of(*FOUR), model=scoring(0.3, 0.1)) == pytest.approx(0.75)


def test_the_read_out_never_looks_at_the_gold_answer():
    seen = []

    def score(lead, candidate):
        seen.append(candidate)
        return math.log({" 6.": 0.6, " 7.": 0.2}.get(candidate, 1.0))

    case = case_of(*FOUR, gold="8")
    assert value(ReadOut("share"), case, model=Scripted({}, scores=score)) == pytest.approx(0.75)
    assert value(ReadOut("margin"), case, model=Scripted({}, scores=score)) == pytest.approx(0.5)
    assert value(ReadOut(), case_of(CHAIN, gold="8"), model=Scripted({}, scores=score)) == pytest.approx(0.6)
    assert value(ReadOut("share"), case_of(CHAIN, gold="8"), model=Scripted({}, scores=score)).startswith("no other")
    assert " 8." not in seen


def saying(text):
    return Scripted(lambda prompt: {text: 1.0})


@pytest.mark.parametrize(
    ("form", "reply", "wanted"),
    [
        ("number", "80 %", 0.8),
        ("number", "0.8", 0.8),
        ("probing", "95%", 0.95),
        ("words", "Highly likely.", 0.9),
        ("top", "G1: 7, P1: 70%\nG2: 6.0, P2: 20%", 0.2),
        ("top", "G1: 7, P1: 70%", 0.0),
        ("steps", "Step 1: 90%\nStep 2: 50%", 0.45),
    ],
)
def test_verbalised_confidence_is_read(form, reply, wanted):
    scope = "chain" if form == "steps" else "answer"
    assert value(Verbalised(form), case_of(CHAIN), scope, saying(reply)) == pytest.approx(wanted)


@pytest.mark.parametrize("form", ["number", "words", "top", "steps", "probing"])
def test_a_reply_that_cannot_be_read_is_missing_and_no_certainty(form):
    scope = "chain" if form == "steps" else "answer"
    for reply in ("The answer is six.", "-79", ""):
        assert "no confidence" in value(Verbalised(form), case_of(CHAIN), scope, saying(reply))


@pytest.mark.parametrize(("fold", "wanted"), [("product", 0.45), ("min", 0.5), ("mean", 0.7)])
def test_step_confidences_are_folded(fold, wanted):
    model = saying("Step 1: 90%\nStep 2: 50%")
    assert value(Verbalised("steps", fold), case_of(CHAIN), "chain", model) == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(40))
def test_a_hint_is_never_right_by_accident(seed):
    number = misleading(QUESTION, "6", "7", ["7", "7.0", "6", "9"], seed)
    assert number and not {"6", "7", "7.0"} & set(number)
    choice = Question("c", "Which?", AnswerKind.CHOICE, ("x", "y", "z"))
    assert misleading(choice, "A", "B", [], seed) == ("C",)
    yes = Question("y", "Is it?", AnswerKind.YES_NO)
    assert misleading(yes, "yes", "yes", ["no"], seed) == misleading(yes, "yes", "no", ["no"], seed) == ()


def test_induced_consistency_is_with_the_unhinted_answer():
    def stubborn(prompt):
        return {CHAIN: 1.0}

    def swayed(prompt):
        return {"The answer is 6." if "teacher" in prompt.messages[-1].content else "The answer is 99.": 1.0}

    assert value(Induced(), case_of(CHAIN, gold="7"), model=Scripted(stubborn)) == 1
    kept = read(Induced(n=3, strength="authority"), case_of(CHAIN, gold="7"), Scripted(swayed))
    assert kept["scopes"]["answer"]["value"] < 1 and "7" not in kept["hinted"] and "6" not in kept["hinted"]


def test_sar_weighs_what_carries_the_answer():
    told = read(Sar(), spoken())["scopes"]
    assert told["whole"]["value"] == pytest.approx(-math.log(0.2))
    with pytest.raises(BadSetting):
        Sar(t=0)
    traces = tuple(trace_of("".join(TOKENS), tokens=TOKENS, logprobs=LOGPROBS) for _ in range(2))
    both = value(Sar("both"), case_of(traces=traces), "whole")
    assert both == pytest.approx(-math.log(0.2 + 0.2 / 0.001))
    alike = value(Sar(g=lambda one, other: 1.0), spoken(), "whole")
    assert alike == pytest.approx(-sum(LOGPROBS) / len(LOGPROBS))


def measured(scores, rights, missing=()):
    rows = [
        Measured(
            f"p{n}",
            ("", "", f"p{n}"),
            Outcome.RIGHT if right else Outcome.WRONG,
            {"scopes": {"answer": {"value": score, "missing": ""}}, "reads": {"chains": 2, "tokens": 10}},
        )
        for n, (score, right) in enumerate(zip(scores, rights, strict=True))
    ]
    gone = [
        Measured(f"m{n}", ("", "", f"m{n}"), Outcome.WRONG, {"scopes": {"answer": {"value": None, "missing": why}}})
        for n, why in enumerate(missing)
    ]
    return [*rows, *gone]


def test_missing_is_counted_by_reason_and_neither_sure_nor_unsure():
    rows = measured([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0], ["unread", "unread", "no answer"])
    (found,) = judged(Consistency(), "agreement", rows)
    assert found.items.missing == {"unread": 2, "no answer": 1}
    assert found.findings["AUROC"].value == 1 and found.findings["AUROC"].n == 4
    assert found.items.chains == 2 and found.items.tokens == 10


def test_uncertainty_is_turned_and_nothing_is_said_without_both_outcomes():
    rows = measured([0.1, 0.2, 2.0, 3.0], [1, 1, 0, 0])
    (found,) = judged(Consistency("entropy"), "entropy", rows)
    assert found.findings["AUROC"].value == 1 and "ECE as said" not in found.findings
    (none,) = judged(Consistency(), "agreement", measured([0.5] * 6, [1] * 6))
    assert none.findings["AUROC"].value is None and none.confidence is None
    assert items_of(rows, Consistency().scale, Scope.CHAIN).missing == {"not said over this": 4}


def test_a_bent_confidence_is_straightened_across_folds_and_joined_with_others():
    import random

    drawn = random.Random(0)
    p = [drawn.random() for _ in range(900)]
    rights = [drawn.random() < q for q in p]
    bent = measured([q**3 for q in p], rights)
    noise = measured([drawn.random() for _ in p], rights)
    names = {"agreement": Consistency(), "noise": Consistency(most=2)}
    found = doubts_of("cot", names, {"agreement": bent, "noise": noise}, Terms(resamples=20))
    mine, other = found.verdicts
    assert mine.findings["ECE as said"].value > 0.2 and mine.findings["ECE"].value < 0.06
    assert mine.findings["AUROC"].value > 0.8 and found.combined.findings["AUROC"].value > 0.8
    assert found.joined == ("agreement (answer)", "noise (answer)") and not found.left_out
    (gap,) = found.compared
    assert gap.gap.value < -0.2 and gap.adjusted < 0.001 and other.findings["ECE"].null is not None
    brier = mine.findings["Brier"]
    parts = brier.detail
    assert brier.value == pytest.approx(
        parts["reliability"] - parts["resolution"] + parts["uncertainty"] + parts["within"]
    )


def test_scores_that_are_all_the_same_are_in_no_combination():
    rights = [n % 2 for n in range(80)]
    same, told = measured([1.0] * 80, rights), measured([n % 2 + n / 100 for n in range(80)], rights)
    names = {"agreement": Consistency(), "degree": Consistency("answers"), "answers": Consistency("entropy")}
    rows = {"agreement": same, "degree": told, "answers": told}
    found = doubts_of("cot", names, rows, Terms(resamples=10))
    assert found.joined == ("degree (answer)", "answers (answer)")


def test_attempts_without_a_gold_answer_get_a_confidence_and_are_in_no_finding():
    from dataclasses import replace

    rows = measured([n / 40 for n in range(40)], [n % 40 > 12 + n % 7 for n in range(40)])
    rows += [replace(rows[39], problem_id="open", outcome=None)]
    (found,) = judged(Consistency(), "agreement", rows, Terms(resamples=10))
    assert found.findings["AUROC"].n == 40 and len(found.confidence) == 41 and found.confidence["open"] > 0.8
    assert found.values["open"] == pytest.approx(39 / 40)
    assert sum(found.items.missing.values()) == 1


def attempt(text, index, outcome=Outcome.RIGHT):
    trace = trace_of(text)
    return Attempt("q", "cot", index, 0, outcome, Solution(trace.answer, None, (trace,), Choice("x", {}, 0)))


def test_repeats_are_samples_of_one_another_and_errors_are_none():
    failed = Attempt("q", "cot", 0, 0, Outcome.ERROR)
    (found,) = pooled([failed, attempt("The answer is 6.", 1), failed, attempt("The answer is 7.", 2)])
    assert found.index == 1 and [t.answer.canonical for t in found.solution.pool] == ["6", "7"]


def test_what_no_model_is_there_for_is_left_out_with_the_reason():
    cases = {"q": case_of(CHAIN)}
    found = {"p": Auditing(PTrue(), cases), "v": Auditing(Verbalised(), cases), "a": Auditing(Consistency(), cases)}
    world = World(Silent(Identity("file.jsonl")))
    kept = asyncio.run(served(world, found, silent=True))
    assert kept["p"].cases == kept["v"].cases == {"q": "there is no model to ask"} and kept["a"].cases == cases
    lacking = asyncio.run(served(world, found))
    assert lacking["p"].cases["q"].startswith("the model cannot: ")


def test_completions_hand_their_tokens_and_entropy_to_the_trace():
    said = Completion("a b", tokens=("a", " b"), logprobs=(-1.0, -2.0), entropy=0.5)
    trace = Trace.of(Prompt.user("?"), said, extract("a b", AnswerKind.TEXT), ())
    assert trace.tokens == ("a", " b") and trace.entropy == 0.5
