"""Laws of extraction, and bugs that other projects published."""

from __future__ import annotations

import string
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workings.core.answer import NO_ANSWER, Source
from workings.core.problem import AnswerKind
from workings.verify.extract import extract
from workings.verify.number import format_number
from workings.verify.thinking import split_thinking

NUMBER, CHOICE, YES_NO, TEXT, GRID = (
    AnswerKind.NUMBER,
    AnswerKind.CHOICE,
    AnswerKind.YES_NO,
    AnswerKind.TEXT,
    AnswerKind.GRID,
)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


# Published bugs


def test_decimal_answer_is_not_cut_at_its_point() -> None:
    assert extract("The answer is 3.5", NUMBER).canonical == "3.5"


def test_three_does_not_match_thirteen() -> None:
    assert extract("The answer is 13.", CHOICE, ("3", "13", "30")).canonical == "B"
    assert extract("The answer is 3.", CHOICE, ("13", "30", "3")).canonical == "C"


def test_one_inside_twenty_one_is_not_an_option() -> None:
    assert extract("The answer is 21.", CHOICE, ("1", "2", "12")).canonical is None


@pytest.mark.parametrize(
    "prose", ["A man has 5 dogs.", "A: what a day! I saw A dog.", "I think. A lot.", "Apples and Bears"]
)
def test_capital_letters_in_prose_are_no_choice(prose: str) -> None:
    assert extract(prose, CHOICE, ("red", "blue", "green", "grey")) == NO_ANSWER


@pytest.mark.parametrize(
    "prose", ["I know it.", "Another note: nobody noticed snow.", "Yesterday was fine.", "我不知道"]
)
def test_no_inside_a_word_is_not_no(prose: str) -> None:
    assert extract(prose, YES_NO) == NO_ANSWER


@pytest.mark.parametrize("kind", list(AnswerKind))
@pytest.mark.parametrize(
    "text", ["", " \n\t ", "...", "I cannot help with that request today, because it is against my rules, sorry."]
)
def test_silence_is_no_answer(kind: AnswerKind, text: str) -> None:
    assert not extract(text, kind, ("red", "blue")).given


def test_whole_long_reply_is_never_the_answer() -> None:
    reply = "The last letters are n and k and so on and so forth, as anybody can see from the words."
    assert extract(reply, TEXT) == NO_ANSWER


def test_first_declared_answer_counts_when_the_model_invents_more_questions() -> None:
    reply = "2 + 3 = 5. The answer is 5.\n\nQ: How many?\nA: The answer is 9.\n\nQ: And now?\nA: The answer is 3."
    assert extract(reply, NUMBER).canonical == "5"


def test_recited_few_shot_text_in_thinking_does_not_answer() -> None:
    reply = "<think>Q: How many trees? A: The answer is 6.\nQ: Mine? 7 * 3 = 21</think>The answer is 21."
    assert extract(reply, NUMBER).canonical == "21"


def test_nested_braces_are_read_to_the_matching_one() -> None:
    answer = extract(r"So $\boxed{\frac{\text{12}}{5}}$ or rather \boxed{\dfrac{12}{5}}", NUMBER)
    assert (answer.canonical, answer.raw) == ("2.4", r"\dfrac{12}{5}")


def test_last_declaration_wins() -> None:
    assert extract("The answer is 1.\nThe answer is 2.\n\\boxed{3}\n#### 4", NUMBER).canonical == "4"


def test_declared_wins_over_last_number() -> None:
    answer = extract("The answer is 18. (Checked with 3 methods in 2 minutes.) 99", NUMBER)
    assert (answer.canonical, answer.source) == ("18", Source.DECLARED)


# Laws

numbers = st.one_of(
    st.integers(-(10**12), 10**12).map(Fraction),
    st.fractions(min_value=-1000, max_value=1000, max_denominator=97),
    st.decimals(-(10**6), 10**6, places=3, allow_nan=False, allow_infinity=False).map(Fraction),
)
FULL = str.maketrans(string.digits + ".,-%", "０１２３４５６７８９．，－％")


def styles(value: Fraction) -> list[str]:
    """The same number as models write it."""
    sign, size = ("-" if value < 0 else ""), abs(value)
    forms = [f"{value.numerator}/{value.denominator}"] if value.denominator > 1 else []
    forms.append(f"{sign}\\frac{{{size.numerator}}}{{{size.denominator}}}")
    plain = format_number(size)
    if plain and "/" not in plain:
        whole, dot, rest = plain.partition(".")
        grouped = f"{int(whole):,}{dot}{rest}"
        forms += [
            sign + f for f in (plain, grouped, grouped.replace(",", "{,}"), grouped.replace(",", "\\,"), f"${grouped}")
        ]
        forms += [grouped.replace(",", "'") if not sign else sign + grouped, f"−{plain}" if sign else f"+{plain}"]
        forms += [(sign + plain).translate(FULL), f"{sign}{plain} apples", f"{sign}{plain}%", f"${sign}{plain}$"]
        forms += [f"**{sign}{plain}**", f"{sign}{plain} km/h", f"\\text{{{sign}{plain}}}", f"{sign}{plain}e0"]
    if value.denominator == 1 and size < 10**6:
        forms += [f"{sign}{size}.0", f"{sign}{size}.000", f"{sign}0{size}"]
    return forms


