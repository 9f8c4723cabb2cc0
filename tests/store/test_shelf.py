"""Laws of the shelf: what is put is got, across processes, within its bound."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded import TEXT

from workings.core.completion import Completion
from workings.core.errors import DataError
from workings.core.wire import pack, unpack
from workings.run import ports
from workings.store.shelf import Shelf

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.just("~float"), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(TEXT, VALUES, max_size=5), TEXT)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_put_is_got(tmp_path_factory: pytest.TempPathFactory, items: dict[str, Any], other: str) -> None:
    with Shelf.open(tmp_path_factory.mktemp("shelf")) as shelf:
        shelf.put_many(items)
        assert shelf.get_many([*items, other]) == items
        assert len(shelf) == len(items)


def test_it_fits_the_port_and_keeps_completions(tmp_path: Path) -> None:
    completion = Completion("一 \ud800", logprobs=(-0.5, -math.inf))
    with Shelf.open(tmp_path) as shelf:
        port: ports.Shelf = shelf
        port.put_many({"k": pack(completion)})
    with Shelf.open(tmp_path) as shelf:
        assert unpack(Completion, shelf.get_many(["k", "none"])["k"]) == completion


def test_a_later_value_replaces_the_earlier(tmp_path: Path) -> None:
    with Shelf.open(tmp_path) as shelf:
        shelf.put_many({"k": 1, "other": 2})
        shelf.put_many({"k": 3})
        assert shelf.get_many(["k", "other"]) == {"k": 3, "other": 2}


def test_many_at_once(tmp_path: Path) -> None:
    items = {f"key {n}": [n, "x" * (n % 50)] for n in range(1234)}
    with Shelf.open(tmp_path) as shelf:
        shelf.put_many(items)
        assert shelf.get_many(items) == items
        assert shelf.get_many([]) == {}
        shelf.put_many({})


def test_the_least_recently_used_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import random

    from workings.store import shelf as module

    noise = random.Random(1)
    items = {f"k{n}": noise.randbytes(2000).hex() for n in range(200)}
    limit = 600_000
    with Shelf.open(tmp_path, max_bytes=limit) as shelf:
        monkeypatch.setattr(module, "_today", lambda: 1)
        shelf.put_many(dict(list(items.items())[:100]))
        assert len(shelf) == 100
        monkeypatch.setattr(module, "_today", lambda: 2)
        assert len(shelf.get_many(["k0", "k1"])) == 2
        shelf.put_many(dict(list(items.items())[100:]))
        assert 0 < len(shelf) < 200
        assert shelf.get_many(["k0", "k1", "k199"]).keys() == {"k0", "k1", "k199"}
        assert shelf.get_many(["k2", "k3", "k4"]) == {}


def test_two_processes_share_a_shelf(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from workings.store.shelf import Shelf\n"
        "shelf = Shelf.open(Path(sys.argv[1]))\n"
        "for n in range(100): shelf.put_many({f'{sys.argv[2]} {n}': n, 'both': sys.argv[2]})\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in ("a", "b")]
    assert [process.wait() for process in processes] == [0, 0]
    with Shelf.open(tmp_path) as shelf:
        assert len(shelf) == 201
        assert shelf.get_many([f"{name} {n}" for name in "ab" for n in range(100)]).keys() >= {"a 0", "b 99"}


def test_a_shelf_that_is_no_shelf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cache.db").write_bytes(b"something else entirely" * 100)
    with pytest.raises(DataError, match="cache of workings"):
        Shelf.open(tmp_path)


def test_a_closed_shelf_says_so(tmp_path: Path) -> None:
    shelf = Shelf.open(tmp_path)
    shelf.close()
    with pytest.raises(DataError, match="cache"):
        shelf.get_many(["k"])
