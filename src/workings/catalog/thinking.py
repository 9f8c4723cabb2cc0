"""The built-in methods, graders and probe problems."""

from __future__ import annotations

from workings.catalog.entry import Entry

__all__ = ["GRADERS", "METHODS", "PROBLEMS"]

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
