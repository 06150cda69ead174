"""A workspace as loaded: everything valid, nothing connected, secrets still references."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from hub.contract import Context, Resource, Settings, Spec
from hub.errors import ConfigError
from hub.workspace.acting import Acts, filled
from hub.workspace.explain import suggest
from hub.workspace.limits import Canaries
from hub.workspace.located import Layered, Located, Place
from hub.workspace.overlay import merge
from hub.workspace.roles import RolesFile
from hub.workspace.shape import (
    CodesFile,
    Delivering,
    Dropin,
    HubFile,
    MappingFile,
    ModelFile,
    Push,
    TestCase,
    Title,
)
from hub.workspace.sso import ClientFile
from hub.workspace.windows import Window

T = TypeVar("T")
Kind = Literal["hub", "roles", "system", "model", "codes", "client", "mapping", "test", "environment"]


@dataclass(frozen=True, slots=True)
class System:
    """An external application instance. ``settings`` are validated, profile and environment laid in;
    secrets are references. ``connector`` is what the file says: a connector or a profile; ``canaries`` are those
    of resources; ``own`` are the settings as written."""

    name: str
    title: Title
    writes: Literal["on", "off", "log"]
    connector: str
    spec: Spec
    settings: Settings
    resources: Mapping[str, Settings]
    folder: Path
    delivery: Delivering = field(default_factory=Delivering)
    push: Push | None = None
    canaries: Mapping[str, Canaries] = field(default_factory=dict)
    todos: Dropin | None = None
    acts: Acts | None = None
    own: Mapping[str, Any] = field(default_factory=dict, repr=False)
    maintenance: Sequence[Window] = ()
    _described: dict[str, Resource | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def context(self) -> Context:
        """What its connector gets to know of the hub when it only describes itself."""
        return Context(system=self.name, folder=str(self.folder))

    @property
    def only_pushes(self) -> bool:
        """Whether its records come as events, and nothing can be asked of it."""
        return self.spec.pushed and not self.spec.reads

    def settings_of(self, account: str) -> Settings:
        """The settings by which a person of that account acts; those of the system where ``as`` is ``system``."""
        if self.acts is None or self.acts.as_ == "system":
            return self.settings
        return self.spec.settings.model_validate(merge(self.own, filled(self.acts.as_, account)))

    def describe(self, resource: str) -> Resource | None:
        """A resource as settings alone tell it, without connecting; None where that needs the
        system. ConfigError ``resource.unknown`` where there is none: the connector says so, or it
        needs a declaration (its entries have required keys) and there is no such entry."""
        if resource not in self._described:
            shape = self.spec.resource.model_fields.values()
            if resource not in self.resources and any(one.is_required() for one in shape):
                raise ConfigError(
                    "resource.unknown",
                    f"the system {self.name} declares no resource {resource}",
                    hint=suggest(resource, self.resources) or "declare it under resources",
                )
            self._described[resource] = self.spec.describe(
                self.context, self.settings, resource, self.resources.get(resource)
            )
        return self._described[resource]


@dataclass(frozen=True, slots=True)
class Workspace:
    """All that an integrator wrote, valid in shape and in its references to each other.

    ``hash`` is a SHA-256 over the content that decides what an exchange does: hub, systems (profile
    and environment laid in), models, code lists and mappings, not the mappings' tests. It does not
    change with comments, the order of keys or of files. ``own`` is the hub itself as a system, which no file declares.
    """

    folder: Path
    environment: str | None
    hub: HubFile
    models: Mapping[str, ModelFile]
    systems: Mapping[str, System]
    mappings: Mapping[str, MappingFile]
    codes: Mapping[str, CodesFile]
    tests: Mapping[str, tuple[TestCase, ...]]
    hash: str
    content: Mapping[tuple[str, str], Any] = field(repr=False, compare=False, default_factory=dict)
    files: Mapping[tuple[str, str], Located | Layered] = field(
        repr=False, compare=False, default_factory=dict
    )
    roles: RolesFile = field(default_factory=RolesFile)
    clients: Mapping[str, ClientFile] = field(default_factory=dict)
    own: Mapping[str, System] = field(repr=False, compare=False, default_factory=dict)

    def locate(self, kind: Kind, name: str, *path: str | int) -> Place:
        """Path, line and column of a part of a file: ``locate("mapping", "s4-suppliers", "fields",
        "name")``. Parts that are not there are shown at the nearest one above; tests are named by
        their mapping, the hub by ``""``."""
        file = self.files.get((kind, name))
        return file.place(path) if file else (f"{kind} {name}".strip(), 1, 1)

    def digest(self, kind: Kind, name: str) -> str:
        """SHA-256 of one object's content, for what must change only with that object."""
        return digest({f"{kind}/{name}": self.content[kind, name]})

    def system(self, name: str) -> System:
        """One system, or the hub itself; ConfigError ``reference.system`` where there is none."""
        return self.own.get(name) or _one(self.systems, "system", name)

    def mapping(self, name: str) -> MappingFile:
        """One mapping; ConfigError ``reference.mapping`` where there is none."""
        return _one(self.mappings, "mapping", name)

    def model(self, name: str) -> ModelFile:
        """One model; ConfigError ``reference.model`` where there is none."""
        return _one(self.models, "model", name)


def _one(there: Mapping[str, T], kind: str, name: str) -> T:
    if name not in there:
        raise ConfigError(f"reference.{kind}", f'there is no {kind} "{name}"', hint=suggest(name, there))
    return there[name]


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 over canonical JSON: keys sorted, no blanks, UTF-8."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
