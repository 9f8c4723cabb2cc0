"""The built-in estimators of how sure an answer is."""

from __future__ import annotations

from workings.catalog.entry import Entry

__all__ = ["ESTIMATORS"]

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
