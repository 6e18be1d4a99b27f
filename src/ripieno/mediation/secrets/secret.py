"""A secret as a tool receives it: it does not show itself, and has to be asked."""

from __future__ import annotations

from typing import NoReturn, Self

__all__ = ["Secret"]


class Secret:
    """The value behind a reference. `str`, `repr` and formats give the reference alone.

    It cannot be pickled, nor written as JSON; a copy of it is itself. Call `reveal()` where the value
    is sent, and do not keep what it gives.
    """

    __slots__ = ("_value", "reference")

    def __init__(self, reference: str, value: str) -> None:
        self.reference = reference
        """Where it comes from, such as `secret://env/PAYMENTS_KEY`."""
        self._value = value

    def reveal(self) -> str:
        """Give the value itself."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.reference!r})"

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return format(repr(self), specification)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        msg = f"{self!r} cannot be pickled: pass the reference on, and let whoever needs it open it"
        raise TypeError(msg)
