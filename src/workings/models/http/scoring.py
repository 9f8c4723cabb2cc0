"""Log-probabilities of given text from a server that can list those of its prompt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from workings.core.ask import Sampling, Score, Scores
from workings.core.completion import Usage
from workings.core.errors import BadReply, BadSetting
from workings.core.prompt import Prompt
from workings.models.http.replies import count, estimate

if TYPE_CHECKING:
    from workings.models.http.model import HttpModel

__all__ = ["NotScored", "cell", "score"]

Listed = list[tuple[str, float | None]]


class NotScored(BadReply):
    """The reply lists no log-probabilities of the prompt."""

    transient = False


async def score(model: HttpModel, ask: Score) -> Scores:
    """One request a cell, all at once; see `HttpModel.score`."""
    from workings.models.http.model import together

    cuts = ask.cuts or (len(ask.chain),)
    for cut in cuts:
        if not 0 <= cut <= len(ask.chain):
            raise BadSetting(f"The cut {cut} lies outside a chain of {len(ask.chain)} characters.")
    stems = [Prompt(ask.prompt.messages, f"{ask.prompt.lead}{ask.chain[:cut]}{ask.cue}") for cut in cuts]
    cells = await together(cell(model, stem, candidate) for stem in stems for candidate in ask.candidates)
    wide = len(ask.candidates)
    rows = tuple(tuple(value for value, _ in cells[i * wide : (i + 1) * wide]) for i in range(len(cuts)))
    return Scores(rows, sum((usage for _, usage in cells), Usage()))


async def cell(model: HttpModel, stem: Prompt, candidate: str) -> tuple[float, Usage]:
    """Log-probability of `candidate` after the stem's lead; NotScored when the server lists none."""
    if not candidate:
        return 0.0, Usage()
    prompt = Prompt(stem.messages, stem.lead + candidate)
    chat = model.dialect.chat is not False

    def make() -> dict[str, Any]:
        tokens = 1 if chat else model.dialect.score_tokens
        body = model.wire_body(prompt, Sampling(0, max_tokens=1, logprobs=False))
        if chat:
            body["prompt_logprobs"] = 0
        else:
            body.update(echo=True, logprobs=1, max_tokens=tokens)
        return body

    def read(data: dict[str, Any]) -> tuple[float, Usage]:
        counted = count(data)
        generated = counted.generated if counted else model.dialect.score_tokens
        listed = _prompt_logprobs(data) if chat else _echoed(data, generated)
        value = _tail(listed, candidate)
        if counted is None:
            return value, Usage(prompt=estimate(prompt.text), probe=generated, calls=1)
        return value, Usage(
            prompt=counted.prompt - counted.cached, cached=counted.cached, probe=counted.generated, calls=1
        )

    return await model.request(model.path, make, read)


def _echoed(data: dict[str, Any], generated: int) -> Listed:
    """Tokens of the prompt from a completions reply that echoes it."""
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    logprobs = choice.get("logprobs") if isinstance(choice, dict) else None
    tokens = logprobs.get("tokens") if isinstance(logprobs, dict) else None
    values = logprobs.get("token_logprobs") if isinstance(logprobs, dict) else None
    if not isinstance(tokens, list) or not isinstance(values, list) or len(tokens) != len(values):
        raise NotScored("The server echoes no log-probabilities of the prompt.", "Use a server that does (vLLM).")
    kept = len(tokens) - generated
    return [(_text(t), _number(v)) for t, v in zip(tokens[:kept], values[:kept], strict=True)]


def _prompt_logprobs(data: dict[str, Any]) -> Listed:
    """Tokens of the prompt from vLLM's `prompt_logprobs`: the first entry at each place is the prompt's own token."""
    places = data.get("prompt_logprobs")
    if not isinstance(places, list):
        raise NotScored("The server lists no log-probabilities of the prompt.", "Use a server that does (vLLM).")
    listed: Listed = []
    for place in places:
        entry = next(iter(place.values()), None) if isinstance(place, dict) else None
        if isinstance(entry, dict):
            listed.append((_text(entry.get("decoded_token")), _number(entry.get("logprob"))))
        else:
            listed.append(("", None))
    return listed


def _text(token: Any) -> str:
    if not isinstance(token, str):
        raise NotScored(f"A token of the prompt is {token!r:.40}.", "Look at the server's log.")
    return token


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        raise NotScored(f"A log-probability of the prompt is {value!r:.40}.", "Look at the server's log.")
    return min(0.0, float(value))


def _tail(listed: Listed, candidate: str) -> float:
    """Sum over the last tokens that spell the candidate."""
    spelt, total = "", 0.0
    for token, value in reversed(listed):
        if len(spelt) >= len(candidate):
            break
        if value is None:
            break
        spelt, total = token + spelt, total + value
    if not spelt.endswith(candidate):
        raise NotScored(
            f"The last tokens of the prompt spell {spelt[-80:]!r}, not {candidate[-80:]!r}.",
            "The server's tokens do not show characters that they share; use a local model.",
        )
    return total
