"""Reward models: verifiers that are transformers models, in our form and in the published ones."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workings.core.ask import Grade, Grades, sigmoid
from workings.core.completion import Usage
from workings.core.errors import BadSetting, DataError, GraderError, MissingExtra, UnknownName
from workings.core.problem import Question
from workings.graders.formats import FORMATS, Format
from workings.reason.reading import Reading

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Kind", "RewardModel", "load", "pocket"]

Kind = Literal["probability", "logit"]
_DIGITS = 5


class RewardModel:
    """A verifier on a transformers backbone: one score a step, or one a chain.

    `backbone` returns hidden states and `readout` makes one logit of each (see `load`, which finds both). A score
    covers everything from the question to its step; as a probability it is the logit's sigmoid. Scores are rounded to
    five digits, so that rows which were computed together do not differ from rows computed alone in ways that decide
    ties. `doubt` times the least log-probability of any token so far is added to each logit, for verifiers that were
    trained so. `every` reads a verifier of outcomes at every step all the same: what it then says of a step is how the
    whole chain is likely to end.

    Nothing is cut: a chain longer than `context` tokens is refused with GraderError. Beginnings that were read before,
    in this ask or an earlier one, are not computed again; they are counted as cached. `room` bytes of keys and values
    are kept for that. Safe to ask from several tasks at once; one forward runs at a time.
    """

    def __init__(
        self,
        backbone: Any,
        tokenizer: Any,
        readout: Callable[[Tensor], Tensor],
        form: Format,
        *,
        per: Literal["step", "chain"] | None = None,
        kind: Kind = "probability",
        every: bool = False,
        context: int | None = None,
        room: int = 256_000_000,
        doubt: float = 0.0,
        name: str = "reward model",
    ) -> None:
        from workings.graders.prefixes import Prefixes

        if kind not in ("probability", "logit"):
            raise BadSetting(f"kind={kind!r} is not known.", "Use probability or logit.")
        self.backbone = backbone.eval()
        self.tokenizer = tokenizer
        self.per = "step" if every else per or form.per
        self.kind = "unbounded" if form.unbounded else kind
        self.name = name
        config = backbone.config.get_text_config(decoder=True)
        self.context = context or int(getattr(config, "max_position_embeddings", 0) or 1 << 30)
        self._form = form
        self._prefixes = Prefixes(self.backbone, readout, room=room, doubt=doubt)
        self._heads: dict[Question, int] = {}
        self._lock = threading.Lock()

    @property
    def shares(self) -> bool:
        """Whether this backbone lets beginnings be shared."""
        return self._prefixes.shares

    async def grade(self, ask: Grade) -> Grades:
        """Scores of shape (chain, step), or (chain, 1) where whole chains are judged.

        Raises GraderError for a chain without steps, one that does not fit, or one that its format cannot hold.
        """
        return await asyncio.to_thread(self._grade, ask)

    def _grade(self, ask: Grade) -> Grades:
        with self._lock:
            readings = [self._reading(ask.question, steps) for steps in ask.chains]
            head = self._head(ask.question) if ask.chains else 0
            rows, tally = self._prefixes.read([_pieces(reading, head) for reading in readings])
        scores = tuple(
            tuple(map(self._score, row[-len(reading.places) :])) for row, reading in zip(rows, readings, strict=True)
        )
        usage = Usage(prompt=tally.computed, cached=tally.read - tally.computed, calls=1 if ask.chains else 0)
        return Grades(scores, self.kind, usage)

    def _reading(self, question: Question, steps: Sequence[str]) -> Reading:
        if not steps:
            raise GraderError(f"{self.name} was given a chain without steps.", "Leave it out.")
        try:
            reading = self._form.read(self.tokenizer, question, steps)
        except (UnicodeEncodeError, TypeError) as error:
            raise GraderError(f"{self.name} cannot read a step: {error}.", "Give it text.") from error
        if len(reading.ids) > self.context:
            raise GraderError(
                f"A chain has {len(reading.ids)} tokens and {self.name} holds {self.context}; nothing is cut.",
                "Leave that chain out, or use a verifier with a longer context.",
            )
        if self.per == "chain":
            return Reading(reading.ids, reading.places[-1:])
        return reading

    def _head(self, question: Question) -> int:
        """How many tokens of the question stand before any step, whatever the steps are."""
        if question not in self._heads:
            one, two = (self._form.read(self.tokenizer, question, (text,)).ids for text in ("1", "A"))
            same = next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), 0)
            if len(self._heads) > 10_000:
                self._heads.clear()
            self._heads[question] = same
        return self._heads[question]

    def _score(self, logit: float) -> float:
        if math.isnan(logit):
            raise GraderError(f"{self.name} gave a score that is not a number.", "Use float32.")
        return round(sigmoid(logit) if self.kind == "probability" else logit, _DIGITS)


def _pieces(reading: Reading, head: int) -> tuple[tuple[int, ...], ...]:
    cuts = [place + 1 for place in reading.places]
    cuts = [head, *cuts] if 0 < head < cuts[0] else cuts
    return tuple(reading.ids[a:b] for a, b in zip([0, *cuts], cuts, strict=False))


def load(
    folder: Path,
    *,
    format: str = "auto",
    kind: Kind = "probability",
    every: bool = False,
    dtype: str = "auto",
    device: str = "auto",
    room_mb: int = 256,
    context: int | None = None,
) -> RewardModel:
    """Loads a verifier from a folder; nothing is downloaded, and no code that came with it is run.

    `format` "auto" reads our `verifier.json`, else knows Qwen2.5-Math-PRM by its architecture and Skywork's by its
    value head; Math-Shepherd and RLHFlow are plain language models and must be named. `dtype` "auto" is float32 on a
    processor and the stored format on a GPU. Raises DataError for a folder that holds no such verifier, MissingExtra
    without torch.
    """
    if find_spec("torch") is None or find_spec("transformers") is None:
        raise MissingExtra.of("A reward model", "local")
    folder = Path(folder).expanduser()
    if not (folder / "config.json").is_file():
        raise DataError(f"There is no model in {folder}.", "Give a folder with config.json.")
    told = _json(folder / "verifier.json")
    name = _format_of(folder, told) if format == "auto" else format
    if name not in FORMATS:
        raise UnknownName.among("verifier format", name, FORMATS)
    from workings.graders.weights import read_backbone

    backbone, tokenizer, readout, doubt = read_backbone(folder, FORMATS[name], dtype, device)
    per = told.get("per")
    return RewardModel(
        backbone,
        tokenizer,
        readout,
        FORMATS[name],
        per=per if per in ("step", "chain") else None,
        kind=kind,
        every=every,
        context=context,
        room=room_mb * 1_000_000,
        doubt=doubt,
        name=folder.name,
    )


def pocket(*, which: Literal["prm", "orm"] = "prm", every: bool = False, kind: Kind = "probability") -> RewardModel:
    """The shipped pocket verifier of steps ("prm") or outcomes ("orm")."""
    return load(Path(str(files("workings"))) / "graders" / f"pocket_{which}", every=every, kind=kind)


def _format_of(folder: Path, told: Mapping[str, Any]) -> str:
    if told:
        return str(told.get("format", "lines"))
    if "Qwen2ForProcessRewardModel" in _json(folder / "config.json").get("architectures", ()):
        return "qwen-prm"
    index = _json(folder / "model.safetensors.index.json").get("weight_map", {})
    single = folder / "model.safetensors"
    names = set(index)
    if single.is_file():
        from safetensors import safe_open

        with safe_open(single, "pt") as weights:
            names |= set(weights.keys())
    if any("v_head." in key for key in names):
        return "skywork"
    raise DataError(
        f"{folder} does not say what kind of verifier it is.", f"Give format=, one of: {', '.join(FORMATS)}."
    )


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{file} is not JSON: {error}.", "Get it again.") from error
    return found if isinstance(found, dict) else {}
