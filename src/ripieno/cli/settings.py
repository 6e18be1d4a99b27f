"""Settings: flags over `RIPIENO_*` over the project's `ripieno.toml` over defaults, each with its origin."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from ripieno.anchoring.settings import Anchoring
from ripieno.identity.credential import Credential
from ripieno.identity.local import local_operator
from ripieno.kernel.home import find_data_folder
from ripieno.model.errors import InputError, Place, SettingsError, nearest
from ripieno.model.principal import Principal

__all__ = ["API_KEY", "KNOWN", "TOKEN", "Origin", "OutputKind", "Settings", "project_file", "size"]

OutputKind = Literal["table", "json", "jsonl"]
PROJECT_FILE: Final = "ripieno.toml"
MODELS_SECTIONS: Final = frozenset({"models", "resilience"})
API_KEY: Final = "RIPIENO_API_KEY"
TOKEN: Final = "RIPIENO_TOKEN"  # noqa: S105 - where one is, not one

CHECKPOINTS: Final = frozenset({"checkpoint_every", "checkpoint_origin", "checkpoint_sinks", "audit_feeds"})

SIZE: Final = re.compile(r"(\d+)\s*(B|KB|MB|GB)?", re.IGNORECASE)
UNITS: Final = {"B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


def size(text: str) -> int:
    """Read a size in bytes, such as `64MB`."""
    found = SIZE.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        msg = f"expected a size such as '64MB', got {text!r}"
        raise ValueError(msg)
    return int(found[1]) * UNITS[(found[2] or "B").upper()]


def count(text: str) -> int:
    """Read a number from 1 on."""
    if not text.strip().isdigit() or int(text) == 0:
        msg = f"expected a number from 1 on, got {text!r}"
        raise ValueError(msg)
    return int(text)


def seconds(text: str) -> str:
    """Read a number of seconds above 0."""
    try:
        Anchoring.read({"RIPIENO_CHECKPOINT_EVERY": text})
    except SettingsError as error:
        raise ValueError(error.message.partition(": ")[2]) from None
    return text


def kind(text: str) -> OutputKind:
    """Read a kind of output."""
    for known in ("table", "json", "jsonl"):
        if text == known:
            return known
    msg = f"expected table, json or jsonl, got {text!r}"
    raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Known:
    """A setting that there is."""

    name: str
    about: str
    default: str
    read: Callable[[str], Any] = str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"RIPIENO_{self.name.upper()}"


KNOWN: Final = (
    Known("home", "the data folder", "", Path),
    Known("output", "how results are written: table, json, jsonl", "table", kind),
    Known("input_limit", "the largest input that is read", "64MB", size),
    Known("at_once", "how many runs of one `run` go side by side", "16", count),
    Known("principal", "who commands are given as", ""),
    Known("tenant", "whose runs and workflows are meant", "default"),
    Known("checkpoint_every", "seconds after a commit within which a checkpoint covers it", "10", seconds),
    Known("checkpoint_origin", "what the log is called in its checkpoints, such as example.com/ripieno", ""),
    Known("checkpoint_sinks", "where checkpoints are published: folders, s3://bucket/prefix, https://…", ""),
    Known("audit_feeds", "who is told of every event: file:/path, https://…, syslog+tcp://host:port", ""),
    Known("roles", "the roles one holds, separated by commas; none given: every one", ""),
)


@dataclass(frozen=True, slots=True)
class Origin:
    """A setting's value, and where it comes from."""

    value: str
    source: str


