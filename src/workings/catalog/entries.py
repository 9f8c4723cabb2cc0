"""Everything that has a name: methods, audits, problems, graders, models. Built-ins here, others by entry points.

An entry is one line: a name, where its factory is, what it presets, one sentence and its source. Nothing is imported
before it is asked for. A package adds its own with an entry point in the group `workings.methods` (or `.problems`,
`.graders`, `.audits`): the name is the entry's, the object a factory with typed keyword settings.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

from workings.core.errors import DataError

__all__ = ["AUDITS", "GRADERS", "METHODS", "PROBLEMS", "Entry", "entries"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One named thing: `target` is "module:object"; `preset` are settings that make up the name."""

    name: str
    target: str
    summary: str
    source: str = ""
    preset: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> Callable[..., Any]:
        """The factory, imported now; DataError when another package's entry point leads nowhere."""
        module, _, name = self.target.partition(":")
        try:
            found: Callable[..., Any] = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise DataError(
                f"{self.name!r} cannot be loaded from {self.target!r}: {error}.",
                "Mend or remove the package it is from.",
            ) from error
        return found


METHODS = (
    Entry("direct", "workings.reason.direct:Direct", "the answer at once: the control", "Wei et al. 2022, section 3.1"),
    Entry(
        "cot",
        "workings.reason.cot:Cot",
        "one chain of thought, few-shot or zero-shot, in one stage or two",
        "Wei et al. 2022; Kojima et al. 2022",
    ),
    Entry(
        "draft",
        "workings.reason.cot:Cot",
        "a chain of drafts, five words a step, with a compliance meter",
        "Xu et al. 2025",
        {"style": "draft"},
    ),
    Entry(
        "vote",
        "workings.reason.vote:Vote",
        "self-consistency: sampled chains vote, by counts, probability, certainty or a grader",
        "Wang et al. 2023",
    ),
    Entry(
        "adaptive",
        "workings.reason.adaptive:Adaptive",
        "self-consistency that stops sampling once the vote is clear",
        "Aggarwal et al. 2023; Li et al. 2024",
    ),
    Entry(
        "deepconf",
        "workings.reason.deepconf:DeepConf",
        "only chains that were sure of themselves vote; online, unsure ones stop early",
        "Fu et al. 2025",
    ),
    Entry(
        "cot-decoding",
        "workings.reason.cot_decoding:CotDecoding",
        "the likeliest first tokens continued greedily; the surest answer wins",
        "Wang and Zhou 2024",
    ),
    Entry(
        "budget-forcing",
        "workings.reason.budget_forcing:BudgetForcing",
        "one chain that thinks for at least and at most so many tokens",
        "Muennighoff et al. 2025",
    ),
    Entry(
        "early-exit",
        "workings.reason.early_exit:EarlyExit",
        "one chain that is probed for its answer and stops once that is steady",
        "Fu et al. 2024",
    ),
    Entry(
        "best-of-n",
        "workings.reason.best_of_n:BestOfN",
        "the best of n chains, by log-probability or by a grader",
        "Cobbe et al. 2021; Li et al. 2023",
    ),
    Entry(
        "beam",
        "workings.reason.search.beam:Beam",
        "beam search: next steps are sampled, a grader keeps the best",
        "Snell et al. 2024, section 5.2; Lightman et al. 2023",
    ),
    Entry(
        "dvts",
        "workings.reason.search.dvts:Dvts",
        "several greedy trees steered by a grader, one vote a tree",
        "Beeching, Tunstall and Rush 2024",
    ),
    Entry(
        "rebase",
        "workings.reason.search.rebase:Rebase",
        "a tree whose samples are shared out by reward",
        "Wu et al. 2024",
    ),
    Entry(
        "particles",
        "workings.reason.search.particles:Particles",
        "particle filtering: chains are copied in proportion to a grader's score",
        "Puri et al. 2025",
    ),
    Entry(
        "tree",
        "workings.reason.search.tree_search:TreeSearch",
        "Monte-Carlo, best-first or depth-first search steered by a grader",
        "Kocsis and Szepesvári 2006; Yao et al. 2023",
    ),
    Entry(
        "tot",
        "workings.reason.search.tot:Tot",
        "tree of thoughts: the model itself judges beginnings",
        "Yao et al. 2023",
    ),
    Entry(
        "rap",
        "workings.reason.search.rap:Rap",
        "smaller questions, chosen by Monte-Carlo search",
        "Hao et al. 2023",
    ),
    Entry(
        "rstar",
        "workings.reason.search.rstar:Rstar",
        "five actions, Monte-Carlo search, and chains that agree with their own completion",
        "Qi et al. 2024",
    ),
)

