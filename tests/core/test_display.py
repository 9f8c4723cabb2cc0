"""What may be printed."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from workings.core.display import printable, with_thinking


def test_what_steers_a_terminal_is_replaced():
    assert printable("a\x1b[2Jb\u202ec\ud800d\r\ne\tf\x9b") == "a\ufffd[2Jb\ufffdc\ufffdd\ne\tf\ufffd"
    assert printable("a\nb\tc", lines=False) == "a\ufffdb\ufffdc"
    assert printable("x" * 10, 4) == "xxx…" and printable("x" * 4, 4) == "xxxx" and printable("xx", 0) == ""
    assert printable("é 答案 √2 👍") == "é 答案 √2 👍"


@given(st.text(max_size=60), st.none() | st.integers(0, 20), st.booleans())
def test_nothing_unfit_is_left(text, limit, lines):
    shown = printable(text, limit, lines=lines)
    kept = "\n\t" if lines else ""
    assert all(c in kept or unicodedata.category(c) not in ("Cc", "Cf", "Cs") for c in shown)
    assert limit is None or len(shown) <= limit
    assert printable(shown, limit, lines=lines) == shown


def test_thinking_is_shown_apart():
    assert with_thinking("hm", "7") == "[thinking]\nhm\n[/thinking]\n7" and with_thinking("", "7") == "7"
