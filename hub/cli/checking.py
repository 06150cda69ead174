"""``systems check``: the connection doctor."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from hub.cli.frame import FINDINGS, OK
from hub.cli.opening import opened_hub
from hub.cli.say import Say, plural
from hub.contract import Probe, Resource
from hub.doctor.claims import REMEMBERED, Verdict, examine
from hub.errors import HubError
from hub.exchange.ground import Hub
from hub.security import audit
from hub.store import claims
from hub.workspace import yaml
from hub.workspace.workspace import System, Workspace
from hub.workspace.writing_references import deleting

MARKS = {
    "ok": ("ok", "green"), "warning": ("warning", "yellow"), "failed": ("failed", "red bold"), "skipped": ("-", "dim"),
}  # fmt: skip


def check(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Systems; default: all")
    ] = None,
) -> int:
    """Try name, port, proxy, encryption, credentials, clock, rights, and what each resource says of itself.

    Nothing is written to the system; of each resource some pages are read. A step that cannot be tried says why.
    Exit code 1 where one does not hold.
    """
    say = Say(ctx)
    told, failed = [], 0
    with opened_hub(say, schema=False) as opened:
        workspace = opened.hub.workspace
        wanted = names or list(workspace.systems)
        for name in wanted:
            workspace.system(name)
        for name in wanted:
            found = _checked(opened.hub.connect, workspace, workspace.system(name))
            _remember(opened.hub, name, found, say.clean)
            probes = [_clean(say, one) for one in found.probes]
            failed += any(not probe.ok for probe in probes)
            _show(say, name, probes, found.changed)
            told.append({
                "system": name, "ok": all(probe.ok for probe in probes), "probes": probes, "changed": found.changed,
            })  # fmt: skip
    say.line(f"{plural(len(wanted) - failed, 'system')} of {len(wanted)} ready")
    say.answer({"systems": told, "failed": failed})
    return FINDINGS if failed else OK


@dataclass
class Checked:
    """What was found of one system; ``changed`` are claims by resource that are now refuted, or hold again."""

    probes: list[Probe] = field(default_factory=list)
    verdicts: dict[str, list[Verdict]] = field(default_factory=dict)
    changed: dict[str, list[str]] = field(default_factory=dict)


def _checked(connect: Any, workspace: Workspace, system: System) -> Checked:
    """The steps of the connector, then the claims of each resource that can be read."""
    found = Checked()
    try:
        connector = connect(system.name)
    except HubError as error:
        found.probes.append(Probe("settings", "failed", error.message, error.hint, error.code))
        return found
    try:
        probes = list(connector.check())
        unused = _unused(workspace, system, probes)
        found.probes += [
            _weighed(workspace, system, probe, connector)
            for probe in probes
            if probe.name not in {f"{step} {name}" for step in ("read", "write") for name in unused}
        ]
        for resource in system.resources:
            if any(probe.name == f"read {resource}" and probe.status == "ok" for probe in found.probes):
                by = looked_up_by(workspace, system.name, resource)
                found.verdicts[resource] = _claims(connector, resource, by)
                found.probes += [one.probe(resource) for one in found.verdicts[resource]]
        return found
    finally:
        connector.close()


def _remember(hub: Hub, system: str, found: Checked, clean: Callable[[object], str]) -> None:
    """So that exchanges do without what does not hold. Without tables there are no exchanges yet."""
    with hub.database.begin() as connection:
        if not claims.ready(connection):
            return
        for resource, verdicts in found.verdicts.items():
            broken = {one.claim: clean(one.detail) for one in verdicts
                      if one.standing == "refuted" and one.claim in REMEMBERED}  # fmt: skip
            held = [one.claim for one in verdicts if one.standing in ("held", "noted")]
            if changed := claims.remember(connection, system, resource, broken, held):
                found.changed[resource] = changed
                details = {name: broken.get(name, "holds") for name in changed}
                audit.record(
                    connection, hub.actor, "claims.checked", f"resource:{system}.{resource}", details=details
                )


def _claims(connector: Any, resource: str, by: list[str]) -> list[Verdict]:
    try:
        described = connector.resource(resource)
    except HubError as error:
        return [Verdict("paging", "broken", error.message, error.hint, error.code)]
    return examine(connector, described, time.time, by)


def looked_up_by(workspace: Workspace, system: str, resource: str) -> list[str]:
    """The fields by which exchanges look up records of a resource that they write."""
    for mapping in workspace.mappings.values():
        for output in mapping.outputs:
            if output.into == f"{system}.{resource}" and output.key:
                return [output.key] if isinstance(output.key, str) else list(output.key)
    return []


def _weighed(workspace: Workspace, system: System, probe: Probe, connector: Any) -> Probe:
    """A right that lacks is a failure where an exchange needs it."""
    if probe.status != "warning" or not probe.name.startswith("write") or system.writes != "on":
        return probe
    name = probe.name.removeprefix("writable").removeprefix("write").strip()
    places = {output.into for mapping in workspace.mappings.values() for output in mapping.outputs}
    wanted = f"{system.name}.{name}" if name else f"{system.name}."
    if not any(place == wanted or (not name and place.startswith(wanted)) for place in places):
        return probe
    if name and _refused(connector, name) == {"delete"} and not _deleted(workspace, wanted):
        return probe
    return dataclasses.replace(probe, status="failed", detail=f"{probe.detail}, and an exchange writes there")


def _refused(connector: Any, resource: str) -> frozenset[str]:
    try:
        described: Resource = connector.resource(resource)
    except HubError:  # told by the steps that read
        return frozenset()
    return described.refuses


def _deleted(workspace: Workspace, place: str) -> bool:
    """Whether an exchange deletes there."""
    return any(
        output.into == place and any(deleting(mapping, output, ()))
        for mapping in workspace.mappings.values()
        for output in mapping.outputs
    )


def _unused(workspace: Workspace, system: System, probes: list[Probe]) -> set[str]:
    """Resources that a profile brings, that this service has not got, and that no exchange needs."""
    file = workspace.folder / "config" / "systems" / f"{system.name}.yaml"
    located, _ = yaml.read(file.read_bytes(), str(file))
    own = located.value.get("resources") if located is not None and isinstance(located.value, dict) else None
    used = {
        name
        for mapping in workspace.mappings.values()
        for name in (
            mapping.from_, *(output.into for output in mapping.outputs), *(one.from_ for one in mapping.with_.values())
        )
    }  # fmt: skip
    lacking = {probe.name.removeprefix("read ") for probe in probes if probe.code == "resource.unknown"}
    return {name for name in lacking if name not in (own or {}) and f"{system.name}.{name}" not in used}


def _clean(say: Say, probe: Probe) -> Probe:
    """Without secrets, whatever a system said."""
    return dataclasses.replace(probe, detail=say.clean(probe.detail), remedy=say.clean(probe.remedy))


def _show(say: Say, name: str, probes: list[Probe], changed: Mapping[str, list[str]]) -> None:
    say.line(say.text(name, "bold"))
    wide = max((len(probe.name) for probe in probes), default=0)
    for probe in probes:
        word, style = MARKS[probe.status]
        said = [say.text(f"{probe.name:<{wide}}"), say.text(probe.detail)]
        say.line(say.text(f"  {word:<8}", style), *said, *([say.text(f"[{probe.code}]", "dim")] if probe.code else []))
        if probe.remedy and probe.status in ("failed", "warning"):
            say.line(say.text("           hint:", "cyan"), say.text(probe.remedy))
    for resource, names in changed.items():
        say.line(f"  remembered for the exchanges of {name}.{resource}: {', '.join(names)}", style="yellow")
