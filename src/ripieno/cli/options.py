"""The options that every command takes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Group, Parameter

from ripieno.cli.settings import API_KEY, TOKEN, OutputKind, Settings

__all__ = ["DEFAULTS", "Options"]

EVERYWHERE: Final = Group("Everywhere", sort_key=99)


@Parameter(name="*", group=EVERYWHERE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Where the data is, and how results are written."""

    home: Annotated[Path | None, Parameter(help="The data folder.", show_default=False)] = None
    output: Annotated[OutputKind | None, Parameter(help="How results are written.", show_default=False)] = (
        None
    )
    debug: Annotated[
        bool, Parameter(help="Show the traceback of an unexpected error.", negative="", show_default=False)
    ] = False

    def settle(self, **more: object) -> Settings:
        """Give all settings; what is started from here shares the data folder."""
        settings = Settings.settle({"home": self.home, "output": self.output, **more})
        os.environ["RIPIENO_HOME"] = str(settings.home)
        for name in (API_KEY, TOKEN):  # nothing that is run or started from here has it
            os.environ.pop(name, None)
        return settings


DEFAULTS: Final = Options()
