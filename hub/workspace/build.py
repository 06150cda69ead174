"""From files to objects: the shape of every file, with environment and profile laid in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from hub.contract import Settings, Spec
from hub.errors import ConfigError, Finding
from hub.workspace.builtin import HUB, OWN, completed
from hub.workspace.connectors import OWN_KEYS, Connectors
from hub.workspace.explain import Loc, explain, prune, suggest
from hub.workspace.gather import Gathered
from hub.workspace.located import Layered, Located
from hub.workspace.matching import SITUATIONS
from hub.workspace.overlay import merge
from hub.workspace.people_references import people_problems
from hub.workspace.personal import as_somebody
from hub.workspace.plain import plain_in_text, plain_secrets
from hub.workspace.roles import RolesFile
from hub.workspace.roles import problems as role_problems
from hub.workspace.shape import (
    RESOURCE_KEYS,
    CodesFile,
    EnvironmentFile,
    HubFile,
    MappingFile,
    ModelFile,
    SystemFile,
    TestCase,
)
from hub.workspace.sso import ClientFile
from hub.workspace.workspace import Kind, System

Shaped = TypeVar("Shaped", bound=BaseModel)
File = Located | Layered

SYSTEM_FIXED: Final = frozenset({"system"})
MAPPING_DIFFERS: Final = ("enabled", "guard", "mode", "overlap", "schedule")


@dataclass
class Built:
    """What could be built under one environment; ``contents`` and ``files`` are by (kind, name)."""

    hub: HubFile | None = None
    roles: RolesFile = field(default_factory=RolesFile)
    models: dict[str, ModelFile] = field(default_factory=dict)
    systems: dict[str, System] = field(default_factory=dict)
    codes: dict[str, CodesFile] = field(default_factory=dict)
    clients: dict[str, ClientFile] = field(default_factory=dict)
    mappings: dict[str, MappingFile] = field(default_factory=dict)
    tests: dict[str, tuple[TestCase, ...]] = field(default_factory=dict)
    contents: dict[tuple[str, str], Any] = field(default_factory=dict)
    files: dict[tuple[str, str], File] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def system(self, name: str) -> System | None:
        """A system of the workspace, or the hub itself."""
        return OWN if name == HUB else self.systems.get(name)


def build(gathered: Gathered, environment: str | None, connectors: Connectors) -> Built:
    """Everything under ``environment``. The overlays of the other environments are tried as well, so
    that a promotion does not find out first; of those only what stands in their files is reported."""
    built = Built()
    environments: dict[str, EnvironmentFile] = {}
    for name, file in gathered.of("environment"):
        shape = _shape(file, EnvironmentFile, built.findings)
        if shape:
            environments[name] = shape
            _check_overlay(gathered, file, shape, built.findings)
    _build(gathered, environment, environments.get(environment or ""), connectors, built)
    for name, file in gathered.of("environment"):
        if name in environments and name != environment:
            other = Built()
            _build(gathered, name, environments[name], connectors, other)
            built.findings += [one for one in other.findings if one.path == file.path]
    return built


def _build(
    gathered: Gathered,
    name: str | None,
    environment: EnvironmentFile | None,
    connectors: Connectors,
    built: Built,
) -> None:
    over = gathered.files.get(("environment", name or ""))

    def layered(kind: Kind, file: Located, part: Any, under: Loc) -> File:
        merged: File = file
        if over is not None and isinstance(part, Mapping) and part:
            merged = Layered(file, over, under, merge(file.value, part))
        return merged

    def keep(kind: Kind, name: str, file: File, content: Any) -> None:
        built.files[kind, name] = file
        built.contents[kind, name] = content

    parts = environment or EnvironmentFile(environment="none", systems={}, mappings={})
    for kind_name, base in gathered.of("hub"):
        file = layered("hub", base, {"store": parts.store} if parts.store else {}, ())
        keep("hub", kind_name, file, file.value)
        built.hub = _shape(file, HubFile, built.findings)
        built.findings += plain_in_text(file)
    for _, base in gathered.of("roles"):
        built.roles = _roles(base, built.findings, frozenset(name for name, _ in gathered.of("model")))
    for name_, base in gathered.of("model"):
        keep("model", name_, base, base.value)
        _put(built.models, name_, _shape(base, ModelFile, built.findings))
    if built.hub is not None and built.hub.people is not None:
        file = next(f for (kind, _), f in built.files.items() if kind == "hub")
        built.findings += people_problems(file, built.hub.people, built.models)
    for name_, base in gathered.of("codes"):
        keep("codes", name_, base, base.value)
        _put(built.codes, name_, _shape(base, CodesFile, built.findings))
    for name_, base in gathered.of("client"):
        built.files["client", name_] = base  # who logs in changes nothing of what an exchange does
        _put(built.clients, name_, _shape(base, ClientFile, built.findings))
    for name_, base in gathered.of("system"):
        file = layered("system", base, parts.systems.get(name_), ("systems", name_))
        value = _expanded(file, connectors, built.findings)
        keep("system", name_, file, value)
        _put(built.systems, name_, _system(file, value, gathered, connectors, built.findings))
    for name_, base in gathered.of("mapping"):
        file = layered("mapping", base, parts.mappings.get(name_), ("mappings", name_))
        keep("mapping", name_, file, file.value)
        _put(built.mappings, name_, _mapping(file, built.findings))
    for name_, base in gathered.of("test"):
        built.files["test", name_] = base
        built.tests[name_] = tuple(_tests(base, built.findings))


def _roles(file: Located, findings: list[Finding], models: frozenset[str]) -> RolesFile:
    """Who sees what and administers what; what does not fit together is found."""
    roles = _shape(file, RolesFile, findings) or RolesFile()
    for at, code, message, name, near in role_problems(roles, models):
        path, line, column = file.place(at)
        hint = suggest(name, near) if name else "see docs/how-to/roles.md"
        if code == "reference.role":
            hint = hint or "declare it under roles"
        findings.append(Finding(path, line, column, "error", code, message, hint))
    return roles


def _put(into: dict[str, Any], name: str, made: object | None) -> None:
    if made is not None:
        into[name] = made


def _shape(
    file: File, shape: type[Shaped], findings: list[Finding], value: Any = None, at: Loc = ()
) -> Shaped | None:
    """One validated part of a file. Where it has errors they are found, and what is right in it comes
    back if that can stand alone: only to be checked further, never to be used."""
    value = file.value if value is None else value
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        findings += explain(error, file, shape, at)
        rest = prune(error, value, file, at)
    try:
        return shape.model_validate(rest)
    except ValidationError:
        return None


def _expanded(file: File, connectors: Connectors, findings: list[Finding]) -> dict[str, Any]:
    try:
        return connectors.expand(file.value)
    except ConfigError as error:
        findings.append(
            Finding(
                *file.place(("connector",)),
                "error",
                error.code,
                f"the profile cannot be used: {error}",
                error.hint,
            )
        )
        return dict(file.value)


def _system(
    file: File, value: dict[str, Any], gathered: Gathered, connectors: Connectors, findings: list[Finding]
) -> System | None:
    shape = _shape(file, SystemFile, findings, value)
    name = value.get("connector")
    spec = _spec(str(name), file, connectors, findings) if isinstance(name, str) else None
    if spec is None:
        return None
    own = {key: item for key, item in value.items() if key not in OWN_KEYS}
    settings = _shape(file, spec.settings, findings, own)
    resources: dict[str, Settings] = {}
    entries = value.get("resources")
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        if isinstance(entry, dict):
            theirs = {key: item for key, item in entry.items() if key not in RESOURCE_KEYS}
            made = _shape(file, spec.resource, findings, theirs, ("resources", name))
            if made:
                resources[name] = made
                findings += plain_secrets(made, file, ("resources", name))
    findings += [*plain_secrets(settings, file), *as_somebody(file, shape, spec, own)] if settings else []
    findings += plain_in_text(file)
    if shape is None or settings is None or len(resources) < len(shape.resources):
        return None
    return System(
        shape.system,
        shape.title,
        shape.writes,
        shape.connector,
        spec,
        settings,
        resources,
        gathered.folder / "config",
        shape.delivery,
        shape.push,
        {name: entry.canaries for name, entry in shape.resources.items() if entry.canaries is not None},
        shape.todos,
        shape.acts,
        own,
        tuple(shape.maintenance),
    )


def _spec(name: str, file: File, connectors: Connectors, findings: list[Finding]) -> Spec | None:
    place = file.place(("connector",))
    try:
        spec = connectors.spec(name)
    except ImportError as error:
        findings.append(
            Finding(
                *place,
                "error",
                "connector.broken",
                f"the connector {name} cannot be used: {error}",
                "install what it needs",
            )
        )
        return None
    except ConfigError:
        return None
    if spec is None:
        findings.append(
            Finding(
                *place,
                "error",
                "connector.unknown",
                f'there is no connector "{name}"',
                suggest(name, connectors.names()),
            )
        )
    return spec


def _mapping(file: File, findings: list[Finding]) -> MappingFile | None:
    mapping = _shape(file, MappingFile, findings)
    if mapping is None:
        return None
    if isinstance(mapping.into, list):
        moved = [
            key
            for key in ("each", "key", "match", "fields", *SITUATIONS, "out_of_scope", "absent", "disable")
            if key in file.value
        ]
        for key in moved:
            findings.append(
                Finding(
                    *file.place((key,), key=True),
                    "error",
                    "key.misplaced",
                    f"{key} stands beside a list of outputs",
                    f"move {key} into each entry of into",
                )
            )
        return None if moved else completed(mapping)
    if mapping.fields:
        return completed(mapping)
    if not file.value.get("fields"):
        findings.append(
            Finding(
                *file.place(("fields",)),
                "error",
                "value.missing",
                "fields is missing: the mapping fills nothing",
                "for example fields: {code: SupplierNumber}",
            )
        )
    return None


def _tests(file: Located, findings: list[Finding]) -> Iterable[TestCase]:
    for index, case in enumerate(file.value):
        made = _shape(file, TestCase, findings, case, (index,)) if isinstance(case, dict) else None
        if not isinstance(case, dict):
            findings.append(
                Finding(
                    *file.place((index,)),
                    "error",
                    "value.type",
                    f"[{index + 1}]: must be a mapping",
                    "for example - given: {NAME1: ACME}",
                )
            )
        if made is None:
            continue
        if sum((made.expect is not None, made.expect_problem is not None, made.expect_none)) != 1:
            findings.append(
                Finding(
                    *file.place((index,)),
                    "error",
                    "test.expectation",
                    f"[{index + 1}]: a case expects exactly one thing",
                    "write one of expect, expect_problem and expect_none",
                )
            )
            continue
        yield made


def _check_overlay(
    gathered: Gathered, file: Located, shape: EnvironmentFile, findings: list[Finding]
) -> None:
    """Whom an environment changes, and whether it may."""
    for name, part in shape.systems.items():
        _check_known(gathered, file, "system", ("systems", name), findings)
        for key in SYSTEM_FIXED & part.keys():
            findings.append(_fixed(file, ("systems", name, key), "all keys but system"))
    for name, part in shape.mappings.items():
        _check_known(gathered, file, "mapping", ("mappings", name), findings)
        for key in sorted(part.keys() - set(MAPPING_DIFFERS)):
            findings.append(_fixed(file, ("mappings", name, key), ", ".join(MAPPING_DIFFERS)))


def _check_known(gathered: Gathered, file: Located, kind: Kind, path: Loc, findings: list[Finding]) -> None:
    names = {name for name, _ in gathered.of(kind)} | {name for its, name in gathered.broken if its == kind}
    if path[-1] not in names:
        findings.append(
            Finding(
                *file.place(path, key=True),
                "error",
                f"reference.{kind}",
                f'there is no {kind} "{path[-1]}"',
                suggest(path[-1], names),
            )
        )


def _fixed(file: Located, path: Loc, may: str) -> Finding:
    return Finding(
        *file.place(path, key=True),
        "error",
        "overlay.key",
        f"an environment cannot change {path[-1]} of {path[-2]}",
        f"it may change {may}",
    )
