"""Prompts to token ids, and token ids back to text."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Sequence
from typing import Any

from workings.core.errors import Refused
from workings.core.prompt import Prompt
from workings.verify.thinking import opening_tag

__all__ = ["BROKEN", "Text"]

BROKEN = "\ufffd"
"""What a tokenizer prints for a character whose bytes are not all there yet."""

_CONTEXT = 6
"""Prompt tokens decoded before the reply, so that a leading space is neither lost nor invented."""


class Text:
    """A tokenizer, its chat template, and a lock: rendering and decoding happen on different threads.

    Models with a chat template get it, with its generation prompt. Others get plain text: all turns, and the
    assistant's own beginning, separated by blank lines. The start token stands once: a template is trusted to
    write its own, plain text gets the one the tokenizer adds.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._lock = threading.Lock()
        self.template: str = tokenizer.chat_template if isinstance(tokenizer.chat_template, str) else ""
        if isinstance(tokenizer.chat_template, dict):
            self.template = str(tokenizer.chat_template.get("default", ""))
        self.special: frozenset[int] = frozenset(tokenizer.all_special_ids)
        self._base = functools.lru_cache(maxsize=4096)(self._render)
        first = tokenizer.convert_ids_to_tokens(self._encode("a")[:1])
        self._adds_space = bool(first) and str(first[0]).startswith("\u2581")

    @functools.cached_property
    def opening(self) -> str:
        """The tag that the chat template writes at the end of a prompt to open the model's thinking, or nothing.

        Nothing too when decoding leaves such tags out as special tokens: then the closing one could not be seen.
        """
        if not self.template:
            return ""
        with self._lock:
            try:
                tag = opening_tag(self._template([{"role": "user", "content": "?"}]))
            except Refused:
                return ""
            read = self.tokenizer.decode(self._encode(tag), skip_special_tokens=True) if tag else ""
        return tag if tag.strip() in read else ""

    def _written(self, prompt: Prompt) -> str:
        """The lead without the opening tag that the template has written already."""
        return prompt.lead.replace(self.opening, "", 1) if self.opening else prompt.lead

    @property
    def template_digest(self) -> str:
        """The first half of the SHA-256 of the chat template; "plain" without one."""
        return hashlib.sha256(self.template.encode()).hexdigest()[:32] if self.template else "plain"

    def _encode(self, text: str, *, special: bool = False) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=special))

    def encode(self, text: str) -> list[int]:
        """Token ids of text that continues other text: no start token, and no space put before it."""
        if not text:
            return []
        with self._lock:
            return self._continue(text)

    def _continue(self, text: str) -> list[int]:
        if self._adds_space:
            anchor, joined = self._encode("\n"), self._encode("\n" + text)
            if joined[: len(anchor)] == anchor:
                return joined[len(anchor) :]
        return self._encode(text)

    def after(self, written: str, text: str) -> tuple[list[int], list[int], bool]:
        """Token ids of `written`, of `text` behind it, and whether a tokenizer would merge across the boundary.

        They are encoded together where that leaves the tokens of `written` as they are, else apart: `written`
        never changes with what follows it.
        """
        head = self.encode(written)
        joint = self.encode(written + text)
        if joint[: len(head)] == head:
            return head, joint[len(head) :], False
        return head, self.encode(text), True

    def prompt(self, prompt: Prompt) -> tuple[int, ...]:
        """Token ids of a prompt and its lead; exact `lead_ids` are appended as they are.

        A tag that the template ends in, and that stands in the lead again (see `opening`), is written once.
        """
        text, ids = self._base(prompt.messages)
        if prompt.lead_ids is not None:
            if prompt.ids_from:
                ids = self.prompt(Prompt(prompt.messages, prompt.lead[: prompt.ids_from]))
            return (*ids, *prompt.lead_ids)
        lead = self._written(prompt)
        if not lead:
            return ids
        with self._lock:
            joint = tuple(self._encode(text + lead, special=not self.template))
            if joint[: len(ids)] == ids and len(joint) > len(ids):
                return joint
            return (*ids, *self._continue(lead))

    def _render(self, messages: tuple[Any, ...]) -> tuple[str, tuple[int, ...]]:
        with self._lock:
            if self.template:
                text = self._template([{"role": m.role, "content": m.content} for m in messages])
                ids = self._encode(text)
            else:
                text = "".join(f"{m.content}\n\n" for m in messages)
                ids = self._encode(text, special=True)
                end = self.tokenizer.eos_token_id
                if len(ids) > 1 and ids[-1] == end and end != self.tokenizer.bos_token_id:
                    ids = ids[:-1]
            if not ids:
                start = self.tokenizer.bos_token_id
                start = self.tokenizer.eos_token_id if start is None else start
                if start is None:
                    raise Refused("The prompt is empty and this tokenizer has no start token.", "Give it some text.")
                ids = [start]
            return text, tuple(ids)

    def _template(self, messages: list[dict[str, str]], *, open_turn: bool = True) -> str:
        from jinja2 import TemplateError

        try:
            return str(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=open_turn))
        except TemplateError as error:
            if len(messages) > 1 and messages[0]["role"] == "system":
                first = {**messages[1], "content": f"{messages[0]['content']}\n\n{messages[1]['content']}"}
                return self._template([first, *messages[2:]], open_turn=open_turn)
            raise Refused(
                f"This model's chat template refuses the messages: {error}.",
                "Roles must alternate, user first; or use a model without a template.",
            ) from error

    def end_of_turn(self) -> int | None:
        """The special token that the chat template writes after an assistant's turn, if it writes one."""
        if not self.template:
            return None
        mark = "workings"
        try:
            text = self._template(
                [{"role": "user", "content": "?"}, {"role": "assistant", "content": mark}], open_turn=False
            )
        except Refused:
            return None
        behind = text[text.rfind(mark) + len(mark) :] if mark in text else ""
        ids = self._encode(behind)
        return ids[0] if ids and ids[0] in self.special else None

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids; special tokens are left out."""
        with self._lock:
            return str(self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def decode_after(self, context: Sequence[int], ids: Sequence[int]) -> str:
        """Text that `ids` add behind the tokens of `context` (its last few decide about spaces)."""
        near = list(context[-_CONTEXT:])
        head = self.decode(near)
        whole = self.decode([*near, *ids])
        while head and not whole.startswith(head):
            head = head[:-1]
        return whole[len(head) :]

    @functools.cached_property
    def pieces(self) -> list[str]:
        """What each token id adds when it follows another one, by id; empty for special tokens."""
        anchor = self._encode("a")[-1]
        pairs = [[anchor, i] for i in range(len(self.tokenizer))]
        with self._lock:
            texts = self.tokenizer.batch_decode(pairs, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        head = self.decode([anchor])
        return [t[len(head) :] if t.startswith(head) else BROKEN for t in texts]
