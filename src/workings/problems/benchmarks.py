"""Named benchmarks: where their files are looked for, and how to get them."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workings.core.errors import BadSetting, DataError, UnknownName
from workings.core.problem import Problem
from workings.problems import readers
from workings.problems.fields import FieldMap, read_table
from workings.problems.files import Row

__all__ = ["BENCHMARKS", "Benchmark", "load", "names"]

FOLDER = "WORKINGS_DATA"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark: its reader, the file names of each split (first wins), and its copy on the hub.

    `files` lists the default split first. `hub_splits` maps our split to theirs; several of theirs are joined
    with "+". `hub_fields` maps our column to theirs where the names differ. `home` says where the published
    files are.
    """

    read: Callable[[Path, str | None], Iterator[Problem]]
    files: Mapping[str, tuple[str, ...]]
    home: str
    hub: str
    hub_config: str | None = None
    hub_splits: Mapping[str, str] = field(default_factory=dict)
    hub_fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def split(self) -> str:
        """The split that is read when none is named."""
        return next(iter(self.files))


BENCHMARKS: Mapping[str, Benchmark] = {
    "gsm8k": Benchmark(
        readers.read_gsm8k,
        {"test": ("test.jsonl",), "train": ("train.jsonl",)},
        "github.com/openai/grade-school-math, folder grade_school_math/data",
        "openai/gsm8k",
        "main",
        {"test": "test", "train": "train"},
    ),
    "svamp": Benchmark(
        readers.read_svamp,
        {"test": ("SVAMP.json", "svamp.json")},
        "github.com/arkilpatel/SVAMP, file SVAMP.json",
        "ChilleD/SVAMP",
        None,
        {"test": "train+test"},
    ),
    "aqua": Benchmark(
        readers.read_aqua,
        {"test": ("test.json", "test.jsonl"), "dev": ("dev.json", "dev.jsonl"), "train": ("train.json",)},
        "github.com/google-deepmind/AQuA",
        "deepmind/aqua_rat",
        "raw",
        {"test": "test", "dev": "validation", "train": "train"},
    ),
    "strategyqa": Benchmark(
        readers.read_strategyqa,
        {"dev": ("dev.json",), "train": ("train.json",), "test": ("task.json", "test.json")},
        "github.com/eladsegal/strategyqa, folder data/strategyqa",
        "ChilleD/StrategyQA",
        None,
        {"test": "test", "train": "train"},
    ),
    "commonsenseqa": Benchmark(
        readers.read_commonsenseqa,
        {
            "dev": ("dev_rand_split.jsonl", "dev.jsonl"),
            "train": ("train_rand_split.jsonl", "train.jsonl"),
            "test": ("test_rand_split_no_answers.jsonl", "test.jsonl"),
        },
        "www.tau-nlp.sites.tau.ac.il/commonsenseqa",
        "tau/commonsense_qa",
        None,
        {"dev": "validation", "train": "train", "test": "test"},
    ),
    "asdiv": Benchmark(
        readers.read_asdiv,
        {"test": ("ASDiv.xml", "dataset/ASDiv.xml")},
        "github.com/chaochun/nlu-asdiv-dataset, file dataset/ASDiv.xml",
        "EleutherAI/asdiv",
        None,
        {"test": "validation"},
    ),
    "mawps": Benchmark(
        readers.read_mawps,
        {"test": ("mawps.json", "mawps.jsonl", "test.csv", "cv_mawps", ".")},
        "github.com/arkilpatel/SVAMP, folder data/cv_mawps",
        "mwpt5/MAWPS",
        None,
        {"test": "train"},
    ),
}

_TASK_HOME = "github.com/suzgunmirac/BIG-Bench-Hard, folder bbh"


def names() -> tuple[str, ...]:
    """The benchmarks that `load` knows; "bbh/<task>" stands for every task file of BIG-Bench Hard."""
    return (*BENCHMARKS, "bbh/<task>")


