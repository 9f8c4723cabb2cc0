"""Other packages add to the catalog by entry points, and replace nothing."""

from __future__ import annotations

import importlib
import sys

import pytest

from workings.catalog import build, canonical_spec, entries, open_model, open_problems
from workings.core.errors import BadSetting, DataError, MissingExtra, UnknownName
from workings.reason.vote import Vote

SOURCE = '''
from dataclasses import dataclass

from workings.core.problem import AnswerKind, Problem, Question
from workings.reason.cot import Cot
from workings.testing import item_model, item_problems


@dataclass(frozen=True)
class Echo(Cot):
    """A method of another package."""

    loud: bool = False


def impostor(n: int = 1):
    raise AssertionError("a built-in was replaced")


def items(right: str = "1", many: int = 5):
    return item_problems(many, right=right)


def scripted(chance: float = 0.6):
    return item_model({"1": chance, "2": 1 - chance})
'''
POINTS = """[workings.methods]
echo = other_package_of_workings:Echo
vote = other_package_of_workings:impostor
[workings.problems]
items = other_package_of_workings:items
[workings.models]
scripted = other_package_of_workings:scripted
"""


@pytest.fixture
def other_package(tmp_path, monkeypatch):
    (tmp_path / "other_package_of_workings.py").write_text(SOURCE)
    info = tmp_path / "other_package_of_workings-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-package-of-workings\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield
    sys.modules.pop("other_package_of_workings", None)


def test_a_package_adds_a_method(other_package):
    assert entries("methods")["echo"].summary == "from other-package-of-workings"
    method = build("methods", "echo:loud=true,temperature=0.5")
    assert method.loud is True and method.temperature == 0.5
    assert canonical_spec("methods", "echo:temperature=0.5,loud=yes") == "echo:temperature=0.5,loud=true"


def test_a_package_cannot_replace_a_built_in(other_package):
    assert build("methods", "vote:n=3") == Vote(n=3)


def test_without_the_package_its_names_are_unknown():
    with pytest.raises(UnknownName, match="'echo'"):
        build("methods", "echo")


def test_a_package_adds_problems(other_package):
    found = open_problems("items:right=2,many=7")
    assert len(found) == 7 and found[0].gold == "102"
    assert len(open_problems("items", count=3)) == 3
    with pytest.raises(BadSetting, match="'wrong'"):
        open_problems("items:wrong=2")


def test_a_package_adds_a_model(other_package):
    assert open_model("scripted,chance=0.9").identity.name == "items"
    with pytest.raises(BadSetting, match="'chanse'"):
        open_model("scripted,chanse=0.9")


def test_a_package_that_cannot_be_imported_harms_no_one_else(tmp_path, monkeypatch):
    info = tmp_path / "broken_package_of_workings-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-package-of-workings\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[workings.methods]\nbroken = no_such_module_here:Nothing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    assert "broken" in entries("methods")
    assert build("methods", "vote:n=2") == Vote(n=2)
    with pytest.raises((DataError, MissingExtra), match="broken"):
        build("methods", "broken")
