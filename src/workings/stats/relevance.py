"""Uncertainty that counts what matters: log-probabilities weighted by how relevant each piece of a text is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from workings.core.errors import BadSetting

__all__ = ["relevances", "sentence_sar", "token_sar"]


def relevances(pieces: Sequence[str], similarity: Callable[[str, str], float]) -> tuple[float, ...]:
    """For each piece 1 - g(text, text without it), where only the piece at that place is taken out.

    Published code takes out every occurrence of the piece's text, so that "3" in "3 + 3 = 6" is judged by the loss of
    both. Source: Duan et al. 2024, equation 4.

    >>> relevances(["3", " + ", "3"], lambda one, other: 1.0 if other.count("3") else 0.0)
    (0.0, 0.0, 0.0)
    """
    whole = "".join(pieces)
    found = []
    for place in range(len(pieces)):
        g = similarity(whole, "".join(pieces[:place]) + "".join(pieces[place + 1 :]))
        if not 0 <= g <= 1:
            raise BadSetting(f"A similarity of {g} is outside 0 to 1.", "Scale it first.")
        found.append(1 - g)
    return tuple(found)


def token_sar(logprobs: Sequence[float], relevance: Sequence[float]) -> float:
    """The sum of -log p, each weighted by its share of all relevance (nats); the mean where nothing is relevant.

    Raises BadSetting for lists of different lengths, which published code scores 0, its surest value.
    Source: Duan et al. 2024, equation 6.
    """
    if len(logprobs) != len(relevance) or not logprobs:
        raise BadSetting(f"{len(relevance)} relevances for {len(logprobs)} pieces.", "Give one a piece, and a piece.")
    total = math.fsum(relevance)
    if not total > 0:
        return -math.fsum(logprobs) / len(logprobs)
    return math.fsum(-value * weight for value, weight in zip(logprobs, relevance, strict=True) if weight) / total


def sentence_sar(logprobs: ArrayLike, similarity: ArrayLike, t: float = 0.001) -> float:
    """The mean over samples of -log(p_j + sum over others of g(s_j, s_k) p_k / t), in nats.

    `logprobs` (sample,) are of whole sequences, or -TokenSAR for SAR; all is done on logs, so that long chains do not
    vanish. With the published t of 0.001 the others decide unless they are wholly unlike.
    Source: Duan et al. 2024, equations 7 to 9.
    """
    values, table = np.asarray(logprobs, dtype=np.float64), np.asarray(similarity, dtype=np.float64)
    if values.ndim != 1 or table.shape != (values.size, values.size) or not values.size:
        raise BadSetting(f"Similarity {table.shape} for {values.size} samples.", "Give one row and column a sample.")
    if not t > 0:
        raise BadSetting(f"t={t} is out of range.", "Use 0.001, as the paper does.")
    weights = table / t
    np.fill_diagonal(weights, 1.0)
    top = float(values.max())
    if top == -math.inf:
        raise BadSetting("No sample has a probability above 0.", "Give log-probabilities of sampled texts.")
    return float(-(np.log(weights @ np.exp(values - top)) + top).mean())
