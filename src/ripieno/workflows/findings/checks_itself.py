"""A maker who checks what he made."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.participants.function import Function
from ripieno.participants.human import Human
from ripieno.patterns.group_chat import GroupChat
from ripieno.patterns.managers import MakerChecker
from ripieno.workflows.findings.base import Finding, FindingKind, bare, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["ChecksItself"]


class ChecksItself(FindingKind):
    """The same function, or a person asked by the same role or name, under another name."""

    code = "checks-itself"
    severity = "error"
    title = "A maker who checks what he made"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Compare the maker with each checker."""
        for chat in everyone(workflow):
            if not isinstance(chat, GroupChat) or not isinstance(chat.manager, MakerChecker):
                continue
            by_name = {stage.name: bare(stage) for stage in chat.stages}
            maker = by_name[chat.manager.maker]
            for name in chat.checkers:
                checker = by_name[name]
                same_function = (
                    isinstance(maker, Function)
                    and isinstance(checker, Function)
                    and maker.function == checker.function
                )
                same_person = (
                    isinstance(maker, Human)
                    and isinstance(checker, Human)
                    and (type(maker.asked[0]), maker.asked[0].name)
                    == (type(checker.asked[0]), checker.asked[0].name)
                )
                if same_function or same_person:
                    what = "is the same function" if same_function else "asks the same people"
                    reason = f"{chat.name!r}: {name!r} checks what {maker.name!r} makes, and {what}"
                    yield self.at(places.of(checker), reason, "let somebody else check")
