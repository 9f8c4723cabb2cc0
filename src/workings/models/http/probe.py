"""What a server can do, found out by asking it: a few requests of one to sixteen tokens each.

A server that takes a field may still ignore it, so each probe looks at what the server does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from workings.core.ask import Sampling
from workings.core.capability import Capability
from workings.core.errors import ModelError
from workings.core.prompt import Prompt
from workings.models.http import scoring
from workings.models.http.faults import Rejected
from workings.models.http.replies import count, drafts

if TYPE_CHECKING:
    from workings.models.http.model import HttpModel

__all__ = ["ORDER", "PROBES", "form"]

_WORDS = "one two three four"
_QUESTION = "Count from one to ten in words."
_LETTERS = "Write the capital letters A to Z in order, with a space between them."
_HALF = "A B C D E F G H I J K L M"
_STORY = "Write one sentence about an animal."


async def form(model: HttpModel) -> None:
    """Finds out whether the server has the chat form; leaves the answer in the model's dialect."""
    if model.dialect.chat is not None:
        return
    try:
        await _reply(model, Prompt.user("Hello."), 1)
    except Rejected as rejected:
        if not model.dialect.chatless(rejected):
            raise rejected.plain() from None
        model.dialect.chat = False
        model.dialect.version += 1
    else:
        model.dialect.chat = True


async def _lead(model: HttpModel) -> bool:
    """Whether text that the assistant has written is continued, and not followed by a new turn.

    Compares the server's counts of prompt tokens: a lead of w words that is continued adds as much as its w
    words do to a lead that is twice as long; a new turn adds its marks besides. Where the counts do not tell, the
    half of the alphabet must be continued with its next letter.
    """
    if not await model.speaks_chat():
        return True
    for flags in (True, False):
        model.dialect.lead_flags = flags
        model.dialect.version += 1
        try:
            extra = await _turn_marks(model)
            if extra is not None:
                return extra <= 0
            text, _ = await _reply(model, Prompt.user(_LETTERS, lead=_HALF), 4)
            return text.strip().removeprefix(_HALF).strip().startswith("N")
        except Rejected as rejected:
            if rejected.status not in (400, 422):
                raise rejected.plain() from None
        except ModelError as error:
            if error.transient:
                raise
    return False


async def _turn_marks(model: HttpModel) -> int | None:
    """How many prompt tokens a lead costs beyond its words; None when the server's counts make no sense."""
    counts = []
    for lead in ("", _WORDS, f"{_WORDS} {_WORDS}"):
        text, tokens = await _reply(model, Prompt.user(_QUESTION, lead=lead), 1)
        if lead and text.startswith(lead):
            model.dialect.echoes_lead = True
        counts.append(tokens)
    bare, once, twice = counts
    if not 0 < bare < once < twice:
        return None
    return (once - bare) - (twice - once)


async def _logprobs(model: HttpModel) -> bool:
    def read(data: dict[str, Any]) -> bool:
        first = drafts(data)[0]
        return bool(first.logprobs) and not first.unscored

    await model.speaks_chat()
    try:
        return await model.request(
            model.path, lambda: model.wire_body(Prompt.user(_QUESTION), Sampling(0, max_tokens=1)), read
        )
    except Rejected as rejected:
        return _unable(rejected)


async def _stop(model: HttpModel) -> bool:
    await model.speaks_chat()
    try:
        text, _ = await _reply(model, Prompt.user(_QUESTION), 16)
        inner = text[len(text) // 2 :].strip()[:1]
        if not inner:
            return False
        cut, _ = await _reply(model, Prompt.user(_QUESTION), 16, stop=(inner,))
    except Rejected as rejected:
        return _unable(rejected)
    return len(cut) <= text.find(inner) + len(inner) and text.startswith(cut)


async def _seeds(model: HttpModel) -> bool:
    """Equal seeds must give equal text and different seeds different text; a model that varies too little fails."""
    await model.speaks_chat()
    texts = []
    try:
        for seed in (11, 11, 12, 13):
            text, _ = await _reply(model, Prompt.user(_STORY), 16, seed=seed)
            texts.append(text)
    except Rejected as rejected:
        return _unable(rejected)
    return "seed" not in model.dialect.dropped and texts[0] == texts[1] and len(set(texts)) > 1


async def _score(model: HttpModel) -> bool:
    prompt = Prompt.user(_QUESTION, lead=_WORDS)
    if await model.speaks_chat() and not (model.dialect.known.get(Capability.LEAD) and model.dialect.lead_flags):
        return False
    for tokens in (0, 1):
        model.dialect.score_tokens = tokens
        try:
            await scoring.cell(model, prompt, " five")
        except Rejected as rejected:
            _unable(rejected)
        except scoring.NotScored:
            continue
        else:
            return True
    return False


def _unable(rejected: Rejected) -> bool:
    if rejected.status not in (400, 404, 405, 422, 501):
        raise rejected.plain()
    return False


async def _reply(
    model: HttpModel, prompt: Prompt, tokens: int, stop: tuple[str, ...] = (), seed: int | None = None
) -> tuple[str, int]:
    """Text and number of prompt tokens (0 when not said) of a tiny request."""

    def make() -> dict[str, Any]:
        sampling = Sampling(0 if seed is None else 1.0, max_tokens=tokens, stop=stop, logprobs=False)
        body = model.wire_body(prompt, sampling)
        if seed is not None and "seed" not in model.dialect.dropped:
            body["seed"] = seed
        return body

    def read(data: dict[str, Any]) -> tuple[str, int]:
        counted, draft = count(data), drafts(data)[0]
        return "".join(draft.pieces) or "".join(draft.thinking), counted.prompt if counted else 0

    return await model.request(model.path, make, read)


PROBES: dict[Capability, Callable[[HttpModel], Awaitable[bool]]] = {
    Capability.LEAD: _lead,
    Capability.LOGPROBS: _logprobs,
    Capability.STOP: _stop,
    Capability.SEEDS: _seeds,
    Capability.SCORE: _score,
}
ORDER = tuple(PROBES)
