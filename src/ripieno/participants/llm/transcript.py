"""What a model was told and said in a turn, as the log has it: each message once, and by reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic_ai.messages import ModelMessage, ModelResponse

from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context
from ripieno.model.value import Value
from ripieno.participants.llm.history import Compacting, tokens_of
from ripieno.participants.llm.recorded import dumped, messages_from, response_from

__all__ = ["Transcript"]

NEXT: Final = "next"
"""What a segment calls the messages that the request after it tells."""


class Transcript:
    """The messages since the history was last made shorter."""

    def __init__(self, context: Context, compact: Compacting | None) -> None:
        self._context = context
        self._compact = compact
        self._pieces: list[Value] = []
        """What each request told that was new and each response said, oldest first."""
        self._known = 0
        """How many messages these are."""
        self._tokens = 0
        self.bytes = 0
        """What has been told in all."""

    def too_long(self, messages: Sequence[ModelMessage]) -> bool:
        """Tell whether messages, of which these are the first, have more tokens than are allowed."""
        if self._compact is None:
            return False
        new = tokens_of(messages[self._known :], self._compact)
        return self._tokens + new > self._compact.compaction.budget.tokens

    def told(self, messages: Sequence[ModelMessage]) -> Value:
        """Give what is kept of a request: of its messages those that the model was not told before."""
        new = messages[self._known :]
        prompt = self._context.value({"after": self._known, "messages": dumped(new)})
        self._pieces.append(prompt)
        self._known = len(messages)
        self._tokens += tokens_of(new, self._compact)
        self.bytes += len(prompt.data)
        return prompt

    def said(self, recorded: Value, response: ModelResponse) -> None:
        """Take on what the model said."""
        self._pieces.append(recorded)
        self._known += 1
        self._tokens += tokens_of([response], self._compact)

    def begin_anew(self) -> None:
        """Begin with another history, of which the model was told nothing yet."""
        self._pieces.clear()
        self._known = self._tokens = self.bytes = 0

    # -- marks ------------------------------------------------------------------------------------------

    def marked(self, messages: Sequence[ModelMessage]) -> tuple[dict[str, Any], dict[str, Outcome]]:
        """Give state and outcomes for a segment before a request with these messages.

        What was read on replay may be told in other words than were stored then, as messages say when they
        were made: so each piece is given, and kept where it is not.
        """
        new = self._context.value({"after": self._known, "messages": dumped(messages[self._known :])})
        outcomes = {f"{number}": Outcome("complete", piece) for number, piece in enumerate(self._pieces)}
        state = {"known": self._known, "bytes": self.bytes, "pieces": len(self._pieces)}
        return state, {**outcomes, NEXT: Outcome("complete", new)}

    def resumed(self, state: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> list[ModelMessage]:
        """Take on what a segment kept, and give its messages with those of the request that comes next."""
        self._known, self.bytes = state["known"], state["bytes"]
        messages: list[ModelMessage] = []
        for number in range(state["pieces"]):
            outcome = outcomes[f"{number}"]
            piece, document = outcome.parts[0], outcome.output
            assert isinstance(piece, Value), "what was recorded is read by reference"
            self._pieces.append(piece)
            messages += (
                messages_from(document["messages"]) if "messages" in document else [response_from(document)]
            )
        self._tokens = tokens_of(messages, self._compact)
        return [*messages, *messages_from(outcomes[NEXT].output["messages"])]
