"""Histories of messages made to fit: what is shown gets shorter, what was recorded stays as it is.

A `Compaction` is strategies in order and a budget. `history` says what belongs together and what is
never left out; each strategy has a file of its own. Imports `model` alone.
"""

from ripieno.resilience.compaction.budget import Budget, BudgetError, Kept, estimate
from ripieno.resilience.compaction.collapse import Collapse
from ripieno.resilience.compaction.compaction import Compaction
from ripieno.resilience.compaction.history import History, Unit
from ripieno.resilience.compaction.messages import Message, ToolCall
from ripieno.resilience.compaction.strategy import Desk, Strategy
from ripieno.resilience.compaction.summary import Summary
from ripieno.resilience.compaction.window import Window

__all__ = [
    "Budget",
    "BudgetError",
    "Collapse",
    "Compaction",
    "Desk",
    "History",
    "Kept",
    "Message",
    "Strategy",
    "Summary",
    "ToolCall",
    "Unit",
    "Window",
    "estimate",
]
