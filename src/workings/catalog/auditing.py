"""The built-in audits of shown reasoning."""

from __future__ import annotations

from workings.catalog.entry import Entry

__all__ = ["AUDITS"]

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