FRAMES = [
    "The answer is {}.",
    "#### {}",
    "\\boxed{{{}}}",
    "Answer: {}",
    "So 3 + 4 and 5.\nFinal answer: {}",
    "答案是{}。",
    "<answer>{}</answer>",
]


@quick
@given(numbers, st.data())
def test_a_number_in_any_style_is_extracted_back(value: Fraction, data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(styles(value)))
    frame = data.draw(st.sampled_from(FRAMES))
    answer = extract(frame.format(form), NUMBER)
    assert answer.canonical == format_number(value), (frame, form, answer)


NOISE = st.lists(
    st.sampled_from(
        [
            "Let me see.",
            "There are 3 boxes with 12 pens each.",
            "So 3 * 12 = 36.",
            "**Step 1**",
            "我们先算3乘4。",
            "$x = 5$",
            "A man walks.",
        ]
    ),
    max_size=6,
).map("\n".join)


@quick
@given(st.integers(-9999, 9999), NOISE, st.sampled_from(["", "\n", " Done.", "\n\nI hope this helps!", "<|im_end|>"]))
def test_surrounding_prose_does_not_change_a_declared_answer(value: int, before: str, after: str) -> None:
    for frame in ("The answer is {}.", "\\boxed{{{}}}.", "答案是{}。"):
        assert extract(f"{before}\n{frame.format(value)}{after}", NUMBER).canonical == str(value)


@quick
@given(st.sampled_from("ABCD"), NOISE)
def test_a_declared_label_survives_prose(label: str, before: str) -> None:
    for frame in ("The answer is ({}).", "Answer: {}", "故选{}。", "\\boxed{{{}}}"):
        assert extract(f"{before}\n{frame.format(label)}", CHOICE, ("w", "x y", "z", "q q")).canonical == label


ALPHABET = (
    "0123456789.,-+/%$ \n\\{}()[]<>*_=?!:;'\"^&|~#aAbBxyzeEthinkboxdfracnoswer答案是不否十二百分之一半。，：（）１½×−√"
)
soup = st.text(ALPHABET, max_size=120) | st.text(max_size=60)


@quick
@given(soup, st.sampled_from(list(AnswerKind)), soup)
def test_any_text_is_read_without_error_and_spans_are_exact(text: str, kind: AnswerKind, thinking: str) -> None:
    answer = extract(text, kind, ("one", "two", "b") if kind is CHOICE else (), thinking=thinking)
    if answer.span is not None:
        assert text[slice(*answer.span)] == answer.raw
        assert answer.raw == answer.raw.strip() != ""
    assert answer.given <= bool(answer.raw)
    assert (answer.source is Source.NONE) == (answer == NO_ANSWER)


@quick
@given(soup)
def test_thinking_and_final_text_never_overlap(text: str) -> None:
    parts = split_thinking(text)
    assert len(parts.final) == len(parts.thinking) == len(text)
    for shown, hidden, own in zip(parts.final, parts.thinking, text, strict=True):
        assert shown in (own, "\n") or own == shown
        assert shown.isspace() or hidden.isspace()


HOSTILE = {
    "digits": "7" * 10_000_000,
    "ten megabytes": "So x = 5. " * 1_000_000,
    "boxes": "\\boxed{" * 200_000,
    "closed boxes": "\\boxed{" * 40_000 + "5" + "}" * 40_000,
    "closing tags": "</think>" * 50_000,
    "opening tags": "<think>" * 100_000,
    "blanks": " " * 1_000_000 + "x",
    "blank lines": "answer is" + "\n" * 200_000 + "x",
    "declarations": "the answer is " * 40_000,
    "declared numbers": "the answer is 5 or 6. " * 20_000,
    "brackets": "[[" * 200_000,
    "rows": "1 2 3\n" * 20_000,
    "open rows": "[[1,2]," * 20_000,
    "groups": "111,111," * 100_000,
    "fractions": "1/" * 200_000,
    "stars": "**" * 200_000,
    "equals": "=" * 400_000,
    "dashes": "-" * 400_000,
    "not": "not " * 100_000,
    "han": "一" * 200_000,
    "choices": "(A) or " * 40_000,
    "no": "no, " * 100_000,
    "letters": "n-" * 100_000,
    "words": "one and " * 40_000,
    "prose": "The cat sat on the mat, and 3 dogs ate 4 bones. " * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_replies_of_megabytes_are_read(name: str) -> None:
    text = HOSTILE[name]
    for kind in AnswerKind if len(text) < 5_000_000 else (NUMBER, CHOICE):
        answer = extract(text, kind, ("one", "two") if kind is CHOICE else ())
        assert answer.canonical is None or len(answer.canonical) <= 100_000


def test_endless_digits_are_kept_but_not_read() -> None:
    answer = extract("The answer is " + "9" * 250 + ".", NUMBER)
    assert answer.canonical == "9" * 250
    answer = extract("#### " + "9" * 100_000, NUMBER)
    assert answer.canonical is None and answer.raw.startswith("999")


def test_exponents_are_bounded() -> None:
    assert extract("The answer is 1e300.", NUMBER).canonical == "1" + "0" * 300
    assert extract("The answer is 1e400000000.", NUMBER).canonical is None
    assert extract("The answer is 1e-400000000.", NUMBER).canonical is None
