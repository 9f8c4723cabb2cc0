"""Prompts of audits are data: both languages say the same things, under a version."""

from __future__ import annotations

import json
import re

import pytest

from workings.audit.phrases import phrases
from workings.core.errors import BadSetting

NAMES = ("ablations", "explaining", "insertions", "judging", "snowballing", "sycophancy")


def shape(told):
    """The keys of a file's sentences and the slots in each."""
    if isinstance(told, dict):
        return {key: shape(value) for key, value in told.items()}
    return len(told) if isinstance(told, list) else sorted(re.findall(r"\{\w+\}", told))


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_sentences_and_slots(name):
    english, chinese = phrases(name, "en"), phrases(name, "zh")
    assert english.version == chinese.version >= 1 and english.stamp == f"{name}/{english.version}/en"
    assert shape(english.texts) == shape(chinese.texts)
    assert not re.search("[\u4e00-\u9fff]", json.dumps(english.texts, ensure_ascii=False))


def test_slots_are_filled_once_and_braces_of_a_text_stay():
    told = phrases("sycophancy", "en")
    said = told.say("feedback", {"question": "{argument}", "argument": "a {set}", "stance": ""})
    assert said.startswith("{argument}") and "a {set}" in said


def test_another_language_is_refused():
    with pytest.raises(BadSetting, match="'fr'"):
        phrases("sycophancy", "fr")