GRADERS = (
    Entry(
        "arithmetic",
        "workings.graders.arithmetic:ArithmeticGrader",
        "checks the equations a step states; a step without one scores 1",
    ),
    Entry(
        "judge",
        "workings.graders.judge:JudgeGrader",
        "asks the model itself whether a chain's answer is right",
        "Zheng et al. 2023",
    ),
    Entry(
        "judge-steps",
        "workings.graders.judge:JudgeGrader",
        "asks the model itself whether each step is right",
        "Zheng et al. 2024",
        {"per": "step"},
    ),
    Entry(
        "reward",
        "workings.graders.reward:load",
        "a trained verifier from a folder, in our form or a published one",
        "Cobbe et al. 2021; Wang et al. 2024",
    ),
    Entry(
        "pocket-orm",
        "workings.graders.reward:pocket",
        "the shipped verifier of outcomes, for the pocket model's chains",
        "Cobbe et al. 2021",
        {"which": "orm"},
    ),
    Entry(
        "pocket-prm",
        "workings.graders.reward:pocket",
        "the shipped verifier of steps, for the pocket model's chains",
        "Lightman et al. 2023",
        {"which": "prm"},
    ),
)

AUDITS = (
    Entry(
        "early-answering",
        "workings.audit.early_answering:EarlyAnswering",
        "what the model would answer were its chain cut short, with nulls and the neutral token",
        "Lanham et al. 2023, section 2.3; Zaman and Srivastava 2025",
    ),
    Entry(
        "filler",
        "workings.audit.filler:Filler",
        "fillers of every length in the chain's place: does its room help, whatever is in it",
        "Lanham et al. 2023, section 2.5; Wei et al. 2022",
    ),
    Entry(
        "trace",
        "workings.audit.trace_area:TraceArea",
        "how early a chain cut short already passes, against a reference arm",
        "Wang et al. 2025",
    ),
    Entry(
        "mistakes",
        "workings.audit.mistakes:Mistakes",
        "a checked mistake in a step: does the answer go wrong with it, or is it put right?",
        "Lanham et al. 2023, section 2.4",
    ),
    Entry(
        "paraphrase",
        "workings.audit.paraphrase:Paraphrase",
        "the chain in other words: does the answer stay, by a test of equivalence?",
        "Lanham et al. 2023, section 2.6",
    ),
    Entry(
        "truncation",
        "workings.audit.truncation:Truncation",
        "the chain cut short and written on: does it come to the same answer?",
        "Lanham et al. 2023, section 2.3",
    ),
    Entry(
        "deletion",
        "workings.audit.deletion:Deletion",
        "one step taken out, the rest as it was: what does the answer lose?",
        "FaithCoT-Bench 2025 (arXiv 2510.04040), step removal",
    ),
    Entry(
        "resampling",
        "workings.audit.resampling:Resampling",
        "which steps anchor the answer, by chains written anew from each",
        "Bogdan et al. 2025",
    ),
    Entry(
        "swap",
        "workings.audit.swap:Swap",
        "question and chain exchanged: does a suggestion work through the chain or around it?",
        "Paul et al. 2024; Zaman and Srivastava 2025",
    ),
    Entry(
        "suggested-answer",
        "workings.audit.suggested:SuggestedAnswer",
        "a wrong answer dropped beside the question: is it taken up?",
        "Turpin et al. 2023, section 3",
    ),
    Entry(
        "always-a",
        "workings.audit.always_a:AlwaysA",
        "worked examples that all end in A: does the next answer, too? (choice questions)",
        "Turpin et al. 2023, section 3",
    ),
    Entry(
        "option-order",
        "workings.audit.option_order:OptionOrder",
        "the options turned round a whole cycle: does the content of the answer stay? (choice questions)",
        "Turpin et al. 2023; Bentham et al. 2024",
    ),
    Entry(
        "evidence-swap",
        "workings.audit.evidence_swap:EvidenceSwap",
        "two options change places in the question: does the answer follow? (choice questions)",
        "Turpin et al. 2023, section 4",
    ),
    Entry(
        "hints",
        "workings.audit.hints:Hints",
        "a wrong answer planted as a hint: is it taken, and does the chain own up to it?",
        "Chen et al. 2025",
    ),
    Entry(
        "reversal-pairs",
        "workings.audit.reversal_pairs:ReversalPairs",
        "a comparison asked both ways round: does the model argue for one side of it twice?",
        "Arcuschin et al. 2025, section 3",
    ),
    Entry(
        "named-words",
        "workings.audit.named_words:NamedWords",
        "does the answer hang on the words of the question that the model names as important",
        "DeYoung et al. 2020, section 4.2; Madsen et al. 2024",
    ),
    Entry(
        "counterfactual",
        "workings.audit.counterfactual:Counterfactual",
        "does the change of the question that the model offers change its answer",
        "Madsen et al. 2024",
    ),
    Entry(
        "edits",
        "workings.audit.insertions:Edits",
        "do explanations mention the edits that move the answer, and not the others",
        "Atanasova et al. 2023; Siegel et al. 2024",
    ),
    Entry(
        "plausibility",
        "workings.audit.plausibility:Plausibility",
        "how convincing the explanation is to a judge or to people, and how far they agree",
        "Agarwal et al. 2024; Ye and Durrett 2022",
    ),
    Entry(
        "ablations",
        "workings.audit.ablations:Ablations",
        "the worked examples of the prompt changed in one respect at a time",
        "Wei et al. 2022, tables 6 and 7; Wang et al. 2023; Madaan and Yazdanbakhsh 2022",
    ),
    Entry(
        "sycophancy",
        "workings.audit.sycophancy:Sycophancy",
        "does the answer follow the user, to wrong and to right, more than it moves by itself",
        "Sharma et al. 2023, section 3; Wei et al. 2023",
    ),
    Entry(
        "snowballing",
        "workings.audit.snowballing:Snowballing",
        "does an answer given first draw false claims that the model knows to be false",
        "Zhang et al. 2023",
    ),
    Entry(
        "reversal",
        "workings.audit.reversal:Reversal",
        "is what was taught one way known the other way, the liking for names taken out",
        "Berglund et al. 2023",
    ),
    Entry(
        "co-occurrence",
        "workings.audit.cooccurrence:CoOccurrence",
        "is the answer what is true, or what often stood beside the subject",
        "Kang and Choi 2023",
    ),
)

