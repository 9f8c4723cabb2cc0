"""The vocabulary: digits stay apart, every text comes back, a chat is written as the model was trained."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from hypothesis import given
from hypothesis import strategies as st

from workings.train.vocabulary import ASSISTANT, END, PAD, SYSTEM, USER, build_vocabulary

TEXTS = [
    "Total: 12 + 345 = 357.\nLeft: 100 - 99 = 1.",
    "2024-11-30 12:34:56, mod 7: 777777 777777 777777 1000000 1000000",
    "Digits: 0 1 2 3 4 5 6 7 8 9",
    "If the answer is 42, the answer is 42. The answer is 42.\n\n  Then 3×4=12 and 12÷4=3.",
]
SPECIAL = (PAD, USER, ASSISTANT, SYSTEM, END)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return build_vocabulary(TEXTS * 50, 400, tmp_path_factory.mktemp("vocabulary"))


def ids_of(tokenizer: Any, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def test_no_token_holds_two_digits_however_often_they_stood_together(tokenizer):
    tokens = [tokenizer.decode([n]) for n in range(len(tokenizer))]
    assert not [token for token in tokens if len(re.findall(r"\d", token)) > 1]
    assert not [token for token in tokens if re.search(r"\d", token) and not re.fullmatch(r" ?\d", token)]
    assert any(len(token) > 4 and token not in SPECIAL for token in tokens), "Nothing was merged at all."


@given(digits=st.from_regex(r"\A[0-9]{1,30}\Z"), before=st.sampled_from(("", " ", "x", "=", "\n")))
def test_a_number_has_a_token_for_each_digit(tokenizer, digits, before):
    """A space goes to the first digit; what else stands before keeps its own tokens."""
    own = ids_of(tokenizer, before + digits)
    if before.strip(" "):
        own = own[len(ids_of(tokenizer, before)) :]
    assert len(own) == len(digits)
    assert "".join(tokenizer.decode([n]) for n in own).strip() == digits


@given(text=st.text(max_size=60))
def test_every_text_comes_back_as_it_was(tokenizer, text):
    text = text.encode("utf-8", "ignore").decode()
    assert tokenizer.decode(ids_of(tokenizer, text)) == text


def test_a_size_is_never_exceeded(tmp_path):
    sizes = [len(build_vocabulary(TEXTS * 50, size, tmp_path)) for size in (265, 280, 100_000)]
    assert sizes[:2] == [265, 280]
    assert 280 < sizes[2] < 1000, "Three short texts hold no more to merge."


def test_padding_is_token_0_and_the_special_tokens_are_one_token_each(tokenizer):
    assert tokenizer.pad_token_id == 0
    for mark in SPECIAL:
        assert len(ids_of(tokenizer, mark)) == 1
    assert tokenizer.eos_token_id == ids_of(tokenizer, END)[0]


def test_a_chat_is_written_turn_by_turn_and_the_folder_says_how(tokenizer, tmp_path):
    from transformers import AutoTokenizer

    build_vocabulary(TEXTS, 400, tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    turns = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
    for one in (tokenizer, again):
        told = one.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        assert told == f"{SYSTEM}S{END}{USER}U{END}{ASSISTANT}"
    assert json.loads(Path(tmp_path / "tokenizer.json").read_text(encoding="utf-8"))["model"]["type"] == "BPE"


def test_the_same_texts_give_the_same_vocabulary(tokenizer, tmp_path):
    assert build_vocabulary(TEXTS * 50, 400, tmp_path).get_vocab() == tokenizer.get_vocab()
