"""What servers answer, in either form, whole or in pieces, as completions.

Servers differ in where they put reasoning, log-probabilities, token ids and the reason why a reply ended. All of
that is told apart here and nowhere else. A reply is hostile input: every part is checked before it is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workings.core.ask import Sampling
from workings.core.completion import Completion, Stop, Usage
from workings.core.errors import BadReply

__all__ = ["Count", "Draft", "absorb", "check", "clean", "completion", "count", "drafts", "estimate", "share"]

_NEXT = "Look at the server's log."
_FINISH = {
    "stop": Stop.END,
    "eos": Stop.END,
    "eos_token": Stop.END,
    "end_turn": Stop.END,
    "stop_sequence": Stop.STRING,
    "length": Stop.LENGTH,
    "max_tokens": Stop.LENGTH,
    "content_filter": Stop.REFUSED,
    "refusal": Stop.REFUSED,
    "safety": Stop.REFUSED,
}
_FAILED = frozenset({"error", "abort", "aborted", "cancelled", "network_error", "insufficient_system_resource"})
_UNSAID = object()


@dataclass(slots=True)
class Count:
    """Tokens that a server counted for one request."""

    prompt: int
    cached: int
    generated: int


class Draft:
    """One choice of a reply while it is put together."""

    __slots__ = ("finish", "ids", "index", "logprobs", "pieces", "reason", "said", "thinking", "tokens", "unscored")

    def __init__(self, index: int) -> None:
        self.index = index
        self.pieces: list[str] = []
        self.thinking: list[str] = []
        self.said = False
        self.finish: str | None = None
        self.reason: Any = _UNSAID
        self.tokens: list[str] = []
        self.logprobs: list[float] = []
        self.unscored = False
        self.ids: list[int] = []


def drafts(data: dict[str, Any]) -> list[Draft]:
    """The choices of a whole reply, in the order of their indices; BadReply when there are none."""
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices:
        raise BadReply(f"The reply has no choices: {sorted(data)!r:.200}.", "Is this an OpenAI-compatible server?")
    found = []
    for place, choice in enumerate(choices):
        if not isinstance(choice, dict):
            raise BadReply(f"A choice of the reply is {choice!r:.80}.", _NEXT)
        index = choice.get("index")
        draft = Draft(index if type(index) is int else place)
        absorb(draft, choice)
        check(draft)
        found.append(draft)
    if len(found) > 1 and len({d.index for d in found}) == len(found):
        found.sort(key=lambda d: d.index)
    return found


def check(draft: Draft) -> None:
    """Refuses a choice that is no sample: one that the server gave up, or one without any part."""
    if draft.finish in _FAILED:
        raise BadReply(f"The server gave up on a sample (finish_reason {draft.finish!r}).", _NEXT)
    if not draft.said and draft.finish is None and not draft.thinking:
        raise BadReply("A choice has neither content nor finish_reason nor reasoning.", _NEXT)


def absorb(draft: Draft, choice: dict[str, Any]) -> str:
    """Adds a choice, or a streamed piece of one, to its draft; returns the text that it brought."""
    part = choice.get("message") or choice.get("delta")
    brought = ""
    if isinstance(part, dict):
        content = part.get("content")
        thought = part.get("reasoning_content") or part.get("reasoning")
        if part.get("refusal"):
            draft.finish, draft.said = "refusal", True
        if isinstance(content, list):
            content, inner = _parts(content)
            thought = thought or inner
        if isinstance(thought, str) and thought:
            draft.thinking.append(clean(thought))
    elif part is None:
        content = choice.get("text")
    else:
        raise BadReply(f"A choice holds {part!r:.80} where a message should be.", _NEXT)
    if isinstance(content, str):
        draft.said = True
        if content:
            brought = clean(content)
            draft.pieces.append(brought)
    elif content is not None:
        raise BadReply(f"A choice holds {content!r:.80} where text should be.", _NEXT)
    finish = choice.get("finish_reason")
    if isinstance(finish, str) and finish and draft.finish != "refusal":
        draft.finish = finish
    for name in ("stop_reason", "matched_stop"):
        if name in choice and (choice[name] is not None or finish):
            draft.reason = choice[name]
    logprobs = choice.get("logprobs")
    if logprobs:
        _absorb_logprobs(draft, logprobs)
    ids = choice.get("token_ids")
    if isinstance(ids, list) and all(type(i) is int for i in ids):
        draft.ids.extend(ids)
    return brought


def _parts(content: list[Any]) -> tuple[str | None, str]:
    """Text and reasoning of content given as typed parts."""
    text: list[str] = []
    thought: list[str] = []
    for part in content:
        if not isinstance(part, dict):
            raise BadReply(f"A part of the content is {part!r:.80}.", _NEXT)
        if isinstance(part.get("text"), str):
            text.append(part["text"])
        inner = part.get("thinking")
        if isinstance(inner, str):
            thought.append(inner)
        elif isinstance(inner, list):
            thought.extend(p["text"] for p in inner if isinstance(p, dict) and isinstance(p.get("text"), str))
    return "".join(text) if text else None, "".join(thought)


def _absorb_logprobs(draft: Draft, logprobs: Any) -> None:
    if not isinstance(logprobs, dict):
        raise BadReply(f"The log-probabilities are {logprobs!r:.80}.", _NEXT)
    entries = logprobs.get("content")
    if isinstance(entries, list):
        for entry in entries:
            if not isinstance(entry, dict):
                raise BadReply(f"A log-probability is {entry!r:.80}.", _NEXT)
            _absorb_token(draft, entry.get("token"), entry.get("logprob"), entry.get("id"))
    elif isinstance(logprobs.get("tokens"), list):
        tokens, values = logprobs["tokens"], logprobs.get("token_logprobs")
        if not isinstance(values, list) or len(values) != len(tokens):
            raise BadReply("Tokens and their log-probabilities differ in number.", _NEXT)
        for token, value in zip(tokens, values, strict=True):
            _absorb_token(draft, token, value, None)


def _absorb_token(draft: Draft, token: Any, value: Any, number: Any) -> None:
    if value is None:
        draft.unscored, value = True, 0.0
    if (
        not isinstance(token, str)
        or not isinstance(value, (int, float))
        or isinstance(value, bool)
        or math.isnan(value)
    ):
        raise BadReply(f"The token {token!r:.40} has log-probability {value!r:.40}.", _NEXT)
    if type(number) is int:
        draft.ids.append(number)
    elif token.startswith("token_id:") and token[9:].isdecimal() and len(token) < 24:
        draft.ids.append(int(token[9:]))
    draft.tokens.append(clean(token))
    draft.logprobs.append(min(0.0, float(value)))


def count(data: dict[str, Any]) -> Count | None:
    """The server's own token counts, or None when it gave none that make sense."""
    usage = data.get("usage")
    if not isinstance(usage, dict):
        return None
    prompt, generated = usage.get("prompt_tokens"), usage.get("completion_tokens", 0)
    if type(prompt) is not int or type(generated) is not int or prompt < 0 or generated < 0:
        return None
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else usage.get("prompt_cache_hit_tokens")
    if type(cached) is not int or cached < 0:
        cached = 0
    return Count(prompt, min(cached, prompt), generated)


