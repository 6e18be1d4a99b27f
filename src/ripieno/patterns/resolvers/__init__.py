"""Rules by which the results of concurrent branches become one, a few kinds to a file.

May import `participants` and everything below.
"""

from ripieno.patterns.resolvers.asked import Judge, judge
from ripieno.patterns.resolvers.base import Resolver, Settled
from ripieno.patterns.resolvers.merge import Merge, merge
from ripieno.patterns.resolvers.picks import (
    First,
    HighestConfidence,
    Median,
    Priority,
    first,
    highest_confidence,
    median,
    priority,
)
from ripieno.patterns.resolvers.votes import (
    Majority,
    Quorum,
    Unanimous,
    WeightedVote,
    majority,
    quorum,
    unanimous,
    weighted,
)

__all__ = [
    "First",
    "HighestConfidence",
    "Judge",
    "Majority",
    "Median",
    "Merge",
    "Priority",
    "Quorum",
    "Resolver",
    "Settled",
    "Unanimous",
    "WeightedVote",
    "first",
    "highest_confidence",
    "judge",
    "majority",
    "median",
    "merge",
    "priority",
    "quorum",
    "unanimous",
    "weighted",
]