@dataclass(slots=True)
class Session:
    """Who acts in a command, once they have signed in."""

    principal: Principal | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, read and checked."""

    home: Path
    output: OutputKind
    input_limit: int
    at_once: int
    claimed: Principal
    """Whom the machine and the settings vouch for."""
    origins: Mapping[str, Origin]
    credential: Credential | None = None
    """A key or token, from the environment alone: it stands in no file and in no list of processes."""
    session: Session = field(default_factory=Session)

    @property
    def principal(self) -> Principal:
        """Who acts: known once the data folder was opened, which is where one signs in."""
        assert self.session.principal is not None, "the data folder is opened before anybody acts on it"
        return self.session.principal

    @property
    def anchoring(self) -> Anchoring:
        """When checkpoints are signed, and where they are published."""
        return Anchoring.read(
            {known.variable: self.origins[known.name].value for known in KNOWN if known.name in CHECKPOINTS}
        )

    @property
    def tenant(self) -> str | None:
        """The tenant that was asked for by name; None for the one that is there by default."""
        named = self.origins["tenant"]
        return None if named.source == "default" else named.value

    @classmethod
    def settle(
        cls,
        flags: Mapping[str, object],
        environment: Mapping[str, str] | None = None,
        start: Path | None = None,
    ) -> Settings:
        """Settle every setting; raises `SettingsError`, naming the origin, for an unusable value."""
        variables = os.environ if environment is None else environment
        here = start or Path.cwd()
        origins = {known.name: origin(known, flags, variables, here) for known in KNOWN}
        values = {known.name: read(known, origins[known.name]) for known in KNOWN}
        home: Path = values["home"]
        if home.exists() and not home.is_dir():
            msg = f"home ({origins['home'].source}): {home} is not a folder"
            raise SettingsError(msg, remedy="--home or RIPIENO_HOME names the data folder")
        credential = credential_in(variables)
        operator = {f"RIPIENO_{name.upper()}": values[name] for name in ("principal", "tenant", "roles")}
        try:
            claimed = local_operator(operator)
        except InputError as error:
            raise SettingsError(error.message, remedy="ripieno config view shows where it is set") from error
        return cls(
            home=home,
            output=values["output"],
            input_limit=values["input_limit"],
            at_once=values["at_once"],
            claimed=claimed,
            origins={**origins, "principal": who(claimed, credential, origins["principal"])},
            credential=credential,
        )


def credential_in(variables: Mapping[str, str]) -> Credential | None:
    """Give the key or token that is set; raises `SettingsError` for both."""
    key, token = variables.get(API_KEY), variables.get(TOKEN)
    if key and token:
        msg = f"{API_KEY} and {TOKEN} are both set: one comes as one principal"
        raise SettingsError(msg, remedy="unset one of them")
    if key:
        return Credential("key", key)
    return Credential("token", token) if token else None


def who(claimed: Principal, credential: Credential | None, found: Origin) -> Origin:
    """Give as whom commands are given, without anything of the key or token."""
    if credential is None:
        return Origin(claimed.id, found.source)
    if credential.kind == "key":
        return Origin("whose API key it is", API_KEY)
    return Origin("whose token it is", TOKEN)


def read(known: Known, found: Origin) -> Any:
    """Read a value as what the setting is."""
    try:
        return known.read(found.value)
    except ValueError as error:
        msg = f"{known.name} ({found.source}): {error}"
        raise SettingsError(msg, remedy="ripieno config view shows every setting with its origin") from None


def origin(known: Known, flags: Mapping[str, object], variables: Mapping[str, str], here: Path) -> Origin:
    """Find where a setting comes from: the first of flag, variable, project file and default."""
    flag = flags.get(known.name)
    if flag is not None:
        value = Path(str(flag)).expanduser().absolute() if known.name == "home" else flag
        return Origin(str(value), f"--{known.name.replace('_', '-')}")
    if variables.get(known.variable):
        value = variables[known.variable]
        return Origin(
            str(Path(value).expanduser().absolute()) if known.name == "home" else value, known.variable
        )
    file = project_file(here)
    if file is not None:
        project = load(file)
        if known.name in project:
            value = project[known.name]
            return Origin(str(file.parent / value) if known.name == "home" else value, str(file))
    if known.name == "home":
        folder = find_data_folder({}, here)
        return Origin(str(folder), "the nearest upwards" if folder.is_dir() else "default: here")
    return Origin(known.default, "the operating system's user" if known.name == "principal" else "default")


def project_file(here: Path) -> Path | None:
    """Give the nearest `ripieno.toml` upwards."""
    here = here.absolute()
    return next((file for folder in (here, *here.parents) if (file := folder / PROJECT_FILE).is_file()), None)


def load(file: Path) -> dict[str, str]:
    """Read a project file; raises `SettingsError` for one that cannot be read or holds unknown settings."""
    try:
        text = file.read_text(encoding="utf-8")
        found = tomllib.loads(text)
    except (OSError, ValueError) as error:
        msg = f"cannot be read: {error}"
        raise SettingsError(msg, place=Place(str(file))) from error
    names = [known.name for known in KNOWN]
    settings: dict[str, str] = {}
    for name, value in found.items():
        if name in MODELS_SECTIONS:  # read where models are: participants/llm/models.py
            continue
        place = Place(str(file), line_of(text, name), name)
        if name not in names:
            msg = f"no setting is called {name!r}{nearest(name, names)}"
            raise SettingsError(msg, place=place, remedy=f"there are {', '.join(names)}")
        if not isinstance(value, str | int):
            msg = f"expected text or a number, got {value!r}"
            raise SettingsError(msg, place=place)
        settings[name] = str(value)
    return settings


def line_of(text: str, name: str) -> int | None:
    """Give the line on which a file sets `name`."""
    pattern = re.compile(rf"\s*\[?\s*\"?{re.escape(name)}\b")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), None)
