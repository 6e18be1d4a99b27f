"""Which models there are: by provider and name, with what the project's `ripieno.toml` says of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, cast
from urllib.parse import urlsplit

from ripieno.connectors.rest.address import local
from ripieno.mediation.secrets.reference import Reference
from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.model.errors import DefinitionError, Place, RipienoError, SettingsError, nearest
from ripieno.model.provenance import CLASSES
from ripieno.participants.llm.here import approved_here
from ripieno.participants.llm.providers import PROVIDERS
from ripieno.participants.llm.rates import Rates
from ripieno.resilience.declared import MODEL, for_model
from ripieno.resilience.declared import read as resilience_in
from ripieno.resilience.policy import Resilience

__all__ = ["MODELS", "PROJECT_FILE", "ModelEntry", "Models", "identifier"]

PROJECT_FILE: Final = "ripieno.toml"
SECTION: Final = "models"
WRITTEN: Final = re.compile(r"[!-~]{1,200}")
SYSTEMS: Final = "resilience"
OWN: Final = frozenset({"azure"})
"""Providers of which every customer has an address of their own: the usual key is for that."""
NAMES: Final = (
    *("provider", "model", "base_url", "key", "price", "approved_for", "region", "api", "options"),
    SYSTEMS,
)

Api = Literal["chat", "responses"]
"""Which of OpenAI's two interfaces is spoken."""


@dataclass(frozen=True)
class ModelEntry:
    """One model: who serves it, where, by which key, at what price, and for which classes of data."""

    name: str
    """As agents name it: `provider:name`, or what the project calls it."""
    provider: str
    model: str
    """The provider's own name of it."""
    base_url: str | None = None
    key: Reference | None = None
    rates: Rates | None = None
    """What it costs, where the project says so; otherwise as `genai-prices` has it."""
    approved_for: tuple[str, ...] = ()
    """Classes of data that it may be shown: as the project says; else all on this machine, none elsewhere."""
    region: str | None = None
    api: Api | None = None
    options: tuple[tuple[str, str], ...] = ()
    """What the provider needs besides, such as `api_version`."""
    place: str = ""
    """Where it was declared; empty for one that was not."""
    resilience: Resilience = MODEL
    """What requests to it pass on their way out."""

    @property
    def id(self) -> str:
        """What policies call it: `provider:name`, whatever the project calls it."""
        return f"{self.provider}:{self.model}"

    @cached_property
    def facts(self) -> Mapping[str, str | int | bool | tuple[str, ...]]:
        """What policies may ask about it."""
        known = {"region": self.region}
        return {
            "provider": self.provider,
            "approved_for_phi": "phi" in self.approved_for,
            "data": self.approved_for,
            **{name: value for name, value in known.items() if value},
        }


def identifier(name: str) -> tuple[str, str] | None:
    """Split `provider:name`; None for a name of the project's own. Raises `DefinitionError`."""
    if not WRITTEN.fullmatch(name):
        msg = f"expected a model such as 'openai:gpt-5', got {name!r}"
        raise DefinitionError(msg)
    provider, colon, model = name.partition(":")
    if not colon:
        return None
    if provider not in PROVIDERS:
        msg = f"no provider of models is called {provider!r}{nearest(provider, PROVIDERS)}"
        raise DefinitionError(msg, remedy=f"there are {', '.join(PROVIDERS)}")
    if not model:
        msg = f"which model of {provider!r}? expected one such as 'openai:gpt-5'"
        raise DefinitionError(msg)
    return provider, model


class Models:
    """The models that a process knows: those that its project declares, and any other by `provider:name`."""

    def __init__(self) -> None:
        self._declared: dict[str, ModelEntry] | None = None
        self._systems: Mapping[str, Mapping[str, Any]] = {}
        """What the project declares of providers."""

    @property
    def declared(self) -> Mapping[str, ModelEntry]:
        """Those of the nearest `ripieno.toml` upwards, read once; raises `SettingsError`."""
        if self._declared is None:
            self._declared, self._systems = in_project(Path.cwd())
        return self._declared

    def declare(self, found: Mapping[str, ModelEntry] | None) -> None:
        """Know these in place of what was read so far; None: read the project's file anew."""
        self._declared, self._systems = None if found is None else dict(found), {}

    def find(self, name: str) -> ModelEntry:
        """Give a model by its name; raises `DefinitionError` for one that there is not."""
        known = self.declared.get(name)
        if known is not None:
            return known
        found = identifier(name)
        if found is None:
            hint = nearest(name, self.declared)
            msg = f"no model is called {name!r}{hint}"
            remedy = f"name one as 'provider:name', or declare it: [{SECTION}.{name}] in {PROJECT_FILE}"
            raise DefinitionError(msg, remedy=remedy)
        provider, model = found
        passes = for_model(name, provider, {}, self._systems.get(provider, {}))
        approved = approved_here(provider, model, None)
        key = usual_key(provider)
        return ModelEntry(name, provider, model, key=key, approved_for=approved, resilience=passes)


MODELS: Final = Models()
"""Those of this process."""


def usual_key(provider: str) -> Reference | None:
    """Give where the key of a provider usually is: the environment variable that its own client reads."""
    variable = PROVIDERS[provider].variable
    return None if variable is None else SECRETS.reference(f"secret://env/{variable}")


# -- the project's file -----------------------------------------------------------------------------------


