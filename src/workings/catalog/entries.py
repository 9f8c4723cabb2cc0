"""Everything that has a name: methods, audits, problems, graders, models. Built-ins here, others by entry points.

An entry is one line: a name, where its factory is, what it presets, one sentence and its source. Nothing is imported
before it is asked for. A package adds its own with an entry point in the group `workings.methods` (or `.problems`,
`.graders`, `.audits`, `.estimators`): the name is the entry's, the object a factory with typed keyword settings.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

from workings.core.errors import DataError

__all__ = ["AUDITS", "ESTIMATORS", "GRADERS", "METHODS", "Entry", "entries"]


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
)

ESTIMATORS = (
    Entry(
        "agreement",
        "workings.audit.doubt.consistency:Consistency",
        "share of the sampled chains that give the audited answer",
        "Wang et al. 2023",
    ),
    Entry(
        "semantic-entropy",
        "workings.audit.doubt.consistency:Consistency",
        "entropy of the shares of answers among the chains (discrete)",
        "Farquhar et al. 2024",
        {"measure": "entropy"},
    ),
    Entry(
        "weighted-entropy",
        "workings.audit.doubt.consistency:Consistency",
        "entropy of the answers, each weighted by the likelihood of its texts",
        "Kuhn et al. 2023; Farquhar et al. 2024",
        {"measure": "weighted-entropy"},
    ),
    Entry(
        "answers",
        "workings.audit.doubt.consistency:Consistency",
        "how many answers the chains give",
        "Kuhn et al. 2023",
        {"measure": "answers"},
    ),
    Entry(
        "degree",
        "workings.audit.doubt.consistency:Consistency",
        "how unlike the chains are, on average",
        "Lin et al. 2024",
        {"measure": "degree"},
    ),
    Entry(
        "eigenvalues",
        "workings.audit.doubt.consistency:Consistency",
        "how many groups the chains fall into, softly",
        "Lin et al. 2024",
        {"measure": "eigenvalues"},
    ),
    Entry(
        "eccentricity",
        "workings.audit.doubt.consistency:Consistency",
        "how far the chains lie from their centre",
        "Lin et al. 2024",
        {"measure": "eccentricity"},
    ),
    Entry(
        "induced",
        "workings.audit.doubt.induced:Induced",
        "share of replies that keep the answer when a wrong one is hinted at",
        "Xiong et al. 2024",
    ),
    Entry(
        "verbalised",
        "workings.audit.doubt.verbal:Verbalised",
        "the probability that the model states, as a number or in words",
        "Tian et al. 2023",
    ),
    Entry(
        "top-guesses",
        "workings.audit.doubt.verbal:Verbalised",
        "the probability that the model gives the answer among k guesses",
        "Tian et al. 2023",
        {"form": "top"},
    ),
    Entry(
        "step-confidence",
        "workings.audit.doubt.verbal:Verbalised",
        "stated probabilities of the steps, multiplied",
        "Xiong et al. 2024",
        {"form": "steps"},
    ),
    Entry(
        "self-probing",
        "workings.audit.doubt.verbal:Verbalised",
        "the stated probability of the answer, asked in a new conversation",
        "Xiong et al. 2024",
        {"form": "probing"},
    ),
    Entry(
        "sequence-probability",
        "workings.audit.doubt.tokens:TokenLikelihood",
        "minus the log-probability of what was written",
        "Malinin and Gales 2021",
        {"measure": "sequence"},
    ),
    Entry(
        "token-probability",
        "workings.audit.doubt.tokens:TokenLikelihood",
        "geometric mean probability of the tokens written",
        "Malinin and Gales 2021",
    ),
    Entry(
        "least-token",
        "workings.audit.doubt.tokens:TokenLikelihood",
        "probability of the least likely token written",
        "Manakul et al. 2023",
        {"measure": "least"},
    ),
    Entry(
        "token-entropy",
        "workings.audit.doubt.tokens:TokenDistribution",
        "mean entropy of the distributions the tokens were drawn from",
        "Malinin and Gales 2021",
    ),
    Entry(
        "margin",
        "workings.audit.doubt.tokens:TokenDistribution",
        "the likeliest token minus the next, where the answer is stated",
        "Settles 2009",
        {"measure": "margin"},
    ),
    Entry(
        "self-certainty",
        "workings.audit.doubt.tokens:TokenDistribution",
        "mean divergence of those distributions from uniform",
        "Kang et al. 2025",
        {"measure": "certainty"},
    ),
    Entry(
        "token-sar",
        "workings.audit.doubt.relevance:Sar",
        "log-probabilities weighted by relevance",
        "Duan et al. 2024",
    ),
    Entry(
        "sentence-sar",
        "workings.audit.doubt.relevance:Sar",
        "probabilities of sampled chains, shared among those alike",
        "Duan et al. 2024",
        {"form": "sentence"},
    ),
    Entry(
        "sar",
        "workings.audit.doubt.relevance:Sar",
        "both: sampled chains by their relevance-weighted probabilities",
        "Duan et al. 2024",
        {"form": "both"},
    ),
    Entry(
        "p-true",
        "workings.audit.doubt.p_true:PTrue",
        "the probability of True against False about the answer",
        "Kadavath et al. 2022",
    ),
    Entry(
        "p-true-samples",
        "workings.audit.doubt.p_true:PTrue",
        "the same with the other sampled answers in sight",
        "Kadavath et al. 2022",
        {"samples": 8},
    ),
    Entry(
        "read-out",
        "workings.audit.doubt.readout:ReadOut",
        "probability of the answer where the reasoning ends",
        "Lanham et al. 2023, section 2.3",
    ),
    Entry(
        "read-out-margin",
        "workings.audit.doubt.readout:ReadOut",
        "the answer's share there minus the next answer's",
        "Lanham et al. 2023, section 2.3",
        {"measure": "margin"},
    ),
)

_BUILT_IN: Mapping[str, tuple[Entry, ...]] = {
    "methods": METHODS,
    "graders": GRADERS,
    "audits": AUDITS,
    "estimators": ESTIMATORS,
}


def entries(kind: str) -> dict[str, Entry]:
    """All entries of "methods", "graders", "audits" or "estimators" by name: built-ins, then installed packages'.

    Packages offer theirs in the group of the same name. A package cannot replace a built-in name.
    """
    known = {entry.name: entry for entry in _BUILT_IN.get(kind, ())}
    for point in entry_points(group=f"workings.{kind}"):
        known.setdefault(point.name, Entry(point.name, point.value, f"from {point.dist.name if point.dist else '?'}"))
    return known