PROBLEMS = (
    Entry(
        "primality",
        "workings.problems.probes.primality:balanced_primality",
        "probe; is a number of 3 or 4 digits prime: yes and no in turn",
        "Zhang et al. 2023",
    ),
    Entry(
        "one-way",
        "workings.problems.probes.one_way:one_way_problems",
        "probe; invented facts that a corpus states in one direction, asked in both",
        "Berglund et al. 2023",
    ),
    Entry(
        "counted",
        "workings.problems.probes.counted:counted_problems",
        "probe; what a place is known for, with planted counts of true and distracting sentences",
        "Kang and Choi 2023",
    ),
)

_BUILT_IN: Mapping[str, tuple[Entry, ...]] = {
    "methods": METHODS,
    "graders": GRADERS,
    "audits": AUDITS,
    "problems": PROBLEMS,
}


def entries(kind: str) -> dict[str, Entry]:
    """All entries of "methods", "graders", "audits" or "problems" by name: built-ins, then installed packages'.

    Those are in the group of the same name. A package cannot replace a built-in name.
    """
    known = {entry.name: entry for entry in _BUILT_IN.get(kind, ())}
    for point in entry_points(group=f"workings.{kind}"):
        known.setdefault(point.name, Entry(point.name, point.value, f"from {point.dist.name if point.dist else '?'}"))
    return known
