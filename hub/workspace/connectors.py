"""Which connectors there are, and what a profile adds to one.

A connector named ``odata`` is the module ``connectors.odata`` with its ``SPEC``; it is imported when
somebody asks for it, and no other one is. A profile is YAML that makes a connector speak a product:
defaults for settings and resources that stand under a system's own keys.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import Field, ValidationError

from hub.contract import Spec
from hub.errors import ConfigError, Finding
from hub.workspace.explain import explain
from hub.workspace.located import Located
from hub.workspace.overlay import merge
from hub.workspace.shape import TITLE, Title
from hub.workspace.strict import FieldName, Shape
from hub.workspace.yaml import read

NOT_CONNECTORS: Final = frozenset({"profiles", "simulators"})
OWN_KEYS: Final = frozenset(
    {"system", "title", "connector", "writes", "delivery", "push", "todos", "acts", "resources", "notes", "maintenance"}
)


class ProfileFile(Shape):
    """``connectors/profiles/NAME.yaml``: a product on a protocol."""

    profile: FieldName = Field(description="Name of the profile, as the file is named", examples=["sap_s4"])
    connector: FieldName = Field(description="The connector it stands on", examples=["odata"])
    title: Title = TITLE
    docs: str = Field("", description="Link to the product's own documentation of the interface")
    notes: str = Field("", description="What an integrator must do in the product")
    rights: str = Field("", description="What the technical user of the hub must be allowed to do there")
    settings: dict[str, Any] = Field({}, description="Defaults under the system's own keys")
    resources: dict[str, dict[str, Any]] = Field({}, description="Resources every such system has")


@dataclass(frozen=True)
class Connectors:
    """The connectors and profiles a workspace may name.

    ``modules`` maps further names to the module that holds their ``SPEC``, or to a ``Spec``;
    ``folders`` are folders of profiles, the shipped ones by default.
    """

    modules: Mapping[str, str | Spec] = field(default_factory=dict)
    folders: tuple[Path, ...] | None = None
    _specs: dict[str, Spec | None] = field(default_factory=dict, repr=False, compare=False)
    _profiles: dict[str, ProfileFile] = field(default_factory=dict, repr=False, compare=False)

    def spec(self, name: str) -> Spec | None:
        """The declaration of a connector, or of the connector under a profile; None where there is
        neither. ConfigError ``profile.broken`` where the profile's file is wrong."""
        found = self._connector(name)
        if found is not None:
            return found
        profile = self.profile(name)
        return self._connector(profile.connector) if profile else None

    def beside(self, folder: Path) -> Connectors:
        """The same with the profiles of another folder; those that are known already go before them."""
        return Connectors(self.modules, (*self._folders(), folder)) if folder.is_dir() else self

    def names(self) -> list[str]:
        """All connectors and profiles, sorted; imports none of them."""
        return sorted({*self.connectors(), *self.profiles()})

    def connectors(self) -> list[str]:
        return sorted({*self.modules, *_shipped()})

    def profiles(self) -> list[str]:
        return sorted({path.stem for folder in self._folders() for path in folder.glob("*.yaml")})

    def profile(self, name: str) -> ProfileFile | None:
        if name not in self._profiles:
            file = next((f / f"{name}.yaml" for f in self._folders() if (f / f"{name}.yaml").is_file()), None)
            if file is None or not name.isidentifier():
                return None
            self._profiles[name] = _load_profile(file)
        return self._profiles[name]

    def expand(self, system: Mapping[str, Any]) -> dict[str, Any]:
        """A system file's content over what its profile says; without a profile, as it is. The
        connector's name stays the profile's: ``spec`` follows it."""
        name = system.get("connector")
        profile = self.profile(name) if isinstance(name, str) and not self._ships(name) else None
        if profile is None:
            return dict(system)
        return merge({**profile.settings, "resources": profile.resources}, system)

    def _connector(self, name: str) -> Spec | None:
        if name not in self._specs:
            self._specs[name] = self._import(name)
        return self._specs[name]

    def _ships(self, name: str) -> bool:
        return name in self.modules or name in _shipped()

    def _import(self, name: str) -> Spec | None:
        module = self.modules.get(name)
        if isinstance(module, Spec):
            return module
        if module is None:
            if name not in _shipped():
                return None
            module = f"connectors.{name}"
        spec = getattr(importlib.import_module(module), "SPEC", None)
        return spec if isinstance(spec, Spec) else None

    def _folders(self) -> Iterator[Path]:
        yield from (self.folders if self.folders is not None else (_package() / "profiles",))


@cache
def _package() -> Path:
    found = importlib.util.find_spec("connectors")
    if found is None or not found.submodule_search_locations:
        raise ConfigError(
            "connector.missing", "the package connectors is not installed", hint="install cophub again"
        )
    return Path(next(iter(found.submodule_search_locations)))


@cache
def _shipped() -> frozenset[str]:
    return frozenset(
        module.name
        for module in pkgutil.iter_modules([str(_package())])
        if module.name not in NOT_CONNECTORS and not module.name.startswith("_")
    )


def _load_profile(path: Path) -> ProfileFile:
    file, findings = read(path.read_bytes(), path.name)
    profile = _validate_profile(file, findings) if file else None
    if profile is None or findings:
        first = findings[0]
        raise ConfigError(
            "profile.broken",
            first.message,
            where=f"{first.path}:{first.line}",
            hint=first.hint,
            findings=tuple(findings),
        )
    if profile.profile != path.stem:
        raise ConfigError(
            "name.file",
            f"the profile is named {profile.profile}",
            where=path.name,
            hint=f"name the file {profile.profile}.yaml",
        )
    return profile


def _validate_profile(file: Located, findings: list[Finding]) -> ProfileFile | None:
    try:
        return ProfileFile.model_validate(file.value)
    except ValidationError as error:
        findings += explain(error, file, ProfileFile)
        return None


@cache
def _default() -> Connectors:
    return Connectors()


def spec(name: str) -> Spec | None:
    """The shipped connector, or the one under the shipped profile, of that name."""
    return _default().spec(name)


def names() -> list[str]:
    """All shipped connectors and profiles."""
    return _default().names()


def shipped() -> Connectors:
    """The shipped connectors and profiles."""
    return _default()
