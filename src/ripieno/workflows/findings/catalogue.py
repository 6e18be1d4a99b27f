"""All kinds of findings, errors first."""

from __future__ import annotations

from typing import Final

from ripieno.workflows.findings.abandoned_effects import AbandonedEffects
from ripieno.workflows.findings.agents import AgentWithoutTools, OneAgentWouldDo, TooManyTools
from ripieno.workflows.findings.base import FindingKind
from ripieno.workflows.findings.checks_itself import ChecksItself
from ripieno.workflows.findings.constant_condition import ConstantCondition
from ripieno.workflows.findings.crowded_chat import CrowdedChat
from ripieno.workflows.findings.due_after_deadline import DueAfterDeadline
from ripieno.workflows.findings.endless_wait import EndlessWait
from ripieno.workflows.findings.escalation_to_itself import EscalationToItself
from ripieno.workflows.findings.handoff_guards import HandoffLimitTooLow, HandoffToNobody
from ripieno.workflows.findings.handoffs import CannotHandOver, HandoffUnreachable, HandoffWithoutWayOut
from ripieno.workflows.findings.high_risk_alone import HighRiskAlone
from ripieno.workflows.findings.independent_stages import IndependentStages
from ripieno.workflows.findings.limit_above_workflow import LimitAboveWorkflow
from ripieno.workflows.findings.memory import EndlessMemory, SharedMemory
from ripieno.workflows.findings.models import UndescribedTool, UnknownModel
from ripieno.workflows.findings.no_otherwise import NoOtherwise
from ripieno.workflows.findings.not_importable import NotImportable
from ripieno.workflows.findings.nothing_to_undo import NothingToUndo
from ripieno.workflows.findings.open_ended import CutShort, UnreviewedPlan
from ripieno.workflows.findings.outgoing import DividedSystem, HedgedWrite, UncountedTokens
from ripieno.workflows.findings.pattern_of_one import PatternOfOne
from ripieno.workflows.findings.repeated_effect import RepeatedEffect
from ripieno.workflows.findings.retried_tools import RetriedTools
from ripieno.workflows.findings.role_missing import RoleMissing
from ripieno.workflows.findings.rule_cannot_settle import RuleCannotSettle
from ripieno.workflows.findings.same_function_twice import SameFunctionTwice
from ripieno.workflows.findings.tools import (
    AmbiguousToolNames,
    LooseToolSchema,
    OverlappingTools,
    UndeclaredEffect,
    VagueTool,
)
from ripieno.workflows.findings.undeclared import NoDeadline, NoOwner, NoPurpose
from ripieno.workflows.findings.unheard_reminder import UnheardReminder
from ripieno.workflows.findings.unheeded_failure_rule import UnheededFailureRule
from ripieno.workflows.findings.unknown_policy import UnknownPolicy
from ripieno.workflows.findings.unpriced_model import UnpricedModel
from ripieno.workflows.findings.unresolved_secret import UnresolvedSecret
from ripieno.workflows.findings.unsettled_vote import UnsettledVote
from ripieno.workflows.findings.unused_participant import UnusedParticipant

__all__ = ["CATALOGUE"]

CATALOGUE: Final[tuple[FindingKind, ...]] = (
    CannotHandOver(),
    ChecksItself(),
    ConstantCondition(),
    EscalationToItself(),
    HandoffLimitTooLow(),
    HandoffUnreachable(),
    RoleMissing(),
    NotImportable(),
    RepeatedEffect(),
    RuleCannotSettle(),
    UnknownPolicy(),
    AbandonedEffects(),
    AgentWithoutTools(),
    AmbiguousToolNames(),
    CrowdedChat(),
    CutShort(),
    DividedSystem(),
    DueAfterDeadline(),
    EndlessMemory(),
    EndlessWait(),
    HandoffToNobody(),
    HandoffWithoutWayOut(),
    HedgedWrite(),
    HighRiskAlone(),
    IndependentStages(),
    LimitAboveWorkflow(),
    LooseToolSchema(),
    NoDeadline(),
    NoOtherwise(),
    NoOwner(),
    NoPurpose(),
    NothingToUndo(),
    OneAgentWouldDo(),
    OverlappingTools(),
    PatternOfOne(),
    RetriedTools(),
    SameFunctionTwice(),
    SharedMemory(),
    UncountedTokens(),
    UndescribedTool(),
    UndeclaredEffect(),
    UnheardReminder(),
    TooManyTools(),
    UnheededFailureRule(),
    UnknownModel(),
    UnpricedModel(),
    UnreviewedPlan(),
    UnresolvedSecret(),
    UnsettledVote(),
    UnusedParticipant(),
    VagueTool(),
)