def load(
    name: str, *, path: str | Path | None = None, split: str | None = None, fields: FieldMap | None = None
) -> list[Problem]:
    """The problems of a named benchmark, in file order, with ids such as "gsm8k-test-17" (numbered from 0).

    Looked for at `path` (a file, or the folder with the benchmark's files); else in the folder that WORKINGS_DATA
    names, as <folder>/<name>/<file>; else on the hub, when `datasets` is installed. With `fields`, or for a name
    that is no benchmark's, `path` must be a table that the field map describes.

    Raises UnknownName, DataError for a file that is missing or malformed, BadSetting for a split that is not there.
    Numbers of items are not checked: a shortened file is read as it is.
    """
    if fields is not None or (path is not None and name not in BENCHMARKS and not name.startswith("bbh/")):
        if path is None:
            raise BadSetting(f"{name!r} has a field mapping and no file.", "Give a path.")
        return _some(read_table(Path(path), fields or FieldMap(), family=name, split=split or ""), name)
    known = _benchmark(name)
    split = split or (known.split if path is None or Path(path).is_dir() else None)
    if path is not None:
        return _some(known.read(_at(Path(path), known, name, split), split), name)
    if split is None or split not in known.files:
        raise BadSetting(f"{name} has no split {split!r}.", f"There are: {', '.join(known.files)}.")
    folder = os.environ.get(FOLDER)
    if folder:
        found = _within(Path(folder), known, name, split)
        if found is not None:
            return _some(known.read(found, split), name)
    if _installed("datasets"):
        return _some(_from_hub(known, name, split), name)
    raise DataError(f"The files of {name} ({split}) were not found.", _ways(known, name, split, folder))


def _benchmark(name: str) -> Benchmark:
    if name in BENCHMARKS:
        return BENCHMARKS[name]
    room, slash, task = name.partition("/")
    if room == "bbh" and slash and task.replace("_", "").isalnum():

        def read(path: Path, split: str | None) -> Iterator[Problem]:
            return readers.read_bbh(path, split, family=name)

        return Benchmark(read, {"test": (f"{task}.json",)}, _TASK_HOME, "lukaemon/bbh", task, {"test": "test"})
    raise UnknownName.among("benchmark", name, names())


def _at(path: Path, known: Benchmark, name: str, split: str | None) -> Path:
    if not path.exists():
        raise DataError(f"{path} does not exist.", f"Give a file or folder of {name}: {known.home}.")
    if path.is_file():
        return path
    chosen = split or known.split
    for file in known.files.get(chosen, ()):
        if _readable(path / file):
            return path / file
    wanted = ", ".join(known.files.get(chosen, ())) or "none"
    raise DataError(f"{path} holds no file of {name} for the split {chosen!r}.", f"File names looked for: {wanted}.")


def _within(folder: Path, known: Benchmark, name: str, split: str) -> Path | None:
    for place in (folder / name.split("/")[0], folder / name):
        for file in known.files[split]:
            if _readable(place / file):
                return place / file
    return None


def _readable(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and any(path.glob("fold*/dev.csv")))


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _from_hub(known: Benchmark, name: str, split: str) -> Iterator[Problem]:
    theirs = known.hub_splits.get(split)
    if theirs is None:
        offered = ", ".join(known.hub_splits)
        raise BadSetting(f"The hub's copy of {name} has no split {split!r}.", f"There are: {offered}.")
    datasets: Any = importlib.import_module("datasets")
    try:
        table = datasets.load_dataset(known.hub, known.hub_config, split=theirs)
    except (OSError, ValueError, RuntimeError) as error:
        ways = _ways(known, name, split, os.environ.get(FOLDER))
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{known.hub} could not be loaded from the hub: {reason:.160}.", ways) from error
    rows = _renamed(table, known)
    parts = readers.rows_to_parts(name, rows)
    return readers.build(parts, name, split)


def _renamed(table: Iterable[Mapping[str, Any]], known: Benchmark) -> Iterator[Row]:
    for number, values in enumerate(table, start=1):
        ours = {our: values[their] for our, their in known.hub_fields.items() if their in values}
        yield Row({**values, **ours}, known.hub, number, "row")


def _ways(known: Benchmark, name: str, split: str, folder: str | None) -> str:
    file = known.files[split][0]
    place = f"{folder or '<folder>'}/{name.split('/')[0]}/{file}"
    set_it = f"put it at {place}" if folder else f"set {FOLDER}=<folder> and put it at {place}"
    return (
        f"Any of three ways: get it from {known.home} and give its path; {set_it}; "
        f'or install the hub\'s reader with "pip install datasets".'
    )


def _some(problems: Iterable[Problem], name: str) -> list[Problem]:
    found = list(problems)
    if not found:
        raise DataError(f"No problems of {name} were found in the file.", "Is it the right file, and whole?")
    seen: set[str] = set()
    for at, problem in enumerate(found):
        if problem.id in seen:
            given = replace(problem.question, id=f"{problem.id}#{at}")
            found[at] = replace(problem, question=given)
        seen.add(found[at].id)
    return found
