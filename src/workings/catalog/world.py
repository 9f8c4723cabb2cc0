"""The world a run needs, put together from names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from workings.catalog.entries import entries
from workings.catalog.models import open_model
from workings.catalog.spec import build, parse_spec
from workings.run.drive import World
from workings.run.ports import Grader, Model

if TYPE_CHECKING:
    from workings.graders.maths import MathsJudge

__all__ = ["open_judge", "open_world"]


class _Graders(Mapping[str, Grader]):
    """Every grader of the catalog by its spec, built when it is first asked; a judge is handed `model`."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._built: dict[str, Grader] = {}
        self._names: frozenset[str] | None = None

    def _known(self) -> frozenset[str]:
        """The names, read once: a run asks for them at every grade."""
        if self._names is None:
            self._names = frozenset(entries("graders"))
        return self._names

    def __getitem__(self, spec: str) -> Grader:
        if spec not in self._built:
            self._built[spec] = build("graders", spec, {"model": self._model})
        return self._built[spec]

    def __contains__(self, spec: object) -> bool:
        return spec in self._built or (isinstance(spec, str) and parse_spec(spec)[0] in self._known())

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._known()))

    def __len__(self) -> int:
        return len(self._known())


def open_world(model: str, *, cache: Path | None = None) -> World:
    """A world around the model that `model` names, with all graders and, when math-verify is there, its judge.

    With `cache` completions are kept in that folder and used again. `World.aclose` closes all of it.
    """
    opened = open_model(model)
    closers: list[Callable[[], None]] = []
    if cache is not None:
        from workings.models.cached import CachedModel
        from workings.store.shelf import Shelf

        cache.mkdir(parents=True, exist_ok=True)
        shelf = Shelf.open(cache)
        opened = CachedModel(opened, shelf)
        closers.append(shelf.close)
    judge = open_judge()
    if judge is not None:
        closers.append(judge.close)
    return World(opened, _Graders(opened), judge, tuple(closers))


def open_judge() -> MathsJudge | None:
    """The judge of formulas, or None when math-verify is not installed. Close it when done."""
    if find_spec("math_verify") is None:
        return None
    from workings.graders.maths import MathsJudge

    return MathsJudge()
