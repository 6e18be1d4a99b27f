"""Open-ended work, planned and directed by managers: the task ledger, the progress ledger, the rounds.

After Magentic-One (Fourney et al., 2024, arXiv 2411.04468). May import what patterns may.
"""

from ripieno.patterns.magentic.documents import Facts, Plan, PlanReview, Progress, Replan
from ripieno.patterns.magentic.pattern import Magentic, magentic

__all__ = ["Facts", "Magentic", "Plan", "PlanReview", "Progress", "Replan", "magentic"]
