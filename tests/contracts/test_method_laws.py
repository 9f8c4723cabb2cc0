"""Every law over every method of the catalog, in several settings."""

from __future__ import annotations

import functools

import pytest
from method_settings import SPECS, made

from workings.testing import item_problems
from workings.testing.methods import LAWS, Bench


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law(law, spec):
    law(Bench(functools.partial(made, spec), problems=item_problems(2)))


def test_every_method_is_tried_in_several_settings():
    names = {spec.partition(":")[0] for spec in SPECS}
    assert {"direct", "cot", "draft", "vote", "best-of-n"} <= names
    assert {"vote:n=1", "vote:n=3,weight=probability", "best-of-n:n=3,by=arithmetic", "cot:stages=2"} <= set(SPECS)
