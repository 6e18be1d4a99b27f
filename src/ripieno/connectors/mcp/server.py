"""An MCP server as a project declares it: how it is reached, by which secrets, and what it may ask for."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NoReturn, Self, cast
from urllib.parse import urlsplit

from ripieno.mediation.secrets.reference import Reference
from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.model.durations import Duration, seconds
from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.event import Json

__all__ = ["Elicitation", "McpServer", "OAuth", "Revealing", "Sampling"]

NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
SAYS_WHO: Final = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
MAX_BYTES: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Revealing:
    """A text that may end in a secret, such as `Bearer secret://env/CRM_TOKEN`."""

    before: str
    secret: Reference | None

    @classmethod
    def read(cls, text: str, whose: str) -> Self:
        """Read it; raises `DefinitionError` for a reference that cannot work."""
        before, found, rest = text.partition("secret://")
        if not found:
            return cls(text, None)
        try:
            return cls(before, SECRETS.reference(found + rest))
        except DefinitionError as error:
            msg = f"{whose}: {error.message}"
            raise DefinitionError(msg, remedy=error.remedy) from None

    async def open(self) -> str:
        """Give the text with what its reference stands for; raises `SecretError`."""
        if self.secret is None:
            return self.before
        return self.before + (await SECRETS.open(self.secret)).reveal()


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """How one becomes known to a server by OAuth 2.1; tokens are asked for this server alone (RFC 8707).

    With a `client_secret` it is this machine that is known (client credentials). Without one a person
    signs in with a browser (authorization code with PKCE): `ripieno connectors sign-in NAME`.
    """

    issuer: str
    """The authorization server, as it calls itself. Wherever else the server leads, nothing is sent."""
    client_id: str | None = None
    """None where a person signs in and the authorization server takes in new clients."""
    client_secret: str | None = None
    """A reference, such as `secret://vault/crm#client`."""
    scope: str | None = None
    """What is asked for at most; None: what the server says that it takes."""
    who: Literal["machine", "person"] | None = None
    """Who becomes known; None: a machine where there is a secret, else a person."""

    @property
    def by_machine(self) -> bool:
        """Whether nobody signs in."""
        return self.who == "machine" or (self.who is None and self.client_secret is not None)

    def reference(self) -> Reference | None:
        """Give the reference of the client's secret."""
        return None if self.client_secret is None else SECRETS.reference(self.client_secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Elicitation:
    """Who is asked where a server wants to know something before it goes on."""

    role: str
    due: Duration | None = None
    """How long they have; no answer in time is told to the server as one that was dismissed."""
    repeat: bool = False
    """Whether a call that writes may be made again with the answer, by a protocol before 2026-07-28.

    There a call cannot wait for a person: it is told that nobody answered yet, and made anew once one has.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Which model answers where a server asks for an answer of one, and how much it may ask for.

    Each answer is a request to the model as any of an agent's: decided by policy, paid for by the run,
    recorded. The specification of 2026-07-28 keeps sampling for servers that have it, and advises against it
    in new ones (SEP-2577).
    """

    model: str
    """`provider:name`, or one that `ripieno.toml` declares, whichever a server would like."""
    max_tokens: int = 1000
    """The longest answer; a server that asks for more is given this much."""
    times: int = 3
    """So many answers it may ask for within one act."""
    max_bytes: int = 100_000
    """The longest prompt that it may ask with."""
    repeat: bool = False
    """Whether a call that writes may be made again with the answer, by a protocol before 2026-07-28."""
    timeout: Duration = "5m"
    """Of one request to the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServer:
    """A server: a command that is started and spoken with over stdio, or the address of one over HTTP."""

    name: str
    """Its tools are called `name.tool`, so that two servers never take each other's names."""
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of the command, beside `PATH`, `HOME` and the like: it sees nothing else of this process's."""
    folder: Path | None = None
    """Where the command is started."""
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    oauth: OAuth | None = None
    start_within: Duration = "20s"
    """How long it may take until the server is there and has said what it offers."""
    relist: Duration = "60s"
    """How old what it offers may be when a tool is called."""
    idle: Duration = "5m"
    """How long it is kept when nothing is asked of it."""
    max_bytes: int = MAX_BYTES
    """The largest message that is taken from it."""
    protocol: Literal["auto", "legacy"] = "auto"
    """`legacy`: do not ask whether it speaks 2026-07-28, for a server that takes that amiss."""
    elicitation: Elicitation | None = None
    """None: nobody is asked, and the server is told that nobody can be."""
    sampling: Sampling | None = None
    """None: no model is asked, and the server is told that none can be."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            msg = f"MCP server {self.name!r}: expected a name such as 'crm': a-z, 0-9, '_' and '-'"
            raise DefinitionError(msg)
        if bool(self.command) == (self.url is not None):
            self._refuse("expected either a command or a url", "a command is spoken with over stdio")
        if isinstance(self.command, str):
            self._refuse("the command is a list of words", "such as ['npx', 'server-everything']")
        if self.max_bytes < 1:
            self._refuse(f"max_bytes must be at least 1, got {self.max_bytes!r}")
        for length in (self.start_within, self.relist, self.idle):
            seconds(length)
        if self.url is None:
            self._check_command()
        else:
            self._check_url(self.url)
        if self.sampling is not None:
            self._check_sampling(self.sampling)
        list(self.references())

    def _check_sampling(self, sampling: Sampling) -> None:
        if not sampling.model:
            self._refuse("sampling: expected a model such as 'openai:gpt-5-mini'")
        for what in ("max_tokens", "times", "max_bytes"):
            number = getattr(sampling, what)
            if not isinstance(number, int) or number < 1:
                self._refuse(f"sampling: {what} must be at least 1, got {number!r}")
        seconds(sampling.timeout)

    def _refuse(self, what: str, remedy: str | None = None) -> NoReturn:
        msg = f"MCP server {self.name}: {what}"
        raise DefinitionError(msg, remedy=remedy)

    def _check_command(self) -> None:
        if self.headers or self.oauth is not None:
            self._refuse("headers and oauth are for a url", "give a command its secrets by environment")

    def _check_url(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            self._refuse(f"expected an http address, got {url!r}")
        if parts.username is not None or parts.password is not None:
            self._refuse("its url holds a name or password", "headers: {Authorization: 'Basic secret://…'}")
        if parts.scheme == "http" and not on_loopback(parts.hostname):
            self._refuse(f"{url!r} is not encrypted", "use https; http is for this machine alone")
        if self.environment or self.folder is not None:
            self._refuse("environment and folder are for a command")
        for name, text in self.headers.items():
            if not HEADER.fullmatch(name) or "\n" in text or "\r" in text:
                self._refuse(f"{name!r} is no header")
            if name.lower() in SAYS_WHO and "secret://" not in text:
                msg = f"header {name} would stand in the definition as it is"
                self._refuse(msg, f"keep its value elsewhere: {name}: 'Bearer secret://env/NAME'")
        if self.oauth is not None:
            self._check_oauth(self.oauth)

    def _check_oauth(self, oauth: OAuth) -> None:
        if urlsplit(oauth.issuer).scheme not in ("http", "https"):
            self._refuse(f"oauth: expected the issuer's address, got {oauth.issuer!r}")
        if oauth.client_secret is not None and oauth.client_id is None:
            self._refuse("oauth: a client_secret without the client_id that it is of")
        if oauth.by_machine and oauth.client_secret is None:
            self._refuse("oauth: a machine becomes known by a client_secret")

    def references(self) -> Iterator[Reference]:
        """Give the secrets that reaching it takes; raises `DefinitionError` for one that cannot work."""
        for texts in (self.environment, self.headers):
            for name, text in texts.items():
                secret = Revealing.read(text, f"MCP server {self.name}: {name}").secret
                if secret is not None:
                    yield secret
        if self.oauth is not None and (reference := self.oauth.reference()) is not None:
            yield reference

    @property
    def of_a_person(self) -> bool:
        """Whether somebody signs in to it: the tokens are then of one tenant."""
        return self.oauth is not None and not self.oauth.by_machine

    @property
    def at(self) -> str:
        """Where it is, as people are told."""
        return self.url or " ".join(self.command)

    def describe(self) -> dict[str, Json]:
        """Give what identifies it, without what only says how long to wait for it."""
        found: dict[str, Json] = {"name": self.name}
        if self.url is None:
            found["command"] = list(self.command)
        else:
            found["url"] = self.url
        if self.oauth is not None:
            found["issuer"] = self.oauth.issuer
        if self.sampling is not None:
            found["sampling"] = {"model": self.sampling.model, "max_tokens": self.sampling.max_tokens}
        return found

    @classmethod
    def read(cls, name: str, settings: Mapping[str, object]) -> Self:
        """Read it as a project file has it; raises `DefinitionError`."""
        known = {
            "command", "environment", "folder", "url", "headers", "oauth", "start_within", "relist", "idle",
            "max_bytes", "protocol", "elicitation", "sampling",
        }  # fmt: skip
        for key in settings:
            if key not in known:
                msg = f"MCP server {name}: no setting is called {key!r}{nearest(key, known)}"
                raise DefinitionError(msg)
        given = dict(settings)
        try:
            for key, kind in (("oauth", OAuth), ("elicitation", Elicitation), ("sampling", Sampling)):
                if key in given:
                    given[key] = kind(**cast("dict[str, str]", given[key]))  # pyright: ignore[reportArgumentType] - what does not fit raises
            if "folder" in given:
                given["folder"] = Path(cast("str", given["folder"]))
            return cls(name=name, **given)  # pyright: ignore[reportArgumentType] - as above
        except TypeError as error:
            msg = f"MCP server {name}: {error}"
            raise DefinitionError(msg) from error


def on_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
