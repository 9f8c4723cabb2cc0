"""Contract checks for authors: what every method, model, grader and problem family of ours passes.

Each check runs a list of laws and raises AssertionError with the law that does not hold and what was seen. They need
no test framework, no network and no weights; put one in a test of your own package.
"""

from workings.testing.families import check_family as check_family
from workings.testing.graders import check_grader as check_grader
from workings.testing.methods import check_method as check_method
from workings.testing.models import check_model as check_model
from workings.testing.worlds import Counted as Counted
from workings.testing.worlds import Delayed as Delayed
from workings.testing.worlds import Failing as Failing
from workings.testing.worlds import Lacking as Lacking
from workings.testing.worlds import MemoryRecord as MemoryRecord
from workings.testing.worlds import item_model as item_model
from workings.testing.worlds import item_problems as item_problems
from workings.testing.worlds import item_world as item_world

__all__ = [
    "Counted",
    "Delayed",
    "Failing",
    "Lacking",
    "MemoryRecord",
    "check_family",
    "check_grader",
    "check_method",
    "check_model",
    "item_model",
    "item_problems",
    "item_world",
]
