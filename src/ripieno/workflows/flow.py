"""The flow of a workflow from its document: patterns, stages and the settings around them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from ripieno.connectors.connector import Connector
from ripieno.mediation.validation.check import Check
from ripieno.model.errors import DefinitionError, Place, nearest
from ripieno.model.limits import Ask, Degrade, Limits, OnExhausted
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.branch import Branch, When, when
from ripieno.patterns.compacting import Compact
from ripieno.patterns.concurrent import Concurrent
from ripieno.patterns.direct import Direct
from ripieno.patterns.fallback import Fallback
from ripieno.patterns.group_chat import GroupChat
from ripieno.patterns.handoff import Handoff
from ripieno.patterns.loop import Loop
from ripieno.patterns.magentic import Magentic
from ripieno.patterns.managers import Manager
from ripieno.patterns.map import Map
from ripieno.patterns.sequential import Sequential
from ripieno.patterns.single_agent import SingleAgent
from ripieno.workflows import document as doc
from ripieno.workflows import entries
from ripieno.workflows.agents import (
    CompactSettings,
    DirectSettings,
    SingleAgentSettings,
    StrategySettings,
    strategy,
    tools,
)
from ripieno.workflows.chats import ManagerSettings, condition, manager
from ripieno.workflows.checks import RuleOfCheck, StageCheck, check
from ripieno.workflows.fields import Import
from ripieno.workflows.limits import AskDocument, DegradeDocument, LimitsDocument, WorkflowLimits, runaway_of
from ripieno.workflows.magentic import MagenticSettings, effect_rule
from ripieno.workflows.objects import import_from
from ripieno.workflows.problems import WorkflowFileError
from ripieno.workflows.rules import RuleSettings, resolver
from ripieno.workflows.text import At, Text

__all__ = ["FlowBuilder"]

Built = TypeVar("Built")


class FlowBuilder:
    """Builds stages from a flow, collecting every problem on the way; what could not be built is None."""

    def __init__(self, text: Text, folder: Path) -> None:
        self._text = text
        self._folder = folder
        self._problems: list[DefinitionError] = []
        self._participants: dict[str, BaseParticipant | None] = {}
        self._places: dict[BaseParticipant, Place] = {}
        self._connectors: dict[str, Connector] = {}

    def _attempt(self, at: At, make: Callable[..., Built], *arguments: Any) -> Built | None:
        """Give what `make` makes; when it refuses, note the problem with its place."""
        try:
            return make(*arguments)
        except WorkflowFileError as error:  # of a workflow that stands within this one
            self._problems.extend(error.problems)
            return None
        except DefinitionError as error:
            place = error.place or self._text.place(at)
            self._problems.append(DefinitionError(error.message, place=place, remedy=error.remedy))
            return None

    def _stage(self, stage: Any, at: At) -> BaseParticipant | None:
        if isinstance(stage, str):
            return self._named(stage, at)
        if isinstance(stage, doc.StepStage):
            built = self._named(stage.step, (*at, "step"))
        else:
            built = self._pattern(stage, at)
            if built is not None:
                self._places[built] = self._text.place(at)
        qualified = self._qualified(stage, built, at)
        if qualified is not None and qualified is not built:
            self._places[qualified] = self._text.place(at)
        return qualified

    def _named(self, name: str, at: At) -> BaseParticipant | None:
        if name not in self._participants:
            known = ", ".join(self._participants) or "none"
            msg = f"no participant is called {name!r}{nearest(name, self._participants)}; declared: {known}"
            self._problems.append(DefinitionError(msg, place=self._text.place(at)))
            return None
        return self._participants[name]

    def _mode(self, stage: entries.WithMode, at: At) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        if stage.mode is not None:
            settings["mode"] = stage.mode
        if stage.person is not None:
            person = self._named(stage.person, (*at, "person"))
            if person is None:
                return {}  # said already
            settings["person"] = person
        if stage.shadow_within is not None:
            settings["shadow_within"] = stage.shadow_within
        return settings

    def _pattern(self, stage: Any, at: At) -> BaseParticipant | None:
        build: dict[str, Callable[[Any, At], BaseParticipant | None]] = {
            "direct": self._direct,
            "single_agent": self._single_agent,
            "sequential": self._sequential,
            "fallback": self._fallback,
            "concurrent": self._concurrent,
            "handoff": self._handoff,
            "group_chat": self._group_chat,
            "magentic": self._magentic,
            "branch": self._branch,
            "map": self._map,
            "loop": self._loop,
        }
        kind = next(kind for kind in build if hasattr(stage, kind))
        return build[kind](getattr(stage, kind), (*at, kind))

    def _map(self, settings: doc.MapSettings, at: At) -> BaseParticipant | None:
        step = self._stage(settings.step, (*at, "step"))
        return step and self._attempt(at, Map, settings.name, settings.over, step, settings.width)

    def _loop(self, settings: doc.LoopSettings, at: At) -> BaseParticipant | None:
        step = self._stage(settings.step, (*at, "step"))
        until = self._condition(settings.until, (*at, "until"))
        return step and until and self._attempt(at, Loop, settings.name, step, until, settings.rounds)

    def _stages(self, stages: list[Any], at: At) -> list[BaseParticipant] | None:
        built = [self._stage(stage, (*at, index)) for index, stage in enumerate(stages)]
        found = [stage for stage in built if stage is not None]
        return found if len(found) == len(built) else None

    def _sequential(self, settings: doc.SequentialSettings | list[Any], at: At) -> BaseParticipant | None:
        name, steps = (None, settings) if isinstance(settings, list) else (settings.name, settings.steps)
        stages = self._stages(steps, (*at, "steps"))
        return self._attempt(at[:-1], Sequential, name, stages) if stages else None

    def _fallback(self, settings: doc.FallbackSettings, at: At) -> BaseParticipant | None:
        stages = self._stages(settings.steps, (*at, "steps"))
        on, losers = settings.on, settings.losers
        return self._attempt(at, lambda: Fallback(settings.name, stages or [], on=on, losers=losers))

    def _handoff(self, settings: doc.HandoffSettings, at: At) -> BaseParticipant | None:
        stages = self._stages(settings.steps, (*at, "steps"))
        otherwise, sound = self._otherwise(settings.otherwise, at, stages or [])
        summarise = None
        if settings.summarise is not None:
            summarise = self._stage(settings.summarise, (*at, "summarise"))
            sound = sound and summarise is not None
        compact, short = self._compact(settings.compact, at)
        if stages is None or not sound or not short:
            return None

        def make() -> Handoff:
            return Handoff(
                settings.name,
                stages,
                edges=settings.edges,
                otherwise=otherwise,
                limit=settings.limit,
                per_edge=settings.per_edge,
                within=settings.within,
                carry=settings.carry,
                summarise=summarise,
                compact=compact,
            )

        return self._attempt(at, make)

    def _otherwise(
        self, stage: Any, at: At, stages: list[BaseParticipant]
    ) -> tuple[BaseParticipant | None, bool]:
        """Give who stands in, and whether that could be told: a name of the stages, or any stage."""
        if stage is None:
            return None, True
        named = next((one for one in stages if one.name == stage), None)
        built = named or self._stage(stage, (*at, "otherwise"))
        return built, built is not None

    def _group_chat(self, settings: doc.GroupChatSettings, at: At) -> BaseParticipant | None:
        stages = self._stages(settings.steps, (*at, "steps"))
        otherwise, sound = self._otherwise(settings.otherwise, at, [])
        manages = self._manager(settings.manager, (*at, "manager"))
        until = self._attempt((*at, "until"), condition, settings.until)
        compact, short = self._compact(settings.compact, at)
        if stages is None or manages is None or until is None or not sound or not short:
            return None

        def make() -> GroupChat:
            return GroupChat(
                settings.name,
                stages,
                until=until,
                manager=manages,
                otherwise=otherwise,
                sees=settings.sees,
                compact=compact,
            )

        return self._attempt(at, make)

    def _compact(self, settings: CompactSettings | None, at: At) -> tuple[Compact | None, bool]:
        """Give how a history is made to fit, and whether that could be told."""
        if settings is None:
            return None, True
        at = (*at, "compact")
        by: list[Any] = []
        for index, rule in enumerate(settings.by):
            told_by = None
            if isinstance(rule, StrategySettings) and rule.summary is not None:
                told_by = self._stage(rule.summary.step, (*at, "by", index, "summary", "step"))
                if told_by is None:
                    return None, False
            by.append(strategy(rule, told_by))
        count = None if settings.count is None else self._attempt(at, self._function, settings.count)
        if count is None and settings.count is not None:
            return None, False
        made = self._attempt(at, Compact, settings.tokens, by, count)
        return made, made is not None

    def _direct(self, settings: DirectSettings, at: At) -> BaseParticipant | None:
        step = self._stage(settings.step, (*at, "step"))
        return step and self._attempt(at, Direct, settings.name, [step])

    def _single_agent(self, settings: SingleAgentSettings, at: At) -> BaseParticipant | None:
        step = self._stage(settings.step, (*at, "step"))
        offered = self._attempt((*at, "tools"), tools, settings.tools, self._folder, self._connectors)
        otherwise, sound = self._otherwise(settings.otherwise, at, [])
        compact, short = self._compact(settings.compact, at)
        if step is None or offered is None or not sound or not short:
            return None

        def make() -> SingleAgent:
            return SingleAgent(
                settings.name,
                step,
                offered,
                rounds=settings.rounds,
                repeats=settings.repeats,
                mistakes=settings.mistakes,
                sees=settings.sees,
                otherwise=otherwise,
                compact=compact,
            )

        return self._attempt(at, make)

    def _magentic(self, settings: MagenticSettings, at: At) -> BaseParticipant | None:
        stages = self._stages(settings.steps, (*at, "steps"))
        managers = ("planner", "progress", "synthesise", "review")
        asked = {name: stage for name in managers if (stage := getattr(settings, name)) is not None}
        built = {name: self._stage(stage, (*at, name)) for name, stage in asked.items()}
        effects = self._attempt((*at, "effects"), effect_rule, settings.effects)
        if stages is None or effects is None or None in built.values():
            return None
        limits = {name: getattr(settings, name) for name in ("rounds", "stalls", "replans", "asks", "within")}
        found: dict[str, Any] = {**built, **limits, "sees": settings.sees, "effects": effects}
        return self._attempt(at, lambda: Magentic(settings.name, stages, **found))

    def _manager(self, rule: str | ManagerSettings, at: At) -> Manager | None:
        asked = function = None
        if isinstance(rule, ManagerSettings) and rule.step is not None:
            asked = self._stage(rule.step, (*at, "step"))
            if asked is None:
                return None
        if isinstance(rule, ManagerSettings) and rule.object is not None:
            function = self._attempt(at, self._function, rule.object)
            if function is None:
                return None
        return manager(rule, asked, function)

    def _concurrent(self, settings: doc.ConcurrentSettings, at: At) -> BaseParticipant | None:
        stages = self._stages(settings.steps, (*at, "steps"))
        rule, judge = settings.resolve, None
        if isinstance(rule, RuleSettings) and rule.judge is not None:
            judge = self._stage(rule.judge.step, (*at, "resolve", "judge", "step"))
            if judge is None:
                return None
        resolve = self._attempt((*at, "resolve"), resolver, rule, judge)
        if stages is None or resolve is None:
            return None

        def make() -> Concurrent:
            return Concurrent(
                settings.name,
                stages,
                resolve=resolve,
                on_failure=settings.on_failure,
                losers=settings.losers,
            )

        return self._attempt(at, make)

    def _branch(self, settings: doc.BranchSettings, at: At) -> BaseParticipant | None:
        cases: dict[When, BaseParticipant] = {}
        for index, case in enumerate(settings.cases):
            condition = self._condition(case.when, (*at, "cases", index, "when"))
            then = self._stage(case.then, (*at, "cases", index, "then"))
            if condition is not None and then is not None:
                cases[condition] = then
        otherwise = None
        if settings.otherwise is not None:
            otherwise = self._stage(settings.otherwise, (*at, "otherwise"))
        if len(cases) < len(settings.cases) or (otherwise is None) != (settings.otherwise is None):
            return None
        return self._attempt(at, Branch, settings.name, cases, otherwise)

    def _condition(self, condition: str | Import, at: At) -> When | None:
        if isinstance(condition, str):
            return self._attempt(at, when, condition)
        return self._attempt(at, self._condition_function, condition.object)

    def _condition_function(self, reference: str) -> When:
        return when(self._function(reference))

    def _function(self, reference: str) -> Callable[[Any], Any]:
        found: Any = import_from(self._folder, reference)
        if callable(found):
            return cast("Callable[[Any], Any]", found)
        msg = f"expected a function at {reference!r}, found {type(found).__name__}"
        raise DefinitionError(msg)

    def _limits(self, declared: LimitsDocument, at: At) -> Limits | None:
        rule = declared.on_exhausted
        on_exhausted: OnExhausted | None = rule if isinstance(rule, str) else None
        if isinstance(rule, AskDocument):
            on_exhausted = Ask(rule.ask.role, rule.ask.due)
        elif isinstance(rule, DegradeDocument):
            to = self._stage(rule.degrade, (*at, "on_exhausted", "degrade"))
            if to is None:
                return None
            on_exhausted = Degrade(to)
        given = {name: value for name, value in declared if name not in ("on_exhausted", "runaway")}
        runaway = declared.runaway if isinstance(declared, WorkflowLimits) else None
        return self._attempt(
            at, lambda: Limits(**given, on_exhausted=on_exhausted, runaway=runaway_of(runaway))
        )

    def _check(self, declared: StageCheck, at: At) -> Check | None:
        of = "input" if declared.input is not None else "result"
        rule, reviewer = getattr(declared, of), None
        if isinstance(rule, RuleOfCheck) and rule.review is not None:
            reviewer = self._stage(rule.review, (*at, of, "review"))
            if reviewer is None:
                return None
        return self._attempt(at, check, declared, self._folder, reviewer)

    def _qualified(
        self, stage: doc.Qualified, built: BaseParticipant | None, at: At
    ) -> BaseParticipant | None:
        settings: dict[str, Any] = {}
        if stage.escalate is not None:
            to = self._stage(stage.escalate.to, (*at, "escalate", "to"))
            built = built if to is not None else None
            settings |= {"escalate_below": stage.escalate.below, "escalate_to": to}
        if stage.retry is not None:
            settings |= {"attempts": stage.retry.attempts, "backoff": stage.retry.backoff}
        if stage.timeout is not None:
            settings["timeout"] = stage.timeout
        if stage.on_failure != "stop":
            settings["on_failure"] = stage.on_failure
        if stage.limit is not None:
            settings["limits"] = self._limits(stage.limit, (*at, "limit"))
            built = built if settings["limits"] is not None else None
        settings |= self._mode(stage, at)
        if stage.check:
            checks = [self._check(one, (*at, "check", index)) for index, one in enumerate(stage.check)]
            settings["checks"] = tuple(one for one in checks if one is not None)
            built = built if None not in checks else None
        if stage.about is not None:
            settings |= {"domain": stage.about.domain, "boundary": stage.about.boundary}
        if built is None or not settings:
            return built
        # as a program does, so that what the participant's own entry says stays
        return self._attempt(at, lambda: built._step(**settings))  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
