"""Names with settings."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.catalog import build, canonical_spec, entries, parse_spec
from workings.catalog.spec import parse_settings, typed_settings
from workings.core.capability import Capability
from workings.core.errors import BadSetting, UnknownName, UsageError
from workings.models.http import Endpoint
from workings.reason.best_of_n import BestOfN
from workings.reason.cot import Cot
from workings.reason.vote import Vote

WORD = st.text("abcdefghijklmnopqrstuvwxyz-_0123456789", min_size=1, max_size=8)
VALUE = st.text("abcXYZ0123456789.-_/ :", max_size=10).map(str.strip)


@settings(deadline=None)
@given(WORD, st.dictionaries(WORD, VALUE, max_size=5))
def test_what_is_written_is_read(name, settings):
    spec = name + (":" + ",".join(f"{k}={v}" for k, v in settings.items()) if settings else "")
    assert parse_spec(spec) == (name, settings)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        name, settings = parse_spec(text)
    except BadSetting as error:
        assert error.next_step
    else:
        assert name and all(settings)


def test_sets_and_mappings_are_written_as_names_and_json():
    text = 'capabilities=seeds+stop+white-box,extra={"a": [1, 2], "b": {"c": "x,}\\""}},proxy=none,key_env='
    given = typed_settings("http", Endpoint, parse_settings(text, "http"))
    assert given["capabilities"] == {Capability.SEEDS, Capability.STOP, Capability.WHITE_BOX}
    assert given["extra"] == {"a": [1, 2], "b": {"c": 'x,}"'}} and given["proxy"] is None and given["key_env"] == ""


@pytest.mark.parametrize("text", ["capabilities=sedes", "extra=[1]", "extra={", "extra=" + "{" * 20_000])
def test_sets_and_mappings_that_do_not_fit_are_refused(text):
    with pytest.raises(BadSetting):
        typed_settings("http", Endpoint, parse_settings(text, "http"))


def test_a_type_that_no_text_stands_for_is_refused():
    def factory(grid: list[int], what: bytes) -> None: ...

    for key in ("grid", "what"):
        with pytest.raises(BadSetting, match=key):
            typed_settings("thing", factory, {key: "1"})


VOTES = st.builds(
    Vote,
    n=st.integers(1, 99),
    weight=st.sampled_from(["count", "probability"]),
    style=st.sampled_from(["cot", "draft", "kojima"]),
    shots=st.integers(0, 8),
    stages=st.sampled_from([1, 2]),
    temperature=st.floats(0, 5),
    top_k=st.integers(0, 50),
    top_p=st.floats(0.01, 1),
    max_tokens=st.integers(1, 5000),
    answer_by=st.sampled_from(["lead", "turn"]),
    order=st.integers(0, 9),
    language=st.sampled_from(["auto", "en", "zh"]),
)


@settings(deadline=None, max_examples=25)
@given(VOTES)
def test_python_and_command_line_spell_the_same(method):
    spelt = ",".join(f"{f.name}={getattr(method, f.name)!r}".replace("'", "") for f in dataclasses.fields(method))
    assert build("methods", f"vote:{spelt}") == method
    short = canonical_spec("methods", f"vote:{spelt}")
    assert build("methods", short) == method
    assert canonical_spec("methods", short) == short


@settings(deadline=None, max_examples=25)
@given(st.floats(0, 100), st.booleans(), st.sampled_from(["last", "min", "product", "mean"]))
def test_a_canonical_spelling_keeps_every_digit(temperature, weighted, steps):
    spec = f"best-of-n:temperature={temperature!r},weighted={weighted},steps={steps}"
    assert build("methods", canonical_spec("methods", spec)) == BestOfN(
        temperature=temperature, weighted=weighted, steps=steps
    )


def test_two_spellings_of_one_method_are_one():
    spellings = ["vote:n=4,style=draft", "vote: style = draft , n = 4", "vote:style=draft,n=4,temperature=0.70,top_k=0"]
    assert {canonical_spec("methods", s) for s in spellings} == {"vote:n=4,style=draft"}
    assert canonical_spec("methods", "vote:n=16") == "vote"


def test_a_preset_is_part_of_the_name():
    assert build("methods", "draft") == Cot(style="draft")
    assert canonical_spec("methods", "draft:style=draft") == "draft"
    assert canonical_spec("methods", "draft:style=cot") == "draft:style=cot"
    assert build("methods", "draft:style=cot") == Cot()


@pytest.mark.parametrize(
    ("spec", "what", "hint"),
    [
        ("vot", "'vot'", "vote"),
        ("best_of_n", "'best_of_n'", "best-of-n"),
        ("zzzz", "'zzzz'", "cot"),
        ("vote:nn=4", "'nn'", "n"),
        ("vote:temprature=1", "'temprature'", "temperature"),
        ("vote:n=four", "'four'", "whole number"),
        ("vote:n=4.5", "'4.5'", "whole number"),
        ("vote:n=", "''", "whole number"),
        ("vote:temperature=hot", "'hot'", "number"),
        ("vote:weight=mean", "'mean'", "count or probability"),
        ("best-of-n:weighted=perhaps", "'perhaps'", "true or false"),
        ("vote:n=4,n=5", "'n' stands twice", "once"),
        ("vote:n", "'n'", "vote:n=16"),
        ("vote:=4", "'=4'", "vote:n=16"),
        ("", "''", "vote:n=16"),
        (":n=4", "':n=4'", "vote:n=16"),
        ("vote:n=0", "n=0", "n=1"),
        ("vote:temperature=-1", "temperature=-1", "Sampling"),
        ("vote:temperature=nan", "'nan'", "finite"),
        ("vote:temperature=inf", "'inf'", "finite"),
        ("vote:temperature=1e999", "'1e999'", "finite"),
    ],
)
def test_mistakes_name_the_value_and_the_next_step(spec, what, hint):
    with pytest.raises(UsageError) as mistake:
        build("methods", spec)
    assert what in mistake.value.what and hint in mistake.value.next_step and mistake.value.next_step


def test_near_names_come_first():
    with pytest.raises(UnknownName, match="Did you mean vote or"):
        build("methods", "votes")


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("Yes", True), ("1", True), ("FALSE", False), ("no", False)]
)
def test_booleans_have_several_spellings(text, value):
    assert build("methods", f"best-of-n:weighted={text}").weighted is value


def test_a_setting_may_be_none_where_its_type_says_so():
    from workings.catalog.spec import typed_settings

    def factory(count: int | None = 3, share: float = 0.5) -> None: ...

    assert typed_settings("f", factory, {"count": "none", "share": "1e-3"}) == {"count": None, "share": 1e-3}
    assert typed_settings("f", factory, {"count": "4"}) == {"count": 4}


@pytest.mark.parametrize("kind", ["methods", "graders"])
def test_every_entry_loads_and_says_what_it_is(kind):
    for name, entry in entries(kind).items():
        assert entry.summary and name == entry.name and callable(entry.load())
        if kind == "graders" and name != "arithmetic":
            continue  # they need a model, a folder or torch: see test_graders.py
        made = build(kind, name)
        assert canonical_spec(kind, name) == name and made == build(kind, name)


def test_numbers_are_finite():
    assert math.isfinite(build("methods", "vote:temperature=1e3").temperature)
