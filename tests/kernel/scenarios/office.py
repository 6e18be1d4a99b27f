"""An office that books and releases, and participants who book there."""

from __future__ import annotations

from ripieno import Context, Function, ToolError
from ripieno.connectors.tool import Tool

__all__ = ["Office", "books"]


class Office:
    """Books and releases; each act is noted in order."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.acts: list[str] = []
        self._refuses = refuses

    def book(self, what: str) -> dict[str, str]:
        self.acts.append(f"book {what}")
        return {"booked": what}

    def release(self, booked: str) -> str:
        if self._refuses:
            msg = f"{booked} was used"
            raise ToolError(msg)
        self.acts.append(f"release {booked}")
        return "released"

    @property
    def booking(self) -> Tool:
        return Tool(self.book, undo=Tool(self.release, attempts=1))


def books(name: str, booking: Tool, *what: str, gives: object = None, stays: bool = False) -> Function:
    """Give a participant that books things one after another; one that stays never ends."""

    async def act(context: Context) -> object:
        for one in what:
            await context.use(booking, what=one)
        if stays:
            await context.sleep(3600)
        return gives

    return Function(act, name=name, pure=True)
