"""Everything that has a name, and how names with settings become objects."""

from workings.catalog.entries import Entry as Entry
from workings.catalog.entries import entries as entries
from workings.catalog.models import open_model as open_model
from workings.catalog.sets import open_problems as open_problems
from workings.catalog.spec import build as build
from workings.catalog.spec import canonical_spec as canonical_spec
from workings.catalog.spec import parse_spec as parse_spec

__all__ = ["Entry", "build", "canonical_spec", "entries", "open_model", "open_problems", "parse_spec"]
