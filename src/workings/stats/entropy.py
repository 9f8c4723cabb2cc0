"""How scattered sampled answers are: their shares, the entropy of these, and the spread of a similarity graph."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workings.core.errors import BadSetting

__all__ = [
    "answer_shares",
    "degree_spread",
    "eccentricity",
    "eigenvalue_sum",
    "entropy",
    "jaccard",
    "jaccard_matrix",
    "likelihood_shares",
    "same_answer_matrix",
]

Floats = NDArray[np.float64]


def answer_shares(names: Sequence[Hashable]) -> dict[Any, float]:
    """The share of each distinct answer, in order of first appearance: over clusters, not over samples; sums to 1."""
    found: dict[Any, float] = {}
    for name in names:
        found[name] = found.get(name, 0.0) + 1 / len(names)
    return found


def likelihood_shares(
    names: Sequence[Hashable], texts: Sequence[Hashable], logprobs: Sequence[float]
) -> dict[Any, float]:
    """The probability of each answer among the distinct texts that were sampled: p(c) is the sum of exp(logprob) over
    the texts of answer c, divided by that over all texts. It sums to 1.

    A text that was drawn twice counts once: its probability already says how often it comes. `logprobs` (nats) may be
    of whole sequences or normalised by length; of repeated texts the first is taken.
    Source: Kuhn et al. 2023; Farquhar et al. 2024. Other libraries add raw probabilities once a sample, and get sums
    above 1. Raises BadSetting where all texts have probability 0.
    """
    if not len(names) == len(texts) == len(logprobs):
        raise BadSetting(f"{len(names)} answers, {len(texts)} texts, {len(logprobs)} values.", "Give as many of each.")
    once: dict[Hashable, tuple[Hashable, float]] = {}
    for name, text, value in zip(names, texts, logprobs, strict=True):
        if math.isnan(value):
            raise BadSetting("A log-probability is NaN.", "Leave that sample out and count it as missing.")
        once.setdefault(text, (name, value))
    top = max((value for _, value in once.values()), default=-math.inf)
    if top == -math.inf:
        raise BadSetting("No text has a probability above 0.", "Give log-probabilities of sampled texts.")
    parts: dict[Any, list[float]] = {}
    for name, value in once.values():
        parts.setdefault(name, []).append(math.exp(value - top))
    total = math.fsum(value for row in parts.values() for value in row)
    return {name: math.fsum(row) / total for name, row in parts.items()}


def entropy(shares: Sequence[float]) -> float:
    """-sum p log p in nats, over the shares of distinct answers.

    Summed over samples instead, four samples in clusters of 3 and 1 give 0.994, as a published library does.

    >>> round(entropy([3 / 4, 1 / 4]), 3)
    0.562
    """
    if any(not 0 <= p <= 1 + 1e-9 for p in shares) or abs(math.fsum(shares) - 1) > 1e-6:
        raise BadSetting(f"{[round(p, 4) for p in shares]} are not shares that sum to 1.", "Divide by their sum.")
    return max(0.0, -math.fsum(p * math.log(p) for p in shares if p > 0))


def jaccard(one: str, other: str) -> float:
    """Shared words over all words of two texts, lower case, split at blanks; 1 for two empty texts."""
    a, b = set(one.lower().split()), set(other.lower().split())
    return len(a & b) / len(a | b) if a | b else 1.0


def jaccard_matrix(texts: Sequence[str]) -> Floats:
    """Word overlap of every pair, shape (text, text), ones on the diagonal; each distinct text is compared once."""
    kinds, place = np.unique(np.asarray(texts, dtype=object).astype(str), return_inverse=True)
    words = [set(text.lower().split()) for text in kinds.tolist()]
    known = {word: number for number, word in enumerate(sorted(set().union(*words)))}
    holds = np.zeros((len(words), max(len(known), 1)))
    for row, those in enumerate(words):
        holds[row, [known[word] for word in those]] = 1
    shared = holds @ holds.T
    sizes = np.diag(shared)
    union = sizes[:, None] + sizes[None, :] - shared
    table = np.where(union > 0, shared / np.maximum(union, 1), 1.0)
    found: Floats = table[np.ix_(place, place)]
    return found


def same_answer_matrix(names: Sequence[Hashable]) -> Floats:
    """1 where two samples give the same answer, shape (sample, sample)."""
    return np.array([[float(a == b) for b in names] for a in names])


def _similarities(similarity: ArrayLike) -> Floats:
    table = np.asarray(similarity, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not table.size:
        raise BadSetting(f"A similarity of shape {table.shape} is no square.", "Give one row and column a sample.")
    if not np.isfinite(table).all() or table.min() < 0 or table.max() > 1:
        raise BadSetting("A similarity is outside 0 to 1.", "Scale it first.")
    return (table + table.T) / 2


def _laplacian(similarity: ArrayLike) -> Floats:
    table = _similarities(similarity)
    if not np.allclose(np.diag(table), 1):
        raise BadSetting("A sample is not fully similar to itself.", "Put 1 on the diagonal.")
    scale = 1 / np.sqrt(table.sum(axis=1))
    found: Floats = np.eye(len(table)) - scale[:, None] * table * scale[None, :]
    return found


def eigenvalue_sum(similarity: ArrayLike) -> float:
    """Sum of max(0, 1 - eigenvalue) of the normalised Laplacian: a soft number of different answers, 1 to n.

    Exactly the number of answers where samples are either equal or wholly unlike. Source: Lin et al. 2024 (EigV).
    """
    return float(np.maximum(0.0, 1 - np.linalg.eigvalsh(_laplacian(similarity))).sum())


def degree_spread(similarity: ArrayLike) -> float:
    """1 minus the mean similarity of all ordered pairs, each sample with itself included: 0 to 1 - 1/n.

    Source: Lin et al. 2024 (Deg).
    """
    return float(1 - _similarities(similarity).mean())


def eccentricity(similarity: ArrayLike, below: float = 0.9) -> float:
    """The Frobenius norm of the centred embedding in eigenvectors of the Laplacian with eigenvalues under `below`.

    Source: Lin et al. 2024 (Ecc). Eigenvectors of equal eigenvalues may be turned; the norm is that of the space they
    span and stays the same.
    """
    values, vectors = np.linalg.eigh(_laplacian(similarity))
    kept = vectors[:, values < below]
    return float(np.linalg.norm(kept - kept.mean(axis=0)))
