"""The command line: one file per noun, `catalogue` names them all. The top layer; nothing imports it."""

from ripieno.cli.front import main

__all__ = ["main"]