def in_project(here: Path) -> tuple[dict[str, ModelEntry], Mapping[str, Mapping[str, Any]]]:
    """Read the models of the nearest project file upwards, and what it declares of providers."""
    file = next((at for folder in (here, *here.parents) if (at := folder / PROJECT_FILE).is_file()), None)
    if file is None:
        return {}, {}
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"cannot be read: {error}"
        raise SettingsError(msg, place=Place(str(file))) from error
    systems = systems_in(found.get(SYSTEMS, {}), str(file))
    return read(found.get(SECTION, {}), str(file), systems), systems


def systems_in(declared: Any, file: str) -> dict[str, Mapping[str, Any]]:
    """Read what a project declares of its providers; raises `SettingsError` that names the place."""
    systems: dict[str, Mapping[str, Any]] = {}
    found = cast("dict[str, Any]", declared) if isinstance(declared, dict) else {}
    if declared != found:
        msg = f"expected a table of providers, got {declared!r}"
        raise SettingsError(msg, place=Place(file, field=SYSTEMS))
    for name, settings in found.items():
        place = Place(file, field=f"{SYSTEMS}.{name}")
        if name not in PROVIDERS:
            msg = f"no provider of models is called {name!r}{nearest(name, PROVIDERS)}"
            raise SettingsError(msg, place=place, remedy=f"there are {', '.join(PROVIDERS)}")
        try:
            systems[name] = resilience_in(settings, f"{SYSTEMS}.{name}")
        except DefinitionError as error:
            raise SettingsError(error.message, place=place, remedy=error.remedy) from error
    return systems


def read(
    declared: Any, file: str, systems: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, ModelEntry]:
    """Read what a project declares of its models; raises `SettingsError` that names the place."""
    if not isinstance(declared, dict):
        msg = f"expected a table of models, got {declared!r}"
        raise SettingsError(msg, place=Place(file, field=SECTION))
    entries: dict[str, ModelEntry] = {}
    for name, settings in cast("dict[str, Any]", declared).items():
        place = Place(file, field=f"{SECTION}.{name}")
        if not isinstance(settings, dict):
            msg = f"expected a table, got {settings!r}"
            raise SettingsError(msg, place=place)
        try:
            entries[name] = entry(name, cast("dict[str, Any]", settings), f"{SECTION}.{name}", systems or {})
        except RipienoError as error:
            raise SettingsError(error.message, place=place, remedy=error.remedy) from error
    return entries


def entry(
    name: str, settings: Mapping[str, Any], place: str, systems: Mapping[str, Mapping[str, Any]]
) -> ModelEntry:
    """Read one; raises `DefinitionError`."""
    for known in settings:
        if known not in NAMES:
            msg = f"nothing about a model is called {known!r}{nearest(known, NAMES)}"
            raise DefinitionError(msg, remedy=f"there are {', '.join(NAMES)}")
    named = identifier(name)
    provider = text(settings, "provider") or (named[0] if named else None)
    model = text(settings, "model") or (named[1] if named else None)
    if provider is None or model is None:
        msg = "who serves it, and what is it called there?"
        raise DefinitionError(msg, remedy='set provider = "openai" and model = "gpt-5"')
    identifier(f"{provider}:{model}")
    api = text(settings, "api")
    if api not in (None, "chat", "responses"):
        msg = f"api must be 'chat' or 'responses', got {api!r}"
        raise DefinitionError(msg)
    url, said = text(settings, "base_url"), text(settings, "key")
    key = SECRETS.reference(said) if said else usual_key(provider) if url is None or provider in OWN else None
    check_address(url, secret=key is not None)
    price = settings.get("price")
    return ModelEntry(
        name,
        provider,
        model,
        url,
        key,
        None if price is None else Rates.read(price),
        classes(settings["approved_for"])
        if "approved_for" in settings
        else approved_here(provider, model, text(settings, "base_url")),
        text(settings, "region"),
        api,
        options(settings.get("options", {})),
        place,
        for_model(
            f"{provider}:{model}",
            provider,
            resilience_in(settings.get(SYSTEMS, {}), SYSTEMS),
            systems.get(provider, {}),
        ),
    )


def check_address(url: str | None, *, secret: bool) -> None:
    """Raise `DefinitionError` for what is no address, or one that a key must not go to."""
    if url is None:
        return
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.username
    except ValueError:
        parts, fits = urlsplit(""), False
    if not fits:
        msg = f"base_url must be an address such as https://models.example.com/v1, got {url!r}"
        raise DefinitionError(msg)
    if secret and parts.scheme == "http" and not local(parts.hostname or ""):
        msg = f"base_url: a key is not sent to {url!r}, which anybody on the way could read"
        raise DefinitionError(msg, remedy="use https")


def text(settings: Mapping[str, Any], name: str) -> str | None:
    """Give a setting that is a text."""
    found = settings.get(name)
    if found is not None and not (isinstance(found, str) and found):
        msg = f"{name} must be a text, got {found!r}"
        raise DefinitionError(msg)
    return found


def classes(found: Any) -> tuple[str, ...]:
    """Give the classes of data that a model is approved for."""
    names = cast("list[Any]", found) if isinstance(found, list) else [found]
    for name in names:
        if name not in CLASSES:
            msg = f"approved_for: unknown class of data {name!r}{nearest(str(name), CLASSES)}"
            raise DefinitionError(msg, remedy=f"there are {', '.join(sorted(CLASSES))}")
    return tuple(sorted(str(name) for name in names))


def options(found: Any) -> tuple[tuple[str, str], ...]:
    """Give what the provider needs besides."""
    known = cast("dict[str, Any]", found) if isinstance(found, dict) else None
    if known is None or not all(isinstance(value, str) for value in known.values()):
        msg = f"options must be a table of texts, got {found!r}"
        raise DefinitionError(msg)
    return tuple(sorted(known.items()))