def share(found: Sequence[Draft], counted: Count | None, sent: str, sampling: Sampling) -> list[Usage]:
    """What each choice of one request cost; the sum is what the request cost.

    The prompt is charged to the first choice. Generated tokens are those of each choice when the server listed
    them, else an even share of its total. Without any count they are estimated (see `estimate`).
    """
    listed = [len(d.logprobs) or len(d.ids) for d in found]
    if counted is None:
        prompt, cached = estimate(sent), 0
        shares = [n or _guess(d, sampling) for n, d in zip(listed, found, strict=True)]
    else:
        prompt, cached = counted.prompt - counted.cached, counted.cached
        shares = listed
        if sum(listed) != counted.generated:
            each, left = divmod(counted.generated, len(found))
            shares = [each + (i < left) for i in range(len(found))]
    head = Usage(prompt=prompt, cached=cached, generated=shares[0], calls=1)
    return [head, *(Usage(generated=n, calls=1) for n in shares[1:])]


def estimate(text: str) -> int:
    """Tokens of a text when nobody counted them: a quarter of its bytes, at least one."""
    return max(1, -(-len(text.encode("utf-8", "replace")) // 4))


def _guess(draft: Draft, sampling: Sampling) -> int:
    if _FINISH.get(draft.finish or "") is Stop.LENGTH:
        return sampling.max_tokens
    return min(sampling.max_tokens, estimate("".join(draft.pieces) + "".join(draft.thinking)))


def completion(
    draft: Draft, sampling: Sampling, usage: Usage, *, seed: int | None, lead: str = "", counted: bool = True
) -> Completion:
    """A finished draft as a completion.

    A stop string that the server left in the text, or did not heed, is cut off here, with all that follows.
    `lead` is cut from the front of servers that repeat it. `counted` says that `usage` comes from the server.
    When the server does not say whether a stop string or the end token ended the text, and its tokens do not
    show it either, it counts as the end token. One token whose log-probability is null drops those of all.
    """
    finish = draft.finish
    text = draft.pieces[0] if len(draft.pieces) == 1 else "".join(draft.pieces)
    if lead and text.startswith(lead):
        text = text[len(lead) :]
    stop = _FINISH.get(finish or "", Stop.UNKNOWN)
    tokens, logprobs, ids = draft.tokens, draft.logprobs, draft.ids
    if sampling.stop:
        place, end = _first(text, sampling.stop)
        if place >= 0:
            text, stop = text[: end if sampling.keep_stop else place], Stop.STRING
            kept = _covering(tokens, end)
            tokens, logprobs, ids = tokens[:kept], logprobs[:kept], ids[:kept]
        elif stop is Stop.END and _by_string(draft, text, sampling.stop):
            stop = Stop.STRING
            text += _matched(draft, sampling) if sampling.keep_stop else ""
    if stop is Stop.LENGTH and counted and usage.generated + 1 < sampling.max_tokens:
        stop = Stop.CONTEXT
    return Completion(
        text=text,
        stop=stop,
        token_ids=tuple(ids) if ids and (not logprobs or len(ids) == len(logprobs)) else None,
        tokens=tuple(tokens) if tokens else None,
        logprobs=tuple(logprobs) if logprobs and not draft.unscored else None,
        thinking="".join(draft.thinking),
        seed=seed,
        usage=usage,
    )


def _first(text: str, stops: tuple[str, ...]) -> tuple[int, int]:
    """Where the earliest stop string begins and ends, or (-1, -1)."""
    places = [(at, at + len(s)) for s in stops if s and (at := text.find(s)) >= 0]
    return min(places, default=(-1, -1))


def _matched(draft: Draft, sampling: Sampling) -> str:
    """The stop string that a server cut off: the one it names, else the first."""
    return draft.reason if isinstance(draft.reason, str) and draft.reason in sampling.stop else sampling.stop[0]


def _covering(tokens: list[str], end: int) -> int | None:
    """How many tokens write the first `end` characters; None (all) when the tokens are not known."""
    if not tokens:
        return None
    written = 0
    for number, token in enumerate(tokens, 1):
        written += len(token)
        if written >= end:
            return number
    return len(tokens)


def _by_string(draft: Draft, text: str, stops: tuple[str, ...]) -> bool:
    """Whether a stop string ended the text: by the server's word, else by tokens that go on past the text."""
    if draft.reason is not _UNSAID:
        return isinstance(draft.reason, str) and draft.reason in stops
    written = "".join(draft.tokens)
    return len(written) > len(text) and written.startswith(text) and _first(written[len(text) :], stops)[0] == 0


def clean(text: str) -> str:
    """The text with lone surrogates replaced: JSON can carry them, files and databases cannot."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
